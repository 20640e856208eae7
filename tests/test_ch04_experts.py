"""Chapter 4: mixture of experts.

Golden: routing, capacity and balance loss worked by hand. Parity: Mixtral's block and
its balance loss in transformers. Property: one expert is the dense layer, tokens do not
hear each other, what is dropped is counted, and the balance loss balances.
"""

import copy
import math
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from transformers import MixtralConfig
from transformers.models.mixtral.modeling_mixtral import (
    MixtralSparseMoeBlock,
    load_balancing_loss_func,
)

from ch04_transformer.choices import from_stream, influences
from ch04_transformer.experts import (
    MixtureOfExperts,
    Router,
    active_params,
    balanced_loss,
    choose_experts,
    expert_load,
    load_balance_loss,
    main,
    recorded_routing,
    within_capacity,
)
from ch04_transformer.transformer import (
    ModelConfig,
    SwiGLUFeedForward,
    Transformer,
    TransformerBlock,
)
from ch05_pretraining.optimizers import build_optimizer
from ch05_pretraining.pretraining import Batch, next_token_loss, train

SIZES = dict(vocab_size=19, d_model=8, n_layers=2, n_heads=2, d_ff=6)


def mixture(**options) -> MixtureOfExperts:
    torch.manual_seed(0)
    layer = MixtureOfExperts(8, 6, **{"n_experts": 4, "top_k": 2, **options})
    for parameter in layer.parameters():
        parameter.data = torch.randn_like(parameter)
    return layer


def model_of_experts(seed=0, sizes=SIZES, **options) -> Transformer:
    torch.manual_seed(seed)
    layer = partial(MixtureOfExperts, **{"n_experts": 4, "top_k": 2, **options})
    return Transformer(
        ModelConfig(**sizes), block=partial(TransformerBlock, feed_forward=layer)
    )


# ------------------------------------------------------------------- golden


def test_the_softmax_runs_over_the_chosen_by_hand():
    """Logits 0, ln 2, -5, ln 4: the best two are experts 3 and 1.

    Their powers are 4 and 2, so their shares 2/3 and 1/3.
    """
    logits = torch.tensor([[0.0, math.log(2), -5.0, math.log(4)]])
    weights, chosen = choose_experts(logits, 2)
    assert chosen.tolist() == [[3, 1]]
    assert torch.allclose(weights, torch.tensor([[2 / 3, 1 / 3]]))


def test_first_choices_queue_before_second_ones_by_hand():
    """Tokens choose (0, 1), (1, 0), (0, 1); each of two experts takes two.

    Expert 0 is asked first by tokens 0 and 2, then second by token 1: full. Expert 1 is
    asked first by token 1, then second by token 0, then by token 2: full.
    """
    chosen = torch.tensor([[0, 1], [1, 0], [0, 1]])
    kept = within_capacity(chosen, n_experts=2, capacity=2)
    assert kept.tolist() == [[True, True], [True, False], [True, False]]
    assert within_capacity(chosen, 2, 1).tolist() == [
        [True, False],
        [True, False],
        [False, False],
    ]


def test_the_balance_loss_of_three_tokens_by_hand():
    """The arithmetic is in the docstring of load_balance_loss: 19/18."""
    up = math.log(3)
    logits = torch.tensor([[up, 0.0], [up, 0.0], [0.0, up]])
    loss = load_balance_loss(logits, torch.tensor([[0], [0], [1]]))
    assert loss.item() == pytest.approx(19 / 18)


def test_the_balance_loss_is_one_where_all_are_used_alike_and_e_where_one_is():
    even = load_balance_loss(torch.zeros(4, 4), torch.arange(4)[:, None])
    sure = torch.tensor([[50.0, 0.0, 0.0, 0.0]]).expand(4, 4)
    alone = load_balance_loss(sure, torch.zeros(4, 1, dtype=torch.int64))
    assert (even.item(), alone.item()) == pytest.approx((1.0, 4.0))


def test_capacity_by_hand():
    """12 tokens with 2 choices among 4 experts: the fair share is 6, a half more 9."""
    router = Router(8, n_experts=4, top_k=2, capacity_factor=1.5)
    assert router.train().capacity(12) == 9
    assert router.eval().capacity(12) == 12, "in use everybody is served"
    assert Router(8, 4, 2).train().capacity(12) == 12


# ------------------------------------------------------------------- parity


@pytest.mark.parametrize("top_k", [1, 2, 3])
def test_equals_mixtral_where_no_token_is_dropped(top_k):
    ours = mixture(top_k=top_k)
    theirs = MixtralSparseMoeBlock(
        MixtralConfig(
            hidden_size=8,
            intermediate_size=6,
            num_local_experts=4,
            num_experts_per_tok=top_k,
        )
    )
    with torch.no_grad():
        theirs.gate.weight.copy_(ours.router.gate.weight)
        for number, expert in enumerate(ours.experts):
            both = torch.cat((expert.w1.weight, expert.w3.weight))
            theirs.experts.gate_up_proj[number] = both
            theirs.experts.down_proj[number] = expert.w2.weight
    results = []
    for layer in (ours, theirs):
        x = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(1))
        y = layer(x.requires_grad_())
        y.square().sum().backward()
        gate = layer.router.gate if layer is ours else layer.gate
        results.append((y, x.grad, gate.weight.grad))
    scale = results[0][0].abs().max().item()
    assert scale > 1
    # Sums of a few terms in another order; the numbers are of size `scale` and squared.
    for mine, other in zip(*results, strict=True):
        assert torch.allclose(mine, other, atol=1e-5 * scale, rtol=1e-5)


@pytest.mark.parametrize("top_k", [1, 2])
def test_the_balance_loss_equals_mixtrals(top_k):
    """Theirs is k times ours: they count every choice as a whole token."""
    logits = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    ours = load_balance_loss(logits, choose_experts(logits, top_k)[1])
    theirs = load_balancing_loss_func((logits,), num_experts=4, top_k=top_k)
    assert torch.allclose(top_k * ours, theirs, atol=1e-6)


# ----------------------------------------------------------------- property


def naive_mixture(layer: MixtureOfExperts, x: Tensor) -> Tensor:
    """One token and one expert at a time."""
    out = torch.zeros_like(x)
    for b in range(x.shape[0]):
        for t in range(x.shape[1]):
            scores = layer.router.gate.weight @ x[b, t]
            best = sorted(range(len(scores)), key=lambda e: -scores[e])[:2]
            powers = [math.exp(scores[e] - scores[best[0]]) for e in best]
            for e, power in zip(best, powers):
                out[b, t] += power / sum(powers) * layer.experts[e](x[b, t])
    return out


def test_each_token_gets_the_weighted_sum_of_its_experts():
    layer, x = mixture(), torch.randn(2, 5, 8)
    with torch.no_grad():
        assert torch.allclose(layer(x), naive_mixture(layer, x), atol=1e-4)


def test_one_expert_is_the_dense_layer():
    layer, dense = mixture(n_experts=1, top_k=1), SwiGLUFeedForward(8, 6)
    dense.load_state_dict(layer.experts[0].state_dict())
    x = torch.randn(2, 5, 8)
    assert torch.allclose(layer(x), dense(x), atol=1e-6)
    routing = layer.router(x.flatten(0, 1))
    assert load_balance_loss(routing.logits, routing.chosen).item() == 1


def test_equal_experts_are_the_dense_layer_whoever_is_chosen():
    layer = mixture(top_k=3)
    for expert in layer.experts:
        expert.load_state_dict(layer.experts[0].state_dict())
    x = torch.randn(2, 5, 8)
    # The shares sum to 1.
    assert torch.allclose(layer(x), layer.experts[0](x), atol=1e-4)


def test_tokens_do_not_hear_each_other_where_nobody_is_dropped():
    reacts = influences(mixture(), torch.randn(2, 4, 8)).flatten(2).flatten(0, 1)
    assert (reacts > 0).equal(torch.eye(8).bool())


def test_a_model_of_experts_is_causal():
    model = model_of_experts().eval()
    reacts = influences(partial(from_stream, model), torch.randn(1, 5, 8))[0, :, 0]
    assert (reacts > 0).equal(torch.ones(5, 5).tril().bool())


def test_a_token_that_finds_its_experts_full_adds_nothing_and_is_counted():
    layer = mixture(top_k=1, capacity_factor=0.5).train()
    x = torch.randn(1, 1, 8).expand(2, 8, 8)  # sixteen equal tokens: one choice for all
    with recorded_routing(layer) as records:
        y = layer(x)
    # The fair share of 16 tokens among 4 is 4, and half of it 2.
    served = y.abs().sum(-1).flatten() > 0
    assert served.tolist() == [True] * 2 + [False] * 14
    assert int((~records[0].kept).sum()) == 14
    assert (layer.eval()(x).abs().sum(-1) > 0).all(), "in use nobody is dropped"


@pytest.mark.parametrize("factor", [0.25, 0.5, 1.0, 1.25])
def test_no_expert_takes_more_than_its_capacity(factor):
    router = mixture(capacity_factor=factor).router.train()
    routing = router(torch.randn(30, 8))
    counts = torch.bincount(routing.chosen[routing.kept], minlength=4)
    asked = torch.bincount(routing.chosen.flatten(), minlength=4)
    room = router.capacity(30)
    assert counts.tolist() == [min(n, room) for n in asked.tolist()]


def test_with_a_capacity_a_later_token_can_push_an_earlier_one_out():
    """Second choices wait until all first ones, later ones too, have been served."""
    chosen = torch.tensor([[0, 1], [0, 1], [2, 0]])
    pushed = torch.tensor([[0, 1], [0, 1], [1, 0]])
    before, after = (within_capacity(c, 3, 1)[0].tolist() for c in (chosen, pushed))
    assert (before, after) == ([True, True], [True, False])


def test_the_recording_ends_with_its_block_and_changes_nothing():
    model, tokens = model_of_experts().eval(), torch.arange(10).view(2, 5)
    said = model(tokens)
    with recorded_routing(model) as records:
        assert model(tokens).equal(said)
    assert len(records) == model.config.n_layers
    assert [r.logits.shape for r in records] == [(10, 4)] * 2
    model(tokens)
    assert len(records) == 2
    assert not [m for m in model.modules() if m._forward_hooks]


def test_the_recording_ends_after_an_error_too():
    model = model_of_experts()
    with pytest.raises(IndexError), recorded_routing(model):
        model(torch.tensor([[99]]))
    assert not [m for m in model.modules() if m._forward_hooks]


def random_batch(seed=0, rows=4, length=12) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(19, (rows, length + 1), generator=generator)
    return Batch(tokens[:, :-1], tokens[:, 1:])


def test_the_balanced_loss_is_the_plain_one_and_the_mean_of_the_layers():
    model, batch = model_of_experts(), random_batch()
    with recorded_routing(model) as records:
        plain = next_token_loss(model, batch)
    extra = [load_balance_loss(r.logits, r.chosen).item() for r in records]
    total = balanced_loss(model, batch, loss_fn=next_token_loss, weight=0.5)
    assert total.item() == pytest.approx(plain.item() + 0.5 * sum(extra) / 2, abs=1e-5)


def test_a_model_can_be_copied_after_its_loss_was_taken():
    model = model_of_experts()
    balanced_loss(model, random_batch(), loss_fn=next_token_loss).backward()
    twin = copy.deepcopy(model)
    assert twin(random_batch().tokens).equal(model(random_batch().tokens))


def test_a_dense_model_has_nothing_to_balance():
    dense = Transformer(ModelConfig(**SIZES))
    with pytest.raises(ValueError, match="no router was asked"):
        balanced_loss(dense, random_batch(), loss_fn=next_token_loss)


def test_the_gradient_pushes_down_whom_most_tokens_choose():
    logits = torch.randn(40, 4, generator=torch.Generator().manual_seed(3))
    logits[:, 2] += 1
    logits.requires_grad_()
    chosen = choose_experts(logits, 1)[1]
    load_balance_loss(logits, chosen).backward()
    pushed = logits.grad.sum(0)
    assert expert_load(chosen, 4).argmax() == pushed.argmax() == 2
    assert pushed[2] > 0 and torch.allclose(pushed.sum(), torch.zeros(()), atol=1e-6)


def busiest_after_training(loss_fn, seed: int) -> float:
    """Train a collapsed router; return the busiest load in fair shares, last layer."""
    model = model_of_experts(seed, top_k=1)
    with torch.no_grad():
        for block in model.blocks:
            # All tokens share a direction, and expert 0 likes it.
            block.ffn.router.gate.weight[0] += 0.5
        model.embedding.weight += 0.3
    optimizer = build_optimizer(model, lr=3e-3, weight_decay=0.0, matrices="adamw")
    batches = (random_batch(s, rows=8) for s in range(1000))
    steps = train(
        model, batches, optimizer, lr_at=lambda step: 3e-3, steps=120, loss_fn=loss_fn
    )
    assert len(list(steps)) == 120
    with torch.no_grad(), recorded_routing(model.eval()) as records:
        model(random_batch(5000, rows=32).tokens)
    return max(4 * expert_load(r.chosen, 4).max().item() for r in records)


def test_the_balance_loss_balances():
    """A router born in favour of one expert spreads the load only when asked to."""
    asked = partial(balanced_loss, loss_fn=next_token_loss, weight=0.1)
    for seed in range(2):
        plain = busiest_after_training(next_token_loss, seed)
        balanced = busiest_after_training(asked, seed)
        # 1 is even, 4 is one expert for all.
        assert balanced < 1.8 and plain > balanced + 0.7, (plain, balanced)


def test_active_parameters_by_formula():
    model = model_of_experts()
    expert, gate = 3 * 8 * 6, 4 * 8
    dense = model.config.n_params() - 2 * expert
    assert sum(p.numel() for p in model.parameters()) == dense + 2 * (4 * expert + gate)
    assert active_params(model) == dense + 2 * (2 * expert + gate)
    assert active_params(nn.Linear(3, 5)) == 20


def test_half_precision_goes_in_and_out():
    layer = mixture().bfloat16()
    assert layer(torch.randn(2, 3, 8).bfloat16()).dtype == torch.bfloat16
    with torch.autocast("cpu", torch.bfloat16):
        y = mixture()(torch.randn(2, 3, 8))
    assert y.dtype == torch.float32 and y.isfinite().all()


# ----------------------------------------------------------------- refusals


@pytest.mark.parametrize("top_k", [0, 5])
def test_an_impossible_number_of_choices_is_refused(top_k):
    with pytest.raises(ValueError, match=f"top_k is {top_k}, but there are 4 experts"):
        MixtureOfExperts(8, 6, n_experts=4, top_k=top_k)


def test_a_capacity_of_nothing_is_refused():
    with pytest.raises(ValueError, match="capacity_factor is 0; it must be positive"):
        MixtureOfExperts(8, 6, n_experts=4, top_k=1, capacity_factor=0)


def test_the_command_prints_loads_that_sum_to_one(capsys):
    assert main(["--experts", "4", "--capacity-factor", "0.5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    loads = [float(line.split()[-1].rstrip("%")) for line in lines[:4]]
    assert sum(loads) == pytest.approx(100, abs=0.3)
    # Half the room: about half of all choices are dropped.
    assert 45 < float(lines[4].split()[-1].rstrip("%")) < 60


def test_the_command_refuses_too_many_choices_in_one_line(capsys):
    assert main(["--experts", "2", "--top-k", "3"]) == 2
    assert capsys.readouterr().err.startswith("error: top_k is 3, but there are 2")
