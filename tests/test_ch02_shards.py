"""Chapter 2: shards keep every document; rows split none that fits and waste little."""

import hashlib
import json
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ch02_tokenization.packing import even_mix, tightest
from ch02_tokenization.shards import (
    NOT_COUNTED,
    PackedRows,
    TokenShard,
    encode_corpus,
    main,
    pack,
    shifted_windows,
)
from ch02_tokenization.tokenization import SPECIAL_TOKENS, Tokenizer, train_bpe

EOT = 9
TEXTS = [
    "The red key lay under the bench.",
    "Mira took the red key — and the blue one.",
    "",
    "Who has the red key? <|endoftext|> Mira has it.",
    "日本語 and 12345 " * 40,
]
check = settings(max_examples=150, deadline=None, derandomize=True)


@pytest.fixture(scope="module")
def tokenizer():
    return train_bpe(TEXTS, 400, SPECIAL_TOKENS)


def shard_of(lengths, first_id=10):
    """A shard whose ids are all different, so that each can be found again."""
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    tokens = np.arange(first_id, first_id + offsets[-1], dtype="<u4")
    return TokenShard(Path("made-up"), tokens, offsets.astype(np.int64), "hash", 1)


# ---------------------------------------------------------------- golden


def test_rows_of_three_documents_are_those_worked_by_hand():
    """Documents of 3, 1 and 2 tokens need 4, 2 and 3 targets; rows have 6.

    Largest first: 4 opens row A (2 left), 3 opens row B (3 left), 2 fits best into A.
    A: eot 10 11 12 eot 13 eot       all 6 targets count
    B: eot 14 15 eot eot eot eot     3 targets count, 3 are padding; fill 9 / 12
    """
    rows = PackedRows(shard_of([3, 1, 2]), context_length=6, end_of_text_id=EOT)
    tokens, targets = rows.rows(range(len(rows)))
    order = np.argsort(tokens[:, 1])
    assert tokens[order].tolist() == [
        [EOT, 10, 11, 12, EOT, 13],
        [EOT, 14, 15, EOT, EOT, EOT],
    ]
    assert targets[order].tolist() == [
        [10, 11, 12, EOT, 13, EOT],
        [14, 15, EOT, -100, -100, -100],
    ]
    assert rows.fill == 9 / 12 and rows.n_targets == 9


def test_a_document_longer_than_a_row_is_cut_as_worked_by_hand():
    """7 tokens and their end of text are 8 targets: rows of 3, 3 and 2.

    The second and third row begin with the token before them, not with eot. The
    document of 0 tokens that follows has nothing to learn from and no row.
    """
    rows = PackedRows(shard_of([7, 0]), context_length=3, end_of_text_id=EOT)
    tokens, targets = rows.rows(range(len(rows)))
    order = np.argsort(targets[:, 0])
    assert tokens[order].tolist() == [[EOT, 10, 11], [12, 13, 14], [15, 16, EOT]]
    assert targets[order].tolist() == [[10, 11, 12], [13, 14, 15], [16, EOT, -100]]


def test_a_document_that_fills_its_last_row_to_the_end_keeps_its_end_of_text():
    """5 tokens + eot = 6 targets = two rows of 3; 6 tokens + eot leave eot alone."""
    rows = PackedRows(shard_of([5]), context_length=3, end_of_text_id=EOT)
    _, targets = rows.rows(range(len(rows)))
    assert sorted(targets.tolist()) == [[10, 11, 12], [13, 14, EOT]]
    rows = PackedRows(shard_of([6]), context_length=3, end_of_text_id=EOT)
    tokens, targets = rows.rows(range(len(rows)))
    assert [EOT, -100, -100] in targets.tolist() and len(rows) == 3
    assert tokens[targets[:, 0] == EOT, 0].tolist() == [15]


def test_windows_of_seven_ids_are_those_worked_by_hand():
    inputs, targets = shifted_windows([1, 2, 3, 4, 5, 6, 7], context_length=3, stride=3)
    assert inputs.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert targets.tolist() == [[2, 3, 4], [5, 6, 7]]
    inputs, targets = shifted_windows(range(1, 7), context_length=3, stride=1)
    assert inputs.tolist() == [[1, 2, 3], [2, 3, 4], [3, 4, 5]]
    assert targets.tolist() == [[2, 3, 4], [3, 4, 5], [4, 5, 6]]


# ---------------------------------------------------------------- packing: properties

LENGTHS = st.lists(st.integers(0, 40), min_size=1, max_size=60).filter(any)


@check
@given(LENGTHS, st.integers(2, 30), st.integers(0, 3))
def test_every_token_is_a_target_once_and_every_document_ends(lengths, width, seed):
    shard = shard_of(lengths)
    rows = PackedRows(shard, width, EOT, seed)
    _, targets = rows.rows(range(len(rows)))
    counted = targets[targets != NOT_COUNTED]
    assert sorted(counted[counted != EOT]) == shard.tokens.tolist()
    assert (counted == EOT).sum() == np.count_nonzero(lengths)
    assert rows.n_targets == len(counted)
    assert rows.fill == pytest.approx(len(counted) / targets.size)


@check
@given(LENGTHS, st.integers(2, 30), st.integers(0, 3))
def test_documents_that_fit_stand_whole_between_two_ends_of_text(lengths, width, seed):
    shard = shard_of(lengths)
    rows = PackedRows(shard, width, EOT, seed)
    tokens, targets = rows.rows(range(len(rows)))
    streams = np.concatenate([tokens, targets[:, -1:]], axis=1).tolist()
    found = {}
    for stream in streams:
        stream = [EOT if token == NOT_COUNTED else token for token in stream]
        place = {token: i for i, token in enumerate(stream) if token != EOT}
        found.update({token: (stream, i) for token, i in place.items() if i > 0})
    for index in range(len(shard)):
        document = shard.document(index).tolist()
        if not document or len(document) + 1 > width:
            continue
        stream, begin = found[document[0]]
        whole = [EOT, *document, EOT]
        assert stream[begin - 1 : begin + len(document) + 1] == whole


@check
@given(LENGTHS, st.integers(2, 30))
def test_targets_are_the_shifted_tokens_and_padding_never_counts(lengths, width):
    rows = PackedRows(shard_of(lengths), width, EOT)
    tokens, targets = rows.rows(range(len(rows)))
    assert tokens.shape == targets.shape == (len(rows), width)
    assert tokens.dtype == targets.dtype == np.int64
    inside = targets[:, :-1]
    counted = inside != NOT_COUNTED
    assert (inside[counted] == tokens[:, 1:][counted]).all()
    for row_tokens, row_targets in zip(tokens, targets, strict=True):
        used = int((row_targets != NOT_COUNTED).sum())
        assert used > 0 and (row_targets[used:] == NOT_COUNTED).all()
        assert row_targets[used - 1] == EOT or used == width
        assert (row_tokens[used:] == EOT).all()
        # No end of text is learned twice in a row: that would be padding.
        ends = row_targets[:used] == EOT
        assert not (ends[1:] & ends[:-1]).any()


@check
@given(LENGTHS, st.integers(2, 30))
def test_cut_documents_go_on_with_the_token_before(lengths, width):
    shard = shard_of(lengths)
    rows = PackedRows(shard, width, EOT)
    tokens, targets = rows.rows(range(len(rows)))
    firsts = set(shard.offsets[:-1] + 10)
    for token, target in zip(tokens[:, 0], targets[:, 0], strict=True):
        if target == EOT:  # what remains of a document is its end alone
            assert token + 1 - 10 in shard.offsets
        else:
            assert token == (EOT if target in firsts else target - 1)


@pytest.mark.parametrize("width", [256, 384])
def test_sixty_thousand_documents_pack_fast_and_above_97_percent(width):
    lengths = np.random.default_rng(0).integers(60, 301, 60_000)
    shard = shard_of(lengths)
    begin = time.perf_counter()
    rows = PackedRows(shard, width, EOT, seed=0)
    packing = time.perf_counter() - begin
    assert rows.fill > 0.97
    assert packing < 5  # seconds; it takes about 0.1
    begin = time.perf_counter()
    for first in range(0, 640, 32):
        rows.rows(range(first, first + 32))
    assert time.perf_counter() - begin < 1  # 20 batches; they take about 5 ms


def test_an_even_mix_fills_the_hole_that_best_fit_leaves():
    """Rows of 10, four pieces of 4 and eight of 3: 40 targets, at least four rows.

    Best fit makes 4 + 4 twice (2 free in each), 3 + 3 + 3 twice (1 free) and 3 + 3:
    five rows. Four rows of 4 + 3 + 3 leave no hole at all.
    """
    sizes, opens = np.array([4] * 4 + [3] * 8), np.zeros(12, dtype=bool)

    def filled(packer):
        rows = packer(sizes, opens, 10, np.random.default_rng(0))
        return sorted(sorted(sizes[row].tolist()) for row in rows)

    assert filled(even_mix) == filled(tightest) == [[3, 3, 4]] * 4
    assert [4, 4] in filled(pack) and len(filled(pack)) == 5


@check
@given(LENGTHS, st.integers(2, 30), st.integers(0, 3))
def test_the_tightest_rows_hold_every_token_once_and_split_no_document(
    lengths, width, seed
):
    shard = shard_of(lengths)
    fitted = PackedRows(shard, width, EOT, seed)
    for packer in (even_mix, tightest):
        rows = PackedRows(shard, width, EOT, seed, packer)
        tokens, targets = rows.rows(range(len(rows)))
        counted = targets[targets != NOT_COUNTED]
        assert sorted(counted[counted != EOT]) == shard.tokens.tolist()
        assert (counted == EOT).sum() == np.count_nonzero(lengths)
        follows = (targets != EOT) & (targets != NOT_COUNTED) & (tokens != EOT)
        assert (targets[follows] == tokens[follows] + 1).all()
        firsts = tokens[:, 1:][(tokens[:, :-1] == EOT) & (tokens[:, 1:] != EOT)]
        assert set(firsts) <= set(shard.offsets + 10)
    assert len(rows) <= len(fitted)


def test_stories_of_two_lengths_pack_tightly_where_best_fit_leaves_holes():
    rng = np.random.default_rng(0)
    lengths = np.concatenate([rng.normal(112, 6, 13_000), rng.normal(175, 18, 7_000)])
    shard = shard_of(lengths.astype(int))
    begin = time.perf_counter()
    tight = PackedRows(shard, 384, EOT, packer=tightest)
    assert time.perf_counter() - begin < 10  # seconds; it takes about 0.5
    assert tight.fill > 0.96 > 0.92 > PackedRows(shard, 384, EOT).fill


def test_rows_are_the_same_for_a_seed_and_other_rows_for_another():
    shard = shard_of(np.random.default_rng(1).integers(3, 40, 300))

    def all_rows(seed):
        rows = PackedRows(shard, 64, EOT, seed)
        return rows.rows(range(len(rows)))[0].tolist()

    assert all_rows(0) == all_rows(0)
    assert all_rows(0) != all_rows(1)
    assert sorted(all_rows(0)) != sorted(all_rows(1)), "only the order has changed"


def test_rows_are_shuffled_so_that_no_batch_is_of_long_documents_alone():
    lengths = np.random.default_rng(2).integers(5, 60, 4000)
    rows = PackedRows(shard_of(lengths), 64, EOT)
    _, targets = rows.rows(range(len(rows)))
    per_row = (targets == EOT).sum(axis=1)
    half = len(rows) // 2
    assert per_row[:half].mean() == pytest.approx(per_row[half:].mean(), rel=0.1)


def test_rows_can_be_asked_for_in_any_order_and_again():
    rows = PackedRows(shard_of([5, 9, 2, 14, 3, 3]), 10, EOT)
    everything, _ = rows.rows(range(len(rows)))
    tokens, targets = rows.rows(np.array([2, 0, 2]))
    assert tokens.tolist() == everything[[2, 0, 2]].tolist()
    tokens[:] = 0
    targets[:] = 0
    assert rows.rows([2])[0].tolist() == everything[[2]].tolist()
    with pytest.raises(IndexError):
        rows.rows([len(rows)])


def test_packing_refuses_what_cannot_work():
    with pytest.raises(ValueError, match="context_length is 1"):
        PackedRows(shard_of([3]), 1, EOT)
    with pytest.raises(ValueError, match="end-of-text id 11 inside"):
        PackedRows(shard_of([3]), 4, 11)


@pytest.mark.parametrize("stride", [1, 2, 5])
def test_windows_give_each_position_the_next_id(stride):
    ids = np.random.default_rng(0).integers(0, 1000, 100)
    inputs, targets = shifted_windows(ids, 5, stride)
    assert len(inputs) == (100 - 5 - 1) // stride + 1
    for i, (row, target) in enumerate(zip(inputs, targets, strict=True)):
        assert row.tolist() == ids[i * stride : i * stride + 5].tolist()
        assert target.tolist() == ids[i * stride + 1 : i * stride + 6].tolist()
    inputs[:] = 0
    assert targets.any(), "inputs and targets share their memory"


@pytest.mark.parametrize(("n", "width", "stride"), [(3, 3, 1), (9, 0, 1), (9, 3, 0)])
def test_windows_refuse_too_little_text_and_lengths_that_are_not_positive(
    n, width, stride
):
    with pytest.raises(ValueError, match=r"at least 1|do not fill"):
        shifted_windows(range(n), width, stride)


# ---------------------------------------------------------------- shards


def test_a_shard_keeps_every_document(tokenizer, tmp_path):
    shard = encode_corpus(iter(TEXTS), tokenizer, tmp_path / "corpus")
    assert len(shard) == len(TEXTS)
    for index, text in enumerate(TEXTS):
        ids = shard.document(index).tolist()
        assert ids == tokenizer.encode(text, allowed_special="none")
        assert tokenizer.decode(ids) == text
    assert shard.document(-1).tolist() == shard.document(len(TEXTS) - 1).tolist()
    with pytest.raises(IndexError):
        shard.document(len(TEXTS))
    assert shard.text_bytes == sum(len(text.encode()) for text in TEXTS)
    assert tokenizer.end_of_text_id not in shard.tokens


def test_the_files_are_what_the_design_says(tokenizer, tmp_path):
    shard = encode_corpus(TEXTS, tokenizer, tmp_path / "a.b")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.b.bin", "a.b.json"]
    header = json.loads((tmp_path / "a.b.json").read_text())
    data = (tmp_path / "a.b.bin").read_bytes()
    assert header["dtype"] == "<u2" and header["count"] * 2 == len(data)
    assert header["offsets"] == shard.offsets.tolist()
    assert header["tokenizer"] == tokenizer.hash
    assert header["checksum"] == hashlib.sha256(data).hexdigest()
    assert isinstance(shard.tokens, np.memmap) and shard.offsets.dtype == np.int64
    for name in ("a.b", "a.b.bin", "a.b.json"):
        assert len(TokenShard.open(tmp_path / name, tokenizer)) == len(TEXTS)


def test_a_large_vocabulary_takes_four_bytes_a_token(tmp_path):
    vocab = {i: bytes([i]) for i in range(256)}
    for last, width in ((65_535, 2), (65_536, 4)):
        tokenizer = Tokenizer(vocab, [], {"<|endoftext|>": last})
        shard = encode_corpus(["abc"], tokenizer, tmp_path / str(last))
        assert shard.tokens.itemsize == width
        assert shard.tokens.tolist() == [97, 98, 99]


def test_the_bytes_do_not_depend_on_the_number_of_processes(tokenizer, tmp_path):
    texts = [f"{text} {i}" for i in range(600) for text in TEXTS]
    for processes in (1, 3):
        encode_corpus(texts, tokenizer, tmp_path / f"of-{processes}", processes)
    for end in (".bin", ".json"):
        one, three = tmp_path / f"of-1{end}", tmp_path / f"of-3{end}"
        assert one.read_bytes() == three.read_bytes()


def test_a_shard_of_another_tokenizer_is_refused_by_name(tokenizer, tmp_path):
    encode_corpus(TEXTS, tokenizer, tmp_path / "corpus")
    other = train_bpe(TEXTS, 280, SPECIAL_TOKENS)
    with pytest.raises(ValueError, match=r"corpus\.bin was encoded by tokenizer"):
        TokenShard.open(tmp_path / "corpus", other)


def flip_one_bit(binary, header):
    data = bytearray(binary.read_bytes())
    data[len(data) // 2] ^= 1
    binary.write_bytes(data)


def change_header(**changes):
    def damage(binary, header):
        content = json.loads(header.read_text()) | changes
        header.write_text(json.dumps(content))

    return damage


DAMAGE = {
    "one bit": (flip_one_bit, r"corpus\.bin is damaged \(its checksum"),
    "cut": (lambda b, h: b.write_bytes(b.read_bytes()[:-2]), r"corpus\.bin has .* cut"),
    "longer": (lambda b, h: b.write_bytes(b.read_bytes() + b"xx"), r"corpus\.bin has"),
    "empty": (lambda b, h: b.write_bytes(b""), r"corpus\.bin has 0 bytes"),
    "no bin": (lambda b, h: b.unlink(), r"corpus\.bin is missing"),
    "no json": (lambda b, h: h.unlink(), r"corpus\.json is missing"),
    "half json": (
        lambda b, h: h.write_text(h.read_text()[:50]),
        r"corpus\.json is damaged",
    ),
    "binary json": (lambda b, h: h.write_bytes(b"\xff"), r"corpus\.json is damaged"),
    "list": (lambda b, h: h.write_text("[]"), r"corpus\.json is damaged"),
    "other dtype": (change_header(dtype="<f4"), r"corpus\.json is damaged"),
    "no offsets": (change_header(offsets=[]), r"corpus\.json is damaged"),
    "offsets": (change_header(offsets=[0, 5, 3, 9]), r"corpus\.json is damaged"),
    "count": (change_header(count=3), r"corpus\.json is damaged"),
    "nothing": (change_header(count=0, offsets=[0]), r"corpus\.json is damaged"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_shard_is_refused_by_name_with_what_to_do(tokenizer, tmp_path, name):
    encode_corpus(TEXTS, tokenizer, tmp_path / "corpus")
    damage, message = DAMAGE[name]
    damage(tmp_path / "corpus.bin", tmp_path / "corpus.json")
    with pytest.raises(ValueError, match=message + ".*encode the text again"):
        TokenShard.open(tmp_path / "corpus", tokenizer)


@pytest.mark.parametrize("texts", [[], ["", ""]])
def test_a_corpus_without_text_is_refused_and_writes_no_file(
    tokenizer, tmp_path, texts
):
    with pytest.raises(ValueError, match="nothing to encode"):
        encode_corpus(texts, tokenizer, tmp_path / "corpus")
    assert not list(tmp_path.iterdir())


def test_encoded_text_comes_back_out_of_the_packed_rows(tokenizer, tmp_path):
    shard = encode_corpus(TEXTS, tokenizer, tmp_path / "corpus")
    rows = PackedRows(shard, 64, tokenizer.end_of_text_id, seed=3)
    _, targets = rows.rows(range(len(rows)))
    stream = [int(i) for i in targets.ravel() if i != NOT_COUNTED]
    documents = tokenizer.decode(stream).split("<|endoftext|>")
    short = [text for text in TEXTS if text and "<|" not in text and len(text) < 64]
    assert short and set(short) <= set(documents)


# ---------------------------------------------------------------- command


def test_the_command_encodes_a_file_and_says_how_it_packs(tokenizer, tmp_path, capsys):
    source = tmp_path / "text.jsonl"
    source.write_text("".join(json.dumps({"text": t or "."}) + "\n" for t in TEXTS))
    tokenizer.save(tmp_path / "tokenizer")
    arguments = ["--input", str(source), "--tokenizer", str(tmp_path / "tokenizer")]
    assert main([*arguments, "--out", str(tmp_path / "corpus")]) == 0
    shard = TokenShard.open(tmp_path / "corpus", tokenizer)
    printed = capsys.readouterr().out
    assert f"5 documents, {len(shard.tokens):,} tokens" in printed
    assert "of their targets count" in printed


@pytest.mark.parametrize("content", [None, b"", b"\x00\x01\xff", b"caf\xe9 au lait"])
def test_bad_input_ends_in_one_line(tokenizer, tmp_path, capsys, content):
    source = tmp_path / "text.txt"
    if content is not None:
        source.write_bytes(content)
    tokenizer.save(tmp_path / "tokenizer")
    arguments = ["--input", str(source), "--tokenizer", str(tmp_path / "tokenizer")]
    assert main([*arguments, "--out", str(tmp_path / "out" / "corpus")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    assert "text.txt" in error
    assert not list((tmp_path / "out").glob("*"))


def test_a_missing_tokenizer_or_an_output_that_is_no_folder_ends_in_one_line(
    tokenizer, tmp_path, capsys
):
    source = tmp_path / "text.txt"
    source.write_text("some text", encoding="utf-8")
    arguments = ["--input", str(source), "--tokenizer", str(tmp_path / "tokenizer")]
    assert main([*arguments, "--out", str(tmp_path / "corpus")]) == 2
    assert "tokenizer.json does not exist" in capsys.readouterr().err
    tokenizer.save(tmp_path / "tokenizer")
    assert main([*arguments, "--out", str(source / "corpus")]) == 2
    assert "cannot write" in capsys.readouterr().err
