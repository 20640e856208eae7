"""Chapter 3: where tokens stand, told in four ways and in two layouts."""

import math
from functools import partial

import pytest
import torch

from ch03_attention import positions
from ch03_attention.attention import CausalSelfAttention, causal_mask
from ch03_attention.positions import (
    SinusoidalPositions,
    document_positions,
    sinusoids,
    to_half_split,
    to_interleaved,
    unrotated_attention,
)
from ch06_generation.generation import KVCache
from tests.positioned import INTERLEAVED, KINDS, ROUNDING, build, some_tokens

close = partial(torch.testing.assert_close, **ROUNDING)
each_kind = pytest.mark.parametrize("kind", KINDS)


# Properties: position embeddings in the model


def test_a_model_of_rotary_positions_has_no_parameter_more():
    names = {name for name, _ in build({}).named_parameters()}
    assert not [name for name in names if "position" in name]
    for kind in ("none", "sinusoidal"):
        assert {name for name, _ in build(KINDS[kind]).named_parameters()} == names
    learned = {name for name, _ in build(KINDS["learned"]).named_parameters()}
    assert learned - names == {"position_embedding.table.weight"}


def test_learned_positions_are_added_to_the_tokens():
    model, tokens = build(KINDS["learned"]), some_tokens()
    plain = build(KINDS["none"])
    plain.load_state_dict(
        {k: v for k, v in model.state_dict().items() if "position" not in k}
    )
    hook = plain.embedding.register_forward_hook(
        lambda part, given, out: out + model.position_embedding.table.weight[:11]
    )
    close(model(tokens), plain(tokens))
    hook.remove()
    assert not torch.allclose(model(tokens), plain(tokens), atol=0.1)


@each_kind
def test_positions_may_differ_between_sequences(kind):
    model, tokens = build(KINDS[kind]), some_tokens(length=5)
    places = torch.tensor([[0, 1, 2, 3, 4], [0, 2, 4, 6, 12]])
    both = model(tokens, positions=places)
    for row in range(2):
        alone = model(tokens[row : row + 1], positions=places[row])
        close(both[row : row + 1], alone)
    elsewhere = torch.allclose(both[1], model(tokens)[1], atol=1e-3)
    assert elsewhere == (kind == "none")


@each_kind
@pytest.mark.parametrize("pieces", [[1] * 11, [4, 1, 6]])
def test_a_cache_changes_nothing(kind, pieces):
    model, tokens = build(KINDS[kind]), some_tokens()
    cache, outputs, start = KVCache(model, 2), [], 0
    with torch.no_grad():
        for n in pieces:
            outputs.append(model(tokens[:, start : start + n], cache=cache))
            start += n
        close(torch.cat(outputs, dim=1), model(tokens))


@each_kind
def test_only_absolute_kinds_notice_that_the_whole_text_was_moved(kind):
    model, tokens = build(KINDS[kind]), some_tokens(length=6)
    moved = model(tokens, positions=torch.arange(7, 13))
    noticed = not torch.allclose(moved, model(tokens), atol=1e-3)
    assert noticed == (kind in ("learned", "sinusoidal"))


@each_kind
def test_in_one_layer_a_text_without_positions_is_a_heap(kind):
    model, tokens = build(KINDS[kind], n_layers=1), some_tokens()
    order = torch.tensor([3, 0, 4, 9, 1, 2, 8, 5, 7, 6, 10])
    last, shuffled = model(tokens)[:, -1], model(tokens[:, order])[:, -1]
    assert torch.allclose(last, shuffled, atol=1e-5) == (kind == "none")


def test_two_layers_tell_order_by_the_mask_alone():
    """A token of the first layer has seen what came before it, and nothing later."""
    model, tokens = build(KINDS["none"]), some_tokens()
    order = torch.tensor([3, 0, 4, 9, 1, 2, 8, 5, 7, 6, 10])
    last, shuffled = model(tokens)[:, -1], model(tokens[:, order])[:, -1]
    assert not torch.allclose(last, shuffled, atol=1e-2)


def test_sinusoids_meet_at_angles_that_depend_on_the_distance_only():
    table = sinusoids(torch.arange(300), 16)
    scores = table @ table.T
    near = partial(torch.testing.assert_close, atol=1e-4, rtol=1e-4)
    near(scores[50:, 50:], scores[:-50, :-50])
    near(scores.diagonal(), torch.full((300,), 8.0))
    assert (scores - 8.0 * torch.eye(300)).max() < 8.0 - 1e-3, "no two places are one"


def test_a_position_beyond_the_learned_ones_is_refused_in_one_line():
    model = build(KINDS["learned"])
    model(some_tokens(length=13))
    with pytest.raises(ValueError, match="position 13 .* end at 12") as refusal:
        model(some_tokens(length=14))
    assert "\n" not in str(refusal.value)
    with pytest.raises(ValueError, match="position -1 is asked for"):
        model(some_tokens(length=2), positions=torch.tensor([-1, 0]))
    with pytest.raises(ValueError, match="position 14"):
        model(some_tokens(length=1), positions=torch.tensor([[3], [14]]))


@pytest.mark.parametrize("kind", ["rotary", "none", "sinusoidal"])
def test_other_kinds_go_on_beyond_the_context_length(kind):
    assert torch.isfinite(build(KINDS[kind])(some_tokens(length=40))).all()


def test_odd_widths_are_refused():
    with pytest.raises(ValueError, match="d_model is 7, but sines and cosines"):
        SinusoidalPositions(13, 7)
    layer = unrotated_attention(21, 3)  # heads of width 7: nothing is turned in them
    assert layer(torch.randn(1, 4, 21)).shape == (1, 4, 21)


# Properties: the two rotary layouts


TURNED = ("q_proj", "k_proj", "q_norm", "k_norm")


def converted(weights, convert, d_head):
    """Reorder everything that is turned: projections, their biases, and their norms."""
    return {
        name: convert(value, d_head) if name.split(".")[-2] in TURNED else value
        for name, value in weights.items()
    }


@pytest.mark.parametrize("extra", [{}, dict(qkv_bias=True), dict(qk_norm=True)])
def test_converted_weights_give_equal_logits_in_the_other_layout(extra):
    ours, other = build({}, **extra), build(INTERLEAVED, seed=5, **extra)
    tokens = some_tokens()
    other.load_state_dict(converted(ours.state_dict(), to_interleaved, 6))
    close(other(tokens), ours(tokens))
    back = build({}, seed=7, **extra)
    back.load_state_dict(converted(other.state_dict(), to_half_split, 6))
    assert torch.equal(back(tokens), ours(tokens))


def test_unconverted_weights_agree_at_the_first_token_only():
    ours, other = build({}), build(INTERLEAVED)
    other.load_state_dict(ours.state_dict())
    tokens = some_tokens()
    gaps = (ours(tokens) - other(tokens)).abs().amax(dim=(0, 2))
    assert gaps[0] < 1e-5 and (gaps[1:] > 0.01).all()


def test_values_are_not_to_be_reordered():
    ours, other = build({}), build(INTERLEAVED)
    weights = converted(ours.state_dict(), to_interleaved, 6)
    name = "blocks.0.attention.v_proj.weight"
    other.load_state_dict({**weights, name: to_interleaved(weights[name], 6)})
    assert not torch.allclose(other(some_tokens()), ours(some_tokens()), atol=0.01)


def test_rows_of_two_heads_by_hand():
    """Width 4: what was paired as (0, 1), (2, 3) must be paired as first with third."""
    rows = torch.arange(8)
    assert to_half_split(rows, 4).tolist() == [0, 2, 1, 3, 4, 6, 5, 7]
    six = torch.arange(6)
    assert to_half_split(six, 6).tolist() == [0, 2, 4, 1, 3, 5]
    assert to_interleaved(six, 6).tolist() == [0, 3, 1, 4, 2, 5]
    matrix = torch.randn(12, 5)
    assert torch.equal(to_interleaved(to_half_split(matrix, 6), 6), matrix)


@pytest.mark.parametrize("d_head", [3, 0, 8])
def test_rows_that_are_no_heads_are_refused(d_head):
    for convert in (to_half_split, to_interleaved):
        with pytest.raises(ValueError, match=f"12 rows are no heads of width {d_head}"):
            convert(torch.randn(12, 5), d_head)


# Parity


def test_sinusoids_are_the_papers_formula():
    table = sinusoids(torch.arange(50), 12, theta=777.0)
    for position in (0, 1, 7, 49):
        for i in range(6):
            angle = position / 777.0 ** (2 * i / 12)
            wave = torch.tensor([math.sin(angle), math.cos(angle)])
            close(table[position, 2 * i : 2 * i + 2], wave)


def test_unrotated_attention_with_biases_equals_transformers_gpt2_attention():
    from transformers import GPT2Config
    from transformers.models.gpt2 import modeling_gpt2 as gpt2

    config = GPT2Config(n_embd=24, n_head=4, attn_implementation="eager")
    config.attn_pdrop = config.resid_pdrop = 0.0
    torch.manual_seed(0)
    layer = CausalSelfAttention(24, 4, rope_theta=None, qkv_bias=True, out_bias=True)
    theirs = gpt2.GPT2Attention(config, layer_idx=0)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        parts = [layer.q_proj, layer.k_proj, layer.v_proj]
        theirs.c_attn.weight.copy_(torch.cat([part.weight for part in parts]).T)
        theirs.c_attn.bias.copy_(torch.cat([part.bias for part in parts]))
        theirs.c_proj.weight.copy_(layer.out_proj.weight.T)
        theirs.c_proj.bias.copy_(layer.out_proj.bias)
    x = torch.randn(2, 7, 24)
    mask = torch.zeros(1, 1, 7, 7).masked_fill(~causal_mask(7, 7), -math.inf)
    close(layer(x), theirs(x, attention_mask=mask)[0])


# Golden


def test_sinusoids_by_hand():
    """Width 4, theta 100: speeds 1 and 100^(-2/4) = 1/10.

    At position 0 all sines are 0 and all cosines 1. At position 5 pi the angles are
    5 pi and pi/2: sine 0, cosine -1, sine 1, cosine 0.
    """
    table = sinusoids(torch.tensor([0.0, 5 * math.pi]), 4, theta=100.0)
    close(table, torch.tensor([[0.0, 1.0, 0.0, 1.0], [0.0, -1.0, 1.0, 0.0]]))
    part = SinusoidalPositions(13, 4)
    close(part(torch.tensor([0])), torch.tensor([[0.0, 0.5, 0.0, 0.5]]))


def test_positions_of_packed_documents_by_hand():
    """Token 9 opens a document; the first row begins inside one."""
    tokens = torch.tensor([[4, 9, 5, 5, 9, 9], [9, 1, 1, 1, 1, 9]])
    expected = [[0, 0, 1, 2, 0, 0], [0, 1, 2, 3, 4, 0]]
    assert document_positions(tokens, 9).tolist() == expected


def test_the_command_prints_waves(capsys):
    assert positions.main(["--tokens", "3", "--d-model", "4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["0", "+0.00", "+1.00", "+0.00", "+1.00"]
    assert len(lines) == 3
    assert positions.main(["--d-model", "5"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
