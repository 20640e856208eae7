"""Mentions: what the words of a story stand for, as its teller knew."""

import re
from collections import Counter

import pytest

from ch01_data import storyworld_words as words
from ch01_data.mentions import main, stories_with_mentions
from ch01_data.storyworld import SPLITS, generate


@pytest.fixture(scope="module")
def told():
    return list(stories_with_mentions(600, 3, "train"))


@pytest.mark.parametrize("split", SPLITS)
def test_the_texts_are_those_that_generate_yields(split):
    texts = [text for text, _ in stories_with_mentions(40, 5, split)]
    assert texts == [story.text for story in generate(40, 5, split)]


def test_mentions_stand_in_the_order_of_the_text_and_do_not_overlap(told):
    for _, found in told:
        for before, after in zip(found, found[1:], strict=False):
            assert before.start < before.stop <= after.start


def test_what_is_mentioned_is_a_word_of_its_list(told):
    for text, found in told:
        for mention in found:
            word = text[mention.start : mention.stop]
            if mention.pronoun:
                assert word in ("She", "He", "Her", "His", "it", "It")
            else:
                options = {option.lower() for option in words.WORDS[mention.kind]}
                assert word.lower() in options


def test_mentions_of_one_thing_bear_the_same_word(told):
    for text, found in told:
        called = {}
        for mention in found:
            if not mention.pronoun:
                word = text[mention.start : mention.stop].lower()
                assert called.setdefault(mention.entity, word) == word


def test_every_she_he_and_it_of_the_told_sentences_is_a_mention(told):
    """But for two: "It was very close" means nothing, and proverbs mean no thing."""
    for text, found in told:
        body = text[: max(m.start for m in found if m.kind == "sayings")]
        marked = {m.start for m in found if m.pronoun}
        for match in re.finditer(r"\b(She|He|Her|His|it|It)\b", body):
            idle = body.startswith("It was very close", match.start())
            assert idle or match.start() in marked, body[match.start() - 30 :]


def test_the_gender_of_a_pronoun_is_that_of_whom_it_means(told):
    for text, found in told:
        names = {m.entity: text[m.start : m.stop] for m in found if not m.pronoun}
        for mention in found:
            if mention.pronoun and mention.kind == "names":
                she = text[mention.start : mention.stop] in ("She", "Her")
                assert she == (names[mention.entity] in words.SHE)


def test_a_pronoun_means_something_that_was_told_before(told):
    counts = Counter()
    for text, found in told:
        for place, mention in enumerate(found):
            if mention.pronoun:
                assert mention.entity in {m.entity for m in found[:place]}, text
                counts[mention.entity] += 1
    assert set(counts) == {"hero", "friend", "thing", "thing2", "contest"}
    assert min(counts.values()) >= 10


def test_a_trade_by_hand():
    """ "Take the red kite for it" means the other thing, though the kite is nearer."""
    found_one = False
    for text, found in stories_with_mentions(300, 0, "train"):
        match = re.search(r"Take the \w+ (\w+) for it!", text)
        if match:
            it = next(m for m in found if m.pronoun and m.stop == match.end() - 1)
            nearest = [m for m in found if m.stop == match.end(1)]
            assert (it.entity, nearest[0].entity) == ("thing2", "thing")
            found_one = True
    assert found_one


def test_the_command_puts_the_meaning_behind_each_pronoun(capsys):
    assert main(["--n", "30"]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"\b(Her|His) \[hero\] ", shown)
    assert re.search(r"\b[Ii]t \[thing\]", shown)


@pytest.mark.parametrize("wrong", [["--n", "-1"], ["--split", "nothing"]])
def test_bad_input_is_one_clear_line(wrong, capsys):
    assert main(wrong) == 2
    assert capsys.readouterr().err.count("\n") == 1
