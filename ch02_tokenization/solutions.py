"""Solutions of chapter 2's exercises; the first two are the module itself."""

import codecs
from collections.abc import Collection, Iterable, Iterator

from ch02_tokenization.bpe import merge_pair
from ch02_tokenization.shards import shifted_windows
from ch02_tokenization.tokenization import Tokenizer

__all__ = ["longest_match", "merge_pair", "readable_parts", "shifted_windows"]


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
