"""Verify a run: compute its report again from the exported models and the generator."""

import json
import math
import tempfile
from dataclasses import fields
from pathlib import Path

from ch02_tokenization.shards import TokenShard, encode_corpus
from ch02_tokenization.tokenization import Tokenizer
from ch04_transformer.pretrained import load_pretrained
from ch04_transformer.transformer import Transformer
from ch07_finetuning.evaluation import blind_baseline, exam
from common import stages
from common.report import aligned_section, base_section, tuned_section

TOLERANCE = 1e-4


def differences(reported: object, computed: object, name: str) -> list[str]:
    """List the places where two nested values differ by more than the tolerance."""
    if isinstance(computed, tuple):
        computed = list(computed)
    if isinstance(computed, dict) and isinstance(reported, dict):
        pairs = [(reported.get(k), v, f"{name}.{k}") for k, v in computed.items()]
    elif isinstance(computed, list) and isinstance(reported, list):
        if len(reported) != len(computed):
            return [
                f"{name}: reported {len(reported)} values, computed {len(computed)}"
            ]
        pairs = [
            (r, c, f"{name}[{i}]")
            for i, (r, c) in enumerate(zip(reported, computed, strict=True))
        ]
    else:
        both = isinstance(reported, float) and isinstance(computed, float)
        close = both and math.isclose(reported, computed, abs_tol=TOLERANCE)
        same = close or reported == computed
        return [] if same else [f"{name}: reported {reported}, computed {computed}"]
    return [line for pair in pairs for line in differences(*pair)]


def read_run(run: Path) -> tuple[dict, stages.RunConfig]:
    """Read a run's report and the config that made it.

    Raises:  ValueError if the run is not finished.
    """
    path = run / "report.json"
    if not path.exists():
        raise ValueError(f"{path} is missing; finish the run first: make llm")
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        known = {field.name for field in fields(stages.RunConfig)}
        values = {"source": report["source"], "seed": report["seed"], "out": str(run)}
        for stage in report["stages"]:
            values |= {k: v for k, v in stage["config"].items() if k in known}
        return report, stages.RunConfig(**values)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"{path} is damaged ({error}); run make llm again to write it anew"
        ) from error


def corpus_shard(
    config: stages.RunConfig, tokenizer: Tokenizer, folder: Path
) -> TokenShard:
    """Make the training tokens again, from the generator or from the source."""
    stages.make_data(config, folder)
    texts = stages.texts_of(stages.train_files(folder))
    return encode_corpus(texts, tokenizer, folder / "train")


def recompute(config: stages.RunConfig, models: dict[str, Transformer]) -> dict:
    """Measure the exported models again, in the form of the report."""
    model_folder = Path(config.out) / "model"
    tokenizer = Tokenizer.load(model_folder)
    with tempfile.TemporaryDirectory() as folder:
        shard = corpus_shard(config, tokenizer, Path(folder))
        ngram = stages.ngram_losses(config, tokenizer, shard, Path(folder))
        base = models["pretrain"]
        pretrained = {
            "n_params": base.config.n_params(),
            "loss": stages.model_losses(config, base, tokenizer, Path(folder)),
            "floor": stages.floors(config),
        }
    computed = {"base": base_section(pretrained, ngram)}
    if "sft" not in models:
        return computed
    questions = exam(config.exam_stories, config.seed, "heldout")
    chance, blind = blind_baseline(3000, config.seed, questions)
    tuned = {
        "before_chat": stages.examine(config, base, tokenizer),
        "before_prose": stages.examine(config, base, tokenizer, "prose"),
        "after": stages.examine(config, models["sft"], tokenizer),
        "chance": chance,
        "no_lookback_baseline": blind,
    }
    computed["finetuned"] = tuned_section(tuned)
    after = stages.examine(config, models["dpo"], tokenizer)
    aligned = aligned_section({"after": after, "pairs": {}}, tuned["after"])
    computed["aligned"] = {k: v for k, v in aligned.items() if k != "pairs"}
    return computed


def verify(run: Path) -> None:
    """Recompute the report of a run and print what differs.

    Raises:  ValueError if anything does.
    """
    report, config = read_run(run)
    made = [stage["name"] for stage in report["stages"]]
    names = [name for name in ("pretrain", "sft", "dpo") if name in made]
    models = {
        name: load_pretrained(run / "model" / ("" if name == names[-1] else name))
        for name in names
    }
    found = []
    for section, values in recompute(config, models).items():
        found += differences(report.get(section), values, section)
    if found:
        raise ValueError(
            f"{run / 'report.json'} does not agree with its models: {'; '.join(found)}"
        )
    print(f"{run / 'report.json'}: every loss and rate was computed again and agrees")
