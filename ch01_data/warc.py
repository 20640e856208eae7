"""Web archives: the pages of a WARC file, the texts of a WET file, one at a time.

A WARC file is a row of records, each a few headers, a length and so many bytes; a
`response` holds what a server sent, a `conversion` (in WET files) the text made of it.
warcio reads the headers and undoes chunks. It does not complain about a file that is
cut off, a length that is wrong, or a packed page that is spoilt: that is checked here.
"""

import re
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, NamedTuple

from ch01_data.charsets import decode_page
from ch01_data.documents import CONTROLS, Document, Reading, UnreadableText

PAGE_BYTES = 8 << 20  # a longer page is no page
RECORD_BYTES = 256 << 20  # what is longer is not even unpacked
LINE_BYTES = 1 << 20  # of a header
# How a server may have packed a page, and zlib's numbers for it.
ENCODINGS = {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}
PAGE_TYPES = ("text/html", "application/xhtml+xml", "text/plain")


class Page(NamedTuple):
    """What a server sent for an address: the body, unpacked, and its content type."""

    id: str
    url: str | None
    body: bytes
    content_type: str


def read_warc(reading: Reading) -> Iterator[Document]:
    """Yield the texts of a web archive's pages; what is no page is counted.

    The id of a document is the WARC-Record-ID, without the angle brackets.

    Raises:  UnreadableText where the file is damaged, cut off or no web archive.
    """
    found = 0
    for where, record in _records(reading.stream, reading.title):
        page, text = None, ""
        with _counted(reading.skipped):
            page = _page(record)
        _skip_rest(record, where)
        if page is None:
            continue
        with _counted(reading.skipped):
            text = page_text(page, where, reading)
        if text:
            found += 1
            yield Document(text, page.id, page.url, reading.source)
    if not found:
        raise UnreadableText("empty", f"{reading.title} holds no page with text")


@contextmanager
def _counted(skipped: Counter) -> Iterator[None]:
    """Count what cannot be read, and go on."""
    try:
        yield
    except UnreadableText as error:
        skipped[error.reason] += 1


def page_text(page: Page, title: str, reading: Reading) -> str:
    """Return the text of a page: HTML is decoded and extracted, plain text decoded.

    Raises:  UnreadableText for a page that is too long, binary, or without text.
    """
    if len(page.body) > PAGE_BYTES:
        raise UnreadableText("too long", f"{title} is longer than {PAGE_BYTES} bytes")
    text = decode_page(page.body, title, page.content_type)
    if "plain" not in page.content_type:
        text = reading.extract(text)
    if not text.strip():
        raise UnreadableText("no text", f"{title} has no running text")
    return text


def _records(stream: BinaryIO, title: str) -> Iterator[tuple[str, Any]]:
    """Yield (where, warcio's record); each must be read to its end before the next."""
    from warcio.exceptions import ArchiveLoadFailed
    from warcio.recordloader import ArcWarcRecordLoader

    loader, lines, number = ArcWarcRecordLoader(arc2warc=False), _Lines(stream), 0
    while first := _first_line(lines):
        number += 1
        where = f"{title} record {number}"
        if not re.fullmatch(rb"WARC/[\d.]+\s*", first):
            raise UnreadableText(
                "damaged", f"{where} begins with {first[:40]!r}, not with WARC/1.0"
            )
        try:
            record = loader.parse_record_stream(lines, first, "warc", True)
        except (ArchiveLoadFailed, EOFError) as error:
            raise UnreadableText("damaged", f"{where} has no header") from error
        given = record.rec_headers.get_header("Content-Length") or ""
        if not given.strip().isdecimal() or len(given) > 15:
            raise UnreadableText(
                "damaged", f"{where} has the Content-Length {given[:40]!r}, no number"
            )
        yield where, record
        if lines.readline().strip():
            raise UnreadableText(
                "damaged", f"{where} goes on behind its end: wrong Content-Length"
            )


class _Lines:
    """A stream whose lines have a limit, so that no header can fill the memory."""

    def __init__(self, stream: BinaryIO) -> None:
        self.read, self._readline = stream.read, stream.readline

    def readline(self, size: int | None = None) -> bytes:
        return self._readline(min(size or LINE_BYTES, LINE_BYTES))


def _first_line(lines: _Lines) -> bytes:
    """Return the next line that is not empty, or nothing at the end of the file."""
    while (line := lines.readline()) and not line.strip():
        pass
    return line


def _skip_rest(record: Any, where: str) -> None:
    while record.raw_stream.read(1 << 20):
        pass
    if missing := record.raw_stream.limit:
        raise UnreadableText(
            "damaged", f"{where} is cut off: {missing} bytes are missing"
        )


def _page(record: Any) -> Page | None:
    """Return what a response or conversion holds; None for other records.

    Raises:  UnreadableText for an answer that is no page, or without a page.
    """
    kind = record.rec_type
    if kind not in ("response", "resource", "conversion"):
        return None
    name = (record.rec_headers.get_header("WARC-Record-ID") or "no id").strip("<> ")
    url = record.rec_headers.get_header("WARC-Target-URI")
    content_type = record.rec_headers.get_header("Content-Type") or ""
    if record.length > RECORD_BYTES:
        raise UnreadableText("too long", f"{name} is longer than {RECORD_BYTES} bytes")
    if kind == "response" and (url or "").startswith(("http:", "https:")):
        content_type = _read_answer(record, name)
    if kind == "conversion":
        content_type = "text/plain; charset=utf-8"
    body = _body(record, name)
    if not content_type and b"<" in body[:512]:
        content_type = "text/html"
    if not content_type.lower().startswith(PAGE_TYPES):
        raise UnreadableText("not a page", f"{name} is {content_type or 'of no type'}")
    return Page(name, url, body, content_type.lower())


def _read_answer(record: Any, name: str) -> str:
    """Read the HTTP header of a response and return its content type.

    Raises:  UnreadableText where it is broken, or says anything but 200.
    """
    from warcio.recordloader import ArcWarcRecordLoader

    try:
        parser = ArcWarcRecordLoader(verify_http=False).http_parser
        record.http_headers = parser.parse(record.raw_stream)
    except EOFError as error:
        raise UnreadableText("no HTTP header", f"{name} is empty") from error
    status = record.http_headers.get_statuscode()
    if not (record.http_headers.protocol.startswith("HTTP/") and status.isdecimal()):
        raise UnreadableText("no HTTP header", f"{name} begins without HTTP header")
    if status != "200":
        raise UnreadableText(f"HTTP {status[:3]}", f"{name} was answered with {status}")
    return record.http_headers.get_header("Content-Type") or ""


def _body(record: Any, name: str) -> bytes:
    """Return what a record holds, without chunks and unpacked, up to the page limit.

    Raises:  UnreadableText where it is packed in a way that is not known, or spoilt.
    """
    from warcio.bufferedreaders import ChunkedDataReader

    stream, headers = record.raw_stream, record.http_headers
    if headers and (headers.get_header("Transfer-Encoding") or "").lower() == "chunked":
        stream = ChunkedDataReader(stream)
    body = stream.read(PAGE_BYTES + 1)
    encoding = (headers and headers.get_header("Content-Encoding")) or "identity"
    if encoding.lower() == "identity":
        return body
    return _unpacked(body, encoding.lower(), name)


def _unpacked(body: bytes, encoding: str, name: str) -> bytes:
    """Unpack a body. What its crawler has unpacked already is returned as it is."""
    if encoding not in ENCODINGS:
        raise UnreadableText("unknown encoding", f"{name} is packed as {encoding[:40]}")
    for number in ENCODINGS[encoding]:
        with suppress(zlib.error):
            packed = zlib.decompressobj(number)
            data = packed.decompress(body, PAGE_BYTES + 1)
            if packed.eof or len(data) > PAGE_BYTES:
                return data
    if set(body[:512]) & set(CONTROLS):
        raise UnreadableText("damaged page", f"{name} is no whole {encoding} data")
    return body
