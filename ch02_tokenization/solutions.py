"""Solutions of chapter 2's exercises; the first two are the module itself."""

import codecs
from collections.abc import Collection, Iterable, Iterator, Sequence

from ch02_tokenization.bpe import merge_pair
from ch02_tokenization.shards import shifted_windows
from ch02_tokenization.tokenization import Tokenizer

__all__ = [
    "best_fit",
    "fewest_tokens",
    "longest_match",
    "merge_pair",
    "readable_parts",
    "shifted_windows",
]


def longest_match(data: bytes, tokens: Collection[bytes]) -> list[bytes]:
    """Cut bytes greedily: always take the longest token that the rest begins with.

    Raises:  ValueError if the rest begins with no token at all.
    """
    known = set(tokens)
    longest = max(map(len, known), default=0)
    found, begin = [], 0
    while begin < len(data):
        for size in range(min(longest, len(data) - begin), 0, -1):
            if data[begin : begin + size] in known:
                break
        else:
            raise ValueError(
                f"no token begins {data[begin : begin + 8]!r}; the tokens must hold "
                "every single byte of the data"
            )
        found.append(data[begin : begin + size])
        begin += size
    return found


def readable_parts(tokenizer: Tokenizer, ids: Iterable[int]) -> Iterator[str]:
    """Yield the text of a stream of ids, one part for each id, never half a character.

    Bytes that can never become valid UTF-8 come out as U+FFFD.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for i in ids:
        yield decoder.decode(tokenizer.decode_bytes([i]))
    if rest := decoder.decode(b"", final=True):
        yield rest


def best_fit(sizes: Sequence[int], capacity: int) -> list[list[int]]:
    """Rebuild the packing of rows: largest first, each where it leaves the least room.

    Raises:  ValueError if a document is longer than `capacity`.
    """
    if max(sizes, default=0) > capacity:
        raise ValueError(f"a document of {max(sizes)} does not fit into {capacity}")
    rows: list[list[int]] = []
    room: list[int] = []
    for place in sorted(range(len(sizes)), key=lambda i: -sizes[i]):
        fitting = [row for row, left in enumerate(room) if left >= sizes[place]]
        if not fitting:
            fitting = [len(rows)]
            rows.append([])
            room.append(capacity)
        row = min(fitting, key=room.__getitem__)
        rows[row].append(place)
        room[row] -= sizes[place]
    return rows


def fewest_tokens(data: bytes, tokens: Collection[bytes]) -> list[bytes]:
    """Cut bytes into as few tokens as there can be, whatever merging would do.

    Raises:  ValueError if no row of tokens makes up the data.
    """
    known = set(tokens) - {b""}
    longest = max(map(len, known), default=0)
    fewest: list[int | None] = [0]  # for the first n bytes; None where it cannot be
    last = [b""]
    for end in range(1, len(data) + 1):
        sizes = range(1, min(longest, end) + 1)
        parts = [data[end - size : end] for size in sizes]
        possible = [
            (fewest[end - len(part)], part)
            for part in parts
            if part in known and fewest[end - len(part)] is not None
        ]
        number, part = min(possible, default=(None, b""))
        fewest.append(None if number is None else number + 1)
        last.append(part)
    if fewest[-1] is None:
        raise ValueError("no row of these tokens makes up the data")
    found, end = [], len(data)
    while end:
        found.append(last[end])
        end -= len(last[end])
    return found[::-1]
