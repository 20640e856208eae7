"""Downloads: a server that drops, truncates, corrupts and redirects; whole or nothing.

The server is a real one on the loopback address. Each test gives it a list of answers,
one for each request, and looks at what was asked for and what lies in the folder.
"""

import hashlib
import http.server
import json
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from dataclasses import replace
from types import SimpleNamespace
from urllib.request import Request

import pytest

from ch01_data import resumable
from ch01_data.data import CorpusConfig, build_corpus, main
from ch01_data.downloads import DOWNLOADS, Download, fetch_download, read_record
from ch01_data.engine_ray import free_port
from ch01_data.files import sha256

DATA = random.Random(0).randbytes(300_000)
SHA = hashlib.sha256(DATA).hexdigest()
OTHER = random.Random(1).randbytes(300_000)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.asked.append((self.path, asked))
        answers = self.server.answers
        self.close_connection = True
        (answers.pop(0) if len(answers) > 1 else answers[0])(self)

    def log_message(self, *_):
        pass


def begin(handler, data, *, status=200, etag='"one"', at=0, **headers):
    """Send the head of an answer with the data from byte `at` on."""
    handler.send_response(206 if at else status)
    if at:
        handler.send_header("Content-Range", f"bytes {at}-{len(data) - 1}/{len(data)}")
    handler.send_header("Content-Length", str(len(data) - at))
    if etag:
        handler.send_header("ETag", etag)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()


def place_asked(handler, etag='"one"'):
    """Return the byte from which an honest server begins."""
    asked = handler.headers.get("Range")
    if not asked or handler.headers.get("If-Range", etag) != etag:
        return 0
    return int(asked.removeprefix("bytes=").removesuffix("-"))


def whole(data=DATA, etag='"one"', **headers):
    def answer(handler):
        at = place_asked(handler, etag)
        begin(handler, data, etag=etag, at=at, **headers)
        handler.wfile.write(data[at:])

    return answer


def cut_short(after, how="close", data=DATA):
    """Announce everything, send the bytes up to `after`, and close or break."""

    def answer(handler):
        at = place_asked(handler)
        begin(handler, data, at=at)
        handler.wfile.write(data[at:after])
        handler.wfile.flush()
        if how == "break":
            linger = struct.pack("ii", 1, 0)  # a reset instead of a farewell
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            time.sleep(0.05)
            handler.connection.close()
            handler.wfile = SimpleNamespace(flush=lambda: None, close=lambda: None)
            handler.wfile.closed = True

    return answer


def ignores_range(data=DATA):
    def answer(handler):
        begin(handler, data)
        handler.wfile.write(data)

    return answer


def says(status, **headers):
    def answer(handler):
        begin(handler, b"sorry", status=status, etag="", **headers)
        handler.wfile.write(b"sorry")

    return answer


def redirects(to, status=302, **headers):
    return says(status, Location=to, **headers)


@pytest.fixture
def server(monkeypatch):
    """A server that gives its answers one after another, the last one for ever."""
    monkeypatch.setenv("no_proxy", "*")
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.answers, made.asked = [whole()], []
    made.url = f"http://127.0.0.1:{made.server_port}/file"
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def get(server, folder, slept=None, **known):
    """Fetch what the server offers; `slept` collects the waits."""
    entry = Download(server.url, "file.bin", "none", "a test", **known)
    sleep = (slept if slept is not None else []).append
    return fetch_download("it", folder, downloads={"it": entry}, sleep=sleep)


def left_in(folder):
    return sorted(path.name for path in folder.iterdir())


# --- what arrives --------------------------------------------------------------------


def test_a_file_is_fetched_once_and_its_checksum_noted(server, tmp_path):
    path = get(server, tmp_path)
    assert path.read_bytes() == DATA
    assert read_record(path) == {"url": server.url, "bytes": len(DATA), "sha256": SHA}
    assert get(server, tmp_path) == path
    assert server.asked == [("/file", None)], "the second use needs no network"
    assert left_in(tmp_path) == ["file.bin", "file.bin.json"]


@pytest.mark.parametrize("how", ["close", "break"])
def test_after_an_interruption_only_the_rest_is_asked_for(how, server, tmp_path):
    server.answers = [cut_short(100_000, how), cut_short(250_000, how), whole()]
    assert get(server, tmp_path).read_bytes() == DATA
    places = [int((place or "bytes=0-")[6:-1]) for _, place in server.asked]
    if how == "close":
        assert places == [0, 100_000, 250_000]
    # A reset may overtake what was sent before it.
    assert places == sorted(places) and len(places) == 3 and places[-1] <= 250_000


def test_a_server_that_falls_silent_is_asked_again(server, tmp_path, monkeypatch):
    monkeypatch.setattr(resumable, "TIMEOUT", 0.2)
    done = threading.Event()

    def silent(handler):
        begin(handler, DATA)
        handler.wfile.write(DATA[:100_000])
        handler.wfile.flush()
        done.wait(20)

    def speechless(handler):
        done.wait(20)

    server.answers = [silent, speechless, whole()]
    begun = time.monotonic()
    try:
        assert get(server, tmp_path).read_bytes() == DATA
    finally:
        done.set()
    assert time.monotonic() - begun < 10
    assert [place for _, place in server.asked] == [None] + ["bytes=100000-"] * 2


def test_what_another_run_left_is_gone_on_with(server, tmp_path):
    server.answers = [cut_short(200_000), says(404)]
    with pytest.raises(OSError, match="404"):
        get(server, tmp_path)
    assert left_in(tmp_path) == [".file.bin.part", ".file.bin.part.json"]
    server.answers = [whole()]
    assert get(server, tmp_path).read_bytes() == DATA
    assert server.asked[-1] == ("/file", "bytes=200000-")


def test_a_server_that_cannot_resume_is_read_from_the_start(server, tmp_path):
    server.answers = [cut_short(100_000), ignores_range()]
    assert get(server, tmp_path).read_bytes() == DATA


@pytest.mark.parametrize("obeys", [True, False])
def test_a_file_that_changed_in_between_is_not_pieced_together(obeys, server, tmp_path):
    def second(handler):  # an answer to the range, although the file is another one
        begin(handler, OTHER, etag='"two"', at=100_000)
        handler.wfile.write(OTHER[100_000:])

    new = whole(OTHER, etag='"two"')
    server.answers = [cut_short(100_000), new if obeys else second, new]
    assert get(server, tmp_path).read_bytes() == OTHER


def test_a_server_that_sends_another_part_is_not_believed(server, tmp_path):
    def from_the_start(handler):
        handler.send_response(206)
        handler.send_header("Content-Range", f"bytes 0-{len(DATA) - 1}/{len(DATA)}")
        handler.send_header("Content-Length", str(len(DATA)))
        handler.send_header("ETag", '"one"')
        handler.end_headers()
        handler.wfile.write(DATA)

    server.answers = [cut_short(100_000), from_the_start, whole()]
    assert get(server, tmp_path).read_bytes() == DATA


@pytest.mark.parametrize("seed", range(12))
def test_any_chain_of_faults_ends_in_the_very_same_bytes(seed, server, tmp_path):
    rng = random.Random(seed)
    faults = [
        lambda: cut_short(rng.randrange(len(DATA)), rng.choice(["close", "break"])),
        lambda: says(rng.choice([429, 500, 503])),
        lambda: whole(OTHER) if rng.random() < 0.2 else cut_short(0),
    ]
    chain = [rng.choice(faults)() for _ in range(rng.randrange(1, 5))]
    server.answers = [*chain, whole()]
    assert get(server, tmp_path, sha256=SHA).read_bytes() == DATA
    assert left_in(tmp_path) == ["file.bin", "file.bin.json"]


# --- what does not -------------------------------------------------------------------


def flipped(data=DATA):
    return data[:1234] + bytes([data[1234] ^ 1]) + data[1235:]


def test_one_wrong_bit_is_noticed_and_fetched_again(server, tmp_path):
    server.answers = [whole(flipped()), whole()]
    assert get(server, tmp_path, sha256=SHA).read_bytes() == DATA
    assert len(server.asked) == 2


def test_a_file_that_is_damaged_twice_leaves_nothing(server, tmp_path):
    server.answers = [whole(flipped())]
    with pytest.raises(OSError, match="pinned in this book.*--source storyworld"):
        get(server, tmp_path, sha256=SHA)
    assert left_in(tmp_path) == [] and len(server.asked) == 2


@pytest.mark.parametrize("where", ["X_Linked_ETag", "ETag"])
def test_a_checksum_that_the_server_states_is_held(where, server, tmp_path):
    if where == "ETag":
        server.answers = [whole(flipped(), etag=f'"{SHA}"')]
    else:  # stated in the redirection, as a hub does for files in Git LFS
        elsewhere = redirects(f"{server.url}?elsewhere", X_Linked_ETag=f'"{SHA}"')
        server.answers = [elsewhere, whole(flipped()), elsewhere, whole(flipped())]
    with pytest.raises(OSError, match="stated by the server"):
        get(server, tmp_path)
    assert left_in(tmp_path) == []


def test_a_redirected_download_is_resumed_where_it_leads(server, tmp_path):
    elsewhere = redirects("/elsewhere", X_Linked_ETag=f'"{SHA}"')
    server.answers = [elsewhere, cut_short(100_000), elsewhere, whole()]
    assert get(server, tmp_path).read_bytes() == DATA
    assert server.asked[2:] == [("/file", "bytes=100000-")] + [
        ("/elsewhere", "bytes=100000-")
    ]


def test_redirections_in_a_circle_end(server, tmp_path):
    server.answers = [redirects("/file")]
    with pytest.raises(OSError, match="could not be fetched"):
        get(server, tmp_path)
    assert len(server.asked) < 20 and left_in(tmp_path) == []


def test_https_is_never_left_for_http():
    redirects = resumable._Redirects()
    request = Request("https://safe.example/file")
    with pytest.raises(OSError, match="from https to http://"):
        redirects.redirect_request(request, None, 302, "", {}, "http://a.example/")


def test_a_later_download_must_be_what_the_first_one_was(server, tmp_path):
    path = get(server, tmp_path)
    path.unlink()
    server.answers = [whole(OTHER)]
    with pytest.raises(OSError, match="noted at the first download"):
        get(server, tmp_path)
    assert left_in(tmp_path) == ["file.bin.json"]


def test_a_wrong_length_is_refused_before_anything_is_fetched(server, tmp_path):
    with pytest.raises(OSError, match="300,000 bytes there, not 5"):
        get(server, tmp_path, bytes=5)
    assert left_in(tmp_path) == []


def test_a_length_that_nobody_states_cannot_be_checked(server, tmp_path):
    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(DATA)

    server.answers = [endless]
    with pytest.raises(OSError, match="does not say how long"):
        get(server, tmp_path)


def test_a_full_disk_is_noticed_before_the_download(server, tmp_path, monkeypatch):
    full = SimpleNamespace(free=1000)
    monkeypatch.setattr(resumable.shutil, "disk_usage", lambda _: full)
    with pytest.raises(OSError, match="needs 300,000 bytes and 1,000 are free"):
        get(server, tmp_path)


def test_a_server_in_trouble_is_asked_again_later(server, tmp_path):
    slept = []
    server.answers = [says(503, Retry_After="7"), says(500), cut_short(9), whole()]
    assert get(server, tmp_path, slept).read_bytes() == DATA
    assert slept == [7, 2, 1], "as long as asked, then twice as long, then anew"


def test_a_server_that_stays_in_trouble_is_given_up(server, tmp_path):
    slept = []
    server.answers = [cut_short(100), says(500)]
    with pytest.raises(OSError, match="5 times in a row.*goes on at byte 100"):
        get(server, tmp_path, slept)
    assert len(server.asked) == 6 and slept == [1, 1, 2, 4, 8]


def test_two_downloads_into_one_folder_do_not_mix(server, tmp_path):
    part = tmp_path / ".file.bin.part"

    def with_an_intruder(handler):
        begin(handler, DATA)
        handler.wfile.write(DATA[:100_000])
        handler.wfile.flush()
        while not (part.exists() and part.stat().st_size >= 100_000):
            time.sleep(0.01)
        with open(part, "ab") as file:
            file.write(b"from elsewhere")
        handler.wfile.write(DATA[100_000:])

    server.answers = [with_an_intruder, whole()]
    with pytest.raises(OSError, match="another process is fetching"):
        get(server, tmp_path)
    assert not (tmp_path / "file.bin").exists()


def test_what_will_not_pass_is_not_asked_for_again(server, tmp_path):
    slept = []
    server.answers = [says(404)]
    with pytest.raises(OSError, match="404 Not Found"):
        get(server, tmp_path, slept)
    assert len(server.asked) == 1 and slept == []


# --- the named ones ------------------------------------------------------------------


def test_tinyshakespeare_is_pinned_to_the_real_file(shared):
    known, path = DOWNLOADS["tinyshakespeare"], shared / "data" / "tinyshakespeare.txt"
    assert (known.bytes, known.sha256) == (path.stat().st_size, sha256(path))


def test_every_download_states_its_licence_and_pins_what_it_reads():
    for name, known in DOWNLOADS.items():
        assert known.url.startswith("https://") and known.licence and known.about
        pinned = known.sha256 or "/resolve/main/" not in known.url
        assert pinned, f"{name} may be another file tomorrow"


def test_offline_the_alternatives_are_named_in_one_line(
    tmp_path, capsys, monkeypatch, server
):
    known = DOWNLOADS["tinystories"]
    nobody = f"http://127.0.0.1:{free_port()}/file"
    monkeypatch.setitem(DOWNLOADS, "tinystories", replace(known, url=nobody))
    options = ["--downloads", str(tmp_path / "d"), "--out", str(tmp_path / "out")]
    begun = time.monotonic()
    assert main(["--source", "tinystories", *options]) == 2
    assert time.monotonic() - begun < 5
    error = capsys.readouterr().err
    assert error.startswith("error: tinystories is not in ")
    for word in (
        "cannot be reached",
        "--source storyworld",
        "pylib",
        "a file of your own",
        "tinystories.parquet",
    ):
        assert word in error
    assert error.count("\n") == 1 and not (tmp_path / "out").exists()


def test_a_file_brought_by_hand_is_taken_if_it_is_the_right_one(server, tmp_path):
    (tmp_path / "file.bin").write_bytes(DATA)
    get(server, tmp_path, sha256=SHA)
    assert server.asked == []
    (tmp_path / "file.bin").write_bytes(flipped())
    assert get(server, tmp_path, sha256=SHA).read_bytes() == DATA
    assert len(server.asked) == 1


def test_a_file_that_rots_on_the_disk_is_fetched_again(server, tmp_path):
    path = get(server, tmp_path)
    path.write_bytes(flipped())
    assert get(server, tmp_path).read_bytes() == DATA


def test_a_named_download_becomes_a_corpus(server, tmp_path, monkeypatch, shared):
    text = (shared / "data" / "tinyshakespeare.txt").read_bytes()
    server.answers = [cut_short(400_000, data=text), whole(text)]
    known = replace(DOWNLOADS["tinyshakespeare"], url=server.url)
    monkeypatch.setitem(DOWNLOADS, "tinyshakespeare", known)
    monkeypatch.setattr(resumable, "DELAYS", (0, 0, 0, 0))
    config = CorpusConfig(
        source="tinyshakespeare",
        out=str(tmp_path / "out"),
        downloads=str(tmp_path / "downloads"),
    )
    report = build_corpus(config)
    rows = [
        json.loads(line)
        for name in report.files
        for line in (tmp_path / "out" / name).read_text(encoding="utf-8").splitlines()
    ]
    assert "".join(row["text"] for row in rows).encode() == text
    assert {row["source"] for row in rows} == {"tinyshakespeare"}
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "Licence: public domain" in card and "--source tinyshakespeare" in card


def test_a_process_killed_in_the_middle_leaves_no_file(server, tmp_path):
    gate = threading.Event()

    def slow(handler):
        begin(handler, DATA, at=place_asked(handler))
        handler.wfile.write(DATA[:150_000])
        handler.wfile.flush()
        gate.wait(20)

    server.answers = [slow, whole()]
    code = (
        "import sys; from ch01_data.downloads import *; "
        "DOWNLOADS['it'] = Download(sys.argv[1], 'file.bin', '', ''); "
        "fetch_download('it', sys.argv[2])"
    )
    child = subprocess.Popen([sys.executable, "-c", code, server.url, str(tmp_path)])
    part = tmp_path / ".file.bin.part"
    while not (part.exists() and part.stat().st_size >= 150_000):
        assert child.poll() is None
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    gate.set()
    assert not (tmp_path / "file.bin").exists()
    assert get(server, tmp_path).read_bytes() == DATA
    assert server.asked[-1] == ("/file", "bytes=150000-")
