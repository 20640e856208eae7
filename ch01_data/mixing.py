"""Mixing sources: how much of each, how often, and in what order.

A reader names weights, and a temperature T bends them: source i has the share

    p_i = w_i^(1/T) / sum_j w_j^(1/T)          T = 1: as named; T -> infinity: all alike

of the training text. Sizes are tokens where a tokenizer is named, else bytes.

How much in all? Without a total, as much as needs no document twice: the source that is
smallest for its share is taken whole, and of the others a part. With a total, a source
smaller than its part of it is read several times (epochs): whole copies first, then a
part of one. Four times repeated text is worth nearly as much as new text and sixteen
times almost nothing, so more than `max_epochs` is refused.

Which part? Documents with the least numbers in the same draw that decides the split, so
that a larger total takes the same documents and more. In what order? Always from the
source that is furthest behind, so that every beginning of the corpus holds the sources
in their shares.

Source:  Devlin 2018, multilingual BERT (shares smoothed by an exponent); Raffel et al.
         2020, T5, section 3.5.2 (temperature); Muennighoff et al. 2023, Scaling
         Data-Constrained Language Models (epochs).
"""

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

MAX_EPOCHS = 4.0


@dataclass(frozen=True)
class Share:
    """What one source gives to a mix.

    Units:  available and wanted in tokens or bytes; epochs is wanted / available.
    """

    weight: float
    share: float
    available: int
    wanted: float

    @property
    def epochs(self) -> float:
        """How often the source is read."""
        return self.wanted / self.available


def shares(weights: Mapping[str, float], temperature: float = 1.0) -> dict[str, float]:
    """Return the share of each source, p_i proportional to w_i^(1/T); they sum to 1.

    Raises:  ValueError if a weight or the temperature is not a positive number.
    """
    for name, weight in {**weights, "the temperature": temperature}.items():
        if not (weight > 0 and math.isfinite(weight)):
            raise ValueError(f"{name} is {weight}, must be above 0 and finite")
    largest = max(weights.values())  # in ratios to it, so that no power overflows
    bent = {n: (w / largest) ** (1 / temperature) for n, w in weights.items()}
    total = sum(bent.values())
    return {name: value / total for name, value in bent.items()}


def plan_mix(
    sizes: Mapping[str, int],
    weights: Mapping[str, float],
    temperature: float = 1.0,
    total: int | None = None,
    max_epochs: float = MAX_EPOCHS,
) -> dict[str, Share]:
    """Say how much of each source is wanted, and how often it must be read for that.

    `total` None takes as much as needs no source more than once.

    Raises:  ValueError if a source would be read more than `max_epochs` times, or has a
             share so small that nothing of it would be taken.
    """
    parts = shares(weights, temperature)
    if total is None:
        total = min(sizes[name] / part for name, part in parts.items())
    plan = {
        name: Share(weights[name], part, sizes[name], part * total)
        for name, part in parts.items()
    }
    for name, share in plan.items():
        if share.epochs > max_epochs * (1 + 1e-9):
            most = int(min(max_epochs * sizes[n] / p for n, p in parts.items()))
            raise ValueError(
                f"{name} would be read {share.epochs:.1f} times (at most "
                f"{max_epochs:g}): it holds {share.available:,}, and "
                f"{share.wanted:,.0f} are wanted; ask for at most {most:,} in all, or "
                "give it less weight"
            )
        if share.wanted < 1:
            raise ValueError(
                f"of {name} only {share.wanted:.3g} would be taken; give it more "
                "weight or leave it out"
            )
    return plan


def choose_rows(sizes: np.ndarray, places: np.ndarray, wanted: float) -> np.ndarray:
    """Return which rows of a source a mix takes, in order, some of them repeatedly.

    Whole epochs come first. Of the last one, rows with the least places are taken until
    the next would be further from `wanted` than stopping is; at least one row in all.
    """
    whole, rest = divmod(wanted, int(sizes.sum()))
    order = np.argsort(places, kind="stable")
    before = np.cumsum(sizes[order]) - sizes[order]
    n = int((before + sizes[order] / 2 < rest).sum()) if rest > 0 else 0
    if not whole:
        n = max(n, 1)
    epochs = [np.arange(len(sizes))] * int(whole) + [np.sort(order[:n])]
    return np.concatenate(epochs)


def interleave(sizes: Sequence[np.ndarray]) -> Iterator[tuple[int, int]]:
    """Yield (source, row) so that every beginning holds the sources in proportion.

    The next row always comes from the source that is least far through its own rows; at
    any moment no two are further apart than one row.
    """
    totals = [max(int(size.sum()), 1) for size in sizes]
    heap = [(0.0, source, 0, 0) for source, size in enumerate(sizes) if len(size)]
    while heap:
        _, source, row, done = heap[0]
        yield source, row
        done += int(sizes[source][row])
        if row + 1 < len(sizes[source]):
            heapq.heapreplace(heap, (done / totals[source], source, row + 1, done))
        else:
            heapq.heappop(heap)
