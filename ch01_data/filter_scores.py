"""How well each filter does on dirt that nothing was tuned on.

    python -m ch01_data.filter_scores --family held --n 300 --seeds 0 1 2

trains the learned filters on the family "tuning", makes so many texts of each kind of
the family "held", and counts. Recall: how many of the kind's texts have its flag.
Precision: how many of the texts with its flag are of the kind; the others are good
texts, other kinds, or (told apart as "deserved") dirt of another kind. Half of the good
texts are stories, half are of the Python library, pages of its documentation as well as
whole modules. The filters are asked in the order of the clean-up, and a text falls
where the first one names what is wrong with it.
"""

import argparse
import math
import pickle
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from ch01_data.batch_stages import StageConfig, normalize, personal_data
from ch01_data.crawl_templates import (
    BLOCKED_HOSTS,
    BLOCKED_URL_WORDS,
    FAMILIES,
    INSULTS,
)
from ch01_data.curves import precision_recall_curve
from ch01_data.dirt import LabelledText, dirt
from ch01_data.files import run_command
from ch01_data.learned_filters import (
    LearnedFilters,
    library_modules,
    load_learned_filters,
    train_learned_filters,
)
from ch01_data.measured import RESULTS, command_of, machine, spread, write_result
from ch01_data.score import CLEAN, KindScore, score_kinds, score_table
from ch01_data.sources import Document
from ch01_data.stages import first_flags

KINDS = ("boilerplate", "spam", "gibberish", "language", "toxic", "blocked_url")
PERSONAL = "personal_data"
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


def told_to_filters(family: str, learned: LearnedFilters) -> StageConfig:
    """Return the config of the stages: lists of hosts and insults as the crawl's."""
    return StageConfig(
        blocked_domains=tuple(sorted(BLOCKED_HOSTS[family])),
        blocked_words=tuple(sorted(BLOCKED_URL_WORDS[family])),
        insults=tuple(sorted(INSULTS)),
        learned=pickle.dumps(learned),
    )


def score_filters(family: str, n: int, seed: int, learned: LearnedFilters) -> Scored:
    """Return what the filters make of n texts of each kind, and of good texts."""
    texts = list(labelled_texts(family, n, seed))
    config = told_to_filters(family, learned)
    documents = [Document(text.text, text.id, text.url) for text in texts]
    flags = first_flags(documents, config)
    masked = personal_data(normalize(documents, config).documents, config).documents
    labels = [{"id": text.id, "kinds": list(text.kinds)} for text in texts]
    results = [
        {"id": text.id, "flags": found, "kept": not found}
        for text, found in zip(texts, flags, strict=True)
    ]
    values = [
        (item["value"], document.text)
        for text, document in zip(texts, masked, strict=True)
        for item in text.truth.get(PERSONAL, ())
    ]
    good = [f for text, f in zip(texts, flags, strict=True) if text.kinds == (CLEAN,)]
    return Scored(
        score_kinds(labels, results),
        len(values),
        sum(value not in text for value, text in values),
        Counter(flag for found in good for flag in found),
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
            score_table(named),
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


def numbers_of(scored: Scored) -> dict[str, float]:
    """Return the shares that the filters are judged by, each under its name."""
    found = {}
    for kind in KINDS:
        found[f"{kind} recall"] = scored.kinds[kind].recall
        found[f"{kind} precision"] = scored.kinds[kind].precision
    found["personal data masked"] = scored.masked / scored.planted
    found["good texts lost"] = scored.kinds[CLEAN].dropped_share
    return found


def thinned(curve: dict[str, list[float]], points: int = 200) -> dict:
    """Return every so many-th point of a curve, and the last one."""
    n = len(curve["recall"])
    places = sorted({*range(0, n, max(n // points, 1)), n - 1})
    return {
        name: [values[place] for place in places if place < len(values)]
        for name, values in curve.items()
    }


def main(argv: list[str] | None = None) -> int:
    """Count what each filter finds, misses and wrongly drops."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    add = parser.add_argument
    add("--family", choices=FAMILIES, default="held", help="of the dirt to judge")
    add("--n", type=int, default=300, help="texts of each kind")
    add("--seeds", type=int, nargs="+", default=[0, 1, 2], help="one run for each")
    add("--filters", help="folder of trained filters; otherwise they are trained")
    add("--out", help="results file (default: results/filters_FAMILY.json)")
    arguments = parser.parse_args(argv)

    def command() -> None:
        if arguments.n < 1:
            raise ValueError(f"--n is {arguments.n}: give 1 or more texts of each kind")
        begun_on, family = machine(), arguments.family
        found = {}
        for seed in arguments.seeds:
            learned = (
                load_learned_filters(arguments.filters)
                if arguments.filters
                else train_learned_filters(seed)
            )
            found[seed] = score_filters(family, arguments.n, seed, learned)
        print(report(found))
        each = [numbers_of(scored) for scored in found.values()]
        write_result(
            arguments.out or RESULTS / f"filters_{family}.json",
            "Precision and recall of each filter on dirt that nothing was tuned on.",
            command_of("ch01_data.filter_scores", argv),
            {
                "family": family,
                "texts_of_each_kind": arguments.n,
                "scores": {n: spread([one[n] for one in each]) for n in each[0]},
                "curve": thinned(found[arguments.seeds[0]].curve),
            },
            seeds=arguments.seeds,
            begun_on=begun_on,
        )

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
