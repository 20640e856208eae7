"""Lines, paragraphs and sentences that many documents have are counted and removed."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ch01_data.lines import (
    drop_pieces,
    frequent_pieces,
    main,
    piece_hashes,
    split_pieces,
)
from ch01_data.rules import is_code_line
from ch01_data.storyworld import generate


def test_lines_are_counted_once_a_document_by_hand():
    """ "Sign  up" stands in three documents, "b c" in two, "d" twice in one."""
    texts = ["Sign up\nb c\nb c", "d\nd\n sign up", "Sign  up \n", "b c\nSign\tup"]
    names, n_words = piece_hashes(["Sign up", "b c", "d", "sign up", " "])
    assert n_words.tolist() == [2, 2, 1, 2, 0]
    assert names[4] == 0 and len(set(names.tolist())) == 5
    assert frequent_pieces([texts], 2).tolist() == [names[0]]
    assert frequent_pieces([texts], 1).tolist() == sorted(names[:2].tolist())
    assert frequent_pieces([texts], 3).tolist() == []
    assert frequent_pieces([texts], 1, min_words=3).tolist() == []
    found = frequent_pieces([texts], 1)
    assert drop_pieces(texts, found) == ["", "d\nd\n sign up", "", ""]


def test_paragraphs_and_sentences_are_pieces_too():
    text = "One. Two!  Three?\n\n  Four\nfour.\n \nFive"
    assert split_pieces(text, "paragraph")[::2] == [
        "One. Two!  Three?",
        "  Four\nfour.",
        "Five",
    ]
    assert split_pieces(text, "sentence")[::2] == [
        "One.",
        "Two!",
        "Three?",
        "Four\nfour.",
        "Five",
    ]
    other = ["Two! Six.", text]
    sentences = frequent_pieces([other], 1, unit="sentence")
    assert drop_pieces(other, sentences, unit="sentence") == [
        "Six.",
        "One. Three?\n\n  Four\nfour.\n \nFive",
    ]
    with pytest.raises(ValueError, match="must be one of line, paragraph, sentence"):
        split_pieces(text, "page")
    with pytest.raises(ValueError, match="at least 1 document"):
        frequent_pieces([other], 0)


WORDS = st.sampled_from(["a", "b", "a b", "c", "", "a ", " b"])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(WORDS, max_size=6).map("\n".join), max_size=8),
    st.integers(1, 4),
    st.integers(0, 8),
)
def test_frequent_lines_are_those_that_a_counter_finds(texts, more_than, cut):
    """Over any two batches; and without them, nothing else is lost."""
    said = [[" ".join(line.split()) for line in text.split("\n")] for text in texts]
    counts = {}
    for found in said:
        for line in set(found) - {""}:
            counts[line] = counts.get(line, 0) + 1
    often = sorted(line for line, count in counts.items() if count > more_than)
    found = frequent_pieces([texts[:cut], texts[cut:]], more_than)
    assert found.tolist() == sorted(piece_hashes(often)[0].tolist())
    left = [
        [line for line in text.split("\n") if " ".join(line.split()) not in often]
        for text in texts
    ]
    for text, lines in zip(drop_pieces(texts, found), left, strict=True):
        assert text.split("\n")[: len(lines)] == lines or not lines


def test_splitting_loses_nothing():
    rng = random.Random(18)
    for unit in ("line", "paragraph", "sentence"):
        for _ in range(200):
            text = "".join(rng.choices("ab. \n!", k=30))
            assert "".join(split_pieces(text, unit)) == text
            assert drop_pieces([text], np.empty(0, np.uint64), unit=unit) == [text]


def test_the_command_prints_the_lines(tmp_path, capsys):
    for name in "abc":
        (tmp_path / name).write_text(f"the same words here\nbut not {name} here\n")
    assert main(["--source", str(tmp_path), "--more-than", "2"]) == 0
    shown = capsys.readouterr().out
    assert shown == "the same words here\n1 lines in more than 2 documents\n"


def test_lines_of_code_are_spared_where_that_is_asked_for():
    code = "for name in sorted(names):\n    yield name\nShare this page with all"
    texts = [f"{code}\nand {number}" for number in range(9)]
    found = frequent_pieces([texts], 5, min_words=4, spare=is_code_line)
    assert len(found) == 1
    left = drop_pieces(texts, found, spare=is_code_line)
    assert left[0] == "for name in sorted(names):\n    yield name\nand 0"
    assert len(frequent_pieces([texts], 5)) == 3, "without the exception, all three"


def test_stories_lose_no_line():
    stories = [story.text for story in generate(500, 9, "train")]
    found = frequent_pieces([stories], 5, min_words=4, spare=is_code_line)
    assert drop_pieces(stories, found, spare=is_code_line) == stories
