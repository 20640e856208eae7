"""Folders and files that are not on this machine: s3://, gs://, memory:// and others.

The library fsspec opens them all in one way. What is read is copied here first, because
the readers seek in files and a lost connection should not end in half a document; what
is written is made here first and copied there when it is whole, the report last.
`file://` and plain paths are this machine's own.
"""

import glob
import os
import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit
from urllib.request import url2pathname

REPORT = "report.json"  # the file that says that all others are whole


def is_remote(path: str) -> bool:
    """Tell whether a path names a place that only fsspec reaches."""
    return "://" in path and not path.startswith("file://")


def plain_path(path: str) -> str:
    """Return a `file://` address as a path of this machine, anything else as it is."""
    return url2pathname(urlsplit(path).path) if path.startswith("file://") else path


def bring_here(source: str, folder: Path) -> Path:
    """Copy a remote file, folder or glob into a folder; return what to read there.

    Files keep their names relative to the folder that they were found in.

    Raises:  ValueError if there is nothing, OSError if the place cannot be reached.
    """
    with _reached(source) as (system, path):
        if glob.has_magic(path):
            found = [name for name in system.glob(path) if system.isfile(name)]
        else:
            found = system.find(path) if system.isdir(path) else []
        single = not found and system.isfile(path)
        found = [path] if single else sorted(found)
        if not found:
            raise ValueError(f"no such file or folder: {source}; check the address")
        root = path if system.isdir(path) else _common_folder(found)
        for name in found:
            inside = PurePosixPath(posixpath.relpath(name, root))
            if ".." in inside.parts:
                raise ValueError(f"{name} lies outside {source}; it is not read")
            target = folder / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            system.get_file(name, str(target))
    return folder / PurePosixPath(found[0]).name if single else folder


def publish(made: Path, out: str) -> None:
    """Move the files of a finished corpus to `out`; older shards there go.

    The report is taken away first and put there last: where it lies, all is whole.

    Raises:  OSError or ValueError if the place cannot be written.
    """
    names = sorted(path.name for path in made.iterdir() if path.name != REPORT)
    if is_remote(out):
        _publish_remote(made, names, out)
        return
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / REPORT).unlink(missing_ok=True)
    for old in folder.iterdir():
        if is_ours(old.name) and old.name not in names:
            old.unlink()
    for name in [*names, REPORT]:
        os.replace(made / name, folder / name)


def is_ours(name: str) -> bool:
    """Tell whether a file of this name is a shard of a corpus."""
    is_shard = name.startswith("train-") and name[6:7].isdigit()
    return is_shard and name.endswith(".jsonl") or name == "heldout.jsonl"


def _publish_remote(made: Path, names: list[str], out: str) -> None:
    with _reached(out) as (system, path):
        system.makedirs(path, exist_ok=True)
        before = [PurePosixPath(name).name for name in system.ls(path, detail=False)]
        gone = [n for n in before if n == REPORT or (is_ours(n) and n not in names)]
        for name in sorted(gone, key=lambda name: name != REPORT):
            system.rm_file(f"{path}/{name}")
        for name in [*names, REPORT]:
            system.put_file(str(made / name), f"{path}/{name}")


@contextmanager
def _reached(address: str) -> Iterator[tuple]:
    """Yield fsspec's file system and the path within it; say plainly what fails."""
    import fsspec

    try:
        yield fsspec.core.url_to_fs(address)
    except (ValueError, OSError):
        raise
    except Exception as error:  # every back end has exceptions of its own
        raise OSError(f"cannot reach {address}: {error}") from error


def _common_folder(names: list[str]) -> str:
    return posixpath.commonpath([posixpath.dirname(name) for name in names])
