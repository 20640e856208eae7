"""Choices that are counted: the random source behind the storyworld.

A program that asks a `Chooser` for each of its decisions and writes text defines a
probability for every text. Where each choice is revealed by the text written next,
there is one way only to each text, and ln P(text) is the sum of ln p over the choices.
"""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any


class Chooser:
    """Draws choices at random and keeps the text and its log-probability.

    Units:  log_prob in nats.
    """

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.log_prob = 0.0
        self.parts: list[str] = []

    @property
    def text(self) -> str:
        """Return what was written so far."""
        return "".join(self.parts)

    def write(self, text: str) -> None:
        """Append to the text."""
        self.parts.append(text)

    def pick(
        self,
        options: Sequence,
        weights: Sequence[float] | None = None,
        but: Sequence = (),
        of: int | None = None,
    ) -> Any:
        """Choose one of the options that `but` does not name, and count its surprise.

        Weights are for options without exceptions. `of` is the number of options to
        count where a caller offers only some of them.
        """
        if weights is not None:
            index = self.rng.choices(range(len(options)), weights)[0]
            self.log_prob += math.log(weights[index] / sum(weights))
            return options[index]
        n = len(options)
        self.log_prob -= math.log(of or n - len(but))
        while True:
            option = options[int(self.rng.random() * n)]
            if option not in but:
                return option

    def integer(self, low: int, high: int) -> int:
        """Choose a whole number from low to high, both included."""
        return self.pick(range(low, high + 1))


class DeadEnd(Exception):
    """This way of telling cannot lead to a text that is allowed."""


class Undecided(Exception):
    """The script ended before this choice among so many options."""


class ScriptedChooser(Chooser):
    """Makes the choices that a script names, while they agree with a known text."""

    def __init__(self, script: Sequence[int], text: str | None) -> None:
        super().__init__(random.Random(0))
        self.script, self.step = script, 0
        self.goal, self.at = text, 0

    def write(self, text: str) -> None:
        """Append to the text, or give up where the known text goes on differently."""
        if self.goal is not None and not self.goal.startswith(text, self.at):
            raise DeadEnd
        self.at += len(text)
        self.parts.append(text)

    def pick(
        self,
        options: Sequence,
        weights: Sequence[float] | None = None,
        but: Sequence = (),
        of: int | None = None,
    ) -> Any:
        """Take the option that the script names next."""
        allowed = [option for option in options if option not in but]
        if self.step == len(self.script):
            raise Undecided(len(allowed))
        index = self.script[self.step]
        self.step += 1
        if weights is None:
            self.log_prob -= math.log(of or len(allowed))
        else:
            self.log_prob += math.log(weights[index] / sum(weights))
        return allowed[index]


def derivations(
    program: Callable[[Chooser], None], text: str | None = None
) -> Iterator[tuple[str, float]]:
    """Yield (text, log-probability) of every way in which `program` tells `text`.

    Without a text it yields every way to tell anything, which ends for a small program
    only. A way that parts from the text is dropped there, so one text is quick.

    Units:  nats.
    """
    scripts: list[tuple[int, ...]] = [()]
    while scripts:
        script = scripts.pop()
        chooser = ScriptedChooser(script, text)
        try:
            program(chooser)
        except Undecided as undecided:
            scripts.extend((*script, index) for index in range(undecided.args[0]))
        except DeadEnd:
            continue
        else:
            if text is None or chooser.at == len(text):
                yield chooser.text, chooser.log_prob
