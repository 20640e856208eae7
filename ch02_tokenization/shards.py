"""Token ids on disk, and the rows of equal length that a model is trained on.

Text is encoded once and kept as a *shard*: `NAME.bin` holds the ids of all documents
one after another, two bytes each (four for a large vocabulary), `NAME.json` says where
each document begins and which tokenizer made them. A shard is memory-mapped: opening it
costs one check, and reading a row touches only that row.

A model takes rows of one length, and documents have many. Cutting the joined stream
every T tokens wastes nothing, but begins most rows in the middle of a story. Here a row
is filled with whole documents that together just fit:

    tokens   eot d d d d d eot e e e eot f f f f eot eot eot
    targets  d   d d d d eot e e e eot f f f f eot  -    -

where `-` is padding and not counted, and `eot` is the end-of-text token, which begins
every document and is the last thing that the model learns to say of it.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ch01_data.files import atomic_path, run_command, sha256
from ch01_data.sources import read_documents
from ch02_tokenization.pieces import batches, map_in_order
from ch02_tokenization.tokenization import Tokenizer
from ch02_tokenization.unfinished import PartialShard, encode_block

NOT_COUNTED = -100  # the target that torch's cross_entropy leaves out
AGAIN = "encode the text again with `python -m ch02_tokenization.shards`"


def shifted_windows(
    ids: Sequence[int], context_length: int, stride: int
) -> tuple[np.ndarray, np.ndarray]:
    """Cut ids into windows; the target at each position is the id that comes next.

    A window begins every `stride` ids: at `context_length` each id is a target once, a
    smaller stride shows it again with other neighbours. An incomplete last window is
    left out.

    Shape:   ids (_,)  ->  inputs (B, T), targets (B, T).
    Raises:  ValueError if the ids do not fill one window, or a length is not positive.
    """
    if context_length < 1 or stride < 1:
        raise ValueError(
            f"context_length {context_length} and stride {stride} must be at least 1"
        )
    if len(ids) <= context_length:
        raise ValueError(
            f"{len(ids)} ids do not fill a window of {context_length} and its targets; "
            "give more text or a shorter context_length"
        )
    data = np.asarray(ids, dtype=np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(data, context_length + 1)
    windows = windows[::stride]
    inputs = windows[:, :-1].copy()  # (B, T)
    targets = windows[:, 1:].copy()  # (B, T)
    return inputs, targets


# ---------------------------------------------------------------- shards


@dataclass(frozen=True)
class TokenShard:
    """The encoded documents of one corpus; `len()` is their number."""

    path: Path
    tokens: np.memmap
    offsets: np.ndarray
    tokenizer_hash: str
    text_bytes: int

    @classmethod
    def open(cls, path: str | Path, tokenizer: Tokenizer | None = None) -> "TokenShard":
        """Map the shard at `path` (without .bin) into memory, after checking it.

        Raises:  ValueError, naming the file, if one of the two is missing or damaged,
                 or if `tokenizer` is not the one that encoded it.
        """
        binary, header_path = shard_files(path)
        header = read_header(header_path)
        if tokenizer is not None and tokenizer.hash != header["tokenizer"]:
            raise ValueError(
                f"{binary} was encoded by tokenizer {header['tokenizer'][:12]}, not by "
                f"{tokenizer.hash[:12]}; load that tokenizer, or {AGAIN}"
            )
        check_binary(binary, header)
        return cls(
            path=binary.with_suffix(""),
            tokens=np.memmap(binary, dtype=header["dtype"], mode="r"),
            offsets=np.asarray(header["offsets"], dtype=np.int64),
            tokenizer_hash=header["tokenizer"],
            text_bytes=header["text_bytes"],
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def document(self, index: int) -> np.ndarray:
        """Return the ids of one document, without end-of-text tokens."""
        index = range(len(self))[index]
        return np.asarray(self.tokens[self.offsets[index] : self.offsets[index + 1]])


def shard_files(path: str | Path) -> tuple[Path, Path]:
    """Return the paths of a shard's .bin and .json, given either or neither ending."""
    path = Path(path)
    stem = path.stem if path.suffix in (".bin", ".json") else path.name
    return path.with_name(stem + ".bin"), path.with_name(stem + ".json")


def read_header(path: Path) -> dict:
    """Read a shard's .json and check that its numbers fit together."""
    if not path.exists():
        raise ValueError(f"{path} is missing; {AGAIN}")
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
        offsets = np.asarray(header["offsets"], dtype=np.int64)
        whole = (
            header["dtype"] in ("<u2", "<u4")
            and isinstance(header["tokenizer"], str)
            and isinstance(header["checksum"], str)
            and isinstance(header["text_bytes"], int)
            and offsets[0] == 0 < header["count"]
            and offsets[-1] == header["count"]
            and bool((np.diff(offsets) >= 0).all())
        )
    except (ValueError, KeyError, TypeError, IndexError, OverflowError):
        whole = False
    if not whole:
        raise ValueError(f"{path} is damaged (no valid header of a shard); {AGAIN}")
    return header


def check_binary(path: Path, header: dict) -> None:
    """Compare a shard's .bin with the length and checksum in its header."""
    if not path.exists():
        raise ValueError(f"{path} is missing, though its .json is there; {AGAIN}")
    expected = header["count"] * np.dtype(header["dtype"]).itemsize
    if path.stat().st_size != expected:
        raise ValueError(
            f"{path} has {path.stat().st_size:,} bytes, not {expected:,}: it was cut "
            f"off or belongs to another .json; {AGAIN}"
        )
    if sha256(path) != header["checksum"]:
        raise ValueError(f"{path} is damaged (its checksum is wrong); {AGAIN}")


def encode_corpus(
    texts: Iterable[str],
    tokenizer: Tokenizer,
    path: str | Path,
    processes: int = 1,
    progress: bool = False,
) -> TokenShard:
    """Encode documents into `path`.bin and `path`.json and open the result.

    Special tokens written in a document are ordinary text there: no text from outside
    can end a document early. End-of-text tokens are added when rows are packed. The
    texts are taken up as they come, `processes` cores encode them: as threads, since
    tiktoken holds no lock while it works.

    A run that was stopped goes on where it was when it is started again with the same
    texts (`unfinished.py`); the bytes are those of an unbroken run, for any number of
    processes.

    Raises:  ValueError if the documents hold no text at all, or if another process is
             writing this shard.
    """
    binary, header_path = shard_files(path)
    dtype = np.dtype("<u2" if tokenizer.vocab_size <= 1 << 16 else "<u4")
    encode = partial(encode_block, encode=tokenizer.array_encoder(), dtype=dtype)
    made_by = {"tokenizer": tokenizer.hash, "dtype": dtype.str}
    # Nothing is shown in the first second: bad input ends in one line, not in two.
    texts = tqdm(
        texts, desc="encoding", unit=" documents", delay=1, disable=not progress
    )
    with PartialShard(binary, made_by) as part:
        blocks = part.remaining(batches(texts))
        for entry, data in map_in_order(encode, blocks, processes, ThreadPoolExecutor):
            part.append(entry, data)
        lengths = [length for entry in part.entries for length in entry.lengths]
        if not sum(lengths):
            part.keep(0)
            raise ValueError(
                f"{len(lengths)} documents and no text in them; nothing to encode"
            )
        header = {
            "dtype": dtype.str,
            "count": sum(lengths),
            "documents": len(lengths),
            "text_bytes": sum(entry.text_bytes for entry in part.entries),
            "tokenizer": tokenizer.hash,
            "checksum": part.checksum(),
            "offsets": [0, *np.cumsum(lengths).tolist()],
        }
        with atomic_path(header_path) as temporary:
            temporary.write_text(json.dumps(header) + "\n", "utf-8", newline="\n")
            part.finish()
    return TokenShard.open(binary, tokenizer)


# ---------------------------------------------------------------- packing


class PackedRows:
    """Rows of `context_length` tokens and targets, filled with whole documents.

    A document that fits into a row is never split. A longer one is cut into pieces of a
    row each, so that every token of it is a target once; a later piece begins with the
    token before it, not with the end of text. The end-of-text ids tell where a document
    begins; chapter 3's `document_mask` keeps documents apart. `len()` is the number of
    rows, `fill` the share of counted targets. `packer` chooses the rows: `pack` by
    default; `packing.tightest` takes a second more and wastes less where few documents
    share a row.

    Raises:  ValueError if `context_length` is below 2 or a document has the
             end-of-text id inside.
    """

    def __init__(
        self,
        shard: TokenShard,
        context_length: int,
        end_of_text_id: int,
        seed: int = 0,
        packer: Callable[..., list[list[int]]] | None = None,
    ) -> None:
        if context_length < 2:
            raise ValueError(f"context_length is {context_length}, but must be >= 2")
        self.context_length = context_length
        self.end_of_text_id = end_of_text_id
        self._tokens = np.asarray(shard.tokens)  # plain array: slices of a memmap cost
        if contains(self._tokens, end_of_text_id):
            raise ValueError(
                f"{shard.path}.bin has the end-of-text id {end_of_text_id} inside a "
                "document; is it the id of another tokenizer?"
            )
        rng = np.random.default_rng(seed)
        pieces = cut_documents(shard.offsets, context_length)
        self._begins, self._lengths, self._sizes, self._continues = pieces
        packer = packer or pack
        rows = packer(self._sizes, self._continues, context_length, rng)
        self._rows = [rows[i] for i in rng.permutation(len(rows))]

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def n_targets(self) -> int:
        """The number of counted targets in all rows."""
        return int(self._sizes.sum())

    @property
    def fill(self) -> float:
        """The share of positions whose target counts, between 0 and 1."""
        return self.n_targets / (len(self) * self.context_length)

    def rows(self, indices: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Return the tokens and targets of the rows with these indices.

        Shape:   indices (B,)  ->  tokens (B, T), targets (B, T), both int64.
        """
        shape = (len(indices), self.context_length + 1)
        stream = np.full(shape, self.end_of_text_id, dtype=np.int64)
        used = np.empty(len(indices), dtype=np.int64)
        for row, index in enumerate(indices):
            used[row] = self._write(stream[row], self._rows[index])
        tokens = stream[:, :-1].copy()  # (B, T)
        targets = stream[:, 1:].copy()  # (B, T)
        targets[np.arange(self.context_length) >= used[:, None]] = NOT_COUNTED
        return tokens, targets

    def _write(self, stream: np.ndarray, pieces: list[int]) -> int:
        """Write pieces into a row full of end-of-text ids; return the targets used."""
        if self._continues[pieces[0]]:
            stream[0] = self._tokens[self._begins[pieces[0]] - 1]
        used = 0
        for piece in pieces:
            begin, length = self._begins[piece], self._lengths[piece]
            stream[used + 1 : used + 1 + length] = self._tokens[begin : begin + length]
            used += self._sizes[piece]
        return used


def contains(tokens: np.ndarray, token: int, step: int = 1 << 24) -> bool:
    """Return whether `token` is in a long array, looking at `step` ids at a time."""
    parts = range(0, len(tokens), step)
    return any(bool((tokens[i : i + step] == token).any()) for i in parts)


def cut_documents(
    offsets: np.ndarray, context_length: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return begin, length, size and "continues" of the pieces of all documents.

    A document of n tokens has n + 1 targets, its end of text among them; they are cut
    every `context_length` targets. `length` counts a piece's tokens, `size` its
    targets, one more where the end of text follows. Empty documents have no piece.
    """
    lengths = np.diff(offsets)
    documents = np.flatnonzero(lengths)
    counts = lengths[documents] // context_length + 1
    owners = np.repeat(documents, counts)
    firsts = np.repeat(np.cumsum(counts) - counts, counts)
    done = (np.arange(len(owners)) - firsts) * context_length
    left = lengths[owners] - done
    begins = offsets[owners] + done
    sizes = np.minimum(left + 1, context_length)
    return begins, np.minimum(left, context_length), sizes, done > 0


def pack(
    sizes: np.ndarray,
    opens: np.ndarray,
    capacity: int,
    rng: np.random.Generator,
) -> list[list[int]]:
    """Put pieces into rows of `capacity`: largest first, each where it fits best.

    A piece marked in `opens` must be first in its row. Pieces of equal size are taken
    in random order, so that another seed packs other neighbours together.

    Source:  best-fit decreasing, Johnson 1973; for training: Ding et al. 2024,
             "Fewer Truncations Improve Language Modeling".
    """
    shuffled = rng.permutation(len(sizes))
    order = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    rows: list[list[int]] = []
    room: list[list[int]] = [[] for _ in range(capacity + 1)]
    # Bit r of `free` is set while some row has room for r: the best fit is one shift.
    free = 0
    for piece in [*order[opens[order]].tolist(), *order[~opens[order]].tolist()]:
        size = int(sizes[piece])
        fitting = 0 if opens[piece] else free >> size
        if fitting:
            left = size + (fitting & -fitting).bit_length() - 1
            row = room[left].pop()
            free ^= (not room[left]) << left
        else:
            left, row = capacity, len(rows)
            rows.append([])
        rows[row].append(piece)
        room[left - size].append(row)
        free |= 1 << (left - size)
    return rows


def main(argv: list[str] | None = None) -> int:
    """Encode text into a shard of tokens and say how well it packs."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--input", required=True, help="a text file, .jsonl, or folder")
    parser.add_argument("--tokenizer", required=True, help="folder of tokenizer.json")
    parser.add_argument("--out", required=True, help="path of the shard, without .bin")
    parser.add_argument("--context-length", type=int, default=256, help="tokens a row")
    parser.add_argument("--processes", type=int, default=1, help="cores that encode")
    parser.add_argument("--seed", type=int, default=0, help="of the packing")
    args = parser.parse_args(argv)

    def command() -> None:
        tokenizer = Tokenizer.load(args.tokenizer)
        texts = (document.text for document in read_documents(args.input))
        shard = encode_corpus(texts, tokenizer, args.out, args.processes, progress=True)
        rows = PackedRows(
            shard, args.context_length, tokenizer.end_of_text_id, args.seed
        )
        n_tokens = len(shard.tokens)
        print(
            f"{shard.path}.bin: {len(shard):,} documents, {n_tokens:,} tokens, "
            f"{shard.text_bytes / n_tokens:.2f} bytes per token"
        )
        print(
            f"{len(rows):,} rows of {args.context_length} tokens, "
            f"{rows.fill:.1%} of their targets count"
        )

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
