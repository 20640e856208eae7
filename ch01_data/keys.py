"""Secrets in text: private keys, access keys, tokens and passwords.

A secret has to be hard to guess, and that shows. A run of characters that changes
between letters, digits and capitals every other character is no word and no name. Such
runs also stand in test data, checksums and pictures written as text, so three more
signs are asked for, one of which must be there:

    a block      -----BEGIN PRIVATE KEY----- ... -----END PRIVATE KEY-----
    a prefix     AKIA..., ghp_..., xoxb-...: issuers mark their keys, to be found
    a neighbour  password = ..., "api_key": "...", Authorization: Bearer ...

What is masked is the secret alone; the name beside it stays.
"""

import argparse
import re
from collections.abc import Iterator

from ch01_data.files import run_command
from ch01_data.letters import is_strange
from ch01_data.sources import read_documents

_BLOCK = re.compile(
    r"-----BEGIN (?P<kind>[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?)-----"
    r"(?:.{0,20000}?-----END (?P=kind)-----|(?:\s+[\w+/=:\\ -]{16,200}){0,400})",
    re.DOTALL,
)
# Issuers' marks, and what follows them.
_ISSUED = {
    **dict.fromkeys(
        "AKIA ASIA ABIA ACCA AROA AIDA AGPA ANPA ANVA APKA".split(),
        re.compile(r"[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ),
    **dict.fromkeys(("AIza", "ya29."), re.compile(r"[\w-]{30,200}")),
    **dict.fromkeys(
        "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- gldt- hf_ npm_ shpat_ shpss_ "
        "dop_v1_ dckr_pat_ sk_live_ sk_test_ rk_live_ rk_test_ pk_live_ pk_test_ "
        "whsec_ sk-ant- sk-proj- sk- pypi- xoxa- xoxb- xoxe- xoxo- xoxp- xoxr- xoxs- "
        "xapp- AGE-SECRET-KEY- GOCSPX- key- SG. nvapi- lin_api_ rubygems_ figd_ EAAC "
        "PMAK-".split(),
        re.compile(r"[\w.-]{16,300}"),
    ),
    "eyJ": re.compile(r"[\w-]{8,200}\.[\w-]{8,8000}(?:\.[\w-]{0,2000})?"),
}
# Names of secrets, with the fewest characters that such a secret has. "key" and "auth"
# are also names of other things, so more is asked of their values.
_NAMES = {
    **dict.fromkeys("passw pwd passphrase secret token credential".split(), 8),
    **dict.fromkeys("bearer basic auth key".split(), 16),
}
_CERTAIN = re.compile(r"(?:api|access|secret|private|account|master)[ _-]?\Z")
MIN_ISSUED = 20  # characters; no issued key is shorter
_VALUE = re.compile(
    r"[\w.-]{0,40}[\"'\])]{0,2}\s{0,4}(?::=|=>|[:=]{1,2}|\bis\b:?|\s)\s{0,4}"
    r"(?:(?:[Bb]earer|[Bb]asic|[Tt]oken)\s{1,4})?[bru]?[\"'`]?"
    r"(?P<value>(?:(?!&\w+=)[^\s\"'`,;<>(){}\[\]|\\=]){8,400}={0,2})"
)
_LOGIN = re.compile(r"://[^/\s:@\"'<>]{1,100}:(?P<value>[^/\s@\"'<>]{6,100})@")
_CLASS = re.compile(r"[a-z]+|[A-Z]+|[0-9]+|[^A-Za-z0-9]+")


def find_keys(text: str) -> list[tuple[int, int]]:
    """Return (start, end) of the secrets in a text, in order and without overlap."""
    found = [*_blocks(text), *_issued(text), *_named(text), *_logins(text)]
    spans: list[tuple[int, int]] = []
    for start, end in sorted(found, key=lambda span: (span[0], -span[1])):
        if not spans or start >= spans[-1][1]:
            spans.append((start, end))
    return spans


def looks_random(value: str) -> bool:
    """Tell whether a run of characters looks drawn at random rather than written.

    Letters must be mixed with digits, or small ones with capitals, and the kind of
    character must change three times and at one place in five; or the letters must be
    unspeakable.
    """
    letters = [part for part in _CLASS.findall(value) if part.isalpha()]
    digits = sum(map(str.isdigit, value))
    if not letters or len(set(value)) < 0.3 * min(len(value), 24):
        return False
    mixed = digits or not (value.islower() or value.isupper())
    strange = sum(len(part) for part in letters if is_strange(part.lower()))
    changing = changes(value) >= max(0.2 * len(value), 3)
    return bool(mixed and changing or strange > 0.5 * len(value))


def changes(value: str) -> int:
    """Count the neighbours of unlike kinds: small, capital, digit, other.

    A capital that begins a word of small letters is no change, and neither is a mark
    between words, as in New_Name.
    """
    parts = _CLASS.findall(value)
    found = 0
    for left, right in zip(parts, parts[1:]):
        head = left.isupper() and right.islower() and len(left) == 1
        joint = left in "_-./:" or right in "_-./:"
        found += not head and not joint
    return found


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    if "PRIVATE KEY" in text:
        for match in _BLOCK.finditer(text):
            if match.end() - match.start() > 100:  # the line alone is only spoken of
                yield match.span()


def _issued(text: str) -> Iterator[tuple[int, int]]:
    if max(map(len, text.split()), default=0) < MIN_ISSUED:  # most prose: look no more
        return
    for prefix in filter(text.__contains__, _ISSUED):
        for place in _places(text, prefix):
            before = text[place - 1 : place]
            if before.isalnum() or before == "_":
                continue
            match = _ISSUED[prefix].match(text, place + len(prefix))
            if match and _is_issued(prefix, match[0].rstrip(".-")):
                yield place, place + len(prefix) + len(match[0].rstrip(".-"))


def _is_issued(prefix: str, rest: str) -> bool:
    """Tell whether what follows an issuer's mark is a key, and not a word of prose."""
    if prefix.isupper() and prefix.isalpha():
        return sum(map(str.isdigit, rest)) > 0 or is_strange(rest.lower())
    return prefix == "eyJ" or looks_random(rest)


def _named(text: str) -> Iterator[tuple[int, int]]:
    low = text.lower()
    if len(low) != len(text):  # some capital is longer when small: places would differ
        low = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    for name in filter(low.__contains__, _NAMES):
        for place in _places(low, name):
            match = _VALUE.match(text, place + len(name))
            if not match:
                continue
            value = match["value"].rstrip(".!?:")
            certain = _CERTAIN.search(low, max(place - 8, 0), place)
            least = min(_NAMES[name], 12) if certain else _NAMES[name]
            if len(value) >= least and looks_random(value) and "://" not in value:
                yield match.start("value"), match.start("value") + len(value)


def _logins(text: str) -> Iterator[tuple[int, int]]:
    if "://" in text and "@" in text:
        for match in _LOGIN.finditer(text):
            if looks_random(match["value"]):
                yield match.span("value")


def _places(text: str, part: str) -> Iterator[int]:
    place = text.find(part)
    while place >= 0:
        yield place
        place = text.find(part, place + 1)


def main(argv: list[str] | None = None) -> int:
    """Print where the documents of a source hold secrets, and how they begin."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--source", required=True, help="pylib, a file, folder or glob")
    source = parser.parse_args(argv).source

    def command() -> None:
        total = holding = 0
        for document in read_documents(source):
            total += 1
            spans = find_keys(document.text)
            holding += bool(spans)
            for start, end in spans:
                head = document.text[start : min(start + 4, end)]
                print(f"{document.id}: {head}... ({end - start} characters)")
        print(f"{holding:,} of {total:,} documents hold secrets")

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
