"""Named downloads: real text for readers who have a network, fetched once and checked.

    tinyshakespeare      its SHA-256 stands here
    tinystories          its length stands here; its server states a SHA-256
    fineweb-edu-sample   its server states a SHA-256

The SHA-256 of what was fetched is noted in NAME.json beside the file. Every later use,
and every later download, must be the same; so where nobody states a checksum, the first
download is taken on trust and every other one is held to it.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ch01_data.files import run_command, sha256, write_json
from ch01_data.resumable import Unreachable, fetch

OTHERWISE = (
    "take --source storyworld or pylib, which need no network, or a file of your own"
)
HUB = "https://huggingface.co/datasets"


@dataclass(frozen=True)
class Download:
    """A file that has a name here: where it lies and what is known of it beforehand."""

    url: str
    file: str
    licence: str
    about: str
    bytes: int | None = None
    sha256: str | None = None


DOWNLOADS: dict[str, Download] = {
    "tinyshakespeare": Download(
        "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/"
        "tinyshakespeare/input.txt",
        "tinyshakespeare.txt",
        "public domain (Shakespeare's plays; the selection is karpathy/char-rnn's)",
        "a megabyte of Shakespeare's plays as one text",
        1_115_394,
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    ),
    "tinystories": Download(
        f"{HUB}/roneneldan/TinyStories/resolve/"
        "f54c09fd23315a6f9c86f9dc80f725de7d8f9c64/data/"
        "train-00000-of-00004-2d5a1467fff1081b.parquet",
        "tinystories.parquet",
        "CDLA-Sharing-1.0",
        "a quarter of TinyStories: half a million short stories by GPT-3.5 and GPT-4",
        248_731_111,
    ),
    "fineweb-edu-sample": Download(
        f"{HUB}/HuggingFaceFW/fineweb-edu/resolve/"
        "87f09149ef4734204d70ed1d046ddc9ca3f2b8f9/sample/10BT/000_00000.parquet",
        "fineweb-edu-sample.parquet",
        "ODC-By 1.0, and Common Crawl's terms of use",
        "a fourteenth of FineWeb-Edu's 10BT sample: 2 GB of web pages that a "
        "classifier called educational",
    ),
}


def fetch_download(
    name: str,
    folder: str | Path,
    *,
    downloads: Mapping[str, Download] = DOWNLOADS,
    sleep: Callable[[float], object] = time.sleep,
) -> Path:
    """Return the file of a named download, fetched if it is not in the folder yet.

    A file that somebody put there by hand is taken, if no checksum or length speaks
    against it.

    Raises:  ValueError if there is no such name; OSError if it cannot be fetched, with
             what to take instead.
    """
    if name not in downloads:
        raise ValueError(f"no download {name!r}; there are {', '.join(downloads)}")
    download = downloads[name]
    path = Path(folder, download.file)
    record = read_record(path)
    noted = record.get("sha256") if record.get("url") == download.url else None
    known = {
        "pinned in this book": download.sha256,
        "noted at the first download": noted,
    }
    if not (path.exists() and _is_right(path, download, known)):
        try:
            fetch(download.url, path, n_bytes=download.bytes, known=known, sleep=sleep)
        except Unreachable as error:
            host = urlsplit(download.url).hostname
            raise OSError(
                f"{name} is not in {folder} and {host} cannot be reached ({error}); "
                f"{OTHERWISE}, or put the file there as {download.file}"
            ) from error
        except OSError as error:
            raise OSError(
                f"{name} could not be fetched: {error.strerror or error}; {OTHERWISE}"
            ) from error
    if noted is None:
        values = {"url": download.url, "bytes": path.stat().st_size}
        write_json(_record_path(path), values | {"sha256": sha256(path)})
    return path


def read_record(path: Path) -> dict:
    """Return what was noted of a fetched file, or nothing."""
    try:
        return json.loads(_record_path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _record_path(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _is_right(path: Path, download: Download, known: Mapping[str, str | None]) -> bool:
    digests = {digest for digest in known.values() if digest is not None}
    if download.bytes not in (None, path.stat().st_size):
        return False
    return not digests or digests == {sha256(path)}


def main(argv: list[str] | None = None) -> int:
    """Fetch a named download; without a name, list them."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("name", nargs="?", help=", ".join(DOWNLOADS))
    parser.add_argument("--out", default="runs/downloads", help="folder to keep it in")
    arguments = parser.parse_args(argv)

    def command() -> None:
        if arguments.name is None:
            for name, download in DOWNLOADS.items():
                print(f"{name:20}{download.about}. Licence: {download.licence}.")
            return
        path = fetch_download(arguments.name, arguments.out)
        record = read_record(path)
        print(f"{path}: {record['bytes']:,} bytes, SHA-256 {record['sha256']}")

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
