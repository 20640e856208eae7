"""Mistakes that a reader of chapter 9 may make: the right shape, the wrong numbers."""

import torch

from ch05_pretraining.pretraining import IGNORE
from ch09_scaling import ring
from ch09_scaling.ring import all_reduce_mean

# 9.1


def ring_steps(vector, wire, gather_steps, adds_at_last=False, offset=1):
    n, rank = wire.world_size, wire.rank
    right, left = (rank + 1) % n, (rank - 1) % n
    chunks = vector.tensor_split(n)
    for step in range(n - 1):
        arrived = torch.empty_like(chunks[(rank - step - 1) % n])
        wire.exchange(chunks[(rank - step) % n], right, arrived, left)
        chunks[(rank - step - 1) % n].add_(arrived)
    for step in range(gather_steps):
        place = chunks[(rank - step + offset - 1) % n]
        arrived = torch.empty_like(place)
        wire.exchange(chunks[(rank - step + offset) % n], right, arrived, left)
        place.copy_(place + arrived if adds_at_last else arrived)


def ring_all_reduce__stops_before_the_last_chunk(vector, wire):
    ring_steps(vector, wire, max(0, wire.world_size - 2))


def ring_all_reduce__adds_the_finished_sums_again(vector, wire):
    ring_steps(vector, wire, wire.world_size - 1, adds_at_last=True)


def ring_all_reduce__passes_on_unfinished_chunks(vector, wire):
    ring_steps(vector, wire, wire.world_size - 1, offset=0)


def ring_all_reduce__gives_the_mean(vector, wire):
    ring.ring_all_reduce(vector, wire)
    vector /= wire.world_size


def ring_all_reduce__sends_the_whole_vector(vector, wire):
    passing, arrived = vector.clone(), torch.empty_like(vector)
    for _ in range(wire.world_size - 1):
        right, left = wire.rank + 1, wire.rank - 1 + wire.world_size
        wire.exchange(passing, right % wire.world_size, arrived, left % wire.world_size)
        passing.copy_(arrived)
        vector += arrived


def ring_all_reduce__loses_the_remainder(vector, wire):
    even = len(vector) // wire.world_size * wire.world_size
    ring.ring_all_reduce(vector[:even], wire)


# 9.2


def weighted(loss_fn, wire, weigh, cure=True):
    """Scale by weigh(count here, mean count of all ranks, batch)."""

    def scaled(model, batch):
        count = int((batch.targets != IGNORE).sum())
        mean_count = torch.tensor([float(count)])
        all_reduce_mean([mean_count], wire)
        loss = loss_fn(model, batch)
        if cure and count == 0:
            loss = loss.nan_to_num()
        return loss * weigh(count, mean_count.item(), batch)

    return scaled


def global_mean__all_ranks_weigh_the_same(loss_fn, wire):
    return weighted(loss_fn, wire, lambda count, mean, batch: 1.0)


def global_mean__without_the_number_of_ranks(loss_fn, wire):
    ranks = wire.world_size
    return weighted(loss_fn, wire, lambda count, mean, batch: count / mean / ranks)


def global_mean__upside_down(loss_fn, wire):
    return weighted(loss_fn, wire, lambda count, mean, batch: mean / max(1, count))


def global_mean__at_least_one_target_a_rank(loss_fn, wire):
    return weighted(loss_fn, wire, lambda count, mean, batch: count / max(1.0, mean))


def global_mean__counts_padding_too(loss_fn, wire):
    def weigh(count, mean, batch):
        return batch.targets.numel() / 12

    return weighted(loss_fn, wire, weigh)


def global_mean__spreads_the_nan(loss_fn, wire):
    return weighted(loss_fn, wire, lambda count, mean, batch: count / mean, cure=False)


def global_mean__hides_every_nan(loss_fn, wire):
    def calm(model, batch):
        return loss_fn(model, batch).nan_to_num()

    return weighted(calm, wire, lambda count, mean, batch: count / mean)


def global_mean__scales_only_the_number(loss_fn, wire):
    right = weighted(loss_fn, wire, lambda count, mean, batch: count / mean)

    def scaled(model, batch):
        loss, target = loss_fn(model, batch).nan_to_num(), right(model, batch)
        return loss + (target - loss).detach()

    return scaled


# 9.3


def doubling_all_reduce__falls_back_silently(vector, wire):
    if wire.world_size & (wire.world_size - 1):
        return ring.ring_all_reduce(vector, wire)
    distance = 1
    while distance < wire.world_size:
        add_partner(vector, wire, distance)
        distance *= 2


def doubling_all_reduce__distance_grows_by_one(vector, wire):
    check_power_of_two(wire)
    for distance in range(1, wire.world_size.bit_length()):
        add_partner(vector, wire, distance)


def doubling_all_reduce__passes_around_a_ring(vector, wire):
    check_power_of_two(wire)
    ring.ring_all_reduce(vector, wire)


def doubling_all_reduce__stops_one_round_early(vector, wire):
    check_power_of_two(wire)
    distance = 1
    while 2 * distance < wire.world_size:
        add_partner(vector, wire, distance)
        distance *= 2


def doubling_all_reduce__only_the_lower_partner_adds(vector, wire):
    check_power_of_two(wire)
    distance = 1
    while distance < wire.world_size:
        before = vector.clone()
        add_partner(vector, wire, distance)
        if wire.rank & distance:
            vector.copy_(before)
        distance *= 2


def check_power_of_two(wire):
    if wire.world_size & (wire.world_size - 1):
        raise ValueError(f"{wire.world_size} ranks are no power of two")


def add_partner(vector, wire, distance):
    partner, arrived = wire.rank ^ distance, torch.empty_like(vector)
    wire.exchange(vector, partner, arrived, partner)
    vector += arrived
