"""Stages that look at each document alone, and so run in any process, on any batch.

What a stage decides may depend on the document and the config and on nothing else:
neither on its neighbours in the batch nor on what came before. That alone makes the
corpus the same for any number of processes.
"""

import hashlib
import pickle
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ch01_data.decontaminate import EvaluationIndex, find_leaks
from ch01_data.dedup import text_digest
from ch01_data.engine import BATCH_DOCUMENTS
from ch01_data.filters import CHARACTERS_TO_JUDGE, normalize_text, quality_flags
from ch01_data.language import WANTED, language_flags
from ch01_data.learned_filters import LearnedFilters
from ch01_data.pii import find_pii, mask_pii
from ch01_data.rules import View
from ch01_data.sources import Document
from ch01_data.splits import place_of
from ch01_data.spool import row_of
from ch01_data.toxicity import insult_flags
from ch01_data.urls import canonical_url, url_flag
from ch01_data.word_lists import read_list

# Columns of a corpus on disk. An address is 0 where there is none.
BYTES, PLACE, TOKENS = "bytes", "place", "tokens"
DIGEST, ADDRESS = "digest", "address"


@dataclass(frozen=True)
class StageConfig:
    """What the stages are told; plain values, so that any process can be told them.

    `blocked_domains`, `blocked_words` (of addresses) and `insults` come on top of the
    book's own lists. `evaluation` holds the texts that must not be trained on,
    `learned` the pickled learned filters.
    """

    seed: int = 0
    near_threshold: float = 0.8  # Jaccard similarity of word 5-grams
    languages: tuple[str, ...] = WANTED
    blocked_domains: tuple[str, ...] = ()
    blocked_words: tuple[str, ...] = ()
    insults: tuple[str, ...] = ()
    evaluation: tuple[str, ...] = ()
    learned: bytes = b""


class Outcome(NamedTuple):
    """What a stage did to a batch: what remains, why the rest went, what was changed.

    Documents that remain keep their order.
    """

    documents: list[Document]
    removed: Counter
    changed: Counter


BatchFunction = Callable[[list[Document], StageConfig], Outcome]
# Says of each document of a batch what speaks against it: no flags, and it is kept.
Judge = Callable[[Sequence[Document], StageConfig], list[list[str]]]


def drop_flagged(
    documents: list[Document], config: StageConfig, judge: Judge
) -> Outcome:
    """Drop the documents that a judge flags; the first flag of each is the reason."""
    flags = judge(documents, config)
    kept = [d for d, found in zip(documents, flags, strict=True) if not found]
    return Outcome(kept, Counter(found[0] for found in flags if found), Counter())


def normalize(documents: list[Document], config: StageConfig) -> Outcome:
    """Bring every text into one Unicode spelling."""
    texts = [normalize_text(document.text) for document in documents]
    changed = sum(d.text != text for d, text in zip(documents, texts, strict=True))
    if not changed:
        return Outcome(documents, Counter(), Counter())
    new = [replace(d, text=text) for d, text in zip(documents, texts, strict=True)]
    return Outcome(new, Counter(), Counter({"": changed}))


def judge_address(
    documents: Sequence[Document], config: StageConfig
) -> list[list[str]]:
    """Flag pages whose address is refused; what has no address passes."""
    domains = _with_own("blocked_domains", config.blocked_domains)
    words = _with_own("blocked_words", config.blocked_words)
    flags = (url_flag(d.url, domains, words) if d.url else None for d in documents)
    return [[flag] if flag else [] for flag in flags]


def judge_language(
    documents: Sequence[Document], config: StageConfig
) -> list[list[str]]:
    """Flag texts in other languages than those that are wanted."""
    return [
        language_flags(d.text, config.languages, view=view_of(d.text))
        for d in documents
    ]


def judge_noise(documents: Sequence[Document], config: StageConfig) -> list[list[str]]:
    """Flag texts that a reader of good texts finds too surprising."""
    texts = [document.text for document in documents]
    return _learned(config.learned).surprise.flags_of(texts)


def judge_quality(
    documents: Sequence[Document], config: StageConfig
) -> list[list[str]]:
    """Flag what a quality rule speaks against, with the names of all such rules."""
    return [quality_flags(d.text, view=view_of(d.text)) for d in documents]


def judge_insults(
    documents: Sequence[Document], config: StageConfig
) -> list[list[str]]:
    """Flag texts that hold an insult of a word list."""
    words = _with_own("bad_words", config.insults)
    return [insult_flags(view_of(d.text), words) for d in documents]


def judge_by_examples(
    documents: Sequence[Document], config: StageConfig
) -> list[list[str]]:
    """Flag what resembles examples of bad texts, or in which insults are likely."""
    learned = _learned(config.learned)
    quality = learned.quality.flags_of([document.text for document in documents])
    heads = [document.text[:CHARACTERS_TO_JUDGE] for document in documents]
    insults = learned.toxicity.flags_of(heads)
    return [bad or insult for bad, insult in zip(quality, insults, strict=True)]


def judge_leaks(documents: Sequence[Document], config: StageConfig) -> list[list[str]]:
    """Flag texts that share too much with an evaluation set."""
    index = _evaluation_index(config.evaluation)
    leaks = find_leaks([document.text for document in documents], index)
    return [["leak"] * leak.reaches() for leak in leaks]


def personal_data(documents: list[Document], config: StageConfig) -> Outcome:
    """Mask e-mail addresses, phone, card and IP numbers, and keys."""
    counts: Counter[str] = Counter()
    masked = []
    for document in documents:
        found = find_pii(document.text)
        counts.update(kind for _, _, kind in found)
        if found:
            document = replace(document, text=mask_pii(document.text, found))
        masked.append(document)
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
    size = count_bytes(documents)
    tallies = {"": Tally(len(documents), size, Counter(), Counter())}
    for name, stage in stages.items():
        before = len(documents)
        documents, removed, changed = stage(documents, config)
        if changed or len(documents) < before:
            size = count_bytes(documents)
        tallies[name] = Tally(len(documents), size, removed, changed)
    view_of.cache_clear()  # or the views of many batches would lie in memory
    texts = [document.text for document in documents]
    columns = {
        DIGEST: np.frombuffer(b"".join(map(text_digest, texts)), dtype="S16"),
        ADDRESS: np.array([_page_number(d.url) for d in documents], dtype=np.uint64),
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


def _page_number(url: str | None) -> int:
    """Return a number for the page that an address means; 0 without a web address."""
    if not url:
        return 0
    try:
        name = canonical_url(url).encode("utf-8", "surrogateescape")
    except ValueError:
        return 0
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "little")


@lru_cache(maxsize=8)
def _with_own(name: str, entries: tuple[str, ...]) -> frozenset[str]:
    """Return a list of this book together with the operator's entries."""
    return read_list(name) | frozenset(entries)


@lru_cache(maxsize=BATCH_DOCUMENTS)
def view_of(text: str) -> View:
    """Return what the rules look at, made once for all judges of a batch."""
    return View.of(text[:CHARACTERS_TO_JUDGE])


@lru_cache(maxsize=2)
def _learned(data: bytes) -> LearnedFilters:
    return pickle.loads(data)


@lru_cache(maxsize=2)
def _evaluation_index(texts: tuple[str, ...]) -> EvaluationIndex:
    return EvaluationIndex(texts)


@lru_cache(maxsize=2)
def _unpickled(data: bytes) -> Callable[[str], int]:
    return pickle.loads(data)
