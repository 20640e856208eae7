"""Experiments on tiny sizes: what they compare is alike in all but what is compared."""

import numpy as np
import pytest

from ch02_tokenization.tokenization import SPECIAL_TOKENS, train_bpe
from ch04_transformer.transformer import Transformer
from common import experiments, memorised, payoff
from common.laboratory import Laboratory
from tests.families import few_filters


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """Compile nothing: it would take longer than the tests."""
    monkeypatch.setattr("common.laboratory.has_compiler", lambda: False)


@pytest.fixture(scope="module")
def versions(tmp_path_factory):
    """The versions of a small crawl, by filters that learned from a few texts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            payoff,
            "train_learned_filters",
            lambda seed, folder: few_filters().save(folder),
        )
        return payoff.versions_of_a_crawl(tmp_path_factory.mktemp("crawl"), 300)


def test_versions_hold_less_and_less_dirt(versions):
    sizes = {name: len(texts) for name, texts in versions.items()}
    assert sizes["clean"] < min(sizes["filtered"], sizes["deduplicated"])
    assert max(sizes["filtered"], sizes["deduplicated"]) < sizes["raw"]
    assert len(set(versions["clean"])) == sizes["clean"], "no text stands there twice"
    assert len(set(versions["raw"])) < sizes["raw"]


def test_every_version_gives_as_many_tokens(versions):
    tokenizer = train_bpe(versions["raw"][:50], 400, SPECIAL_TOKENS)
    longest = max(
        len(tokenizer.encode(t)) for texts in versions.values() for t in texts
    )
    for texts in versions.values():
        taken = payoff.equal_share(texts, tokenizer, 5_000, seed=0)
        n_tokens = sum(len(tokenizer.encode(text)) + 1 for text in taken)
        assert 5_000 <= n_tokens <= 5_001 + longest
    other = payoff.equal_share(versions["raw"], tokenizer, 5_000, seed=1)
    assert other != payoff.equal_share(versions["raw"], tokenizer, 5_000, seed=0)


def test_held_texts_are_clean_and_in_no_version(versions):
    held = payoff.clean_held_texts(40)
    assert {name: len(texts) for name, texts in held.items()} == {
        "storyworld": 20,
        "pylib": 20,
    }
    for texts in held.values():
        assert not set(texts) & set(versions["raw"])


def test_a_summary_by_hand():
    """Two seeds, two texts of 1 and 3 bytes: (2 + 6) / 4 = 2 and 1 bits per byte."""
    bits = np.array([[2.0, 6.0], [1.0, 3.0]])
    found = payoff.summary(bits * np.log(2), np.array([1, 3]))
    assert found["values"] == pytest.approx([2.0, 1.0])
    assert found["mean"] == pytest.approx(1.5)
    assert found["interval"] == pytest.approx([1.5, 1.5]), "alike on both texts"
    uneven = payoff.summary(np.array([[1.0, 0.0, 4.0]]), np.ones(3))
    assert uneven["interval"][0] < uneven["mean"] < uneven["interval"][1]


def test_the_payoff_reports_every_version(versions, monkeypatch):
    monkeypatch.setattr(payoff, "HELD_TEXTS", 8)
    monkeypatch.setattr(payoff, "VOCABULARY", 400)
    monkeypatch.setattr(payoff, "versions_of_a_crawl", lambda folder, pages: shorter)
    shorter = {name: texts[:40] for name, texts in versions.items()}
    found = payoff.payoff(seeds=(0,))
    assert list(found["loss"]) == list(payoff.VERSIONS)
    assert list(found["saved"]) == ["filtered", "deduplicated", "clean"]
    assert found["tokens_trained_on"] == min(found["tokens"].values())
    raw, clean = (found["loss"][name]["all"]["mean"] for name in ("raw", "clean"))
    assert found["saved"]["clean"]["mean"] == pytest.approx(raw - clean)
    groups = found["loss"]["raw"]
    low, high = sorted(groups[source]["mean"] for source in payoff.SOURCES)
    assert low <= groups["all"]["mean"] <= high


def test_canaries_of_an_untrained_model_are_not_exposed(monkeypatch):
    monkeypatch.setattr(memorised, "COPIES", (0, 2))
    monkeypatch.setattr(memorised, "VOCABULARY", 400)
    found = memorised.memorisation(stories=60, steps=1, seeds=(0,))
    assert list(found["sampled"]) == ["0", "2"]
    assert found["space_bits"] == pytest.approx(29.897, abs=1e-3)
    for exposures in found["sampled"].values():
        assert exposures["mean"] < 4


def test_a_laboratory_trains_on_the_texts_that_it_is_given():
    tokenizer = train_bpe(["a b c d " * 50], 270, SPECIAL_TOKENS)
    texts = ["a b c d " * 20] * 64
    laboratory = Laboratory.of(texts, tokenizer, texts[:2])
    before = laboratory.loss(Transformer, 0, steps=1)
    assert laboratory.loss(Transformer, 0, steps=12) < 0.8 * before


def test_an_unknown_experiment_ends_in_one_line(capsys):
    assert experiments.main(["nothing"]) == 2
    shown = capsys.readouterr().err
    assert "no experiment 'nothing'" in shown and shown.count("\n") == 1
    assert experiments.main(["norms", "a.txt"]) == 2
    assert "takes no sources" in capsys.readouterr().err
