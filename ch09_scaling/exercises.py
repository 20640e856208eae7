"""Exercises of chapter 9: add up around a ring, weigh fairly, and take the short way.

Copy this file to answers/ and grade your work: python -m common.exercises 09
"""

from torch import Tensor

from ch05_pretraining.pretraining import LossFunction
from ch09_scaling.ranks import Wire


def ring_all_reduce(vector: Tensor, wire: Wire) -> None:
    """Add up the vectors of all ranks, in place, by passing chunks around a ring.

    The wire knows `wire.rank` and `wire.world_size`; the one call you need is
    `wire.exchange(outgoing, to, incoming, source)`, which sends one tensor and fills
    another. No rank may send more than 2 (n - 1) / n of its vector.

    Shape:   vector (_,), equally long on every rank.

    Hint: cut the vector with `tensor_split`, whose chunks share its memory. In the
    first n - 1 steps send chunk (rank - step) % n to the right and add what arrives to
    the chunk before it. Then which chunk is finished on which rank? In the next n - 1
    steps the finished ones go around, and what arrives replaces what was there.
    """
    raise NotImplementedError("exercise 9.1")


def global_mean(loss_fn: LossFunction, wire: Wire) -> LossFunction:
    """Scale a rank's loss so that the plain mean over ranks is the mean over tokens.

    Return a loss function of a model and a batch. `loss_fn` gives the mean over this
    rank's counted targets (those that are not -100); the ranks count different numbers.

    Hint: the weight must be n c / C, with c targets counted here and C on all ranks.
    `all_reduce_mean([tensor], wire)` of `ch09_scaling.ring` gives C / n everywhere. And
    what is the mean over no targets at all?
    """
    raise NotImplementedError("exercise 9.2")


def doubling_all_reduce(vector: Tensor, wire: Wire) -> None:
    """Add up the vectors of all ranks, in place, in log2(n) exchanges.

    A ring of 1,024 ranks needs 2,046 messages one after the other. When the vector is
    short, the messages themselves are what costs, and this way needs 10: in each round
    every rank exchanges all that it has with one partner, and both add.

    Shape:   vector (_,), equally long on every rank.
    Raises:  ValueError that names the number of ranks if it is no power of two.

    Hint: in the rounds 1, 2, 4, ... the partner of a rank is the one whose number
    differs in that one binary digit: `rank ^ distance`. Receive into a tensor of its
    own, or you add to a vector that is being overwritten.
    """
    raise NotImplementedError("exercise 9.3")
