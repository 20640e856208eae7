"""Time tasks that take turns, watch the memory of a command, and write the figures.

A comparison is fair only if both sides meet the same machine. So tasks take turns, in
an order drawn anew for each seed, and a machine that grows busy or warm is the same for
both. A figure is worth something only if it can be had again: `record` puts beside the
values the command, the seeds, the hardware, the libraries and the commit.
"""

import random
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import psutil

from ch01_data.measured import commit, machine

MB = 1e6
ROOT = Path(__file__).resolve().parents[1]
LIBRARIES = ("numpy", "regex", "tiktoken", "tokenizers")
Task = Callable[[], object]


@dataclass(frozen=True)
class Line:
    """One measured thing: its figures in `unit`, and what was required of it."""

    name: str
    unit: str
    values: list[float]
    note: str = ""

    @property
    def median(self) -> float:
        """The median of the values."""
        return statistics.median(self.values)

    def __str__(self) -> str:
        spread = f"{min(self.values):.3g} to {max(self.values):.3g}"
        spread = f"({spread})" if len(self.values) > 1 else ""
        figures = f"{self.median:>8.3g} {self.unit:<5} {spread:<16}"
        return f"{self.name:<46} {figures} {self.note}".rstrip()

    def summary(self) -> dict:
        """Return the values and their spread; of a single value there is none."""
        summary: dict = {"unit": self.unit, "median": self.median}
        if len(self.values) > 1:
            summary["mean"] = statistics.fmean(self.values)
            summary |= {"min": min(self.values), "max": max(self.values)}
        return summary | {"values": self.values, "note": self.note}


def take_turns(
    seeds: Sequence[int], *tasks: Task
) -> tuple[list[list[float]], list[object]]:
    """Run all tasks once for each seed, in the order that it draws.

    Returns each task's seconds, in the order of the seeds, and its last result.

    Units:   seconds.
    """
    seconds: list[list[float]] = [[] for _ in tasks]
    results: list[object] = [None] * len(tasks)
    for seed in seeds:
        for i in random.Random(seed).sample(range(len(tasks)), len(tasks)):
            begin = time.perf_counter()
            results[i] = tasks[i]()
            seconds[i].append(time.perf_counter() - begin)
    return seconds, results


def ratios(ours: list[float], theirs: list[float]) -> list[float]:
    """Divide the figures of each turn, ours by theirs."""
    return [a / b for a, b in zip(ours, theirs, strict=True)]


def verdict(met: bool, rule: str) -> str:
    """Say whether a requirement is met."""
    return f"{rule}: {'met' if met else 'MISSED'}"


# ---------------------------------------------------------------- memory


def run_watched(command: Sequence[str], pause: float = 0.02) -> tuple[float, int]:
    """Run a command; return its seconds and the most memory it held, children included.

    Units:   seconds, bytes of resident memory, looked at every `pause` seconds.
    Raises:  ValueError if the command fails.
    """
    peak, begin = 0, time.perf_counter()
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, **streams) as child:
        watched = psutil.Process(child.pid)
        while child.poll() is None:
            peak = max(peak, resident_bytes(watched))
            time.sleep(pause)
        seconds = time.perf_counter() - begin
        said = child.stderr.read().decode("utf-8", "replace").strip()
    if child.returncode:
        last = said.splitlines()[-1:] or [f"exit status {child.returncode}"]
        raise ValueError(f"{' '.join(command)} failed: {last[0]}")
    return seconds, peak


def resident_bytes(process: psutil.Process) -> int:
    """Add up the memory of a process and of its children; 0 if it is gone."""
    try:
        family = [process, *process.children(recursive=True)]
        return sum(member.memory_info().rss for member in family)
    except psutil.Error:
        return 0


# ---------------------------------------------------------------- the results file


def describe_machine() -> dict:
    """Return the hardware and the versions of what is compared."""
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "absent"
    return machine() | {"versions": versions}


def record(
    what: str, command: str, seeds: Sequence[int], machine: dict, lines: Iterable[Line]
) -> dict:
    """Return the content of a results file: the lines by name, and how to get them."""
    return {
        "what": what,
        "command": command,
        "seeds": list(seeds),
        "machine": machine,
        "commit": commit(),
        "results": {line.name: line.summary() for line in lines},
    }
