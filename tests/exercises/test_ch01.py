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


# 1.5 luhn_valid


def test_1_5_two_digits_by_hand(impl) -> None:
    """18: the 8 stands, the 1 is doubled, 8 + 2 = 10. 81: 1 + 16 -> 1 + 1 + 6 = 8."""
    assert impl.luhn_valid("18"), (
        "18 gives 8 + 2 = 10, which is right: the last digit stands as it is, and the "
        "one before it is doubled"
    )
    assert not impl.luhn_valid("81"), (
        "81 gives 1 + (1 + 6) = 8, which is wrong: do you read from the left?"
    )


def test_1_5_a_doubled_digit_of_two_places_is_added_up(impl) -> None:
    """59: 9 + (1 + 0) = 10."""
    assert impl.luhn_valid("59"), (
        "59 gives 9 + 1 + 0 = 10: five doubled is 10, whose digits are added (1), and "
        "not the number itself (10, with 9 it would be 19)"
    )


def test_1_5_a_card_and_its_neighbours(impl) -> None:
    """4111 1111 1111 1111: 8 + 7 * 2 + 8 = 30; one more at the end makes 31."""
    assert impl.luhn_valid("4" + "1" * 15), "4111 1111 1111 1111 adds up to 30"
    found = [d for d in "0123456789" if impl.luhn_valid("4" + "1" * 14 + d)]
    assert found == ["1"], (
        f"of ten last digits only 1 is right after 411111111111111, not {found}: the "
        "sum must be a multiple of ten, not merely even, or of five"
    )


def test_1_5_odd_lengths_are_read_from_the_right_too(impl) -> None:
    """A card of 15 digits, 3782 822463 10005, adds up to 60."""
    assert impl.luhn_valid("378282246310005"), (
        "3782 822463 10005 is right. It has 15 digits: which ones are doubled is "
        "counted from the right end, or 15 digits come out otherwise than 16"
    )


# 1.6 threshold_for_recall

SCORES, BAD = [0.9, 0.8, 0.6, 0.3], [True, False, True, False]


def threshold(impl, scores, bad, recall) -> tuple[float, float]:
    return tuple(map(float, impl.threshold_for_recall(scores, bad, recall)))


def test_1_6_half_of_the_bad_texts(impl) -> None:
    """At 0.9 one text falls, it is bad, and it is one of two."""
    found = threshold(impl, SCORES, BAD, 0.5)
    assert found == (0.9, 1.0), (
        f"to find one of two bad texts, 0.9 is enough and drops nothing else: (0.9, "
        f"1.0), not {found}. Is it the highest threshold that suffices?"
    )


def test_1_6_all_of_them(impl) -> None:
    """At 0.6 three texts fall, two of them bad: 2/3."""
    value, precision = threshold(impl, SCORES, BAD, 1.0)
    assert value == 0.6, (
        f"all bad texts are found from 0.6 down, so the highest is 0.6, not {value}: a "
        "score equal to the threshold is dropped"
    )
    assert close(precision, 2 / 3), (
        f"at 0.6 three fall and two of them are bad: precision 2/3, not "
        f"{precision:.3f}; 1 would be the recall, 1/2 the share of bad texts"
    )


def test_1_6_a_threshold_is_a_score_and_no_rank(impl) -> None:
    shuffled = threshold(impl, [0.3, 0.6, 0.9, 0.8], [False, True, True, False], 1.0)
    assert shuffled[0] == 0.6, (
        f"the same four texts in another order gave {shuffled}: sort them by score, "
        "and each one's truth along with it"
    )


def test_1_6_equal_scores_fall_together(impl) -> None:
    """At 0.5 four texts fall, two of them bad, whichever stands first."""
    for bad in ([True, False, True, False], [False, True, False, True]):
        found = threshold(impl, [0.5] * 4, bad, 0.5)
        assert found == (0.5, 0.5), (
            f"four equal scores, two of them bad: all four fall at once, so the "
            f"precision is 1/2, not {found[1]:.3f}"
        )


def test_1_6_the_share_is_of_the_bad_texts(impl) -> None:
    """1 bad text of 5, in the second place: recall 1 at the second score."""
    found = threshold(impl, [5, 4, 3, 2, 1], [False, True, False, False, False], 0.9)
    assert found == (4.0, 0.5), (
        f"the only bad text has the second score, so (4, 1/2), not {found}: recall is "
        "a share of the bad texts, not of all texts"
    )
