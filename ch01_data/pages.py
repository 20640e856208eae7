"""Web pages: the running text of what they hold.

An extractor that can be read in one sitting stands beside the one that is used: the
crawl's labels tell how far apart they are (extraction.py).
"""

import logging
import re
from collections.abc import Callable
from functools import lru_cache
from html.parser import HTMLParser

_SKIPPED = frozenset(
    "script style template noscript svg nav header footer aside form button select"
    " iframe head".split()
)
_BLOCKS = _SKIPPED | frozenset(
    "address article blockquote body br dd div dl dt figcaption figure h1 h2 h3 h4 h5"
    " h6 hr html li main ol p pre section table td th tr ul".split()
)
MAX_LINK_DENSITY = 0.5
MAX_TAGS = 100_000  # they take about five seconds, and few pages have more
# A parser compares each attribute of a tag with all before it: many take minutes.
_OVERLONG_TAG = re.compile(r"<([a-zA-Z]+)[^<>]{20000,}>?")


def extract_text(html: str) -> str:
    """Return the running text of a page, without menus, scripts, forms and footers.

    Trafilatura finds the part of the page that reads like text, by its markup and by
    its density, so that banners and footers without a name are left out as well. A page
    of more than 100,000 tags gives no text; a tag of more than 20,000 characters, a
    picture written into its attribute say, is read without them.
    """
    if html.count("<") > MAX_TAGS:
        return ""
    if "html" not in html[:50].lower():
        html = f"<html>{html}"  # without it a fragment would be taken for no page
    html = _OVERLONG_TAG.sub(r"<\1>", html)
    text = _trafilatura()(html, include_comments=False, include_tables=False)
    return (text or "").strip()


@lru_cache(maxsize=1)
def _trafilatura() -> Callable[..., str | None]:
    """Load the library, and keep it from printing what it thinks of a page."""
    from trafilatura import extract

    logging.getLogger("trafilatura").addHandler(logging.NullHandler())
    return extract


def naive_extract_text(html: str) -> str:
    """Return the running text of a page, as far as thirty lines can find it.

    Menus, scripts, forms and footers are dropped by their tags; a block whose
    characters are mostly link text is a menu too.
    Source:  Kohlschütter et al. 2010, Boilerplate detection (link density).
    """
    reader = _PageReader()
    reader.feed(html)
    reader.close()
    reader.end_block()
    return "\n\n".join(reader.kept)


class _PageReader(HTMLParser):
    """Collects the text of blocks, and how much of it is link text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.kept: list[str] = []
        self.parts: list[str] = []
        self.skipping: list[str] = []
        self.link_depth = self.link_size = 0

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if tag == "body":  # a head or script that was never closed ends here
            self.skipping.clear()
        if tag in _SKIPPED:
            self.skipping.append(tag)
        if tag in _BLOCKS:
            self.end_block()
        self.link_depth += tag == "a"

    def handle_endtag(self, tag: str) -> None:
        if tag in self.skipping:
            while self.skipping.pop() != tag:
                pass
        if tag in _BLOCKS:
            self.end_block()
        if tag == "a":
            self.link_depth = max(self.link_depth - 1, 0)

    def handle_data(self, data: str) -> None:
        if not self.skipping:
            self.parts.append(data)
            self.link_size += len(data.strip()) * (self.link_depth > 0)

    def end_block(self) -> None:
        text = "".join(self.parts).strip()
        if text and self.link_size <= MAX_LINK_DENSITY * len(text):
            self.kept.append(text)
        self.parts, self.link_size = [], 0
