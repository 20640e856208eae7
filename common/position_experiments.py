"""What positions are worth, and how far beyond its trained length a model can read.

`positions` trains one small model with each way to tell positions. `context_extension`
trains it on rows of 128 tokens and then asks for the same 64 tokens of unseen text
again and again, with 128, 256, 512 and 1,024 tokens to read up to their end. What is to
be predicted stays the same, so that only length and rule can make a difference.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from ch01_data.measured import spread
from ch01_data.storyworld import generate
from ch02_tokenization.tokenization import Tokenizer
from ch03_attention.attention import causal_mask
from ch03_attention.positions import (
    LearnedPositions,
    SinusoidalPositions,
    unrotated_attention,
)
from ch03_attention.rope_scaling import example_scalings
from ch03_attention.sinks import window_with_sinks
from ch04_transformer.transformer import Transformer, TransformerBlock
from common.laboratory import SEEDS, Laboratory

UNROTATED = partial(
    Transformer, block=partial(TransformerBlock, attention=unrotated_attention)
)
KINDS = {
    "none": UNROTATED,
    "learned": partial(UNROTATED, position_embedding=LearnedPositions),
    "sinusoidal": partial(UNROTATED, position_embedding=SinusoidalPositions),
    "rotary": Transformer,
}
TRAINED, LENGTHS, LAST, SINKS = 128, (128, 256, 512, 1024), 64, 4
STRETCHED = ("linear", "ntk", "llama3", "yarn")
MASKED = ("window", "window and sinks")


def positions(steps: int = 200, seeds: Sequence[int] = SEEDS) -> dict:
    """Compare ways to tell positions by validation loss after 200 steps."""
    laboratory, losses = Laboratory.open(), {}
    for name, make in KINDS.items():
        losses[name] = laboratory.losses(make, seeds, steps=steps)
    return {"unit": "bits per byte", "steps": steps, "validation_loss": losses}


def context_extension(
    steps: int = 300, seeds: Sequence[int] = SEEDS, n_texts: int = 150
) -> dict:
    """Read up to eight times the trained length, by every rule of stretching."""
    laboratory = Laboratory.open(context_length=TRAINED)
    texts = [story.document for story in generate(n_texts, 1, "validation")]
    windows = late_windows(laboratory.tokenizer, texts, max(LENGTHS))
    rules = ("unchanged", *STRETCHED, *MASKED)
    nats: dict[str, dict[int, list[float]]] = {
        rule: {length: [] for length in LENGTHS} for rule in rules
    }
    for seed in seeds:
        model = laboratory.trained(
            Transformer, seed, steps=steps, apart=False, batch_size=24
        )
        for length in LENGTHS:
            seen = windows[:, -length - 1 :]
            for rule in rules:
                reader, mask = read_by(rule, model, length)
                nats[rule][length].append(late_nats(reader, seen, mask))
    bits_per_nat = 1 / math.log(2) / late_bytes(laboratory.tokenizer, windows)
    return {
        "unit": "bits per byte; perplexity per token",
        "steps": steps,
        "trained_length": TRAINED,
        "lengths": list(LENGTHS),
        "predicted_tokens": LAST * len(windows),
        "sinks": SINKS,
        "loss": spreads_of(nats, lambda value: value * bits_per_nat),
        "perplexity": spreads_of(nats, math.exp),
    }


def spreads_of(
    nats: dict[str, dict[int, list[float]]], unit: Callable[[float], float]
) -> dict[str, dict[str, dict]]:
    """Put each rule's losses at each length into another unit, with their spread."""
    return {
        rule: {
            str(length): spread([unit(value) for value in values])
            for length, values in row.items()
        }
        for rule, row in nats.items()
    }


def late_windows(
    tokenizer: Tokenizer, texts: Sequence[str], length: int, apart: int = 384
) -> Tensor:
    """Cut a stream of documents into windows whose last tokens are to be predicted.

    Shape:   (_, length + 1); windows begin every `apart` tokens and overlap.
    Raises:  ValueError if the texts do not fill one window.
    """
    stream = [tokenizer.end_of_text_id]
    for text in texts:
        stream += [*tokenizer.encode(text, allowed_special=()), stream[0]]
    if len(stream) <= length:
        raise ValueError(f"{len(stream)} tokens do not fill a window of {length + 1}")
    return torch.tensor(stream).unfold(0, length + 1, apart)


def read_by(
    rule: str, model: Transformer, length: int
) -> tuple[Transformer, Tensor | None]:
    """Return the model that reads `length` tokens by a rule, and the mask it needs.

    Raises:  ValueError if there is no such rule.
    """
    if rule == "unchanged":
        return model, None
    if rule == "window":
        return model, causal_mask(length, length, TRAINED)
    if rule == "window and sinks":
        return model, window_with_sinks(length, length, TRAINED - SINKS, SINKS)
    if rule not in STRETCHED:
        raise ValueError(f"there is no rule {rule!r}")
    scaling = example_scalings(length / TRAINED, TRAINED)[rule]
    config = replace(model.config, rope_scaling=scaling, context_length=length)
    stretched = Transformer(config)
    stretched.load_state_dict(model.state_dict())
    return stretched, None


@torch.no_grad()
def late_nats(model: Transformer, windows: Tensor, mask: Tensor | None) -> float:
    """Measure the mean surprise at the last tokens of each window.

    Units:   nats per token; its exponential is the perplexity.
    """
    model.eval()
    nats = 0.0
    for part in windows.split(max(1, 8192 // windows.shape[1])):
        logits = model(part[:, :-1], mask=mask)[:, -LAST:]
        nats += F.cross_entropy(
            logits.flatten(0, 1), part[:, -LAST:].flatten(), reduction="sum"
        ).item()
    return nats / (LAST * len(windows))


def late_bytes(tokenizer: Tokenizer, windows: Tensor) -> float:
    """Count the bytes that the last tokens of windows stand for.

    Units:   bytes per token; an end-of-text token counts and has no bytes.
    """
    special = set(tokenizer.special_tokens.values())
    targets = windows[:, -LAST:].flatten().tolist()
    n_bytes = sum(len(tokenizer.vocab[t]) for t in targets if t not in special)
    return n_bytes / len(targets)
