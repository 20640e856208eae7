"""A shard that is being written, block by block, so that a stopped run can go on.

Encoding a large corpus takes hours, and machines stop. Until a shard is whole its ids
lie in `.NAME.bin.part`, and `.NAME.journal.part` holds one line for each block of
documents: a checksum of the texts, the documents' lengths, a checksum of the ids. A
second run trusts only what it can check. It keeps the blocks whose ids on disk have
their checksum and whose texts come again in the same order, and encodes from the first
one that differs. So the finished bytes are those of a run that was never stopped, even
if the power failed, the corpus grew, or a block changed in between.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import numpy as np

from ch01_data.files import sha256
from ch02_tokenization.pieces import valid_unicode

try:
    import fcntl
except ImportError:  # Windows: there two runs at once are not told apart
    fcntl = None


class Block(NamedTuple):
    """Documents that are encoded together, in valid Unicode, and their digest."""

    texts: list[str]
    digest: str
    text_bytes: int


@dataclass(frozen=True)
class Entry:
    """What the journal says of one block; `texts` and `ids` are SHA-256 digests."""

    texts: str
    text_bytes: int
    lengths: list[int]
    ids: str


def make_block(texts: Iterable[str]) -> Block:
    """Compute the digest of some texts, with their lengths, so that borders count."""
    valid, digest, size = [], hashlib.sha256(), 0
    for text in map(valid_unicode, texts):
        data = text.encode()
        digest.update(len(data).to_bytes(8, "little") + data)
        valid.append(text)
        size += len(data)
    return Block(valid, digest.hexdigest(), size)


def encode_block(
    block: Block, encode: Callable[[str], np.ndarray], dtype: np.dtype
) -> tuple[Entry, bytes]:
    """Return what the journal says of a block, and its ids as the bytes of a shard."""
    ids = [encode(text) for text in block.texts]
    data = np.concatenate(ids).astype(dtype).tobytes()
    lengths = [len(row) for row in ids]
    digest = hashlib.sha256(data).hexdigest()
    return Entry(block.digest, block.text_bytes, lengths, digest), data


class PartialShard:
    """What is on disk of an unfinished shard; a context that keeps others out.

    `made_by` says what ids depend on (tokenizer, integer type); parts that were made
    otherwise are thrown away. `entries` are the blocks that are done. Left without
    `finish`, it keeps its files for the next run if a block was done, else none.

    Raises:  ValueError if the folder cannot be written, or if another process is
             writing this shard.
    """

    def __init__(self, binary: Path, made_by: dict[str, str]) -> None:
        self.binary, self.made_by = binary, made_by
        self.part = binary.with_name(f".{binary.name}.part")
        self.journal = binary.with_name(f".{binary.stem}.journal.part")
        self.entries: list[Entry] = []

    def __enter__(self) -> "PartialShard":
        try:
            self.part.parent.mkdir(parents=True, exist_ok=True)
            self._journal = open(self.journal, "a+b")
            self._keep_others_out()
            self._ids = open(self.part, "a+b")
        except (PermissionError, NotADirectoryError, FileExistsError) as error:
            raise ValueError(
                f"cannot write {self.binary}: {error.strerror}; "
                "name a folder that you may write to"
            ) from error
        self._recover()
        return self

    def _keep_others_out(self) -> None:
        """Lock the journal; the lock goes with the process, however it ends."""
        if fcntl is None:
            return
        try:
            fcntl.flock(self._journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._journal.close()
            raise ValueError(
                f"another process is writing {self.binary}; wait for it or stop it"
            ) from error

    def _recover(self) -> None:
        """Read the journal as far as it is true, and cut both files to that point."""
        self._journal.seek(0)
        self._ids.seek(0)
        heading = json.dumps({"journal": 1, **self.made_by}, sort_keys=True).encode()
        first, *lines = self._journal.read().split(b"\n")[:-1] or [b""]
        if first != heading:
            lines = []
            self._journal.truncate(0)
            self._journal.write(heading + b"\n")
        self._ends = [(0, len(heading) + 1)]
        width = np.dtype(self.made_by["dtype"]).itemsize
        for entry, line in zip(map(read_entry, lines), lines):
            data = self._ids.read(sum(entry.lengths) * width) if entry else b""
            if entry is None or hashlib.sha256(data).hexdigest() != entry.ids:
                break
            self._note(entry, len(data), len(line) + 1)
        self.keep(len(self.entries))

    def _note(self, entry: Entry, n_ids: int, n_line: int) -> None:
        """Remember a block, and where both files end after it, in bytes."""
        ids_end, journal_end = self._ends[-1]
        self._ends.append((ids_end + n_ids, journal_end + n_line))
        self.entries.append(entry)

    def keep(self, n_blocks: int) -> None:
        """Forget all blocks but the first `n_blocks`."""
        del self.entries[n_blocks:], self._ends[n_blocks + 1 :]
        for file, end in zip((self._ids, self._journal), self._ends[-1]):
            file.truncate(end)

    def remaining(self, batches: Iterable[list[str]]) -> Iterator[Block]:
        """Yield the blocks that are still to be encoded, from the first that differs.

        What the journal says of later ones is forgotten.
        """
        blocks, done = map(make_block, batches), 0
        for block in blocks:
            known = done < len(self.entries)
            if not known or self.entries[done].texts != block.digest:
                self.keep(done)
                yield block
                break
            done += 1
        else:
            self.keep(done)
        yield from blocks

    def append(self, entry: Entry, data: bytes) -> None:
        """Write the ids of the next block, and then its line in the journal."""
        line = write_entry(entry)
        for file, content in ((self._ids, data), (self._journal, line)):
            file.write(content)
            file.flush()
        self._note(entry, len(data), len(line))

    def checksum(self) -> str:
        """Return the SHA-256 of all ids."""
        return sha256(self.part)

    def finish(self) -> None:
        """Give the ids their final name."""
        os.fsync(self._ids.fileno())
        self._ids.close()
        os.replace(self.part, self.binary)
        self.entries.clear()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ids.close()
        if not self.entries:
            for path in (self.part, self.journal):
                with suppress(OSError):
                    path.unlink()
        self._journal.close()


def write_entry(entry: Entry) -> bytes:
    """Return a line of the journal: a checksum of what follows, and the entry."""
    content = json.dumps(asdict(entry)).encode()
    return hashlib.sha256(content).hexdigest().encode() + b" " + content + b"\n"


def read_entry(line: bytes) -> Entry | None:
    """Read a line of the journal; None if it is not as it was written."""
    checksum, _, content = line.partition(b" ")
    if hashlib.sha256(content).hexdigest().encode() != checksum:
        return None
    return Entry(**json.loads(content))
