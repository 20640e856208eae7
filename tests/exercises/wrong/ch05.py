"""Planted mistakes for chapter 5: each trains, and each trains a little worse."""

import math

import torch


def cosine(step, peak_lr, min_lr, progress):
    share = 0.5 * (1 + math.cos(math.pi * progress))
    return min_lr + (peak_lr - min_lr) * share


def cosine_schedule__begins_at_zero(
    step, *, peak_lr, min_lr, warmup_steps, total_steps
):
    if step < warmup_steps:
        return peak_lr * step / warmup_steps
    progress = (step - warmup_steps) / max(1, total_steps - warmup_steps)
    return cosine(step, peak_lr, min_lr, min(1, progress))


def cosine_schedule__counts_the_warm_up_twice(
    step, *, peak_lr, min_lr, warmup_steps, total_steps
):
    if step < warmup_steps:
        return peak_lr * (step + 1) / warmup_steps
    return cosine(step, peak_lr, min_lr, min(1, step / total_steps))


def cosine_schedule__falls_to_zero(step, *, peak_lr, min_lr, warmup_steps, total_steps):
    if step < warmup_steps:
        return peak_lr * (step + 1) / warmup_steps
    progress = (step - warmup_steps) / max(1, total_steps - warmup_steps)
    return cosine(step, peak_lr, 0.0, min(1, progress))


def cosine_schedule__rises_again(step, *, peak_lr, min_lr, warmup_steps, total_steps):
    if step < warmup_steps:
        return peak_lr * (step + 1) / warmup_steps
    progress = (step - warmup_steps) / max(1, total_steps - warmup_steps)
    return cosine(step, peak_lr, min_lr, progress)


def stable(step, peak_lr, rise, left, decay_steps):
    return peak_lr * min(1.0, rise, max(0, left) / decay_steps)


def stable_schedule__falls_all_the_way(
    step, *, peak_lr, warmup_steps, decay_steps, total_steps
):
    rise = (step + 1) / warmup_steps if warmup_steps else 1.0
    flat = max(1, total_steps - warmup_steps)
    return stable(step, peak_lr, rise, total_steps - step, flat)


def stable_schedule__one_step_early(
    step, *, peak_lr, warmup_steps, decay_steps, total_steps
):
    rise = (step + 1) / warmup_steps if warmup_steps else 1.0
    return stable(step, peak_lr, rise, total_steps - step - 1, decay_steps)


def stable_schedule__turns_negative(
    step, *, peak_lr, warmup_steps, decay_steps, total_steps
):
    rise = (step + 1) / warmup_steps if warmup_steps else 1.0
    return peak_lr * min(1.0, rise, (total_steps - step) / decay_steps)


def stable_schedule__no_warm_up(
    step, *, peak_lr, warmup_steps, decay_steps, total_steps
):
    return stable(step, peak_lr, 1.0, total_steps - step, decay_steps)


def move(weight, mean, square, step, lr, beta1, beta2, eps):
    size = (square / (1 - beta2**step)).sqrt() + eps
    return weight - lr * mean / (1 - beta1**step) / size


def adamw_step__decays_through_the_gradient(
    weight, gradient, mean, square, step, *, lr, beta1=0.9, beta2=0.95, eps=1e-8,
    weight_decay=0.1,
):  # fmt: skip
    gradient = gradient + weight_decay * weight
    mean = beta1 * mean + (1 - beta1) * gradient
    square = beta2 * square + (1 - beta2) * gradient**2
    return move(weight, mean, square, step, lr, beta1, beta2, eps), mean, square


def adamw_step__lacks_the_correction(
    weight, gradient, mean, square, step, *, lr, beta1=0.9, beta2=0.95, eps=1e-8,
    weight_decay=0.1,
):  # fmt: skip
    mean = beta1 * mean + (1 - beta1) * gradient
    square = beta2 * square + (1 - beta2) * gradient**2
    weight = weight * (1 - lr * weight_decay) - lr * mean / (square.sqrt() + eps)
    return weight, mean, square


def adamw_step__counts_from_zero(
    weight, gradient, mean, square, step, *, lr, beta1=0.9, beta2=0.95, eps=1e-8,
    weight_decay=0.1,
):  # fmt: skip
    mean = beta1 * mean + (1 - beta1) * gradient
    square = beta2 * square + (1 - beta2) * gradient**2
    weight = weight * (1 - lr * weight_decay)
    step = step + 1
    return move(weight, mean, square, step, lr, beta1, beta2, eps), mean, square


def adamw_step__epsilon_inside_the_root(
    weight, gradient, mean, square, step, *, lr, beta1=0.9, beta2=0.95, eps=1e-8,
    weight_decay=0.1,
):  # fmt: skip
    mean = beta1 * mean + (1 - beta1) * gradient
    square = beta2 * square + (1 - beta2) * gradient**2
    size = (square / (1 - beta2**step) + eps).sqrt()
    weight = weight * (1 - lr * weight_decay) - lr * mean / (1 - beta1**step) / size
    return weight, mean, square


def adamw_step__decay_without_the_rate(
    weight, gradient, mean, square, step, *, lr, beta1=0.9, beta2=0.95, eps=1e-8,
    weight_decay=0.1,
):  # fmt: skip
    mean = beta1 * mean + (1 - beta1) * gradient
    square = beta2 * square + (1 - beta2) * gradient**2
    weight = weight * (1 - weight_decay)
    return move(weight, mean, square, step, lr, beta1, beta2, eps), mean, square


def adamw_step__returns_corrected_averages(
    weight, gradient, mean, square, step, *, lr, beta1=0.9, beta2=0.95, eps=1e-8,
    weight_decay=0.1,
):  # fmt: skip
    mean = (beta1 * mean + (1 - beta1) * gradient) / (1 - beta1**step)
    square = (beta2 * square + (1 - beta2) * gradient**2) / (1 - beta2**step)
    weight = weight * (1 - lr * weight_decay)
    return weight - lr * mean / (square.sqrt() + eps), mean, square


def adamw_step__works_in_place(
    weight, gradient, mean, square, step, *, lr, beta1=0.9, beta2=0.95, eps=1e-8,
    weight_decay=0.1,
):  # fmt: skip
    mean.lerp_(torch.as_tensor(gradient), 1 - beta1)
    square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
    weight = weight * (1 - lr * weight_decay)
    return move(weight, mean, square, step, lr, beta1, beta2, eps), mean, square


def overlapping_windows__counts_all_of_each(ids, context_length, stride):
    starts = range(0, max(1, len(ids) - 1 - context_length + stride), stride)
    windows = [list(ids[s : s + context_length + 1]) for s in starts]
    return [(window, len(window) - 1) for window in windows]


def overlapping_windows__loses_the_first_context(ids, context_length, stride):
    starts = range(0, max(1, len(ids) - 1 - context_length + stride), stride)
    windows = [list(ids[s : s + context_length + 1]) for s in starts]
    return [(window, min(stride, len(window) - 1)) for window in windows]


def overlapping_windows__one_target_short(ids, context_length, stride):
    windows, done, start = [], 0, 0
    while done < len(ids) - 1:
        window = list(ids[start : start + context_length])
        reached = start + len(window) - 1
        windows.append((window, reached - done))
        done, start = reached, start + min(stride, context_length - 1)
    return windows


def overlapping_windows__ends_with_empty_windows(ids, context_length, stride):
    windows, done = [], 0
    for start in range(0, len(ids) - 1, stride):
        window = list(ids[start : start + context_length + 1])
        reached = max(done, start + len(window) - 1)
        windows.append((window, reached - done))
        done = reached
    return windows
