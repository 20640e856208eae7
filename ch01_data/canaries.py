"""Canaries: sentences planted to learn later what a model has kept by heart.

Did a model memorise a text, or would it have guessed it? For a real text nobody knows.
A canary is drawn at random from a space whose size is known:

    The code of the old safe is two nine zero four one one seven three eight.

There are 10^9 such sentences, and before training each is as good as any other. Plant
one of them; if the trained model then finds it likelier than all but `rank - 1` of the
others, it has been told log2(10^9) - log2(rank) bits of it. This is the exposure: 29.9
bits when the canary is the model's first guess among a thousand million, and seldom
more than a few for what was never seen, since then every rank is as likely and more
than b bits come up once in 2^b times.

Canaries are planted after all cleaning, 0, 1, 2, 4, ... times each, every copy in
another document; those planted 0 times are the control. A record says which and where.
"""

import argparse
import json
import math
import random
import re
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ch01_data.files import atomic_path, run_command, write_json
from ch01_data.sources import Document, read_documents
from ch01_data.spool import row_of

DIGITS = tuple("zero one two three four five six seven eight nine".split())
COPIES = (0, 1, 2, 4, 8, 16)
SMALL_SPACE = 10_000
_SENTENCE_END = re.compile(r"(?<=[.!?])(?=\s)")


@dataclass(frozen=True)
class CanarySpace:
    """All sentences of one form: fixed words around so many free ones.

    The number of a sentence is what its free words spell in the base of the list of
    words: 0 to size - 1, so that the space can be gone through, or drawn from.
    """

    before: str = "The code of the old safe is"
    words: tuple[str, ...] = DIGITS
    length: int = 9
    after: str = "."

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", tuple(self.words))
        if len(set(self.words)) < max(len(self.words), 2) or self.length < 1:
            raise ValueError(
                f"{self.length} places for {len(set(self.words))} different of "
                f"{len(self.words)} words; a space needs 1 place and 2 different words"
            )

    @property
    def size(self) -> int:
        """The number of sentences."""
        return len(self.words) ** self.length

    def sentence(self, number: int) -> str:
        """Return the sentence of this number.

        Raises:  ValueError if there is none.
        """
        if not 0 <= number < self.size:
            raise ValueError(f"sentence {number} of {self.size}: give 0 to size - 1")
        free = []
        for _ in range(self.length):
            number, digit = divmod(number, len(self.words))
            free.append(self.words[digit])
        return f"{self.before} {' '.join(reversed(free))}{self.after}"

    def number(self, sentence: str) -> int:
        """Return the number of this sentence.

        Raises:  ValueError if the sentence is none of this space.
        """
        start, end = len(self.before) + 1, len(sentence) - len(self.after)
        free = sentence[start:end].split(" ")
        if set(free) <= set(self.words) and len(free) == self.length:
            number = 0
            for word in free:
                number = number * len(self.words) + self.words.index(word)
            if self.sentence(number) == sentence:
                return number
        raise ValueError(f"{sentence!r} is not of the form {self.sentence(0)!r}")

    def sample(self, n: int, seed: int | str = 0) -> list[str]:
        """Return n different sentences; a longer sample begins with the shorter one.

        Raises:  ValueError if the space has fewer.
        """
        if not 0 <= n <= self.size:
            raise ValueError(f"{n} different sentences of a space of {self.size}")
        rng = random.Random(f"canaries {seed}")
        if self.size <= SMALL_SPACE:  # drawing the last ones would take long
            every = rng.sample(range(self.size), self.size)
            return [self.sentence(number) for number in every[:n]]
        chosen: dict[int, None] = {}
        while len(chosen) < n:
            chosen[rng.randrange(self.size)] = None
        return [self.sentence(number) for number in chosen]


@dataclass(frozen=True)
class Canary:
    """One planted sentence and the places, from 0, of the documents that hold it."""

    sentence: str
    documents: tuple[int, ...]


def make_canaries(n: int, seed: int = 0, space: CanarySpace | None = None) -> list[str]:
    """Return n different random sentences of a space, the same for the same seed.

    Source:  Carlini et al. 2019, The Secret Sharer, section 4.
    """
    return (space or CanarySpace()).sample(n, seed)


def plan_canaries(
    n_documents: int,
    copies: Sequence[int] = COPIES,
    each: int = 1,
    *,
    seed: int = 0,
    space: CanarySpace | None = None,
) -> list[Canary]:
    """Decide what is planted where: `each` canaries for every number of copies.

    No document gets two. Depends on the arguments alone, so that any process may plant
    any part of it.
    Raises:  ValueError if there are too few documents, or a count is negative.
    """
    counts = [count for count in copies for _ in range(each)]
    total = sum(counts)
    if min(counts, default=0) < 0 or each < 1:
        raise ValueError(f"copies {tuple(copies)} of {each} canaries: none below 0")
    if total > n_documents:
        raise ValueError(
            f"{total} copies of canaries need as many documents, there are "
            f"{n_documents}; plant fewer copies"
        )
    rng = random.Random(f"canary places {seed}")
    places = iter(rng.sample(range(n_documents), total))
    sentences = make_canaries(len(counts), seed, space)
    return [
        Canary(sentence, tuple(sorted(next(places) for _ in range(count))))
        for sentence, count in zip(sentences, counts, strict=True)
    ]


def plant_canaries(
    documents: Iterable[Document],
    plan: Iterable[Canary],
    *,
    seed: int = 0,
    first: int = 0,
) -> Iterator[Document]:
    """Yield the documents with the canaries of the plan in them.

    `first` is the place of the first document, when these are a part of the corpus. A
    document whose probability was known loses it, since its text is another one now.
    """
    wanted = {place: canary.sentence for canary in plan for place in canary.documents}
    for place, document in enumerate(documents, start=first):
        sentence = wanted.get(place)
        if sentence is not None:
            rng = random.Random(f"canary {seed} {place}")
            text = insert_sentence(document.text, sentence, rng)
            document = replace(document, text=text, log_prob=None)
        yield document


def insert_sentence(text: str, sentence: str, rng: random.Random) -> str:
    """Return the text with the sentence behind one of its sentences, or at its end."""
    ends = [found.start() for found in _SENTENCE_END.finditer(text)]
    place = rng.choice([*ends, len(text.rstrip())])
    between = " " if place else ""
    return text[:place] + between + sentence + text[place:]


def canary_record(
    plan: Sequence[Canary],
    ids: Sequence[str],
    *,
    seed: int = 0,
    space: CanarySpace | None = None,
) -> dict:
    """Return what was planted where as plain values; `ids` in the order of documents.

    The size of the space stands in it, and for every canary its number, its copies and
    the documents that hold them.
    """
    space = space or CanarySpace()
    canaries = [
        {
            "sentence": canary.sentence,
            "number": space.number(canary.sentence),
            "copies": len(canary.documents),
            "places": list(canary.documents),
            "documents": [ids[place] for place in canary.documents],
        }
        for canary in plan
    ]
    described = {**asdict(space), "words": list(space.words), "size": space.size}
    return {"seed": seed, "space": described, "canaries": canaries}


def read_canary_record(path: str | Path) -> tuple[CanarySpace, list[Canary]]:
    """Return the space and the canaries that a record tells of.

    Raises:  ValueError if the file is no such record.
    """
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
        described = dict(record["space"])
        size = described.pop("size")
        space = CanarySpace(**described)
        plan = [Canary(c["sentence"], tuple(c["places"])) for c in record["canaries"]]
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is no record of canaries: {error!r}") from error
    if space.size != size:
        raise ValueError(f"{path}: the space has {space.size} sentences, not {size}")
    for canary in plan:
        space.number(canary.sentence)
    return space, plan


def exposure(rank: int, space_size: int) -> float:
    """Return how much a model has been told of a sentence of this rank in its space.

    The rank is 1 for the likeliest sentence of all.

    Units:   bits, from 0 to log2(space_size).
    Raises:  ValueError if the rank is not between 1 and the size of the space.
    Source:  Carlini et al. 2019, The Secret Sharer, section 4.
    """
    if not 1 <= rank <= space_size:
        raise ValueError(f"rank {rank} in a space of {space_size}: give 1 to its size")
    return math.log2(space_size) - math.log2(rank)


def sampled_exposure(log_perplexity: float, others: Sequence[float]) -> float:
    """Estimate the exposure from the log-perplexities of other random sentences.

    Of the canary and m others, the canary's rank is as good as one in the whole space,
    but cannot tell more than log2(m + 1) bits: beyond, see `fitted_exposure`.

    Units:   bits; log-perplexities all in the same unit.
    Raises:  ValueError if there are no others.
    Source:  Carlini et al. 2019, section 4 (approximation by sampling).
    """
    if not others:
        raise ValueError("no log-perplexities of other sentences were given")
    rank = 1 + sum(other <= log_perplexity for other in others)
    return exposure(rank, len(others) + 1)


def fitted_exposure(
    log_perplexity: float, others: Sequence[float], space_size: int
) -> float:
    """Estimate the exposure from a normal distribution fitted to other sentences.

    The share of the space that is likelier than the canary is read off the fitted
    curve, so that a sample of thousands tells of a space of thousand millions. It is an
    extrapolation, and at most what the space allows.

    Units:   bits, from 0 to log2(space_size).
    Raises:  ValueError if fewer than two others were given, or all are equal.
    Source:  Carlini et al. 2019, section 4 (they fit a skew normal distribution).
    """
    if len(others) < 2 or min(others) == max(others):
        raise ValueError("give at least two different log-perplexities to fit a curve")
    mean, spread = statistics.fmean(others), statistics.stdev(others)
    score = (mean - log_perplexity) / spread / math.sqrt(2)
    most = math.log2(space_size)
    share = math.erfc(score) / 2  # of the space that is likelier than the canary
    return min(-math.log2(share), most) if share > 0 else most


def main(argv: list[str] | None = None) -> int:
    """Plant canaries in the documents of a source and write the record of them."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    add = parser.add_argument
    add("--source", required=True, help="pylib, a file, folder or glob")
    add("--out", required=True, help="folder for documents.jsonl and canaries.json")
    add("--copies", default=",".join(map(str, COPIES)), help="copies, comma-separated")
    add("--each", type=int, default=1, help="canaries for every number of copies")
    add("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)

    def command() -> None:
        copies = [int(count) for count in arguments.copies.split(",")]
        ids = [document.id for document in read_documents(arguments.source)]
        seed, out = arguments.seed, Path(arguments.out)
        plan = plan_canaries(len(ids), copies, arguments.each, seed=seed)
        documents = plant_canaries(read_documents(arguments.source), plan, seed=seed)
        with (
            atomic_path(out / "documents.jsonl") as path,
            open(path, "wb") as file,
        ):
            for document in documents:
                file.write(row_of(document))
        write_json(out / "canaries.json", canary_record(plan, ids, seed=seed))
        total = sum(len(canary.documents) for canary in plan)
        print(f"{len(plan)} canaries, {total} copies in {len(ids):,} documents")

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
