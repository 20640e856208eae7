"""The files that keep tokenizers: Hugging Face's `tokenizer.json`, and GPT-2's two.

Both write a token's bytes as visible characters (`byte_characters` in `bpe.py`), so
that the file is readable text. Functions here turn the four parts of a tokenizer
(vocabulary, merges, special tokens, pattern) into the text of a file and back; they
open no file.
"""

import json

from ch02_tokenization.bpe import byte_characters

Merges = list[tuple[bytes, bytes]]


def tokenizer_json(
    vocab: dict[int, bytes],
    merges: Merges,
    special_tokens: dict[str, int],
    pattern: str,
) -> str:
    """Return the text of `tokenizer.json`, always the same for the same tokenizer.

    Raises:  ValueError if a special token is written like an ordinary one.
    Source:  the format of Hugging Face's `tokenizers` library, version "1.0".
    """
    special = {i: text for text, i in special_tokens.items()}
    names = {special.get(i) or visible(vocab[i]): i for i in sorted(vocab)}
    if len(names) != len(vocab):
        raise ValueError(
            f"one of the special tokens {list(special_tokens)} is written like an "
            "ordinary token in tokenizer.json; rename it"
        )
    split = {"type": "Split", "pattern": {"Regex": pattern}}
    split |= {"behavior": "Isolated", "invert": False}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False}
    byte_level |= {"trim_offsets": False, "use_regex": False}
    content = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added_token(i, special[i]) for i in sorted(special)],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, byte_level]},
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": True,  # as tiktoken: a piece that is a token stays whole
            "vocab": names,
            "merges": [[visible(left), visible(right)] for left, right in merges],
        },
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _added_token(i: int, text: str) -> dict[str, object]:
    borders = {"single_word": False, "lstrip": False, "rstrip": False}
    return {"id": i, "content": text, **borders, "normalized": False, "special": True}


def visible(token: bytes) -> str:
    """Return bytes as GPT-2's visible characters."""
    characters = byte_characters()
    return "".join(characters[byte] for byte in token)


def read_tokenizer_json(
    text: str,
) -> tuple[dict[int, bytes], Merges, dict[str, int], str]:
    """Return the vocabulary, merges, special tokens and pattern in a `tokenizer.json`.

    Raises:  ValueError or KeyError if it is of another kind than we write.
    """
    content = json.loads(text)
    model, normalizer = content["model"], content["normalizer"]
    if model["type"] != "BPE" or normalizer is not None:
        raise ValueError(
            f"model {model['type']} with normalizer {normalizer}; need BPE with none"
        )
    steps = content["pre_tokenizer"].get("pretokenizers", [])
    if [step["type"] for step in steps] != ["Split", "ByteLevel"]:
        raise ValueError("pre_tokenizer must be a Split by a pattern, then ByteLevel")
    special = {token["content"]: token["id"] for token in content["added_tokens"]}
    vocab, merges = _to_bytes(model["vocab"], model["merges"], special)
    return vocab, merges, special, steps[0]["pattern"]["Regex"]


def read_gpt2(
    vocab_json: str, merges_txt: str
) -> tuple[dict[int, bytes], Merges, dict[str, int]]:
    """Return the vocabulary, merges and special tokens in GPT-2's two files.

    The files do not say which tokens are special: those that no merge makes.
    """
    names = json.loads(vocab_json)
    lines = merges_txt.split("\n")
    merges = [line.split(" ") for line in lines if line and not line.startswith("#v")]
    made = {*byte_characters().values(), *(left + right for left, right in merges)}
    special = {name: i for name, i in names.items() if name not in made}
    return *_to_bytes(names, merges, special), special


def _to_bytes(
    names: dict[str, int], merges: list[list[str]], special: dict[str, int]
) -> tuple[dict[int, bytes], Merges]:
    values = {character: byte for byte, character in byte_characters().items()}

    def data(name: str) -> bytes:
        return bytes([values[character] for character in name])

    vocab = {i: data(name) for name, i in names.items() if name not in special}
    return vocab, [(data(left), data(right)) for left, right in merges]
