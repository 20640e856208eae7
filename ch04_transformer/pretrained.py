"""Real checkpoints in and out: the Hugging Face layout of the Llama family.

A folder holds `config.json`, `model.safetensors` and `tokenizer.json`; transformers and
vLLM open what is written here as it is, and what they wrote opens here.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ch01_data.files import atomic_path, run_command, write_json
from ch02_tokenization.tokenization import END_OF_TEXT, Tokenizer
from ch04_transformer.transformer import ModelConfig, Transformer

# Our name in a block -> Hugging Face's name in a layer.
BLOCK_NAMES = {
    "attention_norm": "input_layernorm",
    "attention.q_proj": "self_attn.q_proj",
    "attention.k_proj": "self_attn.k_proj",
    "attention.v_proj": "self_attn.v_proj",
    "attention.out_proj": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn.w1": "mlp.gate_proj",
    "ffn.w2": "mlp.down_proj",
    "ffn.w3": "mlp.up_proj",
}
OUTER_NAMES = {
    "embedding.weight": "model.embed_tokens.weight",
    "norm.weight": "model.norm.weight",
    "head.weight": "lm_head.weight",
}
# Our config field -> Hugging Face's.
CONFIG_NAMES = {
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
# Without these no Llama model can be built; the others have Llama's own defaults.
NEEDED = {"model_type"} | {
    CONFIG_NAMES[name]
    for name in (
        "vocab_size", "context_length", "d_model", "n_layers", "n_heads", "d_ff",
    )
}  # fmt: skip
# What a Llama config may say that changes the outputs: honoured at this value only.
REQUIRED = {
    "model_type": "llama",
    "hidden_act": "silu",
    "attention_bias": False,
    "mlp_bias": False,
    "pretraining_tp": 1,
}
# What it may say that does not change the outputs of a trained model.
WITHOUT_EFFECT = {
    "architectures", "attention_dropout", "bos_token_id", "dtype", "eos_token_id",
    "initializer_range", "pad_token_id", "torch_dtype", "transformers_version",
    "use_cache",
}  # fmt: skip
# Each of these ends an answer: the document is over, or the turn in a chat.
END_TOKENS = (END_OF_TEXT, "<|end|>")


def hugging_face_name(name: str) -> str:
    """Translate a parameter name: blocks.0.ffn.w1.weight -> model.layers.0.mlp..."""
    if name in OUTER_NAMES:
        return OUTER_NAMES[name]
    _, index, rest = name.split(".", 2)
    part, kind = rest.rsplit(".", 1)
    return f"model.layers.{index}.{BLOCK_NAMES[part]}.{kind}"


def config_to_hugging_face(config: ModelConfig) -> dict:
    """Describe our model as a Llama config.

    Raises:  ValueError if it has parts that Llama has not.
    """
    for field in ("qk_norm", "qkv_bias", "sliding_window"):
        if getattr(config, field):
            raise ValueError(f"{field} is set, which the Llama layout cannot express")
    explicit = replace(
        config,
        n_kv_heads=config.n_kv_heads or config.n_heads,
        d_head=config.d_head or config.d_model // config.n_heads,
    )
    rope = {"rope_type": "default", **(config.rope_scaling or {})}
    return {
        "architectures": ["LlamaForCausalLM"],
        **REQUIRED,
        **{theirs: getattr(explicit, ours) for ours, theirs in CONFIG_NAMES.items()},
        "rope_parameters": {**rope, "rope_theta": config.rope_theta},
    }


def config_from_hugging_face(values: dict) -> ModelConfig:
    """Read a Llama config; every field is honoured or refused by name.

    Raises:  ValueError that names the field that cannot be honoured.
    """
    values = {key: value for key, value in values.items() if value is not None}
    missing = sorted(NEEDED - set(values))
    if missing:
        raise ValueError(f"the field {missing[0]!r} is missing")
    for name, required in REQUIRED.items():
        given = values.pop(name, required)
        if given != required:
            raise ValueError(f"{name} is {given!r}, but only {required!r} opens here")
    fields = {"tie_embeddings": False}
    for ours, theirs in CONFIG_NAMES.items():
        if theirs in values:
            fields[ours] = values.pop(theirs)
    fields |= _read_rope(values)
    unknown = sorted(set(values) - WITHOUT_EFFECT)
    if unknown:
        raise ValueError(f"{unknown[0]!r} is a field not known here")
    return ModelConfig(**fields)


def _read_rope(values: dict) -> dict:
    """Take the rotary fields out of a Llama config, from wherever they stand.

    Older files hold `rope_theta` and `rope_scaling`, newer ones `rope_parameters`.
    """
    both = {}
    for name in ("rope_scaling", "rope_parameters"):
        part = values.pop(name, {})
        if not isinstance(part, dict):
            raise ValueError(f"{name} is {part!r}; it must hold named values")
        both |= part
    theta = values.pop("rope_theta", 10000.0)
    theta = both.pop("rope_theta", theta)
    plain = both in ({}, {"rope_type": "default"})
    return {"rope_theta": theta, "rope_scaling": None if plain else both}


def save_pretrained(
    model: Transformer,
    dir: str | Path,
    tokenizer: Tokenizer | None = None,
    chat_template: str | None = None,
) -> None:
    """Write config, weights, and beside them the tokenizer and its chat template.

    The config comes last: a folder without it is no model folder.

    Raises:  ValueError if the model has parts that the layout cannot express, or fewer
             embeddings than the tokenizer has tokens.
    """
    dir = Path(dir)
    config = config_to_hugging_face(model.config)
    _check_parts(model)
    config["dtype"] = str(model.embedding.weight.dtype).removeprefix("torch.")
    named = model.state_dict().items()
    weights = {hugging_face_name(name): value.contiguous() for name, value in named}
    if tokenizer is not None:
        config |= _token_ids(tokenizer, model.config)
    with atomic_path(dir / "model.safetensors") as temporary:
        save_file(weights, temporary, metadata={"format": "pt"})
    if tokenizer is not None:
        tokenizer.save(dir)
        settings = tokenizer_settings(model.config, chat_template)
        write_json(dir / "tokenizer_config.json", settings)
    write_json(dir / "config.json", config)


def _check_parts(model: Transformer) -> None:
    """Refuse a model that is not built of Llama's parts, whatever their names are."""
    with torch.device("meta"):
        plain = dict(Transformer(model.config).named_modules())
    for name, part in model.named_modules():
        if type(part) is not type(plain.get(name)):
            raise ValueError(
                f"{name} is a {type(part).__name__}, which Llama has not at this place"
            )


def _token_ids(tokenizer: Tokenizer, config: ModelConfig) -> dict:
    """Say which tokens begin and end a text."""
    if len(tokenizer) > config.vocab_size:
        raise ValueError(
            f"the tokenizer has {len(tokenizer)} tokens, but the model only "
            f"{config.vocab_size} embeddings; was it trained with another tokenizer?"
        )
    special = tokenizer.special_tokens
    ends = [special[name] for name in END_TOKENS if name in special]
    start = special.get(END_OF_TEXT)
    return {"bos_token_id": start, "eos_token_id": ends, "pad_token_id": start}


def tokenizer_settings(config: ModelConfig, chat_template: str | None) -> dict:
    """Describe what transformers needs to know beside tokenizer.json."""
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": END_OF_TEXT,
        "eos_token": END_OF_TEXT,
        "pad_token": END_OF_TEXT,
        "clean_up_tokenization_spaces": False,
        "model_max_length": config.context_length,
    }
    return settings | ({"chat_template": chat_template} if chat_template else {})


def read_config(path: Path) -> ModelConfig:
    """Read a config.json.

    Raises:  ValueError if it is missing, damaged, or of another family.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(
            f"{path.parent} is no model folder (config.json: {error.strerror}); "
            "name a folder such as runs/default/model"
        ) from error
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}); make it anew") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path} holds no named values; make it anew")
    try:
        return config_from_hugging_face(values)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file.

    Raises:  ValueError if it is missing or damaged.
    """
    if not path.is_file():
        raise ValueError(
            f"{path} is missing; weights are read from one safetensors file only "
            "(a pickle, such as pytorch_model.bin, can run anything)"
        )
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged ({error}); make it anew") from error


def load_pretrained(dir: str | Path) -> Transformer:
    """Open a model folder in the Hugging Face layout, in float32.

    Raises:  ValueError that names the missing file, field or tensor.
    """
    dir = Path(dir)
    config = read_config(dir / "config.json")
    weights = read_weights(dir / "model.safetensors")
    try:
        model = Transformer(config)
        fill(model, weights)
    except ValueError as error:
        raise ValueError(f"{dir}: {error}") from error
    return model.eval()


@torch.no_grad()
def fill(model: Transformer, weights: dict[str, Tensor]) -> None:
    """Copy Hugging Face's tensors into our parameters, each exactly once.

    Raises:  ValueError that names the tensor that is missing, left over, or misshapen.
    """
    left = dict(weights)
    for name, parameter in model.named_parameters():
        theirs = hugging_face_name(name)
        if theirs not in left:
            raise ValueError(f"the tensor {theirs} is missing")
        value = left.pop(theirs)
        if value.shape != parameter.shape:
            raise ValueError(
                f"{theirs} has shape {tuple(value.shape)}, but the config asks for "
                f"{tuple(parameter.shape)}"
            )
        if not value.is_floating_point():
            raise ValueError(f"{theirs} is {value.dtype}, but weights must be floats")
        parameter.copy_(value)
    if left:
        raise ValueError(f"the tensor {min(left)} is not known here")


def main(argv: list[str] | None = None) -> int:
    """Open a model folder and print what it holds."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", default="runs/default/model", help="model folder")
    args = parser.parse_args(argv)

    def show() -> None:
        model = load_pretrained(args.model)
        print(model.config)
        for name, parameter in model.named_parameters():
            print(f"{name:<44}{str(tuple(parameter.shape)):>16}")

    return run_command(show)


if __name__ == "__main__":
    raise SystemExit(main())
