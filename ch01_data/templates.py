"""Templates with slots: how a grammar of sentences is written down and filled in.

A grammar lists its sentences under `sentence` and its phrases under their own names. A
name in braces stands for one of the phrases listed under that name, `{2..9}` for a
number of that range. Phrases may have slots themselves.
"""

import random
import re

Grammar = dict[str, tuple[str, ...]]


def grammar(sentences: str, **phrases: str) -> Grammar:
    """Return sentences, one a line, and phrases, divided by bars, as a grammar."""
    lists = {name: tuple(text.split(" | ")) for name, text in phrases.items()}
    return {"sentence": tuple(sentences.strip().splitlines()), **lists}


def fill_in(
    template: str, phrases: dict[str, tuple[str, ...]], rng: random.Random
) -> str:
    """Replace `{name}` by one of its phrases and `{2..9}` by a number of that range."""

    def draw(match: re.Match) -> str:
        name = match[1]
        if ".." in name:
            low, high = map(int, name.split(".."))
            return str(rng.randint(low, high))
        return fill_in(rng.choice(phrases[name]), phrases, rng)

    return re.sub(r"\{([^{}]+)\}", draw, template)
