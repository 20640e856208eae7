"""The scorer: counts by hand, and files that are not what they should be."""

import json
import math
import random

import pytest

from ch01_data.score import (
    KindScore,
    flags_of,
    kinds_of,
    main,
    masked_share,
    read_rows,
    score_kinds,
    score_pairs,
    score_table,
)

LABELS = [
    {"id": "a", "kind": "clean"},
    {"id": "b", "kind": "clean"},
    {"id": "c", "kind": "spam"},
    {"id": "d", "kind": "spam"},
    {"id": "e", "kinds": ["gibberish", "spam"]},
    {"id": "f", "kind": "gibberish"},
    {"id": "g", "kind": "language"},
]
RESULTS = [
    {"id": "a", "kept": True},
    {"id": "b", "kept": False, "flags": ["spam", "word_count"]},
    {"id": "c", "kept": False, "flag": "spam"},
    {"id": "d", "kept": False, "flags": ["strange_words"]},
    {"id": "e", "kept": False, "flags": ["compression_ratio", "strange_words", "spam"]},
    {"id": "f", "kept": True, "flags": []},
]


def test_scores_by_hand():
    """Spam: c, d, e are; b, c, e are flagged; two are both. Gibberish: e, f; d, e."""
    scores = score_kinds(LABELS, RESULTS)
    assert scores["spam"] == KindScore(3, 2, 3, 2, 3)
    assert (scores["spam"].recall, scores["spam"].precision) == (2 / 3, 2 / 3)
    assert scores["spam"].deserved_share == 2 / 3
    assert scores["gibberish"] == KindScore(2, 1, 2, 2, 1)
    assert scores["gibberish"].precision == 1 / 2
    assert scores["gibberish"].deserved_share == 1.0
    assert scores["language"] == KindScore(1, 0, 0, 0, 1)
    assert math.isnan(scores["language"].precision)
    assert scores["clean"] == KindScore(2, 0, 0, 0, 1)
    assert scores["clean"].dropped_share == 1 / 2
    assert scores["word_count"] == KindScore(0, 0, 1, 0, 0)


def test_scores_agree_with_a_plain_count():
    rng = random.Random(0)
    kinds = ["clean", "spam", "gibberish"]
    labels = [{"id": n, "kind": rng.choice(kinds)} for n in range(300)]
    results = [
        {
            "id": n,
            "kept": rng.random() < 0.5,
            "flags": rng.sample(kinds[1:], rng.choice([0, 1, 2])),
        }
        for n in range(300)
    ]
    scores = score_kinds(labels, results)
    for kind in kinds[1:]:
        is_kind = {row["id"] for row in labels if row["kind"] == kind}
        flagged = {row["id"] for row in results if kind in row["flags"]}
        assert scores[kind].recall == len(is_kind & flagged) / len(is_kind)
        assert scores[kind].precision == len(is_kind & flagged) / len(flagged)


def test_rows_may_name_one_or_many():
    assert kinds_of({"kind": "spam"}) == {"spam"}
    assert kinds_of({"kinds": ["a", "b"]}) == {"a", "b"}
    assert kinds_of({}) == kinds_of({"kinds": []}) == {"clean"}
    assert flags_of({"flag": "x"}) == {"x"} and flags_of({"flags": None}) == set()


def test_ids_are_held_to_their_word():
    with pytest.raises(ValueError, match="labels name 'a' twice"):
        score_kinds([*LABELS, LABELS[0]], [])
    with pytest.raises(ValueError, match="'z', which has no label"):
        score_kinds(LABELS, [{"id": "z", "kept": True}])
    with pytest.raises(ValueError, match='no "id"'):
        score_kinds([{"kind": "spam"}], [])


def test_masked_data_by_hand():
    planted = ["x@y.example", "555-0100"]
    labels = [{"id": "a", "pii": planted}, {"id": "b", "pii": ["q"]}]
    assert masked_share(labels, {"a": "[EMAIL] and 555-0100"}) == 2 / 3
    assert math.isnan(masked_share([{"id": "a"}], {"a": "text"}))


def test_pairs_by_hand():
    """Truth ab, ac, bc and de; found ab, ac, bc and cd: 3 of 4 and 3 of 4."""
    assert score_pairs(["abc", "de"], ["cab", "dc"]) == (3 / 4, 3 / 4)
    assert score_pairs([[2, 1]], [[1, 2]]) == (1.0, 1.0)


def test_the_command_reads_both_files(tmp_path, capsys):
    for name, rows in (("labels", LABELS), ("results", RESULTS)):
        text = "\n".join(map(json.dumps, rows)) + "\n\n"
        (tmp_path / f"{name}.jsonl").write_text(text)
    files = [str(tmp_path / f"{name}.jsonl") for name in ("labels", "results")]
    out = tmp_path / "scores.json"
    command = ["--labels", files[0], "--results", files[1], "--out", str(out)]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert score_table(score_kinds(LABELS, RESULTS)) in printed
    assert json.loads(out.read_text())["spam"]["found"] == 2
    for bad in ("{", "[1]"):
        (tmp_path / "results.jsonl").write_text(f'{{"id": "a"}}\n{bad}\n')
        assert main(command) == 2
        assert "line 2" in capsys.readouterr().err
    assert read_rows(files[0]) == LABELS
