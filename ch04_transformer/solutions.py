"""Solutions of chapter 4; what an exercise rebuilds is taken from the module."""

import re
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
    "from_meta_name",
    "load_balance_loss",
    "logit_lens",
    "split_attention",
]
# Exercise 4.5: Meta's name of a part of a layer, and outside the layers.
META_LAYER = {
    "attention_norm": "input_layernorm",
    "attention.wq": "self_attn.q_proj",
    "attention.wk": "self_attn.k_proj",
    "attention.wv": "self_attn.v_proj",
    "attention.wo": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "feed_forward.w1": "mlp.gate_proj",
    "feed_forward.w2": "mlp.down_proj",
    "feed_forward.w3": "mlp.up_proj",
}
META_OUTER = {
    "tok_embeddings": "model.embed_tokens",
    "norm": "model.norm",
    "output": "lm_head",
}


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


def from_meta_name(name: str) -> str:
    """Look up the part, inside a layer or outside of all.

    Raises:  ValueError that holds the name if it is none of Meta's.
    """
    found = re.fullmatch(r"(?:layers\.(\d+)\.)?(.+)\.weight", name)
    number, part = found.groups() if found else (None, None)
    if number is None and part in META_OUTER:
        return f"{META_OUTER[part]}.weight"
    if number is not None and part in META_LAYER:
        return f"model.layers.{number}.{META_LAYER[part]}.weight"
    raise ValueError(f"{name!r} is no name of Meta's Llama files")


def split_attention(weight: Tensor, bias: Tensor) -> dict[str, Tensor]:
    """Turn the matrix over and cut it, and the bias, into three.

    Shape:   weight (D, 3*D), bias (3*D,)  ->  three of (D, D) and three of (D,).
    Raises:  ValueError if the shapes are others.
    """
    width = weight.shape[0]
    if weight.shape != (width, 3 * width) or bias.shape != (3 * width,):
        raise ValueError(
            f"weight {tuple(weight.shape)} and bias {tuple(bias.shape)} are not "
            "(D, 3*D) and (3*D,); is the matrix already turned over?"
        )
    split = {}
    pieces = zip("qkv", weight.T.chunk(3), bias.chunk(3), strict=True)
    for letter, matrix, vector in pieces:
        split[f"{letter}_proj.weight"] = matrix.contiguous().clone()
        split[f"{letter}_proj.bias"] = vector.clone()
    return split


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
