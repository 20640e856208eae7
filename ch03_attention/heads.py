"""What the heads of a trained model do: their weights, and a score for each habit.

A model that was trained is watched from outside. A hook on each attention layer sees
what goes in and computes the weights once more; the model itself computes what it
always does. Then each head gets a mark for a habit that can be told beforehand:

    previous token    how much of its attention goes to the token just before
    induction         ... A B ... A: how much goes to B, which came next last time

What a head looks at is not yet what it is good for. `silenced` takes one head out, and
what the model then does worse is what the head did.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ch03_attention.attention import (
    CausalSelfAttention,
    attention_weights,
    causal_mask,
)


def attention_layers(model: nn.Module) -> list[CausalSelfAttention]:
    """Return a model's attention layers, in the order in which they stand."""
    return [part for part in model.modules() if isinstance(part, CausalSelfAttention)]


@contextmanager
def watched(model: nn.Module) -> Iterator[list[Tensor]]:
    """Yield a list that fills with each attention layer's weights as the model runs.

    The hooks are gone when the block ends.

    Shape:   each (B, H, T, S) with S = T.
    Raises:  ValueError when a layer runs with a cache: its keys are not at hand.
    """
    found: list[Tensor] = []

    def look(layer: nn.Module, inputs: tuple, options: dict) -> None:
        if options.get("cache") is not None:
            raise ValueError("weights are watched without a cache: give all tokens")
        x, n_tokens = inputs[0], inputs[0].shape[1]
        positions, mask = options.get("positions"), options.get("mask")
        if positions is None:
            positions = torch.arange(n_tokens, device=x.device)
        q, k, _ = layer.queries_keys_values(x, positions)
        past = causal_mask(n_tokens, n_tokens, layer.sliding_window, x.device)
        found.append(attention_weights(q, k, past if mask is None else past & mask))

    layers = attention_layers(model)
    hooks = [m.register_forward_pre_hook(look, with_kwargs=True) for m in layers]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


@torch.no_grad()
def head_weights(model: nn.Module, tokens: Tensor) -> list[Tensor]:
    """Return what every head of every layer looks at while the model reads.

    Shape:   tokens (B, T)  ->  one (B, H, T, S) for each layer, with S = T.
    """
    with watched(model) as found:
        model(tokens)
    return found


@contextmanager
def silenced(model: nn.Module, layer: int, head: int) -> Iterator[None]:
    """Take one head out: nothing of what it mixed reaches the residual stream.

    Raises:  ValueError if there is no such head.
    """
    layers = attention_layers(model)
    if not (0 <= layer < len(layers) and 0 <= head < layers[layer].n_heads):
        raise ValueError(
            f"there is no head {head} in layer {layer}: the model has {len(layers)} "
            "layers, and both count from 0"
        )
    width = layers[layer].d_head

    def hush(_: nn.Module, inputs: tuple) -> tuple[Tensor]:
        joined = inputs[0].clone()  # (B, T, H*Dh)
        joined[..., head * width : (head + 1) * width] = 0.0
        return (joined,)

    hook = layers[layer].out_proj.register_forward_pre_hook(hush)
    try:
        yield
    finally:
        hook.remove()


def previous_token_score(weights: Tensor) -> Tensor:
    """Say how much each head looks at the token just before.

    The mean over all queries but the first, which has none before it.

    Shape:   weights (B, H, T, S) with S = T  ->  (H,), from 0 to 1.
    Raises:  ValueError if there are fewer than two tokens.
    """
    if weights.shape[-1] < 2:
        raise ValueError(f"{weights.shape[-1]} token: two are the least")
    before = weights.diagonal(-1, dim1=-2, dim2=-1)  # (B, H, T - 1)
    return before.mean(dim=(0, 2))  # (H,)


def repeated_tokens(
    ids: Sequence[int], n_rows: int, period: int, generator: torch.Generator
) -> Tensor:
    """Draw rows of tokens that mean nothing, and write each row twice.

    No token comes twice in a row's first half, so that each has one successor only.

    Shape:   (B, T) with T = 2 * period.
    Raises:  ValueError if there are fewer ids than the period asks for.
    """
    if len(ids) < period:
        raise ValueError(f"{len(ids)} ids cannot fill a period of {period} once each")
    rows = [torch.randperm(len(ids), generator=generator) for _ in range(n_rows)]
    once = torch.tensor(ids)[torch.stack(rows)[:, :period]]  # (B, _)
    return torch.cat((once, once), dim=1)  # (B, T)


def induction_score(weights: Tensor, period: int) -> Tensor:
    """Say how much each head looks at what came next, last time.

    The last 2 * period tokens are some tokens and the same again. A token of the second
    copy at t stood at t - period before, so its successor stood at t - period + 1: the
    score is the mean weight on that place.

    Shape:   weights (B, H, T, S) with S = T  ->  (H,), from 0 to 1.
    Raises:  ValueError if two periods do not fit into the tokens.
    Source:  Olsson et al. 2022, In-context Learning and Induction Heads.
    """
    n_tokens = weights.shape[-1]
    if not 1 <= period <= n_tokens // 2:
        raise ValueError(f"two periods of {period} do not fit into {n_tokens} tokens")
    band = weights.diagonal(1 - period, dim1=-2, dim2=-1)  # (B, H, _)
    return band[..., -period:].mean(dim=(0, 2))  # (H,)
