"""What the engines cost: seconds beside one another, and memory as the corpus grows.

    python -m ch01_data.measure_engines overhead --megabytes 10 --rounds 3
    python -m ch01_data.measure_engines memory --megabytes 100 1000

`overhead` builds the same corpus by the local engine and by Ray on a cluster of two
nodes on this machine, in turn, so that a busy minute falls on both; it compares the
bytes and prints the seconds and their ratio. Ray's time begins when the cluster runs:
connecting and starting its workers count, starting the cluster is told apart. `memory`
builds corpora of several sizes and prints the most memory that this process and its
workers held together, and by how much it grew for each byte of text.
"""

import argparse
import json
import random
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from ch01_data.data import CorpusConfig, build_corpus
from ch01_data.engine_ray import loopback_cluster
from ch01_data.files import run_command, sha256, write_json
from ch01_data.storyworld import generate

POOL_STORIES = 3_000
COPIES, NEAR_COPIES = 0.05, 0.10  # shares of the documents
SECONDS_BETWEEN_LOOKS = 0.05


def write_text_source(path: Path, n_bytes: int, seed: int = 0) -> None:
    """Write a JSONL file of documents of about 800 bytes, some equal, some nearly so.

    Each is told anew from the sentences of a pool of stories, much faster than stories
    are; one in twenty is a copy of an earlier one and one in ten differs by a word.
    """
    rng = random.Random(seed)
    stories = [story.text for story in generate(POOL_STORIES, seed, "train")]
    sentences = [s for text in stories for s in text.split(". ") if s]
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
                text = ". ".join(rng.sample(sentences, 16))
                recent = [*recent[-999:], text]
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


def measure_overhead(megabytes: float, rounds: int, workers: int, work: Path) -> dict:
    """Time both engines in turn on one source; their bytes must be equal.

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
                out = work / engine
                config = CorpusConfig(
                    source=str(source),
                    out=str(out),
                    engine=engine,
                    workers=workers,
                    address=address if engine == "ray" else None,
                )
                seconds[engine].append(time_build(config))
                made[engine] = hashes_of(out)
            if made["local"] != made["ray"]:
                raise ValueError("the two engines made different corpora")
    ratios = [ray / local for local, ray in zip(seconds["local"], seconds["ray"])]
    return {
        "megabytes": megabytes,
        "workers": workers,
        "local_seconds": seconds["local"],
        "ray_seconds": seconds["ray"],
        "ratios": ratios,
        "ratio": statistics.median(ratios),
        "seconds_to_start_the_cluster": start,
        "equal_bytes": True,
    }


@contextmanager
def watched_memory() -> Iterator[list[int]]:
    """Note, in a list of one number, the most memory that we and our workers hold.

    Units:  bytes of memory that a process has to itself, summed over all.
    """
    most, done, me = [0], threading.Event(), psutil.Process()

    def look() -> None:
        while not done.wait(SECONDS_BETWEEN_LOOKS):
            total = 0
            for process in [me, *me.children(recursive=True)]:
                try:
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


def measure_memory(megabytes: list[float], workers: int, work: Path) -> dict:
    """Build corpora of several sizes; return the most memory that each took."""
    points = []
    for size in megabytes:
        source = work / "source.jsonl"
        write_text_source(source, int(size * 1e6))
        config = CorpusConfig(
            source=str(source), out=str(work / "out"), workers=workers
        )
        with watched_memory() as most:
            seconds = time_build(config)
        shutil.rmtree(work / "out")
        points.append({"megabytes": size, "bytes": most[0], "seconds": seconds})
    first, last = points[0], points[-1]
    growth = (last["bytes"] - first["bytes"]) / max(
        (last["megabytes"] - first["megabytes"]) * 1e6, 1.0
    )
    return {"workers": workers, "points": points, "bytes_per_input_byte": growth}


def main(argv: list[str] | None = None) -> int:
    """Measure the engines and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("what", choices=("overhead", "memory"))
    parser.add_argument("--megabytes", type=float, nargs="+", default=[10.0])
    parser.add_argument("--rounds", type=int, default=3, help="of overhead")
    parser.add_argument("--workers", type=int, default=2, help="processes of each")
    parser.add_argument("--work", help="folder for working files (default: a new one)")
    parser.add_argument("--out", help="write the figures to this JSON file")
    arguments = parser.parse_args(argv)

    def command() -> None:
        sizes, workers = arguments.megabytes, arguments.workers
        with tempfile.TemporaryDirectory(dir=arguments.work) as folder:
            work = Path(folder)
            if arguments.what == "memory":
                found: object = measure_memory(sizes, workers, work)
            else:
                found = [
                    measure_overhead(size, arguments.rounds, workers, work)
                    for size in sizes
                ]
        print(json.dumps(found, indent=2))
        if arguments.out:
            write_json(arguments.out, found)

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
