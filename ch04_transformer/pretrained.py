"""Real checkpoints in and out: a folder in the layout of Hugging Face.

A folder holds `config.json`, the weights (`model.safetensors`, or shards of it with an
index), and perhaps `tokenizer.json`. What is written here transformers and vLLM open as
it is, and what they wrote opens here, for the families of `families.py`.
"""

import argparse
from contextlib import suppress
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from ch01_data.files import run_command, write_json
from ch02_tokenization.tokenization import Tokenizer
from ch04_transformer.companions import (
    make_companions,
    read_companions,
    read_token_ids,
    token_ids,
    write_companions,
)
from ch04_transformer.config_fields import describe_model, read_config_json
from ch04_transformer.families import LLAMA, Family
from ch04_transformer.tensor_files import TensorFiles, write_tensors
from ch04_transformer.transformer import ModelConfig, Transformer

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.half}


def hugging_face_name(name: str, family: Family = LLAMA) -> str:
    """Translate a parameter name: blocks.0.ffn.w1.weight -> model.layers.0.mlp..."""
    return family.tensor_name(name)


# ------------------------------------------------------------------ reading


def load_pretrained(
    dir: str | Path, dtype: torch.dtype | None = torch.float32
) -> Transformer:
    """Open a model folder in the Hugging Face layout.

    The numbers become `dtype`, or with None stay as the file has them. Beyond the model
    itself no more memory is taken than the largest tensor's. Models are built without
    dropout: one that a config asks for (GPT-2's does, a tenth) would matter in training
    alone, and is passed over, as are the others of `families.TRAINING_ALONE`.

    Raises:  ValueError that names the missing or damaged file, the field that cannot be
             honoured, or the tensor that is missing, left over or misshapen.
    """
    dir = Path(dir)
    _check_dtype(dtype)
    family, config, switches = read_config_json(dir / "config.json")
    files = TensorFiles(dir)
    try:
        model = family.outline(config, **switches)
        fill(model, family, files, dtype)
    except ValueError as error:
        raise ValueError(f"{dir}: {error}") from error
    return model.eval()


def read_config(path: Path) -> ModelConfig:
    """Read a config.json in this book's words.

    Raises:  ValueError if it is missing, damaged, or says what cannot be honoured.
    """
    return read_config_json(path)[1]


def _check_dtype(dtype: torch.dtype | None) -> None:
    if dtype is not None and not dtype.is_floating_point:
        raise ValueError(f"dtype is {dtype}, but weights must be floats")


def tensors_of(model: Transformer, family: Family) -> dict[str, list[str]]:
    """Say which of our parameters lie in which tensor of a file.

    Where a tensor holds several, they lie one below the other in this order.
    """
    held: dict[str, list[str]] = {}
    for name, _ in model.named_parameters():
        held.setdefault(family.tensor_name(name), []).append(name)
    return held


@torch.no_grad()
def fill(
    model: Transformer, family: Family, files: TensorFiles, dtype: torch.dtype | None
) -> None:
    """Give each parameter of an outline its numbers, each tensor being read once.

    The largest come first: while they are copied, little else is in memory yet.

    Raises:  ValueError that names the tensor that is missing, left over, or misshapen.
    """
    held = tensors_of(model, family)
    stored = _names_in_files(held, family, files)
    _check_tied_head(model, family, files, stored)
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    for tensor in sorted(held, key=lambda tensor: -sum(map(sizes.get, held[tensor]))):
        value = files.read(stored[tensor])
        ours = [model.get_parameter(name) for name in held[tensor]]
        sideways = _lies_sideways(tensor, family) and value.dim() == 2
        shape = _stacked_shape(ours, sideways)
        if value.shape != shape:
            raise ValueError(
                f"{tensor} has shape {tuple(value.shape)}, but the config asks for "
                f"{tuple(shape)}"
            )
        if not value.is_floating_point():
            raise ValueError(f"{tensor} is {value.dtype}, but weights must be floats")
        pieces = (value.T if sideways else value).split([len(part) for part in ours])
        for name, piece in zip(held[tensor], pieces, strict=True):
            _put(model, name, piece, dtype or value.dtype)


def _names_in_files(
    held: dict[str, list[str]], family: Family, files: TensorFiles
) -> dict[str, str]:
    """Find each tensor's name in the files; a bare model's leave the prefix away.

    Raises:  ValueError that names the tensor that is missing or left over.
    """
    stored = {}
    for tensor in held:
        names = (tensor, tensor.removeprefix(family.prefix))
        found = [name for name in names if name in files.places]
        if not found:
            raise ValueError(f"the tensor {tensor} is missing")
        stored[tensor] = found[0]
    allowed = {*stored.values(), family.tensor_name("head.weight")}
    left = set(files.places) - allowed
    left = {name for name in left if not family.is_computed(name)}
    if left:
        raise ValueError(f"the tensor {min(left)} is not known here")
    return stored


def _check_tied_head(
    model: Transformer, family: Family, files: TensorFiles, stored: dict[str, str]
) -> None:
    """Refuse a head beside tied embeddings, unless it says the same as they do."""
    head = family.tensor_name("head.weight")
    if head in stored or head not in files.places:
        return
    embedding = stored[family.tensor_name("embedding.weight")]
    if not files.read(head).equal(files.read(embedding)):
        raise ValueError(
            f"the tensor {head} is not equal to {embedding}, but the config says that "
            "they are tied"
        )


def _lies_sideways(tensor: str, family: Family) -> bool:
    return tensor.split(".")[-2] in family.sideways


def _stacked_shape(parts: list[Tensor], sideways: bool) -> tuple[int, ...]:
    """Return the shape of several parameters one below the other."""
    shape = (sum(map(len, parts)), *parts[0].shape[1:])
    return shape[::-1] if sideways else shape


def _put(model: nn.Module, name: str, value: Tensor, dtype: torch.dtype) -> None:
    """Put a copy of its own in the place of a parameter without memory."""
    owner, _, last = name.rpartition(".")
    copy = torch.empty(value.shape, dtype=dtype).copy_(value)
    setattr(model.get_submodule(owner), last, nn.Parameter(copy))


# ------------------------------------------------------------------ writing


def save_pretrained(
    model: Transformer,
    dir: str | Path,
    tokenizer: Tokenizer | None = None,
    chat_template: str | None = None,
    *,
    dtype: torch.dtype | None = None,
    max_shard_bytes: int | None = None,
    beside: str | Path | None = None,
) -> None:
    """Write config, weights, and beside them the tokenizer and its chat template.

    The first family that can say what the model is gives the names. The numbers become
    `dtype`, or stay as they are; weights beyond `max_shard_bytes` go to several files.
    `beside` is the folder that the model came from, if its tokenizer, template and
    token ids shall come along as they are. The config comes last: a folder without it
    is no model folder.

    Raises:  ValueError if the model has parts that no family can express, or fewer
             embeddings than the tokenizer has tokens, or if there are two tokenizers.
    """
    dir = Path(dir)
    _check_dtype(dtype)
    ids, files = _companions(tokenizer, chat_template, model.config, beside)
    family, config = describe_model(model)
    config["dtype"] = str(dtype or model.embedding.weight.dtype).removeprefix("torch.")
    config |= ids
    held = tensors_of(model, family)
    sizes = _file_sizes(model, held, dtype)
    # Without its config, a folder that is being overwritten is no model meanwhile.
    with suppress(FileNotFoundError, NotADirectoryError):
        (dir / "config.json").unlink()
    make = partial(_join, model, family, held, dtype)
    write_tensors(dir, sizes, make, max_shard_bytes)
    if tokenizer is not None or beside is not None:
        write_companions(dir, files)
    write_json(dir / "config.json", config)


def _companions(
    tokenizer: Tokenizer | None,
    chat_template: str | None,
    config: ModelConfig,
    beside: str | Path | None,
) -> tuple[dict, dict[str, bytes]]:
    """Gather the token ids and the files that go with the weights."""
    if beside is None:
        ids = token_ids(tokenizer, config)
        if tokenizer is None:
            return ids, {}
        return ids, make_companions(tokenizer, config, chat_template)
    if tokenizer is not None:
        raise ValueError(
            f"there are two tokenizers, one given and one beside {beside}; give one"
        )
    return read_token_ids(Path(beside)), read_companions(Path(beside))


def _file_sizes(
    model: Transformer, held: dict[str, list[str]], dtype: torch.dtype | None
) -> dict[str, int]:
    """Count the bytes that each tensor will take in a file."""

    def size(parameter: Tensor) -> int:
        return parameter.numel() * (dtype or parameter.dtype).itemsize

    return {
        tensor: sum(size(model.get_parameter(name)) for name in names)
        for tensor, names in held.items()
    }


def _join(
    model: Transformer,
    family: Family,
    held: dict[str, list[str]],
    dtype: torch.dtype | None,
    tensor: str,
) -> Tensor:
    """Make one tensor of a file out of those of our parameters that lie in it."""
    ours = [model.get_parameter(name).detach() for name in held[tensor]]
    value = torch.cat(ours) if len(ours) > 1 else ours[0]
    if _lies_sideways(tensor, family) and value.dim() == 2:
        value = value.T
    return value.to("cpu", dtype or value.dtype).contiguous()


def main(argv: list[str] | None = None) -> int:
    """Open a model folder and print what it holds, or write it anew to another."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", default="runs/default/model", help="model folder")
    parser.add_argument("--out", help="folder to write it to, tokenizer and all")
    parser.add_argument("--dtype", choices=DTYPES, help="as the file has it, if absent")
    parser.add_argument("--max-shard-mb", type=int, help="most megabytes in one file")
    args = parser.parse_args(argv)

    def show() -> None:
        model = load_pretrained(args.model, DTYPES.get(args.dtype))
        print(model.config)
        for name, parameter in model.named_parameters():
            print(f"{name:<44}{str(tuple(parameter.shape)):>16}")
        if args.out:
            limit = args.max_shard_mb and args.max_shard_mb * 10**6
            save_pretrained(model, args.out, max_shard_bytes=limit, beside=args.model)

    return run_command(show)


if __name__ == "__main__":
    raise SystemExit(main())
