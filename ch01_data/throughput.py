"""How fast the clean-up of plain text is, in megabytes a second.

One clean-up of a text is everything that needs no other text: one spelling, language,
all quality rules, both learned filters and the noise filter, insults, personal data
(plain_text.py). Reading, extraction and duplicates are apart. Texts go to worker
processes in batches and come back cleaned, so what is measured includes the way there
and back. The workers are started, warm and have read the learned filters before the
clock runs. Half of the bytes are stories, half is the Python library; each half is
measured alone as well.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import islice

from ch01_data.files import run_command, write_json
from ch01_data.learned_filters import load_learned_filters, train_learned_filters
from ch01_data.plain_text import CleanText, clean_texts
from ch01_data.shingles import in_batches
from ch01_data.sources import read_documents
from ch01_data.storyworld import generate


def clean_in_worker(texts: Sequence[str], filters: str) -> list[CleanText]:
    """Return each text clean, with what speaks against it; `filters` is a folder."""
    return clean_texts(texts, load_learned_filters(filters))


def megabytes_per_second(
    texts: Sequence[str], filters: str, processes: int = 2, repeats: int = 3
) -> list[float]:
    """Clean all texts `repeats` times with so many processes; return each speed.

    Units:   megabytes (1e6 bytes of UTF-8) per second of the clock.
    """
    size = sum(len(text.encode("utf-8", "replace")) for text in texts) / 1e6
    work = list(in_batches(texts))
    clean = partial(clean_in_worker, filters=filters)
    speeds = []
    with ProcessPoolExecutor(processes) as pool:
        list(pool.map(clean, work[: 4 * processes]))
        for _ in range(repeats):
            begun = time.perf_counter()
            for _ in pool.map(clean, work):
                pass
            speeds.append(size / (time.perf_counter() - begun))
    return speeds


def read_megabytes(source: str, megabytes: float, seed: int = 0) -> list[str]:
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


def mixed(halves: Sequence[Sequence[str]]) -> list[str]:
    """Return the texts of all sources, each source spread evenly over the whole."""
    placed = [
        (i / len(texts), text) for texts in halves for i, text in enumerate(texts)
    ]
    return [text for _, text in sorted(placed, key=lambda item: item[0])]


def main(argv: list[str] | None = None) -> int:
    """Measure the clean-up of plain text."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    add = parser.add_argument
    add("--source", default="storyworld,pylib", help="comma-separated sources")
    add("--megabytes", type=float, default=20.0, help="read from each")
    add("--processes", type=int, default=2)
    add("--repeats", type=int, default=3)
    add("--filters", help="folder of trained filters; otherwise they are trained")
    add("--out", help="write the speeds to this JSON file")
    arguments = parser.parse_args(argv)

    def command() -> None:
        names = arguments.source.split(",")
        parts = [read_megabytes(name, arguments.megabytes) for name in names]
        work = dict(zip(names, parts))
        if len(names) > 1:
            work = {"+".join(names): mixed(parts)} | work
        found = {}
        with tempfile.TemporaryDirectory() as folder:
            if not arguments.filters:
                train_learned_filters(0, folder)
            for name, texts in work.items():
                found[name] = megabytes_per_second(
                    texts,
                    arguments.filters or folder,
                    arguments.processes,
                    arguments.repeats,
                )
                low, high = min(found[name]), max(found[name])
                print(
                    f"{name:18}{statistics.median(found[name]):7.2f} MB/s (from "
                    f"{low:.2f} to {high:.2f}; {len(texts):,} documents)"
                )
        if arguments.out:
            write_json(arguments.out, found)

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
