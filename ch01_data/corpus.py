"""A corpus as plain values: what was asked for, and what came of it."""

import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from ch01_data.dedup import choose_bands
from ch01_data.engine import ENGINES
from ch01_data.language import WANTED
from ch01_data.mixing import MAX_EPOCHS, shares
from ch01_data.remote import plain_path
from ch01_data.splits import WAYS
from ch01_data.stages import STAGES, StageCount

PYLIB_LIMIT_BYTES = 30_000_000
MIX = "mix"  # the source of a corpus that has several
STORYWORLD = "storyworld"
STORYWORLD_STAGES = ("exact_duplicates",)
# Where and by whom it is built does not change a corpus, so its report does not say.
NOT_REPORTED = ("out", "engine", "address", "workers", "downloads")
FLAGS = {
    "--source": "source",
    "--mix": "mix",
    "--temperature": "temperature",
    "--total": "total",
    "--max-epochs": "max_epochs",
    "--count-tokens": "count_tokens",
    "--seed": "seed",
    "--n": "n_documents",
    "--limit-bytes": "limit_bytes",
    "--near-threshold": "near_threshold",
    "--validation": "validation",
    "--stages": "stages",
    "--languages": "languages",
    "--blocked": "blocked",
    "--blocked-words": "blocked_words",
    "--insults": "insults",
    "--learned": "learned",
    "--evaluation": "evaluation",
}


@dataclass(frozen=True)
class CorpusConfig:
    """What to build. Saved in report.json.

    `stages` None takes all for text and exact_duplicates alone for storyworld;
    `limit_bytes` None means 30 MB for pylib and no limit for your own text. `blocked`,
    `blocked_words` and `insults` name lists: of domains, of words in addresses, of
    words in texts. `learned` names a folder of learned filters, `evaluation` a source
    of texts not to be trained on, `mix` several sources with their weights. `workers`
    None takes every core, but one process where nothing is filtered. `engine`,
    `address` and `workers` change the time that it takes and nothing else.
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
    languages: tuple[str, ...] = WANTED
    blocked: str | None = None
    blocked_words: str | None = None
    insults: str | None = None
    learned: str | None = None
    evaluation: str | None = None
    validation: str = "auto"
    validation_share: float = 0.1
    mix: Mapping[str, float] | None = None
    temperature: float = 1.0  # of the weights of a mix
    total: int | None = None  # tokens or bytes of a mix's training text
    max_epochs: float = MAX_EPOCHS  # how often a mix may read a source at most
    count_tokens: str | None = None  # a tiktoken encoding, gpt2 for example
    engine: str = "local"
    address: str | None = None  # of a Ray cluster, host:port
    workers: int | None = None
    downloads: str = "runs/downloads"  # where named downloads are kept

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "out", plain_path(self.out))
        if self.mix is not None:
            put(self, "mix", dict(self.mix))
            put(self, "source", MIX)
            if not self.mix:
                raise ValueError("the mix is empty; name sources with their weights")
            shares(self.mix, self.temperature)  # refuses what is no weight
        put(self, "source", plain_path(self.source))
        put(self, "languages", tuple(self.languages))
        if self.stages is not None:
            put(self, "stages", tuple(self.stages))
            self._check_stages()
        for name, known in {"validation": WAYS, "engine": ENGINES}.items():
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}, must be one of "
                    f"{', '.join(known)}"
                )
        counts = (self.n_documents, self.n_validation, self.n_heldout)
        if "storyworld" in self.sources and min(counts) < 1:
            raise ValueError(
                f"stories in the three splits are {counts}, each at least 1"
            )
        for name in ("limit_bytes", "total", "workers"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}, must be at least 1")
        if self.total is not None and self.mix is None:
            raise ValueError("a total needs a mix: for one source give limit_bytes")
        if self.address is not None and self.engine != "ray":
            raise ValueError(f"address {self.address} needs engine ray")
        if not self.max_epochs >= 1:
            raise ValueError(f"max_epochs is {self.max_epochs}, must be at least 1")
        if not 0.0 < self.validation_share < 1.0:
            raise ValueError(
                f"validation_share is {self.validation_share}, must be between 0 and 1"
            )
        choose_bands(self.near_threshold)  # refuses what is no similarity

    def _check_stages(self) -> None:
        for name in self.stages:
            if name not in STAGES:
                raise ValueError(f"no stage {name!r}; there are {', '.join(STAGES)}")
            needs = STAGES[name].needs
            if needs and not getattr(self, needs):
                raise ValueError(f"the stage {name} needs --{needs}; name one")

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
    def sources(self) -> tuple[str, ...]:
        """The sources, in the order in which they were named."""
        return tuple(self.mix) if self.mix else (self.source,)

    def stages_of(self, source: str) -> tuple[str, ...]:
        """Return the stages that run on a source, in the order in which they run."""
        return tuple(name for name in STAGES if not self.why_not(source, name))

    def why_not(self, source: str, name: str) -> str:
        """Return why a stage does not run on a source, "" if it does."""
        if self.stages is not None:
            return "" if name in self.stages else "switched off"
        stage = STAGES[name]
        if source == STORYWORLD and name not in STORYWORLD_STAGES:
            return "would change a distribution that is known exactly"
        if stage.needs and not getattr(self, stage.needs):
            return f"no --{stage.needs} was named"
        return "" if stage.default else "only where --stages names it"

    def limit_of(self, source: str) -> int | None:
        """Return the limit that holds for a source, in bytes."""
        if self.limit_bytes is None and source == "pylib":
            return PYLIB_LIMIT_BYTES
        return self.limit_bytes

    @property
    def command(self) -> str:
        """The command that builds this corpus."""
        words = ["python -m ch01_data.data"]
        for flag, name in FLAGS.items():
            value = getattr(self, name)
            if value != getattr(CorpusConfig(), name) and (flag, value) != (
                "--source",
                MIX,
            ):
                words.append(f"{flag} {shlex.quote(_written(value))}")
        return " ".join(words)


@dataclass(frozen=True)
class SourceCount:
    """What one source gives to the training text.

    Units:  size in the unit of the report, tokens or bytes; bytes are UTF-8 bytes;
            share is the part of the whole, epochs how often the source was read.
    """

    documents: int
    bytes: int
    size: int
    share: float
    asked: float
    epochs: float


@dataclass(frozen=True)
class CorpusReport:
    """The funnel, what splits and sources hold, and the files with their SHA-256."""

    config: CorpusConfig
    stages: list[StageCount]
    splits: dict[str, dict[str, int]]
    files: dict[str, str]
    sources: dict[str, SourceCount] = field(default_factory=dict)
    unit: str = "bytes"

    def to_json(self) -> dict:
        """Return the report as plain values; neither clock nor folder is in it."""
        values = asdict(self)
        for name in NOT_REPORTED:
            del values["config"][name]
        return values

    @property
    def train_paths(self) -> list[Path]:
        """The shards of the training split, in order."""
        names = sorted(name for name in self.files if name.startswith("train-"))
        return [Path(self.config.out, name) for name in names]

    def table(self) -> str:
        """Return the funnel as a table of text."""
        rows = [f"{'stage':18}{'documents':>12}{'MB':>10}   removed"]
        source = ""
        for stage in self.stages:
            if stage.source != source:
                source = stage.source
                rows.append(f"-- {source}")
            why = [f"{name} {count:,}" for name, count in stage.removed.items()]
            text = ", ".join(why + [stage.note] * bool(stage.note))
            rows.append(
                f"{stage.name:18}{stage.documents_out:12,}{stage.bytes_out / 1e6:10.2f}"
                f"   {'' if stage.ran else 'not run: '}{text}"
            )
        rows += [f"-- {MIX}"] * (len(self.sources) > 1)
        for name, split in self.splits.items():
            rows.append(
                f"{name:18}{split['documents']:12,}{split['bytes'] / 1e6:10.2f}"
            )
        return "\n".join(rows)


def read_mix(text: str) -> dict[str, float]:
    """Return the weights of "storyworld=0.7,pylib=0.3".

    Raises:  ValueError where a weight is missing, or a source is named twice.
    """
    weights: dict[str, float] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, equals, weight = part.rpartition("=")
        try:
            value = float(weight)
        except ValueError:
            equals = ""
        if not equals or not name:
            raise ValueError(f"{part!r} in a mix is not SOURCE=WEIGHT, like pylib=0.3")
        if name in weights:
            raise ValueError(f"{name} stands twice in the mix")
        weights[name] = value
    return weights


def _written(value: object) -> str:
    """Return a value as it is written behind its flag."""
    if isinstance(value, Mapping):
        return ",".join(f"{name}={weight:g}" for name, weight in value.items())
    return ",".join(value) if isinstance(value, tuple) else str(value)
