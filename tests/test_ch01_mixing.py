"""Mixes: shares by temperature, epochs of what is too small, order, and the report."""

import json
import math
import random
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from ch01_data.corpus import read_mix
from ch01_data.data import CorpusConfig, build_corpus, count_tiktoken, main
from ch01_data.files import sha256
from ch01_data.mixing import choose_rows, interleave, plan_mix, shares
from ch01_data.storyworld import generate

STORIES = {"n_documents": 250, "n_validation": 10, "n_heldout": 10}


def rows(folder, name="train-00000.jsonl"):
    text = (folder / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def plays(tmp_path):
    """Eighty texts in the manner of storyworld's, which storyworld never told."""
    rng = random.Random(4)
    stories = [story.text for story in generate(200, 1, "train")]
    sentences = [s for text in stories for s in text.split(". ") if s[-1].isalpha()]
    path = tmp_path / "plays.jsonl"
    texts = (
        f"The queen said so. {'. '.join(rng.sample(sentences, rng.randrange(8, 14)))}."
        for _ in range(80)
    )
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return str(path)


def mixed(tmp_path, mix, name="out", **options):
    config = CorpusConfig(
        mix=mix, out=str(tmp_path / name), workers=1, **{**STORIES, **options}
    )
    return build_corpus(config)


# --- shares --------------------------------------------------------------------------


def test_temperature_bends_the_shares():
    """By hand: weights 9 and 1 at T = 2 are 3 and 1, so the shares are 3/4 and 1/4."""
    weights = {"a": 9.0, "b": 1.0}
    assert shares(weights) == pytest.approx({"a": 0.9, "b": 0.1})
    assert shares(weights, 2.0) == pytest.approx({"a": 0.75, "b": 0.25})
    assert shares(weights, 1e9) == pytest.approx({"a": 0.5, "b": 0.5})
    assert shares(weights, 0.05)["a"] > 0.999999
    assert shares({"a": 1e300, "b": 1e-300}, 0.01) == {"a": 1.0, "b": 0.0}


def test_shares_sum_to_one_and_keep_the_order_of_weights():
    rng = random.Random(0)
    for _ in range(200):
        weights = {str(i): rng.uniform(0.01, 9) for i in range(rng.randrange(1, 7))}
        found = shares(weights, rng.uniform(0.3, 5))
        assert math.isclose(sum(found.values()), 1.0)
        assert sorted(weights, key=weights.get) == sorted(found, key=found.get)


@pytest.mark.parametrize(
    ("weights", "temperature"),
    [({"a": 0}, 1), ({"a": -1}, 1), ({"a": math.inf}, 1), ({"a": 1}, 0)],
)
def test_weights_and_temperature_are_positive_numbers(weights, temperature):
    with pytest.raises(ValueError, match="must be above 0 and finite"):
        shares(weights, temperature)


# --- how much of each ----------------------------------------------------------------


def test_without_a_total_no_source_is_read_twice():
    """By hand: 700 at a share of 0.7 allow 1,000 in all, 600 at 0.3 allow 2,000."""
    plan = plan_mix({"a": 700, "b": 600}, {"a": 0.7, "b": 0.3})
    assert plan["a"].wanted == pytest.approx(700)
    assert plan["a"].epochs == pytest.approx(1)
    assert plan["b"].wanted == pytest.approx(300)
    assert plan["b"].epochs == pytest.approx(0.5)


def test_with_a_total_a_small_source_is_read_several_times():
    sizes, weights = {"a": 700, "b": 100}, {"a": 0.7, "b": 0.3}
    plan = plan_mix(sizes, weights, total=1000)
    assert plan["b"].epochs == pytest.approx(3)
    with pytest.raises(ValueError, match=r"b would be read 6.0 times .*at most 1,333"):
        plan_mix(sizes, weights, total=2000)
    assert plan_mix(sizes, weights, total=1333)["b"].epochs < 4
    assert plan_mix(sizes, weights, total=2000, max_epochs=7)["b"].epochs == 6


def test_a_source_of_which_nothing_would_be_taken_is_refused():
    with pytest.raises(ValueError, match="give it more weight or leave it out"):
        plan_mix({"a": 100, "b": 100}, {"a": 1.0, "b": 1e-6})


def test_whole_epochs_come_first_and_the_rest_is_drawn():
    """By hand: 5 rows of 10, 75 wanted: all once, then the rows of the least places."""
    sizes, places = np.full(5, 10), np.array([0.5, 0.1, 0.9, 0.2, 0.7])
    assert choose_rows(sizes, places, 75).tolist() == [0, 1, 2, 3, 4, 1, 3]
    assert choose_rows(sizes, places, 74).tolist() == [0, 1, 2, 3, 4, 1, 3]
    assert choose_rows(sizes, places, 100).tolist() == [*range(5), *range(5)]
    assert choose_rows(sizes, places, 50).tolist() == [0, 1, 2, 3, 4]
    assert choose_rows(sizes, places, 19).tolist() == [1, 3]
    assert choose_rows(sizes, places, 1).tolist() == [1], "never nothing at all"


def test_a_larger_total_takes_the_same_rows_and_more():
    rng = np.random.default_rng(0)
    sizes, places = rng.integers(1, 900, 200), rng.random(200)
    taken = [
        set(choose_rows(sizes, places, want).tolist())
        for want in np.linspace(100, sizes.sum(), 20)
    ]
    assert all(less <= more for less, more in pairwise(taken))
    assert len(taken[-1]) == 200


def test_what_is_taken_is_within_half_a_row_of_what_is_wanted():
    rng = np.random.default_rng(1)
    for _ in range(100):
        sizes, places = rng.integers(1, 90, 50), rng.random(50)
        wanted = rng.uniform(90, 3.5 * sizes.sum())
        taken = sizes[choose_rows(sizes, places, wanted)].sum()
        assert abs(taken - wanted) <= sizes.max() / 2


def test_every_beginning_holds_the_sources_in_proportion():
    rng = np.random.default_rng(2)
    sizes = [rng.integers(1, 500, n) for n in (300, 40, 7)]
    totals = [size.sum() for size in sizes]
    done, order = [0, 0, 0], Counter()
    for source, row in interleave(sizes):
        assert row == order[source], "each source in its own order"
        order[source] += 1
        done[source] += sizes[source][row]
        ways = [part / total for part, total in zip(done, totals)]
        longest = max(size.max() / total for size, total in zip(sizes, totals))
        assert max(ways) - min(ways) <= longest + 1e-12
    assert [order[source] for source in range(3)] == [300, 40, 7]


# --- the corpus ----------------------------------------------------------------------


def test_a_mix_has_the_shares_that_were_asked_for(plays, tmp_path):
    report = mixed(tmp_path, {"storyworld": 0.7, plays: 0.3})
    size = Counter()
    for row in rows(tmp_path / "out"):
        size[row["source"]] += len(row["text"].encode())
    assert size.total() == report.splits["train"]["bytes"]
    for source, asked in {"storyworld": 0.7, plays: 0.3}.items():
        assert size[source] / size.total() == pytest.approx(asked, abs=0.01)
        count = report.sources[source]
        assert (count.bytes, count.size, count.asked) == (
            size[source],
            size[source],
            asked,
        )
        assert count.share == size[source] / size.total()
    assert sum(count.documents for count in report.sources.values()) == len(
        rows(tmp_path / "out")
    )
    assert max(count.epochs for count in report.sources.values()) == 1.0


def test_the_beginning_of_a_mix_is_a_mix(plays, tmp_path):
    mixed(tmp_path, {"storyworld": 0.5, plays: 0.5})
    sources = [row["source"] for row in rows(tmp_path / "out")]
    sizes = [len(row["text"]) for row in rows(tmp_path / "out")]
    half = len(sources) // 2
    ours = sum(n for s, n in zip(sources[:half], sizes) if s == plays)
    assert ours / sum(sizes[:half]) == pytest.approx(0.5, abs=0.03)


def test_temperature_makes_the_sources_of_a_mix_alike(plays, tmp_path):
    report = mixed(tmp_path, {"storyworld": 0.9, plays: 0.1}, temperature=1e6)
    assert [count.share for count in report.sources.values()] == pytest.approx(
        [0.5, 0.5], abs=0.01
    )
    assert [count.asked for count in report.sources.values()] == pytest.approx(
        [0.5, 0.5], abs=1e-5
    )


def test_a_source_that_is_too_small_is_read_again(plays, tmp_path):
    weights = {"storyworld": 0.5, plays: 0.5}
    once = mixed(tmp_path, weights, "once", max_epochs=1)
    total = 3 * once.sources[plays].bytes
    report = mixed(tmp_path, weights, total=total)
    assert report.sources[plays].epochs == pytest.approx(1.5, abs=0.02)
    mine = [row for row in rows(tmp_path / "out") if row["source"] == plays]
    times = Counter(row["text"] for row in mine)
    held = [
        r for r in rows(tmp_path / "out", "validation.jsonl") if r["source"] == plays
    ]
    assert set(times.values()) == {1, 2} and len(times) + len(held) == 80
    assert len({row["id"] for row in mine}) == len(mine)
    again = [row["id"] for row in mine if row["id"].endswith("#epoch2")]
    assert len(again) == len(mine) - len(times)
    with pytest.raises(ValueError, match="would be read"):
        mixed(tmp_path, weights, "none", total=100 * total)
    assert not (tmp_path / "none").exists()


def test_nothing_held_out_is_trained_on_in_a_mix(plays, tmp_path):
    report = mixed(tmp_path, {"storyworld": 0.5, plays: 0.5}, total=50_000)
    out = tmp_path / "out"
    held = rows(out, "validation.jsonl") + rows(out, "heldout.jsonl")
    trained = {row["text"] for row in rows(out)}
    assert not trained & {row["text"] for row in held}
    assert report.splits["validation"]["also_in_train"] == 0
    assert {row["source"] for row in rows(out, "validation.jsonl")} == {
        "storyworld",
        plays,
    }
    assert [row["text"] for row in rows(out, "heldout.jsonl")] == [
        story.document for story in generate(10, 0, "heldout")
    ]


def test_what_one_source_holds_out_may_be_trained_on_in_another(plays, tmp_path):
    copy = tmp_path / "copy.jsonl"
    copy.write_text(open(plays).read())
    report = mixed(tmp_path, {plays: 1, str(copy): 1}, validation_share=0.5)
    assert report.splits["validation"]["also_in_train"] == 0, "equal texts, one side"
    world = [{"text": story.document} for story in generate(10, 0, "validation")]
    copy.write_text("".join(json.dumps(row) + "\n" for row in world))
    report = mixed(tmp_path, {"storyworld": 1, str(copy): 1}, stages=())
    again = report.splits["validation"]["also_in_train"]
    assert 0 < again <= 10, "it is counted and said"
    saved = json.loads((tmp_path / "out" / "report.json").read_text())
    assert saved["splits"]["validation"]["also_in_train"] == again


def test_a_mix_is_the_same_bytes_every_time(plays, tmp_path):
    weights = {"storyworld": 2, plays: 1}
    made = []
    for name, workers in (("a", 1), ("b", 2)):
        config = CorpusConfig(
            mix=weights, out=str(tmp_path / name), workers=workers, **STORIES
        )
        build_corpus(config)
        made.append({p.name: sha256(p) for p in (tmp_path / name).iterdir()})
    assert made[0] == made[1]


def words_in(text):
    return len(text.split())


def test_a_mix_is_measured_by_the_tokenizer_that_is_given(plays, tmp_path):
    weights = {"storyworld": 0.5, plays: 0.5}
    config = CorpusConfig(mix=weights, out=str(tmp_path / "o"), workers=2, **STORIES)
    report = build_corpus(config, count_tokens=words_in)
    assert report.unit == "tokens"
    size = Counter()
    for row in rows(tmp_path / "o"):
        size[row["source"]] += words_in(row["text"])
    assert size["storyworld"] / size.total() == pytest.approx(0.5, abs=0.01)
    assert {name: count.size for name, count in report.sources.items()} == size
    card = (tmp_path / "o" / "README.md").read_text()
    for name, count in report.sources.items():
        assert f"| {name} | {count.documents:,} | {count.size:,} | " in card
    assert "in tokens;" in card


def test_tokens_are_counted_by_tiktoken(plays, tmp_path, shared, monkeypatch):
    cache = shared / "data" / "tiktoken-cache"
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(cache))
    report = mixed(tmp_path, {plays: 1}, count_tokens="gpt2")
    counted = sum(count_tiktoken("gpt2", row["text"]) for row in rows(tmp_path / "out"))
    assert report.sources[plays].size == counted < report.sources[plays].bytes
    options = ["--source", plays, "--out", str(tmp_path / "x")]
    assert main([*options, "--count-tokens", "nonsense"]) == 2


def test_the_card_of_a_mix_names_sources_shares_licences_and_gaps(plays, tmp_path):
    mixed(tmp_path, {"storyworld": 0.7, plays: 0.3}, temperature=1.5)
    card = (tmp_path / "out" / "README.md").read_text()
    for words in (
        f"# Data card: storyworld and {plays}",
        "Source: storyworld. Licence: made by this repository's own code",
        f"Source: {plays}. Licence: not known to this program; state it here.",
        "-- storyworld\nread ",
        f"-- {plays}\nread ",
        "storyworld: Invented people",
        "Not checked: ",
    ):
        assert words in card
    command = card.rsplit("python -m ch01_data.data ")[-1].split()
    sizes = ["--n", "250"]
    assert [word for word in command if word in sizes] == sizes
    assert "--temperature 1.5" in card and "--source" not in command


def test_the_command_on_the_card_makes_the_mix_again(plays, tmp_path):
    options = ["--mix", f"{plays}=2,pylib=1", "--limit-bytes", "200000"]
    assert main([*options, "--out", str(tmp_path / "a"), "--workers", "1"]) == 0
    card = (tmp_path / "a" / "README.md").read_text()
    command = card.rsplit("python -m ch01_data.data ")[-1].split()
    assert main([*command, "--out", str(tmp_path / "b"), "--workers", "1"]) == 0
    for path in (tmp_path / "a").iterdir():
        assert sha256(path) == sha256(tmp_path / "b" / path.name)


def test_mixes_are_read_from_the_command_line():
    assert read_mix("storyworld=0.7, pylib=0.3") == {"storyworld": 0.7, "pylib": 0.3}
    assert read_mix("my=texts/a.txt=2") == {"my=texts/a.txt": 2.0}
    for text in ("pylib", "pylib=", "=3", "pylib=x"):
        with pytest.raises(ValueError, match="is not SOURCE=WEIGHT"):
            read_mix(text)
    with pytest.raises(ValueError, match="stands twice"):
        read_mix("a=1,a=2")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--mix", "pylib"], "not SOURCE=WEIGHT"),
        (["--mix", ","], "the mix is empty"),
        (["--mix", "pylib=1", "--source", "pylib"], "not both"),
        (["--mix", "pylib=1", "--temperature", "0"], "the temperature is 0"),
        (["--mix", "pylib=-1"], "pylib is -1"),
        (["--source", "pylib", "--total", "9"], "a total needs a mix"),
        (["--mix", "pylib=1", "--max-epochs", "0.5"], "max_epochs is 0.5"),
        (["--workers", "0"], "workers is 0"),
    ],
)
def test_impossible_mixes_are_refused_in_one_line(options, message, tmp_path, capsys):
    assert main([*options, "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()
