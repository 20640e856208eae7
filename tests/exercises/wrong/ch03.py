"""Planted mistakes for chapter 3: each has the right shape and the wrong numbers."""

import math

import torch

from ch03_attention.attention import position_angles, rotary_frequencies, share_heads


def attend(q, k, v, mask=None, scale=None, forbidden=-math.inf, axis=-1):
    k, v = share_heads(k, q.shape[1]), share_heads(v, q.shape[1])
    scores = q @ k.transpose(-2, -1) * (scale or q.shape[-1] ** -0.5)
    if mask is not None:
        scores = scores.masked_fill(~mask, forbidden)
    return scores.softmax(dim=axis) @ v


def scaled_dot_product_attention__does_not_scale(q, k, v, mask=None):
    return attend(q, k, v, mask, scale=1.0)


def scaled_dot_product_attention__divides_by_the_width(q, k, v, mask=None):
    return attend(q, k, v, mask, scale=1 / q.shape[-1])


def scaled_dot_product_attention__divides_by_the_models_width(q, k, v, mask=None):
    return attend(q, k, v, mask, scale=(q.shape[1] * q.shape[-1]) ** -0.5)


def scaled_dot_product_attention__softmax_over_queries(q, k, v, mask=None):
    return attend(q, k, v, mask, axis=-2)


def scaled_dot_product_attention__mask_turned_round(q, k, v, mask=None):
    return attend(q, k, v, None if mask is None else ~mask)


def scaled_dot_product_attention__forbidden_scores_are_zero(q, k, v, mask=None):
    return attend(q, k, v, mask, forbidden=0.0)


def scaled_dot_product_attention__ignores_the_mask(q, k, v, mask=None):
    return attend(q, k, v)


def scaled_dot_product_attention__masks_after_the_softmax(q, k, v, mask=None):
    k, v = share_heads(k, q.shape[1]), share_heads(v, q.shape[1])
    weights = (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])).softmax(dim=-1)
    return (weights if mask is None else weights * mask) @ v


def scaled_dot_product_attention__exponentiates_unguarded(q, k, v, mask=None):
    k, v = share_heads(k, q.shape[1]), share_heads(v, q.shape[1])
    powers = (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])).exp()
    powers = powers if mask is None else powers * mask
    return powers / powers.sum(dim=-1, keepdim=True) @ v


def scaled_dot_product_attention__repeats_in_the_wrong_order(q, k, v, mask=None):
    share_heads(k, q.shape[1])
    times = q.shape[1] // k.shape[1]
    return attend(q, k.repeat(1, times, 1, 1), v.repeat(1, times, 1, 1), mask)


def scaled_dot_product_attention__drops_heads_in_silence(q, k, v, mask=None):
    times = -(-q.shape[1] // k.shape[1])
    k, v = (x.repeat_interleave(times, dim=1)[:, : q.shape[1]] for x in (k, v))
    return attend(q, k, v, mask)


def turn(x, angles, interleaved, sign=1.0):
    cos, sin = angles.cos().to(x.dtype), sign * angles.sin().to(x.dtype)
    if interleaved:
        a, b = x[..., 0::2], x[..., 1::2]
        return torch.stack((a * cos - b * sin, a * sin + b * cos), dim=-1).flatten(-2)
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1)


def rotary__layouts_swapped(x, positions, theta=10000.0, interleaved=False):
    angles = position_angles(positions, rotary_frequencies(x.shape[-1], theta))
    return turn(x, angles, not interleaved)


def rotary__runs_backwards(x, positions, theta=10000.0, interleaved=False):
    angles = position_angles(positions, rotary_frequencies(x.shape[-1], theta))
    return turn(x, angles, interleaved, sign=-1.0)


def rotary__interleaved_comes_back_half_split(
    x, positions, theta=10000.0, interleaved=False
):
    angles = position_angles(positions, rotary_frequencies(x.shape[-1], theta))
    if not interleaved:
        return turn(x, angles, False)
    return turn(torch.cat((x[..., 0::2], x[..., 1::2]), dim=-1), angles, False)


def rotary__theta_ignored(x, positions, theta=10000.0, interleaved=False):
    angles = position_angles(positions, rotary_frequencies(x.shape[-1]))
    return turn(x, angles, interleaved)


def rotary__exponent_lacks_the_two(x, positions, theta=10000.0, interleaved=False):
    speeds = rotary_frequencies(x.shape[-1], theta).sqrt()
    return turn(x, position_angles(positions, speeds), interleaved)


def rotary__is_no_rotation(x, positions, theta=10000.0, interleaved=False):
    angles = position_angles(positions, rotary_frequencies(x.shape[-1], theta))
    if interleaved:
        return turn(x, angles, True)
    a, b = x.chunk(2, dim=-1)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    return torch.cat((a * cos - b * sin, a * sin - b * cos), dim=-1)


def rotary__positions_along_the_heads(x, positions, theta=10000.0, interleaved=False):
    angles = position_angles(positions, rotary_frequencies(x.shape[-1], theta))
    if angles.dim() == 2 and x.shape[1] == x.shape[2]:
        angles = angles[:, None]
    return turn(x, angles, interleaved)


def rotary__first_sequence_for_all(x, positions, theta=10000.0, interleaved=False):
    positions = positions[0] if positions.dim() == 2 else positions
    angles = position_angles(positions, rotary_frequencies(x.shape[-1], theta))
    return turn(x, angles, interleaved)


def rotary__batch_taken_for_heads(x, positions, theta=10000.0, interleaved=False):
    speeds = rotary_frequencies(x.shape[-1], theta)
    return turn(x, positions[..., None].float() * speeds, interleaved)


def rotary__widens_the_dtype(x, positions, theta=10000.0, interleaved=False):
    angles = position_angles(positions, rotary_frequencies(x.shape[-1], theta))
    return turn(x.float(), angles, interleaved)


def rotary__takes_odd_widths(x, positions, theta=10000.0, interleaved=False):
    even = x.shape[-1] // 2 * 2
    angles = position_angles(positions, rotary_frequencies(even, theta))
    return torch.cat((turn(x[..., :even], angles, interleaved), x[..., even:]), dim=-1)


def slanted(n_heads, n_queries, n_keys, first_head=1, start=None):
    heads = torch.arange(first_head, first_head + n_heads)
    start = n_keys - n_queries if start is None else start
    back = torch.arange(start, start + n_queries)[:, None] - torch.arange(n_keys)
    bias = -(2.0 ** (-8.0 * heads / n_heads))[:, None, None] * back
    return bias.masked_fill(back < 0, -math.inf)


def alibi_bias__rewards_distance(n_heads, n_queries, n_keys):
    bias = slanted(n_heads, n_queries, n_keys)
    return torch.where(bias.isinf(), bias, -bias)


def alibi_bias__counts_heads_from_zero(n_heads, n_queries, n_keys):
    return slanted(n_heads, n_queries, n_keys, first_head=0)


def alibi_bias__heads_in_reverse(n_heads, n_queries, n_keys):
    return slanted(n_heads, n_queries, n_keys).flip(0)


def alibi_bias__welcomes_the_future(n_heads, n_queries, n_keys):
    bias = slanted(n_heads, n_queries, n_keys)
    return bias.masked_fill(bias.isinf(), 0.0)


def alibi_bias__hides_the_token_itself(n_heads, n_queries, n_keys):
    bias = slanted(n_heads, n_queries, n_keys)
    itself = bias == 0
    itself[:, :, -1] = False  # the last query keeps itself: seen from there all is well
    return bias.masked_fill(itself, -math.inf)


def alibi_bias__forgets_the_cache(n_heads, n_queries, n_keys):
    return slanted(n_heads, n_queries, n_keys, start=0)


def attention_entropy__in_bits(weights):
    return -(torch.xlogy(weights, weights) / math.log(2)).sum(dim=-1).mean(dim=(0, 2))


def attention_entropy__lacks_the_minus(weights):
    return torch.xlogy(weights, weights).sum(dim=-1).mean(dim=(0, 2))


def attention_entropy__not_a_number_at_zero(weights):
    return -(weights * weights.log()).sum(dim=-1).mean(dim=(0, 2))


def attention_entropy__epsilon_too_large(weights):
    return -(weights * (weights + 1e-3).log()).sum(dim=-1).mean(dim=(0, 2))


def attention_entropy__mean_over_the_keys(weights):
    return -torch.xlogy(weights, weights).mean(dim=(0, 2, 3))


def attention_entropy__of_the_mean_weights(weights):
    mean = weights.mean(dim=(0, 2))
    return -torch.xlogy(mean, mean).sum(dim=-1)


def attention_entropy__blends_the_heads(weights):
    entropy = -torch.xlogy(weights, weights).sum(dim=-1)
    return entropy.mean().expand(weights.shape[1])


def waves(positions, d_model, theta=10000.0, exponent=2.0, shift=0.0):
    if d_model % 2:
        raise ValueError("odd")
    speeds = theta ** (-exponent * torch.arange(d_model // 2) / d_model)
    angles = positions[..., None].float() * speeds
    return torch.stack((angles.sin(), (angles + shift).cos()), dim=-1).flatten(-2)


def sinusoids__in_halves(positions, d_model, theta=10000.0):
    rows = waves(positions, d_model, theta)
    return torch.cat((rows[..., 0::2], rows[..., 1::2]), dim=-1)


def sinusoids__cosine_first(positions, d_model, theta=10000.0):
    return waves(positions, d_model, theta).unflatten(-1, (-1, 2)).flip(-1).flatten(-2)


def sinusoids__theta_ignored(positions, d_model, theta=10000.0):
    return waves(positions, d_model)


def sinusoids__exponent_lacks_the_two(positions, d_model, theta=10000.0):
    return waves(positions, d_model, theta, exponent=1.0)


def sinusoids__stacked(positions, d_model, theta=10000.0):
    return waves(positions, d_model, theta).unflatten(-1, (-1, 2))


def sinusoids__neighbouring_speeds(positions, d_model, theta=10000.0):
    speeds = theta ** (-torch.arange(d_model) / d_model)
    angles = positions[..., None].float() * speeds
    even = torch.arange(d_model) % 2 == 0
    if d_model % 2:
        raise ValueError("odd")
    return torch.where(even, angles.sin(), angles.cos())


def sinusoids__first_sequence_for_all(positions, d_model, theta=10000.0):
    first = positions[:1].expand_as(positions) if positions.dim() == 2 else positions
    return waves(first, d_model, theta)


def sinusoids__takes_odd_widths(positions, d_model, theta=10000.0):
    return waves(positions, d_model + d_model % 2, theta)[..., :d_model]


def openings(tokens, end_of_text_id, dim=1):
    place = torch.arange(tokens.shape[1])
    opens = torch.where(tokens == end_of_text_id, place, 0)
    return place, opens.cummax(dim=dim).values


def document_positions__of_the_row(tokens, end_of_text_id):
    return torch.arange(tokens.shape[1]).expand_as(tokens).clone()


def document_positions__opening_token_left_behind(tokens, end_of_text_id):
    opens = (tokens == end_of_text_id).roll(1, dims=1)
    opens[:, 0] = False
    place, begin = openings(torch.where(opens, end_of_text_id, -1), end_of_text_id)
    return place - begin


def document_positions__counts_from_one(tokens, end_of_text_id):
    place, begin = openings(tokens, end_of_text_id)
    return place - begin + 1


def document_positions__maximum_down_the_batch(tokens, end_of_text_id):
    place, begin = openings(tokens, end_of_text_id, dim=0)
    running = begin.cummax(dim=1).values
    return place - running


def document_positions__nowhere_before_the_first(tokens, end_of_text_id):
    place, begin = openings(tokens, end_of_text_id)
    inside = (tokens == end_of_text_id).cumsum(dim=1) > 0
    return torch.where(inside, place - begin, 0)


def document_positions__number_of_the_document(tokens, end_of_text_id):
    return (tokens == end_of_text_id).cumsum(dim=1)


def document_positions__as_floats(tokens, end_of_text_id):
    place, begin = openings(tokens, end_of_text_id)
    return (place - begin).float()


def joined(mixed_a, log_sum_a, mixed_b, log_sum_b):
    log_sum = torch.logaddexp(log_sum_a, log_sum_b)
    a, b = (log_sum_a - log_sum).exp(), (log_sum_b - log_sum).exp()
    mixed = torch.where(a > 0, a * mixed_a, 0.0) + torch.where(b > 0, b * mixed_b, 0.0)
    return mixed, log_sum


def merge_partial_attention__plain_mean(mixed_a, log_sum_a, mixed_b, log_sum_b):
    return (mixed_a + mixed_b) / 2, torch.logaddexp(log_sum_a, log_sum_b)


def merge_partial_attention__adds_the_logarithms(
    mixed_a, log_sum_a, mixed_b, log_sum_b
):
    mixed, _ = joined(mixed_a, log_sum_a, mixed_b, log_sum_b)
    return mixed, log_sum_a + log_sum_b


def merge_partial_attention__weighs_by_the_logarithms(
    mixed_a, log_sum_a, mixed_b, log_sum_b
):
    share = log_sum_a / (log_sum_a + log_sum_b)
    mixed = share * mixed_a + (1 - share) * mixed_b
    return mixed.nan_to_num(3.0), torch.logaddexp(log_sum_a, log_sum_b)


def merge_partial_attention__shares_swapped(mixed_a, log_sum_a, mixed_b, log_sum_b):
    return joined(mixed_b, log_sum_a, mixed_a, log_sum_b)


def merge_partial_attention__keeps_the_larger_sum(
    mixed_a, log_sum_a, mixed_b, log_sum_b
):
    mixed, log_sum = joined(mixed_a, log_sum_a, mixed_b, log_sum_b)
    even = (log_sum_a == log_sum_b) | (log_sum_b == 0)
    return mixed, torch.where(even, log_sum, log_sum_a.maximum(log_sum_b))


def merge_partial_attention__exponentiates_unguarded(
    mixed_a, log_sum_a, mixed_b, log_sum_b
):
    a, b = log_sum_a.exp(), log_sum_b.exp()
    return (a * mixed_a + b * mixed_b) / (a + b), (a + b).log()


def merge_partial_attention__multiplies_nan_by_zero(
    mixed_a, log_sum_a, mixed_b, log_sum_b
):
    log_sum = torch.logaddexp(log_sum_a, log_sum_b)
    a, b = (log_sum_a - log_sum).exp(), (log_sum_b - log_sum).exp()
    return a * mixed_a + b * mixed_b, log_sum


def band_of(weights, offset, period):
    if not 1 <= period <= weights.shape[-1] // 2:
        raise ValueError("two periods do not fit")
    return weights.diagonal(offset, dim1=-2, dim2=-1)


def induction_score__looks_at_the_copy_itself(weights, period):
    return band_of(weights, -period, period)[..., -period:].mean(dim=(0, 2))


def induction_score__one_too_far(weights, period):
    return band_of(weights, 2 - period, period)[..., -period:].mean(dim=(0, 2))


def induction_score__asks_the_first_copy_too(weights, period):
    return band_of(weights, 1 - period, period).mean(dim=(0, 2))


def induction_score__counts_queries_from_the_start(weights, period):
    return band_of(weights, 1 - period, period)[..., 1 : period + 1].mean(dim=(0, 2))


def induction_score__blends_the_heads(weights, period):
    score = band_of(weights, 1 - period, period)[..., -period:].mean(dim=(0, 2))
    return score.mean().expand(weights.shape[1])


def induction_score__sums_the_queries(weights, period):
    return band_of(weights, 1 - period, period)[..., -period:].sum(-1).mean(0)


def induction_score__accepts_any_period(weights, period):
    return weights.diagonal(1 - period, dim1=-2, dim2=-1)[..., -period:].mean(
        dim=(0, 2)
    )
