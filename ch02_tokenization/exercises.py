"""Exercises of chapter 2: rebuild three parts of the module, then go beyond it.

`make exercises CH=02` copies this file to answers/ and grades what you write there.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence

import numpy as np

from ch02_tokenization.tokenization import Tokenizer


def shifted_windows(
    ids: Sequence[int], context_length: int, stride: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rebuild the loader: cut ids into windows, with the id that follows as target.

    A window begins every `stride` ids. An incomplete last window is left out, but the
    last one may use the very last id as a target. Both arrays are int64.

    Shape:   ids (_,)  ->  inputs (B, T), targets (B, T).
    Raises:  ValueError if the ids do not fill one window, or a length is not positive.

    Hint: a window and its targets together are context_length + 1 neighbouring ids.
    Cut these first, and take the last column off for the inputs, the first one off for
    the targets. At which place may the last window begin?
    """
    raise NotImplementedError("exercise 2.1")


def merge_pair(word: list[int], pair: tuple[int, int], new: int) -> list[int]:
    """Rebuild one step of byte-pair encoding: write `new` for each `pair` in `word`.

    Read from left to right; an id belongs to one pair at most, so that three equal ids
    hold the pair of two once. `new` itself may be any id, also one of the pair. The
    list that is given stays as it was.

    Hint: walk with an index through the word. Where the pair stands, append `new` and
    go on by two, elsewhere append the id and go on by one. Mind the last id, which has
    no neighbour.
    """
    raise NotImplementedError("exercise 2.2")


def longest_match(data: bytes, tokens: Collection[bytes]) -> list[bytes]:
    """Cut bytes greedily: always take the longest token that the rest begins with.

    No merges are needed, and the result is another one than that of merging. Empty
    data has no tokens, and an empty token is never taken.

    Raises:  ValueError if the rest begins with no token at all.

    Hint: the longest of all tokens bounds how far you must look. From there try ever
    shorter beginnings of what is left until one is a token. A set answers "is it a
    token?" at once; whatever collection is given, you can make a set of it.
    """
    raise NotImplementedError("exercise 2.3")


def readable_parts(tokenizer: Tokenizer, ids: Iterable[int]) -> Iterator[str]:
    """Yield the text of a stream of ids, one part for each id, never half a character.

    A part may be empty, while a character is still incomplete, and holds everything
    that has become complete with its id. Ids are taken up one by one: the part of the
    first is there before the second is asked for. Bytes that can never become valid
    UTF-8 come out as U+FFFD; so do those left over at the end, in one more part. The
    parts joined are `tokenizer.decode(ids)`.

    Hint: `codecs.getincrementaldecoder("utf-8")("replace")` makes a decoder with a
    memory: its `decode(data)` keeps an incomplete end for the next call, and
    `decode(b"", final=True)` gives up on it. `tokenizer.decode_bytes([i])` has the
    bytes of one id.
    """
    raise NotImplementedError("exercise 2.4")


def best_fit(sizes: Sequence[int], capacity: int) -> list[list[int]]:
    """Rebuild the packing of rows: largest first, each where it leaves the least room.

    `sizes` are the lengths of documents; the answer is a list of rows, each a list of
    places in `sizes`. A document goes into the fullest row that still has room for it,
    and opens a new row where there is none. The sizes stay as they were.

    Raises:  ValueError if a document is longer than `capacity`.

    Hint: sort the places, not the sizes, and keep beside the rows a list of the room
    that is left in each. Of the rows that have enough room take the one with the least.
    The module finds it without looking at every row; you need not.
    """
    raise NotImplementedError("exercise 2.5")


def fewest_tokens(data: bytes, tokens: Collection[bytes]) -> list[bytes]:
    """Cut bytes into as few tokens as there can be, whatever merging would do.

    Where several cuts are equally short any of them will do. Empty data has no tokens,
    and an empty token is never taken.

    Raises:  ValueError if no row of tokens makes up the data.

    Hint: ask a smaller question first: what is the least number of tokens for the first
    n bytes? For n = 0 it is 0. For each further n look at every token that could be the
    last one; what stands before it is a smaller question, already answered. Note for
    each n which last token was best, and read the cut backwards from the end.
    """
    raise NotImplementedError("exercise 2.6")
