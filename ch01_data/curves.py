"""How well a filter tells good from bad: precision, recall, and the choice between.

A classifier gives each text a score, and somebody must say from which score on a text
is dropped. Each threshold is a bargain: a low one catches everything and drops good
texts with it (recall 1, low precision), a high one drops only what is certain. The
curve of all bargains is drawn by walking down the list of texts, worst first.

    score   0.9  0.8  0.6  0.3        dropping the first three finds both bad ones:
    bad?    yes  no   yes  no         precision 2/3, recall 1
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Curve(NamedTuple):
    """Precision and recall when all with a score of at least the threshold are taken.

    Thresholds fall, so recall rises. Shape: (different scores,) each.
    """

    thresholds: np.ndarray
    precision: np.ndarray
    recall: np.ndarray


def precision_recall_curve(scores: Sequence[float], truth: Sequence[bool]) -> Curve:
    """Return the precision-recall curve of scores against the truth.

    Equal scores are taken together, so the order of the texts does not matter.
    Raises:  ValueError if the lengths differ, nothing is true, or a score is no number.
    """
    values, bad = np.asarray(scores, np.float64), np.asarray(truth, bool)
    if values.shape != bad.shape or values.ndim != 1:
        raise ValueError(f"{values.shape} scores and {bad.shape} truths; one of each")
    if not bad.any():
        raise ValueError(f"none of {len(bad)} texts is of the class: no recall to draw")
    if np.isnan(values).any():
        raise ValueError("a score is no number (nan)")
    order = np.argsort(-values, kind="stable")
    values, hits = values[order], np.cumsum(bad[order])
    ends = np.flatnonzero(np.append(values[1:] != values[:-1], True))
    return Curve(values[ends], hits[ends] / (ends + 1), hits[ends] / hits[-1])


def average_precision(curve: Curve) -> float:
    """Return the mean precision over recall: the area under the curve in steps.

    1 is perfect; blind guessing gets the share of the class.
    """
    gained = np.diff(curve.recall, prepend=0.0)
    return float((gained * curve.precision).sum())


def threshold_for(curve: Curve, precision: float = 0.95) -> float:
    """Return the lowest threshold whose precision, and that of all above, suffices.

    "All above" keeps a lucky streak far down the list from being taken.
    Raises:  ValueError if not even the highest score is precise enough.
    """
    good = np.minimum.accumulate(curve.precision) >= precision
    if not good[0]:
        raise ValueError(
            f"the highest score {curve.thresholds[0]:.3g} has precision "
            f"{curve.precision[0]:.3f}, below {precision}; ask for less"
        )
    return float(curve.thresholds[good][-1])
