"""Filters: each rule has a text that it catches, and good text passes them all."""

import json
import pickle
import random
import string
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ch01_data import filters
from ch01_data.batch_stages import StageConfig
from ch01_data.decontaminate import EvaluationIndex, overlap
from ch01_data.decontaminate import main as decontaminate_main
from ch01_data.filter_scores import first_flags
from ch01_data.filters import (
    CHARACTERS_TO_JUDGE,
    PAPER_RULES,
    RULES,
    View,
    main,
    menu_lines,
    normalize_text,
    notice_density,
    quality_flags,
    strange_words,
)
from ch01_data.language import language_flags
from ch01_data.learned_filters import load_learned_filters
from ch01_data.letters import LEAST_DOCUMENTS, RARE_PAIRS, is_strange, rare_pairs
from ch01_data.letters import main as letters_main
from ch01_data.sources import Document, read_documents
from ch01_data.storyworld import generate
from ch01_data.throughput import main as throughput_main
from ch01_data.throughput import mixed
from tests.families import few_filters, sample

PROSE = """When the rain stopped, the two brothers went down to the harbour. Nobody was
there except an old man who was mending a net. "Have you seen our boat?" asked the
younger one. The man shook his head and pointed at the lighthouse, where a light was
moving from window to window. They thanked him and ran."""


def random_letters(n_words, seed=0):
    rng = random.Random(seed)
    lengths = [rng.randint(2, 10) for _ in range(n_words)]
    return " ".join("".join(rng.choices(string.ascii_lowercase, k=n)) for n in lengths)


WORDS = PROSE.split()
CAUGHT = {
    "word_count": "Click here to win a prize.",
    "mean_word_length": "a b c d e f g h i j k l m n o p q r s t u v w x y z " * 2,
    "ellipsis_ratio": " ".join(f"{word}..." for word in WORDS[:20]),
    "bullet_lines": "\n".join(f"- item {w} of a list" for w in WORDS),
    "ellipsis_lines": "\n".join(f"{w} and then the story of {w}..." for w in WORDS),
    "alphabetic_words": " ".join(f"word {i} {i * 7} {i * 13}" for i in range(30)),
    "stop_words": "Neko wa niwa ni iru. Inu mo niwa ni iru. Tori ga naku. Yama ga aru.",
    "duplicate_lines": "He came.\n" * 9 + PROSE.replace("\n", " ").replace(". ", ".\n"),
    "duplicate_paragraphs": f"{PROSE}\n\nThe end.\n\n" * 2,
    "duplicate_line_characters": "The best shop in the whole town.\n" * 6 + PROSE[:200],
    "duplicate_paragraph_characters": "\n\n".join([PROSE, "The end.", PROSE]),
    "top_2_gram": "cheap watches " * 9 + "for sale in our store, every day of it",
    "top_3_gram": "buy cheap watches " * 5 + PROSE[:100],
    "top_4_gram": "buy cheap watches now " * 5 + PROSE[:120],
    **{f"duplicate_{n}_grams": f"{PROSE} {PROSE}" for n in range(5, 11)},
    "bad_words": f"{PROSE} You bogwit!",
    "lorem_ipsum": "Lorem ipsum dolor sit amet, and that is the whole of the text.",
    "curly_brackets": f"{PROSE} " + "{{ x }} " * 10,
    "sentence_ends": "the list of things to bring and who is to bring them with what",
    "hashtag_ratio": "#win #free so good #now you #go wow #yes ok #fun more #buy all",
    "compression_ratio": "All work and no play makes Jack a dull boy. " * 60,
    "strange_words": random_letters(80),
    "number_words": "\n".join(f"{i} 0x{i:x} {i}.5e+03 -{i}," for i in range(30)),
    "notice_density": "Please enable JavaScript. We use cookies; read our privacy "
    "policy and the terms of use before you go on. All rights reserved by the owner.",
    "menu_lines": "\n".join("Home About Contact Products Services Jobs Press".split()),
}


@pytest.mark.parametrize("name", [rule.name for rule in RULES])
def test_every_rule_catches_what_it_is_for(name):
    assert name in quality_flags(CAUGHT[name])


def test_numbers_are_told_from_words_by_hand():
    """Six of eight: the x of 0x1f and the e of 2e+05 are no letters; 3D is a word."""
    view = View.of("12 -3.5, 1,234 0x1f (2e+05) 12:30 3D b2")
    assert filters.number_words(view) == 6 / 8


def test_a_short_text_is_not_called_noise_for_compressing_badly():
    short = "".join(random.Random(0).choices(string.ascii_letters, k=499))
    assert filters.compression_ratio(View.of(short)) == 0.5
    assert filters.compression_ratio(View.of(short + "x")) > 0.75


def test_every_rule_tells_its_reason_and_source():
    for rule in (*RULES, *PAPER_RULES):
        measure = getattr(rule.measure, "func", rule.measure)
        assert measure.__doc__ and rule.source in ("Gopher", "C4", "this book")
        assert rule.least <= rule.most
    for rules in (RULES, PAPER_RULES):
        assert len({rule.name for rule in rules}) == len(rules)


def test_every_measure_of_the_papers_has_a_range_in_this_book_or_a_substitute():
    book = {rule.name for rule in RULES}
    substitutes = {"hash_ratio": "hashtag_ratio", "sentences": "sentence_ends"}
    for rule in PAPER_RULES:
        assert substitutes.get(rule.name, rule.name) in book


def test_prose_a_play_and_stories_raise_no_flag(shared):
    assert quality_flags(PROSE) == []
    play = (shared / "data" / "tinyshakespeare.txt").read_text()
    pieces = [play[i : i + 2000] for i in range(0, 200_000, 2000)]
    assert [quality_flags(piece) for piece in pieces if quality_flags(piece)] == []
    for split in ("train", "heldout"):
        flagged = [s.text for s in generate(300, 5, split) if quality_flags(s.document)]
        assert flagged == []


def test_almost_all_python_modules_pass_everything():
    """At most 1 % of the modules of ten words or more, by rules and language."""
    documents = read_documents("pylib", limit_bytes=8_000_000)
    modules = [d.text for d in documents if d.id.endswith(".py")]
    modules = [text for text in modules if len(text.split()) >= 10]
    flagged = sum(bool(quality_flags(text) + language_flags(text)) for text in modules)
    assert len(modules) > 200 and flagged <= 0.01 * len(modules)


def test_the_papers_drop_what_this_book_keeps():
    """Half of the library has a curly bracket, and most of it is not prose."""
    documents = read_documents("pylib", limit_bytes=2_000_000)
    texts = [d.text for d in documents if len(d.text.split()) >= 50]
    lost = [quality_flags(text, PAPER_RULES, limit=None) for text in texts]
    assert sum("curly_brackets" in flags for flags in lost) > 0.3 * len(texts)
    assert sum(map(bool, lost)) > 0.8 * len(texts)


def test_noise_is_flagged_at_any_length():
    for seed in range(20):
        assert "strange_words" in quality_flags(random_letters(60 + seed, seed))
        rng = random.Random(seed)
        code = "".join(rng.choices(string.ascii_letters + string.digits + "+/", k=2000))
        assert "compression_ratio" in quality_flags(code)


@pytest.mark.parametrize("kind", ["gibberish", "boilerplate"])
def test_rules_alone_catch_most_noise_and_notices(kind):
    """Templates that no list or threshold was chosen for."""
    texts = sample(kind, "held", 100)
    assert sum(bool(quality_flags(text)) for text in texts) >= 0.95 * len(texts)


def test_only_so_many_characters_are_judged(shared):
    play = (shared / "data" / "tinyshakespeare.txt").read_text()
    text = play[:CHARACTERS_TO_JUDGE] + random_letters(20_000)
    assert quality_flags(text) == []
    assert "strange_words" in quality_flags(text, limit=None)


# --- measures of this book -----------------------------------------------------------


def test_strange_words_by_hand():
    """Of twelve words, "zqarm" and "wxyzo" have pairs that English lacks."""
    words = "house garden winter little mother bread water under table paper".split()
    assert strange_words(View.of(" ".join(words))) == 0.0
    view = View.of(" ".join([*words, "zqarm", "WXYZO!", "ab", "x1y2z3w4"]))
    assert strange_words(view) == pytest.approx(2 / 12)
    assert strange_words(View.of("zqarm " * 50)) == 0.0  # one word is not ten


def test_rare_pairs_are_rare_in_every_text_at_hand(shared):
    play = View.of((shared / "data" / "tinyshakespeare.txt").read_text()).vocabulary
    stories = View.of(" ".join(s.text for s in generate(300, 0, "train"))).vocabulary
    for words in (play, stories):
        words = [w for w in words if len(w) > 3 and w.isascii() and w.isalpha()]
        assert sum(map(is_strange, words)) <= 0.03 * len(words)
    noise = random_letters(3000).split()
    assert sum(map(is_strange, noise)) >= 0.6 * len(noise)
    assert len(RARE_PAIRS) > 200


def test_rare_pairs_are_counted_in_words_of_several_documents(capsys, tmp_path):
    texts = ["walking walked", "walks quickly", "walking"] * LEAST_DOCUMENTS
    pairs = rare_pairs(texts + ["zzzz"])
    assert "wa" not in pairs and "ck" not in pairs and "zz" in pairs
    assert len(rare_pairs(texts)) < 26 * 26
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.txt").write_text(text)
    assert letters_main(["--source", str(tmp_path)]) == 0
    assert capsys.readouterr().out.split() == rare_pairs(texts)


def test_notices_and_menus_by_hand():
    """Two notices in ten words; three of six lines are entries of a menu."""
    text = "Please log in. You may read more on the site"
    assert notice_density(View.of(text)) == pytest.approx(20.0)
    assert notice_density(View.of("Please come. You may read more on the site")) == 0.0
    menu = "Home\nAll our books\nx = 1\nHe went home.\nNews\nWhy we all came here today"
    assert menu_lines(View.of(menu)) == pytest.approx(3 / 6)
    assert menu_lines(View.of("Home\nAbout")) == 0.0


# --- Unicode -------------------------------------------------------------------------


def test_normalisation_by_example():
    assert normalize_text("e\u0301\r\nx\u00b2\rzero\u200bwidth\ufeff\x00\x07") == (
        "é\nx²\nzerowidth"
    )
    assert normalize_text("a\fb\u2028c\td  e ") == "a\nb\nc\td  e "


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_normalising_twice_changes_nothing_more(text):
    once = normalize_text(text)
    assert normalize_text(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert not any(ord(c) < 32 and c not in "\t\n" for c in once)


# --- decontamination -----------------------------------------------------------------

EXAM = [
    "Who found the red key that the old sailor lost behind the mill on a rainy day?",
    "Where did the baker hide the letter from his brother?",
    "yes",
]


def test_overlap_by_example():
    """A leak of 13 words or more counts with all its words; unrelated text has none."""
    leak = EXAM[0].upper().replace(" ", "\n")
    assert overlap(leak, EXAM) == 1.0
    assert overlap(PROSE, EXAM) == 0.0
    assert overlap(f"{PROSE} {PROSE} {EXAM[0]}", EXAM) == pytest.approx(17 / 131)
    assert overlap("", EXAM) == 0.0


def test_twelve_shared_words_are_not_thirteen():
    words = EXAM[0].split()
    twelve = " ".join([*words[:12], *"and then they all went home again".split()])
    thirteen = " ".join([*words[:13], *"and then they all went home again".split()])
    assert overlap(twelve, EXAM) == 0.0
    assert overlap(thirteen, EXAM) == pytest.approx(13 / 20)


def test_short_texts_are_compared_whole():
    assert overlap(f"{PROSE} {EXAM[1]}", EXAM) == pytest.approx(10 / 67)
    assert overlap("Yes!", EXAM) == 1.0
    assert overlap("yes, we went to the harbour and found a boat there", EXAM) == 0.0
    assert overlap("the red key that the old sailor lost behind", EXAM) == 1.0
    assert overlap("a b x", ["a b c d"], ngram=2) == pytest.approx(2 / 3)


def test_one_index_serves_many_texts():
    index = EvaluationIndex(EXAM)
    for text in (PROSE, *EXAM, PROSE + EXAM[0]):
        assert index.overlap(text) == overlap(text, EXAM)


def test_the_commands_count(tmp_path, capsys):
    (tmp_path / "good.txt").write_text(PROSE)
    (tmp_path / "bad.txt").write_text(CAUGHT["strange_words"])
    source = ["--source", str(tmp_path)]
    assert main([*source, "--show", "1"]) == 0
    out = capsys.readouterr().out
    assert "bad.txt: " in out and "strange_words" in out
    assert "1 of 2 documents flagged" in out
    assert main([*source, "--paper"]) == 0
    assert "2 of 2 documents flagged" in capsys.readouterr().out
    assert main([*source, "--compare"]) == 0
    assert "50 to 100000" in capsys.readouterr().out
    exam = str(tmp_path / "good.txt")
    assert decontaminate_main([*source, "--evaluation", exam]) == 0
    assert "1 of 2 documents overlap" in capsys.readouterr().out


def test_a_general_rule_speaks_where_no_other_stage_names_a_kind(tmp_path):
    few_filters().save(tmp_path)
    config = StageConfig(learned=pickle.dumps(load_learned_filters(tmp_path)))
    spam = sample("spam", "fit", 1)[0].replace(".", "").replace("!", "")
    assert quality_flags(spam) == ["sentence_ends"]
    both = [Document(spam, "a"), Document(CAUGHT["sentence_ends"], "b")]
    spoken, listed = first_flags(both, config)
    assert spoken == ["spam"] and "sentence_ends" in listed
    assert first_flags(both[:1], StageConfig()) == [["sentence_ends"]]


def test_plain_text_falls_at_the_first_filter_that_speaks(tmp_path):
    few_filters().save(tmp_path)
    config = StageConfig(learned=pickle.dumps(load_learned_filters(tmp_path)))
    story = next(generate(1, 9, "train")).document
    texts = [story, random_letters(80), "And so on.", sample("spam", "fit", 1)[0]]
    texts += [f"{story} You bogwit!", f"{story} Mail ann@site.example.", "Guten Tag"]
    documents = [Document(text, str(number)) for number, text in enumerate(texts)]
    found = first_flags(documents, config)
    assert [flags[:1] for flags in found[:6]] == [
        [],
        ["gibberish"],
        ["word_count"],
        ["spam"],
        ["bad_words"],
        [],
    ]
    for document, flags in zip(documents, found):
        assert first_flags([document], config) == [flags]
    assert first_flags([], config) == []
    assert first_flags(documents[1:2], StageConfig())[0][0] != "gibberish"


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from("a bb ccc dddd a-long-word".split()), max_size=60))
def test_the_bound_of_a_rule_is_never_below_its_measure(words):
    view = View.of(" ".join(words))
    bounded = [rule for rule in RULES if rule.bound is not None]
    assert len(bounded) == 9
    for rule in bounded:
        assert rule.bound(view) >= rule.measure(view) - 1e-12, rule.name
        assert rule.holds(view) == rule._replace(bound=None).holds(view)


def test_throughput_is_measured(tmp_path, capsys):
    out = tmp_path / "speeds.json"
    few_filters().save(tmp_path / "filters")
    flags = ["--source", "storyworld", "--megabytes", "0.05", "--repeats", "2"]
    flags += ["--filters", str(tmp_path / "filters"), "--out", str(out)]
    assert throughput_main(flags) == 0
    assert "MB/s" in capsys.readouterr().out and out.exists()
    assert (
        json.loads(out.read_text())["results"]["speed"]["storyworld, rules"]["mean"] > 0
    )
    assert mixed([["a", "b", "c", "d"], ["x", "y"]]) == ["a", "x", "b", "c", "y", "d"]
