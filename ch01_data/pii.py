"""Personal data in text: find it, and write a placeholder in its stead.

E-mail addresses, phone numbers, IP addresses and payment cards have shapes that a
pattern can describe. The patterns are loose, and what they find is then held to a rule
that chance rarely meets: the check digit of a card, the syntax of an IPv6 address, the
number of digits of a phone number. A number without any such sign, ten bare digits say,
is left alone.
"""

import ipaddress
import re

_PII = {
    "EMAIL": r"(?<![\w.+-])[\w.+%-]{1,64}@(?:[\w-]{1,63}\.){1,8}"
    r"[^\W\d_]{2,24}(?![\w-])",
    "CARD": r"(?<![\w.+-])(?:\d{13,19}|\d{4}([ -])\d{6}\1\d{5}"
    r"|\d{4}([ -])\d{4}\2\d{4}\2\d{1,4}(?:\2\d{1,3})?)(?![\w]|[.-]\d)",
    "IP": r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d)|(?:[\da-fA-F]{0,4}:){2,7}"
    r"(?:\d{1,3}(?:\.\d{1,3}){3}|[\da-fA-F]{0,4})(?![\w:]|\.\d))",
    "PHONE": r"(?<![\w.+-])(?:"
    r"\+\d{1,3}(?:[ .-]?\(?\d{1,4}\)?){2,5}"  # +44 20 7946 0958
    r"|(?:1[ .-]?)?\(\d{3}\) ?\d{3}[ .-]\d{4}"  # (555) 010-4477
    r"|(?:1[ .-])?\d{3}([ .-])\d{3}\1\d{4}"  # 555-010-4477
    r"|0\d{2,4}[ /-]\d{3,4}[ -]?\d{3,5}"  # 020 7946 0958
    r")(?![\w]|[.-]\d)",
}
_PII_PATTERNS = {kind: re.compile(pattern) for kind, pattern in _PII.items()}


def find_pii(text: str) -> list[tuple[int, int, str]]:
    """Return (start, end, kind) of personal data, in order and without overlap.

    Kinds are EMAIL, CARD (payment cards whose Luhn digit is right), IP (v4 and v6) and
    PHONE; where two overlap, the first of this order is taken.
    """
    found: list[tuple[int, int, str]] = []
    taken = bytearray(len(text))
    for kind, pattern in _PII_PATTERNS.items():
        if kind == "EMAIL" and "@" not in text:
            continue
        for match in pattern.finditer(text):
            start, end = match.span()
            if not any(taken[start:end]) and _is_pii(kind, match.group()):
                found.append((start, end, kind))
                taken[start:end] = b"\1" * (end - start)
    return sorted(found)


def mask_pii(text: str, found: list[tuple[int, int, str]] | None = None) -> str:
    """Replace e-mail, phone, card and IP numbers by [EMAIL], [PHONE], [CARD], [IP].

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


def _is_pii(kind: str, found: str) -> bool:
    digits = re.sub(r"\D", "", found)
    if kind == "CARD":
        issued = digits[0] in "3456" or "22" <= digits[:2] <= "27"
        return issued and luhn_valid(digits) and len(set(digits)) > 1
    if kind == "PHONE":
        return 8 <= len(digits) <= 15 and len(set(digits)) > 2
    return kind != "IP" or _is_address(found)


def _is_address(found: str) -> bool:
    try:
        ipaddress.ip_address(found)
    except ValueError:
        return False
    groups = [group for group in found.split(":") if group]
    letters = re.search("[a-fA-F]", found)
    # x[1::2] is a slice and 10::20 may be: an address has letters or three groups
    return ":" not in found or len(groups) >= 3 or bool(letters and len(found) >= 6)
