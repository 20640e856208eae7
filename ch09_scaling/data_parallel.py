"""Data parallelism: many processes, each with some rows, take one step together.

Every process ("rank") holds the whole model and reads its own rows of the batch. Their
gradients are averaged before the optimizer steps, so that all take the step that one
process would have taken with all rows, and all weights stay equal without being sent.

    GLOO_SOCKET_IFNAME=lo python -m torch.distributed.run --standalone \
        --nproc-per-node 2 -m ch09_scaling.data_parallel --steps 5

In reading order: which rows are whose, the loss that makes averages exact, the wrapper
that averages, and the comparison with one process and with torch's own wrapper. How the
numbers travel is in `ranks.py` and `ring.py`, which come first. (`lo` keeps the ranks
on this machine; macOS calls it `lo0`. Started plainly, the command is a world of one.)
"""

import argparse
import copy
import re
import time
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ch01_data import storyworld
from ch01_data.files import run_command, write_json
from ch02_tokenization.packing import tightest
from ch02_tokenization.shards import PackedRows, TokenShard
from ch02_tokenization.tokenization import Tokenizer
from ch04_transformer.transformer import ModelConfig, Transformer
from ch05_pretraining.optimizers import build_optimizer
from ch05_pretraining.pretraining import (
    IGNORE,
    Batch,
    BatchStream,
    LossFunction,
    Rows,
    next_token_loss,
    train,
)
from ch09_scaling.ranks import (
    ProcessWire,
    Wire,
    everywhere,
    process_group,
    run_together,
)
from ch09_scaling.ring import (
    AllReduce,
    all_reduce_mean,
    gather_all_reduce,
    ring_all_reduce,
    ring_bytes,
)

TOLERANCE = 1e-5  # of the largest gradient: what another order of adding may change
LOSS_TOLERANCE = 1e-3  # nats per token, after a few steps that amplify the difference
UNEQUAL = "ring, but all ranks weigh the same"


def rows_of_rank(batch_size: int, rank: int, world_size: int) -> slice:
    """Say which rows of the global batch are a rank's: one block after the other.

    Raises:  ValueError if the rows cannot be dealt out evenly.
    """
    if batch_size < 1 or batch_size % world_size:
        raise ValueError(
            f"a batch of {batch_size} rows cannot be dealt out to {world_size} "
            f"processes; choose a multiple of {world_size}"
        )
    share = batch_size // world_size
    return slice(rank * share, (rank + 1) * share)


def shard_batch(batch: Batch, rank: int, world_size: int) -> Batch:
    """Take a rank's rows out of a global batch, whatever fields it has.

    Raises:  ValueError if the rows cannot be dealt out evenly.
    """
    mine = rows_of_rank(len(batch.tokens), rank, world_size)
    return type(batch)(*(field[mine] for field in batch))


class RankRows:
    """A rank's part of a data set: of each global batch asked for, only its own rows.

    A BatchStream over it still counts global rows. So all ranks walk through one
    shuffled order, and a run may go on with another number of ranks.

    Raises:  ValueError, on reading, if a batch cannot be dealt out evenly.
    """

    def __init__(self, rows: Rows, rank: int, world_size: int) -> None:
        self.whole, self.rank, self.world_size = rows, rank, world_size

    def __len__(self) -> int:
        return len(self.whole)

    def rows(self, indices: Sequence[int]) -> tuple[np.ndarray, ...]:
        """Read this rank's rows of a global batch."""
        mine = rows_of_rank(len(indices), self.rank, self.world_size)
        return self.whole.rows(indices[mine])


def global_mean(loss_fn: LossFunction, wire: Wire) -> LossFunction:
    """Scale a rank's loss so that the plain mean over ranks is the mean over tokens.

    A rank that counts c of all C targets must weigh c / C, and the mean over n ranks
    weighs each 1 / n: hence the factor n c / C, which is c over the ranks' mean count.
    Exact where one batch makes one step (`accumulation=1` in chapter 5's `train`).
    """

    def scaled(model: nn.Module, batch: Batch) -> Tensor:
        count = int((batch.targets != IGNORE).sum())
        mean_count = torch.tensor([count], dtype=torch.float64)
        all_reduce_mean([mean_count], wire)
        loss = loss_fn(model, batch)
        if count == 0:  # the mean of nothing is NaN; it weighs nothing here
            loss = loss.nan_to_num()
        return loss * (count / (mean_count.item() or 1.0))

    return scaled


class HandDataParallel(nn.Module):
    """Wrap a model so that backward leaves the mean gradient of all ranks.

    As in torch's DistributedDataParallel, all ranks start with rank 0's weights, and
    each parameter reports when its gradient is ready; the last one starts the
    averaging. (Torch's does not wait for the last: it sends in buckets meanwhile.)

    Raises:  RuntimeError, at the next forward, if a parameter got no gradient.
    """

    def __init__(
        self, module: nn.Module, wire: Wire, all_reduce: AllReduce = ring_all_reduce
    ) -> None:
        super().__init__()
        self.module, self.wire, self.all_reduce = module, wire, all_reduce
        self._params = [p for p in module.parameters() if p.requires_grad]
        self._ready = 0
        self._start_equal()
        for parameter in self._params:
            parameter.register_post_accumulate_grad_hook(self._on_gradient)

    def _start_equal(self) -> None:
        """Replace all weights by rank 0's: a sum to which the others add zeros."""
        for parameter in self._params:
            weights = parameter.detach().view(-1)
            if self.wire.rank:
                weights.zero_()
            self.all_reduce(weights, self.wire)

    def _on_gradient(self, parameter: nn.Parameter) -> None:
        self._ready += 1
        if self._ready == len(self._params):
            self._ready = 0
            gradients = [p.grad for p in self._params]
            all_reduce_mean(gradients, self.wire, self.all_reduce)

    def forward(self, *args: object, **kwargs: object) -> Tensor:
        """Call the model."""
        if self._ready:
            raise RuntimeError(
                f"{len(self._params) - self._ready} parameters got no gradient, so "
                "nothing was averaged: does the loss use every parameter?"
            )
        return self.module(*args, **kwargs)


def torch_all_reduce(vector: Tensor, wire: Wire) -> None:
    """Add up with torch's own all-reduce, in place."""
    dist.all_reduce(vector)


class Way(NamedTuple):
    """How one way to average did.

    Units:   difference from one process's gradient, in parts of its largest entry;
             sent_bytes by this rank and wire_seconds: None where nobody could count.
    """

    name: str
    difference: float
    seconds: float
    sent_bytes: int | None
    wire_seconds: float | None


def gradient_vector(model: nn.Module, batch: Batch, loss_fn: LossFunction) -> Tensor:
    """Run forward and backward and return all gradients as one vector."""
    model.zero_grad(set_to_none=True)
    loss_fn(model, batch).backward()
    return torch.cat([p.grad.flatten() for p in model.parameters()])


def compare_gradients(model: nn.Module, whole: Batch, wire: Wire) -> list[Way]:
    """Make one batch's gradient in every way, and measure each against one process's.

    The last way is wrong where ranks count different numbers of targets.
    """
    part = shard_batch(whole, wire.rank, wire.world_size)
    expected = gradient_vector(copy.deepcopy(model), whole, next_token_loss)
    scaled = global_mean(next_token_loss, ProcessWire())
    hand = partial(HandDataParallel, wire=wire)
    ways = {
        "gather to rank 0, by hand": partial(hand, all_reduce=gather_all_reduce),
        "ring, by hand": partial(hand, all_reduce=ring_all_reduce),
        "torch's all_reduce": partial(hand, all_reduce=torch_all_reduce),
        "torch's DistributedDataParallel": DistributedDataParallel,
        UNEQUAL: partial(hand, all_reduce=ring_all_reduce),
    }
    measured = []
    for name, wrap in ways.items():
        loss_fn = next_token_loss if name == UNEQUAL else scaled
        wrapped = wrap(copy.deepcopy(model))
        gradient_vector(wrapped, part, loss_fn)  # the first pass also sets things up
        dist.barrier()
        sent, waited, began = wire.sent_bytes, wire.seconds, time.perf_counter()
        found = gradient_vector(wrapped, part, loss_fn)
        seconds = time.perf_counter() - began
        counted = (wire.sent_bytes - sent or None, wire.seconds - waited or None)
        difference = ((found - expected).abs().max() / expected.abs().max()).item()
        measured.append(Way(name, max(everywhere(difference)), seconds, *counted))
    return measured


def compare_losses(
    model: Transformer,
    rows: Rows,
    batch_size: int,
    wire: Wire,
    *,
    steps: int,
    lr: float = 1e-3,
    matrices: str = "adamw",
    seed: int = 0,
) -> dict[str, list[float]]:
    """Run chapter 5's `train` alone, through the hand-written wrapper, and torch's.

    Units:   nats per counted token of the global batch, one number a step.
    """
    mine = RankRows(rows, wire.rank, wire.world_size)
    scaled = global_mean(next_token_loss, ProcessWire())
    ways = {
        "one process": (lambda model: model, rows, next_token_loss),
        "ring, by hand": (partial(HandDataParallel, wire=wire), mine, scaled),
        "torch's wrapper": (DistributedDataParallel, mine, scaled),
    }
    losses = {}
    for name, (wrap, data, loss_fn) in ways.items():
        inner = copy.deepcopy(model)
        steps_taken = train(
            wrap(inner),
            BatchStream(data, batch_size, seed),
            build_optimizer(inner, lr=lr, weight_decay=0.05, matrices=matrices),
            lr_at=lambda step: lr,
            steps=steps,
            loss_fn=loss_fn,
        )
        shares = torch.tensor([s.loss for s in steps_taken], dtype=torch.float64)
        all_reduce_mean([shares], ProcessWire())
        losses[name] = shares.tolist()
    return losses


class SentenceRows:
    """Sentences of storyworld as bytes, one a row, padded with what is not counted.

    Sentences differ in length, so ranks count different numbers of targets. The token
    256 stands before and behind each sentence.
    """

    vocab_size = 257

    def __init__(self, n_stories: int, context_length: int, seed: int = 0) -> None:
        stories = storyworld.generate(n_stories, seed, "train")
        texts = [part for s in stories for part in re.split(r"(?<=[.!?])\s+", s.text)]
        self.sentences = [text.encode()[:context_length] for text in texts if text]
        self.context_length = context_length

    def __len__(self) -> int:
        return len(self.sentences)

    def rows(self, indices: Sequence[int]) -> tuple[np.ndarray, ...]:
        """Return tokens and targets of some sentences, int64."""
        tokens = np.full((len(indices), self.context_length + 1), 256)
        targets = np.full((len(indices), self.context_length), IGNORE)
        for row, index in enumerate(indices):
            sentence = np.frombuffer(self.sentences[index], dtype=np.uint8)
            tokens[row, 1 : len(sentence) + 1] = sentence
            counted = min(len(sentence) + 1, self.context_length)
            targets[row, :counted] = tokens[row, 1 : counted + 1]
        return tokens[:, :-1].copy(), targets


def model_and_rows(args: argparse.Namespace, wire: Wire) -> tuple[Transformer, Rows]:
    """Make the model and the data that the command line asks for.

    Raises:  ValueError if the numbers do not fit or files are missing.
    """
    rows_of_rank(args.batch_size, wire.rank, wire.world_size)
    if args.steps < 0 or args.context_length < 1:
        raise ValueError(
            f"--steps is {args.steps} and --context-length {args.context_length}; "
            "steps must not be negative and the context must hold a token"
        )
    if (args.data is None) != (args.tokenizer is None):
        raise ValueError("--data and --tokenizer belong together; give both or neither")
    if args.data is None:
        rows = SentenceRows(20, args.context_length, args.seed)
        vocab_size = rows.vocab_size
    else:
        tokenizer = Tokenizer.load(args.tokenizer)
        shard = TokenShard.open(args.data, tokenizer)
        end, vocab_size = tokenizer.end_of_text_id, tokenizer.vocab_size
        rows = PackedRows(shard, args.context_length, end, args.seed, tightest)
    torch.manual_seed(args.seed)
    config = ModelConfig(
        vocab_size=vocab_size,
        context_length=args.context_length,
        d_model=args.d_model,
        n_layers=args.n_layers,
        d_ff=3 * args.d_model,
    )
    return Transformer(config), rows


def compare_all(
    args: argparse.Namespace, model: Transformer, rows: Rows, wire: Wire
) -> dict:
    """Compare gradients, then losses, and return what was found as plain values."""
    options = {"seed": args.seed, "steps": args.steps, "matrices": args.optimizer}
    drawn = next(BatchStream(rows, args.batch_size, args.seed))
    # The hard case: rank 0 gets the rows with the fewest counted targets.
    order = (drawn.targets != IGNORE).sum(1).argsort()
    whole = Batch(drawn.tokens[order], drawn.targets[order])
    ways = compare_gradients(model, whole, wire)
    counts = (whole.targets != IGNORE).sum(1).view(wire.world_size, -1).sum(1)
    n_params = model.config.n_params()
    return {
        "processes": wire.world_size,
        "parameters": n_params,
        "counted_targets": counts.tolist(),
        "ring_bytes": ring_bytes(4 * n_params, wire.world_size),
        "gradients": [way._asdict() for way in ways],
        "losses": compare_losses(model, rows, args.batch_size, wire, **options),
    }


def print_comparison(found: dict) -> None:
    """Print what was measured as two tables."""
    print(f"{found['processes']} processes, {found['parameters']:,} parameters")
    print("counted targets of each rank:", *found["counted_targets"])
    heads = ("gradient made by", "difference", "bytes sent", "ms", "on the wire")
    print("\n{:<36}{:>11}{:>13}{:>8}{:>13}".format(*heads))
    for name, difference, seconds, sent, wired in map(dict.values, found["gradients"]):
        sent_text = "-" if sent is None else f"{sent:,}"
        wired_text = "-" if wired is None else f"{1e3 * wired:.1f}"
        print(f"{name:<36}{difference:>11.1e}{sent_text:>13}", end="")
        print(f"{1e3 * seconds:>8.1f}{wired_text:>13}")
    print(f"2 (n - 1) / n of the gradient is {found['ring_bytes']:,.0f} bytes\n")
    print("step", *(f"{name:>16}" for name in found["losses"]))
    for step, losses in enumerate(zip(*found["losses"].values(), strict=True), 1):
        print(f"{step:>4}", *(f"{loss:>16.6f}" for loss in losses))


def check_comparison(found: dict) -> None:
    """Hold the measured values against one process's.

    Raises:  ArithmeticError that says which way failed, and by how much.
    """
    for way in found["gradients"]:
        if way["name"] != UNEQUAL and not way["difference"] <= TOLERANCE:
            raise ArithmeticError(
                f"{way['name']}: the gradient differs from one process's by "
                f"{way['difference']:.1e} of its largest entry; {TOLERANCE:.0e} is "
                "what another order of adding explains"
            )
    for name, losses in found["losses"].items():
        gaps = np.subtract(losses, found["losses"]["one process"])
        gap = np.abs(gaps).max(initial=0)
        if not gap <= LOSS_TOLERANCE:
            raise ArithmeticError(
                f"{name}: a loss differs from one process's by {gap:.1e} nats per token"
            )


def main(argv: list[str] | None = None) -> int:
    """Take the same training step on one process and on all, and compare."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", help="a token shard; without it, bytes of stories")
    parser.add_argument("--tokenizer", help="the folder of the shard's tokenizer")
    parser.add_argument("--batch-size", type=int, default=16, help="rows, all ranks")
    parser.add_argument("--context-length", type=int, default=64, help="tokens a row")
    parser.add_argument("--d-model", type=int, default=64, help="width")
    parser.add_argument("--n-layers", type=int, default=2)
    parser.add_argument("--steps", type=int, default=5, help="optimizer steps")
    parser.add_argument("--optimizer", choices=("adamw", "muon"), default="adamw")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", help="a JSON file for the measured values")
    args = parser.parse_args(argv)
    with process_group() as wire:
        built, found = [], {}
        if status := run_together(
            lambda: built.extend(model_and_rows(args, wire)), wire
        ):
            return status
        if status := run_command(lambda: found.update(compare_all(args, *built, wire))):
            return status

        def report() -> None:
            if wire.rank == 0:
                print_comparison(found)
                if args.out:
                    write_json(args.out, found)
            check_comparison(found)

        return run_together(report, wire)


if __name__ == "__main__":
    raise SystemExit(main())
