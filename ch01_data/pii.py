"""Personal data in text: find it, and write a placeholder in its stead.

E-mail addresses, phone numbers, IP addresses, payment cards and keys have shapes that a
pattern can describe. The patterns are loose, and what they find is then held to a rule
that chance rarely meets: the check digit of a card, the syntax of an IPv6 address, the
grouping of a phone number. A number without any such sign, ten bare digits say, is left
alone, unless a word before it says what it is ("call 5550104477").

Most text has no such thing, so the search goes from sign to sign: it looks for an @, a
colon with another one near, a run of digits, and reads the neighbourhood of what it
finds. Addresses that belong to every machine (127.0.0.1, ::1) are nobody's.
"""

import argparse
import ipaddress
import re
from collections import Counter
from collections.abc import Iterator

from ch01_data.files import run_command
from ch01_data.keys import find_keys
from ch01_data.sources import read_documents

Span = tuple[int, int, str]  # start, end, kind
NOT_PERSONAL = tuple(
    map(ipaddress.ip_network, ("127.0.0.0/16", "0.0.0.0/16", "255.0.0.0/8", "::/127"))
)
# What stands between the groups of a number: also thin spaces, and dots in mid-line.
_GAPS = r"\-/\u00a0\u00b7\u2002-\u200a\u2010-\u2015\u202f"
_COUNTED = "01234567890 09876543210"  # in a row without a gap: somebody counts
_SEPARATOR = rf"[ .{_GAPS}]"
# Seven digits or more with little between them; cards and phones are such runs.
_RUN = re.compile(rf"[0-9](?:[ ().{_GAPS}]{{0,3}}[0-9]){{6,}}")
_AFTER = r"(?: ?(?:x|ext\.?|#) ?[0-9]{1,5})?(?!\w|[.\-][0-9])"  # x12: an extension
_CARD = re.compile(
    r"(?<![\w.+-])(?:[0-9]{13,19}|[0-9]{4}([ .\-\u00a0])[0-9]{6}\1[0-9]{4,5}"
    r"|[0-9]{8}[ .\-\u00a0][0-9]{5,8}"
    r"|[0-9]{4}([ .\-\u00a0])[0-9]{4}\2[0-9]{4}\2[0-9]{1,4}(?:\2[0-9]{1,3})?)"
    r"(?!\w|[.-][0-9])"
)
_PHONE = re.compile(
    r"(?<![\w.])(?:"
    # +44 (0)20 7946 0958, 0049 30 / 123456: a country, then groups
    rf"(?:\+|(?<![\d+-])(?:00|011(?=\D))){_SEPARATOR}?[1-9][0-9]{{0,2}}"
    rf"(?:{_SEPARATOR}{{0,3}}\(?[0-9]{{1,5}}\)?){{1,6}}|\+[1-9][0-9]{{7,14}}"
    # (555) 010-4477, 1 (020) 7946 0958, (0)30 1234567: an area in brackets
    rf"|(?:1{_SEPARATOR})?\([0-9]{{1,5}}\){_SEPARATOR}{{0,3}}[0-9]{{2,8}}"
    rf"(?:{_SEPARATOR}[0-9]{{2,5}}){{0,3}}"
    # 555-010-4477, 1.555.010.4477, 138-0013-8000
    r"|(?:1([ .\-\u2010-\u2015]))?(?:[2-9][0-9]{2}([ .\-\u2010-\u2015])|"
    r"[0-9]{3}([.\-\u2010-\u2015]))[0-9]{3}(?:\2|\3)[0-9]{4}"
    r"|1[3-9][0-9]([ \-])[0-9]{4}\4[0-9]{4}"
    # 555/010-4477, 1800 010 447, 07946095800
    r"|(?<![\d-])[2-9][0-9]{2}/[0-9]{3}[ .\-][0-9]{4}"
    r"|1[38]00([ \-])[0-9]{3}\5[0-9]{3}|(?<![\d-])0[1-9][0-9]{8,9}"
    # 06.12.34.56.78: five pairs, which no address has
    r"|0[1-9](?:[.\u00b7\u2002-\u200a\u202f][0-9]{2}){4}"
    # 020 7946 0958, 0171/123 45 67, 06 12 34 56 78: a trunk zero
    r"|0[1-9][0-9]{0,3}(?:[ /\-\u2010-\u2015]| [/-] )[0-9]{2,8}"
    rf"(?:{_SEPARATOR}[0-9]{{2,5}}){{0,4}}"
    r")" + _AFTER
)
_TOLD = re.compile(  # a word before a number that says: a phone
    r"(?:\b(?:tele)?(?:phone|fon)|\btel|\bcall|\bmobile|\bcell|\bfax|\bdial|\bring"
    r"|\bwhats ?app|\bsms|\bhotline|\bhandy|\btext|\breach)\b[^\d\n]{0,20}$",
    re.IGNORECASE,
)
_TOLD_NUMBER = re.compile(
    r"\+?\(?[0-9](?:[ ().\-/\u00a0\u2010-\u2015]{0,3}[0-9]){6,14}" + _AFTER
)
_DATE = re.compile(
    r"[0-9]{4}([-/.])[0-9]{1,2}\1[0-9]{1,2}|([0-9]{1,2}[-/.]){2}[0-9]{4}"
)
_IPV4 = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?!\w|\.[0-9])")
_DOTS = re.compile(r"\.[0-9]{1,3}\.[0-9]")  # found faster than a beginning digit
_JOINED = re.compile(r"[\w.]\Z")
_VERSION = re.compile(r"(?:\bv|version|release|revision)\W{0,3}$", re.IGNORECASE)
_COLONS = re.compile(r":[0-9A-Fa-f]{0,4}:")
_IPV6_LEFT = re.compile(r"[0-9A-Fa-f:]*\Z")
_IPV6_RIGHT = re.compile(
    r"[0-9A-Fa-f:]{0,45}:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f:]*"
)
_LOCAL = re.compile(r"(?:\"[^\"\s@]{1,60}\"|[\w.%+'~-]{1,64})\Z")
_DOMAIN = re.compile(
    r"(?:[\w-]{1,63}\.){1,8}(?:[^\W\d_]{2,24}|xn--[a-z0-9-]{2,40})(?![\w-])"
    r"|\[(?:IPv6:)?[0-9A-Fa-f.:]{7,45}\]"
)
_HIDDEN = re.compile(r"[\[({<] ?(?:[aA][tT]|@) ?[\])}>]")
_SPELT = re.compile(  # ann [at] site (dot) example, ann at site dot example
    r"(?<![\w.+-])[\w.+-]{1,64} ?(?:[\[({<] ?(?:at|@) ?[\])}>]| at ) ?"
    r"(?:[\w-]{1,63} ?(?:[\[({<] ?(?:dot|\.) ?[\])}>]| dot |\.) ?){1,5}"
    r"[^\W\d_]{2,24}\b",
    re.IGNORECASE,
)


def find_pii(text: str) -> list[Span]:
    """Return (start, end, kind) of personal data, in order and without overlap.

    Kinds are KEY (private keys, tokens, passwords), EMAIL, CARD (payment cards whose
    Luhn digit is right), IP (v4 and v6) and PHONE; where two overlap, the first of this
    order is taken.
    """
    found: list[Span] = []
    taken = bytearray(len(text))
    for start, end, kind in _all_pii(text):
        if taken.find(1, start, end) < 0:
            found.append((start, end, kind))
            taken[start:end] = b"\1" * (end - start)
    return sorted(found)


def _all_pii(text: str) -> Iterator[Span]:
    """Yield what each search finds, the kind that takes precedence first."""
    yield from ((start, end, "KEY") for start, end in find_keys(text))
    yield from ((start, end, "EMAIL") for start, end in _emails(text))
    runs = [match.span() for match in _RUN.finditer(text)]
    for start, end in runs:
        for match in _CARD.finditer(text, max(start - 1, 0), min(end + 2, len(text))):
            if _is_card(re.sub(r"\D", "", match[0])):
                yield *match.span(), "CARD"
    yield from ((start, end, "IP") for start, end in _addresses(text))
    for start, end in runs:
        yield from ((a, b, "PHONE") for a, b in _phones(text, start, end))


def mask_pii(text: str, found: list[Span] | None = None) -> str:
    """Replace personal data by [EMAIL], [PHONE], [CARD], [IP] and [KEY].

    `found` is what find_pii said of this text, where the caller has asked already.
    """
    parts, position = [], 0
    for start, end, kind in find_pii(text) if found is None else found:
        parts += [text[position:start], f"[{kind}]"]
        position = end
    return "".join([*parts, text[position:]])


def luhn_valid(digits: str) -> bool:
    """Tell whether the last digit is the check digit that payment cards carry.

    From the right, every second digit is doubled and its digits added; all add up to a
    multiple of ten. 4111 1111 1111 1111 -> 8+1+2+1+2+1+... = 30.
    Source:  ISO/IEC 7812-1, annex B.
    """
    total = 0
    for place, digit in enumerate(map(int, reversed(digits))):
        doubled = digit * (1 + place % 2)
        total += doubled // 10 + doubled % 10
    return total % 10 == 0


def _is_card(digits: str) -> bool:
    issued = digits[0] in "3456" or "22" <= digits[:2] <= "27"
    return issued and luhn_valid(digits) and len(set(digits)) > 1


def _phones(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the phone numbers in a run of digits with little between them."""
    first, last = max(start - 3, 0), min(end + 3, len(text))
    told = _TOLD.search(text, max(start - 40, 0), start) is not None
    pattern = _TOLD_NUMBER if told else _PHONE
    for match in pattern.finditer(text, first, last):
        digits = re.sub(r"\D", "", match[0])
        groups = re.findall(r"\d+", match[0])
        plain = 7 if told else 8 if match[0].startswith("+") else 9
        if not plain <= len(digits) <= 15 or len(set(digits)) < 3:
            continue
        if match[0] in _COUNTED:
            continue
        if not told and match[0][0] != "+":
            if _DATE.match(match[0]) or sum(len(group) < 2 for group in groups) > 2:
                continue
            if max(map(len, groups)) < 3 and _goes_on(text, *match.span()):
                continue
        yield match.span()


def _goes_on(text: str, start: int, end: int) -> bool:
    """Tell whether a row of pairs goes on before or behind: a table of numbers."""
    before, after = text[max(start - 2, 0) : start], text[end : end + 2]
    return before[:1].isdigit() or after[-1:].isdigit()


def _addresses(text: str) -> Iterator[tuple[int, int]]:
    """Yield IP addresses, v6 and v4, that may belong to somebody."""
    seen = 0
    for match in _COLONS.finditer(text):
        if match.end() < seen:
            continue
        left = _IPV6_LEFT.search(text, max(match.start() - 40, 0), match.start())
        right = _IPV6_RIGHT.match(text, match.start(), match.end() + 45)
        if left is None or right is None:
            continue
        start, end = left.start(), right.end()
        seen = end
        start += text[start:end].startswith(":") and text[start : start + 2] != "::"
        end -= text[start:end].endswith(":") and text[end - 2 : end] != "::"
        if _stands_alone(text, start, end) and _is_ipv6(text[start:end]):
            yield start, end
    if not _DOTS.search(text):
        return
    for match in _IPV4.finditer(text):
        before = text[max(match.start() - 12, 0) : match.start()]
        if not (_JOINED.search(before) or _VERSION.search(before)):
            if _is_address(match[0]):
                yield match.span()


def _stands_alone(text: str, start: int, end: int) -> bool:
    before, after = text[start - 1 : start], text[end : end + 1]
    return not (before.isalnum() or after.isalnum() or before == "_" or after == "_")


def _is_ipv6(found: str) -> bool:
    """x[1::2] is a slice and a::b a path: an address has digits and some length."""
    groups = [group for group in found.split(":") if group]
    enough = (
        len(groups) >= 3 or len(found) >= 6 and not found.replace(":", "").isdigit()
    )
    return enough and any(map(str.isdigit, found)) and _is_address(found)


def _is_address(found: str) -> bool:
    try:
        address = ipaddress.ip_address(found)
    except ValueError:
        return False
    return not any(address in network for network in NOT_PERSONAL)


def _emails(text: str) -> Iterator[tuple[int, int]]:
    """Yield e-mail addresses, also those that are spelt out to hide from programs."""
    place = text.find("@")
    while place >= 0:
        domain = _DOMAIN.match(text, place + 1)
        local = domain and _LOCAL.search(text, max(place - 65, 0), place)
        if local and domain and not _is_login(text, local.start()):
            yield local.end() - len(local[0].lstrip(".'%~-")), domain.end()
        place = text.find("@", place + 1)
    if " dot " in text or _HIDDEN.search(text):
        for match in _SPELT.finditer(text):
            if " dot " in match[0] or _HIDDEN.search(match[0]):
                yield match.span()


def _is_login(text: str, start: int) -> bool:
    """Tell whether what stands here is the user of an address: ftp://user:word@host."""
    scheme = text.rfind("://", max(start - 80, 0), start)
    return scheme >= 0 and not re.search(r"[\s\"'<>/]", text[scheme + 3 : start])


def main(argv: list[str] | None = None) -> int:
    """Count the personal data in the documents of a source, by kind."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--source", required=True, help="pylib, a file, folder or glob")
    parser.add_argument("--show", type=int, default=0, help="print this many findings")
    arguments = parser.parse_args(argv)

    def command() -> None:
        spans: Counter[str] = Counter()
        holders: Counter[str] = Counter()
        for document in read_documents(arguments.source):
            found = find_pii(document.text)
            holders.update({kind for _, _, kind in found})
            for start, end, kind in found:
                if sum(spans.values()) < arguments.show:
                    line = document.text[max(start - 30, 0) : end + 10]
                    print(f"{kind:6} {document.id}: {' '.join(line.split())}")
                spans[kind] += 1
        for kind, count in spans.most_common():
            print(f"{count:8,}  {kind} in {holders[kind]:,} documents")

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
