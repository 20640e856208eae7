"""Chapter 3: attention in tiles is attention, and holds no T by S matrix."""

import json
import math
import random
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ch03_attention import flash, flash_memory
from ch03_attention.attention import (
    CausalSelfAttention,
    causal_mask,
    document_mask,
    scaled_dot_product_attention,
)
from ch03_attention.flash import RunningSoftmax, Tiling, flash_attend, flash_attention

# Float32 sums in another order: a few units in the last place of numbers of size 1.
close = partial(torch.testing.assert_close, atol=1e-5, rtol=1e-5)


def noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def random_shape(seed: int) -> dict[str, int]:
    """Draw sizes: grouped heads, T no multiple of the block, and keys of a cache."""
    draw = random.Random(seed)
    kv_heads, queries = draw.randint(1, 3), draw.randint(1, 90)
    return {
        "batch": draw.randint(1, 3),
        "heads": kv_heads * draw.randint(1, 3),
        "kv_heads": kv_heads,
        "queries": queries,
        "keys": queries + draw.choice((0, 0, draw.randint(1, 40))),
        "width": draw.choice((3, 8, 16)),
        "block_size": draw.choice((1, 7, 16, 64)),
    }


def qkv(shape: dict[str, int], seed: int = 0) -> list[Tensor]:
    batch, width = shape["batch"], shape["width"]
    q = noise(batch, shape["heads"], shape["queries"], width, seed=seed)
    k = noise(batch, shape["kv_heads"], shape["keys"], width, seed=seed + 1)
    v = noise(batch, shape["kv_heads"], shape["keys"], width, seed=seed + 2)
    return [x.requires_grad_() for x in (q, k, v)]


def with_gradients(attend, inputs: list[Tensor]) -> tuple[Tensor, ...]:
    """Return the output and the gradients of an uneven sum of it."""
    out = attend(*inputs)
    gradients = torch.autograd.grad(out, inputs, noise(*out.shape, seed=9))
    return out.detach(), *gradients


def several_blocks_and_a_rest(shape: dict[str, int], axis: str) -> bool:
    """Say whether the softmax runs over whole blocks and then over a shorter one."""
    length, block_size = shape[axis], shape["block_size"]
    return length > block_size and length % block_size != 0


SHAPES = [random_shape(seed) for seed in range(30)]


def test_the_random_shapes_cover_the_hard_cases():
    assert any(s["queries"] % s["block_size"] for s in SHAPES)
    assert any(s["keys"] > s["queries"] for s in SHAPES)
    assert any(s["heads"] > s["kv_heads"] > 1 for s in SHAPES)
    assert any(s["queries"] < s["block_size"] for s in SHAPES)
    for axis in ("queries", "keys"):
        assert sum(several_blocks_and_a_rest(s, axis) for s in SHAPES) >= 8, axis


@pytest.mark.parametrize("number", range(30))
def test_tiles_equal_the_plain_way_and_torch_forward_and_backward(number):
    shape = SHAPES[number]
    mask = causal_mask(shape["queries"], shape["keys"])
    inputs = qkv(shape, seed=number)
    tiled = partial(flash_attention, block_size=shape["block_size"])
    plain = partial(scaled_dot_product_attention, mask=mask)
    torchs = partial(F.scaled_dot_product_attention, attn_mask=mask, enable_gqa=True)
    ours = with_gradients(tiled, inputs)
    for other in (plain, torchs):
        for mine, theirs in zip(ours, with_gradients(other, inputs), strict=True):
            close(mine, theirs)


@pytest.mark.parametrize("number", range(0, 30, 6))
def test_without_causality_every_key_is_heard(number):
    shape = SHAPES[number]
    inputs = qkv(shape)
    tiled = partial(flash_attention, causal=False, block_size=shape["block_size"])
    ours = with_gradients(tiled, inputs)
    theirs = with_gradients(scaled_dot_product_attention, inputs)
    for mine, plain in zip(ours, theirs, strict=True):
        close(mine, plain)


@pytest.mark.parametrize("causal", [True, False])
def test_gradients_are_the_slopes_of_the_output(causal):
    """Finite differences in float64, with shared heads and keys of a cache."""
    shape = dict(batch=1, heads=4, kv_heads=2, queries=5, keys=7, width=3)
    inputs = [x.detach().double().requires_grad_() for x in qkv(shape)]
    tiled = partial(flash_attention, causal=causal, block_size=3)
    assert torch.autograd.gradcheck(tiled, inputs)


def test_second_derivatives_are_refused_and_not_wrong():
    inputs = qkv(SHAPES[0])
    (slope,) = torch.autograd.grad(
        flash_attention(*inputs).square().sum(), inputs[:1], create_graph=True
    )
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.sum().backward()


def test_the_running_softmax_by_hand():
    """Scores 0, then ln 2 and 0, with values 8, 4 and 0.

    After the first block: total 1, mixed 8, largest 0. The second has the largest score
    ln 2, so both shrink by 1/2: total 1/2 + 1 + 1/2 = 2, mixed 8/2 + 4 + 0 = 8. The
    average is 8 / 2 = 4, and ln(1 + 2 + 1) = ln 4 comes out of ln 2 + ln 2.
    """
    running = RunningSoftmax.start(torch.zeros(1, 1, 1, 1))
    running = running.add(torch.zeros(1, 1, 1, 1), torch.full((1, 1, 1, 1), 8.0))
    assert (running.total.item(), running.mixed.item()) == (1.0, 8.0)
    scores = torch.tensor([math.log(2), 0.0]).view(1, 1, 1, 2)
    running = running.add(scores, torch.tensor([4.0, 0.0]).view(1, 1, 2, 1))
    assert running.total.item() == pytest.approx(2.0)
    assert running.mixed.item() == pytest.approx(8.0)
    average, log_sum = running.finish()
    assert average.item() == pytest.approx(4.0)
    assert log_sum.item() == pytest.approx(math.log(4))


def test_scores_of_thousands_do_not_overflow():
    q = torch.full((1, 1, 9, 4), 100.0, requires_grad=True)
    k, v = q.detach().clone().requires_grad_(), noise(1, 1, 9, 4).requires_grad_()
    tiled = with_gradients(partial(flash_attention, block_size=2), [q, k, v])
    assert all(torch.isfinite(x).all() for x in tiled)


# What is computed, and what is kept


def computed_tiles(monkeypatch, run) -> list[tuple[int, int]]:
    """Return the sizes of all tiles of scores that `run` computes."""
    sizes, real = [], flash.tile_scores

    def counted(q, k, hidden):
        sizes.append((q.shape[2], k.shape[2]))
        return real(q, k, hidden)

    monkeypatch.setattr(flash, "tile_scores", counted)
    run()
    return sizes


def test_tiles_in_the_future_are_not_computed(monkeypatch):
    """Four blocks of queries see 1 + 2 + 3 + 4 = 10 of 16 tiles, forward and again."""
    inputs = qkv(dict(batch=1, heads=2, kv_heads=2, queries=64, keys=64, width=4))
    tiled = partial(flash_attention, block_size=16)
    assert len(computed_tiles(monkeypatch, lambda: tiled(*inputs))) == 10
    both = computed_tiles(monkeypatch, lambda: with_gradients(tiled, inputs))
    assert both == [(16, 16)] * 20


def test_what_stands_in_a_skipped_tile_is_never_read():
    """NaN times a weight of zero is NaN: only what is never read does no harm."""
    q, k, v = (noise(1, 1, 12, 4, seed=seed) for seed in (1, 2, 3))
    k[:, :, 8:], v[:, :, 8:] = math.nan, math.nan
    out = flash_attention(q, k, v, block_size=4)
    assert torch.isfinite(out[:, :, :8]).all()
    assert out[:, :, 8:].isnan().all()


def test_a_cache_is_seen_whole_by_every_query(monkeypatch):
    """2 queries behind 6 keys: one block of queries, keys 0 to 3 and 4 to 7."""
    inputs = qkv(dict(batch=1, heads=1, kv_heads=1, queries=2, keys=8, width=4))
    tiled = partial(flash_attention, block_size=4)
    assert computed_tiles(monkeypatch, lambda: tiled(*inputs)) == [(2, 4), (2, 4)]
    tiling = Tiling(2, 8, 4, causal=True)
    (first, before), (second, last) = tiling.visible(slice(0, 2))
    assert before is None, "wholly in the past: nothing is hidden"
    assert last.tolist() == [[False, False, False, True], [False] * 4]


def test_only_inputs_output_and_one_number_a_row_are_kept():
    kept = []
    inputs = qkv(dict(batch=2, heads=4, kv_heads=2, queries=40, keys=50, width=8))
    with torch.autograd.graph.saved_tensors_hooks(
        lambda x: kept.append(x) or x, lambda x: x
    ):
        out = flash_attention(*inputs, block_size=8)
    shapes = [tuple(x.shape) for x in (*inputs, out)] + [(2, 4, 40, 1)]
    assert sorted(tuple(x.shape) for x in kept) == sorted(shapes)


def test_what_is_kept_of_a_row_is_the_logarithm_of_its_sum():
    kept = []
    q, k, v = qkv(dict(batch=1, heads=1, kv_heads=1, queries=6, keys=9, width=4))
    with torch.autograd.graph.saved_tensors_hooks(
        lambda x: kept.append(x) or x, lambda x: x
    ):
        flash_attention(q, k, v, block_size=4)
    scores = q @ k.transpose(-2, -1) / 2
    scores = scores.masked_fill(~causal_mask(6, 9), -math.inf)
    log_sums = next(x for x in kept if x.shape == (1, 1, 6, 1))
    close(log_sums, scores.logsumexp(-1, keepdim=True))


def test_half_precision_sums_in_float32():
    """200 of 300 equal keys say 1. In bfloat16 a sum of ones would stop at 256."""
    q = torch.zeros(1, 1, 1, 8, dtype=torch.bfloat16)
    k = torch.zeros(1, 1, 300, 8, dtype=torch.bfloat16)
    v = torch.zeros_like(k)
    v[:, :, :200] = 1.0
    out = flash_attention(q, k, v, block_size=1)
    assert out.dtype == torch.bfloat16
    close(out.float(), torch.full((1, 1, 1, 8), 2 / 3), atol=2e-3, rtol=0)


def test_autocast_does_not_reach_into_the_tiles():
    """As in training: forward under autocast, backward behind it."""
    inputs = qkv(SHAPES[1])
    out, *plain = with_gradients(flash_attention, inputs)
    with torch.autocast("cpu", torch.bfloat16):
        cast = flash_attention(*inputs)
    assert torch.equal(cast, out)
    gradients = torch.autograd.grad(cast, inputs, noise(*out.shape, seed=9))
    assert all(torch.equal(a, b) for a, b in zip(plain, gradients, strict=True))


# As the attend of a layer


FORMS = {
    "multi-head": dict(n_heads=4),
    "grouped": dict(n_heads=4, n_kv_heads=2),
    "sliding window": dict(n_heads=4, n_kv_heads=1, sliding_window=9),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("masked", [False, True])
def test_a_layer_with_tiles_equals_a_plain_layer(form, masked):
    torch.manual_seed(0)
    plain = CausalSelfAttention(24, **FORMS[form])
    tiles = partial(flash_attend, block_size=8)
    tiled = CausalSelfAttention(24, **FORMS[form], attend=tiles)
    tiled.load_state_dict(plain.state_dict())
    x = noise(2, 37, 24)
    ends = torch.zeros(2, 37, dtype=torch.long)
    ends[0, 11] = ends[1, 30] = 1
    mask = document_mask(ends, 1) if masked else None
    outs = [layer(x, mask=mask) for layer in (plain, tiled)]
    close(*outs)
    for out in outs:
        out.square().sum().backward()
    for mine, theirs in zip(tiled.parameters(), plain.parameters(), strict=True):
        close(mine.grad, theirs.grad, atol=1e-4, rtol=1e-4)  # sums over 74 tokens


def test_no_mask_hides_nothing():
    inputs = qkv(dict(batch=1, heads=2, kv_heads=1, queries=5, keys=9, width=4))
    close(flash_attend(*inputs, block_size=4), scaled_dot_product_attention(*inputs))


def test_a_mask_for_each_sequence_and_head_is_cut_with_the_tiles():
    shape = dict(batch=2, heads=4, kv_heads=2, queries=11, keys=13, width=4)
    inputs = qkv(shape)
    mask = noise(2, 4, 11, 13, seed=5) > 0
    mask[..., 0] = True  # a query that may see nothing has no average
    ours = with_gradients(partial(flash_attend, mask=mask, block_size=4), inputs)
    plain = partial(scaled_dot_product_attention, mask=mask)
    for mine, theirs in zip(ours, with_gradients(plain, inputs), strict=True):
        close(mine, theirs)


def test_a_query_that_may_see_nothing_has_no_average():
    q, k, v = qkv(dict(batch=1, heads=1, kv_heads=1, queries=6, keys=6, width=4))
    mask = causal_mask(6, 6)
    mask[2] = False
    out = flash_attend(q, k, v, mask, block_size=2)
    assert out[:, :, 2].isnan().all()
    others = [0, 1, 3, 4, 5]
    close(out[:, :, others], scaled_dot_product_attention(q, k, v, mask)[:, :, others])


def test_tiles_out_of_a_sliding_window_are_skipped(monkeypatch):
    """A window of 4 with blocks of 4: the diagonal and one before it, 1 + 7 * 2."""
    q, k, v = qkv(dict(batch=1, heads=1, kv_heads=1, queries=32, keys=32, width=4))
    mask = causal_mask(32, 32, sliding_window=4)
    tiled = partial(flash_attend, q, k, v, mask, block_size=4)
    assert len(computed_tiles(monkeypatch, tiled)) == 15


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda q, k: flash_attention(q, k[:, :, :3], k[:, :, :3]), "only 3 keys"),
        (lambda q, k: flash_attention(q, k, k, block_size=0), "block_size is 0"),
        (lambda q, k: flash_attention(q, k[:, :3], k[:, :3]), "cannot share 3"),
        (lambda q, k: flash_attend(q, k, k, torch.zeros(5, 5)), "give booleans"),
    ],
)
def test_what_does_not_fit_is_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call(noise(1, 4, 5, 6), noise(1, 4, 5, 6))


def test_the_command_counts_its_tiles(capsys):
    """200 tokens in blocks of 64 are 4 blocks: 4 * 5 / 2 = 10 of 16 tiles."""
    assert flash.main(["--tokens", "200"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "10 of 16 tiles computed"
    assert float(lines[1].split()[-1]) < 1e-5
    assert flash.main(["--block-size", "0"]) == 2
    assert "block_size is 0" in capsys.readouterr().err


# Memory


def test_at_4096_tokens_tiles_take_an_eighth_of_the_memory_at_most():
    """Each in its own process, forward and backward, above its inputs."""
    plain, tiled = flash_memory.peaks_above_inputs(4096, ("plain", "flash")).values()
    # Two heads of 4096 * 4096 floats are 134 MB, and some matrices live at a time.
    assert plain > 250e6, f"{plain / 1e6:.0f} MB: was the peak seen?"
    assert tiled <= plain / 8, f"{tiled / 1e6:.0f} of {plain / 1e6:.0f} MB"


@pytest.mark.parametrize("kind", flash_memory.KINDS)
def test_what_is_measured_are_three_ways_to_the_same_numbers(kind):
    inputs = [x.detach() for x in flash_memory.inputs(70)]
    plain = flash_memory.plain_attention(*inputs)
    close(flash_memory.KINDS[kind](*inputs), plain)


def test_the_measurement_reports_every_length(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(
        flash_memory,
        "peaks_above_inputs",
        lambda n: dict.fromkeys(flash_memory.KINDS, 10 * n),
    )
    monkeypatch.setattr(flash_memory, "TOKENS", (16, 32))
    monkeypatch.setattr(flash_memory, "command_of", lambda module, argv: module)
    out = ["--out", str(tmp_path), "--longest", "32"]
    assert flash_memory.main(out) == 0
    assert "plain takes 1.0 times the memory at 32" in capsys.readouterr().out
    text = (tmp_path / "flash_memory.json").read_text(encoding="utf-8")
    found = json.loads(text)["results"]
    assert found["tokens"] == [16, 32]
    assert [s["mean"] for s in found["memory_bytes"]["fused"]] == [160, 320]
    assert len(found["time_flash_over_plain"]) == 2
    assert flash_memory.main(["--longest", "3"]) == 2
