"""Gopher's and C4's rules, each by hand on both sides of its paper's threshold."""

import random
import re
import zlib
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ch01_data import c4, gopher, repetition
from ch01_data.c4 import C4_RULES, LINE_RULES, clean_page, count_sentences
from ch01_data.gopher import GOPHER_RULES
from ch01_data.repetition import REPETITION_RULES, repeated_runs, top_run
from ch01_data.rules import ANY, Rule, View, code_share, is_code_line

PLAIN = "We went down to the harbour, and nobody there had seen the boat. " * 2
PAPER = {rule.name: rule for rule in (*GOPHER_RULES, *REPETITION_RULES, *C4_RULES)}


def words(n, length=5):
    """Return n different words of equal length, without any repetition in them."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    made = []
    for number in range(n):
        word = ""
        for _ in range(length):
            number, place = divmod(number, 26)
            word += letters[place]
        made.append(word)
    return made


def lines_of(*counts):
    """Return lines of one word each: the first `count` times, the next so often ..."""
    names = words(len(counts))
    return "\n".join("\n".join([name] * count) for name, count in zip(names, counts))


# For each rule a text that lies on the threshold, which the paper keeps, and one that
# lies just beyond it.
BOTH_SIDES = {
    # 50 to 100,000 words
    "word_count, low": (" ".join(words(50)), " ".join(words(49))),
    "word_count, high": ("a " * 100_000, "a " * 100_001),
    # mean of 3 to 10 characters: 10 words of 30, and of 29 or 101
    "mean_word_length, low": ("abc " * 10, "abc " * 9 + "ab"),
    "mean_word_length, high": ("a" * 10 + " " + "b" * 10, "a" * 10 + " " + "b" * 11),
    # one hash for ten words, one for nine
    "hash_ratio": (" ".join([*words(9), "#x"]), " ".join([*words(8), "#x"])),
    "ellipsis_ratio": (" ".join([*words(9), "x..."]), " ".join([*words(8), "x…"])),
    # nine of ten lines begin with a bullet, ten of eleven
    "bullet_lines": ("- a\n" * 5 + "• b\n" * 4 + "c", "- a\n" * 10 + "c"),
    # three of ten lines end in an ellipsis, four of ten
    "ellipsis_lines": ("a...\n" * 3 + "b\n" * 7, "a...\n" * 2 + "b…\n" * 2 + "c\n" * 6),
    # 8 of 10 words with a letter, 7 of 10
    "alphabetic_words": ("a1 " * 8 + "12 34", "a1 " * 7 + "12 34 56"),
    "stop_words": ("Of course we have it", "Of course, of course"),
    # 3 of 10 lines came before, 4 of 10
    "duplicate_lines": (lines_of(4, *[1] * 6), lines_of(5, *[1] * 5)),
    "duplicate_paragraphs": (
        lines_of(4, *[1] * 6).replace("\n", "\n\n"),
        lines_of(3, 3, *[1] * 4).replace("\n", "\n\n"),
    ),
    # 5 of 25 characters in a line that came before, 5 of 20
    "duplicate_line_characters": (lines_of(2, 1, 1, 1), lines_of(2, 1, 1)),
    "duplicate_paragraph_characters": (
        lines_of(2, 1, 1, 1).replace("\n", "\n \n"),
        lines_of(2, 1, 1).replace("\n", "\n\n"),
    ),
    # the pair "aa bb" twice: 8 of 40 characters, 8 of 39
    "top_2_gram": (
        "aa bb cccccccccccc aa bb " + "d" * 20,
        "aa bb cccccccccccc aa bb " + "d" * 19,
    ),
    # three letters twice: 6 * 3 = 18 of 100 characters, 18 of 99
    "top_3_gram": (
        "aaa bbb ccc " + "x" * 41 + " aaa bbb ccc " + "y" * 41,
        "aaa bbb ccc " + "x" * 41 + " aaa bbb ccc " + "y" * 40,
    ),
    # four words of two letters twice: 16 of 100, 16 of 99
    "top_4_gram": (
        "aa bb cc dd " + "x" * 42 + " aa bb cc dd " + "y" * 42,
        "aa bb cc dd " + "x" * 42 + " aa bb cc dd " + "y" * 41,
    ),
    "sentences": (
        "We went to the sea. It was cold that day! Who would have thought?",
        "We went to the sea. It was cold on that day, who would have thought?",
    ),
    "bad_words": ("You are a dear old friend.", "You are a BOGWIT, friend."),
    "lorem_ipsum": ("Lorem, ipsum", "so Lorem Ipsum it is"),
    "curly_brackets": ("f(x) = [1]", "f(x) = }"),
}
# n words of one letter said twice: the second time is n of 100 * n / share characters.
for _n, _share in repetition.REPEATED_RUNS.items():
    _run = " ".join("abcdefghij"[:_n])
    for _total in [round(_n / _share + 0.499)]:
        assert _n / _total <= _share < _n / (_total - 1)
        BOTH_SIDES[f"duplicate_{_n}_grams"] = tuple(
            f"{_run} {_run} " + "z" * (total - 2 * _n) for total in (_total, _total - 1)
        )


@pytest.mark.parametrize("case", BOTH_SIDES)
def test_a_rule_keeps_its_threshold_and_drops_what_lies_beyond(case):
    rule = PAPER[case.partition(",")[0]]
    kept, dropped = BOTH_SIDES[case]
    assert not rule.holds(View.of(kept)), rule.measure(View.of(kept))
    assert rule.holds(View.of(dropped)), rule.measure(View.of(dropped))


def test_every_rule_of_the_papers_has_both_sides():
    assert {case.partition(",")[0] for case in BOTH_SIDES} == set(PAPER)


def test_the_thresholds_are_those_of_the_papers():
    """Rae et al. 2021, section A.1.1 and table A1; Raffel et al. 2020, section 2.2."""
    ranges = {name: (rule.least, rule.most) for name, rule in PAPER.items()}
    low, high = float("-inf"), float("inf")
    assert ranges == {
        "word_count": (50, 100_000),
        "mean_word_length": (3, 10),
        "hash_ratio": (low, 0.1),
        "ellipsis_ratio": (low, 0.1),
        "bullet_lines": (low, 0.9),
        "ellipsis_lines": (low, 0.3),
        "alphabetic_words": (0.8, high),
        "stop_words": (2, high),
        "duplicate_lines": (low, 0.3),
        "duplicate_paragraphs": (low, 0.3),
        "duplicate_line_characters": (low, 0.2),
        "duplicate_paragraph_characters": (low, 0.2),
        "top_2_gram": (low, 0.20),
        "top_3_gram": (low, 0.18),
        "top_4_gram": (low, 0.16),
        "duplicate_5_grams": (low, 0.15),
        "duplicate_6_grams": (low, 0.14),
        "duplicate_7_grams": (low, 0.13),
        "duplicate_8_grams": (low, 0.12),
        "duplicate_9_grams": (low, 0.11),
        "duplicate_10_grams": (low, 0.10),
        "sentences": (3, high),
        "bad_words": (low, 0),
        "lorem_ipsum": (low, 0),
        "curly_brackets": (low, 0),
    }
    assert gopher.STOP_WORDS == set("the be to of and that have with".split())


def test_every_rule_says_what_it_measures_and_whose_it_is():
    for rule in PAPER.values():
        measure = getattr(rule.measure, "func", rule.measure)
        assert "paper:" in measure.__doc__.lower()
        assert rule.source in ("Gopher", "C4")


def test_an_empty_text_breaks_no_measure():
    for text in ("", " ", "\n\n", "x", "…", "{", "\0"):
        for rule in PAPER.values():
            assert rule.measure(View.of(text)) >= 0


# --- repetition against plain dictionaries -------------------------------------------


def plain_top(split, n):
    counts = Counter(tuple(split[i : i + n]) for i in range(len(split) - n + 1))
    most = max(counts.values(), default=0)
    if most < 2:
        return 0.0
    longest = max(len("".join(run)) for run in counts if counts[run] == most)
    return min(most * longest / len("".join(split)), 1.0)


def plain_repeated(split, n):
    seen, covered = set(), set()
    for i in range(len(split) - n + 1):
        run = tuple(split[i : i + n])
        if run in seen:
            covered |= set(range(i, i + n))
        seen.add(run)
    return sum(len(split[i]) for i in covered) / max(len("".join(split)), 1)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(["a", "bb", "ccc", "d", "é"]), max_size=60))
def test_the_arrays_count_as_dictionaries_do(split):
    view = View.of(" ".join(split))
    for n in (2, 3, 4):
        assert top_run(view, n) == pytest.approx(plain_top(split, n))
    for n in range(5, 11):
        assert repeated_runs(view, n) == pytest.approx(plain_repeated(split, n))


def test_repeated_runs_by_hand():
    """The second "the cat sat on the mat": 17 of 42 characters, at 5 words and at 6."""
    view = View.of("the cat sat on the mat and the cat sat on the mat again")
    assert repeated_runs(view, 5) == repeated_runs(view, 6) == pytest.approx(17 / 42)
    assert repeated_runs(view, 7) == 0.0
    assert top_run(view, 2) == pytest.approx(2 * 6 / 42)


def test_longer_runs_repeat_less():
    rng = random.Random(1)
    for _ in range(30):
        view = View.of(" ".join(rng.choices("abc", k=rng.randrange(5, 200))))
        shares = [repeated_runs(view, n) for n in range(5, 11)]
        assert shares == sorted(shares, reverse=True)


def test_compression_finds_loops_and_noise():
    loop = View.of("All work and no play makes Jack a dull boy. " * 100)
    assert repetition.compression_ratio(loop) < 0.03
    noise = View.of(random.Random(0).randbytes(3000).hex())
    assert repetition.compression_ratio(noise) > 0.5
    for text in (
        "abc" * 500,
        PLAIN * 5,
        PLAIN * 40 + random.Random(1).randbytes(9000).hex(),
    ):
        usual = len(zlib.compress(text.encode(), 1)) / len(text)
        found = repetition.compression_ratio(View.of(text))
        assert found == pytest.approx(usual, rel=0.05, abs=0.01)


# --- C4's lines ----------------------------------------------------------------------

LINES = {
    "terminal_punctuation": (
        'He came home and said "yes"',
        "He came home and said yes",
    ),
    "words_in_line": ("We all came home again.", "We all came home."),
    "javascript": ("We all like java script here.", "We all like JavaScript here."),
    "policy_notice": ("We use one cookie each day.", "We use cookies each day."),
}


@pytest.mark.parametrize("name", LINES)
def test_a_line_is_dropped_for_the_reason_named(name):
    kept, dropped = LINES[name]
    assert clean_page(kept) == (kept, Counter())
    assert clean_page(dropped) == ("", Counter({name: 1}))


def test_every_line_rule_has_both_sides():
    assert [rule.name for rule in LINE_RULES] == list(LINES)


def test_a_page_is_what_its_lines_leave():
    page = (
        "Home | About\n\nThe bridge was built in 1890.[1] It stands to this day.\n"
        "Please enable JavaScript for this page.\n"
        "Many people cross it every day [citation needed].\nRead our privacy policy."
    )
    text, dropped = clean_page(page)
    assert text == (
        "The bridge was built in 1890. It stands to this day.\n"
        "Many people cross it every day ."
    )
    assert dropped == {"terminal_punctuation": 1, "javascript": 1, "words_in_line": 1}
    assert not PAPER["sentences"].holds(View.of(page))
    assert c4.notice_lines(View.of(page)) == pytest.approx(2 / 5)
    assert c4.unterminated_lines(View.of(page)) == pytest.approx(1 / 5)


def test_sentences_are_counted_by_their_ends():
    assert count_sentences('"Stop!" he cried. Nobody did... Why? I paid 3.50.') == 5
    assert count_sentences("no end here") == 0


# --- views and rules -----------------------------------------------------------------


def test_a_view_is_split_once():
    calls = []
    view = View.of("a b\n\n c  ")
    assert (view.words, view.lines) == (["a", "b", "c"], ["a b", "c"])
    for _ in range(3):
        assert view.once(lambda v: len(v.words)) == 3

    def measure(v):
        calls.append(v)
        return 1.0

    rules = [Rule("x", "this book", measure, most=m) for m in (0, 1, 2)]
    assert [rule.holds(view) for rule in rules] == [True, False, False]
    calls.clear()
    assert [view.once(measure) for _ in range(3)] == [1.0, 1.0, 1.0]
    assert len(calls) == 1


def test_a_rule_for_prose_is_silent_about_code():
    rule = Rule("x", "this book", lambda view: 1.0, most=0, code=ANY)
    assert rule.holds(View.of("The sea was calm.\nNobody spoke."))
    assert not rule.holds(View.of("import os\n\n\ndef f(x):\n    return x[0]\n"))


def test_code_is_told_from_prose(shared):
    play = (shared / "data" / "tinyshakespeare.txt").read_text()
    pieces = [play[i : i + 2000] for i in range(0, 400_000, 2000)]
    lines = [[x.strip() for x in piece.split("\n") if x.strip()] for piece in pieces]
    assert max(map(code_share, lines)) < 0.1
    dialogue = ['"Yes," said Tom.', "'No,' said Ann.", "She asked: why?", "Only 3,5 m."]
    assert not any(map(is_code_line, dialogue))
    code = [
        "x = 1",
        "return x",
        "for i in y:",
        "print(a, b)",
        "}",
        "@property",
        "a == b",
    ]
    assert all(map(is_code_line, code))


def test_the_modules_print_their_measures(tmp_path, capsys):
    (tmp_path / "a.txt").write_text(
        "We went to the sea. And it was calm. Nobody spoke to us. " * 9
    )
    (tmp_path / "b.txt").write_text("x")
    for module, name in [(gopher, "stop_words"), (c4, "sentences")]:
        assert module.main(["--source", str(tmp_path)]) == 0
        out = capsys.readouterr().out
        assert re.search(rf"^{name} .*50\.0%$", out, re.MULTILINE), out
    assert repetition.main(["--source", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.startswith("error: no such file")
