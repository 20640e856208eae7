"""From a page's bytes to its characters: whom to believe about the encoding.

A page may be told about three times: by a byte-order mark, by the server's header and
by itself in a `meta` tag, and the three may disagree or be missing. Browsers believe
them in this order, read Latin-1 as Windows-1252, and never fail. A corpus should fail:
a page full of replacement characters is no text.
"""

import codecs
import re

from ch01_data.documents import CONTROLS, MAX_CONTROL_SHARE, UnreadableText

BYTES_WITH_META = 4096
MAX_REPLACED = 0.02  # of the characters
MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
READ_AS = {
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "ascii": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
}
_TEXT_CHARSET = re.compile(
    r"utf_?-?(8|16|32)|(iso|cp|koi8|mac|tis|hz|big5|gb|euc|shift|kz|ptcp)[\w-]*|ascii"
)
_META = re.compile(rb"<meta[^>]*?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_SENT = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)


def page_charset(data: bytes, content_type: str = "") -> str | None:
    """Return Python's name of the declared charset, or None if there is none it knows.

    A byte-order mark counts before the header, the header before the page's own `meta`.
    """
    for mark, name in MARKS.items():
        if data.startswith(mark):
            return name
    sent = _SENT.search(content_type)
    if sent and (known := _python_name(sent[1])):
        return known
    meta = _META.search(data[:BYTES_WITH_META])
    known = _python_name(meta[1].decode("ascii", "replace")) if meta else None
    # a page whose ASCII could be read just now is not UTF-16, whatever it says
    return "utf-8" if known and known.startswith("utf-16") else known


def _python_name(label: str) -> str | None:
    """Return the codec for a label, as browsers take it; None for what is no charset.

    Python has codecs that turn text into text, such as punycode or unicode_escape, and
    a page must not be able to name those.
    """
    try:
        name = codecs.lookup(label).name
    except (LookupError, ValueError):
        return None
    return READ_AS.get(name, name) if _TEXT_CHARSET.match(name) else None


def decode_page(data: bytes, name: str, content_type: str = "") -> str:
    """Return the characters of a page; undeclared bytes are UTF-8 or Windows-1252.

    Raises:  UnreadableText where more than 2 % of the characters cannot be read ("wrong
             encoding") or more than 1 % are control characters ("binary").
    """
    charset = page_charset(data, content_type) or _guess(data)
    text = data.decode(charset, "replace").removeprefix("\ufeff")
    if text.count("\ufffd") > MAX_REPLACED * len(text):
        raise UnreadableText(
            "wrong encoding",
            f"{name} says that it is {charset}, and its bytes are not; "
            "correct the charset or save it as UTF-8",
        )
    head = text[:4096]
    controls = sum(ord(char) < 32 and ord(char) in CONTROLS for char in head)
    if controls > MAX_CONTROL_SHARE * len(head):
        raise UnreadableText("binary", f"{name} holds control characters, not text")
    return text.replace("\0", "")


def _guess(data: bytes) -> str:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        cut = error.end == len(data) and "unexpected end" in error.reason
        return "utf-8" if cut else "cp1252"
    return "utf-8"
