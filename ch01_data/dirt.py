"""Dirty texts with the truth about each: what a crawl holds besides good pages.

Thirteen kinds, `clean` among them, from four families of templates (crawl_templates).
`dirt("spam", "tuning", 200)` yields texts alone, so that a filter can be fitted and
scored without a page of HTML; crawl.py wraps the same texts in pages and files.
"""

import hashlib
import itertools
import math
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ch01_data.crawl_languages import LANGUAGES
from ch01_data.crawl_templates import (
    BOILERPLATE,
    BREAKS,
    FAMILIES,
    INSULTS,
    LEAK,
    NEW_INSULTS_OF,
    PERSONAL,
    SPAM,
    TOXIC,
)
from ch01_data.gibberish import STYLES, gibberish_text
from ch01_data.good_texts import good_texts
from ch01_data.page_addresses import blocked_url, page_url, url_variant
from ch01_data.planting import (
    edited,
    exact_jaccard,
    personal_value,
)
from ch01_data.templates import Grammar, fill_in


@dataclass(frozen=True)
class LabelledText:
    """A text, its kinds of dirt (or "clean") and the truth about it.

    `source` is where its good part is from: storyworld, pylib or templates. `truth`
    says what was planted; each kind's function below says under which names.
    """

    text: str
    id: str
    kinds: tuple[str, ...]
    source: str
    url: str
    truth: dict = field(default_factory=dict)


class Maker:
    """Makes the texts of one kind: random source, good texts, and running ids."""

    def __init__(self, kind: str, family: str, seed: int) -> None:
        self.kind, self.family, self.seed = kind, family, seed
        self.rng = random.Random(f"{seed}:{family}:{kind}")
        self.good = good_texts(kind, family, seed)
        self.prefix = f"{kind}-{family}-{seed}"
        self.made = 0

    def name(self) -> str:
        """Return the id of the next text."""
        return f"{self.prefix}-{self.made:05}"

    def label(
        self,
        text: str,
        source: str,
        kinds: tuple[str, ...] = (),
        url: str | None = None,
        **truth: object,
    ) -> LabelledText:
        """Return a labelled text with the next id and, if none is given, an address."""
        name = self.name()
        self.made += 1
        url = url or page_url(slug(name), self.family, self.rng)
        return LabelledText(text, name, kinds or (self.kind,), source, url, truth)

    def original(self) -> LabelledText:
        """Return a clean text that others are to be made from."""
        return self.label(*next(self.good), kinds=("clean",))

    def sentences(self, phrases: Grammar, low: int, high: int) -> list[str]:
        """Return `low` to `high` different sentences of a grammar, filled in."""
        chosen = self.rng.sample(phrases["sentence"], self.rng.randint(low, high))
        filled = (fill_in(sentence, phrases, self.rng) for sentence in chosen)
        return [sentence[:1].upper() + sentence[1:] for sentence in filled]


def slug(name: str) -> str:
    """Return ten digits and letters that stand for a name without giving it away."""
    return hashlib.blake2b(name.encode(), digest_size=5).hexdigest()


def dirt(
    kind: str, family: str = "tuning", n: int = 100, seed: int = 0
) -> Iterator[LabelledText]:
    """Yield n texts of a kind; the i-th depends on kind, family, seed and i alone.

    Duplicates come behind their originals, which are clean and do not count.

    Raises:  ValueError for an unknown kind or family, or if n is negative.
    """
    if kind not in MAKERS:
        raise ValueError(f"no kind of dirt {kind!r}; there are {', '.join(MAKERS)}")
    if family not in FAMILIES:
        raise ValueError(f"no family {family!r}; there are {' and '.join(FAMILIES)}")
    if n < 0:
        raise ValueError(f"{n} texts were asked for: give 0 or more")
    return _count(MAKERS[kind](Maker(kind, family, seed)), kind, n)


def _count(made: Iterator[LabelledText], kind: str, n: int) -> Iterator[LabelledText]:
    while n:
        text = next(made)
        n -= kind in text.kinds
        yield text


def evaluation_texts(family: str, n: int, seed: int = 0) -> Iterator[LabelledText]:
    """Yield the evaluation set: the i-th is what the i-th leaked page gives away."""
    make = Maker("evaluation", family, seed)
    for _ in range(n):
        yield make.label(*next(make.good))


# --- good texts, and what repeats them -----------------------------------------------


def _clean(make: Maker) -> Iterator[LabelledText]:
    while True:
        yield make.original()


def _exact_duplicates(make: Maker) -> Iterator[LabelledText]:
    """One to three copies. Truth: `original`, an id, as for all duplicates."""
    while True:
        first = make.original()
        yield first
        for _ in range(make.rng.choice((1, 1, 2, 3))):
            yield make.label(first.text, first.source, original=first.id)


def _near_duplicates(make: Maker) -> Iterator[LabelledText]:
    """One copy, or a chain in which each is made from the one before.

    Truth: `jaccard` to the `original`, `jaccards` to it and to all before it in the
    chain, by id: exact, over word 5-grams, between 0.4 and 1.
    """
    while True:
        chain = [make.original()]
        for _ in range(make.rng.choice((1, 1, 1, 2, 3))):
            target = make.rng.uniform(0.4, 1.05)
            text = edited(chain[-1].text, target, make.family, make.rng)
            near = {old.id: exact_jaccard(old.text, text) for old in chain}
            last = chain[-1].id
            chain.append(
                make.label(
                    text,
                    chain[0].source,
                    original=last,
                    jaccard=near[last],
                    jaccards=near,
                )
            )
        yield from chain


def _url_duplicates(make: Maker) -> Iterator[LabelledText]:
    """Another spelling of an address, where every second time the text was revised.

    They are exact or near-duplicates too, and have that kind and its truth as well.
    """
    for number in itertools.count():
        first = make.original()
        url = url_variant(first.url, make.family, make.rng)
        truth: dict = {"original": first.id}
        text, also = first.text, "exact_duplicate"
        if number % 2:
            target = make.rng.uniform(0.4, 0.95)
            text, also = edited(text, target, make.family, make.rng), "near_duplicate"
            truth["jaccard"] = exact_jaccard(first.text, text)
            truth["jaccards"] = {first.id: truth["jaccard"]}
        yield first
        yield make.label(text, first.source, (make.kind, also), url, **truth)


def _leaks(make: Maker) -> Iterator[LabelledText]:
    """A page with most or all of an evaluation text.

    Truth: `evaluation`, its id; `form`: whole, quoted (between sentences of the page),
    retyped (no capitals, no punctuation) or excerpt (two thirds of it, inside another
    good text).
    """
    exams = evaluation_texts(make.family, 1 << 40, make.seed)
    for number, exam in enumerate(exams):
        form = ("whole", "quoted", "retyped", "excerpt")[number // 2 % 4]
        text = LEAK_FORMS[form](exam.text, make)
        yield make.label(text, exam.source, evaluation=exam.id, form=form)


def _quoted(text: str, make: Maker) -> str:
    before, after = make.rng.sample(LEAK[make.family], 2)
    return "\n\n".join(
        (fill_in(before, {}, make.rng), text, fill_in(after, {}, make.rng))
    )


def _retyped(text: str, make: Maker) -> str:
    marks = string.punctuation.replace("_", "")
    return text.lower().translate(dict.fromkeys(map(ord, marks), " "))


def _excerpt(text: str, make: Maker) -> str:
    words = text.split()
    size = math.ceil(len(words) * 2 / 3)
    start = make.rng.randint(0, len(words) - size)
    others = next(make.good)[0].split("\n\n")
    place = make.rng.randint(0, len(others))
    others.insert(place, " ".join(words[start : start + size]))
    return "\n\n".join(others)


LEAK_FORMS: dict[str, Callable[[str, Maker], str]] = {
    "whole": lambda text, make: text,
    "quoted": _quoted,
    "retyped": _retyped,
    "excerpt": _excerpt,
}

# --- good text with something in it, at it or around it ------------------------------


def _personal(make: Maker) -> Iterator[LabelledText]:
    """One to three sentences with personal data between the paragraphs.

    Truth: `personal_data`, a list of {"kind", "value"} with the strings as planted.
    """
    kinds = list(PERSONAL[make.family])
    for text, source in make.good:
        planted = []
        blocks = text.split("\n\n")
        for kind in make.rng.sample(kinds, make.rng.choice((1, 1, 2, 3))):
            value = personal_value(kind, make.family, make.rng)
            said = make.rng.choice(PERSONAL[make.family][kind]).format(value=value)
            blocks.insert(make.rng.randint(0, len(blocks)), said)
            planted.append({"kind": kind, "value": value})
        yield make.label("\n\n".join(blocks), source, personal_data=planted)


def _blocked(make: Maker) -> Iterator[LabelledText]:
    """Good text at an address that must be refused. Truth: `why`: host, word or ip."""
    for text, source in make.good:
        url, why = blocked_url(slug(make.name()), make.family, make.rng)
        yield make.label(text, source, url=url, why=why)


def _broken(make: Maker) -> Iterator[LabelledText]:
    """Good text whose page will be broken. Truth: `break`, the way it is broken.

    A page that is cut off ends early, and so does its text here.
    """
    for text, source in make.good:
        way = make.rng.choice(BREAKS[make.family])
        if way.startswith("cut"):
            words = list(_word_ends(text))
            text = text[: words[round(len(words) * make.rng.uniform(0.6, 0.95))]]
        yield make.label(text, source, **{"break": way})


def _word_ends(text: str) -> Iterator[int]:
    spaces = [char.isspace() for char in text] + [True]
    return (i for i in range(1, len(spaces)) if spaces[i] and not spaces[i - 1])


def _toxic(make: Maker) -> Iterator[LabelledText]:
    """Insults, every third time below a good text.

    Truth: `listed`: whether the insults are words of the list INSULTS. Those of the
    family `tuning` are, half of those of the others are new.
    """
    while True:
        listed = make.family == "tuning" or make.rng.random() < 0.5
        insults = {"insult": INSULTS if listed else NEW_INSULTS_OF[make.family]}
        said = make.sentences(TOXIC[make.family] | insults, 5, 8)
        text, source = " ".join(said), "templates"
        if make.rng.random() < 1 / 3:
            good, source = next(make.good)
            text = f"{good}\n\n{text}"
        yield make.label(text, source, listed=listed)


# --- no good text at all -------------------------------------------------------------


def _boilerplate(make: Maker) -> Iterator[LabelledText]:
    while True:
        lines = make.sentences(BOILERPLATE[make.family], 4, 9)
        yield make.label("\n\n".join(lines), "templates")


def _spam(make: Maker) -> Iterator[LabelledText]:
    while True:
        said = make.sentences(SPAM[make.family], 5, 11)
        joint = make.rng.choice((" ", " ", "\n\n"))
        yield make.label(joint.join(said), "templates")


def _languages(make: Maker) -> Iterator[LabelledText]:
    """Truth: `language`, its two-letter code."""
    for code, phrases in itertools.cycle(LANGUAGES[make.family].items()):
        said = make.sentences(phrases, 6, 9)
        gap = "" if code in ("zh", "ja") else " "
        half = len(said) // 2
        text = f"{gap.join(said[:half])}\n\n{gap.join(said[half:])}"
        yield make.label(text, "templates", language=code)


def _gibberish(make: Maker) -> Iterator[LabelledText]:
    """Truth: `style`, the name of the way in which it is none."""
    for style in itertools.cycle(STYLES[make.family]):
        text = gibberish_text(style, make.rng, make.good)
        yield make.label(text, "templates", style=style)


MAKERS: dict[str, Callable[[Maker], Iterator[LabelledText]]] = {
    "clean": _clean,
    "boilerplate": _boilerplate,
    "exact_duplicate": _exact_duplicates,
    "near_duplicate": _near_duplicates,
    "spam": _spam,
    "gibberish": _gibberish,
    "language": _languages,
    "personal_data": _personal,
    "blocked_url": _blocked,
    "url_duplicate": _url_duplicates,
    "leak": _leaks,
    "toxic": _toxic,
    "broken_html": _broken,
}
KINDS = tuple(MAKERS)
