"""Measured figures, kept with all that is needed to get them again.

A figure without its command, its machine and its spread is a rumour. Every measurement
of this chapter ends in `results/NAME.json` in this folder:

    what, command, seeds      what was done, and what to type to do it again
    machine, load             where, and how busy it was with other work meanwhile
    commit                    of which source code, with a plus if it was changed since
    results                   the figures; repeated ones as mean, min, max and each
"""

import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

from ch01_data.engine import usable_cores
from ch01_data.files import write_json

PLACES = ("--out", "--work")
RESULTS = Path(__file__).parent / "results"


def spread(values: Sequence[float]) -> dict:
    """Summarise repeated measurements: mean, least, greatest, and each."""
    return {
        "mean": statistics.fmean(values),
        "min": min(values),
        "max": max(values),
        "values": list(values),
    }


def machine() -> dict:
    """Describe this machine.

    Units:  memory in bytes; load is how many processes wanted a core in the last
            minute, these here included.
    """
    return {
        "cores": usable_cores(),
        "processor": processor_name(),
        "memory_bytes": psutil.virtual_memory().total,
        "python": platform.python_version(),
        "load": round(psutil.getloadavg()[0], 2),
    }


def processor_name() -> str:
    """Return the processor's model name, as the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def commit() -> str:
    """Return the commit of the modules, with a plus if one was changed since."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        head = subprocess.check_output(
            [*git, "rev-parse", "--short", "HEAD"], text=True, stderr=subprocess.DEVNULL
        )
        status = [*git, "status", "--porcelain", "--", ":/*.py"]
        dirty = subprocess.check_output(status, text=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.strip() + ("+" if dirty.strip() else "")


def command_of(module: str, argv: Sequence[str] | None) -> str:
    """Return what was typed to run a module; `argv` None: it was typed just now.

    Folders for the result and for working files change no figure and are left out.
    """
    words = iter(sys.argv[1:] if argv is None else argv)
    kept = [word for word in words if word not in PLACES or not next(words, None)]
    return " ".join([f"python -m {module}", *kept])


def write_result(
    path: str | os.PathLike,
    what: str,
    command: str,
    results: object,
    *,
    seeds: Sequence[int] = (0,),
    begun_on: dict | None = None,
) -> None:
    """Write figures with what is needed to get them again.

    `begun_on` is `machine()` as it was before the measurement, which is itself a load.
    """
    record = {
        "what": what,
        "command": command,
        "seeds": list(seeds),
        "machine": begun_on or machine(),
        "commit": commit(),
        "results": results,
    }
    write_json(path, record)
