"""Sentences with open slots: `{hero} lost {his:hero} {colour} {thing}.`

A slot is filled from the known world, a plain mapping of slot names to words, in one of
the SHAPES: `{colour}` gives "red", `{a:colour}` "a red", `{he:hero}` "she".
"""

import string
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property


class Person(str):
    """A name that knows its pronouns and which of the two people it is."""

    she: bool
    key: str

    @classmethod
    def named(cls, name: str, she: bool, key: str) -> "Person":
        """Return a person called `name`, known in the world as `key`."""
        person = cls(name)
        person.she, person.key = she, key
        return person


def _article(word: str) -> str:
    return ("an " if word[0] in "aeiou" else "a ") + word


def _capital(phrase: str) -> str:
    return phrase[0].upper() + phrase[1:]


def _joined(known: Mapping, slot: str, attribute: str) -> str:
    told = known.get(attribute)
    return f"{told} {known[slot]}" if told else known[slot]


def _full(known: Mapping, slot: str) -> str:
    person = known[slot]
    job = known.get(person.key + "_job")
    return f"{person} the {job}" if job else person


def _bedtime(known: Mapping, _slot: str) -> str:
    homes = [
        f"{known[key]} slept well {known[key + '_home']}"
        for key in ("hero", "friend")
        if key + "_home" in known
    ]
    return f"That night {' and '.join(homes)}." if homes else "All was well."


SHAPES = {
    "": lambda known, slot: known[slot],
    "a": lambda known, slot: _article(known[slot]),
    "A": lambda known, slot: _capital(_article(known[slot])),
    "Cap": lambda known, slot: _capital(known[slot]),
    "He": lambda known, slot: "She" if known[slot].she else "He",
    "His": lambda known, slot: "Her" if known[slot].she else "His",
    # The words for a thing hide which thing they mean; here the slot still says it.
    "it": lambda known, slot: "it",
    "It": lambda known, slot: "It",
    # With what was told of it, if anything: "Mia the baker", "two pears", "red kite".
    "full": _full,
    "counted": lambda known, slot: _joined(known, slot, slot.replace("food", "count")),
    "coloured": lambda known, slot: _joined(
        known, slot, slot.replace("thing", "colour")
    ),
    "bedtime": _bedtime,
}


@dataclass(frozen=True)
class Sentence:
    """A sentence in pieces of (literal, shape, slot), and the roles that it fixes."""

    pieces: tuple[tuple[str, str, str], ...]
    bindings: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, source: str) -> "Sentence":
        """Read `[role=slot] Words with {slot} and {shape:slot}.`"""
        bindings: tuple = ()
        if source.startswith("["):
            head, source = source[1:].split("] ", 1)
            bindings = tuple(tuple(pair.split("=")) for pair in head.split())
        pieces = tuple(
            (literal, name if spec else "", spec or name or "")
            for literal, name, spec, _ in string.Formatter().parse(source)
        )
        return cls(pieces, bindings)

    @cached_property
    def slots(self) -> frozenset[str]:
        """Return the names of the open slots."""
        return frozenset(slot for _, _, slot in self.pieces if slot)

    def fill(self, known: Mapping) -> str:
        """Return the sentence with every slot filled from `known`."""
        return "".join(
            literal + (SHAPES[shape](known, slot) if slot else "")
            for literal, shape, slot in self.pieces
        )


@dataclass(frozen=True)
class Asking:
    """A question that a story may answer: its wordings and its answer, slots open."""

    kind: str
    wordings: tuple[Sentence, ...]
    answer: Sentence

    @classmethod
    def parse(cls, kind: str, wordings: tuple[str, ...], answer: str) -> "Asking":
        """Read the wordings and the answer."""
        parsed = tuple(map(Sentence.parse, wordings))
        return cls(kind, parsed, Sentence.parse(answer))

    @cached_property
    def needs(self) -> frozenset[str]:
        """Return the slots that must be told before this can be answered."""
        return self.answer.slots.union(*(wording.slots for wording in self.wordings))
