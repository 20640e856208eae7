"""Chapter 4: the Hugging Face layout, out and in, against transformers itself.

Every parameter is perturbed, norms too, and no config field is at its default: a fresh
model would forgive a forgotten norm weight, a default a forgotten field.
"""

import json
import math
from dataclasses import fields

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from ch02_tokenization.tokenization import SPECIAL_TOKENS, train_bpe
from ch03_attention import attention
from ch04_transformer import transformer
from ch04_transformer.pretrained import (
    BLOCK_NAMES,
    hugging_face_name,
    load_pretrained,
    main,
    save_pretrained,
)
from ch04_transformer.transformer import (
    LayerNorm,
    ModelConfig,
    Transformer,
    TransformerBlock,
)

LLAMA3 = dict(
    rope_type="llama3",
    factor=4.0,
    low_freq_factor=1.0,
    high_freq_factor=4.0,
    original_max_position_embeddings=16,
)
# d_head is not d_model / n_heads, vocab_size is odd, four query heads share one key.
SIZES = dict(
    vocab_size=131, context_length=48, d_model=24, n_layers=2, n_heads=8, d_ff=44,
    n_kv_heads=2, d_head=10, norm_eps=1e-3, rope_theta=500.0, rope_scaling=LLAMA3,
    tie_embeddings=False,
)  # fmt: skip
# What Llama cannot express, and is refused on the way out.
NOT_LLAMA = {"qk_norm", "qkv_bias", "sliding_window"}
CASES = {
    "untied, llama3, 4 queries a key": {},
    "tied": dict(tie_embeddings=True),
    "linear, one key-value head": dict(
        n_kv_heads=1, rope_scaling=dict(rope_type="linear", factor=2.0)
    ),
    "no grouping, no scaling": dict(
        n_heads=6, n_kv_heads=None, d_head=None, rope_scaling=None
    ),
}
each_case = pytest.mark.parametrize("case", CASES)


def perturb(model, seed=0):
    """Move every parameter away from where a fresh model has it."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return model.eval()


def our_model(**changes):
    torch.manual_seed(1)
    return perturb(Transformer(ModelConfig(**{**SIZES, **changes})))


def rope(config):
    scaling = config.rope_scaling or {"rope_type": "default"}
    return {**scaling, "rope_theta": config.rope_theta}


def their_model(config, kind=LlamaForCausalLM, config_kind=LlamaConfig, **extra):
    """transformers' model of the same shape, built from its own config class."""
    torch.manual_seed(2)
    theirs = config_kind(
        vocab_size=config.vocab_size,
        max_position_embeddings=config.context_length,
        hidden_size=config.d_model,
        num_hidden_layers=config.n_layers,
        num_attention_heads=config.n_heads,
        num_key_value_heads=config.n_kv_heads or config.n_heads,
        intermediate_size=config.d_ff,
        rms_norm_eps=config.norm_eps,
        rope_parameters=rope(config),
        tie_word_embeddings=config.tie_embeddings,
        attn_implementation="eager",
        **({"head_dim": config.d_head} if config.d_head else {}),
        **extra,
    )
    return perturb(kind(theirs))


def tokens_of(length, batch=3, vocab_size=SIZES["vocab_size"]):
    generator = torch.Generator().manual_seed(3)
    return torch.randint(vocab_size, (batch, length), generator=generator)


@torch.no_grad()
def assert_equal_logits(ours, theirs, lengths=(1, 17, 48)):
    for length in lengths:
        tokens = tokens_of(length, vocab_size=ours.config.vocab_size)
        mine, other = ours(tokens), theirs(tokens).logits
        assert mine.shape == other.shape
        assert mine.abs().max() > 1, "logits this small would hide a difference"
        # The same float32 sums in another order.
        assert (mine - other).abs().max() < 1e-5


@torch.no_grad()
def assert_equal_greedy_text(ours, theirs, n_tokens=32):
    prompt = tokens_of(5, batch=2)
    mine = prompt
    for _ in range(n_tokens):
        mine = torch.cat((mine, ours(mine)[:, -1].argmax(-1, keepdim=True)), dim=1)
    other = theirs.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        max_new_tokens=n_tokens,
        do_sample=False,
        eos_token_id=None,
        pad_token_id=0,
    )
    assert mine.tolist() == other.tolist()


# ------------------------------------------------------- parity, out and in


def test_no_config_field_is_at_its_default_and_no_parameter_is_fresh():
    config = ModelConfig(**SIZES)
    for field in fields(config):
        if field.name not in NOT_LLAMA:
            assert getattr(config, field.name) != field.default, field.name
    for model in (our_model(), their_model(config)):
        for name, parameter in model.named_parameters():
            assert parameter.std() > 0.05, f"{name} is a constant"


@each_case
def test_what_transformers_saves_opens_here(case, tmp_path):
    theirs = their_model(ModelConfig(**{**SIZES, **CASES[case]}))
    theirs.save_pretrained(tmp_path)
    ours = load_pretrained(tmp_path)
    explicit = {**SIZES, **CASES[case]}
    explicit["n_kv_heads"] = explicit["n_kv_heads"] or 6
    explicit["d_head"] = explicit["d_head"] or 24 // 6
    assert ours.config == ModelConfig(**explicit)
    assert_equal_logits(ours, theirs)
    assert_equal_greedy_text(ours, theirs)


@each_case
def test_what_is_saved_here_opens_in_transformers(case, tmp_path):
    ours = our_model(**CASES[case])
    save_pretrained(ours, tmp_path)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path, attn_implementation="eager")
    assert type(theirs) is LlamaForCausalLM and theirs.dtype == torch.float32
    assert_equal_logits(ours, theirs.eval())
    assert_equal_greedy_text(ours, theirs)


def test_a_round_trip_changes_no_bit(tmp_path):
    model = our_model()
    save_pretrained(model, tmp_path / "one")
    save_pretrained(load_pretrained(tmp_path / "one"), tmp_path / "two")
    again = load_pretrained(tmp_path / "two")
    assert again.config == model.config and not again.training
    for name, value in model.state_dict().items():
        assert again.state_dict()[name].equal(value), name
    for name in ("config.json", "model.safetensors"):
        first, second = ((tmp_path / n / name).read_bytes() for n in ("one", "two"))
        assert first == second, name


def test_half_precision_files_open_in_float32(tmp_path):
    their_model(ModelConfig(**SIZES)).to(torch.bfloat16).save_pretrained(tmp_path)
    ours = load_pretrained(tmp_path)
    assert {p.dtype for p in ours.parameters()} == {torch.float32}
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    assert_equal_logits(ours, theirs.eval(), lengths=(17,))


def test_the_config_says_in_which_precision_the_file_is(tmp_path):
    save_pretrained(our_model().to(torch.bfloat16), tmp_path)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert theirs.dtype == torch.bfloat16
    assert theirs.config.dtype == torch.bfloat16


# ------------------------------------- the other families, weights copied over

MORE_NAMES = BLOCK_NAMES | {
    "attention.q_norm": "self_attn.q_norm",
    "attention.k_norm": "self_attn.k_norm",
}


def copy_weights(theirs, ours):
    """Copy by name, so that a parameter without a partner is an error."""
    named = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        if name.startswith("blocks."):
            _, index, rest = name.split(".", 2)
            part, kind = rest.rsplit(".", 1)
            source = f"model.layers.{index}.{MORE_NAMES[part]}.{kind}"
        else:
            source = hugging_face_name(name)
        parameter.data.copy_(named.pop(source))
    assert not named


@pytest.mark.parametrize(
    "kind, config_kind, changes, extra",
    [
        (Qwen3ForCausalLM, Qwen3Config, dict(qk_norm=True), {}),
        (Qwen2ForCausalLM, Qwen2Config, dict(qkv_bias=True, d_head=None), {}),
        (
            MistralForCausalLM,
            MistralConfig,
            dict(sliding_window=7),
            dict(sliding_window=7),
        ),
    ],
    ids=["Qwen3: qk_norm", "Qwen2: qkv_bias", "Mistral: sliding_window"],
)
def test_what_other_families_add_equals_transformers(kind, config_kind, changes, extra):
    # Qwen2 has no d_head of its own: 40 / 8 = 5 would be odd, 48 / 8 = 6 is not.
    sizes = {**SIZES, "rope_scaling": None, "d_model": 48, **changes}
    ours = Transformer(ModelConfig(**sizes)).eval()
    theirs = their_model(ours.config, kind, config_kind, **extra)
    copy_weights(theirs, ours)
    assert_equal_logits(ours, theirs)


# --------------------------------------------------------------- tokenizer

TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
TEXT = "Mara found the red key. She didn't open the old door; the door was open!\n" * 9


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    tokenizer = train_bpe([TEXT], 300, SPECIAL_TOKENS)
    model = our_model(vocab_size=len(tokenizer) + 6)
    folder = tmp_path_factory.mktemp("model")
    save_pretrained(model, folder, tokenizer, TEMPLATE)
    return model, tokenizer, folder


def test_transformers_opens_the_tokenizer_with_equal_ids(saved):
    _, tokenizer, folder = saved
    theirs = AutoTokenizer.from_pretrained(folder)
    for text in (TEXT, "", " \n\n  12345 naïve 🗝", "<|user|>Who?<|end|><|assistant|>"):
        ids = tokenizer.encode(text)
        assert theirs(text).input_ids == ids
        assert theirs.decode(ids) == text
    assert len(theirs) == len(tokenizer)
    assert theirs.bos_token_id == theirs.eos_token_id == tokenizer.end_of_text_id
    assert theirs.model_max_length == 48


def test_transformers_applies_the_chat_template(saved):
    _, tokenizer, folder = saved
    theirs = AutoTokenizer.from_pretrained(folder)
    messages = [
        dict(role="user", content="Where is the key?"),
        dict(role="assistant", content="At the door."),
        dict(role="user", content="Is it red?"),
    ]
    text = (
        "<|endoftext|><|user|>Where is the key?<|end|><|assistant|>At the door.<|end|>"
        "<|user|>Is it red?<|end|><|assistant|>"
    )
    options = dict(add_generation_prompt=True)
    said = theirs.apply_chat_template(messages, tokenize=False, **options)
    assert said == text
    ids = theirs.apply_chat_template(messages, return_dict=False, **options)
    assert ids == tokenizer.encode(text)


def test_transformers_stops_where_a_text_or_a_turn_ends(saved):
    _, tokenizer, folder = saved
    theirs = AutoModelForCausalLM.from_pretrained(folder).eval()
    for name in ("<|endoftext|>", "<|end|>"):
        end = tokenizer.special_id(name)

        def only_end(ids, scores, end=end):
            scores = torch.full_like(scores, -math.inf)
            scores[:, end] = 0.0
            return scores

        prompt = torch.tensor([tokenizer.encode("the red key")])
        options = dict(max_new_tokens=5, do_sample=False, logits_processor=[only_end])
        mask = torch.ones_like(prompt)
        ids = theirs.generate(prompt, attention_mask=mask, **options)[0].tolist()
        assert ids == [*prompt[0].tolist(), end]


def test_a_vocabulary_larger_than_the_tokenizers_is_kept(saved):
    model, tokenizer, folder = saved
    assert load_pretrained(folder).config.vocab_size == len(tokenizer) + 6
    assert model.config.vocab_size == len(tokenizer) + 6


def test_a_tokenizer_that_is_too_large_is_refused(tmp_path):
    tokenizer = train_bpe([TEXT], 300, SPECIAL_TOKENS)
    with pytest.raises(ValueError, match="tokens, but the model only 131 embeddings"):
        save_pretrained(our_model(), tmp_path / "model", tokenizer)
    assert not (tmp_path / "model").exists()


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    "changes", [dict(qk_norm=True), dict(qkv_bias=True), dict(sliding_window=9)]
)
def test_parts_that_llama_has_not_are_refused_by_name(changes, tmp_path):
    with pytest.raises(ValueError, match=f"{min(changes)} is set, which the Llama"):
        save_pretrained(our_model(**changes), tmp_path / "model")
    assert not (tmp_path / "model").exists()


class GELUFeedForward(transformer.SwiGLUFeedForward):
    """Llama's parameter names, but another function."""

    def forward(self, x):
        return self.w2(F.gelu(self.w1(x)) * self.w3(x))


@pytest.mark.parametrize(
    "parts, message",
    [
        (dict(norm=LayerNorm), "blocks.0.attention_norm is a LayerNorm"),
        (dict(feed_forward=GELUFeedForward), "blocks.0.ffn is a GELUFeedForward"),
    ],
)
def test_injected_parts_are_refused_even_under_llamas_names(parts, message, tmp_path):
    model = Transformer(
        ModelConfig(**SIZES), block=lambda config: TransformerBlock(config, **parts)
    )
    with pytest.raises(ValueError, match=message):
        save_pretrained(model, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def change_config(**changes):
    """Set fields of config.json; None takes a field out."""

    def change(folder):
        path = folder / "config.json"
        values = json.loads(path.read_text()) | changes
        path.write_text(json.dumps({k: v for k, v in values.items() if v is not None}))

    return change


def change_tensors(edit):
    def change(folder):
        path = folder / "model.safetensors"
        weights = load_file(path)
        edit(weights)
        save_file(weights, path)

    return change


def overwrite(name, data):
    return lambda folder: (folder / name).write_bytes(data)


def truncate(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])


def only_a_pickle(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


ROPE = LLAMA3 | dict(rope_theta=500.0)
Q_PROJ = "model.layers.1.self_attn.q_proj.weight"
DAMAGE = {
    "no folder": (
        lambda folder: (folder / "config.json").unlink(),
        "is no model folder (config.json: No such file",
    ),
    "config is not JSON": (overwrite("config.json", b"{not"), "config.json is damaged"),
    "config is not text": (
        overwrite("config.json", b"\xff\0"),
        "config.json is damaged",
    ),
    "config is a list": (overwrite("config.json", b"[1]"), "holds no named values"),
    "unknown field": (
        change_config(logit_soft_cap=30.0),
        "'logit_soft_cap' is a field not known here",
    ),
    "another family": (
        change_config(model_type="qwen3"),
        "model_type is 'qwen3', but only 'llama' opens here",
    ),
    "no family": (change_config(model_type=None), "the field 'model_type' is missing"),
    "no width": (change_config(hidden_size=None), "the field 'hidden_size' is missing"),
    "biases": (
        change_config(attention_bias=True),
        "attention_bias is True, but only False opens here",
    ),
    "another activation": (
        change_config(hidden_act="gelu"),
        "hidden_act is 'gelu', but only 'silu' opens here",
    ),
    "a width in quotes": (
        change_config(hidden_size="24"),
        "d_model is '24'; it must be of type int",
    ),
    "no layers": (
        change_config(num_hidden_layers=0),
        "n_layers is 0; it must be positive",
    ),
    "heads do not divide": (
        change_config(num_attention_heads=7),
        "n_heads 7 is not a multiple of n_kv_heads 2",
    ),
    "longrope": (
        change_config(rope_parameters=ROPE | dict(rope_type="longrope")),
        "rope_type is 'longrope', but only default, linear, llama3, ntk, yarn",
    ),
    "half a scaling": (
        change_config(rope_parameters=dict(rope_type="llama3", factor=4.0)),
        "'high_freq_factor' is missing",
    ),
    "part of each head": (
        change_config(rope_parameters=ROPE | dict(partial_rotary_factor=0.5)),
        "'partial_rotary_factor' is not known",
    ),
    "a scaling without a kind": (
        change_config(rope_parameters=None, rope_scaling=dict(type="linear", factor=2)),
        "rope_type is None",
    ),
    "no weights": (
        lambda folder: (folder / "model.safetensors").unlink(),
        "model.safetensors is missing",
    ),
    "only a pickle": (only_a_pickle, "(a pickle, such as pytorch_model.bin, can run"),
    "empty weights": (
        overwrite("model.safetensors", b""),
        "model.safetensors is damaged",
    ),
    "truncated weights": (truncate, "model.safetensors is damaged"),
    "a pickle under another name": (
        overwrite("model.safetensors", b"\x80\x04K\x01." * 50),
        "model.safetensors is damaged",
    ),
    "missing tensor": (
        change_tensors(lambda weights: weights.pop(Q_PROJ)),
        f"the tensor {Q_PROJ} is missing",
    ),
    "wrong shape": (
        change_tensors(lambda weights: weights.update({Q_PROJ: torch.ones(24, 80)})),
        f"{Q_PROJ} has shape (24, 80), but the config asks for (80, 24)",
    ),
    "one tensor too many": (
        change_tensors(lambda weights: weights.update({"model.extra": torch.ones(2)})),
        "the tensor model.extra is not known here",
    ),
    "whole numbers": (
        change_tensors(lambda weights: weights.update({Q_PROJ: weights[Q_PROJ].int()})),
        f"{Q_PROJ} is torch.int32, but weights must be floats",
    ),
    "a head although tied": (
        change_config(tie_word_embeddings=True),
        "the tensor lm_head.weight is not known here",
    ),
    "no head although untied": (
        change_tensors(lambda weights: weights.pop("lm_head.weight")),
        "the tensor lm_head.weight is missing",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_folder_is_one_clear_line(damage, tmp_path, capsys):
    save_pretrained(our_model(), tmp_path)
    change, message = DAMAGE[damage]
    change(tmp_path)
    with pytest.raises(ValueError) as refused:
        load_pretrained(tmp_path)
    assert message in str(refused.value) and str(tmp_path) in str(refused.value)
    assert main(["--model", str(tmp_path)]) == 2
    output = capsys.readouterr()
    assert output.out == "" and output.err.count("\n") == 1
    assert output.err.startswith("error: ") and message in output.err


def test_older_files_with_rope_scaling_beside_rope_theta_open(tmp_path):
    model = our_model()
    save_pretrained(model, tmp_path)
    change = change_config(rope_parameters=None, rope_scaling=LLAMA3, rope_theta=500.0)
    change(tmp_path)
    assert load_pretrained(tmp_path).config == model.config


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "model").write_text("not a folder")
    with pytest.raises(ValueError, match="cannot write"):
        save_pretrained(our_model(), tmp_path / "model")
    assert (tmp_path / "model").read_text() == "not a folder"


def test_the_command_lists_every_tensor(tmp_path, capsys):
    model = our_model()
    save_pretrained(model, tmp_path)
    assert main(["--model", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [name for name, _ in model.named_parameters()]
    assert [line.split()[0] for line in lines[1:]] == names


# ------------------------------------------------------------- planted bugs


def rms_norm_with(formula):
    return (transformer.RMSNorm, "forward"), formula


def feed_forward_with(formula):
    return (transformer.SwiGLUFeedForward, "forward"), formula


def block_with(formula):
    """A block whose forward is `formula(block, x, attend)`."""

    def forward(self, x, **options):
        return formula(self, x, lambda x: self.attention(x, **options))

    return (TransformerBlock, "forward"), forward


def attention_with(name, formula):
    """Chapter 3 with one function replaced; `formula` gets the right one first."""
    right = getattr(attention, name)
    return (attention, name), lambda *args, **named: formula(right, *args, **named)


def without_last_norm(self, tokens, **options):
    x = self.embedding(tokens)
    for block in self.blocks:
        x = block(x)
    return x


def root_mean_square(x, dim=-1, eps=0.0):
    return (x.square().mean(dim, keepdim=True) + eps).sqrt()


BUGS = {
    "norm: epsilon outside the root": rms_norm_with(
        lambda self, x: self.weight * x / (root_mean_square(x) + self.eps)
    ),
    "norm: epsilon forgotten": rms_norm_with(
        lambda self, x: self.weight * x / root_mean_square(x)
    ),
    "norm: epsilon not the config's": rms_norm_with(
        lambda self, x: self.weight * x / root_mean_square(x, eps=1e-6)
    ),
    "norm: mean subtracted": rms_norm_with(
        lambda self, x: self.weight * F.layer_norm(x, x.shape[-1:], eps=self.eps)
    ),
    "norm: over time instead of width": rms_norm_with(
        lambda self, x: self.weight * x / root_mean_square(x, -2, self.eps)
    ),
    "norm: weight forgotten": rms_norm_with(
        lambda self, x: x / root_mean_square(x, eps=self.eps)
    ),
    "feed-forward: w1 and w3 swapped": feed_forward_with(
        lambda self, x: self.w2(F.silu(self.w3(x)) * self.w1(x))
    ),
    "feed-forward: GELU for SiLU": feed_forward_with(
        lambda self, x: self.w2(F.gelu(self.w1(x)) * self.w3(x))
    ),
    "feed-forward: sigmoid for SiLU": feed_forward_with(
        lambda self, x: self.w2(self.w1(x).sigmoid() * self.w3(x))
    ),
    "block: norm after the sum": block_with(
        lambda self, x, attend: self.ffn_norm(
            (y := self.attention_norm(x + attend(x))) + self.ffn(y)
        )
    ),
    "block: both halves read the same stream": block_with(
        lambda self, x, attend: (
            x + attend(self.attention_norm(x)) + self.ffn(self.ffn_norm(x))
        )
    ),
    "block: first residual lost": block_with(
        lambda self, x, attend: (
            (y := attend(self.attention_norm(x))) + self.ffn(self.ffn_norm(y))
        )
    ),
    "block: residual of the normed stream": block_with(
        lambda self, x, attend: (
            (y := self.attention_norm(x) + attend(self.attention_norm(x)))
            + self.ffn(self.ffn_norm(y))
        )
    ),
    "block: the two norms swapped": block_with(
        lambda self, x, attend: (
            (y := x + attend(self.ffn_norm(x))) + self.ffn(self.attention_norm(y))
        )
    ),
    "model: last norm forgotten": ((Transformer, "hidden"), without_last_norm),
    "model: embedding used as head though untied": (
        (Transformer, "output_weight"),
        lambda self: self.embedding.weight,
    ),
    "rotary: neighbouring pairs": attention_with(
        "rotate_planes",
        lambda right, x, angles: right(x, angles, interleaved=True),
    ),
    "rotary: theta of the config ignored": attention_with(
        "rotary_frequencies",
        lambda right, d_head, theta, scaling: right(d_head, 10000.0, scaling),
    ),
    "rotary: scaling of the config ignored": attention_with(
        "rotary_frequencies", lambda right, d_head, theta, scaling: right(d_head, theta)
    ),
    "attention: no division by the root of Dh": attention_with(
        "attention_weights",
        lambda right, q, k, mask: right(q * math.sqrt(q.shape[-1]), k, mask),
    ),
    "attention: mask off by one": attention_with(
        "causal_mask", lambda right, *sizes: right(*sizes) | right(*sizes).roll(1, -1)
    ),
    "attention: the wrong heads share": attention_with(
        "share_heads",
        lambda right, x, n_heads: x.repeat(1, n_heads // x.shape[1], 1, 1),
    ),
}


@pytest.fixture(scope="module")
def from_transformers(tmp_path_factory):
    """A model of transformers in a folder, and its logits."""
    theirs = their_model(ModelConfig(**SIZES))
    folder = tmp_path_factory.mktemp("theirs")
    theirs.save_pretrained(folder)
    with torch.no_grad():
        return folder, theirs(tokens_of(17)).logits


@pytest.mark.parametrize("bug", [None, *BUGS])
def test_a_planted_bug_changes_the_logits(bug, from_transformers, monkeypatch):
    """Each mistake moves the logits a hundred times further than the tolerance."""
    folder, logits = from_transformers
    if bug:
        (owner, name), wrong = BUGS[bug]
        monkeypatch.setattr(owner, name, wrong)
    with torch.no_grad():
        difference = (load_pretrained(folder)(tokens_of(17)) - logits).abs().max()
    assert difference > 1e-3 if bug else difference < 1e-5
