"""Measure this tokenizer against the field's own: time, memory, and equal results.

    python -m ch02_tokenization.benchmark

Without other options three texts are measured: tiny Shakespeare (where `--shared` has
it), as much of the Python library, and random Unicode, in which hardly a piece comes
twice. A fast answer that differs is worth nothing: every line says whether results are
equal. The figures are printed and written to `results/benchmark.json`. `tokenizers`
comes with the test extra; without it those lines are left out. `--parts stream` trains
on a corpus larger than the memory it is allowed, and takes minutes.
"""

import argparse
import importlib.util
import json
import random
import shlex
import statistics
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ch01_data.files import run_command, write_json
from ch01_data.sources import read_documents
from ch02_tokenization.footprint import (
    first,
    measure_encoding_memory,
    measure_large_training,
    measure_larger_than_memory,
)
from ch02_tokenization.formats import visible
from ch02_tokenization.measuring import (
    MB,
    ROOT,
    Line,
    Task,
    describe_machine,
    ratios,
    record,
    take_turns,
    verdict,
)
from ch02_tokenization.pieces import GPT4_PATTERN, valid_unicode
from ch02_tokenization.shards import encode_corpus
from ch02_tokenization.tokenization import Tokenizer, train_bpe

COMMAND = "python -m ch02_tokenization.benchmark"
RESULTS = ROOT / "ch02_tokenization" / "results" / "benchmark.json"
SIZE = 1_100_000  # bytes of each text
PARTS = ("training", "encoding", "memory", "shards", "large", "stream")
COPIES = 10  # of the texts in a shard
RANDOM = "random Unicode"  # for it nothing is promised but equal results
STREAMS = (2_000_000, 8_000_000)  # characters for encode_iterable
# Bytes of a corpus, and of each process: to merge to 32,768 tokens takes 250 MB.
CORPUS, ALLOWED = 1_200_000_000, 330_000_000
BLOCKS = (  # of characters: Latin, more Latin, Greek, Chinese, faces
    (0x20, 0x7F),
    (0xC0, 0x250),
    (0x391, 0x3CA),
    (0x4E00, 0x9000),
    (0x1F600, 0x1F640),
)


def standard_texts(shared: Path) -> dict[str, list[str]]:
    """Return the documents of the three texts, by name."""
    texts = {}
    shakespeare = shared / "data" / "tinyshakespeare.txt"
    if shakespeare.is_file():
        texts["Shakespeare"] = [
            document.text for document in read_documents(shakespeare)
        ]
    library = read_documents("pylib", limit_bytes=4 * SIZE)
    texts["pylib"] = list(first((document.text for document in library), SIZE))
    texts[RANDOM] = random_texts(0, 100, 1000)
    return {name: list(map(valid_unicode, of_name)) for name, of_name in texts.items()}


def random_texts(seed: int, documents: int, characters: int) -> list[str]:
    """Return texts of Latin, Greek, Chinese and emoji, each character by lot."""
    rng = random.Random(seed)
    return [
        "".join(chr(rng.randrange(*rng.choice(BLOCKS))) for _ in range(characters))
        for _ in range(documents)
    ]


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
    name: str,
    texts: list[str],
    vocab_size: int,
    seeds: Sequence[int],
    required: bool = True,
) -> tuple[list[Line], Tokenizer]:
    """Train here and with `tokenizers`; return the lines and our tokenizer.

    `required` says whether the text is one for which a time is promised.
    """
    tasks = [lambda: train_bpe(texts, vocab_size)]
    has_theirs = importlib.util.find_spec("tokenizers") is not None
    if has_theirs:
        tasks.append(lambda: train_with_tokenizers(texts, vocab_size, GPT4_PATTERN))
    seconds, results = take_turns(seeds, *tasks)
    name = f"{name}: training to {vocab_size:,}"
    size = f"{megabytes(texts):.2f} MB"
    lines = [Line(f"{name}, ours", "s", seconds[0], size)]
    if has_theirs:
        equal = visible_merges(results[0]) == results[1]
        quotient = ratios(*seconds)
        note = f"{len(results[1]):,} merges {'equal' if equal else 'DIFFER'}"
        if required:
            note += "; " + verdict(statistics.median(quotient) <= 3, "at most 3")
        lines.append(Line(f"{name}, tokenizers", "s", seconds[1], size))
        lines.append(Line(f"{name}, ours / tokenizers", "x", quotient, note))
    return lines, results[0]


def megabytes(texts: Iterable[str]) -> float:
    """Return the size of some texts in UTF-8."""
    return sum(len(text.encode()) for text in texts) / MB


# ---------------------------------------------------------------- encoding


def measure_encoding(
    name: str,
    texts: list[str],
    tokenizer: Tokenizer,
    seeds: Sequence[int],
    required: bool = True,
) -> list[Line]:
    """Encode with our own encoder, cache empty and full, with tiktoken and tokenizers.

    Units:   megabytes of UTF-8 text per second.
    """
    size = megabytes(texts)
    encoding = tokenizer.to_tiktoken()
    expected = list(map(tokenizer.encode, texts))  # this fills its cache
    parts = (tokenizer.vocab, tokenizer.merges, tokenizer.special_tokens)
    unused = [Tokenizer(*parts, tokenizer.pattern) for _ in seeds]
    tasks = {
        "ours": lambda: list(map(unused.pop().encode, texts)),
        "ours, cache full": lambda: list(map(tokenizer.encode, texts)),
        "tiktoken": lambda: list(map(encoding.encode_ordinary, texts)),
    }
    if importlib.util.find_spec("tokenizers"):
        hugging_face = tokenizer.to_huggingface()
        tasks["tokenizers"] = lambda: [hugging_face.encode(text).ids for text in texts]
    seconds, results = take_turns(seeds, *tasks.values())
    speeds = {task: [size / s for s in of] for task, of in zip(tasks, seconds)}
    met = verdict(statistics.median(speeds["ours"]) >= 1, "at least 1")
    notes = ["ids equal" if ids == expected else "ids DIFFER" for ids in results]
    lines = [
        Line(f"{name}: encoding, {task}", "MB/s", speeds[task], note)
        for task, note in zip(tasks, [met if required else "", *notes[1:]], strict=True)
    ]
    slower = ratios(speeds["tiktoken"], speeds["ours"])
    return [*lines, Line(f"{name}: encoding, tiktoken / ours", "x", slower)]


def measure_shards(
    name: str, texts: list[str], tokenizer: Tokenizer, seeds: Sequence[int]
) -> list[Line]:
    """Encode a corpus into a shard with one, two and four cores.

    The texts come ten times, because cores share the work by blocks of two megabytes.
    """
    texts, cores = texts * COPIES, (1, 2, 4)
    size = megabytes(texts)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"with-{n}" for n in cores]

        def task(path: Path, n: int) -> Task:
            return lambda: encode_corpus(texts, tokenizer, path, n)

        seconds, _ = take_turns(seeds, *map(task, paths, cores))
        data = {path.with_suffix(".bin").read_bytes() for path in paths}
    note = "bytes equal" if len(data) == 1 else "bytes DIFFER"
    return [
        Line(f"{name}: shard, {n} at work", "MB/s", [size / s for s in values], note)
        for n, values in zip(cores, seconds, strict=True)
    ]


# ---------------------------------------------------------------- the command


def measure(args: argparse.Namespace) -> Iterator[Line]:
    """Measure the parts that were asked for, line by line."""
    parts, seeds = set(args.parts), range(args.rounds)
    if parts - {"large", "stream"}:
        yield from measure_texts(args, parts, seeds)
    if "large" in parts:
        for processes in (1, 2):
            yield from measure_large_training(processes, seeds)
    if "stream" in parts:
        yield from measure_larger_than_memory(CORPUS, ALLOWED)


def measure_texts(
    args: argparse.Namespace, parts: set[str], seeds: Sequence[int]
) -> Iterator[Line]:
    """Measure what has to do with a text: training, encoding, shards.

    The memory of a stream is measured with the first text's tokenizer.
    """
    tokenizers = []
    for name, texts in benchmark_texts(args).items():
        required = name != RANDOM
        if "training" in parts:
            lines, tokenizer = measure_training(
                name, texts, args.vocab_size, seeds, required
            )
            yield from lines
        else:
            tokenizer = train_bpe(texts, args.vocab_size)
        tokenizers.append(tokenizer)
        if "encoding" in parts:
            yield from measure_encoding(name, texts, tokenizer, seeds, required)
        if "shards" in parts:
            yield from measure_shards(name, texts, tokenizer, seeds)
    if "memory" in parts:
        yield from measure_encoding_memory(tokenizers[0], STREAMS)


def benchmark_texts(args: argparse.Namespace) -> dict[str, list[str]]:
    """Return the texts to measure by name: the one that was asked for, or three."""
    if args.input is None:
        return standard_texts(Path(args.shared))
    documents = read_documents(args.input, limit_bytes=args.limit_bytes)
    texts = [valid_unicode(document.text) for document in documents]
    return {Path(args.input).stem: texts}


def main(argv: list[str] | None = None) -> int:
    """Compare time, memory and results with tokenizers and tiktoken."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--input", help="file, folder or pylib instead of three texts")
    parser.add_argument("--limit-bytes", type=int, help="of a folder or pylib")
    parser.add_argument(
        "--shared",
        default=str(ROOT.parent / "shared"),
        help="folder in which data/tinyshakespeare.txt may lie",
    )
    parser.add_argument("--vocab-size", type=int, default=8192, help="tokens in all")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each task")
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=PARTS,
        default=PARTS[:-1],
        help="what to measure; stream, minutes long, only if named",
    )
    parser.add_argument("--out", default=str(RESULTS), help="a .json for the figures")
    args = parser.parse_args(argv)
    given = sys.argv[1:] if argv is None else argv

    def command() -> None:
        if args.rounds < 1:
            raise ValueError(f"{args.rounds} rounds measure nothing; give at least 1")
        machine, lines = describe_machine(), []
        for line in measure(args):
            lines.append(line)
            print(line, flush=True)
        asked, seeds = shlex.join([*COMMAND.split(), *given]), range(args.rounds)
        write_json(args.out, record(main.__doc__, asked, seeds, machine, lines))

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
