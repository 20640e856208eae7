"""Chapter 2: the benchmark compares equal results, and says so in every line."""

import importlib.util
import json
import sys

import pytest

from ch01_data.measured import commit
from ch02_tokenization import benchmark, footprint
from ch02_tokenization.benchmark import main, random_texts, standard_texts
from ch02_tokenization.footprint import (
    measure_encoding_memory,
    measure_larger_than_memory,
)
from ch02_tokenization.measuring import (
    Line,
    describe_machine,
    record,
    run_watched,
    take_turns,
)
from ch02_tokenization.tokenization import train_bpe

TEXT_PARTS = ["--parts", "training", "encoding", "memory", "shards"]


@pytest.fixture
def text_file(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("The red key lay under the bench, 12345 times. " * 200, "utf-8")
    return path


@pytest.fixture
def measured(text_file, tmp_path, monkeypatch):
    """Run the command on the text file and return what it wrote."""
    monkeypatch.setattr(benchmark, "STREAMS", (1000, 2000))

    def run(*options):
        out = tmp_path / "figures.json"
        command = ["--input", str(text_file), "--vocab-size", "300", *TEXT_PARTS]
        assert main([*command, "--out", str(out), *options]) == 0
        return json.loads(out.read_text(encoding="utf-8"))

    return run


# ---------------------------------------------------------------- measuring


def test_tasks_take_turns_in_an_order_that_the_seed_draws():
    order = []
    tasks = [lambda: order.append("a"), lambda: order.append("b") or "last"]
    seconds, results = take_turns(range(20), *tasks)
    rounds = ["".join(order[i : i + 2]) for i in range(0, 40, 2)]
    assert set(rounds) == {"ab", "ba"} and results == [None, "last"]
    assert [len(times) for times in seconds] == [20, 20]
    assert all(value >= 0 for times in seconds for value in times)


def test_a_line_shows_the_median_and_the_extremes():
    line = Line("training", "s", [3.0, 1.0, 2.0], "note")
    assert "2 s" in str(line) and "(1 to 3)" in str(line) and str(line).endswith("note")
    spread = {"mean": 2.0, "min": 1.0, "max": 3.0}
    expected = {"unit": "s", "median": 2.0, **spread, "values": [3.0, 1.0, 2.0]}
    assert line.summary() == expected | {"note": "note"}
    assert "mean" not in Line("memory", "MB", [3.0]).summary()


def test_a_record_says_how_its_figures_can_be_had_again():
    content = record("what", "command", range(3), describe_machine(), [])
    keys = ["what", "command", "seeds", "machine", "commit", "results"]
    assert list(content) == keys and content["seeds"] == [0, 1, 2]
    assert content["commit"] == commit() != ""
    machine = content["machine"]
    assert machine["cores"] >= 1 and machine["processor"]
    assert machine["versions"]["regex"] != "absent"


def test_the_memory_of_a_command_counts_its_children():
    child = (
        "import time; x = bytearray(60_000_000); x[::4096] = x[::4096]; time.sleep(1)"
    )
    parent = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    )
    seconds, peak = run_watched([sys.executable, "-c", parent])
    assert seconds > 0.9 and 60e6 < peak < 200e6


def test_a_command_that_fails_is_no_measurement():
    with pytest.raises(ValueError, match="failed: ZeroDivisionError"):
        run_watched([sys.executable, "-c", "1 / 0"])
    with pytest.raises(ValueError, match="failed: exit status 3"):
        run_watched([sys.executable, "-c", "raise SystemExit(3)"])


# ---------------------------------------------------------------- memory


def test_memory_is_measured_for_each_stream():
    lines = measure_encoding_memory(train_bpe(["abc"], 256), (10_000, 40_000))
    assert [line.name[-8:] for line in lines] == [" 0.01 MB", " 0.04 MB"]
    assert all(0 < line.median < 40 for line in lines)


@pytest.mark.parametrize(
    ("allowed", "enough"), [(200_000_000, True), (4_000_000, False)]
)
def test_the_system_holds_training_to_the_memory_it_was_allowed(
    monkeypatch, allowed, enough
):
    monkeypatch.setattr(footprint, "LARGE_VOCAB", 300)
    if enough:
        time_line, peak = measure_larger_than_memory(1_000_000, allowed, processes=1)
        assert time_line.note == "1 MB of text, 400 MB allowed in all"
        assert 10 < peak.median < 400
    else:
        with pytest.raises(ValueError, match="failed: "):
            measure_larger_than_memory(1_000_000, allowed, processes=1)


# ---------------------------------------------------------------- the command


def test_the_command_compares_everything_and_finds_it_equal(measured, capsys):
    content = measured("--rounds", "2")
    printed = capsys.readouterr().out
    assert "merges equal" in printed and "bytes equal" in printed
    assert printed.count("ids equal") == 3 and "DIFFER" not in printed
    assert content["command"].startswith(
        "python -m ch02_tokenization.benchmark --input"
    )
    assert content["seeds"] == [0, 1]
    figures = content["results"]
    ratio = figures["text: training to 300, ours / tokenizers"]
    ours, theirs = (
        figures[f"text: training to 300, {who}"]["values"]
        for who in ("ours", "tokenizers")
    )
    assert ratio["values"] == [a / b for a, b in zip(ours, theirs)]
    assert figures["encode_iterable, peak for 0.002 MB"]["unit"] == "MB"
    assert len(figures["text: encoding, tiktoken / ours"]["values"]) == 2


def test_a_difference_is_seen(measured, capsys, monkeypatch):
    """Merges in another order, ids of another encoder, bytes that depend on threads."""
    theirs = benchmark.train_with_tokenizers
    monkeypatch.setattr(
        benchmark, "train_with_tokenizers", lambda *given: theirs(*given)[::-1]
    )
    shards = benchmark.encode_corpus
    monkeypatch.setattr(
        benchmark,
        "encode_corpus",
        lambda texts, *given: shards(texts * given[-1], *given),
    )
    other = train_bpe(["another text altogether"], 270).to_tiktoken()
    monkeypatch.setattr(benchmark.Tokenizer, "to_tiktoken", lambda tokenizer: other)
    measured("--rounds", "1")
    printed = capsys.readouterr().out
    assert "merges DIFFER" in printed and "bytes DIFFER" in printed
    assert printed.count("ids DIFFER") == 1 and printed.count("ids equal") == 2


def test_without_tokenizers_its_lines_are_left_out(measured, capsys, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: None if name == "tokenizers" else find(name),
    )
    measured("--rounds", "1")
    printed = capsys.readouterr().out
    assert "training to 300, ours" in printed and "tokenizers" not in printed


def test_the_standard_texts_are_a_megabyte_of_each_kind(shared, tmp_path):
    texts = standard_texts(shared)
    assert list(texts) == ["Shakespeare", "pylib", "random Unicode"]
    sizes = [sum(len(t.encode()) for t in of_name) for of_name in texts.values()]
    assert 1.1e6 <= sizes[0] < 1.2e6 and 1.1e6 <= sizes[1] < 2e6 and sizes[2] > 2e5
    assert list(standard_texts(tmp_path)) == ["pylib", "random Unicode"]
    assert random_texts(1, 2, 50) != random_texts(0, 2, 50) == random_texts(0, 2, 50)


@pytest.mark.parametrize("options", [["--input", "nowhere.txt"], ["--rounds", "0"]])
def test_bad_input_ends_in_one_line_and_writes_nothing(tmp_path, capsys, options):
    out = tmp_path / "figures.json"
    assert main([*options, "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    assert not out.exists()
