"""The main job: whole, skipped, redone, killed and gone on with, verified, refused.

One tiny run (some 300 stories, twelve steps) is made once and looked at by most tests.
"""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from ch01_data.files import run_command, sha256, write_json, write_text
from ch01_data.storyworld import generate as generate_stories
from ch05_pretraining import pretraining
from ch05_pretraining.checkpoint import checkpoints, latest_checkpoint, save_checkpoint
from ch06_generation import generation
from ch06_generation.generation import generate
from ch07_finetuning.finetuning import chat_prompt
from ch08_alignment.alignment import Pair
from common import pipeline, stages, verify
from common.model import LLM, PRESETS, build
from common.pipeline import STAGES, name_run, run_pipeline, run_stage, stage_key
from common.stages import QUICK, RunConfig

ROOT = Path(__file__).resolve().parents[1]
EXACT = {"precision": "fp32", "compile": "off"}
TINY = RunConfig(
    preset="quick",
    n_stories=300,
    vocab_size=600,
    pretrain_steps=12,
    pretrain=EXACT
    | {
        "batch_size": 2,
        "warmup_steps": 4,
        "checkpoint_every": 4,
        "evaluate_every": 6,
        "validation_documents": 10,
    },
    sft=EXACT | {"batch_size": 2, "steps": 8, "n_stories": 40, "checkpoint_every": 3},
    dpo=EXACT
    | {
        "batch_size": 2,
        "steps": 4,
        "n_stories": 1,
        "samples": 2,
        "checkpoint_every": 2,
    },
    evaluation_documents=10,
    exam_stories=2,
)
# Runs the main job in a process of its own, and signals itself behind one line of a
# stage's diary: the process cannot know what comes, and the moment is always the same.
DRIVER = """
import json, os, signal, sys
import torch
from ch01_data.files import run_command
from ch05_pretraining.pretraining import MetricsLog
from common.pipeline import run_pipeline
from common.stages import RunConfig

torch.set_num_threads(1)
signal.signal(signal.SIGINT, signal.default_int_handler)
config, stage, step, number = json.loads(sys.argv[1])
append = MetricsLog.append

def append_and_die(log, **values):
    append(log, **values)
    if (log.path.parent.name, values["step"]) == (stage, step):
        os.kill(os.getpid(), number)

MetricsLog.append = append_and_die
sys.exit(run_command(lambda: run_pipeline(RunConfig(**config))))
"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A finished run, and its report."""
    config = replace(TINY, out=str(tmp_path_factory.mktemp("tiny") / "run"))
    with pytest.raises(ValueError, match="gave only . pairs"):
        run_pipeline(config)
    leave_pairs(config)
    return config, run_pipeline(config)


def leave_pairs(config):
    """Leave what a dpo stage leaves that was stopped after it had sampled its pairs.

    A model of eight steps answers nothing rightly, so that it gives no pairs itself.
    """
    folder = Path(config.out) / "dpo"
    pairs = [
        Pair(story.text, question.text, question.answer, "Under the bridge.")
        for story in generate_stories(3, 0, "train")
        for question in story.questions
    ]
    text = "".join(json.dumps(pair._asdict()) + "\n" for pair in pairs)
    write_text(folder / "pairs.jsonl", text)
    write_json(folder / "config.json", {"key": keys_of(config)["dpo"]})


def files_of(run):
    """Map every file of the stages to its date and its checksum."""
    return {
        str(path.relative_to(run)): (path.stat().st_mtime_ns, sha256(path))
        for stage in STAGES
        for path in (run / stage.name).rglob("*")
        if path.is_file()
    }


def diary(folder):
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def weights(folder):
    return load_file(latest_checkpoint(folder) / "model.safetensors")


def same(first, second):
    return first.keys() == second.keys() and all(
        torch.equal(first[name], second[name]) for name in first
    )


def plain(value):
    """Return a value as JSON gives it back: tuples become lists."""
    return json.loads(json.dumps(value))


def one_line(capsys):
    """Return the only line on stderr."""
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


# -- the whole thread -----------------------------------------------------------------


def test_every_artefact_of_a_run_is_there(tiny):
    run = Path(tiny[0].out)
    assert list((run / "data").glob("train-*.jsonl"))
    assert (run / "data" / "README.md").exists()
    assert (run / "tokenizer" / "tokenizer.json").exists()
    for name, steps in (("pretrain", [8, 12]), ("sft", [6, 8]), ("dpo", [2, 4])):
        assert json.loads((run / name / "config.json").read_text())["figures"]
        assert diary(run / name)[-1]["step"] == steps[-1]
        kept = checkpoints(run / name)
        assert [int(folder.name[5:]) for folder in kept] == steps, name
        parts = {"model.safetensors", "optimizer.safetensors", "state.json"}
        assert {path.name for path in kept[-1].iterdir()} == parts
    assert (run / "dpo" / "pairs.jsonl").exists()
    for folder in (run / "model", run / "model" / "pretrain", run / "model" / "sft"):
        for name in ("config.json", "model.safetensors", "tokenizer.json"):
            assert (folder / name).exists()
    template = json.loads((run / "model" / "tokenizer_config.json").read_text())
    assert "<|assistant|>" in template["chat_template"]


def test_no_temporary_file_and_no_pickle_is_left(tiny):
    names = [path.name for path in Path(tiny[0].out).rglob("*")]
    assert not [name for name in names if name.endswith(".tmp")]
    known = {".json", ".jsonl", ".safetensors", ".md", ".bin", ".html", ""}
    assert {Path(name).suffix for name in names} <= known
    for path in Path(tiny[0].out).rglob("*.bin"):  # token ids, not torch's pickles
        header = json.loads(path.with_suffix(".json").read_text())
        size = header["count"] * np.dtype(header["dtype"]).itemsize
        assert path.stat().st_size == size
    found = list(Path(tiny[0].out).rglob("*.safetensors"))
    assert len(found) == 3 * 2 * 2 + 3 and all(load_file(path) for path in found)


def test_the_page_holds_everything_itself(tiny):
    text = (Path(tiny[0].out) / "report.html").read_text(encoding="utf-8")
    assert "http:" not in text and "https:" not in text  # base64 has no colon
    assert "<script" not in text and "<link" not in text
    sources = re.findall(r"<img[^>]* src=\"(.{22})", text)
    assert sources == ["data:image/png;base64,"] * text.count("<img") and sources
    for heading in ("Data", "Base model", "Accuracy", "Honesty", "Answers"):
        assert f"<h2>{heading}" in text
    for stage in STAGES:
        assert f"<td>{stage.name}</td>" in text
    assert tiny[1]["machine"]["processor"] in text


def test_the_report_has_every_key_that_the_design_promises(tiny):
    report = json.loads((Path(tiny[0].out) / "report.json").read_text())
    assert report == plain(tiny[1])
    assert {"cores", "processor", "gflops_fp32", "gflops_bf16"} <= set(
        report["machine"]
    )
    assert {"total_seconds", "peak_memory_bytes", "seed", "commit"} <= set(report)
    assert [stage["name"] for stage in report["stages"]] == [s.name for s in STAGES]
    for stage in report["stages"]:
        assert {"seconds", "peak_memory_bytes", "figures"} <= set(stage)
    measured = {"loss", "floor", "ngram_loss"}
    assert measured <= set(report["base"])
    assert measured <= set(report["base"]["heldout"])
    asked = "accuracy_before_chat accuracy_before_prose accuracy interval by_kind"
    assert {*asked.split(), "chance", "no_lookback_baseline"} <= set(
        report["finetuned"]
    )
    for name in ("honesty", "false_refusals", "accuracy"):
        keys = {name, f"{name}_before", f"{name}_interval", f"{name}_before_interval"}
        assert keys <= set(report["aligned"])


def test_what_the_report_says_is_possible(tiny):
    report = tiny[1]
    base = report["base"]
    assert 0 < base["floor"] < base["ngram_loss"] and base["floor"] < base["loss"]
    total = sum(stage["seconds"] for stage in report["stages"])
    assert report["total_seconds"] == pytest.approx(total, abs=0.1)
    memory = [stage["peak_memory_bytes"] for stage in report["stages"]]
    assert report["peak_memory_bytes"] == max(memory) and min(memory) > 10_000_000
    assert len(report["finetuned"]["by_kind"]) >= 6
    low, high = report["finetuned"]["interval"]
    assert 0 <= low <= report["finetuned"]["accuracy"] <= high <= 1


def test_the_exported_models_are_the_last_checkpoints(tiny):
    run = Path(tiny[0].out)
    for name, folder in (("dpo", "model"), ("sft", "model/sft")):
        trained = pretraining.load_model(run / name)
        exported = LLM.load(run / folder).model
        assert same(trained.state_dict(), exported.state_dict())


# -- skipping and redoing -------------------------------------------------------------


def test_a_second_run_keeps_every_stage_and_touches_no_file(tiny, capsys):
    config, report = tiny
    before = files_of(Path(config.out))
    again = run_pipeline(config)
    assert capsys.readouterr().out.count("finished before, kept") == len(STAGES)
    assert files_of(Path(config.out)) == before
    assert again["total_seconds"] == report["total_seconds"]
    assert plain(again["stages"]) == plain(report["stages"])


def keys_of(config):
    """Return every stage's key."""
    keys, upstream = {}, ""
    for stage in STAGES:
        own = {name: getattr(config, name) for name in stage.reads}
        keys[stage.name] = upstream = stage_key(stage, config, own, upstream)
    return keys


@pytest.mark.parametrize(
    ("change", "first"),
    [
        ({"seed": 1}, "data"),
        ({"n_stories": 301}, "data"),
        ({"vocab_size": 601}, "tokenizer"),
        ({"evaluation_documents": 11}, "ngram"),
        ({"pretrain_steps": 13}, "pretrain"),
        ({"preset": "tiny"}, "pretrain"),
        ({"pretrain": {"batch_size": 3}}, "pretrain"),
        ({"exam_stories": 3}, "sft"),
        ({"sft": {"steps": 9}}, "sft"),
        ({"dpo": {"beta": 0.2}}, "dpo"),
        ({"out": "elsewhere"}, None),
    ],
)
def test_a_changed_field_redoes_its_stage_and_those_after_it(change, first):
    old, new = keys_of(TINY), keys_of(replace(TINY, **change))
    redone = [name for name in old if old[name] != new[name]]
    names = [stage.name for stage in STAGES]
    assert redone == (names[names.index(first) :] if first else [])


def test_changed_source_code_redoes_its_stage_and_those_after_it(monkeypatch):
    old, true_hash = keys_of(TINY), pipeline.source_hash
    changed = lambda chapter: true_hash(chapter) + "x" * (chapter >= 7)  # noqa: E731
    monkeypatch.setattr(pipeline, "source_hash", changed)
    new = keys_of(TINY)
    assert [n for n in old if old[n] != new[n]] == ["sft", "dpo", "model"]


def test_the_source_hash_knows_the_chapters_up_to_its_own(tmp_path, monkeypatch):
    for chapter, name in (
        ("ch01_data", "data"),
        ("ch02_x", "x"),
        ("ch02_x", "exercises"),
    ):
        (tmp_path / chapter).mkdir(exist_ok=True)
        (tmp_path / chapter / f"{name}.py").write_text("1")
    monkeypatch.setattr(pipeline, "ROOT", tmp_path)
    before = [pipeline.source_hash(1), pipeline.source_hash(2)]
    (tmp_path / "ch02_x" / "exercises.py").write_text("2")
    assert [pipeline.source_hash(1), pipeline.source_hash(2)] == before
    (tmp_path / "ch02_x" / "x.py").write_text("2")
    assert pipeline.source_hash(1) == before[0]
    assert pipeline.source_hash(2) != before[1]


def test_another_dpo_redoes_dpo_and_the_export_alone(tiny, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(tiny[0].out, run)
    before = files_of(run)
    config = replace(tiny[0], out=str(run), dpo=TINY.dpo | {"steps": 2})
    shutil.rmtree(run / "dpo")
    leave_pairs(config)
    report = run_pipeline(config)
    assert capsys.readouterr().out.count("finished before, kept") == 5
    after = files_of(run)
    changed = {name for name in before if after.get(name) != before[name]}
    folders = {name.split("/")[0] for name in changed}
    assert folders == {"dpo", "model"}
    assert diary(run / "dpo")[-1]["step"] == 2
    assert plain(report["stages"][3]) == plain(tiny[1]["stages"][3])


def test_force_redoes_a_finished_stage(tmp_path):
    config = replace(TINY, out=str(tmp_path / "run"), n_stories=5)
    first = run_stage(STAGES[0], config, "", force=False)
    path = tmp_path / "run" / "data" / "train-00000.jsonl"
    path.write_text("spoilt")
    assert run_stage(STAGES[0], config, "", force=False) == first
    assert path.read_text() == "spoilt"
    run_stage(STAGES[0], config, "", force=True)
    assert len(path.read_text().splitlines()) == 5


# -- killed and gone on with ----------------------------------------------------------


def run_and_signal(config, stage, step, number):
    """Run the main job in another process, which gets a signal at a step of a stage."""
    message = json.dumps([asdict(config), stage, step, int(number)])
    return subprocess.run(
        [sys.executable, "-c", DRIVER, message],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


def mark(folder):
    """Let the diary claim that its first step took 1000 s; return that line."""
    path = folder / "metrics.jsonl"
    first, *others = path.read_text().splitlines()
    marked = json.dumps(json.loads(first) | {"seconds": 1000.0})
    path.write_text("\n".join([marked, *others]) + "\n")
    return json.loads(marked)


def test_kill_and_interrupt_lose_only_the_steps_since_the_checkpoint(tiny, tmp_path):
    unbroken, run = Path(tiny[0].out), tmp_path / "run"
    for name in ("data", "tokenizer", "ngram"):
        shutil.copytree(unbroken / name, run / name)
    config = replace(tiny[0], out=str(run))

    done = run_and_signal(config, "pretrain", 6, signal.SIGINT)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("stopped: run the same command")
    assert latest_checkpoint(run / "pretrain").name == "step-000004"
    marked = mark(run / "pretrain")

    done = run_and_signal(config, "pretrain", 10, signal.SIGKILL)
    assert done.returncode == -signal.SIGKILL
    assert latest_checkpoint(run / "pretrain").name == "step-000008"

    done = run_and_signal(config, "sft", 5, signal.SIGKILL)
    assert done.returncode == -signal.SIGKILL
    assert latest_checkpoint(run / "sft").name == "step-000003"
    mark(run / "sft")

    leave_pairs(config)
    report = run_pipeline(config)
    steps = diary(run / "pretrain")
    assert steps[0] == marked, "the first steps were done again"
    assert [s["step"] for s in steps if "loss" in s] == list(range(1, 13))
    assert [s["step"] for s in diary(run / "sft")] == list(range(1, 9))
    for stage in ("pretrain", "sft"):
        seconds = [s["seconds"] for s in report["stages"] if s["name"] == stage][0]
        assert 1000 < seconds < 1500, f"{stage}: what was spent before the kill is lost"
    assert report["total_seconds"] > 2000
    for stage in ("pretrain", "sft", "dpo"):
        assert same(weights(unbroken / stage), weights(run / stage)), stage
    assert plain(report["aligned"]) == plain(tiny[1]["aligned"])


# -- verify ---------------------------------------------------------------------------


def test_verify_agrees_with_a_finished_run_and_finds_changed_weights(
    tiny, tmp_path, capsys
):
    assert pipeline.main(["--verify", tiny[0].out]) == 0
    assert "agrees" in capsys.readouterr().out
    run = tmp_path / "run"
    shutil.copytree(tiny[0].out, run)
    path = run / "model" / "pretrain" / "model.safetensors"
    tensors = load_file(path)
    tensors["model.norm.weight"] *= 1.5
    save_file(tensors, path, metadata={"format": "pt"})
    assert pipeline.main(["--verify", str(run)]) == 2
    assert "does not agree with its models: base.loss" in one_line(capsys)


def test_verify_finds_an_edited_number(tiny, tmp_path, capsys, monkeypatch):
    # What the models give was computed by the test above; here it is the report's own.
    report = plain(tiny[1])
    computed = {name: report[name] for name in ("base", "finetuned", "aligned")}
    monkeypatch.setattr(verify, "recompute", lambda config, models: computed)
    run = tmp_path / "run"
    shutil.copytree(tiny[0].out, run)
    assert pipeline.main(["--verify", str(run)]) == 0
    capsys.readouterr()
    for section, name in (
        ("base", "floor"),
        ("finetuned", "accuracy"),
        ("aligned", "honesty"),
    ):
        edited = plain(report)
        edited[section][name] += 0.01
        (run / "report.json").write_text(json.dumps(edited))
        assert pipeline.main(["--verify", str(run)]) == 2
        line = one_line(capsys)
        assert f"{section}.{name}: reported" in line and line.count("reported") == 1
    del edited["aligned"]
    (run / "report.json").write_text(json.dumps(edited))
    assert pipeline.main(["--verify", str(run)]) == 2
    assert "aligned: reported None" in one_line(capsys)


@pytest.mark.parametrize("content", [None, "", "{", "[]", "{}", '{"source": "x"}'])
def test_verify_refuses_a_folder_that_is_no_run(tmp_path, capsys, content):
    if content is not None:
        (tmp_path / "report.json").write_text(content)
    assert pipeline.main(["--verify", str(tmp_path)]) == 2
    assert str(tmp_path / "report.json") in one_line(capsys)


def test_differences_are_listed_with_their_place():
    reported = {"a": [1.0, 2.0], "b": {"c": 0.5}, "more": 1}
    assert verify.differences(reported, {"a": (1.0, 2.00001)}, "r") == []
    assert verify.differences(reported, {"a": (1.0, 2.1)}, "r") == [
        "r.a[1]: reported 2.0, computed 2.1"
    ]
    assert verify.differences(reported, {"b": {"c": 0.4}}, "r")[0].startswith("r.b.c")
    assert (
        "r.a: reported 2 values" in verify.differences(reported, {"a": [1.0]}, "r")[0]
    )
    assert verify.differences(reported, {"b": [1.0]}, "r")
    assert verify.differences(None, {"b": 1.0}, "r")


# -- other tools open what we wrote ---------------------------------------------------


def test_transformers_opens_the_model_and_generates_the_same_tokens(tiny):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = Path(tiny[0].out) / "model"
    theirs, their_tokenizer = (
        AutoModelForCausalLM.from_pretrained(folder),
        AutoTokenizer.from_pretrained(folder),
    )
    ours = LLM.load(folder)
    messages = [{"role": "user", "content": "Mia found a red key.\n\nWho found it?"}]
    ids = chat_prompt(messages, ours.tokenizer)
    rendered = their_tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, return_dict=False
    )
    assert list(rendered) == ids
    plain = [ours.tokenizer.end_of_text_id, *ours.tokenizer.encode("Once there was")]
    for prompt in (ids, plain):
        tokens = torch.tensor([prompt])
        mine = generate(ours.model, tokens, max_new_tokens=24, temperature=0.0)
        # No end: both go on to the limit, so that every one of 24 tokens is compared.
        found = theirs.generate(
            tokens,
            attention_mask=torch.ones_like(tokens),
            max_new_tokens=24,
            do_sample=False,
            eos_token_id=None,
            pad_token_id=0,
        )
        assert found[0, len(prompt) :].tolist() == mine[0].tolist()
    text = "A café — “yes”, <|end|> she said."
    assert their_tokenizer.decode(ours.tokenizer.encode(text)) == text


# -- real text ------------------------------------------------------------------------


def prose(n_bytes, seed=0):
    """Write sentences that no story tells."""
    rng = random.Random(seed)
    pick = rng.choice
    parts = "an bel cor da ev fin gar ho il jas ker lom mi nor or pel ri sam tu vor"
    did = "carried|painted|repaired|remembered|sold|lost|counted|weighed".split("|")
    what = "the broken clock|a map of the coast|her letters|the old boat".split("|")
    when = "before the storm|in the long winter|on market day|at noon".split("|")

    def name():
        return "".join(rng.choices(parts.split(), k=3)).capitalize()

    paragraphs, size = [], 0
    while size < n_bytes:
        sentences = [
            f"{name()} {pick(did)} {pick(what)} of {name()} {pick(when)}, and "
            f"{name()} of {name()} {pick(did)} it {rng.randint(2, 99)} times."
            for _ in range(6)
        ]
        paragraphs.append(" ".join(sentences))
        size += len(paragraphs[-1]) + 2
    return "\n\n".join(paragraphs) + "\n"


def write_source(folder, kind):
    """Write 200 kB of text as a file, a folder or JSON lines."""
    if kind == "file":
        path = folder / "harbour.txt"
        path.write_text(prose(200_000))
        return path
    parts = [prose(10_000, seed) for seed in range(20)]
    if kind == "folder":
        path = folder / "harbour"
        path.mkdir()
        for number, part in enumerate(parts):
            (path / f"{number}.txt").write_text(part)
        return path
    path = folder / "harbour.jsonl"
    path.write_text("".join(json.dumps({"text": part}) + "\n" for part in parts))
    return path


@pytest.mark.parametrize("kind", ["file", "folder", "jsonl"])
def test_real_text_goes_through_and_what_needs_the_truth_is_skipped(
    tmp_path, capsys, kind
):
    run = tmp_path / "run"
    short = {"pretrain_steps": 2, "source": str(write_source(tmp_path, kind))}
    report = run_pipeline(replace(TINY, out=str(run), **short))
    out = capsys.readouterr().out
    for name in ("sft", "dpo"):
        assert f"{name}: skipped, it needs the world's truth" in out
        assert not (run / name).exists()
    assert {"loss", "ngram_loss"} <= set(report["base"])
    assert not {"floor", "heldout"} & set(report["base"])
    assert "finetuned" not in report and "aligned" not in report
    assert LLM.load(run / "model").generate("The boat", max_new_tokens=5, seed=0)
    assert (run / "report.html").exists()
    if kind == "file":
        assert pipeline.main(["--verify", str(run)]) == 0


def test_a_changed_text_is_read_again(tmp_path):
    source = write_source(tmp_path, "folder")
    config = replace(TINY, source=str(source))
    before = keys_of(config)
    assert keys_of(config) == before
    (source / "3.txt").write_text(prose(10_500, 3))
    after = keys_of(config)
    assert all(before[name] != after[name] for name in before)


def test_a_run_of_your_own_text_has_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts").mkdir()
    assert name_run("storyworld") == "runs/default"
    assert name_run("pylib") == "runs/pylib"
    assert name_run("texts/tinyshakespeare.txt") == "runs/tinyshakespeare"
    assert name_run("texts/") == name_run("texts/*.txt") == "runs/texts"
    assert name_run("texts/**/*.txt") == "runs/texts"
    for source in ("default.txt", "texts/default", "quick.jsonl"):
        assert name_run(source) not in ("runs/default", "runs/quick")
    for source in ("..", ".", "texts/..", "/"):
        name = Path(name_run(source)).name
        assert name and name not in (".", "..")


@pytest.mark.parametrize("preset", ["default", "quick"])
def test_the_command_line_leaves_the_books_own_runs_alone(monkeypatch, preset):
    asked = []
    monkeypatch.setattr(pipeline, "run_pipeline", lambda *given: asked.append(given))
    flags = ["--preset", preset, "--seed", "3"]
    assert pipeline.main(flags) == 0
    assert pipeline.main([*flags, "--source", "my/harbour.txt", "--force"]) == 0
    assert pipeline.main([*flags, "--source", "pylib", "--out", "here"]) == 0
    own, text, named = asked
    recipe = QUICK if preset == "quick" else RunConfig()
    assert own == (replace(recipe, seed=3), False)
    changed = {"source": "my/harbour.txt", "out": "runs/harbour", "seed": 3}
    assert text == (replace(recipe, **changed), True)
    assert named[0].out == "here"


# -- bad input ------------------------------------------------------------------------


def write_bad(folder, kind):
    """Write a source that cannot be used; return it and what the line must say."""
    path = folder / "text.txt"
    if kind == "missing":
        return path, "no such file"
    content, words = {
        "empty": (b"", "empty"),
        "binary": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "binary"),
        "invalid UTF-8": (
            b"It was a dark night in M\xfcnchen.\n" * 9,
            "not valid UTF-8",
        ),
        "white space": (b" \n" * 50, "white space"),
    }[kind]
    path.write_bytes(content)
    return path, words


@pytest.mark.parametrize(
    "kind", ["missing", "empty", "binary", "invalid UTF-8", "white space"]
)
def test_a_source_that_is_no_text_ends_in_one_line_and_leaves_nothing(
    tmp_path, capsys, kind
):
    source, words = write_bad(tmp_path, kind)
    out = tmp_path / "run"
    assert pipeline.main(["--source", str(source), "--out", str(out)]) == 2
    line = one_line(capsys)
    assert line.startswith("error: ") and words in line and str(source) in line
    assert not out.exists()


def test_a_text_shorter_than_one_context_says_what_is_required(tmp_path, capsys):
    source, out = tmp_path / "short.txt", tmp_path / "run"
    source.write_text(prose(900))
    assert pipeline.main(["--source", str(source), "--out", str(out)]) == 2
    line = one_line(capsys)
    assert str(PRESETS["tiny"]["context_length"]) in line and "more text" in line
    assert not (out / "pretrain").exists() and not (out / "report.json").exists()
    # The stages before it are finished, and say so in their records.
    for name in ("data", "tokenizer", "ngram"):
        assert "figures" in json.loads((out / name / "config.json").read_text())


def test_a_single_sentence_is_refused(tmp_path, capsys):
    source, out = tmp_path / "line.txt", tmp_path / "run"
    source.write_text("It rained.\n")
    assert pipeline.main(["--source", str(source), "--out", str(out)]) == 2
    assert one_line(capsys).startswith("error: ")
    assert not out.exists() or not (out / "pretrain").exists()


def test_an_unwritable_folder_ends_in_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("not a folder")
    out = tmp_path / "file" / "run"
    assert pipeline.main(["--preset", "quick", "--out", str(out)]) == 2
    assert f"cannot write {out}" in one_line(capsys)
    assert (tmp_path / "file").read_text() == "not a folder"


def test_an_unknown_preset_ends_in_one_line(tmp_path, capsys):
    out = tmp_path / "run"
    assert pipeline.main(["--preset", "huge", "--out", str(out)]) == 2
    line = one_line(capsys)
    assert "'huge'" in line and "quick" in line and not out.exists()
    with pytest.raises(ValueError, match="'huge'.*tiny"):
        build("huge", 600)
    with pytest.raises(ValueError, match="'huge'.*tiny"):
        RunConfig(preset="huge")


def test_an_unknown_or_impossible_config_is_refused_before_any_stage(tmp_path, capsys):
    for stage in ("pretrain", "sft", "dpo"):
        with pytest.raises(ValueError, match=f"'batchsize' in {stage}; .*batch_size"):
            RunConfig(**{stage: {"batchsize": 3}})
        with pytest.raises(ValueError, match="batch_size is 0"):
            RunConfig(**{stage: {"batch_size": 0}})
    with pytest.raises(ValueError, match="n_stories is 0"):
        RunConfig(n_stories=0)
    flags = ["--model", '{"d_modell": 3}', "--out", str(tmp_path / "run")]
    data = ["--data", str(tmp_path / "x"), "--tokenizer", str(tmp_path / "x")]
    assert pretraining.main([*flags, *data]) == 2
    one_line(capsys)
    assert not (tmp_path / "run").exists()


def test_an_unknown_model_field_is_named(tiny, tmp_path, capsys):
    run, out = Path(tiny[0].out), tmp_path / "run"
    paths = {"data": run / "tokenizer" / "train", "tokenizer": run / "tokenizer"}
    flags = [part for k, v in paths.items() for part in (f"--{k}", str(v))]
    flags += ["--model", '{"d_modell": 3}', "--out", str(out)]
    assert pretraining.main(flags) == 2
    assert "d_modell" in one_line(capsys) and not out.exists()


def test_damaged_checkpoints_end_in_one_line_and_are_left_alone(tiny, tmp_path, capsys):
    run, config = tmp_path / "run", replace(tiny[0], out=str(tmp_path / "run"))
    shutil.copytree(tiny[0].out, run)
    record = run / "pretrain" / "config.json"
    unfinished = json.loads(record.read_text())
    del unfinished["figures"]
    record.write_text(json.dumps(unfinished))
    for folder in checkpoints(run / "pretrain"):
        data = bytearray((folder / "model.safetensors").read_bytes())
        data[-1] ^= 1
        (folder / "model.safetensors").write_bytes(data)
    before = files_of(run)
    assert run_command(lambda: run_pipeline(config)) == 2
    line = one_line(capsys)
    assert "every checkpoint in" in line and str(run / "pretrain") in line
    changed = {n for n, what in files_of(run).items() if before[n][1] != what[1]}
    assert changed <= {"pretrain/config.json"}


def test_a_folder_that_is_not_a_run_is_never_overwritten(tmp_path, capsys):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "thesis.txt").write_text("years of work")
    flags = ["--source", str(tmp_path / "data"), "--out", str(tmp_path)]
    assert pipeline.main(flags) == 2
    assert "belongs to no run" in one_line(capsys)
    assert (tmp_path / "data" / "thesis.txt").read_text() == "years of work"
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_too_few_pairs_end_in_one_line_and_keep_the_other_stages(
    tiny, tmp_path, capsys
):
    run = tmp_path / "run"
    shutil.copytree(tiny[0].out, run)
    greedy = TINY.dpo | {"temperature": 1e-6, "batch_size": 9}
    config = replace(tiny[0], out=str(run), dpo=greedy)
    assert run_command(lambda: run_pipeline(config)) == 2
    line = one_line(capsys)
    assert "gave only" in line and "a batch needs 9" in line
    assert not (run / "dpo").exists()
    assert "figures" in json.loads((run / "sft" / "config.json").read_text())


def test_a_prompt_longer_than_the_context_ends_in_one_line(tiny, capsys):
    folder = str(Path(tiny[0].out) / "model")
    flags = ["--model", folder, "--prompt", "the key " * 600]
    assert generation.main(flags) == 2
    line = one_line(capsys)
    assert re.search(r"the prompt has \d+ tokens.*1 to 384", line)


# -- seams ----------------------------------------------------------------------------


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_build_and_answer(preset):
    model = build(preset, 300)
    assert model.config.vocab_size == 300
    logits = model(torch.zeros(1, 5, dtype=torch.long))
    assert logits.shape == (1, 5, 300)


def test_a_checkpoint_of_chapter_5_gives_equal_logits_on_the_roof(tiny, tmp_path):
    tokenizer = LLM.load(Path(tiny[0].out) / "model").tokenizer
    torch.manual_seed(5)
    model = build("quick", tokenizer.vocab_size).eval()
    state = {"model": asdict(model.config), "config": {}}
    save_checkpoint(tmp_path / "pretrain", 1, model, None, state)
    loaded = LLM(pretraining.load_model(tmp_path / "pretrain"), tokenizer)
    loaded.save_pretrained(tmp_path / "model")
    tokens = torch.randint(0, 600, (2, 50))
    with torch.no_grad():
        expected = model(tokens)
        assert torch.equal(loaded.model(tokens), expected)
        assert torch.equal(LLM.load(tmp_path / "model").model(tokens), expected)


def test_a_text_of_your_own_is_read_four_times_at_most():
    """10,000 tokens in batches of 10 rows of 384: 4 * 10,000 / 3,840 is 10.4 steps."""
    own = replace(RunConfig(), source="plays.txt")
    assert stages.training_steps(own, 10_000, 10) == 11
    assert stages.training_steps(own, 10**9, 10) == own.pretrain_steps
    assert stages.training_steps(RunConfig(), 10_000, 10) == RunConfig().pretrain_steps
