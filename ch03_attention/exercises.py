"""Exercises of chapter 3: rebuild attention and rotation, then go one step beyond.

`make exercises CH=03` copies this file to answers/ and grades what you write there.
"""

from torch import Tensor


def scaled_dot_product_attention(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None
) -> Tensor:
    """Rebuild attention: mix values by the similarity of queries and keys.

    Scores are dot products divided by the square root of Dh. With fewer key-value heads
    than query heads, neighbouring query heads share one: with H = 4 and K = 2, query
    heads 0 and 1 read key-value head 0.

    Shape:   q (B, H, T, Dh), k and v (B, K, S, Dh) with K dividing H,
             mask broadcastable to (B, H, T, S), True = may attend  ->  (B, H, T, Dh).
    Raises:  ValueError if K does not divide H.
    Source:  Vaswani et al. 2017, eq. 1.

    Hint: repeat the heads of k and v first, each one H // K times in a row. Then the
    scores are one matrix product of q with k, the last two axes of k swapped. Put
    minus infinity where the mask is False before you take the softmax over the keys,
    which are the last axis.
    """
    raise NotImplementedError("exercise 3.1")


def rotary(
    x: Tensor, positions: Tensor, theta: float = 10000.0, interleaved: bool = False
) -> Tensor:
    """Rebuild rotary positions: turn plane i of each head by position * frequency i.

    Plane i turns by theta ** (-2i / Dh) radians per position, counter-clockwise: its
    first coordinate becomes a cos - b sin, its second a sin + b cos. Half-split pairs
    coordinate i with i + Dh/2, interleaved pairs 2i with 2i + 1. The result has the
    dtype of x.

    Shape:   x (B, H, T, Dh), positions (T,) or (B, T)  ->  (B, H, T, Dh).
    Raises:  ValueError if Dh is odd.
    Source:  Su et al. 2021, eq. 34.

    Hint: the angles of all positions and planes are positions[..., None] times the
    frequencies. If the positions have a batch axis, the angles need one more axis for
    the heads, after the first. The two halves are x.chunk(2, dim=-1); the interleaved
    coordinates are x[..., 0::2] and x[..., 1::2], and torch.stack(..., dim=-1) followed
    by flatten(-2) puts them back in turn.
    """
    raise NotImplementedError("exercise 3.2")


def alibi_bias(n_heads: int, n_queries: int, n_keys: int) -> Tensor:
    """Write the bias by which ALiBi tells scores about distance, without any rotation.

    It is added to the scores before the softmax: head h (counted from 1) lowers the
    score of a key by 2 ** (-8h / H) for each step that the key lies back, and a key in
    the future gets minus infinity, so that no other mask is needed. The queries are the
    last n_queries of the n_keys positions, as in causal_mask.

    Shape:   (H, T, S).
    Source:  Press et al. 2022, section 3.

    Hint: make a column of query positions and a row of key positions; their difference
    tells how far back each key lies. Multiply it by a slope for each head, shaped
    (H, 1, 1), and mind the sign.
    """
    raise NotImplementedError("exercise 3.3")


def attention_entropy(weights: Tensor) -> Tensor:
    """Measure how undecided each head is: the mean entropy of its queries' weights.

    The entropy of one query is minus the sum of w ln w over the keys: 0 if it listens
    to one token only, ln n if it listens to n tokens alike. A weight of 0 adds nothing.

    Shape:   weights (B, H, T, S), each row summing to 1  ->  (H,).
    Units:   nats.

    Hint: 0 * ln 0 is not a number on a computer, though its limit is 0; torch.xlogy
    knows that. Sum over the keys first, and average over batch and queries after.
    """
    raise NotImplementedError("exercise 3.4")


def sinusoids(positions: Tensor, d_model: int, theta: float = 10000.0) -> Tensor:
    """Rebuild sinusoidal positions: write each position as sines and cosines.

    Wave i, from 0 to D/2 - 1, has the angle position * theta ** (-2i / D). Its sine
    stands at coordinate 2i and its cosine at 2i + 1.

    Shape:   positions (T,) or (B, T)  ->  (T, D) or (B, T, D), float32.
    Raises:  ValueError if d_model is odd.
    Source:  Vaswani et al. 2017, section 3.5.

    Hint: the angles of all positions and waves are positions[..., None] times the
    speeds, theta ** (-torch.arange(0, d_model, 2) / d_model). Stack sines and cosines
    along a new last axis, and flatten(-2) puts them in turn.
    """
    raise NotImplementedError("exercise 3.5")


def document_positions(tokens: Tensor, end_of_text_id: int) -> Tensor:
    """Rebuild positions that begin anew with each document of a packed row.

    The token `end_of_text_id` opens a document and stands at position 0; the token
    after it stands at 1, and so on to the next one. A row may begin inside a document,
    which is then counted from the row's beginning. No loop over tokens is needed.

    Shape:   tokens (B, T)  ->  (B, T), int64.

    Hint: a token's position is its place in the row minus the place where its document
    opened, and that is the greatest opening place so far: write each opening token's
    place, 0 elsewhere, and take a running maximum along the row (torch.cummax).
    """
    raise NotImplementedError("exercise 3.6")


def merge_partial_attention(
    mixed_a: Tensor, log_sum_a: Tensor, mixed_b: Tensor, log_sum_b: Tensor
) -> tuple[Tensor, Tensor]:
    """Join attention over some keys with attention over other keys.

    The same queries attended twice: once to the keys of part a alone, once to those of
    part b. Each time they kept the average of the values, and the logarithm of the sum
    of exp(score) over the part's keys. Return the same two for all keys together. Two
    machines that hold half of a long text each need to exchange no more than this.

    Log-sums may be larger than exp can take, and one of them may be minus infinity:
    that part had no key for this query, and its average may be anything, even NaN.

    Shape:   mixed (B, H, T, Dh), log_sum (B, H, T, 1)  ->  the same two shapes.
    Source:  Milakov and Gimelshein 2018, section 3; Dao et al. 2022, section 3.1.

    Hint: the log-sum of all is torch.logaddexp of the two. The share of the attention
    that goes to part a is the exponential of its log-sum minus that of all. Where a
    share is 0, do not multiply by it: 0 times NaN is NaN.
    """
    raise NotImplementedError("exercise 3.7")


def induction_score(weights: Tensor, period: int) -> Tensor:
    """Rebuild the induction score: how much a head looks at what came next last time.

    The last 2 * period tokens are some tokens and the same again; other tokens may
    stand before them. A token of the second copy at t stood at t - period before, and
    the one that came next then stands at t - period + 1. Return each head's weight on
    that place, averaged over the queries of the second copy and over the batch.

    Shape:   weights (B, H, T, S) with S = T  ->  (H,).
    Raises:  ValueError if two periods do not fit into the tokens.
    Source:  Olsson et al. 2022.

    Hint: the places lie on a line parallel to the diagonal of the last two axes.
    weights.diagonal(offset, dim1=-2, dim2=-1) takes such a line out; with an offset of
    -n it begins at query n, key 0. Only its last entries belong to the second copy.
    """
    raise NotImplementedError("exercise 3.8")
