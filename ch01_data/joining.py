"""From keys to clusters: who shares a key, who is really similar, who hangs together.

    keys of one band      groups that share a key     compared exactly     joined
    7 3 7 9 3 7      ->   {0, 2, 5} {1, 4}       ->   0-2  1-4        ->   {0, 2} {1, 4}

Groups are kept flat, all members one after another with the places where each group
begins, so that a million of them are two arrays. A batch of groups, with the file in
which the shingles of its documents lie, is all that a process needs to compare them:
batches may be compared anywhere, in any order, and the clusters are the same.
"""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np

MAX_PIVOTS = 256  # documents of one group that are compared with all the others
BATCH_MEMBERS = 1 << 13  # documents in the groups of one batch
READ_TOGETHER = 512  # documents whose shingles are in memory at a time


def jaccard(a: set, b: set) -> float:
    """Return |a and b| / |a or b|; 0 where both are empty."""
    shared = len(a & b)
    return shared / max(len(a) + len(b) - shared, 1)


def equal_groups(*columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of equal keys (two or more), and where each group begins.

    Group i is `members[bounds[i]:bounds[i + 1]]`, in order. Of several columns, keys
    are equal where all columns are.
    """
    order = np.lexsort(columns)
    differ = np.zeros(max(len(order) - 1, 0), dtype=bool)
    for column in columns:
        ordered = column[order]
        differ |= ordered[1:] != ordered[:-1]
    edges = np.concatenate([[0], np.flatnonzero(differ) + 1, [len(order)]])
    return select_groups(order, edges, np.diff(edges) > 1)


def select_groups(
    members: np.ndarray, bounds: np.ndarray, wanted: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return members and bounds of those groups that are wanted."""
    sizes = np.diff(bounds)
    kept = members[np.repeat(wanted, sizes)]
    return kept, np.concatenate([[0], np.cumsum(sizes[wanted])])


class UnionFind:
    """Disjoint sets of 0..n-1 in 8 bytes each; the least member stands for its set."""

    def __init__(self, n: int) -> None:
        self.parent = array("q", range(n))

    def find(self, index: int) -> int:
        """Return the least member of this one's set."""
        parent = self.parent
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    def join(self, edges: Iterable[tuple[int, int]]) -> None:
        """Join the sets of both ends of every edge."""
        for left, right in edges:
            left, right = self.find(left), self.find(right)
            self.parent[max(left, right)] = min(left, right)

    def labels(self) -> np.ndarray:
        """Return the least member of everyone's set, all at once."""
        labels = np.array(self.parent, dtype=np.int64)
        while True:
            further = labels[labels]
            if np.array_equal(further, labels):
                return labels
            labels = further


def clusters_of(labels: np.ndarray) -> list[list[int]]:
    """Return the sets of two or more that bear one label, each in order."""
    members, bounds = equal_groups(labels)
    numbers = members.tolist()
    return [numbers[begin:end] for begin, end in pairwise(bounds.tolist())]


@dataclass(frozen=True)
class CandidateBatch:
    """Groups to compare: who is in them, who is joined already, and where sets lie.

    Group i is `members[bounds[i]:bounds[i + 1]]`. Each member has the label of its set
    so far and the place of its shingles in the file, in numbers of 8 bytes.
    """

    members: np.ndarray
    bounds: np.ndarray
    labels: np.ndarray
    begins: np.ndarray
    ends: np.ndarray


def candidate_batches(
    members: np.ndarray, bounds: np.ndarray, labels: np.ndarray, offsets: np.ndarray
) -> Iterator[CandidateBatch]:
    """Yield the groups that are not joined yet, in batches of bounded size.

    Document d has its shingles at `offsets[d]:offsets[d + 1]` of the file.
    """
    if not len(members):
        return
    found, starts = labels[members], bounds[:-1]
    least, most = (f.reduceat(found, starts) for f in (np.minimum, np.maximum))
    members, bounds = select_groups(members, bounds, least != most)
    first = 0
    while first < len(bounds) - 1:
        full = np.searchsorted(bounds, bounds[first] + BATCH_MEMBERS)
        last = min(max(full, first + 1), len(bounds) - 1)
        part = members[bounds[first] : bounds[last]]
        inside = bounds[first : last + 1] - bounds[first]
        yield CandidateBatch(
            part, inside, labels[part], offsets[part], offsets[part + 1]
        )
        first = last


def similar_pairs(
    batch: CandidateBatch, path: str | Path, threshold: float
) -> np.ndarray:
    """Return pairs (n, 2) of similar documents, enough to join all that are similar.

    Similar is an exact Jaccard similarity of at least `threshold` between the sets of
    shingles in the file. A pair that other pairs join already is left out. In a group
    of more than 256 unlike documents, the 256 shortest are compared with all others.
    """
    found = [np.empty((0, 2), dtype=np.int64)]
    with open(path, "rb", buffering=0) as file:
        for begin, end in pairwise(batch.bounds):
            sizes = batch.ends[begin:end] - batch.begins[begin:end]
            order = begin + np.lexsort((batch.members[begin:end], sizes))
            group = _Group(
                batch.members[order],
                batch.labels[order],
                batch.begins[order],
                batch.ends[order],
                file,
            )
            found += group.similar_pairs(threshold)
    return np.concatenate(found)


@dataclass(frozen=True)
class _Group:
    """Documents that share a key, shortest first."""

    members: np.ndarray
    labels: np.ndarray
    begins: np.ndarray
    ends: np.ndarray
    file: BinaryIO

    def similar_pairs(self, threshold: float) -> Iterator[np.ndarray]:
        labels = self.labels
        for pivot in range(min(len(labels) - 1, MAX_PIVOTS)):
            if (labels == labels[0]).all():
                return
            others = self.worth_comparing(pivot, threshold)
            for start in range(0, len(others), READ_TOGETHER):
                part = others[start : start + READ_TOGETHER]
                near = part[self.similarity(pivot, part) >= threshold]
                ends = np.full(len(near), self.members[pivot]), self.members[near]
                yield np.stack(ends, axis=1)
                labels[np.isin(labels, labels[near])] = labels[pivot]

    def worth_comparing(self, pivot: int, threshold: float) -> np.ndarray:
        """Return whom nothing joins to the pivot and who is short enough.

        No similarity exceeds the smaller size by the larger one.
        """
        sizes = self.ends - self.begins
        rest = slice(pivot + 1, None)
        near = sizes[pivot] / sizes[rest] >= threshold
        return (
            pivot + 1 + np.flatnonzero(near & (self.labels[rest] != self.labels[pivot]))
        )

    def similarity(self, pivot: int, others: np.ndarray) -> np.ndarray:
        """Return the exact Jaccard similarity of the pivot and each of the others."""
        own = self.read(pivot)
        parts = [self.read(other) for other in others]
        sizes = np.array([len(part) for part in parts])
        values = np.concatenate(parts)
        places = np.minimum(np.searchsorted(own, values), len(own) - 1)
        begins = np.cumsum(sizes) - sizes
        shared = np.add.reduceat(own[places] == values, begins, dtype=np.int64)
        return shared / (len(own) + sizes - shared)

    def read(self, member: int) -> np.ndarray:
        self.file.seek(8 * int(self.begins[member]))
        size = 8 * int(self.ends[member] - self.begins[member])
        return np.frombuffer(self.file.read(size), dtype=np.uint64)
