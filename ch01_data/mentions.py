"""Who "she" is and what "it" is: every word that a story's world put into its text.

    Mia was a baker. Her best friend was a pilot named Tom.
    hero      job    hero                  job         friend

A reader has to guess what a pronoun stands for. The teller knew: it filled a slot.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from ch01_data import storyworld_words as words
from ch01_data.files import run_command
from ch01_data.sentences import Person
from ch01_data.storyworld import (
    Teller,
    default_world,
    require_stories,
    tell_story,
)

PRONOUNS = ("He", "His", "it", "It")  # the shapes whose word hides what it stands for


@dataclass(frozen=True)
class Mention:
    """A word of the story that stands for something in the story's world.

    Two mentions with one `entity` mean the same thing; `kind` is the list that its word
    was drawn from, such as "names" or "things".

    Units:  start and stop count characters of the story's text.
    """

    start: int
    stop: int
    entity: str
    kind: str
    pronoun: bool


def mentions(teller: Teller) -> list[Mention]:
    """List what the teller has mentioned, in the order of the text.

    The last sentence but one names people again without a slot of its own for each;
    those names are left out.
    """
    starts, at = [], 0
    for part in teller.chooser.parts:
        starts.append(at)
        at += len(part)
    found = []
    for number, shape, slot in teller.told:
        word, written = teller.known[slot], teller.chooser.parts[number]
        person = isinstance(word, Person)
        kind = "names" if person else words.DRAWS[slot][0]
        pronoun = shape in PRONOUNS
        inside = 0 if pronoun else written.lower().find(word.lower())
        length = len(written) if pronoun else len(word)
        start = starts[number] + inside
        entity = word.key if person else slot
        if shape != "bedtime":
            found.append(Mention(start, start + length, entity, kind, pronoun))
    return found


def stories_with_mentions(
    n: int, seed: int = 0, split: str = "train"
) -> Iterator[tuple[str, list[Mention]]]:
    """Yield the texts of the stories that `generate` yields, each with its mentions.

    Raises:  ValueError if there is no such split or n is negative.
    """
    require_stories(n, split)
    world = default_world()
    tellers = (tell_story(number, seed, split, world) for number in range(n))
    return ((teller.chooser.text, mentions(teller)) for teller in tellers)


def main(argv: list[str] | None = None) -> int:
    """Print stories with what each pronoun stands for in brackets behind it."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--n", type=int, default=3, help="how many stories")
    parser.add_argument("--seed", type=int, default=0, help="which stories")
    parser.add_argument("--split", default="train", help="train, validation or heldout")
    args = parser.parse_args(argv)

    def show() -> None:
        for text, found in stories_with_mentions(args.n, args.seed, args.split):
            for mention in reversed(found):
                if mention.pronoun:
                    before, after = text[: mention.stop], text[mention.stop :]
                    text = f"{before} [{mention.entity}]{after}"
            print(text, "-" * 72, sep="\n")

    return run_command(show)


if __name__ == "__main__":
    raise SystemExit(main())
