"""Memorisation: a sentence learned by heart is told from those that were not."""

import json

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ch01_data.canaries import (
    Canary,
    CanarySpace,
    canary_record,
    fitted_exposure,
    make_canaries,
    sampled_exposure,
)
from ch02_tokenization.tokenization import SPECIAL_TOKENS, train_bpe
from ch04_transformer.pretrained import save_pretrained
from ch04_transformer.transformer import ModelConfig, Transformer
from ch05_pretraining.memorisation import main, measure_exposures
from ch05_pretraining.pretraining import document_nats

SPACE = CanarySpace(length=4)


@pytest.fixture(scope="module")
def learned():
    """Return (model, tokenizer, sentences): the first sentence was learned by heart."""
    sentences = make_canaries(3, seed=1, space=SPACE)
    tokenizer = train_bpe(SPACE.sample(200, seed=5), 300, SPECIAL_TOKENS)
    torch.manual_seed(0)
    config = ModelConfig(
        vocab_size=tokenizer.vocab_size,
        d_model=32,
        n_layers=2,
        n_heads=2,
        d_ff=64,
        context_length=64,
    )
    model = Transformer(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    end = tokenizer.end_of_text_id
    for step in range(80):  # one half of the steps is other sentences of the space
        text = sentences[0] if step % 2 else SPACE.sample(100, seed=9)[step]
        ids = torch.tensor([[end, *tokenizer.encode(text), end]])
        loss = F.cross_entropy(model(ids[:, :-1])[0], ids[0, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval(), tokenizer, sentences


def plan(sentences):
    return [
        Canary(sentences[0], tuple(range(40))),
        *(Canary(s, ()) for s in sentences[1:]),
    ]


def test_only_what_was_learned_is_exposed(learned):
    model, tokenizer, sentences = learned
    found = measure_exposures(
        model, tokenizer, plan(sentences), SPACE, context_length=64, n_others=255
    )
    assert [item.copies for item in found] == [40, 0, 0]
    assert found[0].sampled == 8.0, "likelier than all 255 others: log2(256) bits"
    assert found[0].fitted > 8
    assert all(item.sampled < 6 for item in found[1:])


def test_exposures_are_those_of_the_ranks(learned):
    """The same figures from surprises that are measured here, sentence by sentence."""
    model, tokenizer, sentences = learned
    found = measure_exposures(
        model, tokenizer, plan(sentences), SPACE, context_length=64, n_others=50, seed=3
    )
    drawn = SPACE.sample(53, seed="others 3")
    others = [s for s in drawn if s not in sentences][:50]
    nats = [document_nats(model, tokenizer, [s], 64)[0] for s in others]
    for item in found:
        own = document_nats(model, tokenizer, [item.sentence], 64)[0]
        assert item.surprise == pytest.approx(own, rel=1e-5)
        rank = 1 + sum(np.array(nats) <= item.surprise)
        assert item.sampled == pytest.approx(np.log2(51) - np.log2(rank), abs=0.1)
        assert item.sampled == sampled_exposure(item.surprise, nats)
        assert item.fitted == pytest.approx(
            fitted_exposure(item.surprise, nats, SPACE.size), abs=0.01
        )


def test_a_canary_is_never_compared_with_itself(learned):
    """A space of ten sentences with three canaries has seven others."""
    model, tokenizer, sentences = learned
    small = CanarySpace(length=1)
    canaries = [Canary(sentence, ()) for sentence in small.sample(3)]
    found = measure_exposures(
        model, tokenizer, canaries, small, context_length=64, n_others=7
    )
    assert max(item.sampled for item in found) <= 3.0
    with pytest.raises(ValueError, match="different sentences of a space of 10"):
        measure_exposures(
            model, tokenizer, canaries, small, context_length=64, n_others=8
        )


def test_the_command_reads_a_record(learned, tmp_path, capsys):
    model, tokenizer, sentences = learned
    save_pretrained(model, tmp_path / "model", tokenizer)
    record = canary_record(plan(sentences), [str(n) for n in range(40)], space=SPACE)
    (tmp_path / "canaries.json").write_text(json.dumps(record))
    given = ["--model", str(tmp_path / "model"), "--others", "63"]
    given += ["--record", str(tmp_path / "canaries.json")]
    assert main([*given, "--out", str(tmp_path / "found.json")]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].split() == ["copies", "nats", "bits", "fitted"]
    assert shown[1].split()[0] == "40" and shown[1].split()[2] == "6.00"
    assert len(json.loads((tmp_path / "found.json").read_text())) == 3
    assert main(["--model", "nowhere", "--record", str(tmp_path / "none.json")]) == 2
    assert "none.json" in capsys.readouterr().err
