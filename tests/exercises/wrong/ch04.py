"""Planted mistakes for chapter 4: each has the right shape and the wrong numbers."""

import copy
import math
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import nn

from ch04_transformer import transformer
from ch04_transformer.experts import expert_load, load_balance_loss
from ch04_transformer.solutions import (
    attend_latents,
    fold_norms,
    from_meta_name,
    split_attention,
)
from ch04_transformer.transformer import Transformer


class Norm(nn.Module):
    """A right RMSNorm, for mistakes to replace one method of."""

    def __init__(self, d_model, eps=1e-6):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(d_model)), eps

    def size(self, x):
        return (x.float().square().mean(-1, keepdim=True) + self.eps).sqrt()

    def forward(self, x):
        return self.weight * (x.float() / self.size(x)).to(x.dtype)


class RMSNorm__adds_epsilon_to_the_root(Norm):
    def size(self, x):
        return x.float().square().mean(-1, keepdim=True).sqrt() + self.eps


class RMSNorm__forgets_epsilon(Norm):
    def size(self, x):
        return x.float().square().mean(-1, keepdim=True).sqrt()


class RMSNorm__divides_by_the_length(Norm):
    def size(self, x):
        return x.float().norm(dim=-1, keepdim=True)


class RMSNorm__subtracts_the_mean(Norm):
    def forward(self, x):
        return super().forward(x - x.mean(-1, keepdim=True))


class RMSNorm__averages_over_all_positions(Norm):
    def size(self, x):
        return (x.float().square().mean() + self.eps).sqrt()


class RMSNorm__squares_in_half_precision(Norm):
    def size(self, x):
        return (x.square().mean(-1, keepdim=True) + self.eps).sqrt()


class RMSNorm__returns_float32(Norm):
    def forward(self, x):
        return self.weight.float() * x.float() / self.size(x)


class RMSNorm__scales_before_dividing(Norm):
    def forward(self, x):
        scaled = self.weight * x
        return (scaled.float() / self.size(scaled)).to(x.dtype)


class RMSNorm__scale_is_no_parameter(Norm):
    def __init__(self, d_model, eps=1e-6):
        super().__init__(d_model, eps)
        del self.weight
        self.weight = torch.ones(d_model)


class SwiGLUFeedForward__gate_on_the_wrong_side(transformer.SwiGLUFeedForward):
    def forward(self, x):
        return self.w2(self.w1(x) * F.silu(self.w3(x)))


class SwiGLUFeedForward__gelu(transformer.SwiGLUFeedForward):
    def forward(self, x):
        return self.w2(F.gelu(self.w1(x)) * self.w3(x))


class SwiGLUFeedForward__bare_sigmoid(transformer.SwiGLUFeedForward):
    def forward(self, x):
        return self.w2(self.w1(x).sigmoid() * self.w3(x))


class SwiGLUFeedForward__adds_the_gate(transformer.SwiGLUFeedForward):
    def forward(self, x):
        return self.w2(F.silu(self.w1(x)) + self.w3(x))


class SwiGLUFeedForward__silu_around_the_product(transformer.SwiGLUFeedForward):
    def forward(self, x):
        return self.w2(F.silu(self.w1(x) * self.w3(x)))


class SwiGLUFeedForward__has_biases(transformer.SwiGLUFeedForward):
    def __init__(self, d_model, d_ff):
        super().__init__(d_model, d_ff)
        self.w2 = nn.Linear(d_ff, d_model)


def stream_of(model, tokens):
    stream = [model.embedding(tokens)]
    for block in model.blocks:
        stream.append(block(stream[-1]))
    return stream


def logit_lens__without_the_last_norm(model, tokens):
    return F.linear(torch.stack(stream_of(model, tokens)), model.output_weight())


def logit_lens__norms_only_the_last(model, tokens):
    *early, last = stream_of(model, tokens)
    return F.linear(torch.stack([*early, model.norm(last)]), model.output_weight())


def logit_lens__norms_the_stream_itself(model, tokens):
    stream = [model.norm(model.embedding(tokens))]
    for block in model.blocks:
        stream.append(model.norm(block(stream[-1])))
    return F.linear(torch.stack(stream), model.output_weight())


def logit_lens__forgets_the_embeddings(model, tokens):
    stream = stream_of(model, tokens)[1:]
    return F.linear(model.norm(torch.stack(stream)), model.output_weight())


def logit_lens__always_uses_the_embedding(model, tokens):
    stream = torch.stack(stream_of(model, tokens))
    return F.linear(model.norm(stream), model.embedding.weight)


def logit_lens__reads_every_block_from_the_embeddings(model, tokens):
    x = model.embedding(tokens)
    stream = torch.stack([x, *(block(x) for block in model.blocks)])
    return F.linear(model.norm(stream), model.output_weight())


def logit_lens__leaves_its_hooks_behind(model, tokens):
    stream = []
    for part in [model.embedding, *model.blocks]:
        part.register_forward_hook(lambda *call: stream.append(call[2]))
    model(tokens)
    return F.linear(model.norm(torch.stack(stream)), model.output_weight())


def fold_norms__scales_rows(model):
    folded = fold_norms(model)
    for new, old in zip(folded.blocks, model.blocks, strict=True):
        scales = old.attention_norm.weight
        if old.attention.q_proj.weight.shape[0] == len(scales):
            weight = old.attention.q_proj.weight * scales[:, None]
            new.attention.q_proj.weight.data = weight
    return folded


def fold_norms__forgets_the_values(model):
    folded = fold_norms(model)
    for new, old in zip(folded.blocks, model.blocks, strict=True):
        new.attention.v_proj.weight.data = old.attention.v_proj.weight.clone()
    return folded


def fold_norms__forgets_w3(model):
    folded = fold_norms(model)
    for new, old in zip(folded.blocks, model.blocks, strict=True):
        new.ffn.w3.weight.data = old.ffn.w3.weight.clone()
    return folded


def fold_norms__leaves_the_last_norm(model):
    folded = fold_norms(model)
    folded.norm.weight.data = model.norm.weight.clone()
    folded.head.weight.data = model.output_weight().clone()
    return folded


def fold_norms__folds_into_the_tied_embedding(model):
    folded = fold_norms(model)
    if not model.config.tie_embeddings:
        return folded
    tied = Transformer(replace(folded.config, tie_embeddings=True)).eval()
    weights = folded.state_dict()
    weights["embedding.weight"] = weights.pop("head.weight")
    tied.load_state_dict(weights)
    return tied


def fold_norms__scales_the_biases_too(model):
    folded = fold_norms(model)
    if model.config.qkv_bias:
        for new, old in zip(folded.blocks, model.blocks, strict=True):
            new.attention.q_proj.bias.data *= old.attention_norm.weight
    return folded


def fold_norms__works_in_place(model):
    if model.config.tie_embeddings:
        return fold_norms(model)
    model.load_state_dict(fold_norms(model).state_dict())
    return model


def fold_norms__only_copies_the_model(model):
    return copy.deepcopy(model)


def from_meta_name__exchanges_gate_and_up(name):
    turned = {"w1": "w3", "w3": "w1"}
    parts = name.split(".")
    return from_meta_name(".".join(turned.get(part, part) for part in parts))


def from_meta_name__replaces_inside_longer_names(name):
    from_meta_name(name)
    for theirs, ours in (
        ("norm", "model.norm"),
        ("tok_embeddings", "model.embed_tokens"),
        ("output", "lm_head"),
    ):
        if theirs in name:
            return name.replace(theirs, ours)
    return from_meta_name(name)


def from_meta_name__takes_one_digit(name):
    parts = name.split(".")
    if parts[0] == "layers":
        parts[1] = parts[1][0]
    return from_meta_name(".".join(parts))


def from_meta_name__puts_the_head_inside_the_model(name):
    return from_meta_name(name).replace("lm_head", "model.lm_head")


def from_meta_name__forgets_the_prefix(name):
    return from_meta_name(name).removeprefix("model.")


def from_meta_name__lets_other_names_through(name):
    try:
        return from_meta_name(name)
    except ValueError:
        return name


def split_attention__does_not_turn_over(weight, bias):
    split = split_attention(weight, bias)
    return {
        name: value.T.contiguous() if value.dim() == 2 else value
        for name, value in split.items()
    }


def split_attention__reshapes_instead(weight, bias):
    split = split_attention(weight, bias)
    rows = weight.reshape(3, *split["q_proj.weight"].shape).clone()
    named = zip("qkv", rows, strict=True)
    return split | {f"{letter}_proj.weight": piece for letter, piece in named}


def split_attention__takes_keys_first(weight, bias):
    split = split_attention(weight, bias)
    turned = {"q": "k", "k": "q", "v": "v"}
    return {turned[name[0]] + name[1:]: value for name, value in split.items()}


def split_attention__takes_every_third_column(weight, bias):
    split = split_attention(weight, bias)
    for start, letter in enumerate("qkv"):
        split[f"{letter}_proj.weight"] = weight.T[start::3].contiguous()
    return split


def split_attention__leaves_the_biases_at_zero(weight, bias):
    return split_attention(weight, bias * 0)


def split_attention__only_looks_into_the_old_memory(weight, bias):
    split = split_attention(weight, bias)
    for letter, rows in zip("qkv", weight.T.chunk(3), strict=True):
        split[f"{letter}_proj.weight"] = rows
    return split


def split_attention__takes_any_shape(weight, bias):
    if weight.shape == (len(weight), 3 * len(weight)) and len(bias) == 3 * len(weight):
        return split_attention(weight, bias)
    return {}


def mean_probability(logits):
    return logits.softmax(dim=-1).mean(dim=0)


def load_balance_loss__forgets_the_number_of_experts(logits, chosen):
    return load_balance_loss(logits, chosen) / logits.shape[-1]


def load_balance_loss__squares_the_probabilities(logits, chosen):
    return logits.shape[-1] * mean_probability(logits).square().sum()


def load_balance_loss__counts_alone(logits, chosen):
    load = expert_load(chosen, logits.shape[-1])
    return logits.shape[-1] * load.square().sum()


def load_balance_loss__first_choices_alone(logits, chosen):
    return load_balance_loss(logits, chosen[:, :1])


def load_balance_loss__divides_by_tokens(logits, chosen):
    return load_balance_loss(logits, chosen) * chosen.shape[1]


def load_balance_loss__softmax_over_the_tokens(logits, chosen):
    load = expert_load(chosen, logits.shape[-1])
    return logits.shape[-1] * (load * logits.softmax(dim=0).mean(dim=0)).sum()


def load_balance_loss__probabilities_without_gradient(logits, chosen):
    return load_balance_loss(logits.detach(), chosen)


def attend_latents__divides_by_the_root_of_the_rank(q, latent, k_up, v_up, mask):
    return attend_latents(
        q * math.sqrt(q.shape[-1] / latent.shape[-1]), latent, k_up, v_up, mask
    )


def attend_latents__divides_by_nothing(q, latent, k_up, v_up, mask):
    return attend_latents(q * math.sqrt(q.shape[-1]), latent, k_up, v_up, mask)


def attend_latents__builds_all_keys(q, latent, k_up, v_up, mask):
    k = torch.einsum("bsr,hdr->bhsd", latent, k_up)
    scores = (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])).masked_fill(
        ~mask, -math.inf
    )
    mixed = scores.softmax(dim=-1) @ latent[:, None]
    return mixed @ v_up.transpose(-2, -1)


def attend_latents__every_head_has_the_first_ones_values(q, latent, k_up, v_up, mask):
    return attend_latents(q, latent, k_up, v_up[:1].expand_as(v_up), mask)


def attend_latents__takes_keys_for_values(q, latent, k_up, v_up, mask):
    return attend_latents(q, latent, k_up, k_up, mask)


def attend_latents__sees_the_future(q, latent, k_up, v_up, mask):
    return attend_latents(q, latent, k_up, v_up, torch.ones_like(mask))


def attend_latents__stays_in_the_latent(q, latent, k_up, v_up, mask):
    scores = q @ k_up @ latent[:, None].transpose(-2, -1) / math.sqrt(q.shape[-1])
    return scores.masked_fill(~mask, -math.inf).softmax(dim=-1) @ latent[:, None]
