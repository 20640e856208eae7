"""The choices inside a block, trained against each other.

    activations       four feed-forward layers at equal parameters
    norm_place        pre- and post-norm: gradients by depth, the rates they bear
    initialisation    the stream's variance by depth, and what training makes of it
    tying             one matrix for embedding and head, or two
    experts           a mixture against dense layers of the same work and the same size

Two of them need a model of some depth. It is narrow and reads short rows, so that many
runs fit, and it is trained by AdamW, whose steps do depend on the start: Muon would
make each step of a matrix the same size whatever its gradient.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from ch01_data.measured import spread
from ch04_transformer.choices import (
    INITIALISATIONS,
    PLACES,
    gradient_norms,
    initialised,
    stream_variances,
    undivide,
)
from ch04_transformer.experts import (
    MixtureOfExperts,
    active_params,
    balanced_loss,
    expert_load,
    recorded_routing,
)
from ch04_transformer.feed_forward import (
    as_large_as_gated,
    gelu,
    relu,
    squared_relu,
)
from ch04_transformer.transformer import (
    ModelConfig,
    SwiGLUFeedForward,
    Transformer,
    TransformerBlock,
)
from ch05_pretraining.pretraining import Batch, BatchStream, LossFunction, bits_per_byte
from common.laboratory import SEEDS, Laboratory

STEPS, DEEP_STEPS, PLACE_STEPS, EXPERT_STEPS = 150, 80, 60, 120
DEEP = dict(d_model=64, n_layers=12, n_heads=2, d_ff=176, context_length=128)
RATES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)
WITHIN = 1.1  # a rate is borne if every seed ends this close to the best mean
N_EXPERTS, TOP_K = 8, 2
FEED_FORWARDS = {
    "ReLU": partial(as_large_as_gated, activation=relu),
    "GELU": partial(as_large_as_gated, activation=gelu),
    "squared ReLU": partial(as_large_as_gated, activation=squared_relu),
    "SwiGLU": SwiGLUFeedForward,
}

Make = Callable[[ModelConfig], Transformer]


def with_feed_forward(feed_forward: Callable, **changes: int) -> Make:
    """Return what builds a model with another second half of its blocks."""
    block = partial(TransformerBlock, feed_forward=feed_forward)
    return lambda config: Transformer(replace(config, **changes), block=block)


def count_params(model: Transformer) -> int:
    """Count a model's parameters, a tied head once."""
    return sum(parameter.numel() for parameter in model.parameters())


def activations(steps: int = STEPS, seeds: Sequence[int] = SEEDS) -> dict:
    """Compare four feed-forward layers of equal size by validation loss."""
    laboratory, losses, params = Laboratory.open(), {}, {}
    for name, feed_forward in FEED_FORWARDS.items():
        make = with_feed_forward(feed_forward)
        params[name] = count_params(make(laboratory.config))
        losses[name] = laboratory.losses(make, seeds, steps=steps)
    return {
        "unit": "bits per byte",
        "steps": steps,
        "params": params,
        "validation_loss": losses,
    }


def post_norm_as_first_published(config: ModelConfig) -> Transformer:
    """Build a post-norm model whose writers are not divided by sqrt(2L)."""
    model = PLACES["post-norm"](config)
    undivide(model)
    return model


def deep_laboratory() -> Laboratory:
    """Open a laboratory for a deep, narrow model, with fewer texts to measure on."""
    laboratory = Laboratory.open(4000, **DEEP)
    return replace(laboratory, texts=laboratory.texts[:60])


def first_batch(laboratory: Laboratory, seed: int) -> Batch:
    """Return the batch that a run of this seed would begin with."""
    return next(BatchStream(laboratory.rows, batch_size=8, seed=seed))


def guesses(laboratory: Laboratory) -> dict[str, float]:
    """Say what two models cost that do not look at what came before.

    "even" takes all V tokens for equally likely; "frequent" knows how often each one
    occurs in these texts.

    Units:   bits per byte.
    """
    encode, end = laboratory.tokenizer.encode, laboratory.tokenizer.end_of_text_id
    ids = [[*encode(text, allowed_special=()), end] for text in laboratory.texts]
    _, counts = np.unique(np.concatenate(ids), return_counts=True)
    n_tokens = int(counts.sum())
    n_bytes = sum(len(text.encode()) for text in laboratory.texts)
    frequent = float((counts * np.log2(n_tokens / counts)).sum())
    return {
        "even": n_tokens * math.log2(laboratory.config.vocab_size) / n_bytes,
        "frequent": frequent / n_bytes,
    }


def loss_or_guess(
    laboratory: Laboratory, make: Make, seed: int, **options: object
) -> float:
    """Train and measure; a run that ends in no number counts as a guess among V.

    Units:   bits per byte.
    """
    try:
        return laboratory.loss(make, seed, **options)
    except FloatingPointError:
        return guesses(laboratory)["even"]


def best_rate(losses: dict[str, dict]) -> str:
    """Return the rate with the lowest mean loss."""
    return min(losses, key=lambda rate: losses[rate]["mean"])


def highest_borne(losses: dict[str, dict], frequent: float) -> float | None:
    """Return the highest rate up to which every seed ends close to the best mean.

    None, if even the best is no better than the tokens' frequencies.
    """
    best = losses[best_rate(losses)]["mean"]
    highest = None
    for rate in sorted(losses, key=float):
        close = losses[rate]["max"] < min(WITHIN * best, frequent)
        if close:
            highest = float(rate)
        elif highest is not None:
            break
    return highest


def diverges_at(losses: dict[str, dict], frequent: float) -> float | None:
    """Return the lowest rate, above the best, at which some seed learns nothing.

    Nothing: it ends no better than the tokens' frequencies alone would do.
    """
    best = float(best_rate(losses))
    lost = [float(rate) for rate, f in losses.items() if f["max"] >= frequent]
    return min((rate for rate in lost if rate > best), default=None)


def norm_place(
    steps: int = PLACE_STEPS,
    seeds: Sequence[int] = SEEDS,
    rates: Sequence[float] = RATES,
) -> dict:
    """Compare pre- and post-norm: gradients by depth, and loss by learning rate."""
    laboratory = deep_laboratory()
    places = {**PLACES, "post-norm, undivided": post_norm_as_first_published}
    gradients, losses = {}, {}
    for name, make in places.items():
        by_seed = []
        for seed in seeds:
            torch.manual_seed(seed)
            model, batch = make(laboratory.config), first_batch(laboratory, seed)
            logits = model(batch.tokens).flatten(0, 1)
            loss = F.cross_entropy(logits, batch.targets.flatten())
            by_seed.append(gradient_norms(model, loss))
        gradients[name] = [spread(block) for block in zip(*by_seed)]
        run = partial(loss_or_guess, laboratory, make, **deep_options(steps))
        losses[name] = {
            f"{rate:g}": spread([run(seed, peak_lr=rate) for seed in seeds])
            for rate in rates
        }
    guessed = guesses(laboratory)
    return {
        "unit": "bits per byte",
        "steps": steps,
        "layers": DEEP["n_layers"],
        "gradient_norms": gradients,
        "validation_loss": losses,
        "guesses": guessed,
        "highest_borne": {
            name: highest_borne(f, guessed["frequent"]) for name, f in losses.items()
        },
        "diverges_at": {
            name: diverges_at(f, guessed["frequent"]) for name, f in losses.items()
        },
    }


def deep_options(steps: int) -> dict:
    """Return how a deep, narrow model is trained: by AdamW, and not compiled.

    Compilation would take longer than the run.
    """
    return dict(steps=steps, matrices="adamw", compiled=False)


def initialisation(steps: int = DEEP_STEPS, seeds: Sequence[int] = SEEDS) -> dict:
    """Compare five ways to begin: variance by depth, loss before and after training."""
    laboratory = deep_laboratory()
    variances, fresh, losses = {}, {}, {}
    for name, initialise in INITIALISATIONS.items():
        make = partial(initialised, initialise=initialise)
        by_seed, at_first = [], []
        for seed in seeds:
            torch.manual_seed(seed)
            model = make(laboratory.config)
            tokens = first_batch(laboratory, seed).tokens
            by_seed.append(stream_variances(model, tokens))
            at_first.append(
                bits_per_byte(model, laboratory.tokenizer, laboratory.texts)
            )
        variances[name] = [spread(depth) for depth in zip(*by_seed)]
        fresh[name] = spread(at_first)
        run = partial(loss_or_guess, laboratory, make, **deep_options(steps))
        losses[name] = spread([run(seed, peak_lr=3e-3) for seed in seeds])
    return {
        "unit": "bits per byte",
        "steps": steps,
        "layers": DEEP["n_layers"],
        "variances": variances,
        "fresh_loss": fresh,
        "validation_loss": losses,
    }


def tying(steps: int = STEPS, seeds: Sequence[int] = SEEDS) -> dict:
    """Compare one matrix for embedding and head with two, by validation loss."""
    laboratory, losses, params = Laboratory.open(), {}, {}
    for name, tied in (("tied", True), ("untied", False)):
        variant = replace(
            laboratory, config=replace(laboratory.config, tie_embeddings=tied)
        )
        params[name] = count_params(Transformer(variant.config))
        losses[name] = variant.losses(Transformer, seeds, steps=steps)
    return {
        "unit": "bits per byte",
        "steps": steps,
        "params": params,
        "validation_loss": losses,
    }


def busiest(model: Transformer, laboratory: Laboratory) -> list[float]:
    """Return the busiest expert's load in each layer, in fair shares.

    1 is an even load; N_EXPERTS / TOP_K is that of an expert which serves every token.
    """
    encode = partial(laboratory.tokenizer.encode, allowed_special=())
    length = model.config.context_length
    with torch.no_grad(), recorded_routing(model.eval()) as routings:
        for text in laboratory.texts:
            model(torch.tensor([encode(text)[:length]]))
    n_layers = model.config.n_layers
    chosen = [
        torch.cat([routing.chosen for routing in routings[layer::n_layers]])
        for layer in range(n_layers)
    ]
    return [N_EXPERTS * expert_load(c, N_EXPERTS).max().item() for c in chosen]


def with_balance(loss_fn: LossFunction) -> LossFunction:
    """Make a loss that also asks for an even load."""
    return partial(balanced_loss, loss_fn=loss_fn)


def experts(steps: int = EXPERT_STEPS, seeds: Sequence[int] = SEEDS) -> dict:
    """Compare dense layers with a mixture of experts of the same work for a token."""
    laboratory = Laboratory.open()
    width = laboratory.config.d_ff
    mixture = with_feed_forward(
        partial(MixtureOfExperts, n_experts=N_EXPERTS, top_k=TOP_K),
        d_ff=width // TOP_K,
    )
    large = with_feed_forward(SwiGLUFeedForward, d_ff=width * N_EXPERTS // TOP_K)
    variants = {
        "dense, same work": (Transformer, None),
        "mixture": (mixture, None),
        "mixture, balanced": (mixture, with_balance),
        "dense, same size": (large, None),
    }
    sizes, losses, loads = {}, {}, {}
    for name, (make, wrap) in variants.items():
        fresh = make(laboratory.config)
        sizes[name] = {"params": count_params(fresh), "active": active_params(fresh)}
        # Routes differ in length from batch to batch, which no compiler likes.
        run = partial(laboratory.trained, make, steps=steps, wrap=wrap, compiled=False)
        models = [run(seed) for seed in seeds]
        losses[name] = spread(
            [bits_per_byte(m, laboratory.tokenizer, laboratory.texts) for m in models]
        )
        if make is mixture:
            by_seed = [busiest(model, laboratory) for model in models]
            loads[name] = [spread(layer) for layer in zip(*by_seed)]
    return {
        "unit": "bits per byte",
        "steps": steps,
        "experts": N_EXPERTS,
        "top_k": TOP_K,
        "sizes": sizes,
        "validation_loss": losses,
        "busiest_expert": loads,
    }
