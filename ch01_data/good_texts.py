"""Good text for a crawl to bury: stories, and documentation of the Python library.

A piece of the library is what a reference page shows: a function's name and arguments,
its documentation and its code, or a few paragraphs about a module or a topic of the
language. Nobody here wrote it, and no other piece repeats it. Each kind of dirt and the
evaluation set has its own pieces, so that a page appears twice only where a duplicate
is planted. The family `tuning` has half of the pieces; the others, never fitted on, are
scored on the other half.
"""

import ast
import hashlib
import inspect
import itertools
import random
import re
import textwrap
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from ch01_data.sources import read_documents
from ch01_data.storyworld import generate

LEAST_WORDS, PART_WORDS, MOST_WORDS = 40, 160, 400
MOST_CODE_LINES = 40
SHARED_RUNS = 0.1  # of a piece's word 5-grams, with all pieces before it
LEFT_OUT = re.compile(r"(^|/)(test|tests|lib2to3|encodings)/|test_")
TOPICS = "pydoc_data/topics.py"
# How many pieces of a hundred each kind may draw on.
PIECES = {
    "clean": 35,
    "near_duplicate": 10,
    "evaluation": 10,
    "personal_data": 9,
    "blocked_url": 8,
    "url_duplicate": 8,
    "broken_html": 7,
    "exact_duplicate": 5,
    "gibberish": 3,
    "toxic": 3,
    "leak": 2,
}
_DEFINITION = re.compile(
    r"^(?P<indent> *)(?:async )?(?P<what>def|class) (?P<name>\w+)"
    r"(?P<arguments>\([^()]*\))?[^\n:]*:\n"
    r'(?P<said>\s+[rR]?"""(?P<text>.*?)"""[ ]*\n)?',
    re.MULTILINE | re.DOTALL,
)


class Piece(NamedTuple):
    """A part of the library's text. `place` is the file and where in it."""

    place: str
    text: str


def good_texts(kind: str, family: str, seed: int = 0) -> Iterator[tuple[str, str]]:
    """Yield (text, source): by turns a story and a piece of the library, no two alike.

    Kind "evaluation" gives stories of the held-out combinations.

    Raises:  ValueError when the library has no more pieces for this kind.
    """
    name = f"{seed}:{family}:{kind}"
    pieces = _pieces_for(kind, family)
    random.Random(name).shuffle(pieces)
    split = "heldout" if kind == "evaluation" else "train"
    for number, story in enumerate(generate(1 << 40, _number(name), split)):
        yield story.document, "storyworld"
        if number == len(pieces):
            raise ValueError(
                f"the Python library has {number:,} pieces of text for {kind} pages "
                f"of the family {family}: ask for fewer pages"
            )
        yield pieces[number].text, "pylib"


def _number(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=6).digest())


def _pieces_for(kind: str, family: str) -> list[Piece]:
    """Return the pieces whose place falls to this kind and family."""
    bounds = list(itertools.accumulate(PIECES.values(), initial=0))
    low = bounds[list(PIECES).index(kind)]
    mine = range(low, low + PIECES[kind])
    side = family != "tuning"
    numbers = ((_number(piece.place), piece) for piece in library_pieces())
    return [p for n, p in numbers if n % 100 in mine and n // 100 % 2 == side]


@lru_cache(maxsize=1)
def library_pieces() -> tuple[Piece, ...]:
    """Return the text of the Python library in pieces that share little.

    What tests and tables of character sets say of themselves is left out, and so is a
    piece with more than a tenth of its word 5-grams in the pieces before it.
    """
    seen: set[int] = set()
    pieces = []
    for document in read_documents("pylib"):
        if LEFT_OUT.search(document.id) or not document.id.endswith(".py"):
            continue
        for place, text in _cut(document.id, document.text):
            words = text.split()
            if not LEAST_WORDS <= len(words) <= MOST_WORDS:
                continue
            runs = {hash(tuple(words[i : i + 5])) for i in range(len(words) - 4)}
            if len(runs & seen) <= SHARED_RUNS * len(runs):
                seen |= runs
                pieces.append(Piece(f"{document.id}:{place}", text))
    return tuple(pieces)


def _cut(name: str, source: str) -> Iterator[tuple[str, str]]:
    """Yield (place, text) of what a file says about itself and what it defines."""
    if name == TOPICS:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from _parts(f"line {node.lineno}", node.value)
        return
    if about := re.match(r'(?:\s*#[^\n]*\n)*\s*[rR]?"""(.*?)"""', source, re.DOTALL):
        yield from _parts("top", inspect.cleandoc(about[1]))
    for number, match in enumerate(_DEFINITION.finditer(source)):
        yield from _parts(f"{number} {match['name']}", _shown(source, match))


def _shown(source: str, match: re.Match) -> str:
    """Return what is shown of a definition: documentation, then commented code."""
    code = "" if match["what"] == "class" else _code(source, match)
    if not match["said"]:
        return code
    head = f"{match['name']}{' '.join((match['arguments'] or '()').split())}"
    said = inspect.cleandoc(match["text"])
    return "\n\n".join(filter(None, [head, said, code]))


def _code(source: str, match: re.Match) -> str:
    """Return a function less its documentation, or "" if it is long or says nothing."""
    deeper = rf"(?: {{{len(match['indent']) + 1},}}[^\n]*\n|[ \t]*\n)*"
    body = re.compile(deeper).match(source, match.end())[0]
    commented = match["said"] or body.count("# ") >= 2
    if body.count("\n") > MOST_CODE_LINES or not commented:
        return ""
    head = match[0][: len(match[0]) - len(match["said"] or "")]
    return textwrap.dedent(head + body).strip()


def _parts(place: str, text: str) -> Iterator[tuple[str, str]]:
    """Cut a long text between paragraphs, so that each part has enough words."""
    if len(text.split()) <= MOST_WORDS:
        yield place, text.strip()
        return
    part: list[str] = []
    for number, paragraph in enumerate(re.split(r"\n\s*\n", text)):
        part.append(paragraph)
        if sum(len(p.split()) for p in part) >= PART_WORDS:
            yield f"{place} {number}", "\n\n".join(part).strip()
            part = []
