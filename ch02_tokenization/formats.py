"""The files that keep tokenizers: Hugging Face's `tokenizer.json`, and GPT-2's two.

Both write a token's bytes as visible characters (`byte_characters` in `bpe.py`), so
that the file is readable text. Functions here turn the parts of a tokenizer
(vocabulary, merges, special tokens, pattern, normalizer) into the text of a file and
back; they open no file.
"""

import json

from ch02_tokenization.bpe import byte_characters
from ch02_tokenization.pieces import GPT2_PATTERN

Merges = list[tuple[bytes, bytes]]
# NFC writes an accented letter as one character where there is one (Qwen's models).
NORMALIZERS = (None, "NFC")
# GPT-2's pattern where every digit is a piece of its own and cuts what surrounds it, so
# that white space before a digit stays in one piece.
DIGITS_PATTERN = GPT2_PATTERN.replace(r" ?\p{N}+", r"\p{N}").replace(
    r"(?!\S)", r"(?![^\s\p{N}])"
)
WANTED = {"model": ("BPE",), "normalizer": NORMALIZERS, "decoder": ("ByteLevel",)}
# What a file may ask of its model or of an added token, and this book cannot do.
NOT_HERE = (
    "dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback",
    "lstrip", "rstrip", "single_word",
)  # fmt: skip


def tokenizer_json(
    vocab: dict[int, bytes],
    merges: Merges,
    special_tokens: dict[str, int],
    pattern: str,
    normalizer: str | None = None,
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
        "normalizer": {"type": normalizer} if normalizer else None,
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
) -> tuple[dict[int, bytes], Merges, dict[str, int], str, str | None]:
    """Return the parts of a tokenizer that a `tokenizer.json` holds.

    They are the vocabulary, merges, special tokens, pattern and normalizer.

    Older files write a merge as one string, "a b". What is put around a text as a
    whole (`post_processor`) is passed over: `encode` puts nothing there.

    Raises:  ValueError that names what cannot be done here, KeyError if it is damaged.
    """
    content = json.loads(text)
    model, added = content["model"], content["added_tokens"]
    _check_kind(content)
    special = {token["content"]: token["id"] for token in added}
    pairs = [
        pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"]
    ]
    vocab, merges = _to_bytes(model["vocab"], pairs, special)
    made = {left + right for left, right in merges}
    loose = [token for token in vocab.values() if len(token) > 1 and token not in made]
    if loose and not model.get("ignore_merges"):
        raise ValueError(f"no merge makes the token {loose[0]!r}, which would be used")
    steps = content["pre_tokenizer"] or {"type": None}
    normalizer = (content.get("normalizer") or {}).get("type")
    return vocab, merges, special, read_pattern(steps), normalizer


def _check_kind(content: dict) -> None:
    """Refuse by name what would give other tokens than these parts do."""
    for name, wanted in WANTED.items():
        # The oldest files do not say of what kind their model is.
        absent = "BPE" if name == "model" else None
        kind = (content.get(name) or {}).get("type", absent)
        if kind not in wanted:
            known = " or ".join(map(str, wanted))
            raise ValueError(f"the {name} is {kind}, but only {known} opens here")
    for part in [content["model"], *content["added_tokens"]]:
        for name in NOT_HERE:
            if part.get(name):
                raise ValueError(f"{name} is {part[name]!r}, which does not open here")


def read_pattern(pre_tokenizer: dict) -> str:
    """Return the pattern by which a file's `pre_tokenizer` cuts text into pieces.

    ByteLevel alone cuts as GPT-2 does; behind a Split it only makes bytes visible.

    Raises:  ValueError that names the steps if they are others than can be told so.
    """
    steps = pre_tokenizer.get("pretokenizers") or [pre_tokenizer]
    kinds = [step["type"] for step in steps]
    first, last = steps[0], steps[-1]
    cuts = last.get("use_regex", True)
    if last.get("add_prefix_space"):
        raise ValueError("add_prefix_space is True, which does not open here")
    if kinds == ["ByteLevel"] and cuts:
        return GPT2_PATTERN
    if kinds == ["Digits", "ByteLevel"] and cuts and first["individual_digits"]:
        return DIGITS_PATTERN
    isolated = first.get("behavior") == "Isolated" and "Regex" in first.get(
        "pattern", {}
    )
    if kinds == ["Split", "ByteLevel"] and not cuts and isolated:
        return first["pattern"]["Regex"]
    raise ValueError(
        f"the pre_tokenizer is {steps}, but only ByteLevel opens here, alone, behind "
        "Digits one by one, or (use_regex false) behind a Split whose pieces stay"
    )


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
