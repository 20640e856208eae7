"""Chapter 4: tensors in files: whole, in shards, damaged, and what memory they take."""

import json
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from ch01_data.files import write_json
from ch04_transformer.gpt2 import build_gpt2
from ch04_transformer.opening import main as measure_main
from ch04_transformer.pretrained import load_pretrained, save_pretrained
from ch04_transformer.tensor_files import (
    INDEX,
    TensorFiles,
    first_cut_tensor,
    main,
    split_sizes,
)
from ch04_transformer.transformer import ModelConfig, Transformer
from tests.checkpoints import (
    CASES,
    assert_equal_greedy_text,
    assert_equal_logits,
    llama,
    opened_by_transformers,
    our_model,
    tokens_of,
)
from tests.conftest import ROOT

SHARD_BYTES = 10_000


# ------------------------------------------------------------------- shards


def test_tensors_are_shared_out_in_their_order():
    """With a limit of 5: 2 + 2 fit, 3 and 7 stand alone, 1 begins a new file."""
    sizes = dict(a=2, b=2, c=3, d=7, e=1)
    assert split_sizes(sizes, 5) == [["a", "b"], ["c"], ["d"], ["e"]]
    assert split_sizes(sizes, 15) == split_sizes(sizes, None) == [list("abcde")]
    assert split_sizes(sizes, 14) == [list("abcd"), ["e"]]
    assert split_sizes(dict(a=9, b=1), 5) == [["a"], ["b"]]
    for wrong in (0, -1):
        with pytest.raises(ValueError, match=f"max_shard_bytes is {wrong}; it must be"):
            split_sizes(sizes, wrong)


@pytest.mark.parametrize("case", ["Qwen3: biases, window, untied", "GPT-2: untied"])
def test_shards_of_this_book_open_in_transformers(case, tmp_path):
    CASES[case].build().save_pretrained(tmp_path / "theirs")
    ours = load_pretrained(tmp_path / "theirs")
    save_pretrained(ours, tmp_path / "ours", max_shard_bytes=SHARD_BYTES)
    shards = sorted((tmp_path / "ours").glob("*.safetensors"))
    assert len(shards) > 4
    for number, shard in enumerate(shards, 1):
        assert shard.name == f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        tensors = load_file(shard).values()
        assert sum(map(torch.Tensor.nbytes.__get__, tensors)) <= SHARD_BYTES or (
            len(tensors) == 1
        )
    assert_equal_logits(ours, opened_by_transformers(tmp_path / "ours"), lengths=(17,))
    again = load_pretrained(tmp_path / "ours")
    assert all(v.equal(again.state_dict()[n]) for n, v in ours.state_dict().items())


@pytest.mark.parametrize("case", ["Llama 3: llama3, untied", "GPT-2: untied"])
def test_shards_of_transformers_open_here(case, tmp_path):
    theirs = CASES[case].build()
    theirs.save_pretrained(tmp_path, max_shard_size=SHARD_BYTES)
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 4
    ours = load_pretrained(tmp_path)
    assert_equal_logits(ours, theirs, lengths=(17,))
    assert_equal_greedy_text(ours, theirs, n_tokens=16)


def test_the_index_says_how_many_bytes_the_weights_have(tmp_path):
    model = our_model()
    save_pretrained(model, tmp_path, dtype=torch.float16, max_shard_bytes=SHARD_BYTES)
    index = json.loads((tmp_path / INDEX).read_text())
    n_params = sum(p.numel() for p in model.parameters())
    assert index["metadata"]["total_size"] == 2 * n_params
    assert len(index["weight_map"]) == len(list(model.parameters()))


@pytest.mark.parametrize("before, after", [(None, SHARD_BYTES), (SHARD_BYTES, None)])
def test_a_later_save_leaves_nothing_of_the_earlier(before, after, tmp_path):
    first, second = our_model(), our_model(n_layers=1, rope_theta=9.0)
    (tmp_path / "model-card.md").write_text("kept")
    save_pretrained(first, tmp_path, max_shard_bytes=before)
    save_pretrained(second, tmp_path, max_shard_bytes=after)
    assert load_pretrained(tmp_path)(tokens_of(9)).equal(second(tokens_of(9)))
    assert_equal_logits(second, opened_by_transformers(tmp_path), lengths=(9,))
    held = {path.name for path in tmp_path.iterdir()}
    assert ("model.safetensors" in held) == (INDEX not in held) == (after is None)
    assert "model-card.md" in held


def test_fewer_shards_leave_none_of_the_many(tmp_path):
    save_pretrained(our_model(), tmp_path, max_shard_bytes=SHARD_BYTES)
    many = len(list(tmp_path.glob("*.safetensors")))
    save_pretrained(our_model(), tmp_path, max_shard_bytes=3 * SHARD_BYTES)
    assert 1 < len(list(tmp_path.glob("*.safetensors"))) < many
    assert load_pretrained(tmp_path)(tokens_of(9)).equal(our_model()(tokens_of(9)))


def test_the_command_says_in_which_file_each_tensor_lies(tmp_path, capsys):
    save_pretrained(our_model(), tmp_path, max_shard_bytes=SHARD_BYTES)
    assert main(["--model", str(tmp_path)]) == 0
    lines = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert lines == json.loads((tmp_path / INDEX).read_text())["weight_map"]
    assert main(["--model", str(tmp_path / "absent")]) == 2


# ------------------------------------------------------------------- damage

TENSOR = "model.layers.1.mlp.up_proj.weight"


def edit_index(edit):
    def change(folder):
        index = json.loads((folder / INDEX).read_text())
        edit(index)
        write_json(folder / INDEX, index)

    return change


def shard_of(folder, tensor=TENSOR):
    return folder / json.loads((folder / INDEX).read_text())["weight_map"][tensor]


def edit_shard(edit):
    def change(folder):
        path = shard_of(folder)
        weights = load_file(path)
        edit(weights)
        save_file(weights, path)

    return change


def cut_shard(folder):
    path = shard_of(folder)
    path.write_bytes(path.read_bytes()[:-100])


def move_tensor(folder):
    """Put a tensor into the first shard, and leave the index as it is."""
    edit_shard(lambda weights: weights.pop(TENSOR))(folder)
    first = folder / sorted(p.name for p in folder.glob("*.safetensors"))[0]
    save_file(load_file(first) | {TENSOR: torch.ones(44, 24)}, first)


def both_layouts(folder):
    save_file({TENSOR: torch.ones(44, 24)}, folder / "model.safetensors")


SHARD_DAMAGE = {
    "a missing shard": (
        lambda f: shard_of(f).unlink(),
        "00009-of-00010.safetensors is missing; weights are read from safetensors "
        "files only (a pickle, such as pytorch_model.bin, can run anything); the index "
        f"puts the tensor {TENSOR} and 1 more into this file",
    ),
    "a damaged shard": (
        lambda f: shard_of(f).write_bytes(b"\x80\x04K\x01." * 50),
        f"make it anew; the index puts the tensor {TENSOR} and 1 more into this file",
    ),
    "a shard truncated within its header": (
        lambda f: shard_of(f).write_bytes(shard_of(f).read_bytes()[:20]),
        f"make it anew; the index puts the tensor {TENSOR} and 1 more into this file",
    ),
    "a missing shard of one tensor": (
        lambda f: shard_of(f, "lm_head.weight").unlink(),
        "; the index puts the tensor lm_head.weight into this file",
    ),
    "a truncated shard": (cut_shard, f"damaged (it ends within the tensor {TENSOR})"),
    "a tensor in the wrong shard": (
        move_tensor,
        f"the tensor {TENSOR} should lie in model-00009-of-00010.safetensors, but it "
        "is in model-00001-of-00010.safetensors",
    ),
    "a tensor in no shard": (
        edit_shard(lambda weights: weights.pop(TENSOR)),
        f"the tensor {TENSOR} should lie in model-00009-of-00010.safetensors, but it "
        "is in no file",
    ),
    "a tensor that the index has not": (
        edit_index(lambda index: index["weight_map"].pop(TENSOR)),
        f"the tensor {TENSOR} lies in model-00009-of-00010.safetensors, which the",
    ),
    "a tensor in neither": (
        lambda folder: (
            edit_shard(lambda weights: weights.pop(TENSOR))(folder),
            edit_index(lambda index: index["weight_map"].pop(TENSOR))(folder),
        ),
        f"the tensor {TENSOR} is missing",
    ),
    "an index that is no JSON": (
        lambda f: (f / INDEX).write_bytes(b"\xff{"),
        f"{INDEX} is damaged",
    ),
    "an index without a map": (
        edit_index(lambda index: index.pop("weight_map")),
        f"{INDEX} is damaged ('weight_map')",
    ),
    "an index whose map is a list": (
        edit_index(lambda index: index.update(weight_map=[TENSOR])),
        f"{INDEX} is damaged",
    ),
    "an index into another folder": (
        edit_index(lambda index: index["weight_map"].update({TENSOR: "../other"})),
        "'../other' is no name of a file in this folder",
    ),
    "an index of pickles": (
        edit_index(lambda index: index["weight_map"].update({TENSOR: "model.bin"})),
        "'model.bin': weights are read from safetensors files only (a pickle",
    ),
    "one file beside the shards": (both_layouts, "holds both model.safetensors and"),
}


@pytest.mark.parametrize("damage", SHARD_DAMAGE)
def test_what_is_wrong_with_a_shard_is_named(damage, tmp_path):
    save_pretrained(our_model(), tmp_path, max_shard_bytes=SHARD_BYTES)
    change, message = SHARD_DAMAGE[damage]
    change(tmp_path)
    with pytest.raises(ValueError) as refused:
        load_pretrained(tmp_path)
    assert message in str(refused.value) and str(tmp_path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_damaged_after_a_look_is_refused_when_read(tmp_path):
    save_pretrained(our_model(), tmp_path)
    files = TensorFiles(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"gone")
    with pytest.raises(ValueError, match=r"model\.safetensors is damaged"):
        files.read("model.norm.weight")


def test_the_tensor_in_which_a_file_ends_is_named_at_every_length(tmp_path):
    """a has 12 bytes, b 20: from 12 bytes on a is whole, and b ends the file."""
    path = tmp_path / "whole"
    save_file({"a": torch.ones(3), "b": torch.ones(5)}, path)
    whole = path.read_bytes()
    start = len(whole) - 32
    for there in range(33):
        path.write_bytes(whole[: start + there])
        expected = "a" if there < 12 else "b" if there < 32 else None
        assert first_cut_tensor(path) == expected
    for nonsense in (b"", b"\x05\0\0\0\0\0\0\0[1,2]", b'\x07\0\0\0\0\0\0\0{"a":1}'):
        path.write_bytes(nonsense)
        assert first_cut_tensor(path) is None


# ------------------------------------------------------------------- memory


def measured(folder, *options):
    """Open a folder in a process of its own; return what that took."""
    command = [sys.executable, "-m", "ch04_transformer.opening", "--model", str(folder)]
    done = subprocess.run(
        [*command, *options], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Weights of 97 megabytes, of which the largest tensor has a fifth."""
    sizes = dict(vocab_size=8_000, context_length=512, d_model=640, d_ff=1728)
    config = ModelConfig(**sizes, n_layers=4, n_heads=10)
    folder = tmp_path_factory.mktemp("large")
    model = Transformer(config)
    save_pretrained(model, folder / "one")
    save_pretrained(model, folder / "shards", max_shard_bytes=25 * 10**6)
    gpt2 = build_gpt2(ModelConfig(**{**vars(config), "qkv_bias": True}))
    save_pretrained(gpt2, folder / "gpt2")
    return folder


@pytest.mark.parametrize(
    "kind, dtype", [("one", "float32"), ("shards", None), ("gpt2", None)]
)
def test_opening_takes_at_most_a_fifth_more_than_the_weights(kind, dtype, large):
    found = measured(large / kind, *(["--dtype", dtype] if dtype else []))
    assert found["weight_bytes"] > 80 * 10**6
    assert 0.95 < found["ratio"] <= 1.2, found


HELD_AND_DROPPED = """
import torch
from ch04_transformer.opening import peak_above_start
def hold_and_drop():
    torch.ones(30_000_000)
    return torch.ones(10_000_000)
torch.ones(50_000_000)
kept, peak = peak_above_start(hold_and_drop)
print(peak // 10**6)
"""


def test_the_measure_sees_what_is_held_for_a_moment_and_forgets_what_was_before():
    """120 MB are held for a moment, 40 MB are kept, and 200 MB came before."""
    command = [sys.executable, "-c", HELD_AND_DROPPED]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert 115 < int(done.stdout) < 135


def test_the_command_measures_a_folder(tmp_path, capsys):
    llama().build().save_pretrained(tmp_path)
    assert measure_main(["--model", str(tmp_path)]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(found) == {"seconds", "weight_bytes", "peak_bytes", "ratio"}
    assert measure_main(["--model", str(tmp_path / "absent")]) == 2
