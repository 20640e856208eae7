"""Chapter 4: every field of a config.json is honoured or refused by name.

The fields are not listed here from memory: the tests walk over those that transformers'
own config classes have, so that a field of a later version turns them red.
"""

import json
from dataclasses import fields, replace
from functools import partial

import pytest
import torch
from transformers.modeling_rope_utils import RopeParameters

from ch03_attention.attention import CausalSelfAttention, scaled_dot_product_attention
from ch03_attention.positions import unrotated_attention
from ch04_transformer.config_fields import (
    describe_model,
    main,
    part_differences,
    read_fields,
)
from ch04_transformer.families import FAMILIES, GPT2, LLAMA, QWEN2
from ch04_transformer.feed_forward import FeedForward, gelu
from ch04_transformer.gpt2 import build_gpt2
from ch04_transformer.pretrained import load_pretrained
from ch04_transformer.transformer import (
    LayerNorm,
    ModelConfig,
    SwiGLUFeedForward,
    Transformer,
    TransformerBlock,
)
from tests.checkpoints import (
    CASES,
    INERT,
    LINEAR,
    LLAMA3,
    SIZES,
    YARN,
    gpt2,
    llama,
    mistral,
    our_model,
    qwen2,
    qwen3,
    rope,
    tokens_of,
)

BASES = {"llama": llama, "mistral": mistral, "qwen2": qwen2, "qwen3": qwen3}
BASES |= {"gpt2": gpt2}

# For every field of transformers' classes a value that is neither its default nor the
# one that the small models of tests/checkpoints.py have.
OTHER = INERT | dict(
    return_dict=False, is_encoder_decoder=True, vocab_size=133, hidden_size=96,
    intermediate_size=52, num_hidden_layers=3, num_attention_heads=4,
    num_key_value_heads=4, hidden_act="gelu", max_position_embeddings=90,
    rms_norm_eps=1e-2, tie_word_embeddings=False,
    rope_parameters=rope(**LLAMA3)["rope_parameters"], attention_bias=True,
    mlp_bias=True, head_dim=12, sliding_window=5, use_sliding_window=True,
    max_window_layers=1, layer_types=["sliding_attention", "full_attention"],
    n_positions=90, n_embd=32, n_layer=3, n_head=2, n_inner=52,
    activation_function="relu", layer_norm_epsilon=1e-2, scale_attn_weights=False,
    scale_attn_by_inverse_layer_idx=True, reorder_and_upcast_attn=True,
    add_cross_attention=True,
)  # fmt: skip
# Where the layers' kinds are listed, nothing else counts.
FROM_LAYER = dict(use_sliding_window=True, sliding_window=5, layer_types=None)
# What a field needs beside it to have any effect.
BESIDE = {
    ("sliding_window", "qwen2"): dict(use_sliding_window=True, max_window_layers=0),
    ("sliding_window", "qwen3"): dict(use_sliding_window=True, max_window_layers=0),
    ("use_sliding_window", "qwen2"): dict(sliding_window=5, max_window_layers=0),
    ("use_sliding_window", "qwen3"): dict(sliding_window=5, max_window_layers=0),
    ("max_window_layers", "qwen2"): FROM_LAYER,
    ("max_window_layers", "qwen3"): FROM_LAYER,
    ("layer_types", "qwen2"): dict(use_sliding_window=True, sliding_window=5),
    ("layer_types", "qwen3"): dict(use_sliding_window=True, sliding_window=5),
}
WINDOWED = {"is_encoder_decoder", "hidden_act", "max_window_layers", "layer_types"}
REFUSED = {
    "llama": {"is_encoder_decoder", "hidden_act"},
    "mistral": {"is_encoder_decoder", "hidden_act"},
    "qwen2": WINDOWED,
    "qwen3": WINDOWED,
    "gpt2": {
        "is_encoder_decoder", "activation_function", "scale_attn_weights",
        "scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn",
        "add_cross_attention",
    },
}  # fmt: skip


def walk():
    for model_type, base in BASES.items():
        for field in fields(base().config):
            yield pytest.param(model_type, field.name, id=f"{model_type}.{field.name}")


@torch.no_grad()
def differs_from(theirs, folder, length=24):
    """Return how far what opens here is from transformers' model."""
    tokens = tokens_of(length)
    ours = load_pretrained(folder)
    return (ours(tokens) - theirs(tokens).logits).abs().max().item()


def set_in_json(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize("model_type, name", list(walk()))
def test_each_field_of_transformers_is_honoured_or_refused_by_name(
    model_type, name, tmp_path
):
    base, beside = BASES[model_type](), BESIDE.get((name, model_type), {})
    default = {field.name: field.default for field in fields(base.config)}[name]
    value = OTHER[name]
    if name == "tie_word_embeddings":
        base, value = BASES[model_type](tie_word_embeddings=default), not default
    assert value not in (default, base.fields.get(name, default))
    if name in REFUSED[model_type]:
        base.build().save_pretrained(tmp_path)
        set_in_json(tmp_path, **beside, **{name: value})
        with pytest.raises(ValueError, match=rf"config\.json: {name} ") as refused:
            load_pretrained(tmp_path)
        assert "\n" not in str(refused.value)
    else:
        # transformers' own model stumbles over the tuples that it makes.
        built = {} if name == "return_dict" else {name: value}
        theirs = base.build(**beside, **built)
        theirs.save_pretrained(tmp_path)
        if name != "rope_parameters":
            set_in_json(tmp_path, **{name: value})
        assert differs_from(theirs, tmp_path) < 1e-5


# One is no model of this kind, one asks for other arithmetic, and one for layers that
# keep silent as long as there is no encoder.
SILENT = {
    "is_encoder_decoder",
    "reorder_and_upcast_attn",
    "add_cross_attention",
}


@pytest.mark.parametrize("name", sorted(set().union(*REFUSED.values()) - SILENT))
@torch.no_grad()
def test_what_is_refused_would_have_changed_what_the_model_says(name):
    """A field is not refused out of caution: passed over, it would be another model."""
    model_type = next(m for m in reversed(BASES) if name in REFUSED[m])
    base, beside = BASES[model_type](), BESIDE.get((name, model_type), {})
    switched_off = {**beside, "use_sliding_window": False} if beside else {}
    plain, other = (
        base.build(**switched_off),
        base.build(**beside, **{name: OTHER[name]}),
    )
    tokens = tokens_of(24)
    assert (plain(tokens).logits - other(tokens).logits).abs().max() > 1e-3


ROPE_OTHER = dict(
    rope_theta=700.0, rope_type="linear", partial_rotary_factor=0.5, factor=3.0,
    original_max_position_embeddings=30, attention_factor=1.3, beta_fast=8.0,
    beta_slow=2.0, short_factor=[1.0] * 5, long_factor=[2.0] * 5, low_freq_factor=1.5,
    high_freq_factor=6.0, mscale=0.7, mscale_all_dim=0.4, truncate=False,
    mrope_section=[2, 2, 1],
)  # fmt: skip
# By kind, what it has no use for.
ROPE_BASES = {"linear": LINEAR, "llama3": LLAMA3, "yarn": YARN | dict(mscale_all_dim=2)}
ROPE_USES = {
    "linear": {"factor"},
    "llama3": set(LLAMA3) - {"rope_type"},
    "yarn": {
        "factor", "original_max_position_embeddings", "attention_factor", "beta_fast",
        "beta_slow", "mscale", "mscale_all_dim", "truncate",
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", ROPE_BASES)
@pytest.mark.parametrize("name", RopeParameters.__annotations__)
def test_each_rotary_field_is_honoured_or_refused_by_name(kind, name, tmp_path):
    values = ROPE_BASES[kind] | {name: ROPE_OTHER[name]}
    if kind == "linear" and name == "rope_type":
        values = YARN
    honoured = ROPE_USES[kind] | {"rope_theta"}
    if name in honoured or name == "rope_type" and kind == "linear":
        theirs = llama(rope_parameters=dict(rope_theta=500.0) | values).build()
        theirs.save_pretrained(tmp_path)
        assert differs_from(theirs, tmp_path) < 1e-5
    else:
        llama().build().save_pretrained(tmp_path)
        set_in_json(tmp_path, rope_parameters=values)
        with pytest.raises(ValueError) as refused:
            load_pretrained(tmp_path)
        wrong = min(set(values) - {"rope_type"} - ROPE_USES[values["rope_type"]])
        assert repr(wrong) in str(refused.value) and "not known" in str(refused.value)


@pytest.mark.parametrize(
    "kind", ["dynamic", "longrope", "proportional", "ntk", "mrope"]
)
def test_another_kind_of_scaling_is_refused_by_name(kind):
    values = describe_model(our_model())[1]
    values = {k: v for k, v in values.items() if not k.startswith("rope")}
    scaling = {"rope_type": kind, "factor": 2.0}
    with pytest.raises(ValueError, match=f"rope_type is '{kind}', but only default"):
        read_fields(values | {"rope_scaling": scaling})


# ------------------------------------------------------------- absent and null


def outcome(values):
    """Return what is read, or why it is not."""
    try:
        return read_fields(values)
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.title)
def test_an_absent_field_means_what_it_means_to_transformers(family):
    """Left out, a field has the default of the config class, or is missed by name."""
    base = BASES[family.model_type]()
    config = base.config(**base.fields)
    values = json.loads(config.to_json_string())
    defaults = {field.name: field.default for field in fields(config)}
    names = [*family.fields.values(), *family.switches, *family.allowed]
    seen = 0
    for name in sorted(set(names) & set(defaults)):
        without = {key: value for key, value in values.items() if key != name}
        said = outcome(without)
        if said == f"the field {name!r} is missing":
            assert name in family.fields.values() and defaults[name] is not None
        else:
            assert said == outcome(without | {name: defaults[name]}), name
            seen += 1
    assert seen >= 4


def test_a_window_that_is_null_is_none_and_one_that_is_absent_is_4096():
    values = {"model_type": "mistral", "vocab_size": 9, "max_position_embeddings": 9}
    values |= dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=8)
    values |= dict(intermediate_size=9)
    assert read_fields(values)[1].sliding_window == 4096
    assert read_fields(values | {"sliding_window": None})[1].sliding_window is None


def test_a_window_that_is_not_used_is_none():
    values = QWEN_JSON | dict(max_window_layers=0, sliding_window=9)
    assert read_fields(values)[1].sliding_window is None
    assert read_fields(values | dict(use_sliding_window=True))[1].sliding_window == 9


@pytest.mark.parametrize(
    "old",
    [
        dict(rope_scaling=LLAMA3, rope_theta=500.0),
        dict(rope_scaling=LLAMA3 | dict(type="llama3"), rope_theta=500.0),
        dict(rope_scaling=LLAMA3 | dict(rope_theta=500.0)),
        dict(
            rope_scaling=LLAMA3,
            rope_theta=500.0,
            rope_parameters=LLAMA3 | dict(rope_theta=500.0),
        ),
    ],
)
def test_rotary_fields_are_found_wherever_a_version_put_them(old):
    model = our_model()
    values = describe_model(model)[1]
    values = {k: v for k, v in values.items() if not k.startswith("rope")}
    assert read_fields(values | old)[1] == model.config


def test_the_oldest_name_of_a_kind_is_read():
    values = describe_model(our_model(rope_scaling=None))[1]
    values |= dict(rope_parameters=None, rope_scaling=dict(type="linear", factor=2.0))
    assert read_fields(values)[1].rope_scaling == LINEAR


def test_two_places_that_contradict_each_other_are_refused():
    values = describe_model(our_model())[1]
    values["rope_scaling"] = LLAMA3 | dict(factor=9.0)
    with pytest.raises(ValueError, match="rope_parameters differ in 'factor'"):
        read_fields(values)


def test_a_trained_length_that_is_not_said_is_the_full_length():
    values = describe_model(our_model())[1]
    values = {k: v for k, v in values.items() if not k.startswith("rope")}
    for kind in (LLAMA3, YARN):
        scaling = {k: v for k, v in kind.items() if not k.startswith("original")}
        config = read_fields(values | {"rope_scaling": scaling})[1]
        assert config.rope_scaling["original_max_position_embeddings"] == 80


# ------------------------------------------------- published models' own files

OLDER = dict(hidden_act="silu", initializer_range=0.02, use_cache=True)
OLDER |= dict(torch_dtype="bfloat16", transformers_version="4.40.0")
LLAMA_31 = dict(
    rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
    original_max_position_embeddings=8192,
)  # fmt: skip


def sizes(vocab, context, width, layers, heads, kv_heads, inner, **others):
    return dict(
        vocab_size=vocab, max_position_embeddings=context, hidden_size=width,
        num_hidden_layers=layers, num_attention_heads=heads,
        num_key_value_heads=kv_heads, intermediate_size=inner, **others,
    )  # fmt: skip


# The fields of their config.json files, and how many parameters they are said to have.
PUBLISHED = {
    "Llama 2 7B": (
        OLDER
        | sizes(32000, 4096, 4096, 32, 32, 32, 11008, model_type="llama")
        | dict(rms_norm_eps=1e-5, pretraining_tp=1, rope_scaling=None),
        6_738_415_616,
    ),
    "TinyLlama 1.1B": (
        OLDER
        | sizes(32000, 2048, 2048, 22, 32, 4, 5632, model_type="llama")
        | dict(rms_norm_eps=1e-5, tie_word_embeddings=False, pretraining_tp=1),
        1_100_048_384,
    ),
    "Llama 3.1 8B": (
        OLDER
        | sizes(128256, 131072, 4096, 32, 32, 8, 14336, model_type="llama")
        | dict(rope_scaling=LLAMA_31, rope_theta=500000.0, mlp_bias=False),
        8_030_261_248,
    ),
    "Llama 3.2 1B": (
        OLDER
        | sizes(128256, 131072, 2048, 16, 32, 8, 8192, model_type="llama")
        | dict(rope_scaling=LLAMA_31 | dict(factor=32.0), rope_theta=500000.0)
        | dict(tie_word_embeddings=True, head_dim=64),
        1_235_814_400,
    ),
    "SmolLM2 135M": (
        OLDER
        | sizes(49152, 8192, 576, 30, 9, 3, 1536, model_type="llama")
        | dict(tie_word_embeddings=True, rope_theta=100000, is_llama_config=True)
        | dict(rope_interleaved=False, rope_scaling=None, attention_bias=False),
        134_515_008,
    ),
    "Mistral 7B": (
        OLDER
        | sizes(32000, 32768, 4096, 32, 32, 8, 14336, model_type="mistral")
        | dict(sliding_window=4096, rope_theta=10000.0, tie_word_embeddings=False),
        7_241_732_096,
    ),
    "Qwen2.5 0.5B": (
        OLDER
        | sizes(151936, 32768, 896, 24, 14, 2, 4864, model_type="qwen2")
        | dict(max_window_layers=24, sliding_window=32768, use_sliding_window=False)
        | dict(tie_word_embeddings=True, rope_theta=1000000.0),
        494_032_768,
    ),
    "Qwen3 0.6B": (
        OLDER
        | sizes(151936, 40960, 1024, 28, 16, 8, 3072, model_type="qwen3")
        | dict(max_window_layers=28, sliding_window=None, use_sliding_window=False)
        | dict(tie_word_embeddings=True, rope_theta=1000000, head_dim=128)
        | dict(attention_bias=False, rope_scaling=None),
        596_049_920,
    ),
    "GPT-2": (
        dict(
            model_type="gpt2", activation_function="gelu_new", attn_pdrop=0.1,
            bos_token_id=50256, embd_pdrop=0.1, eos_token_id=50256, n_ctx=1024,
            initializer_range=0.02, layer_norm_epsilon=1e-5, n_embd=768, n_head=12,
            n_layer=12, n_positions=1024, resid_pdrop=0.1, summary_activation=None,
            summary_first_dropout=0.1, summary_proj_to_labels=True,
            summary_type="cls_index", summary_use_proj=True, vocab_size=50257,
            task_specific_params={"text-generation": {"do_sample": True}},
        ),
        124_439_808,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_config_gives_a_model_of_the_published_size(name):
    values, n_params = PUBLISHED[name]
    family, config, switches = read_fields(values)
    # One block tells what all of them have.
    model = family.outline(replace(config, n_layers=1), **switches)
    block = sum(p.numel() for p in model.blocks[0].parameters())
    rest = sum(p.numel() for p in model.parameters()) - block
    assert rest + config.n_layers * block == n_params


# -------------------------------------------------------------------- refusals

LLAMA_JSON = dict(PUBLISHED["TinyLlama 1.1B"][0])
QWEN_JSON = dict(PUBLISHED["Qwen2.5 0.5B"][0])
GPT2_JSON = dict(PUBLISHED["GPT-2"][0])
REFUSALS = [
    (LLAMA_JSON, dict(model_type=None), "the field 'model_type' is missing"),
    (LLAMA_JSON, dict(model_type="phi3"), "model_type is 'phi3', but only llama, mist"),
    (LLAMA_JSON, dict(hidden_size=None), "the field 'hidden_size' is missing"),
    (LLAMA_JSON, dict(hidden_size="24"), "hidden_size is '24'; it must be a positive"),
    (LLAMA_JSON, dict(num_hidden_layers=0), "num_hidden_layers is 0; it must be a pos"),
    (LLAMA_JSON, dict(num_hidden_layers=True), "num_hidden_layers is True; it must be"),
    (LLAMA_JSON, dict(rms_norm_eps=-1.0), "rms_norm_eps is -1.0; it must be positive"),
    (LLAMA_JSON, dict(head_dim=2.5), "head_dim is 2.5; it must be of type"),
    (
        LLAMA_JSON,
        dict(tie_word_embeddings="no"),
        "tie_word_embeddings is 'no'; it must",
    ),
    (LLAMA_JSON, dict(attention_bias="yes"), "attention_bias is 'yes'; it must be of"),
    (LLAMA_JSON, dict(mlp_bias=1), "mlp_bias is 1; it must be true or false"),
    (
        LLAMA_JSON,
        dict(num_attention_heads=5),
        "2048 is not a multiple of num_attention",
    ),
    (LLAMA_JSON, dict(num_key_value_heads=3), "is not a multiple of n_kv_heads 3"),
    (
        LLAMA_JSON,
        dict(rope_interleaved=True),
        "rope_interleaved is True, but only False",
    ),
    (LLAMA_JSON, dict(rope_scaling=[2.0]), "rope_scaling is [2.0]; it must hold named"),
    (LLAMA_JSON, dict(rope_theta="1e4"), "rope_theta is '1e4'; it must be of type"),
    (LLAMA_JSON, dict(rope_scaling=dict(rope_type="linear")), "'factor' is missing"),
    (LLAMA_JSON, dict(logit_soft_cap=30.0), "'logit_soft_cap' is a field not known"),
    (LLAMA_JSON, dict(sliding_window=9), "'sliding_window' is a field not known"),
    (LLAMA_JSON, dict(quantization_config={}), "'quantization_config' is a field not"),
    (LLAMA_JSON, dict(auto_map={}), "'auto_map' is a field not known"),
    (LLAMA_JSON, dict(partial_rotary_factor=0.5), "'partial_rotary_factor' is a field"),
    (QWEN_JSON, dict(use_sliding_window="no"), "use_sliding_window is 'no', but only"),
    (QWEN_JSON, dict(max_window_layers=2.5), "max_window_layers is 2.5; it must be"),
    (QWEN_JSON, dict(layer_types=["full_attention"]), "layer_types gives ['full_atten"),
    (QWEN_JSON, dict(layer_types="full"), "layer_types gives 'full'"),
    (QWEN_JSON, dict(attention_bias=True), "'attention_bias' is a field not known"),
    (GPT2_JSON, dict(n_ctx=512), "n_ctx is not n_positions, which is 1024"),
    (GPT2_JSON, dict(rope_theta=1e4), "'rope_theta' is a field not known"),
    (GPT2_JSON, dict(n_head=7), "n_embd 768 is not a multiple of n_heads 7"),
]


@pytest.mark.parametrize("values, change, message", REFUSALS)
def test_a_bad_field_is_refused_by_its_own_name(values, change, message):
    read_fields(values)
    with pytest.raises(ValueError) as refused:
        read_fields(values | change)
    assert message in str(refused.value)


# ----------------------------------------------------- what a model is saved as

SAVED_AS = {
    "Llama": {},
    "Mistral": dict(sliding_window=9),
    "Qwen2": dict(qkv_bias=True, sliding_window=9),
    "Qwen3": dict(qk_norm=True),
}


@pytest.mark.parametrize("title", SAVED_AS)
def test_a_model_is_saved_as_the_first_family_that_can_say_it(title):
    assert describe_model(our_model(**SAVED_AS[title]))[0].title == title


@pytest.mark.parametrize("case", CASES)
def test_what_is_said_of_a_model_is_read_as_the_same_model(case):
    values = json.loads(CASES[case].config(**CASES[case].fields).to_json_string())
    family, config, switches = read_fields(values)
    said_by, said = describe_model(family.outline(config, **switches))
    _, again, _ = read_fields(said)
    before = family.outline(config, **switches)
    assert part_differences(before, said_by.outline(again, **switches)) == []


def with_parts(**parts):
    config = ModelConfig(**{**SIZES, "rope_scaling": None})
    return Transformer(config, block=partial(TransformerBlock, **parts))


class SwiGLUWithGELU(SwiGLUFeedForward):
    """Llama's parameter names, but another function."""

    def forward(self, x):
        return self.w2(torch.nn.functional.gelu(self.w1(x)) * self.w3(x))


def plain_mean(q, k, v, mask):
    return scaled_dot_product_attention(0 * q, k, v, mask)


def windows_of(first, *others):
    model = our_model(sliding_window=first)
    for block, window in zip(model.blocks[1:], others, strict=True):
        block.attention.sliding_window = window
    return model


def bent_otherwise(model):
    model.blocks[0].ffn.activation = gelu
    return model


UNSAYABLE = {
    "a norm": (lambda: with_parts(norm=LayerNorm), "attention_norm is a LayerNorm"),
    "a function": (
        lambda: with_parts(feed_forward=SwiGLUWithGELU),
        "blocks.0.ffn is a SwiGLUWithGELU and not a SwiGLUFeedForward",
    ),
    "an ungated layer": (
        lambda: with_parts(feed_forward=FeedForward),
        "blocks.0.ffn is a FeedForward",
    ),
    "no positions": (
        lambda: with_parts(attention=unrotated_attention),
        "blocks.0.attention.frequencies is missing",
    ),
    "another base": (
        lambda: with_parts(
            attention=lambda *sizes, **options: CausalSelfAttention(
                *sizes, **{**options, "rope_theta": 3.0}
            )
        ),
        "blocks.0.attention.frequencies is another table",
    ),
    "a bias too many": (
        lambda: with_parts(attention=partial(CausalSelfAttention, out_bias=True)),
        "blocks.0.attention.out_proj.bias is of shape (24,)",
    ),
    "a bias too few": (
        lambda: our_model(qk_norm=True, qkv_bias=True),
        "qk_norm is True, which the Qwen2 layout cannot express",
    ),
    "averages of its own": (
        lambda: with_parts(attention=partial(CausalSelfAttention, attend=plain_mean)),
        "blocks.0.attention.attend is 'attend' and not 'as usual'",
    ),
    "windows that differ": (
        lambda: windows_of(9, 5),
        "blocks.1.attention.sliding_window is 5 and not 9",
    ),
    "an epsilon of its own": (
        lambda: with_parts(norm=lambda width, eps: torch.nn.RMSNorm(width, eps)),
        "blocks.0.attention_norm is a RMSNorm",
    ),
    "a scaling of this book": (
        lambda: our_model(rope_scaling=dict(rope_type="ntk", factor=2.0)),
        "rope_type is 'ntk', but only default, linear, llama3, yarn are known",
    ),
    "GPT-2 with the exact GELU": (
        lambda: bent_otherwise(build_gpt2(ModelConfig(qkv_bias=True))),
        "blocks.0.ffn.activation is 'gelu' and not 'gelu_tanh'",
    ),
    "GPT-2 with shared heads": (
        lambda: build_gpt2(ModelConfig(n_kv_heads=2, qkv_bias=True)),
        "n_kv_heads is 2, which the GPT-2 layout cannot express",
    ),
}


@pytest.mark.parametrize("case", UNSAYABLE)
def test_what_no_family_can_say_is_refused_by_name(case):
    make, message = UNSAYABLE[case]
    with pytest.raises(ValueError) as refused:
        describe_model(make())
    assert message in str(refused.value)


def test_heads_that_share_no_width_are_not_llamas_but_mistrals():
    """transformers' Llama refuses D that is no multiple of H, its Mistral does not."""
    model = our_model(d_model=26, d_head=10)
    assert describe_model(model)[0].title == "Mistral"


def test_half_precision_does_not_change_what_a_model_is():
    assert describe_model(our_model().to(torch.bfloat16))[0] is LLAMA


def test_attention_that_is_computed_by_torch_is_the_same_model():
    fused = partial(torch.nn.functional.scaled_dot_product_attention, enable_gqa=True)
    model = with_parts(attention=partial(CausalSelfAttention, attend=fused))
    assert describe_model(model)[0] is LLAMA


def test_training_or_not_does_not_change_what_a_model_is():
    assert describe_model(our_model(qkv_bias=True).train())[0] is QWEN2
    config = ModelConfig(qkv_bias=True, tie_embeddings=False)
    assert describe_model(build_gpt2(config).train())[0] is GPT2


def test_the_command_says_what_a_config_describes(tmp_path, capsys):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(GPT2_JSON))
    assert main(["--config", str(path)]) == 0
    said = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert said["family"] == "GPT-2" and said["d_ff"] == "3072"
    path.write_text(json.dumps(GPT2_JSON | dict(n_head=7)))
    assert main(["--config", str(path)]) == 2
    assert capsys.readouterr().err.startswith("error: ")
