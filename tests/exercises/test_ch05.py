"""Checks of the exercises of chapter 5: schedules, AdamW's step, windows."""

from functools import partial

import pytest
import torch

PLAN = dict(peak_lr=1.0, min_lr=0.1, warmup_steps=4, total_steps=12)
FLAT = dict(peak_lr=2.0, warmup_steps=4, decay_steps=5, total_steps=20)


def near(found, expected):
    """Compare rates up to rounding."""
    return found == pytest.approx(expected, abs=1e-9)


# 5.1 cosine_schedule


def test_5_1_the_rate_rises_in_a_straight_line(impl):
    found = [impl.cosine_schedule(step, **PLAN) for step in range(4)]
    assert found[0] != 0, "the first step has rate 0 and is wasted: use step + 1"
    assert near(found, [0.25, 0.5, 0.75, 1.0]), (
        f"a warm-up of 4 steps to 1.0 is 1/4, 2/4, 3/4, 1, not {found}"
    )


def test_5_1_the_cosine_begins_at_the_peak(impl):
    found = impl.cosine_schedule(4, **PLAN)
    assert near(found, 1.0), (
        f"the step after the warm-up has the peak, not {found:.4f}: does the progress "
        "begin with the warm-up instead of after it?"
    )


def test_5_1_half_way_stands_the_mean_of_both_rates(impl):
    found = impl.cosine_schedule(8, **PLAN)
    assert near(found, 0.55), (
        f"step 8 is half way from 4 to 12: (1 + 0.1) / 2 = 0.55, not {found:.4f}"
    )


def test_5_1_it_ends_at_the_smallest_rate_and_stays(impl):
    found = [impl.cosine_schedule(step, **PLAN) for step in (12, 16, 20)]
    assert near(found[0], 0.1), f"at total_steps the rate is min_lr, not {found[0]:.4f}"
    assert near(found, [0.1] * 3), (
        f"after total_steps the rate stays 0.1, but it is {found}: a cosine rises "
        "again unless the progress is held at 1"
    )


def test_5_1_no_warm_up_is_no_division_by_zero(impl):
    plan = {**PLAN, "warmup_steps": 0}
    assert near(impl.cosine_schedule(0, **plan), 1.0), (
        "without warm-up the first step has the peak"
    )


# 5.2 stable_schedule


def test_5_2_it_rises_as_before(impl):
    found = [impl.stable_schedule(step, **FLAT) for step in range(4)]
    assert near(found, [0.5, 1.0, 1.5, 2.0]), (
        f"a warm-up of 4 steps to 2.0 is 0.5, 1, 1.5, 2, not {found}"
    )


def test_5_2_it_stays_until_the_fall_begins(impl):
    found = [impl.stable_schedule(step, **FLAT) for step in range(4, 16)]
    assert near(found, [2.0] * 12), (
        f"steps 4 to 15 stay at 2.0, but the rates are {found}: the fall takes only "
        "the last 5 steps, and step 15 stands at its top"
    )


def test_5_2_it_falls_in_a_straight_line(impl):
    found = [impl.stable_schedule(step, **FLAT) for step in range(15, 20)]
    assert near(found, [2.0, 1.6, 1.2, 0.8, 0.4]), (
        f"with 5, 4, 3, 2, 1 steps left of 5 the rate is 5/5 ... 1/5 of 2, not {found}"
    )


def test_5_2_it_never_turns_negative(impl):
    found = [impl.stable_schedule(step, **FLAT) for step in (20, 25)]
    assert near(found, [0.0, 0.0]), (
        f"from total_steps on the rate is 0, not {found}: a negative rate climbs"
    )


# 5.3 adamw_step


def walk(step_function, gradients, **settings):
    """Take steps from ones; return the weights and averages at the end."""
    weight = torch.ones_like(gradients[0])
    mean = square = torch.zeros_like(weight)
    for number, gradient in enumerate(gradients, start=1):
        weight, mean, square = step_function(
            weight, gradient, mean, square, number, **settings
        )
    return weight, mean, square


def test_5_3_the_first_step_by_hand(impl):
    """Without decay the first step is the rate, whatever the gradient's size."""
    gradients = torch.tensor([[0.5, -8.0]], dtype=torch.float64)
    weight, _, _ = walk(impl.adamw_step, gradients, lr=0.1, weight_decay=0.0)
    assert weight.tolist() == pytest.approx([0.9, 1.1], abs=1e-6), (
        f"from 1 with rate 0.1 it leads to 0.9 and 1.1, not {weight.tolist()}: is each "
        "average divided by 1 - beta ** step, with step counted from 1?"
    )


def test_5_3_decay_has_nothing_to_do_with_the_gradient(impl):
    gradients = torch.zeros(1, 3, dtype=torch.float64)
    weight, mean, _ = walk(impl.adamw_step, gradients, lr=0.5, weight_decay=0.1)
    assert not mean.any(), "the gradient is 0 and the mean is not: decay got into it"
    assert weight.tolist() == pytest.approx([0.95] * 3), (
        f"a zero gradient leaves 1 * (1 - 0.5 * 0.1) = 0.95, not {weight[0]:.4f}"
    )


def test_5_3_the_averages_are_returned_as_they_are(impl):
    gradients = torch.full((2, 1), 2.0, dtype=torch.float64)
    _, mean, square = walk(impl.adamw_step, gradients, lr=0.1)
    assert [mean.item(), square.item()] == pytest.approx([0.38, 0.39]), (
        f"two gradients of 2 give a mean of 2 (1 - 0.81) = 0.38 and a square of "
        f"4 (1 - 0.9025) = 0.39, not {mean.item():.4f} and {square.item():.4f}: "
        "the correction belongs to the step and not to what is kept"
    )


def test_5_3_epsilon_stands_outside_the_root(impl):
    gradients = torch.tensor([[1e-3]], dtype=torch.float64)
    settings = dict(lr=1.0, eps=1e-3, weight_decay=0.0)
    weight, _, _ = walk(impl.adamw_step, gradients, **settings)
    assert weight.item() == pytest.approx(0.5), (
        f"0.001 / (0.001 + 0.001) is a step of 0.5, to 0.5 and not {weight.item():.4f}:"
        " is epsilon inside the square root?"
    )


def test_5_3_nothing_passed_in_is_changed(impl):
    tensors = [torch.full((2,), value) for value in (1.0, 2.0, 3.0, 4.0)]
    before = [tensor.clone() for tensor in tensors]
    impl.adamw_step(*tensors, 2, lr=0.1)
    assert all(map(torch.equal, tensors, before)), (
        "an argument was changed in place: lerp_, mul_ and += write into their tensor"
    )


def test_5_3_it_equals_torchs_over_many_steps(impl):
    generator = torch.Generator().manual_seed(3)
    gradients = torch.randn(25, 4, 3, generator=generator, dtype=torch.float64)
    settings = dict(lr=0.05, eps=1e-6, weight_decay=0.3)
    weight, _, _ = walk(impl.adamw_step, gradients, beta1=0.8, beta2=0.99, **settings)
    theirs = torch.nn.Parameter(torch.ones(4, 3, dtype=torch.float64))
    optimizer = torch.optim.AdamW([theirs], betas=(0.8, 0.99), **settings)
    for gradient in gradients:
        theirs.grad = gradient.clone()
        optimizer.step()
    assert torch.allclose(weight, theirs.detach(), atol=1e-9), (
        "it parts from torch's AdamW after some steps: are beta1 and beta2 used where "
        "they belong, and is the decay multiplied by the rate?"
    )


# 5.4 overlapping_windows


def counted(windows):
    """Return the targets that count, in order."""
    return [i for ids, n in windows for i in ids[len(ids) - n :] if n]


def test_5_4_a_short_document_is_one_window(impl):
    found = [(list(ids), n) for ids, n in impl.overlapping_windows([7, 8, 9], 4, 2)]
    assert found == [([7, 8, 9], 2)], (
        f"three ids fit into one window with two targets, but it gave {found}"
    )


def test_5_4_seven_ids_by_hand(impl):
    found = impl.overlapping_windows(list(range(7)), 4, 2)
    found = [(list(ids), n) for ids, n in found]
    assert found == [([0, 1, 2, 3, 4], 4), ([2, 3, 4, 5, 6], 2)], (
        "context 4 and stride 2 make 0-4, all four targets counted, and 2-6, of which "
        f"only 5 and 6 are new; it gave {found}"
    )


@pytest.mark.parametrize("stride", [1, 2, 3, 5])
def test_5_4_every_target_counts_exactly_once(impl, stride):
    for length in range(2, 25):
        windows = impl.overlapping_windows(list(range(length)), 5, stride)
        found = counted(windows)
        assert len(found) == len(set(found)), (
            f"{length} ids, stride {stride}: a target counts twice; count only what "
            "no window has counted before"
        )
        assert found == list(range(1, length)), (
            f"{length} ids, stride {stride}: targets {found} count, not 1 to "
            f"{length - 1}: are all targets of the first window counted?"
        )


def test_5_4_every_window_is_needed_and_fits(impl):
    make = partial(impl.overlapping_windows, list(range(23)))
    for stride in (1, 4, 6):
        windows = make(6, stride)
        assert all(n > 0 for _, n in windows), (
            f"stride {stride}: a window counts nothing and is computed for nothing"
        )
        assert max(len(ids) for ids, _ in windows) == 7, (
            "a context of 6 has 6 targets, so a full window has 7 ids"
        )


def test_5_4_targets_have_the_past_that_was_promised(impl):
    windows = impl.overlapping_windows(list(range(40)), 8, 3)
    pasts = [len(ids) - n for ids, n in windows[1:]]
    assert min(pasts) >= 8 - 3 + 1, (
        "with context 8 and stride 3 every target after the first window sees at "
        f"least 6 ids, but some see {min(pasts)}: does the window move by the stride?"
    )
