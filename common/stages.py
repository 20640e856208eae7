"""What each stage of the main job does: it calls a chapter and measures the outcome.

Every function takes the run's config and its own folder, and returns its figures.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import numpy as np
import torch

from ch01_data.data import CorpusConfig, build_corpus
from ch01_data.ngram import KneserNey
from ch01_data.sources import read_documents
from ch01_data.storyworld import Story, generate
from ch02_tokenization.shards import TokenShard, encode_corpus, read_header
from ch02_tokenization.tokenization import SPECIAL_TOKENS, Tokenizer, train_bpe
from ch04_transformer.transformer import Transformer
from ch05_pretraining.checkpoint import latest_checkpoint, read_state
from ch05_pretraining.pretraining import (
    PretrainConfig,
    document_nats,
    load_model,
    pretrain,
)
from ch07_finetuning.evaluation import (
    accuracy_by_kind,
    ask,
    blind_baseline,
    exam,
    mean_accuracy,
    prose_prompt,
    refusal_rate,
)
from ch07_finetuning.finetuning import FinetuneConfig, finetune, question_prompt
from ch08_alignment.alignment import AlignConfig, align, pair_counts, read_pairs
from common.model import LLM, PRESETS, build

BPE_BYTES = 4_000_000  # merges hardly change with more text


CONFIGS = {"pretrain": PretrainConfig, "sft": FinetuneConfig, "dpo": AlignConfig}


def check_options(stage: str, options: dict, config: type) -> None:
    """Refuse what a stage would refuse, before hours of other stages.

    Raises:  ValueError if a key is not known or a value is impossible.
    """
    known = {field.name for field in fields(config)} - {"out", "seed"}
    for key in options:
        if key not in known:
            raise ValueError(
                f"unknown config key {key!r} in {stage}; known: "
                f"{', '.join(sorted(known))}"
            )
    config(**options)


@dataclass(frozen=True)
class RunConfig:
    """What a run is made of; every stage reads its own part.

    A text of your own is read `max_epochs` times at most: up to four times, repeated
    tokens are worth nearly as much as new ones (Muennighoff et al. 2023).

    Raises:  ValueError where a value is impossible.
    """

    source: str = "storyworld"
    out: str = "runs/default"
    preset: str = "tiny"
    seed: int = 0
    n_stories: int = 36_000
    vocab_size: int = 3072
    pretrain_steps: int = 1100
    max_epochs: int = 4
    pretrain: dict = field(default_factory=lambda: {"batch_size": 10})
    sft: dict = field(default_factory=lambda: {"batch_size": 10, "steps": 450})
    dpo: dict = field(default_factory=lambda: {"n_stories": 120, "steps": 60})
    evaluation_documents: int = 1000
    exam_stories: int = 100

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise ValueError(
                f"preset is {self.preset!r}; choose one of {', '.join(PRESETS)}"
            )
        counts = ("n_stories", "max_epochs", "evaluation_documents", "exam_stories")
        for name in counts:
            if getattr(self, name) < 1:
                raise ValueError(
                    f"{name} is {getattr(self, name)}; it must be positive"
                )
        for name, config in CONFIGS.items():
            check_options(name, getattr(self, name), config)


QUICK = RunConfig(
    out="runs/quick",
    preset="quick",
    n_stories=6_000,
    vocab_size=2048,
    pretrain_steps=400,
    pretrain={"batch_size": 8, "compile": "off"},
    sft={"batch_size": 8, "steps": 150, "n_stories": 1500, "compile": "off"},
    dpo={"n_stories": 30, "samples": 3, "steps": 20},
    evaluation_documents=200,
    exam_stories=25,
)


def train_files(folder: Path) -> list[Path]:
    """List the JSONL shards of a run's training text."""
    return sorted(folder.glob("train-*.jsonl"))


def texts_of(files: list[Path]) -> Iterator[str]:
    """Yield the texts of JSONL shards."""
    return (document.text for path in files for document in read_documents(path))


def make_data(config: RunConfig, folder: Path) -> dict:
    """Chapter 1: documents, cleaned, split, with a data card."""
    report = build_corpus(
        CorpusConfig(
            source=config.source,
            out=str(folder),
            seed=config.seed,
            n_documents=config.n_stories,
        )
    )
    print(report.table())
    return {
        "stages": [asdict(stage) for stage in report.stages],
        "splits": report.splits,
    }


def make_tokenizer(config: RunConfig, folder: Path) -> dict:
    """Chapter 2: a vocabulary, and the corpus as memory-mapped tokens."""
    files = train_files(folder.parent / "data")
    sample, size = [], 0
    for text in texts_of(files):
        sample.append(text)
        size += len(text)
        if size > BPE_BYTES:
            break
    tokenizer = train_bpe(sample, config.vocab_size, SPECIAL_TOKENS)
    tokenizer.save(folder)
    processes = torch.get_num_threads()
    path = folder / "train"
    shard = encode_corpus(texts_of(files), tokenizer, path, processes, progress=True)
    return {
        "vocab_size": tokenizer.vocab_size,
        "documents": len(shard),
        "tokens": len(shard.tokens),
        "bytes_per_token": read_header(path.with_suffix(".json"))["text_bytes"]
        / len(shard.tokens),
    }


def splits(config: RunConfig) -> tuple[str, ...]:
    """Name the splits that are measured: the storyworld holds combinations out."""
    return (
        ("validation", "heldout") if config.source == "storyworld" else ("validation",)
    )


def held_texts(config: RunConfig, data: Path, split: str) -> list[str]:
    """Return the documents that a split is measured on."""
    if config.source == "storyworld":
        return [s.document for s in held_stories(config, split)]
    return list(texts_of([data / f"{split}.jsonl"]))


def held_stories(config: RunConfig, split: str) -> list[Story]:
    """Draw the measured stories of a split; --verify draws the same ones."""
    return list(generate(config.evaluation_documents, config.seed, split))


def bits(nats: float, texts: list[str]) -> float:
    """Turn nats over all documents into bits per byte of text."""
    return nats / math.log(2) / sum(len(text.encode()) for text in texts)


def ngram_losses(
    config: RunConfig, tokenizer: Tokenizer, shard: TokenShard, data: Path
) -> dict:
    """Fit the 5-gram model on the training tokens and measure it on every split."""
    end = tokenizer.end_of_text_id
    model = KneserNey(order=5).fit_documents(
        shard.tokens, shard.offsets, end, tokenizer.vocab_size
    )
    losses = {}
    for split in splits(config):
        texts = held_texts(config, data, split)
        encoded = [tokenizer.encode(text, allowed_special=set()) for text in texts]
        tokens = np.concatenate([np.array(ids, dtype=np.int64) for ids in encoded])
        offsets = np.cumsum([0, *map(len, encoded)])
        nats = -model.log_prob_documents(tokens, offsets, end).sum()
        losses[split] = bits(nats, texts)
    return losses


def make_ngram(config: RunConfig, folder: Path) -> dict:
    """Chapter 1's baseline, on chapter 2's tokens: what counting alone can reach."""
    tokenizer = Tokenizer.load(folder.parent / "tokenizer")
    shard = TokenShard.open(folder.parent / "tokenizer" / "train", tokenizer)
    return ngram_losses(config, tokenizer, shard, folder.parent / "data")


def floors(config: RunConfig) -> dict:
    """Return the entropy floor of every split, on the documents that are measured."""
    if config.source != "storyworld":
        return {}
    result = {}
    for split in splits(config):
        stories = held_stories(config, split)
        nats = -sum(story.document_log_prob for story in stories)
        result[split] = bits(nats, [story.document for story in stories])
    return result


def model_losses(
    config: RunConfig, model: Transformer, tokenizer: Tokenizer, data: Path
) -> dict:
    """Measure a model on every split, in bits per byte."""
    losses = {}
    for split in splits(config):
        texts = held_texts(config, data, split)
        nats = document_nats(model, tokenizer, texts, model.config.context_length)
        losses[split] = bits(nats.sum(), texts)
    return losses


def sample_text(llm: LLM, config: RunConfig) -> str:
    """Let a model tell something of its own."""
    options = dict(max_new_tokens=180, temperature=0.8, seed=config.seed)
    return llm.generate("", **options)


def training_steps(config: RunConfig, tokens: int, batch_size: int) -> int:
    """Return how many steps to train, given the tokens of the training text."""
    if config.source == "storyworld":
        return config.pretrain_steps
    per_step = batch_size * PRESETS[config.preset]["context_length"]
    return min(config.pretrain_steps, math.ceil(config.max_epochs * tokens / per_step))


def make_base(config: RunConfig, folder: Path) -> dict:
    """Chapters 5 and 6: the base model, its losses, and a sample."""
    run = folder.parent
    options = PretrainConfig(**config.pretrain)
    tokens = read_header(run / "tokenizer" / "train.json")["count"]
    model = pretrain(
        PretrainConfig(
            out=str(folder),
            data=str(run / "tokenizer" / "train"),
            tokenizer=str(run / "tokenizer"),
            validation=str(run / "data" / "validation.jsonl"),
            model=PRESETS[config.preset],
            steps=training_steps(config, tokens, options.batch_size),
            seed=config.seed,
            **config.pretrain,
        )
    )
    tokenizer = Tokenizer.load(run / "tokenizer")
    torch.manual_seed(config.seed)
    fresh = build(config.preset, tokenizer.vocab_size)
    chosen = read_state(latest_checkpoint(folder))
    return {
        "n_params": model.config.n_params(),
        "precision": chosen["precision"],
        "compiled": chosen["compiled"],
        "tokens_per_second": tokens_per_second(folder),
        "loss": model_losses(config, model, tokenizer, run / "data"),
        "floor": floors(config),
        "sample_before": sample_text(LLM(fresh, tokenizer), config),
        "sample": sample_text(LLM(model, tokenizer), config),
    }


def tokens_per_second(folder: Path) -> float:
    """Return the median speed of a run's steps, from its diary."""
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    steps = [step for step in map(json.loads, lines) if "seconds" in step]
    return float(np.median([step["tokens"] / step["seconds"] for step in steps]))


def examine(
    config: RunConfig, model: Transformer, tokenizer: Tokenizer, form: str = "chat"
) -> dict:
    """Ask every question about held-out stories; return rates with 95 % intervals."""
    prose = form == "prose"
    asked = ask(
        model,
        tokenizer,
        exam(config.exam_stories, config.seed, "heldout"),
        (prose_prompt if prose else question_prompt)(tokenizer),
        stop={tokenizer.end_of_text_id if prose else tokenizer.special_id("<|end|>")}
        | set(tokenizer.encode("\n\n") if prose else ()),
    )
    accuracy, interval = mean_accuracy(asked)
    honesty, honesty_interval = refusal_rate(asked, answerable=False)
    refusals, refusals_interval = refusal_rate(asked, answerable=True)
    return {
        "accuracy": accuracy,
        "interval": interval,
        "by_kind": accuracy_by_kind(asked),
        "honesty": honesty,
        "honesty_interval": honesty_interval,
        "false_refusals": refusals,
        "false_refusals_interval": refusals_interval,
        "questions": len(asked),
        "examples": [
            {
                "question": each.question.text,
                "truth": each.question.answer,
                "answer": each.answer,
            }
            for each in asked[:12]
        ],  # fmt: skip
    }


def make_tuned(config: RunConfig, folder: Path) -> dict:
    """Chapter 7: the instruction-tuned model, examined before and after."""
    run = folder.parent
    tokenizer, base = Tokenizer.load(run / "tokenizer"), load_model(run / "pretrain")
    before_chat = examine(config, base, tokenizer)
    before_prose = examine(config, base, tokenizer, "prose")
    tuned = finetune(
        FinetuneConfig(
            out=str(folder),
            base=str(run / "pretrain"),
            tokenizer=str(run / "tokenizer"),
            seed=config.seed,
            **config.sft,
        )
    )
    questions = exam(config.exam_stories, config.seed, "heldout")
    chance, blind = blind_baseline(3000, config.seed, questions)
    return {
        "before_chat": before_chat,
        "before_prose": before_prose,
        "after": examine(config, tuned, tokenizer),
        "chance": chance,
        "no_lookback_baseline": blind,
    }


def make_aligned(config: RunConfig, folder: Path) -> dict:
    """Chapter 8: the aligned model, examined again."""
    run = folder.parent
    aligned = align(
        AlignConfig(
            out=str(folder),
            base=str(run / "sft"),
            tokenizer=str(run / "tokenizer"),
            seed=config.seed,
            **config.dpo,
        )
    )
    pairs = read_pairs(folder / "pairs.jsonl")
    tokenizer = Tokenizer.load(run / "tokenizer")
    return {"pairs": pair_counts(pairs), "after": examine(config, aligned, tokenizer)}


def make_model(config: RunConfig, folder: Path) -> dict:
    """Export what a practitioner keeps: the last model, and the stages before it."""
    run, tokenizer = folder.parent, Tokenizer.load(folder.parent / "tokenizer")
    made = [name for name in ("pretrain", "sft", "dpo") if (run / name).exists()]
    for name in made:
        llm = LLM(load_model(run / name), tokenizer)
        llm.save_pretrained(folder if name == made[-1] else folder / name)
    return {"stages": made, "bytes": (folder / "model.safetensors").stat().st_size}
