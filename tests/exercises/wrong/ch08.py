"""Planted mistakes for chapter 8: each has the right shape and the wrong numbers."""

import torch
import torch.nn.functional as F


def picked(model, batch):
    """Return each place's log-probability (B, T), 0 where it does not count."""
    shares = model(batch.tokens).float().log_softmax(dim=-1)
    counted = batch.targets != -100
    chosen = shares.gather(-1, batch.targets.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    return chosen, counted


def sequence_log_probs__is_the_mean(model, batch):
    chosen, counted = picked(model, batch)
    return (chosen * counted).sum(1) / counted.sum(1).clamp(min=1)


def sequence_log_probs__counts_everything(model, batch):
    chosen, _ = picked(model, batch)
    return chosen.sum(1)


def sequence_log_probs__is_the_loss(model, batch):
    chosen, counted = picked(model, batch)
    return -(chosen * counted).sum(1)


def sequence_log_probs__shifts_again(model, batch):
    logits = model(batch.tokens)[:, :-1].float()
    targets = batch.targets[:, 1:]
    losses = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    first = F.cross_entropy(model(batch.tokens)[:, 0], batch.targets[:, 0])
    return -losses.sum(1) - first


def sequence_log_probs__adds_logits(model, batch):
    logits = model(batch.tokens).float()
    places = batch.targets.clamp(min=0).unsqueeze(-1)
    return (logits.gather(-1, places).squeeze(-1) * (batch.targets != -100)).sum(1)


def sequence_log_probs__cuts_the_gradient(model, batch):
    chosen, counted = picked(model, batch)
    return (chosen.detach() * counted).sum(1) + 0 * chosen.sum()


def rewards(policy_chosen, policy_rejected, reference_chosen, reference_rejected, beta):
    """Return the two rewards of each pair."""
    chosen = beta * (policy_chosen - reference_chosen)
    return chosen, beta * (policy_rejected - reference_rejected)


def dpo_loss__forgets_the_reference(pc, pr, rc, rr, beta=0.1):
    loss = -F.logsigmoid(beta * (pc - pr)).mean()
    return loss, *(each.detach() for each in rewards(pc, pr, rc, rr, beta))


def dpo_loss__swaps_chosen_and_rejected(pc, pr, rc, rr, beta=0.1):
    good, bad = rewards(pc, pr, rc, rr, beta)
    return -F.logsigmoid(bad - good).mean(), good.detach(), bad.detach()


def dpo_loss__sums_the_pairs(pc, pr, rc, rr, beta=0.1):
    good, bad = rewards(pc, pr, rc, rr, beta)
    return -F.logsigmoid(good - bad).sum(), good.detach(), bad.detach()


def dpo_loss__averages_the_margins(pc, pr, rc, rr, beta=0.1):
    good, bad = rewards(pc, pr, rc, rr, beta)
    return -F.logsigmoid((good - bad).mean()), good.detach(), bad.detach()


def dpo_loss__forgets_beta(pc, pr, rc, rr, beta=0.1):
    good, bad = rewards(pc, pr, rc, rr, 1.0)
    return -F.logsigmoid(good - bad).mean(), good.detach(), bad.detach()


def dpo_loss__takes_the_log_of_zero(pc, pr, rc, rr, beta=0.1):
    good, bad = rewards(pc, pr, rc, rr, beta)
    return -torch.sigmoid(good - bad).log().mean(), good.detach(), bad.detach()


def dpo_loss__learns_through_the_rewards(pc, pr, rc, rr, beta=0.1):
    good, bad = rewards(pc, pr, rc, rr, beta)
    return -F.logsigmoid(good - bad).mean(), good, bad


def ipo_loss__scales_the_margin(pc, pr, rc, rr, beta=0.1):
    good, bad = rewards(pc, pr, rc, rr, beta)
    return (good - bad - 1 / (2 * beta)).square().mean()


def ipo_loss__wants_one_over_beta(pc, pr, rc, rr, beta=0.1):
    return (pc - rc - pr + rr - 1 / beta).square().mean()


def ipo_loss__forgives_too_large_a_margin(pc, pr, rc, rr, beta=0.1):
    return (1 / (2 * beta) - (pc - rc - pr + rr)).clamp(min=0).square().mean()


def ipo_loss__averages_before_it_squares(pc, pr, rc, rr, beta=0.1):
    return (pc - rc - pr + rr - 1 / (2 * beta)).mean().square()
