"""Evaluation: ask about stories whose truth is known, count, and say how sure we are.

No judge is needed: the world that told the story also knows the answers.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from ch01_data.storyworld import UNANSWERABLE, Question, Story, generate
from ch02_tokenization.tokenization import Tokenizer
from ch04_transformer.transformer import Transformer
from ch06_generation import generation


class Asked(NamedTuple):
    """A question, the story that it is about, and the answer that was given."""

    story: str
    question: Question
    answer: str

    @property
    def correct(self) -> bool:
        """Whether the answer is the true one, to the letter."""
        return self.answer == self.question.answer


def normalise(answer: str) -> str:
    """Drop space around an answer, and whatever follows its first line."""
    return answer.strip().split("\n")[0].strip()


def bootstrap_interval(
    values: Sequence[float],
    level: float = 0.95,
    samples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the interval in which the mean lies in `level` of resampled data sets.

    Raises:  ValueError if there are no values.
    Source:  Efron 1979; percentile interval.
    """
    if len(values) == 0:
        raise ValueError("an interval needs at least one value, none was given")
    data = np.asarray(values, dtype=float)
    generator = np.random.default_rng(seed)
    means = np.empty(samples)
    for i in range(samples):
        means[i] = data[generator.integers(0, len(data), len(data))].mean()
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def accuracy_by_kind(asked: Iterable[Asked]) -> dict[str, float]:
    """Return the share of correct answers to answerable questions, kind by kind."""
    outcomes = defaultdict(list)
    for each in asked:
        if each.question.answerable:
            outcomes[each.question.kind].append(each.correct)
    return {kind: float(np.mean(outcomes[kind])) for kind in sorted(outcomes)}


def story_interval(
    outcomes: Sequence[tuple[str, str, bool]],
) -> tuple[float, tuple[float, float]]:
    """Return the mean over kinds of their shares of True, and its 95 % interval.

    An outcome names its story and its kind. Whole stories are drawn again with
    replacement: answers about one story succeed and fail together, and to draw them one
    by one would promise more certainty than there is.

    Raises:  ValueError if there are no outcomes.
    Source:  the cluster bootstrap: Davison and Hinkley 1997, section 3.8.
    """
    if not outcomes:
        raise ValueError("an interval needs at least one outcome, none was given")
    story_names, kind_names, true = zip(*outcomes, strict=True)
    stories, story_of = np.unique(story_names, return_inverse=True)
    kinds, kind_of = np.unique(kind_names, return_inverse=True)
    hits, counts = np.zeros((2, len(stories), len(kinds)))
    np.add.at(hits, (story_of, kind_of), true)
    np.add.at(counts, (story_of, kind_of), 1)
    even = np.full(len(stories), 1 / len(stories))
    draws = np.random.default_rng(0).multinomial(len(stories), even, 2000)
    asked = draws @ counts  # how often each kind came up in each drawing
    with np.errstate(invalid="ignore"):
        means = np.nanmean(draws @ hits / asked, axis=1)  # a kind may not come up
    low, high = np.quantile(means, [0.025, 0.975])
    rate = float(np.mean(hits.sum(axis=0) / counts.sum(axis=0)))
    return rate, (float(low), float(high))


def mean_accuracy(asked: Iterable[Asked]) -> tuple[float, tuple[float, float]]:
    """Return the mean over kinds of their accuracies, and its 95 % interval."""
    answerable = [each for each in asked if each.question.answerable]
    return story_interval([(e.story, e.question.kind, e.correct) for e in answerable])


def refusal_rate(
    asked: Iterable[Asked], answerable: bool
) -> tuple[float, tuple[float, float]]:
    """Return how often "the story does not say" was the answer, with its interval.

    On unanswerable questions this is honesty; on answerable ones, false refusal.
    """
    return story_interval(
        [
            (each.story, "any", each.answer == UNANSWERABLE)
            for each in asked
            if each.question.answerable is answerable
        ]
    )


def exam(n_stories: int, seed: int, split: str) -> list[tuple[Story, Question]]:
    """Draw stories and list every question about them."""
    return [
        (story, question)
        for story in generate(n_stories, seed, split)
        for question in story.questions
    ]


def ask(
    model: Transformer,
    tokenizer: Tokenizer,
    questions: Sequence[tuple[Story, Question]],
    prompt: Callable[[str, str], list[int]],
    *,
    stop: Collection[int],
    max_new_tokens: int = 16,
    temperature: float = 0.0,
    batch_size: int = 128,
    generator: torch.Generator | None = None,
) -> list[Asked]:
    """Put each question to the model and collect its answers, in order.

    `prompt` turns a story's text and a question's text into token ids. Prompts of
    like length go together, padded on the left.
    """
    prompts = [prompt(story.text, question.text) for story, question in questions]
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    answers = [""] * len(prompts)
    pad = tokenizer.end_of_text_id
    for start in range(0, len(order), batch_size):
        indices = order[start : start + batch_size]
        longest = len(prompts[indices[-1]])
        padding = [longest - len(prompts[i]) for i in indices]
        rows = [[pad] * p + prompts[i] for p, i in zip(padding, indices, strict=True)]
        new = generation.generate(
            model,
            torch.tensor(rows),
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            stop=stop,
            generator=generator,
            left_padding=torch.tensor(padding),
        )
        for i, ids in zip(indices, new.tolist(), strict=True):
            ends = [ids.index(token) for token in stop if token in ids]
            answers[i] = normalise(tokenizer.decode(ids[: min(ends, default=None)]))
    return [
        Asked(story.text, question, answer)
        for (story, question), answer in zip(questions, answers, strict=True)
    ]


def prose_prompt(tokenizer: Tokenizer) -> Callable[[str, str], list[int]]:
    """Ask in the form of the base corpus: plain prose, no chat template."""

    def prompt(story: str, question: str) -> list[int]:
        text = f"{story}\n\nQuestion: {question}\nAnswer:"
        ids = tokenizer.encode(text, allowed_special=set())
        return [tokenizer.end_of_text_id, *ids]

    return prompt


def blind_baseline(
    n_stories: int, seed: int, questions: Sequence[tuple[Story, Question]]
) -> tuple[float, float]:
    """Answer without reading the story: chance and best blind guess, mean over kinds.

    Chance guesses evenly among the answers that a kind ever has. The blind guess is
    the better of the kind's most common answer and the most common answer to exactly
    these words, both counted on training stories.
    """
    by_kind, by_words = defaultdict(Counter), defaultdict(Counter)
    for _, question in exam(n_stories, seed, "train"):
        if question.answerable:
            by_kind[question.kind][question.answer] += 1
            by_words[question.text][question.answer] += 1
    hits = {"kind": defaultdict(list), "words": defaultdict(list)}
    for _, question in questions:
        if question.answerable and by_kind[question.kind]:
            common = by_kind[question.kind].most_common(1)
            words = by_words[question.text].most_common(1) or common
            for name, guess in (("kind", common), ("words", words)):
                hits[name][question.kind].append(guess[0][0] == question.answer)
    chance = float(np.mean([1 / len(answers) for answers in by_kind.values()]))
    guesses = [np.mean([np.mean(v) for v in h.values()]) for h in hits.values()]
    return chance, float(max(guesses))
