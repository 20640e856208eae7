"""The corpus: from a source to clean, split, counted documents on disk.

    read -> normalise -> quality -> mask personal data -> exact duplicates
         -> near duplicates -> split -> JSONL shards, data card, report

Every stage takes a list of documents and returns fewer or cleaner ones, and the funnel
says how many came in, how many went out and why the rest did not. Which stages run is
part of the config, and a stage that did not run is listed too. Storyworld's stories are
drawn from a distribution whose entropy is known; every filter would change that
distribution, so only the equal ones are taken out of its training text.

The split is decided by a hash of the text: adding documents never moves one that is
already there from training to validation. A single document is cut by position instead.
"""

import argparse
import json
import os
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from tqdm import tqdm

from ch01_data.card import data_card
from ch01_data.dedup import choose_bands, text_digest
from ch01_data.files import run_command, sha256, write_json, write_text
from ch01_data.sources import Document, read_documents
from ch01_data.splits import WAYS, split_documents
from ch01_data.stages import STAGES, StageCount, count_bytes, run_stages
from ch01_data.storyworld import generate

PYLIB_LIMIT_BYTES = 30_000_000
SHARD_BYTES = 64_000_000
FLAGS = {
    "--source": "source",
    "--seed": "seed",
    "--n": "n_documents",
    "--limit-bytes": "limit_bytes",
    "--near-threshold": "near_threshold",
    "--validation": "validation",
    "--stages": "stages",
}
WHY_NOT_RUN = {"storyworld": "would change a distribution that is known exactly"}


@dataclass(frozen=True)
class CorpusConfig:
    """What to build. Saved in report.json.

    `stages` None takes all for text and exact_duplicates alone for storyworld;
    `limit_bytes` None means 30 MB for pylib and no limit for your own text.
    """

    source: str = "storyworld"
    out: str = "runs/default/data"
    seed: int = 0
    n_documents: int = 60_000  # stories for training; of no effect on other sources
    n_validation: int = 2_000
    n_heldout: int = 2_000
    limit_bytes: int | None = None
    stages: tuple[str, ...] | None = None
    near_threshold: float = 0.8  # Jaccard similarity of word 5-grams
    validation: str = "auto"
    validation_share: float = 0.1

    def __post_init__(self) -> None:
        if self.stages is not None:
            object.__setattr__(self, "stages", tuple(self.stages))
            unknown = sorted(set(self.stages) - set(STAGES))
            if unknown:
                raise ValueError(
                    f"no stage {unknown[0]!r}; there are {', '.join(STAGES)}"
                )
        if self.validation not in WAYS:
            raise ValueError(
                f"validation is {self.validation!r}, must be one of {', '.join(WAYS)}"
            )
        counts = (self.n_documents, self.n_validation, self.n_heldout)
        if self.source == "storyworld" and min(counts) < 1:
            raise ValueError(
                f"stories in the three splits are {counts}, each at least 1"
            )
        if self.limit_bytes is not None and self.limit_bytes < 1:
            raise ValueError(f"limit_bytes is {self.limit_bytes}, must be at least 1")
        if not 0.0 < self.validation_share < 1.0:
            raise ValueError(
                f"validation_share is {self.validation_share}, must be between 0 and 1"
            )
        choose_bands(self.near_threshold)  # refuses what is no similarity

    @classmethod
    def from_json(cls, values: dict) -> "CorpusConfig":
        """Make a config from a JSON object; a key that it does not know is an error."""
        known = [f.name for f in fields(cls)]
        for key in values:
            if key not in known:
                raise ValueError(
                    f"unknown config key {key!r}; known: {', '.join(known)}"
                )
        return cls(**values)

    @property
    def active_stages(self) -> tuple[str, ...]:
        """The stages that run, in the order in which they run."""
        if self.stages is None:
            is_world = self.source == "storyworld"
            return ("exact_duplicates",) if is_world else tuple(STAGES)
        return tuple(name for name in STAGES if name in self.stages)

    @property
    def active_limit_bytes(self) -> int | None:
        """The limit that holds for this source, in bytes."""
        if self.limit_bytes is None and self.source == "pylib":
            return PYLIB_LIMIT_BYTES
        return self.limit_bytes


@dataclass(frozen=True)
class CorpusReport:
    """The funnel, what each split holds, and the files with their SHA-256."""

    config: CorpusConfig
    stages: list[StageCount]
    splits: dict[str, dict[str, int]]
    files: dict[str, str]

    def to_json(self) -> dict:
        """Return the report as plain values; neither clock nor folder is in it."""
        values = asdict(self)
        del values["config"]["out"]
        return values

    @property
    def train_paths(self) -> list[Path]:
        """The shards of the training split, in order."""
        names = sorted(name for name in self.files if name.startswith("train-"))
        return [Path(self.config.out, name) for name in names]

    def table(self) -> str:
        """Return the funnel as a table of text."""
        rows = [f"{'stage':18}{'documents':>12}{'MB':>10}   removed"]
        for stage in self.stages:
            why = [f"{name} {count:,}" for name, count in stage.removed.items()]
            text = ", ".join(why + [stage.note] * bool(stage.note))
            rows.append(
                f"{stage.name:18}{stage.documents_out:12,}{stage.bytes_out / 1e6:10.2f}"
                f"   {'' if stage.ran else 'not run: '}{text}"
            )
        for name, split in self.splits.items():
            rows.append(
                f"{name:18}{split['documents']:12,}{split['bytes'] / 1e6:10.2f}"
            )
        return "\n".join(rows)


def read(config: CorpusConfig) -> tuple[list[Document], StageCount]:
    """Read the documents of the source or draw its stories; count those passed over."""
    skipped: Counter[str] = Counter()
    if config.source == "storyworld":
        found = draw_stories(config, "train", config.n_documents)
    else:
        limit = config.active_limit_bytes
        reader = read_documents(config.source, limit_bytes=limit, skipped=skipped)
        found = tqdm(reader, "read", unit=" documents", disable=None)
    documents = list(found)
    size, n = count_bytes(documents), len(documents)
    offered = n + sum(skipped.values())
    return documents, StageCount("read", offered, n, size, size, dict(skipped))


def draw_stories(config: CorpusConfig, split: str, n: int) -> Iterator[Document]:
    """Yield documents of one split of storyworld with their exact log-probability."""
    stories = tqdm(
        generate(n, config.seed, split), split, n, unit=" stories", disable=None
    )
    for number, story in enumerate(stories):
        yield Document(
            story.document,
            f"storyworld-{split}-{number:07}",
            source="storyworld",
            log_prob=story.document_log_prob,
        )


def build_corpus(config: CorpusConfig) -> CorpusReport:
    """Build the corpus of a config in `config.out`; the same config, the same bytes.

    Writes train-00000.jsonl ..., validation.jsonl, for storyworld heldout.jsonl, the
    data card README.md and, last of all, report.json: where that lies, all is whole.

    Raises:  ValueError or OSError if the source cannot be read, the folder cannot be
             written, or no document is left.
    """
    check_writable(config.out)
    if Path(config.source).absolute() == Path(config.out).absolute():
        raise ValueError(
            f"--out {config.out} is the source itself; name another folder"
        )
    documents, first = read(config)
    documents, stages = run_stages(
        documents,
        config.active_stages,
        seed=config.seed,
        threshold=config.near_threshold,
        why_not=WHY_NOT_RUN.get(config.source, "switched off"),
    )
    if config.source == "storyworld":
        sizes = {"validation": config.n_validation, "heldout": config.n_heldout}
        splits = {"train": documents}
        for name, n in sizes.items():
            splits[name] = list(draw_stories(config, name, n))
    else:
        splits = split_documents(
            documents, config.validation, config.validation_share, config.seed
        )
    for name, part in splits.items():
        if not part:
            raise ValueError(
                f"the {name} part of {config.source} is empty: the text is too short"
            )
    files = _write_splits(Path(config.out), splits)
    counts = count_splits(splits)
    report = CorpusReport(config, [first, *stages], counts, files)
    card = data_card(config.source, counts, report.table(), _command_of(config))
    write_text(Path(config.out, "README.md"), card)
    write_json(Path(config.out, "report.json"), report.to_json())
    return report


def count_splits(splits: dict[str, list[Document]]) -> dict[str, dict[str, int]]:
    """Count documents and bytes of each split, and what training text stands in it."""
    trained = {text_digest(document.text) for document in splits["train"]}
    counts = {}
    for name, part in splits.items():
        counts[name] = {"documents": len(part), "bytes": count_bytes(part)}
        if name != "train":
            seen = sum(text_digest(document.text) in trained for document in part)
            counts[name]["also_in_train"] = seen
    return counts


def check_writable(folder: str | Path) -> None:
    """Refuse a folder that could not be written, before minutes of work are spent."""
    path = Path(folder).absolute()
    while not path.exists():
        path = path.parent
    if not path.is_dir() or not os.access(path, os.W_OK | os.X_OK):
        what = "cannot be written to" if path.is_dir() else "is not a folder"
        raise ValueError(f"cannot write {folder}: {path} {what}; name another --out")


def _command_of(config: CorpusConfig) -> str:
    """Return the command that builds this corpus."""
    words = ["python -m ch01_data.data"]
    for flag, name in FLAGS.items():
        value = getattr(config, name)
        if value != getattr(CorpusConfig(), name):
            text = ",".join(value) if name == "stages" else str(value)
            words.append(f"{flag} {shlex.quote(text)}")
    return " ".join(words)


def _write_splits(out: Path, splits: dict[str, list[Document]]) -> dict[str, str]:
    """Write the shards and return their SHA-256 by name; older shards go."""
    (out / "report.json").unlink(missing_ok=True)
    texts = {
        f"train-{number:05}.jsonl": shard
        for number, shard in enumerate(_shards(splits["train"]))
    }
    texts |= {
        f"{name}.jsonl": "".join(map(_row, part))
        for name, part in splits.items()
        if name != "train"
    }
    for name, text in texts.items():
        write_text(out / name, text)
    for old in (*out.glob("train-[0-9]*.jsonl"), out / "heldout.jsonl"):
        if old.name not in texts:
            old.unlink(missing_ok=True)
    return {name: sha256(out / name) for name in texts}


def _row(document: Document) -> str:
    """Return a document as one line of JSON; fields without a value are left out."""
    values = {k: v for k, v in asdict(document).items() if v is not None}
    return json.dumps(values, ensure_ascii=False) + "\n"


def _shards(documents: Iterable[Document]) -> Iterator[str]:
    """Yield JSONL texts of about SHARD_BYTES each."""
    rows, size = [], 0
    for document in documents:
        rows.append(_row(document))
        size += len(rows[-1])
        if size >= SHARD_BYTES:
            yield "".join(rows)
            rows, size = [], 0
    if rows:
        yield "".join(rows)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def main(argv: list[str] | None = None) -> int:
    """Build a corpus and print its funnel."""
    defaults = CorpusConfig()
    parser = argparse.ArgumentParser(description=main.__doc__)
    add = parser.add_argument
    add(
        "--source",
        default=defaults.source,
        help="storyworld, pylib, or a file (.txt, .jsonl), folder or glob of your own",
    )
    add("--out", default=defaults.out, help="folder to write")
    add("--seed", type=int, default=defaults.seed)
    add("--n", type=int, default=defaults.n_documents, help="stories for training")
    add("--limit-bytes", type=int, help="read about so many bytes (pylib: 30 million)")
    add("--near-threshold", type=float, default=defaults.near_threshold, help="Jaccard")
    add("--validation", choices=WAYS, default=defaults.validation)
    add("--stages", type=_names, help=f"comma-separated, of: {', '.join(STAGES)}")
    args = vars(parser.parse_args(argv))

    def command() -> None:
        values = {
            name: args[flag[2:].replace("-", "_")] for flag, name in FLAGS.items()
        }
        print(build_corpus(CorpusConfig(**values, out=args["out"])).table())

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
