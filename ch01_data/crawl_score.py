"""The clean-up of a labelled crawl held against its labels, page by page.

    WARC files -> extraction -> one spelling -> the judges in turn   what they flag
                                             -> the whole funnel     what is gone

Each page has the flags of the first stage that names what is wrong with it, and with
them what addresses, equality and likeness say (score.py says what precision and recall
mean). Near copies are scored by pairs, at two thresholds: of the pairs whose exact
Jaccard similarity is known and reaches 0.8, how many are in one cluster; and of all
pairs that were joined, how many are at least 0.7 alike.
"""

import argparse
import pickle
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from ch01_data.batch_stages import StageConfig
from ch01_data.crawl import CrawlConfig, make_crawl
from ch01_data.crawl_templates import FAMILIES, INSULTS
from ch01_data.dedup import exact_duplicates, near_duplicates
from ch01_data.engine import LocalEngine, usable_cores
from ch01_data.files import run_command
from ch01_data.learned_filters import LearnedFilters, train_learned_filters
from ch01_data.measured import RESULTS, command_of, machine, spread, write_result
from ch01_data.planting import exact_jaccard
from ch01_data.score import KindScore, masked_share, read_rows, score_kinds, score_table
from ch01_data.sources import Document, read_documents, read_texts
from ch01_data.stages import STAGES, Funnel, can_run, first_flags
from ch01_data.urls import equal_urls
from ch01_data.word_lists import read_list

THRESHOLDS = (0.8, 0.7)
SURE = 0.8  # pairs at least this alike must be found
LOOSE = 0.7  # pairs that are joined must be at least this alike
# Kinds that have a flag of their own, and those that need only be gone.
SCORED = (
    *("boilerplate", "spam", "gibberish", "language", "blocked_url", "leak"),
    *("toxic", "url_duplicate"),
)
GONE = (*SCORED, "exact_duplicate")


@dataclass(frozen=True)
class PairScore:
    """How near copies were found at one threshold. All but it are counts of pairs.

    `alike` pairs of the labels reach 0.8, `found` of them share a cluster; `joined`
    pairs were put together by the comparison itself, `right` of them reach 0.7.
    """

    threshold: float
    alike: int
    found: int
    joined: int
    right: int

    @property
    def recall(self) -> float:
        """The share of the pairs at 0.8 and above that share a cluster."""
        return self.found / self.alike if self.alike else float("nan")

    @property
    def precision(self) -> float:
        """The share of the joined pairs that reach 0.7."""
        return self.right / self.joined if self.joined else float("nan")


def stage_flags(
    documents: Sequence[Document], config: StageConfig
) -> dict[str, list[str]]:
    """Return the flags that each page gets from the stages.

    Pages are named by id. Duplicates are all but the first of a cluster.
    """
    rows = list(documents)
    found = zip(rows, first_flags(rows, config), strict=True)
    flags = {document.id: list(said) for document, said in found}
    texts = [document.text for document in rows]
    clusters = {
        "same page": equal_urls(document.url for document in rows),
        "equal": exact_duplicates(texts),
        "nearly equal": near_duplicates(texts, config.near_threshold),
    }
    for flag, found in clusters.items():
        for index in (index for cluster in found for index in cluster[1:]):
            flags[rows[index].id].append(flag)
    return flags


def labelled_pairs(labels: Sequence[Mapping]) -> Iterator[tuple[str, str, float]]:
    """Yield (page, page, exact similarity) of all pairs that the labels know.

    Texts that are equal are 1.
    """
    for label in labels:
        for original, similarity in label.get("jaccards", {}).items():
            yield original, label["id"], similarity
        if "original" in label and "jaccards" not in label:
            yield label["original"], label["id"], 1.0


def score_pairs_of_crawl(labels: Sequence[Mapping], threshold: float) -> PairScore:
    """Find near copies among the true texts of a crawl and hold them against labels.

    Joined are neighbours of a cluster: pairs of a cluster are checked word by word, and
    those at or above the threshold are what the comparison joined.
    """
    texts = [label["text"] for label in labels]
    clusters = near_duplicates(texts, threshold)
    number = {label["id"]: index for index, label in enumerate(labels)}
    home = np.arange(len(texts))
    joined = right = 0
    for cluster in clusters:
        home[cluster] = cluster[0]
        left = set(cluster[1:])
        # Each text but the first was joined to at least one other: its most alike.
        for index in left:
            best = max(
                exact_jaccard(texts[index], texts[other])
                for other in cluster
                if other != index
            )
            joined += 1
            right += best >= LOOSE
    pairs = [(a, b) for a, b, alike in labelled_pairs(labels) if alike >= SURE]
    found = sum(home[number[a]] == home[number[b]] for a, b in pairs)
    return PairScore(threshold, len(pairs), int(found), joined, int(right))


def equal_pairs(labels: Sequence[Mapping]) -> tuple[set, set]:
    """Return the pairs of equal texts by the truth, and those that digests find."""
    by_text: dict[str, list[int]] = {}
    for index, label in enumerate(labels):
        by_text.setdefault(label["text"], []).append(index)
    truth = {p for same in by_text.values() for p in combinations(same, 2)}
    clusters = exact_duplicates([label["text"] for label in labels])
    return truth, {p for cluster in clusters for p in combinations(cluster, 2)}


def kept_texts(documents: Sequence[Document], config: StageConfig) -> dict[str, str]:
    """Return the texts that the whole funnel leaves, by id."""
    active = [
        name
        for name, stage in STAGES.items()
        if stage.default and can_run(stage, config)
    ]
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalEngine(usable_cores()) as engine,
    ):
        cleaned = Funnel(config, engine).clean(documents, active, Path(folder))
        return {d.id: d.text for d in cleaned.spool.documents(cleaned.kept)}


def score_crawl(folder: str | Path, config: StageConfig) -> dict:
    """Return every score of a crawl: kinds, pairs, personal data, what is wrongly gone.

    Raises:  ValueError or OSError if there is no crawl in the folder.
    """
    folder = Path(folder)
    labels = read_rows(folder / "labels.jsonl")
    documents = list(read_documents(folder / "warc"))
    flags, kept = stage_flags(documents, config), kept_texts(documents, config)
    results = [
        {"id": name, "flags": found, "kept": name in kept}
        for name, found in flags.items()
    ]
    scores = score_kinds(labels, results)
    truth, found = equal_pairs(labels)
    planted = [
        {"id": label["id"], "pii": [p["value"] for p in label["personal_data"]]}
        for label in labels
        if "personal_data" in label
    ]
    return {
        "kinds": scores,
        "pairs": [score_pairs_of_crawl(labels, t) for t in THRESHOLDS],
        "equal_recall": len(truth & found) / len(truth),
        "equal_precision": len(truth & found) / len(found),
        "masked": masked_share(planted, kept),
        "clean_lost": lost_share(labels, set(kept)),
    }


def lost_share(labels: Sequence[Mapping], kept: set[str]) -> dict[str, float]:
    """Return by source the share of clean pages that are gone."""
    clean = [label for label in labels if label["kinds"] == ["clean"]]
    sources = sorted({label["source"] for label in clean})
    return {
        source: float(
            np.mean([row["id"] not in kept for row in clean if row["source"] == source])
        )
        for source in sources
    }


def told(folder: Path, learned: LearnedFilters | None = None) -> StageConfig:
    """Return what the stages are told: the crawl's own lists and evaluation set."""
    return StageConfig(
        blocked_domains=tuple(sorted(read_list(folder / "blocked_hosts.txt"))),
        blocked_words=tuple(sorted(read_list(folder / "blocked_words.txt"))),
        insults=tuple(sorted(INSULTS)),
        evaluation=tuple(read_texts(folder / "evaluation.jsonl")),
        learned=pickle.dumps(learned) if learned else b"",
    )


def score_seeds(family: str, pages: int, seeds: Sequence[int]) -> list[dict]:
    """Make a crawl for each seed, clean it and return its scores.

    The filters learn once, from the family "tuning".
    """
    learned, found = train_learned_filters(0), []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            make_crawl(CrawlConfig(out=name, n=pages, family=family, seed=seed))
            found.append(score_crawl(folder, told(folder, learned)))
    return found


def show(scores: dict) -> str:
    """Return all scores of one crawl as text."""
    lines = [score_table(scores["kinds"])]
    for pair in scores["pairs"]:
        lines.append(
            f"near copies at {pair.threshold}: {pair.found:,} of {pair.alike:,} pairs "
            f"of {SURE} and more ({pair.recall:.4f}); of {pair.joined:,} joined, "
            f"{pair.right:,} are {LOOSE} alike ({pair.precision:.4f})"
        )
    for name, value in shares_of(scores).items():
        if not name.startswith(("kind ", "near ")):
            lines.append(f"{name}: {value:.4f}")
    return "\n".join(lines)


def shares_of(scores: dict) -> dict[str, float]:
    """Return the shares that a crawl is judged by, each under its name."""
    kinds: dict[str, KindScore] = scores["kinds"]
    found = {}
    for name in SCORED:
        found[f"kind {name} recall"] = kinds[name].recall
        found[f"kind {name} precision"] = kinds[name].precision
    for name in GONE:
        found[f"kind {name} gone"] = kinds[name].dropped_share
    for pair in scores["pairs"]:
        found[f"near recall at {pair.threshold}"] = pair.recall
        found[f"near precision at {pair.threshold}"] = pair.precision
    found["equal recall"] = scores["equal_recall"]
    found["equal precision"] = scores["equal_precision"]
    found["personal data masked"] = scores["masked"]
    for source, share in scores["clean_lost"].items():
        found[f"clean {source} lost"] = share
    return found


def main(argv: list[str] | None = None) -> int:
    """Hold the clean-up of labelled crawls against the truth about them."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    add = parser.add_argument
    add("--family", choices=FAMILIES, default="held", help="of the dirt")
    add("--pages", type=int, default=3_000, help="of each crawl")
    add("--seeds", type=int, nargs="+", default=[0, 1, 2], help="a crawl for each")
    add("--out", help="results file (default: results/crawl_FAMILY.json)")
    arguments = parser.parse_args(argv)

    def command() -> None:
        begun_on = machine()
        found = score_seeds(arguments.family, arguments.pages, arguments.seeds)
        for seed, scores in zip(arguments.seeds, found):
            print(f"seed {seed}\n{show(scores)}\n")
        each = list(map(shares_of, found))
        write_result(
            arguments.out or RESULTS / f"crawl_{arguments.family}.json",
            "Precision and recall of the clean-up on a crawl whose truth is known.",
            command_of("ch01_data.crawl_score", argv),
            {
                "family": arguments.family,
                "pages": arguments.pages,
                "scores": {n: spread([one[n] for one in each]) for n in each[0]},
            },
            seeds=arguments.seeds,
            begun_on=begun_on,
        )

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
