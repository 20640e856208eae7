"""Files that are whole or absent, and commands that fail in one clear line.

Everything that this book writes goes through here: a reader who presses Ctrl-C, or a
machine that loses power, leaves either the old file or the new one, never half of one.
"""

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, renamed onto it if the block succeeds.

    Raises:  ValueError if the folder cannot be made or written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except (PermissionError, NotADirectoryError, FileExistsError) as error:
        raise ValueError(
            f"cannot write {path}: {error.strerror}; "
            "name a folder that you may write to"
        ) from error
    finally:
        with suppress(OSError):  # it may not be there, nor the folder it would be in
            temporary.unlink()


def write_text(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: str | Path, value: object) -> None:
    """Write `value` as indented JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def run_command(command: Callable[[], object]) -> int:
    """Run a command's body; bad input becomes one line on stderr and exit status 2."""
    try:
        command()
    except (ValueError, OSError, ArithmeticError) as error:
        print("error:", " ".join(str(error).split()), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped: run the same command again to go on", file=sys.stderr)
        return 130
    return 0
