"""Checks of the exercises of chapter 8: an answer's probability, DPO and IPO."""

import math

import torch

from ch05_pretraining.pretraining import Batch

IGNORE = -100


class Sayer(torch.nn.Module):
    """Gives every position the logits of 1/2, 1/4, 1/8 and 1/8, plus a number."""

    def forward(self, tokens):
        logits = torch.tensor([1 / 2, 1 / 4, 1 / 8, 1 / 8]).log() + 5.0
        return logits.expand(*tokens.shape, 4)


class Table(torch.nn.Embedding):
    """Looks at one token only; its rows are logits."""


def said(impl, *rows):
    """Return log-probabilities in units of ln 2."""
    targets = torch.tensor(rows)
    found = impl.sequence_log_probs(Sayer(), Batch(torch.zeros_like(targets), targets))
    return [round(value / math.log(2), 3) for value in found.tolist()]


# 8.1 sequence_log_probs


def test_8_1_one_token_at_a_time(impl):
    found = said(impl, [0], [1], [3])
    assert found == [-1, -2, -3], (
        f"probabilities 1/2, 1/4, 1/8 are -1, -2, -3 times ln 2, not {found}: are the "
        "logits normalised over the vocabulary, and is the sign right?"
    )


def test_8_1_an_answer_is_a_product(impl):
    found = said(impl, [0, 1, 3], [0, 0, 0])
    assert found == [-6, -3], (
        f"1/2 * 1/4 * 1/8 is -6 and 1/2 * 1/2 * 1/2 is -3 times ln 2, not {found}: "
        "logarithms of a row's tokens are added, not averaged, and rows kept apart"
    )


def test_8_1_places_of_minus_100_do_not_count(impl):
    found = said(impl, [IGNORE, 1, IGNORE], [IGNORE] * 3)
    assert found == [-2, 0], (
        f"one counted target of 1/4, then none at all: -2 and 0, not {found}; a place "
        "of -100 must add nothing, whatever its logits are"
    )


def test_8_1_targets_are_shifted_already(impl):
    torch.manual_seed(0)
    table = Table(4, 4)
    tokens, targets = torch.tensor([[0, 1, 2]]), torch.tensor([[1, 2, 3]])
    found = impl.sequence_log_probs(table, Batch(tokens, targets)).item()
    shares = table.weight.log_softmax(dim=1)
    expected = (shares[0, 1] + shares[1, 2] + shares[2, 3]).item()
    assert abs(found - expected) < 1e-5, (
        "the target at a place is what follows the token at this very place: do not "
        "shift the logits or the targets once more"
    )


def test_8_1_it_can_be_learned_from(impl):
    torch.manual_seed(0)
    table = Table(4, 4)
    batch = Batch(torch.tensor([[0, 1]]), torch.tensor([[1, IGNORE]]))
    impl.sequence_log_probs(table, batch).sum().backward()
    assert table.weight.grad is not None and table.weight.grad[0, 1] > 0, (
        "raising the logit of the target must raise its log-probability: was the "
        "gradient lost on the way (detach, no_grad, item)?"
    )
    assert table.weight.grad[1].abs().sum() == 0, (
        "a place that does not count received a gradient"
    )


# 8.2 dpo_loss

FOUR = torch.tensor([[-2.0, -6.0], [-5.0, -6.0], [-4.0, -4.0], [-3.0, -6.0]])


def test_8_2_at_the_reference_the_loss_is_ln_2(impl):
    chosen, rejected = torch.tensor([-3.0, -50.0]), torch.tensor([-9.0, -1.0])
    loss, _, _ = impl.dpo_loss(chosen, rejected, chosen, rejected, beta=0.7)
    assert abs(float(loss) - math.log(2)) < 1e-6, (
        f"policy and reference agree, so the loss is ln 2, not {float(loss):.4f}: does "
        "the reference enter for both answers?"
    )


def test_8_2_two_pairs_by_hand(impl):
    """Margins 2 and -1: ln(1 + e^-2) = 0.126928, ln(1 + e) = 1.313262."""
    loss, chosen, rejected = impl.dpo_loss(*FOUR, beta=0.5)
    assert chosen.tolist() == [1, -1] and rejected.tolist() == [-1, 0], (
        f"rewards are {chosen.tolist()} and {rejected.tolist()}, not [1, -1] and "
        "[-1, 0]: beta times (policy minus reference), chosen first"
    )
    assert abs(float(loss) - 0.720095) < 1e-5, (
        f"the loss is {float(loss):.4f}, not 0.7201: mean of -ln sigmoid(margin), with "
        "margin = chosen reward - rejected reward (the mean of the margins is not it)"
    )


def test_8_2_the_gradient_prefers_the_chosen(impl):
    chosen = torch.zeros(2, requires_grad=True)
    rejected = torch.zeros(2, requires_grad=True)
    impl.dpo_loss(chosen, rejected, torch.zeros(2), torch.zeros(2), 0.2)[0].backward()
    assert (chosen.grad < 0).all() and (rejected.grad > 0).all(), (
        "descending this loss makes the chosen answer less likely: are chosen and "
        "rejected swapped?"
    )
    assert torch.allclose(chosen.grad, torch.full((2,), -0.05)), (
        "at the reference each of two pairs pulls by beta / 2 / 2: is the loss a mean?"
    )


def test_8_2_rewards_carry_no_gradient(impl):
    chosen = torch.zeros(2, requires_grad=True)
    zero = torch.zeros(2)
    _, good, bad = impl.dpo_loss(chosen, zero, zero, zero)
    assert not good.requires_grad and not bad.requires_grad, (
        "the rewards are only for looking at: detach them"
    )


def test_8_2_a_hopeless_pair_is_still_finite(impl):
    far, zero = torch.tensor([-1e4]), torch.zeros(1)
    loss, _, _ = impl.dpo_loss(far, zero, zero, zero, beta=1.0)
    assert math.isfinite(float(loss)), (
        "a margin of -10,000 gives infinity: sigmoid is 0 there and its log is lost; "
        "use F.logsigmoid"
    )


# 8.3 ipo_loss


def test_8_3_at_the_reference(impl):
    chosen, rejected = torch.tensor([-3.0, -5.0]), torch.tensor([-9.0, -1.0])
    loss = float(impl.ipo_loss(chosen, rejected, chosen, rejected, beta=0.1))
    assert abs(loss - 25) < 1e-4, (
        f"no gain yet, so each pair is 1 / (2 * 0.1) = 5 nats short: 25, not {loss:.3f}"
    )


def test_8_3_two_pairs_by_hand(impl):
    """Gains 2 and -2, then -2 and 0; wanted 1: (4 - 1)^2 = 9, (-2 - 1)^2 = 9."""
    loss = float(impl.ipo_loss(*FOUR, beta=0.5))
    assert abs(loss - 9) < 1e-5, (
        f"margins 4 and -2 are 3 away from 1 on either side: 9, not {loss:.3f}; beta "
        "scales the target, not the margins"
    )


def test_8_3_too_large_a_margin_costs_too(impl):
    zero = torch.zeros(1)
    chosen = torch.tensor([9.0], requires_grad=True)
    loss = impl.ipo_loss(chosen, zero, zero, zero, beta=0.1)
    loss.backward()
    assert chosen.grad.item() > 0, (
        "a margin of 9 where 5 was wanted must be pulled back; a loss that only asks "
        "for more is DPO's"
    )
    assert abs(float(loss) - 16) < 1e-4, "4 nats too many cost 16"


def test_8_3_it_is_a_mean_over_pairs(impl):
    policy = torch.tensor([5.0, 9.0])
    zero = torch.zeros(2)
    loss = float(impl.ipo_loss(policy, zero, zero, zero, beta=0.1))
    assert abs(loss - 8) < 1e-4, (
        f"pairs that cost 0 and 16 cost 8 on average, not {loss:.3f}: square each "
        "before you average"
    )
