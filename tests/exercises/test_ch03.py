"""Checks of chapter 3's exercises, from basic to subtle, one mechanism each.

A tolerance of 1e-5 is a few units in the last place of float32 sums of size 1.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def same(a: Tensor, b: Tensor, tolerance: float = 1e-5) -> bool:
    return a.shape == b.shape and torch.allclose(a, b, atol=tolerance, rtol=tolerance)


def refuses(function, *arguments) -> bool:
    try:
        function(*arguments)
    except ValueError:
        return True
    return False


# 3.1 scaled_dot_product_attention


def test_3_1_the_average_of_ones_is_one(impl) -> None:
    q, k = noise(2, 3, 4, 6), noise(2, 3, 5, 6, seed=2)
    mixed = impl.scaled_dot_product_attention(q, k, torch.ones(2, 3, 5, 6))
    assert mixed.shape == (2, 3, 4, 6), (
        f"the output has shape {tuple(mixed.shape)}, q has (2, 3, 4, 6): did the axes "
        "of queries and keys change places?"
    )
    assert same(mixed, torch.ones(2, 3, 4, 6)), (
        "averaging ones must give ones, so the weights of some query do not sum to 1: "
        "is the softmax over the keys, the last axis of the scores?"
    )


def test_3_1_it_finds_the_key(impl) -> None:
    """The three tokens of section 4: scores 0, ln 3, 0; shares 1/5, 3/5, 1/5; 14."""
    q = torch.tensor([[[[0.0, math.sqrt(2) * math.log(3)]]]])
    k = torch.tensor([[[[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]]])
    v = torch.tensor([[[[10.0], [20.0], [0.0]]]])
    found = impl.scaled_dot_product_attention(q, k, v).item()
    assert abs(found - 14.0) < 1e-4, (
        f"the example of section 4 gives {found:.3f} instead of 14: are the scores "
        "divided by the square root of Dh (here the square root of 2)?"
    )


def test_3_1_scores_are_divided_by_the_root_of_the_head_width(impl) -> None:
    q, k, v = noise(1, 2, 3, 64), noise(1, 2, 5, 64, seed=2), noise(1, 2, 5, 64, seed=3)
    mixed = impl.scaled_dot_product_attention(q, k, v)
    expected = F.scaled_dot_product_attention(q, k, v)
    assert same(mixed, expected), (
        "at width 64 the output is not torch's: divide by sqrt(Dh), neither by Dh nor "
        "by the whole model's width"
    )


def test_3_1_the_mask_says_who_may_be_heard(impl) -> None:
    q, k = noise(1, 1, 2, 4), noise(1, 1, 3, 4, seed=2)
    v = torch.tensor([1.0, 2.0, 1e6]).view(1, 1, 3, 1)
    mask = torch.tensor([[True, True, False], [True, True, False]])
    mixed = impl.scaled_dot_product_attention(q, k, v, mask)
    assert mixed.abs().max() < 3, (
        "the third value is forbidden and was heard: True means 'may attend', and a "
        "forbidden score must be minus infinity (a score of 0 still gets a share)"
    )


def test_3_1_forbidden_keys_have_no_influence_at_all(impl) -> None:
    q, v = noise(1, 1, 4, 6), noise(1, 1, 4, 6, seed=3)
    k = noise(1, 1, 4, 6, seed=2).requires_grad_()
    mask = torch.ones(4, 4, dtype=torch.bool).tril()
    mixed = impl.scaled_dot_product_attention(q, k, v, mask)
    (gradient,) = torch.autograd.grad(mixed[0, 0, 1].sum(), k)
    assert gradient[0, 0, 2:].count_nonzero() == 0, (
        "query 1 feels keys 2 and 3, which it may not see: is the mask applied after "
        "the softmax, whose sum has then already heard them?"
    )


def test_3_1_large_scores_do_not_overflow(impl) -> None:
    q = torch.full((1, 1, 2, 4), 100.0)
    mixed = impl.scaled_dot_product_attention(q, q, torch.ones(1, 1, 2, 4))
    assert torch.isfinite(mixed).all(), (
        "scores of 20,000 gave infinity or NaN: subtract the largest score before you "
        "exponentiate, or use torch's softmax, which does"
    )


def test_3_1_neighbouring_query_heads_share(impl) -> None:
    v = torch.tensor([7.0, 9.0]).view(1, 2, 1, 1)
    mixed = impl.scaled_dot_product_attention(
        torch.ones(1, 4, 1, 1), torch.ones(1, 2, 1, 1), v
    )
    assert mixed.flatten().tolist() == [7.0, 7.0, 9.0, 9.0], (
        f"four query heads on two values 7 and 9 read {mixed.flatten().tolist()}, not "
        "[7, 7, 9, 9]: repeat and repeat_interleave order the heads differently"
    )


def test_3_1_heads_that_cannot_be_shared_are_refused(impl) -> None:
    q, k = noise(1, 4, 2, 6), noise(1, 3, 2, 6)
    assert refuses(impl.scaled_dot_product_attention, q, k, k), (
        "4 query heads cannot share 3 key-value heads: raise ValueError and say so"
    )


# 3.2 rotary


def test_3_2_position_zero_turns_nothing(impl) -> None:
    x = noise(2, 3, 1, 8)
    for interleaved in (False, True):
        turned = impl.rotary(x, torch.tensor([0]), interleaved=interleaved)
        assert same(turned, x), (
            f"at position 0 all angles are 0, yet x changed ({interleaved=}): are the "
            "turned coordinates put back where they came from?"
        )


def rounded(x: Tensor) -> tuple[float, ...]:
    return tuple(round(value, 3) for value in x.tolist())


def test_3_2_half_split_pairs_i_with_i_plus_half(impl) -> None:
    x = torch.tensor([[[[1.0, 0.0, 0.0, 0.0]]]])
    turned = impl.rotary(x, torch.tensor([math.pi / 2])).flatten()
    assert same(turned, torch.tensor([0.0, 0.0, 1.0, 0.0])), (
        f"a quarter turn took (1, 0, 0, 0) to {rounded(turned)}; half-split must give "
        "(0, 0, 1, 0). If the 1 is in place 1 the layouts are mixed up; if it is "
        "negative the rotation runs backwards"
    )


def test_3_2_interleaved_pairs_neighbours(impl) -> None:
    x = torch.tensor([[[[1.0, 0.0, 0.0, 0.0]]]])
    turned = impl.rotary(x, torch.tensor([math.pi / 2]), interleaved=True).flatten()
    assert same(turned, torch.tensor([0.0, 1.0, 0.0, 0.0])), (
        f"a quarter turn took (1, 0, 0, 0) to {rounded(turned)}; interleaved must give "
        "(0, 1, 0, 0): planes are neighbours 2i and 2i + 1"
    )


def test_3_2_each_plane_has_its_own_speed(impl) -> None:
    """Width 6, theta 64: speeds 1, 1/4, 1/16; at position 2 angles 2, 0.5, 0.125."""
    x = torch.tensor([[[[1.0, 1.0, 1.0, 0.0, 0.0, 0.0]]]])
    turned = impl.rotary(x, torch.tensor([2]), theta=64.0).flatten()
    expected = torch.tensor([2.0, 0.5, 0.125]).cos()
    assert same(turned[:3], expected), (
        "with theta 64 and width 6 the planes must turn by 1, 1/4 and 1/16 per "
        "position: is the exponent -2i/Dh with i = 0, 1, 2, and is theta used?"
    )


def test_3_2_only_the_distance_counts(impl) -> None:
    q, k = noise(1, 1, 1, 16), noise(1, 1, 1, 16, seed=2)
    scores = []
    for shift in (0, 50):
        a = impl.rotary(q, torch.tensor([7 + shift]))
        b = impl.rotary(k, torch.tensor([4 + shift]))
        scores.append((a * b).sum().item())
    # Angles up to 57 radians in float32 are exact to 4e-6; sixteen terms add up.
    assert abs(scores[0] - scores[1]) < 1e-3, (
        f"positions 7 and 4 score {scores[0]:.4f}, 57 and 54 score {scores[1]:.4f}: "
        "a rotation keeps lengths (cos and -sin, sin and cos), is yours one?"
    )


def test_3_2_positions_run_along_the_tokens(impl) -> None:
    x = torch.ones(1, 3, 3, 4)  # as many heads as tokens: axes can be confused unseen
    turned = impl.rotary(x, torch.tensor([0, 1, 2]))
    assert same(turned[:, 0], turned[:, 2]) and not same(
        turned[:, :, 0], turned[:, :, 2]
    ), "all heads must turn alike and tokens must not: do the angles run along axis 2?"


def test_3_2_each_sequence_may_have_its_own_positions(impl) -> None:
    x, positions = noise(2, 2, 2, 4), torch.tensor([[0, 1], [5, 6]])
    turned = impl.rotary(x, positions)
    for b in range(2):
        alone = impl.rotary(x[b : b + 1], positions[b])
        assert same(turned[b : b + 1], alone), (
            f"sequence {b} of a batch turned differently than alone: angles of "
            "positions (B, T) need an axis for the heads between B and T"
        )


def test_3_2_the_dtype_is_kept(impl) -> None:
    turned = impl.rotary(noise(1, 1, 2, 4).bfloat16(), torch.arange(2))
    assert turned.dtype == torch.bfloat16, (
        f"x was bfloat16 and came back as {turned.dtype}: compute the angles in "
        "float32, but give sine and cosine the dtype of x"
    )


def test_3_2_an_odd_width_is_refused(impl) -> None:
    assert refuses(impl.rotary, noise(1, 1, 2, 5), torch.arange(2)), (
        "a head of width 5 cannot be cut into planes: raise ValueError"
    )


# 3.3 alibi_bias


def test_3_3_it_has_one_matrix_for_each_head(impl) -> None:
    shape = tuple(impl.alibi_bias(2, 3, 5).shape)
    assert shape == (2, 3, 5), f"2 heads, 3 queries, 5 keys gave shape {shape}"


def test_3_3_two_heads_by_hand(impl) -> None:
    """H = 2: slopes 2^-4 = 1/16 and 2^-8 = 1/256; query 2 sees 2, 1, 0 steps back."""
    bias = impl.alibi_bias(2, 3, 3)[:, 2]
    expected = torch.tensor([[-2 / 16, -1 / 16, 0.0], [-2 / 256, -1 / 256, 0.0]])
    assert (bias <= 0).all(), (
        "a key that lies back must lose score, and yours gains: mind the sign"
    )
    assert same(bias, expected), (
        f"the last query of 3 has biases {bias.tolist()}, not -2/16, -1/16, 0 and "
        "-2/256, -1/256, 0: are heads counted from 1, and is the exponent -8h/H?"
    )


def test_3_3_the_future_is_closed(impl) -> None:
    bias = impl.alibi_bias(2, 3, 3)
    future = torch.ones(3, 3, dtype=torch.bool).triu(1)
    assert (bias[:, future] == -math.inf).all(), (
        "keys of the future must get minus infinity, or they are welcomed most of all"
    )
    assert torch.isfinite(bias[:, ~future]).all(), (
        "a permitted key got minus infinity: may a token still see itself?"
    )


def test_3_3_queries_are_the_last_positions(impl) -> None:
    whole, last = impl.alibi_bias(4, 6, 6), impl.alibi_bias(4, 2, 6)
    assert torch.equal(last, whole[:, 4:]), (
        "2 queries with 6 keys must be the last 2 rows of 6 with 6: the cache holds "
        "the earlier ones, so the first query stands at n_keys - n_queries"
    )


# 3.4 attention_entropy


def test_3_4_a_decided_head_has_none(impl) -> None:
    weights = torch.eye(4)[None, None]
    entropy = impl.attention_entropy(weights)
    assert entropy.shape == (1,), (
        f"one head gave shape {tuple(entropy.shape)}, not (1,)"
    )
    assert not entropy.isnan().any(), (
        "weights of exactly 0 gave NaN: 0 * ln 0 must count as 0"
    )
    assert same(entropy, torch.zeros(1)), (
        f"a head that listens to one token has entropy 0, not {entropy.item():.4f}: is "
        "something added to the weights before the logarithm?"
    )


def test_3_4_equal_shares_give_ln_n(impl) -> None:
    entropy = impl.attention_entropy(torch.full((1, 1, 3, 8), 1 / 8)).item()
    assert abs(entropy - math.log(8)) < 1e-5, (
        f"eight equal shares have ln 8 = 2.0794 nats, not {entropy:.4f}: 3 would be "
        "bits, a small number the mean over the keys instead of their sum, a negative "
        "one lacks the minus"
    )


def test_3_4_an_uneven_row_by_hand(impl) -> None:
    """1/4 ln 4 + 1/2 ln 2 + 1/4 ln 4 = 1.5 ln 2 = 1.0397."""
    entropy = impl.attention_entropy(torch.tensor([[[[0.25, 0.5, 0.25]]]])).item()
    assert abs(entropy - 1.5 * math.log(2)) < 1e-5, (
        f"shares 1/4, 1/2, 1/4 have 1.5 ln 2 = 1.0397 nats, not {entropy:.4f}: does "
        "each logarithm carry its own weight?"
    )


def test_3_4_rows_are_measured_before_they_are_averaged(impl) -> None:
    """Two decided queries that listen to different tokens are two decided queries."""
    weights = torch.eye(2)[None, None]
    assert impl.attention_entropy(weights).abs().item() < 1e-5, (
        "two rows, (1, 0) and (0, 1), have entropy 0 each: take the entropy of every "
        "query first and the mean of the entropies after"
    )


def test_3_4_heads_are_kept_apart(impl) -> None:
    weights = torch.stack((torch.eye(4), torch.full((4, 4), 0.25)))
    weights = torch.stack((weights, weights))
    entropy = impl.attention_entropy(weights)
    assert same(entropy, torch.tensor([0.0, math.log(4)])), (
        f"a decided head and an undecided one gave {entropy.tolist()}, not [0, ln 4]: "
        "average over batch and queries, and not over heads"
    )


# 3.5 sinusoids


def test_3_5_each_position_gets_a_row(impl) -> None:
    shape = tuple(impl.sinusoids(torch.arange(5), 8).shape)
    assert shape == (5, 8), (
        f"5 positions at width 8 gave shape {shape}, not (5, 8): D/2 sines and as many "
        "cosines stand in one row"
    )


def test_3_5_position_zero_is_all_sines_of_zero(impl) -> None:
    row = impl.sinusoids(torch.tensor([0]), 6)[0]
    assert same(row, torch.tensor([0.0, 1.0, 0.0, 1.0, 0.0, 1.0])), (
        f"at position 0 every sine is 0 and every cosine 1, in turn; you have "
        f"{rounded(row)}: do sines and cosines alternate, the sine first?"
    )


def test_3_5_two_waves_by_hand(impl) -> None:
    """Width 4, theta 100: speeds 1 and 100^(-2/4) = 1/10; at 5 pi: 5 pi and pi/2."""
    row = impl.sinusoids(torch.tensor([5 * math.pi]), 4, theta=100.0)[0]
    assert same(row, torch.tensor([0.0, -1.0, 1.0, 0.0])), (
        f"width 4 and theta 100 have the speeds 1 and 1/10; position 5 pi gave "
        f"{rounded(row)} instead of (0, -1, 1, 0): is the exponent -2i/D, i from "
        "0, and is theta used?"
    )


def test_3_5_scores_depend_on_the_distance(impl) -> None:
    rows = impl.sinusoids(torch.tensor([3, 8, 103, 108]), 16)
    near, far = (rows[0] * rows[1]).sum(), (rows[2] * rows[3]).sum()
    assert same(near, far, 1e-3), (
        "positions 3 and 8 must fit each other as 103 and 108 do: sine and cosine of a "
        "wave need the same angle"
    )


def test_3_5_positions_may_come_in_a_batch(impl) -> None:
    batch = torch.tensor([[0, 1, 2], [7, 8, 9]])
    rows = impl.sinusoids(batch, 8)
    assert tuple(rows.shape) == (2, 3, 8), (
        f"positions (2, 3) at width 8 gave {tuple(rows.shape)}, not (2, 3, 8)"
    )
    assert same(rows[1], impl.sinusoids(batch[1], 8)), (
        "the second sequence of a batch has other vectors than alone: does every "
        "sequence use its own positions?"
    )


def test_3_5_an_odd_width_is_refused(impl) -> None:
    assert refuses(impl.sinusoids, torch.arange(3), 5), (
        "width 5 has no whole number of pairs: raise ValueError"
    )


# 3.6 document_positions


def test_3_6_one_document_is_counted_through(impl) -> None:
    found = impl.document_positions(torch.tensor([[9, 1, 2, 3]]), 9).tolist()
    assert found == [[0, 1, 2, 3]], (
        f"a row of one document has positions {found}, not 0, 1, 2, 3: the token that "
        "opens it stands at 0"
    )


def test_3_6_the_next_document_begins_anew(impl) -> None:
    found = impl.document_positions(torch.tensor([[9, 1, 2, 9, 3, 4]]), 9).tolist()
    assert found == [[0, 1, 2, 0, 1, 2]], (
        f"two documents of three tokens have positions {found}: subtract from each "
        "place the place where its own document opened"
    )


def test_3_6_a_row_may_begin_inside_a_document(impl) -> None:
    found = impl.document_positions(torch.tensor([[4, 5, 9, 6]]), 9).tolist()
    assert found == [[0, 1, 0, 1]], (
        f"a row that begins inside a document has positions {found}, not 0, 1, 0, 1: "
        "before the first opening token, count from the row's beginning"
    )


def test_3_6_rows_do_not_hear_of_each_other(impl) -> None:
    tokens = torch.tensor([[9, 1, 1, 9], [1, 9, 9, 1]])
    found = impl.document_positions(tokens, 9).tolist()
    assert found == [[0, 1, 2, 0], [0, 0, 0, 1]], (
        f"two rows gave {found}, not [0, 1, 2, 0] and [0, 0, 0, 1]: the running "
        "maximum goes along the tokens, axis 1, and each row has its own openings"
    )


def test_3_6_they_are_whole_numbers(impl) -> None:
    found = impl.document_positions(torch.tensor([[9, 1]]), 9)
    assert found.dtype == torch.int64, (
        f"positions came as {found.dtype}: a table of positions is looked up by whole "
        "numbers, so keep them int64"
    )


# 3.7 merge_partial_attention


def one(value: float) -> Tensor:
    return torch.full((1, 1, 1, 1), value)


def in_two_parts(impl, cut: int) -> tuple[tuple[Tensor, Tensor], Tensor, Tensor]:
    """Merge what 3 queries find in the first `cut` of 9 keys and in the others."""
    q, k, v = noise(2, 2, 3, 4), noise(2, 2, 9, 4, seed=2), noise(2, 2, 9, 4, seed=3)
    scores = q @ k.transpose(-2, -1) / 2
    sums = [
        part.logsumexp(-1, keepdim=True) for part in scores.split([cut, 9 - cut], 3)
    ]
    parts = [slice(None, cut), slice(cut, None)]
    mixed = [F.scaled_dot_product_attention(q, k[:, :, p], v[:, :, p]) for p in parts]
    merged = impl.merge_partial_attention(mixed[0], sums[0], mixed[1], sums[1])
    whole = F.scaled_dot_product_attention(q, k, v)
    return merged, whole, scores.logsumexp(-1, keepdim=True)


def test_3_7_equal_parts_meet_in_the_middle(impl) -> None:
    mixed, log_sum = impl.merge_partial_attention(one(2), one(0.0), one(4), one(0.0))
    assert same(mixed, one(3.0)), (
        f"two parts of equal weight, 2 and 4, gave {mixed.item():.3f}, not 3"
    )
    assert same(log_sum, one(math.log(2))), (
        f"two sums of 1 are 2, so the log-sum is ln 2 = 0.693, not {log_sum.item():.3f}"
        ": logarithms of sums are not added, the sums are"
    )


def test_3_7_a_part_counts_by_its_sum(impl) -> None:
    """Sums 3 and 1: 3/4 * 8 + 1/4 * 4 = 7, and ln 4."""
    mixed, log_sum = impl.merge_partial_attention(
        one(8), one(math.log(3)), one(4), one(0.0)
    )
    assert same(mixed, one(7.0)), (
        f"sums of 3 and 1 weigh 8 and 4 as 3/4 and 1/4, which is 7, not "
        f"{mixed.item():.3f}: is each share exp(its log-sum - the log-sum of all)?"
    )
    assert same(log_sum, one(math.log(4))), "the sums 3 and 1 are 4 together: ln 4"


def test_3_7_two_parts_are_the_whole(impl) -> None:
    for cut in (1, 4, 8):
        (mixed, log_sum), whole, whole_sum = in_two_parts(impl, cut)
        assert same(mixed, whole) and same(log_sum, whole_sum), (
            f"{cut} keys and the {9 - cut} others do not give what 9 keys give: does a "
            "part with more keys count for more?"
        )


def test_3_7_merged_parts_can_be_merged_again(impl) -> None:
    """Sums 1, 1 and 2 with 0, 4 and 6: (0 + 4 + 12) / 4 = 4."""
    first = impl.merge_partial_attention(one(0), one(0.0), one(4), one(0.0))
    mixed, log_sum = impl.merge_partial_attention(*first, one(6), one(math.log(2)))
    assert same(mixed, one(4.0)) and same(log_sum, one(math.log(4))), (
        f"three parts gave {mixed.item():.3f} with log-sum {log_sum.item():.3f}, not 4 "
        "and ln 4: is the log-sum that you return that of all keys?"
    )


def test_3_7_large_log_sums_do_not_overflow(impl) -> None:
    mixed, log_sum = impl.merge_partial_attention(
        one(2), one(1000.0), one(4), one(1000.0)
    )
    assert torch.isfinite(mixed).all() and torch.isfinite(log_sum).all(), (
        "log-sums of 1000 gave infinity or NaN: exponentiate differences only"
    )
    assert same(mixed, one(3.0), 1e-3), (
        "at log-sums of 1000 two equal parts still meet at 3"  # float32: 1000 +- 6e-5
    )


def test_3_7_a_part_without_keys_says_nothing(impl) -> None:
    for nothing in (0.0, math.nan):
        for turned in (False, True):
            parts = [one(5), one(1.0)], [one(nothing), one(-math.inf)]
            mixed, log_sum = impl.merge_partial_attention(
                *parts[turned], *parts[1 - turned]
            )
            assert same(mixed, one(5.0)) and same(log_sum, one(1.0)), (
                f"a part with log-sum -inf and average {nothing} says nothing, and "
                f"5 became {mixed.item()}: 0 times NaN is NaN"
            )


# 3.8 induction_score


def looks_back(n_tokens: int, back: int) -> Tensor:
    """A head whose every query looks at the token `back` before it, if there is one."""
    weights = torch.zeros(1, 1, n_tokens, n_tokens)
    for t in range(back, n_tokens):
        weights[..., t, t - back] = 1.0
    return weights


def test_3_8_a_b_a_b_by_hand(impl) -> None:
    """The second A gives B 0.5, the second B gives its successor 0.3: 0.4."""
    weights = torch.zeros(1, 1, 4, 4)
    weights[0, 0, 2] = torch.tensor([0.5, 0.5, 0.0, 0.0])
    weights[0, 0, 3] = torch.tensor([0.1, 0.2, 0.3, 0.4])
    score = impl.induction_score(weights, 2)
    assert score.shape == (1,), f"one head gave shape {tuple(score.shape)}, not (1,)"
    assert abs(score.item() - 0.4) < 1e-6, (
        f"A B A B gives (0.5 + 0.3) / 2 = 0.4, not {score.item():.3f}"
    )


def test_3_8_what_came_next_and_not_the_copy_itself(impl) -> None:
    heads = torch.cat([looks_back(12, back) for back in (4, 5, 6, 7)], dim=1)
    score = impl.induction_score(heads, 6).tolist()
    assert score[2] < 1e-6, (
        "a head that looks at the earlier copy of the token itself scored: what came "
        "next stands one place later, at t - period + 1"
    )
    assert score == [0.0, 1.0, 0.0, 0.0], (
        f"of four heads that look 4, 5, 6 and 7 back, a period of 6 makes the second "
        f"one the induction head; yours scored {score}"
    )


def test_3_8_only_the_second_copy_is_asked(impl) -> None:
    weights = looks_back(12, 5)
    weights[:, :, :6] = 0.0
    assert abs(impl.induction_score(weights, 6).item() - 1.0) < 1e-6, (
        "a head that is right for all six queries of the second copy has score 1: the "
        "first copy has nothing to find, leave its queries out"
    )


def test_3_8_other_tokens_may_stand_before(impl) -> None:
    for before in (1, 3):
        weights = looks_back(12 + before, 5)
        weights[:, :, : 6 + before] = 0.0
        assert abs(impl.induction_score(weights, 6).item() - 1.0) < 1e-6, (
            f"{before} token(s) before the two copies changed the score: count the "
            "queries from the end"
        )


def test_3_8_heads_are_kept_apart(impl) -> None:
    right, wrong = looks_back(8, 3), looks_back(8, 4)
    rows = torch.cat((torch.cat((right, wrong), 1), torch.cat((wrong, wrong), 1)))
    score = impl.induction_score(rows, 4)
    assert same(score, torch.tensor([0.5, 0.0])), (
        f"head 0 is right in one row of two, head 1 in none; yours gave "
        f"{score.tolist()}: average over the batch and the queries, not over the heads"
    )


def test_3_8_periods_that_do_not_fit_are_refused(impl) -> None:
    for period in (3, 0):
        assert refuses(impl.induction_score, torch.ones(1, 1, 5, 5), period), (
            f"5 tokens cannot hold two periods of {period}: raise ValueError"
        )
