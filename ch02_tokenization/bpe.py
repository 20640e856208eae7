"""The two halves of byte-pair encoding: learn merges from counts, and apply them.

Learning looks at a whole corpus and asks, again and again, which two neighbours stand
side by side most often. Applying looks at one piece of text and joins neighbours in the
order in which the joins were learned. Neither knows of ids, files or special tokens:
those belong to `tokenization.py`.
"""

import heapq
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from types import MappingProxyType


@cache
def byte_characters() -> Mapping[int, str]:
    """Return the visible character that stands for each byte in GPT-2's files.

    Printable bytes stand for themselves; the other 68 take the characters from U+0100
    on, so that a space is written as U+0120 and a line end as U+010A.

    Source:  Radford et al. 2019, the released `encoder.py`.
    """
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    hidden = [byte for byte in range(256) if byte not in printable]
    characters = {byte: chr(byte) for byte in printable}
    characters |= {byte: chr(0x100 + i) for i, byte in enumerate(hidden)}
    return MappingProxyType(characters)


def learn_merges(counts: Mapping[str, int], n_merges: int) -> list[tuple[bytes, bytes]]:
    """Merge the most frequent pair of neighbours, `n_merges` times.

    Counting all pairs again after each merge would cost a pass over the corpus. Only
    the words that hold the merged pair change, so we remember which words hold which
    pair and correct the counts there. The heap is lazy: an entry whose count has gone
    down since is put back with the new count when it comes up.

    Of equally frequent pairs the one with the smallest (left id, right id) wins. Here
    bytes are numbered by their visible character, as the `tokenizers` library does:
    with this rule, and no other that we tried, its merges come out.
    """
    characters = byte_characters()
    tokens = [bytes([byte]) for byte in sorted(characters, key=characters.__getitem__)]
    ids = {token: i for i, token in enumerate(tokens)}
    words = [[ids[bytes([byte])] for byte in piece.encode()] for piece in counts]
    frequencies = list(counts.values())
    pairs = PairCounts(words, frequencies)
    merges = []
    while len(tokens) < 256 + n_merges and (pair := pairs.pop()) is not None:
        merges.append((tokens[pair[0]], tokens[pair[1]]))
        merged = merges[-1][0] + merges[-1][1]
        new = ids.setdefault(merged, len(tokens))
        if new == len(tokens):
            tokens.append(merged)
        pairs.merge(pair, new)
    return merges


class PairCounts:
    """How often each pair of neighbours occurs in a list of words, kept up to date."""

    def __init__(self, words: list[list[int]], frequencies: list[int]) -> None:
        self.words, self.frequencies = words, frequencies
        self.counts: defaultdict[tuple[int, int], int] = defaultdict(int)
        self.holders: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        for index, word in enumerate(words):
            for pair in pairwise(word):
                self.counts[pair] += frequencies[index]
                self.holders[pair].append(index)
        self.heap = [(-count, pair) for pair, count in self.counts.items()]
        heapq.heapify(self.heap)

    def pop(self) -> tuple[int, int] | None:
        """Take the most frequent pair, the smallest one of equals; None at the end."""
        while self.heap:
            negative, pair = heapq.heappop(self.heap)
            count = self.counts.get(pair, 0)
            if count == -negative:
                return pair
            if 0 < count < -negative:
                heapq.heappush(self.heap, (-count, pair))
        return None

    def merge(self, pair: tuple[int, int], new: int) -> None:
        """Write `new` for `pair` in every word that holds it; correct the counts."""
        counts, holders = self.counts, self.holders
        grown = set()
        for index in holders.pop(pair):
            frequency, old = self.frequencies[index], self.words[index]
            word = self.words[index] = merge_pair(old, pair, new)
            if len(word) == len(old):
                continue  # the pair stood there twice, and the word was noted twice
            for gone in pairwise(old):
                counts[gone] -= frequency
            for made in pairwise(word):
                counts[made] += frequency
                if new in made:
                    holders[made].append(index)
                    grown.add(made)
        counts.pop(pair, None)
        for made in grown - {pair}:
            heapq.heappush(self.heap, (-counts[made], made))


def merge_pair(word: list[int], pair: tuple[int, int], new: int) -> list[int]:
    """Replace each `pair` in `word` by `new`, from left to right."""
    left, right = pair
    merged, i, last = [], 0, len(word) - 1
    while i <= last:
        if i < last and word[i] == left and word[i + 1] == right:
            merged.append(new)
            i += 2
        else:
            merged.append(word[i])
            i += 1
    return merged


def merge_piece(piece: bytes, ranks: dict[bytes, int]) -> list[bytes]:
    """Join neighbours in `piece`, always those that make the token of the lowest rank.

    `ends[i]` says where the part that begins at i ends, `begins[j]` where the part that
    ends at j begins. The heap holds possible joins; one whose parts have changed since
    it was noted is passed over. So a piece of n bytes costs n log n steps, and a
    megabyte without a space is no trouble.
    """
    ends, begins = list(range(1, len(piece) + 1)), list(range(-1, len(piece)))
    heap: list[tuple[int, int, int, int]] = []

    def note(start: int, middle: int, stop: int) -> None:
        rank = ranks.get(piece[start:stop])
        if rank is not None:
            heapq.heappush(heap, (rank, start, middle, stop))

    for start in range(len(piece) - 1):
        note(start, start + 1, start + 2)
    while heap:
        _, start, middle, stop = heapq.heappop(heap)
        if ends[start] != middle or ends[middle] != stop:
            continue
        ends[start], ends[middle], begins[stop] = stop, -1, start
        if start > 0:
            note(begins[start], start, stop)
        if stop < len(piece):
            note(start, stop, ends[stop])
    return [piece[i:end] for i, end in enumerate(ends) if end > 0]
