"""The decoder: norm, feed-forward, block, model; nothing refers to what comes later.

    tokens -> embedding -> [ x + attention(norm(x)) -> x + feed_forward(norm(x)) ] * L
           -> norm -> head -> logits

Llama, Qwen3, SmolLM2 and Mistral are this file with different numbers; GPT-2 is this
block with other parts injected.
"""

import argparse
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ch01_data.files import run_command
from ch03_attention.attention import CausalSelfAttention, LayerCache
from ch03_attention.rope_scaling import check_rope_scaling, with_original_length


@dataclass(frozen=True)
class ModelConfig:
    """The numbers by which published decoders of this family differ.

    Raises:  ValueError where a number is impossible.
    """

    vocab_size: int = 4096
    context_length: int = 256
    d_model: int = 128
    n_layers: int = 4
    n_heads: int = 4
    n_kv_heads: int | None = None
    d_head: int | None = None
    d_ff: int = 352
    norm_eps: float = 1e-6
    rope_theta: float = 10000.0
    rope_scaling: dict | None = None
    qk_norm: bool = False
    qkv_bias: bool = False
    sliding_window: int | None = None
    tie_embeddings: bool = True

    def __post_init__(self) -> None:
        for field in fields(self):
            _check_field(field.name, getattr(self, field.name), field.type)
        if self.d_head is None and self.d_model % self.n_heads:
            raise ValueError(
                f"d_model {self.d_model} is not a multiple of n_heads {self.n_heads}"
            )
        if self.n_heads % (self.n_kv_heads or self.n_heads):
            raise ValueError(
                f"n_heads {self.n_heads} is not a multiple of "
                f"n_kv_heads {self.n_kv_heads}"
            )
        if self.rope_scaling:
            check_rope_scaling(
                with_original_length(self.rope_scaling, self.context_length)
            )

    @classmethod
    def from_dict(cls, values: dict) -> "ModelConfig":
        """Build a config from plain values.

        Raises:  ValueError that names the unknown key.
        """
        unknown = sorted(set(values) - {field.name for field in fields(cls)})
        if unknown:
            raise ValueError(f"unknown config key {unknown[0]!r} for ModelConfig")
        return cls(**values)

    def n_params(self) -> int:
        """Count the parameters by formula (the real model has as many: a test)."""
        d_head = self.d_head or self.d_model // self.n_heads
        n_kv_heads = self.n_kv_heads or self.n_heads
        qkv_width = (self.n_heads + 2 * n_kv_heads) * d_head
        attention = (qkv_width + self.n_heads * d_head) * self.d_model
        attention += qkv_width * self.qkv_bias + 2 * d_head * self.qk_norm
        block = attention + 3 * self.d_model * self.d_ff + 2 * self.d_model
        embeddings = self.vocab_size * self.d_model * (1 if self.tie_embeddings else 2)
        return embeddings + self.n_layers * block + self.d_model


def _check_field(name: str, value: object, kind: type) -> None:
    """Refuse a value of the wrong type, and numbers that are not positive."""
    if not isinstance(value, int | float if kind is float else kind):
        wanted = getattr(kind, "__name__", kind)
        raise ValueError(f"{name} is {value!r}; it must be of type {wanted}")
    if isinstance(value, int | float) and not isinstance(value, bool) and value <= 0:
        raise ValueError(f"{name} is {value}; it must be positive")


class RMSNorm(nn.Module):
    """Divide each vector by its root mean square, then scale each coordinate.

    Shape:   (..., D)  ->  (..., D).
    Source:  Zhang and Sennrich 2019, eq. 4.
    """

    def __init__(self, d_model: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d_model))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalise in float32, whatever the precision of x."""
        wide = x.float()
        scale = torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps)
        return self.weight * (wide * scale).to(x.dtype)


class LayerNorm(nn.Module):
    """Subtract each vector's mean, divide by its deviation, then scale and shift.

    Shape:   (..., D)  ->  (..., D).
    Source:  Ba et al. 2016, eq. 4.
    """

    def __init__(self, d_model: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalise in float32, whatever the precision of x."""
        wide = x.float()
        centred = wide - wide.mean(-1, keepdim=True)
        scale = torch.rsqrt(centred.square().mean(-1, keepdim=True) + self.eps)
        return self.weight * (centred * scale).to(x.dtype) + self.bias


class BatchNorm(nn.Module):
    """Normalise each coordinate over all tokens of the batch: what not to use here.

    While training, a token's output depends on every other token, later ones too; in
    evaluation, running averages stand in for the batch. It is here to be compared.

    Shape:   (B, T, D)  ->  (B, T, D).
    Source:  Ioffe and Szegedy 2015, algorithm 1.
    """

    def __init__(self, d_model: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))
        self.register_buffer("running_mean", torch.zeros(d_model))
        self.register_buffer("running_var", torch.ones(d_model))
        self.eps, self.momentum = eps, momentum

    def forward(self, x: Tensor) -> Tensor:
        """Use the batch's own mean and variance in training, the running ones after."""
        wide = x.float()
        mean, var = self.running_mean, self.running_var
        if self.training:
            every = tuple(range(x.dim() - 1))
            mean, var = wide.mean(every), wide.var(every, unbiased=False)
            self.running_mean.lerp_(mean.detach(), self.momentum)
            self.running_var.lerp_(var.detach(), self.momentum)
        normed = (wide - mean) * torch.rsqrt(var + self.eps)
        return self.weight * normed.to(x.dtype) + self.bias


class SwiGLUFeedForward(nn.Module):
    """Widen, let one half gate the other, and narrow again: w2(silu(w1 x) * w3 x).

    Shape:   (B, T, D)  ->  (B, T, D).
    Source:  Shazeer 2020, eq. 6.
    """

    def __init__(self, d_model: int, d_ff: int) -> None:
        super().__init__()
        self.w1 = nn.Linear(d_model, d_ff, bias=False)
        self.w2 = nn.Linear(d_ff, d_model, bias=False)
        self.w3 = nn.Linear(d_model, d_ff, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the gated layer to each position by itself."""
        gated = F.silu(self.w1(x)) * self.w3(x)  # (B, T, F)
        return self.w2(gated)  # (B, T, D)


class TransformerBlock(nn.Module):
    """Add what attention finds, then what the feed-forward layer makes of it.

    Shape:   (B, T, D)  ->  (B, T, D).
    Source:  pre-norm residuals: Xiong et al. 2020, figure 1(b).
    """

    def __init__(
        self,
        config: ModelConfig,
        *,
        norm: Callable[..., nn.Module] = RMSNorm,
        feed_forward: Callable[[int, int], nn.Module] = SwiGLUFeedForward,
        attention: Callable[..., nn.Module] = CausalSelfAttention,
    ) -> None:
        super().__init__()
        self.attention_norm = norm(config.d_model, eps=config.norm_eps)
        self.attention = attention(
            config.d_model,
            config.n_heads,
            config.n_kv_heads,
            d_head=config.d_head,
            rope_theta=config.rope_theta,
            rope_scaling=with_original_length(
                config.rope_scaling, config.context_length
            ),
            qk_norm=partial(RMSNorm, eps=config.norm_eps) if config.qk_norm else None,
            qkv_bias=config.qkv_bias,
            sliding_window=config.sliding_window,
        )
        self.ffn_norm = norm(config.d_model, eps=config.norm_eps)
        self.ffn = feed_forward(config.d_model, config.d_ff)

    def forward(
        self,
        x: Tensor,
        *,
        positions: Tensor | None = None,
        mask: Tensor | None = None,
        cache: LayerCache | None = None,
    ) -> Tensor:
        """Pass the residual stream through both halves."""
        attended = self.attention(
            self.attention_norm(x), positions=positions, mask=mask, cache=cache
        )  # (B, T, D)
        x = x + attended  # (B, T, D)
        return x + self.ffn(self.ffn_norm(x))  # (B, T, D)


class Transformer(nn.Module):
    """A decoder-only language model: token ids in, next-token logits out.

    `block` and `norm` are the parts to build it from. `position_embedding`, made from
    the context length and the width, gives each position a vector that is added to the
    token there (GPT-2); without it, positions are known by rotation or not at all.

    Shape:   tokens (B, T), int64  ->  logits (B, T, V).
    """

    def __init__(
        self,
        config: ModelConfig,
        *,
        block: Callable[[ModelConfig], nn.Module] = TransformerBlock,
        norm: Callable[..., nn.Module] = RMSNorm,
        position_embedding: Callable[[int, int], nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.position_embedding = None
        if position_embedding is not None:
            self.position_embedding = position_embedding(
                config.context_length, config.d_model
            )
        self.blocks = nn.ModuleList(block(config) for _ in range(config.n_layers))
        self.norm = norm(config.d_model, eps=config.norm_eps)
        if not config.tie_embeddings:
            self.head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        self.apply(self._initialise)

    def _initialise(self, module: nn.Module) -> None:
        """Draw matrices so that the residual stream keeps its size at any depth.

        What is added 2L times is drawn smaller by sqrt(2L) (Radford et al. 2019).
        """
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=self.config.d_model**-0.5)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=module.in_features**-0.5)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        for name in ("out_proj", "w2"):
            if isinstance(getattr(module, name, None), nn.Linear):
                with torch.no_grad():
                    getattr(module, name).weight /= math.sqrt(2 * self.config.n_layers)

    def hidden(
        self,
        tokens: Tensor,
        *,
        positions: Tensor | None = None,
        mask: Tensor | None = None,
        cache: Sequence[LayerCache] | None = None,
    ) -> Tensor:
        """Return the normed residual stream before the head.

        Without positions, the first token stands at 0, or behind what the cache holds.

        Shape:   tokens (B, T)  ->  (B, T, D).
        """
        if positions is None:
            start = 0 if cache is None else cache.length
            stop = start + tokens.shape[1]
            positions = torch.arange(start, stop, device=tokens.device)  # (T,)
        x = self.embedding(tokens)  # (B, T, D)
        if self.position_embedding is not None:
            x = x + self.position_embedding(positions)  # (B, T, D)
        for index, block in enumerate(self.blocks):
            layer_cache = None if cache is None else cache[index]
            x = block(x, positions=positions, mask=mask, cache=layer_cache)  # (B, T, D)
        return self.norm(x)  # (B, T, D)

    def output_weight(self) -> Tensor:
        """Return the matrix that turns a hidden vector into logits: (V, D)."""
        tied = self.config.tie_embeddings
        return self.embedding.weight if tied else self.head.weight

    def forward(
        self,
        tokens: Tensor,
        *,
        positions: Tensor | None = None,
        mask: Tensor | None = None,
        cache: Sequence[LayerCache] | None = None,
    ) -> Tensor:
        """Predict the next token at every position.

        Shape:   tokens (B, T), positions (T,) or (B, T), mask broadcastable to
                 (B, H, T, S), True = may attend  ->  logits (B, T, V).
        """
        x = self.hidden(tokens, positions=positions, mask=mask, cache=cache)
        return F.linear(x, self.output_weight())  # (B, T, V)


def main(argv: list[str] | None = None) -> int:
    """Build a model and print its parameters by part."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    for field in fields(ModelConfig):
        if isinstance(field.default, int) and not isinstance(field.default, bool):
            flag = "--" + field.name.replace("_", "-")
            parser.add_argument(flag, type=int, default=field.default)
    parser.add_argument("--seed", type=int, default=0)
    args = vars(parser.parse_args(argv))

    def show() -> None:
        torch.manual_seed(args.pop("seed"))
        config = ModelConfig(**args)
        model = Transformer(config)
        print(json.dumps(asdict(config)))
        for name, part in model.named_children():
            count = sum(p.numel() for p in part.parameters())
            print(f"{name:<12}{count:>12,}")
        print(f"{'formula':<12}{config.n_params():>12,}")

    return run_command(show)


if __name__ == "__main__":
    raise SystemExit(main())
