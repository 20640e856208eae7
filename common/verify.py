"""Verify a run: compute its report again from the exported models and the generator."""

import json
import math
from pathlib import Path

import torch

from ch02_tokenization.shards import encode_corpus
from ch02_tokenization.tokenization import Tokenizer
from ch04_transformer.pretrained import load_pretrained

TOLERANCE = 1e-4


def differences(reported: object, computed: object, name: str) -> list[str]:
    """List the places where two nested values differ by more than the tolerance."""
    if isinstance(computed, dict):
        pairs = [(reported.get(k), v, f"{name}.{k}") for k, v in computed.items()]
    elif isinstance(computed, (list, tuple)):
        pairs = [(r, c, f"{name}[{i}]") for i, (r, c) in enumerate(
            zip(reported, computed, strict=True))]  # fmt: skip
    else:
        both = isinstance(reported, float) and isinstance(computed, float)
        close = both and math.isclose(reported, computed, abs_tol=TOLERANCE)
        same = close or reported == computed
        return [] if same else [f"{name}: reported {reported}, computed {computed}"]
    return [line for pair in pairs for line in differences(*pair)]
