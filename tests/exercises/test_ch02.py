"""Checks of chapter 2's exercises, from basic to subtle, one mechanism each.

Everything here is exact: ids, bytes and characters know no tolerance.
"""

import numpy as np
import pytest

from ch02_tokenization import bpe, shards
from ch02_tokenization.tokenization import train_bpe


def refuses(function, *arguments) -> bool:
    try:
        function(*arguments)
    except ValueError:
        return True
    return False


# 2.1 shifted_windows


def test_2_1_the_windows_of_the_chapter(impl) -> None:
    """Ids 10 to 19, context 4: 10..13 guess 11..14, 14..17 guess 15..18."""
    inputs, targets = impl.shifted_windows(list(range(10, 20)), 4, 4)
    assert np.array_equal(inputs, [[10, 11, 12, 13], [14, 15, 16, 17]]), (
        f"the inputs of section 11 are {np.asarray(inputs).tolist()}: does a window "
        "begin every `stride` ids, from the first one on, and only where it is whole?"
    )
    assert np.array_equal(targets, [[11, 12, 13, 14], [15, 16, 17, 18]]), (
        f"the targets of section 11 are {np.asarray(targets).tolist()}: they are the "
        "inputs moved on by exactly one id"
    )


def test_2_1_the_last_id_is_guessed_where_it_just_fits(impl) -> None:
    inputs, targets = impl.shifted_windows(list(range(9)), 4, 4)
    assert np.array_equal(targets, [[1, 2, 3, 4], [5, 6, 7, 8]]), (
        "nine ids hold two windows of 4 with their targets, and the last target is "
        "the last id: does your last window begin one place too early or too late?"
    )
    assert len(inputs) == 2, "inputs and targets must have the same number of rows"


def test_2_1_windows_may_overlap_or_leave_gaps(impl) -> None:
    ids = [7, 3, 9, 1, 4, 8, 2, 6, 5, 0, 7]
    for length, stride in ((4, 1), (3, 2), (2, 5), (1, 3)):
        inputs, targets = impl.shifted_windows(ids, length, stride)
        expected = shards.shifted_windows(ids, length, stride)
        assert np.array_equal(inputs, expected[0]), (
            f"with context {length} and stride {stride} the inputs are wrong: the step "
            "from window to window is the stride, not the context length"
        )
        assert np.array_equal(targets, expected[1]), (
            f"with context {length} and stride {stride} the targets are wrong: the "
            "last target of a window is the id behind it, even where windows overlap"
        )


def test_2_1_both_are_arrays_of_int64(impl) -> None:
    ids = np.arange(70_000, 70_010, dtype=np.uint32)
    for array in impl.shifted_windows(ids, 3, 3):
        assert isinstance(array, np.ndarray) and array.dtype == np.int64, (
            "inputs and targets must be int64 arrays: torch looks rows up with int64"
        )
        assert array.min() >= 70_000, "large ids changed: is some integer too narrow?"


def test_2_1_inputs_and_targets_share_no_memory(impl) -> None:
    inputs, targets = impl.shifted_windows(list(range(9)), 4, 2)
    before = targets.copy()
    try:
        inputs[...] = -1
    except ValueError:
        raise AssertionError("the inputs are read-only: copy the view") from None
    assert np.array_equal(targets, before), (
        "writing into the inputs changed the targets: both are views of one memory"
    )


def test_2_1_too_few_ids_and_bad_lengths_are_refused(impl) -> None:
    assert len(impl.shifted_windows([1, 2, 3, 4, 5], 4, 4)[0]) == 1, (
        "five ids are enough for one window of 4 and its targets"
    )
    for arguments in (([1, 2, 3, 4], 4, 4), ([1, 2], 0, 1), ([1, 2], 1, 0)):
        assert refuses(impl.shifted_windows, *arguments), (
            f"ids, context and stride {arguments} must raise a ValueError: a window of "
            "n ids needs n + 1, and both lengths must be positive"
        )


# 2.2 merge_pair


def test_2_2_each_pair_becomes_the_new_id(impl) -> None:
    assert impl.merge_pair([1, 2, 3, 1, 2], (1, 2), 9) == [9, 3, 9], (
        "1 2 3 1 2 with the pair 1 2 is 9 3 9: is every pair replaced, also the last?"
    )


def test_2_2_a_word_without_the_pair_stays(impl) -> None:
    for word in ([], [1], [2, 1], [1, 3, 2], [2, 2, 1, 1]):
        assert impl.merge_pair(list(word), (1, 2), 9) == word, (
            f"{word} does not hold 1 followed by 2: are the order of the pair and the "
            "last id, which has no neighbour, both respected?"
        )


@pytest.mark.parametrize("n", range(2, 8))
def test_2_2_equal_ids_are_paired_from_the_left(impl, n: int) -> None:
    expected = [9] * (n // 2) + [5] * (n % 2)
    merged = impl.merge_pair([5] * n, (5, 5), 9)
    assert merged == expected, (
        f"{n} fives with the pair 5 5 give {merged} instead of {expected}: an id "
        "belongs to one pair only, and reading begins at the left"
    )


def test_2_2_what_was_made_is_not_merged_again(impl) -> None:
    merged = impl.merge_pair([1, 2, 2, 1], (1, 2), 1)
    assert merged == [1, 2, 1], (
        f"the new id 1, followed by 2, was merged a second time: {merged}; compare ids "
        "of the old word only"
    )


def test_2_2_the_given_list_stays_as_it_was(impl) -> None:
    word = [1, 2, 3]
    impl.merge_pair(word, (1, 2), 9)
    assert word == [1, 2, 3], "the caller's list was changed: build a new one"


def test_2_2_like_the_module_on_many_words(impl) -> None:
    rng = np.random.default_rng(2)
    for _ in range(300):
        word = rng.integers(0, 3, size=rng.integers(0, 12)).tolist()
        pair = tuple(rng.integers(0, 3, size=2).tolist())
        expected = bpe.merge_pair(list(word), pair, 9)
        assert impl.merge_pair(list(word), pair, 9) == expected, (
            f"the pair {pair} in {word} must give {expected}"
        )


# 2.3 longest_match

TOKENS = [b"a", b"b", b"c", b"d", b"bc", b"ab", b"abcd"]


def test_2_3_the_example_of_section_5(impl) -> None:
    found = impl.longest_match(b"abc", TOKENS)
    assert found == [b"ab", b"c"], (
        f"abc was cut into {found}: ab is the longest token at its beginning (a and bc "
        "would be the answer of merging)"
    )


def test_2_3_the_longest_is_taken_even_if_a_shorter_beginning_is_none(impl) -> None:
    found = impl.longest_match(b"abcdabc", TOKENS)
    assert found == [b"abcd", b"ab", b"c"], (
        f"abcdabc was cut into {found}: abcd is a token although abc is none, so do "
        "not stop growing at the first beginning that is no token"
    )


def test_2_3_it_reads_from_the_left(impl) -> None:
    found = impl.longest_match(b"aab", [b"a", b"b", b"aa", b"ab"])
    assert found == [b"aa", b"b"], (
        f"aab was cut into {found}: what counts is the longest token at the beginning, "
        "not at the end"
    )


def test_2_3_the_parts_join_to_the_data(impl) -> None:
    tokenizer = train_bpe(["the red key and the read tree"], 270)
    tokens = list(tokenizer.vocab.values())
    for text in ("the red key", "read the tree", "Zoë 🙂", "ttttt", "x"):
        found = impl.longest_match(text.encode(), tokens)
        assert b"".join(found) == text.encode(), f"{text!r} does not come back whole"
        assert all(token in tokens for token in found), (
            f"{text!r} gave {found}, and not all of these are tokens"
        )


def test_2_3_no_data_no_tokens(impl) -> None:
    assert impl.longest_match(b"", TOKENS) == [], "empty data must give an empty list"
    found = impl.longest_match(b"ab", [b"", b"a", b"b"])
    assert found == [b"a", b"b"], f"an empty token in the list led to {found}"


def test_2_3_what_begins_with_no_token_is_refused(impl) -> None:
    assert refuses(impl.longest_match, b"abx", TOKENS), (
        "x is no token and begins none: raise a ValueError, do not skip it in silence"
    )
    assert impl.longest_match(b"abcd", [b"abcd"]) == [b"abcd"], (
        "abcd is the only token and the whole data: nothing to refuse here"
    )


# 2.4 readable_parts

BYTES = train_bpe(["no merges at all"], 257, ["<|end|>"])


def test_2_4_plain_letters_come_one_by_one(impl) -> None:
    parts = list(impl.readable_parts(BYTES, BYTES.encode("key")))
    assert parts == ["k", "e", "y"], (
        f"the parts of k, e, y are {parts}: plain letters need not wait for anything"
    )


def test_2_4_no_half_characters(impl) -> None:
    parts = list(impl.readable_parts(BYTES, BYTES.encode("aë🙂")))
    assert "\ufffd" not in "".join(parts), (
        "the reader sees U+FFFD though every character becomes complete: was each id "
        "decoded alone?"
    )
    assert parts == ["a", "", "ë", "", "", "", "🙂"], (
        f"the parts are {parts}: one part for each id, empty until the character is "
        "complete, and then at once"
    )


def test_2_4_a_part_is_there_before_the_next_id_is_asked_for(impl) -> None:
    asked = []

    def stream():
        for i in BYTES.encode("abc"):
            asked.append(i)
            yield i

    first = next(iter(impl.readable_parts(BYTES, stream())))
    assert first == "a" and len(asked) == 1, (
        f"{len(asked)} ids were taken before the first part {first!r} came: yield "
        "while you read, or a chat will stand still until its end"
    )


def test_2_4_what_can_never_be_valid_becomes_a_mark_at_once(impl) -> None:
    ids = [0xC3, ord("a"), 0xFF, ord("b")]
    parts = list(impl.readable_parts(BYTES, ids))
    assert parts == ["", "\ufffda", "\ufffd", "b"], (
        f"the parts are {parts}: C3 waits for its second half, and when an a comes "
        "instead, it will never be a character; FF never begins one"
    )


def test_2_4_the_rest_is_not_lost(impl) -> None:
    ids = BYTES.encode("ab🙂")[:-1]
    parts = list(impl.readable_parts(BYTES, ids))
    assert "".join(parts) == BYTES.decode(ids) == "ab\ufffd", (
        f"the stream ended inside a character and the parts are {parts}: the bytes "
        "left over must come out as one U+FFFD in a last part"
    )
    assert len(list(impl.readable_parts(BYTES, BYTES.encode("ab")))) == 2, (
        "with nothing left over there is no last part"
    )


def test_2_4_joined_parts_are_the_decoded_text(impl) -> None:
    tokenizer = train_bpe(["ëëë ññ 🙂🙂 日本 日本"], 275, ["<|end|>"])
    rng = np.random.default_rng(4)
    texts = ["ë日🙂ñ", "plain", "", "<|end|>ok"]
    streams = [tokenizer.encode(text) for text in texts]
    streams += [rng.integers(0, len(tokenizer), size=12).tolist() for _ in range(60)]
    for ids in streams:
        joined = "".join(impl.readable_parts(tokenizer, ids))
        assert joined == tokenizer.decode(ids), (
            f"the ids {ids} are {tokenizer.decode(ids)!r} in one go and {joined!r} in "
            "parts: do bytes get lost, doubled, or marked in another number?"
        )


# 2.5 best_fit


def filled(rows, sizes) -> list[int]:
    """How full the rows are; which of two equal rows takes a document is open."""
    return sorted(sum(sizes[place] for place in row) for row in rows)


def module_filled(sizes, capacity) -> list[int]:
    data, opens = np.array(sizes), np.zeros(len(sizes), dtype=bool)
    return filled(shards.pack(data, opens, capacity, np.random.default_rng(0)), sizes)


def test_2_5_the_fruit_of_the_chapter(impl) -> None:
    """fig, grape, nut need 4, 6 and 4 places of 8: grape alone, fig beside nut."""
    rows = impl.best_fit([4, 6, 4], 8)
    assert sorted(sorted(row) for row in rows) == [[0, 2], [1]], (
        f"sizes 4, 6, 4 and rows of 8 gave {rows}: is the largest taken first, and "
        "does a row hold places in the list of sizes, not the sizes themselves?"
    )


def test_2_5_a_row_may_be_filled_to_the_brim(impl) -> None:
    rows = impl.best_fit([8, 3, 5], 8)
    assert filled(rows, [8, 3, 5]) == [8, 8], (
        f"8 fits into an empty row of 8, and 5 + 3 into another; got {rows}: room that "
        "is just enough is enough"
    )


def test_2_5_every_document_once_and_no_row_overfull(impl) -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        sizes = rng.integers(1, 20, size=rng.integers(1, 40)).tolist()
        rows = impl.best_fit(list(sizes), 20)
        places = sorted(place for row in rows for place in row)
        assert places == list(range(len(sizes))), (
            f"of the places 0 to {len(sizes) - 1} the rows hold {places}: each "
            "document must stand in one row, equal sizes too"
        )
        assert max(filled(rows, sizes)) <= 20, f"a row of 20 was overfilled: {rows}"
        assert all(rows), "a row without a document is no row"


def test_2_5_the_fullest_row_with_room_is_taken(impl) -> None:
    """6, 5, 3, 2 in rows of 10: 3 joins 6 (1 left), not 5 (2 left); 2 joins 5."""
    sizes = [6, 5, 3, 2]
    rows = impl.best_fit(list(sizes), 10)
    assert sorted(sorted(row) for row in rows) == [[0, 2], [1, 3]], (
        f"sizes 6, 5, 3, 2 and rows of 10 gave {rows}: 3 leaves 1 beside 6 and 2 "
        "beside 5, so the first is the better fit"
    )


def test_2_5_as_full_as_the_module_on_many_lengths(impl) -> None:
    rng = np.random.default_rng(6)
    for capacity in (9, 30, 100):
        sizes = rng.integers(1, capacity + 1, size=120).tolist()
        found = filled(impl.best_fit(list(sizes), capacity), sizes)
        expected = module_filled(sizes, capacity)
        assert found == expected, (
            f"120 documents in rows of {capacity} took {len(found)} rows, the module's "
            f"take {len(expected)}, or they are filled otherwise: is it the *least* "
            "room that decides, among all rows, for each document in turn?"
        )


def test_2_5_the_sizes_stay_and_no_documents_need_no_rows(impl) -> None:
    sizes = [3, 9, 4]
    impl.best_fit(sizes, 10)
    assert sizes == [3, 9, 4], "the caller's list was changed: sort the places instead"
    assert impl.best_fit([], 10) == [], "no documents need no rows"


def test_2_5_a_document_longer_than_a_row_is_refused(impl) -> None:
    assert refuses(impl.best_fit, [3, 11], 10), (
        "11 does not fit into any row of 10: raise a ValueError, do not overfill one"
    )


# 2.6 fewest_tokens


def least(data: bytes, tokens) -> int | None:
    """Try everything: the least number of tokens, None if there is no cut."""
    if not data:
        return 0
    rests = [data[len(t) :] for t in tokens if t and data.startswith(t)]
    found = [n for rest in rests if (n := least(rest, tokens)) is not None]
    return 1 + min(found) if found else None


def test_2_6_neither_the_longest_nor_the_first(impl) -> None:
    tokens = [b"a", b"b", b"c", b"d", b"e", b"ab", b"abc", b"cde"]
    found = impl.fewest_tokens(b"abcde", tokens)
    assert found == [b"ab", b"cde"], (
        f"abcde was cut into {found}: ab and cde are two tokens, and who takes the "
        "longest one first needs three"
    )


def test_2_6_the_parts_are_tokens_and_join_to_the_data(impl) -> None:
    tokenizer = train_bpe(["the red key and the read tree"], 270)
    tokens = list(tokenizer.vocab.values())
    for text in ("the red key", "read the tree", "Zoë 🙂", "ttttt", "x"):
        found = impl.fewest_tokens(text.encode(), tokens)
        assert b"".join(found) == text.encode(), (
            f"{text!r} came back as {found}: are the parts in the order of the text?"
        )
        assert set(found) <= set(tokens), f"{text!r} gave {found}: not all are tokens"
        assert len(found) <= len(tokenizer.encode(text)), (
            f"{text!r} took {len(found)} tokens, and merging needs fewer"
        )


def test_2_6_no_cut_is_shorter(impl) -> None:
    rng = np.random.default_rng(7)
    for _ in range(120):
        tokens = ["a", "b", "ab", "ba", "aab", "abab", "bbaa", "aaaaa"]
        tokens = [t.encode() for t in rng.permutation(tokens)[:5].tolist()]
        data = "".join(rng.choice(["a", "b"], size=rng.integers(1, 11))).encode()
        expected = least(data, tokens)
        if expected is None:
            assert refuses(impl.fewest_tokens, data, tokens), (
                f"{data} cannot be made of {tokens}: raise a ValueError"
            )
            continue
        found = impl.fewest_tokens(data, tokens)
        assert b"".join(found) == data, f"{data} with {tokens} gave {found}"
        assert len(found) == expected, (
            f"{data} with {tokens} was cut into {len(found)} tokens, and {expected} "
            "will do: is every possible last token tried, for every beginning?"
        )


def test_2_6_a_dead_end_is_no_answer(impl) -> None:
    found = impl.fewest_tokens(b"aab", [b"aa", b"a", b"ab"])
    assert found == [b"a", b"ab"], (
        f"aab was cut into {found}: behind aa no token begins with b, so that "
        "beginning leads nowhere, and a with ab is the only cut"
    )


def test_2_6_a_long_text_takes_no_longer_than_its_length(impl) -> None:
    data = b"ab" * 3000 + b"b"
    try:
        found = impl.fewest_tokens(data, [b"a", b"b", b"ab", b"ba", b"bab"])
    except RecursionError:
        raise AssertionError(
            "6,001 bytes are too deep for a function that calls itself: go through "
            "the beginnings from the shortest to the longest instead"
        ) from None
    assert len(found) == 3001 and b"".join(found) == data, (
        f"{len(found)} tokens; 3,001 will do"
    )


def test_2_6_nothing_and_the_impossible(impl) -> None:
    assert impl.fewest_tokens(b"", [b"a"]) == [], "empty data has no tokens"
    assert impl.fewest_tokens(b"ab", [b"", b"a", b"b"]) == [b"a", b"b"], (
        "an empty token must never be taken"
    )
    for data, tokens in ((b"x", [b"a"]), (b"ax", [b"a"]), (b"a", [])):
        assert refuses(impl.fewest_tokens, data, tokens), (
            f"{data} cannot be made of {tokens}: raise a ValueError"
        )
