"""Experiments: every measured number that the book quotes, and how to get it again.

    python -m common.experiments NAME

Each trains with three seeds (at most ten minutes on two cores; `main` and `real_text`
are three whole runs of the main job, on every source) and writes `results/NAME.json` in
the folder of the chapter that tells of it. Notebooks draw from these files.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from ch01_data.files import run_command, write_json
from ch01_data.measured import commit, spread
from ch04_transformer.transformer import (
    BatchNorm,
    LayerNorm,
    RMSNorm,
    Transformer,
    TransformerBlock,
)
from ch05_pretraining.machine import measure_machine
from common.choices import activations, experts, initialisation, norm_place, tying
from common.head_search import heads
from common.laboratory import SEEDS, Laboratory
from common.memorised import memorisation
from common.payoff import payoff
from common.pipeline import name_run
from common.position_experiments import context_extension, positions
from common.report import loss_curve

ROOT = Path(__file__).resolve().parents[1]


def norms() -> dict:
    """Compare RMSNorm, LayerNorm and BatchNorm by validation loss after 200 steps."""
    laboratory, losses = Laboratory.open(), {}
    for norm in (RMSNorm, LayerNorm, BatchNorm):
        make = partial(
            Transformer, block=partial(TransformerBlock, norm=norm), norm=norm
        )
        losses[norm.__name__] = laboratory.losses(make, steps=200)
    return {"unit": "bits per byte", "steps": 200, "validation_loss": losses}


def optimizers() -> dict:
    """Compare Muon and AdamW at two peak rates each, after 200 steps."""
    laboratory, losses = Laboratory.open(), {}
    for matrices in ("adamw", "muon"):
        for rate in (2e-3, 5e-3):
            losses[f"{matrices} {rate:g}"] = laboratory.losses(
                Transformer, steps=200, peak_lr=rate, matrices=matrices
            )
    return {"unit": "bits per byte", "steps": 200, "validation_loss": losses}


def documents() -> dict:
    """Compare rows whose documents see each other with rows that keep them apart."""
    laboratory, losses = Laboratory.open(), {}
    for name, apart in (("together", False), ("apart", True)):
        losses[name] = laboratory.losses(Transformer, apart=apart)
    return {"unit": "bits per byte", "steps": 300, "validation_loss": losses}


def fresh_run(seed: int, out: Path, source: str = "storyworld") -> dict:
    """Run the main job as a reader's first time: nothing is compiled yet.

    Raises:  ValueError if the run fails; it has said why.
    """
    command = [sys.executable, "-m", "common.pipeline", "--source", source]
    command += ["--seed", str(seed), "--out", str(out)]
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": cache}
        done = subprocess.run(command, cwd=ROOT, env=environment)
    if done.returncode:
        raise ValueError(f"the main job failed with seed {seed}; see its own message")
    return json.loads((out / "report.json").read_text(encoding="utf-8"))


def main_job() -> dict:
    """Run the main job with three seeds and keep what the README quotes."""
    reports, curves = [], []
    for seed in SEEDS:
        out = ROOT / "runs" / ("default" if seed == 0 else f"seed-{seed}")
        reports.append(fresh_run(seed, out))
        curves.append(loss_curve(out))
    measured: dict[str, list] = {}
    for report in reports:
        for name, value in scalars(report):
            measured.setdefault(name, []).append(value)
    first = {stage["name"]: stage["figures"] for stage in reports[0]["stages"]}
    return {
        "measured": {name: spread(values) for name, values in measured.items()},
        "stage_seconds": stage_seconds(reports),
        "curves": curves,
        "sample": first["pretrain"]["sample"],
        "answers": first["dpo"]["after"]["examples"],
    }


def real_text(sources: list[str]) -> dict:
    """Run the main job on real text, three seeds each: bits per byte on what is held.

    A single file is measured on its last tenth. Without sources, it is pylib.
    """
    results = {}
    for source in sources or ["pylib"]:
        if source != "pylib":
            source = str(Path(source).expanduser().absolute())
        name = Path(name_run(source)).name
        runs = ROOT / "runs"
        reports = [fresh_run(s, runs / f"{name}-seed-{s}", source) for s in SEEDS]
        bases = [report["base"] for report in reports]
        first = {stage["name"]: stage["figures"] for stage in reports[0]["stages"]}
        splits = first["data"]["splits"]
        results[name] = {
            "bytes": {split: part["bytes"] for split, part in splits.items()},
            "loss": spread([base["loss"] for base in bases]),
            "ngram_loss": spread([base["ngram_loss"] for base in bases]),
            "sample": first["pretrain"]["sample"],
        }
    return {"unit": "bits per byte", "sources": results}


def stage_seconds(reports: list[dict]) -> dict[str, dict]:
    """Summarise how long each stage took."""
    names = [stage["name"] for stage in reports[0]["stages"]]
    return {
        name: spread([report["stages"][i]["seconds"] for report in reports])
        for i, name in enumerate(names)
    }


def scalars(report: dict) -> list[tuple[str, float]]:
    """List a report's single numbers by dotted name."""
    found = [(k, report[k]) for k in ("total_seconds", "peak_memory_bytes")]
    for section in ("base", "finetuned", "aligned"):
        for key, value in report[section].items():
            if isinstance(value, (int, float)):
                found.append((f"{section}.{key}", value))
            elif isinstance(value, dict):
                found += [(f"{section}.{key}.{k}", v) for k, v in value.items()]
    found.append(("base.tokens_per_second", training_speed(report)))
    return found


def training_speed(report: dict) -> float:
    """Return the median training speed that the pretraining stage noted."""
    stage = next(s for s in report["stages"] if s["name"] == "pretrain")
    return stage["figures"]["tokens_per_second"]


EXPERIMENTS: dict[str, tuple[str, Callable[..., dict]]] = {
    "payoff": ("ch01_data", payoff),
    "positions": ("ch03_attention", positions),
    "context_extension": ("ch03_attention", context_extension),
    "heads": ("ch03_attention", heads),
    "norms": ("ch04_transformer", norms),
    "norm_place": ("ch04_transformer", norm_place),
    "activations": ("ch04_transformer", activations),
    "initialisation": ("ch04_transformer", initialisation),
    "tying": ("ch04_transformer", tying),
    "experts": ("ch04_transformer", experts),
    "optimizers": ("ch05_pretraining", optimizers),
    "documents": ("ch05_pretraining", documents),
    "memorisation": ("ch05_pretraining", memorisation),
    "main": ("common", main_job),
    "real_text": ("common", real_text),
}


def run_experiment(name: str, sources: Sequence[str] = ()) -> Path:
    """Run an experiment and write its results file; `sources` are for real_text.

    Raises:  ValueError if there is no experiment of that name, or it takes no sources.
    """
    if name not in EXPERIMENTS:
        known = ", ".join(EXPERIMENTS)
        raise ValueError(f"there is no experiment {name!r}; choose one of {known}")
    chapter, experiment = EXPERIMENTS[name]
    if sources and experiment is not real_text:
        raise ValueError(f"the experiment {name} takes no sources; real_text does")
    given = {"sources": list(sources)} if experiment is real_text else {}
    command = ["python -m common.experiments", name, *(Path(s).name for s in sources)]
    path = ROOT / chapter / "results" / f"{name}.json"
    about = {
        "what": experiment.__doc__,
        "command": " ".join(command),
        "seeds": SEEDS,
        "machine": asdict(measure_machine()),
        "commit": commit(),
    }
    began = time.perf_counter()
    found = experiment(**given)
    seconds = round(time.perf_counter() - began, 1)
    write_json(path, {**about, "seconds": seconds, "results": found})
    return path


def main(argv: list[str] | None = None) -> int:
    """Run an experiment and print where its results lie."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("name", help=", ".join(EXPERIMENTS))
    parser.add_argument("sources", nargs="*", help="real_text: pylib, a file, a folder")
    args = parser.parse_args(argv)
    return run_command(lambda: print(run_experiment(args.name, args.sources)))


if __name__ == "__main__":
    raise SystemExit(main())
