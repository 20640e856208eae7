"""How well each filter does on dirt that nothing was tuned on.

    python -m ch01_data.filter_scores --family held --n 300 --seed 0 --seed 1 --seed 2

trains the learned filters on the family "tuning", makes so many texts of each kind of
the family "held", and counts. Recall: how many of the kind's texts have its flag.
Precision: how many of the texts with its flag are of the kind; the others are good
texts, other kinds, or (told apart as "deserved") dirt of another kind. Half of the good
texts are stories, half are of the Python library, pages of its documentation as well as
whole modules. The filters are asked in the order of the clean-up, and a text falls
where the first one speaks (plain_text.py).
"""

import argparse
import math
import statistics
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from ch01_data.crawl_templates import BLOCKED_HOSTS, FAMILIES, INSULTS
from ch01_data.curves import precision_recall_curve
from ch01_data.dirt import LabelledText, dirt
from ch01_data.files import run_command, write_json
from ch01_data.learned_filters import (
    LearnedFilters,
    library_modules,
    load_learned_filters,
    train_learned_filters,
)
from ch01_data.plain_text import CleanText, clean_texts
from ch01_data.score import CLEAN, FLAG_KINDS, KindScore, score_kinds, table
from ch01_data.urls import url_flag
from ch01_data.word_lists import read_list

KINDS = ("boilerplate", "spam", "gibberish", "language", "toxic", "blocked_url")
PERSONAL = "personal_data"
# Rules whose names stand for a kind: a listed word, and words of no word's length.
MORE_FLAG_KINDS = {"bad_words": "toxic", "mean_word_length": "gibberish"}
MODULES = 250  # whole modules of the library, beside the pieces of its documentation
LEAST_GOOD = 1000
FURTHER = 1_000_000


class Scored(NamedTuple):
    """What became of the texts of one seed.

    `masked` of `planted` personal data are gone; `reasons` counts what was said of good
    texts; `curve` is the learned quality filter's, as lists.
    """

    kinds: dict[str, KindScore]
    planted: int
    masked: int
    reasons: Counter
    curve: dict[str, list[float]]


def labelled_texts(family: str, n: int, seed: int) -> Iterator[LabelledText]:
    """Yield n texts of each kind, and good texts: half stories, half of the library."""
    for kind in (*KINDS, PERSONAL):
        yield from dirt(kind, family, n - n // 2, seed)
        # From another seed, as one has library texts for so many only.
        yield from dirt(kind, family, n // 2, seed + FURTHER)
    good = max(n, LEAST_GOOD)
    pages = list(dirt(CLEAN, family, good, seed))
    stories = [page for page in pages if page.source == "storyworld"]
    pieces = [page for page in pages if page.source == "pylib"]
    modules = [
        LabelledText(text, f"module-{number}", (CLEAN,), "pylib", pages[0].url)
        for number, text in enumerate(islice(library_modules(family), MODULES))
    ]
    yield from stories
    yield from modules + pieces[: len(stories) - len(modules)]


def all_flags(
    texts: Sequence[LabelledText], family: str, learned: LearnedFilters
) -> list[CleanText]:
    """Return each text cleaned, with the flags of every filter, the address's first.

    The lists of hosts and of insults are the operator's, as the crawl gives them.
    """
    hosts = read_list("blocked_domains") | set(BLOCKED_HOSTS[family])
    insults = read_list("bad_words") | set(INSULTS)
    cleaned = clean_texts((text.text for text in texts), learned, insults=insults)
    of_url = [url_flag(text.url, blocked_domains=hosts) for text in texts]
    return [
        done._replace(flags=[flag, *done.flags] if flag else done.flags)
        for done, flag in zip(cleaned, of_url, strict=True)
    ]


def score_filters(family: str, n: int, seed: int, learned: LearnedFilters) -> Scored:
    """Return what the filters make of n texts of each kind, and of good texts."""
    texts = list(labelled_texts(family, n, seed))
    cleaned = all_flags(texts, family, learned)
    labels = [{"id": text.id, "kinds": list(text.kinds)} for text in texts]
    results = [
        {"id": text.id, "flags": done.flags, "kept": not done.flags}
        for text, done in zip(texts, cleaned, strict=True)
    ]
    both = list(zip(texts, cleaned, strict=True))
    values = [
        (item["value"], done.text)
        for text, done in both
        for item in text.truth.get(PERSONAL, ())
    ]
    good = [done.flags for text, done in both if text.kinds == (CLEAN,)]
    return Scored(
        score_kinds(labels, results, FLAG_KINDS | MORE_FLAG_KINDS),
        len(values),
        sum(value not in text for value, text in values),
        Counter(flag for flags in good for flag in flags),
        quality_curve(texts, learned),
    )


def quality_curve(
    texts: Iterable[LabelledText], learned: LearnedFilters
) -> dict[str, list[float]]:
    """Return the learned quality filter's precision-recall curve, good against bad."""
    bad_kinds = set(KINDS) - {"blocked_url"}
    told = [
        (text.text, not bad_kinds.isdisjoint(text.kinds))
        for text in texts
        if text.kinds == (CLEAN,) or not bad_kinds.isdisjoint(text.kinds)
    ]
    bodies, truth = zip(*told)
    curve = precision_recall_curve(learned.quality.bad.scores(bodies), truth)
    return {name: value.tolist() for name, value in zip(curve._fields, curve)}


def report(found: dict[int, Scored]) -> str:
    """Return tables of what was found, one a seed, and the worst of each figure."""
    lines = []
    for seed, scored in found.items():
        named = {kind: scored.kinds[kind] for kind in (*KINDS, CLEAN)}
        clean = scored.kinds[CLEAN]
        lines += [
            f"seed {seed}",
            table(named),
            f"personal data masked: {scored.masked:,} of {scored.planted:,} "
            f"({scored.masked / scored.planted:.4f})",
            f"good texts dropped: {clean.dropped:,} of {clean.records:,} "
            f"({clean.dropped_share:.2%}) {dict(scored.reasons)}",
            "",
        ]
    lines.append(f"{'over the seeds':20}{'recall':>20}{'precision':>20}")
    for kind in KINDS:
        scores = [scored.kinds[kind] for scored in found.values()]
        cells = (
            _spread([score.recall for score in scores]),
            _spread([score.precision for score in scores]),
        )
        lines.append(f"{kind:20}{cells[0]:>20}{cells[1]:>20}")
    return "\n".join(lines)


def _spread(values: Sequence[float]) -> str:
    """Return the mean of some shares, and the lowest of them."""
    if any(map(math.isnan, values)):
        return "-"
    return f"{statistics.mean(values):.3f} (low {min(values):.3f})"


def as_json(scored: Scored) -> dict:
    """Return the figures of one seed as plain values."""
    kinds = {
        kind: score._asdict()
        | {
            "recall": score.recall,
            "precision": score.precision,
            "deserved_share": score.deserved_share,
        }
        for kind, score in scored.kinds.items()
        if kind in (*KINDS, CLEAN)
    }
    rest = scored._replace(kinds=kinds, reasons=dict(scored.reasons))
    return _without_nan(rest._asdict())


def _without_nan(value: object) -> object:
    """JSON knows no nan: a share of nothing becomes null."""
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def main(argv: list[str] | None = None) -> int:
    """Count what each filter finds, misses and wrongly drops."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    add = parser.add_argument
    add("--family", choices=FAMILIES, default="held", help="of the dirt to judge")
    add("--n", type=int, default=300, help="texts of each kind")
    add("--seed", type=int, action="append", help="repeat it for several; default 0")
    add("--filters", help="folder of trained filters; otherwise they are trained")
    add("--out", help="write the figures and the curve to this JSON file")
    arguments = parser.parse_args(argv)

    def command() -> None:
        if arguments.n < 1:
            raise ValueError(f"--n is {arguments.n}: give 1 or more texts of each kind")
        found = {}
        for seed in arguments.seed or [0]:
            with tempfile.TemporaryDirectory() as folder:
                if not arguments.filters:
                    train_learned_filters(seed, folder)
                learned = load_learned_filters(arguments.filters or Path(folder))
                found[seed] = score_filters(
                    arguments.family, arguments.n, seed, learned
                )
        print(report(found))
        if arguments.out:
            seeds = {str(seed): as_json(scored) for seed, scored in found.items()}
            write_json(
                arguments.out,
                {"family": arguments.family, "n": arguments.n, "seeds": seeds},
            )

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
