"""Experiments on positions, on tiny sizes: what they compare differs in one thing."""

import math

import pytest
import torch

from ch01_data.storyworld import generate
from ch02_tokenization.tokenization import SPECIAL_TOKENS, train_bpe
from ch04_transformer.transformer import ModelConfig, Transformer
from common import position_experiments as experiments
from common.laboratory import Laboratory


@pytest.fixture(scope="module")
def texts():
    return [story.document for story in generate(40, 0, "train")]


@pytest.fixture(scope="module")
def tokenizer(texts):
    return train_bpe(texts, 400, SPECIAL_TOKENS)


@pytest.fixture(autouse=True)
def small(monkeypatch, texts, tokenizer):
    """A small laboratory, a short context, and nothing compiled."""

    def open_small(**shape):
        return Laboratory.of(texts, tokenizer, texts[:4], **shape)

    monkeypatch.setattr(Laboratory, "open", open_small)
    monkeypatch.setattr("common.laboratory.has_compiler", lambda: False)
    for name, value in dict(TRAINED=8, LENGTHS=(8, 16, 32), LAST=4, SINKS=2).items():
        monkeypatch.setattr(experiments, name, value)


def drawn_model(tokenizer):
    torch.manual_seed(0)
    shape = dict(context_length=8, d_model=24, n_layers=2, n_heads=2, d_ff=20)
    model = Transformer(ModelConfig(vocab_size=tokenizer.vocab_size, **shape))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return model


def nats_by_rule(tokenizer, texts, length):
    model = drawn_model(tokenizer)
    windows = experiments.late_windows(tokenizer, texts[:6], 32)[:, -length - 1 :]
    return {
        rule: experiments.late_nats(reader, windows, mask)
        for rule in ("unchanged", *experiments.STRETCHED, *experiments.MASKED)
        for reader, mask in [experiments.read_by(rule, model, length)]
    }


def test_at_the_trained_length_no_rule_changes_anything(tokenizer, texts):
    nats = nats_by_rule(tokenizer, texts, 8)
    assert len(nats) == 7
    for rule, found in nats.items():
        assert found == pytest.approx(nats["unchanged"], abs=1e-5), rule


def test_beyond_it_every_rule_reads_in_its_own_way(tokenizer, texts):
    nats = sorted(nats_by_rule(tokenizer, texts, 32).values())
    gaps = [b - a for a, b in zip(nats, nats[1:])]
    assert min(gaps) > 1e-5


def test_to_a_model_that_knows_nothing_each_token_is_one_of_the_whole_vocabulary(
    tokenizer, texts
):
    """Its perplexity is the vocabulary's size, whatever it reads."""
    model = drawn_model(tokenizer)
    with torch.no_grad():
        model.norm.weight.zero_()  # every logit is then 0
    windows = experiments.late_windows(tokenizer, texts[:6], 32)
    found = math.exp(experiments.late_nats(model, windows, None))
    assert found == pytest.approx(tokenizer.vocab_size, rel=1e-5)


def test_the_last_tokens_bytes_are_those_of_the_text_they_spell(tokenizer, texts):
    """An end-of-text token is told as well, but it spells nothing."""
    windows = experiments.late_windows(tokenizer, texts[:2], 6, apart=1)
    ends = windows[:, -4:] == tokenizer.end_of_text_id
    assert 0 < ends.sum() < ends.numel(), "a case with and one without an end"
    for window in windows:
        kept = [t for t in window[-4:].tolist() if t != tokenizer.end_of_text_id]
        spelled = len(tokenizer.decode_bytes(kept))
        assert experiments.late_bytes(tokenizer, window[None]) == spelled / 4


def test_windows_are_cut_from_one_stream(tokenizer, texts):
    end = tokenizer.end_of_text_id
    stream = [end, *tokenizer.encode(texts[0]), end, *tokenizer.encode(texts[1]), end]
    windows = experiments.late_windows(tokenizer, texts[:2], 6, apart=5)
    for number, window in enumerate(windows.tolist()):
        assert window == stream[5 * number : 5 * number + 7]
    with pytest.raises(ValueError, match="do not fill a window of 10001"):
        experiments.late_windows(tokenizer, texts[:2], 10_000)
    with pytest.raises(ValueError, match="no rule 'magic'"):
        experiments.read_by("magic", drawn_model(tokenizer), 8)


def test_both_experiments_report_every_variant():
    found = experiments.positions(steps=2, seeds=(0,))
    assert list(found["validation_loss"]) == ["none", "learned", "sinusoidal", "rotary"]
    values = [loss["mean"] for loss in found["validation_loss"].values()]
    assert len(set(values)) == 4 and all(0 < value < 20 for value in values)
    found = experiments.context_extension(steps=2, seeds=(0,), n_texts=6)
    assert {tuple(row) for row in found["loss"].values()} == {("8", "16", "32")}
    at_home = [row["8"]["mean"] for row in found["loss"].values()]
    assert max(at_home) == pytest.approx(min(at_home), abs=1e-5)


def test_perplexity_and_bits_per_byte_tell_the_same_loss(tokenizer):
    """Perplexity is e to the nats per token, 2 to the bits per byte times its bytes."""
    found = experiments.context_extension(steps=2, seeds=(0, 1), n_texts=6)
    texts = [story.document for story in generate(6, 1, "validation")]
    n_bytes = experiments.late_bytes(
        tokenizer, experiments.late_windows(tokenizer, texts, 32)
    )
    assert found["perplexity"].keys() == found["loss"].keys()
    for rule, row in found["perplexity"].items():
        assert row.keys() == found["loss"][rule].keys()
        for length, perplexity in row.items():
            bits = found["loss"][rule][length]["values"]
            expected = [2 ** (value * n_bytes) for value in bits]
            assert perplexity["values"] == pytest.approx(expected, rel=1e-9)
            assert perplexity["mean"] == pytest.approx(sum(expected) / 2, rel=1e-9)
