"""Measure what attention costs as the text grows longer: plain, in tiles, and fused.

Memory is that of a forward and a backward pass in a process of its own, above what the
same process holds when it has its inputs and has done the same once with 16 tokens.
Time is that of one pass, the three in turns in one process.

    python -m ch03_attention.flash_memory     writes results/flash_memory.json
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from ch01_data.files import run_command
from ch01_data.measured import command_of, machine, spread, write_result
from ch02_tokenization.measuring import ratios, run_watched, take_turns
from ch03_attention.attention import causal_mask, scaled_dot_product_attention
from ch03_attention.flash import flash_attention

N_HEADS, D_HEAD = 2, 64  # the book's own small model
TOKENS = (256, 512, 1024, 2048, 4096)
SEEDS = (0, 1, 2)
RESULTS = Path(__file__).parent / "results"


def plain_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attend causally with all scores at once.

    Shape:   q (B, H, T, Dh), k and v (B, K, S, Dh)  ->  (B, H, T, Dh).
    """
    mask = causal_mask(q.shape[2], k.shape[2])
    return scaled_dot_product_attention(q, k, v, mask)


KINDS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "plain": plain_attention,
    "flash": flash_attention,
    "fused": partial(F.scaled_dot_product_attention, is_causal=True),
}


def inputs(n_tokens: int, seed: int = 0) -> list[Tensor]:
    """Return random queries, keys and values that want gradients."""
    generator = torch.Generator().manual_seed(seed)
    shape = (1, N_HEADS, n_tokens, D_HEAD)
    drawn = [torch.randn(shape, generator=generator) for _ in range(3)]
    return [x.requires_grad_() for x in drawn]


def one_pass(kind: str, qkv: Sequence[Tensor]) -> None:
    """Go forward and backward once, and forget the gradients."""
    KINDS[kind](*qkv).sum().backward()
    for x in qkv:
        x.grad = None


def attend_for(kind: str, n_tokens: int, seconds: float) -> None:
    """Be the process that is watched; with no seconds, do not attend at all."""
    one_pass(kind, inputs(16))  # libraries wake up and take what they always take
    qkv = inputs(n_tokens)
    end = time.monotonic() + seconds
    if not seconds:
        time.sleep(0.1)
    while time.monotonic() < end:
        one_pass(kind, qkv)


def peaks_above_inputs(
    n_tokens: int, kinds: Sequence[str] = tuple(KINDS), seconds: float = 0.5
) -> dict[str, int]:
    """Return what each kind holds at most beyond its inputs, in a process of its own.

    Units:   bytes.
    """
    module = [sys.executable, "-m", "ch03_attention.flash_memory"]
    peaks = {}
    for kind, busy in (("plain", 0.0), *((kind, seconds) for kind in kinds)):
        options = ["--kind", kind, "--tokens", str(n_tokens), "--seconds", str(busy)]
        _, peaks[kind, busy] = run_watched([*module, *options])
    return {kind: peaks[kind, seconds] - peaks["plain", 0.0] for kind in kinds}


def measure_attention(
    tokens: Sequence[int] = TOKENS, seeds: Sequence[int] = SEEDS
) -> dict:
    """Measure memory and time of the three for every length."""
    memory: dict[str, list[dict]] = {kind: [] for kind in KINDS}
    seconds: dict[str, list[dict]] = {kind: [] for kind in KINDS}
    for n_tokens in tqdm(tokens, desc="tokens"):
        peaks = [peaks_above_inputs(n_tokens) for _ in seeds]
        qkv = inputs(n_tokens)
        tasks = [partial(one_pass, kind, qkv) for kind in KINDS]
        take_turns(seeds[:1], *tasks)  # the first pass of all is slower
        times = dict(zip(KINDS, take_turns(seeds, *tasks)[0], strict=True))
        for kind in KINDS:
            memory[kind].append(spread([found[kind] for found in peaks]))
            seconds[kind].append(spread(times[kind]))
    plain = memory["plain"][-1]["values"]
    return {
        "shape": {"batch": 1, "heads": N_HEADS, "width": D_HEAD},
        "block_size": 64,
        "threads": torch.get_num_threads(),
        "tokens": list(tokens),
        "memory_bytes": memory,
        "seconds": seconds,
        "memory_plain_over_flash_at_the_longest": spread(
            ratios(plain, memory["flash"][-1]["values"])
        ),
        "time_flash_over_plain": over(seconds, "plain"),
        "time_flash_over_fused": over(seconds, "fused"),
    }


def over(seconds: dict[str, list[dict]], kind: str) -> list[dict]:
    """Divide the time of the tiles by that of another kind, turn by turn."""
    pairs = zip(seconds["flash"], seconds[kind], strict=True)
    return [spread(ratios(a["values"], b["values"])) for a, b in pairs]


def main(argv: list[str] | None = None) -> int:
    """Measure memory and time of attention, and write results/flash_memory.json."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", default=str(RESULTS), help="folder for the result")
    parser.add_argument("--longest", type=int, default=TOKENS[-1], help="most tokens")
    one = parser.add_argument_group("one process that attends and says nothing")
    one.add_argument("--kind", choices=KINDS)
    one.add_argument("--tokens", type=int, default=TOKENS[-1])
    one.add_argument("--seconds", type=float, default=0.5, help="0: inputs alone")
    args = parser.parse_args(argv)

    def run() -> None:
        if args.kind:
            return attend_for(args.kind, args.tokens, args.seconds)
        tokens = [n for n in TOKENS if n <= args.longest]
        if not tokens:
            raise ValueError(f"--longest is {args.longest}; {TOKENS[0]} is the least")
        begun_on = machine()
        command = command_of("ch03_attention.flash_memory", argv)
        path = Path(args.out) / "flash_memory.json"
        found = measure_attention(tokens)
        what = "Memory and time of attention, forward and backward, by length."
        write_result(path, what, command, found, seeds=SEEDS, begun_on=begun_on)
        ratio = found["memory_plain_over_flash_at_the_longest"]["mean"]
        print(f"{path}: plain takes {ratio:.1f} times the memory at {tokens[-1]:,}")

    return run_command(run)


if __name__ == "__main__":
    raise SystemExit(main())
