"""The modern decoder in at most 60 lines: the book's names and none of its code."""

import torch
import torch.nn.functional as F
from torch import nn


class Norm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(width))

    def forward(self, x):
        return self.weight * x / (x.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt()


def linears(**shapes):
    return nn.ModuleDict({n: nn.Linear(*s, bias=False) for n, s in shapes.items()})


def rotate(x, theta=500.0):
    half = x.shape[-1] // 2
    angles = torch.arange(x.shape[-2])[:, None] / theta ** (torch.arange(half) / half)
    (a, b), sin, cos = x.split(half, -1), angles.sin(), angles.cos()
    return torch.cat((a * cos - b * sin, a * sin + b * cos), -1)


def attend(x, project, width):
    q, k, v = (project[f"{n}_proj"](x).unflatten(-1, (-1, width)) for n in "qkv")
    q, k, v = rotate(q.transpose(1, 2)), rotate(k.transpose(1, 2)), v.transpose(1, 2)
    shared = [y.repeat_interleave(q.shape[1] // k.shape[1], 1) for y in (k, v)]
    mixed = F.scaled_dot_product_attention(q, *shared, is_causal=True)
    return project["out_proj"](mixed.transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, d, d_ff, heads, kv_heads, width):
        super().__init__()
        self.attention_norm, self.ffn_norm, self.width = Norm(d), Norm(d), width
        kv = dict(k_proj=(d, kv_heads * width), v_proj=(d, kv_heads * width))
        outer = dict(q_proj=(d, heads * width), out_proj=(heads * width, d))
        self.attention = linears(**outer, **kv)
        self.ffn = linears(w1=(d, d_ff), w2=(d_ff, d), w3=(d, d_ff))

    def forward(self, x):
        x = x + attend(self.attention_norm(x), self.attention, self.width)
        y, w = self.ffn_norm(x), self.ffn
        return x + w["w2"](F.silu(w["w1"](y)) * w["w3"](y))


class ReferenceModel(nn.Module):
    def __init__(self, vocab, n_layers, tied, d, **sizes):
        super().__init__()
        self.embedding, self.norm = nn.Embedding(vocab, d), Norm(d)
        self.blocks = nn.Sequential(*(Block(d, **sizes) for _ in range(n_layers)))
        self.head = None if tied else nn.Linear(d, vocab, bias=False)

    def forward(self, tokens):
        x = self.norm(self.blocks(self.embedding(tokens)))
        return self.head(x) if self.head else x @ self.embedding.weight.T
