"""What clean data is worth: one small model on four versions of one crawl.

    the labelled crawl of chapter 1, extracted
        -> raw              nothing taken out
        -> filtered         addresses, language, noise, quality, insults, examples of
                            bad text, personal data
        -> deduplicated     same pages, equal texts, near copies, lines
        -> clean            all of it, and no evaluation texts

All versions give the same number of tokens, so that what is measured is the text and
not how much of it there is. The tokenizer is one for all, learned from the raw version.
Losses are in bits per byte, on clean texts that no version holds: stories and pieces of
the Python library, half and half.
"""

import random
import tempfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from ch01_data.crawl import CrawlConfig, make_crawl
from ch01_data.data import CorpusConfig, build_corpus
from ch01_data.dirt import dirt
from ch01_data.learned_filters import train_learned_filters
from ch01_data.measured import spread
from ch01_data.sources import read_texts
from ch02_tokenization.tokenization import SPECIAL_TOKENS, Tokenizer, train_bpe
from ch04_transformer.transformer import Transformer
from ch05_pretraining.pretraining import document_nats
from common.laboratory import SEEDS, Laboratory
from common.model import PRESETS

PAGES, HELD_TEXTS, VOCABULARY, BATCH = 5_000, 300, 2_048, 8
FILTERS = (
    *("normalize", "url", "language", "noise", "quality", "toxicity", "examples"),
    "personal_data",
)
COPIES = ("url_duplicates", "exact_duplicates", "near_duplicates", "repeated_lines")
VERSIONS: dict[str, tuple[str, ...]] = {
    "raw": (),
    "filtered": FILTERS,
    "deduplicated": COPIES,
    "clean": (*FILTERS, "decontaminate", *COPIES),
}
SOURCES = ("storyworld", "pylib")


def versions_of_a_crawl(folder: Path, pages: int) -> dict[str, list[str]]:
    """Make a crawl of dirt that no filter was tuned on; return its four versions."""
    crawl = make_crawl(CrawlConfig(out=str(folder / "crawl"), n=pages, family="blind"))
    train_learned_filters(0, folder / "filters")
    found = {}
    for name, stages in VERSIONS.items():
        config = CorpusConfig(
            source=str(crawl.warc),
            out=str(folder / name),
            stages=stages,
            blocked=str(crawl.blocked),
            evaluation=str(crawl.evaluation),
            learned=str(folder / "filters"),
            validation_share=0.01,
        )
        paths = build_corpus(config).train_paths
        found[name] = [text for path in paths for text in read_texts(path)]
    return found


def equal_share(
    texts: Sequence[str], tokenizer: Tokenizer, n_tokens: int, seed: int
) -> list[str]:
    """Return texts in a random order, as many as reach a number of tokens."""
    order = random.Random(seed).sample(texts, len(texts))
    taken, size = [], 0
    for text in order:
        if size >= n_tokens:
            break
        taken.append(text)
        size += len(tokenizer.encode(text, allowed_special=())) + 1
    return taken


def clean_held_texts(n: int) -> dict[str, list[str]]:
    """Return clean texts that the crawl does not hold, by source.

    They are of the other family of pages: other stories and other pieces.
    """
    texts = list(islice(dirt("clean", "tuning", n, seed=7), n))
    return {s: [t.text for t in texts if t.source == s] for s in SOURCES}


def payoff(pages: int = PAGES, seeds: Sequence[int] = SEEDS) -> dict:
    """Train one model on raw, filtered, deduplicated and clean text of one crawl."""
    with tempfile.TemporaryDirectory() as folder:
        versions = versions_of_a_crawl(Path(folder), pages)
    raw = random.Random(0).sample(versions["raw"], len(versions["raw"]))
    tokenizer = train_bpe(raw, VOCABULARY, SPECIAL_TOKENS)
    sizes = {
        name: sum(len(tokenizer.encode(t, allowed_special=())) + 1 for t in texts)
        for name, texts in versions.items()
    }
    n_tokens, held = min(sizes.values()), clean_held_texts(HELD_TEXTS)
    steps = n_tokens // (BATCH * PRESETS["quick"]["context_length"])
    nats: dict[str, np.ndarray] = {}
    for name, texts in versions.items():
        of_seed = []
        for seed in seeds:
            taken = equal_share(texts, tokenizer, n_tokens, seed)
            laboratory = Laboratory.of(taken, tokenizer, [])
            model = laboratory.trained(Transformer, seed, steps=steps)
            length = model.config.context_length
            of_seed.append(
                [document_nats(model, tokenizer, t, length) for t in held.values()]
            )
        nats[name] = np.array([np.concatenate(parts) for parts in of_seed])
    source_of = np.repeat(list(held), [len(texts) for texts in held.values()])
    sizes_of = np.array([len(t.encode()) for texts in held.values() for t in texts])
    return {
        "unit": "bits per byte",
        "pages": pages,
        "tokens_trained_on": n_tokens,
        "steps": steps,
        "documents": {name: len(texts) for name, texts in versions.items()},
        "tokens": sizes,
        "held_texts": {source: len(texts) for source, texts in held.items()},
        "loss": {
            name: {
                group: summary(found[:, rows], sizes_of[rows])
                for group, rows in groups(source_of).items()
            }
            for name, found in nats.items()
        },
        "saved": {
            name: summary(nats["raw"] - found, sizes_of)
            for name, found in nats.items()
            if name != "raw"
        },
    }


def groups(source_of: np.ndarray) -> dict[str, np.ndarray]:
    """Return which held texts make up each group: all of them, and each source."""
    every = np.ones(len(source_of), dtype=bool)
    return {"all": every, **{name: source_of == name for name in SOURCES}}


def summary(nats: np.ndarray, sizes: np.ndarray, samples: int = 2000) -> dict:
    """Summarise bits per byte over seeds, with a 95 % interval over texts.

    Texts are drawn again with replacement, all seeds of a text together; the interval
    is that of the mean over seeds.

    Shape:   nats (seeds, texts), sizes in bytes (texts,).
    """
    each = nats.sum(axis=1) / np.log(2) / sizes.sum()
    even = np.full(len(sizes), 1 / len(sizes))
    draws = np.random.default_rng(0).multinomial(len(sizes), even, samples)
    means = draws @ nats.mean(axis=0) / np.log(2) / (draws @ sizes)
    low, high = np.quantile(means, (0.025, 0.975))
    return spread(each.tolist()) | {"interval": [float(low), float(high)]}
