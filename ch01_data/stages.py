"""The stages of the funnel: documents in, fewer or cleaner documents out, and why.

All stages have one form, so that the funnel is a loop and a new stage is one function
and one line in STAGES: `stage(documents, seed, threshold)` returns the documents that
remain, how many were removed by reason, and a note.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from ch01_data.dedup import exact_duplicates, near_duplicates
from ch01_data.filters import normalize_text, quality_flags
from ch01_data.pii import find_pii, mask_pii
from ch01_data.sources import Document


@dataclass(frozen=True)
class StageCount:
    """What one stage of the funnel did. Bytes are UTF-8 bytes of text."""

    name: str
    documents_in: int
    documents_out: int
    bytes_in: int
    bytes_out: int
    removed: dict[str, int] = field(default_factory=dict)
    ran: bool = True
    note: str = ""


Outcome = tuple[list[Document], Counter, str]  # documents, removed by reason, a note


def normalize(documents: list[Document], seed: int, threshold: float) -> Outcome:
    """Bring every text into one Unicode spelling."""
    new = [replace(d, text=normalize_text(d.text)) for d in documents]
    changed = sum(a.text != b.text for a, b in zip(documents, new, strict=True))
    return new, Counter(), f"changed {changed:,}" if changed else ""


def quality(documents: list[Document], seed: int, threshold: float) -> Outcome:
    """Drop what a quality rule speaks against; the first rule's name is the reason."""
    flags = [quality_flags(document.text) for document in documents]
    kept = [d for d, found in zip(documents, flags, strict=True) if not found]
    return kept, Counter(found[0] for found in flags if found), ""


def personal_data(documents: list[Document], seed: int, threshold: float) -> Outcome:
    """Mask e-mail addresses, phone, card and IP numbers."""
    counts: Counter[str] = Counter()
    masked = []
    for document in documents:
        found = find_pii(document.text)
        counts.update(kind for _, _, kind in found)
        text = mask_pii(document.text, found) if found else document.text
        masked.append(replace(document, text=text))
    note = ", ".join(f"{count:,} {kind}" for kind, count in sorted(counts.items()))
    return masked, Counter(), f"masked {note}" if note else ""


def drop_equal(documents: list[Document], seed: int, threshold: float) -> Outcome:
    """Keep the first of all equal texts."""
    return _keep_first(documents, exact_duplicates(d.text for d in documents), "equal")


def drop_nearly_equal(
    documents: list[Document], seed: int, threshold: float
) -> Outcome:
    """Keep the first of all texts that are nearly the same."""
    texts = [document.text for document in documents]
    clusters = near_duplicates(texts, threshold, seed=seed)
    return _keep_first(documents, clusters, "nearly equal")


def _keep_first(
    documents: list[Document], clusters: list[list[int]], reason: str
) -> Outcome:
    again = {index for cluster in clusters for index in cluster[1:]}
    kept = [d for index, d in enumerate(documents) if index not in again]
    removed = Counter({reason: len(again)}) if again else Counter()
    return kept, removed, ""


STAGES: dict[str, Callable[[list[Document], int, float], Outcome]] = {
    "normalize": normalize,
    "quality": quality,
    "personal_data": personal_data,
    "exact_duplicates": drop_equal,
    "near_duplicates": drop_nearly_equal,
}


def count_bytes(documents: Iterable[Document]) -> int:
    """Return the UTF-8 bytes of all texts together."""
    return sum(len(document.text.encode("utf-8")) for document in documents)


def run_stages(
    documents: list[Document],
    active: Iterable[str],
    *,
    seed: int = 0,
    threshold: float = 0.8,
    why_not: str = "switched off",
) -> tuple[list[Document], list[StageCount]]:
    """Run the active stages in the order of STAGES and count everything.

    Raises:  ValueError if nothing is left, with what was removed and why.
    """
    counts, size = [], count_bytes(documents)
    for name, stage in STAGES.items():
        before, size_before = len(documents), size
        ran, removed, note = name in active, Counter(), why_not
        if ran:
            documents, removed, note = stage(documents, seed, threshold)
            size = count_bytes(documents)
        why = dict(sorted(removed.items()))
        counts.append(
            StageCount(name, before, len(documents), size_before, size, why, ran, note)
        )
        if not documents:
            raise ValueError(
                f"no document is left after the stage {name} (removed: {why}); "
                "name other text, or run fewer stages"
            )
    return documents, counts
