"""Chapter 9: many ranks take the very step that one process would take."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ch01_data import storyworld
from ch02_tokenization.shards import encode_corpus
from ch02_tokenization.tokenization import SPECIAL_TOKENS, train_bpe
from ch04_transformer.transformer import ModelConfig, Transformer
from ch05_pretraining.optimizers import build_optimizer
from ch05_pretraining.pretraining import (
    IGNORE,
    Batch,
    BatchStream,
    next_token_loss,
    train,
)
from ch09_scaling import data_parallel
from ch09_scaling.data_parallel import (
    HandDataParallel,
    RankRows,
    SentenceRows,
    global_mean,
    gradient_vector,
    main,
    rows_of_rank,
    shard_batch,
)
from ch09_scaling.ranks import run_ranks
from ch09_scaling.ring import (
    all_reduce_mean,
    gather_all_reduce,
    ring_all_reduce,
    ring_bytes,
)

ROOT = Path(__file__).resolve().parents[1]
# float32 sums in another order differ by some 1e-7 of the largest entry
ROUNDING = 2e-6


def numbers(n_ranks, length):
    """One vector for each rank, of whole numbers, so that sums are exact."""
    generator = torch.Generator().manual_seed(n_ranks + length)
    return torch.randint(-99, 99, (n_ranks, length), generator=generator).float()


def tiny_model(seed=0):
    torch.manual_seed(seed)
    config = ModelConfig(
        vocab_size=23,
        context_length=9,
        d_model=16,
        n_layers=2,
        n_heads=4,
        n_kv_heads=2,
        d_ff=24,
    )
    return Transformer(config)


class FewTargets:
    """Six random rows; row i counts `counted[i]` targets."""

    def __init__(self, counted):
        generator = torch.Generator().manual_seed(5)
        drawn = torch.randint(23, (len(counted), 10), generator=generator).numpy()
        self.tokens, self.targets = drawn[:, :-1].copy(), drawn[:, 1:].copy()
        for row, count in enumerate(counted):
            self.targets[row, count:] = IGNORE

    def __len__(self):
        return len(self.tokens)

    def rows(self, indices):
        return self.tokens[indices], self.targets[indices]


UNEQUAL_ROWS = FewTargets([9, 8, 1, 1, 5, 2])


def part_of(rows, wire):
    whole = Batch(*map(torch.from_numpy, rows.rows(np.arange(len(rows)))))
    return shard_batch(whole, wire.rank, wire.world_size)


def gradients_on_ranks(rows, n_ranks, all_reduce=ring_all_reduce, scale=global_mean):
    """Make the gradient of all rows on ranks that are threads; one vector a rank."""
    model = tiny_model()

    def work(wire):
        wrapped = HandDataParallel(copy.deepcopy(model), wire, all_reduce)
        loss_fn = scale(next_token_loss, wire)
        return gradient_vector(wrapped, part_of(rows, wire), loss_fn)

    return run_ranks(n_ranks, work)


def assert_like_one_process(found, rows):
    whole = Batch(*map(torch.from_numpy, rows.rows(np.arange(len(rows)))))
    expected = gradient_vector(tiny_model(), whole, next_token_loss)
    for rank, gradient in enumerate(found):
        gap = ((gradient - expected).abs().max() / expected.abs().max()).item()
        assert gap < ROUNDING, f"rank {rank}: {gap:.1e} of the largest entry"


# Property: rows


@pytest.mark.parametrize(("batch_size", "world_size"), [(6, 1), (6, 2), (6, 3), (8, 8)])
def test_every_row_belongs_to_exactly_one_rank(batch_size, world_size):
    rows = list(range(batch_size))
    parts = [rows[rows_of_rank(batch_size, r, world_size)] for r in range(world_size)]
    assert sum(parts, []) == rows
    whole = Batch(torch.arange(batch_size)[:, None], torch.arange(batch_size)[:, None])
    shards = [shard_batch(whole, r, world_size) for r in range(world_size)]
    assert [s.tokens.flatten().tolist() for s in shards] == parts
    assert [s.targets.flatten().tolist() for s in shards] == parts
    assert {len(part) for part in parts} == {batch_size // world_size}


@pytest.mark.parametrize(("batch_size", "world_size"), [(5, 2), (2, 4), (0, 2)])
def test_a_batch_that_cannot_be_dealt_out_is_refused(batch_size, world_size):
    with pytest.raises(ValueError, match=f"multiple of {world_size}"):
        rows_of_rank(batch_size, 0, world_size)


def test_ranks_together_read_what_one_process_reads():
    rows = SentenceRows(3, context_length=20)
    streams = [BatchStream(RankRows(rows, rank, 3), 6, seed=1) for rank in range(3)]
    alone = BatchStream(rows, 6, seed=1)
    for _ in range(2 * len(rows) // 6):  # into the second epoch
        parts = [next(stream) for stream in streams]
        for field, whole in zip(zip(*parts, strict=True), next(alone), strict=True):
            assert torch.cat(field).equal(whole)


def test_a_run_may_go_on_with_another_number_of_ranks():
    rows = SentenceRows(3, context_length=20)
    before = BatchStream(RankRows(rows, 0, 3), 6, seed=1)
    next(before)
    after = BatchStream(RankRows(rows, 1, 2), 6, seed=1, position=before.position)
    alone = BatchStream(rows, 6, seed=1)
    next(alone)
    assert next(after).tokens.equal(next(alone).tokens[3:])


def test_sentences_are_predicted_from_their_own_past():
    rows = SentenceRows(3, context_length=20)
    tokens, targets = rows.rows(range(len(rows)))
    counted = targets != IGNORE
    assert (tokens[:, 0] == 256).all()
    assert (targets[:, :-1] == tokens[:, 1:])[counted[:, :-1]].all()
    cut = np.array([len(s) == 20 for s in rows.sentences])
    last = counted.sum(1) - 1
    ends = targets[np.arange(len(rows)), last] == 256
    assert (ends == ~cut).all() and cut.any() and ends.any()


# Property: all-reduce


@pytest.mark.parametrize("all_reduce", [ring_all_reduce, gather_all_reduce])
@pytest.mark.parametrize("n_ranks", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("length", [0, 1, 5, 24])
def test_all_ranks_get_the_sum(all_reduce, n_ranks, length):
    given = numbers(n_ranks, length)

    def work(wire):
        vector = given[wire.rank].clone()
        all_reduce(vector, wire)
        return vector

    for vector in run_ranks(n_ranks, work):
        assert vector.equal(given.sum(0))


def test_all_ranks_get_the_same_bits():
    given = torch.randn(5, 999, generator=torch.Generator().manual_seed(0))

    def work(wire):
        ring_all_reduce(vector := given[wire.rank].clone(), wire)
        return vector

    first, *others = run_ranks(5, work)
    assert all(first.equal(other) for other in others)


@pytest.mark.parametrize("n_ranks", [1, 2, 3, 4, 6])
def test_a_ring_sends_two_n_minus_one_nths_of_the_vector(n_ranks):
    def sent(all_reduce, length):
        def work(wire):
            all_reduce(torch.ones(length), wire)
            return wire.sent_bytes

        return run_ranks(n_ranks, work)

    assert sent(ring_all_reduce, 120) == [ring_bytes(480, n_ranks)] * n_ranks
    # Where the chunks differ by one number, the formula is right to two of them.
    for count in sent(ring_all_reduce, 121):
        assert abs(count - ring_bytes(484, n_ranks)) <= 8
    assert max(sent(gather_all_reduce, 120)) == 480 * (n_ranks - 1)


def test_the_mean_keeps_every_tensor_in_its_place():
    shapes = [(2, 3), (), (5,), (1, 4)]

    def work(wire):
        tensors = [torch.full(s, 10.0 * i + wire.rank) for i, s in enumerate(shapes)]
        all_reduce_mean(tensors, wire)
        return tensors

    for tensors in run_ranks(3, work):
        for i, (tensor, shape) in enumerate(zip(tensors, shapes, strict=True)):
            assert tensor.equal(torch.full(shape, 10.0 * i + 1))


def test_a_mean_of_no_tensors_is_refused():
    with pytest.raises(ValueError, match="no tensor to average"):
        run_ranks(1, lambda wire: all_reduce_mean([], wire))


def test_the_error_of_one_rank_is_what_the_reader_sees():
    def work(wire):
        if wire.rank == 1:
            raise ZeroDivisionError("rank 1 fell over")
        ring_all_reduce(torch.ones(4), wire)

    with pytest.raises(ZeroDivisionError, match="rank 1 fell over"):
        run_ranks(3, work)


def test_a_message_that_does_not_come_or_does_not_fit_is_an_error():
    def silent(wire):
        if wire.rank:
            wire.receive(torch.empty(2), 0)

    def unequal(wire):
        ring_all_reduce(torch.ones(4 + 4 * wire.rank), wire)

    with pytest.raises(ConnectionError, match="rank 1 expected .* got nothing"):
        run_ranks(2, silent)
    with pytest.raises(ConnectionError, match="does every send meet its receive"):
        run_ranks(2, unequal)


# Property: the wrapper


@pytest.mark.parametrize("n_ranks", [1, 2, 3, 6])
@pytest.mark.parametrize("all_reduce", [ring_all_reduce, gather_all_reduce])
def test_the_gradient_equals_one_process_with_unequal_counts(n_ranks, all_reduce):
    found = gradients_on_ranks(UNEQUAL_ROWS, n_ranks, all_reduce)
    assert_like_one_process(found, UNEQUAL_ROWS)


@pytest.mark.parametrize("counted", [[9, 8, 0, 0, 5, 2], [0, 0, 0, 0, 1, 0]])
def test_a_rank_that_counts_nothing_weighs_nothing(counted):
    rows = FewTargets(counted)
    found = gradients_on_ranks(rows, 3)
    assert found[0].isfinite().all()
    assert_like_one_process(found, rows)


def test_a_broken_loss_is_not_hidden():
    def nan(model, batch):
        return torch.tensor(float("nan"))

    batch = part_of(UNEQUAL_ROWS, run_ranks(1, lambda wire: wire)[0])
    loss = run_ranks(1, lambda wire: global_mean(nan, wire)(None, batch))[0]
    assert loss.isnan()


def test_the_plain_mean_over_ranks_is_right_only_for_equal_counts():
    def unscaled(loss_fn, wire):
        return loss_fn

    equal = FewTargets([4] * 6)
    assert_like_one_process(gradients_on_ranks(equal, 3, scale=unscaled), equal)
    with pytest.raises(AssertionError, match="of the largest entry"):
        found = gradients_on_ranks(UNEQUAL_ROWS, 3, scale=unscaled)
        assert_like_one_process(found, UNEQUAL_ROWS)


def test_all_ranks_start_with_the_weights_of_rank_0():
    models = [tiny_model(seed) for seed in range(3)]
    expected = copy.deepcopy(models[0].state_dict())
    run_ranks(3, lambda wire: HandDataParallel(models[wire.rank], wire))
    for model in models:
        for name, weight in model.state_dict().items():
            assert weight.equal(expected[name]), name


def test_a_parameter_without_a_gradient_is_noticed():
    class Half(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = nn.Linear(2, 1), nn.Linear(2, 1)

        def forward(self, x):
            return self.used(x)

    def work(wire):
        wrapped = HandDataParallel(Half(), wire)
        for _ in range(2):
            wrapped(torch.ones(1, 2)).sum().backward()

    with pytest.raises(RuntimeError, match="2 parameters got no gradient"):
        run_ranks(2, work)


def test_the_training_loop_of_chapter_5_gives_the_losses_of_one_process():
    model = tiny_model()

    def losses(wrapped, inner, rows, loss_fn):
        steps = train(
            wrapped,
            BatchStream(rows, 6, seed=2),
            build_optimizer(inner, lr=3e-3, weight_decay=0.1, matrices="adamw"),
            lr_at=lambda step: 3e-3,
            steps=5,
            loss_fn=loss_fn,
        )
        return torch.tensor([step.loss for step in steps])

    def work(wire):
        inner = copy.deepcopy(model)
        rows = RankRows(UNEQUAL_ROWS, wire.rank, wire.world_size)
        loss_fn = global_mean(next_token_loss, wire)
        share = losses(HandDataParallel(inner, wire), inner, rows, loss_fn)
        all_reduce_mean([share], wire)
        return share, inner

    alone = copy.deepcopy(model)
    expected = losses(alone, alone, UNEQUAL_ROWS, next_token_loss)
    ranks = run_ranks(3, work)
    assert expected[-1] < expected[0] - 0.1
    for share, _ in ranks:
        assert torch.allclose(share, expected, atol=1e-4)  # five steps of rounding
    for name, weight in ranks[0][1].state_dict().items():
        assert all(weight.equal(inner.state_dict()[name]) for _, inner in ranks), name


# Golden: worked by hand


def test_golden_ring_of_three():
    """The picture in ring.py, with a, b, c = 1, 2, 3 times 1, 10 and 100.

    Step 1: rank 0 gets c2 = 300 and has 303. Step 2: it gets b1 + b2 = 220 and has 222.
    Then A = 111 arrives, then C = 333. It has sent a0 = 1, c02 = 303, B = 222, A = 111.
    """
    sent = []

    def work(wire):
        move = wire.exchange

        def watched(outgoing, to, incoming, source):
            if wire.rank == 0:
                assert (to, source) == (1, 2)
                sent.append(outgoing.item())
            move(outgoing, to, incoming, source)

        wire.exchange = watched
        vector = 10.0**wire.rank * torch.tensor([1.0, 2.0, 3.0])
        ring_all_reduce(vector, wire)
        return vector.tolist()

    assert run_ranks(3, work) == [[111, 222, 333]] * 3
    assert sent == [1, 303, 222, 111]


def test_golden_share_of_a_loss():
    """Rank 0 counts 1 target with loss 4, rank 1 counts 3 with mean loss 2.

    The mean over tokens is (4 + 2 + 2 + 2) / 4 = 2.5. The mean count is 2, so the ranks
    report 4 * 1/2 = 2 and 2 * 3/2 = 3, whose mean is 2.5. The plain mean would be 3.
    """
    targets = [torch.tensor([[7, IGNORE, IGNORE]]), torch.tensor([[7, 7, 7]])]

    def work(wire):
        batch = Batch(torch.zeros(1, 3, dtype=torch.int64), targets[wire.rank])
        loss_fn = global_mean(lambda *_: torch.tensor([4.0, 2.0][wire.rank]), wire)
        return loss_fn(None, batch).item()

    assert run_ranks(2, work) == [2.0, 3.0]


# Planted bugs: each must turn the comparison red


def without_the_last_chunk(vector, wire):
    n, rank = wire.world_size, wire.rank
    before = vector.clone()
    ring_all_reduce(vector, wire)
    last = (rank + 2) % n  # the chunk that would arrive in the last step
    vector.tensor_split(n)[last].copy_(before.tensor_split(n)[last])


def overwritten_instead_of_added(vector, wire):
    n, rank = wire.world_size, wire.rank
    chunks = vector.tensor_split(n)
    for step in range(2 * n - 2):
        place = chunks[(rank - step - 1) % n]
        wire.exchange(chunks[(rank - step) % n], (rank + 1) % n, place, (rank - 1) % n)


def rank_1_forgets_to_divide(vector, wire):
    ring_all_reduce(vector, wire)
    if wire.rank == 1:
        vector *= wire.world_size


def nobody_sends(vector, wire):
    vector *= wire.world_size


@pytest.mark.parametrize(
    "bug",
    [
        without_the_last_chunk,
        overwritten_instead_of_added,
        rank_1_forgets_to_divide,
        nobody_sends,
    ],
)
def test_a_planted_bug_turns_the_comparison_red(bug):
    with pytest.raises(AssertionError, match="of the largest entry"):
        assert_like_one_process(gradients_on_ranks(UNEQUAL_ROWS, 3, bug), UNEQUAL_ROWS)


# Parity: two real processes, against torch's own


def launch(*command, timeout=400):
    """Start two processes by torchrun, on the loopback interface."""
    loopback = "lo0" if sys.platform == "darwin" else "lo"
    settings = {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": loopback}
    python_path = os.pathsep.join(filter(None, [str(ROOT), os.getenv("PYTHONPATH")]))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return subprocess.run(
        [*torchrun, "--nproc-per-node", "2", *command],
        cwd=ROOT,
        env=os.environ | settings | {"PYTHONPATH": python_path},
        capture_output=True,
        text=True,
        timeout=timeout,
    )


SMALL = ["--d-model", "32", "--context-length", "32", "--batch-size", "8"]


def test_two_processes_take_the_step_of_one(tmp_path):
    out = tmp_path / "measured.json"
    command = ["-m", "ch09_scaling.data_parallel", *SMALL, "--steps", "4"]
    done = launch(*command, "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("2 processes") == 1, "only rank 0 prints"
    found = json.loads(out.read_text())
    *right, unscaled = found["gradients"]
    names = [way["name"] for way in right]
    assert names[-1] == "torch's DistributedDataParallel" and len(names) == 4
    assert max(way["difference"] for way in right) < ROUNDING
    assert len(set(found["counted_targets"])) == 2 and unscaled["difference"] > 1e-3
    ring = next(way for way in right if way["name"].startswith("ring"))
    assert ring["sent_bytes"] == found["ring_bytes"] == 4 * found["parameters"]
    assert 0 < ring["wire_seconds"] < ring["seconds"]
    alone, by_hand, by_torch = map(np.array, found["losses"].values())
    assert len(alone) == 4 and alone[-1] < alone[0]
    assert np.abs(by_hand - alone).max() < 1e-5
    assert np.abs(by_torch - alone).max() < 1e-5


IN_BOTH_PROCESSES = """
from contextlib import nullcontext
import torch, torch.distributed as dist
from ch09_scaling import data_parallel
from ch09_scaling.ranks import process_group
from ch09_scaling.ring import ring_all_reduce
from tests import test_ch09_data_parallel as bugs

small = [*bugs.SMALL, "--steps", "1"]
with process_group() as wire:
    data_parallel.process_group = lambda: nullcontext(wire)  # processes meet only once
    for length in (0, 1, 2, 7, 1000):
        ours = torch.randn(length) * (1 + wire.rank)
        theirs = ours.clone()
        ring_all_reduce(ours, wire)
        dist.all_reduce(theirs)
        assert ours.equal(theirs), length  # two numbers have one sum in either order
    print("parity", flush=True)
    said = [data_parallel.main([*small, "--batch-size", "7"])]
    for bug in (bugs.without_the_last_chunk, bugs.rank_1_forgets_to_divide):
        data_parallel.ring_all_reduce = bug
        said.append(data_parallel.main(small))
    assert said == [2, 2, 2], said
"""


def test_real_processes_agree_with_torch_and_catch_planted_bugs(tmp_path):
    script = tmp_path / "in_both_processes.py"
    script.write_text(IN_BOTH_PROCESSES, encoding="utf-8")
    done = launch(str(script))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("parity") == 2
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 3, "each told once, by rank 0"
    assert errors[0].startswith("error: a batch of 7 rows cannot be dealt out to 2")
    for error in errors[1:]:
        assert error.startswith("error: ring, by hand: the gradient differs"), error


# The command


def test_the_command_runs_plainly_as_a_world_of_one(tmp_path, capsys):
    assert main([*SMALL, "--steps", "2", "--out", str(tmp_path / "one.json")]) == 0
    assert "1 processes" in capsys.readouterr().out
    found = json.loads((tmp_path / "one.json").read_text())
    assert {way["difference"] for way in found["gradients"]} == {0.0}
    assert found["ring_bytes"] == 0 and len(found["losses"]["one process"]) == 2


def test_the_command_reads_the_shard_of_a_run(tmp_path):
    stories = [story.text for story in storyworld.generate(20, 0, "train")]
    tokenizer = train_bpe(stories, 300, SPECIAL_TOKENS)
    tokenizer.save(tmp_path)
    encode_corpus(stories, tokenizer, tmp_path / "train")
    files = ["--data", str(tmp_path / "train"), "--tokenizer", str(tmp_path)]
    out = tmp_path / "measured.json"
    assert main([*SMALL, *files, "--steps", "1", "--out", str(out)]) == 0
    found = json.loads(out.read_text())
    config = ModelConfig(tokenizer.vocab_size, 32, d_model=32, n_layers=2, d_ff=96)
    assert found["parameters"] == config.n_params()
    assert abs(found["losses"]["one process"][0] - np.log(300)) < 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--batch-size", "0"], "a batch of 0 rows"),
        (["--steps", "-1"], "--steps is -1"),
        (["--context-length", "0"], "--context-length 0"),
        (["--d-model", "30"], "d_model 30 is not a multiple"),
        (["--data", "no/such/shard"], "--tokenizer belong together"),
        (["--data", "no/shard", "--tokenizer", "no/such"], "no/such"),
    ],
)
def test_bad_input_is_one_line_and_status_2(arguments, message, capsys, tmp_path):
    out = tmp_path / "never.json"
    assert main([*arguments, "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and message in said and said.count("\n") == 1
    assert not out.exists()


def test_an_unwritable_report_is_one_line_and_status_2(capsys, tmp_path):
    (tmp_path / "file").write_text("in the way")
    out = tmp_path / "file" / "measured.json"
    assert main([*SMALL, "--steps", "0", "--out", str(out)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_difference_that_rounding_cannot_explain_is_an_error():
    way = {"name": "ring, by hand", "difference": float("nan")}
    with pytest.raises(ArithmeticError, match="ring, by hand: the gradient differs"):
        data_parallel.check_comparison({"gradients": [way], "losses": {}})
    losses = {"one process": [5.0, 4.0], "ring, by hand": [5.0, 4.1]}
    with pytest.raises(ArithmeticError, match="a loss differs"):
        data_parallel.check_comparison({"gradients": [], "losses": losses})
