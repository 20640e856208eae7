"""What is planted into good text: edits of a known Jaccard, and personal data.

A filter can be scored only where the truth is known to the letter. So a near-duplicate
is made by editing a text word by word, with the similarity computed exactly after every
edit, and personal data is noted as the very string that was written into the page.
"""

import base64
import random
import re
import string
from collections.abc import Callable

from ch01_data import crawl_blind, crawl_fresh
from ch01_data.crawl_templates import CITIES, NOTICES
from ch01_data.templates import fill_in

LEAST_JACCARD = 0.4
NOTICE_BELOW = 0.85  # a whole sentence more would lower a high target at one stroke


# --- near-duplicates -----------------------------------------------------------------


def shingle_set(text: str, ngram: int = 5) -> set[tuple[str, ...]]:
    """Return the set of word n-grams; a shorter text has one, all its words."""
    words = text.split()
    runs = range(max(len(words) - ngram + 1, min(len(words), 1)))
    return {tuple(words[start : start + ngram]) for start in runs}


def exact_jaccard(first: str, second: str, ngram: int = 5) -> float:
    """Return |A and B| / |A or B| over the word n-grams of two texts.

    "a b c d e f" and "a b c d e g" share one of three 5-grams: 1/3.
    """
    a, b = shingle_set(first, ngram), shingle_set(second, ngram)
    return len(a & b) / len(a | b) if a | b else 1.0


def edited(text: str, target: float, family: str, rng: random.Random) -> str:
    """Change words until the Jaccard similarity to `text` has fallen to the target.

    It never falls below 0.4. A target of 1 changes the line breaks alone, so that all
    words stay and the text is another one.
    """
    if target >= 1:
        return _rebroken(text, rng)
    new = text
    if target < NOTICE_BELOW and rng.random() < 0.3:
        city = {"city": tuple(CITIES)}
        new = f"{text}\n\n{fill_in(rng.choice(NOTICES[family]), city, rng)}"
    while exact_jaccard(text, new) > target:
        changed = _edit_once(new, family, rng)
        if exact_jaccard(text, changed) < LEAST_JACCARD:
            break
        new = changed
    return new


def _rebroken(text: str, rng: random.Random) -> str:
    """Begin a new paragraph after one sentence that was followed by a space."""
    places = [match.end() for match in re.finditer(r"[.?!:,;)] ", text)]
    places = places or [match.end() for match in re.finditer(r"\S ", text)]
    place = rng.choice(places)
    return f"{text[: place - 1]}\n\n{text[place:]}"


def _edit_once(text: str, family: str, rng: random.Random) -> str:
    parts = re.split(r"(\s+)", text)  # words at even places, white space between
    place = 2 * rng.randrange(len(parts) // 2)
    rng.choice(EDITS[family])(parts, place, rng)
    return "".join(parts)


def _replace(parts: list[str], place: int, rng: random.Random) -> None:
    parts[place] = rng.choice(parts[::2])


def _insert(parts: list[str], place: int, rng: random.Random) -> None:
    parts[place] += f" {rng.choice(parts[::2])}"


def _delete(parts: list[str], place: int, rng: random.Random) -> None:
    del parts[place : place + 2]


def _transpose(parts: list[str], place: int, rng: random.Random) -> None:
    parts[place], parts[place + 2] = parts[place + 2], parts[place]


def _misspell(parts: list[str], place: int, rng: random.Random) -> None:
    word = parts[place]
    at = rng.randrange(max(len(word), 1))
    parts[place] = word[:at] + rng.choice(string.ascii_lowercase) + word[at + 1 :]


def _recase(parts: list[str], place: int, rng: random.Random) -> None:
    parts[place] = rng.choice((str.upper, str.title, str.swapcase))(parts[place])


def _repunctuate(parts: list[str], place: int, rng: random.Random) -> None:
    """Take the mark off the end of a word, or put one there."""
    word = parts[place]
    bare = word.rstrip(",.;:!?")
    parts[place] = bare if bare != word else word + rng.choice((",", ".", "!", " -"))


def _double(parts: list[str], place: int, rng: random.Random) -> None:
    parts[place] += f" {parts[place]}"


def _fuse(parts: list[str], place: int, rng: random.Random) -> None:
    """Lose the space behind a word, or put a hyphen in its stead."""
    parts[place : place + 3] = [
        rng.choice(("", "-")).join(parts[place : place + 3 : 2])
    ]


def _fill(parts: list[str], place: int, rng: random.Random) -> None:
    parts[place] += f" {rng.choice(('really', 'of course', '(sic)', 'um', '[1]'))}"


def _abbreviate(parts: list[str], place: int, rng: random.Random) -> None:
    """Leave a word's first letters and put a dot behind them."""
    parts[place] = f"{parts[place][: rng.randint(1, 4)]}."


def _mark(parts: list[str], place: int, rng: random.Random) -> None:
    left, right = rng.choice(("**", "__", '""', "()", "[]"))
    parts[place] = f"{left}{parts[place]}{right}"


def _move(parts: list[str], place: int, rng: random.Random) -> None:
    """Take a word out and put it back anywhere."""
    word = parts[place]
    del parts[place : place + 2]
    there = 2 * rng.randrange(len(parts) // 2 + 1)
    parts[there:there] = [word, " "]


def _slip(parts: list[str], place: int, rng: random.Random) -> None:
    """Write two neighbouring letters in the wrong order."""
    word = parts[place]
    at = rng.randrange(max(len(word) - 1, 1))
    parts[place] = word[:at] + word[at : at + 2][::-1] + word[at + 2 :]


EDITS: dict[str, tuple[Callable[[list[str], int, random.Random], None], ...]] = {
    "tuning": (_replace, _insert),
    "held": (_delete, _transpose, _misspell),
    "blind": (_recase, _repunctuate, _double, _fuse, _fill),
    "fresh": (_abbreviate, _mark, _move, _slip),
}

# --- personal data -------------------------------------------------------------------

PEOPLE = "anna bilal carmen dmitri esther farid greta hugo imani jonas".split()
SURNAMES = "almeida brandt castel dvorak ekholm ferris gruber hatta ingram".split()
MAIL = {
    "tuning": ("{a}.{b}@example.com", "{a}{n}@mail.example.org", "{b}@example.net"),
    "held": (
        "{a}+{b}@example.org",
        "{a}_{b}{n}@lists.example.com",
        "{b}-{a}@staff.some-school.example",
    ),
    "blind": crawl_blind.BLIND_MAIL,
    "fresh": crawl_fresh.FRESH_MAIL,
}
MAIL_NAMES_OF = {
    "blind": crawl_blind.BLIND_MAIL_NAMES,
    "fresh": crawl_fresh.FRESH_MAIL_NAMES,
}
# Numbers that the authorities keep free for films and manuals; # is any digit.
PHONES = {
    "tuning": (
        "(2##) 555-01##",
        "2##-555-01##",
        "+44 20 7946 0###",
        "020 7946 0###",
        "+61 2 5550 ####",
    ),
    "held": (
        "+1 (3##) 555-01##",
        "3##.555.01##",
        "1-3##-555-01##",
        "+33 1 99 00 ## ##",
        "+49 30 23125 ###",
        "01632 960###",
    ),
    "blind": crawl_blind.BLIND_PHONES,
    "fresh": crawl_fresh.FRESH_PHONES,
}
CARDS = (("411111", 16), ("555555", 16), ("378282", 15), ("601111", 16))
KEYS = (
    ("AKIA", 16, string.ascii_uppercase + "234567"),
    ("ghp_", 36, string.ascii_letters + string.digits),
    ("AIza", 35, string.ascii_letters + string.digits + "_-"),
    ("sk_live_", 24, string.ascii_letters + string.digits),
    ("xoxb-", 40, string.ascii_letters + string.digits),
)
CARDS_OF = {"blind": crawl_blind.BLIND_CARDS, "fresh": crawl_fresh.FRESH_CARDS}
KEYS_OF = {"blind": crawl_blind.BLIND_KEYS, "fresh": crawl_fresh.FRESH_KEYS}


def personal_value(kind: str, family: str, rng: random.Random) -> str:
    """Return a made-up e-mail address, phone, IP or card number, or access key."""
    if kind == "EMAIL":
        phrases = {"a": tuple(PEOPLE), "b": tuple(SURNAMES), "n": ("{7..99}",)}
        phrases |= MAIL_NAMES_OF.get(family, {})
        return fill_in(rng.choice(MAIL[family]), phrases, rng)
    if kind == "PHONE":
        shape = rng.choice(PHONES[family])
        return re.sub("#", lambda _: str(rng.randrange(10)), shape)
    return {"IP": _address, "CARD": _card, "KEY": _key}[kind](family, rng)


def _address(family: str, rng: random.Random) -> str:
    """Return an address of the ranges kept for documentation (RFC 5737, RFC 3849).

    The family `blind` has other spellings of version 6, and the range of RFC 9637.
    """
    if rng.random() < 0.6:
        block = rng.choice(("192.0.2", "198.51.100", "203.0.113"))
        return f"{block}.{rng.randint(1, 254)}"
    groups = [f"{rng.randrange(1, 1 << 16):x}" for _ in range(6)]
    if family == "blind":
        padded = ":".join(group.zfill(4) for group in groups).upper()
        middle = f"3fff:{rng.randrange(1 << 12):x}:{groups[0]}::{groups[1]}"
        mapped = f"::ffff:192.0.2.{rng.randint(1, 254)}"
        return rng.choice((f"2001:0DB8:{padded}", middle, mapped, "2001:db8::8:800"))
    if rng.random() < 0.5:
        return "2001:db8:" + ":".join(groups)
    return f"2001:db8:{groups[0]}::{groups[1]}:{groups[2]}"


def _card(family: str, rng: random.Random) -> str:
    """Return a number of a test series with its Luhn digit, in one of many spellings.

    The digit makes the sum over all digits, every second one doubled, end in zero.
    """
    prefix, length = rng.choice(CARDS_OF.get(family, CARDS))
    body = prefix + "".join(rng.choices(string.digits, k=length - 1 - len(prefix)))
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(body[::-1])]
    digits = body + str(-sum(value // 10 + value % 10 for value in doubled) % 10)
    widths = {14: (4, 6, 4), 15: (4, 6, 5), 16: (4, 4, 4, 4)}[length]
    if family == "blind" and rng.random() < 0.2:
        widths = (8, length - 8)
    starts = [sum(widths[:i]) for i in range(len(widths))]
    groups = [digits[start : start + width] for start, width in zip(starts, widths)]
    return rng.choice(("", " ", "-")).join(groups)


def _key(family: str, rng: random.Random) -> str:
    if rng.random() < 0.15:
        body = base64.urlsafe_b64encode(rng.randbytes(45)).decode()
        header = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode()
        return f"{header}.eyJ{body[:30]}.{body[30:]}"
    prefix, length, alphabet = rng.choice(KEYS_OF.get(family, KEYS))
    return prefix + "".join(rng.choices(alphabet, k=length))
