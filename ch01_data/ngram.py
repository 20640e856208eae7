"""A 5-gram language model: the baseline that every loss curve is drawn beside.

An n-gram model predicts a token from the n-1 tokens before it by counting. What makes
counting work is what it does with contexts that it has seen rarely or never: Kneser and
Ney take a discount D off every count and give what was taken to the next shorter
context, whose own counts ask a different question. Not "how often did w occur?" but
"after how many different tokens did w occur?". (Francisco is frequent, but only after
San.)

    p_k(w | context) = (c_k(context w) - D(c_k)) / total(context)
                       + gamma(context) * p_{k-1}(w | context without its oldest token)

    k = 5   a b c d -> w    raw counts
    k = 4     b c d -> w    number of different tokens seen before "b c d w"
    ...
    k = 1           -> w    number of different tokens seen before "w"
    k = 0                   uniform, 1 / vocab_size: no token is impossible

Counting is done on arrays rather than dictionaries: every distinct k-gram has a number,
its rank among the sorted keys `number of its first k-1 tokens * vocab_size + last
token`, so a table is one sorted array and a look-up is one binary search for all
positions at once. Six million tokens are counted in seconds.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np

from ch01_data.files import run_command, write_json
from ch01_data.sources import read_texts

FALLBACK_DISCOUNTS = (0.5, 1.0, 1.5)  # where a corpus is too small to estimate them


class _Stream(NamedTuple):
    """Sequences laid end to end: their tokens, and each one's place in its sequence."""

    tokens: np.ndarray
    places: np.ndarray


@dataclass(frozen=True)
class _Level:
    """All k-grams of one k: sorted keys, their share, and what each context gives on.

    `share[i]` is the discounted relative frequency of k-gram i. `gamma[j]` is the
    weight of the shorter context after context j (a (k-1)-gram); it is 1 where j was
    never followed by anything.
    """

    keys: np.ndarray
    share: np.ndarray
    gamma: np.ndarray
    discounts: tuple[float, float, float]


class KneserNey:
    """Interpolated modified Kneser-Ney over token ids.

    A sequence is given whole: its first token is context only (end-of-text, playing
    beginning-of-text), every other token is a target. A k-gram that opens a sequence
    has nothing before it, so its raw count stands for the number of different
    predecessors.

    Units:   log-probabilities in nats.
    Source:  Chen and Goodman 1999, An empirical study of smoothing techniques,
             section 3 (modified Kneser-Ney, interpolated).
    """

    def __init__(self, order: int = 5) -> None:
        if order < 1:
            raise ValueError(f"order is {order}, must be at least 1")
        self.order = order
        self.vocab_size = 0
        self._levels: list[_Level] = []

    @property
    def discounts(self) -> list[tuple[float, float, float]]:
        """The discounts D1, D2, D3+ of each order, the unigrams first."""
        return [level.discounts for level in self._levels]

    @property
    def n_entries(self) -> int:
        """How many distinct k-grams the model holds, all orders together."""
        return sum(len(level.keys) for level in self._levels)

    def fit(
        self, sequences: Sequence[Sequence[int]] | np.ndarray, vocab_size: int
    ) -> "KneserNey":
        """Count sequences of token ids, each [end-of-text] + document + [end-of-text].

        Raises:  ValueError if a sequence is empty or a token is not below vocab_size.
        """
        return self._fit(_join_sequences(sequences), vocab_size)

    def fit_documents(
        self,
        tokens: np.ndarray,
        offsets: np.ndarray,
        end_of_text_id: int,
        vocab_size: int,
    ) -> "KneserNey":
        """Count a token shard: documents without their end-of-text tokens, end to end.

        Document i is `tokens[offsets[i]:offsets[i + 1]]`.
        """
        return self._fit(_join_documents(tokens, offsets, end_of_text_id), vocab_size)

    def log_prob(self, sequence: Sequence[int] | np.ndarray) -> np.ndarray:
        """Return ln p of every token but the first, given those before it.

        Units:   nats; one value for each of the len(sequence) - 1 targets.
        """
        return np.log(self._probabilities(_join_sequences([sequence])))

    def log_prob_documents(
        self, tokens: np.ndarray, offsets: np.ndarray, end_of_text_id: int
    ) -> np.ndarray:
        """Return ln p of every token of a shard and of each document's end, in order.

        Units:   nats; len(tokens) + documents values.
        """
        stream = _join_documents(tokens, offsets, end_of_text_id)
        return np.log(self._probabilities(stream))

    def next_probabilities(self, context: Sequence[int]) -> np.ndarray:
        """Return p(w | context) for every w of the vocabulary; they sum to one."""
        width = min(len(context), self.order - 1)
        rows = np.zeros((self.vocab_size, width + 1), dtype=np.int64)
        rows[:, :width] = np.asarray(context, dtype=np.int64)[len(context) - width :]
        rows[:, width] = np.arange(self.vocab_size)
        places = np.tile(np.arange(width + 1), self.vocab_size)
        every = self._interpolate(_Stream(rows.ravel(), places))
        return every[width :: width + 1]

    def _fit(self, stream: _Stream, vocab_size: int) -> "KneserNey":
        _check_tokens(stream.tokens, vocab_size)
        self.vocab_size, self._levels = vocab_size, []
        shorter = np.zeros(len(stream.tokens), dtype=np.int64)  # the empty context: 0
        n_contexts = 1
        waiting = None  # a level can be closed only when the next one has been counted
        for k in range(1, self.order + 1):
            ends = np.flatnonzero(stream.places >= k - 1)
            keys = shorter[ends - 1] * vocab_size + stream.tokens[ends]
            table, first, ranks, raw = _distinct(keys)
            if waiting is not None:
                followed = shorter[ends[first]]  # drop the oldest token of each k-gram
                self._levels.append(self._close(waiting, followed, stream, shorter))
            ids = np.full(len(stream.tokens), -1, dtype=np.int64)
            ids[ends] = ranks
            if k == 1:  # the token that opens a sequence is no target
                raw = np.bincount(ids[stream.places > 0], minlength=len(table))
            waiting = (k, table, raw, n_contexts)
            shorter, n_contexts = ids, len(table)
        k, table, raw, n_contexts = waiting
        self._levels.append(_level(table, raw, n_contexts, vocab_size))
        return self

    def _close(
        self,
        waiting: tuple[int, np.ndarray, np.ndarray, int],
        followed: np.ndarray,
        stream: _Stream,
        ids: np.ndarray,
    ) -> _Level:
        """Make the level of k-grams from the number of different tokens before each."""
        k, table, _, n_contexts = waiting
        counts = np.bincount(followed, minlength=len(table))
        if k > 1:
            opening = ids[stream.places == k - 1]
            counts += np.bincount(opening, minlength=len(table))
        return _level(table, counts, n_contexts, self.vocab_size)

    def _probabilities(self, stream: _Stream) -> np.ndarray:
        """Return p of every target of the stream, in order."""
        if not self._levels:
            raise ValueError("this model has counted nothing yet: call fit first")
        _check_tokens(stream.tokens, self.vocab_size)
        return self._interpolate(stream)[stream.places > 0]

    def _interpolate(self, stream: _Stream) -> np.ndarray:
        """Return p of every position (the first of a sequence: from no context)."""
        ids = np.zeros(len(stream.tokens), dtype=np.int64)
        p = np.full(len(stream.tokens), 1.0 / self.vocab_size)
        for k, level in enumerate(self._levels, start=1):
            context = np.roll(ids, 1)
            ends = np.flatnonzero((stream.places >= k - 1) & (context >= 0))
            context = context[ends]
            found = _look_up(
                level.keys, context * self.vocab_size + stream.tokens[ends]
            )
            p[ends] *= level.gamma[context]
            p[ends[found >= 0]] += level.share[found[found >= 0]]
            ids = np.full(len(stream.tokens), -1, dtype=np.int64)
            ids[ends] = found
        return p


def estimate_discounts(counts: np.ndarray) -> tuple[float, float, float]:
    """Estimate D1, D2 and D3+ from how many k-grams were seen 1, 2, 3 and 4 times.

    With Y = n1 / (n1 + 2 n2):  D_i = i - (i + 1) Y n_{i+1} / n_i.  A corpus that is
    too small or too regular for that takes 0.5, 1 and 1.5 instead.
    Source:  Chen and Goodman 1999, eq. 26.
    """
    n1, n2, n3, n4 = (int((counts == i).sum()) for i in (1, 2, 3, 4))
    if min(n1, n2, n3) == 0:
        return FALLBACK_DISCOUNTS
    y = n1 / (n1 + 2 * n2)
    estimates = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    sound = all(0 < d <= i for i, d in enumerate(estimates, start=1))
    return estimates if sound else FALLBACK_DISCOUNTS


def _level(
    keys: np.ndarray, counts: np.ndarray, n_contexts: int, vocab_size: int
) -> _Level:
    """Discount the counts; what is taken from a context becomes its gamma."""
    discounts = estimate_discounts(counts)
    taken = np.array([0.0, *discounts])[np.minimum(counts, 3)]
    contexts = keys // vocab_size
    total = np.bincount(contexts, weights=counts, minlength=n_contexts)
    given = np.bincount(contexts, weights=taken, minlength=n_contexts)
    seen = total > 0
    gamma = np.ones(n_contexts)
    gamma[seen] = given[seen] / total[seen]
    share = (counts - taken) / np.maximum(total[contexts], 1)
    return _Level(keys, share, gamma, discounts)


def _distinct(keys: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return sorted distinct keys, one place of each, every key's rank, and counts.

    The same as np.unique with all its options on, but with an unstable sort, which is
    several times faster on millions of keys.
    """
    order = np.argsort(keys)
    ordered = keys[order]
    opens = np.ones(len(keys), dtype=bool)
    opens[1:] = ordered[1:] != ordered[:-1]
    starts = np.flatnonzero(opens)
    ranks = np.empty(len(keys), dtype=np.int64)
    ranks[order] = np.cumsum(opens) - 1
    counts = np.diff(starts, append=len(keys))
    return ordered[starts], order[starts], ranks, counts


def _look_up(table: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Return each key's rank in the sorted table, -1 where it is not there."""
    if not len(table):
        return np.full(len(keys), -1, dtype=np.int64)
    ranks = np.minimum(np.searchsorted(table, keys), len(table) - 1)
    return np.where(table[ranks] == keys, ranks, -1)


def _join_sequences(sequences: Sequence[Sequence[int]] | np.ndarray) -> _Stream:
    """Lay sequences end to end."""
    arrays = [np.asarray(sequence, dtype=np.int64) for sequence in sequences]
    lengths = np.array([len(array) for array in arrays], dtype=np.int64)
    if not len(lengths) or lengths.min() == 0:
        raise ValueError("an empty sequence, or none: each needs at least one token")
    return _Stream(np.concatenate(arrays), _places(lengths))


def _join_documents(
    tokens: np.ndarray, offsets: np.ndarray, end_of_text_id: int
) -> _Stream:
    """Lay documents end to end with end-of-text before and after each."""
    offsets = np.asarray(offsets, dtype=np.int64)
    lengths = np.diff(offsets)
    if not len(lengths):
        raise ValueError("a shard without documents: encode at least one")
    stream = np.full(len(tokens) + 2 * len(lengths), end_of_text_id, dtype=np.int64)
    document = np.repeat(np.arange(len(lengths)), lengths)
    stream[np.arange(len(tokens)) + 2 * document + 1] = tokens
    return _Stream(stream, _places(lengths + 2))


def _places(lengths: np.ndarray) -> np.ndarray:
    """Count 0, 1, 2, ... inside each sequence."""
    starts = np.cumsum(lengths) - lengths
    return np.arange(lengths.sum()) - np.repeat(starts, lengths)


def _check_tokens(tokens: np.ndarray, vocab_size: int) -> None:
    low, high = int(tokens.min()), int(tokens.max())
    if low < 0 or high >= vocab_size:
        raise ValueError(
            f"token ids run from {low} to {high}, but must lie in 0..{vocab_size - 1}; "
            "was the corpus encoded with another tokenizer?"
        )


def byte_shard(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return texts as bytes end to end, and where each begins: a shard without BPE."""
    parts = [text.encode("utf-8") for text in texts]
    tokens = np.frombuffer(b"".join(parts), dtype=np.uint8)
    return tokens, np.cumsum([0, *map(len, parts)])


def main(argv: list[str] | None = None) -> int:
    """Count the n-grams of one file's bytes and measure bits per byte on another."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--train", required=True, help="text or .jsonl to count")
    parser.add_argument("--validation", required=True, help="text or .jsonl to score")
    parser.add_argument("--order", type=int, default=5, help="longest n-gram, in bytes")
    parser.add_argument("--limit", type=int, help="count this many documents only")
    parser.add_argument("--out", help="write the measurement to this JSON file too")
    arguments = parser.parse_args(argv)

    def command() -> None:
        train = byte_shard(list(islice(read_texts(arguments.train), arguments.limit)))
        scored = byte_shard(list(read_texts(arguments.validation)))
        model = KneserNey(arguments.order).fit_documents(*train, 256, 257)
        nats = -model.log_prob_documents(*scored, 256).sum()
        bits = nats / np.log(2) / len(scored[0])
        print(
            f"{arguments.order}-gram model of bytes: {bits:.4f} bits per byte on "
            f"{len(scored[0]):,} bytes ({model.n_entries:,} n-grams counted)"
        )
        if arguments.out:
            found = {"order": arguments.order, "bits_per_byte": bits}
            write_json(arguments.out, found | {"n_entries": model.n_entries})

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
