"""Lists that a filter looks things up in: plain files, one entry a line.

What is blocked is a decision, not a program, and whoever takes it should not have to
read Python. The lists of this book lie in the folder lists beside this module; a list
of your own is any text file, named by its path.
"""

from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).parent / "lists"


@lru_cache(maxsize=32)
def read_list(name: str | Path) -> frozenset[str]:
    """Return the entries of a list: one of this book by name, or a file by its path.

    An entry is a line in lower case without the space around it. Empty lines and what
    follows a hash sign are left out.
    Raises:  ValueError if there is no such list, it is not UTF-8 text or it is empty.
    """
    path = FOLDER / f"{name}.txt"
    if not path.is_file():
        path = Path(name)
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in FOLDER.glob("*.txt")))
        raise ValueError(f"no list {name!r}: name a file, or one of {known}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"the list {path} is not UTF-8 text: {error}") from error
    lines = (line.partition("#")[0].strip().lower() for line in text.splitlines())
    entries = frozenset(filter(None, lines))
    if not entries:
        raise ValueError(f"the list {path} has no entry; write one a line")
    return entries
