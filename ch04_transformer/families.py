"""The families whose checkpoints open here: a table of names, fields and parts each.

A family is data. What reads a config, fills a model or writes a file is written once,
in `config_fields` and `pretrained`, and asks this table what things are called.

    Llama    the model of chapter 4 as it stands (Llama 2 and 3, SmolLM2)
    Mistral  and each layer sees only a window of the past
    Qwen2    and queries, keys and values have biases; perhaps a window
    Qwen3    and queries and keys are normed; perhaps biases at all four, or a window
    GPT-2    the same block with other parts (gpt2.py), and its matrices lie on their
             side, three of them in one tensor
"""

import argparse
import re
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from torch import nn

from ch01_data.files import run_command
from ch03_attention.attention import CausalSelfAttention
from ch04_transformer.gpt2 import build_gpt2
from ch04_transformer.outlines import parameters_on_meta
from ch04_transformer.transformer import (
    ModelConfig,
    SwiGLUFeedForward,
    Transformer,
    TransformerBlock,
)


@dataclass(frozen=True)
class Family:
    """What one family's files call things, and what its models are built of.

    `names`       our parameter without its last word -> their tensor likewise; {} is
                  the number of the layer. Several of ours under one name lie in that
                  tensor one below the other, in our order.
    `sideways`    parts whose matrices are stored transposed
    `prefix`      what a file of the bare model, without a head, leaves away
    `computed`    tensors in old files that follow from the config: not read
    `fields`      a field of ModelConfig -> a field of config.json
    `fixed`       fields of ModelConfig in which no model of the family differs
    `defaults`    what an absent field of config.json means; the others must be there
    `constants`   fields of config.json that are always written so
    `allowed`     the values of a field that can be honoured; others are refused
    `switches`    a yes-or-no field -> a parameter that is there only if it says yes
    `inert`       fields that do not change what a trained model says
    `read`        brings what the file says into the plain form of `fields` ...
    `write`       ... and back
    """

    title: str
    model_type: str
    architecture: str
    build: Callable[..., Transformer]
    names: Mapping[str, str]
    fields: Mapping[str, str]
    prefix: str = "model."
    sideways: frozenset[str] = frozenset()
    computed: str = "^$"
    rotary: bool = True
    fixed: Mapping[str, object] = field(default_factory=dict)
    defaults: Mapping[str, object] = field(default_factory=dict)
    constants: Mapping[str, object] = field(default_factory=dict)
    allowed: Mapping[str, tuple] = field(default_factory=dict)
    switches: Mapping[str, str] = field(default_factory=dict)
    inert: frozenset[str] = frozenset()
    read: Callable[[dict], dict] = dict
    write: Callable[[dict], dict] = dict

    def tensor_name(self, name: str) -> str:
        """Translate a parameter's name into the name of the tensor that holds it.

        Raises:  ValueError if the family has no such part.
        """
        part, kind = name.rsplit(".", 1)
        number = re.search(r"\.(\d+)\.", part)
        place = part.replace(number[0], ".{}.", 1) if number else part
        if place not in self.names:
            raise ValueError(f"{name} has no name in the files of {self.title}")
        return f"{self.names[place].format(number and number[1])}.{kind}"

    def is_computed(self, tensor: str) -> bool:
        """Say whether an old file's tensor only repeats what the config says."""
        return bool(re.search(self.computed, tensor))

    def outline(self, config: ModelConfig, **switches: bool) -> Transformer:
        """Build a model whose parameters have shapes but take no memory yet."""
        with parameters_on_meta():
            return self.build(config, **switches)


# ------------------------------------------------------------------- parts


def swiglu_with_biases(d_model: int, d_ff: int) -> SwiGLUFeedForward:
    """Build the gated layer with a bias at each of its three matrices."""
    layer = SwiGLUFeedForward(d_model, d_ff)
    for name, matrix in list(layer.named_children()):
        setattr(layer, name, nn.Linear(matrix.in_features, matrix.out_features))
    return layer


def build_llama(config: ModelConfig, mlp_bias: bool = False) -> Transformer:
    """Build the plain model; where queries have biases, the last matrix has one too."""
    block = partial(
        TransformerBlock,
        attention=partial(CausalSelfAttention, out_bias=config.qkv_bias),
        feed_forward=swiglu_with_biases if mlp_bias else SwiGLUFeedForward,
    )
    return Transformer(config, block=block)


# ------------------------------------- fields that several of ours are made of

SLIDING, FULL = "sliding_attention", "full_attention"


def _read_heads(values: dict) -> dict:
    """Refuse what transformers refuses: heads that could not share the width."""
    width, heads = values["hidden_size"], values["num_attention_heads"]
    if width % heads:
        raise ValueError(
            f"hidden_size {width} is not a multiple of num_attention_heads {heads}"
        )
    return values


def _read_window(values: dict) -> dict:
    """Say by one number through which window every layer of a Qwen model looks.

    Raises:  ValueError that names the field by which the layers differ.
    """
    values, layers = dict(values), values["num_hidden_layers"]
    window = values.pop("sliding_window", None)
    window = window if values.pop("use_sliding_window", False) is True else None
    first = values.pop("max_window_layers", 28)
    if not isinstance(first, int):
        raise ValueError(f"max_window_layers is {first!r}; it must be a whole number")
    name = "layer_types" if "layer_types" in values else "max_window_layers"
    sliding = 0 if window is None else max(0, layers - max(first, 0))
    kinds = [FULL] * (layers - sliding) + [SLIDING] * sliding
    kinds = values.pop("layer_types", kinds)
    if kinds == [SLIDING] * layers and window is not None:
        return values | {"sliding_window": window}
    if kinds != [FULL] * layers:
        raise ValueError(
            f"{name} gives {reprlib.repr(kinds)} (sliding_window: {window}), but only "
            f"models open here whose {layers} layers are all of one kind"
        )
    return values


def _write_window(values: dict) -> dict:
    """Say for every layer of a Qwen model how far it sees."""
    window, layers = values.get("sliding_window"), values["num_hidden_layers"]
    return values | {
        "use_sliding_window": window is not None,
        "sliding_window": window,
        "max_window_layers": layers if window is None else 0,
        "layer_types": [FULL if window is None else SLIDING] * layers,
    }


def _read_gpt2(values: dict) -> dict:
    """Fill in the feed-forward width, four times D unless the file says otherwise."""
    values, length = dict(values), values["n_positions"]
    if values.pop("n_ctx", length) != length:
        raise ValueError(f"n_ctx is not n_positions, which is {length}")
    values.setdefault("n_inner", 4 * values["n_embd"])
    return values


# ------------------------------------------------------------------ tables

COMMON_FIELDS = {
    "vocab_size": "vocab_size",
    "context_length": "max_position_embeddings",
    "d_model": "hidden_size",
    "n_layers": "num_hidden_layers",
    "n_heads": "num_attention_heads",
    "n_kv_heads": "num_key_value_heads",
    "d_head": "head_dim",
    "d_ff": "intermediate_size",
    "norm_eps": "rms_norm_eps",
    "tie_embeddings": "tie_word_embeddings",
}
COMMON_NAMES = {
    "embedding": "model.embed_tokens",
    "blocks.{}.attention_norm": "model.layers.{}.input_layernorm",
    "blocks.{}.attention.q_proj": "model.layers.{}.self_attn.q_proj",
    "blocks.{}.attention.k_proj": "model.layers.{}.self_attn.k_proj",
    "blocks.{}.attention.v_proj": "model.layers.{}.self_attn.v_proj",
    "blocks.{}.attention.q_norm": "model.layers.{}.self_attn.q_norm",
    "blocks.{}.attention.k_norm": "model.layers.{}.self_attn.k_norm",
    "blocks.{}.attention.out_proj": "model.layers.{}.self_attn.o_proj",
    "blocks.{}.ffn_norm": "model.layers.{}.post_attention_layernorm",
    "blocks.{}.ffn.w1": "model.layers.{}.mlp.gate_proj",
    "blocks.{}.ffn.w2": "model.layers.{}.mlp.down_proj",
    "blocks.{}.ffn.w3": "model.layers.{}.mlp.up_proj",
    "norm": "model.norm",
    "head": "lm_head",
}
GPT2_NAMES = {
    "embedding": "transformer.wte",
    "position_embedding.table": "transformer.wpe",
    "blocks.{}.attention_norm": "transformer.h.{}.ln_1",
    "blocks.{}.attention.q_proj": "transformer.h.{}.attn.c_attn",
    "blocks.{}.attention.k_proj": "transformer.h.{}.attn.c_attn",
    "blocks.{}.attention.v_proj": "transformer.h.{}.attn.c_attn",
    "blocks.{}.attention.out_proj": "transformer.h.{}.attn.c_proj",
    "blocks.{}.ffn_norm": "transformer.h.{}.ln_2",
    "blocks.{}.ffn.w1": "transformer.h.{}.mlp.c_fc",
    "blocks.{}.ffn.w2": "transformer.h.{}.mlp.c_proj",
    "norm": "transformer.ln_f",
    "head": "lm_head",
}
COMMON_DEFAULTS = {
    "head_dim": None,
    "rms_norm_eps": 1e-6,
    "tie_word_embeddings": False,
}
DECODER = {"is_encoder_decoder": (False,)}
GATED = DECODER | {"hidden_act": ("silu", "swish")}
# Read together, by _read_window.
WINDOWED = GATED | {"use_sliding_window": (False, True)}
# Where a text begins and ends, and what fills it up: `companions` reads and keeps them.
TOKEN_IDS = ("bos_token_id", "eos_token_id", "pad_token_id")
# How a model was begun, and which numbers were struck out at random while it learned.
# Models are built here without dropout: what is opened says the same, and whoever
# trains it further trains without. To refuse these fields would be to refuse GPT-2.
TRAINING_ALONE = frozenset({
    "attention_dropout", "attn_pdrop", "embd_pdrop", "initializer_range", "resid_pdrop",
})  # fmt: skip
# Who made the file and when, and what other heads than that of a language model would
# do.
COMMON_INERT = TRAINING_ALONE | {
    *TOKEN_IDS,
    "_name_or_path", "architectures", "chunk_size_feed_forward", "dtype", "id2label",
    "label2id", "max_length", "output_attentions", "output_hidden_states",
    "problem_type", "return_dict", "task_specific_params", "torch_dtype",
    "transformers_version", "use_cache",
}  # fmt: skip

LLAMA = Family(
    title="Llama",
    model_type="llama",
    architecture="LlamaForCausalLM",
    build=build_llama,
    names=COMMON_NAMES,
    fields=COMMON_FIELDS | {"qkv_bias": "attention_bias"},
    computed=r"\.rotary_emb\.inv_freq$",
    fixed={"qk_norm": False, "sliding_window": None},
    defaults=COMMON_DEFAULTS | {"num_key_value_heads": None, "attention_bias": False},
    constants={"hidden_act": "silu"},
    # The last two stand in the files of SmolLM2.
    allowed=GATED | {"is_llama_config": (True,), "rope_interleaved": (False,)},
    switches={"mlp_bias": "ffn.w1.bias"},
    # How many devices multiplied each matrix in training: the product is the same.
    inert=COMMON_INERT | {"pretraining_tp"},
    read=_read_heads,
)
MISTRAL = Family(
    title="Mistral",
    model_type="mistral",
    architecture="MistralForCausalLM",
    build=Transformer,
    names=COMMON_NAMES,
    fields=COMMON_FIELDS | {"sliding_window": "sliding_window"},
    fixed={"qk_norm": False, "qkv_bias": False},
    defaults=COMMON_DEFAULTS | {"num_key_value_heads": 8, "sliding_window": 4096},
    constants={"hidden_act": "silu"},
    allowed=GATED,
    inert=COMMON_INERT,
)
QWEN2 = Family(
    title="Qwen2",
    model_type="qwen2",
    architecture="Qwen2ForCausalLM",
    build=Transformer,
    names=COMMON_NAMES,
    fields=COMMON_FIELDS | {"sliding_window": "sliding_window"},
    fixed={"qk_norm": False, "qkv_bias": True},
    defaults=COMMON_DEFAULTS | {"num_key_value_heads": 32, "sliding_window": 4096},
    constants={"hidden_act": "silu"},
    allowed=WINDOWED,
    inert=COMMON_INERT,
    read=_read_window,
    write=_write_window,
)
QWEN3 = Family(
    title="Qwen3",
    model_type="qwen3",
    architecture="Qwen3ForCausalLM",
    build=build_llama,
    names=COMMON_NAMES,
    fields=COMMON_FIELDS
    | {"sliding_window": "sliding_window", "qkv_bias": "attention_bias"},
    fixed={"qk_norm": True},
    defaults=COMMON_DEFAULTS
    | {
        "num_key_value_heads": 32,
        "head_dim": 128,
        "sliding_window": 4096,
        "attention_bias": False,
    },
    constants={"hidden_act": "silu"},
    allowed=WINDOWED,
    inert=COMMON_INERT,
    read=_read_window,
    write=_write_window,
)
GPT2 = Family(
    title="GPT-2",
    model_type="gpt2",
    architecture="GPT2LMHeadModel",
    build=build_gpt2,
    names=GPT2_NAMES,
    fields={
        "vocab_size": "vocab_size",
        "context_length": "n_positions",
        "d_model": "n_embd",
        "n_layers": "n_layer",
        "n_heads": "n_head",
        "d_ff": "n_inner",
        "norm_eps": "layer_norm_epsilon",
        "tie_embeddings": "tie_word_embeddings",
    },
    prefix="transformer.",
    sideways=frozenset({"c_attn", "c_proj", "c_fc"}),
    # The mask, and the number that old versions put in its empty places.
    computed=r"\.attn\.(bias|masked_bias)$",
    rotary=False,
    fixed={"qkv_bias": True},
    defaults={
        "n_inner": None,
        "layer_norm_epsilon": 1e-5,
        "tie_word_embeddings": True,
    },
    constants={"activation_function": "gelu_new"},
    # Two names of one function; the other fields change how scores are scaled, or
    # add layers that listen to an encoder.
    allowed=DECODER
    | {
        "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
        "scale_attn_weights": (True,),
        "scale_attn_by_inverse_layer_idx": (False,),
        "reorder_and_upcast_attn": (False,),
        "add_cross_attention": (False,),
    },
    inert=COMMON_INERT
    | {"summary_activation", "summary_first_dropout", "summary_proj_to_labels"}
    | {"summary_type", "summary_use_proj"},
    read=_read_gpt2,
)
# In the order in which they are tried when a model is saved.
FAMILIES = (LLAMA, MISTRAL, QWEN2, QWEN3, GPT2)


def main(argv: list[str] | None = None) -> int:
    """Print what each family calls our parts."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    known = [family.model_type for family in FAMILIES]
    parser.add_argument("--family", choices=known, default=known[0])
    args = parser.parse_args(argv)

    def show() -> None:
        family = FAMILIES[known.index(args.family)]
        for ours, theirs in [*family.names.items(), *family.fields.items()]:
            print(f"{ours:<32}{theirs}")

    return run_command(show)


if __name__ == "__main__":
    raise SystemExit(main())
