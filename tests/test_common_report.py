"""The report, the experiments and the README: numbers are passed on, never invented."""

import json
import math
import re
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest

from ch05_pretraining.machine import Machine, measure_machine
from common import experiments, readme, report
from common.stages import RunConfig

ROOT = Path(__file__).resolve().parents[1]
MACHINE = Machine(2, "Test <processor>", 100.0, 300.0)
KINDS = ("who", "where", "what", "colour", "count", "owner")
COMMAND = ["python", "-m", "common.experiments"]
RESULTS = sorted(ROOT.glob("ch*/results/*.json")) + sorted(
    ROOT.glob("common/results/*.json")
)
TIMED = ("ch03_attention", "ch04_transformer")  # whose files say how long they took


def examined(accuracy):
    """Write the figures of an exam."""
    return {
        "accuracy": accuracy,
        "interval": [accuracy - 0.1, accuracy + 0.1],
        "by_kind": {kind: accuracy for kind in KINDS},
        "honesty": 0.5 + accuracy / 4,
        "honesty_interval": [0.1, 0.9],
        "false_refusals": 0.02,
        "false_refusals_interval": [0.01, 0.03],
        "questions": 40,
        "examples": [{"question": "Who <b>?", "truth": "Mia & Tom", "answer": "Bo"}],
    }


def record(name, seconds, memory, figures):
    about = {"name": name, "seconds": seconds, "peak_memory_bytes": memory}
    return about | {"config": {}, "key": "0", "figures": figures}


def records(truth=True):
    """Write what the stages of a run would record."""
    cleaned = {
        "name": "read",
        "ran": True,
        "removed": {"empty": 2},
        "note": "",
        "documents_in": 10,
        "documents_out": 8,
        "bytes_out": 1_000_000,
    }
    size = {"train": {"documents": 8, "bytes": 900_000}}
    splits = ("validation", "heldout") if truth else ("validation",)
    pretrained = {
        "n_params": 1000,
        "precision": "bf16",
        "compiled": True,
        "tokens_per_second": 12_345.0,
        "loss": {split: 0.6 for split in splits},
        "floor": {split: 0.5 for split in splits} if truth else {},
        "sample_before": "zzz <script>",
        "sample": "Once there was a key.",
    }
    tokens = {"tokens": 500, "bytes_per_token": 4.0, "vocab_size": 600}
    found = [
        record("data", 1.5, 10, {"stages": [cleaned], "splits": size}),
        record("tokenizer", 2.0, 20, tokens),
        record("ngram", 0.5, 30, {split: 1.0 for split in splits}),
        record("pretrain", 4.0, 90, pretrained),
    ]
    if truth:
        tuned = {
            "before_chat": examined(0.2),
            "before_prose": examined(0.3),
            "after": examined(0.7),
            "chance": 0.1,
            "no_lookback_baseline": 0.25,
        }
        aligned = {"pairs": {"right over wrong": 5}, "after": examined(0.8)}
        found += [record("sft", 3.0, 60, tuned), record("dpo", 2.0, 50, aligned)]
    return [*found, record("model", 1.0, 40, {"stages": ["pretrain"], "bytes": 4000})]


@pytest.fixture
def run(tmp_path):
    """A folder with the diary that the loss curve is drawn from."""
    (tmp_path / "pretrain").mkdir()
    lines = [
        {"step": 1, "loss": 5.0, "tokens": 400_000},
        {"step": 1, "bits_per_byte": 1.5},
        {"step": 2, "loss": 4.0, "tokens": 600_000},
        {"step": 2, "bits_per_byte": 0.6},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (tmp_path / "pretrain" / "metrics.jsonl").write_text(text)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "README.md").write_text("# Data card: <a world>\n")
    return tmp_path


# -- the report -----------------------------------------------------------------------


def test_the_share_of_the_gap_that_is_closed():
    """Golden: 5-gram 1.0, floor 0.5, loss 0.6: 0.4 of 0.5 is 80 %; 0.6 / 0.5 = 1.2."""
    built = report.build_report(RunConfig(), records(), MACHINE)
    for part in (built["base"], built["base"]["heldout"]):
        assert math.isclose(part["gap_closed"], 0.8)
        assert math.isclose(part["ratio_to_floor"], 1.2)


def test_seconds_are_added_and_memory_is_the_greatest():
    built = report.build_report(RunConfig(seed=4), records(), MACHINE)
    assert built["total_seconds"] == 14.0
    assert built["peak_memory_bytes"] == 90
    assert (built["seed"], built["machine"]) == (4, asdict(MACHINE))


def test_before_is_the_tuned_model_and_after_the_aligned_one():
    aligned = report.build_report(RunConfig(), records(), MACHINE)["aligned"]
    assert (aligned["accuracy_before"], aligned["accuracy"]) == (0.7, 0.8)
    assert aligned["accuracy_before_interval"] == [0.7 - 0.1, 0.7 + 0.1]
    assert (aligned["honesty_before"], aligned["honesty"]) == (0.675, 0.7)
    assert aligned["false_refusals_interval"] == [0.01, 0.03]


def test_real_text_has_neither_floor_nor_questions(run):
    built = report.build_report(RunConfig(source="pylib"), records(False), MACHINE)
    assert set(built["base"]) == {"unit", "n_params", "loss", "ngram_loss"}
    assert "finetuned" not in built and "aligned" not in built
    text = report.page(built, run)
    assert "Honesty" not in text and "floor" not in text.split("<img")[0]


def test_the_table_has_a_line_for_each_stage_and_the_total(capsys):
    report.print_table(report.build_report(RunConfig(), records(), MACHINE))
    lines = capsys.readouterr().out.strip().splitlines()
    names = [line.split()[0] for line in lines]
    stages = "data tokenizer ngram pretrain sft dpo model".split()
    assert names == ["stage", *stages, "total"]
    assert "(250 tokens/s)" in lines[2]
    assert "12,345 tokens/s" in lines[4] and "80.0 % of the gap closed" in lines[4]
    assert "accuracy 70.0 % [60.0, 80.0]" in lines[5]
    assert "accuracy 70.0 % -> 80.0 % [70.0, 90.0]" in lines[6]
    assert lines[-1].split()[1:] == ["14.0", "0"]


def test_the_page_is_whole_and_escapes_what_models_write(run):
    config = RunConfig(out=str(run))
    written = report.write_report(config, records(), MACHINE)
    assert json.loads((run / "report.json").read_text()) == json.loads(
        json.dumps(written)
    )
    text = (run / "report.html").read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>") and text.endswith("</html>\n")
    assert "http:" not in text and "https:" not in text
    assert "<script" not in text and "zzz &lt;script&gt;" in text
    assert "Mia &amp; Tom" in text and "Test &lt;processor&gt;" in text
    assert "300 in bf16" in text and "Trained in bf16, compiled." in text
    alts = re.findall(r'<img alt="([^"]+)" src="data:image/png;base64,', text)
    assert len(alts) == text.count("<img") == 3
    assert "empty 2" in text, "the funnel says why documents went"
    assert "&lt;a world&gt;" in text, "the data card is there, and escaped"


def test_the_loss_curve_counts_the_tokens_seen(run):
    curve = report.loss_curve(run)
    assert curve == {"million_tokens": [0.4, 1.0], "bits_per_byte": [1.5, 0.6]}


def test_the_figure_shows_every_curve_the_5_gram_line_and_the_floor():
    curve = {"million_tokens": [0.4, 1.0], "bits_per_byte": [1.5, 0.6]}
    base = {"ngram_loss": 1.0, "floor": 0.5}
    for n_curves in (1, 3):
        axes = report.draw_losses([curve] * n_curves, base)
        heights = [list(line.get_ydata()) for line in axes.lines]
        assert heights.count([1.5, 0.6]) == n_curves
        assert [1.0, 1.0] in heights and [0.5, 0.5] in heights
        words = " ".join(text.get_text() for text in axes.texts)
        assert "5-gram" in words and "floor" in words
    axes = report.draw_losses([curve], {"ngram_loss": 1.0})
    assert "floor" not in " ".join(text.get_text() for text in axes.texts)


def test_the_commit_is_gits_or_unknown(monkeypatch):
    def fail(*given, **options):
        raise OSError("no git")

    assert re.fullmatch(r"[0-9a-f]{7,40}\+?|unknown", report.commit())
    monkeypatch.setattr(subprocess, "check_output", fail)
    assert report.commit() == "unknown"


def test_the_machine_is_measured():
    machine = measure_machine()
    assert machine.cores >= 1 and machine.processor
    assert 0.01 < machine.gflops_fp32 < 1e6 and 0.01 < machine.gflops_bf16 < 1e6


# -- experiments and their results ----------------------------------------------------


def test_an_unknown_experiment_is_one_line_that_names_the_others(capsys):
    assert experiments.main(["nonsense"]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1 and "'nonsense'" in line
    assert all(name in line for name in experiments.EXPERIMENTS)


def test_sources_for_an_experiment_that_takes_none_are_one_line(capsys):
    assert experiments.main(["norms", "pylib"]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1 and "norms takes no sources; real_text does" in line


def test_every_experiment_belongs_to_a_folder_and_says_what_it_does():
    for folder, experiment in experiments.EXPERIMENTS.values():
        assert (ROOT / folder / "__init__.py").exists() and experiment.__doc__


def test_spread_is_mean_least_and_greatest():
    """Golden: 1, 2 and 6 have the mean 9 / 3 = 3."""
    assert experiments.spread([2.0, 1.0, 6.0]) == {
        "mean": 3.0,
        "min": 1.0,
        "max": 6.0,
        "values": [2.0, 1.0, 6.0],
    }


def test_a_reports_single_numbers_by_dotted_name():
    found = dict(
        experiments.scalars(report.build_report(RunConfig(), records(), MACHINE))
    )
    assert found["total_seconds"] == 14.0
    assert found["base.heldout.loss"] == 0.6
    assert found["finetuned.by_kind.who"] == 0.7
    assert found["aligned.accuracy_by_kind.who"] == 0.8
    assert found["base.tokens_per_second"] == 12_345.0
    assert all(isinstance(value, (int, float)) for value in found.values())


def spreads(value):
    """Yield every spread inside a nested value."""
    if isinstance(value, dict):
        if "mean" in value:
            yield value
        else:
            for inner in value.values():
                yield from spreads(inner)


def test_results_are_found_by_their_names():
    assert len({path.stem for path in RESULTS}) == len(RESULTS)


def test_results_say_how_they_were_measured():
    for path in RESULTS:
        results = json.loads(path.read_text(encoding="utf-8"))
        keys = {"what", "command", "seeds", "machine", "commit", "results"}
        assert keys <= set(results), path
        chapter = path.parents[1].name
        if results["command"].split()[:4] == [*COMMAND, path.stem]:
            assert experiments.EXPERIMENTS[path.stem][0] == chapter
        else:  # what a chapter measures of its own needs no later one
            assert f"python -m {chapter}." in results["command"], path
            continue
        if chapter in TIMED:
            assert results["seconds"] <= 600, f"{path}: ten minutes are the most"
        found = list(spreads(results["results"]))
        assert found, f"{path} has no spread"
        for each in found:
            assert len(each["values"]) == len(results["seeds"]) >= 3, path
            low, high = min(each["values"]), max(each["values"])
            assert (each["min"], each["max"]) == (low, high)
            assert low - 1e-9 <= each["mean"] <= high + 1e-9


# -- the README -----------------------------------------------------------------------


def main_results():
    """Write a results file as `common.experiments main` would from three such runs."""
    built = report.build_report(RunConfig(), records(), MACHINE)
    measured = {
        name: experiments.spread([value, value, value])
        for name, value in experiments.scalars(built)
    }
    curve = {"million_tokens": [0.4, 1.0], "bits_per_byte": [1.5, 0.6]}
    return {
        "command": "python -m common.experiments main",
        "seeds": [0, 1, 2],
        "machine": asdict(MACHINE),
        "commit": "abc",
        "results": {
            "measured": measured,
            "curves": [curve] * 3,
            "sample": "Once.\nThen.",
            "answers": examined(0.8)["examples"],
        },
    }


def real_results():
    """Write a results file as `common.experiments real_text` would."""
    source = {
        "bytes": {"train": 1_000_000, "validation": 110_000},
        "loss": experiments.spread([2.0, 1.9, 2.1]),
        "ngram_loss": experiments.spread([3.0] * 3),
        "sample": "To be,\nor not",
    }
    return {
        "command": "python -m common.experiments real_text plays.txt",
        "seeds": [0, 1, 2],
        "machine": asdict(MACHINE),
        "results": {"sources": {"plays": source}},
    }


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """Let the README be written in another folder, from results like the real ones."""
    monkeypatch.setattr(readme, "ROOT", tmp_path)
    folder = tmp_path / "common" / "results"
    folder.mkdir(parents=True)
    (folder / "main.json").write_text(json.dumps(main_results()))
    (folder / "real_text.json").write_text(json.dumps(real_results()))
    return tmp_path


def test_the_part_on_real_text_quotes_the_results():
    part = readme.real_text_part(real_results())
    row = "| plays | 1.0 | 0.1 | 3.000 (3.000 to 3.000) | 2.000 (1.900 to 2.100) |"
    assert row in part and "```\nTo be,\nor not\n```" in part


def test_the_measured_part_quotes_the_results():
    part = readme.measured_part(main_results())
    assert "| gap closed on `validation` | 80.0 % (80.0 to 80.0) |" in part
    assert "| accuracy after alignment | 80.0 % (80.0 to 80.0) |" in part
    assert "| `make llm`, seconds | 14 (14 to 14) |" in part
    assert all(f"| {kind} | 70.0 %" in part for kind in KINDS)
    assert "> Once.  \n> Then.  \n" in part and "| Mia & Tom | Bo |" in part


def test_the_measured_part_goes_between_its_marks():
    old = f"before\n{readme.BEGIN}old\n{readme.END}after\n"
    new = readme.rewrite(old, "new\n")
    assert new == f"before\n{readme.BEGIN}new\n{readme.END}after\n"
    assert readme.rewrite(new, "new\n") == new


@pytest.mark.parametrize("text", ["", readme.BEGIN, readme.END + "x"])
def test_a_readme_without_marks_is_refused(text):
    with pytest.raises(ValueError, match="lacks the marks"):
        readme.rewrite(text, "new\n")


def test_marks_in_the_wrong_order_are_refused():
    with pytest.raises(ValueError, match="lacks the marks"):
        readme.rewrite(readme.END + "x\n" + readme.BEGIN, "new\n")


@pytest.mark.parametrize("name", ["main", "real_text"])
def test_missing_results_are_one_line_that_says_how_to_make_them(
    measured, capsys, name
):
    (measured / "common" / "results" / f"{name}.json").unlink()
    assert readme.main([]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1 and f"common.experiments {name}" in line


def test_the_command_writes_the_readme_and_its_figure(measured):
    path, figure = measured / "README.md", measured / readme.FIGURE
    path.write_text(f"# Title\n{readme.BEGIN}{readme.END}end\n")
    assert readme.main([]) == 0
    first = path.read_text(), figure.read_bytes()
    part = readme.measured_part(main_results()) + readme.real_text_part(real_results())
    assert first[0] == f"# Title\n{readme.BEGIN}{part}{readme.END}end\n"
    assert first[1].startswith(b"\x89PNG")
    assert readme.main([]) == 0
    assert (path.read_text(), figure.read_bytes()) == first


def test_the_readme_says_what_the_results_say():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.count(readme.BEGIN) == text.count(readme.END) == 1
    part = readme.everything_measured()
    assert readme.rewrite(text, part) == text, "run: python -m common.readme"
