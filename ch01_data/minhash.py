"""MinHash and banding: short signatures that let similar texts find each other.

MinHash: number all 5-grams in a random order and note the smallest number in each set.
The two smallest are equal exactly when the smallest of (A or B) lies in (A and B),
which happens with probability Jaccard(A, B) = |A and B| / |A or B|. With 128 random
orders, the share of equal entries in two signatures estimates the Jaccard similarity,
whatever the length of the documents.

Banding (locality-sensitive hashing, LSH): cut each signature into bands of r entries
and compare only documents that agree in at least one whole band. A pair of similarity s
does so with probability 1 - (1 - s^r)^bands, an S-curve: almost certain above the
threshold, rare far below.

    document 1   17 4 88 | 5 90 12 | 61 3 7 | ...
    document 2   17 9 88 | 5 90 12 | 44 3 7 | ...    the second band agrees: a candidate

A band is kept as one number of 8 bytes, its key. Signatures are forgotten: 21 keys are
168 bytes a document, a third of the signature, and may lie on disk band by band.
"""

import argparse
from collections.abc import Iterable

import numpy as np

from ch01_data.files import run_command
from ch01_data.shingles import in_batches, odd_powers, scramble, shingles

BLOCK_SHINGLES = 1 << 13  # 128 x 8,192 x 4 bytes = 4 MB: stays in a processor's cache
RECALL_AT_THRESHOLD = 0.998
NO_SHINGLE = np.uint32(2**32 - 1)  # the signature of a text without words
NO_KEY = np.uint64(0)  # the band keys of a text without words


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
    for batch in in_batches(texts):
        values, bounds = shingles(batch, ngram)
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


def fold_bands(signatures: np.ndarray, bands: int, rows: int) -> np.ndarray:
    """Return one number of 64 bits for each band of each signature (texts, bands).

    It is odd, so that the key of a text without words, 0, is nobody else's.
    """
    power = odd_powers(rows)[0][1:]
    parts = signatures[:, : bands * rows].reshape(len(signatures), bands, rows)
    keys = scramble(parts.astype(np.uint64) @ power) | np.uint64(1)
    keys[(signatures == NO_SHINGLE).all(axis=1)] = NO_KEY
    return keys


def band_keys(
    texts: Iterable[str],
    bands: int,
    rows: int,
    *,
    n_permutations: int = 128,
    ngram: int = 5,
    seed: int = 0,
) -> np.ndarray:
    """Return the band keys of texts, uint64 (texts, bands); 0 for a text without words.

    Each text's keys depend on that text alone, so any batches give the same rows.
    """
    return fold_bands(minhash(texts, n_permutations, ngram, seed), bands, rows)


def main(argv: list[str] | None = None) -> int:
    """Print the bands of a threshold and the chance of a pair to be compared."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--threshold", type=float, default=0.8, help="Jaccard, 0 to 1")
    parser.add_argument("--permutations", type=int, default=128)
    arguments = parser.parse_args(argv)

    def command() -> None:
        bands, rows = choose_bands(arguments.threshold, arguments.permutations)
        print(f"{bands} bands of {rows} entries, {8 * bands} bytes a document")
        for tenth in range(11):
            chance = candidate_probability(tenth / 10, bands, rows)
            print(f"similarity {tenth / 10:.1f}   candidate {chance:.6f}")

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
