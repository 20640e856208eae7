"""Repetition within a document: Gopher's thirteen measures, and the compression ratio.

A page that says one thing over and over teaches a model to do the same. Repetition is
measured at three grains. Lines and paragraphs: how many came before in the same
document, by number and by characters. The most frequent run of 2, 3 or 4 words: how
much of the text it makes up. Runs of 5 to 10 words: how much of the text lies in one
that came before. Characters are those of words; white space does not count.

    the cat sat on the mat and | the cat sat on the mat | again
                                 two runs of five words that came before: 17 of 42
                                 characters lie in them

A run of ten words that came before consists of runs of nine that came before: longer
runs are looked for only where shorter ones recur.
Source:  Rae et al. 2021, Scaling language models, table A1.
"""

import re
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from ch01_data.rules import Rule, View, run_rules

TOP_RUNS = {2: 0.20, 3: 0.18, 4: 0.16}  # words in a run: largest share of characters
REPEATED_RUNS = {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10}
_FOUR_ON_END = re.compile(b"\1{4,}")
MIN_COMPRESSED = 500  # bytes; of 300, one good piece of the library in 1,000 needs 0.8
# A window of 8 kB and small tables: to clear zlib's usual ones takes a short text
# longer than to be compressed, and the ratio hardly changes.
WINDOW_BITS, MEMORY_LEVEL = 13, 6


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
    runs = view.once(_recurring)[n]
    if not runs:
        return 0.0
    counts = Counter(runs.values())
    most = max(counts.values())
    top = {run for run, count in counts.items() if count == most}
    starts = {run: start for start, run in runs.items() if run in top}
    longest = max(_characters(view, start, start + n) for start in starts.values())
    return min(most * longest / view.word_characters, 1.0)


def repeated_runs(view: View, n: int) -> float:
    """Return the share of characters in runs of n words that came before.

    Runs may overlap; a character counts once. (Paper: at most 0.15, 0.14, 0.13, 0.12,
    0.11 and 0.10 for 5 to 10 words.)
    """
    seen: set[int] = set()
    characters = covered = 0
    for start, run in view.once(_recurring)[n].items():
        if run in seen:
            characters += _characters(view, max(start, covered), start + n)
            covered = start + n
        seen.add(run)
    return characters / max(view.word_characters, 1)


def top_run_bound(view: View, n: int) -> float:
    """Return a share that no run of n words exceeds, from that of the top pair.

    A run occurs no more often than the pairs of words that it can be cut into, the last
    of which may overlap.
    """
    return (n + 1) // 2 * view.once(_top_pair)


def _top_pair(view: View) -> float:
    """Return the largest share of characters that one pair of words makes up."""
    counts = view.once(_pairs)
    if len(counts) == len(view.words) - 1:
        return 0.0
    again = [n * (len(a) + len(b)) for (a, b), n in counts.items() if n > 1]
    most = max(again, default=0)
    return most / max(view.word_characters, 1)


def _pairs(view: View) -> Counter:
    return Counter(zip(view.words, view.words[1:]))


def repeated_runs_bound(view: View) -> float:
    """Return a share that runs of five words or more which came before never exceed.

    Where a run of five recurs so do its four pairs, and a longer run consists of runs
    of five: what counts is the share of the words in four recurring pairs on end.
    """
    words, counts = view.words, view.once(_pairs)
    if len(counts) == len(words) - 1:
        return 0.0
    recurs = bytes(map((1).__lt__, map(counts.__getitem__, zip(words, words[1:]))))
    spans = (match.span() for match in _FOUR_ON_END.finditer(recurs))
    covered = sum(_characters(view, start, end + 1) for start, end in spans)
    return covered / max(view.word_characters, 1)


def _recurring(view: View) -> dict[int, dict[int, int]]:
    """Return, for n from 2 to 10, {place: number} of the runs of n words that recur.

    Equal runs have equal numbers. A run of n + 1 words is two runs of n words that
    overlap, and it can recur only where both of them do: each step looks at what the
    step before it left, and for most texts that is soon nothing.
    """
    again = {pair for pair, count in view.once(_pairs).items() if count > 1}
    pairs = zip(view.words, view.words[1:])
    runs = {place: pair for place, pair in enumerate(pairs) if pair in again}
    found = {}
    for n in range(2, max(REPEATED_RUNS) + 1):
        numbers: dict[tuple, int] = {}
        left = {
            place: numbers.setdefault(run, len(numbers)) for place, run in runs.items()
        }
        found[n] = left
        runs = {p: (run, left[p + 1]) for p, run in left.items() if p + 1 in left}
        counts = Counter(runs.values())
        if len(counts) < len(runs):
            runs = {place: run for place, run in runs.items() if counts[run] > 1}
        else:
            runs = {}
    return found


def _characters(view: View, start: int, stop: int) -> int:
    return sum(map(len, view.words[start:stop]))


def compression_ratio(view: View) -> float:
    """Return the bytes that zlib needs for each byte of the text; near 0 for a loop.

    Prose needs 0.4 to 0.6, source code 0.2 to 0.5, noise more than 0.75. A text of
    fewer than 500 bytes has no room to repeat itself: it counts as 0.5.
    """
    data = view.text.encode("utf-8", "replace")
    if len(data) < MIN_COMPRESSED:
        return 0.5
    deflate = zlib.compressobj(1, zlib.DEFLATED, WINDOW_BITS, MEMORY_LEVEL)
    return (len(deflate.compress(data)) + len(deflate.flush())) / len(data)


def fives_again(view: View) -> float:
    """Return `repeated_runs_bound`, found once for the six rules that ask for it."""
    return view.once(repeated_runs_bound)


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
    *(
        Rule(
            f"top_{n}_gram",
            "Gopher",
            TOP[n],
            most=TOP_RUNS[n],
            bound=partial(top_run_bound, n=n),
        )
        for n in TOP_RUNS
    ),
    *(
        Rule(
            f"duplicate_{n}_grams",
            "Gopher",
            REPEATED[n],
            most=REPEATED_RUNS[n],
            bound=fives_again,
        )
        for n in REPEATED_RUNS
    ),
)


def main(argv: list[str] | None = None) -> int:
    """Print how much the documents of a source repeat themselves."""
    compression = Rule("compression_ratio", "this book", compression_ratio)
    return run_rules((*REPETITION_RULES, compression), main.__doc__ or "", argv)


if __name__ == "__main__":
    raise SystemExit(main())
