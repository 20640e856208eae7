"""Addresses: what is refused and why, and which spellings mean the same page."""

import random
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ch01_data import filters
from ch01_data.urls import (
    canonical_url,
    equal_urls,
    is_ip_host,
    main,
    url_allowed,
    url_flag,
)
from ch01_data.word_lists import read_list


@pytest.mark.parametrize(
    ("url", "flag"),
    [
        ("https://www.example.org/a/story.html?page=2", None),
        ("http://scunthorpe.example/pokers-and-tongs", None),
        ("https://notcasino-palace.example/", None),
        ("https://example.org:8443/x#casinova", None),
        ("HTTPS://EXAMPLE.ORG/A", None),
        ("https://bücher.example/straße", None),
        ("http://192.168.0.1/page", "ip_host"),
        ("http://8.8.8.8:8080/", "ip_host"),
        ("http://[2001:db8::1]/page", "ip_host"),
        ("http://[::ffff:10.0.0.1]:80/", "ip_host"),
        ("http://[fe80::1%25eth0]/", "ip_host"),
        ("http://3232235521/", "ip_host"),
        ("http://0x7f.1/", "ip_host"),
        ("http://0x7F000001/", "ip_host"),
        ("http://0177.0.0.01/", "ip_host"),
        ("http://127.1/", "ip_host"),
        ("http://127.0.0.1./", "ip_host"),
        ("http://user@10.1.2.3/", "ip_host"),
        ("http://１２７.０.０.１/", "ip_host"),
        ("https://casino-palace.example/", "blocked_domain"),
        ("https://news.casino-palace.example/today", "blocked_domain"),
        ("https://FREE-PILLS.example./", "blocked_domain"),
        ("https://user:secret@free-pills.example:81/", "blocked_domain"),
        ("https://example.org/free-viagra-now", "blocked_word"),
        ("https://example.org/%70oker", "blocked_word"),
        ("https://example.org/%2570oker", "blocked_word"),
        ("https://example.org/?q=jackpot", "blocked_word"),
        ("https://best.poker.example/", "blocked_word"),
        ("https://example.org/a_XXX_b", "blocked_word"),
        ("ftp://example.org/file", "bad_url"),
        ("javascript:alert(1)", "bad_url"),
        ("http://[bad", "bad_url"),
        ("http://example.org:port/", "bad_url"),
        ("http://example.org:99999/", "bad_url"),
        ("http://localhost/x", "bad_url"),
        ("http:///x", "bad_url"),
        ("", "bad_url"),
    ],
)
def test_an_address_is_refused_for_the_reason_named(url, flag):
    assert url_flag(url) == flag
    assert url_allowed(url) is (flag is None)
    assert filters.url_allowed is url_allowed


def test_every_spelling_of_a_number_is_a_number():
    rng = random.Random(0)
    for _ in range(300):
        octets = [rng.randrange(256) for _ in range(4)]
        number = int.from_bytes(bytes(octets), "big")
        write = [str, hex, lambda n: f"0{n:o}"]
        spellings = [".".join(rng.choice(write)(n) for n in octets)]
        spellings += [str(number), hex(number), f"0{number:o}"]
        tail = int.from_bytes(bytes(octets[1:]), "big")
        spellings += [f"{octets[0]}.{tail}", f"[::ffff:{'.'.join(map(str, octets))}]"]
        for host in spellings:
            assert is_ip_host(host), host
            assert url_flag(f"http://{host}/x") == "ip_host", host


def test_names_with_digits_are_names():
    for host in (
        "1.example",
        "127.0.0.1.example",
        "0x7f.org",
        "face.b00c",
        "a1",
        "x.b",
    ):
        assert not is_ip_host(host)


def test_block_lists_can_be_given():
    assert not url_allowed("https://a.b.example/", blocked_domains={"b.example"})
    assert url_allowed("https://ab.example/", blocked_domains={"b.example"})
    assert not url_allowed("https://x.example/Llama", blocked_words={"llama"})
    assert url_allowed("https://x.example/poker", blocked_words=())


def test_a_list_is_a_file_with_one_entry_a_line(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("# a comment\n\n  Llama \nalpaca # soft\n", encoding="utf-8")
    assert read_list(path) == {"llama", "alpaca"}
    assert "casino" in read_list("blocked_words")
    with pytest.raises(ValueError, match="no list.*blocked_words"):
        read_list("no_such_list")
    (tmp_path / "empty.txt").write_text("# nothing\n")
    with pytest.raises(ValueError, match="has no entry"):
        read_list(tmp_path / "empty.txt")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9\n")
    with pytest.raises(ValueError, match="not UTF-8"):
        read_list(tmp_path / "latin.txt")


@pytest.mark.parametrize("name", ["blocked_words", "bad_words", "notices"])
def test_the_lists_of_the_book_can_match_at_all(name):
    """Entries are looked up word by word in lower case."""
    for entry in read_list(name):
        assert entry == entry.lower().strip() and "  " not in entry
        if name == "blocked_words":
            assert entry.isalpha()


# --- one page, one spelling ----------------------------------------------------------

SAME = [
    ("https://www.example.org/", "http://example.org"),
    ("HTTP://Example.ORG:80/a/", "http://example.org/a"),
    ("https://example.org:443/a#part", "http://example.org/a"),
    ("https://example.org/a?utm_source=x&utm_medium=y", "http://example.org/a"),
    ("https://example.org/a?b=2&a=1&fbclid=z", "http://example.org/a?a=1&b=2"),
    ("https://example.org//a/./b/../c", "http://example.org/a/c"),
    ("https://example.org/a/index.html", "http://example.org/a"),
    ("https://example.org/%7Eann/%61", "http://example.org/~ann/a"),
    ("https://www.www.example.org./x", "http://example.org/x"),
    ("https://BÜCHER.example/ü", "http://xn--bcher-kva.example/%C3%BC"),
    ("http://example.org/a;jsessionid=5F?x=", "http://example.org/a?x="),
    ("http://[2001:DB8::1]:80/", "http://[2001:db8::1]"),
    ("  http://user:word@example.org/a\n", "http://example.org/a"),
]
NOT_SAME = [
    ("http://example.org/a", "http://example.org/A"),
    ("http://example.org/a", "http://example.org/a/b"),
    ("http://example.org/?a=1", "http://example.org/?a=2"),
    ("http://example.org/?about", "http://example.org/?contact"),
    ("http://example.org:8080/", "http://example.org/"),
    ("http://example.org/a%2Fb", "http://example.org/a/b"),
    ("http://www.com/", "http://com/"),
    ("http://a.example.org/", "http://b.example.org/"),
]


@pytest.mark.parametrize(("url", "canonical"), SAME)
def test_the_same_page_has_one_spelling(url, canonical):
    assert canonical_url(url) == canonical
    assert canonical_url(canonical) == canonical


@pytest.mark.parametrize(("one", "other"), NOT_SAME)
def test_different_pages_stay_different(one, other):
    assert canonical_url(one) != canonical_url(other)


def test_what_is_no_web_address_has_no_canonical_spelling():
    for url in ("", "mailto:a@b.example", "http://", "http://[bad", "http://a:b/"):
        with pytest.raises(ValueError, match="no web address"):
            canonical_url(url)


PATH = st.text(alphabet="aB.%/~;=+ü :@2F", max_size=20)
QUERY = st.text(alphabet="ab=&%+;utm_2F", max_size=20)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["http", "https"]), PATH, QUERY, st.sampled_from(["", ":80"]))
def test_a_canonical_spelling_is_its_own(scheme, path, query, port):
    once = canonical_url(f"{scheme}://www.example.org{port}/{path}?{query}")
    assert canonical_url(once) == once
    assert once.startswith("http://example.org") and not once.endswith("/")


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abcde"), st.text("xyz1", max_size=3)), st.randoms()
)
def test_the_order_of_parameters_does_not_matter(parameters, rng):
    items = list(parameters.items())
    urls = []
    for _ in range(2):
        rng.shuffle(items)
        urls.append("http://a.example/p?" + "&".join(f"{k}={v}" for k, v in items))
    one, other = map(canonical_url, urls)
    assert one == other
    assert dict(parse_qsl(urlsplit(one).query, keep_blank_values=True)) == parameters


def test_equal_addresses_are_found():
    urls = ["http://a.example/x", None, "http://a.example/y", "nonsense", "nonsense"]
    urls += ["https://www.a.example/x/?utm_campaign=q", "http://a.example/x#top"]
    assert equal_urls(urls) == [[0, 5, 6]]


def test_the_command_counts_reasons(tmp_path, capsys):
    urls = "http://a.example/x\nhttps://www.a.example/x/\nhttp://10.0.0.1/\nftp://x.y/"
    (tmp_path / "urls.txt").write_text(urls)
    assert main([str(tmp_path / "urls.txt")]) == 0
    out = capsys.readouterr().out
    assert "2  allowed" in out and "1  ip_host" in out and "1  spelled otherwise" in out
    assert main([str(tmp_path / "urls.txt"), "--words", "no_list"]) == 2
    assert main([str(tmp_path / "none.txt")]) == 2
    assert capsys.readouterr().err.count("error:") == 2
