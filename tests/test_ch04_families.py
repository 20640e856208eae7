"""Chapter 4: every family's checkpoints, out and in, against transformers itself."""

import json
from dataclasses import fields

import pytest
import torch
from safetensors.torch import load_file, save_file

from ch04_transformer.families import FAMILIES, GPT2, LLAMA
from ch04_transformer.gpt2 import SMALL, build_gpt2
from ch04_transformer.gpt2 import main as gpt2_main
from ch04_transformer.outlines import parameters_on_meta
from ch04_transformer.pretrained import load_pretrained, save_pretrained
from ch04_transformer.transformer import ModelConfig, Transformer
from tests.checkpoints import (
    CASES,
    EVERYTHING,
    assert_equal_greedy_text,
    assert_equal_logits,
    assert_equal_with_right_padding,
    gpt2,
    opened_by_transformers,
    our_model,
    perturb,
    tokens_of,
)
from tests.test_ch04_transformer import influence

each_case = pytest.mark.parametrize("case", CASES)
# Fields that other tests see refused or found to be without effect.
UNSEEN = {
    "is_encoder_decoder", "hidden_act", "activation_function", "scale_attn_weights",
    "scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn", "add_cross_attention",
    "layer_types",
}  # fmt: skip


# ---------------------------------------------------------- there and back


@pytest.fixture(scope="module")
def saved_by_transformers(tmp_path_factory):
    """Return a function: the model of a case and the folder it was saved to."""
    made = {}

    def get(case):
        if case not in made:
            theirs = CASES[case].build()
            folder = tmp_path_factory.mktemp("theirs")
            theirs.save_pretrained(folder)
            made[case] = theirs, folder
        return made[case]

    return get


@each_case
def test_what_transformers_saves_says_the_same_here(case, saved_by_transformers):
    theirs, folder = saved_by_transformers(case)
    ours = load_pretrained(folder)
    assert_equal_logits(ours, theirs)
    assert_equal_with_right_padding(ours, theirs)
    assert_equal_greedy_text(ours, theirs)


@each_case
def test_what_is_saved_here_says_the_same_there(case, saved_by_transformers, tmp_path):
    _, folder = saved_by_transformers(case)
    # Other weights than the file's: a copy of the file would pass for a save.
    ours = perturb(load_pretrained(folder), seed=5)
    save_pretrained(ours, tmp_path)
    theirs = opened_by_transformers(tmp_path)
    assert theirs.dtype == torch.float32
    assert_equal_logits(ours, theirs)
    assert_equal_with_right_padding(ours, theirs)
    assert_equal_greedy_text(ours, theirs)


@each_case
def test_a_family_is_saved_as_itself_with_every_bit(
    case, saved_by_transformers, tmp_path
):
    theirs, folder = saved_by_transformers(case)
    save_pretrained(load_pretrained(folder), tmp_path)
    before = load_file(folder / "model.safetensors")
    after = load_file(tmp_path / "model.safetensors")
    # A Mistral model without its window is a Llama model to the number.
    if case != "Mistral: no window, untied":
        values = json.loads((tmp_path / "config.json").read_text())
        assert values["model_type"] == theirs.config.model_type
        assert values["architectures"] == [type(theirs).__name__]
    assert set(before) == set(after)
    for name, value in before.items():
        assert value.equal(after[name]), name


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.title)
def test_every_field_with_effect_leaves_its_default_in_some_case(family):
    cases = [c for c in CASES.values() if c.config.model_type == family.model_type]
    for field in fields(cases[0].config):
        if field.name in family.inert | UNSEEN:
            continue
        given = [case.config(**case.fields) for case in cases]
        default = field.default
        assert any(getattr(c, field.name) != default for c in given), field.name


# Refused at any other value, or (the first) one at which transformers' own model
# stumbles over the tuples that it makes.
AT_DEFAULT = {"return_dict", "is_encoder_decoder"}
AT_DEFAULT_IN_GPT2 = AT_DEFAULT | {
    "scale_attn_weights", "scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn",
    "add_cross_attention",
}  # fmt: skip


@pytest.mark.parametrize("case", EVERYTHING)
def test_the_fullest_case_of_a_family_has_no_field_at_its_default(
    case, saved_by_transformers
):
    theirs, folder = saved_by_transformers(case)
    values = json.loads((folder / "config.json").read_text())
    gpt2 = values["model_type"] == "gpt2"
    assert {
        field.name
        for field in fields(theirs.config)
        if values.get(field.name, field.default) == field.default
    } == (AT_DEFAULT_IN_GPT2 if gpt2 else AT_DEFAULT)


@each_case
def test_no_parameter_is_as_fresh_as_it_was_made(case):
    for name, parameter in CASES[case].build().named_parameters():
        assert parameter.std() > 0.03, f"{name} is a constant"


# --------------------------------------------------------------- GPT-2's ways


def edit_tensors(folder, edit):
    path = folder / "model.safetensors"
    save_file(edit(load_file(path)), path, metadata={"format": "pt"})


def test_gpt2_opens_with_and_without_the_prefix_of_its_names(tmp_path):
    theirs = gpt2().build()
    theirs.save_pretrained(tmp_path)
    with_prefix = load_pretrained(tmp_path)
    edit_tensors(
        tmp_path,
        lambda weights: {k.removeprefix("transformer."): v for k, v in weights.items()},
    )
    assert "h.0.attn.c_attn.weight" in load_file(tmp_path / "model.safetensors")
    without = load_pretrained(tmp_path)
    assert_equal_logits(without, theirs, lengths=(17,))
    for name, value in with_prefix.state_dict().items():
        assert value.equal(without.state_dict()[name]), name


def test_the_masks_in_old_files_of_gpt2_are_passed_over(tmp_path):
    theirs = gpt2().build()
    theirs.save_pretrained(tmp_path)
    masks = {
        f"transformer.h.{layer}.attn.{name}": value
        for layer in range(2)
        for name, value in [
            ("bias", torch.ones(80, 80).tril()[None, None]),
            ("masked_bias", torch.tensor(-1e4)),
        ]
    }
    edit_tensors(tmp_path, lambda weights: weights | masks)
    assert_equal_logits(load_pretrained(tmp_path), theirs, lengths=(17,))
    stray = {"transformer.h.0.attn.scale": torch.ones(3)}
    edit_tensors(tmp_path, lambda weights: weights | stray)
    with pytest.raises(ValueError, match=r"attn\.scale is not known here"):
        load_pretrained(tmp_path)


def test_one_tensor_of_gpt2_holds_queries_keys_and_values_on_their_side(tmp_path):
    """Their (2, 6) is our three (2, 2), one below the other, turned over.

    Columns 0 and 1 make the queries, 2 and 3 the keys, 4 and 5 the values.
    """
    config = ModelConfig(
        vocab_size=3, context_length=4, d_model=2, n_layers=1, n_heads=1, d_ff=5,
        qkv_bias=True,
    )  # fmt: skip
    save_pretrained(build_gpt2(config), tmp_path)
    weight = torch.tensor([[1.0, 2, 3, 4, 5, 6], [10, 20, 30, 40, 50, 60]])
    bias = torch.arange(6.0)
    fused = "transformer.h.0.attn.c_attn."
    edit_tensors(
        tmp_path,
        lambda weights: weights | {fused + "weight": weight, fused + "bias": bias},
    )
    attention = load_pretrained(tmp_path).blocks[0].attention
    assert attention.q_proj.weight.tolist() == [[1, 10], [2, 20]]
    assert attention.k_proj.weight.tolist() == [[3, 30], [4, 40]]
    assert attention.v_proj.weight.tolist() == [[5, 50], [6, 60]]
    assert attention.k_proj.bias.tolist() == [2, 3]


def test_gpt2_small_has_as_many_parameters_as_was_published():
    """124,439,808: 38.6 M for the tokens, 0.8 M for positions, 7.1 M for each block."""
    with parameters_on_meta():
        model = build_gpt2(ModelConfig(**SMALL))
    assert sum(p.numel() for p in model.parameters()) == 124_439_808


def test_gelu_is_taken_in_the_form_with_tanh():
    """0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) at 1 is 0.841192."""
    sizes = dict(d_model=1, n_layers=1, n_heads=1, d_ff=1)
    layer = build_gpt2(ModelConfig(qkv_bias=True, **sizes)).blocks[0].ffn
    for parameter, value in zip(layer.parameters(), (1.0, 0.0, 1.0, 0.0), strict=True):
        parameter.data.fill_(value)
    assert abs(layer(torch.ones(1)).item() - 0.841192) < 1e-6
    assert abs(torch.nn.functional.gelu(torch.ones(1)).item() - 0.841345) < 1e-6


@torch.no_grad()
def test_future_tokens_cannot_change_past_logits_of_gpt2(tmp_path):
    gpt2().build().save_pretrained(tmp_path)
    model = load_pretrained(tmp_path)
    tokens = tokens_of(12)
    changed = tokens.clone()
    changed[:, 7:] = (changed[:, 7:] + 1) % 131
    assert model(tokens)[:, :7].equal(model(changed)[:, :7])
    assert not model(tokens)[:, 7:].allclose(model(changed)[:, 7:])


def test_no_logit_of_gpt2_feels_a_later_token_and_each_feels_all_before(tmp_path):
    gpt2().build().save_pretrained(tmp_path)
    reacts = influence(load_pretrained(tmp_path), tokens_of(12, batch=2)) > 0
    past = torch.ones(12, 12).tril().bool()
    assert reacts[0, :, 0].equal(past) and reacts[1, :, 1].equal(past)
    assert not reacts[0, :, 1].any() and not reacts[1, :, 0].any()


def test_the_command_counts_the_parts_of_gpt2(capsys):
    assert gpt2_main(["--n-layers", "1"]) == 0
    assert "position_embedding         786,432" in capsys.readouterr().out


# -------------------------------------------------------------------- outlines


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.title)
def test_an_outline_takes_no_memory_and_computes_what_is_not_learned(family):
    values = {"n_kv_heads": 4, "d_head": None} if family is GPT2 else {}
    config = our_model(**{"n_heads": 4, "qkv_bias": True, **values}).config
    if family is GPT2:
        config = ModelConfig(**{**vars(config), "rope_scaling": None})
    outline = family.outline(config)
    assert all(parameter.is_meta for parameter in outline.parameters())
    real = dict(family.build(config).named_buffers())
    for name, buffer in outline.named_buffers():
        assert buffer.equal(real[name]), name
    assert bool(real) == family.rotary


def test_models_built_after_an_outline_are_real():
    LLAMA.outline(our_model().config)
    with pytest.raises(ZeroDivisionError), parameters_on_meta():
        raise ZeroDivisionError
    fresh = Transformer(our_model().config)
    assert not any(parameter.is_meta for parameter in fresh.parameters())
    assert all(p.std() > 0 for n, p in fresh.named_parameters() if "norm" not in n)


def test_a_part_without_a_name_in_the_family_is_refused():
    for name in ("blocks.0.attention.latent.weight", "position_embedding.table.weight"):
        with pytest.raises(ValueError, match="has no name in the files of Llama"):
            LLAMA.tensor_name(name)


def test_layers_beyond_nine_keep_their_number():
    name = GPT2.tensor_name("blocks.10.attention.out_proj.bias")
    assert name == "transformer.h.10.attn.c_proj.bias"
