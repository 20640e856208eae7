"""The corpus: same config same bytes, a funnel that adds up, errors of one line."""

import gzip
import json
import os
import random
from collections import Counter
from dataclasses import asdict, replace

import pytest

from ch01_data.data import (
    CorpusConfig,
    build_corpus,
    check_writable,
    main,
)
from ch01_data.dedup import near_duplicates
from ch01_data.files import sha256
from ch01_data.sources import Document, read_documents
from ch01_data.splits import split_documents
from ch01_data.stages import STAGES
from ch01_data.storyworld import generate

SIZES = {"n_documents": 120, "n_validation": 30, "n_heldout": 20}


def rows(folder, name):
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def story_texts(n, seed=3):
    return [story.text for story in generate(n, seed, "train")]


@pytest.fixture
def texts_folder(tmp_path):
    """Sixty stories as files, with duplicates, an unreadable file, junk and e-mail."""
    folder = tmp_path / "texts"
    (folder / "deep").mkdir(parents=True)
    stories = story_texts(60)
    for number, text in enumerate(stories):
        (folder / "deep" / f"{number:02}.txt").write_text(text, encoding="utf-8")
    (folder / "copy.txt").write_text(stories[7])
    long = " ".join(stories[10:20])
    (folder / "long.txt").write_text(long)
    (folder / "nearly.txt").write_text(long.replace("the", "a", 1))
    (folder / "mail.txt").write_text(stories[9] + " Write to leon@mill.example soon.")
    (folder / "short.txt").write_text("Too short.")
    (folder / "latin1.txt").write_bytes("caf\u00e9 au lait".encode("latin-1"))
    (folder / "picture.txt").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    (folder / "empty.txt").write_text("")
    (folder / ".hidden").write_text("not to be read at all, whatever it says " * 5)
    return folder


# --- storyworld ----------------------------------------------------------------------


def test_storyworld_rows_are_the_stories_with_their_log_probability(tmp_path):
    build_corpus(CorpusConfig(out=str(tmp_path), seed=4, **SIZES))
    names = {"train": "train-00000.jsonl"}
    for split, n in zip(
        ("train", "validation", "heldout"), SIZES.values(), strict=True
    ):
        written = rows(tmp_path, names.get(split, f"{split}.jsonl"))
        stories = list(generate(n, 4, split))
        assert [row["text"] for row in written] == [s.document for s in stories]
        assert [row["log_prob"] for row in written] == [
            s.document_log_prob for s in stories
        ]
        assert len({row["id"] for row in written}) == n


def test_the_same_config_gives_the_same_bytes_in_any_folder(tmp_path):
    for name in ("a", "b"):
        build_corpus(CorpusConfig(out=str(tmp_path / name), **SIZES))
    build_corpus(CorpusConfig(out=str(tmp_path / "c"), seed=1, **SIZES))
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == [
        "README.md",
        "heldout.jsonl",
        "report.json",
        "train-00000.jsonl",
        "validation.jsonl",
    ]
    for name in files:
        assert sha256(tmp_path / "a" / name) == sha256(tmp_path / "b" / name), name
    train = "train-00000.jsonl"
    assert sha256(tmp_path / "a" / train) != sha256(tmp_path / "c" / train)


def test_storyworld_says_which_stages_did_not_run(tmp_path):
    report = build_corpus(CorpusConfig(out=str(tmp_path), **SIZES))
    assert {s.name: s.ran for s in report.stages} == {
        "read": True,
        **dict.fromkeys(STAGES, False),
        "exact_duplicates": True,
    }
    told = report.table().count("not run: would change a distribution")
    assert told == len(STAGES) - 1
    chosen = CorpusConfig(out=str(tmp_path), stages=["quality", "near_duplicates"])
    ran = [s.name for s in build_corpus(replace(chosen, **SIZES)).stages if s.ran]
    assert ran == ["read", "quality", "near_duplicates"]


# --- text ----------------------------------------------------------------------------


def test_the_funnel_of_a_folder_adds_up(texts_folder, tmp_path):
    report = build_corpus(
        CorpusConfig(source=str(texts_folder), out=str(tmp_path / "o"))
    )
    stages = {stage.name: stage for stage in report.stages}
    assert stages["read"].removed == {"binary": 1, "empty": 1, "not UTF-8": 1}
    assert stages["quality"].removed == {"word_count": 1}
    assert stages["personal_data"].note == "masked 1 EMAIL"
    assert stages["exact_duplicates"].removed == {"equal": 1}
    # "nearly", and the mail document, which is story 9 with one sentence more
    assert stages["near_duplicates"].removed == {"nearly equal": 2}
    for before, after in zip(report.stages, report.stages[1:], strict=False):
        assert after.documents_in == before.documents_out
        assert after.bytes_in == before.bytes_out
        assert after.documents_in - after.documents_out == sum(after.removed.values())
    written = [row for name in report.files for row in rows(tmp_path / "o", name)]
    assert len(written) == report.stages[-1].documents_out == 61
    assert sum(len(r["text"].encode()) for r in written) == report.stages[-1].bytes_out
    assert near_duplicates([row["text"] for row in written]) == []
    assert "leon@mill" not in "".join(row["text"] for row in written)
    assert {
        name: sha256(tmp_path / "o" / name) for name in report.files
    } == report.files


def test_the_report_file_and_the_data_card_tell_the_same(texts_folder, tmp_path):
    report = build_corpus(
        CorpusConfig(source=str(texts_folder), out=str(tmp_path / "o"))
    )
    saved = json.loads((tmp_path / "o" / "report.json").read_text())
    assert saved == json.loads(json.dumps(report.to_json()))
    assert CorpusConfig.from_json(saved["config"]).source == str(texts_folder)
    card = (tmp_path / "o" / "README.md").read_text()
    assert report.table() in card
    for name, split in report.splits.items():
        assert f"| {name} | {split['documents']:,} | {split['bytes']:,} |" in card


def test_a_single_text_is_cut_at_its_last_tenth(tmp_path):
    text = "".join(
        random.Random(0).choices("aé漢 bc\n", weights=[5, 1, 1, 3, 3, 3, 1], k=9001)
    )
    source = tmp_path / "one.txt"
    source.write_text(f"x{text}x", encoding="utf-8", newline="")
    config = CorpusConfig(source=str(source), out=str(tmp_path / "o"), stages=())
    report = build_corpus(config)
    (train,) = rows(tmp_path / "o", "train-00000.jsonl")
    (validation,) = rows(tmp_path / "o", "validation.jsonl")
    assert train["text"] + validation["text"] == f"x{text}x"
    total = len(source.read_bytes())
    assert abs(report.splits["validation"]["bytes"] - total / 10) <= 3


def test_tinyshakespeare_passes_unchanged(shared, tmp_path):
    source = shared / "data" / "tinyshakespeare.txt"
    build_corpus(CorpusConfig(source=str(source), out=str(tmp_path)))
    parts = rows(tmp_path, "train-00000.jsonl") + rows(tmp_path, "validation.jsonl")
    assert "".join(row["text"] for row in parts) == source.read_text()
    assert len(parts[1]["text"]) == 111_539


def test_pylib_gives_python_text(tmp_path):
    config = CorpusConfig(source="pylib", out=str(tmp_path), limit_bytes=1_500_000)
    report = build_corpus(config)
    assert 1_000_000 < report.stages[0].bytes_out <= 1_500_000
    assert report.stages[0].removed["beyond the byte limit"] > 0
    train = rows(tmp_path, "train-00000.jsonl")
    assert sum("def " in row["text"] for row in train) > 0.5 * len(train)
    assert all(row["source"] == "pylib" and "/" != row["id"][0] for row in train)


def test_shards_hold_all_documents_in_order_and_old_ones_go(tmp_path, monkeypatch):
    config = CorpusConfig(out=str(tmp_path), **SIZES)
    monkeypatch.setattr("ch01_data.data.SHARD_CHARACTERS", 20_000)
    report = build_corpus(config)
    assert len(report.train_paths) > 3
    texts = [
        row["text"] for path in report.train_paths for row in rows(tmp_path, path.name)
    ]
    assert texts == [s.document for s in generate(120, 0, "train")]
    monkeypatch.setattr("ch01_data.data.SHARD_CHARACTERS", 64_000_000)
    build_corpus(config)
    assert [p.name for p in tmp_path.glob("train-*")] == ["train-00000.jsonl"]


# --- the split -----------------------------------------------------------------------


def documents(texts):
    return [Document(text, str(i)) for i, text in enumerate(texts)]


def test_about_a_tenth_is_validation_and_adding_text_moves_nothing():
    texts = [f"document number {i}" for i in range(3000)]
    small = split_documents(documents(texts[:2000]))
    large = split_documents(documents(texts))
    held = {name: {d.text for d in part} for name, part in large.items()}
    assert 0.08 < len(small["validation"]) / 2000 < 0.12
    for name, part in small.items():
        assert {d.text for d in part} <= held[name]
    assert not held["train"] & held["validation"]


def test_equal_texts_fall_on_one_side_and_the_seed_decides_which():
    texts = [f"text {i % 40}" for i in range(400)]
    parts = split_documents(documents(texts), seed=1)
    sides = {name: {d.text for d in part} for name, part in parts.items()}
    assert not sides["train"] & sides["validation"]
    other = split_documents(documents(texts), seed=2)
    assert {d.text for d in other["validation"]} != sides["validation"]


def test_two_documents_make_two_parts():
    parts = split_documents(documents(["first", "second"]))
    assert [len(part) for part in parts.values()] == [1, 1]
    with pytest.raises(ValueError, match="cannot be split by hash"):
        split_documents(documents(["only"]), "hash")


# --- reading -------------------------------------------------------------------------


def test_jsonl_rows_are_documents(tmp_path):
    path = tmp_path / "a.jsonl"
    lines = [{"text": "one"}, {"text": "two", "id": "x", "url": "http://a.example/"}]
    path.write_text("\n\n".join(map(json.dumps, lines)) + "\n")
    assert list(read_documents(path)) == [
        Document("one", "a.jsonl:1", source=str(path)),
        Document("two", "x", "http://a.example/", str(path)),
    ]


def test_globs_folders_and_files_name_their_documents_in_order(tmp_path):
    for name in ("b/2.txt", "b/1.md", "a.txt", "b/c/3.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    ids = [d.id for d in read_documents(tmp_path)]
    assert ids == ["a.txt", "b/1.md", "b/2.txt", "b/c/3.txt"]
    found = [d.text for d in read_documents(str(tmp_path / "**" / "*.txt"))]
    assert found == ["a.txt", "b/2.txt", "b/c/3.txt"]
    assert [d.id for d in read_documents(tmp_path / "a.txt")] == ["a.txt"]


def test_a_byte_limit_takes_a_sample_that_never_changes(tmp_path):
    for i in range(50):
        (tmp_path / f"{i:02}.txt").write_text("x" * 100)
    skipped = Counter()
    ids = [d.id for d in read_documents(tmp_path, limit_bytes=1000, skipped=skipped)]
    assert len(ids) == 10 and ids == sorted(ids) and skipped.total() == 40
    assert ids != [f"{i:02}.txt" for i in range(10)], "the first ten are no fair sample"
    more = [d.id for d in read_documents(tmp_path, limit_bytes=2000)]
    assert set(ids) < set(more)


def test_a_byte_order_mark_is_dropped_and_half_surrogates_are_replaced(tmp_path):
    (tmp_path / "bom.txt").write_bytes(b"\xef\xbb\xbfhello")
    (tmp_path / "half.jsonl").write_text('{"text": "a\\ud800b"}\n')
    assert [d.text for d in read_documents(tmp_path)] == ["hello", "a?b"]


BAD = {
    "empty.txt": (b"", "is empty (0 bytes)"),
    "blank.txt": (b" \n\t\n", "nothing but white space"),
    "nul.txt": (b"some text\0 and more", "is a binary file"),
    "control.txt": (bytes(range(1, 32)) * 9 + b"text", "is a binary file"),
    "utf16.txt": ("text".encode("utf-16"), "UTF-16 text"),
    "zip.txt": (gzip.compress(b"text" * 99), "gzip data"),
    "latin1.txt": (b"caf\xe9 au lait", "byte 0xe9 at byte offset 3"),
    "bom.txt": (b"\xef\xbb\xbfcaf\xe9 au lait", "byte 0xe9 at byte offset 6"),
    "empty.jsonl": (b"\n\n", "has no documents"),
    "json.jsonl": (b'{"text": "a"}\n{"text": \n', "line 2 is not JSON"),
    "field.jsonl": (b'{"body": "a"}\n', 'line 1 has no field "text"'),
    "number.jsonl": (b'{"text": 3}\n', 'line 1 has no field "text"'),
    "deep.jsonl": (b"[" * 200_000, "line 1 is not JSON"),
    "short.txt": (b"Too short.", "no document is left after the stage quality"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_leaves_nothing(name, tmp_path, capsys):
    data, message = BAD[name]
    (tmp_path / name).write_bytes(data)
    out = tmp_path / "out"
    assert main(["--source", str(tmp_path / name), "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error
    assert error.count("\n") == 1 and not out.exists()


def test_missing_and_strange_sources_are_one_line(tmp_path, capsys):
    out = str(tmp_path / "out")
    (tmp_path / "nothing").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for source, message in {
        "no-such-file.txt": "no such file or folder",
        str(tmp_path / "*.none"): "no readable text",
        str(tmp_path / "nothing"): "no files there",
        str(tmp_path / "pipe"): "neither a file nor a folder",
    }.items():
        assert main(["--source", source, "--out", out]) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_refused_before_the_work(
    tmp_path, capsys, monkeypatch
):
    def begin(*_):
        raise AssertionError("the work began")

    monkeypatch.setattr("ch01_data.origins.generate", begin)
    (tmp_path / "file").write_text("x")
    out = tmp_path / "file" / "data"
    assert main(["--out", str(out)]) == 2
    assert "is not a folder" in capsys.readouterr().err
    check_writable(tmp_path / "new" / "deeper")
    assert not (tmp_path / "new").exists()
    assert main(["--source", str(tmp_path), "--out", str(tmp_path)]) == 2
    assert "is the source itself" in capsys.readouterr().err


def test_a_failed_build_leaves_no_report_of_an_older_one(tmp_path, monkeypatch):
    config = CorpusConfig(out=str(tmp_path), **SIZES)
    build_corpus(config)

    real = os.replace

    def full(source, target):
        if os.path.dirname(target) == str(tmp_path):
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr("ch01_data.remote.os.replace", full)
    with pytest.raises(OSError, match="No space left"):
        build_corpus(replace(config, seed=1))
    assert not (tmp_path / "report.json").exists()
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".tmp"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sauce": "pylib"}, "unknown config key 'sauce'"),
        ({"stages": ["quality", "magic"]}, "no stage 'magic'"),
        ({"validation": "half"}, "validation is 'half'"),
        ({"validation_share": 1.0}, "between 0 and 1"),
        ({"near_threshold": 0.0}, "above 0 and at most 1"),
        ({"n_documents": 0}, "each at least 1"),
        ({"limit_bytes": 0}, "at least 1"),
    ],
)
def test_a_config_validates_itself(values, message):
    with pytest.raises(ValueError, match=message):
        CorpusConfig.from_json(values)


def test_a_config_survives_json():
    config = CorpusConfig(source="pylib", stages=("quality",), limit_bytes=10)
    assert CorpusConfig.from_json(json.loads(json.dumps(asdict(config)))) == config


def test_the_command_on_the_card_builds_the_same_corpus(texts_folder, tmp_path, capsys):
    first, second = tmp_path / "first", tmp_path / "second"
    options = [
        "--seed",
        "3",
        "--near-threshold",
        "0.7",
        "--stages",
        "quality,normalize",
    ]
    assert main(["--source", str(texts_folder), "--out", str(first), *options]) == 0
    assert "quality" in capsys.readouterr().out
    command = (first / "README.md").read_text().rsplit("python -m ch01_data.data ")[-1]
    assert main([*command.split(), "--out", str(second)]) == 0
    for path in first.iterdir():
        assert sha256(path) == sha256(second / path.name)
