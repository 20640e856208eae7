"""Chapter 2: encoding that is stopped goes on, and its bytes are those of one run."""

import json
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from ch02_tokenization import shards
from ch02_tokenization.pieces import batches
from ch02_tokenization.shards import TokenShard, encode_corpus
from ch02_tokenization.tokenization import SPECIAL_TOKENS, train_bpe
from ch02_tokenization.unfinished import PartialShard, make_block

ROOT = Path(__file__).resolve().parents[1]
TEXTS = [f"Story {i}: the {'red ' * (i % 4)}key — number {i * i}." for i in range(40)]
TEXTS[7], TEXTS[8] = "", "<|endoftext|>"


@pytest.fixture(scope="module")
def tokenizer():
    return train_bpe(TEXTS, 320, SPECIAL_TOKENS)


@pytest.fixture(autouse=True)
def blocks_of_five(monkeypatch):
    monkeypatch.setattr(shards, "batches", partial(batches, documents=5))


@pytest.fixture
def encoded(monkeypatch):
    """The first texts of the blocks that are encoded, in order."""
    seen, encode = [], shards.encode_block

    def spy(block, **keywords):
        seen.append(block.texts[0])
        return encode(block, **keywords)

    monkeypatch.setattr(shards, "encode_block", spy)
    return seen


@pytest.fixture
def expected(tokenizer, tmp_path):
    """The two files of a run that nothing stopped."""
    encode_corpus(TEXTS, tokenizer, tmp_path / "whole" / "corpus")
    return contents(tmp_path / "whole")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def stop_after(tokenizer, folder, n, texts=TEXTS, processes=1):
    """Encode until `n` texts were asked for; then the power fails."""

    def broken():
        yield from texts[:n]
        raise OSError("the power is gone")

    with pytest.raises(OSError, match="the power is gone"):
        encode_corpus(broken(), tokenizer, folder / "corpus", processes)


def test_a_stopped_run_goes_on_where_it_was(tokenizer, tmp_path, expected, encoded):
    stop_after(tokenizer, tmp_path / "new", 23)
    assert sorted(contents(tmp_path / "new")) == [
        ".corpus.bin.part",
        ".corpus.journal.part",
    ]
    assert encoded == [TEXTS[i] for i in (0, 5, 10, 15)]
    encoded.clear()
    shard = encode_corpus(TEXTS, tokenizer, tmp_path / "new" / "corpus")
    assert encoded == [TEXTS[i] for i in (20, 25, 30, 35)]
    assert contents(tmp_path / "new") == expected
    assert shard.text_bytes == sum(len(text.encode()) for text in TEXTS)


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_however_often_and_by_however_many_the_bytes_are_equal(
    tokenizer, tmp_path, expected, processes
):
    for n in (11, 3, 24, 39):
        stop_after(tokenizer, tmp_path / "new", n, processes=processes)
    encode_corpus(TEXTS, tokenizer, tmp_path / "new" / "corpus", processes)
    assert contents(tmp_path / "new") == expected


def changed(texts, place):
    return [text + "!" * (i == place) for i, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("before", "first"),
    [
        (changed(TEXTS, 12), 10),  # a text of the third block was another one
        (TEXTS[1:], 0),  # a text was added in front
        ([*TEXTS[:30], *TEXTS[35:]], 30),  # a block was added near the end
        ([*TEXTS[:4], TEXTS[4] + TEXTS[5], "", *TEXTS[6:]], 0),  # borders moved
    ],
)
def test_a_changed_corpus_is_encoded_again_from_where_it_differs(
    tokenizer, tmp_path, expected, encoded, before, first
):
    stop_after(tokenizer, tmp_path / "new", 39, before)
    encoded.clear()
    encode_corpus(TEXTS, tokenizer, tmp_path / "new" / "corpus")
    assert encoded[0] == TEXTS[first] and len(encoded) == (40 - first) // 5
    assert contents(tmp_path / "new") == expected


def test_a_corpus_that_has_shrunk_leaves_nothing_behind(tokenizer, tmp_path, expected):
    stop_after(tokenizer, tmp_path / "new", 60, [*TEXTS, *TEXTS])
    encode_corpus(TEXTS, tokenizer, tmp_path / "new" / "corpus")
    assert contents(tmp_path / "new") == expected


def test_parts_of_another_tokenizer_are_thrown_away(tokenizer, tmp_path, expected):
    stop_after(train_bpe(TEXTS, 300, SPECIAL_TOKENS), tmp_path / "new", 23)
    encode_corpus(TEXTS, tokenizer, tmp_path / "new" / "corpus")
    assert contents(tmp_path / "new") == expected


@pytest.mark.parametrize("name", [".corpus.bin.part", ".corpus.journal.part"])
def test_parts_cut_or_damaged_anywhere_do_no_harm(
    tokenizer, tmp_path, expected, encoded, name
):
    stop_after(tokenizer, tmp_path, 23)
    parts = {path: path.read_bytes() for path in tmp_path.glob(".corpus*")}
    length = len(parts[tmp_path / name])
    for place in [*range(0, length, max(1, length // 25)), length - 1]:
        for damage in ("cut", "flip", "longer"):
            data = bytearray(parts[tmp_path / name])
            if damage == "cut":
                del data[place:]
            elif damage == "flip":
                data[place] ^= 1
            else:
                data += data[place:]
            for path, content in parts.items():
                path.write_bytes(content)
            (tmp_path / name).write_bytes(data)
            encode_corpus(TEXTS, tokenizer, tmp_path / "corpus")
            files = {n: (tmp_path / n).read_bytes() for n in expected}
            assert files == expected, f"{damage} at {place}"
            assert not list(tmp_path.glob(".corpus*"))


def test_a_failed_run_leaves_the_old_shard_whole(tokenizer, tmp_path):
    encode_corpus(TEXTS[:9], tokenizer, tmp_path / "corpus")
    stop_after(tokenizer, tmp_path, 23)
    assert len(TokenShard.open(tmp_path / "corpus", tokenizer)) == 9
    encode_corpus(TEXTS, tokenizer, tmp_path / "corpus")
    assert len(TokenShard.open(tmp_path / "corpus", tokenizer)) == 40


def test_a_run_stopped_in_its_first_block_leaves_nothing(tokenizer, tmp_path):
    stop_after(tokenizer, tmp_path, 3)
    assert not list(tmp_path.iterdir())


def test_two_runs_at_once_are_told_apart(tokenizer, tmp_path, expected):
    made_by = {"tokenizer": "x", "dtype": "<u2"}
    with PartialShard(tmp_path / "corpus.bin", made_by):
        with pytest.raises(ValueError, match=r"another process is writing .*corpus\.b"):
            encode_corpus(TEXTS, tokenizer, tmp_path / "corpus")
    encode_corpus(TEXTS, tokenizer, tmp_path / "corpus")
    assert (tmp_path / "corpus.bin").read_bytes() == expected["corpus.bin"]


def test_the_digest_of_a_block_tells_where_documents_end():
    blocks = [["ab", "c"], ["a", "bc"], ["abc"], ["abc", ""], ["ab", "d"]]
    assert len({make_block(texts).digest for texts in blocks}) == 5
    assert make_block(["\ud83d", "é"]).text_bytes == 3 + 2


SLOW = """
import sys, time
from ch02_tokenization.shards import encode_corpus
from ch02_tokenization.tokenization import Tokenizer

def slowly():
    for i in range(6000):
        time.sleep(0.002 * (i > 2500))
        yield f"Story {i}: the red key, number {i * i}."

encode_corpus(slowly(), Tokenizer.load(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
"""


def test_a_killed_process_loses_only_its_last_block(tokenizer, tmp_path, monkeypatch):
    monkeypatch.undo()
    tokenizer.save(tmp_path)
    command = [sys.executable, "-c", SLOW, str(tmp_path), str(tmp_path / "corpus"), "2"]
    journal = tmp_path / ".corpus.journal.part"
    with subprocess.Popen(command, cwd=ROOT) as child:
        for _ in range(600):
            if journal.exists() and journal.read_bytes().count(b"\n") >= 3:
                break
            time.sleep(0.05)
        child.send_signal(signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    lines = journal.read_bytes().splitlines()[1:]
    done = [len(json.loads(line[65:])["lengths"]) for line in lines]
    assert done == [1024] * len(done) and 2 <= len(done) < 6
    assert not (tmp_path / "corpus.bin").exists()

    seen = []
    encode = shards.encode_block
    texts = [f"Story {i}: the red key, number {i * i}." for i in range(6000)]

    def spy(block, **keywords):
        seen.append(block.texts[0])
        return encode(block, **keywords)

    monkeypatch.setattr(shards, "encode_block", spy)
    encode_corpus(texts, tokenizer, tmp_path / "corpus")
    assert seen[0] == texts[sum(done)]
    encode_corpus(texts, tokenizer, tmp_path / "unbroken")
    for end in (".bin", ".json"):
        whole = (tmp_path / f"unbroken{end}").read_bytes()
        assert (tmp_path / f"corpus{end}").read_bytes() == whole
