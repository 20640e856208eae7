"""Tensors in files: one file or several with an index, read one tensor at a time.

A safetensors file is 8 bytes that say how long its header is, the header (JSON: each
tensor's dtype, shape and place), and the numbers, one tensor behind the other. Nothing
in it can be run, unlike a pickle. Where a model takes several files, a JSON index says
which tensor lies in which of them.

A file is mapped into memory, not read: the system fetches the pages that are touched.
They count as memory in use until the map is given up, so each tensor gets a map of its
own, which ends when the tensor is no longer needed.
"""

import argparse
import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ch01_data.files import atomic_path, run_command, write_json

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
SHARD = "model-{:05d}-of-{:05d}.safetensors"
NO_PICKLES = (
    "weights are read from safetensors files only (a pickle, such as "
    "pytorch_model.bin, can run anything)"
)


class TensorFiles:
    """The tensors of a model folder; `places` says in which file each of them lies.

    Raises:  ValueError that names what is missing, damaged, or in the wrong place.
    """

    def __init__(self, dir: Path) -> None:
        whole, index = dir / WEIGHTS, dir / INDEX
        if whole.exists() and index.exists():
            raise ValueError(
                f"{dir} holds both {WEIGHTS} and {INDEX}; remove the one that is old"
            )
        if index.exists():
            self.places = read_index(index)
        else:
            self.places = dict.fromkeys(tensor_names(whole), whole)

    def read(self, name: str) -> Tensor:
        """Map one tensor; its memory is given back with the last reference to it.

        Raises:  ValueError if the file has been damaged meanwhile.
        """
        path = self.places[name]
        try:
            with safe_open(path, framework="pt") as file:
                return file.get_tensor(name)
        except (SafetensorError, OSError) as error:
            raise ValueError(f"{path} is damaged ({error}); make it anew") from error


def tensor_names(path: Path) -> list[str]:
    """List the tensors of one file.

    Raises:  ValueError if it is missing, or damaged (and which tensor is cut off).
    """
    if not path.is_file():
        raise ValueError(f"{path} is missing; {NO_PICKLES}")
    try:
        with safe_open(path, framework="pt") as file:
            return list(file.keys())
    except (SafetensorError, OSError) as error:
        cut = first_cut_tensor(path)
        why = f"it ends within the tensor {cut}" if cut else str(error)
        raise ValueError(f"{path} is damaged ({why}); make it anew") from error


def first_cut_tensor(path: Path) -> str | None:
    """Name the first tensor whose numbers end after the file does."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        there = os.fstat(file.fileno()).st_size - 8 - length
        if there < 0:
            return None
        try:
            header = json.loads(file.read(length))
            header.pop("__metadata__", None)
            ends = {name: entry["data_offsets"][1] for name, entry in header.items()}
            cut = [name for name in ends if ends[name] > there]
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            return None
    return min(cut, key=ends.__getitem__, default=None)


def read_index(path: Path) -> dict[str, Path]:
    """Read which tensor lies in which file, and see that it is so.

    Raises:  ValueError that names the damaged file and a tensor that should lie in it,
             or the misplaced tensor.
    """
    try:
        places = json.loads(path.read_text(encoding="utf-8"))["weight_map"]
        places = {name: path.parent / _shard_name(places[name]) for name in places}
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise ValueError(f"{path} is damaged ({error}); make it anew") from error
    held = {shard: _held(shard, places) for shard in sorted(set(places.values()))}
    for name, shard in places.items():
        if name not in held[shard]:
            others = [other.name for other in held if name in held[other]]
            where = f"in {others[0]}" if others else "in no file"
            raise ValueError(
                f"{path}: the tensor {name} should lie in {shard.name}, but it is "
                f"{where}"
            )
    for shard, names in held.items():
        for name in names:
            if places.get(name) != shard:
                raise ValueError(
                    f"{path}: the tensor {name} lies in {shard.name}, which the index "
                    "does not say"
                )
    return places


def _held(shard: Path, places: Mapping[str, Path]) -> list[str]:
    """List the tensors of a shard; if there are none to list, say which are lost.

    A file that ends within its header cannot say so itself: the index can.
    """
    try:
        return tensor_names(shard)
    except ValueError as error:
        first, *others = [name for name, place in places.items() if place == shard]
        more = f" and {len(others)} more" if others else ""
        raise ValueError(
            f"{error}; the index puts the tensor {first}{more} into this file"
        ) from error


def _shard_name(name: object) -> str:
    """Refuse what is no plain name of a safetensors file in the same folder."""
    if not isinstance(name, str) or Path(name).name != name:
        raise ValueError(f"{name!r} is no name of a file in this folder")
    if not name.endswith(".safetensors"):
        raise ValueError(f"{name!r}: {NO_PICKLES}")
    return name


def split_sizes(
    sizes: Mapping[str, int], max_shard_bytes: int | None
) -> list[list[str]]:
    """Share tensors out over files in their order; a larger one has a file alone.

    With a limit of 5, sizes of 2, 2, 3, 7 and 1 make [2, 2], [3], [7] and [1].

    Raises:  ValueError if the limit is not positive.
    """
    if max_shard_bytes is not None and max_shard_bytes < 1:
        raise ValueError(f"max_shard_bytes is {max_shard_bytes}; it must be positive")
    shards: list[list[str]] = [[]]
    used = 0
    for name, size in sizes.items():
        if shards[-1] and max_shard_bytes and used + size > max_shard_bytes:
            shards.append([])
            used = 0
        shards[-1].append(name)
        used += size
    return shards


def write_tensors(
    dir: Path,
    sizes: Mapping[str, int],
    make: Callable[[str], Tensor],
    max_shard_bytes: int | None = None,
) -> None:
    """Write the tensors that `make` returns, one file's worth at a time.

    Each file is whole or absent; what older, larger models left is removed.

    Units:   `sizes` and `max_shard_bytes` in bytes.
    Raises:  ValueError if the folder cannot be written.
    """
    shards = split_sizes(sizes, max_shard_bytes)
    files = [SHARD.format(i + 1, len(shards)) for i in range(len(shards))]
    files = files if len(shards) > 1 else [WEIGHTS]
    for file, names in zip(files, shards, strict=True):
        with atomic_path(dir / file) as temporary:
            tensors = {name: make(name) for name in names}
            save_file(tensors, temporary, metadata={"format": "pt"})
            del tensors
    places = {name: file for file, names in zip(files, shards) for name in names}
    if len(shards) > 1:
        total = {"total_size": sum(sizes.values())}
        write_json(dir / INDEX, {"metadata": total, "weight_map": places})
    remove_others(dir, {*files, INDEX} if len(shards) > 1 else set(files))


def remove_others(dir: Path, kept: set[str]) -> None:
    """Remove weights that an earlier save left in a folder and that are not `kept`."""
    mine = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?")
    for path in dir.iterdir():
        if mine.fullmatch(path.name) and path.name not in kept:
            path.unlink()


def main(argv: list[str] | None = None) -> int:
    """List the tensors of a model folder and the file that each lies in."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", default="runs/default/model", help="model folder")
    args = parser.parse_args(argv)

    def show() -> None:
        for name, path in TensorFiles(Path(args.model)).places.items():
            print(f"{name:<56}{path.name}")

    return run_command(show)


if __name__ == "__main__":
    raise SystemExit(main())
