"""How fast the clean-up of plain text is, in megabytes a second.

One clean-up of a text is everything that needs no other text: one spelling, all quality
rules, the language, personal data. Reading, extraction and duplicates are apart. Texts
go to worker processes in batches and come back cleaned, so what is measured includes
the way there and back. The workers are started and warm before the clock runs.
"""

import argparse
import statistics
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice

from ch01_data.files import run_command, write_json
from ch01_data.filters import clean_text
from ch01_data.language import language_flags
from ch01_data.sources import read_documents
from ch01_data.storyworld import generate

BATCH_CHARACTERS = 1 << 18


def clean_batch(texts: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Return each text clean, with the flags of the rules and of the language."""
    done = []
    for text in texts:
        clean, flags = clean_text(text)
        done.append((clean, flags + language_flags(clean)))
    return done


def batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Yield texts in lists of about 262,144 characters, the way to a worker."""
    batch, size = [], 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if size >= BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def megabytes_per_second(
    texts: Sequence[str], processes: int = 2, repeats: int = 3
) -> list[float]:
    """Clean all texts `repeats` times with so many processes; return each speed.

    Units:   megabytes (1e6 bytes of UTF-8) per second of the clock.
    """
    size = sum(len(text.encode("utf-8", "replace")) for text in texts) / 1e6
    work = list(batches(texts))
    speeds = []
    with ProcessPoolExecutor(processes) as pool:
        list(pool.map(clean_batch, work[: 4 * processes]))
        for _ in range(repeats):
            begun = time.perf_counter()
            for _ in pool.map(clean_batch, work):
                pass
            speeds.append(size / (time.perf_counter() - begun))
    return speeds


def sample(source: str, megabytes: float, seed: int = 0) -> list[str]:
    """Return about so many megabytes of a source, or of storyworld's stories."""
    limit = int(megabytes * 1e6)
    if source != "storyworld":
        return [d.text for d in read_documents(source, limit_bytes=limit)]
    stories = (story.document for story in generate(limit, seed, "train"))
    texts, size = [], 0
    while size < limit:
        texts += islice(stories, 100)
        size += sum(map(len, texts[-100:]))
    return texts


def main(argv: list[str] | None = None) -> int:
    """Measure the clean-up of plain text."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    add = parser.add_argument
    add("--source", default="storyworld,pylib", help="comma-separated sources")
    add("--megabytes", type=float, default=20.0, help="read from each")
    add("--processes", type=int, default=2)
    add("--repeats", type=int, default=3)
    add("--out", help="write the speeds to this JSON file")
    arguments = parser.parse_args(argv)

    def command() -> None:
        found = {}
        for source in arguments.source.split(","):
            texts = sample(source, arguments.megabytes)
            speeds = megabytes_per_second(texts, arguments.processes, arguments.repeats)
            found[source] = speeds
            print(
                f"{source:12}{statistics.median(speeds):7.2f} MB/s (from "
                f"{min(speeds):.2f} to {max(speeds):.2f}; {len(texts):,} documents)"
            )
        if arguments.out:
            write_json(arguments.out, found)

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
