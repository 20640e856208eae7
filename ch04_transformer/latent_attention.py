r"""Multi-head latent attention: keep one narrow vector for each token, not all heads'.

    x --> kv_down --> latent (R) ----------------------------+--> cache
    x --> k_rotary --> one rotary key for all heads ---------+
    latent --> k_up, v_up --> keys and values of H heads     (expanded form)

    expanded                                  absorbed
    score = q . (k_up latent)                 score = (k_up^T q) . latent
    out   = v_up's rows, averaged             out   = v_up (average of latents)

Both are the same sums in another order. The absorbed form never builds keys or values:
it is multi-query attention whose one head is as wide as the latent, so that while
writing only R + rotary_width numbers a token are kept and read.

A rotation between k_up and q would depend on the position and could not be absorbed;
therefore position has numbers of its own: a few for each query head, and one short key
that all heads share.
"""

import argparse
import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from ch01_data.files import run_command
from ch03_attention.attention import (
    LayerCache,
    causal_mask,
    given_or_first,
    position_angles,
    rotary_frequencies,
    rotate_planes,
    scaled_dot_product_attention,
)
from ch04_transformer.transformer import RMSNorm

AttendToLatents = Callable[..., Tensor]


def attend_expanded(
    q: Tensor,
    q_rotary: Tensor,
    latent: Tensor,
    k_rotary: Tensor,
    k_up: Tensor,
    v_up: Tensor,
    mask: Tensor,
) -> Tensor:
    """Build every head's keys and values from the latents, then attend as ever.

    Shape:   q (B, H, T, Dh), q_rotary (B, H, T, _), latent (B, 1, S, R),
             k_rotary (B, 1, S, _), k_up and v_up (H, Dh, R)  ->  (B, H, T, Dh).
    Source:  DeepSeek-AI 2024, "DeepSeek-V2", eq. 9 to 11 and 14 to 18.
    """
    k = latent @ k_up.transpose(-2, -1)  # (B, H, S, Dh)
    v = latent @ v_up.transpose(-2, -1)  # (B, H, S, Dh)
    turned = k_rotary.expand(-1, q.shape[1], -1, -1)  # (B, H, S, _)
    queries = torch.cat((q, q_rotary), dim=-1)  # (B, H, T, _)
    keys = torch.cat((k, turned), dim=-1)  # (B, H, S, _)
    return scaled_dot_product_attention(queries, keys, v, mask)  # (B, H, T, Dh)


def attend_absorbed(
    q: Tensor,
    q_rotary: Tensor,
    latent: Tensor,
    k_rotary: Tensor,
    k_up: Tensor,
    v_up: Tensor,
    mask: Tensor,
) -> Tensor:
    """Carry the queries to the latents instead: one wide key-value head for all.

    Shape:   as attend_expanded.
    Source:  DeepSeek-AI 2024, "DeepSeek-V2", section 2.1.2: k_up is absorbed into the
             queries and v_up into what leaves the heads.
    """
    wide = torch.cat((q @ k_up, q_rotary), dim=-1)  # (B, H, T, _)
    # Scores are divided by the root of the narrow width, as in the expanded form.
    narrow = q.shape[-1] + q_rotary.shape[-1]
    wide = wide * math.sqrt(wide.shape[-1] / narrow)
    # All heads' queries stand in one row, so that nothing is copied for each head.
    queries = wide.flatten(1, 2)[:, None]  # (B, 1, H*T, _)
    keys = torch.cat((latent, k_rotary), dim=-1)  # (B, 1, S, _)
    seen = mask.expand(*q.shape[:3], -1).flatten(1, 2)[:, None]  # (B, 1, H*T, S)
    mixed = scaled_dot_product_attention(queries, keys, latent, seen)
    mixed = mixed[:, 0].unflatten(1, q.shape[1:3])  # (B, H, T, R)
    return mixed @ v_up.transpose(-2, -1)  # (B, H, T, Dh)


class LatentAttention(nn.Module):
    """Attention whose heads share one latent of width `rank` for keys and values.

    Inject it as `attention=partial(LatentAttention, rank=64, rotary_width=16)`. Its
    cache is given the latents in place of keys (B, 1, T, R) and the rotary keys in
    place of values (B, 1, T, rotary_width). `query_rank` compresses queries as well;
    `attend` is `attend_expanded` or, while writing, `attend_absorbed`.

    Shape:   x (B, T, D)  ->  (B, T, D).
    Raises:  ValueError for a setting that latent attention has no place for.
    Source:  DeepSeek-AI 2024, "DeepSeek-V2", section 2.1 and appendix C.
    """

    def __init__(
        self,
        d_model: int,
        n_heads: int,
        n_kv_heads: int | None = None,
        *,
        rank: int,
        rotary_width: int,
        query_rank: int | None = None,
        d_head: int | None = None,
        rope_theta: float = 10000.0,
        rope_scaling: Mapping | None = None,
        qk_norm: Callable[[int], nn.Module] | None = None,
        qkv_bias: bool = False,
        sliding_window: int | None = None,
        norm: Callable[[int], nn.Module] = RMSNorm,
        attend: AttendToLatents = attend_expanded,
    ) -> None:
        super().__init__()
        _check_settings(d_model, n_heads, n_kv_heads, d_head, qk_norm, qkv_bias)
        _check_rotation(rope_theta, rope_scaling)
        self.n_heads, self.d_head = n_heads, d_head or d_model // n_heads
        self.sliding_window, self.attend = sliding_window, attend
        inner, width = d_model, self.d_head + rotary_width
        self.q_down = self.q_norm = nn.Identity()
        if query_rank is not None:
            inner = query_rank
            self.q_down = nn.Linear(d_model, query_rank, bias=False)
            self.q_norm = norm(query_rank)
        self.q_proj = nn.Linear(inner, n_heads * width, bias=False)
        self.kv_down = nn.Linear(d_model, rank, bias=False)
        self.kv_norm = norm(rank)
        self.k_rotary = nn.Linear(d_model, rotary_width, bias=False)
        self.k_up = nn.Linear(rank, n_heads * self.d_head, bias=False)
        self.v_up = nn.Linear(rank, n_heads * self.d_head, bias=False)
        self.out_proj = nn.Linear(n_heads * self.d_head, d_model, bias=False)
        frequencies = rotary_frequencies(rotary_width, rope_theta, rope_scaling)
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
        angles = position_angles(positions, self.frequencies)
        q, q_rotary = self.queries(x, angles)
        latent, k_rotary = self.latents(x, angles)
        if cache is not None:
            latent, k_rotary = cache.append(latent, k_rotary)
        past = causal_mask(x.shape[1], latent.shape[2], self.sliding_window, x.device)
        k_up, v_up = self._per_head(self.k_up), self._per_head(self.v_up)
        mixed = self.attend(
            q,
            q_rotary,
            latent,
            k_rotary,
            k_up,
            v_up,
            past if mask is None else past & mask,
        )
        joined = mixed.transpose(1, 2).flatten(2)  # (B, T, H*Dh)
        return self.out_proj(joined)  # (B, T, D)

    def cache_shapes(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Say what a cache is given of each token: one latent and one rotary key."""
        return (1, self.kv_down.out_features), (1, self.k_rotary.out_features)

    def queries(self, x: Tensor, angles: Tensor) -> tuple[Tensor, Tensor]:
        """Return each head's query: what it looks for, and the part that knows where.

        Shape:   x (B, T, D)  ->  (B, H, T, Dh) and (B, H, T, _).
        """
        q = self.q_proj(self.q_norm(self.q_down(x)))
        q = q.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)  # (B, H, T, _)
        content, position = q[..., : self.d_head], q[..., self.d_head :]
        return content, rotate_planes(position, angles, interleaved=True)

    def latents(self, x: Tensor, angles: Tensor) -> tuple[Tensor, Tensor]:
        """Return what is kept of each token: its normed latent and its rotary key.

        Shape:   x (B, T, D)  ->  (B, 1, T, R) and (B, 1, T, _).
        """
        latent = self.kv_norm(self.kv_down(x))[:, None]  # (B, 1, T, R)
        k_rotary = self.k_rotary(x)[:, None]  # (B, 1, T, _)
        return latent, rotate_planes(k_rotary, angles, interleaved=True)

    def _per_head(self, up: nn.Linear) -> Tensor:
        """Cut a matrix from the latent into heads: (H, Dh, R)."""
        return up.weight.unflatten(0, (self.n_heads, self.d_head))  # (H, Dh, R)


def _check_settings(
    d_model: int,
    n_heads: int,
    n_kv_heads: int | None,
    d_head: int | None,
    qk_norm: object,
    qkv_bias: bool,
) -> None:
    """Refuse what a block may ask for and latent attention would have to ignore."""
    if d_head is None and d_model % n_heads:
        raise ValueError(
            f"d_model is {d_model}, no multiple of {n_heads} heads; give d_head"
        )
    if n_kv_heads not in (None, n_heads):
        raise ValueError(
            f"n_kv_heads is {n_kv_heads}, but in latent attention all {n_heads} heads "
            "share the latent; leave it out"
        )
    if qk_norm is not None or qkv_bias:
        raise ValueError(
            "qk_norm and qkv_bias have no place in latent attention, whose latents "
            "are normed instead; leave both out"
        )


def _check_rotation(rope_theta: float | None, rope_scaling: Mapping | None) -> None:
    """Refuse positions that would be silently left out, or stretched by halves."""
    if rope_theta is None:
        raise ValueError(
            "rope_theta is None, but latent attention knows positions by rotation alone"
        )
    kind = (rope_scaling or {}).get("rope_type", "default")
    if kind not in ("default", "linear", "ntk", "llama3"):
        raise ValueError(
            f"rope_scaling is of rope_type {kind!r}; latent attention takes default, "
            "linear, ntk or llama3"
        )


def cache_numbers(
    n_heads: int, n_groups: int, d_head: int, rank: int, rotary_width: int
) -> dict[str, int]:
    """Count what each kind of attention keeps for one token in one layer.

    Source:  DeepSeek-AI 2024, "DeepSeek-V2", table 1.
    """
    return {
        "multi-head": 2 * n_heads * d_head,
        f"grouped, {n_groups}": 2 * n_groups * d_head,
        "multi-query": 2 * d_head,
        "latent": rank + rotary_width,
    }


def main(argv: list[str] | None = None) -> int:
    """Print what each kind of attention keeps of one token; defaults: DeepSeek-V2."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--n-heads", type=int, default=128, help="query heads")
    parser.add_argument("--n-groups", type=int, default=8, help="key-value heads")
    parser.add_argument("--d-head", type=int, default=128, help="width of a head")
    parser.add_argument("--rank", type=int, default=512, help="width of the latent")
    parser.add_argument("--rotary-width", type=int, default=64)
    parser.add_argument("--n-layers", type=int, default=60)
    parser.add_argument("--bytes", type=int, default=2, help="bytes for a number")
    args = parser.parse_args(argv)

    def show() -> None:
        sizes = (args.n_heads, args.n_groups, args.d_head, args.rank, args.rotary_width)
        if min(*sizes, args.n_layers, args.bytes) < 1:
            raise ValueError("every size must be at least 1")
        for name, numbers in cache_numbers(*sizes).items():
            total = numbers * args.n_layers * args.bytes
            print(f"{name:<14}{numbers:>8,} numbers a layer{total:>12,} bytes a token")

    return run_command(show)


if __name__ == "__main__":
    raise SystemExit(main())
