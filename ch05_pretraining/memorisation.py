"""Memorisation: what a trained model has kept by heart of sentences that were planted.

Chapter 1 plants canaries, random sentences of a space whose size is known. Here the
trained model is asked how surprised it is by each, and by other sentences of the same
space that it never met. A canary that is likelier than nearly all of them was not
guessed but remembered; by how much is its exposure, in bits.

                      surprise, nats
    other sentences   14.1  13.8  14.6  13.9 ...
    planted 0 times   14.0                            rank among them: about the middle
    planted 64 times   6.2                            before all of them
Source:  Carlini et al. 2019, The Secret Sharer.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from ch01_data.canaries import (
    Canary,
    CanarySpace,
    fitted_exposure,
    read_canary_record,
    sampled_exposure,
)
from ch01_data.files import run_command, write_json
from ch02_tokenization.tokenization import Tokenizer
from ch04_transformer.pretrained import load_pretrained
from ch05_pretraining.pretraining import document_nats

OTHERS = 1_000  # sentences that nobody planted, to compare with


@dataclass(frozen=True)
class Exposure:
    """How much a model has been told of one canary.

    Units:   surprise in nats, both exposures in bits: `sampled` is at most the log2 of
             the sentences compared with, plus one; `fitted` extrapolates.
    """

    sentence: str
    copies: int
    surprise: float
    sampled: float
    fitted: float


def measure_exposures(
    model: nn.Module,
    tokenizer: Tokenizer,
    canaries: Sequence[Canary],
    space: CanarySpace,
    *,
    context_length: int,
    n_others: int = OTHERS,
    seed: int = 0,
) -> list[Exposure]:
    """Compare the model's surprise at each canary with that at other sentences.

    Raises:  ValueError if the space has too few other sentences.
    """
    planted = [canary.sentence for canary in canaries]
    known = set(planted)
    # A seed of its own: that of the plan would draw the canaries themselves.
    drawn = space.sample(n_others + len(known), seed=f"others {seed}")
    others = [sentence for sentence in drawn if sentence not in known][:n_others]
    nats = document_nats(model, tokenizer, [*planted, *others], context_length).tolist()
    theirs = nats[len(planted) :]
    return [
        Exposure(
            canary.sentence,
            len(canary.documents),
            surprise,
            sampled_exposure(surprise, theirs),
            fitted_exposure(surprise, theirs, space.size),
        )
        for canary, surprise in zip(canaries, nats)
    ]


def main(argv: list[str] | None = None) -> int:
    """Measure what a model has kept of the canaries that a record tells of."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    add = parser.add_argument
    add("--model", default="runs/default/model", help="folder of the model")
    add("--record", required=True, help="canaries.json of ch01_data.canaries")
    add("--others", type=int, default=OTHERS, help="sentences to compare with")
    add("--seed", type=int, default=0)
    add("--out", help="write the exposures to this JSON file")
    args = parser.parse_args(argv)

    def command() -> None:
        space, canaries = read_canary_record(args.record)
        model, tokenizer = load_pretrained(args.model), Tokenizer.load(args.model)
        found = measure_exposures(
            model,
            tokenizer,
            canaries,
            space,
            context_length=model.config.context_length,
            n_others=args.others,
            seed=args.seed,
        )
        print(f"{'copies':>6}{'nats':>10}{'bits':>8}{'fitted':>8}")
        for item in found:
            print(
                f"{item.copies:6}{item.surprise:10.2f}{item.sampled:8.2f}"
                f"{item.fitted:8.2f}"
            )
        if args.out:
            write_json(args.out, [vars(item) for item in found])

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
