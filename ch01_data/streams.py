"""Files as streams: unpacked on the way, cut into lines or pieces, never held whole.

A gigabyte of gzip may be a megabyte on disk, and a line may never end. Whoever reads
here gets at most so many bytes at a time, and a clear error where a file is damaged.
"""

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

from ch01_data.documents import UnreadableText

PIECE_BYTES = 16 << 20  # a longer text file is read as several documents
LINE_BYTES = 64 << 20
BUFFER_BYTES = 1 << 16
PACKED = {".gz": "gzip", ".zst": "zstd"}
BEGINNINGS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


@contextmanager
def open_stream(path: Path | None) -> Iterator[BinaryIO]:
    """Open a file, or standard input for None, and unpack .gz and .zst on the way.

    Standard input has no name, so there the first bytes tell. Reading raises
    UnreadableText, with the reason "damaged", where packed data is not what its name
    says, is spoilt, or is cut off.
    """
    title = "standard input" if path is None else str(path)
    with nullcontext(sys.stdin.buffer) if path is None else open(path, "rb") as raw:
        if path is None:
            head = raw.peek(4)
            packing = next((p for m, p in BEGINNINGS.items() if head.startswith(m)), "")
        else:
            packing = PACKED.get(path.suffix.lower(), "")
        if not packing or not raw.peek(1):
            yield raw
        else:
            yield io.BufferedReader(_Unpacked(raw, packing, title), BUFFER_BYTES)


class _Unpacked(io.RawIOBase):
    """What a decompressor makes of a stream, with every error of it made plain."""

    def __init__(self, raw: BinaryIO, packing: str, title: str) -> None:
        self.title = title
        if packing == "gzip":
            self.inner = gzip.GzipFile(fileobj=raw)
        else:
            from pyarrow import CompressedInputStream

            self.inner = CompressedInputStream(raw, packing)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        try:
            data = self.inner.read1(len(buffer))
        except (OSError, EOFError, zlib.error) as error:
            raise UnreadableText(
                "damaged", f"{self.title} is damaged or cut off: {error}"
            ) from error
        buffer[: len(data)] = data
        return len(data)


def read_lines(stream: BinaryIO, title: str) -> Iterator[tuple[int, bytes]]:
    """Yield (number, line) from 1 on, without the empty lines.

    Raises:  UnreadableText for a line longer than 64 MiB.
    """
    number = 0
    while line := stream.readline(LINE_BYTES + 1):
        number += 1
        if len(line) > LINE_BYTES:
            raise UnreadableText(
                "line too long",
                f"{title} line {number} is longer than {LINE_BYTES >> 20} MiB; "
                "put each document on a line of its own",
            )
        if line.strip():
            yield number, line


def read_pieces(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, bytes) of at most 16 MiB, cut behind a line or between characters.

    A file of no bytes is one empty piece.
    """
    offset, rest, first = 0, b"", True
    while (data := rest + stream.read(PIECE_BYTES - len(rest))) or first:
        cut = len(data)
        if len(data) == PIECE_BYTES and stream.peek(1):
            cut = data.rfind(b"\n") + 1 or _character_end(data)
        yield offset, data[:cut]
        offset, rest, first = offset + cut, data[cut:], False


def _character_end(data: bytes) -> int:
    """Return where the last whole UTF-8 character ends, or just before it."""
    place = len(data)
    while place > len(data) - 4 and data[place - 1] & 0xC0 == 0x80:
        place -= 1
    return place - 1 if data[place - 1] >= 0xC0 else len(data)
