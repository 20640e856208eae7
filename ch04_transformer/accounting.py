"""The account of a model: what it holds, what a step costs, how long it will take.

Everything here is computed from a config, before anything is built. `counting` counts
parameters and operations, `memory` counts bytes; this module knows some published
shapes, turns operations into days, and prints the table.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from ch01_data.files import run_command
from ch04_transformer.counting import (
    count_parameters,
    generation_flops,
    rule_of_six,
    training_flops,
)
from ch04_transformer.memory import (
    OPTIMIZERS,
    PRECISIONS,
    Workload,
    cache_bytes,
    count_activations,
    training_memory,
)
from ch04_transformer.pretrained import read_config
from ch04_transformer.transformer import ModelConfig

DAY = 24 * 3600
# What this book trains by default, and four that everybody can download.
SHAPES = {
    "default": dict(
        vocab_size=3072, context_length=384, d_model=128, n_layers=4, n_heads=2,
        d_ff=352,
    ),
    "smollm2-135m": dict(
        vocab_size=49_152, context_length=8192, d_model=576, n_layers=30, n_heads=9,
        n_kv_heads=3, d_ff=1536, norm_eps=1e-5, rope_theta=100_000.0,
    ),
    "qwen3-0.6b": dict(
        vocab_size=151_936, context_length=40_960, d_model=1024, n_layers=28,
        n_heads=16, n_kv_heads=8, d_head=128, d_ff=3072, rope_theta=1_000_000.0,
        qk_norm=True,
    ),
    "mistral-7b": dict(
        vocab_size=32_000, context_length=32_768, d_model=4096, n_layers=32, n_heads=32,
        n_kv_heads=8, d_ff=14_336, norm_eps=1e-5, sliding_window=4096,
        tie_embeddings=False,
    ),
    "llama-3-8b": dict(
        vocab_size=128_256, context_length=8192, d_model=4096, n_layers=32, n_heads=32,
        n_kv_heads=8, d_ff=14_336, norm_eps=1e-5, rope_theta=500_000.0,
        tie_embeddings=False,
    ),
}  # fmt: skip


def known_shape(name: str) -> ModelConfig:
    """Return the config of a shape by its name.

    Raises:  ValueError if there is none of that name.
    """
    if name not in SHAPES:
        known = ", ".join(SHAPES)
        raise ValueError(f"there is no shape {name!r}; choose one of {known}")
    return ModelConfig(**SHAPES[name])


def config_from_file(path: str | Path) -> ModelConfig:
    """Read a config from a JSON file of ModelConfig's own fields.

    Raises:  ValueError if the file is missing, damaged or names unknown fields.
    """
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"{path} is no JSON ({error})") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path} holds no named values, as a config must")
    return ModelConfig.from_dict(values)


def training_days(
    flops_per_token: float,
    n_tokens: float,
    flops_per_second: float,
    utilisation: float = 0.4,
) -> float:
    """Return how long a training run takes.

    `utilisation` is the share of the device's peak that becomes counted operations.

    Units:   days.
    Raises:  ValueError if a number is not positive or the utilisation is above 1.
    """
    if not (n_tokens > 0 and flops_per_token > 0):
        raise ValueError(
            f"{n_tokens} tokens of {flops_per_token} operations each; "
            "both must be positive"
        )
    if not (flops_per_second > 0 and 0 < utilisation <= 1):
        raise ValueError(
            f"{flops_per_second} operations a second at a utilisation of "
            f"{utilisation}; the rate must be positive and the share in (0, 1]"
        )
    return flops_per_token * n_tokens / (flops_per_second * utilisation) / DAY


def affordable_tokens(
    flops_per_token: float,
    days: float,
    flops_per_second: float,
    utilisation: float = 0.4,
) -> float:
    """Return how many tokens can be trained on in so many days.

    Raises:  ValueError as for `training_days`.
    """
    one = training_days(flops_per_token, 1, flops_per_second, utilisation)
    return days / one


def count_lines(config: ModelConfig, length: int) -> Iterator[str]:
    """Yield the lines on parameters and operations."""
    parameters = count_parameters(config)
    yield "parameters"
    yield from amounts(asdict(parameters) | {"total": parameters.total}, "{:,.0f}")
    step = training_flops(config, 1, length).times(1 / length)
    rows = asdict(step) | {"total": step.total}
    yield f"operations a token, training at T = {length:,} (MFLOP)"
    yield from amounts({name: part / 1e6 for name, part in rows.items()}, "{:,.3f}")
    causal = training_flops(config, 1, length, causal=True).total / length
    rows = {
        "allowed pairs only": causal,
        "6N": rule_of_six(config),
        "generation, S = T": generation_flops(config, length).total,
    }
    yield from amounts({name: part / 1e6 for name, part in rows.items()}, "{:,.3f}")


def memory_lines(config: ModelConfig, work: Workload, optimizer: str) -> Iterator[str]:
    """Yield the lines on memory."""
    memory = training_memory(config, work, optimizer)
    yield (
        f"training memory, B = {work.batch_size}, T = {work.length:,}, "
        f"{work.precision}, {optimizer} (MB)"
    )
    for name, size in asdict(memory).items():
        yield from amounts({name: size / 1e6}, "{:,.3f}")
        if name == "activations":
            parts = asdict(count_activations(config, work))
            rows = {f"  {part}": kept / 1e6 for part, kept in parts.items()}
            yield from amounts(rows, "{:,.3f}")
    rows = {"all at once": memory.total / 1e6, "estimated peak": memory.peak / 1e6}
    yield from amounts(rows, "{:,.3f}")
    width = PRECISIONS[work.precision]
    rows = {
        "a token": cache_bytes(config, 1, 1, width) / 1e6,
        "the batch": cache_bytes(config, work.batch_size, work.length, width) / 1e6,
    }
    yield f"cache for generation, {work.precision} (MB)"
    yield from amounts(rows, "{:,.3f}")


def amounts(rows: dict[str, float], form: str) -> Iterator[str]:
    """Yield a line for each name and number."""
    for name, number in rows.items():
        yield f"  {name.replace('_', ' '):<24}{form.format(number):>18}"


def time_lines(
    config: ModelConfig, length: int, args: argparse.Namespace
) -> Iterator[str]:
    """Yield the lines on how long training takes on one device."""
    each = training_flops(config, 1, length).total / length
    rate = args.gflops * 1e9, args.utilisation
    yield f"one device of {args.gflops:,.0f} GFLOP/s, {args.utilisation:.0%} of it used"
    rows = {
        "tokens a second": rate[0] * rate[1] / each,
        "million tokens a day": affordable_tokens(each, 1, *rate) / 1e6,
        f"days for {args.tokens:,.0f}": training_days(each, args.tokens, *rate),
    }
    yield from amounts(rows, "{:,.3f}")


def build_parser() -> argparse.ArgumentParser:
    """Describe the command's arguments."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--preset", default="default", help=", ".join(SHAPES))
    which.add_argument("--config", help="JSON file of ModelConfig's fields")
    which.add_argument("--model", help="model folder with a config.json")
    parser.add_argument("--batch-size", type=int, default=16, help="sequences")
    parser.add_argument("--length", type=int, help="tokens (default: the context)")
    parser.add_argument("--optimizer", default="adamw", choices=OPTIMIZERS)
    parser.add_argument("--precision", default="fp32", choices=PRECISIONS)
    parser.add_argument("--fused", action="store_true", help="PyTorch's attention")
    parser.add_argument("--packed", action="store_true", help="a mask for each row")
    parser.add_argument("--tokens", type=float, default=1e9, help="tokens to train on")
    parser.add_argument("--gflops", type=float, default=100.0, help="10^9 a second")
    parser.add_argument("--utilisation", type=float, default=0.4, help="share used")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Print what a model holds, costs and needs, without building it."""
    args = build_parser().parse_args(argv)

    def show() -> None:
        if args.model:
            config = read_config(Path(args.model) / "config.json")
        elif args.config:
            config = config_from_file(args.config)
        else:
            config = known_shape(args.preset)
        length = config.context_length if args.length is None else args.length
        work = Workload(
            args.batch_size, length, args.precision, args.fused, args.packed
        )
        lines = [  # all or none: nothing is printed before everything is checked
            *count_lines(config, length),
            *memory_lines(config, work, args.optimizer),
            *time_lines(config, length, args),
        ]
        print("\n".join(lines))

    return run_command(show)


if __name__ == "__main__":
    raise SystemExit(main())
