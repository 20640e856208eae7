"""Exercises of chapter 8. `make exercises CH=08` copies them to answers/ and grades."""

from torch import Tensor, nn

from ch05_pretraining.pretraining import Batch


def sequence_log_probs(model: nn.Module, batch: Batch) -> Tensor:
    """Rebuild the log-probability of each row's counted targets, summed.

    `model(batch.tokens)` gives logits (B, T, V); the targets are shifted already, and
    -100 means that a place does not count. A row that counts nothing has 0.

    Shape:   (B,).
    Units:   nats.

    Hint: log_softmax over the vocabulary, then `gather` picks one number at each place.
    -100 is no place in the vocabulary: let it point anywhere, and multiply what comes
    by zero (or fill it with zero) before you sum.
    """
    raise NotImplementedError("exercise 8.1")


def dpo_loss(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    beta: float = 0.1,
) -> tuple[Tensor, Tensor, Tensor]:
    """Rebuild the DPO loss of a batch of pairs, from four log-probabilities each.

    A reward is beta times what the log-probability gained against the reference. The
    loss of a pair is -ln sigmoid(reward of chosen - reward of rejected). The rewards
    are only for looking at: no gradient runs through them.

    Shape:   four times (B,)  ->  mean loss (scalar), chosen rewards (B,), rejected
             rewards (B,).
    Source:  Rafailov et al. 2023, eq. 7.

    Hint: `F.logsigmoid` is safe where the margin is -1,000 and the log of `sigmoid` is
    not. Take the mean last, over the losses and not over the margins.
    """
    raise NotImplementedError("exercise 8.2")


def ipo_loss(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    beta: float = 0.1,
) -> Tensor:
    """Ask for a margin of a fixed size instead of an ever larger one.

    DPO's pull never quite ends: a pair that is won already still pushes. IPO wants the
    gain of the chosen answer to exceed that of the rejected one by 1 / (2 beta), in
    nats, and punishes the squared distance from that, on either side.

    Shape:   four times (B,)  ->  mean loss (scalar).
    Source:  Azar et al. 2024, eq. 17.

    Hint: the gains are plain differences of log-probabilities; beta stands only in the
    target. At the reference the loss is 1 / (4 beta^2): 25 for beta 0.1.
    """
    raise NotImplementedError("exercise 8.3")
