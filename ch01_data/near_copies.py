"""Pairs of texts whose similarity is known exactly, and what they show of MinHash.

A rule for finding near copies can be trusted as far as it was tried on copies whose
similarity is known before anything is computed. Here they are built, not measured: all
words of a text differ, so no n-gram occurs twice; a changed word in the middle breaks
exactly n of them, a changed word at place j from the end breaks j.

    one two three four five six seven        3-grams: 5
    one two THREE four five six seven        3 broken, 2 shared: Jaccard 2 / (5 + 3)
"""

import argparse
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ch01_data.files import run_command
from ch01_data.minhash import band_keys, candidate_probability, choose_bands

WORDS = 16**5  # invented ones, of five signs each: 00000 to fffff


@dataclass(frozen=True)
class NearCopies:
    """Two texts and the exact Jaccard similarity of their sets of word n-grams."""

    left: str
    right: str
    similarity: Fraction


def invented_words(rng: random.Random, n: int) -> list[str]:
    """Return n different words of five signs that no language has."""
    return [f"{number:05x}" for number in rng.sample(range(WORDS), n)]


def near_copies(
    rng: random.Random, similarity: float, n_grams: int = 200, ngram: int = 5
) -> NearCopies:
    """Return a text and a copy with changed words, as similar as was asked for.

    The similarity is the nearest that two texts of `n_grams` n-grams each can have:
    s shared ones make s / (2 n_grams - s). Changed words lie anywhere but so far apart
    that no n-gram holds two of them.
    Raises:  ValueError if the similarity is not between 0 and 1.
    """
    if not 0.0 <= similarity <= 1.0:
        raise ValueError(f"similarity is {similarity}, must be between 0 and 1")
    shared = round(2 * n_grams * similarity / (1 + similarity))
    n_words = n_grams + ngram - 1
    words = invented_words(rng, 2 * n_words)
    left, foreign = words[:n_words], words[n_words:]
    right = list(left)
    for place in _broken_places(rng, n_grams, n_grams - shared, ngram):
        right[place] = foreign[place]
    exact = Fraction(shared, 2 * n_grams - shared)
    return NearCopies(" ".join(left), " ".join(right), exact)


def _broken_places(
    rng: random.Random, n_grams: int, broken: int, ngram: int
) -> Sequence[int]:
    """Return places of words that together lie in exactly `broken` n-grams.

    The word at place p lies in the n-grams that begin at p - ngram + 1 to p; those at
    the end of a text lie in fewer, as fewer begin there.
    """
    whole, rest = divmod(broken, ngram)
    slots = (n_grams - rest) // ngram
    places = [ngram * slot + ngram - 1 for slot in rng.sample(range(slots), whole)]
    if rest:  # the first n-gram that holds this word is n_grams - rest
        places.append(n_grams - rest + ngram - 1)
    return places


def chain_of_copies(
    rng: random.Random, length: int, changed: int = 4, n_grams: int = 200
) -> tuple[list[str], Fraction]:
    """Return texts of which each is a near copy of the next, and how near.

    Each link changes `changed` words that no link before it has changed, so that the
    ends are far less similar than neighbours are. N-grams are of five words.
    Raises:  ValueError if the text is too short for so many changes.
    """
    ngram, slots = 5, n_grams // 5
    changes = (length - 1) * changed
    if changes > slots:
        raise ValueError(
            f"{length} texts with {changed} changes between them need "
            f"{changes * ngram} n-grams, they have {n_grams}"
        )
    n_words = n_grams + ngram - 1
    words = invented_words(rng, 2 * n_words)
    text, foreign = words[:n_words], words[n_words:]
    order = rng.sample(range(slots), changes)
    texts = [" ".join(text)]
    for link in range(1, length):
        for slot in order[(link - 1) * changed : link * changed]:
            place = ngram * slot + ngram - 1
            text[place] = foreign[place]
        texts.append(" ".join(text))
    broken = ngram * changed
    return texts, Fraction(n_grams - broken, n_grams + broken)


@dataclass(frozen=True)
class CurvePoint:
    """How many of the pairs of one similarity became candidates, and should have.

    Units:  all are shares from 0 to 1; error is the standard error of `measured` if
            the theory holds.
    """

    similarity: float
    measured: float
    expected: float
    error: float


def s_curve(
    similarities: Sequence[float],
    bands: int,
    rows: int,
    *,
    pairs: int = 500,
    seed: int = 0,
) -> Iterator[CurvePoint]:
    """Yield the measured and the theoretical chance to be a candidate.

    Each point is drawn from `pairs` near copies of exactly one similarity, the possible
    one that is nearest to what was asked for.
    """
    for number, wanted in enumerate(similarities):
        rng = random.Random(f"s-curve {seed} {number}")
        copies = [near_copies(rng, wanted) for _ in range(pairs)]
        left, right = (
            band_keys(side, bands, rows, n_permutations=bands * rows, seed=seed)
            for side in ([c.left for c in copies], [c.right for c in copies])
        )
        exact = float(copies[0].similarity)
        measured = float((left == right).any(axis=1).mean())
        expected = candidate_probability(exact, bands, rows)
        error = float(np.sqrt(expected * (1 - expected) / pairs))
        yield CurvePoint(exact, measured, expected, error)


def main(argv: list[str] | None = None) -> int:
    """Print the measured S-curve beside the theoretical one."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--threshold", type=float, default=0.8, help="Jaccard, 0 to 1")
    parser.add_argument("--permutations", type=int, default=128)
    parser.add_argument("--pairs", type=int, default=500, help="pairs a point")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)

    def command() -> None:
        bands, rows = choose_bands(arguments.threshold, arguments.permutations)
        print(f"{bands} bands of {rows}\nsimilarity  measured  expected  error")
        asked = [step / 20 for step in range(21)]
        curve = s_curve(asked, bands, rows, pairs=arguments.pairs, seed=arguments.seed)
        for point in curve:
            print(
                f"{point.similarity:10.3f}{point.measured:10.4f}{point.expected:10.4f}"
                f"{point.error:7.4f}"
            )

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
