r"""Mixture of experts: many feed-forward layers, of which each token uses a few.

    token -> router -> logits of E experts -> the top k, softmax over these k
          -> sum over the chosen of  share * expert(token)

        x  --+--------------------------------------------+
             |   router:  e0   e1   e2   e3      (E = 4)  |
             |            .    2/3   .   1/3     (k = 2)  |
             |                 |         |                |
             +--------->   expert 1   expert 3            |
                               \         /                |
                                weighted sum  ----------- + -->

Parameters grow with E, the work for one token with k. Nothing in the loss asks that all
experts be used, so `load_balance_loss` does; and while training, a `capacity_factor`
bounds how many tokens an expert takes: those that find it full pass by.
"""

import argparse
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ch01_data.files import run_command
from ch04_transformer.transformer import SwiGLUFeedForward


class Routing(NamedTuple):
    """What a router decided for each of B*T tokens.

    Shape:   logits (B*T, E); weights, chosen and kept (B*T, k): the share of each
             choice, the expert's number, and whether that expert had room.
    """

    logits: Tensor
    weights: Tensor
    chosen: Tensor
    kept: Tensor


def choose_experts(logits: Tensor, top_k: int) -> tuple[Tensor, Tensor]:
    """Return the shares and numbers of each token's best experts, the best first.

    The softmax runs over the chosen alone, so that their shares sum to 1.

    Shape:   logits (B*T, E)  ->  weights and chosen (B*T, k).
    Source:  Shazeer et al. 2017, eq. 3 and 5 (without noise).
    """
    best, chosen = logits.float().topk(top_k, dim=-1)
    return best.softmax(dim=-1), chosen


def within_capacity(chosen: Tensor, n_experts: int, capacity: int) -> Tensor:
    """Say which choices find room where each expert takes `capacity` tokens.

    All first choices queue before all second ones, and tokens in their order.

    Shape:   chosen (B*T, k)  ->  (B*T, k), bool, True = has room.
    Source:  Lepikhin et al. 2021, "GShard", algorithm 1.
    """
    queue = F.one_hot(chosen.T.flatten(), n_experts)  # (_, E)
    place = (queue.cumsum(dim=0) * queue).sum(dim=-1)
    return (place <= capacity).view(chosen.T.shape).T


class Router(nn.Module):
    """Score all experts for each token by one matrix, and choose.

    Shape:   tokens (B*T, D)  ->  Routing.
    Raises:  ValueError if top_k or capacity_factor is impossible.
    """

    def __init__(
        self,
        d_model: int,
        n_experts: int,
        top_k: int,
        capacity_factor: float | None = None,
    ) -> None:
        super().__init__()
        if not 1 <= top_k <= n_experts:
            raise ValueError(
                f"top_k is {top_k}, but there are {n_experts} experts to choose from; "
                "it must be at least 1 and at most their number"
            )
        if capacity_factor is not None and capacity_factor <= 0:
            raise ValueError(
                f"capacity_factor is {capacity_factor}; it must be positive (1 is "
                "room for exactly the tokens there are, None is room for all)"
            )
        self.gate = nn.Linear(d_model, n_experts, bias=False)
        self.top_k, self.capacity_factor = top_k, capacity_factor

    def capacity(self, n_tokens: int) -> int:
        """Return how many tokens an expert takes, of so many in the batch.

        Source:  Fedus et al. 2022, eq. 3 (there for k = 1).
        """
        if self.capacity_factor is None or not self.training:
            return n_tokens
        fair = n_tokens * self.top_k / self.gate.out_features
        return math.ceil(self.capacity_factor * fair)

    def forward(self, tokens: Tensor) -> Routing:
        """Choose experts; only in training can one of them be full."""
        logits = self.gate(tokens)  # (B*T, E)
        weights, chosen = choose_experts(logits, self.top_k)
        room = self.capacity(len(tokens))
        kept = within_capacity(chosen, self.gate.out_features, room)
        return Routing(logits, weights, chosen, kept)


class MixtureOfExperts(nn.Module):
    """Let each token be served by the few experts that its router chooses.

    Inject it as `feed_forward=partial(MixtureOfExperts, n_experts=8, top_k=2)`. A
    choice that finds its expert full adds nothing; the residual stream carries the
    token past.

    Shape:   (B, T, D)  ->  (B, T, D).
    Source:  Shazeer et al. 2017, eq. 1; Jiang et al. 2024, "Mixtral", section 2.1.
    """

    def __init__(
        self,
        d_model: int,
        d_ff: int,
        *,
        n_experts: int = 8,
        top_k: int = 2,
        capacity_factor: float | None = None,
        expert: Callable[[int, int], nn.Module] = SwiGLUFeedForward,
    ) -> None:
        super().__init__()
        self.router = Router(d_model, n_experts, top_k, capacity_factor)
        self.experts = nn.ModuleList(expert(d_model, d_ff) for _ in range(n_experts))

    def forward(self, x: Tensor) -> Tensor:
        """Send each token to its experts and add up their answers by their shares."""
        tokens = x.flatten(0, -2)  # (B*T, D)
        routing = self.router(tokens)
        mixed = torch.zeros_like(tokens)  # (B*T, D)
        for number, expert in enumerate(self.experts):
            mine = (routing.chosen == number) & routing.kept
            token, choice = mine.nonzero(as_tuple=True)
            share = routing.weights[token, choice, None]  # (_, 1)
            answer = share * expert(tokens[token])  # (_, D)
            mixed = mixed.index_add(0, token, answer.to(mixed.dtype))  # (B*T, D)
        return mixed.view_as(x)  # (B, T, D)


def expert_load(chosen: Tensor, n_experts: int) -> Tensor:
    """Return which share of all choices fell on each expert; the shares sum to 1.

    Shape:   chosen (B*T, k)  ->  (E,).
    """
    return F.one_hot(chosen.flatten(), n_experts).float().mean(dim=0)  # (E,)


def load_balance_loss(logits: Tensor, chosen: Tensor) -> Tensor:
    """Return E times the sum over experts of load times mean probability.

    It is 1 where all experts are used alike and E where one of them does all the work.
    Loads are counts and have no gradient; the probabilities carry it, and each expert
    is pushed down in proportion to its load.

    By hand, E = 2, k = 1: three tokens with probabilities (3/4, 1/4), (3/4, 1/4) and
    (1/4, 3/4). Loads 2/3 and 1/3, mean probabilities 7/12 and 5/12, so
    2 * (2/3 * 7/12 + 1/3 * 5/12) = 2 * 19/36 = 19/18.

    Shape:   logits (B*T, E), chosen (B*T, k)  ->  scalar.
    Source:  Fedus et al. 2022, eq. 4 to 6 (there for k = 1).
    """
    n_experts = logits.shape[-1]
    probability = logits.float().softmax(dim=-1).mean(dim=0)  # (E,)
    return n_experts * (expert_load(chosen, n_experts) * probability).sum()


@contextmanager
def recorded_routing(model: nn.Module) -> Iterator[list[Routing]]:
    """Collect what every router of a model decides inside the `with` block."""
    records: list[Routing] = []
    routers = [module for module in model.modules() if isinstance(module, Router)]
    hooks = [
        router.register_forward_hook(lambda *call: records.append(call[2]))
        for router in routers
    ]
    try:
        yield records
    finally:
        for hook in hooks:
            hook.remove()


def balanced_loss(
    model: nn.Module,
    batch: object,
    *,
    loss_fn: Callable[[nn.Module, object], Tensor],
    weight: float = 0.01,
) -> Tensor:
    """Add the routers' mean load-balance loss to any loss.

    `partial(balanced_loss, loss_fn=next_token_loss)` is a loss_fn for chapter 5's
    training loop, which need not know of experts.

    Raises:  ValueError if the model has no router.
    Source:  Fedus et al. 2022, section 2.2 (weight 0.01).
    """
    with recorded_routing(model) as routings:
        loss = loss_fn(model, batch)
    if not routings:
        raise ValueError(
            "no router was asked: balanced_loss is for a model with MixtureOfExperts; "
            "train others with the plain loss"
        )
    extra = [load_balance_loss(each.logits, each.chosen) for each in routings]
    return loss + weight * torch.stack(extra).mean()


def active_params(model: nn.Module) -> int:
    """Count the parameters that one token meets: k of each mixture's E experts."""
    count = sum(parameter.numel() for parameter in model.parameters())
    for module in model.modules():
        if isinstance(module, MixtureOfExperts):
            idle = len(module.experts) - module.router.top_k
            count -= idle * sum(p.numel() for p in module.experts[0].parameters())
    return count


def main(argv: list[str] | None = None) -> int:
    """Route random tokens through a fresh mixture and print who serves how many."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--tokens", type=int, default=512, help="tokens to route")
    parser.add_argument("--d-model", type=int, default=64, help="width")
    parser.add_argument("--experts", type=int, default=8, help="number of experts")
    parser.add_argument("--top-k", type=int, default=2, help="experts for each token")
    parser.add_argument(
        "--capacity-factor", type=float, default=None, help="room over the fair share"
    )
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    def show() -> None:
        torch.manual_seed(args.seed)
        router = Router(args.d_model, args.experts, args.top_k, args.capacity_factor)
        routing = router(torch.randn(args.tokens, args.d_model))
        for number, share in enumerate(expert_load(routing.chosen, args.experts)):
            print(f"expert {number:>3}  {share.item():6.1%}")
        print(f"dropped     {(~routing.kept).float().mean().item():6.1%}")
        loss = load_balance_loss(routing.logits, routing.chosen)
        print(f"balance loss {loss.item():.3f} (1 is even, {args.experts} is worst)")

    return run_command(show)


if __name__ == "__main__":
    raise SystemExit(main())
