"""Decontamination: how much of a training text can be read in an evaluation set.

A model that met the exam during training is not examined. The field's rule is plain:
two texts overlap where they share n words in a row, 13 of them in most reports, since
that many agree by chance almost never. Case and punctuation do not count, so that a
leaked question is found even in another layout.
"""

import argparse
import re
from collections.abc import Iterable, Iterator

from ch01_data.files import run_command, write_json
from ch01_data.sources import read_documents

MIN_WORDS = (
    8  # an evaluation text shorter than this is too common a phrase to be a leak
)
_WORD = re.compile(r"\w+")


def words_of(text: str) -> list[str]:
    """Return the words of a text, lower case and without punctuation."""
    return _WORD.findall(text.casefold())


class EvaluationIndex:
    """All n-grams of an evaluation set, to hold many training texts against.

    A training text of fewer than n words is looked for as a whole, and so is an
    evaluation text of 8 to n-1 words. What has fewer than 8 words is found only where
    it is the same.
    """

    def __init__(self, eval_texts: Iterable[str], ngram: int = 13) -> None:
        if ngram < 1:
            raise ValueError(f"ngram is {ngram}, must be at least 1 word")
        self.ngram = ngram
        self.shortest = min(MIN_WORDS, ngram)
        self._texts = {tuple(words_of(text)) for text in eval_texts}
        self._windows: dict[int, set[tuple[str, ...]]] = {}
        self._whole: dict[int, set[tuple[str, ...]]] = {}
        for words in self._texts:
            if self.shortest <= len(words) < ngram:
                self._whole.setdefault(len(words), set()).add(words)

    def overlap(self, text: str) -> float:
        """Return the share of the text's words that lie in a shared n-gram, 0 to 1."""
        words = tuple(words_of(text))
        if len(words) < self.shortest:
            return float(bool(words) and words in self._texts)
        size = min(self.ngram, len(words))
        covered = bytearray(len(words))
        _cover(covered, words, size, self._windows_of(size))
        for length, grams in self._whole.items():
            _cover(covered, words, length, grams)
        return sum(covered) / len(words)

    def _windows_of(self, size: int) -> set[tuple[str, ...]]:
        if size not in self._windows:
            self._windows[size] = {
                window for words in self._texts for window in _runs(words, size)
            }
        return self._windows[size]


def overlap(text: str, eval_texts: Iterable[str], ngram: int = 13) -> float:
    """Return the share of a text's words that an evaluation set also holds, 0 to 1.

    A word counts if it lies in `ngram` words in a row that both have. For many texts
    against one evaluation set, make an EvaluationIndex once.
    Source:  Touvron et al. 2023, Llama 2, section A.6 (share of contaminated tokens);
             Brown et al. 2020, GPT-3, appendix C (13-grams, at least 8).
    """
    return EvaluationIndex(eval_texts, ngram).overlap(text)


def _runs(words: tuple[str, ...], size: int) -> Iterator[tuple[str, ...]]:
    return (words[start : start + size] for start in range(len(words) - size + 1))


def _cover(
    covered: bytearray,
    words: tuple[str, ...],
    size: int,
    grams: set[tuple[str, ...]],
) -> None:
    """Mark the words of every window that is among the n-grams."""
    for start, window in enumerate(_runs(words, size)):
        if window in grams:
            covered[start : start + size] = b"\1" * size


def main(argv: list[str] | None = None) -> int:
    """Name the documents of a source that overlap with an evaluation set."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--source", required=True, help="pylib, a file, folder or glob")
    parser.add_argument(
        "--evaluation", required=True, help="file or folder of exam texts"
    )
    parser.add_argument("--ngram", type=int, default=13, help="words in a row")
    parser.add_argument("--threshold", type=float, default=0.1, help="share of words")
    parser.add_argument(
        "--out", help="write document names and shares to this JSON file"
    )
    arguments = parser.parse_args(argv)

    def command() -> None:
        exam = (document.text for document in read_documents(arguments.evaluation))
        index = EvaluationIndex(exam, arguments.ngram)
        shares = {d.id: index.overlap(d.text) for d in read_documents(arguments.source)}
        leaks = {name: x for name, x in shares.items() if x >= arguments.threshold}
        for name, share in leaks.items():
            print(f"{share:6.1%}  {name}")
        print(f"{len(leaks):,} of {len(shares):,} documents overlap")
        if arguments.out:
            write_json(arguments.out, leaks)

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
