"""Addresses: which pages may be read at all, and which addresses mean the same page.

An address is judged before its page is fetched or opened, so this is the cheapest
filter there is. Blocked are lists of domains and words that anybody can replace, and
hosts that are bare numbers: a page worth reading has a name. A number can be written in
many ways, and all of these are 127.0.0.1:

    127.0.0.1    2130706433    0x7f000001    0177.0.0.1    127.1    [::ffff:127.0.0.1]

The same page is also linked in many ways (with www, with a port that is the default,
with the name of the newsletter that led there). `canonical_url` writes them all alike,
so that equal spellings can be counted as equal pages.
"""

import argparse
import ipaddress
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from ch01_data.files import run_command
from ch01_data.word_lists import read_list

URL_FLAGS = ("bad_url", "ip_host", "blocked_domain", "blocked_word")
DEFAULT_PORTS = {"http": 80, "https": 443}
# Parameters that say where a reader came from, not what the page is.
TRACKING = frozenset(
    "fbclid gclid gclsrc dclid gbraid wbraid msclkid twclid ttclid yclid igshid igsh"
    " mc_cid mc_eid mkt_tok vero_id oly_anon_id oly_enc_id spm scid s_kwcid cmpid"
    " _ga _gl _hsenc _hsmi __hssc __hstc __hsfp sessionid phpsessid"
    " jsessionid sid ref ref_src referrer".split()
)
TRACKING_PREFIXES = ("utm_", "pk_", "mtm_", "hsa_", "matomo_", "piwik_")
INDEX_PAGE = re.compile(r"(?:index|default)\.(?:html?|php|aspx?|jsp)", re.IGNORECASE)
_SESSION = re.compile(r";(?:jsessionid|phpsessid|sid)=[^;]*", re.IGNORECASE)
_NUMBER = re.compile(r"0[xX][\da-fA-F]*|\d+")
_WWW = re.compile(r"^(?:www\d?\.)+(?=[^.]+\.)")
_KEPT = "-._~!$&'()*+,;=:@"  # characters that a path may hold as they are


def url_allowed(
    url: str,
    blocked_domains: Iterable[str] | None = None,
    blocked_words: Iterable[str] | None = None,
) -> bool:
    """Tell whether a page from this address may enter the corpus.

    Refused are schemes other than http and https, hosts without a dot, hosts that are
    IP numbers in any spelling, blocked domains with all below them, and addresses with
    a blocked word as a whole word ("scunthorpe" holds none). The lists are those of
    this book unless others are given.
    """
    return url_flag(url, blocked_domains, blocked_words) is None


def url_flag(
    url: str,
    blocked_domains: Iterable[str] | None = None,
    blocked_words: Iterable[str] | None = None,
) -> str | None:
    """Return why a page from this address may not be read, or None if it may.

    The reason is bad_url, ip_host, blocked_domain or blocked_word.
    """
    domains = (
        read_list("blocked_domains") if blocked_domains is None else blocked_domains
    )
    words = read_list("blocked_words") if blocked_words is None else blocked_words
    try:
        parts = urlsplit(url.strip())
        host, _ = _host(parts.hostname or ""), parts.port  # a port is a number
    except (ValueError, UnicodeError):
        return "bad_url"
    if parts.scheme not in DEFAULT_PORTS:
        return "bad_url"
    if is_ip_host(host):
        return "ip_host"
    if "." not in host:
        return "bad_url"
    labels = host.split(".")
    if not {".".join(labels[i:]) for i in range(len(labels))}.isdisjoint(domains):
        return "blocked_domain"
    read = unquote(unquote(f"{host} {parts.path} {parts.query} {parts.fragment}"))
    if not set(re.split(r"[\W\d_]+", read.lower())).isdisjoint(words):
        return "blocked_word"
    return None


def is_ip_host(host: str) -> bool:
    """Tell whether a host is an IP number: v4, v6, or a number that stands for v4.

    One to four numbers between dots, decimal, octal (0177) or hexadecimal (0x7f): the
    last one fills all bytes that the others leave, as in inet_aton.
    """
    host = host.strip("[]").partition("%")[0].rstrip(".")
    if ":" in host:
        try:
            return bool(ipaddress.IPv6Address(host))
        except ValueError:
            return False
    parts = host.split(".")
    # A name never ends in a number: "1.2.3.4.5" is no address, but no name either.
    return bool(parts[-1]) and _NUMBER.fullmatch(parts[-1]) is not None


@lru_cache(maxsize=1 << 14)
def _host(name: str) -> str:
    """Return a host in lower case, in ASCII, without a dot at its end."""
    name = name.rstrip(".").lower()
    return name if name.isascii() else name.encode("idna").decode()


def canonical_url(url: str) -> str:
    """Return the one spelling that stands for all addresses of the same page.

    http and https are one, so are www and none; the default port, the fragment,
    tracking parameters, a slash at the end and index.html go;
    parameters are sorted; percent signs stay only where they are needed.
    Raises:  ValueError if this is no address of the web.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = _host(parts.hostname or ""), parts.port
    except (ValueError, UnicodeError) as error:
        raise ValueError(f"{url!r} is no web address: {error}") from error
    if parts.scheme not in DEFAULT_PORTS or not host:
        raise ValueError(f"{url!r} is no web address: it needs http(s) and a host")
    host = f"[{host}]" if ":" in host else _WWW.sub("", host)
    if port not in (None, *DEFAULT_PORTS.values()):
        host = f"{host}:{port}"
    path = _same_path(parts.path)
    query = urlencode(sorted(_telling(parse_qsl(parts.query, keep_blank_values=True))))
    return urlunsplit(("http", host, path, query, ""))


def _same_path(path: str) -> str:
    """Return a path without dots, doubled slashes, index.html or a slash at its end."""
    kept: list[str] = []
    for raw in path.split("/"):
        part = _SESSION.sub("", unquote(raw, errors="surrogateescape"))
        if part == "..":
            kept = kept[:-1]
        elif part not in ("", "."):
            kept.append(part)
    while kept and INDEX_PAGE.fullmatch(kept[-1]):
        kept.pop()
    return "".join(
        "/" + quote(part, safe=_KEPT, errors="surrogateescape") for part in kept
    )


def _telling(parameters: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the parameters that say something about the page."""
    for name, value in parameters:
        low = name.lower()
        if low not in TRACKING and not low.startswith(TRACKING_PREFIXES):
            yield name, value


def equal_urls(urls: Iterable[str | None]) -> list[list[int]]:
    """Return clusters (two or more indices) of addresses that mean the same page.

    What is None or no web address equals nothing.
    """
    groups: dict[str, list[int]] = {}
    for index, url in enumerate(urls):
        if url is None:
            continue
        try:
            groups.setdefault(canonical_url(url), []).append(index)
        except ValueError:
            continue
    return [group for group in groups.values() if len(group) > 1]


def main(argv: list[str] | None = None) -> int:
    """Judge the addresses in a file, one a line, and count those that mean one page."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("file", type=Path, help="text file with one address a line")
    parser.add_argument("--domains", default="blocked_domains", help="list of domains")
    parser.add_argument("--words", default="blocked_words", help="list of words")
    arguments = parser.parse_args(argv)

    def command() -> None:
        lists = read_list(arguments.domains), read_list(arguments.words)
        urls = arguments.file.read_text(encoding="utf-8").split()
        flags = Counter(url_flag(url, *lists) or "allowed" for url in urls)
        for name, count in flags.most_common():
            print(f"{count:8,}  {name}")
        print(f"{sum(len(c) - 1 for c in equal_urls(urls)):8,}  spelled otherwise")

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
