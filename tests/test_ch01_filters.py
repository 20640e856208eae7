"""Filters: each rule has a text that it catches, and good text passes them all."""

import random
import string
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ch01_data.decontaminate import EvaluationIndex, overlap
from ch01_data.decontaminate import main as decontaminate_main
from ch01_data.filters import (
    RULES,
    main,
    mask_pii,
    normalize_text,
    quality_flags,
    url_allowed,
)
from ch01_data.pages import naive_extract_text
from ch01_data.pii import find_pii, luhn_valid
from ch01_data.sources import read_documents
from ch01_data.storyworld import generate

PROSE = """When the rain stopped, the two brothers went down to the harbour. Nobody was
there except an old man who was mending a net. "Have you seen our boat?" asked the
younger one. The man shook his head and pointed at the lighthouse, where a light was
moving from window to window. They thanked him and ran."""


def random_letters(n_words, seed=0):
    rng = random.Random(seed)
    lengths = [rng.randint(2, 10) for _ in range(n_words)]
    return " ".join("".join(rng.choices(string.ascii_lowercase, k=n)) for n in lengths)


CAUGHT = {
    "too_short": "Click here to win a prize.",
    "mean_word_length": "a b c d e f g h i j k l m n o p q r s t u v w x y z " * 2,
    "symbol_ratio": "#win #free so good #now you #go wow #yes ok #fun more #buy all",
    "few_letters": " ".join(f"word {i} {i * 7} {i * 13}" for i in range(30)),
    "bullet_lines": "\n".join(f"- item {w} of a list" for w in PROSE.split()),
    "ellipsis_lines": "\n".join(
        f"{w} and then the story of {w}..." for w in PROSE.split()
    ),
    "repeated_lines": "The best shop in the whole town.\n" * 6 + PROSE[:200],
    "repeated_words": "cheap watches " * 9
    + "for sale in our store, every day of the week",
    "compressibility": "All work and no play makes Jack a dull boy. " * 60,
    "gibberish": random_letters(80),
    "boilerplate": "Please enable JavaScript. We use cookies; read our privacy policy "
    "and the terms of use before you go on. All rights reserved by the owner.",
}


@pytest.mark.parametrize("name", [rule.name for rule in RULES])
def test_every_rule_catches_what_it_is_for(name):
    assert name in quality_flags(CAUGHT[name])


def test_every_rule_tells_its_reason_and_source():
    for rule in RULES:
        assert rule.holds.__doc__ and rule.holds.__name__ == rule.name
        assert rule.source in ("Gopher", "C4", "this book")


def test_prose_a_play_and_stories_raise_no_flag(shared):
    assert quality_flags(PROSE) == []
    play = (shared / "data" / "tinyshakespeare.txt").read_text()
    pieces = [play[i : i + 2000] for i in range(0, 200_000, 2000)]
    assert [quality_flags(piece) for piece in pieces if quality_flags(piece)] == []
    for split in ("train", "heldout"):
        flagged = [s.text for s in generate(300, 5, split) if quality_flags(s.document)]
        assert flagged == []


def test_almost_all_python_modules_pass():
    """Files of the library with 50 words or more that are not among its tests."""
    documents = read_documents("pylib", limit_bytes=4_000_000)
    modules = [
        document.text
        for document in documents
        if "test" not in document.id and len(document.text.split()) >= 50
    ]
    flagged = sum(bool(quality_flags(text)) for text in modules)
    assert len(modules) > 50 and flagged <= 0.02 * len(modules)


def test_noise_is_flagged_at_any_length():
    for seed in range(20):
        assert "gibberish" in quality_flags(random_letters(60 + seed, seed))
        rng = random.Random(seed)
        code = "".join(rng.choices(string.ascii_letters + string.digits + "+/", k=2000))
        assert "compressibility" in quality_flags(code)


# --- Unicode -------------------------------------------------------------------------


def test_normalisation_by_example():
    assert normalize_text("e\u0301\r\nx\u00b2\rzero\u200bwidth\ufeff\x00\x07") == (
        "é\nx²\nzerowidth"
    )
    assert normalize_text("a\fb\u2028c\td  e ") == "a\nb\nc\td  e "


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_normalising_twice_changes_nothing_more(text):
    once = normalize_text(text)
    assert normalize_text(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert not any(ord(c) < 32 and c not in "\t\n" for c in once)


# --- personal data -------------------------------------------------------------------

PII = [
    ("write to ann.b+c@site.co.uk, please", "write to [EMAIL], please"),
    ("<jörg_9@post.example.org>", "<[EMAIL]>"),
    ("call +44 20 7946 0958.", "call [PHONE]."),
    ("call (555) 010-4477 or 555-010-4478", "call [PHONE] or [PHONE]"),
    ("tel 1-800-555-0199; 020 7946 0958", "tel [PHONE]; [PHONE]"),
    ("+15550104477", "[PHONE]"),
    ("card 4111 1111 1111 1111, thanks", "card [CARD], thanks"),
    ("5555-5555-5555-4444", "[CARD]"),
    ("amex 3782 822463 10005 or 378282246310005", "amex [CARD] or [CARD]"),
    ("from 192.168.0.1:8080 to 8.8.4.4.", "from [IP]:8080 to [IP]."),
    ("2001:db8::8a2e:370:7334 and fe80::1", "[IP] and [IP]"),
    ("::ffff:10.0.0.1", "[IP]"),
]
NOT_PII = [
    "x[1::2] + y[::2] at 12:30:45 on 2024-01-15",
    "version 3.11.2 of 1,234,567 with 256.1.1.1 and 1.2.3.4.5",
    "4111 1111 1111 1112 fails its check digit, 0000 0000 0000 0000 is nobody's",
    "ISBN 978-3-16-148410-0, pi = 3.14159265358979323846, 18446744073709551616",
    "@decorator def f(a @ b): return 'me@' + '@you'",
    "std::vector, the years 1939-1945, 100 200 300",
]


@pytest.mark.parametrize(("text", "masked"), PII)
def test_personal_data_is_masked(text, masked):
    assert mask_pii(text) == masked
    assert mask_pii(masked) == masked


@pytest.mark.parametrize("text", NOT_PII)
def test_numbers_that_nobody_owns_are_left_alone(text):
    assert mask_pii(text) == text


def test_generated_personal_data_is_found_wherever_it_stands():
    rng = random.Random(0)

    def digits(n):
        return "".join(rng.choices(string.digits, k=n))

    def card():
        body = rng.choice("45") + rng.choice("12345") + digits(13)
        return next(body + d for d in string.digits if luhn_valid(body + d))

    kinds = {
        "EMAIL": lambda: f"{random_letters(1, rng.random())}{digits(2)}@mail.example",
        "CARD": card,
        "IP": lambda: ".".join(str(rng.randrange(256)) for _ in range(4)),
        "PHONE": lambda: f"({rng.randrange(200, 999)}) {digits(3)}-{digits(4)}",
    }
    for kind, make in kinds.items():
        for _ in range(100):
            item = make()
            text = f"{PROSE[: rng.randrange(100)].rstrip()} {item}, {PROSE}"
            ((start, end, found),) = find_pii(text)
            assert (text[start:end], found) == (item, kind)


def test_luhn_by_hand():
    """79927398713: 3, 2*1, 7, 2*8=16 -> 7, 9, 2*3, 7, 2*2, 9, 2*9=18 -> 9, 7: 70."""
    assert luhn_valid("79927398713")
    assert not any(luhn_valid(f"7992739871{d}") for d in "012456789")


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="0123456789.:-+() @abf", max_size=60))
def test_masking_keeps_everything_else(text):
    """What lies between the found spans is unchanged and the spans do not overlap."""
    spans = find_pii(text)
    kept, position = [], 0
    for start, end, kind in spans:
        assert position <= start < end <= len(text)
        kept.append(text[position:start] + f"[{kind}]")
        position = end
    assert mask_pii(text) == "".join(kept) + text[position:]


# --- addresses and pages -------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://www.example.org/a/story.html?page=2", True),
        ("http://scunthorpe.example/pokers-and-tongs", True),
        ("http://192.168.0.1/page", False),
        ("http://[2001:db8::1]/page", False),
        ("http://3232235521/", False),
        ("http://0x7f.1/", False),
        ("https://casino-palace.example/", False),
        ("https://news.casino-palace.example/today", False),
        ("https://notcasino-palace.example/", True),
        ("https://example.org/free-viagra-now", False),
        ("https://example.org/%70oker", False),
        ("https://example.org/?q=jackpot", False),
        ("ftp://example.org/file", False),
        ("javascript:alert(1)", False),
        ("http://[bad", False),
        ("", False),
        ("http://localhost/x", False),
    ],
)
def test_addresses(url, allowed):
    assert url_allowed(url) is allowed


def test_block_lists_can_be_given():
    assert not url_allowed("https://a.b.example/", blocked_domains={"b.example"})
    assert url_allowed("https://ab.example/", blocked_domains={"b.example"})
    assert not url_allowed("https://x.example/Llama", blocked_words={"llama"})


PAGE = """<!doctype html><html><head><title>T</title><style>p{x}</style></head><body>
<nav><a href="/">Home</a> <a href="/a">About</a></nav>
<div class="menu"><a href="/1">One link</a> | <a href="/2">Another link</a></div>
<article><h1>The key</h1>
<p>Anna found a <b>red</b> key &amp; kept   it.
It was <a href="/key">old</a>.</p>
<ul><li>a lamp</li><li>a rope</li></ul>
<pre>x = 1
  y = 2</pre><script>var p = "<p>not text</p>";</script></article>
<footer>All rights reserved</footer></body></html>"""


def test_a_page_becomes_its_running_text():
    assert naive_extract_text(PAGE).split("\n\n") == [
        "The key",
        "Anna found a red key & kept it. It was old.",
        "a lamp",
        "a rope",
        "x = 1\n  y = 2",
    ]


def test_a_story_survives_a_page_around_it():
    for story in generate(30, 1, "train"):
        paragraphs = "".join(f"<p>{p}</p>" for p in story.text.split("\n\n"))
        page = f"<html><body><nav><a>Home</a></nav><main>{paragraphs}</main></body>"
        assert naive_extract_text(page) == story.text


@pytest.mark.parametrize(
    "html",
    [
        "",
        "plain",
        "<p>a<p>b",
        "</nav></p>x",
        "<nav>never closed",
        "<a" * 50,
        "<!--",
        "&#",
    ],
)
def test_broken_pages_end_in_text(html):
    assert isinstance(naive_extract_text(html), str)


def test_deep_nesting_takes_no_stack():
    depth = 100_000
    assert naive_extract_text("<div>" * depth + "deep" + "</div>" * depth) == "deep"


# --- decontamination -----------------------------------------------------------------

EXAM = [
    "Who found the red key that the old sailor lost behind the mill on a rainy day?",
    "Where did the baker hide the letter from his brother?",
    "yes",
]


def test_overlap_by_example():
    """A leak of 13 words or more counts with all its words; unrelated text has none."""
    leak = EXAM[0].upper().replace(" ", "\n")
    assert overlap(leak, EXAM) == 1.0
    assert overlap(PROSE, EXAM) == 0.0
    assert overlap(f"{PROSE} {PROSE} {EXAM[0]}", EXAM) == pytest.approx(17 / 131)
    assert overlap("", EXAM) == 0.0


def test_twelve_shared_words_are_not_thirteen():
    words = EXAM[0].split()
    twelve = " ".join([*words[:12], *"and then they all went home again".split()])
    thirteen = " ".join([*words[:13], *"and then they all went home again".split()])
    assert overlap(twelve, EXAM) == 0.0
    assert overlap(thirteen, EXAM) == pytest.approx(13 / 20)


def test_short_texts_are_compared_whole():
    assert overlap(f"{PROSE} {EXAM[1]}", EXAM) == pytest.approx(10 / 67)
    assert overlap("Yes!", EXAM) == 1.0
    assert overlap("yes, we went to the harbour and found a boat there", EXAM) == 0.0
    assert overlap("the red key that the old sailor lost behind", EXAM) == 1.0
    assert overlap("a b x", ["a b c d"], ngram=2) == pytest.approx(2 / 3)


def test_one_index_serves_many_texts():
    index = EvaluationIndex(EXAM)
    for text in (PROSE, *EXAM, PROSE + EXAM[0]):
        assert index.overlap(text) == overlap(text, EXAM)


def test_the_commands_count(tmp_path, capsys):
    (tmp_path / "good.txt").write_text(PROSE)
    (tmp_path / "bad.txt").write_text(CAUGHT["gibberish"])
    assert main(["--source", str(tmp_path), "--show", "1"]) == 0
    out = capsys.readouterr().out
    assert "bad.txt: gibberish" in out and "1 of 2 documents flagged" in out
    exam = str(tmp_path / "good.txt")
    assert decontaminate_main(["--source", str(tmp_path), "--evaluation", exam]) == 0
    assert "1 of 2 documents overlap" in capsys.readouterr().out
