"""Chapter 4: multi-head latent attention.

Golden: three tokens worked by hand, and DeepSeek-V2's cache. Parity: DeepSeek-V2's and
-V3's attention in transformers. Property: absorbed equals expanded, causality by
gradients, a cache of latents changes nothing.
"""

import math
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import DeepseekV2Config, DeepseekV3Config
from transformers.models.deepseek_v2 import modeling_deepseek_v2 as v2
from transformers.models.deepseek_v3 import modeling_deepseek_v3 as v3

from ch03_attention.attention import causal_mask, document_mask
from ch04_transformer.choices import from_stream, influences
from ch04_transformer.latent_attention import (
    LatentAttention,
    attend_absorbed,
    attend_expanded,
    cache_numbers,
    main,
)
from ch04_transformer.transformer import ModelConfig, Transformer, TransformerBlock
from ch06_generation.generation import KVCache, LayerKVCache, generate

FORMS = {"expanded": attend_expanded, "absorbed": attend_absorbed}
each_form = pytest.mark.parametrize("form", FORMS)
SETTINGS = {
    "plain": {},
    "queries compressed": dict(query_rank=10),
    "window": dict(sliding_window=3),
    "stretched": dict(rope_scaling=dict(rope_type="linear", factor=4.0)),
}
each_setting = pytest.mark.parametrize("setting", SETTINGS)


def layer(seed: int = 0, **options) -> LatentAttention:
    """D = 20, H = 3, Dh = 8, R = 12, rotary width 6: every size is another."""
    torch.manual_seed(seed)
    sizes = dict(d_head=8, rank=12, rotary_width=6)
    made = LatentAttention(20, 3, **{**sizes, **options})
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return made.eval()


def twin(made: LatentAttention, **options) -> LatentAttention:
    """The same weights in a layer with other options."""
    other = layer(seed=9, **options)
    other.load_state_dict(made.state_dict())
    return other


# ------------------------------------------------------------------- golden


@each_form
def test_three_tokens_by_hand(form):
    """Numbers 2, -3 and 5, one head of width 1, a latent of width 1, no position.

    latent      the normed numbers: 1, -1, 1
    keys        a = sqrt(3) ln(3) / 10 times the latent
    queries     the numbers themselves; scores are divided by sqrt(1 + 2)
    token 3     scores 5a / sqrt(3) = ln(3) / 2, -ln(3) / 2 and ln(3) / 2,
                powers sqrt(3), 1 / sqrt(3), sqrt(3): shares 3/7, 1/7, 3/7
    values      7 times the latent: 7, -7, 7, so token 3 hears 3 - 1 + 3 = 5
    token 2     scores -3 ln(3) / 10 and 3 ln(3) / 10
    """
    made = LatentAttention(1, 1, rank=1, rotary_width=2, attend=FORMS[form])
    with torch.no_grad():
        made.kv_down.weight.fill_(1.0)
        made.k_rotary.weight.zero_()
        made.q_proj.weight.copy_(torch.tensor([[1.0], [4.0], [9.0]]))
        made.k_up.weight.fill_(math.sqrt(3) * math.log(3) / 10)
        made.v_up.weight.fill_(7.0)
        made.out_proj.weight.fill_(1.0)
        y = made(torch.tensor([[[2.0], [-3.0], [5.0]]]))[0, :, 0].tolist()
    odds = 3**0.6
    assert y[0] == pytest.approx(7, abs=1e-4)
    assert y[1] == pytest.approx(7 * (1 - odds) / (1 + odds), abs=1e-4)
    assert y[2] == pytest.approx(5, abs=1e-4)


def test_the_cache_of_deepseek_v2_by_hand():
    """512 + 64 = 576 numbers a token and layer; 128 heads of 128 would keep 32,768.

    As much would be kept by 576 / (2 * 128) = 2.25 groups: DeepSeek-V2's table 1.
    """
    numbers = cache_numbers(128, 8, 128, rank=512, rotary_width=64)
    assert list(numbers.values()) == [32_768, 2_048, 256, 576]
    assert numbers["latent"] / cache_numbers(1, 1, 128, 1, 1)["grouped, 1"] == 2.25


# ------------------------------------------------------------------- parity


def copied(theirs: torch.nn.Module, query_rank: int | None) -> LatentAttention:
    """Our layer with DeepSeek's weights, which lie in two joined matrices."""
    ours = layer(query_rank=query_rank, rope_theta=500.0)
    down = theirs.kv_a_proj_with_mqa.weight
    up = theirs.kv_b_proj.weight.view(3, 16, 12)
    weights = {
        "kv_down": down[:12],
        "k_rotary": down[12:],
        "kv_norm": theirs.kv_a_layernorm.weight,
        "k_up": up[:, :8].flatten(0, 1),
        "v_up": up[:, 8:].flatten(0, 1),
        "out_proj": theirs.o_proj.weight,
    }
    if query_rank:
        weights |= {
            "q_down": theirs.q_a_proj.weight,
            "q_norm": theirs.q_a_layernorm.weight,
            "q_proj": theirs.q_b_proj.weight,
        }
    else:
        weights["q_proj"] = theirs.q_proj.weight
    state = {f"{name}.weight": weight.detach() for name, weight in weights.items()}
    ours.load_state_dict(state)
    return ours


@each_form
@pytest.mark.parametrize("query_rank", [None, 10])
@pytest.mark.parametrize("version", [2, 3])
def test_equals_deepseeks_attention(version, query_rank, form):
    kind, module = [(DeepseekV2Config, v2), (DeepseekV3Config, v3)][version - 2]
    config = kind(
        hidden_size=21,
        num_attention_heads=3,
        num_key_value_heads=3,
        kv_lora_rank=12,
        q_lora_rank=query_rank,
        qk_nope_head_dim=8,
        qk_rope_head_dim=6,
        v_head_dim=8,
        rope_parameters=dict(rope_type="default", rope_theta=500.0),
        attn_implementation="eager",
    )
    config.hidden_size = 20  # ours shows that heads need not fill the width
    torch.manual_seed(0)
    name = f"DeepseekV{version}Attention"
    theirs = getattr(module, name)(config, layer_idx=0).eval()
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    turns = getattr(module, f"DeepseekV{version}RotaryEmbedding")(config)
    x, positions = torch.randn(2, 7, 20), torch.arange(3, 10)
    hidden = torch.zeros(7, 7).masked_fill(~causal_mask(7, 7), -math.inf)
    with torch.no_grad():
        expected = theirs(
            x,
            attention_mask=hidden,
            position_embeddings=turns(x, positions[None]),
        )[0]
        ours = twin(
            copied(theirs, query_rank),
            attend=FORMS[form],
            query_rank=query_rank,
            rope_theta=500.0,
        )
        found = ours(x, positions=positions)
    scale = expected.abs().max().item()
    assert scale > 1
    assert torch.allclose(found, expected, atol=1e-5 * scale)


# ----------------------------------------------------------------- property


@each_setting
def test_absorbed_equals_expanded_forward_and_backward(setting):
    made, results = layer(**SETTINGS[setting]), []
    for attend in FORMS.values():
        other = twin(made, attend=attend, **SETTINGS[setting])
        x = torch.randn(2, 7, 20, generator=torch.Generator().manual_seed(1))
        y = other(x.requires_grad_())
        y.square().sum().backward()
        gradients = [p.grad for p in other.parameters()]
        results.append([y, x.grad, *gradients])
    # Products of three matrices in another order, relative to the largest number.
    for left, right in zip(*results, strict=True):
        assert torch.allclose(left, right, atol=2e-5 * float(left.detach().abs().max()))


@each_form
@each_setting
def test_the_future_is_not_heard(setting, form):
    made = layer(**SETTINGS[setting], attend=FORMS[form])
    reacts = influences(made, torch.randn(2, 6, 20))
    window = SETTINGS[setting].get("sliding_window")
    for row in range(2):
        assert (reacts[row, :, row] > 0).equal(causal_mask(6, 6, window))
        assert not reacts[row, :, 1 - row].any()


def test_only_distances_between_tokens_matter():
    made, x = layer(), torch.randn(2, 5, 20)
    with torch.no_grad():
        here = made(x, positions=torch.arange(5))
        there = made(x, positions=torch.arange(100, 105))
        apart = made(x, positions=3 * torch.arange(5))
    # Angles of a hundred radians are rounded to 1e-5.
    assert torch.allclose(here, there, atol=1e-4)
    assert not torch.allclose(here, apart, atol=1e-2)


def empty_cache(made: LatentAttention, batch: int, capacity: int) -> LayerKVCache:
    """Chapter 6's cache with a latent and a rotary key in place of keys and values."""
    shapes = ((batch, n, capacity, width) for n, width in made.cache_shapes())
    return LayerKVCache(*map(torch.zeros, shapes))


@each_form
@each_setting
def test_a_cache_of_latents_changes_nothing(setting, form):
    made = layer(**SETTINGS[setting], attend=FORMS[form])
    x, cache, parts = torch.randn(2, 9, 20), None, []
    cache = empty_cache(made, 2, 9)
    with torch.no_grad():
        whole = made(x)
        for start, stop in ((0, 4), (4, 5), (5, 9)):
            positions = torch.arange(start, stop)
            parts.append(made(x[:, start:stop], positions=positions, cache=cache))
    assert torch.allclose(torch.cat(parts, dim=1), whole, atol=1e-5)
    kept = cache.keys.shape[-1] + cache.values.shape[-1]
    assert kept == 12 + 6 == cache_numbers(3, 3, 8, 12, 6)["latent"]


def test_a_cache_needs_positions():
    made = layer()
    with pytest.raises(ValueError, match="a cache without positions"):
        made(torch.randn(1, 2, 20), cache=empty_cache(made, 1, 4))


@each_form
def test_documents_of_a_row_are_read_alone(form):
    made = layer(attend=FORMS[form])
    tokens = torch.tensor([[0, 5, 6, 0, 7, 8]])
    x = torch.randn(1, 6, 20)
    with torch.no_grad():
        both = made(x, mask=document_mask(tokens, 0))
        second = made(x[:, 3:])
    assert torch.allclose(both[:, 3:], second, atol=1e-5)


def test_a_model_takes_it_as_a_part():
    part = partial(LatentAttention, rank=12, rotary_width=6)
    config = ModelConfig(vocab_size=19, d_model=20, n_layers=2, n_heads=4, d_ff=28)
    torch.manual_seed(0)
    model = Transformer(config, block=partial(TransformerBlock, attention=part)).eval()
    reacts = influences(partial(from_stream, model), torch.randn(1, 5, 20))[0, :, 0]
    assert (reacts > 0).equal(torch.ones(5, 5).tril().bool())
    tokens, parts = torch.randint(19, (2, 6)), []
    cache = KVCache(model, 2, 6)
    with torch.no_grad():
        for start, stop in ((0, 3), (3, 4), (4, 6)):
            parts.append(model(tokens[:, start:stop], cache=cache))
        assert torch.allclose(torch.cat(parts, dim=1), model(tokens), atol=1e-5)


def test_a_model_of_latents_generates_as_without_a_cache():
    part = partial(LatentAttention, rank=12, rotary_width=6)
    config = ModelConfig(vocab_size=19, d_model=20, n_layers=2, n_heads=4, d_ff=28)
    torch.manual_seed(1)
    model = Transformer(config, block=partial(TransformerBlock, attention=part)).eval()
    tokens = torch.randint(19, (2, 3))
    new = generate(model, tokens, max_new_tokens=8, temperature=0)
    for _ in range(8):
        best = model(tokens)[:, -1].argmax(dim=-1, keepdim=True)
        tokens = torch.cat((tokens, best), dim=1)
    assert new.equal(tokens[:, 3:])


class Largest(TorchDispatchMode):
    """Note how many numbers the largest result of any operation holds."""

    def __init__(self):
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if isinstance(result, Tensor):
            self.numbers = max(self.numbers, result.numel())
        return result


def test_only_the_expanded_form_builds_keys_and_values_while_writing():
    """One new token, 99 kept, 3 heads: keys are 3 * 100 * 14 numbers, latents 12."""
    largest = {}
    for form, attend in FORMS.items():
        made = layer(attend=attend)
        cache = empty_cache(made, 1, 100)
        cache.append(torch.randn(1, 1, 99, 12), torch.randn(1, 1, 99, 6))
        with torch.no_grad(), Largest() as seen:
            made(torch.randn(1, 1, 20), positions=torch.tensor([99]), cache=cache)
        largest[form] = seen.numbers
    assert largest == {"expanded": 3 * 100 * (8 + 6), "absorbed": 100 * (12 + 6)}


# ----------------------------------------------------------------- refusals

REFUSED = {
    "n_kv_heads is 1, but in latent attention all 3": dict(n_kv_heads=1),
    "qk_norm and qkv_bias have no place": dict(qkv_bias=True),
    "rope_theta is None": dict(rope_theta=None),
    "rope_type 'yarn'": dict(rope_scaling=dict(rope_type="yarn", factor=2.0)),
    "d_model is 20, no multiple of 3 heads": dict(d_head=None),
    "d_head is 5, but rotary positions need an even": dict(rotary_width=5),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_would_be_ignored_is_refused_by_name(message):
    with pytest.raises(ValueError, match=message):
        layer(**REFUSED[message])


def test_a_config_with_qk_norm_is_refused():
    part = partial(LatentAttention, rank=12, rotary_width=6)
    with pytest.raises(ValueError, match="qk_norm and qkv_bias have no place"):
        TransformerBlock(ModelConfig(qk_norm=True), attention=part)


def test_the_command_prints_the_cache_of_each_kind(capsys):
    assert main(["--n-layers", "60", "--bytes", "2"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    latent = rows[-1]
    assert latent[0] == "latent" and latent[1] == "576" and "69,120" in latent
    assert main(["--rank", "0"]) == 2
