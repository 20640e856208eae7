"""How fast deduplication is, and what it finds.

    python -m ch01_data.dedup_benchmark speed    beside datasketch, in one run
    python -m ch01_data.dedup_benchmark recall   planted copies and chains
    python -m ch01_data.dedup_benchmark curve    candidates, measured against theory

Each writes `results/dedup_NAME.json` in this folder. How much memory it takes is
measured with the rest of the clean-up (measure_engines.py).
"""

import argparse
import random
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from itertools import pairwise
from statistics import median

import numpy as np

from ch01_data.dedup import near_labels
from ch01_data.files import run_command
from ch01_data.joining import clusters_of
from ch01_data.measured import RESULTS, command_of, machine, spread, write_result
from ch01_data.minhash import band_keys, candidate_probability, choose_bands
from ch01_data.near_copies import (
    chain_of_copies,
    near_copies,
    s_curve,
)
from ch01_data.shingles import Reread, in_batches
from ch01_data.storyworld import generate

COPIED_SHARE = 0.1
LEAST_LIKE = 0.7  # Jaccard; what is joined below is an error whatever was asked for


def measure_speed(threshold: float, seed: int, n: int = 5000, rounds: int = 5) -> dict:
    """Find near-duplicates among documents of 800 bytes, with datasketch and here.

    In turn, `rounds` times; all of this on one thread, cutting into shingles and, here
    alone, the exact comparison of the candidates included.
    """
    documents, copies = story_documents(n, seed)
    ways: dict[str, Callable[[list[str], float], object]] = {
        "datasketch": _datasketch_duplicates,
        "datasketch_shingles_given": partial(
            _datasketch_duplicates, given=_word_grams(documents)
        ),
        "this_book": lambda texts, t: clusters_of(near_labels(in_again(texts), t)),
        "this_book_minhash_and_bands": _keys_alone,
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    clusters: dict[str, list[list[int]]] = {}
    for _ in range(rounds):
        for name, find in ways.items():
            begun = time.perf_counter()
            found = find(documents, threshold)
            seconds[name].append(time.perf_counter() - begun)
            if isinstance(found, list):
                clusters[name] = found
    rates = {name: spread([n / s for s in found]) for name, found in seconds.items()}
    ratios = {
        name: spread([b / a for a, b in zip(seconds["this_book"], seconds[name])])
        for name in ("datasketch", "datasketch_shingles_given")
    }
    found = {name: _share_found(copies, each) for name, each in clusters.items()}
    for name, rate in rates.items():
        share = f", {found[name]:.2%} of the copies" if name in found else ""
        print(f"{name:30}{median(rate['values']):10,.0f} documents/s{share}")
    for name, ratio in ratios.items():
        print(
            f"{median(ratio['values']):.1f} times {name} (from {ratio['min']:.1f} to "
            f"{ratio['max']:.1f})"
        )
    return {
        "documents": n,
        "bytes_a_document": 800,
        "threshold": threshold,
        "documents_per_second": rates,
        "times_as_fast_as": ratios,
        "share_of_copies_found": found,
    }


def story_documents(n: int, seed: int) -> tuple[list[str], list[int]]:
    """Return stories cut into documents of 800 bytes, and which of them are copies.

    A tenth is followed by a copy with one other word: its Jaccard is about 0.93.
    """
    rng, text, documents, copies = random.Random(seed), "", [], []
    stories = generate(10**9, seed, "train")
    while len(documents) < n:
        while len(text) < 800:
            text += next(stories).document + "\n\n"
        documents.append(text[:800])
        text = text[800:]
        if rng.random() < COPIED_SHARE and len(documents) < n:
            words = documents[-1].split(" ")
            words[rng.randrange(len(words))] = "changed"
            copies.append(len(documents))
            documents.append(" ".join(words)[:800])
    return documents, copies


def _share_found(copies: list[int], clusters: list[list[int]]) -> float:
    """Return the share of the copies that lie in one cluster with what was copied."""
    pairs = {pair for members in clusters for pair in pairwise(sorted(members))}
    return sum((copy - 1, copy) in pairs for copy in copies) / len(copies)


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
        texts, planted = planted_texts(pairs, f"recall {seed} {threshold}")
        texts += story_documents(2000, seed)[0]
        labels = near_labels(in_again(texts), threshold, seed=seed)
        rows.append(_recall_of(threshold, planted, labels))
    for row in rows:
        print(
            f"threshold {row['threshold']}: recall {row['recall']:.4f} of "
            f"{row['due']:,} pairs; of {row['joined']:,} joined pairs "
            f"{row['joined_rightly']:.4f} at {LEAST_LIKE} or more; {row['wrongly']} of "
            f"{row['below']:,} below the threshold joined"
        )
    return {"thresholds": rows, "pairs_a_similarity": pairs}


def planted_texts(
    pairs: int, seed: str
) -> tuple[list[str], list[tuple[int, int, float]]]:
    """Return texts, and triples of two places and the exact similarity of the texts.

    Pairs from 0.4 to 1.0, and chains of ten in which neighbours alone are triples.
    """
    rng = random.Random(seed)
    texts: list[str] = []
    planted: list[tuple[int, int, float]] = []
    for percent in range(40, 101, 2):
        for _ in range(pairs):
            copies = near_copies(rng, percent / 100)
            planted.append((len(texts), len(texts) + 1, float(copies.similarity)))
            texts += [copies.left, copies.right]
    for changed in (1, 2, 3, 4):
        for _ in range(pairs // 5):
            chain, similarity = chain_of_copies(rng, 10, changed)
            places = range(len(texts), len(texts) + 10)
            planted += [(a, b, float(similarity)) for a, b in pairwise(places)]
            texts += chain
    order = rng.sample(range(len(texts)), len(texts))
    place = {old: new for new, old in enumerate(order)}
    return [texts[i] for i in order], [(place[a], place[b], s) for a, b, s in planted]


def measure_curve(thresholds: list[float], pairs: int, seed: int) -> dict:
    """Measure which pairs of exactly known similarity become candidates.

    Units:   deviation in standard errors of the theory, at the worst point.
    """
    curves = []
    for threshold in thresholds:
        bands, rows = choose_bands(threshold)
        asked = [step / 20 for step in range(1, 21)]
        points = list(s_curve(asked, bands, rows, pairs=pairs, seed=seed))
        # An expected share of 0 or 1 has no error; half a pair stands for it then.
        worst = max(
            abs(p.measured - p.expected) / max(p.error, 0.5 / pairs) for p in points
        )
        curves.append(
            {
                "threshold": threshold,
                "bands": bands,
                "rows": rows,
                "points": [asdict(point) for point in points],
                "worst_deviation": worst,
            }
        )
        print(f"threshold {threshold}: {bands} bands of {rows}, {worst:.2f} errors off")
    return {"curves": curves, "pairs_a_point": pairs}


def _recall_of(
    threshold: float, planted: list[tuple[int, int, float]], labels: np.ndarray
) -> dict:
    left, right, similarity = map(np.array, zip(*planted, strict=True))
    joined = labels[left] == labels[right]
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
        "joined": int(joined.sum()),
        "joined_rightly": float((similarity[joined] >= LEAST_LIKE).mean()),
        "wrongly": int(joined[~due].sum()),
        "below": int((~due).sum()),
        "by_similarity": points,
    }


def main(argv: list[str] | None = None) -> int:
    """Measure deduplication and write the figures as JSON."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    add = parser.add_argument
    add("name", choices=("speed", "recall", "curve"))
    add(
        "--threshold",
        type=float,
        default=0.8,
        help="Jaccard (of speed; else 0.7 and 0.8)",
    )
    add("--rounds", type=int, default=5, help="of speed")
    add("--pairs", type=int, default=500, help="planted pairs of each similarity")
    add("--seed", type=int, default=0)
    add("--out", help="JSON file (default: results/dedup_NAME.json)")
    arguments = parser.parse_args(argv)

    def command() -> None:
        threshold, seed = arguments.threshold, arguments.seed
        measure = {
            "speed": lambda: measure_speed(threshold, seed, rounds=arguments.rounds),
            "recall": lambda: measure_recall([0.7, 0.8], arguments.pairs, seed),
            "curve": lambda: measure_curve([0.7, 0.8], arguments.pairs, seed),
        }
        begun_on = machine()
        write_result(
            arguments.out or RESULTS / f"dedup_{arguments.name}.json",
            __doc__.split("\n")[0],
            command_of("ch01_data.dedup_benchmark", argv),
            measure[arguments.name](),
            seeds=[seed],
            begun_on=begun_on,
        )

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
