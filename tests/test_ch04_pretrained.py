"""Chapter 4: a folder in the Hugging Face layout, out and in, whole or refused."""

import json
import math

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from ch02_tokenization.tokenization import SPECIAL_TOKENS, train_bpe
from ch03_attention import attention
from ch04_transformer import transformer
from ch04_transformer.pretrained import (
    hugging_face_name,
    load_pretrained,
    main,
    save_pretrained,
)
from ch04_transformer.transformer import Transformer, TransformerBlock
from tests.checkpoints import (
    CASES,
    assert_equal_logits,
    gpt2,
    llama,
    opened_by_transformers,
    our_model,
    qwen2,
    tokens_of,
)

# --------------------------------------------------------------- round trips


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


def test_an_opened_model_can_be_trained(tmp_path):
    save_pretrained(our_model(), tmp_path)
    model = load_pretrained(tmp_path)
    model(tokens_of(9)).logsumexp(-1).mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.requires_grad and parameter.grad.abs().sum() > 0, name


def test_an_opened_model_does_not_change_with_its_file(tmp_path):
    """What is mapped is copied: a file that is written over is another file."""
    model = our_model()
    save_pretrained(model, tmp_path)
    opened = load_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    with open(path, "r+b") as file:
        file.seek(-4000, 2)
        file.write(b"\0" * 4000)
    assert opened.blocks[1].ffn.w3.weight.equal(model.blocks[1].ffn.w3.weight)
    assert opened(tokens_of(9)).equal(model(tokens_of(9)))
    assert not load_pretrained(tmp_path)(tokens_of(9)).equal(model(tokens_of(9)))


def test_a_folder_without_its_head_model_opens_if_the_head_is_tied(tmp_path):
    """A bare model's file has no prefix before its names and no head."""
    theirs = llama().build()
    theirs.model.save_pretrained(tmp_path)
    assert "layers.0.mlp.up_proj.weight" in load_file(tmp_path / "model.safetensors")
    assert_equal_logits(load_pretrained(tmp_path), theirs, lengths=(17,))


def test_names_of_the_llama_layout():
    names = {
        "embedding.weight": "model.embed_tokens.weight",
        "blocks.11.ffn.w1.weight": "model.layers.11.mlp.gate_proj.weight",
        "blocks.0.attention.q_proj.bias": "model.layers.0.self_attn.q_proj.bias",
        "norm.weight": "model.norm.weight",
        "head.weight": "lm_head.weight",
    }
    for ours, theirs in names.items():
        assert hugging_face_name(ours) == theirs


# ----------------------------------------------------------------- precision

HALVES = pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)


@HALVES
def test_half_precision_files_open_in_float32(dtype, tmp_path):
    llama().build().to(dtype).save_pretrained(tmp_path)
    ours = load_pretrained(tmp_path)
    assert {p.dtype for p in ours.parameters()} == {torch.float32}
    theirs = opened_by_transformers(tmp_path, dtype=torch.float32)
    assert_equal_logits(ours, theirs, lengths=(17,))


@HALVES
@pytest.mark.parametrize("make", [llama, gpt2], ids=lambda make: make.__name__)
def test_half_precision_is_kept_when_asked_for(make, dtype, tmp_path):
    theirs = make().build().to(dtype)
    theirs.save_pretrained(tmp_path)
    ours = load_pretrained(tmp_path, dtype=None)
    assert {p.dtype for p in ours.parameters()} == {dtype}
    for name, buffer in ours.named_buffers():
        assert buffer.dtype == torch.float32, f"{name} would turn by rounded angles"
    with torch.no_grad():
        difference = (ours(tokens_of(17)) - theirs(tokens_of(17)).logits).abs().max()
    # Numbers near 3 are 2^-6 (bf16) or 2^-9 (fp16) apart, after some twenty roundings.
    assert difference < (0.15 if dtype == torch.bfloat16 else 0.02)
    save_pretrained(ours, tmp_path / "again")
    before = load_file(tmp_path / "model.safetensors")
    after = load_file(tmp_path / "again" / "model.safetensors")
    assert all(value.equal(after[name]) for name, value in before.items())


@HALVES
def test_numbers_are_converted_on_the_way_out(dtype, tmp_path):
    model = our_model()
    save_pretrained(model, tmp_path, dtype=dtype)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    theirs = opened_by_transformers(tmp_path)
    assert theirs.dtype == theirs.config.dtype == dtype
    ours = load_pretrained(tmp_path)
    for name, value in model.state_dict().items():
        assert ours.state_dict()[name].equal(value.to(dtype).float()), name


def test_numbers_are_converted_on_the_way_in(tmp_path):
    save_pretrained(our_model(), tmp_path)
    ours = load_pretrained(tmp_path, dtype=torch.bfloat16)
    assert {p.dtype for p in ours.parameters()} == {torch.bfloat16}


def test_a_file_of_mixed_precision_keeps_its_mixture(tmp_path):
    save_pretrained(our_model(), tmp_path, dtype=torch.bfloat16)
    edit = change_tensors(lambda w: w.update({NORM: w[NORM].float()}))
    edit(tmp_path)
    ours = load_pretrained(tmp_path, dtype=None)
    wide = [n for n, p in ours.named_parameters() if p.dtype == torch.float32]
    assert wide == ["norm.weight"]
    save_pretrained(ours, tmp_path / "again")
    before = load_file(tmp_path / "model.safetensors")
    after = load_file(tmp_path / "again" / "model.safetensors")
    for name, value in before.items():
        assert value.equal(after[name]) and value.dtype == after[name].dtype, name


def test_the_precision_of_weights_is_a_kind_of_float(tmp_path):
    save_pretrained(our_model(), tmp_path)
    with pytest.raises(ValueError, match=r"dtype is torch\.int8, but weights must be"):
        load_pretrained(tmp_path, dtype=torch.int8)
    with pytest.raises(ValueError, match=r"dtype is torch\.int8, but weights must be"):
        save_pretrained(our_model(), tmp_path / "out", dtype=torch.int8)
    assert not (tmp_path / "out").exists()


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
    assert theirs.model_max_length == 80


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
    theirs = opened_by_transformers(folder)
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


def test_without_a_tokenizer_no_token_is_said_to_end_a_text(tmp_path):
    """Left out, transformers would take token 2 for the end."""
    save_pretrained(our_model(), tmp_path)
    theirs = opened_by_transformers(tmp_path)
    assert theirs.config.eos_token_id is theirs.config.bos_token_id is None


@pytest.mark.parametrize("make", [qwen2, gpt2], ids=lambda make: make.__name__)
def test_a_tokenizer_lies_beside_any_family(make, tmp_path):
    make(vocab_size=301).build().save_pretrained(tmp_path / "theirs")
    model = load_pretrained(tmp_path / "theirs")
    tokenizer = train_bpe([TEXT], 300, SPECIAL_TOKENS)
    save_pretrained(model, tmp_path / "ours", tokenizer, TEMPLATE)
    theirs = AutoTokenizer.from_pretrained(tmp_path / "ours")
    assert theirs(TEXT).input_ids == tokenizer.encode(TEXT)
    config = opened_by_transformers(tmp_path / "ours").config
    assert config.eos_token_id == [
        tokenizer.special_id("<|endoftext|>"),
        tokenizer.special_id("<|end|>"),
    ]


# ---------------------------------------------------------------- refusals


class SwiGLUWithGELU(transformer.SwiGLUFeedForward):
    """Llama's parameter names, but another function."""

    def forward(self, x):
        return self.w2(F.gelu(self.w1(x)) * self.w3(x))


def test_what_no_family_can_say_leaves_nothing_behind(tmp_path):
    def block(config):
        return TransformerBlock(config, feed_forward=SwiGLUWithGELU)

    model = Transformer(our_model().config, block=block)
    with pytest.raises(ValueError, match=r"blocks\.0\.ffn is a SwiGLUWithGELU"):
        save_pretrained(model, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_save_that_is_cut_short_leaves_no_model_folder(tmp_path, monkeypatch):
    """Old weights beside a new config, or the reverse, would open as a third model."""
    save_pretrained(our_model(), tmp_path)

    def stop(*arguments, **named):
        raise KeyboardInterrupt

    monkeypatch.setattr("ch04_transformer.tensor_files.save_file", stop)
    with pytest.raises(KeyboardInterrupt):
        save_pretrained(our_model(rope_theta=9.0), tmp_path)
    with pytest.raises(ValueError, match="is no model folder"):
        load_pretrained(tmp_path)
    assert not list(tmp_path.glob(".*"))


def test_the_config_is_written_last(tmp_path, monkeypatch):
    written = []

    def remember(path, value):
        written.append((path.name, sorted(p.name for p in path.parent.iterdir())))

    monkeypatch.setattr("ch04_transformer.pretrained.write_json", remember)
    tokenizer = train_bpe([TEXT], 300, SPECIAL_TOKENS)
    save_pretrained(our_model(vocab_size=301), tmp_path, tokenizer)
    assert written[-1][0] == "config.json"
    assert {"model.safetensors", "tokenizer.json"} <= set(written[-1][1])


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


def truncate(n_bytes):
    def change(folder):
        path = folder / "model.safetensors"
        path.write_bytes(path.read_bytes()[:-n_bytes])

    return change


def only_a_pickle(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


NORM = "model.norm.weight"
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
    "another family": (
        change_config(model_type="phi3"),
        "model_type is 'phi3', but only llama, mistral, qwen2, qwen3, gpt2 open here",
    ),
    "unknown field": (
        change_config(logit_soft_cap=30.0),
        "'logit_soft_cap' is a field not known here",
    ),
    "biases that the file has not": (
        change_config(attention_bias=True),
        "the tensor model.layers.0.self_attn.q_proj.bias is missing",
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
    "truncated weights": (
        truncate(10),
        "model.safetensors is damaged (it ends within the tensor model.norm.weight)",
    ),
    "weights truncated early": (
        truncate(4 * (24 + 20 * 24) + 1),
        f"(it ends within the tensor {Q_PROJ})",
    ),
    "weights truncated in their header": (
        lambda folder: overwrite("model.safetensors", b"\x20\0\0\0\0\0\0\0{")(folder),
        "model.safetensors is damaged",
    ),
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
    "a layer too many": (
        change_config(num_hidden_layers=1),
        "the tensor model.layers.1.input_layernorm.weight is not known here",
    ),
    "whole numbers": (
        change_tensors(lambda weights: weights.update({Q_PROJ: weights[Q_PROJ].int()})),
        f"{Q_PROJ} is torch.int32, but weights must be floats",
    ),
    "a head of its own although tied": (
        change_config(tie_word_embeddings=True),
        "lm_head.weight is not equal to model.embed_tokens.weight, but the config says",
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


def test_a_tied_head_that_is_in_the_file_must_be_the_embedding(tmp_path):
    model = our_model(tie_embeddings=True)
    save_pretrained(model, tmp_path)
    embedding = model.embedding.weight.detach().clone()
    change_tensors(lambda w: w.update({"lm_head.weight": embedding}))(tmp_path)
    assert load_pretrained(tmp_path)(tokens_of(9)).equal(model(tokens_of(9)))
    embedding[5, 7] += 1e-3
    change_tensors(lambda w: w.update({"lm_head.weight": embedding}))(tmp_path)
    with pytest.raises(ValueError, match=r"lm_head\.weight is not equal to"):
        load_pretrained(tmp_path)


def test_speeds_of_the_planes_in_old_files_are_passed_over(tmp_path):
    model = our_model()
    save_pretrained(model, tmp_path)
    old = {
        f"model.layers.{layer}.self_attn.rotary_emb.inv_freq": torch.ones(5)
        for layer in range(2)
    }
    change_tensors(lambda weights: weights.update(old))(tmp_path)
    assert load_pretrained(tmp_path)(tokens_of(9)).equal(model(tokens_of(9)))


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


def test_the_command_writes_a_folder_anew(tmp_path, capsys):
    # 2.4 million numbers: in half precision 5 files of a megabyte at most.
    model = our_model(vocab_size=8001, d_model=144)
    save_pretrained(model, tmp_path / "in")
    options = ["--dtype", "bfloat16", "--max-shard-mb", "1"]
    folders = ["--model", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    assert main([*folders, *options]) == 0
    assert len(list((tmp_path / "out").glob("*.safetensors"))) == 3
    again = load_pretrained(tmp_path / "out", dtype=None)
    assert again.norm.weight.equal(model.norm.weight.bfloat16())


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
    theirs = CASES["Llama 3: llama3, untied"].build()
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
