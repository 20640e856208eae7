"""A file from the web that is whole and right, or not there at all.

A download of two gigabytes fails in the middle, and not always honestly: the connection
breaks, or closes as if all were sent, or a byte is another one, or the file has changed
since the first half came. So there are two files until the last moment:

    .NAME.part        grows; after an interruption only what is missing is asked for
    .NAME.part.json   which version of the file it is a part of (length, ETag)

and NAME appears when the length is right and every checksum that is known holds. What
lies in Git LFS has its SHA-256 as its ETag, so many servers state one.
"""

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from tqdm import tqdm

from ch01_data.files import sha256, write_json

CHUNK = 1 << 18
TIMEOUT = 30  # seconds without a byte
ATTEMPTS = 5  # in a row that bring nothing; and so many times all over again
DELAYS = (1, 2, 4, 8)  # seconds before the next attempt
LONGEST_WAIT = 60  # seconds that a server may ask us to wait
PASSING = (408, 425, 429, 500, 502, 503, 504)  # answers of a server that may pass


class Unreachable(OSError):
    """Nothing of the file came, because there is no way to its server."""


class Version(NamedTuple):
    """Which version of a file a server offers; `sha256` where the server states it."""

    bytes: int
    mark: str  # the ETag, else the date of the last change
    sha256: str | None


class _Interrupted(Exception):
    """An attempt ended early and the next may go on."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.wait = wait  # seconds that the server asks for


class _Useless(Exception):
    """What is here cannot be gone on with: another version, or damaged."""


class _Part:
    """The part of a file that is here, and of which version it is a part."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(f".{target.name}.part")
        self.note = target.with_name(f".{target.name}.part.json")

    def version(self) -> Version | None:
        """Return the version that the part belongs to; None if it cannot be used."""
        try:
            version = Version(*json.loads(self.note.read_text(encoding="utf-8")))
            return version if 0 < self.size() <= version.bytes else None
        except (OSError, ValueError, TypeError):
            return None

    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def begin(self, version: Version) -> None:
        self.forget()
        write_json(self.note, list(version))

    def forget(self) -> None:
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


def fetch(
    url: str,
    target: Path,
    *,
    n_bytes: int | None = None,
    known: Mapping[str, str | None] = {},  # noqa: B006 (never changed)
    sleep: Callable[[float], object] = time.sleep,
) -> Version:
    """Fetch a file to `target`, going on where an earlier attempt stopped.

    `known` gives the SHA-256 by who says so; what is None is not checked.

    Raises:  Unreachable if there is no connection at all, OSError if the file does not
             come or is not the right one; nothing is at `target` then.
    """
    part, failures, useless = _Part(target), 0, 0
    target.parent.mkdir(parents=True, exist_ok=True)
    while True:
        before = part.size()
        try:
            version = _attempt(url, part, n_bytes)
            _check(part, {**known, "stated by the server": version.sha256})
            os.replace(part.path, target)
            part.forget()
            return version
        except _Interrupted as error:
            failures = 0 if part.size() > before else failures + 1
            if failures >= ATTEMPTS:
                raise OSError(
                    f"{error}, {ATTEMPTS} times in a row; the same command goes on at "
                    f"byte {part.size():,}"
                ) from error
            sleep(min(error.wait or DELAYS[max(failures - 1, 0)], LONGEST_WAIT))
        except _Useless as error:
            part.forget()
            useless += 1
            if useless > 1:
                raise OSError(f"{error}, and again after a second try") from error


def _attempt(url: str, part: _Part, n_bytes: int | None) -> Version:
    """Ask for what is missing and append it."""
    begun = part.version()
    have = part.size() if begun else 0
    if begun and have == begun.bytes:
        return begun
    with _answer(url, have, begun) as (response, stated):
        resumed = response.status == 206
        version = _version(response, stated, have if resumed else 0)
        if n_bytes not in (None, version.bytes):
            raise OSError(f"it has {version.bytes:,} bytes there, not {n_bytes:,}")
        if resumed and version[:2] != begun[:2]:
            raise _Useless("the file on the server has changed")
        if not resumed:
            part.begin(version)
            have = 0
        free = shutil.disk_usage(part.path.parent).free
        if version.bytes - have > free:
            raise OSError(
                f"it needs {version.bytes - have:,} bytes and {free:,} are free"
            )
        _append(response, part, have, version.bytes)
    return version


def _version(response: HTTPResponse, stated: str | None, have: int) -> Version:
    """Return which version of the file an answer is of, held to what was asked for."""
    headers = response.headers
    length = headers.get("Content-Length", "")
    if have:
        given = headers.get("Content-Range", "")
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", given.strip())
        if not found or int(found[1]) != have:
            raise _Useless(f"the server sent {given!r} for what begins at byte {have}")
        length = found[2]
    if not length.isdigit():
        raise OSError("the server does not say how long it is")
    etag = headers.get("ETag", "")
    mark = etag or headers.get("Last-Modified", "")
    return Version(int(length), mark, stated or _sha_in(etag))


def _append(response: HTTPResponse, part: _Part, have: int, total: int) -> None:
    """Append what arrives, to the last byte that was announced."""
    bar = tqdm(total=total, initial=have, unit="B", unit_scale=True, disable=None)
    with bar, open(part.path, "ab") as file:
        while have < total:
            try:
                data = response.read1(min(CHUNK, total - have))
            except (OSError, HTTPException) as error:
                raise _Interrupted(f"the connection broke ({error})") from error
            if not data:
                raise _Interrupted(f"the server stopped after {have:,} bytes")
            file.write(data)
            file.flush()
            have += len(data)
            bar.update(len(data))
            if os.fstat(file.fileno()).st_size != have:
                raise OSError("another process is fetching it into the same folder")


def _check(part: _Part, known: Mapping[str, str | None]) -> None:
    """Hold the whole part to every checksum that is known."""
    found = sha256(part.path)
    for who, digest in known.items():
        if digest not in (None, found):
            raise _Useless(
                f"it is damaged: its SHA-256 is {found}, not {digest} ({who})"
            )


class _Redirects(HTTPRedirectHandler):
    """Follows redirections, never from https to http, and notes a checksum on the way.

    A hub answers for a file in Git LFS with its SHA-256 and sends us to another server.
    """

    stated: str | None = None

    def redirect_request(
        self,
        req: Request,
        fp: object,
        code: int,
        msg: str,
        headers: Message,
        url: str,
    ) -> Request | None:
        if req.full_url.startswith("https:") and not url.startswith("https:"):
            raise OSError(f"it was redirected from https to {url}: not followed")
        self.stated = _sha_in(headers.get("X-Linked-ETag", "")) or self.stated
        return super().redirect_request(req, fp, code, msg, headers, url)


@contextmanager
def _answer(
    url: str, have: int, begun: Version | None
) -> Iterator[tuple[HTTPResponse, str | None]]:
    """Ask for the file from byte `have` on; yield the answer and a stated SHA-256."""
    headers = {"Accept-Encoding": "identity", "User-Agent": "llm-from-raw-text"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if begun.mark and not begun.mark.startswith("W/"):
            headers["If-Range"] = begun.mark
    redirects = _Redirects()
    request = Request(url, headers=headers)
    try:
        answer = build_opener(redirects).open(request, timeout=TIMEOUT)
    except HTTPError as error:
        with error:
            why = f"the server answers {error.code} {error.reason}"
            if error.code == 416 and have:
                raise _Useless(why) from error
            if error.code in PASSING:
                raise _Interrupted(why, _seconds(error.headers)) from error
            raise OSError(why) from error
    except URLError as error:
        if have:
            raise _Interrupted(f"no connection ({error.reason})") from error
        raise Unreachable(str(error.reason)) from error
    except (HTTPException, ConnectionError, TimeoutError) as error:
        raise _Interrupted(f"the connection broke ({error})") from error
    with answer:
        yield answer, redirects.stated


def _seconds(headers: Message) -> float | None:
    value = headers.get("Retry-After", "")
    return float(value) if value.isdigit() else None


def _sha_in(etag: str) -> str | None:
    """Return the SHA-256 that an ETag of 64 hexadecimal digits is."""
    plain = etag.strip().removeprefix("W/").strip('"').lower()
    return plain if re.fullmatch("[0-9a-f]{64}", plain) else None
