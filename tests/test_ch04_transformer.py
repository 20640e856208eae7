"""Chapter 4: norms, feed-forward, block and model.

Golden: worked by hand in the docstrings. Parity: torch's own norms, and a plain
reference of the whole model written below. Property: causality and independence by
gradients, counts, sizes, refusals.
"""

import json
import math
from dataclasses import FrozenInstanceError, asdict

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ch04_transformer.transformer import (
    LayerNorm,
    ModelConfig,
    RMSNorm,
    SwiGLUFeedForward,
    Transformer,
    TransformerBlock,
    main,
)

# Every size is different, so that no two axes can be taken for one another.
SIZES = dict(
    vocab_size=31, context_length=13, d_model=20, n_layers=3, n_heads=6, d_ff=28,
    n_kv_heads=2, d_head=8,
)  # fmt: skip
VARIANTS = {
    "plain": dict(n_kv_heads=None, d_head=None, n_heads=5),
    "grouped": {},
    "one key-value head": dict(n_kv_heads=1),
    "untied": dict(tie_embeddings=False),
    "window": dict(sliding_window=4),
    "qk_norm": dict(qk_norm=True),
    "qkv_bias": dict(qkv_bias=True),
    "llama3": dict(
        rope_theta=500.0,
        rope_scaling=dict(
            rope_type="llama3",
            factor=4.0,
            low_freq_factor=1.0,
            high_freq_factor=4.0,
            original_max_position_embeddings=8,
        ),
    ),
}
each_variant = pytest.mark.parametrize("variant", VARIANTS)


def build(seed=0, **changes):
    """A model whose every parameter is drawn, norms and biases too."""
    torch.manual_seed(seed)
    model = Transformer(ModelConfig(**{**SIZES, **changes}))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    return model.eval()


def random_tokens(batch=2, length=11, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(SIZES["vocab_size"], (batch, length), generator=generator)


def influence(model, tokens, **options):
    """How strongly logits (b, t) react to the embedding at (b', s): (B, T, B, T)."""
    seen = []
    hook = model.embedding.register_forward_hook(lambda *call: seen.append(call[2]))
    logits = model(tokens, **options)
    hook.remove()
    weights = torch.randn(logits.shape[-1])
    rows = [
        torch.autograd.grad(logits[b, t] @ weights, seen[0], retain_graph=True)[0]
        for b in range(tokens.shape[0])
        for t in range(tokens.shape[1])
    ]
    return torch.stack(rows).abs().sum(-1).view(*tokens.shape, *tokens.shape)


# ------------------------------------------------------------------- golden


def test_rms_norm_by_hand():
    """x = (1, 7): mean square (1 + 49) / 2 = 25, root 5, so (1/5, 7/5).

    With eps = 11 the root of 25 + 11 is 6: epsilon stands inside the root.
    """
    norm = RMSNorm(2, eps=0.0)
    assert torch.allclose(norm(torch.tensor([1.0, 7.0])), torch.tensor([0.2, 1.4]))
    norm.weight.data = torch.tensor([10.0, -1.0])
    assert torch.allclose(norm(torch.tensor([1.0, 7.0])), torch.tensor([2.0, -1.4]))
    inside = RMSNorm(2, eps=11.0)(torch.tensor([1.0, 7.0]))
    assert torch.allclose(inside, torch.tensor([1 / 6, 7 / 6]))


def test_layer_norm_by_hand():
    """x = (1, 7): mean 4, differences (-3, 3), variance 9, so (-1, 1).

    With eps = 7 the root of 9 + 7 is 4, so (-3/4, 3/4).
    """
    norm = LayerNorm(2, eps=0.0)
    assert norm(torch.tensor([1.0, 7.0])).tolist() == [-1.0, 1.0]
    norm.weight.data, norm.bias.data = (
        torch.tensor([2.0, 3.0]),
        torch.tensor([1.0, 0.5]),
    )
    assert norm(torch.tensor([1.0, 7.0])).tolist() == [-1.0, 3.5]
    inside = LayerNorm(2, eps=7.0)(torch.tensor([1.0, 7.0]))
    assert torch.allclose(inside, torch.tensor([-0.75, 0.75]))


def test_swiglu_by_hand():
    """silu(a) = a / (1 + e^-a), so silu(ln 3) = ln 3 / (1 + 1/3) = 3/4 ln 3.

    w1 x = (ln 3, 0), w3 x = (4 / ln 3, 5), gated = (3, 0), w2 gives 2 * 3 + 7 * 0 = 6
    in the first coordinate and -1 * 3 in the second.
    """
    layer = SwiGLUFeedForward(2, 2)
    layer.w1.weight.data = torch.tensor([[math.log(3), 9.0], [0.0, 9.0]])
    layer.w3.weight.data = torch.tensor([[4 / math.log(3), 9.0], [5.0, 9.0]])
    layer.w2.weight.data = torch.tensor([[2.0, 7.0], [-1.0, 7.0]])
    assert torch.allclose(layer(torch.tensor([1.0, 0.0])), torch.tensor([6.0, -3.0]))


def test_one_block_model_by_hand():
    """Two tokens, D = 2, F = 1; queries and keys are zero, so attention averages.

    embedding      (1, 7)                   (-1, -7)
    norm           (1/5, 7/5)               (-1/5, -7/5)
    attention      (1/5, 7/5)               their mean: (0, 0)
    x +            (6/5, 42/5)              (-1, -7)
    norm           (1/5, 7/5)               (-1/5, -7/5)
    silu(w1 .)     silu(ln 3) = 3/4 ln 3    silu(-ln 3) = -1/4 ln 3
    w3 .           4 / ln 3                 -4 / ln 3
    gated          3                        1
    w2 gated       (15.6, 8.4)              (5.2, 2.8)
    x +            (16.8, 16.8)             (4.2, -4.2)
    norm           (1, 1)                   (1, -1)
    logits         (1 + 7, -1 - 7, 2 - 3)   (1 - 7, -1 + 7, 2 + 3)
    """
    model = Transformer(
        ModelConfig(
            vocab_size=3, d_model=2, n_layers=1, n_heads=1, d_ff=1, norm_eps=1e-12
        )
    )
    log3 = math.log(3)
    weights = {
        "embedding": [[1.0, 7.0], [-1.0, -7.0], [2.0, -3.0]],
        "blocks.0.attention.q_proj": [[0.0, 0.0], [0.0, 0.0]],
        "blocks.0.attention.k_proj": [[0.0, 0.0], [0.0, 0.0]],
        "blocks.0.attention.v_proj": [[1.0, 0.0], [0.0, 1.0]],
        "blocks.0.attention.out_proj": [[1.0, 0.0], [0.0, 1.0]],
        "blocks.0.ffn.w1": [[5 * log3, 0.0]],
        "blocks.0.ffn.w3": [[0.0, 20 / (7 * log3)]],
        "blocks.0.ffn.w2": [[5.2], [2.8]],
    }
    for name, values in weights.items():
        model.get_submodule(name).weight.data = torch.tensor(values)
    tokens = torch.tensor([[0, 1]])
    hidden = torch.tensor([[[1.0, 1.0], [1.0, -1.0]]])
    assert torch.allclose(model.hidden(tokens), hidden, atol=1e-5)
    logits = torch.tensor([[[8.0, -8.0, -1.0], [-6.0, 6.0, 5.0]]])
    assert torch.allclose(model(tokens), logits, atol=1e-4)


# ------------------------------------------------------------------- parity


@pytest.mark.parametrize("eps", [1e-6, 1e-2])
@pytest.mark.parametrize(
    "ours, theirs", [(RMSNorm, nn.RMSNorm), (LayerNorm, nn.LayerNorm)]
)
def test_norms_equal_torchs_forward_and_backward(ours, theirs, eps):
    torch.manual_seed(0)
    mine, other = ours(20, eps=eps), theirs(20, eps=eps)
    for name, parameter in mine.named_parameters():
        parameter.data = torch.randn(20)
        other.get_parameter(name).data = parameter.data.clone()
    x = 0.1 * torch.randn(3, 7, 20) + 0.5
    results = []
    for norm in (mine, other):
        leaf = x.clone().requires_grad_()
        y = norm(leaf)
        y.square().sum().backward()
        results.append(
            [y, leaf.grad, *(p.grad for _, p in sorted(norm.named_parameters()))]
        )
    # The same formula summed in another order: a few units in the last place.
    for left, right in zip(*results, strict=True):
        assert torch.allclose(left, right, atol=1e-5, rtol=1e-4)


class Reference:
    """The whole model in plain steps, one position and one head at a time.

    Weights are looked up by name in a Transformer's state_dict; nothing else of the
    project is used.
    """

    def __init__(self, config, weights):
        self.config, self.weights = config, weights
        self.n_kv_heads = config.n_kv_heads or config.n_heads
        self.d_head = config.d_head or config.d_model // config.n_heads

    def norm(self, name, x):
        mean_square = (x * x).sum() / len(x)
        root = math.sqrt(mean_square + self.config.norm_eps)
        return self.weights[name] * x / root

    def turn(self, vector, position):
        half = self.d_head // 2
        turned = vector.clone()
        for i in range(half):
            angle = position * self.config.rope_theta ** (-2 * i / self.d_head)
            a, b = vector[i], vector[i + half]
            turned[i] = a * math.cos(angle) - b * math.sin(angle)
            turned[i + half] = a * math.sin(angle) + b * math.cos(angle)
        return turned

    def heads(self, name, x):
        return (self.weights[name] @ x).view(-1, self.d_head)

    def attention(self, name, xs):
        q = [self.heads(f"{name}.q_proj.weight", x) for x in xs]
        k = [self.heads(f"{name}.k_proj.weight", x) for x in xs]
        v = [self.heads(f"{name}.v_proj.weight", x) for x in xs]
        shared = self.config.n_heads // self.n_kv_heads
        for t in range(len(xs)):
            joined = []
            for h in range(self.config.n_heads):
                query = self.turn(q[t][h], t)
                keys = [self.turn(k[s][h // shared], s) for s in range(t + 1)]
                scores = [query @ key / math.sqrt(self.d_head) for key in keys]
                shares = torch.stack(scores).softmax(0)
                joined.append(sum(w * v[s][h // shared] for s, w in enumerate(shares)))
            yield self.weights[f"{name}.out_proj.weight"] @ torch.cat(joined)

    def feed_forward(self, name, x):
        w1, w2, w3 = (self.weights[f"{name}.w{i}.weight"] for i in (1, 2, 3))
        opened = w1 @ x
        return w2 @ (opened / (1 + torch.exp(-opened)) * (w3 @ x))

    def logits(self, tokens):
        xs = [self.weights["embedding.weight"][token] for token in tokens]
        for block in (f"blocks.{i}" for i in range(self.config.n_layers)):
            normed = [self.norm(f"{block}.attention_norm.weight", x) for x in xs]
            heard = self.attention(f"{block}.attention", normed)
            xs = [x + y for x, y in zip(xs, heard, strict=True)]
            normed = [self.norm(f"{block}.ffn_norm.weight", x) for x in xs]
            xs = [x + self.feed_forward(f"{block}.ffn", y) for x, y in zip(xs, normed)]
        head = self.weights.get("head.weight", self.weights["embedding.weight"])
        return torch.stack([head @ self.norm("norm.weight", x) for x in xs])


@pytest.mark.parametrize(
    "changes",
    [{}, dict(n_kv_heads=None, d_head=None, n_heads=5), dict(tie_embeddings=False)],
    ids=["grouped", "multi-head", "untied"],
)
def test_a_plain_reference_with_the_same_weights_gives_the_same_logits(changes):
    model = build(rope_theta=300.0, norm_eps=1e-3, **changes)
    tokens = random_tokens(length=13)
    reference = Reference(model.config, model.state_dict())
    with torch.no_grad():
        logits = model(tokens)
        plain = torch.stack([reference.logits(row.tolist()) for row in tokens])
    # Logits of a few units, float32 sums in another order over three layers.
    assert logits.abs().max() > 1
    assert torch.allclose(logits, plain, atol=1e-4)


# ----------------------------------------------------------------- property


@each_variant
def test_future_tokens_cannot_change_past_logits(variant):
    model, tokens = build(**VARIANTS[variant]), random_tokens(batch=1, length=9)
    reacts = influence(model, tokens)[0, :, 0]  # (T, T)
    assert reacts.triu(1).count_nonzero() == 0
    past = reacts.tril() > 0
    reach = 9
    if model.config.sliding_window:
        # Each layer hears from window - 1 positions farther back than the one below.
        reach = model.config.n_layers * (model.config.sliding_window - 1) + 1
    assert past.tolist() == torch.ones(9, 9).tril().triu(1 - reach).bool().tolist()


def test_sequences_of_a_batch_do_not_hear_each_other():
    reacts = influence(build(), random_tokens(batch=3, length=5)).sum((1, 3))  # (B, B)
    assert (reacts > 0).tolist() == torch.eye(3).bool().tolist()


@each_variant
def test_a_batch_gives_what_its_rows_give_alone(variant):
    model, tokens = build(**VARIANTS[variant]), random_tokens(batch=3)
    with torch.no_grad():
        together, alone = model(tokens), [model(row[None])[0] for row in tokens]
    # Other tile sizes of the matrix product round differently.
    assert torch.allclose(together, torch.stack(alone), atol=1e-5)


@each_variant
def test_a_prefix_gives_the_same_logits_as_the_whole(variant):
    model, tokens = build(**VARIANTS[variant]), random_tokens(length=13)
    with torch.no_grad():
        whole = model(tokens)
        for length in (1, 6, 13):
            prefix = model(tokens[:, :length])
            assert torch.allclose(prefix, whole[:, :length], atol=1e-5)


class ListCache:
    """The simplest thing that keeps the protocol: lists, joined at each step."""

    def __init__(self):
        self.keys, self.values = [], []

    def append(self, k, v):
        self.keys.append(k)
        self.values.append(v)
        return torch.cat(self.keys, dim=2), torch.cat(self.values, dim=2)


class ListCaches(list):
    @property
    def length(self):
        return sum(k.shape[2] for k in self[0].keys)


@each_variant
def test_a_cache_changes_nothing(variant):
    model, tokens = build(**VARIANTS[variant]), random_tokens(length=12)
    cache = ListCaches(ListCache() for _ in model.blocks)
    with torch.no_grad():
        parts = [model(part, cache=cache) for part in tokens.split([5, 1, 4, 2], dim=1)]
        assert torch.allclose(torch.cat(parts, dim=1), model(tokens), atol=1e-5)


def test_only_distances_matter_not_where_counting_begins():
    model, tokens = build(), random_tokens()
    with torch.no_grad():
        here = model(tokens)
        later = model(tokens, positions=torch.arange(100, 111))
        apart = model(tokens, positions=torch.arange(0, 22, 2))
    # Sines of 100 radians have lost two of seven digits.
    assert torch.allclose(here, later, atol=1e-3)
    assert not torch.allclose(here, apart, atol=1e-1)


def test_a_mask_narrows_what_may_be_seen():
    model, tokens = build(), random_tokens(batch=1, length=6)
    mask = torch.ones(6, 6, dtype=torch.bool)
    mask[3:, :3] = False  # two documents of three tokens
    reacts = influence(model, tokens, mask=mask)[0, :, 0] > 0
    blocks = torch.block_diag(torch.ones(3, 3), torch.ones(3, 3)).tril().bool()
    assert reacts.tolist() == blocks.tolist()
    with torch.no_grad():
        packed, alone = model(tokens, mask=mask)[:, 3:], model(tokens[:, 3:])
    assert torch.allclose(packed, alone, atol=1e-5)


def test_parameter_names_are_those_of_the_design():
    block = [
        "attention_norm.weight",
        "attention.q_proj.weight",
        "attention.k_proj.weight",
        "attention.v_proj.weight",
        "attention.out_proj.weight",
        "ffn_norm.weight",
        "ffn.w1.weight",
        "ffn.w2.weight",
        "ffn.w3.weight",
    ]
    names = {f"blocks.{i}.{name}" for i in range(3) for name in block}
    names |= {"embedding.weight", "norm.weight"}
    assert set(build().state_dict()) == names
    assert set(build(tie_embeddings=False).state_dict()) == names | {"head.weight"}


@settings(max_examples=40, deadline=None)
@given(
    vocab_size=st.integers(1, 99), d_model=st.integers(1, 40), d_ff=st.integers(1, 50),
    n_layers=st.integers(1, 4), n_kv_heads=st.sampled_from([None, 1, 2, 3, 6]),
    d_head=st.sampled_from([2, 4, 10]), qk_norm=st.booleans(), qkv_bias=st.booleans(),
    tie_embeddings=st.booleans(),
)  # fmt: skip
def test_the_formula_counts_every_parameter(**sizes):
    config = ModelConfig(n_heads=6, **sizes)
    with torch.device("meta"):
        model = Transformer(config)
    assert config.n_params() == sum(p.numel() for p in model.parameters())


def test_the_formula_by_hand():
    """V = 5, D = 4, F = 3, one layer, two heads of two, tied.

    Embedding 5 * 4 = 20; attention 4 matrices of 4 * 4 = 64; feed-forward 3 of 4 * 3 =
    36; three norms of 4 = 12. Together 132; an untied head adds 20.
    """
    sizes = dict(vocab_size=5, d_model=4, d_ff=3, n_layers=1, n_heads=2)
    assert ModelConfig(**sizes).n_params() == 132
    assert ModelConfig(**sizes, tie_embeddings=False).n_params() == 152


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("n_layers", [1, 4, 12])
def test_a_fresh_model_is_near_ln_v(tied, n_layers):
    """Logits are drawn with variance 1, so ln(mean e^logit) adds 1/2 to ln V."""
    torch.manual_seed(0)
    config = ModelConfig(
        vocab_size=2048, d_model=128, n_layers=n_layers, tie_embeddings=tied
    )
    model = Transformer(config)
    tokens = torch.randint(2048, (8, 65))
    with torch.no_grad():
        logits = model(tokens[:, :-1])
    loss = F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).item()
    assert loss == pytest.approx(math.log(2048) + 0.5, abs=0.15)


def test_the_residual_stream_keeps_its_size_at_any_depth():
    """What 2L layers add is drawn smaller by sqrt(2L), so the sum does not grow."""
    sizes, tokens = [], torch.randint(512, (2, 64))
    for n_layers in (2, 8, 32):
        torch.manual_seed(0)
        config = ModelConfig(vocab_size=512, d_model=64, n_layers=n_layers, d_ff=176)
        last = []
        model = Transformer(config)
        model.blocks[-1].register_forward_hook(
            lambda *call, to=last: to.append(call[2])
        )
        with torch.no_grad():
            model(tokens)
        sizes.append(last[0].square().mean().sqrt().item())
    assert max(sizes) / min(sizes) < 1.4


def test_equal_seeds_give_equal_models():
    assert all(map(torch.equal, build(3).parameters(), build(3).parameters()))
    assert not torch.equal(build(3).embedding.weight, build(4).embedding.weight)


def test_a_block_that_adds_nothing_is_the_identity():
    block = TransformerBlock(ModelConfig(**SIZES))
    nn.init.zeros_(block.attention.out_proj.weight)
    nn.init.zeros_(block.ffn.w2.weight)
    x = torch.randn(2, 5, 20)
    assert block(x).equal(x)


def test_feed_forward_sees_one_position_at_a_time():
    layer, x = SwiGLUFeedForward(20, 28), torch.randn(2, 5, 20)
    alone = torch.stack([layer(x[:, t]) for t in range(5)], dim=1)
    assert torch.allclose(layer(x), alone, atol=1e-6)


def test_norms_forget_what_they_should():
    x = torch.randn(4, 20)
    rms, layer = RMSNorm(20), LayerNorm(20)
    assert torch.allclose(rms(1000 * x), rms(x), atol=1e-5)
    assert not torch.allclose(rms(x + 3), rms(x), atol=1e-1)
    assert torch.allclose(layer(1000 * x + 3), layer(x), atol=1e-3)


@pytest.mark.parametrize("norm", [RMSNorm, LayerNorm])
def test_norms_compute_in_float32(norm):
    """In float16 the square of 300 would be infinite, and the output 0."""
    x = torch.tensor([300.0, -300.0], dtype=torch.float16)
    y = norm(2).to(torch.float16)(x)
    assert y.dtype == torch.float16 and y.tolist() == [1.0, -1.0]


def test_tied_embeddings_learn_from_both_ends():
    tied, untied = build(), build(tie_embeddings=False)
    assert tied.output_weight() is tied.embedding.weight
    assert untied.output_weight() is untied.head.weight
    tokens = torch.tensor([[1, 2, 3]])
    for model in (tied, untied):
        F.cross_entropy(model(tokens)[0], torch.tensor([2, 3, 4])).backward()
    rows = [
        m.embedding.weight.grad.abs().sum(1).count_nonzero() for m in (tied, untied)
    ]
    assert rows == [31, 3]  # every token competes in the head, three are looked up


def test_hidden_is_what_the_head_reads():
    model, tokens = build(tie_embeddings=False), random_tokens()
    with torch.no_grad():
        hidden = model.hidden(tokens)
        assert hidden.shape == (2, 11, 20)
        assert torch.allclose(hidden @ model.head.weight.T, model(tokens), atol=1e-6)


def test_other_parts_fit_into_the_same_block():
    """GPT-2's norm and feed-forward layer, injected."""

    class Plain(nn.Sequential):
        def __init__(self, d_model, d_ff):
            up, down = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)
            super().__init__(up, nn.GELU(), down)

    def block(config):
        return TransformerBlock(config, norm=LayerNorm, feed_forward=Plain)

    torch.manual_seed(0)
    model = Transformer(ModelConfig(**SIZES), block=block, norm=LayerNorm)
    kinds = {type(part) for part in model.modules()}
    assert {LayerNorm, Plain} <= kinds and RMSNorm not in kinds
    assert model.norm.eps == model.config.norm_eps
    reacts = influence(model, random_tokens(batch=1, length=5))[0, :, 0]
    assert reacts.triu(1).count_nonzero() == 0 and (reacts.tril() > 0).sum() == 15


# ----------------------------------------------------------------- refusals


def test_a_config_survives_json():
    config = ModelConfig(**{**SIZES, **VARIANTS["llama3"]})
    assert ModelConfig.from_dict(json.loads(json.dumps(asdict(config)))) == config
    with pytest.raises(FrozenInstanceError):
        config.d_model = 5


LLAMA3 = VARIANTS["llama3"]["rope_scaling"]
BAD = {
    "d_model 10 is not a multiple of n_heads 4": dict(d_model=10),
    "n_heads 4 is not a multiple of n_kv_heads 3": dict(n_kv_heads=3),
    "n_heads is 0; it must be positive": dict(n_heads=0),
    "n_kv_heads is 0; it must be positive": dict(n_kv_heads=0),
    "vocab_size is -1; it must be positive": dict(vocab_size=-1),
    "norm_eps is 0.0; it must be positive": dict(norm_eps=0.0),
    "sliding_window is 0; it must be positive": dict(sliding_window=0),
    "d_ff is '64'; it must be of type int": dict(d_ff="64"),
    "n_layers is 2.5; it must be of type int": dict(n_layers=2.5),
    "rope_theta is None; it must be of type float": dict(rope_theta=None),
    "tie_embeddings is 'no'; it must be of type bool": dict(tie_embeddings="no"),
    "rope_type is 'longrope', but only default, linear, llama3, ntk, yarn": dict(
        rope_scaling=dict(rope_type="longrope", factor=2.0)
    ),
    "'factor' is missing": dict(rope_scaling=dict(rope_type="linear")),
    "'beta_fast' is not known": dict(rope_scaling=LLAMA3 | dict(beta_fast=32)),
}


@pytest.mark.parametrize("message", BAD)
def test_an_impossible_config_is_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        ModelConfig(**BAD[message])


def test_an_unknown_config_key_is_refused_by_name():
    with pytest.raises(
        ValueError, match="unknown config key 'n_layer' for ModelConfig"
    ):
        ModelConfig.from_dict(dict(n_layer=4))


def test_an_odd_head_is_refused():
    with pytest.raises(
        ValueError, match="d_head is 5, but rotary positions need an even"
    ):
        Transformer(ModelConfig(d_head=5))


def test_the_command_counts_parameters(capsys):
    assert main(["--n-layers", "2", "--d-model", "64", "--vocab-size", "100"]) == 0
    lines = capsys.readouterr().out.splitlines()
    counts = [int(line.split()[-1].replace(",", "")) for line in lines[1:]]
    assert json.loads(lines[0])["n_layers"] == 2
    assert sum(counts[:-1]) == counts[-1]


def test_the_command_refuses_bad_sizes_in_one_line(capsys):
    assert main(["--n-heads", "7"]) == 2
    assert capsys.readouterr().err == (
        "error: d_model 128 is not a multiple of n_heads 7\n"
    )
