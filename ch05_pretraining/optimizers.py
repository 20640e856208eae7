"""Two optimizers by hand: AdamW for vectors and embeddings, Muon for matrices.

Both are torch Optimizers, so schedules, checkpoints and DistributedDataParallel treat
them like torch's own, and both are held against torch's own in the tests.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


class AdamW(Optimizer):
    """Step against the running mean of the gradient, in units of its running size.

    Weight decay shrinks the weights directly and is not mixed into the gradient.

    Raises:  ValueError if a rate or a beta is out of range.
    Source:  Loshchilov and Hutter 2019, algorithm 2.
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.95),
        eps: float = 1e-8,
        weight_decay: float = 0.1,
    ) -> None:
        if lr < 0 or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(
                f"lr is {lr} and betas are {betas}; "
                "lr must not be negative and betas must lie in [0, 1)"
            )
        defaults = dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> None:
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            for p in params:
                if not self.state[p]:
                    self.state[p]["step"] = torch.tensor(0.0)
                    self.state[p]["exp_avg"] = torch.zeros_like(p)
                    self.state[p]["exp_avg_sq"] = torch.zeros_like(p)
                self._update(p, self.state[p], group)

    @staticmethod
    def _update(p: Tensor, state: dict, group: dict) -> None:
        """Move one parameter tensor by one step."""
        beta1, beta2 = group["betas"]
        state["step"] += 1
        step = state["step"].item()
        mean = state["exp_avg"].lerp_(p.grad, 1 - beta1)
        square = (
            state["exp_avg_sq"].mul_(beta2).addcmul_(p.grad, p.grad, value=1 - beta2)
        )
        p.mul_(1 - group["lr"] * group["weight_decay"])
        size = (square / (1 - beta2**step)).sqrt_().add_(group["eps"])
        p.addcdiv_(mean, size, value=-group["lr"] / (1 - beta1**step))


def orthogonalize(matrices: Tensor, steps: int = 5) -> Tensor:
    """Push every singular value of each matrix towards one.

    Shape:   (..., rows, columns)  ->  the same, bfloat16.
    Source:  Jordan et al. 2024, "Muon"; quintic Newton-Schulz iteration.
    """
    a, b, c = NEWTON_SCHULZ
    x = matrices.bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


class Muon(Optimizer):
    """Momentum whose every step is an orthogonal matrix: no direction is neglected.

    Matrices of one shape are stacked and treated in one go. The step is scaled to the
    size of an AdamW step, so both share one learning rate.

    Raises:  ValueError if a parameter is not a matrix.
    Source:  Jordan et al. 2024; the scale 0.2 sqrt(max(rows, columns)): Liu et al.
             2025, "Muon is scalable for LLM training", eq. 4.
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        momentum: float = 0.95,
        weight_decay: float = 0.1,
        steps: int = 5,
    ) -> None:
        defaults = dict(
            lr=lr, momentum=momentum, weight_decay=weight_decay, steps=steps
        )
        super().__init__(params, defaults)
        for group in self.param_groups:
            for p in group["params"]:
                if p.dim() != 2:
                    raise ValueError(
                        f"Muon was given a parameter of shape {tuple(p.shape)}; it "
                        "takes matrices only: give the others to AdamW"
                    )

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> None:
        """Update every matrix that has a gradient."""
        for group in self.param_groups:
            by_shape = defaultdict(list)
            for p in group["params"]:
                if p.grad is not None:
                    by_shape[p.shape].append(p)
            for params in by_shape.values():
                self._update(params, group)

    def _update(self, params: list[Tensor], group: dict) -> None:
        """Move all matrices of one shape by one step (Nesterov momentum)."""
        momentum, lr = group["momentum"], group["lr"]
        for p in params:
            if not self.state[p]:
                self.state[p]["momentum_buffer"] = torch.zeros_like(p)
        buffers = [self.state[p]["momentum_buffer"] for p in params]
        gradients = [p.grad for p in params]
        torch._foreach_lerp_(buffers, gradients, 1 - momentum)
        ahead = torch._foreach_lerp(gradients, buffers, momentum)
        steps = orthogonalize(torch.stack(ahead), group["steps"]).to(params[0].dtype)
        scale = 0.2 * max(params[0].shape) ** 0.5
        torch._foreach_mul_(params, 1 - lr * group["weight_decay"])
        torch._foreach_add_(params, list(steps.unbind()), alpha=-lr * scale)


class JointOptimizer:
    """Several optimizers that step as one."""

    def __init__(self, *optimizers: Optimizer) -> None:
        self.optimizers = optimizers

    @property
    def param_groups(self) -> list[dict]:
        """All groups of all optimizers, in order."""
        return [group for each in self.optimizers for group in each.param_groups]

    def step(self) -> None:
        """Step each optimizer."""
        for optimizer in self.optimizers:
            optimizer.step()

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)

    def state_dict(self) -> dict:
        """Return every optimizer's state under its number."""
        return {i: each.state_dict() for i, each in enumerate(self.optimizers)}

    def load_state_dict(self, state: dict) -> None:
        """Take back what state_dict gave."""
        for i, optimizer in enumerate(self.optimizers):
            optimizer.load_state_dict(state[i])


def build_optimizer(
    model: nn.Module, *, lr: float, weight_decay: float, matrices: str = "muon"
) -> JointOptimizer:
    """Give block matrices to Muon (or AdamW), embeddings and vectors to AdamW.

    Norm scales and biases are not decayed: they are sizes, not directions.

    Raises:  ValueError if `matrices` is neither "muon" nor "adamw".
    """
    if matrices not in ("muon", "adamw"):
        raise ValueError(f"optimizer is {matrices!r}; choose muon or adamw")
    named = list(model.named_parameters())
    inner = [p for name, p in named if p.dim() == 2 and name.startswith("blocks.")]
    vectors = [p for _, p in named if p.dim() < 2]
    outer = [p for _, p in named if all(p is not q for q in (*inner, *vectors))]
    groups = [
        {"params": outer, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    if matrices == "adamw":
        inner_group = {"params": inner, "weight_decay": weight_decay}
        return JointOptimizer(AdamW([inner_group, *groups], lr=lr))
    return JointOptimizer(
        Muon(inner, lr=lr, weight_decay=weight_decay), AdamW(groups, lr=lr)
    )
