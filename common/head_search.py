"""What the heads of three trained models do: previous tokens, induction, reference.

Heads have no names: head 3 of one seed has nothing to do with head 3 of another. So
each seed's best head is chosen on half of the stories and marked on the other half.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from ch01_data.measured import spread
from ch01_data.mentions import stories_with_mentions
from ch02_tokenization.tokenization import Tokenizer
from ch03_attention.attention import causal_mask
from ch03_attention.heads import (
    head_weights,
    induction_score,
    previous_token_score,
    repeated_tokens,
)
from ch03_attention.references import (
    Reference,
    TokenizedStory,
    chance,
    most_recent,
    read_stories,
    references_found,
    two_people,
)
from ch04_transformer.transformer import Transformer
from ch05_pretraining.pretraining import bits_per_byte
from ch07_finetuning.evaluation import story_interval
from common.laboratory import SEEDS, Laboratory

STEPS, STORIES = 800, 200
PERIOD, ROWS = 40, 16  # of the tokens that mean nothing and come twice
GROUPS: dict[str, Callable[[Reference], bool]] = {
    "she or he": lambda r: r.pronoun and r.kind == "names",
    "it": lambda r: r.pronoun and r.kind != "names",
    "a thing comes back": lambda r: not r.pronoun and r.kind == "things",
    "a colour comes back": lambda r: not r.pronoun and r.kind == "colours",
    "a name comes back": lambda r: not r.pronoun and r.kind == "names",
}
BASELINES: dict[str, Callable[[Reference], float]] = {
    "most recent word": most_recent,
    "most recent name": partial(most_recent, kinds=("names",)),
    "most recent name or thing": partial(most_recent, kinds=("names", "things")),
    "chance": chance,
}
Found = tuple[list[Reference], Tensor]  # references, and which head finds which


def heads(
    stories: int = STORIES, steps: int = STEPS, seeds: Sequence[int] = SEEDS
) -> dict:
    """Search three trained models for heads with three habits."""
    laboratory = Laboratory.open()
    tokenizer = laboratory.tokenizer
    told = read_stories(stories_with_mentions(stories, 1, "validation"), tokenizer)
    asked = read_stories(two_people(stories, 1, "validation"), tokenizer)
    losses, before, again, in_stories, probed = [], [], [], [], []
    for seed in seeds:
        model = laboratory.trained(Transformer, seed, steps=steps).eval()
        losses.append(bits_per_byte(model, tokenizer, laboratory.texts))
        before.append(previous_scores(model, told))
        again.append(induction_scores(model, tokenizer))
        in_stories.append(references_found(model, told))
        probed.append(references_found(model, asked))
    even = even_weights(2 * PERIOD + 1)
    shape = laboratory.config
    return {
        "unit": "share, from 0 to 1",
        "steps": steps,
        "layers_and_heads": [shape.n_layers, shape.n_heads],
        "loss_bits_per_byte": spread(losses),
        "previous_token": habit(before, previous_token_score(even)),
        "induction": habit(again, induction_score(even, PERIOD)),
        "reference": {
            name: marks([keep_group(found, wanted) for found in in_stories])
            for name, wanted in GROUPS.items()
        }
        | {"two people": marks(probed)},
    }


def even_weights(n_tokens: int) -> Tensor:
    """Return the weights of a head that looks at all it may see alike.

    Shape:   (1, 1, T, T).
    """
    allowed = causal_mask(n_tokens, n_tokens).float()
    return (allowed / allowed.sum(1, keepdim=True))[None, None]


def previous_scores(model: nn.Module, stories: Sequence[TokenizedStory]) -> list[float]:
    """Return each head's previous-token score on stories, heads layer by layer."""
    each = []
    for story in stories:
        layers = head_weights(model, story.tokens)
        each.append(torch.cat([previous_token_score(weights) for weights in layers]))
    return torch.stack(each).mean(0).tolist()


def induction_scores(
    model: nn.Module, tokenizer: Tokenizer, period: int = PERIOD, rows: int = ROWS
) -> list[float]:
    """Return each head's induction score on random tokens, heads layer by layer.

    The tokens are learned ones: they stand behind the 256 bytes and before the special
    ones. The end-of-text token opens each row, as in training.
    """
    generator = torch.Generator().manual_seed(0)
    learned = range(256, min(tokenizer.special_tokens.values()))
    twice = repeated_tokens(learned, rows, period, generator)
    opening = torch.full((rows, 1), tokenizer.end_of_text_id)
    layers = head_weights(model, torch.cat((opening, twice), dim=1))
    return torch.cat([induction_score(weights, period) for weights in layers]).tolist()


def habit(scores: Sequence[list[float]], even: Tensor) -> dict:
    """Summarise a score of all heads of all seeds, beside that of even attention."""
    return {
        "best_head": spread([max(of_seed) for of_seed in scores]),
        "even_attention": even.item(),
        "by_seed_and_head": list(scores),
    }


def keep_group(found: Found, wanted: Callable[[Reference], bool]) -> Found:
    """Keep one group of references."""
    references, right = found
    kept = [i for i, reference in enumerate(references) if wanted(reference)]
    return [references[i] for i in kept], right[kept]


def marks(found: Sequence[Found]) -> dict:
    """Choose each seed's best head on one half, and mark it on the other.

    Stories are halved in pairs, since `two_people` tells each opening twice; the
    interval draws whole pairs again, with what all seeds found in them.
    """
    references = found[0][0]
    pairs = torch.tensor([reference.story // 2 for reference in references])
    chosen_on, marked_on = pairs % 2 == 0, pairs % 2 == 1
    held = [r for r, marked in zip(references, marked_on, strict=True) if marked]
    best, accuracies, outcomes = [], [], []
    for _, right in found:
        head = right[chosen_on].float().mean(0).argmax().item()
        hits = right[marked_on][:, head].tolist()
        best.append(head)
        accuracies.append(sum(hits) / len(hits))
        outcomes += [(r.story // 2, "", hit) for r, hit in zip(held, hits, strict=True)]
    return {
        "references": len(held),
        "accuracy": spread(accuracies)
        | {"interval": list(story_interval(outcomes)[1])},
        "best_heads": best,
        "by_seed_and_head": [
            right[marked_on].float().mean(0).tolist() for _, right in found
        ],
        "baselines": {
            name: sum(map(rule, held)) / len(held) for name, rule in BASELINES.items()
        },
    }
