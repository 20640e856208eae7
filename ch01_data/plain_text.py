"""Everything that is done to one plain text without looking at the others.

    normalize -> language -> quality rules -> toxicity -> learned quality -> mask

A text in another language falls by that alone: rules and examples know English only. Of
the others each filter says what it finds, also where another has spoken already, so
that a report can count each of them alone. The two learned filters judge a whole batch
at once, which takes a fraction of the time.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from ch01_data.filters import CHARACTERS_TO_JUDGE, normalize_text, quality_flags
from ch01_data.language import WANTED, language_flags
from ch01_data.learned_filters import LearnedFilters
from ch01_data.pii import mask_pii
from ch01_data.rules import View
from ch01_data.toxicity import INSULT_LEARNED, THRESHOLD, insult_flags


class Cleaned(NamedTuple):
    """A text in one spelling and without personal data, and what speaks against it."""

    text: str
    flags: list[str]


def clean_texts(
    texts: Iterable[str],
    learned: LearnedFilters | None = None,
    *,
    insults: Collection[str] | None = None,
    languages: Collection[str] = WANTED,
) -> list[Cleaned]:
    """Return each text cleaned, with the names of all that speaks against it.

    `insults` is a list of words, by default this book's; without `learned` the rules
    and the list judge alone. What is said of a text does not depend on the others.
    """
    spelt = [normalize_text(text) for text in texts]
    views = [View.of(text[:CHARACTERS_TO_JUDGE]) for text in spelt]
    flags = [
        language_flags(text, languages, view=view) for text, view in zip(spelt, views)
    ]
    ours = [place for place, found in enumerate(flags) if not found]
    for place in ours:
        flags[place] += quality_flags(spelt[place], view=views[place])
        flags[place] += insult_flags(views[place], insults)
    if learned is not None:
        said = _learned_flags([spelt[place] for place in ours], learned)
        for place, found in zip(ours, said, strict=True):
            flags[place] += found
    return [Cleaned(mask_pii(text), found) for text, found in zip(spelt, flags)]


def _learned_flags(texts: Sequence[str], learned: LearnedFilters) -> list[list[str]]:
    heads = [text[:CHARACTERS_TO_JUDGE] for text in texts]
    toxic = learned.toxicity.scores(heads) >= THRESHOLD
    quality = learned.quality.flags_of(texts)
    return [
        [INSULT_LEARNED] * bool(insulting) + bad
        for insulting, bad in zip(toxic, quality, strict=True)
    ]
