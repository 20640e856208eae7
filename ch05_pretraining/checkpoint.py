"""Checkpoints: all that a run needs to go on as if nothing had happened.

A checkpoint is a folder `step-000123/` with the weights, the optimizer's state, and a
`state.json` that holds everything else and the checksums of the first two. It is
written beside its final name and renamed, so a folder of that name is always whole.
"""

import json
import os
import shutil
import sys
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ch01_data.files import sha256, write_json

WEIGHTS, OPTIMIZER, STATE = "model.safetensors", "optimizer.safetensors", "state.json"


def flatten_state(state: dict, prefix: str = "") -> tuple[dict[str, Tensor], dict]:
    """Split a nested state into named tensors and plain values, for two files."""
    tensors, values = {}, {}
    for key, value in state.items():
        name = f"{prefix}{key}"
        if isinstance(value, Tensor):
            tensors[name] = value.contiguous()
        elif isinstance(value, dict) and value:
            inner_tensors, inner_values = flatten_state(value, f"{name}/")
            tensors |= inner_tensors
            values |= inner_values
        else:
            values[name] = value
    return tensors, values


def unflatten_state(flat: dict) -> dict:
    """Undo flatten_state; keys that are numbers become numbers again."""
    nested: dict = {}
    for name, value in flat.items():
        *path, last = [int(k) if k.isdigit() else k for k in name.split("/")]
        place = nested
        for key in path:
            place = place.setdefault(key, {})
        place[last] = value
    return nested


def checkpoints(out: str | Path) -> list[Path]:
    """List the checkpoint folders of a run, the oldest first."""
    folders = [p for p in Path(out).glob("step-*") if p.name[5:].isdigit()]
    return sorted(folders, key=lambda path: int(path.name[5:]))


def save_checkpoint(
    out: str | Path,
    step: int,
    model: nn.Module,
    optimizer: object | None = None,
    state: dict | None = None,
    keep: int = 2,
) -> Path:
    """Write the folder `step-<step>` and remove all but the newest `keep`.

    Folders of later steps go too: a run that stepped back over damaged ones will
    write them again.

    Raises:  ValueError if `out` cannot be written.
    """
    out = Path(out)
    final, temporary = out / f"step-{step:06d}", out / f".step-{step:06d}.tmp"
    try:
        for stale in out.glob(".step-*.tmp"):
            shutil.rmtree(stale)
        temporary.mkdir(parents=True)
        _write(temporary, step, model, optimizer, state or {})
        shutil.rmtree(final, ignore_errors=True)
        os.replace(temporary, final)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(
            f"cannot write {out}: {reason}; name a folder that you may write to"
        ) from error
    found = checkpoints(out)
    kept = found[: found.index(final) + 1][-keep:]
    for old in set(found) - set(kept):
        shutil.rmtree(old)
    return final


def _write(
    folder: Path, step: int, model: nn.Module, optimizer: object | None, state: dict
) -> None:
    """Write the three files, the one with the checksums last."""
    optimizer_state = optimizer.state_dict() if optimizer is not None else {}
    tensors, values = flatten_state(optimizer_state)
    tensors["random_state"] = torch.get_rng_state()
    weights = {k: v.contiguous() for k, v in model.state_dict().items()}
    save_file(weights, folder / WEIGHTS)
    save_file(tensors, folder / OPTIMIZER)
    sums = {name: sha256(folder / name) for name in (WEIGHTS, OPTIMIZER)}
    record = {"step": step, **state, "optimizer": values, "sha256": sums}
    write_json(folder / STATE, record)


def read_state(path: str | Path) -> dict:
    """Return a checkpoint's state.json after checking every file against its sum.

    Raises:  ValueError that names the missing or damaged file.
    """
    path = Path(path)
    try:
        state = json.loads((path / STATE).read_text())
        sums = {name: state["sha256"][name] for name in (WEIGHTS, OPTIMIZER)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is no whole checkpoint ({STATE} missing or unreadable); "
            "use an earlier one"
        ) from error
    for name, expected in sums.items():
        if not (path / name).exists() or sha256(path / name) != expected:
            raise ValueError(
                f"{path / name} is missing or damaged (its checksum differs); "
                "use an earlier checkpoint"
            )
    return state


def latest_checkpoint(out: str | Path) -> Path | None:
    """Return the newest whole checkpoint, stepping back over damaged ones.

    Raises:  ValueError if there are checkpoints and all are damaged.
    """
    found, damaged = checkpoints(out), []
    for path in reversed(found):
        try:
            read_state(path)
        except ValueError as error:
            damaged.append(f"warning: {error}\n")
            continue
        sys.stderr.write("".join(damaged))
        return path
    if found:
        raise ValueError(
            f"every checkpoint in {out} is damaged; remove the folder to start anew"
        )
    return None


def load_checkpoint(
    path: str | Path, model: nn.Module, optimizer: object | None = None
) -> dict:
    """Load weights, and with an optimizer its state and the random state too.

    Raises:  ValueError if a file is missing or damaged.
    """
    path, state = Path(path), read_state(path)
    model.load_state_dict(load_file(path / WEIGHTS))
    if optimizer is not None:
        tensors = load_file(path / OPTIMIZER)
        torch.set_rng_state(tensors.pop("random_state"))
        optimizer.load_state_dict(unflatten_state(tensors | state["optimizer"]))
    return state
