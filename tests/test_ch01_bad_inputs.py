"""Two hundred bad inputs: each ends in one clear line or a counted skip, and quickly.

A seeded generator writes files that are cut off, spoilt, empty, endless, misnamed or
gone. Each is read alone and in a folder beside a good file, by the reader and by the
command. All this happens in a process of its own, so that a crash or a hang in
somebody's C code is seen as such. `--bad-inputs N` runs N cases instead of 200.
"""

import contextlib
import gzip
import io
import json
import multiprocessing
import os
import random
import zlib
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from unittest import mock

import pyarrow
import pyarrow.parquet
import pytest

from ch01_data import sources
from ch01_data.data import main
from ch01_data.sources import read_documents
from ch01_data.storyworld import generate
from ch04_transformer.opening import memory_of_this_process

SECONDS = 20  # for one case, on a busy machine; most take a few hundredths
MEGABYTES = 1_500  # at the worst moment of the whole process, libraries included
GOOD = [story.text for story in generate(12, 77, "train")]

# --- sound files, to be spoilt -------------------------------------------------------


def jsonl(rng, n=40):
    rows = ({"text": f"{rng.choice(GOOD)} Page {i}."} for i in range(n))
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def record(body, kind="response", headers=(), length=None, first="WARC/1.0"):
    lines = [
        first,
        f"WARC-Type: {kind}",
        f"WARC-Record-ID: <urn:uuid:{zlib.crc32(body):032x}>",
        "WARC-Target-URI: https://a.example/",
        "WARC-Date: 2024-05-06T07:08:09Z",
        *headers,
        f"Content-Length: {len(body) if length is None else length}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body + b"\r\n\r\n"


def answer(body, header="Content-Type: text/html; charset=utf-8", status="200 OK"):
    return f"HTTP/1.1 {status}\r\n{header}\r\n\r\n".encode() + body


def html(text):
    return f"<html><body><main><p>{text}</p></main></body></html>".encode()


def page(rng, n=9):
    return b"".join(html(rng.choice(GOOD)) for _ in range(n))


def warc(rng, n=5):
    return b"".join(record(answer(html(rng.choice(GOOD)))) for _ in range(n))


def wet(rng, n=5):
    return b"".join(record(rng.choice(GOOD).encode(), "conversion") for _ in range(n))


def parquet(columns):
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), sink)
    return sink.getvalue()


def texts_table(rng, n=60):
    return parquet({"text": [f"{rng.choice(GOOD)} Row {i}." for i in range(n)]})


def zstd(data):
    return pyarrow.compress(data, codec="zstd", asbytes=True)


def spoilt(data, rng, n=8, start=20):
    """Change n bytes behind the first few."""
    data = bytearray(data)
    for _ in range(n):
        data[rng.randrange(start, len(data))] ^= rng.randrange(1, 256)
    return bytes(data)


def cut(data, rng):
    return data[: rng.randrange(len(data) // 4, len(data) - 12)]


# --- the kinds of bad input: each writes into a folder and returns what to read ------


def put(folder, name, data):
    path = folder / name
    path.write_bytes(data)
    return path


def cut_gzip(rng, folder):
    kinds = {".jsonl": jsonl, ".warc": warc, ".wet": wet, ".txt": jsonl, ".html": page}
    suffix = rng.choice(list(kinds))
    return put(folder, f"a{suffix}.gz", cut(gzip.compress(kinds[suffix](rng)), rng))


def spoilt_gzip(rng, folder):
    name, make = rng.choice(
        [("a.jsonl.gz", jsonl), ("a.warc.gz", warc), ("a.txt.gz", jsonl)]
    )
    return put(folder, name, spoilt(gzip.compress(make(rng)), rng))


def wrong_magic(rng, folder):
    """A sound file under another kind's name."""
    kinds = {
        ".txt": [gzip.compress(b"text" * 99), texts_table(rng), b"%PDF-1.7 text"],
        ".jsonl": [texts_table(rng), html(GOOD[0]), warc(rng), gzip.compress(b"{}")],
        ".jsonl.gz": [jsonl(rng), zstd(jsonl(rng)), b"PK\3\4" + bytes(99)],
        ".jsonl.zst": [jsonl(rng), gzip.compress(jsonl(rng))],
        ".warc.gz": [warc(rng), zstd(warc(rng))],
        ".warc": [html(GOOD[1]), jsonl(rng), gzip.compress(warc(rng))],
        ".parquet": [jsonl(rng), gzip.compress(texts_table(rng)), html(GOOD[2])],
        ".html": [b"\x89PNG\r\n\x1a\n" + bytes(400), gzip.compress(html(GOOD[3]))],
    }
    suffix = rng.choice(list(kinds))
    return put(folder, f"a{suffix}", rng.choice(kinds[suffix]))


def nested_html(rng, folder):
    """Tags within tags within tags, and nothing inside."""
    tag = rng.choice(["div", "b", "table><tr><td", "ul><li", "span", "font", "svg"])
    depth = 10 ** rng.randint(3, 5)
    data = f"<{tag}>".encode() * depth
    if rng.random() < 0.5:
        last = tag.rpartition("<")[2]
        data += f"</{last}>".encode() * depth
    if rng.random() < 0.5:
        return put(folder, "a.warc", record(answer(data)))
    return put(folder, "a.html", data)


def many_tags(rng, folder):
    """Seven megabytes of tags, on one level: a minute's work, and no page."""
    tag = rng.choice([b"<p>x ", b"<br>x ", b"<li><a href=/>x</a>", b"<b>x</b> "])
    return put(folder, rng.choice(["a.html", "a.xhtml"]), tag * (7_000_000 // len(tag)))


def many_attributes(rng, folder):
    """One tag with half a million attributes, each of another name."""
    tag = rng.choice([b"p", b"a", b"body", b"td"])
    names = b"".join(b" %c%x=b" % (rng.choice(b"abc"), n) for n in range(500_000))
    return put(
        folder, "a.html", b"<html><" + tag + names + rng.choice([b">", b"", b"="])
    )


def odd_html(rng, folder):
    """Pages that end inside something, or are one huge attribute or entity."""
    data = rng.choice(
        [
            b"<!--" * 50_000,
            b"<a href='" + b"x" * 2_000_000,
            b"&" * 500_000,
            b"<p" + b" a=b" * 200_000 + b">",
            b"<script>" + b"if (a < b) {" * 90_000,
            b"<" * 1_000_000,
            b"</p>" * 300_000,
            b"<textarea><title>" * 40_000,
            b"<![CDATA[" * 90_000,
            b"&#" + b"9" * 100_000 + b";",
        ]
    )
    return put(folder, "a.html", data)


def long_line(rng, folder):
    """Ten megabytes without a line end, where there should be many."""
    word = rng.choice([b"word ", b"[", b'{"a":', b"<b>", b"\xc3\xa9", b"0"])
    name = rng.choice(["a.txt", "a.jsonl", "a.html", "a.warc", "a.wet"])
    return put(folder, name, word * (10_000_000 // len(word)))


def long_json_line(rng, folder):
    """A row of ten megabytes, sound up to its last character."""
    row = json.dumps({"text": GOOD[0] * 20_000})[: -rng.randint(1, 3)]
    return put(folder, "a.jsonl", row.encode() + b"\n")


def nul_bytes(rng, folder):
    text = bytearray(GOOD[0].encode() * 5)
    for _ in range(rng.choice([1, 30, 300])):
        text[rng.randrange(len(text))] = 0
    text = bytes(text)
    name, data = rng.choice(
        [
            ("a.txt", text),
            ("a.jsonl", b'{"text": "' + text + b'"}\n'),
            ("a.html", bytes(5_000)),
            ("a.wet", record(bytes(5_000), "conversion")),
            ("a.txt.gz", gzip.compress(text)),
        ]
    )
    return put(folder, name, data)


def missing_column(rng, folder):
    columns = rng.choice(
        [
            {"body": GOOD},
            {"text": list(range(9))},
            {"text": [text.encode() for text in GOOD]},
            {"text": [[text] for text in GOOD]},
            {"text": pyarrow.array([None] * 9, pyarrow.string())},
            {"text": pyarrow.array([], pyarrow.string())},
            {"text": ["", " ", "\n"]},
            {"Text": GOOD, "TEXT": GOOD},
        ]
    )
    return put(folder, "a.parquet", parquet(columns))


def cyclic_link(rng, folder):
    """Links that lead to themselves, to each other, to the folder, or nowhere."""
    name = rng.choice(["a.txt", "a.jsonl", "a.warc.gz", "a"])
    path = folder / name
    target = rng.choice([name, "b", "gone.txt"])
    path.symlink_to(target)
    if target == "b":
        (folder / "b").symlink_to(name)
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    return path


def vanishing_file(rng, folder):
    """A file that is gone between being listed and being read (see `read`)."""
    name = rng.choice(["vanishes.txt", "vanishes.jsonl", "vanishes.warc.gz"])
    return put(folder, name, b"soon gone")


def broken_warc_header(rng, folder):
    sound = warc(rng, 2)
    bad = rng.choice(
        [
            record(answer(html(GOOD[0])), first="WURC/1.0"),
            record(answer(html(GOOD[0])), first="WARC/1.0 " + "x" * 3_000_000),
            b"WARC/1.0\r\n" + b"Header-Without-End" * 100_000,
            b"WARC/1.0\r\nWARC-Type: response\r\n",
            b"WARC/1.0\r\n\r\n" + html(GOOD[0]),
            bytes(rng.randrange(256) for _ in range(5_000)),
            record(answer(html(GOOD[0]))).replace(b"Content-Length", b"Content-Lungth"),
            b"\r\n" * 200_000 + b"WARC",
        ]
    )
    return put(folder, "a.warc", rng.choice([b"", sound]) + bad)


def wrong_content_length(rng, folder):
    body = answer(html(GOOD[0]))
    lengths = [len(body) - 9, len(body) + 9, 10**9, 10**30, -5, "x", "", "1e3", 0, "٣"]
    bad = record(body, length=rng.choice(lengths))
    return put(folder, "a.warc", rng.choice([b"", warc(rng, 2)]) + bad + warc(rng, 2))


def cut_warc(rng, folder):
    name, make = rng.choice([("a.warc", warc), ("a.wet", wet)])
    return put(folder, name, cut(make(rng, 3), rng))


def broken_answers(rng, folder):
    """Whole records whose contents are no page."""
    body = rng.choice(
        [
            answer(b"\x89PNG" + bytes(99), "Content-Type: image/png"),
            answer(html(GOOD[0]), status="404 Not Found"),
            answer(html(GOOD[0]), status="-1"),
            answer(html("")),
            answer(b""),
            b"",
            b"no HTTP here at all",
            answer(html(GOOD[0])[:3] * 5_000_000),
            answer(bytes(range(1, 32)) * 500),
            answer(b"\xff\xfe" + bytes([7, 0]) * 900),
        ]
    )
    return put(folder, "a.warc", record(body))


def spoilt_zstd(rng, folder):
    data = zstd(jsonl(rng))
    data = rng.choice(
        [cut(data, rng), spoilt(data, rng, 30, 4), data[:4] + rng.randbytes(999)]
    )
    return put(folder, "a.jsonl.zst", data)


def spoilt_parquet(rng, folder):
    data = texts_table(rng)
    data = rng.choice(
        [
            cut(data, rng),
            b"PAR1" + rng.randbytes(4_000) + b"PAR1",
            data[:-300] + rng.randbytes(292) + data[-8:],
            data[:-8] + b"\xff\xff\xff\x7fPAR1",
            b"PAR1PAR1",
            rng.randbytes(50) + data[50:400] + data[-8:],
            data[4:],
        ]
    )
    return put(folder, "a.parquet", data)


def wrong_encoding(rng, folder):
    text = "Grüße aus Łódź und Malmö, où l'été brûle. " * 30
    name, data = rng.choice(
        [
            ("a.txt", "Grüße über Straßen ".encode("latin-1") * 30),
            ("a.txt", text.encode("utf-16")),
            ("a.txt", text.encode("utf-16-le")),
            ("a.jsonl", json.dumps({"text": text}).encode("utf-16")),
            ("a.jsonl", b'{"text": "' + "Grüße".encode("latin-1") + b'"}\n'),
            ("a.html", b'<meta charset="utf-8">' + "日本".encode("euc-jp") * 200),
            ("a.html", b'<meta charset="utf-16">' + rng.randbytes(3_000)),
            ("a.wet", record(("ż" * 900).encode("iso-8859-2"), "conversion")),
            ("a.txt", ("Grüße über Straßen. " * 40).encode("cp037")),
            ("a.txt", text.encode("utf-32")),
        ]
    )
    return put(folder, name, data)


def empty(rng, folder):
    suffix = rng.choice(
        ".txt .jsonl .warc .wet .html .parquet .jsonl.gz .warc.gz .jsonl.zst".split()
    )
    data = rng.choice([b"", b" \n\t\r\n " * 9])
    if suffix.endswith(".gz"):
        data = rng.choice([b"", gzip.compress(b""), gzip.compress(data)])
    if suffix.endswith(".zst"):
        data = rng.choice([b"", zstd(data)])
    return put(folder, f"a{suffix}", data)


def nothing_inside(rng, folder):
    """Sound containers without one text."""
    name, data = rng.choice(
        [
            ("a.warc", record(b"software: none\r\n", "warcinfo")),
            ("a.warc.gz", gzip.compress(record(b"", "metadata") * 9)),
            ("a.jsonl", b"\n\n\r\n\n"),
            ("a.html", b"<html><head><title>x</title></head><body></body></html>"),
            ("a.html", b"<script>var x = 1</script><style>p {}</style>"),
        ]
    )
    return put(folder, name, data)


def bad_json(rng, folder):
    line = rng.choice(
        [
            b"[" * 300_000,
            b'{"text": ' * 90_000,
            b'["text"]',
            b'"text"',
            b"null",
            b'{"text": null}',
            b'{"text": {"text": "x"}}',
            b'{"text": "x"} {"text": "y"}',
            b"{'text': 'x'}",
            b'{"text": "x"',
            b'{"text": ' + b"9" * 9_000 + b"}",
            b"NaN",
        ]
    )
    return put(folder, "a.jsonl", rng.choice([b"", jsonl(rng, 2)]) + line + b"\n")


def bomb(rng, folder):
    """Seventy megabytes of one byte in a few kilobytes."""
    data = rng.choice([b"\0", b"a", b"{", b" "]) * 70_000_000
    if rng.random() < 0.5:
        return put(folder, "a.jsonl.zst", zstd(data))
    return put(folder, "a.jsonl.gz", gzip.compress(data, 1))


def page_bomb(rng, folder):
    """A page of a few kilobytes that its server packed a thousand times smaller."""
    packed = gzip.compress(b"<p>" + b"a" * 20_000_000, 6)
    header = "Content-Type: text/html\r\nContent-Encoding: gzip"
    return put(folder, "a.warc", record(answer(packed, header)))


def badly_packed_page(rng, folder):
    """A page that its server packed, and that came in pieces or in another wrapping."""
    packed = gzip.compress(html(" ".join(GOOD)))
    encoding, body = rng.choice(
        [
            ("gzip", cut(packed, rng)),
            ("gzip", spoilt(packed, rng)),
            ("deflate", cut(zlib.compress(html(" ".join(GOOD))), rng)),
            ("br", rng.randbytes(900)),
            ("zstd", zstd(html(GOOD[0]))),
            ("gzip", zstd(html(GOOD[0]))),
        ]
    )
    header = f"Content-Type: text/html\r\nContent-Encoding: {encoding}"
    return put(folder, "a.warc", record(answer(body, header)))


def not_a_file(rng, folder):
    path = folder / rng.choice(["a.txt", "a.jsonl", "a.warc.gz", "a.parquet"])
    if rng.random() < 0.5:
        os.mkfifo(path)
    else:
        path.mkdir()
    return path


def strange_name(rng, folder):
    """Bad bytes in a name: no UTF-8, a line end, a brace, three hundred letters."""
    name = rng.choice(
        [b"\xff\xfe.txt", b"two\nlines.txt", b"{x}%s[a].jsonl", b"n" * 240 + b".txt"]
    )
    path = os.path.join(os.fsencode(folder), name)
    with open(path, "wb") as file:
        file.write(rng.choice([b"", b"\0\0", b"\xff\xff\xff"]))
    return os.fsdecode(path)


def noise(rng, folder):
    suffix = rng.choice(".txt .jsonl .warc .wet .warc.gz .jsonl.zst .parquet".split())
    return put(folder, f"a{suffix}", rng.randbytes(rng.choice([1, 9, 500, 50_000])))


CASES = (
    cut_gzip,
    spoilt_gzip,
    wrong_magic,
    nested_html,
    many_tags,
    many_attributes,
    odd_html,
    long_line,
    long_json_line,
    nul_bytes,
    missing_column,
    cyclic_link,
    vanishing_file,
    broken_warc_header,
    wrong_content_length,
    cut_warc,
    broken_answers,
    spoilt_zstd,
    spoilt_parquet,
    wrong_encoding,
    empty,
    nothing_inside,
    bad_json,
    bomb,
    page_bomb,
    badly_packed_page,
    not_a_file,
    strange_name,
    noise,
)
HUGE = (bomb, page_bomb, long_line, long_json_line, many_tags, many_attributes)
# Bad as they are, they may hold text: a line of ten megabytes is a document, and what
# stands in a page that ends within a tag can be read.
MAY_BE_TEXT = {"nested_html", "odd_html", "long_line", "noise", "spoilt_parquet"}

# --- reading them --------------------------------------------------------------------


def losing_files():
    """Delete what is called so, between the listing of a folder and its reading."""
    walk = sources._walk

    def walk_and_lose(root):
        paths = walk(root)
        for path in paths:
            if path.name.startswith("vanishes"):
                path.unlink()
        return paths

    return mock.patch.object(sources, "_walk", walk_and_lose)


def read(source, vanishing=False):
    """Read a source as a library does: documents, what was counted, and the error."""
    found, skipped, error = [], Counter(), None
    with losing_files() if vanishing else contextlib.nullcontext():
        try:
            found = list(read_documents(source, skipped=skipped))
        except (ValueError, OSError) as raised:
            error = raised
    return found, skipped, error


def command(source, out, *options):
    """Run the command of the chapter: exit status, what it said, what it counted.

    What it counted is None if it left nothing behind.
    """
    said, arguments = io.StringIO(), ["--source", str(source), "--out", str(out)]
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        status = main([*arguments, *options])
    counted = None
    if out.exists():
        read_stage = json.loads((out / "report.json").read_text())["stages"][0]
        counted = read_stage["removed"]
    return status, said.getvalue(), counted


def run_case(number, folder):
    """Return what is wrong with how one bad input was handled, in words.

    Every eighth case is cleaned by as many processes as the machine has cores.
    """
    case = CASES[number % len(CASES)]
    options = ("--workers", "1") if number % 8 else ()
    said, rng = io.StringIO(), random.Random(f"bad input {number}")
    with contextlib.redirect_stderr(said):
        found = list(problems(case, rng, folder, options))
        found += beside_a_good_file(case, rng, folder, options)
    if left := list(folder.rglob("*.tmp")):
        found.append(f"left {left}")
    return found + [f"said {said.getvalue()[:300]!r}"] * bool(said.getvalue())


def problems(case, rng, folder, options):
    alone = folder / "alone"
    alone.mkdir()
    bad = case(rng, alone)
    if case is vanishing_file:
        os.unlink(bad)
    found, skipped, error = read(bad)
    if not (error or skipped or case.__name__ in MAY_BE_TEXT):
        yield f"was read as if nothing were wrong: {len(found)} documents"
    if error is not None and not str(error).strip():
        yield f"an error without words: {error!r}"
    status, said, counted = command(bad, folder / "out", *options)
    if status == 2:
        if not said.startswith("error: ") or said.count("\n") != 1:
            yield f"not one clear line: {said[:300]!r}"
        if counted is not None:
            yield "left something behind"
    elif error is not None or status:
        yield f"the reader raised {error!r}, the command ended with {status}"
    elif counted != skipped:
        yield f"the reader counted {skipped}, the command {counted}"


def beside_a_good_file(case, rng, folder, options):
    mixed = folder / "mixed"
    mixed.mkdir()
    bad = case(random.Random(rng.random()), mixed)
    (mixed / "good.txt").write_text(GOOD[5], encoding="utf-8")
    vanishing = case is vanishing_file
    found, skipped, error = read(mixed, vanishing)
    if error is not None:
        yield f"spoilt a whole folder: {error!r}"
    if [d.text for d in found if d.id == "good.txt"] != [GOOD[5]]:
        yield "the good file beside it was not read"
    if not (skipped or case.__name__ in MAY_BE_TEXT or case is not_a_file):
        yield "was passed over without being counted"
    if vanishing:
        put(mixed, bad.name, b"soon gone")
    with losing_files() if vanishing else contextlib.nullcontext():
        status, said, counted = command(mixed, folder / "mixed_out", *options)
    if status or counted != skipped:
        yield f"in a folder, status {status}, {counted} not {skipped}: {said[:300]!r}"


def limit_this_process():
    os.environ["OMP_NUM_THREADS"] = "1"


def peak_megabytes():
    """Not getrusage: a child's figure there begins with its parent's memory."""
    return memory_of_this_process("VmHWM") / 1e6


def test_bad_inputs_end_in_a_clear_line_or_a_counted_skip(tmp_path, pytestconfig):
    n, bad = pytestconfig.getoption("--bad-inputs"), []
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, limit_this_process) as pool:
        for number in range(n):
            folder = tmp_path / str(number)
            folder.mkdir()
            where = f"case {number}, {CASES[number % len(CASES)].__name__}"
            try:
                found = pool.submit(run_case, number, folder).result(SECONDS)
            except Exception as error:
                for process in pool._processes.values():
                    process.kill()
                pytest.fail(f"{where}: {type(error).__name__} {error}")
            bad += [f"{where}: {problem}" for problem in found]
        peak = pool.submit(peak_megabytes).result()
    assert not bad, "\n".join(bad)
    assert peak < MEGABYTES


def test_the_generator_writes_the_same_bad_inputs_again(tmp_path):
    for number, case in enumerate(CASES):
        if case in HUGE:
            continue
        made = []
        for name in ("first", "second"):
            folder = tmp_path / f"{number}{name}"
            folder.mkdir()
            path = case(random.Random(number), folder)
            regular = os.path.isfile(path)
            made.append(open(path, "rb").read() if regular else os.path.basename(path))
        assert made[0] == made[1], case.__name__


def test_two_hundred_cases_are_all_different(tmp_path):
    """29 kinds, about seven seeds each: no kind always draws the same file."""
    assert len(CASES) == len({case.__name__ for case in CASES}) == 29
    assert set(MAY_BE_TEXT) <= {case.__name__ for case in CASES}
    seen = {}
    for case in (cut_gzip, wrong_magic, broken_warc_header, wrong_encoding, bad_json):
        drawn = set()
        for seed in range(8):
            folder = tmp_path / f"{case.__name__}{seed}"
            folder.mkdir()
            drawn.add(case(random.Random(seed), folder).read_bytes())
        seen[case.__name__] = len(drawn)
    assert min(seen.values()) >= 4, seen
