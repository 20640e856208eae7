"""Pack rows more tightly than best fit can, by keeping the mix of lengths even.

Best-fit decreasing (`shards.pack`) takes the largest pieces first and so puts long
documents together; the short ones are left among themselves. Where half of the
documents are 110 tokens long and half 160 or more, a row of 384 then holds
160 + 160 or 110 + 110 + 110, and both leave a hole that 110 + 110 + 160 does not. Here
each row is the combination of the highest worth that fits, found by a small knapsack
table, and a length that is taken less often than the others rises in worth, so that
long and short run out together and no awkward rest remains. Where lengths are spread
evenly, best fit is the better of the two: `tightest` tries both.
"""

from collections.abc import Iterator

import numpy as np

from ch02_tokenization.shards import pack

ROUNDS = 300  # different rows that are tried for a corpus; each is used many times
MAX_KINDS = 64  # lengths that one row chooses from
MAX_PIECES = 12  # pieces chosen for one row; with more, best fit is as good


def tightest(
    sizes: np.ndarray,
    opens: np.ndarray,
    capacity: int,
    rng: np.random.Generator,
) -> list[list[int]]:
    """Return the fewer rows of best fit and even mix; takes the same as `pack`."""
    fitted = pack(sizes, opens, capacity, rng)
    return min(fitted, even_mix(sizes, opens, capacity, rng), key=len)


def even_mix(
    sizes: np.ndarray,
    opens: np.ndarray,
    capacity: int,
    rng: np.random.Generator,
) -> list[list[int]]:
    """Put pieces into rows of `capacity` so that what is left keeps the mix of sizes.

    Takes and returns the same as `shards.pack`: a piece marked in `opens` is the first
    of its row.

    Source:  patterns by knapsack: Gilmore and Gomory 1961; weights that even out what
             is covered: Plotkin, Shmoys and Tardos 1995.
    """
    kinds, kind_of, total = np.unique(
        2 * sizes + opens, return_inverse=True, return_counts=True
    )
    kind_sizes, kind_opens = kinds // 2, kinds % 2 == 1
    shuffled = rng.permutation(len(sizes))
    by_kind = shuffled[np.argsort(kind_of[shuffled], kind="stable")]
    queues = [part.tolist() for part in np.split(by_kind, np.cumsum(total)[:-1])]
    left = total.copy()
    at_once = max(1, int(sizes.sum()) // (capacity * ROUNDS))
    rows = []
    while left.any():
        worth = kind_sizes * (1 + left / total - left.sum() / total.sum())
        offered = choose_kinds(left, kind_opens, rng)
        chosen = best_row(kind_sizes, kind_opens, worth, offered, capacity)
        pattern, wanted = np.unique(chosen, return_counts=True)
        wanted = np.minimum(wanted, left[pattern])
        repeats = min(at_once, int((left[pattern] // wanted).min()))
        left[pattern] -= wanted * repeats
        first = np.argsort(~kind_opens[pattern], kind="stable")
        chosen = np.repeat(pattern[first], wanted[first]).tolist()
        rows += [[queues[kind].pop() for kind in chosen] for _ in range(repeats)]
    return rows


def choose_kinds(
    left: np.ndarray, opens: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return the kinds that one row may choose from: all that are left, or a sample."""
    both = (np.flatnonzero((left > 0) & opens), np.flatnonzero((left > 0) & ~opens))
    return np.concatenate(
        [np.sort(rng.permutation(kinds)[:MAX_KINDS]) for kinds in both]
    )


def best_row(
    sizes: np.ndarray,
    opens: np.ndarray,
    worth: np.ndarray,
    offered: np.ndarray,
    capacity: int,
) -> list[int]:
    """Return the offered kinds that fit into one row and are worth most together.

    A kind may come several times, one that opens a row at most once.
    """
    inner, outer = offered[~opens[offered]], offered[opens[offered]]
    room = capacity
    # What each opening piece is worth with the best filling behind it; or none at all.
    table = list(fill_table(sizes[inner], worth[inner], capacity))
    values = table[-1][0]
    chosen = []
    if len(outer):
        together = worth[outer] + values[capacity - sizes[outer]]
        best = int(together.argmax())
        if together[best] >= values[capacity]:
            chosen.append(int(outer[best]))
            room -= int(sizes[outer[best]])
    for _, picks in reversed(table[1:]):
        if picks[room] >= 0:
            chosen.append(int(inner[picks[room]]))
            room -= int(sizes[inner[picks[room]]])
    return chosen


def fill_table(
    sizes: np.ndarray, worth: np.ndarray, capacity: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield, for 0, 1, 2 ... pieces, the best worth in each room and the last piece.

    Room counts from 0 to `capacity`; the piece is -1 where nothing fits.
    """
    values, picks = np.zeros(capacity + 1), np.full(capacity + 1, -1)
    yield values, picks
    if not len(sizes):
        return
    behind = np.arange(capacity + 1)[:, None] - sizes
    gain = np.where(behind >= 0, worth, -np.inf)
    behind = np.maximum(behind, 0)
    everywhere = np.arange(capacity + 1)
    for _ in range(MAX_PIECES):
        candidates = values[behind] + gain
        picks = candidates.argmax(axis=1)
        better = np.maximum(candidates[everywhere, picks], 0)
        picks[better <= 0] = -1
        yield better, picks
        if (better == values).all():
            return
        values = better
