"""Pretraining: predict the next token, a few million times, and be able to stop.

In reading order: the loss, the schedule, the stream of batches, the loop, what is
measured (bits per byte), and the run that ties them to files.
"""

import argparse
import itertools
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from ch01_data.files import run_command, write_json, write_text
from ch01_data.sources import read_documents
from ch02_tokenization.packing import tightest
from ch02_tokenization.shards import PackedRows, TokenShard
from ch02_tokenization.tokenization import Tokenizer, valid_unicode
from ch03_attention.attention import document_mask
from ch04_transformer.transformer import ModelConfig, Transformer
from ch05_pretraining.checkpoint import (
    latest_checkpoint,
    load_checkpoint,
    read_state,
    save_checkpoint,
)
from ch05_pretraining.machine import choose_precision, has_compiler
from ch05_pretraining.optimizers import JointOptimizer, build_optimizer

IGNORE = -100
COMPILATION_SECONDS = 25.0  # what the first compiled step takes, about


class Batch(NamedTuple):
    """Tokens and, already shifted, what should follow each; both (B, T), int64.

    A target of -100 is not counted.
    """

    tokens: Tensor
    targets: Tensor


LossFunction = Callable[[nn.Module, Batch], Tensor]


class Step(NamedTuple):
    """What one optimizer step tells: loss in nats per counted token, times in s."""

    step: int
    loss: float
    lr: float
    grad_norm: float
    tokens: int
    seconds: float


def next_token_loss(
    model: nn.Module, batch: Batch, end_of_text_id: int | None = None
) -> Tensor:
    """Average the surprise at each counted target.

    Given the id that opens a document, no token sees another document of its row.

    Shape:   scalar.
    Units:   nats per token.
    """
    apart = {}
    if end_of_text_id is not None:
        apart = {"mask": document_mask(batch.tokens, end_of_text_id)}
    logits = model(batch.tokens, **apart)  # (B, T, V)
    return F.cross_entropy(
        logits.flatten(0, 1).float(), batch.targets.flatten(), ignore_index=IGNORE
    )


def cosine_schedule(
    step: int, *, peak_lr: float, min_lr: float, warmup_steps: int, total_steps: int
) -> float:
    """Return the learning rate: a straight rise, then half a cosine down to min_lr.

    Source:  Loshchilov and Hutter 2017, eq. 5.
    """
    if step < warmup_steps:
        return peak_lr * (step + 1) / warmup_steps
    progress = (step - warmup_steps) / max(1, total_steps - warmup_steps)
    return min_lr + (peak_lr - min_lr) * 0.5 * (
        1 + math.cos(math.pi * min(1, progress))
    )


class Rows(Protocol):
    """What a stream of batches asks of a data set: chapter 2's PackedRows is one."""

    def __len__(self) -> int: ...

    def rows(self, indices: Sequence[int]) -> tuple[np.ndarray, ...]:
        """Return the arrays of a batch, each with one row an index."""
        ...


class BatchStream:
    """Endless batches of packed rows, shuffled anew each epoch.

    `position` counts the rows given so far; it is the whole cursor, so a resumed
    stream gives exactly the batches that the unbroken one would have given.
    """

    def __init__(
        self,
        rows: Rows,
        batch_size: int,
        seed: int = 0,
        position: int = 0,
        batch_type: Callable[..., Batch] = Batch,
    ) -> None:
        self.rows, self.batch_size, self.batch_type = rows, batch_size, batch_type
        self.seed, self.position = seed, position
        self._epoch, self._order = -1, np.empty(0, dtype=np.int64)

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        indices = [self._row(self.position + i) for i in range(self.batch_size)]
        self.position += self.batch_size
        return self.batch_type(*map(torch.from_numpy, self.rows.rows(indices)))

    def _row(self, position: int) -> int:
        """Look up which row stands at a position of the endless order."""
        epoch, offset = divmod(position, len(self.rows))
        if epoch != self._epoch:
            generator = np.random.default_rng([self.seed, epoch])
            self._epoch, self._order = epoch, generator.permutation(len(self.rows))
        return int(self._order[offset])


def train(
    model: nn.Module,
    batches: Iterator[Batch],
    optimizer: object,
    *,
    lr_at: Callable[[int], float],
    steps: int,
    start: int = 0,
    loss_fn: LossFunction = next_token_loss,
    accumulation: int = 1,
    clip: float = 1.0,
    precision: torch.dtype = torch.float32,
) -> Iterator[Step]:
    """Take optimizer steps and yield a record of each.

    With accumulation, several batches are averaged by their counted tokens, which is
    the gradient of the one large batch.

    Raises:  FloatingPointError if the loss is not finite.
    """
    params = [p for p in model.parameters() if p.requires_grad]
    model.train()
    for step in range(start, steps):
        began = time.perf_counter()
        for group in optimizer.param_groups:
            group["lr"] = lr_at(step)
        parts = [next(batches) for _ in range(accumulation)]
        counts = [int((part.targets != IGNORE).sum()) for part in parts]
        loss = 0.0
        for part, count in zip(parts, counts, strict=True):
            if not count:
                continue  # nothing to learn from, and its mean would be 0/0
            with torch.autocast("cpu", precision, precision != torch.float32):
                share = loss_fn(model, part) * (count / sum(counts))
            share.backward()
            loss += share.item()
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"the loss is {loss} at step {step}; lower the learning rate"
            )
        norm = nn.utils.clip_grad_norm_(params, clip).item()
        optimizer.step()
        optimizer.zero_grad()
        tokens = sum(part.tokens.numel() for part in parts)
        seconds = time.perf_counter() - began
        yield Step(step + 1, loss, lr_at(step), norm, tokens, seconds)


def padded_batches(
    sequences: Sequence[Sequence[int]], pad_id: int, tokens_per_batch: int
) -> Iterator[tuple[list[int], Batch]]:
    """Batch sequences of like length, padded on the right: (indices, Batch)."""
    order = sorted(range(len(sequences)), key=lambda i: len(sequences[i]))
    while order:
        longest = len(sequences[order[-1]]) - 1
        count = max(1, tokens_per_batch // max(1, longest))
        taken, order = order[-count:], order[:-count]
        tokens = np.full((len(taken), longest), pad_id, dtype=np.int64)
        targets = np.full((len(taken), longest), IGNORE, dtype=np.int64)
        for row, index in enumerate(taken):
            ids = sequences[index]
            tokens[row, : len(ids) - 1] = ids[:-1]
            targets[row, : len(ids) - 1] = ids[1:]
        yield taken, Batch(torch.from_numpy(tokens), torch.from_numpy(targets))


@torch.no_grad()
def document_nats(
    model: nn.Module, tokenizer: Tokenizer, texts: Sequence[str], context_length: int
) -> np.ndarray:
    """Return the surprise of each document, its end-of-text token included.

    A document longer than the context is read in windows that do not overlap.

    Units:   nats per document.
    """
    end = tokenizer.end_of_text_id
    windows, owner = [], []
    for index, text in enumerate(texts):
        ids = [end, *tokenizer.encode(text, allowed_special=set()), end]
        for start in range(0, len(ids) - 1, context_length):
            windows.append(ids[start : start + context_length + 1])
            owner.append(index)
    nats = np.zeros(len(texts))
    model.eval()
    for taken, batch in padded_batches(windows, end, 8192):
        logits = model(batch.tokens).float()  # (B, T, V)
        losses = F.cross_entropy(
            logits.transpose(1, 2), batch.targets, reduction="none", ignore_index=IGNORE
        )  # (B, T)
        for window, loss in zip(taken, losses.sum(1).tolist(), strict=True):
            nats[owner[window]] += loss
    return nats


def bits_per_byte(
    model: Transformer, tokenizer: Tokenizer, texts: Sequence[str]
) -> float:
    """Measure the loss in a unit that no choice of tokenizer changes.

    Units:   bits per byte of UTF-8 text; the end-of-text token's surprise counts.
    """
    nats = document_nats(model, tokenizer, texts, model.config.context_length)
    n_bytes = sum(len(valid_unicode(text).encode()) for text in texts)
    return float(nats.sum() / math.log(2) / n_bytes)


@dataclass(frozen=True)
class TrainConfig:
    """What every training run must decide: chapters 7 and 8 add to it.

    Raises:  ValueError where a value is impossible.
    """

    out: str
    steps: int = 1000
    batch_size: int = 16
    accumulation: int = 1
    peak_lr: float = 5e-3
    min_lr: float = 2e-4
    warmup_steps: int = 50
    weight_decay: float = 0.05
    clip: float = 1.0
    optimizer: str = "muon"
    precision: str = "auto"
    compile: str = "auto"
    checkpoint_every: int = 250
    evaluate_every: int = 250
    seed: int = 0

    def __post_init__(self) -> None:
        every = ("checkpoint_every", "evaluate_every")
        for name in ("steps", "batch_size", "accumulation", *every):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"{name} is {getattr(self, name)}; it must be positive"
                )
        if self.compile not in ("auto", "on", "off"):
            raise ValueError(f"compile is {self.compile!r}; choose auto, on or off")

    def lr_at(self, step: int) -> float:
        """Return the learning rate of a step."""
        return cosine_schedule(
            step,
            peak_lr=self.peak_lr,
            min_lr=self.min_lr,
            warmup_steps=self.warmup_steps,
            total_steps=self.steps,
        )


@dataclass(frozen=True)
class PretrainConfig(TrainConfig):
    """Everything that decides a pretraining run, saved beside its checkpoints.

    `data` is a token shard, `validation` a JSONL file; `model` holds the fields of
    ModelConfig that are not at their default (the tokenizer gives vocab_size).
    """

    out: str = "runs/default/pretrain"
    data: str = "runs/default/data/train"
    tokenizer: str = "runs/default/tokenizer"
    validation: str | None = None
    validation_documents: int = 100
    model: dict = field(default_factory=dict)


def seconds_saved_by_compiling(
    model: nn.Module,
    batch: Batch,
    loss_fn: LossFunction,
    precision: torch.dtype,
    passes: int,
) -> float:
    """Estimate what compiling would save over a run, from three eager passes.

    A compiled pass is taken to need half of the eager time.

    Units:   seconds.
    """
    times = []
    for _ in range(3):
        began = time.perf_counter()
        with torch.autocast("cpu", precision, precision != torch.float32):
            loss_fn(model, batch).backward()
        times.append(time.perf_counter() - began)
    model.zero_grad(set_to_none=True)
    return min(times) * passes / 2


def decide(
    config: TrainConfig, model: nn.Module, batch: Batch, loss_fn: LossFunction
) -> dict:
    """Choose the precision, and whether to compile, for the rest of a run.

    Raises:  ValueError if compiling is asked for and there is no C++ compiler.
    """
    precision = choose_precision(config.precision)
    if config.compile == "on" and not has_compiler():
        raise ValueError(
            "compile is on, but no C++ compiler (g++ or clang++) is found, or the path "
            "of PyTorch holds a space, which it cannot take"
        )
    compiled = config.compile == "on"
    if config.compile == "auto" and has_compiler():
        passes = config.steps * config.accumulation
        saved = seconds_saved_by_compiling(model, batch, loss_fn, precision, passes)
        compiled = saved > COMPILATION_SECONDS
    name = "fp32" if precision == torch.float32 else "bf16"
    return {"precision": name, "compiled": compiled}


class MetricsLog:
    """The run's diary: one JSON object a line, cut back to `step` on resuming."""

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        lines = path.read_text().splitlines() if path.exists() else []
        whole = [line for line in lines if line.endswith("}")]
        kept = [line for line in whole if json.loads(line)["step"] <= step]
        write_text(path, "".join(line + "\n" for line in kept))

    def append(self, **values: float) -> None:
        """Add one line."""
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")


def write_config(config: TrainConfig) -> None:
    """Write config.json, unless the pipeline keeps its own record there."""
    path = Path(config.out) / "config.json"
    if not path.exists() or "key" not in json.loads(path.read_text()):
        write_json(path, {"config": asdict(config)})


def resume(
    config: TrainConfig, model: nn.Module, optimizer: JointOptimizer
) -> dict | None:
    """Load the newest checkpoint of this run; None if there is none.

    Raises:  ValueError if `out` belongs to a run of another config.
    """
    newest = latest_checkpoint(config.out)
    if newest is None:
        return None
    theirs, ours = read_state(newest)["config"], asdict(config)
    differing = [k for k in ours if k != "out" and ours[k] != theirs.get(k)]
    if differing:
        name = differing[0]
        raise ValueError(
            f"{config.out} holds a run with another config ({name} is "
            f"{theirs.get(name)!r} there, {ours[name]!r} here); name another folder, "
            "or remove this one to start anew"
        )
    return load_checkpoint(newest, model, optimizer)


def run(
    config: TrainConfig,
    model: Transformer,
    rows: Rows,
    *,
    loss_fn: LossFunction = next_token_loss,
    batch_type: Callable[..., Batch] = Batch,
    evaluate: Callable[[nn.Module], dict[str, float]] | None = None,
    callbacks: Sequence[Callable[[Step, nn.Module], None]] = (),
) -> Transformer:
    """Train a model on rows, or go on where the last checkpoint in `out` stands.

    `evaluate` returns values for the diary; it is called every `evaluate_every` steps
    and at the end.

    Raises:  ValueError if `out` cannot be used; FloatingPointError on a broken loss.
    """
    optimizer = build_optimizer(
        model,
        lr=config.peak_lr,
        weight_decay=config.weight_decay,
        matrices=config.optimizer,
    )
    stream = BatchStream(rows, config.batch_size, config.seed, batch_type=batch_type)
    state = resume(config, model, optimizer)
    if state is None:
        probe = next(BatchStream(rows, config.batch_size, batch_type=batch_type))
        state = decide(config, model, probe, loss_fn) | {"step": 0, "position": 0}
        write_config(config)
    stream.position = state["position"]
    log = MetricsLog(Path(config.out) / "metrics.jsonl", state["step"])
    steps = train(
        model,
        stream,
        optimizer,
        lr_at=config.lr_at,
        steps=config.steps,
        start=state["step"],
        loss_fn=torch.compile(loss_fn, dynamic=False) if state["compiled"] else loss_fn,
        accumulation=config.accumulation,
        clip=config.clip,
        precision=choose_precision(state["precision"]),
    )
    for record in progress(steps, config, state["step"]):
        log.append(**record._asdict())
        last = record.step == config.steps
        if evaluate and (last or record.step % config.evaluate_every == 0):
            log.append(step=record.step, **evaluate(model))
            model.train()
        for callback in callbacks:
            callback(record, model)
        if last or record.step % config.checkpoint_every == 0:
            kept = {key: state[key] for key in ("precision", "compiled")}
            kept |= {"position": stream.position, "config": asdict(config)}
            kept["model"] = asdict(model.config)
            save_checkpoint(config.out, record.step, model, optimizer, kept)
    return model.eval()


def progress(steps: Iterator[Step], config: TrainConfig, start: int) -> Iterator[Step]:
    """Pass steps on and show a bar with the loss, tokens/s and the time left."""
    name = Path(config.out).name
    with tqdm(total=config.steps, initial=start, unit="step", desc=name) as bar:
        for record in steps:
            speed = f"{record.tokens / record.seconds:,.0f} tokens/s"
            bar.set_postfix_str(f"loss {record.loss:.3f}, {speed}", refresh=False)
            bar.update()
            yield record


def load_model(path: str | Path) -> Transformer:
    """Build the model of a run's newest checkpoint (or of the checkpoint named).

    Raises:  ValueError if there is no whole checkpoint.
    """
    path = Path(path)
    newest = path if (path / "state.json").exists() else latest_checkpoint(path)
    if newest is None:
        raise ValueError(f"{path} holds no checkpoint; train a model there first")
    model = Transformer(ModelConfig.from_dict(read_state(newest)["model"]))
    load_checkpoint(newest, model)
    return model.eval()


def pretrain(
    config: PretrainConfig,
    callbacks: Sequence[Callable[[Step, nn.Module], None]] = (),
) -> Transformer:
    """Run, or go on with, the pretraining that the config describes.

    Raises:  ValueError if a file is missing or damaged, or the data do not fit.
    """
    tokenizer = Tokenizer.load(config.tokenizer)
    settings = {"vocab_size": tokenizer.vocab_size, **config.model}
    model_config = ModelConfig.from_dict(settings)
    shard = TokenShard.open(config.data, tokenizer)
    end = tokenizer.end_of_text_id
    context_length = model_config.context_length
    rows = PackedRows(shard, context_length, end, config.seed, packer=tightest)
    if rows.n_targets < context_length:
        raise ValueError(
            f"{config.data} holds {rows.n_targets} tokens to learn from, which do not "
            f"fill one context of {context_length}; give more text, or a "
            "smaller context_length"
        )
    torch.manual_seed(config.seed)
    model = Transformer(model_config)
    evaluate = None
    if config.validation:
        limit = config.validation_documents
        documents = itertools.islice(read_documents(config.validation), limit)
        texts = [document.text for document in documents]

        def evaluate(model: Transformer) -> dict[str, float]:
            return {"bits_per_byte": bits_per_byte(model, tokenizer, texts)}

    loss_fn = partial(next_token_loss, end_of_text_id=end)
    return run(
        config, model, rows, loss_fn=loss_fn, evaluate=evaluate, callbacks=callbacks
    )


def parse_shape(text: str) -> dict:
    """Read the fields of ModelConfig that a command line gives as JSON."""
    try:
        return dict(json.loads(text))
    except (ValueError, TypeError) as error:
        raise ValueError(
            f'--model is {text!r}; it must be a JSON object such as {{"d_model": 256}}'
        ) from error


def main(argv: list[str] | None = None) -> int:
    """Pretrain a model on a token shard, or go on with a run that was stopped."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    defaults = {f.name: f.default for f in fields(PretrainConfig)}
    for name in ("data", "tokenizer", "out", "validation"):
        parser.add_argument(f"--{name}", default=defaults[name], help="a path")
    for name in ("steps", "batch_size", "checkpoint_every", "seed"):
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, type=int, default=defaults[name])
    parser.add_argument("--peak-lr", type=float, default=defaults["peak_lr"])
    for name in ("optimizer", "precision", "compile"):
        parser.add_argument(f"--{name}", default=defaults[name])
    parser.add_argument(
        "--model", default="{}", help='fields of ModelConfig as JSON: {"d_model": 256}'
    )
    args = vars(parser.parse_args(argv))

    def command() -> None:
        shape = parse_shape(args["model"])
        model = pretrain(PretrainConfig(**args | {"model": shape}))
        print(f"{model.config.n_params():,} parameters in {args['out']}")

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
