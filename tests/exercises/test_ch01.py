"""Checks of chapter 1's exercises, from basic to subtle, one mechanism each."""

import math

from ch01_data.filters import View

CAT, RUG = {"the cat", "cat sat", "on the", "the mat"}, {"the cat", "cat sat", "a rug"}


def close(found: float, expected: float) -> bool:
    return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-12)


def view_of(text: str) -> View:
    return View(text, text.split(), text.split("\n"))


# 1.1 jaccard


def test_1_1_equal_sets_are_one_and_strangers_zero(impl) -> None:
    assert close(impl.jaccard(CAT, set(CAT)), 1.0), (
        "a set and its copy must have similarity 1: is the shared part counted twice "
        "in the denominator?"
    )
    assert close(impl.jaccard({1, 2}, {3}), 0.0), (
        "sets without a common member must have similarity 0"
    )


def test_1_1_two_shared_of_five(impl) -> None:
    """4 and 3 members, 2 of them shared: 2 / (4 + 3 - 2) = 0.4."""
    found = impl.jaccard(CAT, RUG)
    assert close(found, 2 / 5), (
        f"2 shared members of 5 different ones make 0.4, not {found:.3f}: 0.286 would "
        "count the shared ones twice, 0.667 divides by the smaller set alone, 0.571 is "
        "another measure, Dice's"
    )


def test_1_1_the_order_does_not_matter(impl) -> None:
    small, large = {1}, set(range(10))
    assert close(impl.jaccard(small, large), impl.jaccard(large, small)), (
        "jaccard(a, b) and jaccard(b, a) differ: does one of the sets alone stand in "
        "the denominator?"
    )


def test_1_1_two_empty_sets(impl) -> None:
    try:
        found = impl.jaccard(set(), set())
    except ZeroDivisionError:
        found = math.nan
    assert found == 0, (
        f"two empty sets gave {found}, not 0: is a division by zero guarded? Texts "
        "without words must not become duplicates of one another"
    )


# 1.2 candidate_probability


def test_1_2_the_ends_of_the_curve(impl) -> None:
    assert close(impl.candidate_probability(0.0, 21, 6), 0.0), (
        "texts that share nothing must never be candidates: did the opposite come out?"
    )
    assert close(impl.candidate_probability(1.0, 21, 6), 1.0), (
        "equal texts must always be candidates: did the opposite come out?"
    )


def test_1_2_one_band_must_agree_in_all_rows(impl) -> None:
    found = impl.candidate_probability(0.5, 1, 3)
    assert close(found, 1 / 8), (
        f"one band of 3 rows at similarity 1/2 agrees with 1/8, not {found:.4f}: all "
        "rows of a band must agree, so their chances are multiplied"
    )


def test_1_2_any_band_will_do(impl) -> None:
    found = impl.candidate_probability(0.5, 3, 1)
    assert close(found, 7 / 8), (
        f"3 bands of 1 row at similarity 1/2 make 1 - 1/8 = 7/8, not {found:.4f}: 1/8 "
        "would ask all bands to agree; have bands and rows changed places?"
    )


def test_1_2_chances_of_bands_do_not_add_up(impl) -> None:
    """1 - (1 - 0.9^2)^2 = 1 - 0.19^2 = 0.9639."""
    found = impl.candidate_probability(0.9, 2, 2)
    assert close(found, 0.9639), (
        f"2 bands of 2 rows at 0.9 make 0.9639, not {found:.4f}: a chance above 1, or "
        "just 1, means that the bands' chances were added instead of going by way of "
        "none of them"
    )


# 1.3 grammar_entropy

COIN = {"coin": [(1, ["heads"]), (1, ["tails"])]}


def test_1_3_a_coin_is_one_bit(impl) -> None:
    found = impl.grammar_entropy(COIN, "coin")
    assert close(found, 1.0), (
        f"a fair coin costs 1 bit, not {found:.4f}: 0.693 would be nats, a negative "
        "number lacks the minus"
    )


def test_1_3_words_and_single_options_are_free(impl) -> None:
    found = impl.grammar_entropy({"s": [(3, ["the", "end"])]}, "s")
    assert close(found, 0.0), (
        f"where there is one option only, nothing is chosen: 0 bits, not {found:.4f}. "
        "Are the weights divided by their sum?"
    )


def test_1_3_weights_count(impl) -> None:
    """Weights 2, 1, 1: 1/2 * 1 + 1/4 * 2 + 1/4 * 2 = 1.5 bits."""
    found = impl.grammar_entropy({"s": [(2, ["a"]), (1, ["b"]), (1, ["c"])]}, "s")
    assert close(found, 1.5), (
        f"weights 2, 1, 1 make 1.5 bits, not {found:.4f}: 1.585 would be three equal "
        "options"
    )


def test_1_3_a_symbol_told_twice_costs_twice(impl) -> None:
    found = impl.grammar_entropy(COIN | {"s": [(1, ["coin", "and", "coin"])]}, "s")
    assert close(found, 2.0), (
        f"two coins cost 2 bits, not {found:.4f}: each place where a symbol stands is "
        "chosen anew"
    )


def test_1_3_what_follows_counts_with_its_probability(impl) -> None:
    """1/4 goes on to two coins: 1/4 (2 + 2) + 3/4 (0.415 + 0) = 1.311 bits."""
    grammar = COIN | {"s": [(1, ["coin", "coin"]), (3, ["stop"])]}
    expected = 0.25 * (2 + 2) + 0.75 * math.log2(4 / 3)
    found = impl.grammar_entropy(grammar, "s")
    assert close(found, expected), (
        f"one telling in four goes on to two coins: {expected:.4f} bits on average, "
        f"not {found:.4f}. What follows a choice counts only as often as it is reached"
    )


# 1.4 shouting


def test_1_4_capitals_shout_and_prose_does_not(impl) -> None:
    assert impl.shouting(view_of("BUY CHEAP WATCHES NOW")), (
        "a text all in capitals must shout"
    )
    assert not impl.shouting(view_of("Poor Mia Baker met Tom in Maple Street.")), (
        "capitals at the beginning of words are no shouting: must all letters of a "
        "word be capitals?"
    )


def test_1_4_punctuation_does_not_muffle_it(impl) -> None:
    assert impl.shouting(view_of("BUY!!! (NOW) only")), (
        "'BUY!!!' and '(NOW)' are shouted, though not all their characters are letters"
    )


def test_1_4_a_single_letter_is_a_word(impl) -> None:
    assert not impl.shouting(view_of('"I see," said I. "A cat!"')), (
        "'I' and 'A' have one letter, whatever punctuation stands around them"
    )


def test_1_4_three_in_ten_are_still_allowed(impl) -> None:
    text = "NASA and ESA met the UN in our small town"
    assert not impl.shouting(view_of(text)), (
        "3 of 10 words are exactly 30 %, and the rule says more than 30 %"
    )
    assert impl.shouting(view_of(text.replace("met", "MET"))), (
        "4 of 10 words are more than 30 %"
    )


def test_1_4_numbers_are_no_voices(impl) -> None:
    assert impl.shouting(view_of("CALL ME now or 1 2 3 4 5 6 7 8 9")), (
        "2 of the 4 words with letters are shouted; numbers count neither way"
    )
    assert not impl.shouting(view_of("1 2 3 ---")), "a text without letters is silent"
