"""Duplicates in a corpus that is larger than memory: decided on numbers, not on texts.

Equal texts have equal digests, which every corpus on disk has beside its rows. For
texts that are nearly equal, the corpus is read again, and each text becomes one number
of 8 bytes for every band of its MinHash signature. Equal numbers in a band are
candidates, and the few texts that are candidates are read once more and compared.

                     text        digest     band 0     band 1  ...
    document 17   "One day..."   9f 02 ..   71f3..     0a84..
    document 18   "A fox ..."    1c 77 ..   5520..     0a84..    agree in band 1

One column at a time is in memory, so 800 bytes of text cost about 60 bytes. The outcome
is that of `near_duplicates` over the same texts: a test holds the two together.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ch01_data.dedup import (
    MULTIPLIER,
    NO_SHINGLE,
    choose_bands,
    minhash,
    shingles,
    text_digest,
)
from ch01_data.engine import Engine
from ch01_data.spool import LENGTH, Columns, Spool

DIGEST, WORDED = "digest", "worded"
N_PERMUTATIONS, NGRAM = 128, 5
TEXT_BYTES_AT_ONCE = 4_000_000  # of candidates that are read again together
CACHE_BYTES = 32_000_000  # of shingles of candidates
REJECTED_AT_ONCE = 200_000  # unlike pairs that are not compared again


def digest_column(texts: Sequence[str]) -> np.ndarray:
    """Return the digests of texts, 16 bytes each."""
    return np.frombuffer(b"".join(map(text_digest, texts)), dtype="S16")


def equal_rows(spool: Spool, kept: np.ndarray) -> np.ndarray:
    """Return those of the `kept` rows whose text came before among them."""
    _, first = np.unique(spool.column(DIGEST)[kept], return_index=True)
    return np.delete(kept, first)


def band_columns(
    texts: Sequence[str], threshold: float, seed: int = 0
) -> dict[str, np.ndarray]:
    """Return a column of 64-bit numbers for each band, and which texts have words.

    Texts whose signatures agree in a band have the same number there.
    """
    bands, rows = choose_bands(threshold, N_PERMUTATIONS)
    signatures = minhash(texts, N_PERMUTATIONS, NGRAM, seed)
    odd = [pow(MULTIPLIER, power, 2**64) for power in range(1, rows + 1)]
    used = signatures[:, : bands * rows].reshape(-1, bands, rows).astype(np.uint64)
    keys = used @ np.array(odd, dtype=np.uint64)
    columns = {_band_name(band): keys[:, band] for band in range(bands)}
    return {**columns, WORDED: (signatures != NO_SHINGLE).any(axis=1)}


def nearly_equal_rows(
    spool: Spool,
    kept: np.ndarray,
    batches: Iterator[list[str]],
    engine: Engine,
    folder: Path,
    threshold: float,
    seed: int = 0,
) -> np.ndarray:
    """Return those of the `kept` rows that are like an earlier one of them.

    `batches` are the texts of these rows. Rows are joined where the exact Jaccard
    similarity of their sets of word 5-grams reaches the threshold; of all that joins
    connect, the first stays.
    """
    columns = Columns(folder)
    sign = partial(band_columns, threshold=threshold, seed=seed)
    for part in engine.run(sign, batches):
        columns.append(part)
    worded = np.flatnonzero(columns.column(WORDED))
    kept = kept[worded]
    joined, cache = _Forest(len(kept)), _ShingleCache(spool, kept)
    rejected: set[int] = set()
    for band in range(choose_bands(threshold, N_PERMUTATIONS)[0]):
        keys = columns.column(_band_name(band))[worded]
        for groups in _portions(_equal_places(keys), joined, cache.text_bytes):
            cache.load(sorted({place for group in groups for place in group}))
            for group in groups:
                _join_alike(group, cache, threshold, joined, rejected)
    return kept[joined.roots() != np.arange(len(kept))]


def _band_name(band: int) -> str:
    return f"band-{band:03}"


def _equal_places(keys: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the places of each number that stands in the column more than once."""
    order = np.argsort(keys, kind="stable")
    same = keys[order[1:]] == keys[order[:-1]]
    edges = np.flatnonzero(np.diff(np.concatenate([[False], same, [False]])))
    for begin, end in edges.reshape(-1, 2):
        yield order[begin : end + 1]


class _Forest:
    """Disjoint sets of 0..n-1 in one array; the least member stands for its set."""

    def __init__(self, n: int) -> None:
        self.parent = np.arange(n)

    def find(self, index: int) -> int:
        parent = self.parent
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = int(parent[index])
        return index

    def join(self, left: int, right: int) -> None:
        left, right = self.find(left), self.find(right)
        self.parent[max(left, right)] = min(left, right)

    def are_one(self, members: Sequence[int]) -> bool:
        return len({self.find(member) for member in members}) == 1

    def roots(self) -> np.ndarray:
        roots = self.parent
        while (roots[roots] != roots).any():
            roots = roots[roots]
        return roots


class _ShingleCache:
    """The shingles of candidates, read from the spool again; the oldest are dropped."""

    def __init__(self, spool: Spool, kept: np.ndarray) -> None:
        self.spool, self.kept = spool, kept
        self.text_bytes = spool.column(LENGTH)[kept]
        self.held: OrderedDict[int, np.ndarray] = OrderedDict()
        self.n_bytes = 0

    def load(self, places: Sequence[int]) -> None:
        """Read the texts at these places (indices into `kept`), many at once."""
        absent = [place for place in places if place not in self.held]
        texts = [d.text for d in self.spool.documents(self.kept[absent])]
        if not texts:
            return
        values, bounds = shingles(texts, NGRAM)
        for row, place in enumerate(absent):
            self.held[place] = np.unique(values[bounds[row] : bounds[row + 1]])
            self.n_bytes += self.held[place].nbytes

    def get(self, place: int) -> np.ndarray:
        """Return the distinct shingles of one text, sorted."""
        if place not in self.held:
            self.load([place])
        found = self.held[place]
        self.held.move_to_end(place)
        while self.n_bytes > CACHE_BYTES and len(self.held) > 2:
            self.n_bytes -= self.held.popitem(last=False)[1].nbytes
        return found


def _alike(left: np.ndarray, right: np.ndarray, threshold: float) -> bool:
    """Tell whether two sorted sets of numbers have this Jaccard similarity.

    It is at most the ratio of their sizes, so sets of unlike sizes are not compared.
    """
    small, large = sorted((len(left), len(right)))
    if small / large < threshold:
        return False
    both = np.concatenate([left, right])
    both.sort(kind="stable")
    shared = int((both[1:] == both[:-1]).sum())
    return shared / (len(both) - shared) >= threshold


def _portions(
    groups: Iterator[np.ndarray], joined: _Forest, text_bytes: np.ndarray
) -> Iterator[list[list[int]]]:
    """Yield the groups that are not yet one set, as many as are read again at once."""
    portion, size = [], 0
    for group in groups:
        members = group.tolist()
        if not joined.are_one(members):
            portion.append(members)
            size += int(text_bytes[group].sum())
        if size >= TEXT_BYTES_AT_ONCE:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _join_alike(
    group: list[int],
    cache: _ShingleCache,
    threshold: float,
    joined: _Forest,
    rejected: set[int],
) -> None:
    """Compare the pairs of a group that nothing connects yet, and join the similar."""
    for number, left in enumerate(group):
        if joined.are_one(group):
            return
        for right in group[number + 1 :]:
            pair = (left << 32) + right
            if pair in rejected or joined.find(left) == joined.find(right):
                continue
            if _alike(cache.get(left), cache.get(right), threshold):
                joined.join(left, right)
                continue
            if len(rejected) >= REJECTED_AT_ONCE:
                rejected.clear()
            rejected.add(pair)
