"""Solutions of chapter 7. Exercise 7.1 rebuilds the module: there is its answer."""

from collections.abc import Sequence

import numpy as np

from ch02_tokenization.tokenization import Tokenizer
from ch07_finetuning.finetuning import chat_prompt, render_chat

__all__ = ["fit_conversation", "paired_interval", "render_chat"]


def fit_conversation(
    messages: Sequence[dict[str, str]], tokenizer: Tokenizer, room: int
) -> list[dict[str, str]]:
    """Drop the oldest exchanges until the prompt has at most `room` tokens."""
    n_system = 1 if messages and messages[0]["role"] == "system" else 0
    system, rest = list(messages[:n_system]), list(messages[n_system:])
    while (size := len(chat_prompt(system + rest, tokenizer))) > room:
        if len(rest) < 3:
            raise ValueError(
                f"the last message alone makes {size} tokens, but there is room for "
                f"{room}; shorten it"
            )
        rest = rest[2:]
    return system + rest


def paired_interval(
    before: Sequence[bool],
    after: Sequence[bool],
    level: float = 0.95,
    samples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the bootstrap interval of the gain, mean(after) - mean(before)."""
    if len(before) != len(after) or len(after) == 0:
        raise ValueError(
            f"{len(before)} answers before and {len(after)} after: give the answers of "
            "both models to the same questions, one at least"
        )
    gains = np.asarray(after, dtype=float) - np.asarray(before, dtype=float)
    generator = np.random.default_rng(seed)
    draws = generator.integers(0, len(gains), (samples, len(gains)))
    low, high = np.quantile(
        gains[draws].mean(axis=1), [(1 - level) / 2, (1 + level) / 2]
    )
    return float(low), float(high)
