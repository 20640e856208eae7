"""Noise is what a reader of good texts finds surprising, whatever made the noise.

A rule, or a classifier that was shown noise, knows the noise that somebody thought of.
The other way round needs none: count the runs of four bytes in good texts, and give a
text the mean of -log2(share of the run), in bits. Stories and source code have 13 to 16
of them; what nobody wrote, in whatever alphabet, has more.

    " the" in good texts: 1 of 230 runs      7.8 bits
    "zqxk"                never              24 bits

A text of another language is surprising too: ask for its language first. It is the idea
of CCNet, which keeps the pages that a model of an encyclopedia finds likely.
Source:  Wenzek et al. 2020, CCNet, section 3.3 (perplexity as a filter).
"""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ch01_data.files import atomic_path
from ch01_data.hashed_ngrams import BITS, Grams, ngram_batches, runs_of

NOISE = "gibberish"
UNSEEN = 0.5  # what a run counts that no good text has
LEAST_RUNS = 40  # a shorter text surprises by chance


@dataclass(frozen=True)
class Surprise:
    """How many bits each run of four bytes is worth, and how many make a text noise.

    Shape:  bits (2^BITS,), one for each column.
    """

    bits: np.ndarray
    limit: float

    @classmethod
    def fit(cls, good: Sequence[str], noise: Sequence[str]) -> "Surprise":
        """Count the runs of good texts, and lay the limit where noise begins.

        The limit is halfway between the good text that stands at 99.5 of 100 and the
        noise that stands at 0.5: the counts come from two thirds of the good texts, and
        the limit from the others.
        Raises:  ValueError if there are too few texts to lay a limit.
        """
        if len(good) < 3 or not noise:
            raise ValueError(
                f"{len(good)} good texts and {len(noise)} of noise: "
                "a limit needs 3 and 1"
            )
        apart = cls(_bits_of(t for i, t in enumerate(good) if i % 3), 0.0)
        usual = np.quantile(apart.of(good[::3]), 0.995)
        return cls(
            _bits_of(good), float(usual + np.quantile(apart.of(noise), 0.005)) / 2
        )

    def of(self, texts: Sequence[str]) -> np.ndarray:
        """Return the mean surprise of each text in bits a run; 0 for a short text."""
        found = [self._of_runs(runs_of(batch)) for batch in ngram_batches(texts)]
        return np.concatenate([*found, np.zeros(0)])

    def _of_runs(self, runs: Grams) -> np.ndarray:
        enough = runs.ends - runs.starts >= LEAST_RUNS
        with np.errstate(invalid="ignore"):
            return np.where(enough, runs.means(self.bits, silent=0), 0.0)

    def flags_of(self, texts: Sequence[str]) -> list[list[str]]:
        """Return ["gibberish"] for each text that is too surprising, else []."""
        return [[NOISE] * bool(found) for found in self.of(texts) > self.limit]

    def save(self, path: str | Path) -> None:
        """Write the counts and the limit to one file, whole or not at all."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, bits=self.bits, limit=self.limit)
        with atomic_path(path) as temporary:
            temporary.write_bytes(buffer.getvalue())

    @classmethod
    def load(cls, path: str | Path) -> "Surprise":
        """Read what `save` wrote.

        Raises:  ValueError if the file holds something else.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                return cls(file["bits"], float(file["limit"]))
        except (KeyError, ValueError, EOFError) as error:
            raise ValueError(f"{path} holds no surprise: {error}") from error


def _bits_of(texts: Iterable[str]) -> np.ndarray:
    """Return -log2 of the share of each column among the runs of some texts."""
    counts = np.full(1 << BITS, UNSEEN)
    for batch in ngram_batches(texts):
        counts += np.bincount(runs_of(batch).columns, minlength=1 << BITS)
    return -np.log2(counts / counts.sum()).astype(np.float32)
