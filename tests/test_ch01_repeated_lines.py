"""Lines and spans across documents: furniture goes, text and code stay."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ch01_data.repeated_lines import (
    common_lines,
    digest,
    drop_common,
    drop_repeated_spans,
    main,
    repeated_spans,
    split_sentences,
    without_lines,
)
from ch01_data.sources import read_documents
from ch01_data.storyworld import generate

FOOTER = "Share this story with all of your friends"


def pages(n, footer=FOOTER):
    stories = [story.text for story in generate(n, 4, "train")]
    return [f"{story}\n\n{footer}" for story in stories], stories


def test_what_stands_on_many_pages_is_dropped():
    texts, stories = pages(40)
    dropped = list(drop_common(lambda: texts))
    assert [text for text, _ in dropped] == stories
    assert {count for _, count in dropped} == {1}


def test_many_means_documents_and_not_lines():
    line = "one and the same line again"
    texts = [f"{line}\n{line}\n{line}\n{line}\n{line}", "another text", "and a third"]
    assert common_lines(texts, min_documents=2) == frozenset()
    texts[1] += f"\n  {line.upper()}  "
    assert common_lines(texts, min_documents=2) == {digest(line)}
    assert common_lines(texts, min_documents=3) == frozenset()
    assert common_lines(texts * 100, min_documents=2, min_share=0.7) == frozenset()
    with pytest.raises(ValueError, match="min_documents is 1"):
        common_lines(texts, min_documents=1)


def test_lines_agree_with_a_plain_count():
    rng = random.Random(5)
    lines = [f"this is line number {n} of all" for n in range(30)]
    texts = ["\n".join(rng.choices(lines, k=6)) for _ in range(50)]
    for many in (2, 5, 12):
        expected = {
            digest(line) for line in lines if sum(line in t.split("\n") for t in texts) >= many
        }
        assert common_lines(texts, many, 0.0) == expected


def test_code_and_short_lines_stay():
    code = "for name in sorted(names, key=len):\n    print(name, end='')\nThe end."
    texts = [code] * 30
    assert [text for text, _ in drop_common(lambda: texts)] == texts


def test_stories_and_modules_are_hardly_touched():
    stories = [story.text for story in generate(500, 9, "train")]
    assert sum(n for _, n in drop_common(lambda: stories)) == 0
    library = [d.text for d in read_documents("pylib", limit_bytes=1_500_000)]
    dropped = sum(len(a) - len(b) for a, (b, _) in zip(library, drop_common(lambda: library)))
    assert dropped <= 0.01 * sum(map(len, library))


def test_dropping_nothing_changes_nothing():
    assert without_lines("a\n\n\n\nb \n", frozenset()) == ("a\n\n\n\nb \n", 0)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet='ab.!? \n"”)…', max_size=60))
def test_sentences_joined_are_the_text(text):
    assert "".join(split_sentences(text)) == text


def test_sentences_by_hand():
    text = 'He ran. "Stop!" she cried.\nMr. X stayed\nThe end'
    assert split_sentences(text) == [
        "He ran. ", '"Stop!" ', "she cried.\n", "Mr. ", "X stayed\n", "The end"
    ]  # fmt: skip


def test_all_but_one_of_equal_spans_are_dropped():
    """A B C stand in both texts, X A B in one: the second text keeps X and D."""
    first = "A is one. B is two. C is three. And so on."
    second = "X was new. A is one.\nB is two.  C is three. D is four."
    spans = repeated_spans([first, second])
    assert len(spans) == 1
    assert list(drop_repeated_spans([first, second], spans)) == [
        (first, 0),
        ("X was new. D is four.", 3),
    ]
    two = ["A is one. B is two. Other.", "A is one. B is two. Else."]
    assert repeated_spans(two) == frozenset()


def test_a_span_within_one_text_counts_too():
    text = "A b. C d. E f. A b. C d. E f. A b."
    ((left, dropped),) = drop_repeated_spans([text], repeated_spans([text]))
    assert (left, dropped) == ("A b. C d. E f. ", 4)


def test_the_command_counts(tmp_path, capsys):
    for number, text in enumerate(pages(8)[0]):
        (tmp_path / f"{number}.txt").write_text(text)
    assert main(["--source", str(tmp_path)]) == 0
    assert "8  lines that stand in 5 documents" in capsys.readouterr().out
