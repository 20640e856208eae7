"""Exercises of chapter 5: two schedules, one optimizer step, and fairer windows.

`make exercises CH=05` copies this file to answers/ and grades what you write there.
"""

from collections.abc import Sequence

from torch import Tensor


def cosine_schedule(
    step: int, *, peak_lr: float, min_lr: float, warmup_steps: int, total_steps: int
) -> float:
    """Rebuild the schedule: a straight rise, then half a cosine down to min_lr.

    Step 0 is the first. The last step of the warm-up has the full peak, and so has the
    step after it, where the cosine begins; from total_steps on the rate is min_lr.

    Source:  Loshchilov and Hutter 2017, eq. 5.

    Hint: during the warm-up the rate is the share (step + 1) / warmup_steps of the
    peak. After it, let the progress run from 0 to 1 and stay there;
    (1 + cos(pi * progress)) / 2 runs from 1 to 0.
    """
    raise NotImplementedError("exercise 5.1")


def stable_schedule(
    step: int, *, peak_lr: float, warmup_steps: int, decay_steps: int, total_steps: int
) -> float:
    """Write the schedule whose run need not be planned: rise, stay, fall.

    The warm-up is that of exercise 5.1. Then the rate stays at its peak. Over the last
    decay_steps it falls in a straight line, so that it would be 0 at total_steps, and
    is 0 from there on. A cosine must know its end from the beginning; here any
    checkpoint of the flat part can be taken and brought to its end later.

    Source:  Hu et al. 2024, "MiniCPM", section 4 (warm-up, stable, decay).

    Hint: it is the smaller of two straight lines and the peak. How many steps are left
    until total_steps, and which share of decay_steps is that?
    """
    raise NotImplementedError("exercise 5.2")


def adamw_step(
    weight: Tensor,
    gradient: Tensor,
    mean: Tensor,
    square: Tensor,
    step: int,
    *,
    lr: float,
    beta1: float = 0.9,
    beta2: float = 0.95,
    eps: float = 1e-8,
    weight_decay: float = 0.1,
) -> tuple[Tensor, Tensor, Tensor]:
    """Rebuild one step of AdamW: return the new weight, mean and square.

    `step` counts from 1. Nothing that was passed in may be changed.

    Shape:   all tensors of one shape (_, ...)  ->  three of the same.
    Source:  Loshchilov and Hutter 2019, algorithm 2.

    Hint: first the two averages, with the gradient as it is. Then divide each by
    1 - beta ** step. The decay multiplies the old weight by 1 - lr * weight_decay and
    meets the gradient nowhere. Epsilon is added after the square root.
    """
    raise NotImplementedError("exercise 5.3")


def overlapping_windows(
    ids: Sequence[int], context_length: int, stride: int
) -> list[tuple[list[int], int]]:
    """Cut a document into windows so that targets are guessed with a past.

    Where windows do not overlap, the first targets of each have hardly any context, and
    a model looks worse than it is. Let the next window begin `stride` tokens later and
    count only its targets that no window has counted yet, which are its last ones.
    Return each window (up to context_length + 1 ids, so that it has up to
    context_length targets) with the number of its targets that count. All of ids but
    the first are targets, and each must count exactly once.

    Hint: targets stand at 1 ... len(ids) - 1. Keep the number of targets done so far.
    A window that begins at s holds the targets s + 1 to s + context_length at most;
    stop as soon as all are done. With stride = context_length nothing overlaps.
    """
    raise NotImplementedError("exercise 5.4")
