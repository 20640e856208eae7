"""Pages of HTML around a text: six layouts, many encodings, nine ways to be broken.

The text of a page is a small part of it. Around it stand menus, banners, teasers,
comments, scripts and footers, and every layout puts them elsewhere: a blog names its
parts (`nav`, `article`, `footer`), a page of 1998 is a table, a modern one a heap of
nameless `div`. What an extractor should bring back is the text and nothing else.
"""

import html
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from string import Template

from ch01_data.crawl_templates import CHROME
from ch01_data.dirt import LabelledText

LAYOUTS = {
    "blog": """<!DOCTYPE html>
<html><head>$meta<title>$title | $site</title>
<style>body { font: 16px serif } .sidebar { float: right; width: 30% }</style>
<script>function track(a, b) { if (a < b) { log("<p>" + b + "</p>") } }</script></head>
<body><!-- theme: lantern 2.1, do not edit -->
<header><h1><a href="/">$site</a></h1><nav><ul>$menu</ul></nav></header>
<div class="cookie-banner" role="dialog">$banner <button>OK</button></div>
<main><article class="post"><div class="entry-content">
$main
</div><div class="share-buttons"><a href="#">Share</a> <a href="#">Print</a></div>
</article><section id="comments" class="comments"><h3>Comments</h3>
<ol class="comment-list">$comments</ol></section></main>
<aside class="sidebar"><h3>Related</h3><ul>$teasers</ul></aside>
<footer><p>$footer</p></footer><script async src="/app.js"></script></body></html>""",
    "news": """<!DOCTYPE html>
<html><head>$meta<title>$title</title><link rel="stylesheet" href="/n.css">
<script type="application/ld+json">{"@type": "NewsArticle", "headline": "x"}</script>
</head><body class="page news"><div id="top-bar" class="navbar">$menu_links</div>
<div id="newsletter" class="newsletter-signup"><form><p>$banner</p>
<input type="email" placeholder="Your e-mail"><button>Sign up</button></form></div>
<div id="content" class="content"><div class="story-body" itemprop="articleBody">
$main
</div></div>
<div class="related-articles"><h4>More from $site</h4><ul>$teasers</ul></div>
<div id="footer" class="footer">$footer<br>$menu_links</div>
<noscript><img src="/pixel.gif" alt="">Scripts are off.</noscript></body></html>""",
    "forum": """<html><head><title>$title - Board index</title>$meta</head><body>
<div class="nav"><a href="/">Board index</a> &raquo; $menu_links</div>
<div class="post" id="p1"><div class="postprofile"><strong>user$number</strong><br>
Posts: $number<br>Joined: 2011</div><div class="postbody"><div class="content">
$main
</div></div></div><!-- <p>This is hidden: do not read it as text.</p> -->
<form class="quick-reply"><textarea>Quick reply</textarea></form>
<div class="pagination">Page 1 of 3 <a href="?2">2</a> <a href="?3">3</a></div>
<ul class="related">$teasers</ul><div class="footer">$footer</div></body></html>""",
    "table": """<HTML><HEAD>$meta<TITLE>$title</TITLE></HEAD>
<BODY BGCOLOR="#FFFFCC" TEXT=black><CENTER><FONT SIZE=6>$site</FONT></CENTER>
<TABLE WIDTH="100%" BORDER=0><TR><TD WIDTH=150 VALIGN=top>$menu_lines</TD>
<TD VALIGN=top>
$main
</TD></TR><TR><TD COLSPAN=2 ALIGN=center><HR><SMALL>$footer</SMALL></TD></TR></TABLE>
<SCRIPT LANGUAGE="JavaScript"><!--
document.write("<img src=count.cgi?" + Math.random() + ">"); // --></SCRIPT>
</BODY></HTML>""",
    "docs": """<!DOCTYPE html>
<html><head>$meta<title>$title &mdash; documentation</title></head><body>
<div class="related" role="navigation"><h3>Navigation</h3><ul>$menu</ul></div>
<div class="document"><div class="documentwrapper"><div class="bodywrapper">
<div class="body" role="main"><section>
$main
</section></div></div></div>
<div class="sphinxsidebar" role="navigation"><h4>Next topics</h4><ul>$teasers</ul>
<div role="search"><form><input type="text"><input type="submit" value="Go"></form>
</div></div></div><div class="footer" role="contentinfo">&copy; $footer</div>
</body></html>""",
    "divs": """<!doctype html><html><head>$meta<title>$title</title>
<script>window.__STATE__={"user":null,"items":[1,2,3],"html":"<b>no text</b>"}</script>
<style>@media (max-width:600px){.a1{display:none}}</style></head><body>
<div id="root"><div class="a1"><div class="a2">$menu_links</div></div>
<div class="b1"><div class="b2"><div class="b3">
$main
</div></div></div><div class="c1"><div class="c2">$teaser_links</div></div>
<div class="d1">$footer</div><div class="modal" hidden>$banner</div></div>
<svg><text>logo</text></svg></body></html>""",
}
WESTERN = ("iso-8859-1", "windows-1252")
LEGACY = {
    "ru": ("koi8-r", "windows-1251"),
    "ja": ("shift_jis", "euc-jp"),
    "zh": ("gb18030", "big5"),
    "el": ("iso-8859-7", "windows-1253"),
    "pl": ("iso-8859-2", "windows-1250"),
    "tr": ("iso-8859-9", "windows-1254"),
    "ar": ("windows-1256", "utf-8"),
    "hi": ("utf-8", "utf-8"),
    "cs": ("iso-8859-2", "windows-1250"),
    "ro": ("iso-8859-2", "windows-1250"),
    "vi": ("windows-1258", "utf-8"),
    "uk": ("koi8-u", "windows-1251"),
    "ko": ("euc-kr", "utf-8"),
    "he": ("windows-1255", "utf-8"),
    "hr": ("iso-8859-2", "windows-1250"),
    "bg": ("windows-1251", "iso-8859-5"),
    "th": ("tis-620", "utf-8"),
}
PYTHON_NAMES = {"iso-8859-1": "cp1252"}  # browsers read the one as the other


@dataclass(frozen=True)
class WebPage:
    """The bytes of a page, how they were sent, and in which layout and charset."""

    body: bytes
    content_type: str
    layout: str
    charset: str


def make_page(text: LabelledText, family: str) -> WebPage:
    """Put a text into a page; an exact duplicate gets the page of its original.

    Only the charset of two such pages may differ: it is drawn for each anew.
    """
    key = text.truth["original"] if "exact_duplicate" in text.kinds else text.id
    rng, own = random.Random(f"page {key}"), random.Random(f"charset {text.id}")
    charset, meta, content_type = _charset(text.truth.get("language", ""), own)
    layout = rng.choice(list(LAYOUTS))
    before, after = LAYOUTS[layout].split("\n$main\n")
    parts = _chrome(family, rng) | {
        "title": html.escape(" ".join(text.text.split()[:6])),
        "meta": meta,
    }
    page = [
        Template(before).substitute(parts),
        _main(text.text, layout, rng),
        Template(after).substitute(parts),
    ]
    if way := text.truth.get("break"):
        page = BREAKERS[way](page, rng)
    mark = b"\xff\xfe" if charset == "utf-16" else b""
    name = "utf-16-le" if mark else PYTHON_NAMES.get(charset, charset)
    body = mark + "\n".join(page).encode(name, "xmlcharrefreplace")
    return WebPage(body, content_type, layout, charset)


def _charset(language: str, rng: random.Random) -> tuple[str, str, str]:
    """Return a charset, the page's own note of it, and the server's."""
    legacy = LEGACY.get(language, WESTERN)
    charset = rng.choice(("utf-8", "utf-8", "utf-16", *legacy))
    places = ("header", "meta", "both", "old meta", *([] if language else ["none"]))
    place = rng.choice(places)
    meta = {
        "meta": f'<meta charset="{charset}">',
        "both": f'<meta charset="{charset}">',
        "old meta": '<meta http-equiv="Content-Type" '
        f'content="text/html; charset={charset}">',
    }.get(place, "")
    sent = f"; charset={charset.upper()}" if place in ("header", "both") else ""
    return charset, meta, f"text/html{sent}"


def _chrome(family: str, rng: random.Random) -> dict[str, str]:
    """Return what stands around the text, ready to be put into a layout."""
    lists = {name: text.split(" | ") for name, text in CHROME[family].items()}
    menu = rng.sample(lists["menu"], rng.randint(4, 8))
    links = [f'<a href="/{number}">{word}</a>' for number, word in enumerate(menu)]
    teasers = rng.sample(lists["teaser"], rng.randint(2, 5))
    teaser_links = [f'<a href="/t/{rng.randrange(999)}">{t}</a>' for t in teasers]
    comments = rng.sample(lists["comment"], rng.randint(1, 3))
    return {
        "site": html.escape(rng.choice(lists["site"])),
        "banner": rng.choice(lists["banner"]),
        "footer": " &nbsp;|&nbsp; ".join(rng.sample(lists["footer"], 2)),
        "number": str(rng.randint(12, 999)),
        "menu": "".join(f"<li>{link}</li>" for link in links),
        "menu_links": " | ".join(links),
        "menu_lines": "<BR>\n".join(links),
        "teasers": "".join(f"<li>{link}</li>" for link in teaser_links),
        "teaser_links": "".join(f"<div>{link}</div>" for link in teaser_links),
        "comments": "".join(f"<li><p>{said}</p></li>" for said in comments),
    }


def _main(text: str, layout: str, rng: random.Random) -> str:
    """Return the text as paragraphs and preformatted code."""
    spelling = rng.choice((_plain, _named, _numeric))
    blocks = []
    for block in re.split(r"\n\s*\n", text):
        if re.search(r"\n(  |\t)|^(  |\t|>>>|def |class )", block):
            code = spelling(block)
            inside = f"<code>{code}</code>" if layout == "docs" else code
            blocks.append(f"<pre>{inside}</pre>")
            continue
        said = _with_tags(spelling(block), rng)
        tag = {"divs": "div", "table": "P"}.get(layout, "p")
        if layout == "forum":
            said = said.replace("\n", "<br>\n")
        blocks.append(f"<{tag}>{said}</{tag}>")
    return "\n".join(blocks)


def _with_tags(text: str, rng: random.Random) -> str:
    """Set a few words between spaces in italics or bold, or make them links."""
    words = re.split(r"( )", text)
    for place, word in enumerate(words):
        if re.fullmatch("[a-z]{4,}", word) and rng.random() < 0.04:
            before, after = rng.choice(
                (("<em>", "</em>"), ("<b>", "</b>"), ('<a href="/w">', "</a>"))
            )
            words[place] = f"{before}{word}{after}"
    return "".join(words)


def _plain(text: str) -> str:
    return html.escape(text, quote=False)


def _named(text: str) -> str:
    return html.escape(text, quote=True).replace("&#x27;", "&apos;")


def _numeric(text: str) -> str:
    """Spell every mark as a number, in turns decimal and hexadecimal."""

    def number(match: re.Match) -> str:
        code = ord(match[0])
        return f"&#{code};" if match.start() % 2 else f"&#x{code:X};"

    return re.sub(r"[&<>\"'é—]", number, text)


# --- broken pages --------------------------------------------------------------------

Parts = list[str]  # what is before the text, the text, what is behind it


def _cut_in_tag(page: Parts, rng: random.Random) -> Parts:
    return [page[0], re.sub(r"</\w+>$", "", page[1]), '<div class="sha']


def _cut_in_comment(page: Parts, rng: random.Random) -> Parts:
    return [page[0], page[1], "<!-- advertisement begins here and the page en"]


def _unclosed(page: Parts, rng: random.Random) -> Parts:
    """Leave out the end tags of paragraphs and cells, and of all that comes later."""
    page = [re.sub(r"(?i)</(p|li|td|tr)>", "", part) for part in page]
    return [*page[:2], re.sub(r"(?i)</(div|body|html|table|section)>", "", page[2])]


def _crossed(page: Parts, rng: random.Random) -> Parts:
    """Close tags in the wrong order, inside the text and behind it."""
    crossed = re.sub(r"<(b|em)>(\w+)</\1>", r"<\1><u>\2</\1></u>", page[1])
    return [page[0], crossed, re.sub(r"(</\w+>)\s*(</\w+>)", r"\2\1", page[2])]


def _stray(page: Parts, rng: random.Random) -> Parts:
    """Put end tags where nothing is open."""
    strays = ("</span>", "</font></b>", "</br>", "</center>", "<p/>")
    lines = (f"{line}{rng.choice(strays)}" for line in page[1].split("</p>"))
    return [page[0], "</p>".join(lines), page[2]]


def _headless(page: Parts, rng: random.Random) -> Parts:
    """Leave out the doctype, the head and every <html> and <body>."""
    outside = r"(?is)<!doctype[^>]*>|<head>.*</head>|</?(html|body)[^>]*>"
    return [re.sub(outside, "", page[0]), page[1], re.sub(outside, "", page[2])]


def _attributes(page: Parts, rng: random.Random) -> Parts:
    """Spoil the attributes: without quotes, twice, with a quote too many."""
    odd = (' class=x"y', " id=a id=b", " onclick=go('x')", ' style="color:red;" "')
    spoilt = re.sub(r"<(p|div|P)>", lambda m: f"<{m[1]}{rng.choice(odd)}>", page[1])
    return [page[0], spoilt, page[2]]


def _cut_in_entity(page: Parts, rng: random.Random) -> Parts:
    return [page[0], re.sub(r"</\w+>$", "", page[1]), "&hel"]


def _doubled(page: Parts, rng: random.Random) -> Parts:
    """Begin a second document inside the first, as templates do that include pages."""
    second = "<!DOCTYPE html><html><head><title>untitled</title></head><body>"
    return [page[0] + second, page[1], "</body></html>" + page[2]]


BREAKERS: dict[str, Callable[[Parts, random.Random], Parts]] = {
    "cut_in_tag": _cut_in_tag,
    "cut_in_comment": _cut_in_comment,
    "unclosed": _unclosed,
    "crossed": _crossed,
    "stray": _stray,
    "headless": _headless,
    "attributes": _attributes,
    "cut_in_entity": _cut_in_entity,
    "doubled": _doubled,
}
