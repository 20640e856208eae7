"""How fast the clean-up of plain text is, in megabytes a second.

One clean-up of a text is everything that needs no other text: all batch stages of the
table (stages.py), once without the learned filters, as by default, and once with them.
Reading, extraction and duplicates are apart. Batches go to worker processes and come
back as rows for the disk, so what is measured includes the way there and back. The
workers are started, warm and have read the learned filters before the clock runs. Half
of the bytes are stories, half is the Python library; each half is measured alone too.
"""

import argparse
import pickle
import time
from collections.abc import Sequence
from functools import partial
from itertools import islice

from ch01_data.batch_stages import StageConfig, clean_batch, count_bytes
from ch01_data.engine import LocalEngine, batches_of
from ch01_data.files import run_command
from ch01_data.learned_filters import load_learned_filters, train_learned_filters
from ch01_data.measured import RESULTS, command_of, machine, spread, write_result
from ch01_data.sources import Document, read_documents
from ch01_data.stages import STAGES, BatchStage, can_run
from ch01_data.storyworld import generate


def megabytes_per_second(
    documents: Sequence[Document],
    config: StageConfig,
    processes: int = 2,
    repeats: int = 3,
) -> list[float]:
    """Clean all documents `repeats` times by so many processes; return each speed.

    Units:   megabytes (1e6 bytes of UTF-8) per second of the clock.
    """
    size = count_bytes(documents) / 1e6
    work = list(batches_of(documents))
    stages = {
        name: stage.run
        for name, stage in STAGES.items()
        if isinstance(stage, BatchStage) and can_run(stage, config)
    }
    clean = partial(clean_batch, stages=stages, config=config)
    speeds = []
    with LocalEngine(processes) as engine:
        for _ in engine.run(clean, (work * processes)[: 2 * processes]):
            pass
        for _ in range(repeats):
            begun = time.perf_counter()
            for _ in engine.run(clean, work):
                pass
            speeds.append(size / (time.perf_counter() - begun))
    return speeds


def read_megabytes(source: str, megabytes: float, seed: int = 0) -> list[Document]:
    """Return about so many megabytes of a source, or of storyworld's stories."""
    limit = int(megabytes * 1e6)
    if source != "storyworld":
        return list(read_documents(source, limit_bytes=limit))
    stories = (story.document for story in generate(limit, seed, "train"))
    texts: list[str] = []
    size = 0
    while size < limit:
        texts += islice(stories, 100)
        size += sum(map(len, texts[-100:]))
    return [Document(text, str(number)) for number, text in enumerate(texts)]


def mixed(halves: Sequence[Sequence[Document]]) -> list[Document]:
    """Return what all sources hold, each source spread evenly over the whole."""
    placed = [
        (i / len(half), document) for half in halves for i, document in enumerate(half)
    ]
    return [document for _, document in sorted(placed, key=lambda item: item[0])]


def main(argv: list[str] | None = None) -> int:
    """Measure the clean-up of plain text."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    add = parser.add_argument
    add("--source", default="storyworld,pylib", help="comma-separated sources")
    add("--megabytes", type=float, default=20.0, help="read from each")
    add("--processes", type=int, default=2)
    add("--repeats", type=int, default=3)
    add("--filters", help="folder of trained filters; otherwise they are trained")
    add("--out", default=RESULTS / "throughput.json", help="results file")
    arguments = parser.parse_args(argv)

    def command() -> None:
        names = arguments.source.split(",")
        parts = [read_megabytes(name, arguments.megabytes) for name in names]
        work = dict(zip(names, parts))
        if len(names) > 1:
            work = {"+".join(names): mixed(parts)} | work
        learned = (
            load_learned_filters(arguments.filters)
            if arguments.filters
            else train_learned_filters(0)
        )
        begun_on, found = machine(), {}
        tables = {
            "rules": StageConfig(),
            "rules and examples": StageConfig(learned=pickle.dumps(learned)),
        }
        for table, config in tables.items():
            for name, documents in work.items():
                speeds = megabytes_per_second(
                    documents, config, arguments.processes, arguments.repeats
                )
                title = f"{name}, {table}"
                found[title] = spread(speeds) | {"documents": len(documents)}
                print(
                    f"{title:38}{found[title]['mean']:7.2f} MB/s (from "
                    f"{min(speeds):.2f} to {max(speeds):.2f}; {len(documents):,} "
                    "documents)"
                )
        write_result(
            arguments.out,
            "Speed of the clean-up of plain text, in MB/s.",
            command_of("ch01_data.throughput", argv),
            {"processes": arguments.processes, "speed": found},
            seeds=range(arguments.repeats),
            begun_on=begun_on,
        )

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
