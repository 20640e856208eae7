"""Solutions of chapter 3; what an exercise rebuilds is taken from the module."""

import math

import torch
from torch import Tensor

from ch03_attention.attention import rotary, scaled_dot_product_attention
from ch03_attention.heads import induction_score
from ch03_attention.positions import document_positions, sinusoids

__all__ = [
    "alibi_bias",
    "attention_entropy",
    "document_positions",
    "induction_score",
    "merge_partial_attention",
    "rotary",
    "scaled_dot_product_attention",
    "sinusoids",
]


def alibi_bias(n_heads: int, n_queries: int, n_keys: int) -> Tensor:
    """Lower each score by a slope of the head for each step that the key lies back.

    The slopes 2 ** (-8h / H) form a ladder: the first heads are short-sighted, the last
    hardly feel distance at all.

    Shape:   (H, T, S).
    Source:  Press et al. 2022, section 3.
    """
    slopes = 2.0 ** (-8.0 * torch.arange(1, n_heads + 1) / n_heads)
    query = torch.arange(n_keys - n_queries, n_keys)[:, None]
    steps_back = query - torch.arange(n_keys)
    bias = -slopes[:, None, None] * steps_back
    return bias.masked_fill(steps_back < 0, -math.inf)


def attention_entropy(weights: Tensor) -> Tensor:
    """Average the entropy of each head's rows, with 0 ln 0 = 0.

    Shape:   weights (B, H, T, S), each row summing to 1  ->  (H,).
    Units:   nats.
    """
    entropy = -torch.xlogy(weights, weights).sum(dim=-1)
    return entropy.mean(dim=(0, 2))


def merge_partial_attention(
    mixed_a: Tensor, log_sum_a: Tensor, mixed_b: Tensor, log_sum_b: Tensor
) -> tuple[Tensor, Tensor]:
    """Weigh each part's average by its part of the whole sum.

    Only differences of log-sums are exponentiated, and they are never positive.

    Shape:   mixed (B, H, T, Dh), log_sum (B, H, T, 1)  ->  the same two shapes.
    """
    log_sum = torch.logaddexp(log_sum_a, log_sum_b)
    mixed = torch.zeros_like(mixed_a)
    for part, part_sum in ((mixed_a, log_sum_a), (mixed_b, log_sum_b)):
        share = (part_sum - log_sum).exp()
        mixed = mixed + torch.where(share > 0, share * part, 0.0)
    return mixed, log_sum
