"""GPT-2 out of this book's parts: the same block, with four parts of 2019 put in.

    here                             GPT-2
    RMSNorm                          LayerNorm
    SwiGLU of three matrices         GELU between two matrices, each with a bias
    positions turn queries and keys  a learned vector for each position, added once
    projections without biases       a bias in all four

Nothing else differs: the residual stream, the heads and the mask are the same.
"""

import argparse
from functools import partial

import torch

from ch01_data.files import run_command
from ch03_attention.positions import LearnedPositions, unrotated_attention
from ch04_transformer.feed_forward import FeedForward, gelu_tanh
from ch04_transformer.transformer import (
    LayerNorm,
    ModelConfig,
    Transformer,
    TransformerBlock,
)

# The smallest of the four models that were published.
SMALL = dict(
    vocab_size=50257, context_length=1024, d_model=768, n_layers=12, n_heads=12,
    d_ff=3072, norm_eps=1e-5, qkv_bias=True,
)  # fmt: skip


def build_gpt2(config: ModelConfig) -> Transformer:
    """Build GPT-2 of any size; the queries, keys and values need `qkv_bias`."""
    return Transformer(
        config,
        block=partial(
            TransformerBlock,
            norm=LayerNorm,
            feed_forward=partial(FeedForward, activation=gelu_tanh, bias=True),
            attention=partial(unrotated_attention, out_bias=True),
        ),
        norm=LayerNorm,
        position_embedding=LearnedPositions,
    )


def main(argv: list[str] | None = None) -> int:
    """Build the smallest GPT-2 without its weights and count what it would learn."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--n-layers", type=int, default=SMALL["n_layers"])
    parser.add_argument("--d-model", type=int, default=SMALL["d_model"])
    args = parser.parse_args(argv)

    def show() -> None:
        sizes = SMALL | vars(args) | {"d_ff": 4 * args.d_model}
        with torch.device("meta"):
            model = build_gpt2(ModelConfig(**sizes))
        for name, part in model.named_children():
            count = sum(parameter.numel() for parameter in part.parameters())
            print(f"{name:<20}{count:>14,}")

    return run_command(show)


if __name__ == "__main__":
    raise SystemExit(main())
