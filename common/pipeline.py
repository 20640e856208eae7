"""The main job: from raw text to an aligned chat model, one stage after another.

    data -> tokenizer -> ngram -> pretrain -> sft -> dpo -> model -> report

A stage writes one folder of the run. It is skipped when it is finished and neither its
config, nor its source code, nor a stage before it has changed. A training stage that
was stopped goes on from its last checkpoint.
"""

import argparse
import glob
import hashlib
import inspect
import json
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from ch01_data.files import run_command, write_json
from ch01_data.sources import find_files
from ch05_pretraining.checkpoint import checkpoints
from ch05_pretraining.machine import measure_machine
from common import stages
from common.model import PRESETS
from common.report import print_table, write_report
from common.stages import QUICK, RunConfig
from common.verify import verify

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Stage:
    """A step of the run: its folder, the last chapter that it uses, what it does.

    `reads` names the fields of the config that decide its outcome.
    """

    name: str
    chapter: int
    make: Callable[[RunConfig, Path], dict]
    reads: tuple[str, ...] = ()
    needs_truth: bool = False
    record: str = "config.json"


STAGES = (
    Stage("data", 1, stages.make_data, ("source", "seed", "n_stories")),
    Stage("tokenizer", 2, stages.make_tokenizer, ("vocab_size",)),
    Stage("ngram", 2, stages.make_ngram, ("evaluation_documents",)),
    Stage(
        "pretrain",
        6,
        stages.make_base,
        ("preset", "pretrain_steps", "max_epochs", "pretrain"),
    ),
    Stage("sft", 7, stages.make_tuned, ("sft", "exam_stories"), needs_truth=True),
    Stage("dpo", 8, stages.make_aligned, ("dpo",), needs_truth=True),
    # The exported model has a config.json of its own, in another's format.
    Stage("model", 8, stages.make_model, record="stage.json"),
)


def source_hash(chapter: int) -> str:
    """Hash the source code of all chapters up to this one."""
    digest = hashlib.sha256()
    for path in sorted(ROOT.glob("ch[0-9][0-9]_*/*.py")):
        taught = int(path.parent.name[2:4]) <= chapter
        if taught and path.stem not in ("exercises", "solutions"):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def input_hash(source: str) -> str:
    """Hash which files a source has, their sizes and dates: a new text is read anew.

    Raises:  ValueError if there is no such source.
    """
    if source == "storyworld":
        return ""
    digest = hashlib.sha256()
    for path in find_files(source)[1]:
        about = path.stat()
        digest.update(f"{path} {about.st_size} {about.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def stage_key(stage: Stage, config: RunConfig, own: dict, upstream: str) -> str:
    """Hash all that decides a stage's outcome."""
    parts = [own, source_hash(stage.chapter), inspect.getsource(stage.make), upstream]
    if "source" in own:
        parts.append(input_hash(config.source))
    if "preset" in own:
        parts.append(PRESETS[config.preset])
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


class MemoryWatch(threading.Thread):
    """Note the most memory that this process held while a stage ran."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak, self._done = 0, threading.Event()

    def run(self) -> None:
        """Look ten times a second."""
        process, over = psutil.Process(), False
        while not over:  # at least once, however short the stage
            self.peak = max(self.peak, process.memory_info().rss)
            over = self._done.wait(0.1)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch during a block."""
        self.start()
        try:
            yield
        finally:
            self._done.set()
            self.join()


def earlier_seconds(folder: Path) -> float:
    """Sum the seconds that a stopped training stage has spent, from its diary."""
    diary = folder / "metrics.jsonl"
    if not diary.exists():
        return 0.0
    lines = [
        json.loads(line) for line in diary.read_text().splitlines() if line[-1:] == "}"
    ]
    return sum(line.get("seconds", 0.0) for line in lines)


def run_stage(stage: Stage, config: RunConfig, upstream: str, force: bool) -> dict:
    """Make a stage, or return the record of it that is still true."""
    folder = Path(config.out) / stage.name
    own = {name: getattr(config, name) for name in stage.reads}
    key = stage_key(stage, config, own, upstream)
    path = folder / stage.record
    record = json.loads(path.read_text()) if path.exists() else {}
    if record.get("key") != key or force:
        shutil.rmtree(folder, ignore_errors=True)
        record = {}
    if "figures" in record:
        print(f"{stage.name}: finished before, kept", flush=True)
        return record
    print(f"\n== {stage.name} ==", flush=True)
    write_json(path, {"key": key, "config": own})
    watch, earlier, began = MemoryWatch(), earlier_seconds(folder), time.perf_counter()
    try:
        with watch.watching():
            figures = stage.make(config, folder)
    except (ValueError, OSError, ArithmeticError):
        drop_unfinished(folder)
        raise
    record = {
        "name": stage.name,
        "key": key,
        "config": own,
        "seconds": round(earlier + time.perf_counter() - began, 2),
        "peak_memory_bytes": watch.peak,
        "figures": figures,
    }
    write_json(path, record)
    return record


def drop_unfinished(folder: Path) -> None:
    """Remove what a failed stage has begun, unless it can go on from a checkpoint."""
    if not checkpoints(folder):
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # the run's folder goes too if nothing else is in it
            folder.parent.rmdir()


def check_folder(out: Path) -> None:
    """Refuse a folder whose contents are not a run's: stages replace their folders.

    Raises:  ValueError that names what is in the way.
    """
    if any((out / stage.name / stage.record).exists() for stage in STAGES):
        return
    for stage in STAGES:
        folder = out / stage.name
        if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
            raise ValueError(
                f"{folder} is there already and belongs to no run; name another --out"
            )


def run_pipeline(config: RunConfig, force: bool = False) -> dict:
    """Run every stage that the source allows, and write the report.

    Raises:  ValueError on bad input; stages that were finished before it stay.
    """
    check_folder(Path(config.out))
    records, upstream = [], ""
    for stage in STAGES:
        if stage.needs_truth and config.source != "storyworld":
            print(
                f"{stage.name}: skipped, it needs the world's truth (storyworld only)"
            )
            continue
        record = run_stage(stage, config, upstream, force)
        records.append(record)
        upstream = record["key"]
    report = write_report(config, records, measure_machine())
    print_table(report)
    print(f"report: {Path(config.out) / 'report.html'}")
    return report


def name_run(source: str) -> str:
    """Name the run's folder after its source: runs/pylib, runs/tinyshakespeare.

    A text that bears the name of one of the book's own runs gets another.
    """
    if source == "storyworld":
        return "runs/default"
    path = Path(source).expanduser().resolve()
    while glob.has_magic(path.name):
        path = path.parent
    name = path.stem or "text"
    return f"runs/{name}-text" if name in ("default", "quick") else f"runs/{name}"


def main(argv: list[str] | None = None) -> int:
    """Run the whole thread, or verify the report of a finished run."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "--source",
        default="storyworld",
        help="storyworld, pylib, or a .txt, .jsonl, folder or glob of your own",
    )
    parser.add_argument(
        "--out", help="folder of the run (default: named by the source)"
    )
    parser.add_argument("--preset", default="default", help="default or quick")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--force", action="store_true", help="redo finished stages")
    parser.add_argument("--verify", metavar="RUN", help="recompute a run's report")
    args = parser.parse_args(argv)

    def command() -> None:
        if args.verify:
            verify(Path(args.verify))
            return
        recipes = {"default": RunConfig(), "quick": QUICK}
        if args.preset not in recipes:
            raise ValueError(
                f"there is no preset {args.preset!r}; choose default or quick"
            )
        base = recipes[args.preset]
        out = base.out if args.source == base.source else name_run(args.source)
        config = replace(base, source=args.source, out=args.out or out, seed=args.seed)
        run_pipeline(config, args.force)

    return run_command(command)


if __name__ == "__main__":
    sys.exit(main())
