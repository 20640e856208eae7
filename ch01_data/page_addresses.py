"""Addresses of a crawl's pages: harmless ones, the same one respelt, and refused ones.

An address is spelt in many ways that lead to the same page (RFC 3986, section 6), and a
refused host can hide in spellings that only a browser reads. Each family of templates
has its own hosts and its own spellings.
"""

import random

from ch01_data.crawl_templates import (
    BLOCKED_HOSTS,
    BLOCKED_URL_WORDS,
    HOSTS,
    SECTIONS,
    TRACKERS,
)


def page_url(name: str, family: str, rng: random.Random) -> str:
    """Return a harmless address that ends in `name`, which makes it unique."""
    host, section = rng.choice(HOSTS[family]), rng.choice(SECTIONS[family])
    tail = rng.choice((name, name, f"{name}.html", f"view?id={name}"))
    return f"https://{host}/{section}/{tail}"


def url_variant(url: str, family: str, rng: random.Random) -> str:
    """Return another spelling of the same address.

    Tracking parameters, a fragment, http for https or a trailing slash; in the other
    families also the default port and capitals in the host, in `blind` a dot segment
    and an escaped letter as well (RFC 3986, 6.2.2).
    """
    ways = [_track, _fragment, _scheme]
    ways += [] if "?" in url or url.endswith(".html") else [_slash]
    ways += [_port, _capitals] if family != "tuning" else []
    ways += [_dot, _escape] if family == "blind" else []
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


def _dot(url: str, family: str, rng: random.Random) -> str:
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    return f"{scheme}://{host}/./{path}"


def _escape(url: str, family: str, rng: random.Random) -> str:
    """Spell the first letter of the path in hexadecimal, unless one is so already."""
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    place = next((i for i, mark in enumerate(path) if mark.isalpha()), len(path))
    if "%" in path or place == len(path):
        return _dot(url, family, rng)
    spelt = f"{path[:place]}%{ord(path[place]):02X}{path[place + 1 :]}"
    return f"{scheme}://{host}/{spelt}"


def blocked_url(name: str, family: str, rng: random.Random) -> tuple[str, str]:
    """Return an address that must be refused, and why: host, word or ip."""
    why = rng.choice(("host", "word", "ip"))
    path = f"{rng.choice(SECTIONS[family])}/{name}"
    if why == "ip":
        return f"http://{_ip_host(family, rng)}/{path}", why
    if why == "host" and family == "blind":
        below = rng.choice(("", "CDN7.", "en.m."))
        behind = rng.choice(("", ":8443", "."))
        return f"https://{below}{rng.choice(BLOCKED_HOSTS[family])}{behind}/{path}", why
    if why == "host":
        below = rng.choice(("", "www.", "m.shop."))
        return f"https://{below}{rng.choice(BLOCKED_HOSTS[family])}/{path}", why
    word, host = rng.choice(BLOCKED_URL_WORDS[family]), rng.choice(HOSTS[family])
    places = WORD_PLACES["blind" if family == "blind" else "other"]
    spelt = rng.choice((word, word.upper(), word.title()))
    tail = rng.choice(places).format(host=host, word=spelt, name=name)
    return f"https://{tail}{f'&n={name}' if '?' in tail else ''}", why


WORD_PLACES = {
    "other": ("{host}/{word}-{name}", "{word}.{host}/{name}", "{host}/?q={word}"),
    "blind": (
        "{host}/tag/{word}/{name}",
        "{host}/best_{word}_{name}.php",
        "{host}/index.cgi?cat={word}",
        "www.{word}-{name}.example/",
    ),
}


def _ip_host(family: str, rng: random.Random) -> str:
    number = (203 << 24) + (113 << 8) + rng.randint(1, 254)
    dotted = f"203.0.113.{number & 255}"
    if family == "tuning":
        return rng.choice((dotted, f"{dotted}:8080"))
    version_6 = f"[2001:db8::{number & 255:x}]"
    if family != "blind":
        return rng.choice((dotted, version_6, str(number), hex(number)))
    last = number & 255
    octal, hexadecimal = f"0313.0.0161.0{last:o}", f"0xcb.0x0.0x71.{last:#x}"
    short, mapped = f"203.0.{(113 << 8) + last}", f"[::ffff:{dotted}]"
    named = f"admin@{dotted}"
    return rng.choice((octal, hexadecimal, short, mapped, named, f"{dotted}."))
