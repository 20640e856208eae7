"""Which documents are for training and which for validation.

By hash: each text draws a number from 0 to 1 that only the text and the seed decide,
and numbers below the share go to validation. Adding documents never moves one that is
there already, and equal texts always fall on the same side. A single document is cut by
position.
"""

import hashlib
from dataclasses import replace

from ch01_data.sources import Document

WAYS = ("auto", "hash", "last-tenth")


def split_documents(
    documents: list[Document], way: str = "auto", share: float = 0.1, seed: int = 0
) -> dict[str, list[Document]]:
    """Divide documents into train and validation, the same way every time.

    Raises:  ValueError if a single document is to be split by hash.
    """
    if way == "auto":
        way = "last-tenth" if len(documents) == 1 else "hash"
    if way == "last-tenth":
        parts = [_cut(document, 1 - share) for document in documents]
        both = {"train": [a for a, _ in parts], "validation": [b for _, b in parts]}
    else:
        if len(documents) == 1:
            raise ValueError("one document cannot be split by hash; take last-tenth")
        places = [_place(seed, document) for document in documents]
        n = sum(place < share for place in places)
        n = min(max(n, 1), len(places) - 1)  # neither side may stay empty
        chosen = set(sorted(range(len(places)), key=places.__getitem__)[:n])
        both = {"train": [], "validation": []}
        for index, document in enumerate(documents):
            both["validation" if index in chosen else "train"].append(document)
    return {name: [d for d in part if d.text] for name, part in both.items()}


def _place(seed: int, document: Document) -> float:
    """Return a number from 0 to 1 that this seed and this text always give."""
    data = f"{seed}:{document.text}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big") / 2**64


def _cut(document: Document, share: float) -> tuple[Document, Document]:
    """Cut a document at a share of its bytes, never inside a character."""
    data = document.text.encode("utf-8", "surrogatepass")
    head = data[: round(len(data) * share)].decode("utf-8", "ignore")
    tail = document.text[len(head) :]
    return (
        replace(document, text=head, id=f"{document.id}#train", log_prob=None),
        replace(document, text=tail, id=f"{document.id}#validation", log_prob=None),
    )
