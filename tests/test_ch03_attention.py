"""Chapter 3: attention that cannot see the future and agrees with everyone else's.

The module is always reached as `attention.name`, so that the last test can put a broken
copy in its place and demand that the test named beside the bug turns red.
"""

import math
import types
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from ch03_attention import attention
from ch04_transformer.transformer import RMSNorm

# Two correct float32 programs that add up a few dozen numbers of size 1 in different
# orders differ by a few units in the last place, about 1e-6.
close = partial(torch.testing.assert_close, atol=1e-5, rtol=1e-5)

FORMS = {
    "multi-head": dict(n_heads=4),
    "grouped": dict(n_heads=4, n_kv_heads=2),
    "multi-query": dict(n_heads=4, n_kv_heads=1),
    "wide heads": dict(n_heads=4, n_kv_heads=2, d_head=10),
    "qk norm and biases": dict(n_heads=4, n_kv_heads=2, qk_norm=RMSNorm, qkv_bias=True),
    "sliding window": dict(n_heads=4, n_kv_heads=2, sliding_window=3),
}
every_form = pytest.mark.parametrize("form", FORMS)


def make_layer(form: str, d_model: int = 24, **more: object) -> nn.Module:
    """Build a layer whose every parameter is off its starting value."""
    torch.manual_seed(0)
    layer = attention.CausalSelfAttention(d_model, **FORMS[form], **more)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return layer


def noise(*shape: int, seed: int = 1) -> Tensor:
    """Draw standard normal numbers that are the same in every run."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def influence(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Return the size of d output t / d input s, for x (B, T, D): (T, T)."""
    x = x.clone().requires_grad_()
    y = function(x)
    rows = []
    for t in range(x.shape[1]):
        (gradient,) = torch.autograd.grad(y[:, t].sum(), x, retain_graph=True)
        rows.append(gradient.abs().sum(dim=(0, 2)))
    return torch.stack(rows)


class ListCache:
    """The smallest cache that keeps the protocol: everything ever appended."""

    def __init__(self) -> None:
        self.keys: list[Tensor] = []
        self.values: list[Tensor] = []

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        self.keys.append(k)
        self.values.append(v)
        return torch.cat(self.keys, dim=2), torch.cat(self.values, dim=2)


# Properties: causality


@every_form
def test_future_tokens_cannot_change_past_outputs(form: str) -> None:
    # Exact: a forbidden weight is exp(-inf) = 0, and 0 times a finite number is 0.
    strengths = influence(make_layer(form), noise(2, 7, 24))
    assert strengths.triu(1).count_nonzero() == 0


@every_form
def test_every_permitted_token_is_heard(form: str) -> None:
    window = FORMS[form].get("sliding_window", 7)
    strengths = influence(make_layer(form), noise(2, 7, 24))
    permitted = torch.ones(7, 7).tril().triu(1 - window)
    assert torch.equal(strengths > 0, permitted.bool())


def test_two_layers_with_a_window_see_twice_as_far() -> None:
    layer = make_layer("sliding window")
    strengths = influence(lambda x: layer(layer(x)), noise(1, 9, 24))
    assert strengths[8].nonzero().flatten().tolist() == [4, 5, 6, 7, 8]


def test_a_mask_of_the_caller_can_only_narrow() -> None:
    layer, x = make_layer("grouped"), noise(2, 7, 24)
    everything = torch.ones(7, 7, dtype=torch.bool)
    assert torch.equal(layer(x, mask=everything), layer(x))
    hidden = everything.clone()
    hidden[:, 2] = False
    hidden[2, 2] = True  # a query that may see nothing has no average
    strengths = influence(lambda x: layer(x, mask=hidden), x)
    assert strengths.triu(1).count_nonzero() == 0
    assert strengths[:, 2].nonzero().flatten().tolist() == [2]


def test_a_mask_of_two_documents_makes_them_strangers() -> None:
    layer, x = make_layer("grouped"), noise(1, 7, 24)
    document = torch.tensor([0, 0, 0, 1, 1, 1, 1])
    together = layer(x, mask=document[:, None] == document)
    # The second document starts at position 3: only distances matter, so it need not
    # be told.
    close(together[:, :3], layer(x[:, :3]))
    close(together[:, 3:], layer(x[:, 3:]))


def test_sequences_of_a_batch_do_not_hear_each_other() -> None:
    layer, x = make_layer("grouped"), noise(3, 5, 24).requires_grad_()
    (gradient,) = torch.autograd.grad(layer(x)[1].sum(), x)
    assert gradient[[0, 2]].count_nonzero() == 0
    assert gradient[1].count_nonzero() > 0


# Properties: weights and masks


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 9), st.integers(0, 9), st.integers(0, 1000))
def test_weights_are_shares(n_queries: int, n_earlier: int, seed: int) -> None:
    n_keys = n_queries + n_earlier
    q, k = noise(2, 4, n_queries, 6, seed=seed), noise(2, 2, n_keys, 6, seed=seed + 1)
    mask = attention.causal_mask(n_queries, n_keys)
    weights = attention.attention_weights(q, k, mask)
    assert (weights >= 0).all()
    close(weights.sum(dim=-1), torch.ones(2, 4, n_queries))
    assert weights[:, :, ~mask].count_nonzero() == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 8), st.integers(0, 8), st.none() | st.integers(1, 10))
def test_masks_keep_their_definition(
    n_queries: int, n_earlier: int, window: int | None
) -> None:
    n_keys = n_queries + n_earlier
    mask = attention.causal_mask(n_queries, n_keys, window)
    for t in range(n_queries):
        place = n_earlier + t
        for s in range(n_keys):
            seen = s <= place and (window is None or place - s < window)
            assert mask[t, s].item() == seen


def test_scores_keep_the_same_spread_at_every_width() -> None:
    # The variance of 20,000 scores is known to about 1 %; 5 % is five times that.
    for d_head in (8, 64, 512):
        q, k = noise(1, 1, 100, d_head), noise(1, 1, 200, d_head, seed=2)
        weights = attention.attention_weights(q.double(), k.double())
        scores = weights.log() - weights.log().mean(dim=-1, keepdim=True)
        assert scores.var().item() == pytest.approx(1.0, rel=0.05)


def test_large_scores_do_not_overflow() -> None:
    q = torch.full((1, 1, 2, 4), 1e4)
    assert torch.isfinite(attention.attention_weights(q, q)).all()


def test_a_query_that_may_see_nothing_is_not_a_number() -> None:
    q = noise(1, 1, 2, 4)
    mask = torch.tensor([[True, True], [False, False]])
    weights = attention.attention_weights(q, q, mask)[0, 0]
    assert weights.isnan().tolist() == [[False, False], [True, True]]


# Properties: positions


@pytest.mark.parametrize("interleaved", [False, True])
def test_rotation_keeps_every_length(interleaved: bool) -> None:
    x = noise(2, 3, 5, 8)
    turned = attention.rotary(x, torch.arange(5) * 100, interleaved=interleaved)
    close(turned.norm(dim=-1), x.norm(dim=-1))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 700), st.booleans())
def test_scores_depend_on_the_distance_only(
    m: int, n: int, shift: int, interleaved: bool
) -> None:
    q, k = noise(1, 1, 1, 16), noise(1, 1, 1, 16, seed=2)

    def score(m: int, n: int) -> Tensor:
        turn = partial(attention.rotary, interleaved=interleaved)
        return (turn(q, torch.tensor([m])) * turn(k, torch.tensor([n]))).sum()

    # An angle of 1,000 radians in float32 is exact to 3e-5, a score sums 16 of these.
    torch.testing.assert_close(
        score(m + shift, n + shift), score(m, n), atol=1e-3, rtol=0.0
    )


def test_another_distance_gives_another_score() -> None:
    q, k = noise(1, 1, 1, 16), noise(1, 1, 9, 16, seed=2)[:, :, :1].expand(1, 1, 9, 16)
    turned = attention.rotary(k, torch.arange(9))
    scores = (q * turned).sum(dim=-1).flatten()
    assert (scores[1:] - scores[:-1]).abs().min() > 1e-3


def test_the_two_layouts_are_one_up_to_the_order_of_coordinates() -> None:
    x, positions = noise(1, 2, 5, 8), torch.arange(5)
    order = torch.tensor([0, 2, 4, 6, 1, 3, 5, 7])  # even coordinates, then odd ones
    halves = attention.rotary(x[..., order], positions)
    neighbours = attention.rotary(x, positions, interleaved=True)
    assert torch.equal(halves, neighbours[..., order])
    assert not torch.allclose(attention.rotary(x, positions), neighbours, atol=0.1)


def test_positions_may_differ_between_sequences() -> None:
    layer, x = make_layer("grouped"), noise(2, 5, 24)
    positions = torch.tensor([[0, 1, 2, 3, 4], [0, 2, 4, 6, 8]])
    both = layer(x, positions=positions)
    for i in range(2):
        close(both[i : i + 1], layer(x[i : i + 1], positions=positions[i]))
    assert not torch.allclose(both[1], layer(x)[1], atol=1e-3)


def test_only_distances_between_tokens_matter() -> None:
    layer, x = make_layer("grouped"), noise(2, 7, 24)
    close(layer(x, positions=torch.arange(50, 57)), layer(x))


def test_without_positions_earlier_tokens_are_a_heap() -> None:
    layer, x = make_layer("grouped"), noise(1, 6, 24)
    nowhere = torch.zeros(6)
    order = torch.tensor([3, 0, 4, 1, 2, 5])
    shuffled = layer(x[:, order], positions=nowhere)
    close(shuffled[:, 5], layer(x, positions=nowhere)[:, 5])
    assert not torch.allclose(layer(x[:, order])[:, 5], layer(x)[:, 5], atol=1e-3)


# Properties: cache, precision, refusals


@every_form
@pytest.mark.parametrize("pieces", [[1] * 7, [3, 1, 3], [6, 1]])
def test_a_cache_changes_nothing(form: str, pieces: list[int]) -> None:
    layer, x, cache = make_layer(form), noise(2, 7, 24), ListCache()
    outputs, start = [], 0
    for n_tokens in pieces:
        positions = torch.arange(start, start + n_tokens)
        piece = x[:, start : start + n_tokens]
        outputs.append(layer(piece, positions=positions, cache=cache))
        start += n_tokens
    close(torch.cat(outputs, dim=1), layer(x))


def test_the_cache_holds_key_value_heads_only() -> None:
    cache = ListCache()
    make_layer("grouped")(noise(2, 7, 24), positions=torch.arange(7), cache=cache)
    assert cache.keys[0].shape == cache.values[0].shape == (2, 2, 7, 6)


def test_a_cache_without_positions_is_refused() -> None:
    with pytest.raises(ValueError, match="where these tokens stand"):
        make_layer("grouped")(noise(1, 1, 24), cache=ListCache())


def test_half_precision_stays_near_full_precision() -> None:
    layer, x = make_layer("grouped"), noise(2, 7, 24)
    full = layer(x)
    half = layer.to(torch.bfloat16)(x.bfloat16())
    assert half.dtype == torch.bfloat16
    # bfloat16 keeps 8 bits, 0.4 %; a handful of roundings of numbers of size 1 follow.
    torch.testing.assert_close(half.float(), full, atol=0.05, rtol=0.05)


@pytest.mark.parametrize(
    "wrong, message",
    [
        (dict(d_model=10, n_heads=4), "d_model 10 is not a multiple of n_heads 4"),
        (dict(d_model=12, n_heads=4, n_kv_heads=3), "n_heads 4 is not a multiple"),
        (dict(d_model=12, n_heads=0), "1 is the least"),
        (dict(d_model=12, n_heads=4, n_kv_heads=0), "1 is the least"),
        (dict(d_model=12, n_heads=4), "d_head is 3.* even"),
        (
            dict(d_model=8, n_heads=2, rope_scaling={"rope_type": "magic"}),
            "'magic', but only default, linear, llama3",
        ),
    ],
)
def test_impossible_layers_are_refused(wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        attention.CausalSelfAttention(**wrong)


def test_impossible_calls_are_refused() -> None:
    with pytest.raises(ValueError, match="3 queries but only 2 keys"):
        attention.causal_mask(3, 2)
    with pytest.raises(ValueError, match="sliding_window is 0"):
        attention.causal_mask(3, 3, 0)
    with pytest.raises(ValueError, match="4 query heads cannot share 3"):
        attention.scaled_dot_product_attention(
            noise(1, 4, 2, 6), noise(1, 3, 2, 6), noise(1, 3, 2, 6)
        )


def test_the_command_prints_one_row_of_shares_a_token(capsys) -> None:
    assert attention.main(["--tokens", "5"]) == 0
    rows = capsys.readouterr().out.splitlines()[1:]
    shares = [[float(number) for number in row.split()] for row in rows]
    assert len(shares) == 5
    # Each of five shares is printed with two digits: half a cent of error each.
    assert all(sum(row) == pytest.approx(1.0, abs=0.025) for row in shares)


def test_the_command_refuses_in_one_line(capsys) -> None:
    assert attention.main(["--d-model", "9"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1


# Parity


def test_equals_torch_with_a_causal_mask_and_shared_heads() -> None:
    q, k, v = noise(2, 4, 7, 6), noise(2, 2, 7, 6, seed=2), noise(2, 2, 7, 6, seed=3)
    ours = attention.scaled_dot_product_attention(q, k, v, attention.causal_mask(7, 7))
    torchs = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    close(ours, torchs)


def test_equals_torch_with_any_mask_and_in_its_gradients() -> None:
    q, k, v = noise(2, 4, 5, 6), noise(2, 4, 9, 6, seed=2), noise(2, 4, 9, 6, seed=3)
    mask = noise(2, 1, 5, 9, seed=4) > 0
    mask[..., 0] = True
    gradients = []
    for attend in (
        attention.scaled_dot_product_attention,
        F.scaled_dot_product_attention,
    ):
        leaves = [x.clone().requires_grad_() for x in (q, k, v)]
        mixed = attend(*leaves, mask)
        gradients.append([mixed, *torch.autograd.grad(mixed.square().sum(), leaves)])
    for ours, torchs in zip(*gradients, strict=True):
        close(ours, torchs)


@every_form
def test_the_layer_takes_torchs_fused_attention(form: str) -> None:
    fused = partial(F.scaled_dot_product_attention, enable_gqa=True)
    x = noise(2, 7, 24)
    close(make_layer(form, attend=fused)(x), make_layer(form)(x))


def test_equals_torchs_multi_head_layer_where_nothing_is_rotated() -> None:
    layer, x = make_layer("multi-head"), noise(2, 7, 24)
    torchs = nn.MultiheadAttention(24, 4, bias=False, batch_first=True)
    joined = [layer.q_proj.weight, layer.k_proj.weight, layer.v_proj.weight]
    torchs.in_proj_weight.data = torch.cat(joined).data
    torchs.out_proj.weight.data = layer.out_proj.weight.data
    forbidden = ~attention.causal_mask(7, 7)  # torch's layer says True = may not attend
    expected, _ = torchs(x, x, x, attn_mask=forbidden, need_weights=False)
    close(layer(x, positions=torch.zeros(7)), expected)


def test_rotation_equals_transformers_in_the_half_split_layout() -> None:
    from transformers import LlamaConfig
    from transformers.models.llama import modeling_llama as llama

    config = LlamaConfig(
        hidden_size=32,
        num_attention_heads=4,
        rope_parameters={"rope_type": "default", "rope_theta": 777.0},
    )
    q, k = noise(2, 4, 5, 8), noise(2, 4, 5, 8, seed=2)
    positions = torch.tensor([[0, 1, 2, 3, 4], [7, 9, 11, 13, 15]])
    cos, sin = llama.LlamaRotaryEmbedding(config)(q, positions)
    theirs = llama.apply_rotary_pos_emb(q, k, cos, sin)
    close(attention.rotary(q, positions, theta=777.0), theirs[0])
    close(attention.rotary(k, positions, theta=777.0), theirs[1])


def test_rotation_equals_complex_multiplication_in_the_interleaved_layout() -> None:
    x, positions = noise(2, 3, 5, 8), torch.arange(5)
    angles = positions[:, None] * 777.0 ** (-torch.arange(0, 8, 2) / 8)
    numbers = torch.view_as_complex(x.unflatten(-1, (4, 2)))
    turned = numbers * torch.polar(torch.ones_like(angles), angles)
    expected = torch.view_as_real(turned).flatten(-2)
    close(attention.rotary(x, positions, theta=777.0, interleaved=True), expected)


SCALINGS = {
    "linear": {"rope_type": "linear", "factor": 4.0},
    "llama3": {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    },
    "yarn": {
        "rope_type": "yarn",
        "factor": 8.0,
        "original_max_position_embeddings": 64,
    },
}


@pytest.mark.parametrize("kind", SCALINGS)
def test_frequencies_equal_transformers_when_the_context_is_stretched(kind) -> None:
    from transformers import LlamaConfig
    from transformers.models.llama import modeling_llama as llama

    rope = {"rope_theta": 500.0, **SCALINGS[kind]}
    config = LlamaConfig(hidden_size=64, num_attention_heads=4, rope_parameters=rope)
    theirs = llama.LlamaRotaryEmbedding(config).inv_freq
    ours = attention.rotary_frequencies(16, 500.0, SCALINGS[kind])
    close(ours, theirs)
    plain = attention.rotary_frequencies(16, 500.0)
    changed = (ours / plain - 1).abs() > 1e-3
    assert changed.any(), "this scaling must change something, or nothing is compared"


@pytest.mark.parametrize("kind", SCALINGS)
def test_the_layer_equals_transformers_llama_attention(kind: str) -> None:
    from transformers import LlamaConfig
    from transformers.models.llama import modeling_llama as llama

    config = LlamaConfig(
        hidden_size=24,
        num_attention_heads=4,
        num_key_value_heads=2,
        attn_implementation="eager",
        rope_parameters={"rope_theta": 500.0, **SCALINGS[kind]},
    )
    layer = make_layer("grouped", rope_theta=500.0, rope_scaling=SCALINGS[kind])
    theirs = llama.LlamaAttention(config, layer_idx=0)
    names = {"o_proj.weight": "out_proj.weight"}
    ours = layer.state_dict()
    theirs.load_state_dict(
        {name: ours[names.get(name, name)] for name in theirs.state_dict()}
    )
    x, positions = noise(2, 7, 24), torch.arange(7)[None]
    mask = torch.zeros(1, 1, 7, 7).masked_fill(~attention.causal_mask(7, 7), -math.inf)
    expected, _ = theirs(
        x,
        position_embeddings=llama.LlamaRotaryEmbedding(config)(x, positions),
        attention_mask=mask,
    )
    close(layer(x), expected)


def test_the_layer_equals_transformers_qwen3_attention_with_its_norms() -> None:
    from transformers import Qwen3Config
    from transformers.models.qwen3 import modeling_qwen3 as qwen

    config = Qwen3Config(
        hidden_size=24,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=10,
        rms_norm_eps=1e-6,
        attn_implementation="eager",
        rope_parameters={"rope_type": "default", "rope_theta": 500.0},
    )
    layer = make_layer("wide heads", rope_theta=500.0, qk_norm=RMSNorm)
    theirs = qwen.Qwen3Attention(config, layer_idx=0)
    ours = layer.state_dict()
    names = {"o_proj.weight": "out_proj.weight"}
    theirs.load_state_dict(
        {name: ours[names.get(name, name)] for name in theirs.state_dict()}
    )
    x, positions = noise(2, 7, 24), torch.arange(7)[None]
    mask = torch.zeros(1, 1, 7, 7).masked_fill(~attention.causal_mask(7, 7), -math.inf)
    expected, _ = theirs(
        x,
        position_embeddings=qwen.Qwen3RotaryEmbedding(config)(x, positions),
        attention_mask=mask,
    )
    close(layer(x), expected)


# Golden: worked by hand


def test_three_tokens_by_hand() -> None:
    """Follow "it" as it looks for a thing.

    Width 2, so scores are divided by sqrt(2). The query of "it" is (0, sqrt(2) ln 3).
        keys    Mara (1, 0)   key (0, 1)          it (0, 0)
        dots    0             sqrt(2) ln 3        0
        scores  0             ln 3                0
        powers  1             3                   1           sum 5
        shares  1/5           3/5                 1/5
        values  10            20                  0      ->   10/5 + 60/5 + 0 = 14
    "key" asks for nothing and sees two tokens: (10 + 20) / 2 = 15. "Mara" sees herself.
    """
    wish = math.sqrt(2) * math.log(3)
    q = torch.tensor([[0.0, 0.0], [0.0, 0.0], [0.0, wish]])[None, None]
    k = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])[None, None]
    v = torch.tensor([[10.0], [20.0], [0.0]])[None, None]
    mask = attention.causal_mask(3, 3)
    weights = attention.attention_weights(q, k, mask)[0, 0]
    shares = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.2, 0.6, 0.2]]
    close(weights, torch.tensor(shares))
    mixed = attention.scaled_dot_product_attention(q, k, v, mask)[0, 0]
    close(mixed, torch.tensor([[10.0], [15.0], [14.0]]))


def test_query_heads_share_their_neighbours_values_by_hand() -> None:
    """Give each key-value head a value of its own and see who brings it home.

    H = 4, K = 2: query heads 0 and 1 read key-value head 0 (value 7), 2 and 3 read
    head 1 (value 9). With one key each share is 1, so the outputs are 7, 7, 9, 9.
    """
    v = torch.tensor([7.0, 9.0]).view(1, 2, 1, 1)
    mixed = attention.scaled_dot_product_attention(
        torch.ones(1, 4, 1, 1), torch.ones(1, 2, 1, 1), v
    )
    assert mixed.flatten().tolist() == [7.0, 7.0, 9.0, 9.0]


def test_a_quarter_turn_by_hand() -> None:
    """Turn the first of two planes by 90 degrees, the second by 0.9.

    Width 4, theta 10,000: speeds 10000^(-0/4) = 1 and 10000^(-2/4) = 1/100 radian. At
    position pi/2 the angles are 90 degrees and 0.9 degrees (cos 0.99988, sin 0.01571).
        half-split   planes (0, 2) and (1, 3):  (1, 1, 0, 0) -> (0, 0.99988, 1, 0.01571)
        interleaved  planes (0, 1) and (2, 3):  (1, 0, 1, 0) -> (0, 1, 0.99988, 0.01571)
    """
    place, cos, sin = torch.tensor([math.pi / 2]), 0.999877, 0.015707
    halves = attention.rotary(torch.tensor([[[[1.0, 1.0, 0.0, 0.0]]]]), place)
    close(halves.flatten(), torch.tensor([0.0, cos, 1.0, sin]))
    pairs = attention.rotary(
        torch.tensor([[[[1.0, 0.0, 1.0, 0.0]]]]), place, interleaved=True
    )
    close(pairs.flatten(), torch.tensor([0.0, 1.0, cos, sin]))


def test_stretched_frequencies_by_hand() -> None:
    """Stretch three planes by llama3's rule, one in each of its three cases.

    Width 6, theta 64: speeds 64^(-0/6) = 1, 64^(-2/6) = 1/4, 64^(-4/6) = 1/16. An
    original context of 20 pi positions holds 10, 2.5 and 0.625 whole turns of them.
        at least 4 turns: kept                       1
        2.5, half way from 1 to 4: half kept         1/4 * (0.5 + 0.5/8) = 0.140625
        at most 1 turn: divided by the factor 8      1/16 / 8 = 0.0078125
    """
    scaling = {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 20 * math.pi,
    }
    speeds = attention.rotary_frequencies(6, 64.0, scaling)
    close(speeds, torch.tensor([1.0, 0.140625, 0.0078125]))


def test_masks_by_hand() -> None:
    """Draw a mask with a cache (2 queries, 4 keys) and one with a window of 2.

    The two queries stand at positions 2 and 3. In the window each sees itself and the
    one before.
    """

    def draw(mask: Tensor) -> list[str]:
        return ["".join("x" if seen else "." for seen in row) for row in mask.tolist()]

    assert draw(attention.causal_mask(2, 4)) == ["xxx.", "xxxx"]
    assert draw(attention.causal_mask(3, 3, 2)) == ["x..", "xx.", ".xx"]


def test_documents_of_a_row_are_drawn_apart() -> None:
    """Token 9 opens a document: here the row begins inside one, and two more follow."""
    mask = attention.document_mask(torch.tensor([[4, 9, 5, 9, 9]]), 9)
    seen = ["".join("x" if x else "." for x in row) for row in mask[0, 0].tolist()]
    assert mask.shape == (1, 1, 5, 5)
    assert seen == ["x....", ".xx..", ".xx..", "...x.", "....x"]


def test_a_packed_document_gives_what_it_gives_alone() -> None:
    """Equal to 1e-5: rotary positions differ, and only distances count."""
    torch.manual_seed(0)
    layer, x = attention.CausalSelfAttention(12, 3), torch.randn(1, 9, 12)
    tokens = torch.tensor([[0, 3, 3, 3, 0, 3, 0, 3, 3]])
    packed = layer(x, mask=attention.document_mask(tokens, 0))
    alone = [layer(x[:, a:b]) for a, b in ((0, 4), (4, 6), (6, 9))]
    torch.testing.assert_close(packed, torch.cat(alone, dim=1), rtol=1e-5, atol=1e-5)
    assert not torch.allclose(packed, layer(x), atol=1e-2)


# Planted bugs: each is put into a copy of the module and must turn its test red.

PLANTED = {
    "mask off by one": (
        "mask = key <= query  #",
        "mask = key <= query + 1  #",
        lambda: test_future_tokens_cannot_change_past_outputs("multi-head"),
    ),
    "mask hides the token itself": (
        "mask = key <= query  #",
        "mask = (key < query) | (key == 0)  #",
        lambda: test_every_permitted_token_is_heard("multi-head"),
    ),
    "window one too wide": (
        "key > query - sliding_window",
        "key >= query - sliding_window",
        lambda: test_every_permitted_token_is_heard("sliding window"),
    ),
    "cached queries aligned to the first keys": (
        "torch.arange(n_keys - n_queries, n_keys, device=device)",
        "torch.arange(n_queries, device=device)",
        lambda: test_a_cache_changes_nothing("grouped", [3, 1, 3]),
    ),
    "mask inverted": (
        "masked_fill(~mask",
        "masked_fill(mask",
        test_three_tokens_by_hand,
    ),
    "mask applied after the softmax": (
        "return scores.softmax(dim=-1)  # (B, H, T, S)",
        "return (q @ k.transpose(-2, -1)).softmax(dim=-1) * mask",
        lambda: test_future_tokens_cannot_change_past_outputs("multi-head"),
    ),
    "no 1/sqrt(Dh)": (
        " / math.sqrt(q.shape[-1])",
        "",
        test_scores_keep_the_same_spread_at_every_width,
    ),
    "scaled by the model's width": (
        "math.sqrt(q.shape[-1])",
        "math.sqrt(q.shape[1] * q.shape[-1])",
        test_equals_torch_with_a_causal_mask_and_shared_heads,
    ),
    "softmax over the queries": (
        "scores.softmax(dim=-1)",
        "scores.softmax(dim=-2)",
        test_three_tokens_by_hand,
    ),
    "shared heads in the wrong order": (
        "return x.repeat_interleave(n_heads // n_kv_heads, dim=1)",
        "return x.repeat(1, n_heads // n_kv_heads, 1, 1)",
        test_query_heads_share_their_neighbours_values_by_hand,
    ),
    "heads cut without a transpose": (
        "x.unflatten(-1, (n_heads, self.d_head)).transpose(1, 2)",
        "x.reshape(x.shape[0], n_heads, x.shape[1], self.d_head)",
        lambda: test_future_tokens_cannot_change_past_outputs("multi-head"),
    ),
    "heads joined without a transpose": (
        "mixed.transpose(1, 2).flatten(2)",
        "mixed.reshape(x.shape[0], x.shape[1], -1)",
        lambda: test_the_layer_equals_transformers_llama_attention("llama3"),
    ),
    "layouts mixed up": (
        "if interleaved:",
        "if not interleaved:",
        test_rotation_equals_transformers_in_the_half_split_layout,
    ),
    "rotation runs backwards for one coordinate": (
        "return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1)",
        "return torch.cat((a * cos + b * sin, a * sin + b * cos), dim=-1)",
        lambda: test_rotation_keeps_every_length(False),
    ),
    "keys are not rotated": (
        "rotate_planes(q, angles), rotate_planes(k, angles), v",
        "rotate_planes(q, angles), k, v",
        test_only_distances_between_tokens_matter,
    ),
    "rope scaling ignored": (
        "rotary_frequencies(d_head, rope_theta, rope_scaling)",
        "rotary_frequencies(d_head, rope_theta)",
        lambda: test_the_layer_equals_transformers_llama_attention("linear"),
    ),
    "norm on queries only": (
        "q, k = self.q_norm(q), self.k_norm(k)",
        "q = self.q_norm(q)",
        test_the_layer_equals_transformers_qwen3_attention_with_its_norms,
    ),
    "the caller's mask replaces causality": (
        "past if mask is None else past & mask",
        "past if mask is None else mask",
        test_a_mask_of_the_caller_can_only_narrow,
    ),
    "the caller's mask is ignored": (
        "past if mask is None else past & mask",
        "past",
        test_a_mask_of_two_documents_makes_them_strangers,
    ),
    "cache offset ignored": (
        "q, k, v = self.queries_keys_values(x, positions)",
        "q, k, v = self.queries_keys_values(x, positions - positions[..., :1])",
        lambda: test_a_cache_changes_nothing("multi-head", [1] * 7),
    ),
    "heads repeated before they are cached": (
        "k, v = cache.append(k, v)",
        "k, v = cache.append(share_heads(k, 4), share_heads(v, 4))",
        test_the_cache_holds_key_value_heads_only,
    ),
}


@pytest.mark.parametrize("bug", PLANTED)
def test_planted_bugs_are_caught(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right, wrong, test = PLANTED[bug]
    source = Path(attention.__file__).read_text(encoding="utf-8")
    assert right in source, "the line to break has changed: plant the bug anew"
    broken = types.ModuleType("broken_attention")
    exec(compile(source.replace(right, wrong), bug, "exec"), broken.__dict__)
    test()  # green on the real module, or its red would prove nothing
    monkeypatch.setitem(globals(), "attention", broken)
    with pytest.raises(AssertionError):
        test()
