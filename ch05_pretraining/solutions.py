"""Solutions of chapter 5; what an exercise rebuilds is taken from the module."""

from collections.abc import Sequence

from torch import Tensor

from ch05_pretraining.pretraining import cosine_schedule

__all__ = ["adamw_step", "cosine_schedule", "overlapping_windows", "stable_schedule"]


def stable_schedule(
    step: int, *, peak_lr: float, warmup_steps: int, decay_steps: int, total_steps: int
) -> float:
    """Take the smallest of the rise, the peak and the fall.

    Source:  Hu et al. 2024, "MiniCPM", section 4 (warm-up, stable, decay).
    """
    rise = (step + 1) / warmup_steps if warmup_steps else 1.0
    left = max(0, total_steps - step)
    fall = left / decay_steps if decay_steps else float(left > 0)
    return peak_lr * min(1.0, rise, fall)


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
    """Update the averages, correct them, decay the weight and move it.

    Shape:   all tensors of one shape (_, ...)  ->  three of the same.
    Source:  Loshchilov and Hutter 2019, algorithm 2.
    """
    mean = beta1 * mean + (1 - beta1) * gradient
    square = beta2 * square + (1 - beta2) * gradient**2
    size = (square / (1 - beta2**step)).sqrt() + eps
    move = mean / (1 - beta1**step) / size
    return weight * (1 - lr * weight_decay) - lr * move, mean, square


def overlapping_windows(
    ids: Sequence[int], context_length: int, stride: int
) -> list[tuple[list[int], int]]:
    """Slide by `stride` and count the targets behind the last one that was counted."""
    windows, done, start = [], 0, 0
    while done < len(ids) - 1:
        window = list(ids[start : start + context_length + 1])
        reached = start + len(window) - 1
        windows.append((window, reached - done))
        done, start = reached, start + stride
    return windows
