"""Planted mistakes for chapter 1: each looks right and counts wrongly."""

import math


def jaccard__shared_counted_twice(a, b):
    return len(a & b) / max(len(a) + len(b), 1)


def jaccard__of_the_smaller_set(a, b):
    return len(a & b) / max(min(len(a), len(b)), 1)


def jaccard__of_the_first_set(a, b):
    return len(a & b) / max(len(a), 1)


def jaccard__is_dice(a, b):
    return 2 * len(a & b) / max(len(a) + len(b), 1)


def jaccard__empty_texts_are_equal(a, b):
    return len(a & b) / len(a | b) if a | b else 1.0


def candidate_probability__bands_and_rows_swapped(similarity, bands, rows):
    return 1 - (1 - similarity**bands) ** rows


def candidate_probability__none_agrees(similarity, bands, rows):
    return (1 - similarity**rows) ** bands


def candidate_probability__all_bands(similarity, bands, rows):
    return (similarity**rows) ** bands


def candidate_probability__adds_the_bands(similarity, bands, rows):
    return min(1.0, bands * similarity**rows)


def entropy(grammar, symbol, log=math.log2, reached=True, again=True, even=False):
    options = grammar.get(symbol, [])
    total = sum(1 if even else weight for weight, _ in options)
    bits = 0.0
    for weight, symbols in options:
        p = (1 if even else weight) / total
        told = symbols if again else set(symbols)
        after = sum(entropy(grammar, x, log, reached, again, even) for x in told)
        bits += p * (after - log(p)) if reached else after - p * log(p)
    return bits


def grammar_entropy__in_nats(grammar, symbol):
    return entropy(grammar, symbol, log=math.log)


def grammar_entropy__what_follows_always_counts(grammar, symbol):
    return entropy(grammar, symbol, reached=False)


def grammar_entropy__a_symbol_counts_once(grammar, symbol):
    return entropy(grammar, symbol, again=False)


def grammar_entropy__all_options_alike(grammar, symbol):
    return entropy(grammar, symbol, even=True)


def grammar_entropy__the_first_choice_only(grammar, symbol):
    total = sum(weight for weight, _ in grammar[symbol])
    return -sum(w / total * math.log2(w / total) for w, _ in grammar[symbol])


def letters(word):
    return sum(map(str.isalpha, word))


def shouting__needs_bare_letters(view):
    loud = sum(w.isalpha() and w.isupper() and len(w) > 1 for w in view.words)
    return loud > 0.3 * sum(letters(w) > 0 for w in view.words)


def shouting__counts_characters(view):
    loud = sum(w.isupper() and len(w) > 1 for w in view.words)
    return loud > 0.3 * sum(letters(w) > 0 for w in view.words)


def shouting__first_letter_is_enough(view):
    loud = sum(w[0].isupper() and letters(w) > 1 for w in view.words)
    return loud > 0.3 * sum(letters(w) > 0 for w in view.words)


def shouting__numbers_are_words(view):
    loud = sum(w.isupper() and letters(w) > 1 for w in view.words)
    return loud > 0.3 * len(view.words)


def shouting__at_the_threshold(view):
    loud = sum(w.isupper() and letters(w) > 1 for w in view.words)
    return loud >= 0.3 * max(sum(letters(w) > 0 for w in view.words), 1)


def luhn(digits, first=0, fold=True, modulus=10, turn=True):
    total = 0
    for place, digit in enumerate(reversed(digits) if turn else digits):
        doubled = int(digit) * (1 + (place + first) % 2)
        total += sum(map(int, str(doubled))) if fold else doubled
    return total % modulus == 0


def luhn_valid__doubles_the_last_digit(digits):
    return luhn(digits, first=1)


def luhn_valid__adds_the_doubled_number(digits):
    return luhn(digits, fold=False)


def luhn_valid__reads_from_the_left(digits):
    return luhn(digits, turn=False)


def luhn_valid__sixteen_digits_only(digits):
    return luhn(digits, first=1, turn=False)  # right for even lengths alone


def luhn_valid__a_multiple_of_five(digits):
    return luhn(digits, modulus=5)


def luhn_valid__the_sum_is_even(digits):
    return luhn(digits, modulus=2)


def walk(scores, truth, recall, order=True, above=False, of_all=False, ties=True):
    rows = list(zip(scores, truth))
    rows = sorted(rows, key=lambda row: -row[0]) if order else rows
    wanted = recall * (len(rows) if of_all else sum(truth)) - 1e-9
    found = 0
    for n, (score, bad) in enumerate(rows, start=1):
        found += bad
        if ties and n < len(rows) and rows[n][0] == score:
            continue
        if found >= wanted:
            after = rows[min(n, len(rows) - 1)][0]
            return (after if above else score), found / n
    return rows[-1][0], found / len(rows)


def threshold_for_recall__above_the_threshold_only(scores, truth, recall):
    return walk(scores, truth, recall, above=True)


def threshold_for_recall__takes_the_order_given(scores, truth, recall):
    return walk(scores, truth, recall, order=False)


def threshold_for_recall__a_share_of_all_texts(scores, truth, recall):
    return walk(scores, truth, recall, of_all=True)


def threshold_for_recall__splits_equal_scores(scores, truth, recall):
    return walk(scores, truth, recall, ties=False)


def threshold_for_recall__the_lowest_that_suffices(scores, truth, recall):
    return float(min(scores)), sum(truth) / len(truth)


def threshold_for_recall__returns_the_recall(scores, truth, recall):
    value, _ = walk(scores, truth, recall)
    return value, sum(t for s, t in zip(scores, truth) if s >= value) / sum(truth)


def threshold_for_recall__from_the_safe_end(scores, truth, recall):
    low = [-score for score in scores]
    value, precision = walk(low, truth, recall)
    return -value, precision
