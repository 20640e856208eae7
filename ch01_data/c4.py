"""C4's rules: lines that are dropped, and pages that are dropped for what is left.

Four rules look at one line: it must end like a sentence, have five words, not speak of
JavaScript, not be a notice about cookies and terms. Four look at the page: three
sentences after the lines are gone, no bad word, no "lorem ipsum", no curly bracket. The
last one shows what such rules are: on a web page of 2019 a bracket was leftover code,
and with it goes nearly all code that somebody meant to publish.

Two more of C4's rules need more than one page and stand elsewhere: spans of three
sentences that occur twice in the data set (spans.py), and the language
(language.py).
Source:  Raffel et al. 2020, Exploring the limits of transfer learning, section 2.2.
"""

import re
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from ch01_data.rules import Rule, View, run_rules, share_of
from ch01_data.word_lists import read_list

TERMINAL = (".", "!", "?", '"', "”")
MIN_WORDS_IN_LINE = 5
MIN_SENTENCES = 3
_CITATION = re.compile(r"\[(?:\d*|edit|citation needed)\]")
_SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]]{0,9}(?=\s|$)")


class LineRule(NamedTuple):
    """A named reason to drop one line of a page."""

    name: str
    drops: Callable[[str], bool]


def unterminated(line: str) -> bool:
    """Tell whether a line does not end in a period, ! or ? or an end quotation mark."""
    return not line.endswith(TERMINAL)


def short_line(line: str) -> bool:
    """Tell whether a line has fewer than five words."""
    return len(line.split()) < MIN_WORDS_IN_LINE


def javascript_line(line: str) -> bool:
    """Tell whether a line has the word JavaScript: a warning that it is off."""
    return "javascript" in line.lower()


def notice_line(line: str) -> bool:
    """Tell whether a line holds one of six phrases about terms, privacy and cookies."""
    low = line.lower()
    return any(notice in low for notice in read_list("policy_notices"))


LINE_RULES = (
    LineRule("terminal_punctuation", unterminated),
    LineRule("words_in_line", short_line),
    LineRule("javascript", javascript_line),
    LineRule("policy_notice", notice_line),
)


def clean_page(text: str) -> tuple[str, Counter[str]]:
    """Return the lines of a page that C4 keeps, and how many fell to which line rule.

    Citation marks of encyclopedias, [1] or [citation needed], go from the lines kept.
    """
    kept, dropped = [], Counter()
    for line in filter(None, map(str.strip, text.split("\n"))):
        line = _CITATION.sub("", line).strip()
        reason = next((rule.name for rule in LINE_RULES if rule.drops(line)), None)
        if reason is None:
            kept.append(line)
        else:
            dropped[reason] += 1
    return "\n".join(kept), dropped


def count_sentences(text: str) -> int:
    """Count the ends of sentences: . ! ? or an ellipsis before white space or the end.

    Abbreviations count as ends, as in "Mr. Baker": the count is an upper bound.
    """
    return len(_SENTENCE_END.findall(text))


def sentences_kept(view: View) -> int:
    """Count the sentences in the lines that the line rules keep (paper: at least 3)."""
    return count_sentences(clean_page(view.text)[0])


def bad_words(view: View) -> int:
    """Count the different words that stand in the list bad_words (paper: none)."""
    return len(read_list("bad_words") & view.vocabulary)


def lorem_ipsum(view: View) -> int:
    """Count "lorem ipsum", the printers' filler (paper: none)."""
    return view.lower.count("lorem ipsum")


def curly_brackets(view: View) -> int:
    """Count curly brackets, the mark of code (paper: none)."""
    return view.text.count("{") + view.text.count("}")


def unterminated_lines(view: View) -> float:
    """Return the share of lines that do not end like a sentence."""
    return share_of(view.lines, unterminated)


def notice_lines(view: View) -> float:
    """Return the share of lines with a policy notice or a warning about JavaScript."""
    if "javascript" not in view.lower and not notice_line(view.lower):
        return 0.0
    return share_of(view.lines, lambda line: javascript_line(line) or notice_line(line))


C4_RULES = (
    Rule("sentences", "C4", sentences_kept, MIN_SENTENCES),
    Rule("bad_words", "C4", bad_words, most=0),
    Rule("lorem_ipsum", "C4", lorem_ipsum, most=0),
    Rule("curly_brackets", "C4", curly_brackets, most=0),
)


def main(argv: list[str] | None = None) -> int:
    """Print where the documents of a source lie on C4's measures."""
    return run_rules(C4_RULES, main.__doc__ or "", argv)


if __name__ == "__main__":
    raise SystemExit(main())
