"""Measure this tokenizer against the field's own: time, memory, and equal results.

    python -m ch02_tokenization.benchmark --input TEXT

Each comparison takes turns (ours, theirs, ours, theirs, ...), so that a machine that
grows busy or warm is the same for both, and reports the median with the extremes. A
fast answer that differs is worth nothing: every line says whether results are equal.
`tokenizers` comes with the test extra; without it those lines are left out.
"""

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

import psutil

from ch01_data.files import run_command, write_json
from ch01_data.sources import read_documents
from ch02_tokenization.formats import visible
from ch02_tokenization.pieces import GPT4_PATTERN, valid_unicode
from ch02_tokenization.shards import encode_corpus
from ch02_tokenization.tokenization import Tokenizer, train_bpe

MB = 1e6
LARGE_VOCAB = 32_768
PARTS = ("training", "encoding", "memory", "shards", "large")
STREAMS = (2_000_000, 8_000_000)  # characters for encode_iterable
Task = Callable[[], object]


@dataclass(frozen=True)
class Line:
    """One measured thing: its figures in `unit`, and what was required of it."""

    name: str
    unit: str
    values: list[float]
    note: str = ""

    @property
    def median(self) -> float:
        """The median of the values."""
        return statistics.median(self.values)

    def __str__(self) -> str:
        spread = f"{min(self.values):.3g} to {max(self.values):.3g}"
        spread = f"({spread})" if len(self.values) > 1 else ""
        return f"{self.name:<44} {self.median:>8.3g} {self.unit:<8} {spread:<16} " + (
            self.note
        )


def take_turns(rounds: int, *tasks: Task) -> tuple[list[list[float]], list[object]]:
    """Run the tasks in turn, `rounds` times; return each one's seconds and last result.

    Units:   seconds.
    """
    seconds: list[list[float]] = [[] for _ in tasks]
    results: list[object] = [None] * len(tasks)
    for _ in range(rounds):
        for i, task in enumerate(tasks):
            begin = time.perf_counter()
            results[i] = task()
            seconds[i].append(time.perf_counter() - begin)
    return seconds, results


def ratios(ours: list[float], theirs: list[float]) -> list[float]:
    """Divide the seconds of each round, ours by theirs."""
    return [a / b for a, b in zip(ours, theirs, strict=True)]


def verdict(met: bool, rule: str) -> str:
    """Say whether a requirement is met."""
    return f"{rule}: {'met' if met else 'MISSED'}"


# ---------------------------------------------------------------- training


def train_with_tokenizers(
    texts: Iterable[str], vocab_size: int, pattern: str
) -> list[tuple[str, str]]:
    """Return the merges of Hugging Face's trainer, in visible characters."""
    import tokenizers  # optional: only comparisons need it

    split = tokenizers.pre_tokenizers.Split(tokenizers.Regex(pattern), "isolated")
    byte_level = tokenizers.pre_tokenizers.ByteLevel(
        add_prefix_space=False, use_regex=False
    )
    other = tokenizers.Tokenizer(tokenizers.models.BPE())
    other.pre_tokenizer = tokenizers.pre_tokenizers.Sequence([split, byte_level])
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocab_size, initial_alphabet=alphabet, show_progress=False
    )
    other.train_from_iterator(texts, trainer)
    return [tuple(pair) for pair in json.loads(other.to_str())["model"]["merges"]]


def visible_merges(tokenizer: Tokenizer) -> list[tuple[str, str]]:
    """Return a tokenizer's merges in visible characters."""
    return [(visible(left), visible(right)) for left, right in tokenizer.merges]


def measure_training(
    texts: list[str], vocab_size: int, rounds: int
) -> tuple[list[Line], Tokenizer]:
    """Train here and with `tokenizers`; return the lines and our tokenizer."""
    tasks = [lambda: train_bpe(texts, vocab_size)]
    has_theirs = importlib.util.find_spec("tokenizers") is not None
    if has_theirs:
        tasks.append(lambda: train_with_tokenizers(texts, vocab_size, GPT4_PATTERN))
    seconds, results = take_turns(rounds, *tasks)
    name = f"training to {vocab_size:,}"
    lines = [Line(f"{name}, ours", "s", seconds[0])]
    if has_theirs:
        equal = visible_merges(results[0]) == results[1]
        ratio = Line(f"{name}, ours / tokenizers", "x", ratios(*seconds))
        note = verdict(ratio.median <= 3, "at most 3")
        note += f"; {len(results[1]):,} merges {'equal' if equal else 'DIFFER'}"
        lines.append(Line(f"{name}, tokenizers", "s", seconds[1]))
        lines.append(Line(ratio.name, "x", ratio.values, note))
    return lines, results[0]


def measure_large_training(processes: int) -> list[Line]:
    """Train on pylib to 32,768 tokens in a process of its own, memory sampled.

    Units:   megabytes of resident memory, of the process and of those it started.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "ch02_tokenization.tokenization"]
        command += ["--input", "pylib", "--vocab-size", str(LARGE_VOCAB), "--show", "0"]
        command += ["--out", folder, "--processes", str(processes)]
        begin, peak = time.perf_counter(), 0
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, **quiet) as child:
            watched = psutil.Process(child.pid)
            while child.poll() is None:
                peak = max(peak, resident_bytes(watched))
                time.sleep(0.02)
        seconds = time.perf_counter() - begin
        if child.returncode:
            raise ValueError(f"{' '.join(command)} failed; run it to see why")
    name = f"pylib to {LARGE_VOCAB:,}, {processes} processes"
    return [
        Line(f"{name}, time", "s", [seconds], "with start and reading"),
        Line(f"{name}, peak memory", "MB", [peak / MB]),
    ]


def resident_bytes(process: psutil.Process) -> int:
    """Add up the memory of a process and of its children; 0 if it is gone."""
    try:
        family = [process, *process.children(recursive=True)]
        return sum(member.memory_info().rss for member in family)
    except psutil.Error:
        return 0


# ---------------------------------------------------------------- encoding


def measure_encoding(texts: list[str], tokenizer: Tokenizer, rounds: int) -> list[Line]:
    """Encode with our own encoder, fresh and warm, with tiktoken, with tokenizers."""
    size = sum(len(text.encode()) for text in texts) / MB
    parts = (tokenizer.vocab, tokenizer.merges, tokenizer.special_tokens)

    def fresh() -> list[list[int]]:
        new = Tokenizer(*parts, tokenizer.pattern)
        begin.append(time.perf_counter())
        return [new.encode(text, "none") for text in texts]

    begin: list[float] = []
    encoding = tokenizer.to_tiktoken()
    tasks = {
        "warm": lambda: [tokenizer.encode(text, "none") for text in texts],
        "tiktoken": lambda: [encoding.encode_ordinary(text) for text in texts],
    }
    if importlib.util.find_spec("tokenizers"):
        hugging_face = tokenizer.to_huggingface()
        tasks["tokenizers"] = lambda: [hugging_face.encode(text).ids for text in texts]
    cold = []
    for _ in range(rounds):
        expected = fresh()
        cold.append(size / (time.perf_counter() - begin[-1]))
    seconds, results = take_turns(rounds, *tasks.values())
    note = verdict(statistics.median(cold) >= 1, "at least 1")
    lines = [Line("encoding, ours with an empty cache", "MB/s", cold, note)]
    for name, times, result in zip(tasks, seconds, results, strict=True):
        equal = "ids equal" if result == expected else "ids DIFFER"
        values = [size / value for value in times]
        lines.append(Line(f"encoding, {name}", "MB/s", values, equal))
    return lines


def new_words() -> Iterator[str]:
    """Yield words without end, each a piece that was never seen before."""
    letters = str.maketrans("0123456789", "ghijklmnop")
    return (f" {number:x}".translate(letters) for number in count())


def measure_memory(tokenizer: Tokenizer, sizes: Iterable[int]) -> list[Line]:
    """Measure what `encode_iterable` allocates at most for ever longer streams.

    Units:   megabytes; the words are all different, which is the worst for a cache.
    """
    lines = []
    for size in sizes:
        fresh = Tokenizer(tokenizer.vocab, tokenizer.merges, {}, tokenizer.pattern)
        tracemalloc.start()
        n_tokens = sum(1 for _ in fresh.encode_iterable(first(new_words(), size)))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        name = f"encode_iterable, peak for {size / MB:g} MB"
        lines.append(Line(name, "MB", [peak / MB], f"{n_tokens:,} tokens"))
    return lines


def first(texts: Iterable[str], size: int) -> Iterator[str]:
    """Yield texts until `size` characters have passed."""
    for text in texts:
        yield text
        size -= len(text)
        if size <= 0:
            return


def measure_shards(texts: list[str], tokenizer: Tokenizer, rounds: int) -> list[Line]:
    """Encode a corpus into a shard with one, two and four cores."""
    size = sum(len(valid_unicode(text).encode()) for text in texts) / MB
    cores = (1, 2, 4)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"with-{n}" for n in cores]

        def task(path: Path, n: int) -> Task:
            return lambda: encode_corpus(texts, tokenizer, path, n)

        seconds, _ = take_turns(rounds, *map(task, paths, cores))
        data = {path.with_suffix(".bin").read_bytes() for path in paths}
    note = "bytes equal" if len(data) == 1 else "bytes DIFFER"
    return [
        Line(f"shard, {n} at a time", "MB/s", [size / s for s in values], note)
        for n, values in zip(cores, seconds, strict=True)
    ]


def measure(args: argparse.Namespace) -> Iterator[Line]:
    """Measure the parts that were asked for, line by line."""
    parts = set(args.parts)
    if parts - {"large"}:
        documents = read_documents(args.input, limit_bytes=args.limit_bytes)
        texts = [valid_unicode(document.text) for document in documents]
        if "training" in parts:
            lines, tokenizer = measure_training(texts, args.vocab_size, args.rounds)
            yield from lines
        else:
            tokenizer = train_bpe(texts, args.vocab_size)
        if "encoding" in parts:
            yield from measure_encoding(texts, tokenizer, args.rounds)
        if "memory" in parts:
            yield from measure_memory(tokenizer, STREAMS)
        if "shards" in parts:
            yield from measure_shards(texts, tokenizer, args.rounds)
    if "large" in parts:
        for processes in (1, 2):
            yield from measure_large_training(processes)


def main(argv: list[str] | None = None) -> int:
    """Compare time, memory and results with tokenizers and tiktoken."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--input", default="pylib", help="file, folder or pylib")
    parser.add_argument("--limit-bytes", type=int, help="of a folder or pylib")
    parser.add_argument("--vocab-size", type=int, default=8192, help="tokens in all")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each task")
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=PARTS,
        default=PARTS[:-1],
        help="what to measure; large trains on pylib to 32,768 tokens",
    )
    parser.add_argument("--out", help="a .json file for the figures")
    args = parser.parse_args(argv)

    def command() -> None:
        lines = []
        for line in measure(args):
            lines.append(asdict(line))
            print(line, flush=True)
        if args.out:
            write_json(args.out, lines)

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
