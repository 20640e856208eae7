"""Spans that repeat across documents: C4's rule, by which all but the first go.

Of each run of three sentences that stands in a data set more than once, only the first
stays. A page that quotes another is left without the quotation, a page that is a copy
without anything. Which span is the first depends on all that came before, so the second
reading goes through the documents in their order, in one process; it remembers no more
than the spans that are known to repeat.
Source:  Raffel et al. 2020, Exploring the limits of transfer learning, section 2.2.
"""

import argparse
import re
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from ch01_data.files import run_command
from ch01_data.lines import Run, frequent_numbers
from ch01_data.shingles import Reread, in_batches, span_hashes, windows_of, word_hashes
from ch01_data.sources import read_texts

SPAN = 3  # sentences
_SENTENCE = re.compile(r"[.!?…]{1,9}[\"'”’)\]]{0,9}\s+|\n\s*|$")


def split_sentences(text: str) -> list[str]:
    """Cut a text behind sentences and lines; joined, the parts are the text again."""
    cuts = [match.end() for match in _SENTENCE.finditer(text)]
    return [text[a:b] for a, b in zip([0, *cuts], cuts) if b > a]


def span_numbers(texts: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return a number for every run of three sentences, and where each text begins.

    Spans of the same words have the same number, whatever the spaces. A text of fewer
    sentences has none.
    """
    sentences = [split_sentences(text) for text in texts]
    words, bounds = word_hashes([part for parts in sentences for part in parts])
    whole = span_hashes(words, bounds[:-1], bounds[1:])
    places = np.cumsum([0, *map(len, sentences)])
    starts, ends, runs = windows_of(places, SPAN)
    full = ends - starts == SPAN
    values = span_hashes(whole, starts, ends)[full]
    return values, np.concatenate([[0], np.cumsum(full)])[runs]


def repeated_spans(
    batches: Iterable[Iterable[str]],
    *,
    folder: str | Path | None = None,
    run: Run = map,
) -> np.ndarray:
    """Return the numbers, in order, of spans that stand in the texts more than once."""
    return frequent_numbers(run(_all_spans, batches), 1, folder)


def _all_spans(texts: Iterable[str]) -> np.ndarray:
    return span_numbers(texts)[0]


def drop_repeated_spans(
    batches: Iterable[list[str]], repeated: np.ndarray
) -> Iterator[list[tuple[str, int]]]:
    """Yield each text without spans that came before, and how many sentences went.

    `repeated` is what repeated_spans said of these texts; the first of equal spans
    stays where it is.
    """
    seen: set[int] = set()
    for texts in batches:
        values, bounds = span_numbers(texts)
        again = np.isin(values, repeated)
        done = []
        for text, begin, end in zip(texts, bounds, bounds[1:]):
            gone: set[int] = set()
            for place in np.flatnonzero(again[begin:end]).tolist():
                span = int(values[begin + place])
                if span in seen:
                    gone.update(range(place, place + SPAN))
                seen.add(span)
            parts = split_sentences(text) if gone else [text]
            kept = [part for place, part in enumerate(parts) if place not in gone]
            done.append(("".join(kept), len(gone)))
        yield done


def main(argv: list[str] | None = None) -> int:
    """Count the sentences of a source that stand in spans which came before."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--source", required=True, help="pylib, a file, folder or glob")
    source = parser.parse_args(argv).source

    def command() -> None:
        batches = Reread(partial(in_batches, Reread(partial(read_texts, source))))
        found = drop_repeated_spans(batches, repeated_spans(batches))
        counts = [count for batch in found for _, count in batch]
        print(
            f"{sum(counts):,} sentences of {sum(map(bool, counts)):,} documents stand "
            f"in spans of {SPAN} that came before"
        )

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
