"""What it takes to open a checkpoint: the peak of memory, and the time.

The peak is measured in a process of its own, above what it had before: the process asks
the system for the most memory that it ever had in use (its resident set), and lets it
forget what came before. Pages of a mapped file count as long as they are mapped.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ch01_data.files import run_command
from ch04_transformer.pretrained import DTYPES, load_pretrained
from ch04_transformer.transformer import Transformer

T = TypeVar("T")
STATUS, FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def memory_of_this_process(field: str) -> int:
    """Read the process's memory in use now (VmRSS) or at most so far (VmHWM).

    Where there is no such file (macOS), the most so far stands for both.

    Units:   bytes.
    """
    if STATUS.exists():
        lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
        return int(lines[field].split()[0]) * 1024
    import resource  # there is none on Windows

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def peak_above_start(action: Callable[[], T]) -> tuple[T, int]:
    """Run something; return its result and the most memory it took above the start.

    Units:   bytes.
    """
    if FORGET.exists():
        FORGET.write_text("5")
    before = memory_of_this_process("VmRSS")
    result = action()
    return result, memory_of_this_process("VmHWM") - before


def weight_bytes(model: Transformer) -> int:
    """Return how much memory a model's parameters take."""
    return sum(p.numel() * p.element_size() for p in model.parameters())


def measure_opening(dir: str | Path, dtype: str | None = "float32") -> dict:
    """Open a folder and say what that took; the ratio is peak memory to weights.

    Units:   bytes, seconds.
    """
    start = time.perf_counter()
    model, peak = peak_above_start(lambda: load_pretrained(dir, DTYPES.get(dtype)))
    seconds, weights = time.perf_counter() - start, weight_bytes(model)
    return {
        "seconds": round(seconds, 3),
        "weight_bytes": weights,
        "peak_bytes": peak,
        "ratio": round(peak / weights, 3),
    }


def main(argv: list[str] | None = None) -> int:
    """Open a model folder and print what that took, as JSON."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", default="runs/default/model", help="model folder")
    parser.add_argument("--dtype", choices=DTYPES, help="as the file has it, if absent")
    args = parser.parse_args(argv)

    def show() -> None:
        print(json.dumps(measure_opening(args.model, args.dtype)))

    return run_command(show)


if __name__ == "__main__":
    raise SystemExit(main())
