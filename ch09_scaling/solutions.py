"""Solutions of chapter 9's exercises; look when the checks have told you enough."""

import torch
from torch import Tensor

from ch09_scaling.data_parallel import global_mean
from ch09_scaling.ranks import Wire
from ch09_scaling.ring import ring_all_reduce

__all__ = ["doubling_all_reduce", "global_mean", "ring_all_reduce"]


def doubling_all_reduce(vector: Tensor, wire: Wire) -> None:
    """Add up the vectors of all ranks, in place, in log2(n) exchanges.

    After the round with distance d, a rank has the sum of the 2 d ranks whose numbers
    agree with its own but for their last digits; the next round joins two such groups.

    Shape:   vector (_,), equally long on every rank.
    Raises:  ValueError that names the number of ranks if it is no power of two.
    Source:  Thakur et al. 2005, recursive doubling.
    """
    if wire.world_size & (wire.world_size - 1):
        raise ValueError(
            f"{wire.world_size} ranks: doubling needs a power of two; use the ring"
        )
    distance = 1
    while distance < wire.world_size:
        partner = wire.rank ^ distance
        arrived = torch.empty_like(vector)
        wire.exchange(vector, partner, arrived, partner)
        vector += arrived
        distance *= 2
