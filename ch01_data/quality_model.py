"""A learned quality filter: what do good texts have in common that bad ones lack?

Rules catch what somebody thought of. A classifier is shown good texts (stories, the
Python library) and bad ones, and weighs the n-grams by which they differ; GPT-3 chose
its web pages in this way. It sees more than rules do, and what it calls quality is no
more than likeness to the good examples: a register that they lack will be thrown out.
That is why its threshold is chosen from the precision-recall curve, on texts whose
templates it has not seen.
Source:  Brown et al. 2020, GPT-3, appendix A (a classifier for quality).
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ch01_data.classifier import PENALTY, HashedClassifier
from ch01_data.curves import average_precision, precision_recall_curve, threshold_for
from ch01_data.files import run_command, write_json
from ch01_data.sources import read_texts

GOOD = "good"
THRESHOLD = 0.6  # of unseen good texts 1 in 200 has more; spam has 0.8


@dataclass(frozen=True)
class QualityModel:
    """One classifier that tells bad from good, and one for each kind of bad text."""

    bad: HashedClassifier
    kinds: Mapping[str, HashedClassifier]

    @classmethod
    def fit(
        cls, texts: Sequence[str], labels: Sequence[str], *, penalty: float = PENALTY
    ) -> "QualityModel":
        """Learn from texts labelled "good" or with the name of what is bad about them.

        The kinds are told apart among bad texts alone: whether a text is bad was said.
        Raises:  ValueError if the lengths differ, or all texts are good, or none is.
        """
        kinds = sorted(set(labels) - {GOOD})
        bad = HashedClassifier.fit(texts, [x != GOOD for x in labels], penalty=penalty)
        if len(kinds) == 1:
            return cls(bad, {kinds[0]: bad})
        worse = [(text, kind) for text, kind in zip(texts, labels) if kind != GOOD]
        texts, labels = zip(*worse)
        each = {
            kind: HashedClassifier.fit(
                texts, [x == kind for x in labels], penalty=penalty
            )
            for kind in kinds
        }
        return cls(bad, each)

    def score(self, text: str) -> float:
        """Return the probability that a text is bad."""
        return self.bad.score(text)

    def flags(self, text: str, threshold: float = THRESHOLD) -> list[str]:
        """Return the likeliest kind of a bad text in a list; [] for a good one."""
        return self.flags_of([text], threshold)[0]

    def flags_of(
        self, texts: Sequence[str], threshold: float = THRESHOLD
    ) -> list[list[str]]:
        """Return the flags of many texts, which takes a fifth of the time for each."""
        bad = self.bad.scores(texts) >= threshold
        return [
            [self.kind_of(text)] if is_bad else [] for text, is_bad in zip(texts, bad)
        ]

    def kind_of(self, text: str) -> str:
        """Return the likeliest kind of a bad text."""
        return max(self.kinds, key=lambda kind: self.kinds[kind].score(text))

    def save(self, folder: str | Path) -> None:
        """Write the model to a folder: one file a classifier, and last the names."""
        self.bad.save(Path(folder, "bad.npz"))
        for kind, classifier in self.kinds.items():
            classifier.save(Path(folder, f"kind-{kind}.npz"))
        write_json(Path(folder, "quality.json"), {"kinds": list(self.kinds)})

    @classmethod
    def load(cls, folder: str | Path) -> "QualityModel":
        """Read what `save` wrote.

        Raises:  ValueError or OSError if the folder holds no whole model.
        """
        named = json.loads(Path(folder, "quality.json").read_text(encoding="utf-8"))
        kinds = {
            kind: HashedClassifier.load(Path(folder, f"kind-{kind}.npz"))
            for kind in named["kinds"]
        }
        return cls(HashedClassifier.load(Path(folder, "bad.npz")), kinds)


def main(argv: list[str] | None = None) -> int:
    """Learn good from bad on some texts, and draw the curve on others."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    add = parser.add_argument
    add("--good", required=True, help="good texts to learn from")
    add("--bad", required=True, help="bad texts to learn from")
    add("--held-good", required=True, help="good texts that were not learnt from")
    add("--held-bad", required=True, help="bad texts whose templates were not learnt")
    add("--precision", type=float, default=0.95, help="for the choice of a threshold")
    add("--out", help="write the curve to this JSON file")
    arguments = parser.parse_args(argv)

    def command() -> None:
        good, bad = (list(read_texts(p)) for p in (arguments.good, arguments.bad))
        labels = [GOOD] * len(good) + ["bad"] * len(bad)
        model = QualityModel.fit(good + bad, labels)
        held = [list(read_texts(p)) for p in (arguments.held_good, arguments.held_bad)]
        truth = [False] * len(held[0]) + [True] * len(held[1])
        curve = precision_recall_curve(model.bad.scores(held[0] + held[1]), truth)
        threshold = threshold_for(curve, arguments.precision)
        recall = curve.recall[np.flatnonzero(curve.thresholds >= threshold)[-1]]
        print(f"average precision {average_precision(curve):.4f}")
        print(
            f"threshold {threshold:.3f}: precision {arguments.precision}, "
            f"recall {recall:.4f}"
        )
        if arguments.out:
            names = curve._fields
            write_json(arguments.out, {n: v.tolist() for n, v in zip(names, curve)})

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
