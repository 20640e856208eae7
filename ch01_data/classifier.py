"""Logistic regression on hashed n-grams: the classifier behind two learned filters.

A text becomes a long, sparse row of numbers: each word, each pair of words and each run
of four characters in it is hashed to one of 2^18 columns and counted. Nobody has to
choose the features, and no table of them has to be kept; that two n-grams share a
column now and then costs little. The probability that a text belongs to the class is

    p = 1 / (1 + exp(-(w . x + b)))

and training makes the mean surprise, -ln p of the right answer, plus a penalty on the
square of w, as small as it gets. That function has one minimum, so the result depends
on the data alone: nothing is drawn at random, and two machines agree.
Source:  Weinberger et al. 2009, Feature hashing for large scale multitask learning;
         Nesterov 1983 (the accelerated descent).
"""

import io
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ch01_data.files import atomic_path

BITS = 18
PENALTY = 1e-3
RUN = 4  # characters in a run
MAX_CHARACTERS = 2048  # of a window; enough to know what a text is
_DIGITS = re.compile(r"\d")
_WORD = re.compile(r"\w+|[^\w\s]")
_ODD = np.uint64(0x9E3779B97F4A7C15)


class Rows(NamedTuple):
    """Sparse rows: row i has `columns[bounds[i]:bounds[i + 1]]` with their `values`."""

    columns: np.ndarray
    values: np.ndarray
    bounds: np.ndarray


def hashed_rows(texts: Iterable[str], bits: int = BITS) -> Rows:
    """Turn texts into sparse rows of length one.

    A column's value grows with the root of its count, so that the tenth "buy" says less
    than the first.
    """
    columns, values, bounds = [], [], [0]
    for text in texts:
        found, counts = np.unique(_hashes(text, bits), return_counts=True)
        weights = np.sqrt(counts).astype(np.float32)
        columns.append(found.astype(np.int32))
        values.append(weights / max(float(np.sqrt(counts.sum())), 1.0))
        bounds.append(bounds[-1] + len(found))
    empty = np.zeros(0, np.int32), np.zeros(0, np.float32)
    return Rows(
        np.concatenate([*columns, empty[0]]),
        np.concatenate([*values, empty[1]]),
        np.array(bounds, dtype=np.int64),
    )


def _hashes(text: str, bits: int) -> np.ndarray:
    """Return the columns of all n-grams of a text, in lower case, each digit a 0."""
    text = _DIGITS.sub("0", " ".join(text[:MAX_CHARACTERS].split()).lower())
    words = _WORD.findall(text)
    pairs = map(" ".join, zip(words, words[1:]))
    grams = [zlib.crc32(gram.encode("utf-8", "replace")) for gram in (*words, *pairs)]
    codes = np.frombuffer(f" {text} ".encode("utf-8", "replace"), dtype=np.uint8)
    runs = np.zeros(max(len(codes) - RUN + 1, 0), dtype=np.uint64)
    for place in range(RUN):
        runs = runs << np.uint64(8) | codes[place : place + len(runs)]
    both = np.concatenate([np.array(grams, dtype=np.uint64), runs << np.uint64(32)])
    mixed = (both ^ (both >> np.uint64(29))) * _ODD
    return (mixed ^ (mixed >> np.uint64(32))) * _ODD >> np.uint64(64 - bits)


def fit_logistic(
    rows: Rows, truth: np.ndarray, penalty: float = PENALTY, steps: int = 120
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return (columns, weights, bias) of the least penalised mean surprise.

    Both classes weigh the same, however many texts they have. Steps are those of
    Nesterov's accelerated descent. Rows are no longer than one, which bounds how fast
    the slope can change, and so says how large a step is safe.
    Shape:   rows of n texts, truth (n,) of 0 and 1  ->  columns and weights (used,).
    Raises:  ValueError if one of the classes is empty.
    """
    truth = np.asarray(truth, dtype=np.float64)
    if not 0 < truth.sum() < len(truth):
        raise ValueError(
            f"{int(truth.sum())} of {len(truth)} texts are of the class; "
            "a classifier needs examples of both"
        )
    share = np.where(truth == 1, 0.5 / truth.sum(), 0.5 / (1 - truth).sum())
    used, columns = np.unique(rows.columns, return_inverse=True)
    owner = np.repeat(np.arange(len(truth)), np.diff(rows.bounds))
    weights = ahead = np.zeros(len(used) + 1)  # the last one is the bias
    steepest = 0.25 * 2 + penalty  # of the slope's change, where a row and the bias add
    root = np.sqrt(penalty / steepest)
    for _ in range(steps):
        z = np.bincount(owner, rows.values * ahead[columns], len(truth)) + ahead[-1]
        slope = share * (_sigmoid(z) - truth)
        gradient = np.bincount(columns, rows.values * slope[owner], len(used))
        gradient = np.append(gradient + penalty * ahead[:-1], slope.sum())
        before, weights = weights, ahead - gradient / steepest
        ahead = weights + (1 - root) / (1 + root) * (weights - before)
    return used, weights[:-1], float(weights[-1])


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(z, -500, 500)))


@dataclass(frozen=True)
class HashedClassifier:
    """A fitted yes-or-no classifier of texts.

    With a `window`, a text is cut into pieces of about so many characters and judged by
    its worst one: an insult on page nine is still found.
    """

    weights: np.ndarray  # one for each of the 2^BITS columns
    bias: float
    window: int | None = None

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        labels: Sequence[bool],
        *,
        window: int | None = None,
        penalty: float = PENALTY,
    ) -> "HashedClassifier":
        """Learn to tell the texts with a true label from the others.

        With a window, a true label says that some window is of the class and not which:
        all are taken for it at first, and in a second round only the worst of each text.
        Raises:  ValueError if the two have different lengths or only one label occurs.
        """
        if len(texts) != len(labels):
            raise ValueError(f"{len(texts)} texts and {len(labels)} labels")
        pieces = [windows(text, window) for text in texts]
        fitted = cls._fit_once(pieces, labels, window, penalty)
        if window is None:
            return fitted
        worst = [
            [max(part, key=fitted.score)] if label else part
            for part, label in zip(pieces, labels)
        ]
        return cls._fit_once(worst, labels, window, penalty)

    @classmethod
    def _fit_once(
        cls, pieces: list, labels: Sequence[bool], window: int | None, penalty: float
    ) -> "HashedClassifier":
        truth = np.repeat(np.asarray(labels, bool), [len(part) for part in pieces])
        rows = hashed_rows(piece for part in pieces for piece in part)
        columns, found, bias = fit_logistic(rows, truth, penalty)
        weights = np.zeros(1 << BITS, dtype=np.float32)
        weights[columns] = found
        return cls(weights, bias, window)

    def scores(self, texts: Iterable[str]) -> np.ndarray:
        """Return the probability of the class for each text, in order."""
        return np.array([self.score(text) for text in texts])

    def score(self, text: str) -> float:
        """Return the probability that a text, or its worst window, is of the class."""
        rows = hashed_rows(windows(text, self.window))
        products = self.weights[rows.columns] * rows.values
        sums = np.add.reduceat(np.append(products, 0.0), rows.bounds[:-1])
        sums[np.diff(rows.bounds) == 0] = 0.0
        return float(_sigmoid(sums.max() + self.bias))

    def save(self, path: str | Path) -> None:
        """Write the classifier to one file, whole or not at all."""
        buffer = io.BytesIO()
        used = np.flatnonzero(self.weights).astype(np.int32)
        window = -1 if self.window is None else self.window
        np.savez_compressed(
            buffer, used=used, weights=self.weights[used], rest=[self.bias, window]
        )
        with atomic_path(path) as temporary:
            temporary.write_bytes(buffer.getvalue())

    @classmethod
    def load(cls, path: str | Path) -> "HashedClassifier":
        """Read what `save` wrote.

        Raises:  ValueError if the file is no classifier.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                used, values, (bias, window) = (
                    file["used"],
                    file["weights"],
                    file["rest"],
                )
        except (KeyError, ValueError, zlib.error, EOFError) as error:
            raise ValueError(f"{path} is no classifier: {error}") from error
        weights = np.zeros(1 << BITS, dtype=np.float32)
        weights[used] = values
        return cls(weights, float(bias), None if window < 0 else int(window))


def windows(text: str, size: int | None) -> list[str]:
    """Cut a text into pieces of at least `size` characters, at ends of sentences.

    Every piece is a whole number of sentences or lines; None leaves the text whole.
    """
    if size is None or len(text) <= size:
        return [text]
    pieces, start = [], 0
    for match in re.finditer(r"[.!?…][\"'”’)\]]{0,9}\s|\n", text):
        if match.end() - start >= size:
            pieces.append(text[start : match.end()])
            start = match.end()
    return [*pieces, text[start:]] if text[start:].strip() else pieces or [text]
