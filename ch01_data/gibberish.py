"""Text that says nothing, in eleven styles: noise, machine output, ciphers.

Six styles are kept for the final score, so that a rule for the other five shows whether
it knows noise or only one kind of it.
"""

import codecs
import random
import string
from collections.abc import Callable, Iterator

from ch01_data.crawl_languages import LANGUAGES
from ch01_data.planting import fill_in

GoodTexts = Iterator[tuple[str, str]]
Style = Callable[[random.Random, GoodTexts], str]


def gibberish_text(style: str, rng: random.Random, good: GoodTexts) -> str:
    """Return one text of a style; some are made by spoiling the next good text."""
    return next(made[style] for made in STYLES.values() if style in made)(rng, good)


def _words(rng: random.Random, word: Callable[[int], str]) -> str:
    """Return 60 to 150 words of 2 to 9 characters, in sentences of ten."""
    words = [word(rng.randint(2, 9)) for _ in range(rng.randint(60, 150))]
    tens = (" ".join(words[at : at + 10]) for at in range(0, len(words), 10))
    return ". ".join(tens)


def _letters(rng: random.Random, good: GoodTexts) -> str:
    return _words(rng, lambda n: "".join(rng.choices(string.ascii_lowercase, k=n)))


def _mash(rng: random.Random, good: GoodTexts) -> str:
    """What fingers do on one row of the keys."""
    rows = ("asdfgh", "jkl", "qwerty", "zxcvbn")
    return _words(rng, lambda n: "".join(rng.choices(rng.choice(rows), k=n)))


def _base64(rng: random.Random, good: GoodTexts) -> str:
    data = codecs.encode(rng.randbytes(rng.randint(300, 700)), "base64")
    return data.decode("ascii").strip()


def _anagrams(rng: random.Random, good: GoodTexts) -> str:
    """Good text with the letters of each word shuffled."""
    words = next(good)[0].split()
    return " ".join("".join(rng.sample(word, len(word))) for word in words)


def _symbols(rng: random.Random, good: GoodTexts) -> str:
    marks = string.punctuation + string.digits
    return _words(rng, lambda n: "".join(rng.choices(marks, k=n)))


def _syllables(rng: random.Random, good: GoodTexts) -> str:
    """Words that could be said and mean nothing."""

    def word(n: int) -> str:
        pairs = (rng.choice("bdfgklmnprstvz") + rng.choice("aeiou") for _ in range(n))
        return "".join(pairs)[: n + 1]

    return _words(rng, word)


def _hex(rng: random.Random, good: GoodTexts) -> str:
    """A dump of bytes in hexadecimal, with offsets."""
    rows = range(0, 16 * rng.randint(12, 30), 16)
    return "\n".join(f"{row:08x}  {rng.randbytes(16).hex(' ')}" for row in rows)


def _cipher(rng: random.Random, good: GoodTexts) -> str:
    """Good text with every letter moved thirteen places on."""
    return codecs.encode(next(good)[0], "rot13")


def _backwards(rng: random.Random, good: GoodTexts) -> str:
    return "\n\n".join(part[::-1] for part in next(good)[0].split("\n\n"))


def _misread(rng: random.Random, good: GoodTexts) -> str:
    """Greek or Hindi whose bytes were read in the wrong encoding."""
    phrases = LANGUAGES["held"][rng.choice(("el", "hi"))]
    text = " ".join(
        fill_in(s, phrases, rng) for s in rng.sample(phrases["sentence"], 5)
    )
    return text.encode("utf-8").decode("cp1252", "replace")


def _mixed(rng: random.Random, good: GoodTexts) -> str:
    """Words of letters and digits, as in the names that machines give."""
    marks = string.ascii_letters + string.digits
    return _words(rng, lambda n: "".join(rng.choices(marks, k=n + 3)))


STYLES: dict[str, dict[str, Style]] = {
    "tuning": {
        "letters": _letters,
        "mash": _mash,
        "base64": _base64,
        "anagrams": _anagrams,
        "symbols": _symbols,
    },
    "held": {
        "syllables": _syllables,
        "hex": _hex,
        "cipher": _cipher,
        "backwards": _backwards,
        "misread": _misread,
        "mixed": _mixed,
    },
}
