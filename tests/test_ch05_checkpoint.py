"""Chapter 5: a checkpoint is whole or it is not there, and it holds everything."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from ch04_transformer.transformer import ModelConfig, Transformer
from ch05_pretraining import checkpoint
from ch05_pretraining.optimizers import build_optimizer

FILES = (checkpoint.WEIGHTS, checkpoint.OPTIMIZER, checkpoint.STATE)


class Killed(BaseException):
    """Stands for a signal: no handler of ordinary errors may catch it."""


def trained(steps: int, matrices: str = "muon") -> tuple[Transformer, object]:
    """Return a small model and its optimizer after some steps on random gradients."""
    torch.manual_seed(0)
    shape = dict(d_model=12, n_layers=2, n_heads=2, d_ff=20, context_length=8)
    model = Transformer(ModelConfig(vocab_size=17, **shape))
    optimizer = build_optimizer(model, lr=0.01, weight_decay=0.1, matrices=matrices)
    for _ in range(steps):
        random_step(model, optimizer)
    return model, optimizer


def random_step(model: nn.Module, optimizer: object) -> None:
    """Step along a random gradient, drawn from torch's global generator."""
    for p in model.parameters():
        p.grad = torch.randn(p.shape)
    optimizer.step()


def save_steps(out: Path, *steps: int, keep: int = 9) -> None:
    """Write checkpoints of one small layer."""
    for step in steps:
        checkpoint.save_checkpoint(out, step, nn.Linear(2, 3), keep=keep)


def names(out: Path) -> list[str]:
    """List what lies in a folder."""
    return sorted(path.name for path in out.iterdir())


# What it holds


@pytest.mark.parametrize("matrices", ["muon", "adamw"])
def test_everything_comes_back_bitwise(matrices: str, tmp_path: Path) -> None:
    model, optimizer = trained(3, matrices)
    kept = {"position": 7, "config": {"peak_lr": 0.005}}
    path = checkpoint.save_checkpoint(tmp_path, 3, model, optimizer, kept)
    random_step(model, optimizer)  # the unbroken run goes on
    other, fresh = trained(0, matrices)
    torch.manual_seed(99)
    state = checkpoint.load_checkpoint(path, other, fresh)
    assert state["step"] == 3
    assert {key: state[key] for key in kept} == kept
    random_step(other, fresh)  # and the resumed one takes the same random step
    assert all(map(torch.equal, model.parameters(), other.parameters()))
    mine, mine_plain = checkpoint.flatten_state(optimizer.state_dict())
    theirs, theirs_plain = checkpoint.flatten_state(fresh.state_dict())
    assert mine.keys() == theirs.keys() and len(mine) > 10
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    assert json.dumps(mine_plain) == json.dumps(theirs_plain)


def test_an_optimizer_that_has_not_stepped_comes_back_too(tmp_path: Path) -> None:
    path = checkpoint.save_checkpoint(tmp_path, 0, *trained(0))
    model, optimizer = trained(0)
    checkpoint.load_checkpoint(path, model, optimizer)
    random_step(model, optimizer)
    unbroken, its = trained(0)
    random_step(unbroken, its)
    assert [s.keys() for s in optimizer.state_dict().values()] == [
        s.keys() for s in its.state_dict().values()
    ]


def test_an_optimizer_of_torch_can_be_kept_as_well(tmp_path: Path) -> None:
    layers = [nn.Linear(3, 2), nn.Linear(3, 2)]
    pair = [torch.optim.Adam(layer.parameters(), lr=0.1) for layer in layers]
    random_step(layers[0], pair[0])
    path = checkpoint.save_checkpoint(tmp_path, 1, layers[0], pair[0])
    checkpoint.load_checkpoint(path, layers[1], pair[1])
    for layer, optimizer in zip(layers, pair, strict=True):
        torch.manual_seed(5)
        random_step(layer, optimizer)
    assert all(map(torch.equal, layers[0].parameters(), layers[1].parameters()))


def test_weights_alone_leave_the_random_state_alone(tmp_path: Path) -> None:
    path = checkpoint.save_checkpoint(tmp_path, 1, nn.Linear(2, 3))
    torch.manual_seed(5)
    before = torch.get_rng_state()
    layer = nn.Linear(2, 3)
    torch.set_rng_state(before)
    checkpoint.load_checkpoint(path, layer)
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_are_plain_safetensors(tmp_path: Path) -> None:
    model, _ = trained(0)
    path = checkpoint.save_checkpoint(tmp_path, 1, model)
    weights = load_file(path / "model.safetensors")
    assert weights.keys() == model.state_dict().keys()
    assert names(path) == sorted(FILES)


def test_flattening_by_hand() -> None:
    one, two = torch.ones(1), torch.zeros(2)
    state = {0: {"state": {3: {"mean": one}, 4: {}}, "lr": 0.1}, "x": two}
    tensors, values = checkpoint.flatten_state(state)
    assert tensors == {"0/state/3/mean": one, "x": two}
    assert values == {"0/state/4": {}, "0/lr": 0.1}
    assert checkpoint.unflatten_state(tensors | values) == state


# Which are kept


def test_the_newest_two_are_kept(tmp_path: Path) -> None:
    save_steps(tmp_path, 10, 20, 30, 40, keep=2)
    assert names(tmp_path) == ["step-000030", "step-000040"]
    assert checkpoint.latest_checkpoint(tmp_path).name == "step-000040"


def test_steps_are_ordered_as_numbers(tmp_path: Path) -> None:
    save_steps(tmp_path, 999_998, 999_999, 1_000_000, keep=2)
    assert names(tmp_path) == ["step-1000000", "step-999999"]
    assert checkpoint.latest_checkpoint(tmp_path).name == "step-1000000"


def test_what_is_no_checkpoint_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "step-by-step.txt").write_text("mine")
    save_steps(tmp_path, 1, 2, 3, keep=1)
    assert names(tmp_path) == ["step-000003", "step-by-step.txt"]
    assert checkpoint.latest_checkpoint(tmp_path).name == "step-000003"


def test_a_step_can_be_written_again(tmp_path: Path) -> None:
    save_steps(tmp_path, 5)
    layer = nn.Linear(2, 3)
    path = checkpoint.save_checkpoint(tmp_path, 5, layer)
    loaded = nn.Linear(2, 3)
    checkpoint.load_checkpoint(path, loaded)
    assert torch.equal(loaded.weight, layer.weight)


def test_a_new_checkpoint_is_never_removed_for_damaged_later_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    save_steps(tmp_path, 10, 20, 30)
    for name in ("step-000020", "step-000030"):
        (tmp_path / name / checkpoint.WEIGHTS).unlink()
    assert checkpoint.latest_checkpoint(tmp_path).name == "step-000010"
    save_steps(tmp_path, 15, keep=2)
    capsys.readouterr()
    assert checkpoint.latest_checkpoint(tmp_path).name == "step-000015"
    assert not capsys.readouterr().err
    assert names(tmp_path) == ["step-000010", "step-000015"]


# Damage


def truncate(path: Path) -> None:
    """Keep the first half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    """Change one bit in the last quarter of a file."""
    data = bytearray(path.read_bytes())
    data[-len(data) // 4] ^= 1
    path.write_bytes(data)


DAMAGES = [
    *((name, damage) for name in FILES for damage in (truncate, Path.unlink)),
    *((name, flip) for name in FILES[:2]),
    (checkpoint.STATE, lambda path: path.write_text("[]")),
    (checkpoint.STATE, lambda path: path.write_text('{"sha256": {}}')),
]


@pytest.mark.parametrize(("name", "damage"), DAMAGES)
def test_a_damaged_file_is_named_and_the_previous_checkpoint_used(
    name: str,
    damage: Callable[[Path], None],
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    save_steps(tmp_path, 1, 2)
    damage(tmp_path / "step-000002" / name)
    with pytest.raises(ValueError, match=name):
        checkpoint.load_checkpoint(tmp_path / "step-000002", nn.Linear(2, 3))
    assert checkpoint.latest_checkpoint(tmp_path).name == "step-000001"
    warning = capsys.readouterr().err
    assert warning.startswith("warning:") and warning.count("\n") == 1
    assert "step-000002" in warning and name in warning


def test_all_damaged_is_an_error_and_none_at_all_is_not(tmp_path: Path) -> None:
    assert checkpoint.latest_checkpoint(tmp_path / "nowhere") is None
    assert checkpoint.latest_checkpoint(tmp_path) is None
    save_steps(tmp_path, 1, 2)
    for step in (1, 2):
        truncate(tmp_path / f"step-00000{step}" / checkpoint.OPTIMIZER)
    with pytest.raises(ValueError, match="every checkpoint .* is damaged"):
        checkpoint.latest_checkpoint(tmp_path)


@pytest.mark.parametrize("inside", ["", "deeper/run"])
def test_an_unwritable_folder_is_one_clear_error(inside: str, tmp_path: Path) -> None:
    wall = tmp_path / "file"
    wall.write_text("in the way")
    with pytest.raises(ValueError, match="cannot write .*file.*may write to"):
        checkpoint.save_checkpoint(wall / inside, 1, nn.Linear(2, 3))
    assert wall.read_text() == "in the way" and names(tmp_path) == ["file"]


# A kill in the middle


def interrupt(monkeypatch: pytest.MonkeyPatch, place: object, name: str, at: int):
    """Let the `at`-th call of a function write what it writes, and end there."""
    original, calls = getattr(place, name), []

    def call(*args: object, **keywords: object) -> object:
        calls.append(args)
        if len(calls) == at:
            raise Killed
        return original(*args, **keywords)

    monkeypatch.setattr(place, name, call)


MOMENTS = [
    (checkpoint, "save_file", 1),
    (checkpoint, "save_file", 2),
    (checkpoint, "sha256", 1),
    (checkpoint, "sha256", 2),
    (checkpoint, "write_json", 1),
    (os, "replace", 1),  # of state.json
    (os, "replace", 2),  # of the whole folder
]


@pytest.mark.parametrize(("place", "name", "at"), MOMENTS)
def test_a_kill_while_saving_leaves_no_half_checkpoint(
    place: object, name: str, at: int, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    save_steps(tmp_path, 1, 2)
    with pytest.MonkeyPatch.context() as monkeypatch, pytest.raises(Killed):
        interrupt(monkeypatch, place, name, at)
        save_steps(tmp_path, 3)
    assert checkpoint.latest_checkpoint(tmp_path).name == "step-000002"
    assert not capsys.readouterr().err, "a half folder was taken for a checkpoint"
    save_steps(tmp_path, 4, keep=2)
    assert names(tmp_path) == ["step-000002", "step-000004"], "litter was left"


def test_a_kill_while_writing_a_step_again_costs_that_step_at_most(
    tmp_path: Path,
) -> None:
    save_steps(tmp_path, 1, 2)
    with pytest.MonkeyPatch.context() as monkeypatch, pytest.raises(Killed):
        interrupt(monkeypatch, shutil, "rmtree", 1)
        save_steps(tmp_path, 2)
    assert checkpoint.latest_checkpoint(tmp_path).name == "step-000002"
    with pytest.MonkeyPatch.context() as monkeypatch, pytest.raises(Killed):
        interrupt(monkeypatch, os, "replace", 2)
        save_steps(tmp_path, 2)
    assert checkpoint.latest_checkpoint(tmp_path).name == "step-000001"
