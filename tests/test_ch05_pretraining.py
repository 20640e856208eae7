"""Chapter 5: the loss, the loop, what is measured, and a run that can be stopped."""

import json
import math
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from ch02_tokenization.packing import tightest
from ch02_tokenization.shards import PackedRows, encode_corpus
from ch02_tokenization.tokenization import END_OF_TEXT, Tokenizer, train_bpe
from ch04_transformer.transformer import ModelConfig, Transformer
from ch05_pretraining import machine, pretraining
from ch05_pretraining.checkpoint import checkpoints, read_state
from ch05_pretraining.machine import choose_precision, measure_machine
from ch05_pretraining.pretraining import Batch, PretrainConfig

ROOT = Path(__file__).resolve().parents[1]
SHAPE = dict(context_length=16, d_model=16, n_layers=1, n_heads=2, d_ff=24)
# Two float32 programs that add up the same numbers in another order.
close = partial(torch.testing.assert_close, atol=1e-6, rtol=1e-4)


def small_model(**changes: object) -> Transformer:
    """Build a fresh transformer of one layer."""
    torch.manual_seed(0)
    return Transformer(ModelConfig(**{"vocab_size": 23, **SHAPE, **changes}))


def random_batch(rows: int = 4, length: int = 16, seed: int = 0) -> Batch:
    """Draw tokens of which each is the target of the one before."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(23, (rows, length + 1), generator=generator)
    return Batch(tokens[:, :-1], tokens[:, 1:].clone())


def endless(*batches: Batch) -> Iterator[Batch]:
    """Repeat batches for ever."""
    while True:
        yield from batches


class BigramTable(nn.Embedding):
    """A model that looks at one token: row t of its weight holds the logits after t."""

    def __init__(self, vocab_size: int, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        super().__init__(vocab_size, vocab_size)
        self.weight.data = torch.randn(vocab_size, vocab_size, generator=generator)


class Numbered:
    """A data set whose row i holds the number i."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def rows(self, indices: list[int]) -> tuple[np.ndarray, np.ndarray]:
        array = np.array(indices, dtype=np.int64)[:, None]
        return array, array + 1


# The loss


def test_the_loss_of_three_tokens_by_hand() -> None:
    """Probabilities 1/2, 1/4 and 1/8 of what came: (1 + 2 + 3) ln 2 / 3 = 2 ln 2."""
    table = BigramTable(4)
    rows = [[1 / 2, 1 / 4, 1 / 8, 1 / 8]] * 3 + [[1 / 4] * 4]
    table.weight.data = torch.tensor(rows).log()
    batch = Batch(torch.tensor([[2, 0, 1]]), torch.tensor([[0, 1, 2]]))
    loss = pretraining.next_token_loss(table, batch)
    assert loss.item() == pytest.approx(2 * math.log(2), abs=1e-6)


def test_targets_of_minus_100_do_not_count() -> None:
    model, batch = small_model(), random_batch()
    batch.targets[:, 5:] = -100
    short = Batch(batch.tokens[:, :5], batch.targets[:, :5])
    close(
        pretraining.next_token_loss(model, batch),
        pretraining.next_token_loss(model, short),
    )


def test_a_fresh_model_knows_nothing() -> None:
    """Near ln V, and 1/2 above it: its logits are drawn with variance 1."""
    loss = pretraining.next_token_loss(small_model(), random_batch(32))
    assert loss.item() == pytest.approx(math.log(23) + 0.5, abs=0.25)


# The schedule


def test_the_schedule_by_hand() -> None:
    lr_at = partial(
        pretraining.cosine_schedule,
        peak_lr=1.0,
        min_lr=0.1,
        warmup_steps=4,
        total_steps=12,
    )
    assert [lr_at(step) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]
    # From step 4 to 12: half a cosine, whose quarter is (1 + sqrt(1/2)) / 2 = 0.853553.
    later = [lr_at(step) for step in (4, 6, 8, 10, 12, 50)]
    assert later == pytest.approx([1, 0.868198, 0.55, 0.231802, 0.1, 0.1], abs=1e-6)


@given(st.integers(0, 30), st.integers(1, 60))
def test_the_rate_rises_and_then_falls_and_stays_in_bounds(
    warmup: int, total: int
) -> None:
    rates = [
        pretraining.cosine_schedule(
            step, peak_lr=2.0, min_lr=0.5, warmup_steps=warmup, total_steps=total
        )
        for step in range(total + 40)
    ]
    assert rates[:warmup] == sorted(rates[:warmup])
    assert rates[warmup:] == sorted(rates[warmup:], reverse=True)
    assert 0 < min(rates) and max(rates) <= 2.0
    assert min(rates[warmup:]) >= 0.5


# The stream


def take(stream: pretraining.BatchStream, n: int) -> list[int]:
    """Return the numbers of the next n batches."""
    return [i for _ in range(n) for i in next(stream).tokens.flatten().tolist()]


@given(st.integers(1, 12), st.integers(1, 7), st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_every_epoch_is_a_permutation(n: int, batch_size: int, seed: int) -> None:
    given_rows = take(pretraining.BatchStream(Numbered(n), batch_size, seed), 3 * n)
    for start in range(0, len(given_rows) - n + 1, n):
        assert sorted(given_rows[start : start + n]) == list(range(n))


@given(st.integers(1, 12), st.integers(1, 7), st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_the_cursor_is_all_that_a_stream_remembers(
    n: int, batch_size: int, taken: int
) -> None:
    unbroken = pretraining.BatchStream(Numbered(n), batch_size, seed=3)
    take(unbroken, taken)
    resumed = pretraining.BatchStream(
        Numbered(n), batch_size, seed=3, position=unbroken.position
    )
    assert take(resumed, 9) == take(unbroken, 9)


def test_epochs_and_seeds_differ_in_order() -> None:
    orders = [
        take(pretraining.BatchStream(Numbered(30), 30, seed), 2) for seed in (0, 1)
    ]
    epochs = [order[:30] for order in orders] + [order[30:] for order in orders]
    assert len({tuple(epoch) for epoch in epochs}) == 4


def test_batches_are_of_the_type_that_is_asked_for() -> None:
    assert isinstance(next(pretraining.BatchStream(Numbered(3), 2)), Batch)
    stream = pretraining.BatchStream(Numbered(3), 2, batch_type=lambda *a: list(a))
    tokens, targets = next(stream)
    assert tokens.dtype == torch.int64 and torch.equal(targets, tokens + 1)


# The loop


def one_step(
    model: nn.Module, *batches: Batch, **keywords: object
) -> tuple[pretraining.Step, list[Tensor]]:
    """Take one plain gradient step of rate 1; return its record and the way gone."""
    before = [p.detach().clone() for p in model.parameters()]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    keywords = {"clip": 1e9, "accumulation": len(batches)} | keywords
    (record,) = pretraining.train(
        model, iter(batches), optimizer, lr_at=lambda step: 1.0, steps=1, **keywords
    )
    return record, [p.detach() - b for p, b in zip(model.parameters(), before)]


def test_accumulation_equals_the_large_batch() -> None:
    batch = random_batch(6)
    batch.targets[0, 3:] = -100  # so the parts count 35 and 64 targets
    batch.targets[1, :] = -100
    parts = [Batch(*(x[:2] for x in batch)), Batch(*(x[2:] for x in batch))]
    counts = [(part.targets != -100).sum().item() for part in parts]
    assert counts == [3, 64]
    whole, large = one_step(small_model(), batch)
    parted, small = one_step(small_model(), *parts)
    assert whole.loss == pytest.approx(parted.loss, abs=1e-5)
    assert whole.tokens == parted.tokens == 96
    for a, b in zip(large, small, strict=True):
        close(a, b)


def test_a_part_without_targets_adds_nothing() -> None:
    batch, empty = random_batch(), random_batch(seed=1)
    empty.targets[:] = -100
    alone, expected = one_step(small_model(), batch)
    both, found = one_step(small_model(), batch, empty)
    assert both.loss == pytest.approx(alone.loss)
    assert all(map(torch.equal, expected, found))


def way(moves: list[Tensor]) -> float:
    """Return the length of a step over all parameters."""
    return torch.stack([move.norm() for move in moves]).norm().item()


def test_a_long_gradient_is_clipped_and_a_short_one_is_not() -> None:
    free, moves = one_step(small_model(), random_batch())
    assert way(moves) == pytest.approx(free.grad_norm, rel=1e-4)
    clipped, shorter = one_step(small_model(), random_batch(), clip=0.01)
    assert clipped.grad_norm == pytest.approx(free.grad_norm, rel=1e-4)
    assert free.grad_norm > 0.1
    assert way(shorter) == pytest.approx(0.01, rel=1e-3)
    # Only the length changes; a move of 1e-4 keeps few digits beside a weight of 1.
    for a, b in zip(moves, shorter, strict=True):
        close(a / way(moves), b / way(shorter), atol=1e-4)


def test_a_step_is_recorded_with_the_rate_it_was_taken_at() -> None:
    model, batch = small_model(), random_batch()
    optimizer = torch.optim.SGD(model.parameters(), lr=9.0)
    before = pretraining.next_token_loss(model, batch).item()
    records = list(
        pretraining.train(
            model,
            endless(batch),
            optimizer,
            lr_at=lambda step: 0.1 * step,
            steps=5,
            start=2,
        )
    )
    assert [record.step for record in records] == [3, 4, 5]
    assert [record.lr for record in records] == pytest.approx([0.2, 0.3, 0.4])
    assert records[0].loss == pytest.approx(before, abs=1e-5)
    assert all(r.tokens == 64 and r.seconds > 0 for r in records)


def test_each_step_follows_its_own_gradient_only() -> None:
    first, second = random_batch(seed=1), random_batch(seed=2)
    models = [small_model(), small_model()]
    for model, splits in zip(models, ([2], [1, 2]), strict=True):
        batches, start = iter((first, second)), 0
        for stop in splits:
            optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
            steps = dict(start=start, steps=stop, lr_at=lambda step: 0.1)
            list(pretraining.train(model, batches, optimizer, **steps))
            start = stop
            if len(splits) == 2:
                model.zero_grad()
    assert all(map(torch.equal, *(list(model.parameters()) for model in models)))


@pytest.mark.parametrize("matrices", ["muon", "adamw"])
def test_one_batch_can_be_learned_by_heart(matrices: str) -> None:
    model = small_model()
    optimizer = pretraining.build_optimizer(
        model, lr=1.0, weight_decay=0.0, matrices=matrices
    )
    lr_at = partial(
        pretraining.cosine_schedule,
        peak_lr=0.02,
        min_lr=1e-3,
        warmup_steps=5,
        total_steps=120,
    )
    batches = endless(random_batch(2))
    *_, last = pretraining.train(model, batches, optimizer, lr_at=lr_at, steps=120)
    assert last.loss < 0.2


def test_another_loss_can_be_put_in() -> None:
    def only_first(model: nn.Module, batch: Batch) -> Tensor:
        return model(batch.tokens)[:, 0].square().mean()

    model, batch = small_model(), random_batch()
    record, _ = one_step(model, batch, loss_fn=only_first)
    assert record.loss == pytest.approx(only_first(small_model(), batch).item())


def test_a_frozen_parameter_is_left_alone() -> None:
    model = small_model()
    model.embedding.weight.requires_grad_(False)
    _, moves = one_step(model, random_batch())
    still = [
        not move.any() for move, p in zip(moves, model.parameters()) if p is not None
    ]
    names = [name for name, _ in model.named_parameters()]
    assert [name for name, yes in zip(names, still) if yes] == ["embedding.weight"]


def test_a_broken_loss_ends_the_run_before_it_touches_the_weights() -> None:
    model = small_model()
    model.norm.weight.data[0] = math.nan
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(FloatingPointError, match="nan at step 0; lower the learning"):
        one_step(model, random_batch())
    after = model.state_dict()
    assert all(before[n].equal(after[n]) for n in before if n != "norm.weight")


def test_bfloat16_keeps_the_weights_in_float32() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exact, _ = one_step(small_model(), random_batch())
        model = small_model()
        rounded, _ = one_step(model, random_batch(), precision=torch.bfloat16)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert exact.loss != rounded.loss
    assert exact.loss == pytest.approx(rounded.loss, rel=0.02)  # three digits


# What is measured


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_bpe(["the cat sat on the mat, the cat"], 270, [END_OF_TEXT])


TEXTS = ["the cat", "", "a mat on the cat on the mat on the cat", "x", "the the"]


def nats_by_loop(table: BigramTable, tokenizer: Tokenizer, text: str) -> float:
    """Add up the surprise at each token and at the end, one by one."""
    end = tokenizer.end_of_text_id
    ids = [end, *tokenizer.encode(text), end]
    logs = table.weight.detach().double().log_softmax(dim=1)
    return -sum(logs[a, b].item() for a, b in zip(ids, ids[1:]))


@pytest.mark.parametrize("context_length", [2, 3, 5, 100])
def test_every_token_of_a_document_counts_once(
    context_length: int, tokenizer: Tokenizer
) -> None:
    """A model that looks at one token is not hurt by windows, so the sum is exact."""
    table = BigramTable(tokenizer.vocab_size)
    nats = pretraining.document_nats(table, tokenizer, TEXTS, context_length)
    expected = [nats_by_loop(table, tokenizer, text) for text in TEXTS]
    assert nats == pytest.approx(expected, rel=1e-5)


def test_a_document_is_measured_alike_in_any_company(tokenizer: Tokenizer) -> None:
    model = small_model(vocab_size=tokenizer.vocab_size, context_length=5)
    texts = [text for text in TEXTS * 3]
    together = pretraining.document_nats(model, tokenizer, texts, 5)
    alone = [pretraining.document_nats(model, tokenizer, [t], 5)[0] for t in texts]
    assert together == pytest.approx(alone, rel=1e-5)  # float32 sums


def test_a_window_begins_with_the_last_token_of_the_one_before(
    tokenizer: Tokenizer,
) -> None:
    """Windows of 3 over [end, a, b, c, d, end]: end a b | c, then c d | end."""
    model = small_model(vocab_size=tokenizer.vocab_size, context_length=3)
    end, ids = tokenizer.end_of_text_id, tokenizer.encode("wxyz")
    assert len(ids) == 4
    windows = ([end, *ids[:3]], [ids[2], ids[3], end])
    expected = 0.0
    for window in windows:
        row = torch.tensor([window])
        mean = pretraining.next_token_loss(model, Batch(row[:, :-1], row[:, 1:]))
        expected += mean.item() * (len(window) - 1)
    found = pretraining.document_nats(model, tokenizer, ["wxyz"], 3)
    assert found == pytest.approx([expected], rel=1e-5)


def test_bits_per_byte_by_hand(tokenizer: Tokenizer) -> None:
    """With all embeddings zero every token is guessed at 1/V: log2 V bits."""
    model = small_model(vocab_size=tokenizer.vocab_size)
    model.embedding.weight.data.zero_()
    texts = ["the cat", "naïve"]  # 7 bytes and 6: ï takes two
    n_tokens = sum(len(tokenizer.encode(text)) + 1 for text in texts)
    found = pretraining.bits_per_byte(model, tokenizer, texts)
    assert found == pytest.approx(
        n_tokens * math.log2(tokenizer.vocab_size) / 13, rel=1e-6
    )


def test_half_a_surrogate_pair_is_measured_as_it_was_learned(
    tokenizer: Tokenizer,
) -> None:
    model = small_model(vocab_size=tokenizer.vocab_size)
    found = pretraining.bits_per_byte(model, tokenizer, ["the \ud800 cat"])
    assert found == pretraining.bits_per_byte(model, tokenizer, ["the \ufffd cat"])


# The diary


def test_the_diary_is_cut_back_to_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "run" / "metrics.jsonl"
    log = pretraining.MetricsLog(path, step=0)
    for step in (1, 2, 3):
        log.append(step=step, loss=0.5)
    log.append(step=2, bits_per_byte=1.5)
    with open(path, "a") as file:
        file.write('{"step": 4, "lo')  # killed in the middle of a line
    pretraining.MetricsLog(path, step=2).append(step=3, loss=0.25)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 2, 3]
    assert lines[-1] == {"step": 3, "loss": 0.25}


# What the machine can do


def test_precision_is_chosen_or_given() -> None:
    assert choose_precision("fp32") == torch.float32
    assert choose_precision("bf16") == torch.bfloat16
    machine = measure_machine()
    assert machine.cores == 1 and machine.gflops_fp32 > 0 and machine.gflops_bf16 > 0
    faster = machine.gflops_bf16 > 1.5 * machine.gflops_fp32
    assert (choose_precision("auto") == torch.bfloat16) == faster
    with pytest.raises(ValueError, match="'fp16'; choose auto, fp32 or bf16"):
        choose_precision("fp16")


def test_the_estimate_of_compiling_leaves_no_trace() -> None:
    model, batch = small_model(), random_batch()
    before = [p.clone() for p in model.parameters()]
    estimate = partial(
        pretraining.seconds_saved_by_compiling,
        model,
        batch,
        pretraining.next_token_loss,
        torch.float32,
    )
    assert 0 < estimate(passes=1) < estimate(passes=100_000)
    assert all(map(torch.equal, model.parameters(), before))
    assert all(p.grad is None for p in model.parameters())


def test_a_path_with_a_space_is_no_place_to_compile(monkeypatch) -> None:
    monkeypatch.setattr(machine.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(machine.torch, "__file__", "site/torch/__init__.py")
    assert machine.has_compiler()
    monkeypatch.setattr(machine.torch, "__file__", "my site/torch/__init__.py")
    assert not machine.has_compiler()


def test_compiling_needs_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    config = pretraining.TrainConfig(out="x", compile="on", precision="fp32")
    loss = pretraining.next_token_loss
    with pytest.raises(ValueError, match="no C\\+\\+ compiler"):
        pretraining.decide(config, small_model(), random_batch(), loss)
    eager = replace(config, compile="auto", steps=10**9)
    found = pretraining.decide(eager, small_model(), random_batch(), loss)
    assert found == {"precision": "fp32", "compiled": False}


# A run that can be stopped


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, tokenizer: Tokenizer) -> Path:
    """A folder with a tokenizer, a shard of 60 short documents, and a validation."""
    folder = tmp_path_factory.mktemp("corpus")
    dice = random.Random(0)
    words = "the cat sat on mat and a dog ran to red door".split()
    texts = [" ".join(dice.choices(words, k=dice.randint(3, 30))) for _ in range(60)]
    tokenizer.save(folder / "tokenizer")
    encode_corpus(texts[10:], tokenizer, folder / "train")
    encode_corpus(["the cat"], tokenizer, folder / "short")
    lines = [json.dumps({"text": text}) + "\n" for text in texts[:10]]
    (folder / "validation.jsonl").write_text("".join(lines))
    return folder


def config_for(corpus: Path, out: Path, **changes: object) -> PretrainConfig:
    """Return the config of a run of eight steps, a checkpoint after every fourth."""
    values = dict(
        data=str(corpus / "train"),
        tokenizer=str(corpus / "tokenizer"),
        validation=str(corpus / "validation.jsonl"),
        out=str(out),
        model=SHAPE,
        steps=8,
        batch_size=4,
        checkpoint_every=4,
        evaluate_every=3,
        warmup_steps=2,
        precision="fp32",
        compile="off",
    )
    return PretrainConfig(**values | changes)


def weights(out: Path) -> bytes:
    """Return the bytes of the newest checkpoint's weights."""
    return (checkpoints(out)[-1] / "model.safetensors").read_bytes()


def diary(out: Path) -> list[dict]:
    """Return the metrics of a run without its times."""
    lines = (out / "metrics.jsonl").read_text().splitlines()
    return [{**json.loads(line), "seconds": None} for line in lines]


class Stopped(BaseException):
    """Stands for Ctrl-C."""


def stop_after(last: int) -> object:
    """Return a callback that ends a run after a step."""

    def stop(record: pretraining.Step, model: nn.Module) -> None:
        if record.step == last:
            raise Stopped

    return stop


@pytest.fixture(scope="module")
def unbroken(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of eight steps that nothing disturbed."""
    out = tmp_path_factory.mktemp("unbroken") / "run"
    pretraining.pretrain(config_for(corpus, out))
    return out


def test_a_run_leaves_what_it_promises(corpus: Path, unbroken: Path) -> None:
    steps = [line["step"] for line in diary(unbroken) if "loss" in line]
    measured = [line["step"] for line in diary(unbroken) if "bits_per_byte" in line]
    assert steps == [1, 2, 3, 4, 5, 6, 7, 8] and measured == [3, 6, 8]
    saved = json.loads((unbroken / "config.json").read_text())
    assert saved == {"config": asdict(config_for(corpus, unbroken))}
    assert [path.name for path in checkpoints(unbroken)] == [
        "step-000004",
        "step-000008",
    ]
    state = read_state(checkpoints(unbroken)[-1])
    assert state["position"] == 32 and state["model"]["d_model"] == 16


def test_pretraining_reads_each_document_of_a_row_alone(
    corpus: Path, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    """The first loss of a run is that of its documents, one by one, by their tokens."""
    texts = ["the cat", "the dog sat", "a mat", "red"] * 5
    shard = encode_corpus(texts, tokenizer, tmp_path / "a")
    config = config_for(corpus, tmp_path / "run", data=str(tmp_path / "a"), steps=1)
    pretraining.pretrain(config)
    end = tokenizer.end_of_text_id
    rows = PackedRows(shard, SHAPE["context_length"], end, packer=tightest)
    tokens, targets = next(pretraining.BatchStream(rows, 4))
    assert int((tokens == end).sum()) > 2 * len(tokens), "several documents share a row"
    torch.manual_seed(0)
    model = Transformer(ModelConfig(vocab_size=tokenizer.vocab_size, **SHAPE))
    total, count = 0.0, 0
    for row, aims in zip(tokens, targets):
        opens = {0, *(row == end).nonzero().flatten().tolist(), len(row)}
        for start, stop in pairwise(sorted(opens)):
            alone = Batch(row[None, start:stop], aims[None, start:stop])
            counted = int((alone.targets != -100).sum())
            if counted:
                total += counted * pretraining.next_token_loss(model, alone).item()
                count += counted
    assert count == int((targets != -100).sum())
    # Sums in another order: float32 keeps six digits of them.
    assert diary(tmp_path / "run")[0]["loss"] == pytest.approx(total / count, rel=1e-5)


@pytest.mark.parametrize("last", [2, 4, 6, 7])
def test_a_stopped_run_goes_on_as_if_nothing_had_happened(
    last: int, corpus: Path, unbroken: Path, tmp_path: Path
) -> None:
    config = config_for(corpus, tmp_path / "run")
    with pytest.raises(Stopped):
        pretraining.pretrain(config, callbacks=[stop_after(last)])
    torch.manual_seed(1234)  # another process would not have this one's state
    pretraining.pretrain(config)
    assert weights(tmp_path / "run") == weights(unbroken)
    assert diary(tmp_path / "run") == diary(unbroken)


def test_a_finished_run_does_nothing_more(corpus: Path, tmp_path: Path) -> None:
    config = config_for(corpus, tmp_path)
    model, before = pretraining.pretrain(config), diary(tmp_path)
    newest = checkpoints(tmp_path)[-1] / "model.safetensors"
    written = newest.stat().st_mtime_ns
    again = pretraining.pretrain(config)
    assert all(map(torch.equal, model.parameters(), again.parameters()))
    assert newest.stat().st_mtime_ns == written and diary(tmp_path) == before


def test_the_previous_checkpoint_is_used_when_the_newest_is_damaged(
    corpus: Path, unbroken: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    config = config_for(corpus, tmp_path)
    pretraining.pretrain(config)
    (checkpoints(tmp_path)[-1] / "optimizer.safetensors").write_bytes(b"torn")
    pretraining.pretrain(config)
    assert "optimizer.safetensors is missing or damaged" in capsys.readouterr().err
    assert weights(tmp_path) == weights(unbroken)


def test_accumulated_runs_resume_exactly_too(corpus: Path, tmp_path: Path) -> None:
    changes = dict(accumulation=2, optimizer="adamw", validation=None)
    whole = config_for(corpus, tmp_path / "whole", **changes)
    broken = config_for(corpus, tmp_path / "broken", **changes)
    pretraining.pretrain(whole)
    with pytest.raises(Stopped):
        pretraining.pretrain(broken, callbacks=[stop_after(6)])
    pretraining.pretrain(broken)
    assert weights(tmp_path / "whole") == weights(tmp_path / "broken")


def test_a_run_may_be_moved(corpus: Path, unbroken: Path, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        pretraining.pretrain(
            config_for(corpus, tmp_path / "here"), callbacks=[stop_after(5)]
        )
    (tmp_path / "here").rename(tmp_path / "there")
    pretraining.pretrain(config_for(corpus, tmp_path / "there"))
    assert weights(tmp_path / "there") == weights(unbroken)


def test_another_config_in_the_same_folder_is_refused(
    corpus: Path, unbroken: Path
) -> None:
    before = weights(unbroken)
    with pytest.raises(ValueError, match=r"another config \(steps is 8 there, 9 here"):
        pretraining.pretrain(config_for(corpus, unbroken, steps=9))
    with pytest.raises(ValueError, match=r"another config \(model is"):
        shape = {**SHAPE, "d_ff": 32}
        pretraining.pretrain(config_for(corpus, unbroken, model=shape))
    assert weights(unbroken) == before


def test_config_json_is_of_the_run_that_made_the_checkpoints(
    corpus: Path, tmp_path: Path
) -> None:
    for seed in (1, 2):  # the first is stopped before it has kept anything
        config = config_for(corpus, tmp_path, seed=seed)
        with pytest.raises(Stopped):
            pretraining.pretrain(config, callbacks=[stop_after(5 if seed == 2 else 1)])
    saved = json.loads((tmp_path / "config.json").read_text())
    assert saved["config"]["seed"] == 2
    assert read_state(checkpoints(tmp_path)[-1])["config"] == saved["config"]


def test_a_record_that_the_pipeline_keeps_is_not_overwritten(
    corpus: Path, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text('{"key": "abc"}')
    pretraining.pretrain(config_for(corpus, tmp_path, steps=1))
    assert (tmp_path / "config.json").read_text() == '{"key": "abc"}'


def test_a_model_is_loaded_from_a_run_or_from_one_checkpoint(
    unbroken: Path, tmp_path: Path
) -> None:
    first, newest = checkpoints(unbroken)
    tokens = torch.tensor([[1, 2, 3]])
    logits = [pretraining.load_model(p)(tokens) for p in (unbroken, newest, first)]
    assert torch.equal(logits[0], logits[1])
    assert not torch.equal(logits[0], logits[2])
    with pytest.raises(ValueError, match="holds no checkpoint"):
        pretraining.load_model(tmp_path)


@pytest.mark.parametrize(
    "name", ["steps", "batch_size", "accumulation", "checkpoint_every"]
)
def test_impossible_numbers_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is 0"):
        PretrainConfig(**{name: 0})


# The command, and kill -9


def arguments(corpus: Path, out: Path, **changes: object) -> list[str]:
    """Return the command line of a run of forty steps, a checkpoint every tenth."""
    shape = dict(context_length=64, d_model=32, n_layers=2, n_heads=2, d_ff=64)
    values = dict(
        data=corpus / "train",
        tokenizer=corpus / "tokenizer",
        out=out,
        steps=40,
        batch_size=8,
        checkpoint_every=10,
        precision="fp32",
        compile="off",
        model=json.dumps(shape),
    )
    found = []
    for name, value in (values | changes).items():
        found += ["--" + name.replace("_", "-"), str(value)]
    return found


def command(*options: str) -> list[str]:
    return [sys.executable, "-m", "ch05_pretraining.pretraining", *options]


def start_and_kill(options: list[str], out: Path, at_step: int) -> bool:
    """Run the command, kill it once it has kept a step; False if it was too quick."""
    diary = out / "metrics.jsonl"
    process = subprocess.Popen(command(*options), cwd=ROOT, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        lines = diary.read_bytes().count(b"\n") if diary.exists() else 0
        if lines >= at_step and (at_step != 20 or (out / "step-000020").exists()):
            os.kill(process.pid, signal.SIGKILL)
            break
        time.sleep(0.001)
    return process.wait() == -signal.SIGKILL


@pytest.fixture(scope="module")
def forty_steps(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The weights after forty steps in one go."""
    out = tmp_path_factory.mktemp("forty") / "run"
    assert pretraining.main(arguments(corpus, out)) == 0
    return weights(out)


@pytest.mark.parametrize("moment", ["step 20", "random"])
def test_a_killed_run_ends_with_the_same_weights(
    moment: str, corpus: Path, forty_steps: bytes, tmp_path: Path
) -> None:
    for attempt in range(5):  # on a busy machine a run may end before it is killed
        out = tmp_path / f"run{attempt}"
        options = arguments(corpus, out)
        at_step = 20 if moment == "step 20" else random.SystemRandom().randint(1, 35)
        if start_and_kill(options, out, at_step):
            break
    else:
        pytest.fail("five runs ended before they could be killed")
    kept = [path.name for path in checkpoints(out)]
    assert "step-000040" not in kept
    assert moment == "random" or "step-000020" in kept
    done = subprocess.run(
        command(*options), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert weights(out) == forty_steps, f"killed at about step {at_step}"
    steps = [line["step"] for line in diary(out)]
    assert steps == list(range(1, 41))


BAD_INPUT = {
    "unknown config key": (dict(model='{"d_modle": 8}'), "unknown config key 'd_modle"),
    "impossible config": (dict(model='{"d_model": 9}'), "not a multiple of n_heads"),
    "no object": (dict(model="[1]"), "it must be a JSON object"),
    "no JSON": (dict(model="d_model=8"), "it must be a JSON object"),
    "missing data": (dict(data="nowhere/train"), "train.json is missing"),
    "missing tokenizer": (dict(tokenizer="nowhere"), "does not exist; train a token"),
    "missing validation": (dict(validation="nowhere.jsonl"), "nowhere.jsonl"),
    "unknown optimizer": (dict(optimizer="sgd"), "choose muon or adamw"),
    "unknown precision": (dict(precision="fp8"), "choose auto, fp32 or bf16"),
    "unknown compile": (dict(compile="yes"), "choose auto, on or off"),
    "no steps": (dict(steps=0), "steps is 0; it must be positive"),
    "negative rate": (dict(peak_lr=-1), "lr must not be negative"),
}


def refused(options: list[str], said: str, capsys: pytest.CaptureFixture) -> None:
    """Assert that the command ends in one clear line and exit status 2."""
    capsys.readouterr()
    assert pretraining.main(options) == 2
    line = capsys.readouterr().err
    assert line.startswith("error: ") and line.count("\n") == 1, line
    assert said in line


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_clear_line_and_writes_nothing(
    case: str, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    changes, said = BAD_INPUT[case]
    refused(arguments(corpus, tmp_path / "run", **changes), said, capsys)
    assert not list(tmp_path.iterdir())


def test_text_shorter_than_one_context_is_refused(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    options = arguments(corpus, tmp_path / "run", data=corpus / "short")
    refused(options, "do not fill one context of 64; give more text", capsys)
    assert not list(tmp_path.iterdir())


def test_a_shard_of_another_tokenizer_is_refused(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    train_bpe(["another text"], 260, [END_OF_TEXT]).save(tmp_path / "other")
    options = arguments(corpus, tmp_path / "run", tokenizer=tmp_path / "other")
    refused(options, "was encoded by tokenizer", capsys)


def test_an_unwritable_folder_is_refused(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    options = arguments(corpus, tmp_path / "file" / "run")
    refused(options, "cannot write", capsys)
    assert (tmp_path / "file").read_text() == "in the way"


def test_damaged_checkpoints_alone_are_refused(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    for step in (1, 2):
        folder = tmp_path / f"step-00000{step}"
        folder.mkdir()
        (folder / "state.json").write_text("{")
    refused(arguments(corpus, tmp_path), "every checkpoint in", capsys)


def test_packing_is_that_of_chapter_2(corpus: Path, tokenizer: Tokenizer) -> None:
    """The stream over packed rows gives every counted target once an epoch."""
    shard = encode_corpus(["the cat", "on the mat"], tokenizer, corpus / "two")
    rows = PackedRows(shard, 4, tokenizer.end_of_text_id)
    batch = next(pretraining.BatchStream(rows, len(rows)))
    assert int((batch.targets != -100).sum()) == rows.n_targets
