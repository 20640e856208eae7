"""Chapter 4: feed-forward layers without a gate.

Golden: activations worked by hand. Parity: torch's activations, torch's own layers,
GPT-2's MLP in transformers. Property: equal sizes, and each position by itself.
"""

import math
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from transformers import GPT2Config
from transformers.models.gpt2.modeling_gpt2 import GPT2MLP

from ch04_transformer.choices import from_stream, influences
from ch04_transformer.feed_forward import (
    ACTIVATIONS,
    FeedForward,
    as_large_as_gated,
    gelu,
    gelu_tanh,
    main,
    relu,
    squared_relu,
)
from ch04_transformer.transformer import (
    ModelConfig,
    SwiGLUFeedForward,
    Transformer,
    TransformerBlock,
)

THEIRS = {
    "relu": F.relu,
    "gelu": F.gelu,
    "gelu_tanh": partial(F.gelu, approximate="tanh"),
    "squared_relu": lambda x: F.relu(x).square(),
}


def test_activations_by_hand():
    """A normal number lies below 1 with probability 0.8413, below -1 with 0.1587.

    So gelu(1) = 0.8413 and gelu(-1) = -0.1587. The tanh formula at 1 has the inner
    number sqrt(2 / pi) * 1.044715 = 0.83356, whose tanh is 0.68237, and 0.5 * 1.68237
    is 0.84119: near, and not the same.
    """
    x = torch.tensor([-3.0, -1.0, 0.0, 1.0, 3.0])
    assert relu(x).tolist() == [0, 0, 0, 1, 3]
    assert squared_relu(x).tolist() == [0, 0, 0, 1, 9]
    below = 0.5 * (1 + math.erf(1 / math.sqrt(2)))
    assert gelu(x)[1:4].tolist() == pytest.approx([below - 1, 0, below], abs=1e-6)
    assert gelu(x)[3].item() == pytest.approx(0.84134, abs=1e-5)
    assert gelu_tanh(x)[3].item() == pytest.approx(0.84119, abs=1e-5)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_equal_torchs_forward_and_backward(name):
    x = torch.linspace(-6, 6, 1000)  # an even number: 0, where a corner is, is left out
    results = []
    for activation in (ACTIVATIONS[name], THEIRS[name]):
        leaf = x.clone().requires_grad_()
        y = activation(leaf)
        y.sum().backward()
        results.append((y, leaf.grad))
    # The same formula in another order: units in the last place of numbers up to 36.
    for ours, theirs in zip(*results, strict=True):
        assert torch.allclose(ours, theirs, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_layer_equals_torchs_own_parts(name, bias):
    torch.manual_seed(0)
    ours = FeedForward(6, 10, activation=ACTIVATIONS[name], bias=bias)
    up, down = nn.Linear(6, 10, bias=bias), nn.Linear(10, 6, bias=bias)
    up.load_state_dict(ours.w1.state_dict())
    down.load_state_dict(ours.w2.state_dict())
    x = torch.randn(2, 3, 6)
    assert torch.allclose(ours(x), down(THEIRS[name](up(x))), atol=1e-6)
    assert len(list(ours.parameters())) == (4 if bias else 2)


def test_with_biases_and_the_tanh_it_is_gpt2s():
    torch.manual_seed(0)
    config = GPT2Config(n_embd=6, activation_function="gelu_new", resid_pdrop=0.0)
    theirs, ours = GPT2MLP(10, config).eval(), FeedForward(6, 10, gelu_tanh, bias=True)
    with torch.no_grad():
        for mine, other in ((ours.w1, theirs.c_fc), (ours.w2, theirs.c_proj)):
            mine.weight.copy_(other.weight.normal_().T)
            mine.bias.copy_(other.bias.normal_())
    x = torch.randn(2, 3, 6)
    assert torch.allclose(ours(x), theirs(x), atol=1e-5)


@pytest.mark.parametrize("sizes", [(6, 10), (128, 352), (4, 2)])
def test_half_as_wide_again_has_the_parameters_of_the_gated_layer(sizes):
    layers = SwiGLUFeedForward(*sizes), as_large_as_gated(*sizes)
    gated, plain = (sum(p.numel() for p in layer.parameters()) for layer in layers)
    assert gated == plain == 3 * sizes[0] * sizes[1]


def test_an_odd_width_has_no_equal():
    with pytest.raises(ValueError, match="d_ff is 5, and 3/2 of it is no whole number"):
        as_large_as_gated(4, 5)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_model_takes_the_layer_as_a_part_and_stays_causal(name):
    config = ModelConfig(vocab_size=19, d_model=8, n_layers=2, n_heads=2, d_ff=12)
    layer = partial(as_large_as_gated, activation=ACTIVATIONS[name])
    torch.manual_seed(0)
    model = Transformer(config, block=partial(TransformerBlock, feed_forward=layer))
    assert sum(p.numel() for p in model.parameters()) == config.n_params()
    reacts = influences(partial(from_stream, model), torch.randn(1, 5, 8))[0, :, 0]
    assert (reacts > 0).equal(torch.ones(5, 5).tril().bool())
    # What writes into the stream is drawn smaller by sqrt(2L) = 2, whatever the part.
    deviation = model.blocks[0].ffn.w2.weight.std().item()
    assert deviation == pytest.approx(18**-0.5 / 2, rel=0.2)


def test_the_command_prints_a_row_for_each_activation(capsys):
    assert main(["--d-model", "4", "--d-ff", "6"]) == 0
    said = capsys.readouterr().out
    assert all(f"\n{name} " in said for name in ACTIVATIONS)
    assert said.count("72 parameters") == 2


def test_the_command_refuses_an_odd_width_in_one_line(capsys):
    assert main(["--d-ff", "7"]) == 2
    assert capsys.readouterr().err.startswith("error: d_ff is 7, and 3/2 of it")
