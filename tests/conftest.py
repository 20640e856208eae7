"""What every test stands on: one thread, no network, and no silent skips."""

import os
import sys

# Before torch is imported anywhere: small tensors are several times faster with one
# thread (27 s -> 3 s on two cores), and sums are added in one order.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
for _offline in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"):
    os.environ[_offline] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["GLOO_SOCKET_IFNAME"] = "lo0" if sys.platform == "darwin" else "lo"

import shutil  # noqa: E402
import subprocess  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

import pytest  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SHARED_ABSENT = "--shared folder is absent"
MAY_SKIP = ("network", "gpu", "browser")


def pytest_addoption(parser):
    parser.addoption(
        "--shared",
        default="../shared",
        help="folder with data/tinyshakespeare.txt and data/tiktoken-cache, "
        "relative to the project (tests that use it skip where it is absent)",
    )
    parser.addoption(
        "--impl",
        default="solutions",
        choices=("answers", "exercises", "solutions", "wrong"),
        help="whose work tests/exercises grades: yours (answers), the untouched stubs "
        "(exercises), the book's (solutions) or planted mistakes (wrong)",
    )
    parser.addoption(
        "--answers", default="answers", help="folder of your work for --impl=answers"
    )
    parser.addoption(
        "--bad-inputs",
        type=int,
        default=200,
        help="how many generated bad inputs tests/test_ch01_bad_inputs.py reads",
    )
    parser.addoption(
        "--network", action="store_true", help="run the tests that need the network"
    )


def pytest_configure(config):
    import torch

    torch.set_num_threads(1)


def why_skip(item):
    """Return why this machine cannot run a marked test, or None if it can."""
    if item.get_closest_marker("network") and not item.config.getoption("--network"):
        return "needs the network (--network)"
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            return "needs a CUDA device"
    if item.get_closest_marker("browser") and not any(map(shutil.which, BROWSERS)):
        return f"needs a browser: one of {', '.join(BROWSERS)}"
    return None


def pytest_runtest_setup(item):
    reason = why_skip(item)
    if reason:
        pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Turn a skip that no rule allows into a failure: a skipped test proves nothing."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        marked = any(item.get_closest_marker(name) for name in MAY_SKIP)
        if not marked and SHARED_ABSENT not in str(report.longrepr):
            report.outcome = "failed"
            report.longrepr = (
                f"skipped without leave: {call.excinfo.value} (only tests marked "
                f"{', '.join(MAY_SKIP)} and those of an absent --shared may skip)"
            )
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    report = yield
    if report.skipped:
        report.outcome = "failed"
        report.longrepr = f"a whole file was skipped: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def shared(pytestconfig):
    """The folder of test data that is not part of the project."""
    folder = (pytestconfig.rootpath / pytestconfig.getoption("--shared")).resolve()
    if not folder.is_dir():
        pytest.skip(f"{SHARED_ABSENT}: {folder}")
    return folder


def drop_if_stale(claim, seconds=600):
    """Remove a lock that is older than any quick run takes: its owner is dead."""
    try:
        if time.time() - claim.stat().st_mtime > seconds:
            claim.unlink()
    except FileNotFoundError:
        pass


@pytest.fixture(scope="session")
def quick_run():
    """A small finished run of the whole pipeline, made once and shared by all tests."""
    run = ROOT / "runs" / "quick"
    claim = ROOT / "runs" / ".quick.lock"
    claim.parent.mkdir(exist_ok=True)
    while not (run / "report.json").exists():
        try:
            os.close(os.open(claim, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            time.sleep(1)
            drop_if_stale(claim)
            continue
        try:
            command = [sys.executable, "-m", "common.pipeline", "--preset", "quick"]
            subprocess.run([*command, "--out", str(run)], cwd=ROOT, check=True)
        finally:
            claim.unlink(missing_ok=True)
    return run
