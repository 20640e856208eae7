"""The parts of a corpus: which rows of which spool are for training, which are not.

    a source, cleaned, on disk      --> train, validation, heldout          make_parts
    the train parts of all sources  --> one text in the shares of a mix     mix_rows
    rows                            --> shards of JSON lines                write_rows

A part is a spool and row numbers in the order of writing, so a part of a gigabyte of
text takes some megabytes of memory, and a row may stand in it twice.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ch01_data.batch_stages import DIGEST, PLACE
from ch01_data.corpus import CorpusConfig
from ch01_data.mixing import choose_rows, interleave, plan_mix
from ch01_data.origins import documents_from, draw_stories
from ch01_data.splits import choose_way, cut, held_back
from ch01_data.spool import Spool
from ch01_data.stages import Cleaned, Funnel, StageCount

SHARD_CHARACTERS = 64_000_000


class Part(NamedTuple):
    """Rows of a spool, in the order in which they are written."""

    spool: Spool
    rows: np.ndarray

    def column(self, name: str) -> np.ndarray:
        """Return a column of the spool for these rows."""
        return self.spool.column(name)[self.rows]

    def lines(self) -> Iterator[bytes]:
        """Yield the rows; what is read again has the number of its epoch in its id."""
        epoch, last = 1, -1
        for row, line in zip(self.rows, self.spool.rows(self.rows), strict=True):
            epoch += row <= last
            last = row
            if epoch > 1:
                values = json.loads(line)
                values["id"] += f"#epoch{epoch}"
                line = (json.dumps(values, ensure_ascii=False) + "\n").encode("utf-8")
            yield line


def make_parts(
    source: str, config: CorpusConfig, funnel: Funnel, work: Path
) -> tuple[dict[str, Part], list[StageCount]]:
    """Read a source, clean it and divide it; return its parts and its funnel.

    Raises:  ValueError or OSError if it cannot be read or a part of it is empty.
    """
    skipped: Counter[str] = Counter()
    documents = documents_from(source, config, work / "copied", skipped)
    active = config.stages_of(source)
    why_not = partial(config.why_not, source)
    cleaned = funnel.clean(documents, active, work / "cleaned", why_not)
    n, size = cleaned.read.documents, cleaned.read.bytes
    read = StageCount("read", n + skipped.total(), n, size, size, dict(skipped))
    if source == "storyworld":
        parts = {"train": Part(cleaned.spool, cleaned.kept)}
        sizes = {"validation": config.n_validation, "heldout": config.n_heldout}
        for name, n in sizes.items():
            stories = draw_stories(config, name, n)
            parts[name] = whole(funnel.to_disk(stories, (), work / name)[0])
    else:
        parts = divide(cleaned, config, funnel, work)
    for name, part in parts.items():
        if not len(part.rows):
            raise ValueError(
                f"the {name} part of {source} is empty: the text is too short"
            )
    return parts, [read, *cleaned.stages]


def divide(
    cleaned: Cleaned, config: CorpusConfig, funnel: Funnel, work: Path
) -> dict[str, Part]:
    """Divide a cleaned corpus into train and validation, as its config says."""
    spool, kept = cleaned.spool, cleaned.kept
    if choose_way(config.validation, len(kept)) == "hash":
        held = held_back(spool.column(PLACE)[kept], config.validation_share)
        return {
            "train": Part(spool, kept[~held]),
            "validation": Part(spool, kept[held]),
        }
    parts = {}
    for side, name in enumerate(("train", "validation")):
        pieces = (
            cut(document, 1 - config.validation_share)[side]
            for document in spool.documents(kept)
        )
        pieces = (piece for piece in pieces if piece.text)
        parts[name] = whole(funnel.to_disk(pieces, (), work / name)[0])
    return parts


def whole(spool: Spool) -> Part:
    """Return all rows of a spool as a part."""
    return Part(spool, np.arange(len(spool)))


def mix_rows(
    parts: Mapping[str, Part], config: CorpusConfig, unit: str
) -> tuple[dict[str, Part], Iterator[bytes]]:
    """Take of each source's training part what a mix wants of it.

    Returns what was taken, and its rows in an order in which every beginning holds the
    sources in their shares. `unit` is the column by which they are measured.
    """
    sizes = {name: part.column(unit) for name, part in parts.items()}
    plan = plan_mix(
        {name: int(size.sum()) for name, size in sizes.items()},
        config.mix,
        config.temperature,
        config.total,
        config.max_epochs,
    )
    taken, order = {}, []
    for name, part in parts.items():
        rows = choose_rows(sizes[name], part.column(PLACE), plan[name].wanted)
        taken[name] = Part(part.spool, part.rows[rows])
        order.append(sizes[name][rows])
    lines = [part.lines() for part in taken.values()]
    return taken, (next(lines[source]) for source, _ in interleave(order))


def also_in(texts: Part, others: Iterable[Part]) -> int:
    """Count the rows whose text is also in one of the other parts."""
    digests, found = texts.column(DIGEST), np.zeros(len(texts.rows), dtype=bool)
    for other in others:
        found |= np.isin(digests, other.column(DIGEST))
    return int(found.sum())


def write_rows(
    rows: Iterable[bytes], folder: Path, name: str, shard: int | None = None
) -> list[str]:
    """Write rows to one file, or to files of about `shard` characters; name them."""
    names, size, file = [], 0, None
    try:
        for row in rows:
            if file is None:
                names.append(name if shard is None else f"{name}-{len(names):05}.jsonl")
                file = open(folder / names[-1], "wb")
            file.write(row)
            size += len(row.decode("utf-8"))
            if shard is not None and size >= shard:
                file.close()
                size, file = 0, None
    finally:
        if file is not None:
            file.close()
    return names
