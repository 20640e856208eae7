"""Exercises of chapter 7. `make exercises CH=07` copies them to answers/ and grades."""

from collections.abc import Sequence

from ch02_tokenization.tokenization import Tokenizer


def render_chat(
    messages: Sequence[dict[str, str]], tokenizer: Tokenizer
) -> tuple[list[int], list[bool]]:
    """Write a conversation as tokens, and mark those that the model itself must say.

    The whole begins with end-of-text; then comes, for each message, the token of its
    role, its content and `<|end|>`. Marked are the contents of the assistant's messages
    and the `<|end|>` behind each. Text that looks like a special token stays text.

    Raises:  ValueError if a role is not system, user or assistant.

    Hint: build both lists message by message, so that they never differ in length.
    `tokenizer.special_id` knows the special tokens, and `encode` takes a second
    argument that decides whether they are read in text.
    """
    raise NotImplementedError("exercise 7.1")


def fit_conversation(
    messages: Sequence[dict[str, str]], tokenizer: Tokenizer, room: int
) -> list[dict[str, str]]:
    """Drop the oldest exchanges until the prompt has at most `room` tokens.

    The prompt is the conversation with the assistant's turn opened. A system message at
    the beginning stays, and so does the last message; in between, a user's message and
    the answer to it go together, the oldest first, and no more of them than needed. The
    list that was given is left as it is.

    Raises:  ValueError if not even the last message fits.

    Hint: `len(chat_prompt(messages, tokenizer))` from the chapter counts the tokens,
    the opened turn included. Set the system message aside before you drop two by two.
    """
    raise NotImplementedError("exercise 7.2")


def paired_interval(
    before: Sequence[bool],
    after: Sequence[bool],
    level: float = 0.95,
    samples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the bootstrap interval of the gain, mean(after) - mean(before).

    Both models answered the same questions: `before[i]` and `after[i]` say whether
    question i was answered rightly. Draw *questions*, so that a hard one is hard for
    both, and take the percentile interval of the gains.

    Raises:  ValueError if the two do not have the same number of answers, or none.

    Hint: a gain is the mean of the differences after[i] - before[i], so there is only
    one list to draw from.
    """
    raise NotImplementedError("exercise 7.3")
