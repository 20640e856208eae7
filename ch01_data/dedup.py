"""Duplicates: equal texts by digest, near ones by MinHash, banding and comparison.

Two documents are near-duplicates when the sets A and B of their word 5-grams overlap:

    Jaccard(A, B) = |A and B| / |A or B|

Comparing all pairs of a million documents is 5 * 10^11 comparisons. MinHash and banding
(`minhash`) leave the few that are worth it; those are compared exactly (`joining`), so
that hashing decides what is looked at and never what is called a duplicate. Pairs are
joined into clusters: a chain a-b, b-c is one cluster.

Texts come in batches and are read twice; what is kept of them lies on disk:

    1. band keys of every text          -> one file a band, 8 bytes a document
       texts that share a key           -> the suspects
    2. sets of shingles of the suspects -> one file
       for each band: groups, comparison, union

In memory are one band at a time and a few numbers a document. The three steps that take
time are pure functions of one batch, mapped by `run`: the built-in map, a pool's imap,
or a cluster's. Whatever the batches and whoever maps, the clusters are the same.
"""

import argparse
import hashlib
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np

from ch01_data.files import run_command, write_json
from ch01_data.joining import (
    UnionFind,
    candidate_batches,
    clusters_of,
    equal_groups,
    jaccard,
    select_groups,
    similar_pairs,
)
from ch01_data.minhash import (
    NO_KEY,
    band_keys,
    candidate_probability,
    choose_bands,
    minhash,
)
from ch01_data.shingles import Reread, in_batches, shingle_sets
from ch01_data.sources import read_documents, read_texts

# The parts are taught in modules of their own and are used from here.
__all__ = [
    "candidate_probability",
    "choose_bands",
    "exact_duplicates",
    "exact_labels",
    "jaccard",
    "minhash",
    "near_duplicates",
    "near_labels",
    "text_digest",
    "text_digests",
]

Batches = Iterable[Iterable[str]]
Run = Callable[[Callable, Iterable], Iterable]  # like map: results in the same order


def text_digest(text: str) -> bytes:
    """Return 16 bytes that stand for this text and, in all practice, for no other."""
    data = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=16).digest()


def text_digests(texts: Iterable[str]) -> np.ndarray:
    """Return the digests of texts as two numbers of 64 bits each (texts, 2)."""
    digests = b"".join(map(text_digest, texts))
    return np.frombuffer(digests, dtype="<u8").reshape(-1, 2)


def exact_labels(batches: Batches, run: Run = map) -> np.ndarray:
    """Return for every text the first text that is equal to it, byte for byte.

    Only a digest of each text is kept, so the texts may stream past.
    """
    digests = bytearray()
    for part in run(text_digests, batches):
        digests += part.tobytes()
    numbers = np.frombuffer(digests, dtype="<u8").reshape(-1, 2)
    members, bounds = equal_groups(numbers[:, 0], numbers[:, 1])
    labels = np.arange(len(numbers))
    labels[members] = np.repeat(members[bounds[:-1]], np.diff(bounds))
    return labels


def exact_duplicates(texts: Iterable[str]) -> list[list[int]]:
    """Return clusters (two or more indices) of texts that are equal byte for byte."""
    return clusters_of(exact_labels(in_batches(texts)))


def near_labels(
    batches: Batches,
    threshold: float = 0.8,
    *,
    n_permutations: int = 128,
    ngram: int = 5,
    seed: int = 0,
    folder: str | Path | None = None,
    run: Run = map,
    run_here: Run = map,
) -> np.ndarray:
    """Return for every text the first text of its cluster of near-duplicates.

    `batches` is read twice and must give the same texts both times. The working files
    lie in a folder of their own below `folder` (the system's, if None), about 8 bytes a
    band and document, and are gone at the end. `run` maps functions of a batch and may
    leave this machine; `run_here` maps those that read the working files.
    Raises:  ValueError if the second reading gives other texts than the first.
    """
    bands, rows = choose_bands(threshold, n_permutations)
    sign = partial(
        band_keys,
        bands=bands,
        rows=rows,
        n_permutations=n_permutations,
        ngram=ngram,
        seed=seed,
    )
    with tempfile.TemporaryDirectory(prefix="near-", dir=folder) as scratch:
        paths = [Path(scratch, f"band-{band:03}") for band in range(bands)]
        sizes = _write_columns(run(sign, batches), paths)
        suspects = _suspects(paths, sum(sizes))
        cut = partial(suspect_sets, ngram=ngram)
        sets = Path(scratch, "shingles")
        offsets = _write_sets(run(cut, _marked(batches, sizes, suspects)), sets)
        joined = UnionFind(sum(sizes))
        compare = partial(similar_pairs, path=sets, threshold=threshold)
        for path in paths:
            groups = _groups_of_band(path)
            unsettled = candidate_batches(*groups, joined.labels(), offsets)
            for edges in run_here(compare, unsettled):
                joined.join(edges.tolist())
        return joined.labels()


def near_duplicates(
    texts: Iterable[str],
    threshold: float = 0.8,
    *,
    n_permutations: int = 128,
    ngram: int = 5,
    seed: int = 0,
) -> list[list[int]]:
    """Return clusters (two or more indices) of texts that are nearly the same.

    Two texts are joined if their exact Jaccard similarity over sets of word n-grams is
    at least `threshold`; a cluster is all that joins connect. Texts without words join
    nothing. `texts` is read twice: a list, or anything that can be iterated again.
    Source:  Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, chapter 3.
    """
    batches = Reread(partial(in_batches, texts))
    labels = near_labels(
        batches, threshold, n_permutations=n_permutations, ngram=ngram, seed=seed
    )
    return clusters_of(labels)


def suspect_sets(
    marked: tuple[Iterable[str], np.ndarray], ngram: int = 5
) -> tuple[np.ndarray, np.ndarray]:
    """Return the shingle sets of the marked texts of a batch, and each text's size.

    Raises:  ValueError if there are more or fewer texts than marks.
    """
    texts, marks = list(marked[0]), marked[1]
    if len(texts) != len(marks):
        raise ValueError(_changed(len(marks), len(texts)))
    sizes = np.zeros(len(texts), dtype=np.int64)
    values, bounds = shingle_sets(
        [text for text, mark in zip(texts, marks) if mark], ngram
    )
    sizes[marks] = np.diff(bounds)
    return values, sizes


def _changed(first: int, second: int) -> str:
    return (
        f"a batch had {first} texts at the first reading and {second} at the second; "
        "give a list, or something that can be read twice and does not change"
    )


def _write_columns(parts: Iterable[np.ndarray], paths: Sequence[Path]) -> list[int]:
    """Append each column of every part to its file; return the rows of each part."""
    sizes = []
    with ExitStack() as stack:
        files = [stack.enter_context(open(path, "wb")) for path in paths]
        for part in parts:
            sizes.append(len(part))
            for file, column in zip(files, part.T, strict=True):
                file.write(column.tobytes())
    return sizes


def _groups_of_band(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the documents that share a key in this band, texts without words apart."""
    keys = np.fromfile(path, dtype=np.uint64)
    members, bounds = equal_groups(keys)
    return select_groups(members, bounds, keys[members[bounds[:-1]]] != NO_KEY)


def _suspects(paths: Iterable[Path], n: int) -> np.ndarray:
    """Return a mask of the documents that share a key with another in any band."""
    suspects = np.zeros(n, dtype=bool)
    for path in paths:
        suspects[_groups_of_band(path)[0]] = True
    return suspects


def _marked(
    batches: Batches, sizes: Sequence[int], marks: np.ndarray
) -> Iterator[tuple[Iterable[str], np.ndarray]]:
    """Yield each batch with the marks of its texts."""
    parts = np.split(marks, np.cumsum(sizes))[:-1] if sizes else []
    again = iter(batches)
    for part in parts:
        batch = next(again, None)
        if batch is None:
            raise ValueError(_changed(len(part), 0))
        yield batch, part
    for batch in again:
        raise ValueError(_changed(0, sum(1 for _ in batch)))


def _write_sets(
    parts: Iterable[tuple[np.ndarray, np.ndarray]], path: Path
) -> np.ndarray:
    """Write the sets one after another; return where each document's set begins."""
    sizes = [np.zeros(1, dtype=np.int64)]
    with open(path, "wb") as file:
        for values, each in parts:
            file.write(values.tobytes())
            sizes.append(each)
    return np.cumsum(np.concatenate(sizes))


def main(argv: list[str] | None = None) -> int:
    """Find the duplicates in a source and print how many there are."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--source", required=True, help="pylib, a file, folder or glob")
    parser.add_argument("--threshold", type=float, default=0.8, help="Jaccard, 0 to 1")
    parser.add_argument("--ngram", type=int, default=5, help="words in a shingle")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", help="write the clusters to this JSON file")
    arguments = parser.parse_args(argv)

    def command() -> None:
        texts = Reread(partial(read_texts, arguments.source))
        begun = time.perf_counter()
        exact = exact_duplicates(texts)
        near = near_duplicates(
            texts, arguments.threshold, ngram=arguments.ngram, seed=arguments.seed
        )
        seconds = time.perf_counter() - begun
        ids = [document.id for document in read_documents(arguments.source)]
        print(
            f"{len(ids):,} documents in {seconds:.1f} s: {len(exact):,} clusters of "
            f"equal texts, {len(near):,} of nearly equal ones (equal ones included)"
        )
        if arguments.out:
            names = [[ids[index] for index in cluster] for cluster in near]
            write_json(arguments.out, names)

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
