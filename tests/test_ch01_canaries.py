"""Canaries: planted where the record says, as often as it says, and never elsewhere."""

import json
import math
import random
import re
import statistics
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ch01_data.canaries import (
    Canary,
    CanarySpace,
    canary_record,
    exposure,
    fitted_exposure,
    insert_sentence,
    main,
    make_canaries,
    plan_canaries,
    plant_canaries,
    read_canary_record,
    sampled_exposure,
)
from ch01_data.filters import quality_flags
from ch01_data.ngram import KneserNey, byte_shard
from ch01_data.pii import find_pii
from ch01_data.sources import Document, read_documents

SMALL = CanarySpace("It is", ("red", "blue", "green"), 4, "!")


def documents(n):
    rng = random.Random(n)
    words = "the old fox ran. over a hill! and why? home again\n\n".split(" ")
    return [
        Document(" ".join(rng.choices(words, k=40)), f"doc-{i}", log_prob=-1.0)
        for i in range(n)
    ]


def test_numbers_of_sentences_by_hand():
    """290411738 is spelt digit by digit; "green red blue red" is 2 0 1 0 in base 3."""
    space = CanarySpace()
    sentence = space.sentence(290_411_738)
    assert sentence == (
        "The code of the old safe is two nine zero four one one seven three eight."
    )
    assert space.number(sentence) == 290_411_738 and space.size == 10**9
    assert SMALL.sentence(2 * 27 + 1 * 3) == "It is green red blue red!"


def test_the_space_is_gone_through_without_gap_or_repetition():
    every = [SMALL.sentence(number) for number in range(SMALL.size)]
    expected = [f"It is {' '.join(w)}!" for w in product(SMALL.words, repeat=4)]
    assert every == expected and len(set(every)) == 81
    assert [SMALL.number(sentence) for sentence in every] == list(range(81))


@pytest.mark.parametrize(
    "sentence",
    [
        "",
        "It is!",
        "It is red red red!",
        "It is red red red red",
        "it is red red red red!",
    ]
    + [
        "It is red red red pink!",
        "It is red red red red red!",
        "Itxis red red red red!",
    ],
)
def test_a_sentence_of_another_form_has_no_number(sentence):
    with pytest.raises(ValueError, match="is not of the form 'It is red red red red!'"):
        SMALL.number(sentence)


@pytest.mark.parametrize("space", [SMALL, CanarySpace()])
def test_samples_are_different_and_begin_alike(space):
    whole = space.sample(81, seed=3)
    assert len(set(whole)) == 81 and whole != sorted(whole)
    for n in (0, 1, 40, 80):
        assert space.sample(n, seed=3) == whole[:n]
    assert space.sample(5, seed=4) != whole[:5]
    assert make_canaries(5, 3, space) == whole[:5]


def test_samples_are_drawn_from_the_whole_space_alike():
    """Nine places, ten digits, 3,000 canaries: each digit at each place about 300."""
    numbers = [CanarySpace().number(s) for s in make_canaries(3000)]
    digits = np.array([[n // 10**place % 10 for place in range(9)] for n in numbers])
    counts = np.stack([np.bincount(column, minlength=10) for column in digits.T])
    assert abs(counts - 300).max() < 5 * math.sqrt(300 * 0.9)


def test_what_cannot_be_is_refused():
    for make in (
        lambda: CanarySpace(words=("a",)),
        lambda: CanarySpace(words=("a", "b", "a")),
        lambda: CanarySpace(length=0),
        lambda: SMALL.sentence(81),
        lambda: SMALL.sentence(-1),
        lambda: SMALL.sample(82),
        lambda: plan_canaries(30),
        lambda: plan_canaries(30, (1, -1)),
        lambda: exposure(0, 10),
        lambda: exposure(11, 10),
        lambda: sampled_exposure(1.0, []),
        lambda: fitted_exposure(1.0, [2.0, 2.0], 100),
    ):
        with pytest.raises(ValueError, match=r"\d|were given|at least two"):
            make()


def test_every_canary_is_planted_as_often_as_planned_and_nothing_else_changes():
    texts, copies = documents(200), (0, 1, 2, 5, 16)
    plan = plan_canaries(200, copies, each=3, seed=7)
    assert [len(canary.documents) for canary in plan] == [
        c for c in copies for _ in "abc"
    ]
    places = [place for canary in plan for place in canary.documents]
    assert len(set(places)) == len(places) == 72
    planted = list(plant_canaries(texts, plan, seed=7))
    holders = {place: canary.sentence for canary in plan for place in canary.documents}
    for place, (before, after) in enumerate(zip(texts, planted, strict=True)):
        if place not in holders:
            assert after is before
            continue
        assert after.id == before.id and after.log_prob is None
        head, tail = after.text.split(" " + holders[place])
        assert head + tail == before.text
    whole = "\n".join(document.text for document in planted)
    for canary in plan:
        assert whole.count(canary.sentence) == len(canary.documents)


def test_parts_of_a_corpus_are_planted_like_the_whole():
    """However the documents are dealt out to processes."""
    texts, plan = documents(60), plan_canaries(60, seed=1)
    whole = list(plant_canaries(texts, plan, seed=1))
    for cut in (1, 17, 59):
        head = plant_canaries(texts[:cut], plan, seed=1)
        tail = plant_canaries(texts[cut:], plan, seed=1, first=cut)
        assert [*head, *tail] == whole
    assert plan_canaries(60, seed=1) == plan
    assert plan_canaries(60, seed=2) != plan


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab.! \n\u00a0", max_size=30), st.integers(0, 99))
def test_a_sentence_stands_behind_a_sentence_or_at_the_end(text, seed):
    found = insert_sentence(text, "CANARY.", random.Random(seed))
    head, tail = re.split(r" ?CANARY\.", found)
    assert head + tail == text
    assert not head or head[-1] in ".!" or not tail.strip()
    assert not tail or tail[0].isspace()


def test_cleaning_would_leave_canaries_alone():
    """They hold nothing that masking changes or a quality rule speaks against."""
    story = next(plant_canaries(documents(1), [Canary(make_canaries(1)[0], (0,))]))
    assert "safe is" in story.text
    assert not find_pii(make_canaries(1)[0]) and "gibberish" not in quality_flags(
        story.text
    )


def test_the_record_gives_back_what_was_planted(tmp_path):
    plan = plan_canaries(40, (0, 1, 3), seed=5, space=SMALL)
    ids = [f"id-{i}" for i in range(40)]
    record = canary_record(plan, ids, seed=5, space=SMALL)
    assert record["space"]["size"] == 81
    assert [c["copies"] for c in record["canaries"]] == [0, 1, 3]
    for canary in record["canaries"]:
        assert canary["documents"] == [f"id-{place}" for place in canary["places"]]
        assert SMALL.sentence(canary["number"]) == canary["sentence"]
    path = tmp_path / "canaries.json"
    path.write_text(json.dumps(record))
    assert read_canary_record(path) == (SMALL, plan)
    for wrong in ({**record, "space": {**record["space"], "size": 80}}, {}, []):
        path.write_text(json.dumps(wrong))
        with pytest.raises(ValueError, match="canaries.json"):
            read_canary_record(path)


def test_exposure_by_hand():
    """The first of 1,024 tells 10 bits, the last nothing; half way is one bit."""
    assert exposure(1, 1024) == 10 and exposure(1024, 1024) == 0
    assert exposure(512, 1024) == 1
    assert exposure(1, 10**9) == pytest.approx(29.897, abs=5e-4)
    assert sampled_exposure(2.0, [3.0, 2.0, 1.0]) == pytest.approx(math.log2(4 / 3))
    assert sampled_exposure(0.5, [3.0, 2.0, 1.0]) == 2.0


def test_fitted_exposure_is_the_tail_of_the_normal_distribution():
    """Against the standard library's own, and never more than the space allows."""
    rng = random.Random(0)
    others = [rng.gauss(50, 4) for _ in range(5000)]
    fitted = statistics.NormalDist(statistics.fmean(others), statistics.stdev(others))
    for value in (30.0, 38.0, 50.0, 55.0):
        expected = -math.log2(fitted.cdf(value))
        assert fitted_exposure(value, others, 10**9) == pytest.approx(
            expected, rel=1e-6
        )
    assert fitted_exposure(20.0, others, 10**9) == math.log2(10**9)
    assert fitted_exposure(-1e6, others, 10**9) == math.log2(10**9)
    near = 50 - 2 * 4
    sampled = sampled_exposure(near, others)
    assert fitted_exposure(near, others, 10**9) == pytest.approx(sampled, abs=0.4)


def test_the_exposure_of_what_was_never_seen_is_small():
    """More than b bits once in 2^b times: 2,000 canaries, four standard errors."""
    rng = random.Random(1)
    others = [rng.random() for _ in range(999)]
    found = [sampled_exposure(rng.random(), others) for _ in range(2000)]
    for bits in (1, 2, 4):
        share = sum(value > bits for value in found) / 2000
        error = math.sqrt(2**-bits / 2000)
        assert abs(share - 2**-bits) < 4 * error + 0.02


def test_a_model_is_exposed_the_more_the_more_copies_it_saw():
    """An 8-gram model of bytes stands for the network: ranks in a space of 81."""
    plan = plan_canaries(60, (0, 1, 4, 16), each=1, seed=2, space=SMALL)
    texts = [d.text for d in plant_canaries(documents(60), plan)]
    tokens, bounds = byte_shard(texts)
    model = KneserNey(8).fit_documents(tokens, bounds, 256, 257)

    def log_perplexity(sentence):
        return -float(model.log_prob([256, *sentence.encode()]).sum())

    every = [log_perplexity(SMALL.sentence(i)) for i in range(SMALL.size)]
    ranks = [
        1 + sum(other < log_perplexity(canary.sentence) for other in every)
        for canary in plan
    ]
    bits = [exposure(rank, SMALL.size) for rank in ranks]
    assert bits[3] == math.log2(81) and bits[3] > bits[1] and bits[3] > bits[0]


def test_the_command_plants_and_records(tmp_path, capsys):
    source, out = tmp_path / "texts", tmp_path / "out"
    source.mkdir()
    for number in range(12):
        (source / f"{number:02}.txt").write_text(f"Text {number}. It ends.\n")
    command = ["--source", str(source), "--out", str(out), "--copies", "0,1,4"]
    assert main(command) == 0
    assert "3 canaries, 5 copies in 12 documents" in capsys.readouterr().out
    space, plan = read_canary_record(out / "canaries.json")
    rows = list(read_documents(out / "documents.jsonl"))
    assert [row.id for row in rows] == [f"{number:02}.txt" for number in range(12)]
    for canary in plan:
        holders = [i for i, row in enumerate(rows) if canary.sentence in row.text]
        assert tuple(holders) == canary.documents and space.number(canary.sentence) >= 0
    first = (out / "documents.jsonl").read_bytes()
    assert main(command) == 0 and (out / "documents.jsonl").read_bytes() == first
    assert main([*command, "--each", "9"]) == 2
    assert "45 copies of canaries need as many documents" in capsys.readouterr().err
