"""Texts as numbers: one of 64 bits for every word, and for every run of words.

Whoever compares millions of texts cannot compare words: a Python string costs 50 bytes
and each look at it a tenth of a microsecond. Here all words of many texts become one
array of numbers in a handful of array operations, equal words equal numbers, and so do
all runs of n words ("shingles"), all lines, all paragraphs.

One idea serves them all. The hash of a run x_0 x_1 ... is the polynomial

    h = x_0 + x_1 P + x_2 P^2 + ...   modulo 2^64

and a running sum S over everything that was read, S_i = x_0 + x_1 P + ... up to x_i,
holds every run at once: the run from s to e is (S_e - S_s) / P^s. P is odd, so that it
has an inverse modulo 2^64. Words are runs of bytes, shingles are runs of words.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np

BATCH_CHARACTERS = 1 << 18  # texts hashed together; bounds the working memory
BLOCK = 1 << 15  # numbers summed at a time: 256 kB, which a processor's cache holds
MULTIPLIER = 0x9E3779B97F4A7C15  # 2^64 / golden ratio, odd
SPACES = b" \t\n\v\f\r\x1c\x1d\x1e\x1f"  # where str.split() cuts ASCII text
IN_WORD = ~np.isin(np.arange(256), list(SPACES))


class Reread:
    """What can be read again and again: each time, the function opens it anew."""

    def __init__(self, open_again: Callable[[], Iterable]) -> None:
        self.open_again = open_again

    def __iter__(self) -> Iterator:
        return iter(self.open_again())


def in_batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Yield the texts in lists of bounded total length."""
    batch, size = [], 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if size >= BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def word_hashes(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return a 64-bit number for every word of all texts, and where each text begins.

    Words are what whitespace separates. Text i has `values[bounds[i]:bounds[i + 1]]`.
    """
    rows = [t if t.isascii() else " ".join(t.split()) for t in texts]
    parts = [row.encode("utf-8", "surrogatepass") for row in rows]
    codes = np.frombuffer(b" ".join(parts) + b" ", dtype=np.uint8)
    inside = IN_WORD[codes]
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    if inside[0]:
        edges = np.concatenate([[0], edges])
    starts, ends = edges[::2], edges[1::2]
    begins = np.cumsum([0, *(len(part) + 1 for part in parts)])
    return span_hashes(codes, starts, ends), np.searchsorted(starts, begins)


def shingles(texts: Sequence[str], ngram: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers of 64 bits for all word n-grams, and where each text begins.

    Text i has `values[bounds[i]:bounds[i + 1]]`, a repeated n-gram repeatedly. A text
    of fewer than `ngram` words has one shingle, all its words; one without words has
    none.
    """
    words, word_bounds = word_hashes(texts)
    starts, ends, bounds = windows_of(word_bounds, ngram)
    return span_hashes(words, starts, ends), bounds


def shingle_sets(texts: Sequence[str], ngram: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Return the shingles of each text once, in order, and where each text begins."""
    values, bounds = shingles(texts, ngram)
    for begin, end in pairwise(bounds.tolist()):
        values[begin:end].sort()
    first = np.ones(len(values), dtype=bool)
    first[1:] = values[1:] != values[:-1]
    first[bounds[:-1][np.diff(bounds) > 0]] = True
    return values[first], np.concatenate([[0], np.cumsum(first)])[bounds]


def windows_of(
    bounds: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return starts and ends of all runs of `size` within texts, and bounds of those.

    A text shorter than `size` has one run, itself; an empty one has none.
    """
    lengths = np.diff(bounds)
    counts = np.maximum(lengths - size + 1, np.minimum(lengths, 1))
    run_bounds = np.concatenate([[0], np.cumsum(counts)])
    shift = bounds[:-1] - run_bounds[:-1]
    starts = np.arange(run_bounds[-1]) + np.repeat(shift, counts)
    ends = np.minimum(starts + size, np.repeat(bounds[1:], counts))
    return starts, ends, run_bounds


def span_hashes(
    numbers: np.ndarray, starts: np.ndarray, ends: np.ndarray
) -> np.ndarray:
    """Return one number of 64 bits for every run `numbers[start:end]`; 0 for no run.

    Starts must not fall, nor must ends. The running sum is kept for one block at a
    time, so that the memory is a few numbers a run however long the text is.
    """
    power, inverse = odd_powers(BLOCK)
    at_start, back = np.zeros((2, len(starts)), dtype=np.uint64)
    at_end = np.zeros(len(ends), dtype=np.uint64)
    carry = 0
    for begin in range(0, len(numbers) + 1, BLOCK):
        # One more than each number: a run must not equal the same run with zeros added.
        block = np.add(numbers[begin : begin + BLOCK], 1, dtype=np.uint64)
        sums = np.zeros(len(block) + 1, dtype=np.uint64)
        np.cumsum(block * power[: len(block)], out=sums[1:])
        forth, base = pow(MULTIPLIER, begin, 2**64), np.uint64(carry)
        first, last = np.searchsorted(starts, (begin, begin + BLOCK))
        places = starts[first:last] - begin
        at_start[first:last] = sums[places] * np.uint64(forth) + base
        back[first:last] = inverse[places] * np.uint64(pow(forth, -1, 2**64))
        first, last = np.searchsorted(ends, (begin, begin + BLOCK))
        places = ends[first:last] - begin
        at_end[first:last] = sums[places] * np.uint64(forth) + base
        carry = (int(sums[-1]) * forth + carry) % 2**64
    return scramble((at_end - at_start) * back)


@lru_cache(maxsize=4)
def odd_powers(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return P^i and its inverse modulo 2^64, for i from 0 to n."""
    both = []
    for base in (MULTIPLIER, pow(MULTIPLIER, -1, 2**64)):
        series = np.full(n + 1, base, dtype=np.uint64)
        series[0] = 1
        np.cumprod(series, out=series)
        series.flags.writeable = False  # every caller gets this very array
        both.append(series)
    return both[0], both[1]


def scramble(values: np.ndarray) -> np.ndarray:
    """Let every bit of a 64-bit number depend on every other; one to one, 0 to 0.

    Source:  Steele, Lea and Flood 2014, Fast splittable pseudorandom number generators.
    """
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
