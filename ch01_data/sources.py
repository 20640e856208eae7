"""Where documents come from: the Python library, text files, JSON lines, folders.

Real files are not what they seem: some are empty, some are pictures with the name .txt,
some were saved in an encoding that nobody noted. A file that the reader names is held
to its word, and anything wrong with it ends in one clear line. In a folder of
thousands, a bad file is passed over and counted, because one picture should not stop a
night's work.
"""

import glob
import hashlib
import json
import os
import sysconfig
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

TEXT_SUFFIXES_OF_PYLIB = (".py", ".txt")
NOT_PYLIB = {"site-packages", "dist-packages", "__pycache__"}
MAX_CONTROL_SHARE = 0.01  # of the first bytes; real text has next to none
BYTES_TO_JUDGE = 1 << 16
CONTROLS = bytes(set(range(32)) - set(b"\t\n\f\r\x1b"))  # not what text may hold
BEYOND_LIMIT = "beyond the byte limit"
KNOWN_BEGINNINGS = {
    b"\x1f\x8b": "gzip data",
    b"\x28\xb5\x2f\xfd": "zstandard data",
    b"PK\x03\x04": "a zip archive",
    b"PAR1": "a parquet table",
    b"%PDF": "a PDF",
    b"\x89PNG": "a PNG picture",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}


@dataclass(frozen=True)
class Document:
    """A text and where it came from. `id` is unique within its source.

    Units:  log_prob, the exact ln P(text) where the text's origin is known, in nats.
    """

    text: str
    id: str
    url: str | None = None
    source: str | None = None
    log_prob: float | None = None


def read_documents(
    source: str | Path,
    *,
    limit_bytes: int | None = None,
    skipped: Counter | None = None,
) -> Iterator[Document]:
    """Yield the documents of a source, in an order that never changes.

    `source` is "pylib", a .jsonl file (one document a line, in its field "text"), any
    other file (one document), a folder or a glob (every file below it; hidden ones are
    left out). In pylib, folders and globs a file that cannot be read is counted in
    `skipped` by reason; a single file raises. With `limit_bytes`, files are drawn in
    the order of a hash of their names until the limit is reached, so that a small
    sample is still a fair one.

    Raises:  ValueError or OSError if the source is missing, empty, binary, not UTF-8,
             or holds no document that could be read.
    """
    source, skipped = str(source), Counter() if skipped is None else skipped
    root, paths = find_files(source)
    read = partial(_read_file, source=source, limit_bytes=limit_bytes, skipped=skipped)
    if root is None:
        yield from read(paths[0], paths[0].name)
        return
    found = 0
    for path in _sample(paths, root, limit_bytes, skipped):
        name = path.relative_to(root).as_posix()
        try:
            for document in read(path, name):
                found += 1
                yield document
        except (ValueError, OSError) as error:
            skipped[getattr(error, "reason", type(error).__name__)] += 1
    if not found:
        why = ", ".join(f"{count} {reason}" for reason, count in skipped.items())
        raise ValueError(
            f"no readable text in {source} ({why or 'no files there'}); "
            "name a UTF-8 text file, a .jsonl file or a folder of them"
        )


def read_texts(source: str | Path) -> Iterator[str]:
    """Yield the texts of a source, a JSONL shard for example, and nothing else."""
    return (document.text for document in read_documents(source))


class UnreadableText(ValueError):
    """A file that is not text; `reason` is the word under which it is counted."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def decode(data: bytes, name: str) -> str:
    """Return bytes as text, held to be UTF-8 (a byte-order mark is dropped).

    Raises:  UnreadableText for no bytes, binary data, or invalid UTF-8 (which byte).
    """
    if not data:
        raise UnreadableText(
            "empty", f"{name} is empty (0 bytes); name a file with text"
        )
    head = data[:BYTES_TO_JUDGE]
    kind = next(
        (k for mark, k in KNOWN_BEGINNINGS.items() if head.startswith(mark)), ""
    )
    controls = len(head) - len(head.translate(None, CONTROLS))
    if kind or b"\0" in data or controls > MAX_CONTROL_SHARE * len(head):
        raise UnreadableText(
            "binary",
            f"{name} is a binary file ({kind or 'it has NUL or control bytes'}), "
            "not text; save it as plain UTF-8 text first",
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # utf-8-sig reports offsets behind the mark, so the mark's bytes are added back
        mark = 3 if data.startswith(b"\xef\xbb\xbf") else 0
        raise UnreadableText(
            "not UTF-8",
            f"{name} is not valid UTF-8: byte 0x{error.object[error.start]:02x} at "
            f"byte offset {error.start + mark}; save it as UTF-8, or remove that byte",
        ) from error
    if not text.strip():
        raise UnreadableText("empty", f"{name} holds nothing but white space")
    return text


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
        matches = sorted(Path(match) for match in glob.glob(source, recursive=True))
        files = [match for match in matches if match.is_file()]
        common = os.path.commonpath([file.parent for file in files]) if files else "."
        return Path(common), files
    raise ValueError(f"no such file or folder: {source}; check the path, or use pylib")


def _walk(root: Path) -> list[Path]:
    """Return all files below a folder, sorted; no hidden ones, no linked folders."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [n for n in folders if n not in NOT_PYLIB and n[0] != "."]
        found += [Path(folder, name) for name in names if name[0] != "."]
    return sorted(path for path in found if path.is_file())


def _sample(
    paths: list[Path], root: Path, limit_bytes: int | None, skipped: Counter
) -> list[Path]:
    """Return files of about `limit_bytes` together, drawn by name, in sorted order."""
    if limit_bytes is None:
        return paths

    def draw(path: Path) -> bytes:
        return hashlib.sha256(path.relative_to(root).as_posix().encode()).digest()

    kept, total = [], 0
    for path in sorted(paths, key=draw):
        total += path.stat().st_size
        if total > limit_bytes and kept:
            break
        kept.append(path)
    if len(kept) < len(paths):
        skipped[BEYOND_LIMIT] += len(paths) - len(kept)
    return sorted(kept)


def _read_file(
    path: Path, name: str, source: str, limit_bytes: int | None, skipped: Counter
) -> Iterator[Document]:
    if path.suffix == ".jsonl":
        yield from _read_jsonl(path, name, source, limit_bytes, skipped)
        return
    data = path.read_bytes()
    text = decode(data, str(path))
    if limit_bytes is not None and len(data) > limit_bytes:
        text = text.encode("utf-8")[:limit_bytes].decode("utf-8", "ignore")
        skipped["cut at the byte limit"] += 1
    yield Document(text, name, source=source)


def _read_jsonl(
    path: Path, name: str, source: str, limit_bytes: int | None, skipped: Counter
) -> Iterator[Document]:
    total, found = 0, 0
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            row = _parse(decode(line, f"{path} line {number}"), path, number)
            total += len(line)
            if limit_bytes is not None and total > limit_bytes and found:
                skipped[BEYOND_LIMIT] += 1
                continue
            found += 1
            given = str(row.get("id") or f"{name}:{number}")
            yield Document(
                row["text"], given, row.get("url"), source, row.get("log_prob")
            )
    if not found:
        raise UnreadableText("empty", f"{path} has no documents; each line is one")


def _parse(line: str, path: Path, number: int) -> dict:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UnreadableText(
            "invalid JSON", f"{path} line {number} is not JSON: {error}"
        ) from error
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        raise UnreadableText(
            "no text field", f'{path} line {number} has no field "text" with a string'
        )
    if "\\ud" in line.lower():  # half a surrogate pair, which UTF-8 cannot hold
        row["text"] = row["text"].encode("utf-8", "replace").decode("utf-8")
    return row
