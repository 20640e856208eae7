"""The same stages on a Ray cluster: many machines, the same bytes.

    this process        reads the source, hands out batches, keeps the order, writes
    every other one     takes batches through the functions of the stages

What the machines must have is this package, in the same version, and nothing else: the
batches travel to them and the results back. A worker that dies, or a whole machine,
takes nothing with it, because Ray gives its batches to another one and the functions
depend on nothing but the batch.

A cluster of several nodes on this machine alone, for trying it out: loopback_cluster,
and `python -m ch01_data.measure_engines overhead`, which measures what Ray costs.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from ch01_data.engine import AT_WORK, Item, Result, in_order

LOOPBACK = "127.0.0.1"
SECONDS_TO_ANSWER = 10
SECONDS_TO_START = 120
SECONDS_TO_END = 20
OBJECT_STORE_BYTES = 200_000_000
STARTED = b"Ray runtime started"
HELPERS = (
    "dashboard-agent-listen",
    "dashboard-agent-grpc",
    "metrics-export",
    "runtime-env-agent",
)
# Waits until the process that started it is gone, or says that it is done. It is told
# the node's numbers, one a line.
GUARD = """
import shutil, sys
from ch01_data.engine_ray import end_sessions
end_sessions({int(line) for line in sys.stdin})
shutil.rmtree(sys.argv[1], ignore_errors=True)
"""


class RayEngine:
    """Runs on the cluster at `address`, or without one on a Ray of this machine alone.

    `workers` bounds how many batches are at work at once; None takes every core of the
    cluster.

    Raises:  ValueError if Ray is not installed.
    """

    shares_disk = False

    def __init__(self, address: str | None = None, workers: int | None = None) -> None:
        try:
            import ray
        except ImportError as error:
            raise ValueError(
                "the engine ray needs Ray: pip install '.[scale]', or take the engine "
                "local"
            ) from error
        self.ray, self.address, self.workers = ray, address, workers
        self.connected = False

    def __enter__(self) -> "RayEngine":
        return self

    def __exit__(self, *_: object) -> None:
        if self.connected:
            self.ray.shutdown()
            self.connected = False

    def run(
        self, function: Callable[[Item], Result], items: Iterable[Item]
    ) -> Iterator[Result]:
        """Yield function(item) for every item, in the order of the items.

        Raises:  OSError if the cluster cannot be reached or is lost.
        """
        self._connect()
        task = self.ray.remote(_call).options(
            num_cpus=1, max_retries=-1, scheduling_strategy="SPREAD"
        )
        once = self.ray.put(function)
        return in_order(
            items,
            lambda item: task.remote(once, item),
            self._take,
            AT_WORK * (self.workers or self._cores()),
        )

    def _cores(self) -> int:
        cores = int(self.ray.cluster_resources().get("CPU", 0))
        if not cores:
            raise OSError("no machine of the Ray cluster gives it a core; add one")
        return cores

    def _connect(self) -> None:
        if self.connected:
            return
        options: dict = {"address": self.address}
        if self.address is None:
            options = {"address": "local", "num_cpus": self.workers}
            options["include_dashboard"] = False
        try:
            if self.address not in (None, "auto") and "://" not in self.address:
                _look_for(self.address)
            self.ray.init(**options, logging_level="error", log_to_driver=False)
        except (OSError, RuntimeError, ValueError) as error:
            raise OSError(
                f"no Ray cluster at {self.address} ({error}); start one by ray start "
                "--head, or leave --address out"
            ) from error
        self.connected = True

    def _take(self, waiting: deque) -> object:
        """Wait for the first result; what a stage raises is raised here as it was."""
        errors = self.ray.exceptions
        try:
            return self.ray.get(waiting.popleft())
        except errors.RayTaskError as error:
            if isinstance(error.cause, errors.RayError):  # it did not get so far
                what = str(error.cause).split("\n")[0]
                raise OSError(
                    f"a machine of the cluster cannot run this ({what}); install this "
                    "package there, in the version that is here"
                ) from error
            raise (error.cause or error) from None
        except errors.RayError as error:
            raise OSError(f"the Ray cluster was lost: {error}") from error


def _look_for(address: str) -> None:
    """Raise if nobody listens at host:port: Ray itself would try for minutes."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        raise ValueError("an address is host:port")
    socket.create_connection((host.strip("[]"), int(port)), SECONDS_TO_ANSWER).close()


def _call(function: Callable[[Item], Result], item: Item) -> Result:
    return function(item)


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


@contextmanager
def loopback_cluster(nodes: int = 2, cores: int = 1) -> Iterator[str]:
    """Run a Ray cluster of several nodes on this machine; yield its address.

    Every process of it is ended afterwards, by its number, even where this process is
    killed: a guard waits for that. Other Ray clusters on this machine are left alone.

    Raises:  OSError if a node does not start, with the last line that it said.
    """
    folder = Path(tempfile.mkdtemp(prefix="ray-"))  # short: Unix sockets lie in it
    port, started = free_port(), []
    guard = subprocess.Popen(
        [sys.executable, "-c", GUARD, str(folder)],
        stdin=subprocess.PIPE,
        text=True,
        start_new_session=True,  # so that Ctrl-C is not for it
    )
    try:
        for number in range(nodes):
            address = f"{node_address(0)}:{port}"
            place = ["--head", "--port", str(port), "--include-dashboard=false"]
            place += ["--temp-dir", str(folder), "--no-monitor"]
            log = folder / f"node-{number}.log"
            node = _start_node(
                ["--address", address] if number else place, number, cores, log
            )
            started.append(node)
            guard.stdin.write(f"{node.pid}\n")
            guard.stdin.flush()
            _wait_until_started(node, log)
        yield address
    finally:
        guard.stdin.close()
        for process in [guard, *started]:
            process.wait(2 * SECONDS_TO_END)


def processes_of(sessions: Collection[int]) -> Iterator[psutil.Process]:
    """Yield the processes of some sessions, whoever their parent is.

    Raylets and workers come and go, and what they started becomes an orphan; but all
    that a node starts stays in the session that begins with it.
    """
    for process in psutil.process_iter(["status"]):
        with suppress(OSError):  # it has just ended
            if os.getsid(process.pid) in sessions:
                if process.info["status"] != psutil.STATUS_ZOMBIE:
                    yield process


def end_sessions(sessions: Collection[int]) -> None:
    """End all processes of some sessions: by their numbers, until there is none."""
    end = time.monotonic() + SECONDS_TO_END
    while ours := list(processes_of(sessions)):
        for process in ours:
            with suppress(psutil.Error):
                process.kill()
        if time.monotonic() > end:
            return
        time.sleep(0.1)


def node_address(number: int) -> str:
    """Return the loopback address of a node: 127.0.0.2 and upwards.

    Ray takes 127.0.0.1 for a slip of the pen and puts the machine's own address in its
    place; of the other loopback addresses, which Linux has without being asked, it
    thinks nothing.
    """
    return f"127.0.0.{number + 2}"


def _start_node(
    place: list[str], number: int, cores: int, log: Path
) -> subprocess.Popen:
    """Start one node in the foreground of a process of its own."""
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block"]
    command += ["--node-ip-address", node_address(number), "--num-cpus", str(cores)]
    command += ["--object-store-memory", str(OBJECT_STORE_BYTES), *place]
    command += ["--include-log-monitor=false"]
    # Nodes on one machine must not draw their ports from the same range. And for a
    # helper whose port is not named, a node waits 15 seconds and then gives up.
    command += ["--min-worker-port", "0", "--max-worker-port", "0"]
    for helper in HELPERS:
        command += [f"--{helper}-port", str(free_port())]
    environment = {
        **os.environ,
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_raylet_start_wait_time_s": str(SECONDS_TO_START),
        "RAY_agent_register_timeout_ms": str(1000 * SECONDS_TO_START),
        "RAY_worker_register_timeout_seconds": str(SECONDS_TO_START),
    }
    with open(log, "wb") as file:
        return subprocess.Popen(
            command,
            stdout=file,
            stderr=file,
            env=environment,
            start_new_session=True,  # of all that it starts: see processes_of
        )


def _wait_until_started(node: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + SECONDS_TO_START
    while STARTED not in log.read_bytes():
        if node.poll() is not None or time.monotonic() > end:
            said = log.read_text(errors="replace").strip().split("\n")[-1]
            raise OSError(f"a Ray node did not start: {said or 'it said nothing'}")
        time.sleep(0.05)
