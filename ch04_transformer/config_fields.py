"""What a config.json says of a model, and what a model says in a config.json.

Every field is honoured or refused by name: one that is passed over in silence gives a
model that runs, and is another one. On the way out the same is done backwards: what is
written is read again, and where anything of the model is lost, nothing is written.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import FunctionType

import torch

from ch01_data.files import run_command
from ch03_attention.attention import (
    Attend,
    causal_mask,
    scaled_dot_product_attention,
)
from ch03_attention.rope_scaling import with_original_length
from ch04_transformer.families import FAMILIES, Family
from ch04_transformer.transformer import ModelConfig, Transformer

# Scalings of rotary positions that the layout has words for.
ROPE_KINDS = ("default", "linear", "llama3", "yarn")
# These go by the length the model was trained at; if it is absent, by the full length.
WITH_TRAINED_LENGTH = ("llama3", "yarn")
TRAINED_LENGTH = "original_max_position_embeddings"


def read_fields(values: dict) -> tuple[Family, ModelConfig, dict[str, bool]]:
    """Read the fields of a config.json: the family, our config, and its switches.

    Raises:  ValueError that names the field that cannot be honoured.
    """
    family = family_of_type(values.get("model_type"))
    values = without_nulls({**family.defaults, **values})
    del values["model_type"]
    _check_fields(family, values)
    values = family.read(values)
    switches = {name: values.pop(name, False) for name in family.switches}
    ours = dict(family.fixed) | (_read_rope(values) if family.rotary else {})
    for name, theirs in family.fields.items():
        if theirs in values:
            ours[name] = values.pop(theirs)
    unknown = sorted(set(values) - family.inert - set(family.allowed))
    if unknown:
        raise ValueError(f"{unknown[0]!r} is a field not known here")
    try:
        return family, ModelConfig(**ours), switches
    except ValueError as error:
        name, rest = str(error).split(" ", 1)
        raise ValueError(f"{family.fields.get(name, name)} {rest}") from error


def without_nulls(values: Mapping) -> dict:
    """Leave out what is null: in this layout, that says nothing."""
    return {name: value for name, value in values.items() if value is not None}


def family_of_type(model_type: object) -> Family:
    """Find the family that a config.json names as its model_type.

    Raises:  ValueError if it names none, or one that is not known here.
    """
    if model_type is None:
        raise ValueError("the field 'model_type' is missing")
    for family in FAMILIES:
        if family.model_type == model_type:
            return family
    known = ", ".join(family.model_type for family in FAMILIES)
    raise ValueError(f"model_type is {model_type!r}, but only {known} open here")


def _check_fields(family: Family, values: dict) -> None:
    """Refuse what cannot be honoured, and a config without one of the sizes."""
    for name, known in family.allowed.items():
        given = values.get(name, known[0])
        if given not in known:
            raise ValueError(f"{name} is {given!r}, but only {known[0]!r} opens here")
    for name in sorted(set(family.fields.values()) - set(family.defaults)):
        if name not in values:
            raise ValueError(f"the field {name!r} is missing")
        given = values[name]
        if not isinstance(given, int) or isinstance(given, bool) or given < 1:
            raise ValueError(f"{name} is {given!r}; it must be a positive whole number")
    for name in family.switches:
        if not isinstance(values.get(name, False), bool):
            raise ValueError(f"{name} is {values[name]!r}; it must be true or false")


def _read_rope(values: dict) -> dict:
    """Take the rotary fields out of a config, from wherever they stand.

    Older files hold `rope_theta` and `rope_scaling` (whose kind may be called `type`),
    newer ones `rope_parameters`; some hold both.
    """
    rope: dict[str, object] = {}
    for field in ("rope_scaling", "rope_parameters"):
        part = values.pop(field, {})
        if not isinstance(part, dict):
            raise ValueError(f"{field} is {part!r}; it must hold named values")
        for name, value in without_nulls(part).items():
            if rope.setdefault(name, value) != value:
                raise ValueError(f"rope_scaling and {field} differ in {name!r}")
    theta = values.pop("rope_theta", 10000.0)
    theta, kind = rope.pop("rope_theta", theta), rope.pop("type", "default")
    kind = rope.setdefault("rope_type", kind)
    if kind not in ROPE_KINDS:
        known = ", ".join(ROPE_KINDS)
        raise ValueError(f"rope_type is {kind!r}, but only {known} are known")
    if kind in WITH_TRAINED_LENGTH:
        rope.setdefault(TRAINED_LENGTH, values["max_position_embeddings"])
    plain = rope == {"rope_type": "default"}
    return {"rope_theta": theta, "rope_scaling": None if plain else rope}


def write_fields(
    family: Family, config: ModelConfig, switches: Mapping[str, bool]
) -> dict:
    """Say a config in the words of a family, as far as it has words for it.

    The rotary fields are written twice, for readers of today and of before 2025.
    """
    config = in_full(config)
    values = {
        "architectures": [family.architecture],
        "model_type": family.model_type,
        **family.constants,
        **switches,
        **{theirs: getattr(config, ours) for ours, theirs in family.fields.items()},
    }
    if family.rotary:
        theta, scaling = config.rope_theta, config.rope_scaling
        values |= {"rope_theta": theta, "rope_scaling": scaling}
        both = {"rope_type": "default", **(scaling or {}), "rope_theta": theta}
        values["rope_parameters"] = both
    return family.write(values)


def in_full(config: ModelConfig) -> ModelConfig:
    """Write out what a config leaves to be derived."""
    scaling = with_original_length(config.rope_scaling, config.context_length) or {}
    plain = scaling.get("rope_type", "default") == "default"
    return replace(
        config,
        n_kv_heads=config.n_kv_heads or config.n_heads,
        d_head=config.d_head or config.d_model // config.n_heads,
        rope_scaling=None if plain else without_nulls(scaling),
    )


def describe_model(model: Transformer) -> tuple[Family, dict]:
    """Find the first family that can say what a model is, and say it in its words.

    Raises:  ValueError that names what the nearest family has not.
    """
    present = [name for name, _ in model.named_parameters()]
    found = []
    for family in FAMILIES:
        switches = {
            name: any(parameter.endswith(part) for parameter in present)
            for name, part in family.switches.items()
        }
        values = write_fields(family, model.config, switches)
        problems = _lost_fields(family, model.config, values)
        try:
            outline = family.outline(model.config, **switches)
            other = part_differences(model, outline)
        except ValueError as error:
            other = [str(error)]
        problems += [f"{each}, so this is no {family.title} model" for each in other]
        if not problems:
            return family, values
        found.append(problems)
    raise ValueError(min(found, key=len)[0])


def _lost_fields(family: Family, config: ModelConfig, values: dict) -> list[str]:
    """List the fields of ours that do not survive the way out and back."""
    try:
        _, back, _ = read_fields(values)
    except ValueError as error:
        return [str(error)]
    before, after = vars(in_full(config)), vars(in_full(back))
    return [
        f"{name} is {value!r}, which the {family.title} layout cannot express"
        for name, value in before.items()
        if value != after[name]
    ]


def part_differences(model: Transformer, other: Transformer) -> list[str]:
    """Say in what a model is built otherwise than another, whatever its parameters.

    Compared are the kind of each part, its plain numbers, the shape of each parameter,
    and the tables that are computed from the config.
    """
    mine, theirs = traits(model), traits(other)
    found = []
    for name in {**mine, **theirs}:
        if name not in theirs:
            found.append(f"{name} is {_say(mine[name])}")
        elif name not in mine:
            found.append(f"{name} is missing")
        elif mine[name] != theirs[name]:
            found.append(f"{name} is {_say(mine[name])} and not {_say(theirs[name])}")
    tables, others = dict(model.named_buffers()), dict(other.named_buffers())
    for name in sorted({*tables, *others}):
        if name not in others or name not in tables:
            found.append(f"{name} is {'there' if name in tables else 'missing'}")
        elif not others[name].to(tables[name]).equal(tables[name]):
            found.append(f"{name} is another table")
    return found


def traits(model: Transformer) -> dict[str, object]:
    """List the kind of each part of a model, its numbers, functions and shapes."""
    found: dict[str, object] = {}
    for name, part in model.named_modules():
        found[name or "model"] = type(part)
        for key, value in vars(part).items():
            if key == "attend":
                found[f"{name}.{key}"] = "as usual" if attends_as_usual(value) else key
            elif isinstance(value, FunctionType):
                found[f"{name}.{key}"] = value.__qualname__
            elif isinstance(value, int | float | None) and key != "training":
                found[f"{name}.{key}"] = value
    found = {key: value for key, value in found.items() if "._" not in key}
    for name, parameter in model.named_parameters():
        found[name] = tuple(parameter.shape)
    return found


def attends_as_usual(attend: Attend) -> bool:
    """Say whether a function computes attention, however fast, and nothing else."""
    if attend is scaled_dot_product_attention:
        return True
    noise = torch.randn(3, 1, 2, 9, 4, generator=torch.Generator().manual_seed(0))
    expected = scaled_dot_product_attention(*noise, causal_mask(9, 9))
    return torch.allclose(attend(*noise, causal_mask(9, 9)), expected, atol=1e-5)


def _say(trait: object) -> str:
    if isinstance(trait, type):
        return f"a {trait.__qualname__}"
    return f"of shape {trait}" if isinstance(trait, tuple) else repr(trait)


def read_values(path: Path) -> dict:
    """Read a JSON file of named values.

    Raises:  ValueError if it is damaged, OSError if it cannot be opened.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}); make it anew") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path} holds no named values; make it anew")
    return values


def read_config_json(path: Path) -> tuple[Family, ModelConfig, dict[str, bool]]:
    """Read a config.json: the family, our config, and its switches.

    Raises:  ValueError if it is missing, damaged, or says what cannot be honoured.
    """
    try:
        values = read_values(path)
    except OSError as error:
        raise ValueError(
            f"{path.parent} is no model folder (config.json: {error.strerror}); "
            "name a folder such as runs/default/model"
        ) from error
    try:
        return read_fields(values)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def main(argv: list[str] | None = None) -> int:
    """Say in this book's words what a config.json describes."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--config", default="runs/default/model/config.json")
    args = parser.parse_args(argv)

    def show() -> None:
        family, config, switches = read_config_json(Path(args.config))
        print(f"{'family':<16}{family.title}")
        for name, value in {**vars(config), **switches}.items():
            print(f"{name:<16}{value}")

    return run_command(show)


if __name__ == "__main__":
    raise SystemExit(main())
