"""Feed-forward layers without a gate, and the bends that were in use before SwiGLU.

    relu(a) = max(a, 0)          squared_relu(a) = max(a, 0)^2
    gelu(a) = a * P(z < a) for a normal z, and the tanh formula that stands in for it

An ungated layer has two matrices where SwiGLU has three, so it may be half as wide
again at the same number of parameters.
"""

import argparse
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ch01_data.files import run_command
from ch04_transformer.transformer import SwiGLUFeedForward

Activation = Callable[[Tensor], Tensor]


def relu(x: Tensor) -> Tensor:
    """Let what is positive through.

    Source:  Nair and Hinton 2010.
    """
    return x.clamp(min=0)


def squared_relu(x: Tensor) -> Tensor:
    """Let what is positive through, squared.

    Source:  So et al. 2021, "Primer", section 3.
    """
    return relu(x).square()


def gelu(x: Tensor) -> Tensor:
    """Multiply each number by the share of a normal distribution that lies below it.

    Source:  Hendrycks and Gimpel 2016, section 2.
    """
    return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))


def gelu_tanh(x: Tensor) -> Tensor:
    """Approximate gelu by a tanh: what GPT-2's files were trained with.

    Source:  Hendrycks and Gimpel 2016, section 2.
    """
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    return x * 0.5 * (1 + inner.tanh())


ACTIVATIONS: dict[str, Activation] = {
    "relu": relu,
    "gelu": gelu,
    "gelu_tanh": gelu_tanh,
    "squared_relu": squared_relu,
}


class FeedForward(nn.Module):
    """Widen, bend, and narrow again: w2(activation(w1 x)).

    Shape:   (B, T, D)  ->  (B, T, D).
    Source:  Vaswani et al. 2017, eq. 2.
    """

    def __init__(
        self,
        d_model: int,
        d_ff: int,
        activation: Activation = gelu,
        bias: bool = False,
    ) -> None:
        super().__init__()
        self.w1 = nn.Linear(d_model, d_ff, bias=bias)
        self.w2 = nn.Linear(d_ff, d_model, bias=bias)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer to each position by itself."""
        bent = self.activation(self.w1(x))  # (B, T, F)
        return self.w2(bent)  # (B, T, D)


def as_large_as_gated(
    d_model: int, d_ff: int, activation: Activation = gelu
) -> FeedForward:
    """Build an ungated layer with the parameters of a gated one of width d_ff.

    Two matrices of width 3/2 d_ff hold as many numbers as three of width d_ff.

    Raises:  ValueError if d_ff is odd, which leaves half a unit over.
    """
    if d_ff % 2:
        raise ValueError(
            f"d_ff is {d_ff}, and 3/2 of it is no whole number; give an even width"
        )
    return FeedForward(d_model, d_ff * 3 // 2, activation)


def main(argv: list[str] | None = None) -> int:
    """Print what each activation makes of a few numbers, and the sizes of layers."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--d-model", type=int, default=128, help="width")
    parser.add_argument("--d-ff", type=int, default=352, help="width of the gated one")
    args = parser.parse_args(argv)

    def show() -> None:
        points = torch.linspace(-3, 3, 7)
        print(f"{'x':<14}" + "".join(f"{x:8.3f}" for x in points.tolist()))
        for name, activation in ACTIVATIONS.items():
            row = "".join(f"{y:8.3f}" for y in activation(points).tolist())
            print(f"{name:<14}{row}")
        gated = SwiGLUFeedForward(args.d_model, args.d_ff)
        plain = as_large_as_gated(args.d_model, args.d_ff)
        for layer in (gated, plain):
            count = sum(p.numel() for p in layer.parameters())
            print(f"{type(layer).__name__:<18}{count:>10,} parameters")

    return run_command(show)


if __name__ == "__main__":
    raise SystemExit(main())
