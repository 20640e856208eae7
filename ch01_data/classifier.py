"""Logistic regression on hashed n-grams: the classifier behind two learned filters.

Every n-gram of a text (hashed_ngrams.py) has a vote, a number that training chooses. A
text's score is the mean vote of its words, plus that of its pairs of words, plus that
of its runs of four bytes, whatever its length; the probability that it belongs to the
class is

    p = 1 / (1 + exp(-(score + b)))

Training makes the mean surprise, -ln p of the right answer, plus a penalty on the
square of the votes, as small as it gets. That function has one minimum, so the result
depends on the data alone: nothing is drawn at random, and two machines agree.
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
from ch01_data.hashed_ngrams import BITS, SILENT, Grams, ngram_batches, ngrams

PENALTY = 1e-3
STEPS = 150
FIRST_WINDOWS = 20  # of a text without the class, in the first round
WORST = 2  # windows that a text is judged by
ROUNDS = 2  # more, with the worst window of each text
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|(?<=[.!?…][\"'”’)\]])\s+")


class SparseRows(NamedTuple):
    """Sparse rows: row i has `columns[bounds[i]:bounds[i + 1]]` with their `values`."""

    columns: np.ndarray
    values: np.ndarray
    bounds: np.ndarray


def hashed_rows(texts: Sequence[str]) -> SparseRows:
    """Turn texts into sparse rows, whose product with all votes is the text's score.

    An n-gram among n of its sort has the value 1 / n, and one that occurs twice 2 / n.
    """
    columns, values, bounds = [np.zeros(0, np.intp)], [np.zeros(0)], [0]
    for batch in ngram_batches(texts):
        sorts = ngrams(batch)
        for row in range(len(batch)):
            parts = [g.columns[g.starts[row] : g.ends[row]] for g in sorts]
            shares = [np.full(len(p), 1 / (len(p) + SILENT)) for p in parts]
            found, places = np.unique(np.concatenate(parts), return_inverse=True)
            columns.append(found)
            values.append(np.bincount(places, np.concatenate(shares), len(found)))
            bounds.append(bounds[-1] + len(found))
    return SparseRows(np.concatenate(columns), np.concatenate(values), np.array(bounds))


def fit_logistic(
    rows: SparseRows, truth: np.ndarray, penalty: float = PENALTY, steps: int = STEPS
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return (columns, weights, bias) of the least penalised mean surprise.

    Both classes weigh the same, however many texts they have. Steps are those of
    Nesterov's accelerated descent; how fast the slope can change, and so how large a
    step is safe, is bounded by the rows' mean square length.
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
    length = np.bincount(owner, rows.values**2, len(truth))  # squared
    weights = ahead = np.zeros(len(used) + 1)  # the last one is the bias
    steepest = 0.25 * (share @ length + 1) + penalty  # 1 for the bias
    root = np.sqrt(penalty / steepest)
    for _ in range(steps):
        z = np.bincount(owner, rows.values * ahead[columns], len(truth)) + ahead[-1]
        slope = share * (_sigmoid(z) - truth)
        gradient = np.bincount(columns, rows.values * slope[owner], len(used))
        gradient = np.append(gradient + penalty * ahead[:-1], slope.sum())
        before, weights = weights, ahead - gradient / steepest
        ahead = weights + (1 - root) / (1 + root) * (weights - before)
    return used, weights[:-1], float(weights[-1])


def without_singles(rows: SparseRows) -> SparseRows:
    """Return the rows without the columns of one text alone: they teach nothing."""
    kept = np.bincount(rows.columns, minlength=1 << BITS)[rows.columns] > 1
    bounds = np.concatenate([[0], np.cumsum(kept)])[rows.bounds]
    return SparseRows(rows.columns[kept], rows.values[kept], bounds)


def scaled(rows: SparseRows) -> tuple[SparseRows, float]:
    """Return the rows with a mean square length of one, and the factor that made it so.

    Then one penalty suits short texts and long ones, of few n-grams and of many.
    """
    factor = np.sqrt(max(len(rows.bounds) - 1, 1) / max((rows.values**2).sum(), 1e-9))
    return rows._replace(values=rows.values * factor), float(factor)


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(z, -500, 500)))


@dataclass(frozen=True)
class HashedClassifier:
    """A fitted yes-or-no classifier of texts.

    With a `window`, a text is cut into pieces of about so many characters and judged by
    the mean of its two worst: an insult on page nine is still found, and one sentence
    that looks like an insult by chance is not yet one.
    """

    votes: np.ndarray  # one for each of the 2^BITS columns
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
        all are taken for it at first, later only the worst of each text. Of the others
        some windows are taken, and later those that were mistaken for the class most.
        Raises:  ValueError if the two have different lengths or only one label occurs.
        """
        if len(texts) != len(labels):
            raise ValueError(f"{len(texts)} texts and {len(labels)} labels")
        if window is None:
            return cls._fit_once(texts, labels, None, penalty)
        pieces = [windows(text, window) for text in texts]
        first = [
            (piece, label)
            for part, label in zip(pieces, labels)
            for piece in (part if label else part[:FIRST_WINDOWS])
        ]
        fitted = cls._fit_once(*zip(*first), window, penalty)
        calm = [(piece, label) for piece, label in first if not label]
        for _ in range(ROUNDS):
            worst = fitted._worst(pieces)
            calm += [(piece, False) for piece, label in zip(worst, labels) if not label]
            bad = [(piece, True) for piece, label in zip(worst, labels) if label]
            fitted = cls._fit_once(*zip(*bad, *calm), window, penalty)
        return fitted

    @classmethod
    def _fit_once(
        cls,
        texts: Sequence[str],
        labels: Sequence[bool],
        window: int | None,
        penalty: float,
    ) -> "HashedClassifier":
        rows, factor = scaled(without_singles(hashed_rows(texts)))
        columns, weights, bias = fit_logistic(rows, np.asarray(labels, bool), penalty)
        votes = np.zeros(1 << BITS, dtype=np.float32)
        votes[columns] = weights * factor
        return cls(votes, bias, window)

    def _worst(self, pieces: Sequence[Sequence[str]]) -> list[str]:
        """Return of each text the window that looks most like the class."""
        each = self._each([piece for part in pieces for piece in part])
        bounds = np.cumsum([0, *map(len, pieces)]).tolist()
        return [
            part[int(each[start:end].argmax())]
            for part, start, end in zip(pieces, bounds, bounds[1:])
        ]

    def _each(self, texts: Sequence[str]) -> np.ndarray:
        """Return the probability of the class for each text, taken whole."""
        found = [self.of_grams(ngrams(batch)) for batch in ngram_batches(texts)]
        return np.concatenate([*found, np.zeros(0)])

    def of_grams(self, sorts: Sequence[Grams]) -> np.ndarray:
        """Return the probability of the class for texts whose n-grams are known."""
        return _sigmoid(sum(grams.means(self.votes) for grams in sorts) + self.bias)

    def scores(self, texts: Iterable[str]) -> np.ndarray:
        """Return the probability of the class for each text, in order.

        Many texts at once take a fraction of the time that each alone would.
        """
        texts = list(texts)
        if self.window is None or not texts:
            return self._each(texts)
        pieces = [windows(text, self.window) for text in texts]
        each = self._each([piece for part in pieces for piece in part])
        bounds = np.cumsum([0, *map(len, pieces)]).tolist()
        parts = (each[start:end] for start, end in zip(bounds, bounds[1:]))
        return np.array([np.sort(part)[-WORST:].mean() for part in parts])

    def score(self, text: str) -> float:
        """Return the probability that a text is of the class."""
        return float(self.scores([text])[0])

    def save(self, path: str | Path) -> None:
        """Write the classifier to one file, whole or not at all."""
        buffer = io.BytesIO()
        used = np.flatnonzero(self.votes).astype(np.int32)
        window = -1 if self.window is None else self.window
        np.savez_compressed(
            buffer, used=used, votes=self.votes[used], rest=[self.bias, window]
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
                    file["votes"],
                    file["rest"],
                )
        except (KeyError, ValueError, zlib.error, EOFError) as error:
            raise ValueError(f"{path} is no classifier: {error}") from error
        votes = np.zeros(1 << BITS, dtype=np.float32)
        votes[used] = values
        return cls(votes, float(bias), None if window < 0 else int(window))


def windows(text: str, size: int | None) -> list[str]:
    """Cut a text into pieces of at least `size` characters, at ends of sentences.

    Every piece is a whole number of sentences or lines, without the space around them,
    so that the margin of source code counts for nothing; None leaves the text whole.
    """
    if size is None or len(text) <= size:
        return [text]
    pieces: list[str] = []
    held, length = [], 0
    for line in map(str.strip, text.split("\n")):
        for part in _SENTENCE_END.split(line) if len(line) > size else [line]:
            if not part:
                continue
            held.append(part)
            length += len(part) + 1
            if length > size:
                pieces.append(" ".join(held))
                held, length = [], 0
    return [*pieces, " ".join(held)] if held else pieces or [text]
