"""Repetition within a document: Gopher's thirteen measures, and the compression ratio.

A page that says one thing over and over teaches a model to do the same. Repetition is
measured at three grains. Lines and paragraphs: how many came before in the same
document, by number and by characters. The most frequent run of 2, 3 or 4 words: how
much of the text it makes up. Runs of 5 to 10 words: how much of the text lies in one
that came before. Characters are those of words; white space does not count.

    the cat sat on the mat and | the cat sat on the mat | again
                                 two runs of five words that came before: 17 of 42
                                 characters lie in them

A run of ten words that came before consists of runs of nine that came before. Where
nothing repeats at five words, nothing repeats at six, and the search ends there.
Source:  Rae et al. 2021, Scaling language models, table A1.
"""

import zlib
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from ch01_data.rules import Rule, View, run_rules

TOP_RUNS = {2: 0.20, 3: 0.18, 4: 0.16}  # words in a run: largest share of characters
REPEATED_RUNS = {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10}
MIN_COMPRESSED = 300  # bytes
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # odd: no factor of a number is lost


def duplicate_lines(view: View) -> float:
    """Return the share of lines that came before (paper: at most 0.3)."""
    return (len(view.lines) - len(set(view.lines))) / max(len(view.lines), 1)


def duplicate_paragraphs(view: View) -> float:
    """Return the share of paragraphs that came before (paper: at most 0.3)."""
    parts = view.paragraphs
    return (len(parts) - len(set(parts))) / max(len(parts), 1)


def duplicate_line_characters(view: View) -> float:
    """Return the share of characters in lines that came before (paper: at most 0.2)."""
    return _repeated_characters(view.lines)


def duplicate_paragraph_characters(view: View) -> float:
    """Return the share of characters in repeated paragraphs (paper: at most 0.2)."""
    return _repeated_characters(view.paragraphs)


def _repeated_characters(parts: Sequence[str]) -> float:
    total = sum(map(len, parts))
    return (total - sum(map(len, set(parts)))) / max(total, 1)


def top_run(view: View, n: int) -> float:
    """Return the share of characters in the most frequent run of n words.

    A run that occurs once repeats nothing and counts as 0; of equally frequent ones the
    longest counts. (Paper: at most 0.20, 0.18 and 0.16 for 2, 3 and 4 words.)
    """
    numbers, ends = _runs(view, n)
    if len(numbers) < 2:
        return 0.0
    order = np.argsort(numbers, kind="stable")
    opens = _opens(numbers[order])
    counts = np.diff(opens, append=len(order))
    most = int(counts.max())
    if most < 2:
        return 0.0
    firsts = order[opens[counts == most]]
    longest = int((ends[firsts + n] - ends[firsts]).max())
    return min(most * longest / int(ends[-1]), 1.0)


def repeated_runs(view: View, n: int) -> float:
    """Return the share of characters in runs of n words that came before.

    Runs may overlap; a character counts once. (Paper: at most 0.15, 0.14, 0.13, 0.12,
    0.11 and 0.10 for 5 to 10 words.)
    """
    shorter = n - 1
    if shorter in REPEATED_RUNS and view.once(REPEATED[shorter]) == 0.0:
        return 0.0
    numbers, ends = _runs(view, n)
    order = np.argsort(numbers, kind="stable")  # stable: the first comes first
    again = np.ones(len(numbers), dtype=bool)
    again[order[_opens(numbers[order])]] = False
    starts = np.flatnonzero(again)
    if not len(starts):
        return 0.0
    stops = np.minimum(starts + n, np.append(starts[1:], len(ends)))
    return int((ends[stops] - ends[starts]).sum()) / int(ends[-1])


def _word_numbers(view: View) -> tuple[np.ndarray, np.ndarray]:
    """Return a number for each word, equal for equal words, and the characters before.

    Shape:   (words,), and (words + 1,) from 0 to the characters of all words.
    """
    index: dict[str, int] = {}
    numbers = [index.setdefault(word, len(index) + 1) for word in view.words]
    ends = np.zeros(len(numbers) + 1, dtype=np.int64)
    np.cumsum(list(map(len, view.words)), out=ends[1:])
    return np.array(numbers, dtype=np.uint64), ends


def _runs(view: View, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a number for each run of n words, and the characters before each word.

    Runs are numbered by a polynomial in their words' numbers modulo 2^64, so unlike
    runs have, in all practice, unlike numbers.
    """
    words, ends = view.once(_word_numbers)
    count = max(len(words) - n + 1, 0)
    numbers = np.zeros(count, dtype=np.uint64)
    for place in range(n * bool(count)):
        numbers = numbers * MULTIPLIER + words[place : place + count]
    return numbers, ends


def _opens(ordered: np.ndarray) -> np.ndarray:
    """Return where in a sorted array a new value begins."""
    if not len(ordered):
        return np.zeros(0, dtype=np.int64)
    changes = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    return np.concatenate([[0], changes])


def compression_ratio(view: View) -> float:
    """Return the bytes that zlib needs for each byte of the text; near 0 for a loop.

    Prose needs 0.4 to 0.6, source code 0.2 to 0.5, noise more than 0.75. A text of
    fewer than 300 bytes has no room to repeat itself: it counts as 0.5.
    """
    data = view.text.encode("utf-8", "replace")
    if len(data) < MIN_COMPRESSED:
        return 0.5
    return len(zlib.compress(data, 1)) / len(data)


TOP: dict[int, Callable[[View], float]] = {n: partial(top_run, n=n) for n in TOP_RUNS}
REPEATED = {n: partial(repeated_runs, n=n) for n in REPEATED_RUNS}
REPETITION_RULES = (
    Rule("duplicate_lines", "Gopher", duplicate_lines, most=0.3),
    Rule("duplicate_paragraphs", "Gopher", duplicate_paragraphs, most=0.3),
    Rule("duplicate_line_characters", "Gopher", duplicate_line_characters, most=0.2),
    Rule(
        "duplicate_paragraph_characters",
        "Gopher",
        duplicate_paragraph_characters,
        most=0.2,
    ),
    *(Rule(f"top_{n}_gram", "Gopher", TOP[n], most=TOP_RUNS[n]) for n in TOP_RUNS),
    *(
        Rule(f"duplicate_{n}_grams", "Gopher", REPEATED[n], most=REPEATED_RUNS[n])
        for n in REPEATED_RUNS
    ),
)


def main(argv: list[str] | None = None) -> int:
    """Print how much the documents of a source repeat themselves."""
    compression = Rule("compression_ratio", "this book", compression_ratio)
    return run_rules((*REPETITION_RULES, compression), main.__doc__ or "", argv)


if __name__ == "__main__":
    raise SystemExit(main())
