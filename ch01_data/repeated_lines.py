"""Lines and spans that repeat across documents: the furniture of a web site.

A menu, a footer, "Share this story with your friends": such a line is no duplicate of a
document, and no rule about one page can see it. It shows in the count of *documents*
that hold it. Two passes over the texts: the first notes 8 bytes for each line, sorts
them and counts; the second drops. What repeats is a small set, so the second pass needs
next to no memory.

C4's rule about spans works in the same way: of each run of three sentences that occurs
more than once in the data set, all but the first go.
Source:  Raffel et al. 2020, section 2.2 (spans of three sentences).
"""

import argparse
import hashlib
import re
from array import array
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from ch01_data.files import run_command
from ch01_data.rules import is_code_line
from ch01_data.sources import read_texts

MIN_CHARACTERS = (
    15  # a shorter line, "The end." say, may repeat without being furniture
)
MIN_DOCUMENTS = 5
MIN_SHARE = 0.001  # of all documents
SPAN = 3  # sentences
_SENTENCE = re.compile(r"[.!?…]{1,9}[\"'”’)\]]{0,9}\s+|\n\s*|$")


def digest(text: str) -> int:
    """Return 64 bits that stand for this text and, in all practice, for no other."""
    data = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def common_lines(
    texts: Iterable[str],
    min_documents: int = MIN_DOCUMENTS,
    min_share: float = MIN_SHARE,
) -> frozenset[int]:
    """Return the digests of lines that stand in many documents.

    Many is `min_documents`, and at least `min_share` of all. Lines are compared without
    the space around them and in any case. Short lines do not count, nor do lines that
    look like code: a module that lost `for i in range(n):` would be no module.
    Raises:  ValueError if fewer than two documents would be many.
    """
    if min_documents < 2:
        raise ValueError(f"min_documents is {min_documents}, must be at least 2")
    n = 0

    def lines_of_documents() -> Iterator[set[int]]:
        nonlocal n
        for text in texts:
            n += 1
            yield set(map(digest, _countable(text)))

    values, counts = _count(lines_of_documents())
    many = max(min_documents, min_share * n)
    return frozenset(values[counts >= many].tolist())


def without_lines(text: str, lines: frozenset[int]) -> tuple[str, int]:
    """Return a text without the given lines, and how many were dropped."""
    kept, dropped = [], 0
    for line in text.split("\n"):
        if any(digest(key) in lines for key in _countable(line)):
            dropped += 1
        else:
            kept.append(line)
    if not dropped:
        return text, 0
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip("\n"), dropped


def _countable(text: str) -> Iterator[str]:
    """Yield the lines of a text that may be furniture, in the form that is compared."""
    for line in text.split("\n"):
        line = line.strip()
        if len(line) >= MIN_CHARACTERS and not is_code_line(line):
            yield line.casefold()


def split_sentences(text: str) -> list[str]:
    """Cut a text behind sentences and lines; joined, the parts are the text again."""
    cuts = [match.end() for match in _SENTENCE.finditer(text)]
    return [text[a:b] for a, b in zip([0, *cuts], cuts) if b > a]


def repeated_spans(texts: Iterable[str]) -> frozenset[int]:
    """Return the digests of spans of three sentences that occur more than once."""
    values, counts = _count(map(_span_digests, texts))
    return frozenset(values[counts > 1].tolist())


def drop_repeated_spans(
    texts: Iterable[str], repeated: frozenset[int]
) -> Iterator[tuple[str, int]]:
    """Yield each text without spans that came before, and how many sentences went.

    `repeated` is what repeated_spans said of these texts; the first of equal spans
    stays where it is.
    """
    seen: set[int] = set()
    for text in texts:
        sentences, again = split_sentences(text), set()
        for start, span in enumerate(_span_digests(text)):
            if span in seen:
                again.update(range(start, start + SPAN))
            elif span in repeated:
                seen.add(span)
        kept = (part for place, part in enumerate(sentences) if place not in again)
        yield ("".join(kept) if again else text), len(again)


def _span_digests(text: str) -> list[int]:
    sentences = [" ".join(part.split()) for part in split_sentences(text)]
    starts = range(len(sentences) - SPAN + 1)
    return [digest(" ".join(sentences[i : i + SPAN])) for i in starts]


def _count(groups: Iterable[Iterable[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the different numbers of all groups and how often each occurs.

    Eight bytes for each number, sorted where they lie.
    """
    numbers = array("Q")
    for group in groups:
        numbers.extend(group)
    values = np.frombuffer(numbers, dtype=np.uint64) if numbers else np.zeros(0, "u8")
    values.sort()
    opens = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    opens = opens[: len(values)]
    return values[opens], np.diff(opens, append=len(values))


def drop_common(texts: Callable[[], Iterable[str]]) -> Iterator[tuple[str, int]]:
    """Yield each text without the lines that many of the texts hold, and how many fell.

    `texts` is asked for the texts twice, so that they need not lie in memory.
    """
    lines = common_lines(texts())
    for text in texts():
        yield without_lines(text, lines)


def main(argv: list[str] | None = None) -> int:
    """Count the lines and spans of a source that repeat across its documents."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--source", required=True, help="pylib, a file, folder or glob")
    source = parser.parse_args(argv).source

    def command() -> None:
        lines = sum(dropped for _, dropped in drop_common(lambda: read_texts(source)))
        spans = repeated_spans(read_texts(source))
        found = drop_repeated_spans(read_texts(source), spans)
        sentences = sum(dropped for _, dropped in found)
        print(f"{lines:8,}  lines that stand in {MIN_DOCUMENTS} documents or more")
        print(f"{sentences:8,}  sentences in spans of {SPAN} that came before")

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
