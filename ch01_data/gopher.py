"""Gopher's quality rules: eight measures of one document, with the paper's ranges.

They were written for web pages in English, by people who looked at what each threshold
lets through. "Words" are what white space separates. The other half of the paper's
rules, those about repetition, is in repetition.py.
Source:  Rae et al. 2021, Scaling language models, section A.1.1.
"""

import re

from ch01_data.rules import Rule, View, run_rules, share_of

BULLETS = ("-", "*", "•", "‣", "◦", "·", "●", "▪", "–")
ELLIPSES = ("...", "…")
STOP_WORDS = frozenset("the be to of and that have with".split())
_LETTER = re.compile(r"[^\W\d_]")


def word_count(view: View) -> int:
    """Count the words (paper: 50 to 100,000)."""
    return len(view.words)


def mean_word_length(view: View) -> float:
    """Return the mean length of the words in characters (paper: 3 to 10)."""
    return view.word_characters / max(len(view.words), 1)


def hash_ratio(view: View) -> float:
    """Return the hash signs for each word (paper: at most 0.1)."""
    return view.text.count("#") / max(len(view.words), 1)


def ellipsis_ratio(view: View) -> float:
    """Return the ellipses, of three dots or one sign, a word (paper: at most 0.1)."""
    return sum(map(view.text.count, ELLIPSES)) / max(len(view.words), 1)


def bullet_lines(view: View) -> float:
    """Return the share of lines that begin with a bullet (paper: at most 0.9)."""
    return share_of(view.lines, lambda line: line.startswith(BULLETS))


def ellipsis_lines(view: View) -> float:
    """Return the share of lines that end in an ellipsis (paper: at most 0.3)."""
    return share_of(view.lines, lambda line: line.endswith(ELLIPSES))


def alphabetic_words(view: View) -> float:
    """Return the share of words with a letter in them (paper: at least 0.8)."""
    others = [word for word in view.words if not word.isalpha()]  # letters alone: most
    others = [word for word in others if not word[0].isalpha()]  # "end.", "x1"
    without = sum(_LETTER.search(word) is None for word in others)
    return (len(view.words) - without) / max(len(view.words), 1)


def stop_words(view: View) -> int:
    """Count which of eight common English words occur (paper: at least 2).

    They are the, be, to, of, and, that, have, with; each counts once, in any case.
    """
    return len(STOP_WORDS & view.vocabulary)


GOPHER_RULES = (
    Rule("word_count", "Gopher", word_count, 50, 100_000),
    Rule("mean_word_length", "Gopher", mean_word_length, 3, 10),
    Rule("hash_ratio", "Gopher", hash_ratio, most=0.1),
    Rule("ellipsis_ratio", "Gopher", ellipsis_ratio, most=0.1),
    Rule("bullet_lines", "Gopher", bullet_lines, most=0.9),
    Rule("ellipsis_lines", "Gopher", ellipsis_lines, most=0.3),
    Rule("alphabetic_words", "Gopher", alphabetic_words, 0.8),
    Rule("stop_words", "Gopher", stop_words, 2),
)


def main(argv: list[str] | None = None) -> int:
    """Print where the documents of a source lie on Gopher's quality measures."""
    return run_rules(GOPHER_RULES, main.__doc__ or "", argv)


if __name__ == "__main__":
    raise SystemExit(main())
