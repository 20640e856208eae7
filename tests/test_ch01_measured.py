"""What is measured: the right thing, by hand where that is possible, and kept whole."""

import json
import re
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from ch01_data import measure_engines
from ch01_data.data import CorpusConfig, build_corpus
from ch01_data.dedup_benchmark import (
    _recall_of,
    _share_found,
    main,
    planted_texts,
    story_documents,
)
from ch01_data.measure_engines import (
    measure_growth,
    measure_overhead,
    watched_memory,
    write_text_source,
)
from ch01_data.measured import command_of, commit, machine, spread, write_result


def word_grams(text, ngram=5):
    words = text.split()
    return {tuple(words[i : i + ngram]) for i in range(len(words) - ngram + 1)}


def similarity(a, b):
    left, right = word_grams(a), word_grams(b)
    return len(left & right) / len(left | right)


def test_spread_by_hand():
    """Three, one and five have the mean 9 / 3."""
    assert spread([3.0, 1.0, 5.0]) == {
        "mean": 3.0,
        "min": 1.0,
        "max": 5.0,
        "values": [3.0, 1.0, 5.0],
    }


def test_a_result_says_how_to_get_it_again(tmp_path):
    words = ["--out", "here", "--seed", "3", "--work", "there"]
    command = command_of("ch01_data.x", words)
    write_result(tmp_path / "r" / "x.json", "a test", command, {"a": 1}, seeds=[3])
    kept = json.loads((tmp_path / "r" / "x.json").read_text(encoding="utf-8"))
    assert kept["command"] == "python -m ch01_data.x --seed 3"
    assert (kept["what"], kept["seeds"], kept["results"]) == ("a test", [3], {"a": 1})
    assert kept["commit"] == commit()
    assert re.fullmatch(r"[0-9a-f]{7,40}\+?|unknown", kept["commit"])
    assert set(kept["machine"]) == set(machine())
    assert kept["machine"]["cores"] >= 1 and kept["machine"]["memory_bytes"] > 1e8


# --- engines -------------------------------------------------------------------------


def test_the_text_that_is_measured_on_has_work_for_every_corpus_stage(tmp_path):
    source = tmp_path / "source.jsonl"
    write_text_source(source, 800_000)
    config = CorpusConfig(source=str(source), out=str(tmp_path / "out"), workers=1)
    counts = {stage.name: stage for stage in build_corpus(config).stages}
    n = counts["read"].documents_in
    assert counts["read"].bytes_in / n == pytest.approx(800, rel=0.05)
    removed = {name: sum(count.removed.values()) for name, count in counts.items()}
    assert removed["exact_duplicates"] / n == pytest.approx(0.05, abs=0.02)
    assert removed["near_duplicates"] / n == pytest.approx(0.10, abs=0.02)
    assert sum(removed.values()) - sum(map(removed.get, NEAR)) <= 0.01 * n
    assert counts["repeated_lines"].note.startswith("changed ")


NEAR = ("exact_duplicates", "near_duplicates")


def test_memory_is_that_of_a_process_and_all_that_it_started():
    """Two processes hold 40 MB each, for a moment, and nothing much beside it."""
    hold = "x = bytearray(b'1') * 40_000_000; import time; time.sleep(1)"
    script = "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', "
    script += f"{hold!r}]); {hold}; p.wait()"
    child = subprocess.Popen([sys.executable, "-c", script])
    with watched_memory(child.pid) as most:
        child.wait()
    assert 80e6 < most[0] < 120e6


def fake_build(differ):
    """Return a build that takes 10 ms, and 20 ms by Ray; differing in a byte or not."""

    def build(config):
        time.sleep(0.02 if config.engine == "ray" else 0.01)
        out = Path(config.out)
        out.mkdir(exist_ok=True)
        (out / "a").write_text(config.engine if differ else "same")

    return build


def test_engines_are_timed_in_turn_and_their_bytes_compared(tmp_path, monkeypatch):
    begun = []

    def cluster(**_):
        begun.append(time.monotonic())
        return nullcontext("127.0.0.2:1")

    monkeypatch.setattr(measure_engines, "loopback_cluster", cluster)
    monkeypatch.setattr(measure_engines, "build_corpus", fake_build(differ=False))
    found = measure_overhead(0.01, 3, 2, tmp_path)
    assert len(found["ratio"]["values"]) == 3 and len(begun) == 1
    for local, ray, ratio, more in zip(
        *(
            found[name]["values"]
            for name in ("local_seconds", "ray_seconds", "ratio", "overhead_seconds")
        ),
        strict=True,
    ):
        assert (ratio, more) == (ray / local, ray - local) and more > 0
    monkeypatch.setattr(measure_engines, "build_corpus", fake_build(differ=True))
    with pytest.raises(ValueError, match="different corpora"):
        measure_overhead(0.01, 1, 2, tmp_path)


def test_growth_of_memory_by_hand(tmp_path, monkeypatch):
    """50 MB at 1 MB of text and 50.3 at 4: 0.3 more for 3, a tenth of a byte each."""
    peaks = {1_000_000: 50_000_000, 4_000_000: 50_300_000}

    def peak(config):
        size = int(Path(config.source).read_text())
        Path(config.out).mkdir()
        stage = {"name": "read", "bytes_out": size, "documents_out": 9, "removed": {}}
        Path(config.out, "report.json").write_text(json.dumps({"stages": [stage]}))
        return peaks[size], 1.0

    def write(path, n_bytes):
        path.write_text(str(n_bytes))

    monkeypatch.setattr(measure_engines, "write_text_source", write)
    monkeypatch.setattr(measure_engines, "peak_of_build", peak)
    found = measure_growth([1.0, 4.0], 2, tmp_path)
    assert found["bytes_per_input_byte"] == pytest.approx(0.1)
    assert [p["peak_memory_bytes"] for p in found["points"]] == list(peaks.values())


# --- deduplication -------------------------------------------------------------------


def test_planted_pairs_are_as_similar_as_is_said():
    texts, planted = planted_texts(5, "a seed")
    assert {round(s, 1) for _, _, s in planted} == {0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0}
    for a, b, stated in planted:
        assert similarity(texts[a], texts[b]) == pytest.approx(stated, abs=1e-12)


def test_recall_by_hand():
    """Of three pairs at 0.8 or more two are joined, and one that is at 0.6."""
    planted = [(0, 1, 0.9), (2, 3, 0.8), (4, 5, 1.0), (6, 7, 0.6), (8, 9, 0.5)]
    labels = np.array([0, 0, 2, 2, 4, 5, 6, 6, 8, 9])
    found = _recall_of(0.8, planted, labels)
    assert (found["recall"], found["due"]) == (2 / 3, 3)
    assert (found["wrongly"], found["below"], found["joined"]) == (1, 2, 3)
    assert found["joined_rightly"] == 2 / 3
    assert [p["joined"] for p in found["by_similarity"]] == [0, 1, 1, 1, 0]


def test_copies_of_stories_are_where_it_is_said():
    documents, copies = story_documents(300, 0)
    assert len(documents) == 300 and 15 <= len(copies) <= 50
    for number in copies:
        assert 0.85 < similarity(documents[number - 1], documents[number]) <= 1
    assert _share_found([1, 5], [[0, 1, 2], [4, 7]]) == 0.5


def test_curve_command_keeps_points_near_the_theory(tmp_path, capsys):
    out = tmp_path / "curve.json"
    assert main(["curve", "--pairs", "40", "--out", str(out)]) == 0
    kept = json.loads(out.read_text(encoding="utf-8"))
    assert [curve["threshold"] for curve in kept["results"]["curves"]] == [0.7, 0.8]
    for curve in kept["results"]["curves"]:
        assert len(curve["points"]) == 20 and curve["worst_deviation"] < 5
        last = curve["points"][-1]
        assert (last["similarity"], last["measured"], last["expected"]) == (1, 1, 1)
    assert "bands of" in capsys.readouterr().out
