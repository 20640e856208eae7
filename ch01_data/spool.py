"""A corpus on disk: one file of rows, and a file for each column of numbers.

A corpus may be larger than memory, and some questions need all of it at once: which
texts came before, which go to validation. They are answered by numbers, so the text
goes to disk as it comes, and one column of numbers at a time is held in memory:

    rows.jsonl    {"text": ...}\\n{"text": ...}\\n ...    read by offset
    digest.bin    16 bytes a row
    place.bin      8 bytes a row, and so on

A column of 8 bytes costs a hundredth of a byte for each byte of text. Only the process
that made a spool reads it, and its folder is removed when the work is done.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from ch01_data.sources import Document

LENGTH = "length"  # the column that every spool has: bytes of each row


def row_of(document: Document) -> bytes:
    """Return a document as one line of JSON; fields without a value are left out."""
    values = {k: v for k, v in vars(document).items() if v is not None}
    return (json.dumps(values, ensure_ascii=False) + "\n").encode("utf-8")


def document_of(row: bytes) -> Document:
    """Return the document that a line of JSON was made from."""
    return Document(**json.loads(row))


class Columns:
    """Columns of numbers in a folder, all of one length, appended batch by batch."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.count = 0
        self.types: dict[str, tuple[np.dtype, tuple[int, ...]]] = {}

    def __len__(self) -> int:
        return self.count

    def append(self, values: Mapping[str, np.ndarray]) -> None:
        """Add to every column as many numbers (or lines of numbers) as to the others.

        Raises:  ValueError if columns differ in length, or are others than before.
        """
        types = {name: (part.dtype, part.shape[1:]) for name, part in values.items()}
        lengths = {len(part) for part in values.values()}
        if len(lengths) != 1 or types != (self.types or types):
            raise ValueError(f"columns {types} of lengths {lengths}, not {self.types}")
        for name, part in values.items():
            with open(self._path(name), "ab") as file:
                file.write(np.ascontiguousarray(part).data)
        self.types = types
        self.count += lengths.pop()

    def column(self, name: str) -> np.ndarray:
        """Return a whole column; without any rows, an empty one."""
        if not self.count:
            return np.empty(0, dtype=np.int64)
        dtype, width = self.types[name]
        return np.fromfile(self._path(name), dtype=dtype).reshape(-1, *width)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.bin"


class Spool:
    """Rows of JSON with their columns, appended batch by batch and read by index."""

    def __init__(self, folder: str | Path) -> None:
        self.columns = Columns(folder)
        self.path = self.columns.folder / "rows.jsonl"
        self.path.touch()
        self._offsets: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.columns)

    def append(self, rows: list[bytes], columns: Mapping[str, np.ndarray]) -> None:
        """Add rows, and for each of them one number (or line) in every column."""
        if not rows:
            return
        lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
        self.columns.append({LENGTH: lengths, **columns})
        with open(self.path, "ab") as file:
            file.write(b"".join(rows))
        self._offsets = None

    def column(self, name: str) -> np.ndarray:
        """Return a column for all rows."""
        return self.columns.column(name)

    def rows(self, indices: Iterable[int] | None = None) -> Iterator[bytes]:
        """Yield the rows with these indices in the order given; without any, all.

        Neighbours on disk are read without seeking.
        """
        offsets, at = self._all_offsets(), 0
        with open(self.path, "rb") as file:
            for index in range(len(self)) if indices is None else indices:
                begin, end = int(offsets[index]), int(offsets[index + 1])
                if begin != at:
                    file.seek(begin)
                yield file.read(end - begin)
                at = end

    def documents(self, indices: Iterable[int] | None = None) -> Iterator[Document]:
        """Yield the documents with these indices in the order given; without any, all.

        The rows are read anew each time.
        """
        return map(document_of, self.rows(indices))

    def _all_offsets(self) -> np.ndarray:
        if self._offsets is None:
            lengths = self.column(LENGTH)
            self._offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
            np.cumsum(lengths, out=self._offsets[1:])
        return self._offsets
