"""Texts as numbers: every word, pair of words and run of four bytes has a column.

Nobody has to choose what a classifier looks at, and no table of it has to be kept: each
n-gram is hashed to one of 2^18 columns. That two n-grams share a column now and then
costs little.

    "Room 101!"  ->  " room 000! "   small letters, every digit a 0, one space for many
    words        room  000  !
    pairs        room 000, 000 !
    runs         " roo" "room" "oom " "om 0" "m 00" " 000" "000!" "00! "

All texts of a batch are one array of bytes, and each step is one operation on it; a
loop over words would take twenty times as long.
Source:  Weinberger et al. 2009, Feature hashing for large scale multitask learning.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ch01_data.shingles import MULTIPLIER, scramble, span_hashes

BITS = 18
RUN = 4  # bytes in a run
SILENT = 10  # votes of zero beside those of a text: two words are no evidence
MAX_CHARACTERS = 2048  # of a text; enough to know what it is
BATCH_BYTES = 1 << 16  # hashed together, so that the arrays stay in the cache
_SPACE, _WORD, _MARK = 0, 1, 2
_KIND = np.array(
    [
        _SPACE
        if c <= 32
        else _WORD
        if chr(c).isalnum() or c > 127 or c == 95
        else _MARK
        for c in range(256)
    ],
    dtype=np.uint8,
)
# What every byte is read as: a digit as 0, white space as a space, a capital as small.
_READ = bytes(
    48 if 48 <= c <= 57 else 32 if c <= 32 else c + 32 if 65 <= c <= 90 else c
    for c in range(256)
)
_QUOTES, _APOSTROPHES = re.compile("[“”„«»]"), re.compile("[‘’]")


class Grams(NamedTuple):
    """The n-grams of one sort: text i has `columns[starts[i]:ends[i]]`."""

    columns: np.ndarray
    starts: np.ndarray
    ends: np.ndarray

    def means(self, votes: np.ndarray, silent: float = SILENT) -> np.ndarray:
        """Return the mean of the votes of each text's columns and of SILENT zeros."""
        # Zeros behind, where a text without n-grams at the end of a batch may point.
        cast = np.append(votes[self.columns], np.zeros(RUN, votes.dtype))
        edges = np.stack([self.starts, self.ends], axis=1).ravel()
        sums = np.add.reduceat(cast, edges, dtype=np.float64)[::2]
        counts = self.ends - self.starts
        return np.where(counts > 0, sums, 0.0) / (counts + silent)


def ngrams(texts: Sequence[str], bits: int = BITS) -> tuple[Grams, Grams, Grams]:
    """Return the words, the pairs of words and the runs of four bytes of texts.

    Of each text the first 2,048 characters are read, and their order is kept.
    """
    codes, begins = _joined([_head(text) for text in texts])
    starts, ends = _word_spans(codes)
    numbers = span_hashes(codes, starts, ends)
    pairs = scramble(numbers[:-1] * np.uint64(MULTIPLIER) + numbers[1:])
    edges = np.searchsorted(starts, begins)
    first, last = edges[:-1], edges[1:]
    shift = np.uint64(64 - bits)
    return (
        Grams((numbers >> shift).astype(np.intp), first, last),
        Grams((pairs >> shift).astype(np.intp), first, np.maximum(last - 1, first)),
        _runs(codes, begins, bits),
    )


def runs_of(texts: Sequence[str], bits: int = BITS) -> Grams:
    """Return the runs of four bytes alone."""
    return _runs(*_joined([_head(text) for text in texts]), bits)


def ngram_batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Yield the texts in lists that are hashed together."""
    batch, size = [], 0
    for text in texts:
        batch.append(text)
        size += min(len(text), MAX_CHARACTERS)
        if size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _head(text: str) -> bytes:
    head = text[:MAX_CHARACTERS]
    if not head.isascii():
        head = _APOSTROPHES.sub("'", _QUOTES.sub('"', head.lower()))
    return head.encode("utf-8", "replace")


def _joined(parts: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Return all texts as bytes, a space before each and one at the end, and bounds.

    Of several spaces only the last stays, and that is the one before the next text.
    """
    joined = b" " + b" ".join(parts) + b" "
    codes = np.frombuffer(joined.translate(_READ), dtype=np.uint8)
    space = codes == 32
    doubled = np.flatnonzero(space[:-1] & space[1:])
    begins = np.cumsum([0, *(len(part) + 1 for part in parts)])
    return np.delete(codes, doubled), begins - np.searchsorted(doubled, begins)


def _word_spans(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where each word or mark starts and ends; every mark is one of its own."""
    kind = _KIND[codes]
    edge = kind[1:] != kind[:-1]
    edge |= kind[1:] == _MARK
    starts = np.append(0, np.flatnonzero(edge) + 1)
    ends = np.append(starts[1:], len(codes))
    told = kind[starts] != _SPACE
    return starts[told], ends[told]


def _runs(codes: np.ndarray, begins: np.ndarray, bits: int) -> Grams:
    """Return the columns of the runs of four bytes that begin at each byte.

    A text's last run ends with the space before the next text.
    """
    n = max(len(codes) - RUN + 1, 0)
    runs = np.ndarray(n, "<u4", np.ascontiguousarray(codes), strides=(1,)).copy()
    runs *= np.uint32(0x9E3779B1)
    runs ^= runs >> np.uint32(15)
    runs *= np.uint32(0x85EBCA77)
    runs >>= np.uint32(32 - bits)
    ends = np.maximum(begins[1:] - 2, begins[:-1])
    return Grams(runs.astype(np.intp), begins[:-1], ends)
