"""Solutions of chapter 1; what an exercise rebuilds is taken from the module."""

import math

from ch01_data.dedup import candidate_probability, jaccard
from ch01_data.filters import View

__all__ = ["candidate_probability", "grammar_entropy", "jaccard", "shouting"]

MAX_SHOUTED = 0.3


def grammar_entropy(
    grammar: dict[str, list[tuple[float, list[str]]]], symbol: str
) -> float:
    """Add up what the choice costs and what each option costs after it.

    Units:   bits.
    """
    options = grammar.get(symbol, [])
    total = sum(weight for weight, _ in options)
    bits = 0.0
    for weight, symbols in options:
        p = weight / total
        if p > 0:
            after = sum(grammar_entropy(grammar, each) for each in symbols)
            bits += p * (after - math.log2(p))
    return bits


def shouting(view: View) -> bool:
    """Count words in capitals among the words that have a letter."""
    counts = [sum(map(str.isalpha, word)) for word in view.words]
    shouted = sum(
        n >= 2 and word.isupper() for n, word in zip(counts, view.words, strict=True)
    )
    return shouted > MAX_SHOUTED * sum(n > 0 for n in counts)
