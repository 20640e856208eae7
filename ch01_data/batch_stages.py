"""Stages that look at each document alone, and so run in any process, on any batch.

What a stage decides may depend on the document and the config and on nothing else:
neither on its neighbours in the batch nor on what came before. That alone makes the
corpus the same for any number of processes.
"""

import pickle
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ch01_data.duplicates import DIGEST, digest_column
from ch01_data.filters import normalize_text, quality_flags
from ch01_data.pii import find_pii, mask_pii
from ch01_data.sources import Document
from ch01_data.splits import place_of
from ch01_data.spool import row_of

BYTES, PLACE, TOKENS = "bytes", "place", "tokens"  # columns of a corpus on disk


@dataclass(frozen=True)
class StageConfig:
    """What the stages are told; plain values, so that any process can be told them."""

    seed: int = 0
    near_threshold: float = 0.8  # Jaccard similarity of word 5-grams


class Outcome(NamedTuple):
    """What a stage did to a batch: what remains, why the rest went, what was changed.

    Documents that remain keep their order.
    """

    documents: list[Document]
    removed: Counter
    changed: Counter


BatchFunction = Callable[[list[Document], StageConfig], Outcome]


def normalize(documents: list[Document], config: StageConfig) -> Outcome:
    """Bring every text into one Unicode spelling."""
    new = [replace(d, text=normalize_text(d.text)) for d in documents]
    changed = sum(a.text != b.text for a, b in zip(documents, new, strict=True))
    return Outcome(new, Counter(), Counter({"": changed} if changed else {}))


def quality(documents: list[Document], config: StageConfig) -> Outcome:
    """Drop what a quality rule speaks against; the first rule's name is the reason."""
    flags = [quality_flags(document.text) for document in documents]
    kept = [d for d, found in zip(documents, flags, strict=True) if not found]
    return Outcome(kept, Counter(found[0] for found in flags if found), Counter())


def personal_data(documents: list[Document], config: StageConfig) -> Outcome:
    """Mask e-mail addresses, phone, card and IP numbers."""
    counts: Counter[str] = Counter()
    masked = []
    for document in documents:
        found = find_pii(document.text)
        counts.update(kind for _, _, kind in found)
        text = mask_pii(document.text, found) if found else document.text
        masked.append(replace(document, text=text))
    return Outcome(masked, Counter(), counts)


class Tally(NamedTuple):
    """What came out of one stage, and what it removed and changed."""

    documents: int
    bytes: int
    removed: Counter
    changed: Counter

    def plus(self, other: "Tally") -> "Tally":
        """Return the tally of both together."""
        return Tally(*(a + b for a, b in zip(self, other, strict=True)))


class CleanBatch(NamedTuple):
    """A batch after its stages: rows for the disk, columns of numbers, and counts.

    `tallies` has one for every stage, and under "" that of all documents.
    """

    rows: list[bytes]
    columns: dict[str, np.ndarray]
    tallies: dict[str, Tally]


def clean_batch(
    documents: list[Document],
    stages: Mapping[str, BatchFunction],
    config: StageConfig,
    token_counter: bytes | None = None,
) -> CleanBatch:
    """Take a batch through stages, and make the row and the numbers of each document.

    `token_counter` is a pickled function from a text to its number of tokens.
    """
    tallies = {"": Tally(len(documents), count_bytes(documents), Counter(), Counter())}
    for name, stage in stages.items():
        documents, removed, changed = stage(documents, config)
        size = count_bytes(documents)
        tallies[name] = Tally(len(documents), size, removed, changed)
    texts = [document.text for document in documents]
    columns = {
        DIGEST: digest_column(texts),
        PLACE: np.array([place_of(text, config.seed) for text in texts]),
        BYTES: np.array([byte_count(text) for text in texts], dtype=np.int64),
    }
    if token_counter is not None:
        count = _unpickled(token_counter)
        columns[TOKENS] = np.array([count(text) for text in texts], dtype=np.int64)
    return CleanBatch(list(map(row_of, documents)), columns, tallies)


def byte_count(text: str) -> int:
    """Return the UTF-8 bytes of a text."""
    return len(text) if text.isascii() else len(text.encode("utf-8"))


def count_bytes(documents: Iterable[Document]) -> int:
    """Return the UTF-8 bytes of all texts together."""
    return sum(byte_count(document.text) for document in documents)


@lru_cache(maxsize=2)
def _unpickled(data: bytes) -> Callable[[str], int]:
    return pickle.loads(data)
