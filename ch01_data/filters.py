"""Filters: one Unicode spelling, and the rules for what is worth keeping.

Two sets of thresholds stand beside each other. PAPER_RULES are those of Gopher and C4
as published, made for English web pages of 2019 to 2021. RULES are this book's: the
same measures, with thresholds at which stories, plays and source code pass, and a few
measures of its own. Where they differ is itself a lesson (`python -m ch01_data.filters
--compare` prints it): Gopher drops documents of fewer than 50 words, and a good module
may have 30; C4 drops every page with a curly bracket, and with it half of Python's
library.

The papers' measures are explained where they stand: gopher.py, repetition.py, c4.py.
Addresses are in urls.py, personal data in pii.py, languages in language.py.
"""

import argparse
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from math import inf

from ch01_data.c4 import C4_RULES, count_sentences
from ch01_data.files import run_command
from ch01_data.gopher import GOPHER_RULES
from ch01_data.letters import judged
from ch01_data.pages import extract_text
from ch01_data.pii import mask_pii
from ch01_data.repetition import (
    REPEATED_RUNS,
    REPETITION_RULES,
    compression_ratio,
)
from ch01_data.rules import ANY, Rule, View, is_code_line, share_of
from ch01_data.sources import read_documents
from ch01_data.urls import url_allowed
from ch01_data.word_lists import read_list

__all__ = [
    "Rule",
    "View",
    "extract_text",
    "mask_pii",
    "normalize_text",
    "quality_flags",
    "url_allowed",
]

# --- Unicode -------------------------------------------------------------------------

_INVISIBLE = "\u00ad\u200b\u2060\ufeff"  # soft hyphen, spaces without width
_CONTROL = re.compile(f"[\0-\x08\x0e-\x1f\x7f-\x84\x86-\x9f{_INVISIBLE}]+")
_LINE_END = re.compile("\r\n?|[\v\f\x85\u2028\u2029]")
_ODD = re.compile(f"[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029{_INVISIBLE}]")


def normalize_text(text: str) -> str:
    """Spell the same text the same way: NFC, `\\n` line ends, no invisible characters.

    "e" + combining accent becomes one character, so that equal words get equal tokens.
    NFKC would go further and turn x² into x2: a different text, so it is not used.
    Spaces are left as they are; in code they carry meaning.
    """
    if _ODD.search(text):  # most texts have none of them
        text = _CONTROL.sub("", _LINE_END.sub("\n", text))
    return text if text.isascii() else unicodedata.normalize("NFC", text)


# --- measures of this book -----------------------------------------------------------

CHARACTERS_TO_JUDGE = 1 << 14
_HASHTAG = re.compile(r"#\w")
_NUMBER = re.compile(
    r"[-+(\[{]*(?:0x[\da-f]+|\d[\d.,:/_-]*(?:e[-+]?\d+)?)[)\]},;:%]*", re.IGNORECASE
)

_MENU_END = (".", "!", "?", '"', "”", ":", ",", ";", "'", "’", ")")
MENU_WORDS = 4  # an entry of a menu has so many at most


def hashtag_ratio(view: View) -> float:
    """Return the hashtags for each word; "# a comment" and a heading are none."""
    return len(_HASHTAG.findall(view.text)) / max(len(view.words), 1)


def sentence_ends(view: View) -> int:
    """Count the sentences of the text, in whatever lines they stand.

    C4 counts those in lines that end with a sentence, and finds none in text whose
    lines were broken at a margin.
    """
    return count_sentences(view.text)


def strange_words(view: View) -> float:
    """Return the share of the different words that nobody could say, 0 to 1.

    A word is strange if it has a pair of letters that English hardly has (letters.py).
    Words of four Latin letters or more are looked at; with fewer than ten the share is
    0.
    """
    found = list(map(judged, view.vocabulary))
    words = len(found) - found.count(None)
    return found.count(True) / words if words >= 10 else 0.0


def number_words(view: View) -> float:
    """Return the share of words that are numbers: 12, -3.5, 1.2e+03, 0x1f, 12:30."""
    others = [word for word in view.words if not word[0].isalpha()]
    numbers = sum(_NUMBER.fullmatch(word) is not None for word in others)
    return numbers / max(len(view.words), 1)


def notice_density(view: View) -> float:
    """Return the notices for each hundred words; a single notice counts as none.

    Notices are phrases of the machinery around a text: consent, accounts, menus.
    """
    by_head = _notices()
    heads = view.vocabulary.intersection(by_head)
    found = sum(view.lower.count(phrase) for head in heads for phrase in by_head[head])
    return 100 * found * (found > 1) / max(len(view.words), 1)


@lru_cache(maxsize=1)
def _notices() -> dict[str, list[str]]:
    """Return the notices by their longest word, without which none can occur."""
    found: dict[str, list[str]] = {}
    for phrase in sorted(read_list("notices")):
        found.setdefault(max(phrase.split(), key=len), []).append(phrase)
    return found


def menu_lines(view: View) -> float:
    """Return the share of lines like entries of a menu; a text of few lines has none.

    Such a line has at most four words, no punctuation at its end, and is no code.
    """
    if len(view.lines) < 6:
        return 0.0
    return share_of(view.lines[:400], _is_menu_line)


def _is_menu_line(line: str) -> bool:
    short = line.count(" ") < MENU_WORDS and len(line) < 40
    return short and not line.endswith(_MENU_END) and not is_code_line(line)


# --- the rules -----------------------------------------------------------------------

PAPER_RULES = (*GOPHER_RULES, *REPETITION_RULES, *C4_RULES)
PAPER = {rule.name: rule for rule in PAPER_RULES}
# This book's ranges for the papers' measures: of prose, and of source code where it
# needs more room. Nearly all prose keeps the papers' thresholds; code could not: its
# lines and phrases repeat, it has more marks than words, and no sentences at all.
BOOK_RANGES: dict[str, tuple[tuple[float, float], tuple[float, float] | None]] = {
    "word_count": ((10, inf), None),  # a short note is a text, and so is a long book
    "mean_word_length": ((2.5, 15), (2, 50)),
    "ellipsis_ratio": ((0, 0.1), ANY),
    "bullet_lines": ((0, 0.9), None),
    "ellipsis_lines": ((0, 0.3), ANY),
    "alphabetic_words": ((0.5, 1), (0.25, 1)),
    "stop_words": ((1, inf), ANY),  # one story in fifty has no more than two
    "duplicate_lines": ((0, 0.4), (0, 0.9)),  # names in a play repeat
    "duplicate_paragraphs": ((0, 0.3), (0, 0.6)),
    "duplicate_line_characters": ((0, 0.3), (0, 0.85)),
    "duplicate_paragraph_characters": ((0, 0.2), (0, 0.5)),
    "top_2_gram": ((0, 0.25), (0, 0.7)),
    "top_3_gram": ((0, 0.25), (0, 0.7)),
    "top_4_gram": ((0, 0.25), (0, 0.7)),
    **{f"duplicate_{n}_grams": ((0, 0.4), (0, 0.8)) for n in REPEATED_RUNS},
    "bad_words": ((0, 0), None),
    "lorem_ipsum": ((0, 0), ANY),
    "curly_brackets": ((0, 20), ANY),
}


def _book_rule(name: str) -> Rule:
    (least, most), code = BOOK_RANGES[name]
    return PAPER[name]._replace(least=least, most=most, code=code)


RULES = (
    *map(_book_rule, BOOK_RANGES),
    Rule("sentence_ends", "this book", sentence_ends, 1, code=ANY),
    Rule("hashtag_ratio", "this book", hashtag_ratio, most=0.1, code=ANY),
    Rule("compression_ratio", "this book", compression_ratio, 0.1, 0.75, (0.05, 0.9)),
    Rule("strange_words", "this book", strange_words, most=0.25),
    Rule("number_words", "this book", number_words, most=0.5, code=(0, 0.95)),
    Rule("notice_density", "this book", notice_density, most=2.0),
    Rule("menu_lines", "this book", menu_lines, most=0.8, code=ANY),
)


def quality_flags(
    text: str,
    rules: Iterable[Rule] = RULES,
    limit: int | None = CHARACTERS_TO_JUDGE,
    view: View | None = None,
) -> list[str]:
    """Return the names of the rules that speak against this text; [] means keep it.

    The first 16,384 characters are judged: enough, and as fast for a book as for a
    page. The papers' rules count whole documents: give PAPER_RULES no limit. `view` is
    that of the characters to judge, where the caller has one.
    Source:  Gopher: Rae et al. 2021, table A1. C4: Raffel et al. 2020, section 2.2.
    """
    view = view or View.of(text if limit is None else text[:limit])
    return [rule.name for rule in rules if rule.holds(view)]


def compare_presets(source: str) -> str:
    """Return a table of every rule: both ranges, and the share of documents lost."""
    book = {rule.name: rule for rule in RULES}
    views = [View.of(document.text) for document in read_documents(source)]
    lines = [f"{'rule':32}{'paper':>16}{'lost':>8}{'book':>16}{'lost':>8}"]
    for name in dict.fromkeys([*PAPER, *book]):
        cells = ""
        for rules in (PAPER, book):
            rule = rules.get(name)
            lost = sum(map(rule.holds, views)) / len(views) if rule else 0.0
            span = f"{rule.least:g} to {rule.most:g}" if rule else "-"
            cells += f"{span:>16}{lost:8.1%}" if rule else f"{span:>16}{'':8}"
        lines.append(f"{name:32}{cells}")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Judge the documents of a source and count what each rule says."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--source", required=True, help="pylib, a file, folder or glob")
    parser.add_argument("--show", type=int, default=0, help="name this many documents")
    parser.add_argument("--paper", action="store_true", help="the papers' thresholds")
    parser.add_argument("--compare", action="store_true", help="both, rule by rule")
    arguments = parser.parse_args(argv)

    def command() -> None:
        if arguments.compare:
            print(compare_presets(arguments.source))
            return
        rules, limit = RULES, CHARACTERS_TO_JUDGE
        if arguments.paper:
            rules, limit = PAPER_RULES, None
        counts: Counter[str] = Counter()
        total = flagged = 0
        for document in read_documents(arguments.source):
            flags = quality_flags(document.text, rules, limit)
            total += 1
            flagged += bool(flags)
            counts.update(flags)
            if flags and flagged <= arguments.show:
                print(f"{document.id}: {', '.join(flags)}")
        print(f"{flagged:,} of {total:,} documents flagged")
        for name, count in counts.most_common():
            print(f"{count:8,}  {name}")

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
