"""What this machine can do, measured: the one place where such choices are made."""

import shutil
import time
from dataclasses import dataclass
from functools import cache

import torch

from ch01_data.measured import processor_name


@dataclass(frozen=True)
class Machine:
    """Cores, processor name, and matmul rates in GFLOP/s."""

    cores: int
    processor: str
    gflops_fp32: float
    gflops_bf16: float


def matmul_gflops(dtype: torch.dtype, size: int = 1024, seconds: float = 0.15) -> float:
    """Time square matrix products.

    Units:   10^9 floating-point operations a second (2 size^3 a product).
    """
    a, b = torch.ones(size, size, dtype=dtype), torch.ones(size, size, dtype=dtype)
    torch.mm(a, b)
    count, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        torch.mm(a, b)
        count += 1
    return 2 * size**3 * count / elapsed / 1e9


@cache
def measure_machine() -> Machine:
    """Measure once a process."""
    return Machine(
        cores=torch.get_num_threads(),
        processor=processor_name(),
        gflops_fp32=round(matmul_gflops(torch.float32), 1),
        gflops_bf16=round(matmul_gflops(torch.bfloat16), 1),
    )


def choose_precision(precision: str = "auto") -> torch.dtype:
    """Return the dtype of matrix products: bf16 where it is measured to be faster.

    Raises:  ValueError if `precision` is not auto, fp32 or bf16.
    """
    named = {"fp32": torch.float32, "bf16": torch.bfloat16}
    if precision in named:
        return named[precision]
    if precision != "auto":
        raise ValueError(f"precision is {precision!r}; choose auto, fp32 or bf16")
    machine = measure_machine()
    faster = machine.gflops_bf16 > 1.5 * machine.gflops_fp32
    return torch.bfloat16 if faster else torch.float32


def has_compiler() -> bool:
    """Say whether torch.compile finds a C++ compiler that it can use.

    The paths of PyTorch's own libraries reach the linker without quotation marks: where
    they hold a space, nothing can be compiled.
    """
    if any(map(str.isspace, torch.__file__)):
        return False
    return any(shutil.which(name) for name in ("g++", "clang++", "cl"))
