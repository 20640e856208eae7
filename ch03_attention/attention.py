r"""Causal self-attention: how a token gathers what it needs from the tokens before it.

In reading order: positions by rotation (how fast each plane turns: `rope_scaling.py`),
the mask that hides the future, the weighted average itself, and the layer that turns
D-wide vectors into queries, keys and values.

The three ways to share keys and values (here H = 4 query heads, K key-value heads):

    multi-head  K = 4       grouped  K = 2          multi-query  K = 1
    q   1  2  3  4          q   1  2  3  4          q   1  2  3  4
        |  |  |  |               \ /    \ /              \ \  / /
    kv  1  2  3  4          kv    1      2          kv       1

Fewer key-value heads make the cache of chapter 6 smaller by H / K, at little loss.
"""

import argparse
import math
from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

from ch01_data.files import run_command
from ch03_attention.rope_scaling import attention_factor, rotary_frequencies

Attend = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]


class LayerCache(Protocol):
    """What attention asks of a key-value cache; chapter 6 supplies one."""

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Store new keys and values (B, K, T, Dh), return all so far (B, K, S, Dh)."""
        ...


def position_angles(positions: Tensor, frequencies: Tensor) -> Tensor:
    """Multiply positions by frequencies; batched ones get an axis for the heads.

    Shape:   positions (T,) or (B, T), frequencies (Dh/2,)
             ->  (T, Dh/2) or (B, 1, T, Dh/2).
    Units:   radians.
    """
    angles = positions[..., None].float() * frequencies
    return angles if angles.dim() == 2 else angles[:, None]


def given_or_first(
    positions: Tensor | None, x: Tensor, cache: LayerCache | None
) -> Tensor:
    """Return the positions of x: those given, else 0, 1, ... as nothing came before.

    Shape:   positions (T,) or (B, T), x (B, T, D)  ->  like positions, or (T,).
    Raises:  ValueError if there is a cache but no positions.
    """
    if positions is not None:
        return positions
    if cache is not None:
        raise ValueError(
            "a cache without positions: say where these tokens stand, or each "
            "call would rotate its first token as number 0"
        )
    return torch.arange(x.shape[1], device=x.device)  # (T,)


def rotate_planes(x: Tensor, angles: Tensor, interleaved: bool = False) -> Tensor:
    """Turn each two-dimensional plane of x by its angle.

    Shape:   x (..., T, Dh), angles broadcastable to (..., T, Dh/2)  ->  like x.
             Half-split pairs coordinate i with i + Dh/2, interleaved 2i with 2i + 1.
    Source:  Su et al. 2021, eq. 34 (interleaved); half-split: the layout of the
             checkpoint files that chapter 4 reads.
    """
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    if interleaved:
        a, b = x[..., 0::2], x[..., 1::2]
        turned = torch.stack((a * cos - b * sin, a * sin + b * cos), dim=-1)
        return turned.flatten(-2)
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1)


def rotary(
    x: Tensor, positions: Tensor, theta: float = 10000.0, interleaved: bool = False
) -> Tensor:
    """Turn every head's planes by position times frequency.

    The dot product of a rotated query and a rotated key then depends only on the
    distance between them.

    Shape:   x (B, H, T, Dh), positions (T,) or (B, T)  ->  (B, H, T, Dh).
    Raises:  ValueError if Dh is odd.
    Source:  Su et al. 2021, eq. 34.
    """
    frequencies = rotary_frequencies(x.shape[-1], theta).to(x.device)
    return rotate_planes(x, position_angles(positions, frequencies), interleaved)


def causal_mask(
    n_queries: int,
    n_keys: int,
    sliding_window: int | None = None,
    device: torch.device | None = None,
) -> Tensor:
    """Say which keys each query may attend to: itself and what came before.

    The queries are the last n_queries of the n_keys positions (a cache holds the rest).
    A sliding window keeps only the nearest `sliding_window` of them.

    Shape:   (T, S), bool, True = may attend.
    Raises:  ValueError if there are fewer keys than queries or the window is empty.
    """
    if n_keys < n_queries:
        raise ValueError(
            f"{n_queries} queries but only {n_keys} keys: every query needs its own key"
        )
    if sliding_window is not None and sliding_window < 1:
        raise ValueError(
            f"sliding_window is {sliding_window}: 1 is the least (a token sees itself)"
        )
    query = torch.arange(n_keys - n_queries, n_keys, device=device)[:, None]  # (T, 1)
    key = torch.arange(n_keys, device=device)  # (S,)
    mask = key <= query  # (T, S)
    if sliding_window is not None:
        mask = mask & (key > query - sliding_window)  # (T, S)
    return mask


def document_mask(tokens: Tensor, end_of_text_id: int) -> Tensor:
    """Let each token see its own document alone, in rows that hold several.

    The end-of-text token belongs to the document that it opens. Rotary positions look
    at distances only, so a document in a row is read as if it stood alone; absolute
    ones must begin anew with each document (`positions.document_positions`).

    Shape:   tokens (B, T)  ->  (B, 1, T, T), bool, True = may attend.
    """
    document = (tokens == end_of_text_id).cumsum(dim=1)  # (B, T)
    same = document[:, :, None] == document[:, None, :]  # (B, T, T)
    return same[:, None]  # (B, 1, T, T)


def share_heads(x: Tensor, n_heads: int) -> Tensor:
    """Repeat each key-value head for the neighbouring query heads that share it.

    Shape:   x (B, K, S, Dh) with K dividing H = n_heads  ->  (B, H, S, Dh).
    Raises:  ValueError if K does not divide H.
    Source:  Ainslie et al. 2023, section 2.2.
    """
    n_kv_heads = x.shape[1]
    if n_heads % n_kv_heads:
        raise ValueError(
            f"{n_heads} query heads cannot share {n_kv_heads} key-value heads evenly"
        )
    if n_kv_heads == n_heads:
        return x
    return x.repeat_interleave(n_heads // n_kv_heads, dim=1)  # (B, H, S, Dh)


def attention_weights(q: Tensor, k: Tensor, mask: Tensor | None = None) -> Tensor:
    """Say how much of each key's value every query takes; each row sums to 1.

    A query that the mask allows no key at all gets a row of NaN: there is no average
    of nothing.

    Shape:   q (B, H, T, Dh), k (B, K, S, Dh) with K dividing H, mask broadcastable to
             (B, H, T, S), True = may attend  ->  (B, H, T, S).
    Raises:  ValueError if K does not divide H.
    Source:  Vaswani et al. 2017, eq. 1, the softmax.
    """
    k = share_heads(k, q.shape[1])  # (B, H, S, Dh)
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # (B, H, T, S)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)  # (B, H, T, S)
    return scores.softmax(dim=-1)  # (B, H, T, S)


def scaled_dot_product_attention(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None
) -> Tensor:
    """Mix values by the similarity of queries and keys.

    Shape:   q (B, H, T, Dh), k and v (B, K, S, Dh) with K dividing H,
             mask broadcastable to (B, H, T, S), True = may attend  ->  (B, H, T, Dh).
    Raises:  ValueError if K does not divide H.
    Source:  Vaswani et al. 2017, eq. 1.
    """
    weights = attention_weights(q, k, mask).to(v.dtype)  # (B, H, T, S)
    return weights @ share_heads(v, q.shape[1])  # (B, H, T, Dh)


class CausalSelfAttention(nn.Module):
    """Many heads that each look back for something, and a matrix that joins them.

    `attend` is the weighted average to use (torch's fused one fits too), `qk_norm`
    makes a norm of width Dh for queries and keys (Qwen3), `sliding_window` bounds how
    far back a head sees (Mistral), `rope_theta` None leaves queries and keys unturned
    (GPT-2), `out_bias` adds a bias behind the last matrix (GPT-2).

    Shape:   x (B, T, D)  ->  (B, T, D).
    Raises:  ValueError if the heads do not divide as they must, or a rotation that is
             not there is to be scaled.
    Source:  Vaswani et al. 2017, section 3.2.2.
    """

    def __init__(
        self,
        d_model: int,
        n_heads: int,
        n_kv_heads: int | None = None,
        *,
        d_head: int | None = None,
        rope_theta: float | None = 10000.0,
        rope_scaling: Mapping | None = None,
        qk_norm: Callable[[int], nn.Module] | None = None,
        qkv_bias: bool = False,
        out_bias: bool = False,
        sliding_window: int | None = None,
        attend: Attend = scaled_dot_product_attention,
    ) -> None:
        super().__init__()
        n_kv_heads = n_heads if n_kv_heads is None else n_kv_heads
        if min(n_heads, n_kv_heads) < 1:
            raise ValueError(
                f"n_heads {n_heads} and n_kv_heads {n_kv_heads}: 1 is the least of both"
            )
        if d_head is None and d_model % n_heads:
            raise ValueError(
                f"d_model {d_model} is not a multiple of n_heads {n_heads}"
            )
        if n_heads % n_kv_heads:
            raise ValueError(
                f"n_heads {n_heads} is not a multiple of n_kv_heads {n_kv_heads}"
            )
        if rope_theta is None and rope_scaling:
            raise ValueError("rope_scaling is given, but no rope_theta to scale")
        d_head = d_head or d_model // n_heads
        self.n_heads, self.n_kv_heads, self.d_head = n_heads, n_kv_heads, d_head
        self.sliding_window, self.attend = sliding_window, attend
        self.q_proj = nn.Linear(d_model, n_heads * d_head, bias=qkv_bias)
        self.k_proj = nn.Linear(d_model, n_kv_heads * d_head, bias=qkv_bias)
        self.v_proj = nn.Linear(d_model, n_kv_heads * d_head, bias=qkv_bias)
        self.out_proj = nn.Linear(n_heads * d_head, d_model, bias=out_bias)
        self.q_norm = qk_norm(d_head) if qk_norm else None
        self.k_norm = qk_norm(d_head) if qk_norm else None
        frequencies = None
        if rope_theta is not None:
            frequencies = rotary_frequencies(d_head, rope_theta, rope_scaling)
        self.rope_factor = attention_factor(rope_scaling)
        self.register_buffer("frequencies", frequencies, persistent=False)

    def forward(
        self,
        x: Tensor,
        *,
        positions: Tensor | None = None,
        mask: Tensor | None = None,
        cache: LayerCache | None = None,
    ) -> Tensor:
        """Attend causally; a mask of the caller's narrows what may be seen further.

        Shape:   x (B, T, D), positions (T,) or (B, T), mask broadcastable to
                 (B, H, T, S), True = may attend  ->  (B, T, D).
        Raises:  ValueError if there is a cache but no positions.
        """
        positions = given_or_first(positions, x, cache)
        q, k, v = self.queries_keys_values(x, positions)
        if cache is not None:
            k, v = cache.append(k, v)
        past = causal_mask(q.shape[2], k.shape[2], self.sliding_window, x.device)
        mixed = self.attend(q, k, v, past if mask is None else past & mask)
        joined = mixed.transpose(1, 2).flatten(2)  # (B, T, H*Dh)
        return self.out_proj(joined)  # (B, T, D)

    def cache_shapes(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Say what a cache is given of each token: (K, Dh) for keys and for values."""
        return ((self.n_kv_heads, self.d_head),) * 2

    def queries_keys_values(
        self, x: Tensor, positions: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Project x, cut it into heads, and turn queries and keys by their positions.

        Shape:   x (B, T, D), positions (T,) or (B, T)
                 ->  q (B, H, T, Dh), k and v (B, K, T, Dh).
        """
        q = self._split_heads(self.q_proj(x), self.n_heads)  # (B, H, T, Dh)
        k = self._split_heads(self.k_proj(x), self.n_kv_heads)  # (B, K, T, Dh)
        v = self._split_heads(self.v_proj(x), self.n_kv_heads)  # (B, K, T, Dh)
        if self.q_norm is not None:
            q, k = self.q_norm(q), self.k_norm(k)
        if self.frequencies is None:
            return q, k, v
        if self.rope_factor != 1.0:
            q, k = q * self.rope_factor, k * self.rope_factor
        angles = position_angles(positions, self.frequencies)
        return rotate_planes(q, angles), rotate_planes(k, angles), v

    def _split_heads(self, x: Tensor, n_heads: int) -> Tensor:
        """Cut the last axis into heads: (B, T, H*Dh)  ->  (B, H, T, Dh)."""
        return x.unflatten(-1, (n_heads, self.d_head)).transpose(1, 2)


def main(argv: list[str] | None = None) -> int:
    """Show how much each position of a random sequence attends to each other one."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--tokens", type=int, default=6, help="sequence length")
    parser.add_argument("--d-model", type=int, default=16, help="width")
    parser.add_argument("--n-heads", type=int, default=4, help="query heads")
    parser.add_argument("--n-kv-heads", type=int, default=2, help="key-value heads")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    def show() -> None:
        if args.tokens < 1:
            raise ValueError(f"--tokens is {args.tokens}, but one token is the least")
        torch.manual_seed(args.seed)
        layer = CausalSelfAttention(args.d_model, args.n_heads, args.n_kv_heads)
        x = torch.randn(1, args.tokens, args.d_model)
        q, k, _ = layer.queries_keys_values(x, torch.arange(args.tokens))
        weights = attention_weights(q, k, causal_mask(args.tokens, args.tokens))
        print("weights of head 0 (row: query, column: key)")
        for row in weights[0, 0].tolist():
            print("  ".join(f"{weight:.2f}" for weight in row))

    return run_command(show)


if __name__ == "__main__":
    raise SystemExit(main())
