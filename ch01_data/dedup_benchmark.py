"""How fast deduplication is, how much memory it takes, and what it finds.

    python -m ch01_data.dedup_benchmark speed    beside datasketch, in one run
    python -m ch01_data.dedup_benchmark memory   100 MB to 1 GB of text, streamed past
    python -m ch01_data.dedup_benchmark recall   planted copies and chains

Each writes `results/dedup_NAME.json` in this folder: values, command, seed, machine.
"""

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from ch01_data.dedup import exact_labels, near_labels
from ch01_data.files import run_command, write_json
from ch01_data.joining import clusters_of
from ch01_data.minhash import band_keys, candidate_probability, choose_bands
from ch01_data.near_copies import chain_of_copies, invented_words, near_copies
from ch01_data.shingles import Reread, in_batches
from ch01_data.storyworld import generate

RESULTS = Path(__file__).parent / "results"
VOCABULARY = 50_000
WORDS_A_DOCUMENT = 134  # of five signs and a space: 804 bytes
COPIED_SHARE = 0.1


def streamed_texts(n_bytes: int, seed: int = 0) -> Iterator[str]:
    """Yield documents of about 800 bytes until there are so many; a tenth near copies.

    Words are drawn as in a language, the r-th most frequent with probability ~ 1/r.
    Every reading gives the same texts.
    """
    words = np.array(invented_words(random.Random(seed), VOCABULARY))
    weights = np.cumsum(1.0 / np.arange(1, VOCABULARY + 1))
    rng, total = np.random.default_rng(seed), 0
    while total < n_bytes:
        drawn = rng.random((256, WORDS_A_DOCUMENT)) * weights[-1]
        for row in words[np.searchsorted(weights, drawn)]:
            text = " ".join(row)
            copies = [text, text + " again"] if rng.random() < COPIED_SHARE else [text]
            for copy in copies:
                total += len(copy)
                yield copy


def peak_bytes() -> int:
    """Return the most memory that this process has had at any time."""
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return psutil.Process().memory_info().peak_wset
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def measure_cleanup(n_bytes: int, threshold: float, seed: int) -> dict:
    """Take equal and nearly equal texts out of so much text, in this very process."""
    batches = Reread(lambda: in_batches(streamed_texts(n_bytes, seed)))
    begun, used = time.perf_counter(), time.process_time()
    exact = exact_labels(batches)
    near = near_labels(batches, threshold, seed=seed)
    return {
        "bytes": n_bytes,
        "documents": len(near),
        "equal": int((exact != np.arange(len(exact))).sum()),
        "nearly_equal": int((near != np.arange(len(near))).sum()),
        "seconds": round(time.perf_counter() - begun, 1),
        "processor_seconds": round(time.process_time() - used, 1),
        "peak_memory_bytes": peak_bytes(),
    }


def measure_memory(megabytes: list[int], threshold: float, seed: int) -> dict:
    """Clean up texts of several sizes, each in a process of its own."""
    rows = []
    for size in megabytes:
        command = [sys.executable, "-m", "ch01_data.dedup_benchmark", "cleanup"]
        command += ["--megabytes", str(size), "--threshold", str(threshold)]
        command += ["--seed", str(seed)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise ValueError(f"{size} MB: {done.stderr.strip() or done.returncode}")
        rows.append(json.loads(done.stdout))
        print(
            f"{size:6,} MB {rows[-1]['seconds']:8.1f} s "
            f"{rows[-1]['peak_memory_bytes'] / 1e6:8.0f} MB at most"
        )
    first, last = rows[0], rows[-1]
    more = last["bytes"] - first["bytes"]
    grown = last["peak_memory_bytes"] - first["peak_memory_bytes"]
    growth = round(grown / more, 4) if more else None
    print(f"growth: {growth} bytes of memory a byte of text")
    return {"runs": rows, "growth_bytes_per_byte": growth, "threshold": threshold}


def measure_speed(threshold: float, seed: int, n: int = 5000, repeats: int = 3) -> dict:
    """Find near-duplicates among documents of 800 bytes, with datasketch and here.

    In turn, `repeats` times; all of this on one thread, cutting into shingles and, here
    alone, the exact comparison of the candidates included.
    """
    documents = story_documents(n, seed)
    ways: dict[str, Callable[[list[str], float], object]] = {
        "datasketch": _datasketch_duplicates,
        "datasketch_shingles_given": partial(
            _datasketch_duplicates, given=_word_grams(documents)
        ),
        "this_book": lambda texts, t: clusters_of(near_labels(in_again(texts), t)),
        "this_book_minhash_and_bands": _keys_alone,
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    processor: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, find in ways.items():
            begun, used = time.perf_counter(), time.process_time()
            find(documents, threshold)
            seconds[name].append(time.perf_counter() - begun)
            processor[name].append(time.process_time() - used)
    rates = {name: n / statistics.median(found) for name, found in seconds.items()}
    busy = {name: n / statistics.median(found) for name, found in processor.items()}
    for name, rate in rates.items():
        print(f"{name:30}{rate:10,.0f} documents/s{busy[name]:10,.0f} a processor s")
    for name in ("datasketch", "datasketch_shingles_given"):
        print(f"{rates['this_book'] / rates[name]:.1f} times {name}")
    return {
        "documents": n,
        "bytes_a_document": 800,
        "threshold": threshold,
        "seconds": seconds,
        "processor_seconds": processor,
        "documents_per_second": rates,
        "ratio": rates["this_book"] / rates["datasketch"],
        "ratio_shingles_given": rates["this_book"] / rates["datasketch_shingles_given"],
    }


def story_documents(n: int, seed: int) -> list[str]:
    """Return stories cut into documents of 800 bytes, a tenth followed by a copy."""
    rng, text, documents = random.Random(seed), "", []
    stories = generate(10**9, seed, "train")
    while len(documents) < n:
        while len(text) < 800:
            text += next(stories).document + "\n\n"
        documents.append(text[:800])
        text = text[800:]
        if rng.random() < COPIED_SHARE:
            words = documents[-1].split(" ")
            words[rng.randrange(len(words))] = "changed"
            documents.append(" ".join(words)[:800])
    return documents[:n]


def in_again(texts: list[str]) -> Reread:
    """Return batches of texts that can be read twice."""
    return Reread(partial(in_batches, texts))


def _word_grams(texts: list[str]) -> list[list[bytes]]:
    grams = []
    for text in texts:
        words = text.split()
        runs = zip(*(words[i:] for i in range(5)))
        grams.append([" ".join(run).encode() for run in runs])
    return grams


def _keys_alone(texts: list[str], threshold: float) -> np.ndarray:
    return band_keys(texts, *choose_bands(threshold))


def _datasketch_duplicates(
    texts: list[str], threshold: float, given: list[list[bytes]] | None = None
) -> list[list[int]]:
    try:
        from datasketch import MinHash, MinHashLSH
    except ImportError as error:
        raise ValueError("datasketch is missing: pip install datasketch") from error
    grams = _word_grams(texts) if given is None else given
    signatures = MinHash.bulk(grams, num_perm=128)
    index = MinHashLSH(threshold=threshold, num_perm=128)
    with index.insertion_session() as session:
        for number, signature in enumerate(signatures):
            session.insert(number, signature, check_duplication=False)
    return [index.query(signature) for signature in signatures]


def measure_recall(thresholds: list[float], pairs: int, seed: int) -> dict:
    """Plant copies from 0.4 to 1.0 and chains among stories, and count what is joined.

    Recall is by similarity; wrongly joined are those below the threshold.
    """
    rows = []
    for threshold in thresholds:
        rng = random.Random(f"recall {seed} {threshold}")
        texts = story_documents(2000, seed)[:2000]
        texts = list(dict.fromkeys(texts))
        planted: list[tuple[int, float]] = []
        for percent in range(40, 101, 2):
            for _ in range(pairs):
                copies = near_copies(rng, percent / 100)
                planted.append((len(texts), float(copies.similarity)))
                texts += [copies.left, copies.right]
        for changed in (1, 2, 3, 4):
            for _ in range(pairs // 5):
                chain, similarity = chain_of_copies(rng, 10, changed)
                first = len(texts)
                planted += [(first + i, float(similarity)) for i in range(9)]
                texts += chain
        labels = near_labels(in_again(texts), threshold, seed=seed)
        rows.append(_recall_of(threshold, planted, labels))
    for row in rows:
        print(
            f"threshold {row['threshold']}: recall {row['recall']:.4f} of "
            f"{row['due']:,} pairs, {row['wrongly']} of {row['below']:,} joined wrongly"
        )
    return {"thresholds": rows, "pairs_a_similarity": pairs}


def _recall_of(
    threshold: float, planted: list[tuple[int, float]], labels: np.ndarray
) -> dict:
    places = np.array([place for place, _ in planted])
    similarity = np.array([each for _, each in planted])
    joined = labels[places] == labels[places + 1]
    due = similarity >= threshold
    bands, rows = choose_bands(threshold)
    points = [
        {
            "similarity": float(each),
            "pairs": int((similarity == each).sum()),
            "joined": float(joined[similarity == each].mean()),
            "candidate": candidate_probability(float(each), bands, rows),
        }
        for each in np.unique(similarity)
    ]
    return {
        "threshold": threshold,
        "recall": float(joined[due].mean()),
        "due": int(due.sum()),
        "wrongly": int(joined[~due].sum()),
        "below": int((~due).sum()),
        "by_similarity": points,
    }


def main(argv: list[str] | None = None) -> int:
    """Measure deduplication and write the figures as JSON."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    add = parser.add_argument
    add("name", choices=("speed", "memory", "recall", "cleanup"))
    add("--threshold", type=float, default=0.8, help="Jaccard (recall: 0.7 and 0.8)")
    add("--megabytes", type=int, nargs="+", default=[100, 200, 500, 1000])
    add("--pairs", type=int, default=50, help="planted pairs of each similarity")
    add("--seed", type=int, default=0)
    add("--out", help="JSON file (default: results/dedup_NAME.json)")
    arguments = parser.parse_args(argv)

    def command() -> None:
        threshold, seed = arguments.threshold, arguments.seed
        if arguments.name == "cleanup":
            size = arguments.megabytes[0] * 1_000_000
            print(json.dumps(measure_cleanup(size, threshold, seed)))
            return
        measure = {
            "speed": lambda: measure_speed(threshold, seed),
            "memory": lambda: measure_memory(arguments.megabytes, threshold, seed),
            "recall": lambda: measure_recall([0.7, 0.8], arguments.pairs, seed),
        }
        given = sys.argv[1:] if argv is None else argv
        result = {
            "command": " ".join(["python -m ch01_data.dedup_benchmark", *given]),
            "seed": seed,
            "machine": f"{os.cpu_count()} cores, {platform.machine()}",
            "python": platform.python_version(),
            "numpy": np.__version__,
            **measure[arguments.name](),
        }
        write_json(arguments.out or RESULTS / f"dedup_{arguments.name}.json", result)

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
