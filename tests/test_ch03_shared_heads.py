"""Chapter 3: what each head learns from, and how heads share keys and values.

Beside tests/test_ch03_attention.py, which holds the layer as a whole against others.
"""

import re
from functools import partial

import pytest
import torch
import torch.nn.functional as F

from ch03_attention import attention
from ch03_attention.attention import CausalSelfAttention, share_heads
from ch04_transformer.transformer import RMSNorm

# Sums of a few dozen float32 numbers of size 1, added in another order.
close = partial(torch.testing.assert_close, atol=1e-5, rtol=1e-5)
fused = partial(F.scaled_dot_product_attention, enable_gqa=True)

FORMS = {
    "multi-head": dict(n_heads=8),
    "grouped": dict(n_heads=8, n_kv_heads=4),
    "four to one": dict(n_heads=8, n_kv_heads=2),
    "multi-query": dict(n_heads=8, n_kv_heads=1),
    "qk norm and biases": dict(n_heads=8, n_kv_heads=2, qk_norm=RMSNorm, qkv_bias=True),
    "sliding window": dict(n_heads=8, n_kv_heads=2, sliding_window=3),
    "stretched": dict(
        n_heads=8, n_kv_heads=2, rope_scaling=dict(rope_type="linear", factor=4.0)
    ),
}
every_form = pytest.mark.parametrize("form", FORMS)


def make_layer(form, **more):
    """Build a layer of width 24 and heads of 4; every parameter is off its start."""
    torch.manual_seed(0)
    layer = CausalSelfAttention(24, d_head=4, **FORMS[form], **more)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return layer


def noise(*shape, seed=1, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=dtype)


def gradients(layer, x):
    """The output, and the gradients of its square at every parameter and at x."""
    x = x.clone().requires_grad_()
    y = layer(x)
    names, parameters = zip(*layer.named_parameters(), strict=True)
    found = torch.autograd.grad(y.square().sum(), [*parameters, x])
    return {"output": y, **dict(zip([*names, "x"], found, strict=True))}


# Properties


@pytest.mark.parametrize("attend", [attention.scaled_dot_product_attention, fused])
@every_form
def test_no_gradient_comes_from_the_future_whoever_averages(form, attend):
    layer, x = make_layer(form, attend=attend), noise(2, 7, 24).requires_grad_()
    y = layer(x)
    for t in range(7):
        (gradient,) = torch.autograd.grad(y[:, t].sum(), x, retain_graph=True)
        assert gradient[:, t + 1 :].count_nonzero() == 0
        assert gradient[:, t].count_nonzero() > 0


@every_form
def test_every_head_learns(form):
    layer = make_layer(form)
    found = gradients(layer, noise(2, 7, 24))
    for name in ("q_proj", "k_proj", "v_proj"):
        heads = found[f"{name}.weight"].unflatten(0, (-1, 4))
        assert (heads.abs().amax(dim=(1, 2)) > 1e-6).all(), f"a head of {name} is deaf"
    assert all(gradient.isfinite().all() for gradient in found.values())


@every_form
def test_a_head_that_nobody_listens_to_learns_nothing(form):
    """Query head 5 is silenced in out_proj: neither its rows nor others' suffer."""
    layer = make_layer(form)
    with torch.no_grad():
        layer.out_proj.weight[:, 5 * 4 : 6 * 4] = 0.0
    heads = gradients(layer, noise(2, 7, 24))["q_proj.weight"].unflatten(0, (8, 4))
    silent = (heads.abs().amax(dim=(1, 2)) == 0).tolist()
    assert silent == [head == 5 for head in range(8)]


@pytest.mark.parametrize("n_kv_heads", [1, 2, 4])
def test_shared_heads_are_equal_heads_whose_gradients_add_up(n_kv_heads):
    """Grouped attention is multi-head attention with copies, each with its share."""
    torch.manual_seed(0)
    grouped = CausalSelfAttention(24, 8, n_kv_heads, d_head=4)
    every = CausalSelfAttention(24, 8, d_head=4)
    weights = dict(grouped.state_dict())
    for name in ("k_proj.weight", "v_proj.weight"):
        heads = weights[name].unflatten(0, (n_kv_heads, 4))
        weights[name] = share_heads(heads[None], 8)[0].flatten(0, 1)
    every.load_state_dict(weights)
    x = noise(2, 7, 24)
    few, many = gradients(grouped, x), gradients(every, x)
    for name in ("output", "x", "q_proj.weight", "out_proj.weight"):
        close(few[name], many[name], atol=1e-4, rtol=1e-4)
    for name in ("k_proj.weight", "v_proj.weight"):
        copies = many[name].unflatten(0, (n_kv_heads, 8 // n_kv_heads, 4))
        close(few[name], copies.sum(1).flatten(0, 1), atol=1e-4, rtol=1e-4)


@every_form
def test_a_single_token_hears_itself_alone(form):
    """Its share is 1, so its value goes home, whatever queries and keys say."""
    layer, x = make_layer(form), noise(3, 1, 24)
    values = layer.v_proj(x).unflatten(-1, (-1, 4)).transpose(1, 2)
    joined = share_heads(values, 8).transpose(1, 2).flatten(2)
    close(layer(x), layer.out_proj(joined))


@pytest.mark.parametrize("n_kv_heads", [1, 2, 4])
def test_gradients_are_those_of_small_differences(n_kv_heads):
    shapes = [(2, 4, 3, 2), (2, n_kv_heads, 5, 2), (2, n_kv_heads, 5, 2)]
    q, k, v = (
        noise(*shape, seed=seed, dtype=torch.float64).requires_grad_()
        for seed, shape in enumerate(shapes)
    )
    mask = attention.causal_mask(3, 5)
    assert torch.autograd.gradcheck(
        lambda q, k, v: attention.scaled_dot_product_attention(q, k, v, mask), (q, k, v)
    )


# Parity


@every_form
def test_the_gradients_equal_those_of_torchs_fused_attention(form):
    x = noise(2, 7, 24)
    ours = gradients(make_layer(form), x)
    theirs = gradients(make_layer(form, attend=fused), x)
    assert ours.keys() == theirs.keys() and len(ours) >= 6
    for name in ours:
        close(ours[name], theirs[name], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("n_kv_heads", [1, 2, 4, 8])
def test_every_ratio_of_heads_equals_transformers_llama_attention(n_kv_heads):
    from transformers import LlamaConfig
    from transformers.models.llama import modeling_llama as llama

    config = LlamaConfig(
        hidden_size=24,
        num_attention_heads=8,
        num_key_value_heads=n_kv_heads,
        head_dim=4,
        attn_implementation="sdpa",
        rope_parameters={"rope_type": "default", "rope_theta": 500.0},
    )
    torch.manual_seed(0)
    layer = CausalSelfAttention(24, 8, n_kv_heads, d_head=4, rope_theta=500.0)
    theirs, ours = llama.LlamaAttention(config, layer_idx=0), layer.state_dict()
    names = {"o_proj.weight": "out_proj.weight"}
    theirs.load_state_dict(
        {name: ours[names.get(name, name)] for name in theirs.state_dict()}
    )
    x, positions = noise(2, 7, 24), torch.arange(7)[None]
    turns = llama.LlamaRotaryEmbedding(config)(x, positions)
    mask = attention.causal_mask(7, 7)[None, None]
    expected, _ = theirs(x, position_embeddings=turns, attention_mask=mask)
    close(layer(x), expected)


# Golden: the drawing


def test_the_drawing_in_the_docstring_is_true():
    """Three drawings of H = 4: K heads, each below the queries that read it."""
    lines = attention.__doc__.splitlines()
    title = next(line for line in lines if line.strip().startswith("multi-head"))
    queries = next(line for line in lines if line.strip().startswith("q "))
    keys = next(line for line in lines if line.strip().startswith("kv "))
    claimed = [int(k) for k in re.findall(r"K = (\d)", title)]
    assert claimed == [4, 2, 1]
    starts = [match.start() for match in re.finditer("kv", keys)] + [len(keys) + 9]
    for n_kv_heads, start, stop in zip(claimed, starts, starts[1:], strict=False):
        asking = [start + m.start() for m in re.finditer(r"\d", queries[start:stop])]
        asked = [start + m.start() for m in re.finditer(r"\d", keys[start:stop])]
        assert len(asking) == 4 and len(asked) == n_kv_heads
        numbers = torch.arange(n_kv_heads).view(1, n_kv_heads, 1, 1)
        read = share_heads(numbers, 4).flatten().tolist()
        centres = [
            sum(place for place, head in zip(asking, read, strict=True) if head == k)
            / read.count(k)
            for k in range(n_kv_heads)
        ]
        for k, place in enumerate(asked):
            nearest = min(range(n_kv_heads), key=lambda i: abs(centres[i] - place))
            assert nearest == k
