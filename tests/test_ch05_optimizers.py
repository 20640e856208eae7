"""Chapter 5: two optimizers by hand, held against torch's own."""

import copy
import importlib
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from ch04_transformer.transformer import ModelConfig, Transformer
from ch05_pretraining import optimizers

# Both sides compute in float64, so they differ by rounding of that size only.
exact = partial(torch.testing.assert_close, atol=1e-12, rtol=1e-9)


def noise(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    """Draw standard normal numbers that are the same in every run."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=dtype)


def small_model(**changes: object) -> Transformer:
    """Build a transformer of two layers."""
    torch.manual_seed(0)
    shape = dict(d_model=12, n_layers=2, n_heads=2, d_ff=20, context_length=8)
    return Transformer(ModelConfig(vocab_size=17, **shape | changes))


def with_gradients(model: nn.Module, seed: int) -> None:
    """Give every parameter a random gradient."""
    for index, parameter in enumerate(model.parameters()):
        parameter.grad = noise(*parameter.shape, seed=seed * 1000 + index).float()


def walk(make: object, starts: list[Tensor], steps: int) -> list[Tensor]:
    """Take steps along fixed random gradients, the rate changing on the way."""
    params = [nn.Parameter(start.clone()) for start in starts]
    optimizer = make(params)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 0.01 / (1 + step)
        for index, p in enumerate(params):
            p.grad = noise(*p.shape, seed=100 * step + index, dtype=p.dtype)
        optimizer.step()
    return [p.detach() for p in params]


# AdamW


@pytest.mark.parametrize("betas", [(0.9, 0.95), (0.9, 0.999), (0.0, 0.0)])
@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_adamw_equals_torchs_over_thirty_steps(
    betas: tuple[float, float], weight_decay: float
) -> None:
    settings = dict(lr=1.0, betas=betas, eps=1e-6, weight_decay=weight_decay)
    starts = [noise(5, 3), noise(7), noise(2, 2, 2)]
    ours = walk(lambda params: optimizers.AdamW(params, **settings), starts, 30)
    theirs = walk(lambda params: torch.optim.AdamW(params, **settings), starts, 30)
    for mine, other in zip(ours, theirs, strict=True):
        exact(mine, other)


def test_adamw_moves_one_number_as_by_hand() -> None:
    """Weight 1, gradients 0.5 and -0.5, rate 0.1, decay 0.1, betas 0.9 and 0.95.

    Step 1: decay to 0.99. The corrected mean is 0.5, the corrected size 0.5, so the
    step is the rate itself: 0.99 - 0.1 = 0.89.
    Step 2: decay to 0.8811. The mean is 0.9 * 0.05 - 0.05 = -0.005, corrected by
    1 - 0.81 to -0.0263158; the size is 0.5: 0.8811 + 0.1 * 0.0526316 = 0.8863632.
    """
    p = nn.Parameter(torch.tensor([1.0], dtype=torch.float64))
    optimizer = optimizers.AdamW([p], lr=0.1, weight_decay=0.1, eps=0.0)
    seen = []
    for gradient in (0.5, -0.5):
        p.grad = torch.full_like(p, gradient)
        optimizer.step()
        seen.append(p.item())
    assert seen == pytest.approx([0.89, 0.8863631579], abs=1e-9)


def test_the_first_step_does_not_depend_on_the_size_of_the_gradient() -> None:
    for size in (1e-3, 1.0, 1e3):
        p = nn.Parameter(torch.zeros(2, dtype=torch.float64))
        p.grad = torch.tensor([size, -size], dtype=torch.float64)
        optimizers.AdamW([p], lr=0.1).step()
        assert p.tolist() == pytest.approx([-0.1, 0.1], rel=1e-4)


def test_decay_is_decoupled_from_the_gradient() -> None:
    p = nn.Parameter(torch.tensor([8.0, -2.0]))
    p.grad = torch.zeros(2)
    optimizer = optimizers.AdamW([p], lr=0.5, weight_decay=0.5)
    optimizer.step()
    assert p.tolist() == [6.0, -1.5]
    assert not optimizer.state[p]["exp_avg"].any(), "decay entered the mean"
    assert not p.grad.any(), "decay entered the gradient"


@pytest.mark.parametrize("wrong", [dict(lr=-1.0), dict(betas=(0.9, 1.0))])
def test_adamw_refuses_impossible_rates(wrong: dict) -> None:
    with pytest.raises(ValueError, match="must"):
        optimizers.AdamW([nn.Parameter(torch.zeros(1))], **wrong)


# Muon


SHAPES = [(8, 8), (6, 16), (16, 6), (8, 8), (6, 16)]


def muons_walk(weight_decay: float) -> tuple[list[Tensor], ...]:
    """Return the starts, and where our Muon and torch's stand after ten steps."""
    starts = [noise(*shape, seed=i).float() for i, shape in enumerate(SHAPES)]
    settings = dict(lr=1.0, momentum=0.95, weight_decay=weight_decay)
    theirs = partial(torch.optim.Muon, adjust_lr_fn="match_rms_adamw", **settings)
    ours = partial(optimizers.Muon, **settings)
    return starts, walk(ours, starts, 10), walk(theirs, starts, 10)


@pytest.mark.parametrize("weight_decay", [0.0, 0.5])
def test_muon_equals_torchs_over_ten_steps(weight_decay: float) -> None:
    """Both iterate in bfloat16 but add up in another order, three digits each time.

    So one step differs by a few hundredths of its length, and ten by less.
    """
    for start, mine, other in zip(*muons_walk(weight_decay), strict=True):
        assert (mine - other).norm() < 0.05 * (other - start).norm()


@pytest.mark.parametrize("weight_decay", [0.0, 0.5])
def test_all_but_the_rounding_of_the_iteration_is_exactly_torchs(
    weight_decay: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = importlib.import_module("torch.optim._muon")._zeropower_via_newtonschulz

    def iterate(matrices: Tensor, steps: int) -> Tensor:
        constants = optimizers.NEWTON_SCHULZ
        return torch.stack([theirs(m, constants, steps, 1e-7) for m in matrices])

    monkeypatch.setattr(optimizers, "orthogonalize", iterate)
    _, mine, other = muons_walk(weight_decay)
    for ours, expected in zip(mine, other, strict=True):
        torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-5)


def test_orthogonalize_brings_singular_values_close_to_one() -> None:
    matrices = noise(4, 12, 20, dtype=torch.float32)
    before = torch.linalg.svdvals(matrices)
    after = torch.linalg.svdvals(optimizers.orthogonalize(matrices).float())
    assert (before[:, 0] / before[:, -1]).min() > 3
    # The quintic's own band is about 0.68 to 1.13; bfloat16 adds a little.
    assert after.min() > 0.6 and after.max() < 1.25


def test_orthogonalize_follows_the_polynomial_by_hand() -> None:
    """Singular values 0.6 and 0.8 have norm 1; each goes through ax + bx^3 + cx^5."""
    a, b, c = optimizers.NEWTON_SCHULZ
    found = optimizers.orthogonalize(torch.diag(torch.tensor([0.6, 0.8])), steps=1)
    expected = [a * x + b * x**3 + c * x**5 for x in (0.6, 0.8)]
    assert found.diagonal().float().tolist() == pytest.approx(expected, rel=0.02)
    assert found[0, 1] == found[1, 0] == 0


def test_orthogonalize_keeps_directions() -> None:
    """Of U S V only S changes: the result is close to U V in every direction."""
    matrix = noise(10, 6, dtype=torch.float32)
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    inner = u.T @ optimizers.orthogonalize(matrix).float() @ v.T
    assert (inner - torch.diag(inner.diagonal())).abs().max() < 0.05
    assert inner.diagonal().min() > 0.6


def test_a_stack_of_matrices_is_treated_one_by_one() -> None:
    matrices = noise(3, 6, 9, dtype=torch.float32)
    alone = torch.stack([optimizers.orthogonalize(matrix) for matrix in matrices])
    torch.testing.assert_close(optimizers.orthogonalize(matrices), alone)
    turned = optimizers.orthogonalize(matrices.mT).mT
    torch.testing.assert_close(turned, alone)


def test_a_muon_step_is_as_large_as_an_adamw_step() -> None:
    """An orthogonal (r, c) matrix has entries of root mean square 1/sqrt(max(r, c))."""
    for shape in ((16, 64), (64, 16), (32, 32)):
        p = nn.Parameter(torch.zeros(shape))
        p.grad = noise(*shape).float()
        optimizers.Muon([p], lr=1.0, weight_decay=0.0).step()
        size = p.square().mean().sqrt().item()
        assert 0.14 < size < 0.24, f"{shape}: {size}"


def test_muon_refuses_what_is_no_matrix() -> None:
    with pytest.raises(ValueError, match=r"\(5,\).*AdamW"):
        optimizers.Muon([nn.Parameter(torch.zeros(5))])


def test_a_zero_gradient_gives_no_step() -> None:
    p = nn.Parameter(torch.ones(3, 4))
    p.grad = torch.zeros(3, 4)
    optimizers.Muon([p], lr=1.0, weight_decay=0.0).step()
    assert torch.equal(p, torch.ones(3, 4))


# Groups


@pytest.mark.parametrize("matrices", ["muon", "adamw"])
@pytest.mark.parametrize("tied", [True, False])
def test_every_parameter_is_in_exactly_one_group(matrices: str, tied: bool) -> None:
    model = small_model(tie_embeddings=tied, qk_norm=True, qkv_bias=True)
    optimizer = optimizers.build_optimizer(
        model, lr=1e-3, weight_decay=0.1, matrices=matrices
    )
    given = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert sorted(given) == sorted(id(p) for p in model.parameters())


@pytest.mark.parametrize("matrices", ["muon", "adamw"])
def test_vectors_are_not_decayed_and_all_else_is(matrices: str) -> None:
    model = small_model(qk_norm=True, qkv_bias=True)
    optimizer = optimizers.build_optimizer(
        model, lr=0.1, weight_decay=0.5, matrices=matrices
    )
    for p in model.parameters():
        p.data.fill_(1.0)
        p.grad = torch.zeros_like(p)
    optimizer.step()
    for name, p in model.named_parameters():
        expected = 1.0 if p.dim() < 2 else 0.95
        assert p.unique().tolist() == pytest.approx([expected]), name


def test_muon_gets_the_matrices_of_the_blocks_and_nothing_else() -> None:
    model = small_model(tie_embeddings=False)
    first, second = optimizers.build_optimizer(
        model, lr=1e-3, weight_decay=0.1
    ).optimizers
    assert isinstance(first, optimizers.Muon)
    assert isinstance(second, optimizers.AdamW)
    shapes = {tuple(p.shape) for g in first.param_groups for p in g["params"]}
    assert not any(17 in shape for shape in shapes), "an embedding went to Muon"
    n_matrices = sum(p.dim() == 2 for p in model.blocks.parameters())
    assert sum(len(g["params"]) for g in first.param_groups) == n_matrices


def test_an_unknown_optimizer_is_refused() -> None:
    with pytest.raises(ValueError, match="'sgd'; choose muon or adamw"):
        optimizers.build_optimizer(
            small_model(), lr=1e-3, weight_decay=0.1, matrices="sgd"
        )


@pytest.mark.parametrize("matrices", ["muon", "adamw"])
def test_a_parameter_without_gradient_stays_as_it_is(matrices: str) -> None:
    model = small_model()
    optimizer = optimizers.build_optimizer(
        model, lr=0.1, weight_decay=0.5, matrices=matrices
    )
    with_gradients(model, 0)
    frozen = [next(model.blocks[0].parameters()), *model.blocks[1].parameters()]
    before = [p.clone() for p in frozen]
    for p in frozen:
        p.grad = None
    optimizer.step()
    assert all(map(torch.equal, frozen, before))


@pytest.mark.parametrize("matrices", ["muon", "adamw"])
def test_a_restored_optimizer_goes_on_bitwise_equal(matrices: str) -> None:
    models = [small_model(), small_model()]
    pair = [
        optimizers.build_optimizer(m, lr=0.01, weight_decay=0.1, matrices=matrices)
        for m in models
    ]
    for step in range(3):
        with_gradients(models[0], step)
        pair[0].step()
    models[1].load_state_dict(models[0].state_dict())
    pair[1].load_state_dict(copy.deepcopy(pair[0].state_dict()))
    for model, optimizer in zip(models, pair, strict=True):
        with_gradients(model, 9)
        optimizer.step()
    assert all(map(torch.equal, models[0].parameters(), models[1].parameters()))


def test_forgetting_gradients_reaches_every_optimizer() -> None:
    model = small_model()
    optimizer = optimizers.build_optimizer(model, lr=0.01, weight_decay=0.1)
    with_gradients(model, 0)
    optimizer.zero_grad()
    assert all(p.grad is None for p in model.parameters())
