"""Decontamination: leaks are found however they are dressed, and innocents let go."""

import json
import random
import string
import time
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ch01_data.decontaminate import (
    MAX_SHARING,
    MIN_WORDS,
    EvaluationIndex,
    Leak,
    find_leaks,
    main,
    overlap,
    plain_text,
    read_words,
    words_of,
)
from ch01_data.sources import read_texts
from ch01_data.storyworld import generate

WORDS = "abcdefghij"


def naive_overlap(text, eval_texts, ngram):
    """Return the share by tuples of words, as the definition reads."""
    words = tuple(words_of(text))
    exams = {tuple(words_of(exam)) for exam in eval_texts}
    shortest = min(MIN_WORDS, ngram)
    if len(words) < shortest:
        return float(bool(words) and words in exams)
    size, covered = min(ngram, len(words)), set()

    def runs(row, n):
        return {row[i : i + n] for i in range(len(row) - n + 1)}

    sought = {run for exam in exams for run in runs(exam, size)}
    sought |= {exam for exam in exams if shortest <= len(exam) < ngram}
    for run in sought:
        for start in range(len(words) - len(run) + 1):
            if words[start : start + len(run)] == run:
                covered.update(range(start, start + len(run)))
    return len(covered) / len(words)


def naive_contained(text, eval_texts, ngram):
    """Return the largest share of one evaluation text's own n-grams, and whose."""
    shortest = min(MIN_WORDS, ngram)

    def runs(row, n):
        return {row[i : i + n] for i in range(len(row) - n + 1)}

    exams = [tuple(words_of(exam)) for exam in eval_texts]
    grams = [
        runs(exam, min(ngram, len(exam))) if len(exam) >= shortest else set()
        for exam in exams
    ]
    holders = {}
    for own in grams:
        for gram in own:
            holders[gram] = holders.get(gram, 0) + 1
    words = tuple(words_of(text))
    best = (0.0, -1)
    for number, own in enumerate(grams):
        telling = {gram for gram in own if holders[gram] <= MAX_SHARING}
        read = {gram for gram in telling if gram in runs(words, len(gram))}
        if read and len(read) / len(telling) > best[0]:
            best = (len(read) / len(telling), number)
    return best


TEXTS = st.lists(st.sampled_from(WORDS), max_size=16).map(" ".join)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(TEXTS, max_size=5),
    st.lists(TEXTS, min_size=1, max_size=5),
    st.integers(1, 13),
)
def test_both_shares_are_those_of_the_definition(exams, texts, ngram):
    index = EvaluationIndex(exams, ngram)
    shares = index.overlaps(*read_words(texts))
    parts, which = index.contained(*read_words(texts))
    for place, text in enumerate(texts):
        assert shares[place] == pytest.approx(naive_overlap(text, exams, ngram))
        expected = naive_contained(text, exams, ngram)
        assert parts[place] == pytest.approx(expected[0])
        assert which[place] == expected[1] or exams[which[place]] == exams[expected[1]]
        assert overlap(text, exams, ngram) == shares[place]


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_the_fast_way_sees_the_words_of_the_slow_way(text):
    assert plain_text(text).split() == words_of(text)
    ascii_text = "".join(c for c in text if c.isascii())
    assert plain_text(ascii_text).split() == words_of(ascii_text)


def test_every_ascii_sign_parts_words_but_the_apostrophe():
    for code in range(128):
        sign = chr(code)
        expected = ["ab"] if sign == "'" else ["a", "b"]
        if sign.isalnum():
            expected = [f"a{sign.lower()}b"]
        assert words_of(f"a{sign}b") == plain_text(f"a{sign}b").split() == expected
    assert words_of("don\u2019t STRA\u00dfE") == words_of("Dont strasse")


def test_shares_by_hand():
    """Of the page's 20 words 14 are exam; of the exam's 8 13-grams it has 2.

    The exam's words are w0 to w19; the page has w3 to w16 between others.
    """
    exam = " ".join(f"w{i}" for i in range(20))
    page = " ".join(["x y z", *(f"W{i}," for i in range(3, 17)), "x y z"])
    assert find_leaks([page], EvaluationIndex([exam])) == [Leak(14 / 20, 2 / 8, 0)]


def test_what_a_crowd_of_exam_texts_says_tells_of_none_of_them():
    """A heading of 13 words in 11 texts; in 10 it would still count."""
    heading = " ".join(f"h{i}" for i in range(13))
    exams = [
        f"{heading} " + " ".join(f"q{n}w{i}" for i in range(13)) for n in range(11)
    ]
    page = f"{heading} and nothing else that any exam says, my friend"
    read = read_words([page])
    assert EvaluationIndex(exams).contained(*read)[0].tolist() == [0]
    assert EvaluationIndex(exams[:10]).contained(*read)[0].tolist() == [1 / 14]
    assert EvaluationIndex(exams).overlap(page) == 13 / 22


# --- leaks in stories and in the Python library --------------------------------------


def recased(text, rng):
    return text.swapcase()


def repunctuated(text, rng):
    """Take signs out or change them, and lay the lines out anew."""
    kept = [c if c not in ".,;:!?" else rng.choice(["", " ", "!", " -"]) for c in text]
    words = "".join(kept).replace("'", "").replace('"', "\u201c").split()
    return "".join(word + rng.choice([" ", "  ", "\n"]) for word in words)


def embedded(text, rng, around):
    """Put it into the middle of a text that is ten times as long."""
    host = around
    while len(host) < 10 * len(text):
        host += "\n\n" + around
    middle = host.find(" ", len(host) // 2)
    return f"{host[:middle]} {text} {host[middle:]}"


def exam_and_pages(rng):
    """Return evaluation texts, clean pages and leaks, half of stories, half of code."""
    stories = [story.document for story in generate(150, 40, "train")]
    exams = [story.document for story in generate(60, 41, "validation")]
    found = (t for t in read_texts("pylib") if len(t.split()) > 200)
    pieces = [" ".join(t.split(" ")[100:300]) for t in islice(found, 150)]
    pieces = [piece for piece in dict.fromkeys(pieces) if len(words_of(piece)) >= 60]
    exams += pieces[:50]
    clean = stories[:90] + pieces[50:]
    leaks = []
    for number, exam in enumerate(exams):
        dress = number % 4
        if dress == 1:
            exam = recased(exam, rng)
        elif dress == 2:
            exam = repunctuated(exam, rng)
        elif dress == 3:
            exam = embedded(exam, rng, rng.choice(stories[90:]))
        leaks.append(exam)
    return exams, clean, leaks


def test_leaks_are_found_and_clean_pages_are_not_called_leaks():
    """Verbatim, re-cased, with other punctuation, inside ten times as much text."""
    exams, clean, leaks = exam_and_pages(random.Random(4))
    index = EvaluationIndex(exams)
    called = [leak.reaches(0.3, 0.5) for leak in find_leaks(leaks, index)]
    wrongly = [leak.reaches(0.3, 0.5) for leak in find_leaks(clean, index)]
    assert len(leaks) >= 100 and len(clean) >= 150
    assert sum(called) >= 0.95 * len(leaks)
    assert sum(called) >= 0.95 * (sum(called) + sum(wrongly))
    which = index.contained(*read_words(leaks))[1]
    assert np.mean(which == np.arange(len(leaks))) >= 0.95


def test_batches_do_not_matter():
    exams, clean, leaks = exam_and_pages(random.Random(5))
    index = EvaluationIndex(exams)
    texts = [*clean[:30], "", *leaks[:30], "yes"]
    together = find_leaks(texts, index)
    assert together == [leak for text in texts for leak in find_leaks([text], index)]


def test_a_hundred_thousand_n_grams_cost_little():
    """1.6 MB for two tables, and less than 20 times the time of splitting the text."""
    rng = random.Random(6)
    words = ["".join(rng.choices(string.ascii_lowercase, k=6)) for _ in range(20_000)]
    exams = [" ".join(rng.choices(words, k=112)) for _ in range(1000)]
    index = EvaluationIndex(exams)
    assert len(index._telling.values) == 100_000
    kept = [index.words, *index._windows.values(), index._telling.values]
    texts = [" ".join(rng.choices(words, k=115)) for _ in range(2000)]
    assert sum(array.nbytes for array in kept) < 3_000_000

    def least_time(work):
        seconds = []
        for _ in range(5):
            begun = time.process_time()
            work()
            seconds.append(time.process_time() - begun)
        return min(seconds)

    splitting = least_time(lambda: [text.lower().split() for text in texts])
    assert least_time(lambda: find_leaks(texts, index)) < 20 * splitting


def test_an_empty_exam_and_odd_texts_do_no_harm():
    for exams in ([], [""], ["a"], ["\ud800 \u0000"]):
        index = EvaluationIndex(exams)
        assert find_leaks([], index) == []
        leaks = find_leaks(["", "b", "\n", "x " * 30], index)
        assert leaks == [Leak(0.0, 0.0, -1)] * 4
    with pytest.raises(ValueError, match="at least 1 word"):
        EvaluationIndex(["a"], 0)


def test_the_command_names_the_exam_text(tmp_path, capsys):
    exam, pages, out = tmp_path / "exam", tmp_path / "pages", tmp_path / "leaks.json"
    exam.mkdir(), pages.mkdir()
    question = " ".join(f"word{i}" for i in range(30))
    (exam / "one.txt").write_text("Something else that has nothing to do with it")
    (exam / "two.txt").write_text(question)
    (pages / "long.txt").write_text("filler text " * 300 + question.upper())
    (pages / "other.txt").write_text("A page about something else, and that is all")
    command = ["--source", str(pages), "--evaluation", str(exam), "--out", str(out)]
    assert main(command) == 0
    assert "1 of 2 documents overlap" in capsys.readouterr().out
    found = json.loads(out.read_text())
    assert found["long.txt"]["evaluation"] == "two.txt" and list(found) == ["long.txt"]
    assert found["long.txt"]["of_evaluation"] == 1.0
    assert main([*command, "--ngram", "0"]) == 2
