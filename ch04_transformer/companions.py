"""What lies beside the weights: the tokenizer, the form of a chat, where a text ends.

A model that has lost these computes the same numbers as before, but nobody knows any
longer which text they speak of, or when to stop. They are files of their own, and three
fields of config.json that no matrix depends on.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from ch01_data.files import atomic_path, run_command
from ch02_tokenization.formats import tokenizer_json
from ch02_tokenization.tokenization import END_OF_TEXT, Tokenizer
from ch04_transformer.config_fields import read_values
from ch04_transformer.families import TOKEN_IDS
from ch04_transformer.transformer import ModelConfig

SETTINGS = "tokenizer_config.json"
TEMPLATE = "chat_template.jinja"
GENERATION = "generation_config.json"
COMPANIONS = ("tokenizer.json", SETTINGS, TEMPLATE, GENERATION)
# Each of these ends an answer: the document is over, or the turn in a chat.
END_TOKENS = (END_OF_TEXT, "<|end|>")


# ------------------------------------------------------------------ reading


def read_companions(dir: Path) -> dict[str, bytes]:
    """Read the files beside a model's weights, as far as they are there."""
    paths = [dir / name for name in COMPANIONS]
    return {path.name: path.read_bytes() for path in paths if path.is_file()}


def read_token_ids(dir: Path) -> dict:
    """Read which tokens a config.json says begin, end and fill up a text.

    One that it leaves out has the family's own meaning, and is left out here too.
    """
    values = _values(dir / "config.json")
    return {name: values[name] for name in TOKEN_IDS if name in values}


def read_end_ids(dir: Path) -> frozenset[int]:
    """Read which tokens end a text.

    If generation_config.json names any, they count, and not those of config.json.
    """
    files = [dir / GENERATION, dir / "config.json"]
    said = [_values(path).get("eos_token_id") for path in files]
    ends = next((each for each in said if each is not None), ())
    return frozenset([ends] if isinstance(ends, int) else ends)


def read_chat_template(dir: Path) -> str | None:
    """Read the template by which a model's conversations are written, if it has one.

    It has a file of its own, which has the last word, or stands among the tokenizer's
    settings, perhaps as one of several, of which the one called "default" is meant.
    """
    if (dir / TEMPLATE).is_file():
        return (dir / TEMPLATE).read_text(encoding="utf-8")
    found = _values(dir / SETTINGS).get("chat_template")
    if isinstance(found, list):
        return {each["name"]: each["template"] for each in found}.get("default")
    return found


def read_token_names(dir: Path) -> dict[str, str]:
    """Read the tokens that a template may speak of: bos_token, eos_token and others."""
    found = {}
    for name, value in _values(dir / SETTINGS).items():
        text = value.get("content") if isinstance(value, dict) else value
        if name.endswith("_token") and isinstance(text, str):
            found[name] = text
    return found


def _values(path: Path) -> dict:
    return read_values(path) if path.is_file() else {}


# ------------------------------------------------------------------ writing


def token_ids(tokenizer: Tokenizer | None, config: ModelConfig) -> dict:
    """Say which tokens begin and end a text; without a tokenizer, that none does.

    If that were left out, the family's own tokens would be believed in.

    Raises:  ValueError if the model has fewer embeddings than there are tokens.
    """
    if tokenizer is None:
        return dict.fromkeys(TOKEN_IDS)
    if len(tokenizer) > config.vocab_size:
        raise ValueError(
            f"the tokenizer has {len(tokenizer)} tokens, but the model only "
            f"{config.vocab_size} embeddings; was it trained with another tokenizer?"
        )
    special = tokenizer.special_tokens
    ends = [special[name] for name in END_TOKENS if name in special]
    start = special.get(END_OF_TEXT)
    return dict(zip(TOKEN_IDS, (start, ends, start), strict=True))


def make_companions(
    tokenizer: Tokenizer, config: ModelConfig, chat_template: str | None
) -> dict[str, bytes]:
    """Make the files by which transformers knows a tokenizer and its chat template."""
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": END_OF_TEXT,
        "eos_token": END_OF_TEXT,
        "pad_token": END_OF_TEXT,
        "clean_up_tokenization_spaces": False,
        "model_max_length": config.context_length,
    }
    settings |= {"chat_template": chat_template} if chat_template else {}
    parts = tokenizer.vocab, tokenizer.merges, tokenizer.special_tokens
    cut = tokenizer.pattern, tokenizer.normalizer
    return {
        "tokenizer.json": tokenizer_json(*parts, *cut).encode(),
        SETTINGS: (json.dumps(settings, indent=2) + "\n").encode(),
    }


def write_companions(dir: Path, files: Mapping[str, bytes]) -> None:
    """Write the files beside the weights, and remove what an older model had there.

    A template or an end of its that stayed would be believed before the new ones.
    """
    for name in COMPANIONS:
        if name in files:
            with atomic_path(dir / name) as temporary:
                temporary.write_bytes(files[name])
        else:
            (dir / name).unlink(missing_ok=True)


def main(argv: list[str] | None = None) -> int:
    """Say what lies beside a model's weights, and where its texts end."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", default="runs/default/model", help="model folder")
    args = parser.parse_args(argv)

    def show() -> None:
        dir = Path(args.model)
        if not (dir / "config.json").is_file():
            raise ValueError(f"{dir} is no model folder; name one that has a config")
        for name, data in read_companions(dir).items():
            print(f"{name:<24}{len(data):>12,} bytes")
        for name, value in read_token_ids(dir).items():
            print(f"{name:<24}{value}")
        print(read_chat_template(dir) or "no chat template")

    return run_command(show)


if __name__ == "__main__":
    raise SystemExit(main())
