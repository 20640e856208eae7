"""Decontamination: how much of a training text can be read in an evaluation set.

A model that met the exam during training is not examined. The field's rule is plain:
two texts overlap where they share n words in a row, 13 of them in most reports, since
that many agree by chance almost never. Case and punctuation do not count, so that a
leaked question is found even in another layout.

Two shares are measured, because either can hide a leak. Of a short page that quotes an
exam, much is exam: the share of the page tells. In a long page the same quotation is
little, and there the share of the one evaluation text that can be read in it tells.
Words in a row that many evaluation texts have are the exam's own form of words, "choose
the right answer", and are no sign of any one text: the second share leaves them out.

Words in a row are numbers of 64 bits in sorted arrays (`shingles`): 100,000 of them are
800 kB, and a batch of texts is looked up at once.
"""

import argparse
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, tee

import numpy as np

from ch01_data.files import run_command, write_json
from ch01_data.shingles import in_batches, span_hashes, windows_of, word_hashes
from ch01_data.sources import read_documents

MIN_WORDS = 8  # a shorter evaluation text is too common a phrase to be a leak
MAX_SHARING = 10  # evaluation texts that may share words which still tell of each
# Shares from which a text is a leak: a fifth of its words (Llama 2's bound for "not
# clean"; formulas that all texts of a kind end with stay below it), or half an exam.
TEXT_SHARE, EVALUATION_SHARE = 0.2, 0.5
APOSTROPHES = "'\u2019"
_WORD = re.compile(r"[^\W_]+")
_PLAIN = {c: chr(c).lower() if chr(c).isalnum() else " " for c in range(128)}
_PLAIN[ord("'")] = ""


def words_of(text: str) -> list[str]:
    """Return the words of a text, lower case and without punctuation.

    An apostrophe joins, any other sign parts: "don't" is one word however it is typed.
    """
    for sign in APOSTROPHES:
        text = text.replace(sign, "")
    return _WORD.findall(text.casefold())


def plain_text(text: str) -> str:
    """Return the words of a text between spaces; in ASCII text many times faster."""
    return text.translate(_PLAIN) if text.isascii() else " ".join(words_of(text))


def read_words(texts: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return a number for each word, and where each text begins among them."""
    return word_hashes([plain_text(text) for text in texts])


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
        self.words, self.bounds = read_words(eval_texts)
        self._windows: dict[int, np.ndarray] = {}
        lengths = np.diff(self.bounds)
        whole = span_hashes(self.words, self.bounds[:-1], self.bounds[1:])
        self._whole = {
            int(n): np.unique(whole[lengths == n])
            for n in np.unique(lengths[(lengths > 0) & (lengths < ngram)])
        }
        self._telling = self._telling_windows()

    def overlap(self, text: str) -> float:
        """Return the share of the text's words that lie in a shared n-gram, 0 to 1."""
        return float(self.overlaps(*read_words([text]))[0])

    def overlaps(self, words: np.ndarray, bounds: np.ndarray) -> np.ndarray:
        """Return the share of each text's words that lie in a shared n-gram.

        The words of text i are `words[bounds[i]:bounds[i + 1]]` of `read_words`.
        """
        lengths = np.diff(bounds)
        change = np.zeros(len(words) + 1, dtype=np.int64)
        for rows, size, table in self._searches(lengths):
            starts = _starts(bounds, rows, size)
            found = starts[_contains(table, span_hashes(words, starts, starts + size))]
            change += np.bincount(found, minlength=len(change))
            change -= np.bincount(found + size, minlength=len(change))
        covered = np.concatenate([[0], np.cumsum(np.cumsum(change[:-1]) > 0)])
        return (covered[bounds[1:]] - covered[bounds[:-1]]) / np.maximum(lengths, 1)

    def _searches(
        self, lengths: np.ndarray
    ) -> Iterator[tuple[np.ndarray, int, np.ndarray]]:
        """Yield (which texts, words in a row, where to look) for all that is sought."""
        yield lengths >= self.ngram, self.ngram, self._windows_of(self.ngram)
        for size in np.unique(lengths[(lengths > 0) & (lengths < self.ngram)]).tolist():
            if size < self.shortest:
                nothing = np.empty(0, dtype=np.uint64)
                yield lengths == size, size, self._whole.get(size, nothing)
            else:
                yield lengths == size, size, self._windows_of(size)
        for size, table in self._whole.items():
            if size >= self.shortest:
                yield lengths >= size, size, table

    def _windows_of(self, size: int) -> np.ndarray:
        """Return the numbers of all runs of `size` words in the evaluation set."""
        if size not in self._windows:
            every = np.diff(self.bounds) >= size
            starts = _starts(self.bounds, every, size)
            self._windows[size] = np.unique(
                span_hashes(self.words, starts, starts + size)
            )
        return self._windows[size]

    def _telling_windows(self) -> "_Telling":
        """Return which n-grams stand in which evaluation text, those of many left out.

        A text shorter than n words is one n-gram, if it has at least 8 words.
        """
        starts, ends, runs = windows_of(self.bounds, self.ngram)
        values = span_hashes(self.words, starts, ends)
        owners = np.repeat(np.arange(len(runs) - 1), np.diff(runs))
        long_enough = ends - starts >= self.shortest
        order = np.lexsort((owners, values))
        order = order[long_enough[order]]
        values, owners = values[order], owners[order]
        again = (values[1:] == values[:-1]) & (owners[1:] == owners[:-1])
        once = np.concatenate([[True], ~again])[: len(values)]
        values, owners = values[once], owners[once]
        _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
        few = counts[which] <= MAX_SHARING
        sizes = np.bincount(owners[few], minlength=len(self.bounds) - 1)
        return _Telling(values[few], owners[few], sizes)

    def contained(
        self, words: np.ndarray, bounds: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return how much of one evaluation text is in each text, and of which one.

        The share is that of the evaluation text's n-grams, 0 to 1; of several texts it
        is the largest. Where none is found the share is 0 and the number -1.
        """
        lengths = np.diff(bounds)
        sizes = [n for n in self._whole if n >= self.shortest] + [self.ngram]
        found = [np.empty((2, 0), dtype=np.int64)]
        for size in sizes:
            starts = _starts(bounds, lengths >= size, size)
            values = span_hashes(words, starts, starts + size)
            readers = np.searchsorted(bounds, starts, side="right") - 1
            found.append(self._telling.owners_of(values, readers))
        return self._telling.largest_share(np.concatenate(found, axis=1), len(lengths))


@dataclass(frozen=True)
class _Telling:
    """N-grams in order, the evaluation text of each, and how many each text has."""

    values: np.ndarray
    owners: np.ndarray
    sizes: np.ndarray

    def owners_of(self, values: np.ndarray, readers: np.ndarray) -> np.ndarray:
        """Return (reader, place of the n-gram) for every n-gram that is known."""
        known = _contains(self.values, values)
        values, readers = values[known], readers[known]
        first = np.searchsorted(self.values, values)
        counts = np.searchsorted(self.values, values, side="right") - first
        begins = np.cumsum(counts) - counts
        places = np.arange(counts.sum()) + np.repeat(first - begins, counts)
        return np.stack([np.repeat(readers, counts), places])

    def largest_share(
        self, found: np.ndarray, n_readers: int
    ) -> tuple[np.ndarray, np.ndarray]:
        shares, which = np.zeros(n_readers), np.full(n_readers, -1)
        reader, place = found
        n_values, n_texts = max(len(self.values), 1), max(len(self.sizes), 1)
        once = np.unique(reader * n_values + place)
        pairs = once // n_values * n_texts + self.owners[once % n_values]
        pairs, counts = np.unique(pairs, return_counts=True)
        reader, owner = pairs // n_texts, pairs % n_texts
        each = counts / self.sizes[owner]
        order = np.lexsort((-owner, each))  # the largest last, and then the first text
        shares[reader[order]] = each[order]
        which[reader[order]] = owner[order]
        return shares, which


def overlap(text: str, eval_texts: Iterable[str], ngram: int = 13) -> float:
    """Return the share of a text's words that an evaluation set also holds, 0 to 1.

    A word counts if it lies in `ngram` words in a row that both have. For many texts
    against one evaluation set, make an EvaluationIndex once.
    Source:  Touvron et al. 2023, Llama 2, section A.6 (share of contaminated tokens);
             Brown et al. 2020, GPT-3, appendix C (13-grams, at least 8).
    """
    return EvaluationIndex(eval_texts, ngram).overlap(text)


@dataclass(frozen=True)
class Leak:
    """What a training text has of an evaluation set.

    Units:  both are shares from 0 to 1: `of_text` of the training text's words, and
            `of_evaluation` of the n-grams of evaluation text number `evaluation`.
    """

    of_text: float
    of_evaluation: float
    evaluation: int

    def reaches(
        self,
        text_share: float = TEXT_SHARE,
        evaluation_share: float = EVALUATION_SHARE,
    ) -> bool:
        """Tell whether either share is large enough to call this a leak."""
        return self.of_text >= text_share or self.of_evaluation >= evaluation_share


def find_leaks(texts: Sequence[str], index: EvaluationIndex) -> list[Leak]:
    """Measure each text against the evaluation set: pure, batch by batch."""
    read = read_words(texts)
    shares = index.overlaps(*read).tolist()
    parts, which = (column.tolist() for column in index.contained(*read))
    return [Leak(*values) for values in zip(shares, parts, which, strict=True)]


def _starts(bounds: np.ndarray, rows: np.ndarray, size: int) -> np.ndarray:
    """Return where runs of `size` words begin in the chosen texts, all long enough."""
    counts = np.where(rows, np.diff(bounds) - size + 1, 0)
    begins = np.cumsum(counts) - counts
    return np.arange(counts.sum()) + np.repeat(bounds[:-1] - begins, counts)


def _contains(table: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Tell of each value whether it is in the table, which is in order."""
    if not len(table):
        return np.zeros(len(values), dtype=bool)
    places = np.minimum(np.searchsorted(table, values), len(table) - 1)
    return table[places] == values


def main(argv: list[str] | None = None) -> int:
    """Name the documents of a source that overlap with an evaluation set."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    add = parser.add_argument
    add("--source", required=True, help="pylib, a file, folder or glob")
    add("--evaluation", required=True, help="file or folder of exam texts")
    add("--ngram", type=int, default=13, help="words in a row")
    add(
        "--threshold",
        type=float,
        default=TEXT_SHARE,
        help="share of a document's words",
    )
    add(
        "--contained",
        type=float,
        default=EVALUATION_SHARE,
        help="share of one exam text",
    )
    add("--out", help="write document names and shares to this JSON file")
    arguments = parser.parse_args(argv)

    def command() -> None:
        exam = list(read_documents(arguments.evaluation))
        index = EvaluationIndex((d.text for d in exam), arguments.ngram)
        total, leaks = 0, {}
        documents, again = tee(read_documents(arguments.source))
        batches = in_batches(document.text for document in again)
        found = chain.from_iterable(find_leaks(batch, index) for batch in batches)
        for document, leak in zip(documents, found):
            total += 1
            if leak.reaches(arguments.threshold, arguments.contained):
                leaks[document.id] = asdict(leak)
                if leak.evaluation >= 0:
                    leaks[document.id]["evaluation"] = exam[leak.evaluation].id
                print(f"{leak.of_text:6.1%} {leak.of_evaluation:6.1%}  {document.id}")
        print(f"{len(leaks):,} of {total:,} documents overlap")
        if arguments.out:
            write_json(arguments.out, leaks)

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
