"""Solutions of chapter 8; what an exercise rebuilds is taken from the module."""

from torch import Tensor

from ch08_alignment.alignment import dpo_loss, sequence_log_probs

__all__ = ["dpo_loss", "ipo_loss", "sequence_log_probs"]


def ipo_loss(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    beta: float = 0.1,
) -> Tensor:
    """Ask for a margin of a fixed size instead of an ever larger one.

    Shape:   four times (B,)  ->  mean loss (scalar).
    Source:  Azar et al. 2024, eq. 17.
    """
    chosen_gain = policy_chosen - reference_chosen
    rejected_gain = policy_rejected - reference_rejected
    return (chosen_gain - rejected_gain - 1 / (2 * beta)).square().mean()
