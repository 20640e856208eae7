"""C4's spans of three sentences: all but the first of equal ones go."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from ch01_data.spans import (
    SPAN,
    drop_repeated_spans,
    main,
    repeated_spans,
    span_numbers,
    split_sentences,
)
from ch01_data.storyworld import generate


def without_spans(texts, cut=None):
    batches = [texts] if cut is None else [texts[:cut], texts[cut:]]
    done = drop_repeated_spans(batches, repeated_spans(batches))
    return [pair for batch in done for pair in batch]


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
    assert len(repeated_spans([[first, second]])) == 1
    assert without_spans([first, second]) == [
        (first, 0),
        ("X was new. D is four.", 3),
    ]
    two = ["A is one. B is two. Other.", "A is one. B is two. Else."]
    assert len(repeated_spans([two])) == 0


def test_a_span_within_one_text_counts_too():
    text = "A b. C d. E f. A b. C d. E f. A b."
    assert without_spans([text]) == [("A b. C d. E f. ", 4)]


SENTENCES = st.sampled_from(["A b. ", "C d! ", "E f? ", "G. ", "A  b.\n", ""])
TEXTS = st.lists(st.lists(SENTENCES, max_size=8).map("".join), max_size=6)


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.integers(0, 6))
def test_spans_agree_with_a_plain_search(texts, cut):
    """Held against sets of tuples of words, over any two batches."""
    seen, expected = set(), []
    for text in texts:
        parts = split_sentences(text)
        said = [tuple(part.split()) for part in parts]
        gone = set()
        for place in range(len(parts) - SPAN + 1):
            span = sum(said[place : place + SPAN], ())
            if span in seen:
                gone.update(range(place, place + SPAN))
            seen.add(span)
        kept = [part for place, part in enumerate(parts) if place not in gone]
        expected.append(("".join(kept), len(gone)))
    assert without_spans(texts, cut) == expected


def test_stories_keep_their_spans():
    """A story seldom tells three sentences in a row that another one tells."""
    stories = [story.text for story in generate(300, 9, "train")]
    lost = sum(count for _, count in without_spans(stories))
    assert lost <= 0.01 * sum(len(split_sentences(text)) for text in stories)


def test_a_copy_among_others_is_left_with_nothing():
    stories = [story.text for story in generate(40, 4, "train")]
    place = random.Random(0).randrange(40)
    left = without_spans([*stories, stories[place]])
    assert left[-1][0] == "" and left[:-1] == without_spans(stories)


def test_no_text_no_spans():
    values, bounds = span_numbers(["", "One. Two.", "One. Two. Three."])
    assert len(values) == 1 and bounds.tolist() == [0, 0, 0, 1]


def test_the_command_counts(tmp_path, capsys):
    for name in "ab":
        (tmp_path / name).write_text(f"It is {name}. One. Two. Three. Four.")
    assert main(["--source", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert shown == "4 sentences of 1 documents stand in spans of 3 that came before\n"
