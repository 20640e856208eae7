"""A crawl scored against its truth: by hand, on a small one, and with a blind stage."""

from dataclasses import replace

import pytest

from ch01_data import crawl_score, stages
from ch01_data.batch_stages import StageConfig
from ch01_data.crawl import CrawlConfig, make_crawl
from ch01_data.crawl_score import (
    labelled_pairs,
    lost_share,
    score_crawl,
    score_pairs_of_crawl,
)
from ch01_data.crawl_templates import BLOCKED_HOSTS
from ch01_data.sources import read_texts


@pytest.fixture(scope="module")
def crawl(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crawl")
    make_crawl(CrawlConfig(out=str(folder), n=400, family="held"))
    config = StageConfig(
        blocked_domains=tuple(sorted(BLOCKED_HOSTS["held"])),
        evaluation=tuple(read_texts(folder / "evaluation.jsonl")),
    )
    return folder, config


@pytest.fixture(scope="module")
def scores(crawl):
    return score_crawl(*crawl)


def test_dirt_is_found_and_clean_pages_stay(scores):
    """Without learned filters: spam, insults and much gibberish need them."""
    kinds = scores["kinds"]
    for kind in ("boilerplate", "language", "blocked_url", "leak"):
        assert kinds[kind].recall >= 0.9 and kinds[kind].precision >= 0.9, kind
    assert kinds["exact_duplicate"].dropped_share == 1.0
    assert kinds["url_duplicate"].recall == 1.0
    assert scores["equal_recall"] == scores["equal_precision"] == 1.0
    assert scores["masked"] >= 0.98
    assert max(scores["clean_lost"].values()) <= 0.02
    for pair in scores["pairs"]:
        assert pair.alike > 20 and pair.recall >= 0.99 and pair.precision >= 0.99


def test_a_stage_that_looks_away_is_seen(crawl, monkeypatch):
    folder, config = crawl
    blind = stages.judging(lambda documents, config: [[] for _ in documents], "leak")
    monkeypatch.setitem(stages.STAGES, "decontaminate", blind)
    found = score_crawl(folder, config)
    assert found["kinds"]["leak"].recall == 0.0


def test_without_its_block_list_the_recall_of_addresses_falls(crawl):
    folder, config = crawl
    open_gate = score_crawl(folder, replace(config, blocked_domains=()))
    assert open_gate["kinds"]["blocked_url"].recall < 0.8


def label(name, text, kinds=("clean",), source="pylib", **truth):
    return {"id": name, "text": text, "kinds": list(kinds), "source": source} | truth


def test_pairs_by_hand():
    """Of three pairs at 0.8 and more, a and b are found; c's label claims too much."""
    words = [f"w{i}" for i in range(60)]
    near = [*words[:-1], "other"]
    far = [*words[:30], *(f"v{i}" for i in range(30))]
    labels = [
        label("a", " ".join(words)),
        label("b", " ".join(near), original="a", jaccards={"a": 55 / 57}),
        label("c", " ".join(far), original="a", jaccards={"a": 0.9, "b": 0.3}),
        label("d", " ".join(words), original="a"),
    ]
    assert list(labelled_pairs(labels)) == [
        ("a", "b", 55 / 57),
        ("a", "c", 0.9),
        ("b", "c", 0.3),
        ("a", "d", 1.0),
    ]
    score = score_pairs_of_crawl(labels, 0.8)
    assert (score.alike, score.found) == (3, 2)
    assert (score.joined, score.right) == (2, 2)
    assert score.recall == pytest.approx(2 / 3) and score.precision == 1.0


def test_what_was_lost_is_counted_by_source():
    labels = [label("a", "x"), label("b", "x"), label("c", "x", source="storyworld")]
    labels.append(label("d", "x", kinds=("spam",)))
    assert lost_share(labels, {"a", "c"}) == {"pylib": 0.5, "storyworld": 0.0}


def test_the_command_refuses_too_small_a_crawl(capsys, monkeypatch):
    monkeypatch.setattr(crawl_score, "train_learned_filters", lambda seed: None)
    assert crawl_score.main(["--pages", "3"]) == 2
    assert "n is 3" in capsys.readouterr().err
