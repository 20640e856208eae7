"""Learned filters: the optimum is torch's, the curve is right, what is new falls."""

import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ch01_data import quality_model, toxicity, training_texts
from ch01_data.classifier import (
    HashedClassifier,
    SparseRows,
    fit_logistic,
    hashed_rows,
    windows,
)
from ch01_data.crawl_templates import BOILERPLATE, INSULTS, NEW_INSULTS, SPAM, TOXIC
from ch01_data.curves import average_precision, precision_recall_curve, threshold_for
from ch01_data.hashed_ngrams import BITS, SILENT, ngrams, runs_of
from ch01_data.quality_model import GOOD, QualityModel
from ch01_data.sources import read_documents
from ch01_data.storyworld import generate
from ch01_data.surprise import Surprise
from ch01_data.toxicity import ToxicityModel, insults_in, toxicity_flags
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
    assert row(texts, 1) == ([], [])


def test_rows_by_hand():
    """Two words, one pair and, in the five bytes " a b ", two runs of four."""
    rows = hashed_rows(["a b"])
    words, pairs, runs = ngrams(["a b"])
    counts = [
        len(grams.columns[grams.starts[0] : grams.ends[0]])
        for grams in (words, pairs, runs)
    ]
    assert counts == [2, 1, 2] and SILENT == 10
    assert rows.values.sum() == pytest.approx(2 / 12 + 1 / 11 + 2 / 12)


def test_a_text_has_the_same_ngrams_alone_and_among_others(stories):
    texts = ["", "x", *stories[:20], "  ", "Zwei Häuser, “ja”!", "a" * 5000, "\n\n"]
    together = ngrams(texts)
    for place, text in enumerate(texts):
        for many, one in zip(together, ngrams([text])):
            part = many.columns[many.starts[place] : many.ends[place]]
            assert part.tolist() == one.columns[one.starts[0] : one.ends[0]].tolist()
            if len(part) == 0:
                assert len(text.split()) < 2
        assert runs_of([text]).columns.tolist() == ngrams([text])[2].columns.tolist()


def test_a_score_is_the_product_of_row_and_votes(stories):
    model = HashedClassifier.fit(stories[:4], [True, False] * 2)
    rows = hashed_rows(stories[:10])
    for place, score in enumerate(model.scores(stories[:10])):
        part = slice(rows.bounds[place], rows.bounds[place + 1])
        z = model.votes[rows.columns[part]] @ rows.values[part] + model.bias
        assert score == pytest.approx(1 / (1 + np.exp(-z)), abs=1e-6)


def test_similar_texts_have_similar_rows(stories):
    def dense(text):
        rows = hashed_rows([text])
        vector = np.zeros(1 << BITS)
        vector[rows.columns] = rows.values
        return vector

    def cosine(first, second):
        a, b = dense(first), dense(second)
        return a @ b / np.linalg.norm(a) / np.linalg.norm(b)

    one, near, far = stories[0], stories[0].replace("the", "a"), "def f(x): return x[0]"
    assert cosine(one, near) > 0.7 > 0.3 > cosine(one, far)


def test_windows_are_the_text_in_pieces(stories):
    for text in [*stories[:50], "", "no end", "a\n" * 50, "x" * 500]:
        for size in (None, 1, 60, 400):
            pieces = windows(text, size)
            assert " ".join(pieces).split() == text.split()
            assert size is None or all(len(piece) >= size for piece in pieces[:-1])
    code = "        x = 1\n        y = 2\n        z = 3"
    assert windows(code, 8) == ["x = 1 y = 2", "z = 3"]


# --- the optimum ---------------------------------------------------------------------


def test_the_descent_finds_the_optimum_that_torch_finds():
    """Parity with torch's L-BFGS on the same balanced, penalised mean surprise."""
    rng = np.random.default_rng(0)
    matrix = rng.random((60, 15)) * (rng.random((60, 15)) < 0.4)
    matrix /= np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-9)
    truth = (matrix[:, 0] + 0.3 * rng.standard_normal(60) > 0.2).astype(float)
    places, columns = np.nonzero(matrix)
    bounds = np.searchsorted(places, np.arange(61))
    rows = SparseRows(columns.astype(np.int32), matrix[places, columns], bounds)
    used, weights, bias = fit_logistic(rows, truth, penalty=0.01, steps=3000)

    x, y = torch.tensor(matrix), torch.tensor(truth)
    share = torch.where(y == 1, 0.5 / y.sum(), 0.5 / (1 - y).sum())
    w = torch.zeros(15, dtype=torch.float64, requires_grad=True)
    b = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [w, b],
        max_iter=500,
        tolerance_grad=1e-12,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
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


def test_a_score_is_that_of_the_two_worst_windows():
    texts = ["You oaf! " * 6, "The sea was calm. " * 3] * 20
    model = HashedClassifier.fit(texts, [True, False] * 20, window=20)
    calm, insult = "The sea was calm. " * 30, "You oaf! " * 6
    low, high = model.score("The sea was calm."), model.score("You oaf! You oaf!")
    assert model.score(calm) == pytest.approx(low, abs=0.05)
    assert model.score(calm + insult + calm) > 0.5 > model.score(calm)
    once = model.score(calm + "You oaf! You oaf! You oaf! " + calm)
    assert low + 0.2 < once < high
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
        texts += sample(kind, "fit", 100)
        labels += [kind] * 100
    return QualityModel.fit(texts, labels)


def test_held_out_templates_are_told_from_good_text(quality, stories, library):
    good = stories[300:] + library[150:]
    bad = [
        t for k in ("spam", "boilerplate", "gibberish") for t in sample(k, "held", 60)
    ]
    scores = quality.bad.scores(good + bad)
    curve = precision_recall_curve(scores, [False] * len(good) + [True] * len(bad))
    assert average_precision(curve) > 0.99
    dropped = (scores >= quality_model.THRESHOLD)[: len(good)]
    assert dropped.mean() <= 0.01
    kinds = [quality.flags(text) for text in sample("spam", "held", 60)]
    assert sum(found == ["spam"] for found in kinds) >= 0.9 * 60


def test_many_texts_are_judged_as_each_alone(quality, stories):
    texts = [*stories[:20], *sample("spam", "held", 10), ""]
    assert quality.flags_of(texts) == [quality.flags(text) for text in texts]
    assert quality.flags_of([]) == []


def test_a_quality_model_is_read_as_it_was_written(quality, tmp_path, stories):
    quality.save(tmp_path)
    loaded = QualityModel.load(tmp_path)
    for text in [stories[0], *sample("spam", "held", 3)]:
        assert loaded.score(text) == quality.score(text)
        assert loaded.flags(text) == quality.flags(text)


# --- surprise ------------------------------------------------------------------------


def test_surprise_by_hand():
    """A text of 50 "a" has 49 runs: " aaa", 47 of "aaaa" and "aaa "; three texts have
    3, 141 and 3, to which each of the 2^18 columns adds one half."""
    model = Surprise.fit(["a" * 50] * 3, ["zq" * 50])
    total = 3 * 49 + (1 << BITS) / 2
    bits = -np.log2(np.array([3.5] + [141.5] * 47 + [3.5]) / total)
    assert model.of(["a" * 50])[0] == pytest.approx(bits.mean(), abs=1e-3)
    assert model.of(["zq"])[0] == 0.0  # too short to judge
    with pytest.raises(ValueError, match="limit needs 3"):
        Surprise.fit(["a"], [])


def test_noise_of_unseen_making_surprises(stories, library, tmp_path):
    model = Surprise.fit(stories[:300] + library[:200], sample("gibberish", "fit", 40))
    noise = sample("gibberish", "held", 60)
    noise += [" ".join(text.split())[::-1] for text in stories[:40]]
    assert np.mean([flags == ["gibberish"] for flags in model.flags_of(noise)]) >= 0.95
    good = stories[300:] + library[200:]
    assert sum(map(bool, model.flags_of(good))) <= 0.01 * len(good)
    model.save(tmp_path / "surprise.npz")
    loaded = Surprise.load(tmp_path / "surprise.npz")
    assert loaded.of(good).tolist() == model.of(good).tolist()


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
    """Learnt from examples of this chapter, found in others, pages of insults."""
    rng = random.Random(5)
    bad = [training_texts.insulting_text(rng) for _ in range(200)]
    model = ToxicityModel.fit(bad + stories[:300], [True] * 200 + [False] * 300)
    toxic = [
        " ".join(insulting_text("held", rng) for _ in range(4)) for _ in range(100)
    ]
    toxic = [f"{story} {text}" for story, text in zip(stories[400:], toxic)]
    assert not any(map(insults_in, toxic))
    found = [toxicity_flags(text, model=model) for text in toxic]
    wrong = [text for text in stories[300:] if toxicity_flags(text, model=model)]
    assert sum(f == ["insult_learned"] for f in found) >= 0.9 * len(toxic)
    assert len(wrong) <= 0.01 * len(stories[300:])


def test_the_examples_are_not_those_of_the_held_family():
    """No sentence, and no invented insult, of what the score is made of."""
    for phrases, kind in (
        (SPAM, "spam"),
        (TOXIC, "toxic"),
        (BOILERPLATE, "boilerplate"),
    ):
        mine = {"spam": training_texts.SPAM, "toxic": training_texts.TOXIC}
        mine = mine.get(kind, training_texts.MACHINERY)
        for family in ("tuning", "held"):
            held = {" ".join(s.lower().split()) for s in phrases[family]["sentence"]}
            assert not held & {" ".join(s.lower().split()) for s in mine["sentence"]}
    heads, tails = training_texts.TOXIC["head"], training_texts.TOXIC["tail"]
    assert not {a + b for a in heads for b in tails} & {*NEW_INSULTS, *INSULTS}


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
