"""Cut text into pieces, and count the pieces of a corpus that is larger than memory.

A *pattern* cuts text into pieces (a word with the space before it, up to three digits,
a run of punctuation), and no token reaches across a cut. All that training needs to
know of a corpus is how often each piece occurs. The pieces are few beside the places
where they stand, so a corpus of any size is read once, a batch at a time, by as many
processes as there are cores, and only the counts stay.
"""

import signal
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import TypeVar

import regex

# GPT-2 splits off contractions, words, numbers and punctuation, each with the space
# before it. GPT-4 also takes capital contractions, lets a word keep one leading mark,
# cuts numbers after three digits and keeps line ends apart. `(?i:'s)` is spelled out,
# because engines disagree on which letters fold to an s.
GPT2_PATTERN = (
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
)
GPT4_PATTERN = (
    r"'(?:[sdmtSDMT]|[lL][lL]|[vV][eE]|[rR][eE])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

MAX_PIECES = 2_000_000  # different pieces in memory; about 150 bytes each
BATCH_DOCUMENTS = 1024
BATCH_CHARACTERS = 1 << 21

Item, Result = TypeVar("Item"), TypeVar("Result")


def valid_unicode(text: str) -> str:
    """Return `text`, half surrogate pairs (which UTF-8 cannot write) made U+FFFD."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def special_splitter(special_tokens: Collection[str]) -> regex.Pattern | None:
    """Return a pattern that finds special tokens, the longest first; None if none."""
    longest_first = sorted(special_tokens, key=len, reverse=True)
    if not longest_first:
        return None
    return regex.compile("|".join(regex.escape(name) for name in longest_first))


def count_pieces(
    texts: Iterable[str],
    special_tokens: Collection[str],
    pattern: str,
    processes: int = 1,
    max_pieces: int = MAX_PIECES,
) -> Counter[str]:
    """Count how often each piece occurs: a corpus has far fewer words than places.

    `texts` is read once, a few batches ahead of what is counted. When more than
    `max_pieces` different pieces have come together, the rarer half is forgotten and
    begins again at zero; up to that number the counts are exact. They are the same for
    any number of `processes`.

    Raises:  ValueError if `processes` or `max_pieces` is not positive, OSError if a
             process was killed.
    Source:  forgetting what is rare: Manku and Motwani 2002, "Approximate Frequency
             Counts over Data Streams".
    """
    if max_pieces < 1:
        raise ValueError(f"max_pieces is {max_pieces}; it must be at least 1")
    count = partial(count_batch, special_tokens=special_tokens, pattern=pattern)
    counts: Counter[str] = Counter()
    for part in map_in_order(count, batches(texts), processes):
        counts.update(part)
        if len(counts) > max_pieces:
            # Sorting is stable: of equally frequent pieces the one seen first stays.
            counts = Counter(dict(counts.most_common()[: (max_pieces + 1) // 2]))
    return counts


def count_batch(
    texts: Iterable[str], special_tokens: Collection[str], pattern: str
) -> Counter[str]:
    """Count the pieces of some texts; special tokens are borders between pieces."""
    find_pieces = regex.compile(pattern).findall
    border = special_splitter(special_tokens)
    counts: Counter[str] = Counter()
    for text in map(valid_unicode, texts):
        for part in border.split(text) if border else (text,):
            for pieces in pieces_by_stretch(part, find_pieces):
                counts.update(pieces)
    return counts


def settled_pieces(text: str, find_pieces: Callable[[str], list[str]]) -> list[str]:
    """Return the first pieces of `text`: those that stay the same whatever may follow.

    Only the last two can change: white space is one piece or two, depending on what
    stands behind it. So it is with the two patterns above, and with others that look
    no further ahead than to the next character. Keep the pieces, not their text: cut
    anew without what follows, it may be cut in other places.
    """
    return find_pieces(text)[:-2]


def pieces_by_stretch(
    text: str, find_pieces: Callable[[str], list[str]], width: int = BATCH_CHARACTERS
) -> Iterator[list[str]]:
    """Yield the pieces of `text` in lists, each of a stretch about `width` long.

    A list of all pieces of a long text would take many times its memory.
    """
    begin, reach = 0, width
    while begin + reach < len(text):
        settled = settled_pieces(text[begin : begin + reach], find_pieces)
        if settled:
            yield settled
            begin, reach = begin + sum(map(len, settled)), width
        else:
            reach *= 2  # one piece fills the stretch
    yield find_pieces(text[begin:])


def stretches(texts: Iterable[str], width: int) -> Iterator[str]:
    """Yield `texts` joined and cut anew into valid texts of about `width` characters.

    Half a surrogate pair at the end of a text waits for its other half.
    """
    held = ""
    for text in texts:
        for begin in range(0, len(text), width):
            stretch = held + text[begin : begin + width]
            held = stretch[-1] if "\ud800" <= stretch[-1] <= "\udbff" else ""
            yield valid_unicode(stretch[: len(stretch) - len(held)])
    yield valid_unicode(held)


def batches(
    texts: Iterable[str],
    documents: int = BATCH_DOCUMENTS,
    characters: int = BATCH_CHARACTERS,
) -> Iterator[list[str]]:
    """Yield lists of texts that end with the first text to reach one of the limits."""
    batch, size = [], 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if len(batch) >= documents or size >= characters:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


# ---------------------------------------------------------------- many cores


def map_in_order(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    pool: Callable[[int], Executor] | None = None,
) -> Iterator[Result]:
    """Yield `function` of each item, in the order of the items, by several workers.

    Items are taken up as results are taken away, two for each worker at most, so that
    an endless stream needs no more memory than a short one. With one worker nothing is
    started. `pool` makes the workers: processes, unless told otherwise.

    Raises:  ValueError if `workers` is not positive, OSError if a worker was killed.
    """
    if workers < 1:
        raise ValueError(f"{workers} processes cannot work; give at least 1")
    if workers == 1:
        yield from map(function, items)
        return
    waiting = deque()
    with (pool or process_pool)(workers) as executor:
        try:
            for item in items:
                waiting.append(executor.submit(function, item))
                if len(waiting) >= 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise ChildProcessError(
                f"one of {workers} processes was killed, perhaps for lack of memory; "
                "run again with fewer"
            ) from error
        finally:
            executor.shutdown(wait=False, cancel_futures=True)


def process_pool(workers: int) -> ProcessPoolExecutor:
    """Start processes that leave Ctrl-C to the one that started them."""
    ignore = (signal.SIGINT, signal.SIG_IGN)
    return ProcessPoolExecutor(workers, initializer=signal.signal, initargs=ignore)
