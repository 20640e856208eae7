"""Plant a bug in a copy of the book and see which tests turn red.

The copy holds the modules and the tests, no notebooks. On Linux one warm process has
torch and pytest loaded and forks a child for each bug, which then imports the book anew
with the bug in it: a second or less, where a fresh interpreter takes five. Elsewhere
each run is a fresh interpreter.
"""

import contextlib
import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FORKS = sys.platform == "linux"
PASSED, FAILED = 0, 1
OPTIONS = ["-x", "-q", "--tb=short", "--no-header", "-o", "addopts="]
OPTIONS += ["-p", "no:cacheprovider"]
# Imported once by the warm process; nothing of the book is among them.
HEAVY = (
    "torch numpy regex tiktoken safetensors.torch tqdm hypothesis pytest "
    "transformers.models.llama.modeling_llama transformers.models.gpt2.modeling_gpt2 "
    "transformers.models.mistral.modeling_mistral "
    "transformers.models.qwen2.modeling_qwen2 transformers.models.qwen3.modeling_qwen3"
).split()


@dataclass(frozen=True)
class Bug:
    """One mistake: the exact text it replaces, and the tests that must turn red."""

    name: str
    file: str
    right: str
    wrong: str
    tests: tuple[str, ...]


class PlantedTree:
    """A copy of the book that tests run in, with one bug at a time."""

    def __init__(self, folder, shared):
        self.folder, self.shared, self.clock = Path(folder), shared, int(time.time())
        leave = shutil.ignore_patterns("__pycache__", "*.ipynb", ".*")
        for source in [*sorted(ROOT.glob("ch*_*")), ROOT / "common", ROOT / "tests"]:
            shutil.copytree(source, self.folder / source.name, ignore=leave)
        shutil.copy(ROOT / "pyproject.toml", self.folder)
        # No plug-ins of others: looking for them takes longer than most tests.
        self.environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        self.server = None
        if FORKS:
            self.server = subprocess.Popen(
                [sys.executable, "-m", "tests.planted"],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )

    def close(self):
        if self.server is not None:
            self.server.stdin.close()
            self.server.wait(timeout=60)

    def run(self, tests):
        """Run tests in the copy; return pytest's exit status and its output."""
        arguments = [*OPTIONS, f"--shared={self.shared}", *tests]
        if self.server is None:
            done = subprocess.run(
                [sys.executable, "-m", "pytest", *arguments],
                cwd=self.folder,
                env=self.environment,
                capture_output=True,
                text=True,
                timeout=300,
            )
            return done.returncode, done.stdout
        self.server.stdin.write(json.dumps(arguments) + "\n")
        self.server.stdin.flush()
        return json.loads(self.server.stdout.readline())

    @contextlib.contextmanager
    def planted(self, bug):
        """Put a bug into the copy, and take it out again."""
        path = self.folder / bug.file
        text = path.read_text(encoding="utf-8")
        if text.count(bug.right) != 1:
            raise ValueError(
                f"{bug.name}: {bug.file} holds the text {text.count(bug.right)} times; "
                f"update the row to the present source: {bug.right!r}"
            )
        self.write(path, text.replace(bug.right, bug.wrong))
        try:
            yield
        finally:
            self.write(path, text)

    def write(self, path, text):
        """Write a module at a time of its own, so that no stale bytecode is used."""
        path.write_text(text, encoding="utf-8")
        self.clock += 2
        os.utime(path, (self.clock, self.clock))


def serve():
    """Read pytest arguments line by line; answer [status, output] for each."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for name in HEAVY:
        __import__(name)
    gc.freeze()  # children need not collect what they inherit
    for line in sys.stdin:
        with tempfile.TemporaryFile() as output:
            child = os.fork()
            if child == 0:
                run_child(json.loads(line), output)
            status = wait(child)
            # What the run started and left behind, such as a pool of processes.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, 9)
            output.seek(0)
            text = output.read().decode(errors="replace")
        answers.write(json.dumps([status, text]) + "\n")
        answers.flush()
    os._exit(0)


def wait(child, seconds=300):
    """Wait for a child to end; end it if it takes too long (status -1)."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return -1


def run_child(arguments, output):
    """Run pytest with all its output in a file, and leave without cleaning up."""
    import pytest

    os.setsid()
    os.dup2(output.fileno(), 1)
    os.dup2(output.fileno(), 2)
    status = 70
    try:
        status = int(pytest.main(arguments))
        import ch01_data

        # The installed book must not stand in for the copy.
        if not ch01_data.__file__.startswith(os.getcwd()):
            print(f"tested {ch01_data.__file__} instead of the copy")
            status = 71
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    serve()
