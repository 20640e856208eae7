"""Checks of chapter 9's exercises, from basic to subtle; ranks are threads here."""

import pytest
import torch

from ch05_pretraining.pretraining import IGNORE, Batch
from ch09_scaling.ranks import run_ranks

PATIENCE = 5.0  # seconds that a rank waits for a message before the check fails


def reduce_on_ranks(all_reduce, given):
    """Run an all-reduce on one vector a rank: (results, bytes sent, messages sent)."""

    def work(wire):
        vector = given[wire.rank].clone()
        all_reduce(vector, wire)
        return vector, wire.sent_bytes, wire.sent_messages

    try:
        return zip(*run_ranks(len(given), work, PATIENCE), strict=True)
    except ConnectionError as error:
        pytest.fail(f"a message was lost: {error}", pytrace=False)


def whole_numbers(n_ranks, length):
    generator = torch.Generator().manual_seed(7 * n_ranks + length)
    return torch.randint(-50, 50, (n_ranks, length), generator=generator).float()


def fails(call):
    """Run what must raise; return the error, or None if nothing was raised."""
    try:
        call()
    except ValueError as error:
        return str(error)
    return None


# 9.1


def test_9_1_one_rank_alone_keeps_its_vector(impl):
    given = whole_numbers(1, 6)
    (found,), _, _ = reduce_on_ranks(impl.ring_all_reduce, given)
    assert found.equal(given[0]), "one rank alone is its own sum: do you divide?"


def test_9_1_two_ranks_get_the_sum(impl):
    given = torch.tensor([[1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 30.0, 40.0]])
    found, _, _ = reduce_on_ranks(impl.ring_all_reduce, given)
    for rank, vector in enumerate(found):
        assert not vector.equal(given.mean(0)), (
            "that is the mean: add up, do not divide"
        )
        assert vector.equal(given.sum(0)), (
            f"rank {rank} has {vector.tolist()} and not [11, 22, 33, 44]: does every "
            "chunk get added once and passed on once?"
        )


@pytest.mark.parametrize("n_ranks", [3, 4, 5])
def test_9_1_more_ranks_get_the_sum(impl, n_ranks):
    given = whole_numbers(n_ranks, 4 * n_ranks)
    found, _, _ = reduce_on_ranks(impl.ring_all_reduce, given)
    for rank, vector in enumerate(found):
        chunks = zip(vector.tensor_split(n_ranks), given.sum(0).tensor_split(n_ranks))
        wrong = [i for i, (have, right) in enumerate(chunks) if not have.equal(right)]
        assert not wrong, (
            f"{n_ranks} ranks: rank {rank} has wrong sums in the chunks {wrong}. One "
            "chunk: is a step missing? All: is an arriving sum added, not copied?"
        )


def test_9_1_lengths_that_do_not_divide_evenly(impl):
    for length in (0, 1, 7):
        given = whole_numbers(3, length)
        found, _, _ = reduce_on_ranks(impl.ring_all_reduce, given)
        for vector in found:
            assert vector.equal(given.sum(0)), (
                f"{length} numbers on 3 ranks go wrong: are numbers lost in the last "
                "chunk? (`tensor_split` gives chunks that differ by one)"
            )


def test_9_1_no_rank_sends_more_than_the_ring_must(impl):
    _, sent, _ = reduce_on_ranks(impl.ring_all_reduce, whole_numbers(4, 40))
    assert max(sent) <= 2 * 3 / 4 * 160, (
        f"a rank sent {max(sent)} bytes, and 2 (n - 1) / n of 160 is 240: do you send "
        "the whole vector instead of one chunk a step?"
    )


# 9.2


def scaled_losses(global_mean, means, counts):
    """Give rank i a batch of counts[i] counted targets whose mean loss is means[i]."""

    def work(wire):
        targets = torch.full((2, 6), IGNORE)
        targets.view(-1)[: counts[wire.rank]] = 3
        batch = Batch(torch.zeros(2, 6, dtype=torch.int64), targets)
        weight = torch.ones((), requires_grad=True)
        loss = global_mean(lambda *_: weight * means[wire.rank], wire)(None, batch)
        loss.backward()
        return loss.item(), weight.grad.item()

    try:
        return list(zip(*run_ranks(len(means), work, PATIENCE), strict=True))
    except ConnectionError as error:
        pytest.fail(f"a message was lost: {error}", pytrace=False)


def test_9_2_equal_counts_leave_the_loss_alone(impl):
    losses, _ = scaled_losses(impl.global_mean, [4.0, 2.0], [5, 5])
    assert losses == pytest.approx((4.0, 2.0)), (
        f"losses 4 and 2 over equally many targets became {losses}: the weights must "
        "be 1 then. Is the factor n missing, which averaging will divide out?"
    )


def test_9_2_the_mean_over_ranks_is_the_mean_over_tokens(impl):
    losses, _ = scaled_losses(impl.global_mean, [4.0, 2.0], [1, 3])
    assert sum(losses) / 2 == pytest.approx(2.5), (
        f"(1 * 4 + 3 * 2) / 4 = 2.5, but the ranks' mean is {sum(losses) / 2:g}: do "
        "you weigh by counted targets (not -100), and by those of this rank?"
    )


def test_9_2_gradients_are_scaled_as_the_loss_is(impl):
    losses, gradients = scaled_losses(impl.global_mean, [1.0, 1.0, 1.0], [1, 2, 9])
    assert gradients == pytest.approx(losses), (
        "the loss is scaled but its gradient is not: does the weight multiply the loss "
        "itself, with its graph?"
    )


def test_9_2_a_rank_that_counts_nothing_weighs_nothing(impl):
    losses, gradients = scaled_losses(impl.global_mean, [float("nan"), 2.0], [0, 6])
    assert losses[0] == 0, (
        f"rank 0 counts no target, so its mean is NaN; its loss became {losses[0]}: "
        "NaN times 0 is NaN"
    )
    assert losses[1] == pytest.approx(4.0), "the other rank speaks for both: 2 * 6 / 3"


def test_9_2_a_single_target_on_three_ranks(impl):
    losses, _ = scaled_losses(
        impl.global_mean, [float("nan"), 2.0, float("nan")], [0, 1, 0]
    )
    assert losses == pytest.approx((0.0, 6.0, 0.0)), (
        f"one target with loss 2 on 3 ranks must weigh 3, and became {losses[1]:g}: is "
        "the mean count, 1/3 here, rounded or kept from falling below 1?"
    )


def test_9_2_a_broken_loss_stays_broken(impl):
    losses, _ = scaled_losses(impl.global_mean, [float("nan"), 2.0], [6, 6])
    assert losses[0] != losses[0], (
        "a NaN over counted targets is a real failure: only a rank without any may "
        "turn its NaN into 0"
    )


# 9.3


@pytest.mark.parametrize("n_ranks", [1, 2, 4, 8])
def test_9_3_all_ranks_get_the_sum(impl, n_ranks):
    given = whole_numbers(n_ranks, 5)
    found, _, _ = reduce_on_ranks(impl.doubling_all_reduce, given)
    for rank, vector in enumerate(found):
        assert vector.equal(given.sum(0)), (
            f"{n_ranks} ranks: rank {rank} does not have the sum. Does the distance "
            "double each round, and do both partners add what the other had before?"
        )


def test_9_3_it_takes_log2_n_messages(impl):
    _, _, messages = reduce_on_ranks(impl.doubling_all_reduce, whole_numbers(8, 5))
    assert set(messages) == {3}, (
        f"8 ranks sent {max(messages)} messages each instead of log2(8) = 3: do you "
        "pass around what you could add up first?"
    )


@pytest.mark.parametrize("n_ranks", [3, 6])
def test_9_3_other_numbers_of_ranks_are_refused(impl, n_ranks):
    given = whole_numbers(n_ranks, 5)
    said = fails(lambda: reduce_on_ranks(impl.doubling_all_reduce, given))
    assert said is not None, (
        f"{n_ranks} ranks are no power of two, and no ValueError says so: who is the "
        "partner of the last rank?"
    )
    assert str(n_ranks) in said, "name the number of ranks that was given"
