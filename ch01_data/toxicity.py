"""Insults: a word list that knows what it knows, and a classifier that guesses on.

The list is exact, fast and blind to every word that is not on it. The classifier learns
from examples what stands around an insult ("you absolute ...") and what insults are made
of, and finds words that nobody listed; it also errs, on words that look alike and on
people who quote. Both are shown here on insults that were invented for this book.

A text is judged by its worst sentence: one insult does not become kinder by standing in
a long page.
"""

import argparse
from collections.abc import Iterable, Sequence

from ch01_data.classifier import HashedClassifier
from ch01_data.files import run_command
from ch01_data.rules import View
from ch01_data.sources import read_documents, read_texts
from ch01_data.word_lists import read_list

SENTENCE = 60  # characters: a window is a sentence, or a few short ones
THRESHOLD = 0.5
_ENDINGS = ("s", "es", "ish", "like", "y")


def insults_in(text: str, words: Iterable[str] | None = None) -> list[str]:
    """Return the listed words that a text holds, sorted, each once.

    Case does not count, nor does an ending such as the plural's: "Bogwits!" holds
    bogwit. The list is this book's bad_words unless another is given.
    """
    listed = frozenset(read_list("bad_words") if words is None else words)
    vocabulary = View.of(text).vocabulary
    found = listed & vocabulary
    for ending in _ENDINGS:
        stems = {
            word.removesuffix(ending) for word in vocabulary if word.endswith(ending)
        }
        found |= listed & stems
    return sorted(found)


def fit_toxicity(texts: Sequence[str], labels: Sequence[bool]) -> HashedClassifier:
    """Learn what an insult is from texts that hold some (True) and others (False).

    Raises:  ValueError if only one of the two labels occurs.
    """
    return HashedClassifier.fit(texts, labels, window=SENTENCE)


def toxicity_flags(
    text: str,
    words: Iterable[str] | None = None,
    model: HashedClassifier | None = None,
    threshold: float = THRESHOLD,
) -> list[str]:
    """Return why a text is toxic: ["insult_listed"], ["insult_learned"], both or []."""
    flags = ["insult_listed"] if insults_in(text, words) else []
    if model is not None and model.score(text) >= threshold:
        flags.append("insult_learned")
    return flags


def main(argv: list[str] | None = None) -> int:
    """Name the documents of a source that a list, or a list and examples, call toxic."""
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
            model = fit_toxicity(bad + good, labels)
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
