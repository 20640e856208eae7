"""Rules about text: something measured, and the range in which a good text lies.

A rule is a guess about the world with a threshold in it. Keeping the measure and the
range apart lets two sets of thresholds stand beside each other (those of the papers and
those of this book, filters.py), lets a report say by how much a text failed, and lets
you draw where the texts of a corpus lie. What all rules look at is split once, into a
View.
"""

import argparse
import re
import string
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from operator import methodcaller
from typing import NamedTuple, TypeVar

from ch01_data.files import run_command
from ch01_data.sources import read_documents

CODE_SHARE = 0.3  # from this share of lines on, a text is read as code
LINES_TO_JUDGE = 100  # are enough to tell code from prose
CHARACTERS_OF_LINE = 200
PUNCTUATION = string.punctuation + "“”‘’«»„…–—¿¡。、"
ANY = (-inf, inf)  # the range of a rule that says nothing
T = TypeVar("T")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_strip = methodcaller("strip", PUNCTUATION)
# Marks that open, end or fill lines of programs and hardly ever lines of prose.
_OPENS = re.compile(
    r"[})\]@]|#(?!\w+ .*#\w)|//|/\*|>>>"
    r"|(?:def|class|import|return|elif|except|raise|yield|assert|lambda|del|async)\b"
    r"|(?:else|try|finally)\b ?:|from [\w.]+ import\b|(?:if|for|while|with)\b.*:$"
    r"|(?:pass|break|continue)$|[-+]?[\d.]+,|[\"'][^ ]*[\"'](?:[,:)]|$)"
    r"|[\"'(\d-].*,$|(?:0x)?[\da-fA-F]+:"
)
_ENDS = re.compile(r"[{}\[(\\]$|[)\]}\"'\d];$|[)\]]:$")
_FILLS = re.compile(
    r"\w\(.*\)[:,;]?$|[\w)\]][ ]?(?:[-+*/|&^%]|//|\*\*|<<|>>)?=[ ]?[\w\"'\[({-]"
    r"|[!=<>]=|->|::|&&|\|\||\bself\.\w|\w\.\w+\(|\S  +# "
)
_MARKS = ("=", "(", "->", "::", "&&", "||", "self.", "  # ")  # one is in all that fills


@dataclass(frozen=True)
class View:
    """What the rules look at: the text, its words, its lines that are not empty."""

    text: str
    words: list[str]
    lines: list[str]
    memory: dict = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, text: str) -> "View":
        """Split a text at white space into words, and into stripped lines."""
        lines = filter(None, map(str.strip, text.split("\n")))
        return cls(text, text.split(), list(lines))

    def once(self, measure: "Callable[[View], T]") -> T:
        """Return what a function says of this view, asking it only the first time."""
        if measure not in self.memory:
            self.memory[measure] = measure(self)
        return self.memory[measure]

    @cached_property
    def lower(self) -> str:
        """The text in lower case, made once for all rules that search in it."""
        return self.text.lower()

    @cached_property
    def vocabulary(self) -> set[str]:
        """The different words in lower case, without punctuation around them."""
        different = set(self.lower.split())
        bare = set(filter(str.isalnum, different))
        return bare.union(map(_strip, different - bare))

    @cached_property
    def paragraphs(self) -> list[str]:
        """What blank lines separate, stripped; none is empty."""
        parts = map(str.strip, _BLANK_LINE.split(self.text))
        return [part for part in parts if part]

    @cached_property
    def word_characters(self) -> int:
        """The characters of all words together, without the white space between."""
        return len("".join(self.words))

    @cached_property
    def is_code(self) -> bool:
        """Whether this is source code rather than prose, by the look of its lines."""
        return code_share(sampled(self.lines)) >= CODE_SHARE


class Rule(NamedTuple):
    """A named measure, and the range in which it must lie for the text to be kept.

    `source` names the paper that proposed the measure. `code` is the range for source
    code where that is wider; without it one range serves both. `bound` is never below
    the measure and found faster: where it does not exceed `most`, nobody needs the
    measure.
    """

    name: str
    source: str
    measure: Callable[[View], float]
    least: float = -inf
    most: float = inf
    code: tuple[float, float] | None = None
    bound: Callable[[View], float] | None = None

    def holds(self, view: View) -> bool:
        """Tell whether the rule speaks against the text."""
        if self.bound is not None and self.bound(view) <= self.most:
            return False
        value = self.measure(view)
        if self.least <= value <= self.most:
            return False
        if self.code is not None and view.is_code:
            return not self.code[0] <= value <= self.code[1]
        return True


def is_code_line(line: str) -> bool:
    """Tell whether a stripped line looks like a line of a program."""
    line = line[:CHARACTERS_OF_LINE]
    if _OPENS.match(line) or _ENDS.search(line[-2:]):
        return True
    return any(mark in line for mark in _MARKS) and _FILLS.search(line) is not None


def sampled(lines: list[str]) -> list[str]:
    """Return all lines, or so many of a long text as are judged, evenly spread."""
    return lines[:: -(-len(lines) // LINES_TO_JUDGE)] if lines else []


def code_share(lines: list[str]) -> float:
    """Return the share of the lines that look like code, 0 to 1; 0 without lines."""
    return share_of(lines, is_code_line)


def share_of(items: list[str], test: Callable[[str], bool]) -> float:
    """Return the share of the items that pass a test, 0 to 1; 0 without items."""
    return sum(map(test, items)) / max(len(items), 1)


def print_measures(rules: Iterable[Rule], source: str) -> None:
    """Print where the documents of a source lie on each measure, and who would fall."""
    rules = tuple(rules)
    views = [View.of(document.text) for document in read_documents(source)]
    print(f"{'rule':28}{'1 %':>9}{'50 %':>9}{'99 %':>9}   against")
    for rule in rules:
        values = sorted(view.once(rule.measure) for view in views)
        marks = (values[int(share * (len(values) - 1))] for share in (0.01, 0.5, 0.99))
        against = sum(map(rule.holds, views)) / len(views)
        print(
            f"{rule.name:28}" + "".join(f"{m:9.3g}" for m in marks), f"{against:8.1%}"
        )


def run_rules(rules: Iterable[Rule], description: str, argv: list[str] | None) -> int:
    """Run the command of a module of rules: measure the documents of a source."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--source", required=True, help="pylib, a file, folder or glob")
    source = parser.parse_args(argv).source
    return run_command(lambda: print_measures(rules, source))
