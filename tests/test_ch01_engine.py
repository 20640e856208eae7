"""The engines: any number of processes, either engine, the same bytes; nothing is lost.

What a cluster costs beside one machine is measured by a command (engine_ray.py).
"""

import importlib
import json
import os
import pickle
import random
import signal
import subprocess
import sys
import time
import tracemalloc
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import psutil
import pytest

from ch01_data import data, engine
from ch01_data.batch_stages import StageConfig, clean_batch
from ch01_data.data import CorpusConfig, build_corpus, main, work_folder
from ch01_data.dedup import near_duplicates
from ch01_data.engine import LocalEngine, batches_of
from ch01_data.engine_ray import (
    RayEngine,
    free_port,
    loopback_cluster,
    node_address,
    processes_of,
)
from ch01_data.files import sha256
from ch01_data.learned_filters import load_learned_filters
from ch01_data.sources import Document
from ch01_data.spool import Columns, Spool, document_of, row_of
from ch01_data.stages import STAGES, BatchStage, Corpus, CorpusStage, run_stages
from ch01_data.storyworld import generate
from tests.families import few_filters, sample

# Of the corpus that chapter 1 built before it had engines: the measured figures of the
# book rest on these bytes.
STORYWORLD = {
    "train-00000.jsonl": (
        "3941eceb67991f7149d4efa28144af82fd26586242ab6c5992ea630e4b1bd60c"
    ),
    "validation.jsonl": (
        "6e1833526833d8ddc6755ef8df1d62f882faaf7eb81edc71a09580279739fe2a"
    ),
    "heldout.jsonl": (
        "426db08012a3e07955ae95dce798d7289ba4e8dcfc4ce30e244ba2ea9ff8d26d"
    ),
}
SMALL = {"seed": 5, "n_documents": 300, "n_validation": 40, "n_heldout": 30}


def tree(folder):
    """Return {file name: SHA-256} of everything in a folder, hidden files too."""
    return {path.name: sha256(path) for path in sorted(Path(folder).iterdir())}


def dirty_texts(n=160, seed=2):
    """Return stories with e-mail, junk, equal texts, near copies and long texts."""
    rng = random.Random(seed)
    texts = [story.text for story in generate(n, seed, "train")]
    texts += [f"{text} Write to {i}@mill.example." for i, text in enumerate(texts[:9])]
    texts += texts[20:40] + ["Too short.", "e\u0301te\u0301 " * 40, "x" * 5000]
    texts += [f"{text} You are all bogwits!" for text in texts[40:43]]
    texts += sample("spam", "fit", 2) + sample("gibberish", "fit", 2)
    texts += [GERMAN.format(number) for number in ("drei", "vier")]
    others = [story.text for story in generate(14, seed + 1, "train")]
    texts += [f"{text}\n{FURNITURE}\n" for text in others]
    long = [" ".join(rng.sample(texts[:n], 8)) for _ in range(12)]
    texts += long + [text.replace("the", "that", 2) for text in long]
    rng.shuffle(texts)
    return texts


FURNITURE = "All rights are reserved by the owners of this page."
GERMAN = (
    "Es waren einmal {} alte Freunde, die wohnten in einem kleinen Haus am Rand des "
    "Waldes. Jeden Morgen gingen sie zusammen an den Fluss und holten frisches Wasser."
)


@pytest.fixture
def dirty(tmp_path):
    """Texts for which every stage has work, some of them with an address."""
    path, rows = tmp_path / "dirty.jsonl", []
    for number, text in enumerate(dirty_texts()):
        rows.append({"text": text, "id": str(number)})
        if number % 3 == 0:
            rows[-1]["url"] = f"https://example.org/page/{number // 6}?utm_source=x"
    rows[30]["url"] = "http://free-pills.example/"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def filters(tmp_path_factory):
    """The folder of filters learnt from a few texts."""
    folder = tmp_path_factory.mktemp("filters")
    few_filters().save(folder)
    return folder


@pytest.fixture
def thorough(dirty, filters, tmp_path):
    """Return a function that makes a config in which every stage there is runs."""
    exams = tmp_path / "exams.jsonl"
    text = [story.text for story in generate(160, 2, "train")][100]
    exams.write_text(json.dumps({"text": text}) + "\n", encoding="utf-8")

    def config(name, **options):
        return CorpusConfig(
            source=str(dirty),
            out=str(tmp_path / name),
            stages=tuple(STAGES),
            evaluation=str(exams),
            learned=str(filters),
            **options,
        )

    return config


# --- the same bytes ------------------------------------------------------------------


def test_storyworld_is_byte_for_byte_what_it_was(tmp_path):
    report = build_corpus(CorpusConfig(out=str(tmp_path), **SMALL))
    assert report.files == STORYWORLD
    assert {name: sha256(tmp_path / name) for name in STORYWORLD} == STORYWORLD


def test_every_stage_has_work_in_what_is_compared_here(thorough):
    report = build_corpus(thorough("out", workers=1))
    for stage in report.stages[1:]:
        assert stage.ran and (stage.removed or stage.note), stage.name
    assert [stage.name for stage in report.stages[1:]] == list(STAGES)


def test_any_number_of_workers_gives_the_same_bytes(thorough, monkeypatch):
    monkeypatch.setattr(engine, "BATCH_BYTES", 9_000)
    made = []
    for workers in (1, 2, 4):
        config = thorough(str(workers), workers=workers)
        build_corpus(config)
        made.append(tree(config.out))
    assert made[0] == made[1] == made[2]
    assert set(made[0]) == {
        "README.md",
        "report.json",
        "train-00000.jsonl",
        "validation.jsonl",
    }


@pytest.mark.parametrize("batch_bytes", [1, 700, 20_000])
def test_where_batches_end_does_not_matter(batch_bytes, thorough, monkeypatch):
    one, other = thorough("a", workers=1), thorough("b", workers=1)
    build_corpus(one)
    monkeypatch.setattr(engine, "BATCH_BYTES", batch_bytes)
    build_corpus(other)
    assert tree(one.out) == tree(other.out)


def test_storyworld_in_several_processes_is_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "BATCH_BYTES", 20_000)
    report = build_corpus(CorpusConfig(out=str(tmp_path), workers=2, **SMALL))
    assert report.files == STORYWORLD


# --- the local engine ----------------------------------------------------------------


def square(number):
    time.sleep(0.02 * (number % 3 == 0))  # the later ones are ready first
    return number * number


def die_once(marker, number):
    """End this very process at one item, the first time that it is met."""
    if number == 5 and not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number + 1


def die_always(number):
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def refuse(number):
    if number == 7:
        raise ValueError(f"{number} is not wanted")
    return number


@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_the_order_of_the_items(workers):
    with LocalEngine(workers) as local:
        assert list(local.run(square, range(40))) == [n * n for n in range(40)]


def test_items_are_read_only_as_fast_as_results_are_taken():
    taken = []

    def items():
        for number in range(1000):
            taken.append(number)
            yield number

    with LocalEngine(2) as local:
        results = local.run(square, items())
        assert list(islice(results, 3)) == [0, 1, 4]
        assert len(taken) <= 3 + engine.AT_WORK * 2


def test_a_worker_that_is_killed_loses_nothing(tmp_path):
    with LocalEngine(2) as local:
        found = list(local.run(partial(die_once, tmp_path / "met"), range(30)))
    assert found == [number + 1 for number in range(30)]
    assert (tmp_path / "met").exists(), "no process was killed"


def test_a_batch_that_kills_every_worker_is_named_in_one_line():
    with LocalEngine(2) as local, pytest.raises(OSError, match="died 3 times"):
        list(local.run(die_always, range(30)))


def test_what_a_stage_raises_is_raised_here_and_no_process_stays():
    me = psutil.Process()
    before = set(me.children(recursive=True))
    with pytest.raises(ValueError, match="7 is not wanted"), LocalEngine(2) as local:
        list(local.run(refuse, range(30)))
    left = [p for p in set(me.children(recursive=True)) - before if is_worker(p)]
    assert not left


def is_worker(process):
    """Tell whether a process runs tasks (and is not Python's own resource tracker)."""
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False


PATIENT = """
import sys, time
from ch01_data.engine import LocalEngine
if __name__ == "__main__":
    with LocalEngine(2) as local:
        for _ in local.run(time.sleep, [0.01, 0.01] + [60] * 9):
            print("begun", flush=True)
"""


def test_workers_end_when_their_parent_is_killed(tmp_path):
    script = tmp_path / "patient.py"
    script.write_text(PATIENT)
    parent = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE)
    assert parent.stdout.readline() == b"begun\n"
    workers = [
        process
        for process in psutil.Process(parent.pid).children(recursive=True)
        if is_worker(process)
    ]
    assert len(workers) == 2
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs(workers, timeout=10)
    for process in alive:
        process.kill()
    assert not alive


# --- nothing half-written ------------------------------------------------------------

SLOW_BUILD = """
import sys, time
from ch01_data import origins
from ch01_data.data import CorpusConfig, build_corpus
from ch01_data.sources import Document
def slowly(*_, **__):
    for number in range(10_000):
        yield Document(f"document {number} of a long day " * 9, str(number))
        if number > 50:
            print("begun", flush=True)
            time.sleep(30)
origins.read_documents = slowly
build_corpus(CorpusConfig(source="x", out=sys.argv[1], workers=1))
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_build_that_is_ended_leaves_no_output(how, dirty, tmp_path):
    home = tmp_path / "runs"
    home.mkdir()
    out = home / "data"
    command = [sys.executable, "-c", SLOW_BUILD, str(out)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert child.stdout.readline() == b"begun\n"
    assert [path.suffix for path in home.iterdir()] == [".tmp"]
    child.send_signal(how)
    child.wait()
    assert not out.exists()
    left = list(home.iterdir())
    assert len(left) == (how == signal.SIGKILL), "only SIGKILL leaves the work folder"
    build_corpus(CorpusConfig(source=str(dirty), out=str(out)))
    assert [path.name for path in home.iterdir()] == ["data"], "and it is swept up"


def test_a_full_disk_leaves_the_older_corpus_whole(dirty, tmp_path, monkeypatch):
    config = CorpusConfig(source=str(dirty), out=str(tmp_path / "o"), workers=1)
    build_corpus(config)
    before = tree(tmp_path / "o")

    def full(self, rows, columns):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Spool, "append", full)
    with pytest.raises(OSError, match="No space left"):
        build_corpus(replace(config, seed=1))
    assert tree(tmp_path / "o") == before


def test_a_work_folder_of_a_living_process_is_left_alone(tmp_path):
    with work_folder(str(tmp_path / "a")) as first:
        with work_folder(str(tmp_path / "b")) as second:
            assert first != second and first.exists() and second.exists()
        assert first.exists() and not second.exists()
    assert list(tmp_path.iterdir()) == []


# --- on disk -------------------------------------------------------------------------


def test_a_spool_gives_back_what_was_put_in(tmp_path):
    documents = [
        Document("one\n", "a", log_prob=-0.1),
        Document("zw\u00f6lf \u6f22\u5b57", "b", "http://b.example/", "s"),
        Document("", "c"),
    ] * 5
    spool = Spool(tmp_path)
    for number in range(0, 15, 4):
        part = documents[number : number + 4]
        values = np.arange(number, number + len(part), dtype=np.int16)
        spool.append(list(map(row_of, part)), {"number": values})
    assert len(spool) == 15 and list(spool.documents()) == documents
    assert [document_of(row) for row in spool.rows([3, 1, 1, 14])] == [
        documents[index] for index in (3, 1, 1, 14)
    ]
    assert spool.column("number").tolist() == list(range(15))
    with pytest.raises(ValueError, match="columns"):
        spool.append([b"{}\n"], {"other": np.zeros(1)})
    with pytest.raises(ValueError, match="columns"):
        Columns(tmp_path / "c").append({"a": np.zeros(1), "b": np.zeros(2)})


def test_batches_hold_all_documents_in_order():
    rng = random.Random(0)
    documents = [Document("x" * rng.randrange(400_000), str(i)) for i in range(40)]
    batches = list(batches_of(documents))
    assert [document for batch in batches for document in batch] == documents
    sizes = [sum(len(d.text) for d in batch) for batch in batches]
    assert all(size >= engine.BATCH_BYTES for size in sizes[:-1])
    assert max(sizes) < engine.BATCH_BYTES + 400_000


# --- stages --------------------------------------------------------------------------


def test_batch_stages_stand_before_corpus_stages():
    kinds = [isinstance(stage, CorpusStage) for stage in STAGES.values()]
    assert kinds == sorted(kinds)
    assert all(isinstance(s, (BatchStage, CorpusStage)) for s in STAGES.values())


def test_a_batch_stage_judges_each_document_by_itself(filters):
    documents = [Document(text, str(i)) for i, text in enumerate(dirty_texts(60))]
    learned = pickle.dumps(load_learned_filters(filters))
    config = StageConfig(evaluation=(documents[3].text,), learned=learned)
    for name, stage in STAGES.items():
        if isinstance(stage, BatchStage):
            together = stage.run(documents, config)
            alone = [stage.run([document], config) for document in documents]
            assert together.documents == [d for each in alone for d in each.documents]
            assert together.removed == sum((e.removed for e in alone), Counter())
            assert set(together.removed) <= set(stage.reasons), name


def test_counts_of_batches_add_up_to_the_funnel():
    texts = dirty_texts()
    documents = [Document(text, str(i)) for i, text in enumerate(texts)]
    functions = {name: STAGES[name].run for name in ("normalize", "quality")}
    halves = [
        clean_batch(half, functions, StageConfig())
        for half in (documents[:50], documents[50:])
    ]
    both = clean_batch(documents, functions, StageConfig())
    for name, tally in both.tallies.items():
        assert halves[0].tallies[name].plus(halves[1].tallies[name]) == tally
    for name, column in both.columns.items():
        joined = np.concatenate([half.columns[name] for half in halves])
        assert joined.tolist() == column.tolist()


def near_reference(texts, threshold):
    """Return what near_duplicates leaves of the texts."""
    again = {i for cluster in near_duplicates(texts, threshold) for i in cluster[1:]}
    return [text for i, text in enumerate(texts) if i not in again]


def planted(threshold, seed):
    """Return texts with near copies on both sides of a threshold, chains among them."""
    rng = random.Random(seed)
    words = [f"word{i}" for i in range(3000)]
    texts = ["", " ", "one two", "one two", *map(str, range(5))]
    for _ in range(60):
        text = rng.choices(words, k=rng.randrange(3, 160))
        for _ in range(rng.randrange(4)):
            texts.append(" ".join(text))
            place = rng.randrange(len(text))
            spread = max(round(len(text) * (1 - threshold) / 6), 1)
            if rng.random() < 0.7:
                new = rng.choices(words, k=spread)
                text = text[:place] + new + text[place + spread :]
        texts.append(" ".join(text))
    rng.shuffle(texts)
    return texts


@pytest.mark.parametrize("threshold", [0.5, 0.8, 1.0])
@pytest.mark.parametrize("batch_bytes", [2_000, 1_000_000])
def test_near_duplicates_on_disk_are_those_of_the_texts(
    threshold, batch_bytes, monkeypatch
):
    monkeypatch.setattr(engine, "BATCH_BYTES", batch_bytes)
    texts = planted(threshold, seed=int(10 * threshold))
    documents = [Document(text, str(i)) for i, text in enumerate(texts)]
    kept, _ = run_stages(documents, ("near_duplicates",), threshold=threshold)
    assert [document.text for document in kept] == near_reference(texts, threshold)
    assert len(kept) < len(texts) - 20


def test_of_equal_texts_the_first_stays():
    texts = ["b", "a", "b", "c", "a", "a", ""]
    documents = [Document(text, str(i)) for i, text in enumerate(texts)]
    kept, counts = run_stages(documents, ("exact_duplicates",))
    assert [d.id for d in kept] == ["0", "1", "3", "6"]
    assert [c.removed for c in counts if c.ran] == [{"equal": 3}]


def many_texts(n):
    """Yield texts of about 800 bytes, one in ten a copy, one in ten a near copy."""
    rng = random.Random(3)
    words = [f"word{i}" for i in range(3000)]
    text = []
    for number in range(n):
        if number % 10 == 1:
            text = [*text[:50], "another", *text[51:]]
        elif number % 10 != 2:
            text = rng.choices(words, k=100)
        yield Document(" ".join(text), str(number))


def test_memory_grows_by_less_than_a_quarter_of_the_text(tmp_path, monkeypatch):
    """Peak of Python's and NumPy's memory at 1 and at 4 MB, in this process."""
    monkeypatch.setattr(engine, "BATCH_BYTES", 100_000)
    peaks = []
    for n in (1_250, 5_000):
        path = tmp_path / f"{n}.jsonl"
        path.write_bytes(b"".join(map(row_of, many_texts(n))))
        config = CorpusConfig(
            source=str(path),
            out=str(tmp_path / str(n)),
            stages=("exact_duplicates", "near_duplicates"),
            workers=1,
        )
        tracemalloc.start()
        report = build_corpus(config)
        peaks.append((report.stages[0].bytes_in, tracemalloc.get_traced_memory()[1]))
        tracemalloc.stop()
        removed = {stage.name: stage.removed for stage in report.stages}
        assert removed["near_duplicates"] == {"nearly equal": n / 10}
    (small, low), (large, high) = peaks
    assert (high - low) / (large - small) < 0.25


# --- other machines' file systems ----------------------------------------------------


def test_a_corpus_goes_to_and_comes_from_an_address(dirty, tmp_path):
    import fsspec

    system = fsspec.filesystem("memory")
    near, far = tmp_path / "near", "memory://corpora/far"
    local = build_corpus(CorpusConfig(source=str(dirty), out=str(near), workers=1))
    system.pipe_file("/corpora/far/train-00009.jsonl", b"of an older corpus")
    system.pipe_file("/corpora/far/notes.txt", b"somebody else's")
    build_corpus(CorpusConfig(source=str(dirty), out=far, workers=1))
    there = {Path(name).name for name in system.ls("/corpora/far", detail=False)}
    assert there == {*tree(near), "notes.txt"}
    for name in tree(near):
        assert system.cat_file(f"/corpora/far/{name}") == (near / name).read_bytes()

    again = tmp_path / "again"
    for source in (far, f"{far}/train-*.jsonl", f"{far}/train-00000.jsonl"):
        report = build_corpus(CorpusConfig(source=source, out=str(again), workers=1))
        first = json.loads((again / "train-00000.jsonl").read_text().splitlines()[0])
        assert first["source"] == source
        assert report.stages[0].documents_out >= local.splits["train"]["documents"]
    system.rm("/corpora", recursive=True)


def test_a_file_address_is_a_path_of_this_machine(dirty, tmp_path):
    config = CorpusConfig(source=f"file://{dirty}", out=f"file://{tmp_path}/there")
    assert config.source == str(dirty)
    build_corpus(replace(config, workers=1))
    assert (tmp_path / "there" / "report.json").exists()


@pytest.mark.parametrize("source", ["memory://nothing/here", "nonsense://x/y"])
def test_an_address_without_text_is_one_line(source, tmp_path, capsys):
    assert main(["--source", source, "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


class FarEngine(LocalEngine):
    """Runs here what could run anywhere: it refuses what names a working file."""

    shares_disk = False
    sent = 0

    def run(self, function, items):
        for item in items:
            sent = pickle.dumps((function, item))
            assert b".corpus-" not in sent, f"{function} needs the disk of this machine"
            FarEngine.sent += 1
            function, item = pickle.loads(sent)
            yield function(item)


def test_what_is_sent_to_other_machines_needs_no_file_of_this_one(
    thorough, monkeypatch
):
    near, far = thorough("near", workers=1), thorough("far")
    build_corpus(near)
    monkeypatch.setattr(data, "open_engine", lambda config: FarEngine())
    build_corpus(far)
    assert tree(near.out) == tree(far.out) and FarEngine.sent >= 4


# --- Ray -----------------------------------------------------------------------------


@contextmanager
def at_most(seconds):
    """Raise TimeoutError in what takes longer, so that a cluster cannot hang us."""

    def stop(*_):
        raise TimeoutError(f"still at work after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def cluster():
    """The address of a cluster of two nodes on this machine."""
    with at_most(240), loopback_cluster(nodes=2, cores=1) as address:
        signal.alarm(0)
        yield address
        children = psutil.Process().children(recursive=True)
        sessions = {os.getsid(p.pid) for p in children if p.name() == "raylet"}
        assert sessions and os.getsid(0) not in sessions
    left = [process.name() for process in processes_of(sessions)]
    assert not left, "processes of the cluster that nobody ended"


def both_at_work(folder):
    """Note this process and its node; wait for the first one of the other node."""
    Path(folder, f"{os.getppid()}.{os.getpid()}").touch()
    end = time.monotonic() + 40
    while len({path.stem for path in Path(folder).iterdir()}) < 2:
        assert time.monotonic() < end, "nobody works on the other node"
        time.sleep(0.01)


def words_in(text):
    return len(text.split())


def words_in_and_die(folder, text):
    """Count words where both nodes work; of all processes, end the first in between."""
    both_at_work(folder)
    if FURNITURE in text:
        end_once(Path(folder).with_suffix(".died"))
    return words_in(text)


def end_once(marker):
    """End this very process, unless one has ended here before."""
    try:
        marker.touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def square_of_both(folder, number):
    both_at_work(folder)
    time.sleep(0.02)
    return number * number


class NotThere:
    """What only this machine has: elsewhere its module is missing."""

    def __reduce__(self):
        return importlib.import_module, ("nowhere",)


def test_two_nodes_give_the_bytes_of_one_process_though_a_worker_is_killed(
    cluster, thorough, tmp_path, monkeypatch
):
    monkeypatch.setattr(engine, "BATCH_BYTES", 9_000)
    build_corpus(thorough("local", workers=1), words_in)
    nodes = tmp_path / "nodes"
    nodes.mkdir()
    config = thorough("ray", engine="ray", address=cluster)
    with at_most(100):
        build_corpus(config, partial(words_in_and_die, str(nodes)))
    assert tree(tmp_path / "ray") == tree(tmp_path / "local")
    assert (tmp_path / "nodes.died").exists(), "no process was killed"
    assert len({path.stem for path in nodes.iterdir()}) == 2, "one node did it all"


def test_what_a_stage_raises_there_is_raised_here_and_a_lost_node_loses_nothing(
    cluster, tmp_path
):
    raylets = [
        process
        for process in psutil.Process().children(recursive=True)
        if process.name() == "raylet" and node_address(1) in " ".join(process.cmdline())
    ]
    with at_most(100), RayEngine(cluster) as ray:
        with pytest.raises(ValueError, match="^7 is not wanted"):
            list(ray.run(refuse, range(30)))
        with pytest.raises(OSError, match="No module named 'nowhere'.*install"):
            list(ray.run(partial(square_of_both, NotThere()), range(3)))
        found = ray.run(partial(square_of_both, str(tmp_path)), range(60))
        first = list(islice(found, 9))
        (raylet,) = raylets
        raylet.terminate()  # killed, it would be missed only after a quarter minute
        assert first + list(found) == [number * number for number in range(60)]
    assert len({path.stem for path in tmp_path.iterdir()}) == 2


STARTER = """
import subprocess, sys, time
from ch01_data import engine_ray
def start(place, number, cores, log):
    log.write_bytes(engine_ray.STARTED)
    command = [sys.executable, "-c", sys.argv[1]]
    return subprocess.Popen(command, start_new_session=True)
engine_ray._start_node = start
with engine_ray.loopback_cluster(nodes=1):
    time.sleep(60)
"""
NODE = """
import subprocess, sys, time
orphan = "import time; time.sleep(60)"  # no list of descendants holds it
parent = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', sys.argv[1]])"
subprocess.run([sys.executable, "-c", parent, orphan])
print("up", flush=True)
time.sleep(60)
"""


def test_a_cluster_ends_when_the_process_that_started_it_is_killed():
    command = [sys.executable, "-c", STARTER, NODE]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as starter:
        assert starter.stdout.readline() == b"up\n"
        guard, node = psutil.Process(starter.pid).children()
        ours = list(processes_of({os.getsid(guard.pid), os.getsid(node.pid)}))
        assert len(ours) == 3, "the guard, the node and the orphan"
        folder = guard.cmdline()[-1]
        starter.kill()
    _, alive = psutil.wait_procs(ours, timeout=15)
    for process in alive:
        process.kill()
    assert not alive and not Path(folder).exists()


def test_a_cluster_that_is_not_there_is_one_line(dirty, tmp_path, capsys):
    address = f"127.0.0.1:{free_port()}"
    options = ["--source", str(dirty), "--out", str(tmp_path / "o"), "--engine", "ray"]
    assert main([*options, "--address", address]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: no Ray cluster at") and error.count("\n") == 1
    assert not (tmp_path / "o").exists()


def test_an_address_needs_the_engine_ray():
    with pytest.raises(ValueError, match="needs engine ray"):
        CorpusConfig(address="127.0.0.1:1")


def test_a_corpus_reads_its_texts_again_in_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "BATCH_BYTES", 3)
    spool = Spool(tmp_path)
    spool.append([row_of(Document(t, t)) for t in "abcdefgh"], {})
    corpus = Corpus(spool, np.array([0, 2, 3, 7, 5]), tmp_path)
    for _ in range(2):
        assert list(corpus.batches()) == [["a", "c", "d"], ["h", "f"]]
    left = corpus.without(np.array([3, 5]))
    assert left.kept.tolist() == [0, 2, 7]
