"""Solutions of chapter 1; what an exercise rebuilds is taken from the module."""

import math
from collections.abc import Sequence

import numpy as np

from ch01_data.curves import precision_recall_curve
from ch01_data.dedup import candidate_probability, jaccard
from ch01_data.filters import View
from ch01_data.pii import luhn_valid

__all__ = [
    "candidate_probability",
    "grammar_entropy",
    "jaccard",
    "luhn_valid",
    "shouting",
    "threshold_for_recall",
]

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


def threshold_for_recall(
    scores: Sequence[float], truth: Sequence[bool], recall: float
) -> tuple[float, float]:
    """Walk down the curve to the first point that finds enough.

    Thresholds fall along the curve, so the first one is the highest.
    """
    curve = precision_recall_curve(scores, truth)
    first = int(np.argmax(curve.recall >= recall - 1e-9))
    return float(curve.thresholds[first]), float(curve.precision[first])
