"""Exercises of chapter 1: rebuild the parts that clean a corpus, then extend them.

`make exercises CH=01` copies this file to answers/ and grades what you write there.
"""

from collections.abc import Sequence

from ch01_data.filters import View


def jaccard(a: set, b: set) -> float:
    """Rebuild the similarity of two sets: what they share, over all that they have.

    Two empty sets have nothing in common, so their similarity is 0.

    Hint: a & b is what both have. You need not build a | b: it has as many members as
    a and b together, less those that were counted twice. Mind the division by zero.
    """
    raise NotImplementedError("exercise 1.1")


def candidate_probability(similarity: float, bands: int, rows: int) -> float:
    """Rebuild the S-curve: the chance that two signatures agree in a whole band.

    One entry of two signatures agrees with probability `similarity`, independently of
    the others. A band has `rows` entries, and there are `bands` of them. The pair is a
    candidate if at least one band agrees in all its entries.

    Hint: go by way of the opposite. What is the chance that one band agrees? That it
    does not? That none of them does?
    """
    raise NotImplementedError("exercise 1.2")


def grammar_entropy(
    grammar: dict[str, list[tuple[float, list[str]]]], symbol: str
) -> float:
    """Measure the entropy floor of a small grammar: the bits that one telling costs.

    A symbol that is a key of the grammar is told by choosing one of its options, each a
    weight and the symbols that stand in its place; weights need not sum to one. Any
    other symbol is a word and is written as it is. No symbol leads back to itself.
    Different choices give different texts.

    Units:   bits.

    Hint: choosing an option of probability p costs -log2 p, and then everything in its
    place must be told too. The expectation is a sum over the options, each with its own
    p before the bracket: p * (-log2 p + the entropies of its symbols).
    """
    raise NotImplementedError("exercise 1.3")


def shouting(view: View) -> bool:
    """Write a quality rule: more than 30 % of the words are shouted.

    A word is shouted if it has two letters or more and all its letters are capitals.
    Words without any letter count neither for nor against. A text without letters does
    not shout. `view.words` holds the words, with their punctuation.

    Hint: "I" and "A" are ordinary words, so count letters, not characters. str.isupper
    looks at the letters of a word and lets "BUY!!!" pass for capitals; str.isalpha says
    of one character whether it is a letter.
    """
    raise NotImplementedError("exercise 1.4")


def luhn_valid(digits: str) -> bool:
    """Rebuild the check of payment cards: is the last digit the right one?

    Read the digits from the right. Every second one is doubled, beginning with the
    second from the right; of a doubled digit with two places, both are added (7 becomes
    14, which counts 1 + 4). The sum of all must be a multiple of ten.

    Hint: enumerate(reversed(digits)) counts the places from the right. Of a number of
    two places, x // 10 and x % 10 are the two digits; for a smaller one the first is 0.
    """
    raise NotImplementedError("exercise 1.5")


def threshold_for_recall(
    scores: Sequence[float], truth: Sequence[bool], recall: float
) -> tuple[float, float]:
    """Choose a threshold that finds enough: the highest one, and its precision.

    A text is dropped if its score is at least the threshold; `truth` says which texts
    are bad. Among the scores that occur, return the highest at which at least the share
    `recall` (above 0) of the bad texts is dropped, and the precision there: the share
    of bad texts among all that are dropped. At least one text is bad.

    Hint: for a small corpus, simply try every score as a threshold, from the highest
    down, and count anew each time. All texts of one score fall together, so the order
    of equal scores cannot matter. Compare counts with recall times the number of bad
    texts; a whisker of 1e-9 forgives what floating point loses.
    """
    raise NotImplementedError("exercise 1.6")
