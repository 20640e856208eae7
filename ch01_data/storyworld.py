"""Storyworld: short stories from a simulated world whose probabilities are known.

A story is told by asking a `Chooser` again and again and writing what it answers. Each
choice is made at the moment when the text needs it, and the next words reveal it:

    write "One "   choose windy of 30   write "windy"   choose morning of 12   ...

So every text has exactly one way to come about, its log-probability is the plain sum of
the choices' log-probabilities, and no language model can have a lower expected loss:
this is the entropy floor. What the choices brought into the world (who lost what,
where, in which colour) also answers questions, so that reading can be measured.
"""

import argparse
import math
import random
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ch01_data import storyworld_words as words
from ch01_data.chooser import Chooser, DeadEnd, derivations
from ch01_data.files import run_command
from ch01_data.sentences import SHAPES, Asking, Person, Sentence

SPLITS = ("train", "validation", "heldout")
KINDS = ("who", "where", "colour", "count", "owner", "job", "home", "want", "hidden")
UNANSWERABLE = "The story does not say."
HELDOUT_SHARE = 0.05  # of the combinations of person, thing and place
PAGE_WEIGHTS = (2, 1)  # two stories in three end without a page, one goes on to it
MIN_ASKED, MAX_ASKED = 3, 6  # questions on a page


@dataclass(frozen=True)
class Question:
    """One question about a story, with the only answer that counts as right."""

    kind: str
    text: str
    answer: str
    answerable: bool


@dataclass(frozen=True)
class Story:
    """A story, its questions, and the page of questions and answers that may follow.

    Units:  log_prob is ln P(text), page_log_prob is ln P(page | text), both in nats.
    """

    text: str
    log_prob: float
    questions: tuple[Question, ...]
    page: str
    page_log_prob: float

    @property
    def document(self) -> str:
        """Return the story and its page as one text of the base corpus."""
        return self.text + self.page

    @property
    def document_log_prob(self) -> float:
        """Return ln P(document).

        Units:  nats.
        """
        return self.log_prob + self.page_log_prob


class World:
    """Everything that may be told: word lists, plots and questions.

    The default is the whole storyworld; a small one can be counted out text by text.
    """

    def __init__(
        self,
        lists: Mapping[str, Sequence[str]] = words.WORDS,
        plots: Sequence = tuple(words.PLOTS.values()),
        before: Sequence = words.BEFORE,
        after: Sequence = words.AFTER,
    ) -> None:
        self.lists = lists
        self.she = frozenset(words.SHE)
        self.partner = {a: b for pair in words.ROLES for a, b in (pair, pair[::-1])}
        self.before, self.after = self._parse(before), self._parse(after)
        self.plots = tuple(self._parse(plot) for plot in plots)
        self.questions = tuple(Asking.parse(*question) for question in words.QUESTIONS)
        self.gaps = tuple(
            (kind, Sentence.parse(wording), frozenset(needs), frozenset(lacks))
            for kind, wording, needs, lacks in words.GAPS
        )

    @staticmethod
    def _parse(beats: Sequence) -> tuple[tuple[Sentence, ...], ...]:
        return tuple(tuple(map(Sentence.parse, beat)) for beat in beats)


@lru_cache(maxsize=1)
def default_world() -> World:
    """Return the whole storyworld, read once."""
    return World()


def held_out(person: str, thing: str, place: str) -> bool:
    """Say whether the combination is kept out of training, by a stable hash."""
    mixed = zlib.crc32(f"{person}|{thing}|{place}".encode()) * 2654435761 % 2**32
    return mixed < HELDOUT_SHARE * 2**32


@lru_cache(maxsize=1024)
def _offered(person: str, thing: str, places: tuple, wanted: bool) -> tuple[str, ...]:
    return tuple(place for place in places if held_out(person, thing, place) == wanted)


class Teller:
    """Tells one story: `known` is the world's state, filled in as the text needs it."""

    def __init__(self, world: World, chooser: Chooser, split: str) -> None:
        self.world, self.chooser, self.split = world, chooser, split
        self.known: dict[str, str] = {}
        self.told: list[tuple[int, str, str]] = []  # which part, its shape, its slot

    def tell_story(self) -> None:
        """Write the whole story."""
        for beat in self.world.before:
            self.tell(beat)
        self.space()
        for beat in self.chooser.pick(self.world.plots):
            self.tell(beat)
        for beat in self.world.after:
            self.tell(beat)

    def space(self) -> None:
        """Write the space between two sentences, before the next one is chosen."""
        parts = self.chooser.parts
        if parts and parts[-1] not in (" ", "\n\n"):
            self.chooser.write(" ")

    def tell(self, beat: Sequence[Sentence]) -> None:
        """Choose one of the beat's sentences and write it, drawing what is open."""
        chooser, known = self.chooser, self.known
        if beat[0].pieces[0][0] != "\n\n":
            self.space()
        sentence = chooser.pick(beat) if len(beat) > 1 else beat[0]
        for literal, shape, slot in sentence.pieces:
            if literal:
                chooser.write(literal)
            if slot:
                if slot not in known:
                    self.draw(slot)
                self.told.append((len(chooser.parts), shape, slot))
                chooser.write(SHAPES[shape](known, slot))
        for role, slot in sentence.bindings:
            known[role] = known[slot]

    def draw(self, slot: str) -> None:
        """Decide what the world has in `slot`: a role's person, a place or a word."""
        known = self.known
        if slot in self.world.partner:
            people = (known["hero"], known["friend"])
            known[slot] = self.chooser.pick(people)
            known[self.world.partner[slot]] = people[known[slot] is people[0]]
            return
        name, different = words.DRAWS[slot]
        options = self.world.lists[name]
        if slot == "place":
            known[slot] = self.draw_place(options)
            return
        taken = [known[other] for other in different if other in known]
        value = self.chooser.pick(options, but=taken)
        if name == "names":
            value = Person.named(value, value in self.world.she, slot)
        known[slot] = value

    def draw_place(self, places: Sequence[str]) -> str:
        """Choose the place: an allowed one, or for `heldout` one that is held out."""
        wanted = self.split == "heldout"
        offered = _offered(self.known["hero"], self.known["thing"], places, wanted)
        if not offered:
            raise DeadEnd
        return self.chooser.pick(offered, of=len(places) if wanted else None)

    def answerable(self) -> list[Asking]:
        """Return the questions that the story told so far answers."""
        told = self.known.keys()
        return [asking for asking in self.world.questions if asking.needs <= told]

    def tell_page(self) -> None:
        """Write the page of questions and answers, or nothing, after the story.

        The number of questions is uniform from MIN_ASKED to MAX_ASKED, but each "one
        more" is chosen only when the text comes to it.
        """
        left, asked = self.answerable(), 0
        most = min(MAX_ASKED, len(left))
        go_on = self.chooser.pick((False, True), PAGE_WEIGHTS)
        while go_on:
            self.chooser.write("\n\nQuestion: ")
            asking = self.chooser.pick(left)
            left.remove(asking)
            self.ask(asking)
            asked += 1
            go_on = asked < MIN_ASKED or (
                asked < most and self.chooser.pick((False, True), (1, most - asked))
            )

    def ask(self, asking: Asking) -> None:
        """Write one question, in one of its wordings, and its answer."""
        several = len(asking.wordings) > 1
        wording = self.chooser.pick(asking.wordings) if several else asking.wordings[0]
        answer = asking.answer.fill(self.known)
        self.chooser.write(f"{wording.fill(self.known)}\nAnswer: {answer}")


def _answered(asking: Asking, known: Mapping, rng: random.Random) -> Question:
    text = rng.choice(asking.wordings).fill(known)
    return Question(asking.kind, text, asking.answer.fill(known), True)


def _about_a_gap(teller: Teller, rng: random.Random) -> Question:
    """Ask what the story leaves untold of someone or something that is in it."""
    told = teller.known.keys()
    gaps = [g for g in teller.world.gaps if told >= g[2] and not told & g[3]]
    kind = rng.choice(sorted({gap[0] for gap in gaps}))
    wording = rng.choice([gap[1] for gap in gaps if gap[0] == kind])
    return Question(kind, wording.fill(teller.known), UNANSWERABLE, False)


def _about_a_stranger(teller: Teller, rng: random.Random) -> Question:
    """Ask one of the story's own questions about a name or thing that is not in it."""
    asked = teller.answerable()
    kind = rng.choice(sorted({asking.kind for asking in asked}))
    asking = rng.choice([asking for asking in asked if asking.kind == kind])
    wording = rng.choice(asking.wordings)
    slot = rng.choice(sorted(wording.slots))
    present = set(teller.known.values())
    options = teller.world.lists[words.DRAWS.get(slot, ("names",))[0]]
    stranger = rng.choice([option for option in options if option not in present])
    text = wording.fill({**teller.known, slot: stranger})
    return Question(kind, text, UNANSWERABLE, False)


def _questions(teller: Teller, rng: random.Random) -> tuple[Question, ...]:
    """Return all that the story answers, and 5 to 7 questions that it does not."""
    questions = [_answered(q, teller.known, rng) for q in teller.answerable()]
    wanted = len(questions) + rng.randint(5, 7)
    for _ in range(30):  # a story may have fewer gaps than are wanted
        if len(questions) + 1 < wanted:
            questions.append(_about_a_gap(teller, rng))
            questions = list(dict.fromkeys(questions))
    while len(questions) < wanted:
        question = _about_a_stranger(teller, rng)
        if question not in questions:
            questions.append(question)
    rng.shuffle(questions)
    return tuple(questions)


def tell_story(number: int, seed: int, split: str, world: World) -> Teller:
    """Tell story `number` and return its teller, who knows what it is about."""
    rng = random.Random(f"storyworld {split} {seed} {number}")
    while True:
        teller = Teller(world, Chooser(rng), split)
        try:
            teller.tell_story()
            return teller
        except DeadEnd:  # no place is held out for this person and thing
            continue


def _story(number: int, seed: int, split: str, world: World) -> Story:
    teller = tell_story(number, seed, split, world)
    text, log_prob = teller.chooser.text, teller.chooser.log_prob
    teller.tell_page()
    page, page_log_prob = teller.chooser.text[len(text) :], teller.chooser.log_prob
    # Its own stream: the questions beside a story are no part of its probability.
    questions = _questions(teller, random.Random(f"questions {split} {seed} {number}"))
    return Story(text, log_prob, questions, page, page_log_prob - log_prob)


def _require_split(split: str) -> None:
    if split not in SPLITS:
        known = ", ".join(SPLITS)
        raise ValueError(f"unknown split {split!r}: give one of {known}")


def require_stories(n: int, split: str) -> None:
    """Refuse a split or a number of stories that cannot be.

    Raises:  ValueError if there is no such split or n is negative.
    """
    _require_split(split)
    if n < 0:
        raise ValueError(f"{n} stories were asked for: give 0 or more")


def generate(n: int, seed: int = 0, split: str = "train") -> Iterator[Story]:
    """Yield n stories; story i depends on seed, split and i, never on n.

    `train` and `validation` leave the held-out combinations of person, thing and place
    out. `heldout` has nothing else, and its log_prob is that of the generator without
    this rule.

    Raises:  ValueError if there is no such split or n is negative.
    """
    require_stories(n, split)
    return (_story(number, seed, split, default_world()) for number in range(n))


def telling(
    split: str, world: World | None = None, page: bool = True
) -> Callable[[Chooser], None]:
    """Return the program that tells one document (one story alone if not `page`)."""
    _require_split(split)

    def tell(chooser: Chooser) -> None:
        teller = Teller(world or default_world(), chooser, split)
        teller.tell_story()
        if page:
            teller.tell_page()

    return tell


def log_prob_of(text: str, split: str, page: bool = True) -> float:
    """Return ln P(text), summed over every way to tell it; -inf if there is none.

    `text` is a whole document, or with page=False a story alone.

    Units:  nats.
    """
    found = [log_prob for _, log_prob in derivations(telling(split, page=page), text)]
    best = max(found, default=-math.inf)
    if best == -math.inf:
        return best
    return best + math.log(sum(math.exp(log_prob - best) for log_prob in found))


def _print_stories(n: int, seed: int, split: str) -> None:
    """Print n documents with their log-probabilities, questions and answers."""
    for story in generate(n, seed, split):
        print(story.document)
        print(f"\nln P = {story.log_prob:.2f} (page {story.page_log_prob:.2f}) nats")
        for question in story.questions:
            print(f"  {question.kind:7} {question.text} {question.answer}")
        print("-" * 72)


def main(argv: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Print stories of the storyworld.")
    parser.add_argument("--n", type=int, default=3, help="how many stories")
    parser.add_argument("--seed", type=int, default=0, help="which stories")
    parser.add_argument("--split", default="train", help=", ".join(SPLITS))
    args = parser.parse_args(argv)
    return run_command(lambda: _print_stories(args.n, args.seed, args.split))


if __name__ == "__main__":
    raise SystemExit(main())
