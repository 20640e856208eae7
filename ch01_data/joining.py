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
from typing import BinaryIO, NamedTuple

import numpy as np

MAX_PIVOTS = 256  # documents of one group that are compared with all the others
BATCH_MEMBERS = 1 << 13  # documents in the groups of one batch


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
    of more than 256 documents, the 256 shortest are compared with all others.
    """
    columns = (batch.ends - batch.begins, batch.members, batch.labels, batch.begins)
    rows = list(map(_Row._make, zip(*(column.tolist() for column in columns))))
    found: list[tuple[int, int]] = []
    with open(path, "rb", buffering=0) as file:
        for begin, end in pairwise(batch.bounds.tolist()):
            found += _pairs_of_group(sorted(rows[begin:end]), file, threshold)
    return np.array(found, dtype=np.int64).reshape(-1, 2)


class _Row(NamedTuple):
    """One document of a group; they are compared shortest first."""

    size: int
    member: int
    label: int
    begin: int


def _pairs_of_group(
    group: list[_Row], file: BinaryIO, threshold: float
) -> Iterator[tuple[int, int]]:
    """Yield similar pairs until the group is joined or all is compared."""
    first: dict[int, int] = {}
    joined = UnionFind(len(group))
    joined.join((i, first.setdefault(row.label, i)) for i, row in enumerate(group))
    apart = len(first)
    for i, pivot in enumerate(group[:MAX_PIVOTS]):
        if apart == 1:
            return
        own = _read_set(file, pivot)
        for j, other in enumerate(group[i + 1 :], start=i + 1):
            if pivot.size / other.size < threshold:
                break  # no similarity exceeds the smaller size by the larger one
            if joined.find(i) == joined.find(j):
                continue
            if set_similarity(own, _read_set(file, other)) >= threshold:
                joined.join([(i, j)])
                apart -= 1
                yield pivot.member, other.member


def _read_set(file: BinaryIO, row: _Row) -> np.ndarray:
    file.seek(8 * row.begin)
    return np.frombuffer(file.read(8 * row.size), dtype=np.uint64)


def set_similarity(a: np.ndarray, b: np.ndarray) -> float:
    """Return the Jaccard similarity of two sets of numbers, each number given once."""
    both = np.concatenate((a, b))
    both.sort()
    shared = int(np.count_nonzero(both[1:] == both[:-1]))
    return shared / max(len(both) - shared, 1)
