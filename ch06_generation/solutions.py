"""Solutions of chapter 6. Exercise 6.1 rebuilds the module: there is its answer."""

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor

from ch06_generation.generation import keep_nucleus

__all__ = ["WindowCache", "keep_nucleus", "stop_at"]


class WindowCache:
    """Remember only the keys and values that a sliding window can still reach."""

    def __init__(self, window: int) -> None:
        self.window = window
        self.kept: tuple[Tensor, Tensor] | None = None

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Take new keys and values, return those kept so far and these behind them."""
        if self.kept is not None:
            k = torch.cat((self.kept[0], k), dim=2)
            v = torch.cat((self.kept[1], v), dim=2)
        # Counted from the front, because -0 would mean "everything".
        first = max(k.shape[2] - (self.window - 1), 0)
        # Cloned: a view would keep the memory of all that it is cut from.
        self.kept = k[:, :, first:].clone(), v[:, :, first:].clone()
        return k, v


def stop_at(pieces: Iterable[str], stop: Sequence[str]) -> Iterator[str]:
    """Pass on pieces of text up to the first stop string, which is not shown."""
    held = ""
    for piece in pieces:
        held += piece
        places = [held.find(string) for string in stop if string in held]
        safe = min(places) if places else len(held) - longest_start(held, stop)
        if safe:
            yield held[:safe]
        if places:
            return
        held = held[safe:]
    if held:
        yield held


def longest_start(text: str, stop: Sequence[str]) -> int:
    """Return the length of the longest end of `text` that a stop string begins with."""
    longest = max(map(len, stop), default=0)
    for size in range(min(longest, len(text)), 0, -1):
        if any(string.startswith(text[-size:]) for string in stop):
            return size
    return 0
