"""Which extractor finds the text of a page, and how fast: measured on a labelled crawl.

What an extractor returns is compared with the true text of the page as bags of words:
precision is the share of its words that belong there, recall the share of the text's
words that it found, and F1 their harmonic mean. Menus that slip in cost precision, a
paragraph that is lost costs recall. A page is exact if all its words came back in
order, and no other.

On 4,750 pages of the held family (python -m ch01_data.crawl, 9.2 MB of HTML):

    extractor    precision  recall      F1   exact    MB/s
    naive            0.850   1.000   0.917    0.0%     6
    resiliparse      0.930   1.000   0.962   17.4%    11
    trafilatura      0.990   0.997   0.993   80.0%     0.8

Trafilatura is the slowest by far and is the one used: a banner that slips into a page
is training text, lowers its likeness to its own near-duplicates and is paid for at
every step of training, while a page is extracted once. Four of five pages come back
exactly; most others are those of a forum, with its author's number of posts.
"""

import argparse
import json
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ch01_data.decontaminate import words_of
from ch01_data.files import run_command, write_json
from ch01_data.pages import extract_text, naive_extract_text
from ch01_data.sources import read_documents

GOOD = 0.95  # of F1


@dataclass(frozen=True)
class Score:
    """How well an extractor did: means over pages, and how fast.

    Units:  pages_per_second; megabytes_per_second, of HTML as UTF-8.
    """

    extractor: str
    precision: float
    recall: float
    f1: float
    good: float  # the share of pages with an F1 of 0.95 or more
    exact: float  # the share of pages with the same words in the same order
    pages_per_second: float
    megabytes_per_second: float
    f1_by_layout: dict[str, float]


def token_f1(found: str, truth: str) -> tuple[float, float, float]:
    """Return precision, recall and F1 of the words found, counted with repetition.

    "home the old mill" against "the old mill stood": 3/4, 3/4, 3/4.
    """
    ours, theirs = Counter(words_of(found)), Counter(words_of(truth))
    shared = (ours & theirs).total()
    if not shared:
        both_empty = float(not ours and not theirs)
        return both_empty, both_empty, both_empty
    precision, recall = shared / ours.total(), shared / theirs.total()
    return precision, recall, 2 * precision * recall / (precision + recall)


def resiliparse_text(html: str) -> str:
    """Extract with resiliparse, which is installed for this comparison only.

    Raises:  ValueError if it is not installed.
    """
    try:
        from resiliparse.extract.html2text import extract_plain_text
    except ImportError as error:
        raise ValueError(
            "resiliparse is not installed: pip install -e '.[test]', or leave it out "
            "with --extractors naive trafilatura"
        ) from error
    return extract_plain_text(html, main_content=True, alt_texts=False, comments=False)


EXTRACTORS: dict[str, Callable[[str], str]] = {
    "naive": naive_extract_text,
    "resiliparse": resiliparse_text,
    "trafilatura": extract_text,
}


def read_crawl(folder: str | Path) -> list[tuple[str, dict]]:
    """Return (page as HTML, its label) of a crawl; pages without a text are left out.

    Raises:  ValueError or OSError if there is no crawl in the folder.
    """
    lines = Path(folder, "labels.jsonl").read_text(encoding="utf-8").splitlines()
    labels = {label["id"]: label for label in map(json.loads, lines)}
    pages = read_documents(Path(folder, "warc"), extract=str)
    both = ((page.text, labels[page.id]) for page in pages)
    return [pair for pair in both if "boilerplate" not in pair[1]["kinds"]]


def score_extractor(
    name: str, pages: Iterable[tuple[str, dict]], repeats: int = 1
) -> Score:
    """Extract every page and compare; the speed is the median of the repeats.

    Raises:  ValueError for an unknown extractor.
    """
    if name not in EXTRACTORS:
        raise ValueError(f"no extractor {name!r}; there are {', '.join(EXTRACTORS)}")
    pages, seconds, found = list(pages), [], []
    EXTRACTORS[name]("<p>once, so that the library is loaded</p>")
    for _ in range(repeats):
        start = time.perf_counter()
        found = [EXTRACTORS[name](html) for html, _ in pages]
        seconds.append(time.perf_counter() - start)
    truths = [label["text"] for _, label in pages]
    scores = [token_f1(text, truth) for text, truth in zip(found, truths)]
    precision, recall, f1 = (statistics.fmean(column) for column in zip(*scores))
    layouts: dict[str, list[float]] = {}
    for score, (_, label) in zip(scores, pages):
        layouts.setdefault(label["layout"], []).append(score[2])
    once = statistics.median(seconds)
    return Score(
        name,
        precision,
        recall,
        f1,
        good=statistics.fmean(score[2] >= GOOD for score in scores),
        exact=statistics.fmean(t.split() == u.split() for t, u in zip(found, truths)),
        pages_per_second=len(pages) / once,
        megabytes_per_second=_megabytes(pages) / once,
        f1_by_layout={
            name: statistics.fmean(layouts[name]) for name in sorted(layouts)
        },
    )


def _megabytes(pages: Iterable[tuple[str, dict]]) -> float:
    return sum(len(html.encode()) for html, _ in pages) / 1e6


def _row(score: Score) -> str:
    layouts = "".join(f"{f1:8.3f}" for f1 in score.f1_by_layout.values())
    return (
        f"{score.extractor:12}{score.precision:10.3f}{score.recall:8.3f}{score.f1:8.3f}"
        f"{score.good:8.1%}{score.exact:8.1%}{score.megabytes_per_second:8.2f}"
        f"{score.pages_per_second:9,.0f}{layouts}"
    )


def main(argv: list[str] | None = None) -> int:
    """Compare extractors on a crawl: words found, MB/s, F1 by layout."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    add = parser.add_argument
    add("--crawl", default="runs/crawl", help="folder that ch01_data.crawl wrote")
    add("--extractors", nargs="+", default=list(EXTRACTORS), help="which to compare")
    add("--repeats", type=int, default=3, help="runs; the median speed counts")
    add("--out", help="write the scores to this JSON file")
    arguments = parser.parse_args(argv)

    def command() -> None:
        pages = read_crawl(arguments.crawl)
        layouts = sorted({label["layout"] for _, label in pages})
        print(f"{len(pages):,} pages, {_megabytes(pages):.2f} MB of HTML")
        print(
            f"{'extractor':12}{'precision':>10}{'recall':>8}{'F1':>8}{'F1>=.95':>8}"
            f"{'exact':>8}{'MB/s':>8}{'pages/s':>9}"
            f"{''.join(f'{layout:>8}' for layout in layouts)}"
        )
        scores = []
        for name in arguments.extractors:
            scores.append(score_extractor(name, pages, arguments.repeats))
            print(_row(scores[-1]), flush=True)
        if arguments.out:
            write_json(arguments.out, [vars(score) for score in scores])

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
