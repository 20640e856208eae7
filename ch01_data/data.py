"""The corpus: from a source, or several, to clean, split, counted documents on disk.

    read -> [ one spelling -> address -> language -> noise -> quality -> insults
              -> evaluation texts -> personal data ]         batch by batch, anywhere
         -> rows and compact keys on disk
         -> same pages, equal texts, near copies, lines      on the keys
         -> split -> mix -> JSONL shards, data card, report

The funnel says of every stage how many documents came in, how many went out and why the
rest did not. Which stages run is part of the config, and a stage that did not run is
listed too. Storyworld's stories are drawn from a distribution whose entropy is known;
every filter would change that distribution, so only the equal ones are taken out of its
training text.

The split is decided by a hash of the text: adding documents never moves one that is
already there from training to validation. A single document is cut by position instead.

No more than a few batches of text are in memory, and which process cleaned a batch
leaves no trace: the same config gives the same bytes for any number of workers and for
either engine. All files are made in a hidden folder beside `out` and moved when they
are whole.
"""

import argparse
import os
import pickle
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

import psutil

from ch01_data.batch_stages import BYTES, TOKENS, StageConfig
from ch01_data.card import data_card
from ch01_data.corpus import (
    FLAGS,
    STORYWORLD_STAGES,
    CorpusConfig,
    CorpusReport,
    SourceCount,
    read_mix,
)
from ch01_data.engine import ENGINES, Engine, LocalEngine, usable_cores
from ch01_data.files import run_command, sha256, write_json, write_text
from ch01_data.learned_filters import load_learned_filters
from ch01_data.mixing import shares
from ch01_data.parts import (
    SHARD_CHARACTERS,
    Part,
    also_in,
    make_parts,
    mix_rows,
    write_rows,
)
from ch01_data.remote import REPORT, is_remote, publish
from ch01_data.sources import read_texts
from ch01_data.splits import WAYS
from ch01_data.stages import STAGES, Funnel
from ch01_data.word_lists import read_list


def build_corpus(
    config: CorpusConfig, count_tokens: Callable[[str], int] | None = None
) -> CorpusReport:
    """Build the corpus of a config in `config.out`; the same config, the same bytes.

    Writes train-00000.jsonl ..., validation.jsonl, for storyworld heldout.jsonl, the
    data card README.md and, last of all, report.json: where that lies, all is whole.
    `count_tokens` measures the sources of a mix by a tokenizer of your own; it must be
    picklable, since other processes call it.

    Raises:  ValueError or OSError if the source cannot be read, the folder cannot be
             written, or no document is left.
    """
    check_writable(config.out)
    for source in config.sources:
        if Path(source).absolute() == Path(config.out).absolute():
            raise ValueError(
                f"--out {config.out} is the source itself; name another folder"
            )
    counter = count_tokens or _tiktoken_counter(config.count_tokens)
    pickled = pickle.dumps(counter) if counter else None
    with work_folder(config.out) as work, open_engine(config) as engine:
        funnel = Funnel(told_to_stages(config), engine, pickled)
        made = work / "out"
        made.mkdir()
        report = _write_corpus(config, funnel, work, made)
        write_text(made / "README.md", data_card(report))
        write_json(made / REPORT, report.to_json())
        publish(made, config.out)
    return report


def told_to_stages(config: CorpusConfig) -> StageConfig:
    """Return what the stages are told, the named lists and texts read.

    Raises:  ValueError or OSError if one of them cannot be read.
    """
    lists = [
        tuple(sorted(read_list(name))) if name else ()
        for name in (config.blocked, config.blocked_words, config.insults)
    ]
    return StageConfig(
        config.seed,
        config.near_threshold,
        config.languages,
        *lists,
        tuple(read_texts(config.evaluation)) if config.evaluation else (),
        pickle.dumps(load_learned_filters(config.learned)) if config.learned else b"",
    )


def _write_corpus(
    config: CorpusConfig, funnel: Funnel, work: Path, made: Path
) -> CorpusReport:
    """Clean all sources and write the splits; return what the report says of it."""
    parts: dict[str, dict[str, Part]] = {}
    stages = []
    for number, source in enumerate(config.sources):
        folder = work / f"source-{number}"
        parts[source], counts = make_parts(source, config, funnel, folder)
        name = source if config.mix else ""
        stages += [replace(count, source=name) for count in counts]
    unit = TOKENS if funnel.token_counter else BYTES
    train = {source: part["train"] for source, part in parts.items()}
    if config.mix:
        train, rows = mix_rows(train, config, unit)
    else:
        rows = train[config.source].lines()
    names = write_rows(rows, made, "train", SHARD_CHARACTERS)
    splits = {"train": _count_part(train.values())}
    for split in ("validation", "heldout"):
        held = [part[split] for part in parts.values() if split in part]
        if held:
            lines = (line for part in held for line in part.lines())
            names += write_rows(lines, made, f"{split}.jsonl")
            again = sum(also_in(part, train.values()) for part in held)
            splits[split] = _count_part(held) | {"also_in_train": again}
    files = {name: sha256(made / name) for name in names}
    sources = _count_sources(config, parts, train, unit)
    return CorpusReport(config, stages, splits, files, sources, unit)


def _count_part(parts: Iterable[Part]) -> dict[str, int]:
    parts = list(parts)
    return {
        "documents": sum(len(part.rows) for part in parts),
        "bytes": sum(int(part.column(BYTES).sum()) for part in parts),
    }


def _count_sources(
    config: CorpusConfig,
    parts: dict[str, dict[str, Part]],
    train: dict[str, Part],
    unit: str,
) -> dict[str, SourceCount]:
    """Count what each source gives to the training text."""
    sizes = {name: int(part.column(unit).sum()) for name, part in train.items()}
    asked = shares(config.mix, config.temperature) if config.mix else {}
    return {
        name: SourceCount(
            documents=len(part.rows),
            bytes=int(part.column(BYTES).sum()),
            size=sizes[name],
            share=sizes[name] / sum(sizes.values()),
            asked=asked.get(name, 1.0),
            epochs=sizes[name] / int(parts[name]["train"].column(unit).sum()),
        )
        for name, part in train.items()
    }


def open_engine(config: CorpusConfig) -> Engine:
    """Return what runs the stages: it is a context, and starts when it is needed."""
    if config.engine == "ray":
        from ch01_data.engine_ray import RayEngine

        return RayEngine(config.address, config.workers)
    nothing_to_do = all(
        config.stages_of(source) in ((), STORYWORLD_STAGES) for source in config.sources
    )
    return LocalEngine(config.workers or (1 if nothing_to_do else usable_cores()))


@contextmanager
def work_folder(out: str) -> Iterator[Path]:
    """Yield a hidden folder on the disk of `out`, removed whatever happens.

    What a process left there that was killed is removed by the next one.
    """
    if is_remote(out):
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
        return
    beginning = f".corpus-{platform.node()}-"
    parent = existing_folder(out)
    for old in parent.glob(f"{beginning}*.tmp"):
        number = old.name[len(beginning) :].split("-")[0]
        if number.isdigit() and not psutil.pid_exists(int(number)):
            shutil.rmtree(old, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(".tmp", f"{beginning}{os.getpid()}-", parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def existing_folder(path: str | Path) -> Path:
    """Return the nearest thing on the way to `path` that exists, `path` included."""
    path = Path(path).absolute()
    while not path.exists():
        path = path.parent
    return path


def check_writable(folder: str | Path) -> None:
    """Refuse a folder that could not be written, before minutes of work are spent."""
    if is_remote(str(folder)):
        return
    path = existing_folder(folder)
    if not path.is_dir() or not os.access(path, os.W_OK | os.X_OK):
        what = "cannot be written to" if path.is_dir() else "is not a folder"
        raise ValueError(f"cannot write {folder}: {path} {what}; name another --out")


def _tiktoken_counter(name: str | None) -> Callable[[str], int] | None:
    """Return what counts tokens by a tiktoken encoding, held to be there.

    Raises:  ValueError if the encoding is not known or cannot be had.
    """
    if name is None:
        return None
    try:
        count_tiktoken(name, "a word")
    except (ValueError, OSError) as error:
        raise ValueError(
            f"no tokens can be counted by {name!r}: {error}; leave --count-tokens out "
            "to measure the sources in bytes"
        ) from error
    return partial(count_tiktoken, name)


def count_tiktoken(name: str, text: str) -> int:
    """Return how many tokens a tiktoken encoding makes of a text."""
    return len(_encoding(name).encode_ordinary(text))


@lru_cache(maxsize=2)
def _encoding(name: str) -> object:
    import tiktoken

    return tiktoken.get_encoding(name)


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
        help="storyworld, pylib, a named download (python -m ch01_data.downloads), a "
        "file, folder or glob of your own, or an address like s3://bucket/texts",
    )
    add("--mix", help="several sources with weights: storyworld=0.7,pylib=0.3")
    add(
        "--temperature",
        type=float,
        default=defaults.temperature,
        help="of the mix: shares are weight^(1/T), so a high T makes them alike",
    )
    add("--total", type=int, help="tokens or bytes of the mix (default: none twice)")
    add(
        "--max-epochs",
        type=float,
        default=defaults.max_epochs,
        help="how often a source of the mix may be read",
    )
    add("--count-tokens", metavar="ENCODING", help="measure in tiktoken's, e.g. gpt2")
    add("--out", default=defaults.out, help="folder to write, or an address")
    add("--seed", type=int, default=defaults.seed)
    add("--n", type=int, default=defaults.n_documents, help="stories for training")
    add("--limit-bytes", type=int, help="read about so many bytes (pylib: 30 million)")
    add("--near-threshold", type=float, default=defaults.near_threshold, help="Jaccard")
    add("--validation", choices=WAYS, default=defaults.validation)
    add("--stages", type=_names, help=f"comma-separated, of: {', '.join(STAGES)}")
    add("--languages", type=_names, default=defaults.languages, help="codes to keep")
    add("--blocked", help="a list of domains to refuse, one a line")
    add("--blocked-words", help="a list of words that no address may hold")
    add("--insults", help="a list of words that no text may hold, one a line")
    add("--learned", help="folder of filters (python -m ch01_data.learned_filters)")
    add("--evaluation", help="texts that must not be trained on: a file or folder")
    add("--engine", choices=ENGINES, default=defaults.engine)
    add("--address", help="of a Ray cluster, host:port")
    add("--workers", type=int, help="processes (default: the cores of this machine)")
    add("--downloads", default=defaults.downloads, help="folder of named downloads")
    args = vars(parser.parse_args(argv))

    def command() -> None:
        given = {flag[2:].replace("-", "_"): name for flag, name in FLAGS.items()}
        given |= {n: n for n in ("out", "engine", "address", "workers", "downloads")}
        values = {name: args[option] for option, name in given.items()}
        if args["mix"] is not None:
            values["mix"] = read_mix(args["mix"])
            if args["source"] != defaults.source:
                raise ValueError("give --source or --mix, not both")
        print(build_corpus(CorpusConfig(**values)).table())

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
