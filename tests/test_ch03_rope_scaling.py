"""Chapter 3: speeds of rotary planes, stretched as transformers stretches them."""

import json
import math
from dataclasses import asdict

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from ch03_attention import rope_scaling
from ch03_attention.attention import CausalSelfAttention, rotary
from ch03_attention.rope_scaling import (
    attention_factor,
    example_scalings,
    rotary_frequencies,
)
from ch04_transformer.transformer import ModelConfig, Transformer

STRETCHED = [kind for kind in example_scalings(4.0, 16) if kind != "default"]


def same(ours, theirs):
    # Frequencies are at most 1, and each takes a handful of float32 operations.
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-6)


def theirs(d_head, theta, scaling, context_length=512, seq_len=None):
    """Return what transformers makes of a scaling: (frequencies, attention factor)."""
    config = LlamaConfig(
        hidden_size=4 * d_head,
        num_attention_heads=4,
        head_dim=d_head,
        max_position_embeddings=context_length,
        rope_parameters={"rope_theta": theta, **scaling},
    )
    make = ROPE_INIT_FUNCTIONS[config.rope_parameters["rope_type"]]
    return make(config, "cpu", seq_len=seq_len)


# Parity

widths = st.sampled_from([4, 16, 48, 64, 128])
thetas = st.sampled_from([2.0, 100.0, 10_000.0, 500_000.0, 1e6])
factors = st.floats(1.0, 64.0)
lengths = st.sampled_from([8, 128, 1000, 8192, 32_768])


@settings(max_examples=60, deadline=None)
@given(widths, thetas, factors)
def test_linear_equals_transformers(d_head, theta, factor):
    scaling = {"rope_type": "linear", "factor": factor}
    speeds, sharper = theirs(d_head, theta, scaling)
    same(rotary_frequencies(d_head, theta, scaling), speeds)
    assert attention_factor(scaling) == sharper == 1.0


@settings(max_examples=60, deadline=None)
@given(widths, thetas, st.floats(0.5, 32.0), lengths)
def test_ntk_equals_what_transformers_dynamic_kind_comes_to(
    d_head, theta, grown, length
):
    """Read twice the trained length: factor * 2 - (factor - 1) = factor + 1."""
    dynamic = {"rope_type": "dynamic", "factor": grown}
    speeds, sharper = theirs(d_head, theta, dynamic, length, seq_len=2 * length)
    scaling = {"rope_type": "ntk", "factor": grown + 1}
    same(rotary_frequencies(d_head, theta, scaling), speeds)
    assert attention_factor(scaling) == sharper == 1.0


@settings(max_examples=100, deadline=None)
@given(widths, thetas, factors, lengths, st.floats(0.5, 4.0), st.floats(0.1, 8.0))
def test_llama3_equals_transformers(d_head, theta, factor, length, low, more):
    scaling = {
        "rope_type": "llama3",
        "factor": factor,
        "low_freq_factor": low,
        "high_freq_factor": low + more,
        "original_max_position_embeddings": length,
    }
    speeds, sharper = theirs(d_head, theta, scaling)
    same(rotary_frequencies(d_head, theta, scaling), speeds)
    assert attention_factor(scaling) == sharper == 1.0


yarn_options = st.fixed_dictionaries(
    {},
    optional={
        "attention_factor": st.none() | st.floats(0.5, 2.0),
        "beta_fast": st.none() | st.floats(0.5, 64.0),
        "beta_slow": st.none() | st.floats(0.5, 8.0),
        "mscale": st.none() | st.floats(0.1, 2.0),
        "mscale_all_dim": st.none() | st.floats(0.1, 2.0),
        "truncate": st.booleans(),
    },
)


@settings(max_examples=300, deadline=None)
@given(widths, thetas, factors, lengths, yarn_options)
def test_yarn_equals_transformers_with_any_of_its_options(
    d_head, theta, factor, length, options
):
    scaling = {
        "rope_type": "yarn",
        "factor": factor,
        "original_max_position_embeddings": length,
        **options,
    }
    speeds, sharper = theirs(d_head, theta, scaling)
    same(rotary_frequencies(d_head, theta, scaling), speeds)
    assert attention_factor(scaling) == pytest.approx(sharper, rel=1e-6)


def test_a_yarn_file_that_names_no_length_was_trained_at_its_full_one():
    scaling = {"rope_type": "yarn", "factor": 4.0}
    config = ModelConfig(
        d_model=64, n_heads=4, context_length=96, rope_scaling=scaling, n_layers=1
    )
    attention = Transformer(config).blocks[0].attention
    same(attention.frequencies, theirs(16, 10_000.0, scaling, context_length=96)[0])
    other = Transformer(ModelConfig(**{**asdict(config), "context_length": 9000}))
    assert not torch.equal(other.blocks[0].attention.frequencies, attention.frequencies)


# Properties


@settings(max_examples=100, deadline=None)
@given(widths, thetas, factors, lengths, st.sampled_from(STRETCHED))
def test_no_plane_is_sped_up_or_slowed_beyond_the_factor(
    d_head, theta, factor, length, kind
):
    scaling = example_scalings(factor, length)[kind]
    slower = rotary_frequencies(d_head, theta) / rotary_frequencies(
        d_head, theta, scaling
    )
    assert slower.min() > 1 - 1e-5 and slower.max() < factor * (1 + 1e-5)
    assert (slower.diff() > -1e-3).all(), "slower planes are slowed at least as much"


@pytest.mark.parametrize("kind", STRETCHED)
def test_a_factor_of_one_changes_nothing(kind):
    scaling = example_scalings(1.0, 16)[kind]
    assert torch.equal(rotary_frequencies(16, 500.0, scaling), plain := plain_speeds())
    assert attention_factor(scaling) == 1.0
    grown = rotary_frequencies(16, 500.0, example_scalings(4.0, 16)[kind])
    assert not torch.allclose(grown, plain, rtol=1e-2), "this kind does something"


def plain_speeds():
    return rotary_frequencies(16, 500.0)


def test_linear_reads_a_text_as_if_it_stood_at_fractions_of_places():
    x = torch.randn(1, 1, 9, 16, generator=torch.Generator().manual_seed(0))
    far = torch.arange(9) * 4
    speeds = rotary_frequencies(16, 500.0, {"rope_type": "linear", "factor": 4.0})
    angles = far[:, None] * speeds
    near = rotary(x, torch.arange(9), theta=500.0)
    torch.testing.assert_close(rope_turn(x, angles), near, atol=1e-5, rtol=1e-5)


def rope_turn(x, angles):
    a, b = x.chunk(2, dim=-1)
    return torch.cat(
        (a * angles.cos() - b * angles.sin(), a * angles.sin() + b * angles.cos()), -1
    )


def test_the_attention_factor_multiplies_scores_by_its_square():
    scaling = example_scalings(1.0, 16)["yarn"]  # no plane changes, whatever sharpens
    torch.manual_seed(0)
    plain = CausalSelfAttention(24, 4, 2)
    sharper = scaling | {"attention_factor": 3.0}
    sharp = CausalSelfAttention(24, 4, 2, rope_scaling=sharper)
    sharp.load_state_dict(plain.state_dict())
    x, places = torch.randn(2, 7, 24), torch.arange(7)
    for a, b in zip(
        plain.queries_keys_values(x, places)[:2],
        sharp.queries_keys_values(x, places)[:2],
    ):
        torch.testing.assert_close(3.0 * a, b, atol=1e-5, rtol=1e-5)
    values = [layer.queries_keys_values(x, places)[2] for layer in (plain, sharp)]
    assert torch.equal(*values), "what is handed over is not made louder"


@pytest.mark.parametrize("kind", STRETCHED)
def test_a_config_with_a_scaling_survives_json(kind):
    scaling = example_scalings(4.0, 16)[kind]
    config = ModelConfig(rope_scaling=scaling)
    assert ModelConfig.from_dict(json.loads(json.dumps(asdict(config)))) == config


# Golden: worked by hand


def test_ntk_keeps_the_fastest_plane_and_slows_the_slowest_by_hand():
    """Width 4, theta 100: speeds 1 and 100^(-2/4) = 1/10.

    Factor 9: theta becomes 100 * 9^(4/2) = 8100, speeds 1 and 8100^(-1/2) = 1/90.
    """
    scaling = {"rope_type": "ntk", "factor": 9.0}
    same(rotary_frequencies(4, 100.0, scaling), torch.tensor([1.0, 1 / 90]))


@pytest.mark.parametrize(
    "truncate, kept", [(False, [1, 1, 3 / 4, 1 / 4]), (True, [1, 1, 2 / 3, 1 / 3])]
)
def test_yarn_by_hand(truncate, kept):
    """Width 8, theta 10,000: speeds 1, 1/10, 1/100, 1/1000.

    Plane i makes length * 10^-i / (2 pi) turns, so with a length of 2 pi * 10^2.5 the
    plane of 10 turns has number 1.5 and that of 1/10 turn number 3.5. Between them the
    share that is kept falls from 1 to 0: planes 2 and 3 keep 3/4 and 1/4. Rounded
    outwards the passage goes from 1 to 4, and they keep 2/3 and 1/3.
    """
    scaling = {
        "rope_type": "yarn",
        "factor": 5.0,
        "original_max_position_embeddings": 2 * math.pi * 10**2.5,
        "beta_fast": 10.0,
        "beta_slow": 0.1,
        "truncate": truncate,
    }
    kept = torch.tensor(kept)
    plain = torch.tensor([1.0, 0.1, 0.01, 0.001])
    same(rotary_frequencies(8, 10_000.0, scaling), plain * (kept + (1 - kept) / 5))


def test_attention_factors_by_hand():
    """Factor e^2, so ln s = 2: 0.1 * 2 + 1 = 1.2.

    With mscale 2 and mscale_all_dim 1: (0.2 * 2 + 1) / (0.2 + 1) = 1.4 / 1.2.
    """
    scaling = example_scalings(math.e**2, 16)["yarn"]
    assert attention_factor(scaling) == pytest.approx(1.2)
    both = scaling | {"mscale": 2.0, "mscale_all_dim": 1.0}
    assert attention_factor(both) == pytest.approx(1.4 / 1.2)
    assert attention_factor(both | {"attention_factor": 0.7}) == 0.7
    assert attention_factor(scaling | {"mscale": 2.0}) == pytest.approx(1.2)


# Refusals

YARN = example_scalings(4.0, 16)["yarn"]
LLAMA3 = example_scalings(4.0, 16)["llama3"]
BAD = {
    "rope_type is 'longrope', but only default, linear, llama3, ntk, yarn": {
        "rope_type": "longrope"
    },
    "rope_type is None": {"factor": 2.0},
    "of rope_type 'linear': 'factor' is missing": {"rope_type": "linear"},
    "of rope_type 'ntk': 'beta_fast' is not known": {
        "rope_type": "ntk", "factor": 2.0, "beta_fast": 32,
    },
    "of rope_type 'yarn': 'alpha' is not known": YARN | {"alpha": 1.0},
    "factor is 0.5; it must be 1 or more": YARN | {"factor": 0.5},
    "factor is None; it must be a number": YARN | {"factor": None},
    "factor is '4'; it must be a number": YARN | {"factor": "4"},
    "factor is True; it must be a number": YARN | {"factor": True},
    "beta_fast is 0; it must be positive": YARN | {"beta_fast": 0},
    "attention_factor is -1.0; it must be positive": YARN | {"attention_factor": -1.0},
    "mscale is nan; it must be positive": YARN | {"mscale": math.nan},
    "truncate is 1; give true or false": YARN | {"truncate": 1},
    "truncate is None; give true or false": YARN | {"truncate": None},
    "original_max_position_embeddings is 0; it must be positive": LLAMA3
    | {"original_max_position_embeddings": 0},
}  # fmt: skip


@pytest.mark.parametrize("message", BAD)
def test_a_scaling_is_honoured_or_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        ModelConfig(rope_scaling=BAD[message])
    with pytest.raises(ValueError, match=message):
        rotary_frequencies(16, 500.0, BAD[message])


def test_scalings_that_no_width_or_theta_allows_are_refused():
    with pytest.raises(ValueError, match="d_head is 2, but ntk needs two planes"):
        rotary_frequencies(2, 500.0, {"rope_type": "ntk", "factor": 2.0})
    with pytest.raises(ValueError, match="theta is 1.0, but yarn needs one greater"):
        rotary_frequencies(8, 1.0, YARN)
    with pytest.raises(ValueError, match="low_freq_factor 4.0 must be less than"):
        rotary_frequencies(8, 500.0, LLAMA3 | {"low_freq_factor": 4.0})
    with pytest.raises(ValueError, match="'original_max_position_embeddings' is missi"):
        rotary_frequencies(8, 500.0, {"rope_type": "yarn", "factor": 2.0})


def test_what_does_not_turn_cannot_be_scaled():
    scaling = {"rope_type": "linear", "factor": 2.0}
    with pytest.raises(ValueError, match="no rope_theta to scale"):
        CausalSelfAttention(24, 4, rope_theta=None, rope_scaling=scaling)


def test_the_command_prints_a_line_for_every_kind(capsys):
    assert rope_scaling.main(["--d-head", "8", "--factor", "4", "--length", "64"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(example_scalings(1, 1))
    turns = {line.split()[0]: float(line.split()[4]) for line in lines}
    assert turns["linear"] == pytest.approx(4 * turns["default"], rel=1e-3)
    assert rope_scaling.main(["--d-head", "7"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
