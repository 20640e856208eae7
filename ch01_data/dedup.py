"""Duplicates: equal texts by digest, near ones by MinHash and banding (LSH).

Two documents are near-duplicates when the sets A and B of their word 5-grams overlap:

    Jaccard(A, B) = |A and B| / |A or B|

Comparing all pairs of a million documents is 5 * 10^11 comparisons. Two ideas avoid it.

MinHash: number all 5-grams in a random order and note the smallest number in each set.
The two smallest are equal exactly when the smallest of (A or B) lies in (A and B),
which happens with probability Jaccard(A, B). With 128 random orders, the share of equal
entries in two signatures estimates the Jaccard similarity, whatever the length of the
documents.

LSH: cut each signature into bands of r entries and compare only documents that agree in
at least one whole band. A pair of similarity s does so with probability
1 - (1 - s^r)^bands, an S-curve: almost certain above the threshold, rare far below.

    document 1   17 4 88 | 5 90 12 | 61 3 7 | ...
    document 2   17 9 88 | 5 90 12 | 44 3 7 | ...    the second band agrees: a candidate

Candidates are then compared exactly, so LSH decides what is looked at and never what is
called a duplicate. Pairs are joined into clusters: a chain a-b, b-c is one cluster.
"""

import argparse
import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from ch01_data.files import run_command, write_json
from ch01_data.sources import read_documents

BLOCK_SHINGLES = 1 << 13  # 128 x 8,192 x 4 bytes = 4 MB: stays in a processor's cache
GROUP_CHARACTERS = 1 << 18  # texts hashed together; bounds the working memory
RECALL_AT_THRESHOLD = 0.998
NO_SHINGLE = np.uint32(2**32 - 1)  # the signature of a text without words
MULTIPLIER = 0x9E3779B97F4A7C15  # 2^64 / golden ratio, odd
SPACES = b" \t\n\v\f\r\x1c\x1d\x1e\x1f"  # where str.split() cuts ASCII text


def text_digest(text: str) -> bytes:
    """Return 16 bytes that stand for this text and, in all practice, for no other."""
    data = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=16).digest()


def exact_duplicates(texts: Iterable[str]) -> list[list[int]]:
    """Return clusters (two or more indices) of texts that are equal byte for byte.

    Only a digest of each text is kept, so the texts may stream past.
    """
    groups: dict[bytes, list[int]] = {}
    for index, text in enumerate(texts):
        groups.setdefault(text_digest(text), []).append(index)
    return [group for group in groups.values() if len(group) > 1]


def word_hashes(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return a 64-bit number for every word of all texts, and where each text begins.

    Words are what whitespace separates. Every word is the polynomial sum of its bytes,
    byte_j * P^j modulo 2^64. One running sum over all bytes of all texts gives them
    all: the difference between a word's end and start, divided by P^start (P is odd, so
    it has an inverse modulo 2^64). A final mixing spreads the result over all 64 bits.
    """
    rows = [t if t.isascii() else " ".join(t.split()) for t in texts]
    parts = [row.encode("utf-8", "surrogatepass") for row in rows]
    codes = np.frombuffer(b" ".join(parts) + b" ", dtype=np.uint8)
    inside = ~np.isin(np.arange(256), list(SPACES))[codes]
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    if inside[0]:
        edges = np.concatenate([[0], edges])
    starts, ends = edges[::2], edges[1::2]
    power, inverse = _powers(len(codes))
    sums = np.zeros(len(codes) + 1, dtype=np.uint64)
    np.cumsum((codes + np.uint64(1)) * power[:-1], out=sums[1:])
    values = (sums[ends] - sums[starts]) * inverse[starts]
    begins = np.cumsum([0, *(len(part) + 1 for part in parts)])
    return _mix(values), np.searchsorted(starts, begins)


def shingles(texts: Sequence[str], ngram: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers of 64 bits for all word n-grams, and where each text begins.

    Text i has `values[bounds[i]:bounds[i + 1]]`, a repeated n-gram repeatedly. A text
    of fewer than `ngram` words has one shingle, all its words; one without words has
    none.
    """
    words, word_bounds = word_hashes(texts)
    lengths = np.diff(word_bounds)
    counts = np.maximum(lengths - ngram + 1, np.minimum(lengths, 1))
    bounds = np.concatenate([[0], np.cumsum(counts)])
    shift = word_bounds[:-1] - bounds[:-1]
    starts = np.arange(bounds[-1]) + np.repeat(shift, counts)
    ends = np.repeat(word_bounds[1:], counts)
    short = bool((lengths < ngram).any())
    words = np.concatenate([words, np.zeros(ngram, dtype=np.uint64)])
    values = np.zeros(len(starts), dtype=np.uint64)
    for j, odd in enumerate(_powers(ngram)[0][1:]):
        term = (words * odd)[starts + j]
        if short:  # what lies behind a short text's end belongs to the next text
            term[starts + j >= ends] = 0
        values += term
    return _mix(values), bounds


def minhash(
    texts: Iterable[str], n_permutations: int = 128, ngram: int = 5, seed: int = 0
) -> np.ndarray:
    """Return the MinHash signatures of texts: uint32, one row a text.

    Each column is one random order of all n-grams, h -> a h + b modulo 2^32 with odd a,
    and holds the least value within the text. A text without words has 2^32 - 1
    throughout.
    Source:  Broder 1997, On the resemblance and containment of documents.
    """
    if n_permutations < 1 or ngram < 1:
        raise ValueError(
            f"n_permutations {n_permutations} and ngram {ngram} must be at least 1"
        )
    rng = np.random.default_rng(seed)
    a = rng.integers(2**31, size=n_permutations, dtype=np.uint32) * np.uint32(2)
    a += np.uint32(1)
    b = rng.integers(2**32, size=n_permutations, dtype=np.uint32)
    parts = [np.empty((0, n_permutations), dtype=np.uint32)]
    for group in _groups(texts):
        values, bounds = shingles(group, ngram)
        parts.append(_least((values >> np.uint64(32)).astype(np.uint32), bounds, a, b))
    return np.concatenate(parts)


def _least(
    values: np.ndarray, bounds: np.ndarray, a: np.ndarray, b: np.ndarray
) -> np.ndarray:
    """Return the least a * value + b within each text, for every pair (a, b)."""
    signatures = np.full((len(bounds) - 1, len(a)), NO_SHINGLE, dtype=np.uint32)
    filled = np.flatnonzero(np.diff(bounds))
    begins = bounds[filled]
    buffer = np.empty((len(a), BLOCK_SHINGLES), dtype=np.uint32)
    for start in range(0, len(values), BLOCK_SHINGLES):
        block = values[start : start + BLOCK_SHINGLES]
        orders = buffer[:, : len(block)]
        np.multiply.outer(a, block, out=orders)
        orders += b[:, None]
        first = np.searchsorted(begins, start, side="right") - 1
        last = np.searchsorted(begins, start + len(block))
        segments = np.maximum(begins[first:last] - start, 0)
        least = np.minimum.reduceat(orders, segments, axis=1).T
        rows = filled[first:last]
        signatures[rows] = np.minimum(signatures[rows], least)
    return signatures


def candidate_probability(similarity: float, bands: int, rows: int) -> float:
    """Return the chance that a pair of this Jaccard similarity shares a whole band."""
    return 1.0 - (1.0 - similarity**rows) ** bands


def choose_bands(threshold: float, n_permutations: int = 128) -> tuple[int, int]:
    """Return (bands, rows): the longest bands that still find a pair at the threshold.

    Longer bands mean fewer pairs to compare in vain; 0.998 of the pairs that lie
    exactly on the threshold are still looked at, and more of those above it.
    Raises:  ValueError if the threshold is not above 0 and at most 1.
    """
    if not 0.0 < threshold <= 1.0:
        raise ValueError(f"threshold is {threshold}, must be above 0 and at most 1")
    for rows in range(n_permutations, 1, -1):
        bands = n_permutations // rows
        if candidate_probability(threshold, bands, rows) >= RECALL_AT_THRESHOLD:
            return bands, rows
    return n_permutations, 1


def candidate_groups(
    signatures: np.ndarray, bands: int, rows: int
) -> Iterator[np.ndarray]:
    """Yield sorted indices of texts that agree in one whole band, band by band."""
    power = _powers(rows)[0][1:]
    for band in range(bands):
        part = signatures[:, band * rows : (band + 1) * rows].astype(np.uint64)
        keys = part @ power
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        opens = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
        edges = np.concatenate([[0], opens, [len(keys)]])
        for index in np.flatnonzero(np.diff(edges) > 1):
            yield order[edges[index] : edges[index + 1]]


def near_duplicates(
    texts: Sequence[str],
    threshold: float = 0.8,
    *,
    n_permutations: int = 128,
    ngram: int = 5,
    seed: int = 0,
) -> list[list[int]]:
    """Return clusters (two or more indices) of texts that are nearly the same.

    Two texts are joined if their exact Jaccard similarity over sets of word n-grams is
    at least `threshold`; a cluster is all that joins connect. Texts without words join
    nothing.
    Source:  Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, chapter 3.
    """
    bands, rows = choose_bands(threshold, n_permutations)
    signatures = minhash(texts, n_permutations, ngram, seed)
    with_words = np.flatnonzero((signatures != NO_SHINGLE).any(axis=1))
    found = candidate_groups(signatures[with_words], bands, rows)
    groups = {tuple(with_words[group].tolist()) for group in found}
    sets = _shingle_sets(texts, sorted({i for group in groups for i in group}), ngram)
    joined = _UnionFind(len(texts))
    rejected: set[tuple[int, int]] = set()
    for group in sorted(groups):
        _join(group, sets, threshold, joined, rejected)
    return joined.clusters()


def jaccard(a: set, b: set) -> float:
    """Return |a and b| / |a or b|; 0 where both are empty."""
    shared = len(a & b)
    return shared / max(len(a) + len(b) - shared, 1)


def _join(
    group: tuple[int, ...],
    sets: dict[int, set[int]],
    threshold: float,
    joined: "_UnionFind",
    rejected: set[tuple[int, int]],
) -> None:
    """Compare the pairs of a group that no chain connects yet, and join the similar."""
    for place, left in enumerate(group):
        if len({joined.find(index) for index in group}) == 1:
            return
        for right in group[place + 1 :]:
            pair = (left, right)
            if pair in rejected or joined.find(left) == joined.find(right):
                continue
            if jaccard(sets[left], sets[right]) >= threshold:
                joined.union(left, right)
            else:
                rejected.add(pair)


def _shingle_sets(
    texts: Sequence[str], indices: list[int], ngram: int
) -> dict[int, set[int]]:
    sets, done = {}, 0
    for group in _groups(texts[index] for index in indices):
        values, bounds = shingles(group, ngram)
        numbers = values.tolist()
        for row in range(len(group)):
            begin, end = bounds[row], bounds[row + 1]
            sets[indices[done + row]] = set(numbers[begin:end])
        done += len(group)
    return sets


class _UnionFind:
    """Disjoint sets of 0..n-1; the smallest member stands for its set."""

    def __init__(self, n: int) -> None:
        self.parent = list(range(n))

    def find(self, index: int) -> int:
        parent = self.parent
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    def union(self, left: int, right: int) -> None:
        left, right = self.find(left), self.find(right)
        self.parent[max(left, right)] = min(left, right)

    def clusters(self) -> list[list[int]]:
        """Return the sets of two or more, each in order."""
        members: dict[int, list[int]] = {}
        for index in range(len(self.parent)):
            members.setdefault(self.find(index), []).append(index)
        return [cluster for cluster in members.values() if len(cluster) > 1]


def _groups(texts: Iterable[str]) -> Iterator[list[str]]:
    """Yield the texts in lists of bounded total length."""
    group, size = [], 0
    for text in texts:
        group.append(text)
        size += len(text)
        if size >= GROUP_CHARACTERS:
            yield group
            group, size = [], 0
    if group:
        yield group


def _powers(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return MULTIPLIER^i and its inverse modulo 2^64, for i from 0 to n."""
    both = []
    for base in (MULTIPLIER, pow(MULTIPLIER, -1, 2**64)):
        powers = np.full(n + 1, base, dtype=np.uint64)
        powers[0] = 1
        both.append(np.cumprod(powers, out=powers))
    return both[0], both[1]


def _mix(values: np.ndarray) -> np.ndarray:
    """Let every bit of a 64-bit number depend on every other; one to one.

    Source:  Steele, Lea and Flood 2014, Fast splittable pseudorandom number generators.
    """
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def main(argv: list[str] | None = None) -> int:
    """Find the duplicates in a source and print how many there are."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--source", required=True, help="pylib, a file, folder or glob")
    parser.add_argument("--threshold", type=float, default=0.8, help="Jaccard, 0 to 1")
    parser.add_argument("--ngram", type=int, default=5, help="words in a shingle")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", help="write the clusters to this JSON file")
    arguments = parser.parse_args(argv)

    def command() -> None:
        documents = list(read_documents(arguments.source))
        texts = [document.text for document in documents]
        begun = time.perf_counter()
        exact = exact_duplicates(texts)
        near = near_duplicates(
            texts, arguments.threshold, ngram=arguments.ngram, seed=arguments.seed
        )
        seconds = time.perf_counter() - begun
        print(
            f"{len(texts):,} documents in {seconds:.1f} s: {len(exact):,} clusters of "
            f"equal texts, {len(near):,} of nearly equal ones (equal ones included)"
        )
        if arguments.out:
            names = [[documents[index].id for index in cluster] for cluster in near]
            write_json(arguments.out, names)

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
