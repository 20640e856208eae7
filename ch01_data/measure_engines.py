"""What the engines cost: seconds beside one another, and memory as the corpus grows.

    python -m ch01_data.measure_engines overhead --megabytes 10 200 --rounds 3 1
    python -m ch01_data.measure_engines memory --megabytes 100 300 1000

`overhead` builds the same corpus by the local engine and by Ray on a cluster of two
nodes on this machine, in turn, so that a busy minute falls on both; it compares the
bytes and prints the seconds and their ratio. Ray's time begins when the cluster runs:
connecting and starting its workers count, starting the cluster is told apart. `memory`
builds corpora of several sizes, each in a process of its own, and prints the most
memory that it and its workers held together, and by how much that grew for each byte of
text. Both write `results/engine_NAME.json` in this folder.
"""

import argparse
import json
import multiprocessing
import random
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from ch01_data.data import CorpusConfig, build_corpus
from ch01_data.engine import end_with_parent
from ch01_data.engine_ray import loopback_cluster
from ch01_data.files import run_command, sha256
from ch01_data.measured import RESULTS, command_of, machine, spread, write_result
from ch01_data.storyworld import generate

POOL_STORIES = 3_000
COPIES, NEAR_COPIES = 0.05, 0.10  # shares of the documents
FURNITURE_SHARE, FURNITURE = 0.05, "Read all stories of this week on our own page."
LINES, SENTENCES = 4, 4  # of a document
SECONDS_BETWEEN_LOOKS = 0.2


def write_text_source(path: Path, n_bytes: int, seed: int = 0) -> None:
    """Write a JSONL file of documents of about 800 bytes, some equal, some nearly so.

    Each is told anew from the sentences of a pool of stories, much faster than stories
    are; one in twenty is a copy of an earlier one, one in ten differs by a word, and
    one in twenty ends with a line that stands below many.
    """
    rng = random.Random(seed)
    stories = [story.text for story in generate(POOL_STORIES, seed, "train")]
    sentences = [s for text in stories for s in text.split(". ") if s[-1].isalpha()]
    size, number, recent = 0, 0, [stories[0]]
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        while size < n_bytes:
            draw = rng.random()
            text = rng.choice(recent)
            if draw < NEAR_COPIES:
                words = text.split(" ")
                words[rng.randrange(len(words))] = f"word{number}"
                text = " ".join(words)
            elif draw > COPIES + NEAR_COPIES:
                told = rng.choices(sentences, k=LINES * SENTENCES)
                lines = (
                    told[i : i + SENTENCES] for i in range(0, len(told), SENTENCES)
                )
                text = "\n".join(". ".join(line) + "." for line in lines)
                if draw > 1 - FURNITURE_SHARE:
                    text += f"\n{FURNITURE}"
                recent[number % 1000 : number % 1000 + 1] = [text]
            file.write(json.dumps({"text": text, "id": str(number)}) + "\n")
            size, number = size + len(text), number + 1


def hashes_of(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file in a folder."""
    return {path.name: sha256(path) for path in sorted(folder.iterdir())}


def time_build(config: CorpusConfig) -> float:
    """Return the seconds that a build takes."""
    begun = time.perf_counter()
    build_corpus(config)
    return time.perf_counter() - begun


def measure_overhead(
    megabytes: float,
    rounds: int,
    workers: int,
    work: Path,
    stages: tuple[str, ...] | None = None,
) -> dict:
    """Time both engines in turn on one source; their bytes must be equal.

    Units:   seconds; `overhead` is Ray's seconds less the local engine's, `ratio`
             theirs divided, of each round.
    Raises:  ValueError if the two corpora differ in a byte.
    """
    source = work / "source.jsonl"
    write_text_source(source, int(megabytes * 1e6))
    seconds: dict[str, list[float]] = {"local": [], "ray": []}
    begun = time.perf_counter()
    with loopback_cluster(nodes=2, cores=max(workers // 2, 1)) as address:
        start = time.perf_counter() - begun
        for _ in range(rounds):
            made = {}
            for engine in seconds:
                config = CorpusConfig(
                    source=str(source),
                    out=str(work / engine),
                    engine=engine,
                    workers=workers,
                    stages=stages,
                    address=address if engine == "ray" else None,
                )
                seconds[engine].append(time_build(config))
                made[engine] = hashes_of(work / engine)
            if made["local"] != made["ray"]:
                raise ValueError("the two engines made different corpora")
    pairs = list(zip(seconds["local"], seconds["ray"], strict=True))
    return {
        "megabytes": megabytes,
        "workers": workers,
        "stages": stages or "all that run by default",
        "local_seconds": spread(seconds["local"]),
        "ray_seconds": spread(seconds["ray"]),
        "overhead_seconds": spread([ray - local for local, ray in pairs]),
        "ratio": spread([ray / local for local, ray in pairs]),
        "seconds_to_start_the_cluster": start,
        "equal_bytes": True,
    }


@contextmanager
def watched_memory(pid: int) -> Iterator[list[int]]:
    """Note, in a list of one number, the most memory that a process and its own hold.

    Units:  bytes of memory that a process has to itself, summed over all.
    """
    most, done, first = [0], threading.Event(), psutil.Process(pid)

    def look() -> None:
        while not done.wait(SECONDS_BETWEEN_LOOKS):
            total = 0
            try:
                for process in [first, *first.children(recursive=True)]:
                    total += process.memory_full_info().uss
            except psutil.Error:  # it has just ended
                continue
            most[0] = max(most[0], total)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield most
    finally:
        done.set()
        thread.join()


def _build_watched(config: CorpusConfig) -> None:
    end_with_parent()
    build_corpus(config)


def peak_of_build(config: CorpusConfig) -> tuple[int, float]:
    """Return the most memory that a build took in a process of its own, and its time.

    Raises:  OSError if the build failed.
    """
    child = multiprocessing.get_context("spawn").Process(
        target=_build_watched, args=(config,)
    )
    begun = time.perf_counter()
    child.start()
    try:
        with watched_memory(child.pid) as most:
            child.join()
    finally:
        child.terminate()
    if child.exitcode:
        raise OSError(f"the build ended with status {child.exitcode}")
    return most[0], time.perf_counter() - begun


def measure_growth(
    megabytes: list[float],
    workers: int,
    work: Path,
    stages: tuple[str, ...] | None = None,
) -> dict:
    """Build corpora of several sizes; return the most memory that each took."""
    points = []
    for size in megabytes:
        source = work / "source.jsonl"
        write_text_source(source, int(size * 1e6))
        config = CorpusConfig(
            source=str(source), out=str(work / "out"), workers=workers, stages=stages
        )
        most, seconds = peak_of_build(config)
        report = json.loads((work / "out" / "report.json").read_text(encoding="utf-8"))
        shutil.rmtree(work / "out")
        read = report["stages"][0]
        points.append(
            {
                "megabytes": size,
                "text_bytes": read["bytes_out"],
                "documents": read["documents_out"],
                "peak_memory_bytes": most,
                "seconds": seconds,
                "removed": {
                    stage["name"]: stage["removed"]
                    for stage in report["stages"]
                    if stage["removed"]
                },
            }
        )
        print(f"{size:7,.0f} MB {seconds:8.1f} s {most / 1e6:8.0f} MB at most")
    first, last = points[0], points[-1]
    grown = last["peak_memory_bytes"] - first["peak_memory_bytes"]
    more = last["text_bytes"] - first["text_bytes"]
    return {
        "workers": workers,
        "stages": stages or "all that run by default",
        "points": points,
        "bytes_per_input_byte": grown / more if more else None,
    }


def main(argv: list[str] | None = None) -> int:
    """Measure the engines; print the figures as JSON and keep them."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    add = parser.add_argument
    add("what", choices=("overhead", "memory"))
    add("--megabytes", type=float, nargs="+", default=[10.0])
    add("--rounds", type=int, nargs="+", default=[3], help="for each size, of overhead")
    add("--workers", type=int, default=2, help="processes of each engine")
    add("--stages", help="comma-separated (default: all that run on text)")
    add("--work", help="folder for working files (default: a new one)")
    add("--out", help="JSON file (default: results/engine_WHAT.json)")
    arguments = parser.parse_args(argv)

    def command() -> None:
        sizes, workers, what = arguments.megabytes, arguments.workers, arguments.what
        stages = tuple(arguments.stages.split(",")) if arguments.stages else None
        rounds = (arguments.rounds + arguments.rounds[-1:] * len(sizes))[: len(sizes)]
        begun_on = machine()
        with tempfile.TemporaryDirectory(dir=arguments.work) as folder:
            if what == "memory":
                found: object = measure_growth(sizes, workers, Path(folder), stages)
            else:
                found = [
                    measure_overhead(size, n, workers, Path(folder), stages)
                    for size, n in zip(sizes, rounds, strict=True)
                ]
        print(json.dumps(found, indent=2))
        write_result(
            arguments.out or RESULTS / f"engine_{what}.json",
            __doc__.split("\n")[0],
            command_of("ch01_data.measure_engines", argv),
            found,
            begun_on=begun_on,
        )

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
