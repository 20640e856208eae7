"""Where documents come from: the Python library, files, folders, a crawl, a pipe.

Real files are not what they seem: some are empty, some are pictures with the name .txt,
some were saved in an encoding that nobody noted, some were cut off on the way. A file
that the reader names is held to its word, and anything wrong with it ends in one clear
line. In a folder of thousands, a bad file is passed over and counted, because one
picture should not stop a night's work. Nothing is read whole that may be large.
"""

import errno
import glob
import hashlib
import json
import os
import sysconfig
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO

from ch01_data.documents import (
    BEYOND_LIMIT,
    Document,
    Reading,
    UnreadableText,
    decode,
)
from ch01_data.pages import extract_text
from ch01_data.streams import PACKED, open_stream, read_lines, read_pieces
from ch01_data.tables import read_parquet
from ch01_data.warc import PAGE_BYTES, Page, page_text, read_warc

__all__ = [
    "Document",
    "UnreadableText",
    "decode",
    "find_files",
    "read_documents",
    "read_texts",
]
TEXT_SUFFIXES_OF_PYLIB = (".py", ".txt")
NOT_PYLIB = {"site-packages", "dist-packages", "__pycache__"}
STANDARD_INPUT = "-"
CUT = "cut at the byte limit"
# What errors of the operating system are counted as.
REASONS = {
    errno.ENOENT: "missing",
    errno.EACCES: "not permitted",
    errno.ELOOP: "a circular link",
}


def read_documents(
    source: str | Path,
    *,
    limit_bytes: int | None = None,
    skipped: Counter | None = None,
    extract: Callable[[str], str] = extract_text,
) -> Iterator[Document]:
    """Yield the documents of a source, in an order that never changes.

    `source` is "pylib", a file, "-" for standard input, a folder or a glob (every file
    below it; hidden ones are left out). The ending of a file's name decides how it is
    read, .gz and .zst apart, which are unpacked:

        .jsonl          one document a line, in its field "text"
        .warc .wet      one document a page of a web archive, by `extract`
        .html .htm      one document, by `extract`
        .parquet        one document a row, in the column "text"
        anything else   one document (several if longer than 16 MiB)

    In pylib, folders and globs a file that cannot be read is counted in `skipped` by
    reason; a single file raises. So is a record or row that holds no text. With
    `limit_bytes`, files are drawn in the order of a hash of their names until the limit
    is reached, so that a small sample is still a fair one.

    Raises:  ValueError or OSError if the source is missing, empty, binary, damaged, not
             UTF-8, or holds no document that could be read.
    """
    source, skipped = str(source), Counter() if skipped is None else skipped
    options = (source, skipped, extract, limit_bytes)
    if source == STANDARD_INPUT:
        yield from _read_file(None, "stdin", *options)
        return
    root, paths = find_files(source)
    if root is None:
        yield from _read_file(paths[0], paths[0].name, *options)
        return
    found = 0
    for path in _sample(paths, root, limit_bytes, skipped):
        name = _name(path, root)
        try:
            for document in _read_file(path, name, *options):
                found += 1
                yield document
        except (ValueError, OSError) as error:
            skipped[_reason(error)] += 1
    if not found:
        why = ", ".join(f"{count} {reason}" for reason, count in skipped.items())
        raise ValueError(
            f"no readable text in {source} ({why or 'no files there'}); "
            "name a UTF-8 text file, a .jsonl file or a folder of them"
        )


def read_texts(source: str | Path) -> Iterator[str]:
    """Yield the texts of a source, a JSONL shard for example, and nothing else."""
    return (document.text for document in read_documents(source))


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return REASONS.get(error.errno, "unreadable")
    return getattr(error, "reason", type(error).__name__)


# --- which files ---------------------------------------------------------------------


def find_files(source: str) -> tuple[Path | None, list[Path]]:
    """Return the folder that names are relative to (one file: None) and the files."""
    if source == "pylib":
        root = Path(sysconfig.get_path("stdlib"))
        suffixes = TEXT_SUFFIXES_OF_PYLIB
        return root, [path for path in _walk(root) if path.suffix in suffixes]
    path = Path(source).expanduser()
    if path.is_dir():
        return path, _walk(path)
    if path.exists():
        if not path.is_file():
            raise ValueError(f"{source} is neither a file nor a folder")
        return None, [path]
    if glob.has_magic(source):
        files = _matches(source)
        common = os.path.commonpath([file.parent for file in files]) if files else "."
        return Path(common), files
    raise ValueError(f"no such file or folder: {source}; check the path, or use pylib")


def _walk(root: Path) -> list[Path]:
    """Return all files below a folder, sorted; no hidden ones, no linked folders.

    A link that leads nowhere, or round in a circle, is named too: reading it fails, and
    that is counted.
    """
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [n for n in folders if n not in NOT_PYLIB and n[0] != "."]
        found += [Path(folder, name) for name in names if name[0] != "."]
    return sorted(path for path in found if path.is_file() or path.is_symlink())


def _matches(pattern: str) -> list[Path]:
    """Return the files of a glob, each once however many links lead to it."""
    once: dict[str, Path] = {}
    for match in sorted(glob.glob(pattern, recursive=True), key=lambda m: (len(m), m)):
        if os.path.isfile(match):
            once.setdefault(os.path.realpath(match), Path(match))
    return sorted(once.values())


def _name(path: Path, root: Path) -> str:
    """Return the path below the root, with bytes that are not UTF-8 spelled out."""
    name = path.relative_to(root).as_posix()
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _sample(
    paths: list[Path], root: Path, limit_bytes: int | None, skipped: Counter
) -> list[Path]:
    """Return files of about `limit_bytes` together, drawn by name, in sorted order."""
    if limit_bytes is None:
        return paths

    def draw(path: Path) -> bytes:
        return hashlib.sha256(_name(path, root).encode()).digest()

    kept, total = [], 0
    for path in sorted(paths, key=draw):
        total += _size(path)
        if total > limit_bytes and kept:
            break
        kept.append(path)
    if len(kept) < len(paths):
        skipped[BEYOND_LIMIT] += len(paths) - len(kept)
    return sorted(kept)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # it vanished, or is a link to nowhere: reading it will say so
        return 0


# --- one file ------------------------------------------------------------------------


def _read_file(
    path: Path | None,
    name: str,
    source: str,
    skipped: Counter,
    extract: Callable[[str], str],
    limit_bytes: int | None,
) -> Iterator[Document]:
    """Yield the documents of one file, or of standard input for None."""
    title = "standard input" if path is None else str(path)
    with open_stream(path) as stream:
        reading = Reading(stream, title, name, source, skipped, extract, limit_bytes)
        kind = _kind_of_input(stream) if path is None else _kind_of_name(path)
        with closing(READERS.get(kind, _read_text)(reading)) as documents:
            yield from documents


def _kind_of_name(path: Path) -> str:
    """Return the ending of a name in small letters, without .gz or .zst."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    while suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _kind_of_input(stream: BinaryIO) -> str:
    """Tell from its first bytes what comes through a pipe, which has no name."""
    head = stream.peek(512)[:512].lstrip().lower()
    if head.startswith(b"warc/"):
        return ".warc"
    if head.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return ".html"
    return ".jsonl" if head.startswith(b'{"') else ""


def _read_text(reading: Reading) -> Iterator[Document]:
    limit = reading.limit_bytes
    for offset, data in read_pieces(reading.stream):
        beyond = limit is not None and offset + len(data) > limit
        if beyond:
            reading.skipped[CUT] += 1
        if offset and offset == limit:
            return
        if offset and not data.strip():
            continue
        text = decode(data, reading.title, offset)
        if beyond:
            text = text.encode("utf-8")[: limit - offset].decode("utf-8", "ignore")
        name = f"{reading.name}#{offset}" if offset else reading.name
        yield Document(text, name, source=reading.source)
        if beyond:
            return


def _read_html(reading: Reading) -> Iterator[Document]:
    data = reading.stream.read(PAGE_BYTES + 1)
    if not data:
        raise UnreadableText("empty", f"{reading.title} is empty (0 bytes)")
    page = Page(reading.name, None, data, "text/html")
    text = page_text(page, reading.title, reading)
    yield Document(text, reading.name, source=reading.source)


def _read_jsonl(reading: Reading) -> Iterator[Document]:
    limit, total, found = reading.limit_bytes, 0, 0
    title, source = reading.title, reading.source
    for number, line in read_lines(reading.stream, title):
        row = _parse(decode(line, f"{title} line {number}"), title, number)
        total += len(line)
        if limit is not None and total > limit and found:
            reading.skipped[BEYOND_LIMIT] += 1
            continue
        found += 1
        given = str(row.get("id") or f"{reading.name}:{number}")
        url, log_prob = _typed(row, "url", str), _typed(row, "log_prob", float)
        yield Document(row["text"], given, url, source, log_prob)
    if not found:
        raise UnreadableText("empty", f"{title} has no documents; each line is one")


def _typed(row: dict, field: str, kind: type) -> Any:
    """Return a field if it is of this type, else None."""
    return row[field] if isinstance(row.get(field), kind) else None


def _parse(line: str, title: str, number: int) -> dict:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UnreadableText(
            "invalid JSON", f"{title} line {number} is not JSON: {error}"
        ) from error
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        raise UnreadableText(
            "no text field", f'{title} line {number} has no field "text" with a string'
        )
    if "\\ud" in line.lower():  # half a surrogate pair, which UTF-8 cannot hold
        row["text"] = row["text"].encode("utf-8", "replace").decode("utf-8")
    return row


READERS: dict[str, Callable[[Reading], Iterator[Document]]] = {
    ".jsonl": _read_jsonl,
    ".warc": read_warc,
    ".wet": read_warc,
    ".html": _read_html,
    ".htm": _read_html,
    ".xhtml": _read_html,
    ".parquet": read_parquet,
}
