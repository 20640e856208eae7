"""Who runs the stages: this process, several processes, or a cluster.

An engine has one duty: apply a function to items that stream past and yield the results
in the order of the items. The function depends on nothing but its item, so the results
are the same bytes whoever runs it, in however many processes:

    items    1 2 3 4 5 ...      read only as fast as results are taken
    at work      3 4 5          at most a few for each process, so memory is bounded
    results  1 2                in order, whichever is ready first

A process that dies takes nothing with it: what it was working on is given out again.
"""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from typing import Protocol, TypeVar

from ch01_data.sources import Document

Item = TypeVar("Item")
Result = TypeVar("Result")

ENGINES = ("local", "ray")
BATCH_BYTES = 1_000_000  # of text; a batch is at most this and one document more
BATCH_DOCUMENTS = 2_000
AT_WORK = 2  # batches for each process, so that none waits for the reader
ATTEMPTS = 3  # a batch whose process died so often is the cause


class Engine(Protocol):
    """What runs a function over items; used as a context, so that it is put away."""

    shares_disk: bool  # whether its processes read the files of this machine

    def run(
        self, function: Callable[[Item], Result], items: Iterable[Item]
    ) -> Iterator[Result]:
        """Yield function(item) for every item, in the order of the items."""
        ...

    def __enter__(self) -> "Engine": ...

    def __exit__(self, *_: object) -> None: ...


def batches_of(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Yield documents in lists of about BATCH_BYTES of text."""
    batch, size = [], 0
    for document in documents:
        batch.append(document)
        size += len(document.text)
        if size >= BATCH_BYTES or len(batch) >= BATCH_DOCUMENTS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def in_order(
    items: Iterable[Item],
    submit: Callable[[Item], object],
    take: Callable[[deque], Result],
    at_most: int,
) -> Iterator[Result]:
    """Yield results in order, with at most so many items handed out at a time.

    `submit` hands out an item; `take` waits for the result of the first of those handed
    out and removes it.
    """
    waiting: deque = deque()
    for item in items:
        waiting.append(submit(item))
        if len(waiting) >= at_most:
            yield take(waiting)
    while waiting:
        yield take(waiting)


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class LocalEngine:
    """Runs in this process, or in `workers` others that it starts when first needed.

    A single item is worth no process of its own.
    """

    shares_disk = True

    def __init__(self, workers: int = 1) -> None:
        if workers < 1:
            raise ValueError(f"workers is {workers}, must be at least 1")
        self.workers = workers
        self.pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> "LocalEngine":
        return self

    def __exit__(self, *_: object) -> None:
        if self.pool is not None:
            self.pool.shutdown(cancel_futures=True)
            self.pool = None

    def run(
        self, function: Callable[[Item], Result], items: Iterable[Item]
    ) -> Iterator[Result]:
        """Yield function(item) for every item, in the order of the items.

        Raises:  OSError if the process that works on an item dies three times.
        """
        items = iter(items)
        first = list(islice(items, 2)) if self.workers > 1 else []
        if len(first) < 2:  # not worth a process
            return map(function, chain(first, items))
        return in_order(
            chain(first, items),
            lambda item: (function, item, self._submit(function, item)),
            self._take,
            AT_WORK * self.workers,
        )

    def _submit(self, function: Callable, item: object) -> Future:
        if self.pool is None:
            # A fresh interpreter: a forked one would inherit the threads' locks.
            self.pool = ProcessPoolExecutor(
                self.workers,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=end_with_parent,
            )
        try:
            return self.pool.submit(function, item)
        except BrokenProcessPool as error:
            failed: Future = Future()
            failed.set_exception(error)
            return failed

    def _take(self, waiting: deque) -> object:
        """Wait for the first result; if a process died, hand out all again."""
        for attempt in range(ATTEMPTS):
            if attempt:
                self.__exit__()
                again = [(f, item, self._submit(f, item)) for f, item, _ in waiting]
                waiting.clear()
                waiting.extend(again)
            try:
                result = waiting[0][-1].result()
            except BrokenProcessPool:
                continue
            waiting.popleft()
            return result
        raise OSError(
            f"a process died {ATTEMPTS} times over the same documents; there may be "
            "too little memory for so many: take fewer --workers; a script that calls "
            'this needs if __name__ == "__main__"'
        )


def end_with_parent() -> None:
    """Leave Ctrl-C to the parent, and end when the parent is gone, however it went."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
