"""Chapter 4: what each part does to others' tokens, how it starts, and what it learns.

Beside tests/test_ch04_transformer.py, whose sizes and variants these tests share.
"""

import math
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ch03_attention.attention import document_mask
from ch04_transformer.transformer import (
    BatchNorm,
    LayerNorm,
    ModelConfig,
    RMSNorm,
    Transformer,
    TransformerBlock,
)
from tests.test_ch04_transformer import SIZES, VARIANTS, build, influence, random_tokens

each_variant = pytest.mark.parametrize("variant", VARIANTS)


def reach(norm, x):
    """Which vectors (b', s) each output (b, t) depends on: (B, T, B, T), booleans."""
    x = x.clone().requires_grad_()
    y = norm(x)
    weights = torch.randn(x.shape[-1], generator=torch.Generator().manual_seed(7))
    rows = [
        torch.autograd.grad(y[b, t] @ weights, x, retain_graph=True)[0]
        for b in range(x.shape[0])
        for t in range(x.shape[1])
    ]
    return (torch.stack(rows).abs().sum(-1) > 0).view(*x.shape[:2], *x.shape[:2])


# ----------------------------------------------- the norms, side by side


@pytest.mark.parametrize("norm", [RMSNorm, LayerNorm])
def test_these_norms_look_at_one_token_alone(norm):
    torch.manual_seed(0)
    reached = reach(norm(6), torch.randn(2, 3, 6))
    assert reached.flatten(2).flatten(0, 1).equal(torch.eye(6).bool())


def test_batch_norm_hears_every_token_of_the_batch_later_ones_too():
    torch.manual_seed(0)
    norm, x = BatchNorm(6), torch.randn(2, 3, 6)
    assert reach(norm, x).all(), "a mean over the batch depends on all of it"
    alone = reach(norm.eval(), x)
    assert alone.flatten(2).flatten(0, 1).equal(torch.eye(6).bool())


def model_of(norm, seed=0):
    torch.manual_seed(seed)
    block = partial(TransformerBlock, norm=norm)
    return Transformer(ModelConfig(**SIZES), block=block, norm=norm)


@pytest.mark.parametrize("norm", [RMSNorm, LayerNorm, BatchNorm])
def test_a_model_with_batch_norm_sees_the_future_while_it_trains(norm):
    model, tokens = model_of(norm).train(), random_tokens(batch=1, length=5)
    future = influence(model, tokens)[0, :, 0].triu(1)
    assert (future.count_nonzero() > 0) == (norm is BatchNorm)
    future = influence(model.eval(), tokens)[0, :, 0].triu(1)
    assert future.count_nonzero() == 0


@pytest.mark.parametrize("norm", [RMSNorm, LayerNorm, BatchNorm])
def test_batch_norm_is_another_function_in_evaluation(norm):
    torch.manual_seed(0)
    layer, x = norm(6), 3 * torch.randn(4, 5, 6) + 1
    with torch.no_grad():
        training = layer.train()(x)
        same = torch.allclose(layer.eval()(x), training, atol=1e-5)
    assert same == (norm is not BatchNorm)


def test_batch_norm_equals_torchs_forward_and_backward():
    """Torch keeps n / (n - 1) times our running variance, the unbiased estimate."""
    torch.manual_seed(0)
    ours, theirs = BatchNorm(6, momentum=0.3), nn.BatchNorm1d(6, momentum=0.3)
    with torch.no_grad():
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            mine += torch.randn(6)
            other.copy_(mine)
    for _ in range(3):
        x = 2 * torch.randn(4, 5, 6) + 1
        results = []
        for norm, flat in ((ours, False), (theirs, True)):
            leaf = x.clone().requires_grad_()
            y = norm(leaf.flatten(0, 1) if flat else leaf).view(4, 5, 6)
            norm.zero_grad()
            y.square().sum().backward()
            results.append([y, leaf.grad, norm.weight.grad, norm.bias.grad])
        for left, right in zip(*results, strict=True):
            assert torch.allclose(left, right, atol=1e-4, rtol=1e-4)
    assert torch.allclose(ours.running_mean, theirs.running_mean, atol=1e-6)
    learned = [norm.running_var - 0.7**3 for norm in (ours, theirs)]
    assert torch.allclose(learned[0] * 20 / 19, learned[1], atol=1e-5)


def test_batch_norm_by_hand():
    """Two sequences of one token, (1, 10) and (5, 10): means (3, 10), variances (4, 0).

    With eps = 12 the roots are 4 and sqrt(12): (-1/2, 0) and (1/2, 0). With momentum
    1/4 the running mean moves from 0 to (0.75, 2.5), the variance from 1 to (1.75,
    0.75), so in evaluation (1, 10) becomes (0.25 / sqrt(13.75), 7.5 / sqrt(12.75)).
    """
    norm, x = BatchNorm(2, eps=12.0, momentum=0.25), torch.tensor([[1.0, 10], [5, 10]])
    y = norm(x[:, None])
    assert torch.allclose(y[:, 0], torch.tensor([[-0.5, 0.0], [0.5, 0.0]]))
    assert norm.running_mean.tolist() == [0.75, 2.5]
    assert norm.running_var.tolist() == [1.75, 0.75]
    later = norm.eval()(x[:1, None])[0, 0]
    expected = [0.25 / math.sqrt(13.75), 7.5 / math.sqrt(12.75)]
    assert torch.allclose(later, torch.tensor(expected))


# ------------------------------------------------------------ how it starts


@pytest.mark.parametrize("n_layers", [1, 8])
def test_each_matrix_starts_at_the_size_that_its_width_asks_for(n_layers):
    """The deviation of 10,000 numbers and more is known to about 1 %; 5 % is far."""
    torch.manual_seed(0)
    config = ModelConfig(
        vocab_size=500, d_model=96, n_layers=n_layers, n_heads=4, d_ff=200, d_head=32,
        qk_norm=True, qkv_bias=True, tie_embeddings=False,
    )  # fmt: skip
    for name, parameter in Transformer(config).named_parameters():
        if parameter.dim() == 1:
            expected = 0.0 if name.endswith("bias") else 1.0
            assert (parameter == expected).all(), name
            continue
        inputs = parameter.shape[1]
        writes = name.endswith(("out_proj.weight", "w2.weight"))
        expected = inputs**-0.5 / (math.sqrt(2 * n_layers) if writes else 1)
        assert parameter.std().item() == pytest.approx(expected, rel=0.05), name
        assert abs(parameter.mean().item()) < 0.05 * expected, name


# ---------------------------------------------------------- what it learns


@each_variant
def test_every_parameter_learns(variant):
    model, tokens = build(**VARIANTS[variant]), random_tokens(length=12)
    logits = model(tokens[:, :-1])
    F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.isfinite().all(), name
        size = parameter.grad.abs().max().item()
        # A key's bias shifts all scores of a query alike where nothing is rotated; the
        # rotation makes it count, though little.
        assert size > 1e-7, f"{name} gets no gradient"


def test_a_tied_matrix_gets_the_gradients_of_both_its_roles():
    tied = build()
    untied = build(tie_embeddings=False)
    weights = dict(tied.state_dict())
    untied.load_state_dict(weights | {"head.weight": weights["embedding.weight"]})
    tokens = random_tokens(length=12)
    for model in (tied, untied):
        logits = model(tokens[:, :-1])
        F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).backward()
    both = untied.embedding.weight.grad + untied.head.weight.grad
    assert torch.allclose(tied.embedding.weight.grad, both, atol=1e-6)


# ------------------------------------------------ padding and packed rows


@each_variant
def test_right_padding_changes_nothing_before_it(variant):
    model = build(**VARIANTS[variant])
    rows = [random_tokens(1, length, seed=length)[0] for length in (13, 7, 1)]
    padded = torch.stack([F.pad(row, (0, 13 - len(row)), value=5) for row in rows])
    with torch.no_grad():
        together = model(padded)
        for row, logits in zip(rows, together, strict=True):
            alone = model(row[None])[0]
            assert torch.allclose(logits[: len(row)], alone, atol=1e-5)


@each_variant
def test_a_packed_documents_logits_are_those_it_has_alone(variant):
    """Three documents in a row, each opened by token 0."""
    model = build(**VARIANTS[variant])
    row = torch.tensor([[0, 5, 9, 7, 0, 8, 0, 3, 3, 4, 6]])
    with torch.no_grad():
        packed = model(row, mask=document_mask(row, 0))
        alone = [model(row[:, a:b]) for a, b in ((0, 4), (4, 6), (6, 11))]
        heard = model(row)
    assert torch.allclose(packed, torch.cat(alone, dim=1), atol=1e-5)
    assert not torch.allclose(packed, heard, atol=1e-2)
