"""Lines that stand in many documents: menus, licences, footers, and their removal.

Two pages about different things share "Sign up for our newsletter". No comparison of
whole documents finds that; a count of every line over the whole corpus does, and so for
paragraphs and sentences. A piece counts once a document, however often the document
says it, and its words count, not the spaces between them.

A corpus has too many different lines to count in memory. Each line is a number of 8
bytes, and the numbers are dealt out to 64 files by their first six bits. Equal lines
fall into one file, so that each file is sorted and counted by itself, and in memory is
a 64th of it all.
"""

import argparse
import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from ch01_data.files import run_command
from ch01_data.shingles import Reread, in_batches, span_hashes, word_hashes
from ch01_data.sources import read_texts

Run = Callable[[Callable, Iterable], Iterable]  # like map: results in the same order
FILE_BITS = 6
# What stands between two pieces; a group would be cut out too, so there is none.
BETWEEN = {
    "line": r"\n",
    "paragraph": r"\n(?:[^\S\n]*\n)+",
    "sentence": r"(?<=[.!?])\s+",
}


def split_pieces(text: str, unit: str = "line") -> list[str]:
    """Return pieces and what is between them in turn; joined, they are the text.

    Raises:  ValueError if the unit is not line, paragraph or sentence.
    """
    if unit not in BETWEEN:
        raise ValueError(f"unit is {unit!r}, must be one of {', '.join(BETWEEN)}")
    return re.split(f"({BETWEEN[unit]})", text)


def piece_hashes(pieces: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return a number of 64 bits for each piece, and how many words it has.

    Pieces of the same words have the same number, whatever the spaces; no words, 0.
    """
    words, bounds = word_hashes(pieces)
    return span_hashes(words, bounds[:-1], bounds[1:]), np.diff(bounds)


def document_pieces(
    texts: Iterable[str],
    unit: str = "line",
    min_words: int = 1,
    spare: Callable[[str], bool] | None = None,
) -> np.ndarray:
    """Return the numbers of all pieces of at least `min_words`, once a document.

    Stripped pieces for which `spare` holds are not counted.
    """
    found = [split_pieces(text, unit)[::2] for text in texts]
    if spare is not None:
        found = [[p for p in pieces if not spare(p.strip())] for pieces in found]
    hashes, n_words = piece_hashes([piece for pieces in found for piece in pieces])
    document = np.repeat(np.arange(len(found)), [len(pieces) for pieces in found])
    counted = n_words >= max(min_words, 1)
    hashes, document = hashes[counted], document[counted]
    order = np.lexsort((hashes, document))
    hashes, document = hashes[order], document[order]
    again = (hashes[1:] == hashes[:-1]) & (document[1:] == document[:-1])
    return hashes[np.concatenate([[True], ~again])[: len(hashes)]]


def frequent_pieces(
    batches: Iterable[Iterable[str]],
    more_than: int,
    *,
    unit: str = "line",
    min_words: int = 1,
    spare: Callable[[str], bool] | None = None,
    folder: str | Path | None = None,
    run: Run = map,
) -> np.ndarray:
    """Return the numbers, in order, of pieces that more than so many documents have.

    Raises:  ValueError if `more_than` is below 1.
    """
    if more_than < 1:
        raise ValueError(f"more_than is {more_than}, must be at least 1 document")
    count = partial(document_pieces, unit=unit, min_words=min_words, spare=spare)
    return frequent_numbers(run(count, batches), more_than, folder)


def frequent_numbers(
    parts: Iterable[np.ndarray], more_than: int, folder: str | Path | None = None
) -> np.ndarray:
    """Return the numbers of 64 bits, in order, that stand in the parts more often.

    The working files, 8 bytes a number, lie below `folder` and are gone at the end.
    """
    with tempfile.TemporaryDirectory(prefix="lines-", dir=folder) as scratch:
        paths = [Path(scratch, f"part-{part:02}") for part in range(1 << FILE_BITS)]
        with ExitStack() as stack:
            files = [stack.enter_context(open(path, "wb")) for path in paths]
            for hashes in map(np.sort, parts):
                first = np.arange(len(files) + 1, dtype=np.uint64)
                first = first[:-1] << np.uint64(64 - FILE_BITS)
                edges = [*np.searchsorted(hashes, first), len(hashes)]
                for file, (begin, end) in zip(files, pairwise(edges), strict=True):
                    file.write(hashes[begin:end].tobytes())
        return np.concatenate([_seen_often(path, more_than) for path in paths])


def _seen_often(path: Path, more_than: int) -> np.ndarray:
    values = np.sort(np.fromfile(path, dtype=np.uint64))
    # In order, a value that is seen n + 1 times stands n places further on once more.
    return np.unique(values[more_than:][values[more_than:] == values[:-more_than]])


def drop_pieces(
    texts: Sequence[str],
    frequent: np.ndarray,
    *,
    unit: str = "line",
    spare: Callable[[str], bool] | None = None,
) -> list[str]:
    """Return the texts without the frequent pieces and what stands behind each.

    Stripped pieces for which `spare` holds stay.
    """
    found = [split_pieces(text, unit) for text in texts]
    hashes, n_words = piece_hashes([piece for pieces in found for piece in pieces[::2]])
    dropped = np.isin(hashes, frequent) & (n_words > 0)
    kept, place = [], 0
    for pieces in found:
        marks = dropped[place : place + len(pieces[::2])].tolist()
        place += len(marks)
        if spare is not None:
            marks = [m and not spare(p.strip()) for m, p in zip(marks, pieces[::2])]
        between = [*pieces[1::2], ""]
        kept.append("".join(_kept(pieces[::2], between, marks)))
    return kept


def _kept(pieces: list[str], between: list[str], marks: list[bool]) -> list[str]:
    return [p + b for p, b, mark in zip(pieces, between, marks) if not mark]


def main(argv: list[str] | None = None) -> int:
    """Print the lines of a source that many documents have, with their number."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--source", required=True, help="pylib, a file, folder or glob")
    parser.add_argument("--more-than", type=int, default=10, help="documents")
    parser.add_argument("--unit", default="line", choices=tuple(BETWEEN))
    parser.add_argument("--min-words", type=int, default=4, help="shorter ones pass")
    parser.add_argument("--show", type=int, default=20, help="print so many of them")
    arguments = parser.parse_args(argv)

    def command() -> None:
        unit = arguments.unit
        texts = Reread(partial(read_texts, arguments.source))
        batches = Reread(partial(in_batches, texts))
        found = frequent_pieces(
            batches, arguments.more_than, unit=unit, min_words=arguments.min_words
        )
        shown: set[str] = set()
        for text in texts:
            if len(shown) >= arguments.show:
                break
            pieces = split_pieces(text, unit)[::2]
            for piece, often in zip(pieces, np.isin(piece_hashes(pieces)[0], found)):
                name = " ".join(piece.split())
                if often and name not in shown and len(shown) < arguments.show:
                    shown.add(name)
                    print(name)
        print(f"{len(found):,} {unit}s in more than {arguments.more_than} documents")

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
