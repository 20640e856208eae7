"""Learned filters: the optimum is torch's, the curve is right, unseen templates fall."""

import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ch01_data import quality_model, toxicity
from ch01_data.classifier import (
    BITS,
    HashedClassifier,
    Rows,
    fit_logistic,
    hashed_rows,
    windows,
)
from ch01_data.curves import average_precision, precision_recall_curve, threshold_for
from ch01_data.quality_model import GOOD, QualityModel
from ch01_data.sources import read_documents
from ch01_data.storyworld import generate
from ch01_data.toxicity import fit_toxicity, insults_in, toxicity_flags
from tests.families import insulting_text, sample


@pytest.fixture(scope="module")
def stories():
    return [story.document for story in generate(700, 11, "train")]


@pytest.fixture(scope="module")
def library():
    documents = read_documents("pylib", limit_bytes=6_000_000)
    texts = (d.text for d in documents if len(d.text.split()) >= 50)
    return [text[:3000] for text in texts][:350]


# --- hashed rows ---------------------------------------------------------------------


def test_rows_depend_on_the_text_alone():
    texts = ["The cat sat.", "", "the  CAT\nsat.", "a" * 9999, "Room 101"]
    rows = hashed_rows(texts)
    assert rows.bounds[0] == 0 and rows.bounds[-1] == len(rows.columns)
    assert rows.columns.max() < 1 << BITS

    def row(texts, place):
        rows = hashed_rows(texts)
        part = slice(rows.bounds[place], rows.bounds[place + 1])
        return rows.columns[part].tolist(), rows.values[part].tolist()

    assert row(texts, 0) == row(texts, 2) == row(["The cat sat."], 0)
    assert row(texts, 4) == row(["room 999"], 0) != row(["room 99"], 0)
    for place in (0, 3, 4):
        assert np.linalg.norm(row(texts, place)[1]) == pytest.approx(1, abs=1e-5)


def test_similar_texts_have_similar_rows(stories):
    def dense(text):
        rows = hashed_rows([text])
        vector = np.zeros(1 << BITS)
        vector[rows.columns] = rows.values
        return vector

    one, near, far = stories[0], stories[0].replace("the", "a"), "def f(x): return x[0]"
    assert dense(one) @ dense(near) > 0.8 > 0.3 > dense(one) @ dense(far)


def test_windows_are_the_text_in_pieces(stories):
    for text in [*stories[:50], "", "no end", "a\n" * 50, "x" * 500]:
        for size in (None, 1, 60, 400):
            pieces = windows(text, size)
            assert "".join(pieces).rstrip() == text.rstrip()
            assert size is None or all(len(piece) >= size for piece in pieces[:-1])


# --- the optimum ---------------------------------------------------------------------


def test_the_descent_finds_the_optimum_that_torch_finds():
    """Parity with torch's L-BFGS on the same balanced, penalised mean surprise."""
    rng = np.random.default_rng(0)
    matrix = rng.random((60, 15)) * (rng.random((60, 15)) < 0.4)
    matrix /= np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-9)
    truth = (matrix[:, 0] + 0.3 * rng.standard_normal(60) > 0.2).astype(float)
    places, columns = np.nonzero(matrix)
    bounds = np.searchsorted(places, np.arange(61))
    rows = Rows(columns.astype(np.int32), matrix[places, columns], bounds)
    used, weights, bias = fit_logistic(rows, truth, penalty=0.01, steps=3000)

    x, y = torch.tensor(matrix), torch.tensor(truth)
    share = torch.where(y == 1, 0.5 / y.sum(), 0.5 / (1 - y).sum())
    w = torch.zeros(15, dtype=torch.float64, requires_grad=True)
    b = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [w, b], max_iter=500, tolerance_grad=1e-12, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        surprise = torch.nn.functional.binary_cross_entropy_with_logits(
            x @ w + b, y, reduction="none"
        )
        loss = (share * surprise).sum() + 0.005 * (w**2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    assert used.tolist() == list(range(15))
    np.testing.assert_allclose(weights, w.detach().numpy(), atol=1e-6)
    assert bias == pytest.approx(b.item(), abs=1e-6)


def test_fitting_twice_gives_the_same_bytes(tmp_path):
    texts = sample("spam", "fit", 20) + sample("boilerplate", "fit", 20)
    labels = [True] * 20 + [False] * 20
    for name in ("one", "two"):
        HashedClassifier.fit(texts, labels, window=300).save(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    model = HashedClassifier.fit(texts, labels, window=300)
    loaded = HashedClassifier.load(tmp_path / "one")
    assert loaded.window == 300
    assert model.scores(texts).tolist() == loaded.scores(texts).tolist()


def test_what_cannot_be_learnt_is_refused(tmp_path):
    with pytest.raises(ValueError, match="0 of 2 texts"):
        HashedClassifier.fit(["a", "b"], [False, False])
    with pytest.raises(ValueError, match="2 texts and 1 labels"):
        HashedClassifier.fit(["a", "b"], [True])
    (tmp_path / "no.npz").write_bytes(b"not a model")
    with pytest.raises(ValueError, match="no classifier"):
        HashedClassifier.load(tmp_path / "no.npz")


def test_a_score_is_that_of_the_worst_window():
    texts = ["You oaf! " * 3, "The sea was calm. " * 3] * 20
    model = HashedClassifier.fit(texts, [True, False] * 20, window=20)
    calm = "The sea was calm. " * 30
    assert model.score(calm) < 0.5 < model.score(calm + "You oaf! " + calm)
    assert model.score("") <= 1.0


# --- the curve -----------------------------------------------------------------------


def test_the_curve_by_hand():
    """Scores 9 yes, 8 no, 6 yes, 6 no, 3 no: 1/1, 1/2, 2/4, 2/5 of 1/2, 1/2, 1, 1."""
    curve = precision_recall_curve([6, 9, 3, 8, 6], [True, True, False, False, False])
    assert curve.thresholds.tolist() == [9, 8, 6, 3]
    assert curve.precision.tolist() == [1, 1 / 2, 2 / 4, 2 / 5]
    assert curve.recall.tolist() == [1 / 2, 1 / 2, 1, 1]
    assert average_precision(curve) == pytest.approx(0.5 * 1 + 0.5 * 0.5)
    assert threshold_for(curve, 0.95) == 9 and threshold_for(curve, 0.5) == 6


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1))
def test_every_point_of_the_curve_is_what_its_threshold_does(pairs):
    pairs.append((4, True))
    scores, truth = zip(*pairs)
    curve = precision_recall_curve(scores, truth)
    assert curve.thresholds.tolist() == sorted(set(scores), reverse=True)
    for threshold, precision, recall in zip(*curve):
        taken = [bad for score, bad in pairs if score >= threshold]
        assert precision == pytest.approx(sum(taken) / len(taken))
        assert recall == pytest.approx(sum(taken) / sum(truth))


def test_a_curve_needs_numbers_and_a_class():
    with pytest.raises(ValueError, match="none of 2"):
        precision_recall_curve([1, 2], [False, False])
    with pytest.raises(ValueError, match="nan"):
        precision_recall_curve([float("nan")], [True])
    with pytest.raises(ValueError, match="one of each"):
        precision_recall_curve([1.0], [True, False])
    low = precision_recall_curve([2, 1], [False, True])
    with pytest.raises(ValueError, match="precision 0.000"):
        threshold_for(low, 0.9)


# --- quality -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def quality(stories, library):
    """A model of half the clean texts and the family "fit", made in seconds."""
    texts, labels = stories[:300] + library[:150], [GOOD] * 450
    for kind in ("spam", "boilerplate", "gibberish"):
        texts += sample(kind, "fit", 150)
        labels += [kind] * 150
    return QualityModel.fit(texts, labels)


def test_held_out_templates_are_told_from_good_text(quality, stories, library):
    good = stories[300:] + library[150:]
    bad = [t for k in ("spam", "boilerplate", "gibberish") for t in sample(k, "held", 60)]
    scores = quality.bad.scores(good + bad)
    curve = precision_recall_curve(scores, [False] * len(good) + [True] * len(bad))
    assert average_precision(curve) > 0.99
    dropped = (scores >= quality_model.THRESHOLD)[: len(good)]
    assert dropped.mean() <= 0.01
    kinds = [quality.flags(text) for text in sample("spam", "held", 60)]
    assert sum(found == ["spam"] for found in kinds) >= 0.9 * 60


def test_a_quality_model_is_read_as_it_was_written(quality, tmp_path, stories):
    quality.save(tmp_path)
    loaded = QualityModel.load(tmp_path)
    for text in [stories[0], *sample("spam", "held", 3)]:
        assert loaded.score(text) == quality.score(text)
        assert loaded.flags(text) == quality.flags(text)


# --- toxicity ------------------------------------------------------------------------


def toxic_sample(family, stories, seed):
    rng = random.Random(seed)
    return [insulting_text(family, rng, story) for story in stories]


def test_the_list_finds_what_it_lists_and_nothing_else(stories):
    assert insults_in("Two Bogwits and a bogwit; BOGWIT!") == ["bogwit"]
    assert insults_in("a bogwit-like thing", ["bogwit"]) == []
    assert insults_in("A llama!", ["llama", "alpaca"]) == ["llama"]
    assert [text for text in stories if insults_in(text)] == []
    assert toxicity_flags("You bogwit.") == ["insult_listed"]


def test_the_learned_filter_finds_insults_that_no_list_has(stories):
    model = fit_toxicity(
        toxic_sample("fit", stories[:200], 0) + stories[200:400],
        [True] * 200 + [False] * 200,
    )
    toxic, clean = toxic_sample("held", stories[400:500], 1), stories[500:]
    assert not any(map(insults_in, toxic))
    found = [toxicity_flags(text, model=model) for text in toxic]
    wrong = [text for text in clean if toxicity_flags(text, model=model)]
    assert sum(f == ["insult_learned"] for f in found) >= 0.9 * len(toxic)
    assert len(wrong) <= 0.01 * len(clean)


def test_the_commands_learn_and_judge(tmp_path, capsys, stories):
    def write(name, texts):
        folder = tmp_path / name
        folder.mkdir()
        for number, text in enumerate(texts):
            (folder / f"{number:03}.txt").write_text(text)
        return str(folder)

    good, held_good = write("good", stories[:40]), write("held_good", stories[40:80])
    bad = write("bad", sample("spam", "fit", 40))
    held_bad = write("held_bad", sample("spam", "held", 40))
    flags = ["--good", good, "--bad", bad, "--held-good", held_good]
    flags += ["--held-bad", held_bad, "--out", str(tmp_path / "curve.json")]
    assert quality_model.main(flags) == 0
    assert "average precision" in capsys.readouterr().out
    assert (tmp_path / "curve.json").exists()
    (tmp_path / "mine.txt").write_text("casino\n")
    assert toxicity.main(["--source", good]) == 0
    assert "0 of 40 documents" in capsys.readouterr().out
    assert toxicity.main(["--source", good, "--toxic", bad]) == 2
