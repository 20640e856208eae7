"""Chapter 2: text is cut and counted alike, in any batches, by any number of cores."""

import itertools
import os
import signal
import time
import tracemalloc
from collections import Counter
from functools import partial

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from ch01_data.sources import read_documents
from ch02_tokenization import pieces
from ch02_tokenization.footprint import new_words
from ch02_tokenization.pieces import (
    GPT2_PATTERN,
    GPT4_PATTERN,
    batches,
    count_batch,
    count_pieces,
    map_in_order,
    pieces_by_stretch,
    settled_pieces,
    stretches,
)
from ch02_tokenization.tokenization import END_OF_TEXT, SPECIAL_TOKENS, train_bpe

TRICKY = "aAsSlLé1२'’ \t\n\r\u00a0.,!<|>_日👍\x00"
BLANKS = st.text(st.sampled_from(" \n\r\ta1'l"), max_size=12)
TRICKY_TEXT = st.one_of(st.text(st.sampled_from(TRICKY), max_size=60), BLANKS)
HALVES = st.text(st.sampled_from("a𝐀 \ud835\udc00\ud83d\ude00"), max_size=8)
PATTERNS = [GPT2_PATTERN, GPT4_PATTERN]
check = settings(max_examples=200, deadline=None, derandomize=True)


@pytest.fixture(scope="module")
def library():
    """About a megabyte of the Python library: real text in many documents."""
    return [d.text for d in read_documents("pylib", limit_bytes=1_000_000)]


# ---------------------------------------------------------------- golden


def test_counts_are_those_worked_by_hand():
    """ "a b b<end>b a": pieces a, _b, _b, then behind the border b, _a."""
    counts = count_pieces(["a b b<end>b a", "a"], ["<end>"], GPT4_PATTERN)
    assert counts == {"a": 2, " b": 2, "b": 1, " a": 1}


def test_the_rarer_half_is_forgotten_as_worked_by_hand(monkeypatch):
    """One document a batch, at most 3 pieces; a batch that makes it 4 halves it.

    "a a"   a 1, _a 1
    "b b"   + b 1, _b 1: four pieces, keep two, the first seen: a 1, _a 1
    "b a"   a 1, _a 2, b 1: three may stay
    " a c"  + _c 1, _a 3: four, keep two: _a 3 and then a, seen before b and _c
    """
    monkeypatch.setattr("ch02_tokenization.pieces.batches", lambda texts: zip(texts))
    texts = ["a a", "b b", "b a", " a c"]
    assert count_pieces(texts[:3], [], GPT4_PATTERN, 1, 3) == {"a": 1, " a": 2, "b": 1}
    assert count_pieces(texts, [], GPT4_PATTERN, 1, 3) == {" a": 3, "a": 1}
    assert count_pieces(texts, [], GPT4_PATTERN, 1, 6).total() == 8


def test_batches_end_with_the_text_that_reaches_a_limit():
    assert list(batches("abcde", 2, 99)) == [["a", "b"], ["c", "d"], ["e"]]
    assert list(batches(["aaa", "b", "cc", "d"], 9, 3)) == [["aaa"], ["b", "cc"], ["d"]]
    assert list(batches([], 2, 3)) == []


# ---------------------------------------------------------------- property


@check
@given(st.lists(TRICKY_TEXT, max_size=6), st.integers(1, 9), st.sampled_from(PATTERNS))
def test_counts_do_not_depend_on_batches(texts, size, pattern):
    expected = Counter(piece for t in texts for piece in regex.findall(pattern, t))
    assert count_pieces(texts, [], pattern) == expected
    parts = (count_batch(b, [], pattern) for b in batches(texts, size, 3 * size))
    assert sum(parts, Counter()) == expected


@check
@given(TRICKY_TEXT, st.integers(1, 30), st.sampled_from(PATTERNS))
def test_a_long_text_is_cut_alike_by_stretches(text, width, pattern):
    find = regex.compile(pattern).findall
    parts = list(pieces_by_stretch(text, find, width))
    assert list(itertools.chain.from_iterable(parts)) == find(text)


@check
@given(TRICKY_TEXT, TRICKY_TEXT, st.sampled_from(PATTERNS))
def test_nothing_that_follows_changes_what_is_settled(text, more, pattern):
    find = regex.compile(pattern).findall
    settled = settled_pieces(text, find)
    end = len("".join(settled))
    assert settled + find((text + more)[end:]) == find(text + more)


@check
@given(st.lists(st.one_of(HALVES, TRICKY_TEXT), max_size=8), st.integers(1, 9))
def test_stretches_join_halves_of_characters_as_utf_16_does(texts, width):
    joined = "".join(texts).encode("utf-16", "surrogatepass")
    parts = list(stretches(texts, width))
    assert "".join(parts) == joined.decode("utf-16", "replace")
    assert all(len(part) <= width + 1 for part in parts)


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(pieces, "batches", partial(batches, characters=50_000))


def test_the_tokenizer_is_the_same_for_any_number_of_processes(library, small_batches):
    texts = [f"{END_OF_TEXT}{text}" for text in library]
    assert len(list(pieces.batches(texts))) > 5
    one = train_bpe(texts, 700, SPECIAL_TOKENS)
    for processes in (2, 3):
        several = train_bpe(iter(texts), 700, SPECIAL_TOKENS, processes=processes)
        assert several.hash == one.hash


def test_forgetting_is_the_same_for_any_number_of_processes(library, small_batches):
    counted = [
        list(count_pieces(library, [], GPT4_PATTERN, processes, 4000).items())
        for processes in (1, 2)
    ]
    assert counted[0] == counted[1] and len(counted[0]) <= 4000
    exact = count_pieces(library, [], GPT4_PATTERN)
    assert len(exact) > 8000
    kept = dict(counted[0])
    assert all(count <= exact[piece] for piece, count in kept.items())
    assert all(kept[piece] == count for piece, count in exact.most_common(50))


def peak_bytes(texts, **limits):
    """Count the pieces of some texts; return the counts and what they took at most."""
    tracemalloc.start()
    counts = count_pieces(texts, [], GPT4_PATTERN, **limits)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return counts, peak


def test_memory_grows_with_different_pieces_only(small_batches):
    line = "".join(f" {first}{second}" for first in "abcdefgh" for second in "ijklmnop")
    peaks = [peak_bytes(itertools.repeat(line * 20, n))[1] for n in (40, 200)]
    assert peaks[1] < 1.1 * peaks[0] < 5e6


def test_endless_new_pieces_need_no_more_memory_than_the_limit(small_batches):
    words = (f"{word} the" for word in new_words())
    texts = ("".join(itertools.islice(words, 2000)) for _ in range(30))
    counts, peak = peak_bytes(texts, max_pieces=5000)
    assert len(counts) <= 5000 and counts[" the"] == 60_000
    assert peak < 8e6  # 60,000 different words would take more


# ---------------------------------------------------------------- many cores


def slow_if_odd(number):
    time.sleep(0.02 * (number % 2))
    return number * number


def end_itself(number):
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_results_come_in_order_though_some_take_longer():
    assert list(map_in_order(slow_if_odd, range(9), 3)) == [n * n for n in range(9)]
    assert list(map_in_order(slow_if_odd, [], 2)) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_items_are_taken_up_as_results_are_taken_away(workers):
    taken = itertools.count()
    results = map_in_order(abs, (next(taken) for _ in range(500)), workers)
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    assert next(taken) <= 5 + 2 * workers
    results.close()


def test_a_process_that_is_killed_is_one_clear_error():
    with pytest.raises(OSError, match="one of 2 processes was killed"):
        list(map_in_order(end_itself, range(20), 2))


def test_an_error_in_a_process_is_the_callers():
    with pytest.raises(ZeroDivisionError):
        list(map_in_order((1).__floordiv__, [1, 0, 1], 2))


def test_counts_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="0 processes cannot work"):
        count_pieces(["a"], [], GPT4_PATTERN, 0)
    with pytest.raises(ValueError, match="max_pieces is 0"):
        count_pieces(["a"], [], GPT4_PATTERN, 1, 0)
