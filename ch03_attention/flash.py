r"""Attention in tiles: the same numbers, without ever holding the T by S matrix.

The plain way writes every score down, then every weight. This one cuts queries and keys
into blocks, takes one tile of scores at a time and forgets it again. What a row of the
softmax must remember from tile to tile is three numbers' worth: the largest score so
far, the sum of the powers, and the sum of the values weighted by them.

               keys, block by block            causal, T = S, four blocks:
               0    1    2    3
    queries 0  m    .    .    .                m  tile on the diagonal: has a mask
            1  x    m    .    .                x  tile wholly in the past: has none
            2  x    x    m    .                .  tile wholly in the future: skipped
            3  x    x    x    m

The backward pass keeps no tile either. It is given the logarithm of each row's sum, and
from that computes every weight again when it needs it.

Source:  Dao et al. 2022; Dao 2023 (queries in the outer loop, one number kept a row);
         the running softmax: Milakov and Gimelshein 2018, algorithm 3.
"""

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from ch01_data.files import run_command
from ch03_attention.attention import (
    causal_mask,
    scaled_dot_product_attention,
    share_heads,
)


@dataclass(frozen=True)
class RunningSoftmax:
    """A weighted average that is still being taken, block of keys by block of keys.

    `largest` is the largest score so far, `total` the sum of exp(score - largest), and
    `mixed` the sum of the values, each times its exp(score - largest).

    Shape:   mixed (B, H, _, Dh), total and largest (B, H, _, 1).
    """

    mixed: Tensor
    total: Tensor
    largest: Tensor

    @classmethod
    def start(cls, mixed: Tensor) -> "RunningSoftmax":
        """Begin with no key at all; `mixed` is zeros of the shape to come."""
        total = torch.zeros_like(mixed[..., :1])  # (B, H, _, 1)
        return cls(mixed, total, torch.full_like(total, -math.inf))

    def add(self, scores: Tensor, v: Tensor) -> "RunningSoftmax":
        """Take in one more block of keys.

        Where a larger score than all before turns up, what was summed so far shrinks by
        exp(old largest - new largest), as if it had been measured from there.

        Shape:   scores (B, H, _, _), v (B, H, _, Dh).
        """
        largest = scores.amax(-1, keepdim=True).maximum(self.largest)  # (B, H, _, 1)
        # A row that may see nothing yet has no largest score; any number will do.
        level = largest.masked_fill(largest == -math.inf, 0.0)  # (B, H, _, 1)
        powers = (scores - level).exp()  # (B, H, _, _)
        shrink = (self.largest - level).exp()  # (B, H, _, 1)
        mixed = self.mixed * shrink + powers @ v  # (B, H, _, Dh)
        total = self.total * shrink + powers.sum(-1, keepdim=True)  # (B, H, _, 1)
        return RunningSoftmax(mixed, total, largest)

    def finish(self) -> tuple[Tensor, Tensor]:
        """Return the average, and the logarithm of the sum of exp(score) of each row.

        Shape:   (B, H, _, Dh) and (B, H, _, 1).
        """
        return self.mixed / self.total, self.largest + self.total.log()


@dataclass(frozen=True)
class Tiling:
    """Which tiles of the T by S matrix are looked at, and what is hidden in each.

    `mask` is a boolean mask that may broadcast to (B, H, T, S), True = may attend.
    """

    n_queries: int
    n_keys: int
    block_size: int
    causal: bool
    mask: Tensor | None = None
    device: torch.device | None = None

    def row_blocks(self) -> list[slice]:
        """Return the blocks of queries."""
        return blocks(self.n_queries, self.block_size)

    def visible(self, rows: slice) -> Iterator[tuple[slice, Tensor | None]]:
        """Yield each block of keys that some of the queries may see, with its mask.

        The queries are the last of the positions: a cache holds the earlier ones.
        """
        before = self.n_keys - self.n_queries
        seen = before + rows.stop if self.causal else self.n_keys
        for columns in blocks(seen, self.block_size):
            hidden = None
            if self.causal and columns.stop > before + rows.start + 1:
                n_rows = rows.stop - rows.start
                last = causal_mask(n_rows, seen, device=self.device)
                hidden = ~last[:, columns]
            if self.mask is not None:
                given = ~self.mask[..., rows, columns]
                if given.all():
                    continue
                hidden = given if hidden is None else hidden | given
            yield columns, hidden


def blocks(length: int, block_size: int) -> list[slice]:
    """Cut a length into slices; the last may be shorter."""
    starts = range(0, length, block_size)
    return [slice(start, min(start + block_size, length)) for start in starts]


def tile_scores(q: Tensor, k: Tensor, hidden: Tensor | None) -> Tensor:
    """Return one tile of scores, minus infinity where it is hidden.

    Shape:   q (B, H, _, Dh), k (B, H, _, Dh)  ->  (B, H, _, _).
    """
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # (B, H, _, _)
    return scores if hidden is None else scores.masked_fill(hidden, -math.inf)


class _Flash(torch.autograd.Function):
    """The two loops over tiles: one for the output, one for the gradients."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, q: Tensor, k: Tensor, v: Tensor, tiling: Tiling
    ) -> Tensor:
        """Run the softmax over each row of tiles; keep one number a row for later."""
        wide = torch.promote_types(q.dtype, torch.float32)
        out = q.new_empty(*q.shape[:-1], v.shape[-1])  # (B, H, T, Dh)
        log_sums = q.new_empty(*q.shape[:-1], 1, dtype=wide)  # (B, H, T, 1)
        for rows in tiling.row_blocks():
            running = RunningSoftmax.start(
                torch.zeros_like(out[:, :, rows], dtype=wide)
            )
            for columns, hidden in tiling.visible(rows):
                q_tile, k_tile, v_tile = cut_tile(q, k, v, rows, columns, wide)
                running = running.add(tile_scores(q_tile, k_tile, hidden), v_tile)
            out[:, :, rows], log_sums[:, :, rows] = running.finish()
        ctx.save_for_backward(q, k, v, out, log_sums)
        ctx.tiling = tiling
        return out

    @staticmethod
    @once_differentiable
    def backward(
        ctx: FunctionCtx, d_out: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, None]:
        """Compute every tile of weights again and pass the gradient through it."""
        q, k, v, out, log_sums = ctx.saved_tensors
        wide = log_sums.dtype
        d_q, d_k, d_v = (torch.zeros_like(x, dtype=wide) for x in (q, k, v))
        for rows in ctx.tiling.row_blocks():
            slope = d_out[:, :, rows].to(wide)  # (B, H, _, Dh)
            # What a row gains by growing as a whole; shares cannot, so it is taken off.
            mean = (slope * out[:, :, rows]).sum(-1, keepdim=True)  # (B, H, _, 1)
            for columns, hidden in ctx.tiling.visible(rows):
                q_tile, k_tile, v_tile = cut_tile(q, k, v, rows, columns, wide)
                scores = tile_scores(q_tile, k_tile, hidden)  # (B, H, _, _)
                weights = (scores - log_sums[:, :, rows]).exp()  # (B, H, _, _)
                d_weights = slope @ v_tile.transpose(-2, -1)  # (B, H, _, _)
                d_scores = weights * (d_weights - mean) / math.sqrt(q.shape[-1])
                d_q[:, :, rows] += d_scores @ k_tile
                d_k[:, :, columns] += gather(d_scores.transpose(-2, -1) @ q_tile, k)
                d_v[:, :, columns] += gather(weights.transpose(-2, -1) @ slope, v)
        return d_q.to(q.dtype), d_k.to(k.dtype), d_v.to(v.dtype), None


def cut_tile(
    q: Tensor, k: Tensor, v: Tensor, rows: slice, columns: slice, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor]:
    """Cut one tile's queries, keys and values out, the shared heads repeated.

    Shape:   q (B, H, T, Dh), k and v (B, K, S, Dh)  ->  three of (B, H, _, Dh).
    """
    n_heads = q.shape[1]
    k_tile = share_heads(k[:, :, columns], n_heads)  # (B, H, _, Dh)
    v_tile = share_heads(v[:, :, columns], n_heads)  # (B, H, _, Dh)
    return q[:, :, rows].to(dtype), k_tile.to(dtype), v_tile.to(dtype)


def gather(d_tile: Tensor, shared: Tensor) -> Tensor:
    """Add up the gradients of the query heads that share a key-value head.

    Shape:   d_tile (B, H, _, Dh), shared (B, K, S, Dh)  ->  (B, K, _, Dh).
    """
    n_kv_heads = shared.shape[1]
    return d_tile.unflatten(1, (n_kv_heads, -1)).sum(2)  # (B, K, _, Dh)


def flash_attention(
    q: Tensor, k: Tensor, v: Tensor, causal: bool = True, block_size: int = 64
) -> Tensor:
    """Mix values by similarity in tiles, in memory that grows with T, not with T * T.

    Causal means that the queries are the last T of S positions and none looks ahead.

    Shape:   q (B, H, T, Dh), k and v (B, K, S, Dh) with K dividing H  ->
             (B, H, T, Dh).
    Raises:  ValueError if K does not divide H, if a causal query has no key of its own,
             or if the block is empty.
    Source:  Dao 2023, algorithms 1 and 2.
    """
    tiling = Tiling(q.shape[2], k.shape[2], block_size, causal, device=q.device)
    return _attend(q, k, v, tiling)


def flash_attend(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, block_size: int = 64
) -> Tensor:
    """Do the same under any boolean mask: the `attend` of CausalSelfAttention.

    Tiles in which the mask hides everything are skipped, be they in the future, out of
    a sliding window or in another document. The mask itself is the caller's, and T by S
    bytes large.

    Shape:   q (B, H, T, Dh), k and v (B, K, S, Dh) with K dividing H, mask
             broadcastable to (B, H, T, S), True = may attend  ->  (B, H, T, Dh).
    Raises:  ValueError if K does not divide H, if the mask is not boolean, or if the
             block is empty.
    """
    size = (q.shape[2], k.shape[2])
    if mask is not None:
        if mask.dtype != torch.bool:
            raise ValueError(
                f"the mask is of type {mask.dtype}; give booleans, True = may attend"
            )
        mask = mask.expand(*mask.shape[:-2], *size)  # a view: nothing is copied
    return _attend(q, k, v, Tiling(*size, block_size, causal=False, mask=mask))


def _attend(q: Tensor, k: Tensor, v: Tensor, tiling: Tiling) -> Tensor:
    """Refuse what does not fit, then go through the tiles."""
    if tiling.block_size < 1:
        raise ValueError(f"block_size is {tiling.block_size}: 1 is the least")
    if tiling.causal and tiling.n_keys < tiling.n_queries:
        raise ValueError(
            f"{tiling.n_queries} queries but only {tiling.n_keys} keys: a causal query "
            "needs its own key"
        )
    if q.shape[1] % k.shape[1]:
        raise ValueError(
            f"{q.shape[1]} query heads cannot share {k.shape[1]} key-value heads evenly"
        )
    # Autocast would take the scores in half precision going forward and not going back.
    with torch.autocast(q.device.type, enabled=False):
        return _Flash.apply(q, k, v, tiling)


def main(argv: list[str] | None = None) -> int:
    """Compare attention in tiles with the plain one on random numbers."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--tokens", type=int, default=200, help="sequence length T")
    parser.add_argument("--n-heads", type=int, default=4, help="query heads")
    parser.add_argument("--n-kv-heads", type=int, default=2, help="key-value heads")
    parser.add_argument("--d-head", type=int, default=32, help="width of a head")
    parser.add_argument("--block-size", type=int, default=64, help="side of a tile")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    def show() -> None:
        if min(args.tokens, args.n_heads, args.n_kv_heads, args.d_head) < 1:
            raise ValueError("tokens, heads and width: 1 is the least of each")
        torch.manual_seed(args.seed)
        q = torch.randn(1, args.n_heads, args.tokens, args.d_head)
        k, v = torch.randn(2, 1, args.n_kv_heads, args.tokens, args.d_head)
        mask = causal_mask(args.tokens, args.tokens)
        plain = scaled_dot_product_attention(q, k, v, mask)
        tiled = flash_attention(q, k, v, block_size=args.block_size)
        tiling = Tiling(args.tokens, args.tokens, args.block_size, causal=True)
        rows = tiling.row_blocks()
        computed = sum(1 for row in rows for _ in tiling.visible(row))
        print(f"{computed} of {len(rows) ** 2} tiles computed")
        print(f"largest difference {(plain - tiled).abs().max().item():.1e}")

    return run_command(show)


if __name__ == "__main__":
    raise SystemExit(main())
