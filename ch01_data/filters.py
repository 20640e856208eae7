"""Filters: one Unicode spelling, and named rules for what is worth keeping.

Each quality rule has a name, a threshold and a paper that proposed it, so that the
report can say which rule dropped what. A rule is a guess about the world: Gopher drops
documents of fewer than 50 words, and a story of 60 words passes only just; C4 drops
every page with a curly bracket, and with it all code. The thresholds here are set so
that stories, plays and source code pass; each rule's text says where it departs from
its source. Addresses and HTML are in pages.py, personal data in pii.py.
"""

import argparse
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from ch01_data.files import run_command
from ch01_data.pages import extract_text, url_allowed
from ch01_data.pii import find_pii, mask_pii
from ch01_data.sources import read_documents

__all__ = ["extract_text", "mask_pii", "normalize_text", "quality_flags", "url_allowed"]

# --- Unicode -------------------------------------------------------------------------

CONTROLS = dict.fromkeys(c for c in (*range(32), *range(127, 160)) if c not in (9, 10))
LINE_ENDS = dict.fromkeys(map(ord, "\r\v\f\x85\u2028\u2029"), "\n")
INVISIBLE = dict.fromkeys([0x00AD, 0x200B, 0x2060, 0xFEFF])  # soft hyphen, empty spaces


def normalize_text(text: str) -> str:
    """Spell the same text the same way: NFC, `\\n` line ends, no invisible characters.

    "e" + combining accent becomes one character, so that equal words get equal tokens.
    NFKC would go further and turn x² into x2: a different text, so it is not used.
    Spaces are left as they are; in code they carry meaning.
    """
    text = text.replace("\r\n", "\n").translate(CONTROLS | INVISIBLE | LINE_ENDS)
    return unicodedata.normalize("NFC", text)


# --- quality rules -------------------------------------------------------------------

MIN_WORDS = 10
MEAN_WORD_LENGTH = (2.0, 20.0)
MAX_SYMBOLS_PER_WORD = 0.1
MIN_ALPHABETIC_WORDS = 0.4
MAX_BULLET_LINES = 0.9
MAX_ELLIPSIS_LINES = 0.3
MAX_REPEATED_LINES = 0.3
MAX_TOP_WORD_PAIR = 0.2
MIN_COMPRESSED, MAX_COMPRESSED = 0.07, 0.75
MAX_UNPRONOUNCEABLE = 0.2
CHARACTERS_TO_JUDGE = 1 << 16

_SYMBOL = re.compile(r"\.\.\.|…|#\w")
_WORD = re.compile(r"[^\W\d_]{4,}")
_NO_VOWEL_RUN = re.compile(r"[bcdfghjklmnpqrstvwxz]{5}", re.IGNORECASE)
_VOWEL = re.compile(r"[aeiouy]", re.IGNORECASE)
_BOILERPLATE = (
    "lorem ipsum",
    "enable javascript",
    "requires javascript",
    "javascript is disabled",
    "accept cookies",
    "use cookies",
    "uses cookies",
    "terms of use",
    "terms of service",
    "all rights reserved",
    "privacy policy",
    "cookie policy",
    "subscribe to our newsletter",
)


class View(NamedTuple):
    """What the rules look at, split once for all of them."""

    text: str
    words: list[str]
    lines: list[str]


class Rule(NamedTuple):
    """A named reason to drop a document. `source` is the paper that proposed it."""

    name: str
    source: str
    holds: Callable[[View], bool]


def too_short(view: View) -> bool:
    """Fewer than 10 words (Gopher: 50, which would drop short notes and modules)."""
    return len(view.words) < MIN_WORDS


def mean_word_length(view: View) -> bool:
    """Words of 2 to 20 characters on average (Gopher: 3 to 10, too few for code)."""
    mean = sum(map(len, view.words)) / max(len(view.words), 1)
    return not MEAN_WORD_LENGTH[0] <= mean <= MEAN_WORD_LENGTH[1]


def symbol_ratio(view: View) -> bool:
    """More than one hashtag or ellipsis for every ten words, as in Gopher.

    Gopher counts every hash; here "# a comment" or a heading is not a hashtag.
    """
    return len(_SYMBOL.findall(view.text)) > MAX_SYMBOLS_PER_WORD * len(view.words)


def few_letters(view: View) -> bool:
    """Fewer than 40 % of the words have a letter (Gopher: 80 %; code has operators)."""
    with_letter = sum(not w.isdigit() and _has_letter(w) for w in view.words)
    return with_letter < MIN_ALPHABETIC_WORDS * len(view.words)


def bullet_lines(view: View) -> bool:
    """More than 90 % of the lines begin with a bullet, as in Gopher."""
    return _share(view.lines, lambda line: line[0] in "-*•‣◦·") > MAX_BULLET_LINES


def ellipsis_lines(view: View) -> bool:
    """More than 30 % of the lines break off with an ellipsis, as in Gopher."""
    return _share(view.lines, lambda x: x.endswith(("...", "…"))) > MAX_ELLIPSIS_LINES


def repeated_lines(view: View) -> bool:
    """More than 30 % of the characters stand in lines that came before, as in Gopher.

    Only lines of five words or more count: `return` and `}` repeat in any code.
    """
    seen: set[str] = set()
    again = 0
    for line in view.lines:
        again += len(line) * (line in seen and line.count(" ") >= 4)
        seen.add(line)
    return again > MAX_REPEATED_LINES * max(sum(map(len, view.lines)), 1)


def repeated_words(view: View) -> bool:
    """One pair of neighbouring words makes up a fifth of the text, as in Gopher."""
    pairs = Counter(
        (a, b) for a, b in zip(view.words, view.words[1:]) if _has_letter(a + b)
    )
    if len(view.words) < 2 * MIN_WORDS or not pairs:
        return False
    (a, b), count = pairs.most_common(1)[0]
    characters = sum(map(len, view.words))
    return count > 2 and count * len(a + b) > MAX_TOP_WORD_PAIR * characters


def compressibility(view: View) -> bool:
    """zlib leaves less than 7 % (a loop) or more than three quarters (noise)."""
    data = view.text.encode("utf-8", "replace")
    ratio = len(zlib.compress(data, 6)) / max(len(data), 1)
    return len(data) >= 300 and not MIN_COMPRESSED <= ratio <= MAX_COMPRESSED


def gibberish(view: View) -> bool:
    """Too many words that nobody could say: no vowel, or five consonants in a row.

    Looks at Latin letters alone. About 2 % of English words are such, 30 % of random
    ones.
    """
    words = [word for word in _WORD.findall(view.text) if word.isascii()]
    words = [word for word in words if not word.isupper()]  # acronyms and constants
    odd = sum(not _VOWEL.search(w) or bool(_NO_VOWEL_RUN.search(w)) for w in words)
    return len(words) >= MIN_WORDS and odd > MAX_UNPRONOUNCEABLE * len(words)


def boilerplate(view: View) -> bool:
    """Notices instead of text: two or more within a hundred words, after C4's list."""
    text = view.text.lower()
    found = sum(text.count(notice) for notice in _BOILERPLATE)
    return found >= 2 and found * 50 > len(view.words)


RULES = (
    Rule("too_short", "Gopher", too_short),
    Rule("mean_word_length", "Gopher", mean_word_length),
    Rule("symbol_ratio", "Gopher", symbol_ratio),
    Rule("few_letters", "Gopher", few_letters),
    Rule("bullet_lines", "Gopher", bullet_lines),
    Rule("ellipsis_lines", "Gopher", ellipsis_lines),
    Rule("repeated_lines", "Gopher", repeated_lines),
    Rule("repeated_words", "Gopher", repeated_words),
    Rule("compressibility", "this book", compressibility),
    Rule("gibberish", "this book", gibberish),
    Rule("boilerplate", "C4", boilerplate),
)


def quality_flags(text: str, rules: Iterable[Rule] = RULES) -> list[str]:
    """Return the names of the rules that speak against this text; [] means keep it.

    The first 65,536 characters are judged: enough, and as fast for a book as for a
    page.
    Source:  Gopher: Rae et al. 2021, table A1. C4: Raffel et al. 2020, section 2.2.
    """
    text = text[:CHARACTERS_TO_JUDGE]
    lines = [line.strip() for line in text.split("\n")]
    view = View(text, text.split(), [line for line in lines if line])
    return [rule.name for rule in rules if rule.holds(view)]


def _share(lines: list[str], test: Callable[[str], bool]) -> float:
    return sum(map(test, lines)) / max(len(lines), 1)


def _has_letter(word: str) -> bool:
    return any(map(str.isalpha, word))


def main(argv: list[str] | None = None) -> int:
    """Judge the documents of a source and count what each rule says."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--source", required=True, help="pylib, a file, folder or glob")
    parser.add_argument("--show", type=int, default=0, help="name this many documents")
    arguments = parser.parse_args(argv)

    def command() -> None:
        counts: Counter[str] = Counter()
        total = flagged = 0
        for document in read_documents(arguments.source):
            flags = quality_flags(document.text)
            total += 1
            flagged += bool(flags)
            counts.update(flags)
            counts.update(kind for _, _, kind in find_pii(document.text))
            if flags and flagged <= arguments.show:
                print(f"{document.id}: {', '.join(flags)}")
        print(f"{flagged:,} of {total:,} documents flagged")
        for name, count in counts.most_common():
            print(f"{count:8,}  {name}")

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
