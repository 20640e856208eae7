"""Exercises of chapter 1: rebuild two formulas of deduplication, then extend.

`make exercises CH=01` copies this file to answers/ and grades what you write there.
"""

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
