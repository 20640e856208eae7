"""The funnel: documents in, fewer or cleaner documents out, and why.

There are two kinds of stages, and a new one is a function and one line in STAGES:

    BatchStage    looks at each document alone (batch_stages.py). A batch goes through
                  all of these at once, in whatever process, and then to disk.
    CorpusStage   needs the whole corpus: `run(corpus, config)` gets the rows on disk
                  with their numbers, may read the texts again in batches, and says
                  which rows go.

Batch stages come first. The funnel counts what each stage received, left, removed and
changed; a stage that did not run is counted too, with the reason why.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ch01_data.batch_stages import (
    BYTES,
    BatchFunction,
    StageConfig,
    Tally,
    clean_batch,
    normalize,
    personal_data,
    quality,
)
from ch01_data.duplicates import equal_rows, nearly_equal_rows
from ch01_data.engine import Engine, LocalEngine, batches_of
from ch01_data.filters import RULES
from ch01_data.sources import Document
from ch01_data.spool import Spool


@dataclass(frozen=True)
class Corpus:
    """Rows on disk, those of them that are kept, and who runs functions over them.

    `work` is a folder for working files.
    """

    spool: Spool
    kept: np.ndarray
    engine: Engine
    work: Path

    def batches(self) -> Iterator[list[str]]:
        """Yield the texts of the kept rows in batches, read anew each time."""
        for batch in batches_of(self.spool.documents(self.kept)):
            yield [document.text for document in batch]

    def without(self, rows: np.ndarray) -> "Corpus":
        """Return the corpus without some of its rows."""
        return replace(self, kept=np.setdiff1d(self.kept, rows, assume_unique=True))


@dataclass(frozen=True)
class StageCount:
    """What one stage of the funnel did. Bytes are UTF-8 bytes of text."""

    name: str
    documents_in: int
    documents_out: int
    bytes_in: int
    bytes_out: int
    removed: dict[str, int] = field(default_factory=dict)
    ran: bool = True
    note: str = ""
    source: str = ""  # of a mix; a single source needs no name


class BatchStage(NamedTuple):
    """A stage that looks at each document alone.

    `reasons` are all that it may remove a document for; `verb` says what it did to
    those that it changed.
    """

    run: BatchFunction
    reasons: tuple[str, ...] = ()
    verb: str = "changed"


class CorpusStage(NamedTuple):
    """A stage that needs the whole corpus: it removes rows, for one reason."""

    run: Callable[[Corpus, StageConfig], Corpus]
    reasons: tuple[str]
    verb: str = "changed"


def drop_equal(corpus: Corpus, config: StageConfig) -> Corpus:
    """Keep the first of all equal texts."""
    return corpus.without(equal_rows(corpus.spool, corpus.kept))


def drop_nearly_equal(corpus: Corpus, config: StageConfig) -> Corpus:
    """Keep the first of all texts that are nearly the same."""
    rows = nearly_equal_rows(
        corpus.spool,
        corpus.kept,
        corpus.batches(),
        corpus.engine,
        corpus.work / "near",
        config.near_threshold,
        config.seed,
    )
    return corpus.without(rows)


STAGES: dict[str, BatchStage | CorpusStage] = {
    "normalize": BatchStage(normalize),
    "quality": BatchStage(quality, tuple(rule.name for rule in RULES)),
    "personal_data": BatchStage(personal_data, verb="masked"),
    "exact_duplicates": CorpusStage(drop_equal, ("equal",)),
    "near_duplicates": CorpusStage(drop_nearly_equal, ("nearly equal",)),
}


class Cleaned(NamedTuple):
    """A corpus on disk, the rows of it that are kept, what was read, and the funnel."""

    spool: Spool
    kept: np.ndarray
    read: Tally
    stages: list[StageCount]


@dataclass(frozen=True)
class Funnel:
    """Takes documents through stages, onto disk, and counts what happens to them.

    `token_counter` is a pickled function from a text to its number of tokens.
    """

    config: StageConfig
    engine: Engine
    token_counter: bytes | None = None

    def to_disk(
        self, documents: Iterable[Document], active: Iterable[str], folder: Path
    ) -> tuple[Spool, dict[str, Tally]]:
        """Take documents through the active batch stages and onto disk.

        Returns a tally for every stage that ran, and under "" that of all documents.
        """
        functions = {
            name: stage.run
            for name, stage in STAGES.items()
            if name in active and isinstance(stage, BatchStage)
        }
        task = partial(
            clean_batch,
            stages=functions,
            config=self.config,
            token_counter=self.token_counter,
        )
        spool, empty = Spool(folder), Tally(0, 0, Counter(), Counter())
        totals = dict.fromkeys(["", *functions], empty)
        for batch in self.engine.run(task, batches_of(documents)):
            spool.append(batch.rows, batch.columns)
            for name, tally in batch.tallies.items():
                totals[name] = totals[name].plus(tally)
        return spool, totals

    def clean(
        self,
        documents: Iterable[Document],
        active: Iterable[str],
        folder: Path,
        why_not: str = "switched off",
    ) -> Cleaned:
        """Take documents through the active stages and count everything.

        Raises:  ValueError if nothing is left, with what was removed and why.
        """
        spool, tallies = self.to_disk(documents, active, folder)
        corpus = Corpus(spool, np.arange(len(spool)), self.engine, folder)
        before, counts = tallies[""], []
        for name, stage in STAGES.items():
            after = before._replace(removed=Counter(), changed=Counter())
            if name in tallies:
                after = tallies[name]
            elif name in active:
                corpus = stage.run(corpus, self.config)
                after = _tally(corpus, before.documents, stage.reasons[0])
            note = _note(stage, after) if name in active else why_not
            counts.append(_stage_count(name, before, after, name in active, note))
            assert set(after.removed) <= set(stage.reasons), (name, after.removed)
            if not after.documents:
                raise ValueError(
                    f"no document is left after the stage {name} (removed: "
                    f"{counts[-1].removed}); name other text, or run fewer stages"
                )
            before = after
        return Cleaned(spool, corpus.kept, tallies[""], counts)


def _tally(corpus: Corpus, documents_before: int, reason: str) -> Tally:
    """Return what a corpus stage left and removed."""
    size = int(corpus.spool.column(BYTES)[corpus.kept].sum())
    gone = documents_before - len(corpus.kept)
    removed = Counter({reason: gone} if gone else {})
    return Tally(len(corpus.kept), size, removed, Counter())


def _note(stage: BatchStage | CorpusStage, tally: Tally) -> str:
    changes = [f"{n:,} {what}".strip() for what, n in sorted(tally.changed.items())]
    return f"{stage.verb} {', '.join(changes)}" if changes else ""


def _stage_count(
    name: str, before: Tally, after: Tally, ran: bool, note: str
) -> StageCount:
    return StageCount(
        name,
        documents_in=before.documents,
        documents_out=after.documents,
        bytes_in=before.bytes,
        bytes_out=after.bytes,
        removed=dict(sorted(after.removed.items())),
        ran=ran,
        note=note,
    )


def run_stages(
    documents: Iterable[Document],
    active: Iterable[str],
    *,
    seed: int = 0,
    threshold: float = 0.8,
    why_not: str = "switched off",
) -> tuple[list[Document], list[StageCount]]:
    """Run the active stages on documents in memory; return those that remain.

    Raises:  ValueError if nothing is left, with what was removed and why.
    """
    funnel = Funnel(StageConfig(seed, threshold), LocalEngine())
    with tempfile.TemporaryDirectory() as folder:
        cleaned = funnel.clean(documents, tuple(active), Path(folder), why_not)
        return list(cleaned.spool.documents(cleaned.kept)), cleaned.stages
