"""Readers: every format gives back what was written, and bad files are counted."""

import gzip
import io
import json
import os
import subprocess
import sys
import tempfile
import tracemalloc
import zlib
from collections import Counter
from pathlib import Path

import fastwarc
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from ch01_data import pages, streams
from ch01_data.charsets import decode_page, page_charset
from ch01_data.crawl import CrawlConfig, make_crawl
from ch01_data.documents import UnreadableText
from ch01_data.extraction import main as extraction_main
from ch01_data.extraction import read_crawl, score_extractor, token_f1
from ch01_data.pages import extract_text, naive_extract_text
from ch01_data.sources import Document, find_files, read_documents
from ch01_data.storyworld import generate

TEXTS = [story.text for story in generate(30, 9, "train")] + [
    "Zoë said: \u201cnaïve\u201d\n\n漢字 🙂\ttab & <angle>",
    " leading and trailing white space \n\n",
]


def zstd(data, frames=1):
    size = -(-len(data) // frames)
    parts = [data[i : i + size] for i in range(0, len(data), size)]
    return b"".join(pyarrow.compress(p, codec="zstd", asbytes=True) for p in parts)


def jsonl(texts):
    rows = [{"text": text, "id": f"n{i}"} for i, text in enumerate(texts)]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def table(texts, **columns):
    sink = io.BytesIO()
    columns = {"text": texts, **columns}
    pyarrow.parquet.write_table(pyarrow.table(columns), sink, row_group_size=7)
    return sink.getvalue()


def warc(bodies, kind="response", packed=True, content_type="text/html; charset=utf-8"):
    """Write records with warcio, as any crawler would."""
    sink = io.BytesIO()
    writer = WARCWriter(sink, gzip=packed)
    for number, body in enumerate(bodies):
        http = StatusAndHeaders(
            "200 OK", [("Content-Type", content_type)], protocol="HTTP/1.1"
        )
        writer.write_record(
            writer.create_warc_record(
                f"https://a.example/{number}",
                kind,
                payload=io.BytesIO(body),
                length=len(body),
                http_headers=http if kind == "response" else None,
                warc_content_type="" if kind == "response" else "text/plain",
                warc_headers_dict={"WARC-Record-ID": f"<urn:x:{number}>"},
            )
        )
    return sink.getvalue()


def html(text):
    paragraphs = "".join(f"<p>{p}</p>" for p in text.split("\n\n"))
    return f"<html><body><main>{paragraphs}</main></body></html>"


STORIES = [text.replace("\n\n", "\n") for text in TEXTS[:30]]  # one line a paragraph
WETS = [text.encode() for text in TEXTS]
PAGES = [html(text).encode() for text in TEXTS[:30]]
FORMATS = {
    "a.jsonl": (jsonl(TEXTS), TEXTS),
    "a.jsonl.gz": (gzip.compress(jsonl(TEXTS)), TEXTS),
    "a.JSONL.GZ": (b"".join(map(gzip.compress, jsonl(TEXTS).splitlines(True))), TEXTS),
    "a.jsonl.zst": (zstd(jsonl(TEXTS)), TEXTS),
    "frames.jsonl.zst": (zstd(jsonl(TEXTS), 5), TEXTS),
    "a.parquet": (table(TEXTS), TEXTS),
    "a.txt": (TEXTS[30].encode(), [TEXTS[30]]),
    "a.txt.gz": (gzip.compress(TEXTS[30].encode()), [TEXTS[30]]),
    "noending": (TEXTS[3].encode(), [TEXTS[3]]),
    "a.html": (PAGES[0], [STORIES[0]]),
    "a.htm": (PAGES[1], [STORIES[1]]),
    "a.warc": (warc(PAGES, packed=False), STORIES),
    "a.warc.gz": (warc(PAGES), STORIES),
    "one-member.warc.gz": (gzip.compress(warc(PAGES, packed=False)), STORIES),
    "a.wet": (warc(WETS, "conversion", packed=False), TEXTS),
    "a.warc.wet.gz": (warc(WETS, "conversion"), TEXTS),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_back_its_texts(name, tmp_path):
    data, texts = FORMATS[name]
    (tmp_path / name).write_bytes(data)
    found = list(read_documents(tmp_path / name))
    assert [document.text for document in found] == texts
    assert len({document.id for document in found}) == len(texts)
    in_folder = list(read_documents(tmp_path))
    assert [d.text for d in in_folder] == texts
    in_glob = list(read_documents(str(tmp_path / "*")))
    assert [d.text for d in in_glob] == texts


class Pipe(io.RawIOBase):
    """Bytes that come a few at a time and cannot be wound back."""

    def __init__(self, data):
        self.inner = io.BytesIO(data)

    def readable(self):
        return True

    def readinto(self, buffer):
        data = self.inner.read(min(len(buffer), 700))
        buffer[: len(data)] = data
        return len(data)


@pytest.mark.parametrize("name", [n for n in FORMATS if "parquet" not in n])
def test_standard_input_is_known_by_its_first_bytes(name, monkeypatch):
    data, texts = FORMATS[name]
    stdin = io.TextIOWrapper(io.BufferedReader(Pipe(data)))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert [document.text for document in read_documents("-")] == texts


def test_a_real_pipe_is_read_too():
    program = (
        "import json; from ch01_data.sources import read_documents; "
        "print(json.dumps([d.text for d in read_documents('-')]))"
    )
    data, texts = FORMATS["a.warc.gz"]
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, input=data, capture_output=True, check=True)
    assert json.loads(done.stdout) == texts


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=1))
def test_any_text_survives_jsonl_and_parquet(texts):
    packed = {"a.jsonl.zst": zstd(jsonl(texts)), "a.parquet": table(texts)}
    rows = [text for text in texts if text.strip()]
    for name, data in packed.items():
        wanted = texts if "jsonl" in name else rows
        if not wanted:
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, name)
            path.write_bytes(data)
            assert [d.text for d in read_documents(path)] == wanted


# --- parity with the field's readers -------------------------------------------------


@pytest.fixture(scope="module")
def crawl(tmp_path_factory):
    return make_crawl(CrawlConfig(str(tmp_path_factory.mktemp("crawl")), 200))


def test_pages_of_a_crawl_are_those_that_warcio_and_fastwarc_find(crawl):
    ours = {d.id: (d.url, d.text) for d in read_documents(crawl.warc, extract=str)}
    for found in (by_warcio(crawl), by_fastwarc(crawl)):
        assert {name: (url, text) for name, url, text in found} == ours
    assert len(ours) == 200


def by_warcio(crawl):
    for path in crawl.warc_paths:
        with open(path, "rb") as file:
            for record in ArchiveIterator(file, check_digests=True):
                http = record.http_headers
                if record.rec_type != "response" or http.get_statuscode() != "200":
                    continue
                content_type = http.get_header("Content-Type")
                body = record.content_stream().read()
                assert record.digest_checker.passed
                if content_type.startswith("text/html"):
                    name = record.rec_headers.get_header("WARC-Record-ID")
                    url = record.rec_headers.get_header("WARC-Target-URI")
                    yield name[1:-1], url, decode_page(body, "", content_type)


def by_fastwarc(crawl):
    for path in crawl.warc_paths:
        kinds = fastwarc.WarcRecordType.response
        for record in fastwarc.ArchiveIterator(str(path), record_types=kinds):
            if record.http_headers.status_code != 200:
                continue
            if record.http_content_type == "text/html":
                header = record.http_headers.get("Content-Type")
                text = decode_page(record.reader.read(), "", header)
                url = record.headers.get("WARC-Target-URI")
                yield record.record_id.strip("<>"), url, text


def test_rows_are_those_that_pyarrow_reads(tmp_path):
    urls = [f"https://a.example/{i}" if i % 3 else None for i in range(len(TEXTS))]
    data = table(TEXTS, id=list(range(len(TEXTS))), url=urls, other=[0.5] * len(TEXTS))
    path = tmp_path / "a.parquet"
    path.write_bytes(data)
    rows = pyarrow.parquet.read_table(path).to_pylist()
    assert list(read_documents(path)) == [
        Document(row["text"], str(row["id"]), row["url"], str(path)) for row in rows
    ]


# --- records -------------------------------------------------------------------------


def test_other_records_and_answers_are_counted_by_reason(crawl):
    skipped = Counter()
    found = list(read_documents(crawl.warc, skipped=skipped, extract=str))
    assert len(found) == 200
    assert skipped == {"not a page": 5, "HTTP 404": 5, "HTTP 301": 5}


def test_chunks_and_compression_of_the_server_are_undone(tmp_path):
    body = gzip.compress(PAGES[0])
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in (body[:50], body[50:]))
    http = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Encoding: gzip\r\n\r\n" + chunks + b"0\r\n\r\n"
    )
    head = (
        b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:x:1>\r\n"
        b"WARC-Target-URI: http://a.example/\r\nContent-Length: %d\r\n\r\n" % len(http)
    )
    path = tmp_path / "a.warc"
    path.write_bytes(head + http + b"\r\n\r\n")
    assert [(d.text, d.id, d.url) for d in read_documents(path)] == [
        (STORIES[0], "urn:x:1", "http://a.example/")
    ]


ENCODED = [
    ("gzip", gzip.compress(PAGES[0])),
    ("X-GZIP", gzip.compress(PAGES[0])),
    ("deflate", zlib.compress(PAGES[0])),
    ("deflate", zlib.compress(PAGES[0])[2:-4]),  # as some servers send it: raw
    ("identity", PAGES[0]),
    ("gzip", PAGES[0]),  # a crawler unpacked it and kept the header
    ("deflate", PAGES[0]),
]


@pytest.mark.parametrize(("encoding", "body"), ENCODED)
def test_a_packed_page_is_unpacked_however_it_is_packed(encoding, body, tmp_path):
    path = tmp_path / "a.warc.gz"
    header = f"text/html\r\nContent-Encoding: {encoding}"
    path.write_bytes(warc([body], content_type=header))
    assert [document.text for document in read_documents(path)] == [STORIES[0]]


def test_a_packed_page_that_is_spoilt_is_counted_and_its_neighbours_are_read(tmp_path):
    """warcio would give back the half of it that can be unpacked."""
    (tmp_path / "whole.warc").write_bytes(warc([PAGES[1]], packed=False))
    for number, body in enumerate((gzip.compress(PAGES[0])[:-20], b"\x1f\x8b\x08no")):
        path = tmp_path / f"{number}.warc"
        header = "text/html\r\nContent-Encoding: gzip"
        path.write_bytes(warc([body], packed=False, content_type=header))
    skipped = Counter()
    (found,) = read_documents(tmp_path, skipped=skipped)
    assert found.text == STORIES[1] and skipped == {"damaged page": 2, "empty": 2}


def test_plain_text_answers_are_not_extracted(tmp_path):
    path = tmp_path / "a.warc.gz"
    path.write_bytes(warc([b"if a <b and c> d:"], content_type="text/plain"))
    assert [d.text for d in read_documents(path)] == ["if a <b and c> d:"]


@pytest.mark.parametrize(("place", "name"), [(-30, "a.warc"), (-9, "a.warc.gz")])
def test_a_file_that_was_cut_off_gives_its_whole_records_then_an_error(
    place, name, tmp_path
):
    """warcio and fastwarc both end in silence here, as if the last page were empty."""
    path = tmp_path / name
    path.write_bytes(warc(PAGES, packed=name.endswith("gz"))[:place])
    with open(path, "rb") as file:
        read = [record.content_stream().read() for record in ArchiveIterator(file)]
    assert len(read) == len(PAGES), "warcio has begun to check: simplify warc.py"
    found = []
    with pytest.raises(UnreadableText, match="cut off") as error:
        for document in read_documents(path):
            found.append(document)
    assert [d.text for d in found] == STORIES[: len(found)]
    assert len(found) >= len(STORIES) - 2 and error.value.reason == "damaged"


# --- charsets ------------------------------------------------------------------------

WORDS = "Grüße, naïve façade: œuvre – “quoted” €5"
CHARSETS = [
    (WORDS.encode("utf-8"), "text/html; charset=UTF-8", WORDS),
    (WORDS.encode("utf-8"), "", WORDS),
    (WORDS.encode("cp1252"), "", WORDS),
    (WORDS.encode("cp1252"), "text/html; charset=ISO-8859-1", WORDS),
    (b"<meta charset='latin1'>" + WORDS.encode("cp1252"), "", WORDS),
    (b"\xef\xbb\xbf" + WORDS.encode(), "text/html; charset=latin-1", WORDS),
    (WORDS.encode("utf-16"), "text/html", WORDS),
    (b"\xfe\xff" + WORDS.encode("utf-16-be"), "text/html; charset=utf-8", WORDS),
    ("łódź".encode("iso-8859-2"), 'text/html; charset="iso-8859-2"', "łódź"),
    (b'<meta charset="shift_jis">' + "日本語".encode("shift_jis"), "", "日本語"),
    ("привет".encode("koi8-r"), "text/html;charset=KOI8-R;x=1", "привет"),
    (b"<meta charset=rot13>" + WORDS.encode(), "", WORDS),
    (b"<meta charset=utf-16>" + WORDS.encode(), "text/html; charset=hex", WORDS),
    (WORDS.encode(), "text/html; charset=no-such-thing", WORDS),
]


@pytest.mark.parametrize(("data", "content_type", "text"), CHARSETS)
def test_the_declared_charset_is_believed_in_the_order_of_browsers(
    data, content_type, text
):
    assert decode_page(data, "page", content_type).endswith(text)


def test_codecs_that_are_no_charsets_cannot_be_named():
    for name in ("rot13", "punycode", "unicode_escape", "idna", "undefined", "base64"):
        assert page_charset(b"", f"text/html; charset={name}") is None


def test_a_page_of_replacement_characters_is_no_text():
    with pytest.raises(UnreadableText, match="says that it is utf-8"):
        decode_page("日本語".encode("euc-jp"), "page", "text/html; charset=utf-8")
    one_bad = b"one bad byte \xff in a long text " + b"word " * 50
    assert decode_page(one_bad, "page", "text/html; charset=utf-8").count("\ufffd") == 1


# --- memory --------------------------------------------------------------------------


def peak_memory(action):
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


LARGE = {
    "a.jsonl": lambda n: jsonl(STORIES) * n,
    "a.jsonl.gz": lambda n: gzip.compress(jsonl(STORIES) * n, 1),
    "a.jsonl.zst": lambda n: zstd(jsonl(STORIES) * n),
    "a.warc.gz": lambda n: warc(PAGES) * (n // 4),
    "a.txt": lambda n: ("\n".join(STORIES) + "\n").encode() * n * 4,
}


@pytest.mark.parametrize("name", LARGE)
def test_memory_does_not_grow_with_the_file(name, tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "PIECE_BYTES", 1 << 18)
    peaks = []
    for n in (20, 160):
        path = tmp_path / str(n) / name
        path.parent.mkdir()
        path.write_bytes(LARGE[name](n))

        def read(path=path):
            for _ in read_documents(path, extract=naive_extract_text):
                pass

        read()  # once, so that the libraries are loaded
        peaks.append(peak_memory(read))
    assert peaks[1] < 1.5 * peaks[0] + 100_000


def test_a_long_text_is_read_in_pieces_between_lines_and_characters(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(streams, "PIECE_BYTES", 1_000)
    for name, text in {
        "lines.txt": "".join(f"line {i} é漢🙂\n" for i in range(900)),
        "no-lines.txt": "é漢🙂x" * 900,
        "ascii.txt": "x" * 5_000,
        "blank.txt": "a" * 900 + "\n" * 3_000 + "b",
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8", newline="")
        found = list(read_documents(tmp_path / name))
        joined = "".join(document.text for document in found)
        assert joined.replace("\n", "") == text.replace("\n", "")
        assert len(found) > 1 and len({document.id for document in found}) == len(found)
        assert max(len(document.text.encode()) for document in found) <= 1_000
        assert found[0].id == name


def test_a_byte_limit_cuts_a_text_of_many_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "PIECE_BYTES", 1_000)
    (tmp_path / "a.txt").write_text("0123456789" * 500)
    for limit, cuts in {2_500: 1, 3_000: 1, 400: 1, 5_000: 0, 9_000: 0}.items():
        skipped = Counter()
        found = read_documents(tmp_path / "a.txt", limit_bytes=limit, skipped=skipped)
        assert sum(len(document.text) for document in found) == min(limit, 5_000)
        assert skipped.total() == cuts


def refused(path, reason):
    """Read a bad file in a folder; return the most memory that this took, in bytes."""
    skipped = Counter()

    def read():
        with pytest.raises(ValueError, match="no readable text"):
            list(read_documents(path.parent, skipped=skipped))

    read()
    skipped.clear()
    peak = peak_memory(read)
    assert skipped[reason] == 1
    return peak


def test_a_line_that_never_ends_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "LINE_BYTES", 1 << 20)
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"text": "' + b"a" * 40_000_000, 1))
    assert refused(path, "line too long") < 8e6


def test_a_page_that_swells_when_unpacked_does_not_fill_the_memory(
    tmp_path, monkeypatch
):
    """40 MB in 40 kB, twice: packed by the server, and by the file."""
    monkeypatch.setattr("ch01_data.warc.PAGE_BYTES", 1 << 20)
    body = b"<p>" + b"a" * 40_000_000
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
    answers = {
        "a.warc": http + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(body),
        "b.warc.gz": http + b"\r\n" + body,
    }
    for name, answer in answers.items():
        head = (
            b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:x:1>\r\n"
            b"WARC-Target-URI: http://a.example/\r\nContent-Length: %d\r\n\r\n"
        ) % len(answer)
        data = head + answer + b"\r\n\r\n"
        path = tmp_path / name / name
        path.parent.mkdir()
        path.write_bytes(gzip.compress(data) if name.endswith("gz") else data)
        assert refused(path, "too long") < 8e6


# --- folders -------------------------------------------------------------------------


def test_a_bad_file_in_a_folder_is_counted_under_its_reason(tmp_path):
    (tmp_path / "good.txt").write_text(STORIES[0])
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(jsonl(TEXTS))[:-9])
    (tmp_path / "b.parquet").write_bytes(b"PAR1 and nothing else")
    (tmp_path / "c.parquet").write_bytes(table(TEXTS).replace(b"text", b"tact"))
    (tmp_path / "d.html").write_text("<html><body><script>x</script></body></html>")
    (tmp_path / "e.txt").symlink_to("nowhere")
    (tmp_path / "f.txt").symlink_to("f.txt")
    (tmp_path / "g.warc").write_bytes(warc(PAGES[:2], packed=False) + b"WURC/1.0\r\n")
    skipped = Counter()
    found = list(read_documents(tmp_path, skipped=skipped))
    assert skipped == {
        "damaged": 3,
        "no text field": 1,
        "no text": 1,
        "missing": 1,
        "a circular link": 1,
    }
    assert [d.id for d in found if d.id == "good.txt"] == ["good.txt"]
    assert sum(document.id.startswith("urn:x:") for document in found) == 2


def test_a_file_that_vanishes_between_listing_and_reading_is_counted(
    tmp_path, monkeypatch
):
    for name in ("a.txt", "b.txt", "c.txt"):
        (tmp_path / name).write_text(f"text of {name}")
    for limit in (None, 1_000):
        skipped = Counter()
        documents = read_documents(tmp_path, limit_bytes=limit, skipped=skipped)
        first = next(documents)
        gone = tmp_path / ("b.txt" if first.id == "a.txt" else "a.txt")
        text = gone.read_text()
        gone.unlink()
        assert len(list(documents)) == 1 and skipped == {"missing": 1}
        gone.write_text(text)


def test_links_in_a_circle_give_each_file_once(tmp_path):
    deep = tmp_path / "deep"
    deep.mkdir()
    (deep / "a.txt").write_text("a text")
    (deep / "round").symlink_to(tmp_path, target_is_directory=True)
    for source in (tmp_path, f"{tmp_path}/**", f"{tmp_path}/**/*.txt"):
        assert [d.text for d in read_documents(source)] == ["a text"]


def test_names_that_are_not_utf_8_become_ids_that_are(tmp_path):
    path = os.path.join(os.fsencode(tmp_path), b"caf\xe9.txt")
    with open(path, "w") as file:
        file.write("a text")
    for limit in (None, 100):
        (document,) = read_documents(tmp_path, limit_bytes=limit)
        assert document.id == r"caf\xe9.txt" and document.text == "a text"


def test_a_source_that_is_missing_is_named():
    with pytest.raises(ValueError, match="no such file or folder: nothing.warc.gz"):
        find_files("nothing.warc.gz")


def test_fields_of_the_wrong_type_do_not_become_addresses(tmp_path):
    rows = [{"text": "a", "id": 7, "url": 5, "log_prob": "x"}, {"text": "b", "id": [1]}]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    first, second = read_documents(path)
    assert (first.id, first.url, first.log_prob) == ("7", None, None)
    assert second.id == "[1]"


# --- extraction ----------------------------------------------------------------------


def test_token_f1_by_hand():
    assert token_f1("home the old mill", "the old mill stood") == (0.75, 0.75, 0.75)
    assert token_f1("a a b", "a b b b") == pytest.approx((2 / 3, 1 / 2, 4 / 7))
    assert token_f1("", "") == (1.0, 1.0, 1.0) and token_f1("x", "") == (0.0, 0.0, 0.0)


@pytest.fixture(scope="module")
def labelled_pages(crawl):
    return read_crawl(crawl.config.out)


def test_the_extractor_of_the_book_finds_more_than_the_others(labelled_pages):
    names = ("trafilatura", "resiliparse", "naive")
    ours, other, naive = (score_extractor(name, labelled_pages) for name in names)
    assert ours.f1 > other.f1 > naive.f1 and ours.f1 > 0.98
    assert ours.precision > 0.98 and ours.recall > 0.98
    assert ours.exact > other.exact + 0.3 > naive.exact
    assert (
        set(ours.f1_by_layout) == set(naive.f1_by_layout) and len(labelled_pages) > 99
    )
    with pytest.raises(ValueError, match="no extractor 'magic'"):
        score_extractor("magic", labelled_pages)


def test_a_library_that_is_not_installed_is_named(labelled_pages, monkeypatch):
    monkeypatch.setitem(sys.modules, "resiliparse.extract.html2text", None)
    with pytest.raises(ValueError, match="pip install -e '.\\[test\\]'"):
        score_extractor("resiliparse", labelled_pages)


def test_the_command_prints_a_row_for_each_extractor(crawl, tmp_path, capsys):
    options = ["--crawl", crawl.config.out, "--repeats", "1", "--extractors", "naive"]
    assert extraction_main([*options, "--out", str(tmp_path / "f1.json")]) == 0
    assert "naive" in capsys.readouterr().out
    (score,) = json.loads((tmp_path / "f1.json").read_text())
    assert 0.5 < score["f1"] <= 1.0
    assert extraction_main(["--crawl", str(tmp_path / "none")]) == 2


def test_a_page_of_endless_tags_is_not_given_to_the_library(monkeypatch):
    given = []
    monkeypatch.setattr(
        pages, "_trafilatura", lambda: lambda html, **_: given.append(1)
    )
    assert extract_text("<p>x" * 100_001) == "" and not given
    assert extract_text("<p>x" * 99_999) == "" and given


def test_a_picture_in_an_attribute_does_not_cost_the_text_beside_it():
    picture = f'<img src="data:image/png;base64,{"A" * 3_000_000}">'
    page = html(STORIES[2]).replace("<p>", f"<p>{picture}", 1)
    assert extract_text(page).split() == STORIES[2].split()


@pytest.mark.parametrize("extract", [extract_text, naive_extract_text])
def test_menus_scripts_and_footers_are_no_text(extract):
    page = f"""<!DOCTYPE html><html><head><title>T</title><style>p {{}}</style></head>
    <body><nav><a href="/">Home page</a> <a href="/x">Other pages</a></nav>
    <main><p>{STORIES[0]}</p></main><script>var x = "<p>hidden</p>"</script>
    <!-- a comment --><footer>All rights reserved</footer></body></html>"""
    text = extract(page)
    assert " ".join(text.split()) == " ".join(STORIES[0].split())
