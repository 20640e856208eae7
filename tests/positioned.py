"""Small models that know where their tokens stand in every way that the book has."""

from functools import partial

import torch

from ch03_attention.attention import rotary, scaled_dot_product_attention
from ch03_attention.positions import (
    LearnedPositions,
    SinusoidalPositions,
    unrotated_attention,
)
from ch04_transformer.transformer import ModelConfig, Transformer, TransformerBlock

# Two correct float32 programs that add up a few dozen numbers of size 1 in different
# orders differ by a few units in the last place, about 1e-6.
ROUNDING = dict(atol=1e-5, rtol=1e-5)

UNROTATED = partial(TransformerBlock, attention=unrotated_attention)
KINDS = {
    "rotary": {},
    "none": dict(block=UNROTATED),
    "learned": dict(block=UNROTATED, position_embedding=LearnedPositions),
    "sinusoidal": dict(block=UNROTATED, position_embedding=SinusoidalPositions),
}


def interleaved_attend(q, k, v, mask):
    """Turn queries and keys in the interleaved layout, then mix."""
    turn = partial(rotary, theta=500.0, interleaved=True)
    places = torch.arange(q.shape[2])
    return scaled_dot_product_attention(turn(q, places), turn(k, places), v, mask)


def interleaved_attention(*sizes, **options):
    """Build attention that rotates in the other layout (theta 500, without a cache)."""
    return unrotated_attention(*sizes, **options, attend=interleaved_attend)


INTERLEAVED = dict(block=partial(TransformerBlock, attention=interleaved_attention))


def build(parts, seed=0, **changes):
    """Build a small model of given parts whose every parameter is drawn."""
    shape = dict(vocab_size=31, context_length=13, d_model=24, n_layers=2, n_heads=4)
    shape |= dict(n_kv_heads=2, d_ff=28, rope_theta=500.0)
    torch.manual_seed(seed)
    model = Transformer(ModelConfig(**{**shape, **changes}), **parts)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    return model.eval()


def some_tokens(batch=2, length=11, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(31, (batch, length), generator=generator)
