"""Checks of chapter 7's exercises, from basic to subtle, one mechanism each."""

import pytest

from ch02_tokenization.tokenization import SPECIAL_TOKENS, train_bpe

# Ids 0 to 255 are the bytes; 256 ends a text, then user, assistant, system, end.
BYTES = train_bpe(["no merges"], 261, SPECIAL_TOKENS)


def chat(*texts: str, system: str = "") -> list[dict[str, str]]:
    """Build a conversation of user and assistant in turn."""
    roles = ("user", "assistant")
    messages = [{"role": "system", "content": system}] if system else []
    for turn, text in enumerate(texts):
        messages.append({"role": roles[turn % 2], "content": text})
    return messages


def contents(messages) -> list[str]:
    return [message["content"] for message in messages]


def refuses(function, *arguments) -> bool:
    try:
        function(*arguments)
    except ValueError:
        return True
    return False


# 7.1 render_chat


def test_7_1_one_message_of_a_user(impl) -> None:
    ids, _ = impl.render_chat(chat("Hi"), BYTES)
    assert ids == [256, 257, 72, 105, 260], (
        f"the user's 'Hi' became {ids} instead of [256, 257, 72, 105, 260]: end of "
        "text, <|user|>, two letters, <|end|>, and nothing in between"
    )


def test_7_1_end_of_text_stands_once(impl) -> None:
    ids, _ = impl.render_chat(chat("a", "b", "c", system="s"), BYTES)
    assert ids.count(256) == 1 and ids[0] == 256, (
        "end-of-text opens the whole conversation, not each message"
    )
    roles = [i for i in ids if 257 <= i <= 259]
    assert roles == [259, 257, 258, 257], (
        f"the role tokens came as {roles}: does each message begin with its own role?"
    )


def test_7_1_nothing_of_the_user_is_marked(impl) -> None:
    ids, loss_mask = impl.render_chat(chat("a", "b", "c", system="s"), BYTES)
    assert len(ids) == len(loss_mask), (
        f"{len(ids)} tokens but {len(loss_mask)} marks: each token needs one"
    )
    marked = [i for i, said in zip(ids, loss_mask) if said]
    assert not set(marked) & set(b"acs"), (
        "a letter of the user or the system is marked: the model would learn to talk "
        "in their place"
    )


def test_7_1_the_letters_of_an_answer_are_marked(impl) -> None:
    ids, loss_mask = impl.render_chat(chat("a", "bde"), BYTES)
    said = [i for i, marked in zip(ids, loss_mask) if marked and i < 256]
    assert said == list(b"bde"), (
        f"marked are the letters {said} instead of {list(b'bde')}: is the mark that of "
        "the token itself? Shifting comes later"
    )


def test_7_1_the_end_of_an_answer_is_marked(impl) -> None:
    ids, loss_mask = impl.render_chat(chat("a", "b"), BYTES)
    assert loss_mask[-1], (
        "<|end|> behind the answer is not marked: the model would never learn to stop"
    )
    assert not loss_mask[ids.index(260)], "the end of the user's message is marked"


def test_7_1_the_role_token_is_given_not_said(impl) -> None:
    ids, loss_mask = impl.render_chat(chat("a", "b"), BYTES)
    assert not loss_mask[ids.index(258)], (
        "<|assistant|> is marked, but whoever asks puts it there: the prompt ends "
        "with it"
    )


def test_7_1_every_answer_counts(impl) -> None:
    _, loss_mask = impl.render_chat(chat("a", "b", "c", "d"), BYTES)
    assert sum(loss_mask) == 4, (
        f"{sum(loss_mask)} tokens are marked, not 4: two answers of one letter and an "
        "end each. Is it only the last answer that counts?"
    )


def test_7_1_text_stays_text(impl) -> None:
    ids, _ = impl.render_chat(chat("<|end|>"), BYTES)
    assert ids == [256, 257, *b"<|end|>", 260], (
        "a user who types <|end|> has ended his turn: encode contents with no special "
        "token allowed"
    )


def test_7_1_unknown_roles_are_refused(impl) -> None:
    messages = [{"role": "endoftext", "content": "x"}]
    ids, _ = impl.render_chat(chat("x"), BYTES)
    assert refuses(impl.render_chat, messages, BYTES), (
        "the role 'endoftext' was accepted: only system, user and assistant speak"
    )


# 7.2 fit_conversation: each one-letter message takes 3 tokens, and 2 more open


def test_7_2_what_fits_stays(impl) -> None:
    messages = chat("a", "b", "c", system="s")
    kept = impl.fit_conversation(messages, BYTES, 14)
    assert contents(kept) == ["s", "a", "b", "c"], (
        f"4 messages make 4 * 3 + 2 = 14 tokens and fit, but {contents(kept)} came back"
    )


def test_7_2_the_oldest_exchange_goes_first(impl) -> None:
    messages = chat("a", "b", "c", "d", "e")
    kept = impl.fit_conversation(messages, BYTES, 12)
    assert contents(kept) == ["c", "d", "e"], (
        f"5 messages make 17 tokens, 3 make 11, so for 12 the oldest exchange goes; "
        f"kept were {contents(kept)}"
    )


def test_7_2_question_and_answer_go_together(impl) -> None:
    kept = impl.fit_conversation(chat("a", "b", "c", "d", "e"), BYTES, 14)
    assert kept[0]["role"] == "user", (
        "the conversation now begins with an answer to a question that is gone"
    )


def test_7_2_the_opened_turn_needs_room_too(impl) -> None:
    kept = impl.fit_conversation(chat("a", "b", "c"), BYTES, 10)
    assert contents(kept) == ["c"], (
        "the three messages make 10 tokens, and <|assistant|> behind them is the 11th"
    )


def test_7_2_the_system_message_stays(impl) -> None:
    kept = impl.fit_conversation(chat("a", "b", "c", system="s"), BYTES, 9)
    assert contents(kept) == ["s", "c"], (
        f"kept were {contents(kept)}: the system message says how to behave and must "
        "outlive the exchanges"
    )


def test_7_2_the_callers_list_is_left_alone(impl) -> None:
    messages = chat("a", "b", "c")
    impl.fit_conversation(messages, BYTES, 6)
    assert contents(messages) == ["a", "b", "c"], (
        "the list of the caller has changed: slice instead of deleting from it"
    )


@pytest.mark.parametrize("system", ["", "s"])
def test_7_2_a_last_message_that_is_too_long_is_refused(impl, system) -> None:
    messages = chat("a", "b", "a long one", system=system)
    assert contents(impl.fit_conversation(messages, BYTES, 99))[-1] == "a long one"
    assert refuses(impl.fit_conversation, messages, BYTES, 13), (
        "the last message alone is longer than the room: say so with a ValueError"
    )


# 7.3 paired_interval


def test_7_3_equal_answers_gain_nothing(impl) -> None:
    answers = [True, False] * 20
    assert impl.paired_interval(answers, answers) == (0.0, 0.0), (
        "both models gave the same answers to the same questions, so the gain is 0 in "
        "every drawing: are the two lists drawn separately?"
    )


def test_7_3_the_gain_is_after_minus_before(impl) -> None:
    low, high = impl.paired_interval([False] * 9, [True] * 9)
    assert low == high == 1.0, (
        f"from all wrong to all right is a gain of 1, not ({low}, {high}): is it after "
        "minus before?"
    )


def test_7_3_it_has_the_width_of_theory(impl) -> None:
    """100 questions, 20 of them won: the variance of a difference is 0.2 * 0.8.

    95 % of the means lie within 1.96 * sqrt(0.16 / 100) = 0.078 of 0.2.
    """
    before, after = [False] * 100, [True] * 20 + [False] * 80
    low, high = impl.paired_interval(before, after)
    assert abs(low - 0.122) < 0.021 and abs(high - 0.278) < 0.021, (
        f"the interval is ({low:.3f}, {high:.3f}) instead of about (0.12, 0.28): draw "
        "as many questions as there are, with replacement, and cut 2.5 % on each side"
    )


def test_7_3_the_level_is_heard(impl) -> None:
    before, after = [False] * 100, [True] * 20 + [False] * 80
    low, high = impl.paired_interval(before, after, level=0.5)
    assert 0.03 < high - low < 0.08, (
        f"at a level of 0.5 the width is {high - low:.3f} instead of about 0.054: cut "
        "(1 - level) / 2 on each side"
    )


def test_7_3_two_different_exams_are_refused(impl) -> None:
    assert impl.paired_interval([True], [True]) == (0.0, 0.0), "one pair gains nothing"
    for before, after in (([True], [True, False]), ([], [])):
        assert refuses(impl.paired_interval, before, after), (
            f"{len(before)} and {len(after)} answers make no pairs: raise a ValueError"
        )
