"""Exercises of chapter 6. `make exercises CH=06` copies them to answers/ and grades."""

from collections.abc import Iterable, Iterator, Sequence

from torch import Tensor


def keep_nucleus(logits: Tensor, top_p: float) -> Tensor:
    """Keep the fewest likeliest tokens whose probabilities reach top_p together.

    Shape:   (B, V)  ->  (B, V), all others -inf.
    Source:  Holtzman et al. 2020, eq. 2.

    Hint: sort each row downwards and take the running sum of the softmax. A token goes
    if the tokens *before* it reach top_p already; the one that crosses the line stays.
    Then bring the row back into its old order; `sort` also says where each came from.
    """
    raise NotImplementedError("exercise 6.1")


class WindowCache:
    """Remember only the keys and values that a sliding window can still reach.

    A model whose attention reaches back `window` positions (the token itself is one of
    them) never looks at anything older, so one layer's cache need not grow.

    Hint: what a new token may see are the window - 1 positions before it and itself.
    Join the kept keys with the new ones and return all of these; keep the last
    window - 1 of them for the next call. Try window = 1: what is `x[:, :, -0:]`?
    """

    def __init__(self, window: int) -> None:
        raise NotImplementedError("exercise 6.2")

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Take new keys and values, return those kept so far and these behind them.

        Shape:   k and v (B, K, T, Dh)  ->  both (B, K, S, Dh), where S is T plus the
                 number of earlier positions, at most window - 1.
        """
        raise NotImplementedError("exercise 6.2")


def stop_at(pieces: Iterable[str], stop: Sequence[str]) -> Iterator[str]:
    """Pass on pieces of text up to the first stop string, which is not shown.

    A stop string such as "\\nQuestion:" may begin in one piece and end in another, and
    once it is on the reader's screen it is too late. Hold back only what may still
    become one: a reader should wait for no other letter. Ask for no piece after the
    stop string, and give out no empty pieces.

    Hint: hold back the longest end of the text that some stop string begins with. If
    it turns out to be something else, it is text like any other; so is what is still
    held when the pieces end.
    """
    raise NotImplementedError("exercise 6.3")
