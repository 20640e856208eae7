"""Ranks: the processes of one run, numbered from 0, and the wire between them.

In reading order: the wire that carries tensors from rank to rank and counts their
bytes, over processes or over threads; then how processes find each other, agree, and
fail with one voice.
"""

import io
import queue
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stderr
from datetime import timedelta
from typing import TypeVar

import torch.distributed as dist
from torch import Tensor

from ch01_data.files import run_command

Result = TypeVar("Result")
Address = tuple[Tensor, int]  # a tensor, and the rank that it goes to or comes from


class Wire:
    """One rank's line to the others; it counts messages and bytes sent, and seconds.

    Whoever carries the tensors fills in `_move`: processes or threads.
    """

    def __init__(self, rank: int, world_size: int) -> None:
        self.rank, self.world_size = rank, world_size
        self.sent_messages, self.sent_bytes, self.seconds = 0, 0, 0.0

    def send(self, tensor: Tensor, to: int) -> None:
        """Send a tensor to one rank, which must receive it."""
        self._timed([(tensor, to)], [])

    def receive(self, tensor: Tensor, source: int) -> None:
        """Fill a tensor with the next one that a rank sends here."""
        self._timed([], [(tensor, source)])

    def exchange(
        self, outgoing: Tensor, to: int, incoming: Tensor, source: int
    ) -> None:
        """Send and receive at the same time.

        If every rank of a ring sent first, each would wait for a receiver, for ever.
        """
        self._timed([(outgoing, to)], [(incoming, source)])

    def _timed(self, sends: Sequence[Address], receives: Sequence[Address]) -> None:
        began = time.perf_counter()
        self._move(sends, receives)
        self.seconds += time.perf_counter() - began
        self.sent_messages += len(sends)
        self.sent_bytes += sum(tensor.nbytes for tensor, _ in sends)

    def _move(self, sends: Sequence[Address], receives: Sequence[Address]) -> None:
        raise NotImplementedError


class ProcessWire(Wire):
    """The line between the processes of torch's process group.

    Raises:  ConnectionError, on moving, if another process is gone.
    """

    def __init__(self) -> None:
        super().__init__(dist.get_rank(), dist.get_world_size())

    def _move(self, sends: Sequence[Address], receives: Sequence[Address]) -> None:
        # A vector shorter than the ring has empty chunks: nothing to carry.
        moves = [dist.P2POp(dist.isend, *s) for s in sends if s[0].numel()]
        moves += [dist.P2POp(dist.irecv, *r) for r in receives if r[0].numel()]
        try:
            for work in dist.batch_isend_irecv(moves) if moves else ():
                work.wait()
        except RuntimeError as error:
            reason = str(error).partition(". ")[0]
            raise ConnectionError(
                f"rank {self.rank} lost another rank: {reason}; start all again from "
                "the last checkpoint"
            ) from error


class ThreadWire(Wire):
    """The same line between threads of one process, to watch a ring or to test it.

    Raises:  ConnectionError, on moving, if a message does not come or does not fit.
    """

    def __init__(
        self, rank: int, mail: list[list[queue.Queue]], patience: float
    ) -> None:
        super().__init__(rank, len(mail))
        self._mail, self._patience = mail, patience

    def _move(self, sends: Sequence[Address], receives: Sequence[Address]) -> None:
        for tensor, to in sends:
            self._mail[self.rank][to].put(tensor.detach().clone())
        for tensor, source in receives:
            try:
                arrived = self._mail[source][self.rank].get(timeout=self._patience)
            except queue.Empty:
                arrived = None
            if arrived is None or arrived.shape != tensor.shape:
                what = "nothing" if arrived is None else f"{tuple(arrived.shape)}"
                raise ConnectionError(
                    f"rank {self.rank} expected {tuple(tensor.shape)} from rank "
                    f"{source} and got {what}: does every send meet its receive?"
                )
            tensor.copy_(arrived)

    def hang_up(self) -> None:
        """Tell all ranks that nothing more comes from here."""
        for box in self._mail[self.rank]:
            box.put(None)


def run_ranks(
    world_size: int, work: Callable[[Wire], Result], patience: float = 10.0
) -> list[Result]:
    """Run `work` on ranks that are threads of this process; return what each returned.

    Units:   patience in seconds: how long a rank waits for a message.
    Raises:  What a rank raised; ConnectionError if a message is missing.
    """
    mail = [[queue.Queue() for _ in range(world_size)] for _ in range(world_size)]
    wires = [ThreadWire(rank, mail, patience) for rank in range(world_size)]

    def run(wire: ThreadWire) -> Result:
        try:
            return work(wire)
        finally:
            wire.hang_up()

    with ThreadPoolExecutor(world_size) as pool:
        ranks = [pool.submit(run, wire) for wire in wires]
    errors = [rank.exception() for rank in ranks if rank.exception()]
    for error in errors:  # a lost connection is only the echo of another's error
        if not isinstance(error, ConnectionError):
            raise error
    return [rank.result() for rank in ranks]


@contextmanager
def process_group() -> Iterator[Wire]:
    """Join the processes that torchrun started; without it, be a world of one."""
    patience = timedelta(minutes=5)  # machines start at different speeds
    if dist.is_torchelastic_launched():
        dist.init_process_group("gloo", timeout=patience)
    else:
        store = dist.HashStore()
        dist.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        yield ProcessWire()
    finally:
        dist.destroy_process_group()


def everywhere(value: object) -> list:
    """Return the values that all ranks gave, on every rank."""
    values = [None] * dist.get_world_size()
    dist.all_gather_object(values, value)
    return values


def run_together(command: Callable[[], object], wire: Wire) -> int:
    """Run a command on every rank; an error is told once, by rank 0, and stops all."""
    with redirect_stderr(io.StringIO()) as said:
        status = run_command(command)
    errors = [line for failed, line in everywhere((status, said.getvalue())) if failed]
    if errors and wire.rank == 0:
        print(errors[0], end="", file=sys.stderr)
    dist.barrier()  # torchrun ends all ranks when one leaves: rank 0 must speak first
    return 2 if errors else 0
