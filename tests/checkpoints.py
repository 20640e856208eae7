"""Small checkpoints of every family, made by transformers and by this book.

Every parameter is perturbed, norms too, and no size is at its default: a fresh model
would forgive a forgotten norm weight, a default a forgotten field. One case of each
family has no field at all at its default.
"""

from dataclasses import dataclass, field, fields, replace

import torch
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from ch04_transformer.transformer import ModelConfig, Transformer

CONTEXT = 80
LLAMA3 = dict(
    rope_type="llama3",
    factor=4.0,
    low_freq_factor=1.0,
    high_freq_factor=4.0,
    original_max_position_embeddings=16,
)
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=20)
LINEAR = dict(rope_type="linear", factor=2.0)
# The head is wider than D / H, the vocabulary odd, and four query heads share one key.
GATED = dict(
    vocab_size=131, max_position_embeddings=CONTEXT, hidden_size=24,
    num_hidden_layers=2, num_attention_heads=8, num_key_value_heads=2,
    intermediate_size=44, rms_norm_eps=1e-3, tie_word_embeddings=True,
    rope_parameters=dict(rope_type="default", rope_theta=500.0),
)  # fmt: skip
OWN_HEAD = dict(head_dim=10)
# Qwen2 has no head_dim: 24 / 8 = 3 would be odd.
WIDER = dict(hidden_size=48)
GPT2_SIZES = dict(
    vocab_size=131, n_positions=CONTEXT, n_embd=24, n_layer=2, n_head=4, n_inner=44,
    layer_norm_epsilon=1e-3, tie_word_embeddings=False, bos_token_id=1, eos_token_id=2,
)  # fmt: skip
# Values that are no defaults of fields without effect on what a trained model says.
INERT = dict(
    transformers_version="4.0.0", architectures=["Other"], output_hidden_states=True,
    dtype="bfloat16", chunk_size_feed_forward=3, id2label={"0": "good"},
    label2id={"good": 0}, problem_type="regression", initializer_range=0.05,
    use_cache=False, pad_token_id=3, bos_token_id=5, eos_token_id=[6, 7],
    pretraining_tp=2, attention_dropout=0.5, resid_pdrop=0.5, embd_pdrop=0.5,
    attn_pdrop=0.5, summary_type="last", summary_use_proj=False,
    summary_activation="tanh", summary_proj_to_labels=False, summary_first_dropout=0.5,
)  # fmt: skip


def rope(**values):
    return dict(rope_parameters=dict(rope_theta=500.0, **values))


@dataclass(frozen=True)
class Case:
    """A family of transformers' and the fields that make a small model of it."""

    config: type[PreTrainedConfig]
    model: type[PreTrainedModel]
    fields: dict = field(default_factory=dict)

    def build(self, seed=2, **changes):
        """Build transformers' model with every parameter moved."""
        torch.manual_seed(seed)
        fields = {**self.fields, **changes}
        config = self.config(**fields, attn_implementation="eager")
        return perturb(self.model(config))


def llama(**fields):
    return Case(LlamaConfig, LlamaForCausalLM, {**GATED, **OWN_HEAD, **fields})


def mistral(**fields):
    return Case(MistralConfig, MistralForCausalLM, {**GATED, **OWN_HEAD, **fields})


def qwen2(**fields):
    return Case(Qwen2Config, Qwen2ForCausalLM, {**GATED, **WIDER, **fields})


def qwen3(**fields):
    return Case(Qwen3Config, Qwen3ForCausalLM, {**GATED, **OWN_HEAD, **fields})


def gpt2(**fields):
    return Case(GPT2Config, GPT2LMHeadModel, {**GPT2_SIZES, **fields})


def everything(case):
    """Add to a case every field without effect, at another value than its default."""
    known = {field.name for field in fields(case.config)}
    inert = {name: value for name, value in INERT.items() if name in known}
    return replace(case, fields=case.fields | inert)


WINDOW = dict(use_sliding_window=True, sliding_window=7, max_window_layers=0)
CASES = {
    "Llama 3: llama3, untied": llama(**rope(**LLAMA3), tie_word_embeddings=False),
    "Llama with biases everywhere": llama(attention_bias=True, mlp_bias=True),
    "Llama with biases in attention": llama(attention_bias=True),
    "Llama 2: linear, as many keys as queries": llama(
        **rope(**LINEAR),
        num_attention_heads=6,
        num_key_value_heads=6,
        head_dim=None,
    ),
    "Llama: yarn, one key head": llama(**rope(**YARN), num_key_value_heads=1),
    "SmolLM2: tied, three queries a key": llama(
        hidden_size=36, num_attention_heads=9, num_key_value_heads=3, head_dim=None
    ),
    "Mistral: window": mistral(sliding_window=7),
    "Mistral: no window, untied": mistral(
        sliding_window=None, tie_word_embeddings=False
    ),
    "Qwen2": qwen2(),
    "Qwen2: window, untied": qwen2(**WINDOW, tie_word_embeddings=False),
    "Qwen2: yarn": qwen2(**rope(**YARN)),
    "Qwen3": qwen3(),
    "Qwen3: biases, window, untied": qwen3(
        **WINDOW, attention_bias=True, tie_word_embeddings=False
    ),
    "Qwen3: yarn": qwen3(**rope(**YARN)),
    "GPT-2: untied": gpt2(),
    "GPT-2: tied, four times as wide": gpt2(tie_word_embeddings=True, n_inner=None),
}
BIASES = dict(attention_bias=True, mlp_bias=True)
SWISH = dict(hidden_act="swish")  # another name of the usual one
SLIDING = dict(**WINDOW, layer_types=["sliding_attention"] * 2)
EVERYTHING = {
    "Llama: everything": llama(**rope(**LLAMA3), **BIASES, **SWISH),
    "SmolLM2: everything": llama(
        **rope(**LINEAR), **BIASES, **SWISH, hidden_size=36, num_attention_heads=9,
        num_key_value_heads=3, is_llama_config=True, rope_interleaved=False,
    ),
    "Mistral: everything": mistral(**rope(**YARN), **SWISH, sliding_window=7),
    "Qwen2: everything": qwen2(**rope(**YARN), **SWISH, **SLIDING),
    "Qwen3: everything": qwen3(
        **rope(**LLAMA3), **SWISH, **SLIDING, attention_bias=True
    ),
    "GPT-2: everything": gpt2(activation_function="gelu_pytorch_tanh"),
}  # fmt: skip
EVERYTHING = {name: everything(case) for name, case in EVERYTHING.items()}
CASES |= EVERYTHING


def perturb(model, seed=0):
    """Move every parameter away from where a fresh model has it."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return model.eval()


# The same shape in the words of this book.
SIZES = dict(
    vocab_size=131, context_length=CONTEXT, d_model=24, n_layers=2, n_heads=8, d_ff=44,
    n_kv_heads=2, d_head=10, norm_eps=1e-3, rope_theta=500.0, rope_scaling=LLAMA3,
    tie_embeddings=False,
)  # fmt: skip


def our_model(**changes):
    torch.manual_seed(1)
    return perturb(Transformer(ModelConfig(**{**SIZES, **changes})))


def tokens_of(length, batch=3, vocab_size=131):
    generator = torch.Generator().manual_seed(3)
    return torch.randint(vocab_size, (batch, length), generator=generator)


def opened_by_transformers(folder, **options):
    options = {"attn_implementation": "eager"} | options
    return AutoModelForCausalLM.from_pretrained(folder, **options).eval()


@torch.no_grad()
def assert_equal_logits(ours, theirs, lengths=(1, 17, CONTEXT)):
    for length in lengths:
        tokens = tokens_of(length, vocab_size=ours.config.vocab_size)
        mine, other = ours(tokens), theirs(tokens).logits
        assert mine.shape == other.shape
        assert mine.abs().max() > 1, "logits this small would hide a difference"
        # The same float32 sums in another order.
        assert (mine - other).abs().max() < 1e-5


@torch.no_grad()
def assert_equal_with_right_padding(ours, theirs):
    """What stands to the right of a text changes nothing in it: no mask is needed."""
    tokens, lengths = tokens_of(17), (17, 9, 4)
    there = torch.arange(17) < torch.tensor(lengths)[:, None]
    tokens = tokens.where(there, 0)
    mine = ours(tokens)
    other = theirs(tokens, attention_mask=there.long()).logits
    assert (mine - other)[there].abs().max() < 1e-5


@torch.no_grad()
def assert_equal_greedy_text(ours, theirs, n_tokens=64):
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
        return_dict_in_generate=False,
    )
    assert mine.tolist() == other.tolist()
