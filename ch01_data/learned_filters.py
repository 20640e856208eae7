"""The three learned filters: what they learn from, and where they are kept.

They learn from the crawl's templates for tuning and from the examples of
training_texts.py, against good texts: stories, and the part of the Python library that
tuning may see. The templates, the pages and the half of the library that a score is
made of stay unseen.

    folder/surprise.npz                                            (surprise.py)
    folder/quality/     quality.json, bad.npz, kind-spam.npz ...   (quality_model.py)
    folder/toxicity.npz                                            (toxicity.py)

Training draws its examples with a seed and nothing else at random: the same seed gives
the same files, byte for byte.
"""

import argparse
import hashlib
import random
import re
import time
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from ch01_data.classifier import HashedClassifier
from ch01_data.crawl_templates import INSULTS
from ch01_data.dirt import dirt
from ch01_data.files import run_command
from ch01_data.hashed_ngrams import MAX_CHARACTERS
from ch01_data.quality_model import GOOD, QualityModel
from ch01_data.sources import read_documents
from ch01_data.storyworld import generate
from ch01_data.surprise import Surprise
from ch01_data.toxicity import ToxicityModel
from ch01_data.training_texts import EXAMPLES, invented_insult

KINDS = ("boilerplate", "spam", "toxic")  # of the quality filter; noise has its own
NOISE = "gibberish"
FROM_CRAWL, FROM_EXAMPLES = 120, 300  # texts of each kind
GOOD_TEXTS = 500  # of each of three sources
BEGINNING = 40_000  # characters of a module in which runs are counted
_LISTED = re.compile("|".join(INSULTS), re.IGNORECASE)
CALM = 1 << 16  # characters of a good text, from which no insult is learnt


class LearnedFilters(NamedTuple):
    """The classifiers that the clean-up asks."""

    surprise: Surprise
    quality: QualityModel
    toxicity: ToxicityModel

    def save(self, folder: str | Path) -> None:
        """Write all to a folder, each file whole or not at all."""
        self.surprise.save(Path(folder, "surprise.npz"))
        self.toxicity.classifier.save(Path(folder, "toxicity.npz"))
        self.quality.save(Path(folder, "quality"))


@lru_cache(maxsize=2)
def load_learned_filters(folder: str | Path) -> LearnedFilters:
    """Return what `save` wrote, read once in each process.

    Raises:  ValueError or OSError if the folder holds no whole filters.
    """
    return LearnedFilters(
        Surprise.load(Path(folder, "surprise.npz")),
        QualityModel.load(Path(folder, "quality")),
        ToxicityModel(HashedClassifier.load(Path(folder, "toxicity.npz"))),
    )


def train_learned_filters(
    seed: int = 0, folder: str | Path | None = None
) -> LearnedFilters:
    """Train all of them on the family "tuning", and save them if a folder is named.

    It takes half a minute.
    """
    modules = list(library_modules("tuning"))
    good = list(good_examples(seed)) + modules[:GOOD_TEXTS]
    bad = {kind: list(bad_examples(kind, seed)) for kind in KINDS}
    texts = good + [text for kind in KINDS for text in bad[kind]]
    labels = [GOOD] * len(good) + [kind for kind in KINDS for _ in bad[kind]]
    pieces = good + [p for text in modules for p in pieces_of(text)]
    surprise = Surprise.fit(pieces, list(bad_examples(NOISE, seed)))
    calm = [text[:CALM] for text in good + modules[GOOD_TEXTS:]]
    calm += [text for kind in ("boilerplate", "spam") for text in bad[kind]]
    toxic = ToxicityModel.fit(
        bad["toxic"] + calm, [True] * len(bad["toxic"]) + [False] * len(calm)
    )
    found = LearnedFilters(surprise, QualityModel.fit(texts, labels), toxic)
    if folder is not None:
        found.save(folder)
    return found


def good_examples(seed: int = 0) -> Iterator[str]:
    """Yield stories, and pieces of the library's documentation."""
    yield from (page.text for page in dirt("clean", "tuning", GOOD_TEXTS, seed))
    yield from (s.document for s in generate(GOOD_TEXTS, seed + 10_000, "train"))


def pieces_of(module: str) -> Iterator[str]:
    """Yield the beginning of a module in pieces of what a classifier reads."""
    for start in range(0, min(len(module), BEGINNING), MAX_CHARACTERS):
        yield module[start : start + MAX_CHARACTERS]


def library_modules(family: str) -> Iterator[str]:
    """Yield the modules of the Python library that belong to a family, half of them."""
    for document in read_documents("pylib"):
        digest = hashlib.blake2b(document.id.encode(), digest_size=4).digest()
        if (digest[0] % 2 == 1) == (family == "held"):
            yield document.text


def bad_examples(kind: str, seed: int = 0) -> Iterator[str]:
    """Yield bad texts of a kind, without any good text around them."""
    pages = dirt(kind, "tuning", 1 << 40, seed)
    alone = (page.text for page in pages if page.source == "templates")
    rng = random.Random(f"{seed}:{kind}")
    for text in islice(alone, FROM_CRAWL):
        yield with_new_insults(text, rng) if kind == "toxic" else text
    for _ in range(FROM_EXAMPLES if kind in EXAMPLES else 0):
        yield EXAMPLES[kind](rng)


def with_new_insults(text: str, rng: random.Random) -> str:
    """Put a new word for each insult of the list, which finds its words without help.

    What is left to learn is how people speak who insult.
    """
    return _LISTED.sub(lambda _: invented_insult(rng), text)


def main(argv: list[str] | None = None) -> int:
    """Train the learned filters and write them to a folder."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", required=True, help="folder for the filters")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)

    def command() -> None:
        begun = time.perf_counter()
        train_learned_filters(arguments.seed, arguments.out)
        print(f"trained in {time.perf_counter() - begun:.0f} s: {arguments.out}")

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
