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
