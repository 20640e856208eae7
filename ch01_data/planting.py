"""What is planted into good text: edits of a known Jaccard, personal data, addresses.

A filter can be scored only where the truth is known to the letter. So a near-duplicate
is made by editing a text word by word, with the similarity computed exactly after every
edit, and personal data is noted as the very string that was written into the page.
"""

import base64
import random
import re
import string
from collections.abc import Callable

from ch01_data.crawl_templates import (
    BLOCKED_HOSTS,
    BLOCKED_URL_WORDS,
    CITIES,
    HOSTS,
    NOTICES,
    SECTIONS,
    TRACKERS,
)

LEAST_JACCARD = 0.4
NOTICE_BELOW = 0.85  # a whole sentence more would lower a high target at one stroke


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


EDITS: dict[str, tuple[Callable[[list[str], int, random.Random], None], ...]] = {
    "tuning": (_replace, _insert),
    "held": (_delete, _transpose, _misspell),
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
}
CARDS = (("411111", 16), ("555555", 16), ("378282", 15), ("601111", 16))
KEYS = (
    ("AKIA", 16, string.ascii_uppercase + "234567"),
    ("ghp_", 36, string.ascii_letters + string.digits),
    ("AIza", 35, string.ascii_letters + string.digits + "_-"),
    ("sk_live_", 24, string.ascii_letters + string.digits),
    ("xoxb-", 40, string.ascii_letters + string.digits),
)


def personal_value(kind: str, family: str, rng: random.Random) -> str:
    """Return a made-up e-mail address, phone, IP or card number, or access key."""
    if kind == "EMAIL":
        phrases = {"a": tuple(PEOPLE), "b": tuple(SURNAMES), "n": ("{7..99}",)}
        return fill_in(rng.choice(MAIL[family]), phrases, rng)
    if kind == "PHONE":
        shape = rng.choice(PHONES[family])
        return re.sub("#", lambda _: str(rng.randrange(10)), shape)
    return {"IP": _address, "CARD": _card, "KEY": _key}[kind](rng)


def _address(rng: random.Random) -> str:
    """Return an address of the ranges kept for documentation (RFC 5737, RFC 3849)."""
    if rng.random() < 0.6:
        block = rng.choice(("192.0.2", "198.51.100", "203.0.113"))
        return f"{block}.{rng.randint(1, 254)}"
    groups = [f"{rng.randrange(1, 1 << 16):x}" for _ in range(6)]
    if rng.random() < 0.5:
        return "2001:db8:" + ":".join(groups)
    return f"2001:db8:{groups[0]}::{groups[1]}:{groups[2]}"


def _card(rng: random.Random) -> str:
    """Return a number of a test series with its Luhn digit, in one of three spellings.

    The digit makes the sum over all digits, every second one doubled, end in zero.
    """
    prefix, length = rng.choice(CARDS)
    body = prefix + "".join(rng.choices(string.digits, k=length - 1 - len(prefix)))
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(body[::-1])]
    digits = body + str(-sum(value // 10 + value % 10 for value in doubled) % 10)
    widths = (4, 6, 5) if length == 15 else (4, 4, 4, 4)
    starts = [sum(widths[:i]) for i in range(len(widths))]
    groups = [digits[start : start + width] for start, width in zip(starts, widths)]
    return rng.choice(("", " ", "-")).join(groups)


def _key(rng: random.Random) -> str:
    if rng.random() < 0.15:
        body = base64.urlsafe_b64encode(rng.randbytes(45)).decode()
        header = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode()
        return f"{header}.eyJ{body[:30]}.{body[30:]}"
    prefix, length, alphabet = rng.choice(KEYS)
    return prefix + "".join(rng.choices(alphabet, k=length))


# --- addresses of pages --------------------------------------------------------------


def page_url(name: str, family: str, rng: random.Random) -> str:
    """Return a harmless address that ends in `name`, which makes it unique."""
    host, section = rng.choice(HOSTS[family]), rng.choice(SECTIONS[family])
    tail = rng.choice((name, name, f"{name}.html", f"view?id={name}"))
    return f"https://{host}/{section}/{tail}"


def url_variant(url: str, family: str, rng: random.Random) -> str:
    """Return another spelling of the same address.

    Tracking parameters, a fragment, http for https or a trailing slash; in the family
    `held` also the default port and capitals in the host.
    """
    ways = [_track, _fragment, _scheme]
    ways += [] if "?" in url or url.endswith(".html") else [_slash]
    ways += [_port, _capitals] if family == "held" else []
    for way in rng.sample(ways, rng.choice((1, 1, 2))):
        url = way(url, family, rng)
    return url


def _track(url: str, family: str, rng: random.Random) -> str:
    address, mark, fragment = url.partition("#")
    added = "&".join(rng.sample(TRACKERS[family], rng.randint(1, 3)))
    return f"{address}{'&' if '?' in address else '?'}{added}{mark}{fragment}"


def _fragment(url: str, family: str, rng: random.Random) -> str:
    return f"{url}#{rng.choice(('top', 'comments', f'p{rng.randint(2, 40)}'))}"


def _scheme(url: str, family: str, rng: random.Random) -> str:
    return url.replace("https://", "http://").replace(":443/", ":80/")


def _slash(url: str, family: str, rng: random.Random) -> str:
    cut = min(url.find(mark) % (len(url) + 1) for mark in "?#")
    return f"{url[:cut]}/{url[cut:]}"


def _port(url: str, family: str, rng: random.Random) -> str:
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    if host[-1:].isdigit() or host.endswith("]"):  # it has a port, or is an address
        return url
    return f"{scheme}://{host}:{443 if scheme == 'https' else 80}/{path}"


def _capitals(url: str, family: str, rng: random.Random) -> str:
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    return f"{scheme}://{host.title()}/{path}"


def blocked_url(name: str, family: str, rng: random.Random) -> tuple[str, str]:
    """Return an address that must be refused, and why: host, word or ip."""
    why = rng.choice(("host", "word", "ip"))
    path = f"{rng.choice(SECTIONS[family])}/{name}"
    if why == "ip":
        return f"http://{_ip_host(family, rng)}/{path}", why
    if why == "host":
        below = rng.choice(("", "www.", "m.shop."))
        return f"https://{below}{rng.choice(BLOCKED_HOSTS[family])}/{path}", why
    word, host = rng.choice(BLOCKED_URL_WORDS[family]), rng.choice(HOSTS[family])
    places = ("{host}/{word}-{name}", "{word}.{host}/{name}", "{host}/?q={word}")
    spelt = rng.choice((word, word.upper(), word.title()))
    tail = rng.choice(places).format(host=host, word=spelt, name=name)
    return f"https://{tail}{f'&n={name}' if '?' in tail else ''}", why


def _ip_host(family: str, rng: random.Random) -> str:
    number = (203 << 24) + (113 << 8) + rng.randint(1, 254)
    dotted = f"203.0.113.{number & 255}"
    if family == "tuning":
        return rng.choice((dotted, f"{dotted}:8080"))
    version_6 = f"[2001:db8::{number & 255:x}]"
    return rng.choice((dotted, version_6, str(number), hex(number)))
