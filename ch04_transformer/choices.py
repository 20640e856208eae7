"""The choices inside a block, and instruments that show what each of them does.

    over whom a norm averages    influences, reach, company_effect, mode_losses
    where a norm stands          PostNormBlock, gradient_norms
    with which numbers we begin  INITIALISATIONS, stream_variances

The parts themselves are in `transformer.py`; here they are put together otherwise and
measured. Training them against each other is the business of the experiments `norms`,
`norm_place`, `initialisation` and `tying`.
"""

import argparse
import copy
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ch01_data.files import run_command
from ch03_attention.attention import LayerCache
from ch04_transformer.transformer import ModelConfig, Transformer, TransformerBlock

# What writes into the residual stream: the last matrix of each half of a block.
WRITERS = ("out_proj", "w2")
GPT2_DEVIATION = 0.02
# A model deep and narrow enough to show at once what depth does.
DEEP = dict(vocab_size=512, d_model=64, n_layers=16, n_heads=4, d_ff=176)


class Reach(NamedTuple):
    """How a vector's influences divide among the vectors of a batch; they sum to 1."""

    itself: float
    past: float
    future: float
    others: float


def influences(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Measure by gradients how strongly each output vector reacts to each input one.

    Entry (b, t, c, s) is the length of the gradient, with respect to input (c, s), of
    one random projection of output (b, t).

    Shape:   x (B, T, D)  ->  (B, T, B, T).
    """
    x = x.detach().requires_grad_()
    outputs = function(x).flatten(0, 1)  # (B*T, D)
    direction = torch.randn_like(outputs[0])
    rows = [
        torch.autograd.grad(output @ direction, x, retain_graph=True)[0].norm(dim=-1)
        for output in outputs
    ]
    return torch.stack(rows).unflatten(0, x.shape[:2])  # (B, T, B, T)


def reach(influence: Tensor) -> Reach:
    """Sum influences by where they come from, as shares of all.

    `others` are the other sequences of the batch, at whatever position.

    Shape:   (B, T, B, T)  ->  four numbers.
    """
    rows = torch.arange(len(influence))
    own = influence[rows, :, rows]  # (B, T, T)
    others = influence.clone()
    others[rows, :, rows] = 0.0
    itself = own.diagonal(dim1=1, dim2=2)  # (B, T)
    parts = [part.sum() for part in (itself, own.tril(-1), own.triu(1), others)]
    return Reach(*(float(part / influence.sum()) for part in parts))


def from_stream(model: Transformer, x: Tensor) -> Tensor:
    """Run a model from its residual stream on, as if x were its embeddings.

    Shape:   x (B, T, D)  ->  logits (B, T, V).
    """
    for block in model.blocks:
        x = block(x)  # (B, T, D)
    return F.linear(model.norm(x), model.output_weight())  # (B, T, V)


@torch.no_grad()
def company_effect(
    model: Transformer, text: Tensor, companies: Sequence[Tensor]
) -> float:
    """Return how far a text's probabilities move when the rest of its batch changes.

    The model is asked in the mode in which it is given, and its running averages are
    left alone.

    Shape:   text (T,), each company (_, T).
    Units:   half the summed difference of probabilities, 0 to 1, mean over positions.
    """
    asked = copy.deepcopy(model)
    first, second = (
        asked(torch.cat((text[None], company)))[0].softmax(dim=-1)  # (T, V)
        for company in companies
    )
    return float((first - second).abs().sum(dim=-1).mean() / 2)


@torch.no_grad()
def mode_losses(
    model: Transformer, tokens: Tensor, targets: Tensor
) -> tuple[float, float]:
    """Return a model's loss as it is trained and as it is used, on the same batch.

    Shape:   tokens and targets (B, T).
    Units:   nats per token.
    """
    losses = []
    for training in (True, False):
        logits = copy.deepcopy(model).train(training)(tokens)  # (B, T, V)
        losses.append(F.cross_entropy(logits.flatten(0, 1), targets.flatten()).item())
    return losses[0], losses[1]


class PostNormBlock(nn.Module):
    """Norm the stream itself after each addition, as the first transformer did.

    It is built of the same parts as a TransformerBlock, under the same names. The
    stream it returns is normed, so the model's last norm may be `nn.Identity`.

    Shape:   (B, T, D)  ->  (B, T, D).
    Source:  Vaswani et al. 2017, section 3.1; Xiong et al. 2020, figure 1(a).
    """

    def __init__(self, config: ModelConfig, **parts: Callable[..., nn.Module]) -> None:
        super().__init__()
        for name, part in TransformerBlock(config, **parts).named_children():
            self.add_module(name, part)

    def forward(
        self,
        x: Tensor,
        *,
        positions: Tensor | None = None,
        mask: Tensor | None = None,
        cache: LayerCache | None = None,
    ) -> Tensor:
        """Let each half read the stream as it is, and norm what both make of it."""
        attended = self.attention(x, positions=positions, mask=mask, cache=cache)
        x = self.attention_norm(x + attended)  # (B, T, D)
        return self.ffn_norm(x + self.ffn(x))  # (B, T, D)


PLACES: dict[str, Callable[[ModelConfig], Transformer]] = {
    "pre-norm": Transformer,
    "post-norm": partial(Transformer, block=PostNormBlock, norm=nn.Identity),
}


def gradient_norms(model: Transformer, loss: Tensor) -> list[float]:
    """Return the length of the loss's gradient in the weights of each block.

    Source:  Xiong et al. 2020, figure 3 (there for one matrix of each block).
    """
    blocks = [list(block.parameters()) for block in model.blocks]
    flat = [parameter for block in blocks for parameter in block]
    gradients = iter(torch.autograd.grad(loss, flat))
    squares = [sum(next(gradients).square().sum() for _ in block) for block in blocks]
    return [math.sqrt(square) for square in squares]


@torch.no_grad()
def stream_variances(model: Transformer, tokens: Tensor) -> list[float]:
    """Return the stream's mean square: of the embeddings, then after each block.

    Shape:   tokens (B, T)  ->  L + 1 numbers.
    """
    x = model.embedding(tokens)  # (B, T, D)
    variances = [x.square().mean().item()]
    for block in model.blocks:
        x = block(x)  # (B, T, D)
        variances.append(x.square().mean().item())
    return variances


def stream_writers(model: Transformer) -> Iterator[nn.Linear]:
    """Yield the matrices whose results are added to the residual stream."""
    for name, module in model.named_modules():
        if name.split(".")[-1] in WRITERS and isinstance(module, nn.Linear):
            yield module


@torch.no_grad()
def scale_writers(model: Transformer, factor: float) -> None:
    """Multiply every matrix that writes into the stream."""
    for writer in stream_writers(model):
        writer.weight *= factor


def leave(model: Transformer) -> None:
    """Keep the numbers that the model was built with."""


def undivide(model: Transformer) -> None:
    """Take back the division by sqrt(2L) of what writes into the stream."""
    scale_writers(model, math.sqrt(2 * model.config.n_layers))


def draw_as_gpt2(model: Transformer) -> None:
    """Draw every matrix with deviation 0.02, writers smaller by sqrt(2L).

    Source:  Radford et al. 2019, section 2.3; the deviation is that of its code.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=GPT2_DEVIATION)
    scale_writers(model, 1 / math.sqrt(2 * model.config.n_layers))


def draw_as_torch(model: Transformer) -> None:
    """Draw every matrix as PyTorch does where nobody says otherwise.

    Linear layers: uniform up to 1 / sqrt(width), a deviation of 1 / sqrt(3 width);
    embeddings: deviation 1.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            module.reset_parameters()


def silence(model: Transformer) -> None:
    """Let no block add anything at the start: the model is its embedding and head.

    Source:  Zhang et al. 2019, "Fixup", section 3, rule 1.
    """
    scale_writers(model, 0.0)


INITIALISATIONS: dict[str, Callable[[Transformer], None]] = {
    "divided": leave,
    "undivided": undivide,
    "GPT-2": draw_as_gpt2,
    "torch": draw_as_torch,
    "zero": silence,
}


def initialised(
    config: ModelConfig, initialise: Callable[[Transformer], None]
) -> Transformer:
    """Build a model and give it its starting numbers."""
    model = Transformer(config)
    initialise(model)
    return model


def main(argv: list[str] | None = None) -> int:
    """Print the gradient and the stream's variance by depth of fresh deep models."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    for name, size in DEEP.items():
        parser.add_argument("--" + name.replace("_", "-"), type=int, default=size)
    parser.add_argument("--seed", type=int, default=0)
    args = vars(parser.parse_args(argv))

    def show() -> None:
        torch.manual_seed(args.pop("seed"))
        config = ModelConfig(**args)
        tokens, targets = torch.randint(config.vocab_size, (2, 4, 32))
        print("gradient of the loss in the first, middle and last block")
        for name, make in PLACES.items():
            model = make(config)
            logits = model(tokens).flatten(0, 1)
            row = gradient_norms(model, F.cross_entropy(logits, targets.flatten()))
            print(_row(name, row))
        print("variance of the stream after the first, middle and last block")
        for name, initialise in INITIALISATIONS.items():
            row = stream_variances(initialised(config, initialise), tokens)
            print(_row(name, row[1:]))

    return run_command(show)


def _row(name: str, values: Sequence[float]) -> str:
    """Set out the first, the middle and the last of a row of numbers."""
    chosen = (values[0], values[len(values) // 2], values[-1])
    return f"  {name:<12}" + "".join(f"{value:12.4g}" for value in chosen)


if __name__ == "__main__":
    raise SystemExit(main())
