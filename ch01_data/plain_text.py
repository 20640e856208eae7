"""Everything that is done to one plain text without looking at the others.

    normalize -> language -> quality rules -> learned quality -> toxicity -> mask

A text falls where the first filter speaks against it, and the next ones are not asked:
rules and examples know English only, and what is advertising need not be searched for
insults. The learned filters judge a whole batch at once, which takes a fraction of the
time; what is said of a text does not depend on the others.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
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
    flags = list(_flags_of_rules(spelt, insults, languages))
    if learned is not None:
        for judge in (learned.quality.flags_of, partial(insulting, learned)):
            left = [place for place, found in enumerate(flags) if not found]
            said = judge([spelt[place] for place in left])
            for place, found in zip(left, said, strict=True):
                flags[place] = found
    return [Cleaned(mask_pii(text), found) for text, found in zip(spelt, flags)]


def _flags_of_rules(
    texts: Sequence[str], insults: Collection[str] | None, languages: Collection[str]
) -> Iterator[list[str]]:
    """Yield what the first filter that speaks says, of those that learnt nothing."""
    for text in texts:
        view = View.of(text[:CHARACTERS_TO_JUDGE])
        yield (
            language_flags(text, languages, view=view)
            or quality_flags(text, view=view)
            or insult_flags(view, insults)
        )


def insulting(learned: LearnedFilters, texts: Sequence[str]) -> list[list[str]]:
    """Return ["insult_learned"] for each text in which insults are likely, else []."""
    heads = [text[:CHARACTERS_TO_JUDGE] for text in texts]
    toxic = learned.toxicity.scores(heads) >= THRESHOLD
    return [[INSULT_LEARNED] * bool(found) for found in toxic]
