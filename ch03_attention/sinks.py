"""Attention sinks: where heads put the weight that they do not need.

Shares must sum to 1, also for a head that is looking for nothing. Trained heads put
what is left over on the first token, which every later one can see. A window that
slides past it takes that place away; to keep the first few tokens gives it back.

    window of 3             window of 3 and 1 sink
    x . . . . .             x . . . . .
    x x . . . .             x x . . . .
    x x x . . .             x x x . . .
    . x x x . .             x x x x . .
    . . x x x .             x . x x x .
    . . . x x x             x . . x x x

Source: Xiao et al. 2023, Efficient Streaming Language Models with Attention Sinks.
"""

import argparse

import torch
from torch import Tensor

from ch01_data.files import run_command
from ch03_attention.attention import causal_mask, rotate_planes


def sink_share(weights: Tensor) -> Tensor:
    """Measure which share of its attention each head puts on the first token.

    The first token itself can put it nowhere else and does not count as a query.

    Shape:   weights (B, H, T, S)  ->  (H,), from 0 to 1.
    Raises:  ValueError if there is no query but the first token.
    """
    n_queries, n_keys = weights.shape[-2:]
    if n_keys < 2:
        raise ValueError(f"{n_keys} key: only from 2 on is there anything to choose")
    later = weights[:, :, 1:] if n_queries == n_keys else weights
    return later[..., 0].mean(dim=(0, 2))  # (H,)


def window_with_sinks(
    n_queries: int,
    n_keys: int,
    sliding_window: int,
    n_sinks: int,
    device: torch.device | None = None,
) -> Tensor:
    """Let each query see the nearest `sliding_window` positions and the first few.

    The queries are the last n_queries of the n_keys positions, as in `causal_mask`. It
    is a mask for a model without a window of its own.

    Shape:   (T, S), bool, True = may attend.
    Raises:  ValueError if there are fewer keys than queries, the window is empty, or
             n_sinks is negative.
    Source:  Xiao et al. 2023, figure 1(d).
    """
    if n_sinks < 0:
        raise ValueError(f"n_sinks is {n_sinks}; 0 is the least")
    past = causal_mask(n_queries, n_keys, device=device)  # (T, S)
    near = causal_mask(n_queries, n_keys, sliding_window, device)  # (T, S)
    first = torch.arange(n_keys, device=device) < n_sinks  # (S,)
    return near | (past & first)  # (T, S)


class SinkCache:
    """Keep the first and the latest tokens of one layer, for a text without an end.

    A mask shows the sinks where they are, farther and farther away, at distances that
    no training text had. Here the sinks follow: for each token that is dropped between
    them and the window their keys are turned on by one position, so that what is kept
    looks like an unbroken text of n_sinks + sliding_window tokens.

    Raises:  ValueError if there is to be no sink or no window.
    Source:  Xiao et al. 2023, section 3.2.
    """

    def __init__(self, n_sinks: int, sliding_window: int, frequencies: Tensor) -> None:
        if min(n_sinks, sliding_window) < 1:
            raise ValueError(
                f"n_sinks {n_sinks} and sliding_window {sliding_window}: 1 is the "
                "least of both"
            )
        self.n_sinks, self.size = n_sinks, n_sinks + sliding_window
        self.frequencies, self.dropped = frequencies, 0
        self.keys: Tensor | None = None
        self.values: Tensor | None = None

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Store new keys and values (B, K, T, Dh), return what is kept (B, K, S, Dh).

        Raises:  ValueError if several tokens come at once and not all can be kept: the
                 first of them would miss what the last one drops.
        """
        n_new = k.shape[2]
        if self.keys is not None:
            k = torch.cat((self.keys, k), dim=2)
            v = torch.cat((self.values, v), dim=2)
        if k.shape[2] > self.size:
            if n_new > 1:
                raise ValueError(
                    f"{n_new} tokens at once do not fit into a cache of {self.size} "
                    f"positions; when it is full, give it one at a time"
                )
            k, v = self._drop(k), self._drop(v)
            self.dropped += 1
        self.keys, self.values = k, v
        return self._follow(k), v

    def _drop(self, x: Tensor) -> Tensor:
        """Take out the oldest token behind the sinks."""
        return torch.cat((x[:, :, : self.n_sinks], x[:, :, self.n_sinks + 1 :]), dim=2)

    def _follow(self, k: Tensor) -> Tensor:
        """Turn the sinks' keys on by as many positions as were dropped."""
        sinks, rest = k[:, :, : self.n_sinks], k[:, :, self.n_sinks :]
        turned = rotate_planes(sinks, self.dropped * self.frequencies)
        return torch.cat((turned, rest), dim=2)


def main(argv: list[str] | None = None) -> int:
    """Draw a sliding window with and without sinks."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--tokens", type=int, default=8, help="sequence length")
    parser.add_argument("--sliding-window", type=int, default=3, help="nearest kept")
    parser.add_argument("--n-sinks", type=int, default=1, help="first tokens kept")
    args = parser.parse_args(argv)

    def show() -> None:
        for n_sinks in (0, args.n_sinks):
            sizes = (args.tokens, args.tokens, args.sliding_window)
            print(f"{n_sinks} sinks")
            for row in window_with_sinks(*sizes, n_sinks).tolist():
                print(" ".join("x" if seen else "." for seen in row))

    return run_command(show)


if __name__ == "__main__":
    raise SystemExit(main())
