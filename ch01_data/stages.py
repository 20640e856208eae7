"""The funnel: documents in, fewer or cleaner documents out, and why.

There are two kinds of stages, and a new one is a function and one line in STAGES:

    BatchStage    looks at each document alone (batch_stages.py). A batch goes through
                  all of these at once, in whatever process, and then to disk.
    CorpusStage   needs the whole corpus: `run(corpus, funnel)` gets the rows on disk
                  with their numbers, may read the texts again in batches, and says
                  which rows go, or writes others.

Batch stages come first. The funnel counts what each stage received, left, removed and
changed; a stage that did not run is counted too, with the reason why.

Of the corpus stages, those that drop documents come before those that drop parts of
them: a text that stands five times in a corpus has lines that stand there five times,
and would lose them all.
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
    ADDRESS,
    BYTES,
    DIGEST,
    BatchFunction,
    Judge,
    Outcome,
    StageConfig,
    Tally,
    clean_batch,
    drop_flagged,
    judge_address,
    judge_by_examples,
    judge_insults,
    judge_language,
    judge_leaks,
    judge_noise,
    judge_quality,
    normalize,
    personal_data,
)
from ch01_data.dedup import near_labels
from ch01_data.engine import Engine, LocalEngine, batches_of
from ch01_data.filters import RULES
from ch01_data.learned_filters import KINDS, NOISE
from ch01_data.lines import drop_pieces, frequent_pieces
from ch01_data.rules import is_code_line
from ch01_data.score import FLAG_KINDS
from ch01_data.shingles import Reread
from ch01_data.sources import Document
from ch01_data.spans import drop_repeated_spans, repeated_spans
from ch01_data.spool import Spool
from ch01_data.toxicity import INSULT_LEARNED, INSULT_LISTED
from ch01_data.urls import URL_FLAGS

_GENERAL = {rule.name for rule in RULES} - FLAG_KINDS.keys()
LINE_WORDS = 4  # a shorter line may repeat without being furniture
LINE_DOCUMENTS, LINE_SHARE = 10, 0.005  # a line of more documents is furniture


@dataclass(frozen=True)
class Corpus:
    """Rows on disk and those of them that are kept; `work` is for working files."""

    spool: Spool
    kept: np.ndarray
    work: Path

    def documents(self) -> Iterator[list[Document]]:
        """Yield the kept documents in batches, read anew each time."""
        return batches_of(self.spool.documents(self.kept))

    def batches(self) -> Iterator[list[str]]:
        """Yield the texts of the kept rows in batches, read anew each time."""
        for batch in self.documents():
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
    those that it changed. `needs` is the field of the config without which it cannot
    run. A stage that is not `default` runs only where it is named.
    """

    run: BatchFunction
    reasons: tuple[str, ...] = ()
    verb: str = "changed"
    needs: str = ""
    default: bool = True
    judge: Judge | None = None


class CorpusStage(NamedTuple):
    """A stage that needs the whole corpus: it removes rows, for one reason.

    It returns the corpus that is left, and what it changed, by name.
    """

    run: Callable[[Corpus, "Funnel"], tuple[Corpus, Counter]]
    reasons: tuple[str]
    verb: str = "changed"
    needs: str = ""
    default: bool = True


def judging(judge: Judge, *reasons: str, needs: str = "") -> BatchStage:
    """Return the stage that drops what a judge flags."""
    run = partial(drop_flagged, judge=judge)
    return BatchStage(run, reasons, needs=needs, judge=judge)


def drop_same_page(corpus: Corpus, funnel: "Funnel") -> tuple[Corpus, Counter]:
    """Keep the first of all documents whose addresses mean the same page."""
    numbers = corpus.spool.column(ADDRESS)[corpus.kept]
    paged = np.flatnonzero(numbers)
    _, first = np.unique(numbers[paged], return_index=True)
    return corpus.without(corpus.kept[np.delete(paged, first)]), Counter()


def drop_equal(corpus: Corpus, funnel: "Funnel") -> tuple[Corpus, Counter]:
    """Keep the first of all equal texts."""
    _, first = np.unique(corpus.spool.column(DIGEST)[corpus.kept], return_index=True)
    return corpus.without(np.delete(corpus.kept, first)), Counter()


def drop_nearly_equal(corpus: Corpus, funnel: "Funnel") -> tuple[Corpus, Counter]:
    """Keep the first of all texts that are nearly the same."""
    engine = funnel.engine
    labels = near_labels(
        Reread(corpus.batches),
        funnel.config.near_threshold,
        seed=funnel.config.seed,
        folder=corpus.work,
        run=engine.run,
        run_here=engine.run if engine.shares_disk else map,
    )
    return corpus.without(corpus.kept[labels != np.arange(len(labels))]), Counter()


def drop_repeated_lines(corpus: Corpus, funnel: "Funnel") -> tuple[Corpus, Counter]:
    """Take out lines that stand in many documents, lines of code apart."""
    often = frequent_pieces(
        Reread(corpus.batches),
        max(LINE_DOCUMENTS, int(LINE_SHARE * len(corpus.kept))),
        min_words=LINE_WORDS,
        spare=is_code_line,
        folder=corpus.work,
        run=funnel.engine.run,
    )
    if not len(often):
        return corpus, Counter()
    stage = partial(_without_lines, often=often)
    return funnel.rewritten(corpus, corpus.documents(), stage, "lines")


def drop_spans(corpus: Corpus, funnel: "Funnel") -> tuple[Corpus, Counter]:
    """Take out spans of three sentences that an earlier document holds, as C4 does."""
    repeated = repeated_spans(
        Reread(corpus.batches), folder=corpus.work, run=funnel.engine.run
    )
    left = drop_repeated_spans(corpus.batches(), repeated)
    batches = (
        [replace(d, text=text) for d, (text, _) in zip(documents, batch, strict=True)]
        for documents, batch in zip(corpus.documents(), left, strict=True)
    )
    return funnel.rewritten(corpus, batches, _without_empty, "spans")


def _without_lines(
    documents: list[Document], config: StageConfig, often: np.ndarray
) -> Outcome:
    texts = [document.text for document in documents]
    left = drop_pieces(texts, often, spare=is_code_line)
    new = [replace(d, text=t) for d, t in zip(documents, left, strict=True)]
    changed = sum(a != b for a, b in zip(texts, left, strict=True))
    outcome = _without_empty(new, config)
    return outcome._replace(changed=Counter({"": changed} if changed else {}))


def _without_empty(documents: list[Document], config: StageConfig) -> Outcome:
    kept = [document for document in documents if document.text.strip()]
    return Outcome(kept, Counter(), Counter())


STAGES: dict[str, BatchStage | CorpusStage] = {
    "normalize": BatchStage(normalize),
    "url": judging(judge_address, *URL_FLAGS),
    "language": judging(judge_language, "language"),
    "noise": judging(judge_noise, NOISE, needs="learned"),
    "quality": judging(judge_quality, *(rule.name for rule in RULES)),
    "toxicity": judging(judge_insults, INSULT_LISTED),
    "examples": judging(judge_by_examples, *KINDS, INSULT_LEARNED, needs="learned"),
    "decontaminate": judging(judge_leaks, "leak", needs="evaluation"),
    "personal_data": BatchStage(personal_data, verb="masked"),
    "url_duplicates": CorpusStage(drop_same_page, ("same page",)),
    "exact_duplicates": CorpusStage(drop_equal, ("equal",)),
    "near_duplicates": CorpusStage(drop_nearly_equal, ("nearly equal",)),
    "repeated_lines": CorpusStage(drop_repeated_lines, ("nothing left",)),
    "repeated_spans": CorpusStage(drop_spans, ("nothing left",), default=False),
}


def can_run(stage: BatchStage | CorpusStage, config: StageConfig) -> bool:
    """Tell whether a config has what a stage needs."""
    return not stage.needs or bool(getattr(config, stage.needs))


def flags_by_stage(
    documents: Iterable[Document], config: StageConfig
) -> dict[str, list[list[str]]]:
    """Return what each stage that judges says of every document, asked by itself.

    Documents are brought into one spelling first, as the funnel does.
    """
    spelt = normalize(list(documents), config).documents
    return {
        name: stage.judge(spelt, config)
        for name, stage in STAGES.items()
        if isinstance(stage, BatchStage) and stage.judge and can_run(stage, config)
    }


def first_flags(documents: Iterable[Document], config: StageConfig) -> list[list[str]]:
    """Return the flags of the first stage that says what is wrong with each text.

    A rule about quality in general (too few sentences, say) names no kind of dirt: it
    answers only where no later stage names one. Addresses and evaluation sets are
    apart: where a page stands, or whether it is an exam, is no answer to what the
    others ask.
    """
    found = flags_by_stage(documents, config)
    nothing: list[list[str]] = [[]] * len(found["url"])
    apart = [found.pop(name, nothing) for name in ("url", "decontaminate")]
    return [
        [*url[:1], *leak, *max(said, key=_tells_most)]
        for url, leak, *said in zip(*apart, *found.values(), strict=True)
    ]


def _tells_most(flags: list[str]) -> int:
    """Order flags: those that name a kind, those that name none, no flags."""
    return bool(flags) + (not _GENERAL.issuperset(flags))


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
        return self._spooled(batches_of(documents), functions, folder)

    def rewritten(
        self,
        corpus: Corpus,
        batches: Iterable[list[Document]],
        stage: BatchFunction,
        name: str,
    ) -> tuple[Corpus, Counter]:
        """Return the corpus with the batches in its place, taken through a function.

        Also returned is what the function changed. The new rows lie in a folder of this
        name below the working folder.
        """
        spool, totals = self._spooled(batches, {name: stage}, corpus.work / name)
        kept = np.arange(len(spool))
        return Corpus(spool, kept, corpus.work), totals[name].changed

    def _spooled(
        self,
        batches: Iterable[list[Document]],
        functions: dict[str, BatchFunction],
        folder: Path,
    ) -> tuple[Spool, dict[str, Tally]]:
        task = partial(
            clean_batch,
            stages=functions,
            config=self.config,
            token_counter=self.token_counter,
        )
        spool, empty = Spool(folder), Tally(0, 0, Counter(), Counter())
        totals = dict.fromkeys(["", *functions], empty)
        for batch in self.engine.run(task, batches):
            spool.append(batch.rows, batch.columns)
            for name, tally in batch.tallies.items():
                totals[name] = totals[name].plus(tally)
        return spool, totals

    def clean(
        self,
        documents: Iterable[Document],
        active: Iterable[str],
        folder: Path,
        why_not: Callable[[str], str] = lambda name: "switched off",
    ) -> Cleaned:
        """Take documents through the active stages and count everything.

        `why_not` says of a stage that is not active why it is not.

        Raises:  ValueError if nothing is left, with what was removed and why.
        """
        spool, tallies = self.to_disk(documents, active, folder)
        corpus = Corpus(spool, np.arange(len(spool)), folder)
        before, counts = tallies[""], []
        for name, stage in STAGES.items():
            after = before._replace(removed=Counter(), changed=Counter())
            if name in tallies:
                after = tallies[name]
            elif name in active:
                corpus, changed = stage.run(corpus, self)
                after = _tally(corpus, before.documents, stage.reasons[0], changed)
            note = _note(stage, after) if name in active else why_not(name)
            counts.append(_stage_count(name, before, after, name in active, note))
            assert set(after.removed) <= set(stage.reasons), (name, after.removed)
            if not after.documents:
                raise ValueError(
                    f"no document is left after the stage {name} (removed: "
                    f"{counts[-1].removed}); name other text, or run fewer stages"
                )
            before = after
        return Cleaned(corpus.spool, corpus.kept, tallies[""], counts)


def _tally(
    corpus: Corpus, documents_before: int, reason: str, changed: Counter
) -> Tally:
    """Return what a corpus stage left, removed and changed."""
    size = int(corpus.spool.column(BYTES)[corpus.kept].sum())
    gone = documents_before - len(corpus.kept)
    removed = Counter({reason: gone} if gone else {})
    return Tally(len(corpus.kept), size, removed, changed)


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
) -> tuple[list[Document], list[StageCount]]:
    """Run the active stages on documents in memory; return those that remain.

    Raises:  ValueError if nothing is left, with what was removed and why.
    """
    funnel = Funnel(StageConfig(seed, threshold), LocalEngine())
    with tempfile.TemporaryDirectory() as folder:
        cleaned = funnel.clean(documents, tuple(active), Path(folder))
        return list(cleaned.spool.documents(cleaned.kept)), cleaned.stages
