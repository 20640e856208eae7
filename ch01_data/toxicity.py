"""Insults: a word list that knows what it knows, and a classifier that guesses on.

The list is exact, fast and blind to every word that is not on it. The classifier learns
from examples what stands around an insult ("you absolute ...") and what insults are
made of, and finds words that nobody listed; it also errs, on words that look alike and
on people who quote. Both are shown here on insults that were invented for this book.

A text is judged by its two worst sentences: an insult does not become kinder by
standing in a long page.
"""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ch01_data.classifier import HashedClassifier
from ch01_data.files import run_command
from ch01_data.rules import View
from ch01_data.sources import read_documents, read_texts
from ch01_data.word_lists import read_list

SENTENCE = 100  # characters: a window is a sentence, or a few short ones
PENALTY = 1e-4  # less than of whole texts: one word may decide
THRESHOLD = 0.42  # 1 of 100 modules has more, and 98 of 100 insulting pages
INSULT_LISTED, INSULT_LEARNED = "insult_listed", "insult_learned"
_ENDINGS = ("s", "es", "ish", "like", "y")


def insults_in(text: str | View, words: Iterable[str] | None = None) -> list[str]:
    """Return the listed words that a text holds, sorted, each once.

    Case does not count, nor does an ending such as the plural's: "Bogwits!" holds
    bogwit. The list is this book's bad_words unless another is given.
    """
    listed = read_list("bad_words") if words is None else frozenset(words)
    view = text if isinstance(text, View) else View.of(text)
    if not any(map(view.lower.__contains__, listed)):  # which is soon seen
        return []
    found = listed & view.vocabulary
    found |= listed.intersection(_stems(view.vocabulary))
    return sorted(found)


def _stems(vocabulary: Iterable[str]) -> Iterator[str]:
    """Yield the words that have one of the endings, without it."""
    for word in vocabulary:
        if word.endswith(_ENDINGS):
            yield from map(word.removesuffix, _ENDINGS)


def insult_flags(text: str | View, words: Iterable[str] | None = None) -> list[str]:
    """Return ["insult_listed"] for a text with a word of the list, else []."""
    return [INSULT_LISTED] if insults_in(text, words) else []


class ToxicityModel(NamedTuple):
    """A classifier of insults, and from which probability on it speaks."""

    classifier: HashedClassifier
    threshold: float = THRESHOLD

    @classmethod
    def fit(cls, texts: Sequence[str], labels: Sequence[bool]) -> "ToxicityModel":
        """Learn what an insult is from texts that hold some (True) and others (False).

        Raises:  ValueError if only one of the two labels occurs.
        """
        return cls(
            HashedClassifier.fit(texts, labels, window=SENTENCE, penalty=PENALTY)
        )

    def flags_of(self, texts: Sequence[str]) -> list[list[str]]:
        """Return ["insult_learned"] for each text in which insults are likely."""
        scores = self.classifier.scores(texts)
        return [[INSULT_LEARNED] * bool(score >= self.threshold) for score in scores]


def toxicity_flags(
    text: str,
    words: Iterable[str] | None = None,
    model: ToxicityModel | None = None,
) -> list[str]:
    """Return why a text is toxic: ["insult_listed"], ["insult_learned"], both or []."""
    flags = insult_flags(text, words)
    return flags + model.flags_of([text])[0] if model is not None else flags


def main(argv: list[str] | None = None) -> int:
    """Name the documents of a source that a list, and examples, call toxic."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--source", required=True, help="pylib, a file, folder or glob")
    parser.add_argument("--words", default="bad_words", help="list, one word a line")
    parser.add_argument("--toxic", help="texts with insults to learn from (.jsonl)")
    parser.add_argument("--clean", help="texts without insults to learn from (.jsonl)")
    arguments = parser.parse_args(argv)

    def command() -> None:
        words, model = read_list(arguments.words), None
        if bool(arguments.toxic) != bool(arguments.clean):
            raise ValueError("--toxic and --clean go together; name both or neither")
        if arguments.toxic:
            bad, good = (
                list(read_texts(p)) for p in (arguments.toxic, arguments.clean)
            )
            labels = [True] * len(bad) + [False] * len(good)
            model = ToxicityModel.fit(bad + good, labels)
        total = flagged = 0
        for document in read_documents(arguments.source):
            flags = toxicity_flags(document.text, words, model)
            total += 1
            flagged += bool(flags)
            if flags:
                print(f"{document.id}: {', '.join(flags)}")
        print(f"{flagged:,} of {total:,} documents")

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
