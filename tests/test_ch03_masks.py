"""Chapter 3: who may hear whom, in every variant of attention.

Causality is shown by gradients: the derivative of a logit with respect to what the
model is given at a later place is zero, not small; and at every permitted place it is
not zero, or nothing would have been shown.
"""

from functools import partial

import pytest
import torch
import torch.nn.functional as F

from ch03_attention import sinks
from ch03_attention.attention import (
    CausalSelfAttention,
    attention_weights,
    causal_mask,
    document_mask,
)
from ch03_attention.flash import flash_attend, flash_attention
from ch03_attention.positions import document_positions
from ch03_attention.rope_scaling import example_scalings
from ch03_attention.sinks import SinkCache, sink_share, window_with_sinks
from ch04_transformer.transformer import RMSNorm, TransformerBlock
from tests.positioned import INTERLEAVED, KINDS, ROUNDING, build, some_tokens

close = partial(torch.testing.assert_close, **ROUNDING)

T = 11
PAST = torch.ones(T, T, dtype=torch.bool).tril()
NEAR = PAST.triu(-2)  # a window of three
FIRST = PAST & (torch.arange(T) == 0)
# One row of three documents: token 0 opens one, so they have 4, 2 and 5 tokens.
PACKED = torch.tensor([[0, 5, 6, 7, 0, 8, 0, 9, 5, 6, 7]])
APART = document_mask(PACKED, 0)
SAME = APART[0, 0] & PAST


def attention_of(**fixed):
    """A block whose attention is given more than a config says."""

    def make(*sizes, **options):
        return CausalSelfAttention(*sizes, **{**options, **fixed})

    return dict(block=partial(TransformerBlock, attention=make))


FUSED = partial(F.scaled_dot_product_attention, enable_gqa=True)
TILES = attention_of(attend=partial(flash_attend, block_size=4))  # 4 + 4 + 3 tokens
# name: (parts, config, mask of the caller, who may hear whom)
VARIANTS = {
    "multi-head": ({}, dict(n_kv_heads=None), None, PAST),
    "grouped": ({}, {}, None, PAST),
    "multi-query": ({}, dict(n_kv_heads=1), None, PAST),
    "wide heads": ({}, dict(d_head=10), None, PAST),
    "window": ({}, dict(sliding_window=3), None, NEAR),
    "sinks": ({}, {}, window_with_sinks(T, T, 3, 1), NEAR | FIRST),
    "documents": ({}, {}, APART, SAME),
    "documents and window": ({}, dict(sliding_window=3), APART, SAME & NEAR),
    "qk norm": ({}, dict(qk_norm=True), None, PAST),
    "biases": (attention_of(out_bias=True), dict(qkv_bias=True), None, PAST),
    "fused": (attention_of(attend=FUSED), {}, None, PAST),
    "tiles": (TILES, {}, None, PAST),
    "tiles and window": (TILES, dict(sliding_window=3), None, NEAR),
    "tiles and documents": (TILES, {}, APART, SAME),
    "interleaved": (INTERLEAVED, {}, None, PAST),
    **{f"positions: {name}": (parts, {}, None, PAST) for name, parts in KINDS.items()},
    **{
        f"scaling: {name}": ({}, dict(rope_scaling=scaling), None, PAST)
        for name, scaling in example_scalings(4.0, 4).items()
    },
}  # fmt: skip


def influence(model, tokens, **options):
    """Return how strongly logits at t react to the embedding at s: (T, T)."""
    seen = []
    hook = model.embedding.register_forward_hook(lambda *call: seen.append(call[2]))
    logits = model(tokens, **options)
    hook.remove()
    weights = torch.randn(logits.shape[-1], generator=torch.Generator().manual_seed(0))
    rows = []
    for t in range(tokens.shape[1]):
        (gradient,) = torch.autograd.grad(
            (logits[:, t] @ weights).sum(), seen[0], retain_graph=True
        )
        rows.append(gradient.abs().sum(dim=(0, 2)))
    return torch.stack(rows)


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_logit_feels_a_later_token_and_each_feels_all_it_may(variant):
    parts, config, mask, permitted = VARIANTS[variant]
    shallow = influence(build(parts, n_layers=1, **config), PACKED, mask=mask)
    assert torch.equal(shallow > 0, permitted)
    # Through two layers a token hears what its neighbours have heard.
    deep = influence(build(parts, n_layers=2, **config), PACKED, mask=mask)
    assert torch.equal(deep > 0, (permitted.float() @ permitted.float()) > 0)
    assert deep.triu(1).count_nonzero() == 0


@pytest.mark.parametrize("block_size", [1, 2, 3, 4, 16])
def test_behind_a_cache_no_query_of_the_tiles_feels_a_later_key(block_size):
    """5 queries are the last of 9 positions: query t feels the first 5 + t keys."""
    torch.manual_seed(0)
    q, k, v = torch.randn(2, 4, 5, 6), torch.randn(2, 2, 9, 6), torch.randn(2, 2, 9, 6)
    inputs = [x.requires_grad_() for x in (q, k, v)]
    out = flash_attention(*inputs, block_size=block_size)
    slope = torch.randn(6)
    for t in range(5):
        felt = torch.autograd.grad(
            (out[:, :, t] @ slope).sum(), inputs, retain_graph=True
        )
        by_q, by_k, by_v = (gradient.abs().sum(dim=(0, 1, 3)) > 0 for gradient in felt)
        assert by_q.tolist() == [t == place for place in range(5)]
        assert by_k.tolist() == by_v.tolist() == [s < 5 + t for s in range(9)]


# Documents that share a row

RELATIVE = {
    name: (parts, config)
    for name, (parts, config, mask, _) in VARIANTS.items()
    if mask is None and name not in ("positions: learned", "positions: sinusoidal")
}
ABSOLUTE = [f"positions: {kind}" for kind in ("learned", "sinusoidal")]
CUTS = ((0, 4), (4, 6), (6, 11))


def alone(model):
    """Return the logits of each packed document read by itself, joined again."""
    return torch.cat([model(PACKED[:, a:b]) for a, b in CUTS], dim=1)


@pytest.mark.parametrize("variant", RELATIVE)
def test_a_packed_document_gives_what_it_gives_alone(variant):
    """To 1e-5: positions differ, but only distances count where they are relative."""
    parts, config = RELATIVE[variant]
    model = build(parts, **config)
    packed = model(PACKED, mask=APART)
    close(packed, alone(model))
    assert not torch.allclose(packed, model(PACKED), atol=1e-2), "nothing was kept out"


@pytest.mark.parametrize("variant", ABSOLUTE)
@pytest.mark.parametrize("window", [None, 3])
def test_absolute_positions_must_begin_anew_in_each_document(variant, window):
    """The second document's first token stands at 4 in the row, and at 0 alone."""
    model = build(VARIANTS[variant][0], sliding_window=window)
    restarted = document_positions(PACKED, 0)
    close(model(PACKED, mask=APART, positions=restarted), alone(model))
    counted_on = model(PACKED, mask=APART)
    close(counted_on[:, :4], alone(model)[:, :4])
    assert not torch.allclose(counted_on[:, 4:], alone(model)[:, 4:], atol=1e-2)


def test_sinks_belong_to_the_row_and_not_to_its_documents():
    """Kept apart, a later document has lost its own first token with the window."""
    model, mask = build({}), window_with_sinks(T, T, 3, 1)
    packed = model(PACKED, mask=APART & mask)
    single = [
        model(PACKED[:, a:b], mask=window_with_sinks(b - a, b - a, 3, 1))
        for a, b in CUTS
    ]
    close(packed[:, :4], single[0])
    assert not torch.allclose(packed[:, 6:], single[2], atol=1e-2)


# Sinks


def test_a_window_with_sinks_by_hand():
    """A window of 2 and one sink; below, the last two queries with a cache."""

    def draw(mask):
        return ["".join("x" if seen else "." for seen in row) for row in mask.tolist()]

    expected = ["x....", "xx...", "xxx..", "x.xx.", "x..xx"]
    assert draw(window_with_sinks(5, 5, 2, 1)) == expected
    assert draw(window_with_sinks(2, 5, 2, 1)) == expected[3:]
    assert draw(window_with_sinks(2, 5, 2, 0)) == draw(causal_mask(2, 5, 2))
    assert draw(window_with_sinks(3, 3, 1, 9)) == ["x..", "xx.", "xxx"]


def test_the_share_of_the_first_token_by_hand():
    """Two heads, three queries; the first query has no choice and is left out.

    Head 0 gives the first token 0.5 and 0.25 of its weight, 0.375 in the mean; head 1
    gives it 1 and 0, 0.5 in the mean.
    """
    weights = torch.tensor(
        [
            [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.25, 0.25, 0.5]],
            [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.5, 0.5]],
        ]
    )[None]
    assert sink_share(weights).tolist() == [0.375, 0.5]
    cached = weights[:, :, 1:]  # with a cache all of the queries have a choice
    assert sink_share(cached).tolist() == [0.375, 0.5]


def test_a_head_that_asks_for_nothing_shares_evenly():
    weights = attention_weights(torch.zeros(2, 3, 5, 4), torch.randn(2, 3, 5, 4),
                                causal_mask(5, 5))  # fmt: skip
    fair = (1 / 2 + 1 / 3 + 1 / 4 + 1 / 5) / 4
    close(sink_share(weights), torch.full((3,), fair))


FORMS = {
    "grouped": dict(n_kv_heads=2),
    "yarn": dict(rope_scaling=example_scalings(4.0, 8)["yarn"]),
    "qk norm": dict(qk_norm=RMSNorm),
}


@pytest.mark.parametrize("form", FORMS)
def test_sinks_follow_the_window_as_if_nothing_lay_between(form):
    """One layer, whose keys depend on their own tokens only: step 20 hears tokens 0, 1,
    and 16 to 20, as an unbroken text of seven would."""
    torch.manual_seed(0)
    layer = CausalSelfAttention(24, 4, **FORMS[form])
    x, cache = torch.randn(2, 21, 24), SinkCache(2, 5, layer.frequencies)
    for t in range(21):
        y = layer(x[:, t : t + 1], positions=torch.tensor([t]), cache=cache)
        kept = torch.cat((x[:, : min(2, t + 1)], x[:, max(2, t - 4) : t + 1]), dim=1)
        close(y, layer(kept)[:, -1:])
    mask = window_with_sinks(21, 21, 5, 2)
    assert not torch.allclose(y, layer(x, mask=mask)[:, -1:], atol=1e-3), "far sinks"


def test_until_it_is_full_a_cache_with_sinks_changes_nothing():
    model, tokens = build({}), some_tokens()
    caches = [SinkCache(2, 9, block.attention.frequencies) for block in model.blocks]
    with torch.no_grad():
        first = model(tokens[:, :8], positions=torch.arange(8), cache=caches)
        rest = model(tokens[:, 8:], positions=torch.arange(8, 11), cache=caches)
        close(torch.cat((first, rest), dim=1), model(tokens))


def test_a_cache_with_sinks_never_grows():
    cache = SinkCache(1, 3, torch.ones(2))
    for t in range(9):
        token = torch.full((1, 1, 1, 4), float(t))
        k, v = cache.append(token, token)
        assert k.shape == v.shape == (1, 1, min(t + 1, 4), 4)
    assert v[0, 0, :, 0].tolist() == [0, 6, 7, 8]


def test_impossible_sinks_are_refused():
    with pytest.raises(ValueError, match="n_sinks is -1"):
        window_with_sinks(3, 3, 2, -1)
    with pytest.raises(ValueError, match="sliding_window is 0"):
        window_with_sinks(3, 3, 0, 1)
    with pytest.raises(ValueError, match="1 key: only from 2 on"):
        sink_share(torch.ones(1, 1, 1, 1))
    with pytest.raises(ValueError, match="n_sinks 0 and sliding_window 4: 1 is"):
        SinkCache(0, 4, torch.ones(2))
    cache = SinkCache(1, 3, torch.ones(2))
    with pytest.raises(ValueError, match="5 tokens at once do not fit .* of 4"):
        cache.append(torch.ones(1, 1, 5, 4), torch.ones(1, 1, 5, 4))
    cache.append(torch.ones(1, 1, 3, 4), torch.ones(1, 1, 3, 4))
    with pytest.raises(ValueError, match="2 tokens at once"):
        cache.append(torch.ones(1, 1, 2, 4), torch.ones(1, 1, 2, 4))


def test_the_command_draws_both_masks(capsys):
    assert sinks.main(["--tokens", "4", "--sliding-window", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[4] == ". . x x" and lines[9] == "x . x x"
    assert sinks.main(["--sliding-window", "0"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


# QK-norm


def test_normed_queries_and_keys_bound_every_score_by_hand():
    """With scales of 1 a normed vector of width 6 has length sqrt(6), and rotation
    keeps it: a score is at most sqrt(6) sqrt(6) / sqrt(6) = 2.45, however loud x is."""
    torch.manual_seed(0)
    layer = CausalSelfAttention(24, 4, qk_norm=RMSNorm)
    for loud in (1.0, 1e4):
        x = loud * torch.randn(2, 7, 24)
        q, k, _ = layer.queries_keys_values(x, torch.arange(7))
        scores = q @ k.transpose(-2, -1) / 6**0.5
        assert scores.abs().max() < 6**0.5 + 1e-4
    assert q.norm(dim=-1).sub(6**0.5).abs().max() < 1e-3
