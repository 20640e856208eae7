"""Solutions of chapter 4; what an exercise rebuilds is taken from the module."""

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ch04_transformer.experts import load_balance_loss
from ch04_transformer.latent_attention import attend_absorbed
from ch04_transformer.transformer import RMSNorm, SwiGLUFeedForward, Transformer

__all__ = [
    "RMSNorm",
    "SwiGLUFeedForward",
    "attend_latents",
    "fold_norms",
    "load_balance_loss",
    "logit_lens",
]


def logit_lens(model: Transformer, tokens: Tensor) -> Tensor:
    """Pass the residual stream after every block through the last norm and the head.

    Shape:   tokens (B, T)  ->  (L + 1, B, T, V).
    Source:  nostalgebraist 2020, "interpreting GPT: the logit lens".
    """
    stream = [model.embedding(tokens)]
    for block in model.blocks:
        stream.append(block(stream[-1]))
    return F.linear(model.norm(torch.stack(stream)), model.output_weight())


def fold_norms(model: Transformer) -> Transformer:
    """Multiply each norm's scales into the columns of the matrices that read it.

    The last norm's scales go into a head of its own: an embedding that is also the head
    cannot take them, because it would change what goes in.
    """
    folded = Transformer(replace(model.config, tie_embeddings=False))
    folded.load_state_dict({**model.state_dict(), "head.weight": model.output_weight()})
    with torch.no_grad():
        for block in folded.blocks:
            attention, ffn = block.attention, block.ffn
            _fold(block.attention_norm, attention.q_proj, attention.k_proj)
            _fold(block.attention_norm, attention.v_proj)
            _fold(block.ffn_norm, ffn.w1, ffn.w3)
            block.attention_norm.weight.fill_(1.0)
            block.ffn_norm.weight.fill_(1.0)
        _fold(folded.norm, folded.head)
        folded.norm.weight.fill_(1.0)
    return folded.train(model.training)


def _fold(norm: RMSNorm, *readers: torch.nn.Linear) -> None:
    """Scale the columns of each matrix that reads what the norm returns."""
    for reader in readers:
        reader.weight *= norm.weight


def attend_latents(
    q: Tensor, latent: Tensor, k_up: Tensor, v_up: Tensor, mask: Tensor
) -> Tensor:
    """Carry the queries to the latents: one key-value head, as wide as the latent.

    It is the module's absorbed form with a rotary part of width zero.

    Shape:   q (B, H, T, Dh), latent (B, S, R), k_up and v_up (H, Dh, R), mask
             broadcastable to (B, H, T, S)  ->  (B, H, T, Dh).
    Source:  DeepSeek-AI 2024, "DeepSeek-V2", section 2.1.2.
    """
    shared = latent[:, None]
    return attend_absorbed(q, q[..., :0], shared, shared[..., :0], k_up, v_up, mask)
