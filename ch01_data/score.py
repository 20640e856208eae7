"""Score a clean-up against the truth: precision and recall for each kind of dirt.

A labelled crawl keeps the truth about its records in a file of its own, labels.jsonl,
which no filter reads. A clean-up writes what it did with each record, results.jsonl.
Both are lines of JSON with the record's "id":

    labels    {"id": "r7", "kind": "spam"}               or "kinds": ["spam", ...]
    results   {"id": "r7", "kept": false, "flags": ["spam"]}     or "flag": "spam"

A flag stands for a kind: for the one of its own name, or for the one that FLAG_KINDS
gives it. For each kind there are three questions. Recall: how many of its records have
its flag. Precision: how many of the records with its flag are of the kind. And what a
reader of the corpus cares for: how many of its records are gone, for whatever reason. A
record that the results do not name is gone without a flag.
"""

import argparse
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from ch01_data.files import run_command, write_json

CLEAN = "clean"
# Flags that stand for a kind of another name. Rules about quality in general, say
# word_count, stand for no kind: they count for what is gone, and for nothing else.
FLAG_KINDS = {
    "mean_word_length": "gibberish",
    "strange_words": "gibberish",
    "compression_ratio": "gibberish",
    "alphabetic_words": "gibberish",
    "number_words": "gibberish",
    "notice_density": "boilerplate",
    "menu_lines": "boilerplate",
    "bad_url": "blocked_url",
    "ip_host": "blocked_url",
    "blocked_domain": "blocked_url",
    "blocked_word": "blocked_url",
    "bad_words": "toxic",
    "insult_listed": "toxic",
    "insult_learned": "toxic",
    "same page": "url_duplicate",
    "equal": "exact_duplicate",
    "nearly equal": "near_duplicate",
}


class KindScore(NamedTuple):
    """What became of one kind, in records.

    `found` of its `records` have its flag; `flagged` records of any kind have it, and
    `deserved` of those are dirt of some kind; `dropped` of its records are gone.
    """

    records: int
    found: int
    flagged: int
    deserved: int
    dropped: int

    @property
    def recall(self) -> float:
        """The share of the kind's records that have its flag (nan without records)."""
        return _share(self.found, self.records)

    @property
    def precision(self) -> float:
        """The share of the flagged records that are of the kind (nan without any)."""
        return _share(self.found, self.flagged)

    @property
    def deserved_share(self) -> float:
        """The share of the flagged records that are dirt (nan without any)."""
        return _share(self.deserved, self.flagged)

    @property
    def dropped_share(self) -> float:
        """The share of the kind's records that are gone (nan without records)."""
        return _share(self.dropped, self.records)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def kinds_of(label: Mapping) -> frozenset[str]:
    """Return the kinds of dirt that a label names; {"clean"} where it names none."""
    kinds = label.get("kinds", label.get("kind")) or CLEAN
    return frozenset([kinds] if isinstance(kinds, str) else kinds)


def flags_of(result: Mapping) -> frozenset[str]:
    """Return the flags of a result, given as a list "flags" or as one "flag"."""
    flags = result.get("flags", result.get("flag")) or ()
    return frozenset([flags] if isinstance(flags, str) else flags)


def score_kinds(
    labels: Iterable[Mapping],
    results: Iterable[Mapping],
    flag_kinds: Mapping[str, str] = FLAG_KINDS,
) -> dict[str, KindScore]:
    """Return the score of every kind that labels or flags name, by name.

    The score of "clean" has no flag: its dropped_share is what was wrongly dropped.
    Raises:  ValueError for an id that comes twice, or a result without a label.
    """
    truth = _by_id(labels, "labels")
    said = _by_id(results, "results")
    for name in said:
        if name not in truth:
            raise ValueError(f"results name {name!r}, which has no label")
    counts: dict[str, list[int]] = {}
    for name, label in truth.items():
        kinds, result = kinds_of(label), said.get(name, {"kept": False})
        flagged = {flag_kinds.get(flag, flag) for flag in flags_of(result)} - {CLEAN}
        for kind in kinds | flagged:
            is_kind, has_flag = kind in kinds, kind in flagged
            row = counts.setdefault(kind, [0] * len(KindScore._fields))
            row[0] += is_kind
            row[1] += is_kind and has_flag
            row[2] += has_flag
            row[3] += has_flag and kinds != {CLEAN}
            row[4] += is_kind and not result.get("kept", False)
    return {kind: KindScore(*counts[kind]) for kind in sorted(counts)}


def _by_id(rows: Iterable[Mapping], what: str) -> dict[str, Mapping]:
    found: dict[str, Mapping] = {}
    for row in rows:
        if "id" not in row:
            raise ValueError(f'a row of the {what} has no "id"')
        if str(row["id"]) in found:
            raise ValueError(f"the {what} name {row['id']!r} twice")
        found[str(row["id"])] = row
    return found


def masked_share(labels: Iterable[Mapping], texts: Mapping[str, str]) -> float:
    """Return the share of the planted personal data that no text still holds.

    A label's "pii" lists what was planted; `texts` are the clean texts by id. What a
    dropped record held is out of the corpus and counts as masked.
    """
    planted = [(row["id"], item) for row in labels for item in row.get("pii", ())]
    left = sum(item in texts.get(name, "") for name, item in planted)
    return _share(len(planted) - left, len(planted))


def score_pairs(
    truth: Iterable[Iterable], found: Iterable[Iterable]
) -> tuple[float, float]:
    """Return (precision, recall) of clusters, by the pairs that they put together."""
    true_pairs, found_pairs = _pairs(truth), _pairs(found)
    both = len(true_pairs & found_pairs)
    return _share(both, len(found_pairs)), _share(both, len(true_pairs))


def _pairs(clusters: Iterable[Iterable]) -> set[tuple]:
    ordered = (sorted(cluster) for cluster in clusters)
    return {(a, b) for c in ordered for i, a in enumerate(c) for b in c[i + 1 :]}


def read_rows(path: str | Path) -> list[dict]:
    """Return the objects of a file of JSON lines.

    Raises:  ValueError naming the line that holds no object.
    """
    rows = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                try:
                    rows.append(json.loads(line))
                except ValueError as error:
                    raise ValueError(f"{path} line {number}: {error}") from error
                if not isinstance(rows[-1], dict):
                    raise ValueError(f"{path} line {number} is no object")
    return rows


def score_table(scores: Mapping[str, KindScore]) -> str:
    """Return scores as a table of text."""
    heads = ("records", "found", "flagged", "recall", "precision", "deserved", "gone")
    lines = [f"{'kind':20}" + "".join(f"{head:>10}" for head in heads)]
    for kind, s in scores.items():
        shares = (s.recall, s.precision, s.deserved_share, s.dropped_share)
        counts = "".join(f"{count:10,}" for count in (s.records, s.found, s.flagged))
        rest = "".join(f"{'-' if math.isnan(x) else f'{x:.3f}':>10}" for x in shares)
        lines.append(f"{kind:20}{counts}{rest}")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Hold the results of a clean-up against the labels of its crawl."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--labels", required=True, help="labels.jsonl of the crawl")
    parser.add_argument(
        "--results", required=True, help="what the clean-up did, .jsonl"
    )
    parser.add_argument("--out", help="write the scores to this JSON file")
    arguments = parser.parse_args(argv)

    def command() -> None:
        labels, results = read_rows(arguments.labels), read_rows(arguments.results)
        scores = score_kinds(labels, results)
        print(score_table(scores))
        texts = {str(r["id"]): r["text"] for r in results if r.get("text") is not None}
        masked = masked_share(labels, texts)
        if not math.isnan(masked):
            print(f"personal data masked: {masked:.4f}")
        if arguments.out:
            write_json(arguments.out, {k: s._asdict() for k, s in scores.items()})

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
