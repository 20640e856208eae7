"""Which documents are for training and which for validation.

By hash: each text draws a number from 0 to 1 that only the text and the seed decide,
and numbers below the share go to validation. Adding documents never moves one that is
there already, and equal texts always fall on the same side. A single document is cut by
position.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ch01_data.sources import Document

WAYS = ("auto", "hash", "last-tenth")


def split_documents(
    documents: list[Document], way: str = "auto", share: float = 0.1, seed: int = 0
) -> dict[str, list[Document]]:
    """Divide documents into train and validation, the same way every time.

    Raises:  ValueError if a single document is to be split by hash.
    """
    if choose_way(way, len(documents)) == "last-tenth":
        parts = [cut(document, 1 - share) for document in documents]
        both = {"train": [a for a, _ in parts], "validation": [b for _, b in parts]}
    else:
        held = held_back([place_of(d.text, seed) for d in documents], share)
        both = {"train": [], "validation": []}
        for document, is_held in zip(documents, held, strict=True):
            both["validation" if is_held else "train"].append(document)
    return {name: [d for d in part if d.text] for name, part in both.items()}


def choose_way(way: str, n_documents: int) -> str:
    """Return "hash" or "last-tenth"; auto cuts a document only if it is alone.

    Raises:  ValueError if a single document is to be split by hash.
    """
    if way == "hash" and n_documents == 1:
        raise ValueError("one document cannot be split by hash; take last-tenth")
    if way == "auto":
        return "last-tenth" if n_documents == 1 else "hash"
    return way


def held_back(places: Sequence[float], share: float) -> np.ndarray:
    """Say of each place in the draw whether it is for validation: those below `share`.

    Neither side stays empty: at least one is held back, and at least one is not.
    """
    places = np.asarray(places)
    n = min(max(int((places < share).sum()), 1), len(places) - 1)
    held = np.zeros(len(places), dtype=bool)
    held[np.argsort(places, kind="stable")[:n]] = True
    return held


def place_of(text: str, seed: int) -> float:
    """Return a number from 0 to 1 that this seed and this text always give."""
    data = f"{seed}:{text}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big") / 2**64


def cut(document: Document, share: float) -> tuple[Document, Document]:
    """Cut a document at a share of its bytes, never inside a character."""
    data = document.text.encode("utf-8", "surrogatepass")
    head = data[: round(len(data) * share)].decode("utf-8", "ignore")
    tail = document.text[len(head) :]
    return (
        replace(document, text=head, id=f"{document.id}#train", log_prob=None),
        replace(document, text=tail, id=f"{document.id}#validation", log_prob=None),
    )
