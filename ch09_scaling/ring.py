r"""All-reduce by hand: every rank ends with the sum of what all ranks had.

In reading order: two ways to add up, what they cost, and the mean. The wire that
carries the numbers is in `ranks.py`, which comes first.

The ring for three ranks. Each cuts its vector into three chunks a, b and c; `a01` is
rank 0's and rank 1's chunk a added up, `A` the sum of all three. Every rank sends to
its right neighbour (0 -> 1 -> 2 -> 0), all at the same time:

            start        reduce-scatter             all-gather
    rank 0  a0 b0 c0  ->  a0  b0  c02  ->  .  B  .   ->  A B .  ->  A B C
    rank 1  a1 b1 c1  ->  a01 b1  c1   ->  .  .  C   ->  . B C  ->  A B C
    rank 2  a2 b2 c2  ->  a2  b12 c2   ->  A  .  .   ->  A . C  ->  A B C

In n - 1 steps each chunk has gone once around and grown to the sum; in n - 1 more the
sums go around. Each step moves 1/n of the vector, so a rank sends 2 (n - 1) / n of it:
less than two vectors, however many ranks there are.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from ch09_scaling.ranks import Wire

AllReduce = Callable[[Tensor, Wire], None]


def gather_all_reduce(vector: Tensor, wire: Wire) -> None:
    """Let rank 0 add up the vectors of all ranks, in place, and send the sum to each.

    Rank 0 receives n - 1 vectors and sends n - 1, while the others wait.

    Shape:   vector (_,).
    """
    if wire.rank:
        wire.send(vector, 0)
        wire.receive(vector, 0)
        return
    arrived = torch.empty_like(vector)
    for source in range(1, wire.world_size):
        wire.receive(arrived, source)
        vector += arrived
    for to in range(1, wire.world_size):
        wire.send(vector, to)


def ring_all_reduce(vector: Tensor, wire: Wire) -> None:
    """Add up the vectors of all ranks, in place, by passing chunks around a ring.

    Every rank gets the same bits, since each chunk is added up in one order only.

    Shape:   vector (_,), equally long on every rank.
    Source:  Patarasuk and Yuan 2009, the ring of "Bandwidth optimal all-reduce".
    """
    n, rank = wire.world_size, wire.rank
    right, left = (rank + 1) % n, (rank - 1) % n
    chunks = vector.tensor_split(n)
    for step in range(n - 1):  # reduce-scatter: rank r ends with the sum of chunk r + 1
        growing = chunks[(rank - step - 1) % n]
        arrived = torch.empty_like(growing)
        wire.exchange(chunks[(rank - step) % n], right, arrived, left)
        growing += arrived
    for step in range(n - 1):  # all-gather: the finished sums go around
        finished, place = chunks[(rank - step + 1) % n], chunks[(rank - step) % n]
        wire.exchange(finished, right, place, left)


def ring_bytes(total_bytes: int, world_size: int) -> float:
    """Say how many bytes a rank sends to all-reduce `total_bytes` around a ring.

    Exact if the vector divides evenly by the ranks, otherwise right to two elements.

    Units:   bytes.
    Source:  Patarasuk and Yuan 2009, where it is also the least possible.
    """
    return 2 * (world_size - 1) / world_size * total_bytes


def all_reduce_mean(
    tensors: Iterable[Tensor], wire: Wire, all_reduce: AllReduce = ring_all_reduce
) -> None:
    """Replace tensors by their mean over all ranks, in place, in one message.

    Many small tensors in one vector: a message has a price of its own.

    Raises:  ValueError if there is no tensor.
    """
    tensors = list(tensors)
    if not tensors:
        raise ValueError("there is no tensor to average; did backward run?")
    vector = torch.cat([tensor.flatten() for tensor in tensors])
    all_reduce(vector, wire)
    vector /= wire.world_size
    sizes = [tensor.numel() for tensor in tensors]
    for tensor, mean in zip(tensors, vector.split(sizes), strict=True):
        tensor.copy_(mean.view_as(tensor))
