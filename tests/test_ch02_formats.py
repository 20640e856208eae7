"""Chapter 2: tokenizer files of other makers open with equal ids, or are refused."""

import json

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Regex, decoders, normalizers, pre_tokenizers, trainers
from tokenizers.models import BPE

from ch02_tokenization.formats import DIGITS_PATTERN, read_pattern
from ch02_tokenization.tokenization import (
    END_OF_TEXT,
    GPT2_PATTERN,
    GPT4_PATTERN,
    Tokenizer,
)
from tests.test_ch02_tokenization import (
    ANY_TEXT,
    CODE,
    ENGLISH,
    MIXED,
    TRICKY_TEXT,
    check,
    gpt2,
)

__all__ = ["gpt2"]
GPT4 = Regex(GPT4_PATTERN)
SPECIAL = [END_OF_TEXT, "<|im_start|>", "<|im_end|>"]
TEXTS = [ENGLISH, CODE, MIXED, "", "  12 3", f"a  1b{SPECIAL[1]}x\t\t7{SPECIAL[2]}"]
BYTE_LEVEL = dict(add_prefix_space=False, use_regex=False)
CUTS = {
    "ByteLevel alone, as GPT-2": pre_tokenizers.ByteLevel(add_prefix_space=False),
    "single digits before it, as SmolLM2": pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False),
    ]),
    "a Split before it, as Llama 3": pre_tokenizers.Sequence([
        pre_tokenizers.Split(GPT4, "isolated"),
        pre_tokenizers.ByteLevel(**BYTE_LEVEL),
    ]),
}  # fmt: skip


def trained_elsewhere(pre_tokenizer):
    """Let the tokenizers library learn a vocabulary of its own."""
    made = tokenizers.Tokenizer(BPE())
    made.pre_tokenizer, made.decoder = pre_tokenizer, decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=900,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator([ENGLISH, CODE, MIXED * 5, "year 1984 " * 9], trainer)
    return made


@pytest.fixture(scope="module", params=CUTS)
def both(request, tmp_path_factory):
    """The same file, opened by the library and by this book."""
    theirs = trained_elsewhere(CUTS[request.param])
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    theirs.save(str(path))
    return theirs, Tokenizer.load(path)


def test_files_of_the_library_open_with_equal_ids(both):
    theirs, ours = both
    assert ours.special_tokens == {name: i for i, name in enumerate(SPECIAL)}
    for text in TEXTS:
        ids = theirs.encode(text).ids
        assert ours.encode(text) == ids
        assert theirs.decode(ids, skip_special_tokens=False) == ours.decode(ids) == text


@check
@given(st.one_of(ANY_TEXT, TRICKY_TEXT))
def test_any_text_has_equal_ids(both, text):
    theirs, ours = both
    assert ours.encode(text) == theirs.encode(text).ids


def test_what_was_opened_is_written_as_a_file_that_says_the_same(both, tmp_path):
    theirs, ours = both
    ours.save(tmp_path)
    again = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    for text in TEXTS:
        assert again.encode(text).ids == theirs.encode(text).ids
        assert Tokenizer.load(tmp_path).encode(text) == ours.encode(text)


def older(content):
    """Write a file as versions of before 2024 did: a merge is one string."""
    model = content["model"]
    model["merges"] = [" ".join(pair) for pair in model["merges"]]
    del model["type"], model["ignore_merges"], content["pre_tokenizer"]["use_regex"]
    return content


def test_merges_that_are_strings_are_read_as_pairs(tmp_path):
    theirs = trained_elsewhere(CUTS["ByteLevel alone, as GPT-2"])
    content = older(json.loads(theirs.to_str()))
    assert isinstance(content["model"]["merges"][0], str)
    (tmp_path / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    # The library reads it so too.
    same = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    ours = Tokenizer.load(tmp_path)
    for text in TEXTS:
        assert ours.encode(text) == same.encode(text).ids == theirs.encode(text).ids


def test_gpt2_as_a_tokenizer_json_equals_gpt2_from_its_two_files(gpt2, tmp_path):
    """Names and merges as published, in a file as the library writes it."""
    ours, encoding = gpt2
    parts = json.loads(ours.to_huggingface().to_str())["model"]
    pairs = [tuple(pair) for pair in parts["merges"]]
    theirs = tokenizers.Tokenizer(BPE(vocab=parts["vocab"], merges=pairs))
    theirs.pre_tokenizer = CUTS["ByteLevel alone, as GPT-2"]
    theirs.decoder = decoders.ByteLevel()
    theirs.add_special_tokens([END_OF_TEXT])
    content = older(json.loads(theirs.to_str()))
    (tmp_path / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    opened = Tokenizer.load(tmp_path)
    assert opened.hash == ours.hash and opened.pattern == GPT2_PATTERN
    text = ENGLISH + END_OF_TEXT + MIXED
    assert opened.encode(text) == encoding.encode(text, allowed_special="all")


def test_white_space_before_a_digit_is_one_piece():
    """A digit cuts first: "a  1" is a, two blanks, 1; "a  b" is a, blank, blank b."""
    ours = Tokenizer({i: bytes([i]) for i in range(256)}, [], {}, DIGITS_PATTERN)
    assert ours._find_pieces("a  12 b") == ["a", "  ", "1", "2", " b"]
    assert ours._find_pieces("a  b") == ["a", " ", " b"]


# ------------------------------------------------------------------ refusals


def model(**changes):
    return lambda content: content["model"].update(changes)


def added(**changes):
    return lambda content: content["added_tokens"][1].update(changes)


def part(name, value):
    state = value if value is None or isinstance(value, dict) else dumped(value)
    return lambda content: content.update({name: state})


def dumped(pre_tokenizer):
    made = tokenizers.Tokenizer(BPE())
    made.pre_tokenizer = pre_tokenizer
    return json.loads(made.to_str())["pre_tokenizer"]


def split(behavior="isolated", pattern=GPT4, **byte_level):
    last = pre_tokenizers.ByteLevel(**BYTE_LEVEL | byte_level)
    return pre_tokenizers.Sequence([pre_tokenizers.Split(pattern, behavior), last])


STEPS = "the pre_tokenizer is "
REFUSED = {
    "a normalizer": (
        part("normalizer", dict(type="NFKC")),
        "the normalizer is NFKC, but only None or NFC opens here",
    ),
    "pieces of words": (
        model(type="WordPiece"),
        "the model is WordPiece, but only BPE",
    ),
    "another decoder": (
        part("decoder", dict(type="Metaspace")),
        "the decoder is Metaspace, but only ByteLevel opens here",
    ),
    "no decoder": (part("decoder", None), "the decoder is None"),
    "bytes as tokens": (model(byte_fallback=True), "byte_fallback is True"),
    "ends of words": (model(end_of_word_suffix="</w>"), "end_of_word_suffix is '</w>'"),
    "insides": (
        model(continuing_subword_prefix="##"),
        "continuing_subword_prefix is '##'",
    ),
    "merges at random": (model(dropout=0.1), "dropout is 0.1"),
    "a greedy token": (added(lstrip=True), "lstrip is True"),
    "another greedy token": (added(rstrip=True), "rstrip is True"),
    "a token that is a word": (added(single_word=True), "single_word is True"),
    "a blank before": (
        part("pre_tokenizer", pre_tokenizers.ByteLevel(add_prefix_space=True)),
        "add_prefix_space is True",
    ),
    "no pattern": (
        part("pre_tokenizer", pre_tokenizers.ByteLevel(**BYTE_LEVEL)),
        STEPS,
    ),
    "two patterns": (part("pre_tokenizer", split(use_regex=True)), STEPS),
    "pieces that vanish": (part("pre_tokenizer", split("removed")), STEPS),
    "a plain border": (part("pre_tokenizer", split(pattern=" ")), STEPS),
    "digits together": (
        part(
            "pre_tokenizer",
            pre_tokenizers.Sequence(
                [
                    pre_tokenizers.Digits(individual_digits=False),
                    pre_tokenizers.ByteLevel(add_prefix_space=False),
                ]
            ),
        ),
        STEPS,
    ),
    "words": (part("pre_tokenizer", pre_tokenizers.Whitespace()), STEPS),
    "no steps": (part("pre_tokenizer", None), STEPS),
    "a token that nothing makes": (
        lambda content: content["model"]["vocab"].update({"ĠzĠqĠ": 5000}),
        "no merge makes the token b' z q '",
    ),
}


@pytest.fixture(scope="module")
def file_of_gpt2s_kind():
    return trained_elsewhere(CUTS["ByteLevel alone, as GPT-2"]).to_str()


@pytest.mark.parametrize("kind", REFUSED)
def test_what_would_give_other_tokens_is_refused_by_name(
    kind, file_of_gpt2s_kind, tmp_path
):
    content = json.loads(file_of_gpt2s_kind)
    change, message = REFUSED[kind]
    change(content)
    (tmp_path / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError) as refused:
        Tokenizer.load(tmp_path)
    assert message in str(refused.value) and str(tmp_path) in str(refused.value)
    assert "\n" not in str(refused.value)


ACCENTS = st.text(st.sampled_from("aeE\u0301\u0308\u0338\u212b >=1\n가\u1100\u1161"))
# The second would become one character with the end of the special token before it.
DECOMPOSED = [
    "cafe\u0301 A\u030a",
    f"a{SPECIAL[1]}\u0338b",
    "\u0301",
    "\u2126 \u1100\u1161",
]


@pytest.fixture(scope="module")
def normalizing(tmp_path_factory):
    """A tokenizer of Qwen's kind, theirs and ours."""
    theirs = trained_elsewhere(CUTS["a Split before it, as Llama 3"])
    theirs.normalizer = normalizers.NFC()
    path = tmp_path_factory.mktemp("nfc") / "tokenizer.json"
    theirs.save(str(path))
    return theirs, Tokenizer.load(path)


@given(text=ACCENTS)
def test_accents_join_their_letters_before_the_text_is_cut(normalizing, text):
    theirs, ours = normalizing
    assert ours.encode(text) == theirs.encode(text).ids


def test_a_normalizer_stops_at_special_tokens_and_holds_for_every_way_to_encode(
    normalizing, tmp_path
):
    theirs, ours = normalizing
    ours.save(tmp_path)
    again = Tokenizer.load(tmp_path)
    assert again.hash == ours.hash and again.normalizer == "NFC"
    for text in DECOMPOSED:
        ids = theirs.encode(text).ids
        assert ours.encode(text) == again.encode(text) == ids
        assert ours.to_huggingface().encode(text).ids == ids
        assert list(ours.encode_iterable(iter(text), buffer_characters=1)) == ids
        assert ours.fast_encoder()([text]) == [ours.encode(text, "none")]
    assert ours.encode("cafe\u0301") == ours.encode("caf\u00e9")
    plain = Tokenizer(ours.vocab, ours.merges, ours.special_tokens, ours.pattern)
    assert plain.hash != ours.hash
    assert plain.encode("cafe\u0301") != plain.encode("caf\u00e9")
    with pytest.raises(ValueError, match="normalizer is 'NFKC'; choose NFC or none"):
        Tokenizer(ours.vocab, ours.merges, {}, normalizer="NFKC")


def test_the_steps_of_a_file_become_one_pattern():
    for (_, step), pattern in zip(
        CUTS.items(), (GPT2_PATTERN, DIGITS_PATTERN, GPT4_PATTERN), strict=True
    ):
        assert read_pattern(dumped(step)) == pattern
