"""Measure the memory of training and encoding, and show that it has a bound.

Three things are watched: training on the whole Python library; training on a corpus
larger than the memory that the system allows to the command; and `encode_iterable` on
ever longer streams of words of which none comes twice, the worst that a cache can meet.
"""

import json
import sys
import tempfile
import tracemalloc
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path

from ch01_data.sources import read_documents
from ch02_tokenization.measuring import MB, Line, run_watched
from ch02_tokenization.pieces import valid_unicode
from ch02_tokenization.tokenization import Tokenizer

LARGE_VOCAB = 32_768

LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_DATA, (int(sys.argv[1]),) * 2)
from ch02_tokenization.tokenization import main
raise SystemExit(main(sys.argv[2:]))
"""


def training_command(source: str, processes: int, folder: str) -> list[str]:
    """Return the options of chapter 2's command that train to the large vocabulary."""
    options = ["--input", source, "--vocab-size", str(LARGE_VOCAB), "--show", "0"]
    return [*options, "--out", folder, "--processes", str(processes)]


def measure_large_training(processes: int, seeds: Sequence[int]) -> list[Line]:
    """Train on pylib to 32,768 tokens in a process of its own, memory sampled.

    Units:   megabytes of resident memory, of the process and of those it started.
    """
    seconds, peaks = [], []
    for _ in seeds:
        with tempfile.TemporaryDirectory() as folder:
            options = training_command("pylib", processes, folder)
            module = [sys.executable, "-m", "ch02_tokenization.tokenization"]
            spent, peak = run_watched([*module, *options])
        seconds.append(spent)
        peaks.append(peak / MB)
    size = sum(len(d.text.encode()) for d in read_documents("pylib")) / MB
    name = f"pylib to {LARGE_VOCAB:,}, {processes} at work"
    note = f"{size:.1f} MB of text, with start and reading"
    return [
        Line(f"{name}, time", "s", seconds, note),
        Line(f"{name}, peak memory", "MB", peaks),
    ]


def write_large_corpus(path: Path, size: int) -> int:
    """Write pylib again and again as .jsonl, each time with a new word at the ends.

    Returns the bytes of text, at least `size`.
    """
    written, words = 0, new_words()
    with open(path, "w", encoding="utf-8") as file:
        while written < size:
            word = next(words)
            for document in read_documents("pylib"):
                text = valid_unicode(document.text) + word
                file.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")
                written += len(text.encode())
                if written >= size:
                    break
    return written


def measure_larger_than_memory(
    size: int, allowed: int, processes: int = 2
) -> list[Line]:
    """Train on a corpus larger than the memory that the system allows the command.

    Each process, the one that merges and those that cut, may hold `allowed` bytes of
    data; the limit is the system's (RLIMIT_DATA, so not on Windows).
    """
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus.jsonl"
        written = write_large_corpus(corpus, size)
        command = [sys.executable, "-c", LIMITED, str(allowed)]
        options = training_command(str(corpus), processes, folder)
        seconds, peak = run_watched([*command, *options])
    together = (processes + 1) * allowed / MB
    note = f"{written / MB:,.0f} MB of text, {together:,.0f} MB allowed in all"
    name = f"corpus larger than memory to {LARGE_VOCAB:,}"
    return [
        Line(f"{name}, time", "s", [seconds], note),
        Line(f"{name}, peak memory", "MB", [peak / MB], f"{processes} processes cut"),
    ]


def new_words() -> Iterator[str]:
    """Yield words without end, each a piece that was never seen before."""
    letters = str.maketrans("0123456789", "ghijklmnop")
    return (f" {number:x}".translate(letters) for number in count())


def measure_encoding_memory(tokenizer: Tokenizer, sizes: Iterable[int]) -> list[Line]:
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
