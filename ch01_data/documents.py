"""A document, a file on its way in, and bytes that turn out to be no text."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

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


@dataclass(frozen=True)
class Reading:
    """A file that is being read: its bytes, its names, and where skips are counted.

    `title` is what a message calls it, `name` what the ids of its documents begin with.
    `extract` turns a page of HTML into its text.
    """

    stream: BinaryIO
    title: str
    name: str
    source: str
    skipped: Counter
    extract: Callable[[str], str]
    limit_bytes: int | None = None


class UnreadableText(ValueError):
    """A file that is not text; `reason` is the word under which it is counted."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def decode(data: bytes, name: str, offset: int = 0) -> str:
    """Return bytes as text, held to be UTF-8 (a byte-order mark is dropped).

    `offset` is where in the file these bytes begin, for the message.

    Raises:  UnreadableText for no bytes, binary data, or invalid UTF-8 (which byte).
    """
    if not data:
        raise UnreadableText(
            "empty", f"{name} is empty (0 bytes); name a file with text"
        )
    marks = () if offset else KNOWN_BEGINNINGS
    kind = next((KNOWN_BEGINNINGS[m] for m in marks if data.startswith(m)), "")
    if kind or b"\0" in data or _control_share(data) > MAX_CONTROL_SHARE:
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
            f"byte offset {offset + error.start + mark}; save it as UTF-8, or remove "
            "that byte",
        ) from error
    if not text.strip():
        raise UnreadableText("empty", f"{name} holds nothing but white space")
    return text


def _control_share(data: bytes) -> float:
    head = data[:BYTES_TO_JUDGE]
    return 1 - len(head.translate(None, CONTROLS)) / len(head)
