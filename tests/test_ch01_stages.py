"""Stages: each takes what it is for and leaves the rest, and says why it did not."""

from collections import Counter

import numpy as np
import pytest

from ch01_data.batch_stages import StageConfig
from ch01_data.corpus import CorpusConfig
from ch01_data.data import told_to_stages
from ch01_data.engine import LocalEngine
from ch01_data.sources import Document
from ch01_data.stages import LINE_DOCUMENTS, STAGES, Funnel, run_stages
from ch01_data.storyworld import generate
from ch01_data.word_lists import read_list

STORIES = [story.text for story in generate(60, 3, "train")]
FOOTER = "Share this story with all of your friends today"


def documents(texts, urls=()):
    urls = [*urls, *[None] * (len(texts) - len(urls))]
    return [Document(t, str(i), url) for i, (t, url) in enumerate(zip(texts, urls))]


def kept(texts, stages, urls=(), **told):
    found, counts = run_stages(documents(texts, urls), stages, **told)
    removed = {count.name: count.removed for count in counts if count.ran}
    return [document.text for document in found], removed


# --- one document at a time ----------------------------------------------------------


def test_addresses_are_refused_by_the_lists_of_the_book_and_of_the_reader():
    urls = [
        "https://fine.example/a",
        "http://127.1/",
        "https://sub.mine.example/",
        None,
    ]
    config = StageConfig(blocked_domains=("mine.example",))
    found = STAGES["url"].run(documents(STORIES[:4], urls), config)
    assert [document.id for document in found.documents] == ["0", "3"]
    assert found.removed == Counter(ip_host=1, blocked_domain=1)
    assert set(found.removed) <= set(STAGES["url"].reasons)
    assert (
        len(STAGES["url"].run(documents(STORIES[:4], urls), StageConfig()).documents)
        == 3
    )


def test_languages_that_are_wanted_stay():
    german = (
        "Am Morgen ging die Frau zum Fluss und suchte ihren roten Hut. Niemand hatte "
        "ihn gesehen, nur der Junge am Fenster lachte leise und sagte kein Wort. "
    )
    texts = [STORIES[0], german * 2]
    assert len(STAGES["language"].run(documents(texts), StageConfig()).documents) == 1
    both = StageConfig(languages=("en", "de"))
    assert len(STAGES["language"].run(documents(texts), both).documents) == 2


def test_a_listed_insult_takes_its_text():
    word = sorted(read_list("bad_words"))[0]
    found = STAGES["toxicity"].run(
        documents([STORIES[0], f"You {word}! {STORIES[1]}"]), StageConfig()
    )
    assert [document.id for document in found.documents] == ["0"]
    assert found.removed == Counter(insult_listed=1)


def test_what_an_evaluation_set_holds_is_taken_out():
    config = StageConfig(evaluation=(STORIES[5],))
    retyped = STORIES[5].lower().replace(".", "").replace(",", "")
    found = STAGES["decontaminate"].run(
        documents([STORIES[4], retyped, STORIES[5]]), config
    )
    assert [document.id for document in found.documents] == ["0"]
    assert found.removed == Counter(leak=2)


# --- the whole corpus ----------------------------------------------------------------


def test_of_two_addresses_of_one_page_the_first_stays():
    urls = ["https://a.example/x/", "http://www.a.example/x?utm_source=n", None, "a b"]
    texts = STORIES[:4]
    left, removed = kept(texts, ("url_duplicates",), urls)
    assert left == [texts[0], texts[2], texts[3]]
    assert removed == {"url_duplicates": {"same page": 1}}
    same = ["https://a.example/x", None, None, None]
    assert kept(texts, ("url_duplicates",), same)[0] == texts


def test_furniture_goes_and_the_pages_stay():
    texts = [f"{story}\n{FOOTER}" for story in STORIES[:30]]
    left, removed = kept([*texts, FOOTER], ("repeated_lines",))
    assert left == [f"{story}\n" for story in STORIES[:30]]
    assert removed == {"repeated_lines": {"nothing left": 1}}
    few = texts[:LINE_DOCUMENTS]
    assert kept(few, ("repeated_lines",))[0] == few, "not in more than ten documents"


def test_copies_go_before_their_lines_are_counted():
    """Else a text that stands twenty times would lose every line, and be lost."""
    left, _ = kept(
        [STORIES[0]] * 20 + STORIES[1:3], ("exact_duplicates", "repeated_lines")
    )
    assert left == [STORIES[0], STORIES[1], STORIES[2]]
    names = list(STAGES)
    assert names.index("near_duplicates") < names.index("repeated_lines")


def test_rewritten_rows_have_the_columns_of_their_new_texts(tmp_path):
    texts = [f"{story}\n{FOOTER}" for story in STORIES[:30]] + [STORIES[0] + "\n"]
    funnel = Funnel(StageConfig(), LocalEngine())
    cleaned = funnel.clean(documents(texts), ("repeated_lines",), tmp_path)
    texts_left = [d.text for d in cleaned.spool.documents(cleaned.kept)]
    sizes = [len(text.encode()) for text in texts_left]
    assert cleaned.spool.column("bytes")[cleaned.kept].tolist() == sizes
    digests = cleaned.spool.column("digest")[cleaned.kept]
    assert digests[0] == digests[30] and len(np.unique(digests)) == 30


def test_spans_go_from_all_but_the_first():
    quoted = "It was said so. " + STORIES[0] + " And no more."
    left, removed = kept([STORIES[0], quoted, STORIES[1]], ("repeated_spans",))
    assert left[0] == STORIES[0] and left[2] == STORIES[1]
    assert left[1].startswith("It was said so.") and len(left[1]) < 60
    assert removed == {"repeated_spans": {}}


# --- what runs, and why not ----------------------------------------------------------


def test_a_stage_without_what_it_needs_says_so(tmp_path):
    config = CorpusConfig(source="text.txt")
    assert "decontaminate" not in config.stages_of("text.txt")
    assert config.why_not("text.txt", "decontaminate") == "no --evaluation was named"
    exam = tmp_path / "exam.txt"
    exam.write_text(STORIES[7])
    config = CorpusConfig(source="text.txt", evaluation=str(exam))
    assert "decontaminate" in config.stages_of("text.txt")
    assert told_to_stages(config).evaluation == (STORIES[7],)
    with pytest.raises(ValueError, match="decontaminate needs --evaluation"):
        CorpusConfig(stages=("decontaminate",))


def test_a_block_list_of_the_reader_is_read(tmp_path):
    (tmp_path / "hosts.txt").write_text("# mine\nb.example\nA.example\n")
    config = CorpusConfig(blocked=str(tmp_path / "hosts.txt"))
    assert told_to_stages(config).blocked_domains == ("a.example", "b.example")
    with pytest.raises(ValueError, match="no list"):
        told_to_stages(CorpusConfig(blocked=str(tmp_path / "none.txt")))


def test_spans_run_only_where_they_are_named():
    assert "repeated_spans" not in CorpusConfig(source="x").stages_of("x")
    chosen = CorpusConfig(source="x", stages=("repeated_spans",))
    assert chosen.stages_of("x") == ("repeated_spans",)
