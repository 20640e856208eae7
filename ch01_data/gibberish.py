"""Text that says nothing, in 29 styles: noise, machine output, ciphers.

Five styles are for fitting and the rest for the score, so that a rule shows whether it
knows noise or only one kind of it.
"""

import base64
import binascii
import codecs
import json
import random
import string
import urllib.parse
from collections.abc import Callable, Iterator

from ch01_data.crawl_languages import LANGUAGES
from ch01_data.templates import fill_in, grammar

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


# --- the styles of the family blind --------------------------------------------------

KEYBOARD = ("1234567890-", "qwertyuiop[", "asdfghjkl;'", "zxcvbnm,./ ")


def _walk(rng: random.Random, good: GoodTexts) -> str:
    """Strokes of neighbouring keys: down the columns, along the rows, and back."""
    columns = ["".join(column).strip() for column in zip(*KEYBOARD)]

    def word(n: int) -> str:
        line, start = rng.choice((*columns, *KEYBOARD[1:])), rng.randrange(4)
        stroke = (line + line[::-1])[start : start + n]
        return rng.choice((stroke, stroke, stroke.upper(), stroke + stroke))

    return "\n".join(_words(rng, word) for _ in range(2))


def _scanned(rng: random.Random, good: GoodTexts) -> str:
    """Good text as read from a bad photograph of a wet page."""
    marks = "il1|!;:.,'`~^*_-=rnmcoe0QO8B5S§£¢»«°¦¬ "

    def seen(char: str) -> str:
        if rng.random() < 0.45 and char != "\n":
            return rng.choice(marks) * rng.choice((1, 1, 2))
        return char

    return "".join(map(seen, next(good)[0]))


def _codepage(rng: random.Random, good: GoodTexts) -> str:
    """Text of another script in an old code page, shown in one for Western Europe."""
    code, charset = rng.choice((("uk", "koi8-u"), ("he", "cp862"), ("ko", "euc-kr")))
    phrases = LANGUAGES["blind"][code]
    chosen = rng.sample(phrases["sentence"], 6)
    text = " ".join(fill_in(sentence, phrases, rng) for sentence in chosen)
    shown = rng.choice(("cp437", "mac-roman", "cp1252"))
    return text.encode(charset, "replace").decode(shown, "replace")


def _base32(rng: random.Random, good: GoodTexts) -> str:
    """Blocks of eight capitals and digits, as in lists of licences."""
    data = base64.b32encode(rng.randbytes(5 * rng.randint(60, 140))).decode()
    blocks = [data[at : at + 8] for at in range(0, len(data), 8)]
    joint = rng.choice((" ", "-"))
    return "\n".join(joint.join(blocks[at : at + 5]) for at in range(0, len(blocks), 5))


def _bits(rng: random.Random, good: GoodTexts) -> str:
    data = next(good)[0].encode()[: rng.randint(60, 160)]
    return " ".join(f"{byte:08b}" for byte in data)


def _opened(rng: random.Random, good: GoodTexts) -> str:
    """A compressed document opened as if it were text, with what frames its parts."""
    parts = []
    for number in range(rng.randint(4, 9)):
        data = bytes(byte for byte in rng.randbytes(220) if byte >= 32 and byte != 127)
        shown = data.decode("cp1252", "replace")
        parts.append(f"{number} 0 obj<</FlateDecode/L {len(data)}>>\n{shown}\nendobj")
    return "\n".join(parts)


def _poured(rng: random.Random, good: GoodTexts) -> str:
    """Good text whose letters were poured out and put back anywhere."""
    text = next(good)[0]
    letters = [char for char in text if char.isalpha()]
    rng.shuffle(letters)
    return "".join(letters.pop() if char.isalpha() else char for char in text)


def _chain(rng: random.Random, good: GoodTexts) -> str:
    """Letters drawn by the letter before, as in good text: almost words."""
    text = " ".join(next(good)[0].lower().split())
    behind: dict[str, list[str]] = {}
    for first, second in zip(text, text[1:]):
        behind.setdefault(first, []).append(second)
    said = [" "]
    for _ in range(rng.randint(500, 1200)):
        said.append(rng.choice(behind.get(said[-1], [" "])))
    return "".join(said).strip()


def _uuencoded(rng: random.Random, good: GoodTexts) -> str:
    rows = (binascii.b2a_uu(rng.randbytes(45)) for _ in range(rng.randint(8, 20)))
    lines = "".join(row.decode("ascii") for row in rows)
    return f"begin 644 img{rng.randint(10, 99)}.gif\n{lines}`\nend"


def _numbers(rng: random.Random, good: GoodTexts) -> str:
    """A table of measured values without its heads."""
    columns = rng.randint(4, 9)
    spell = rng.choice(("{:.4f}", "{:9.3e}", "{:+.2f}"))
    rows = ([rng.gauss(0, 40) for _ in range(columns)] for _ in range(30))
    return "\n".join("  ".join(map(spell.format, row)) for row in rows)


def _stuck(rng: random.Random, good: GoodTexts) -> str:
    """Keys that were held down, and the same short sounds again and again."""

    def word(n: int) -> str:
        sound = "".join(rng.choices(string.ascii_lowercase, k=rng.choice((1, 1, 2, 3))))
        return sound * n

    return _words(rng, word)


# --- the styles of the family fresh --------------------------------------------------


def _said(code: str, rng: random.Random) -> list[str]:
    """Return six sentences of one of the family's languages."""
    phrases = LANGUAGES["fresh"][code]
    chosen = rng.sample(phrases["sentence"], 6)
    return [fill_in(sentence, phrases, rng) for sentence in chosen]


def _percent(rng: random.Random, good: GoodTexts) -> str:
    """Links to pages of another script, each byte of them spelt with a percent sign."""
    said = _said(rng.choice(("bg", "th")), rng)
    return "\n".join(f"/{urllib.parse.quote_plus(sentence)}" for sentence in said)


def _lost(rng: random.Random, good: GoodTexts) -> str:
    """Text of another script from a place that could keep none of its letters."""
    unknown = rng.choice("?\N{REPLACEMENT CHARACTER}")
    said = "\n".join(_said(rng.choice(("bg", "th")), rng))
    return "".join(char if char.isascii() else unknown for char in said)


def _paired(rng: random.Random, good: GoodTexts) -> str:
    """Text whose bytes were read two at a time: English letters make Chinese signs."""
    said = " ".join(_said(rng.choice(("da", "ca", "hr", "sw")), rng))
    order = rng.choice(("utf-16-le", "utf-16-be"))
    read = said.encode().decode(order, "replace")
    return read.translate(dict.fromkeys((0x2028, 0x2029), "\n"))


def _glyphs(rng: random.Random, good: GoodTexts) -> str:
    """Good text from a document that numbers its letters as they come up."""
    text = next(good)[0]
    codes = map(chr, (*range(33, 127), *range(161, 256)))
    seen = dict.fromkeys(char for char in text if not char.isspace())
    return text.translate({ord(char): code for char, code in zip(seen, codes)})


def _woven(rng: random.Random, good: GoodTexts) -> str:
    """Two columns printed over each other: a letter of one, a letter of the other."""
    text = " ".join(next(good)[0].split())
    half = len(text) // 2
    return "".join(a + b for a, b in zip(text[:half], text[half:])).strip()


_MINIFIED = grammar(
    """
var {a}={a}({n}),{a}={a}.{a}[{n}],{a}=!{bit}
{a}=>{left}{a}.{a}({n},{a});{a}[{n}]=[{a},{a},{a}]{right}
{a}.{a}&&({a}.{a}=({a},{a})=>{a}({a})?{a}:{a}+{n})
for(var {a}=0;{a}<{a}.{a};{a}++){a}[{a}]^={a}[{a}>>>{n}]
if(!{a}||{a}({n}))({a}=new {a}({n})).{a}({a}.{a},!{bit})
{a}.{a}={a}({n}),({a}={a}({n})).{a}={left}{a}:{n},{a}:[{n},{n}]{right}
""",
    a=" | ".join([*string.ascii_letters, "$", "_"]),
    n="{0..9} | {10..99} | {100..9000}",
    bit="0 | 1",
    left="{",
    right="}",
)


def _minified(rng: random.Random, good: GoodTexts) -> str:
    """A program whose names were cut to one letter, in lines as long as they come."""
    parts = rng.choices(_MINIFIED["sentence"], k=rng.randint(30, 90))
    filled = [fill_in(part, _MINIFIED, rng) for part in parts]
    return "\n".join(";".join(filled[at : at + 30]) for at in range(0, len(filled), 30))


def _records(rng: random.Random, good: GoodTexts) -> str:
    """What a page keeps for its own script: numbers of things, times, check sums."""
    rows = [
        {
            "i": rng.randrange(10**7),
            "h": rng.randbytes(rng.choice((8, 16, 20))).hex(),
            "t": 1_700_000_000_000 + rng.randrange(10**11),
            "r": [rng.randrange(10**6) for _ in range(rng.randint(0, 4))],
            "q": "".join(rng.choices(string.ascii_letters + string.digits, k=22)),
        }
        for _ in range(rng.randint(8, 25))
    ]
    return json.dumps({"v": rng.randint(1, 9), "d": rows}, separators=(",", ":"))


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
    "blind": {
        "walk": _walk,
        "scanned": _scanned,
        "codepage": _codepage,
        "base32": _base32,
        "bits": _bits,
        "opened": _opened,
        "poured": _poured,
        "chain": _chain,
        "uuencoded": _uuencoded,
        "numbers": _numbers,
        "stuck": _stuck,
    },
    "fresh": {
        "percent": _percent,
        "lost": _lost,
        "paired": _paired,
        "glyphs": _glyphs,
        "woven": _woven,
        "minified": _minified,
        "records": _records,
    },
}
