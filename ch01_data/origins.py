"""Where the documents of a corpus come from, by the name of their source.

storyworld               told by the generator, with exact log-probabilities
tinyshakespeare, ...     fetched once (downloads.py), then read from disk
s3://..., memory://...   copied here (remote.py), then read from disk
pylib, a path, a glob    read from disk (sources.py)
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from ch01_data.corpus import CorpusConfig
from ch01_data.downloads import DOWNLOADS, fetch_download
from ch01_data.remote import bring_here, is_remote
from ch01_data.sources import Document, read_documents
from ch01_data.storyworld import generate


def documents_from(
    source: str, config: CorpusConfig, work: Path, skipped: Counter
) -> Iterator[Document]:
    """Yield the training documents of a source; count in `skipped` what is passed over.

    Raises:  ValueError or OSError if the source cannot be had or read.
    """
    if source == "storyworld":
        return draw_stories(config, "train", config.n_documents)
    path: str | Path = source
    if source in DOWNLOADS:
        path = fetch_download(source, config.downloads)
    elif is_remote(source):
        path = bring_here(source, work)
    documents: Iterable[Document] = read_documents(
        path, limit_bytes=config.limit_of(source), skipped=skipped
    )
    if path != source:
        documents = (replace(document, source=source) for document in documents)
    return iter(tqdm(documents, "read", unit=" documents", disable=None))


def draw_stories(config: CorpusConfig, split: str, n: int) -> Iterator[Document]:
    """Yield documents of one split of storyworld with their exact log-probability."""
    stories = tqdm(
        generate(n, config.seed, split), split, n, unit=" stories", disable=None
    )
    for number, story in enumerate(stories):
        yield Document(
            story.document,
            f"storyworld-{split}-{number:07}",
            source="storyworld",
            log_prob=story.document_log_prob,
        )
