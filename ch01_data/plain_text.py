"""Everything that is done to one plain text without looking at the others.

    normalize -> language -> surprise -> quality rules -> listed insults
              -> learned quality -> learned insults -> mask

A text falls where the first filter speaks against it, and the next ones are not asked:
rules and examples know English only, and what is advertising need not be searched for
insults. The learned filters judge a whole batch at once, which takes a fraction of the
time; what is said of a text does not depend on the others.
"""

import argparse
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from ch01_data.files import run_command
from ch01_data.filters import CHARACTERS_TO_JUDGE, normalize_text, quality_flags
from ch01_data.hashed_ngrams import ngram_batches
from ch01_data.language import WANTED, language_flags
from ch01_data.learned_filters import LearnedFilters, load_learned_filters
from ch01_data.pii import mask_pii
from ch01_data.rules import View
from ch01_data.sources import read_texts
from ch01_data.toxicity import insult_flags


class CleanText(NamedTuple):
    """A text in one spelling and without personal data, and what speaks against it."""

    text: str
    flags: list[str]


def clean_texts(
    texts: Iterable[str],
    learned: LearnedFilters | None = None,
    *,
    insults: Collection[str] | None = None,
    languages: Collection[str] = WANTED,
) -> list[CleanText]:
    """Return each text cleaned, with what the first filter says that speaks against it.

    `insults` is a list of words, by default this book's; without `learned` the rules
    and the list judge alone.
    """
    spelt = [normalize_text(text) for text in texts]
    flags: list[list[str]] = [[] for _ in spelt]
    noise = learned.surprise.flags_of(spelt) if learned else flags
    for place, text in enumerate(spelt):
        view = View.of(text[:CHARACTERS_TO_JUDGE])
        flags[place] = (
            language_flags(text, languages, view=view)
            or noise[place]
            or quality_flags(text, view=view)
            or insult_flags(view, insults)
        )
    if learned:
        left = [place for place, found in enumerate(flags) if not found]
        said = learned_flags([spelt[place] for place in left], learned)
        for place, found in zip(left, said, strict=True):
            flags[place] = found
    return [CleanText(mask_pii(text), found) for text, found in zip(spelt, flags)]


def learned_flags(texts: Sequence[str], learned: LearnedFilters) -> list[list[str]]:
    """Return the kind of each bad text, or whether insults are likely in it."""
    heads = [text[:CHARACTERS_TO_JUDGE] for text in texts]
    insulting = learned.toxicity.flags_of(heads)
    quality = learned.quality.flags_of(texts)
    return [bad or insult for bad, insult in zip(quality, insulting, strict=True)]


def main(argv: list[str] | None = None) -> int:
    """Count what the filters say of the texts of a source."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--source", required=True, help="pylib, a file, folder or glob")
    parser.add_argument("--filters", help="folder of the learned filters")
    arguments = parser.parse_args(argv)

    def command() -> None:
        learned = load_learned_filters(arguments.filters) if arguments.filters else None
        counts: Counter[str] = Counter()
        total = 0
        for batch in ngram_batches(read_texts(arguments.source)):
            total += len(batch)
            counts.update(tuple(found) for _, found in clean_texts(batch, learned))
        print(f"{counts.pop((), 0):,} of {total:,} texts kept")
        for flags, count in counts.most_common():
            print(f"{count:8,}  {', '.join(flags)}")

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
