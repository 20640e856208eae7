"""How a model can know where its tokens stand, other than by rotation.

    none         nothing is added and nothing turned: only the mask tells of order
    learned      a vector for each position, drawn and trained like a token's (GPT-2)
    sinusoidal   a vector for each position, waves of many lengths (Vaswani)
    rotary       queries and keys are turned: chapter 3's layer does it by itself

The second and third are parts for `Transformer(..., position_embedding=...)`, together
with `unrotated_attention`; a model of the first kind has that attention alone. They
know absolute positions, so a document that shares a row with others must be counted
from its own beginning, which `document_positions` does.
"""

import argparse

import torch
from torch import Tensor, nn

from ch01_data.files import run_command
from ch03_attention.attention import CausalSelfAttention
from ch03_attention.rope_scaling import rotary_frequencies


def sinusoids(positions: Tensor, d_model: int, theta: float = 10000.0) -> Tensor:
    """Write each position as the sines and cosines of its angles.

    The angles are those by which rotary positions turn: plane i has the speed
    theta ** (-2i / D), its sine stands at 2i and its cosine at 2i + 1.

    Shape:   positions (T,) or (B, T)  ->  (T, D) or (B, T, D), float32.
    Raises:  ValueError if d_model is odd.
    Source:  Vaswani et al. 2017, section 3.5.
    """
    if d_model % 2:
        raise ValueError(f"d_model is {d_model}, but sines and cosines come in pairs")
    angles = positions[..., None].float() * rotary_frequencies(d_model, theta).to(
        positions.device
    )
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2)


class SinusoidalPositions(nn.Module):
    """Add waves to the tokens; nothing is learned, and no position is too far.

    The waves are made smaller by sqrt(D), since this book's embeddings are: their
    coordinates are drawn with deviation 1 / sqrt(D). In the paper it is the embeddings
    that are multiplied by sqrt(D), and the proportion is the same.

    Shape:   positions (T,) or (B, T)  ->  (T, D) or (B, T, D).
    Source:  Vaswani et al. 2017, sections 3.4 and 3.5.
    """

    def __init__(self, context_length: int, d_model: int) -> None:
        super().__init__()
        sinusoids(torch.arange(1), d_model)  # refuses an odd width before any text
        self.d_model = d_model

    def forward(self, positions: Tensor) -> Tensor:
        """Return a vector for each position."""
        return sinusoids(positions, self.d_model) / self.d_model**0.5


class LearnedPositions(nn.Module):
    """Look up a learned vector for each position; there is none beyond the last.

    Shape:   positions (T,) or (B, T)  ->  (T, D) or (B, T, D).
    Raises:  ValueError if a position lies outside the table.
    Source:  Radford et al. 2018 (GPT), section 4.1.
    """

    def __init__(self, context_length: int, d_model: int) -> None:
        super().__init__()
        self.table = nn.Embedding(context_length, d_model)

    def forward(self, positions: Tensor) -> Tensor:
        """Return the vector of each position.

        Within compiled code the look is left out: there, torch itself stops.
        """
        if not torch.compiler.is_compiling() and positions.numel():
            self._check(int(positions.min()), int(positions.max()))
        return self.table(positions)

    def _check(self, least: int, greatest: int) -> None:
        """Refuse positions that the table does not hold."""
        length = self.table.num_embeddings
        if least < 0 or greatest >= length:
            wrong = least if least < 0 else greatest
            raise ValueError(
                f"position {wrong} is asked for, but learned positions end at "
                f"{length - 1} (context_length {length}); shorten the text"
            )


def unrotated_attention(*sizes: int | None, **options: object) -> CausalSelfAttention:
    """Build attention that turns nothing, whatever base a config has.

    It is the part to inject where positions are added to the tokens, or not told.
    """
    return CausalSelfAttention(*sizes, **{**options, "rope_theta": None})


def document_positions(tokens: Tensor, end_of_text_id: int) -> Tensor:
    """Count positions anew from each document's beginning, in rows that hold several.

    The end-of-text token opens a document and stands at 0, as in `document_mask`; a row
    that begins inside a document counts from the row's beginning.

    Shape:   tokens (B, T)  ->  (B, T), int64.
    """
    place = torch.arange(tokens.shape[1], device=tokens.device)  # (T,)
    opens = torch.where(tokens == end_of_text_id, place, 0)  # (B, T)
    begin = opens.cummax(dim=1).values  # (B, T)
    return place - begin  # (B, T)


def to_half_split(weight: Tensor, d_head: int) -> Tensor:
    """Reorder a query or key projection that was made for the interleaved layout.

    Within each head, the rows 0, 1, 2, 3, ... become 0, 2, ..., 1, 3, ...; rotation in
    the half-split layout then pairs the same rows as before. Values stay as they are.

    Shape:   (H*Dh, D), or (H*Dh,) for a bias  ->  the same.
    Raises:  ValueError if the rows are no whole heads of even width.
    """
    _check_heads(weight, d_head)
    pairs = weight.unflatten(0, (-1, d_head // 2, 2))
    return pairs.transpose(1, 2).flatten(0, 2)


def to_interleaved(weight: Tensor, d_head: int) -> Tensor:
    """Undo `to_half_split`: reorder a query or key projection for the other layout.

    Shape:   (H*Dh, D), or (H*Dh,) for a bias  ->  the same.
    Raises:  ValueError if the rows are no whole heads of even width.
    """
    _check_heads(weight, d_head)
    halves = weight.unflatten(0, (-1, 2, d_head // 2))
    return halves.transpose(1, 2).flatten(0, 2)


def _check_heads(weight: Tensor, d_head: int) -> None:
    """Refuse a matrix whose rows are no whole heads of even width."""
    if d_head < 2 or d_head % 2 or weight.shape[0] % d_head:
        raise ValueError(
            f"{weight.shape[0]} rows are no heads of width {d_head}; is d_head even, "
            "and the width of one head?"
        )


def main(argv: list[str] | None = None) -> int:
    """Print the sinusoidal vectors of the first positions."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--tokens", type=int, default=6, help="number of positions")
    parser.add_argument("--d-model", type=int, default=8, help="width")
    parser.add_argument("--theta", type=float, default=10000.0, help="base of speeds")
    args = parser.parse_args(argv)

    def show() -> None:
        table = sinusoids(torch.arange(args.tokens), args.d_model, args.theta)
        for position, row in enumerate(table.tolist()):
            print(f"{position:>4}  " + " ".join(f"{value:+.2f}" for value in row))

    return run_command(show)


if __name__ == "__main__":
    raise SystemExit(main())
