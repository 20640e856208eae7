"""Chapter 2: the benchmark compares equal results, and says so in every line."""

import importlib.util
import json

import pytest

from ch02_tokenization import benchmark
from ch02_tokenization.benchmark import Line, main, measure_memory, take_turns
from ch02_tokenization.tokenization import train_bpe


@pytest.fixture
def text_file(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("The red key lay under the bench, 12345 times. " * 200, "utf-8")
    return path


def test_tasks_take_turns():
    order = []
    tasks = [lambda: order.append("a"), lambda: order.append("b") or "last"]
    seconds, results = take_turns(3, *tasks)
    assert order == ["a", "b"] * 3 and results == [None, "last"]
    assert [len(times) for times in seconds] == [3, 3]
    assert all(value >= 0 for times in seconds for value in times)


def test_a_line_shows_the_median_and_the_extremes():
    shown = str(Line("training", "s", [3.0, 1.0, 2.0], "note"))
    assert "2 s" in shown and "(1 to 3)" in shown and shown.endswith("note")


def test_the_command_compares_everything_and_finds_it_equal(
    text_file, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(benchmark, "STREAMS", (1000, 2000))
    out = tmp_path / "figures.json"
    options = ["--vocab-size", "300", "--rounds", "2", "--out", str(out)]
    assert main(["--input", str(text_file), *options]) == 0
    printed = capsys.readouterr().out
    assert "merges equal" in printed and "bytes equal" in printed
    assert printed.count("ids equal") == 3 and "DIFFER" not in printed
    figures = {line["name"]: line for line in json.loads(out.read_text())}
    assert len(figures["training to 300, ours / tokenizers"]["values"]) == 2
    assert figures["encode_iterable, peak for 0.002 MB"]["unit"] == "MB"


def test_a_difference_is_seen(text_file, capsys, monkeypatch):
    """Merges in another order, bytes that depend on the number of threads."""
    monkeypatch.setattr(benchmark, "STREAMS", ())
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
    options = ["--vocab-size", "300", "--rounds", "1"]
    assert main(["--input", str(text_file), *options]) == 0
    printed = capsys.readouterr().out
    assert "merges DIFFER" in printed and "bytes DIFFER" in printed


def test_without_tokenizers_its_lines_are_left_out(text_file, capsys, monkeypatch):
    monkeypatch.setattr(benchmark, "STREAMS", ())
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: None if name == "tokenizers" else find(name),
    )
    assert main(["--input", str(text_file), "--vocab-size", "300"]) == 0
    printed = capsys.readouterr().out
    assert "training to 300, ours" in printed and "tokenizers" not in printed


def test_memory_is_measured_for_each_stream():
    lines = measure_memory(train_bpe(["abc"], 256), (10_000, 40_000))
    assert [line.name[-8:] for line in lines] == [" 0.01 MB", " 0.04 MB"]
    assert all(0 < line.median < 40 for line in lines)


def test_bad_input_ends_in_one_line(tmp_path, capsys):
    assert main(["--input", str(tmp_path / "nowhere.txt")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
