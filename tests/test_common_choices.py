"""The experiments of chapter 4 on tiny sizes: what is compared is alike in all else."""

import math

import pytest

from ch02_tokenization.tokenization import SPECIAL_TOKENS, train_bpe
from ch04_transformer.transformer import ModelConfig, Transformer
from common import choices
from common.laboratory import Laboratory

CONFIG = ModelConfig(vocab_size=40, d_model=8, n_layers=2, n_heads=2, d_ff=16)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Compile nothing, and open the same small laboratory for every experiment."""
    monkeypatch.setattr("common.laboratory.has_compiler", lambda: False)
    tokenizer = train_bpe(["a b c d " * 50], 270, SPECIAL_TOKENS)
    texts = ["a b c d " * 20] * 64
    shape = dict(d_model=8, n_layers=2, n_heads=2, d_ff=16, context_length=24)
    laboratory = Laboratory.of(texts, tokenizer, texts[:2], **shape)
    monkeypatch.setattr(Laboratory, "open", lambda *sizes, **shape: laboratory)
    monkeypatch.setattr(choices, "DEEP", {**choices.DEEP, "n_layers": 2})
    return laboratory


def test_all_feed_forwards_have_equally_many_parameters():
    makes = [choices.with_feed_forward(f) for f in choices.FEED_FORWARDS.values()]
    counts = {choices.count_params(make(CONFIG)) for make in makes}
    assert counts == {CONFIG.n_params()}


def test_the_highest_borne_rate_and_the_one_that_diverges_by_hand():
    """The best mean is 1; 3 would be a loss that frequencies alone can reach.

    Up to 0.1 every seed stays within a tenth; at 0.3 one does not, but it still learns;
    at 1 one ends at 3. That the lowest rate, too, is slow is no divergence.
    """
    losses = {
        "0.001": {"mean": 3.05, "max": 3.07},
        "0.01": {"mean": 1.0, "max": 1.09},
        "0.1": {"mean": 1.05, "max": 1.08},
        "0.3": {"mean": 1.05, "max": 1.2},
        "1": {"mean": 2.0, "max": 3.0},
    }
    assert choices.highest_borne(losses, frequent=3.0) == 0.1
    assert choices.diverges_at(losses, frequent=3.0) == 1
    assert choices.diverges_at(losses, frequent=3.1) is None
    losses["3"] = {"mean": 1.0, "max": 1.0}  # good again, behind one that is not
    assert choices.highest_borne(losses, frequent=3.0) == 0.1
    assert choices.highest_borne(losses, frequent=1.0) is None


def test_what_models_cost_that_do_not_read(small):
    """A token that makes up a share p of the text costs -log2 p each time."""
    text = small.texts[0]
    ids = [*small.tokenizer.encode(text), small.tokenizer.end_of_text_id]
    shares = [ids.count(i) / len(ids) for i in ids]
    found = choices.guesses(small)
    bits = sum(-math.log2(share) for share in shares)
    assert found["frequent"] == pytest.approx(bits / len(text.encode()))
    assert found["frequent"] < found["even"]


def test_a_run_that_ends_in_no_number_counts_as_a_guess(small, monkeypatch):
    """Each text costs its tokens and its end, log2 V bits each."""

    def explode(*arguments, **options):
        raise FloatingPointError("the loss is nan at step 3")

    monkeypatch.setattr(Laboratory, "loss", explode)
    found = choices.loss_or_guess(small, Transformer, 0, steps=1)
    n_tokens = len(small.tokenizer.encode(small.texts[0])) + 1
    guess = n_tokens * math.log2(small.config.vocab_size) / len(small.texts[0])
    assert found == pytest.approx(guess)


def test_the_places_are_compared_by_gradient_and_by_rate():
    found = choices.norm_place(steps=2, seeds=(0, 1), rates=(1e-3, 3e-3))
    names = ["pre-norm", "post-norm", "post-norm, undivided"]
    for part in ("gradient_norms", "validation_loss", "highest_borne", "diverges_at"):
        assert list(found[part]) == names
    for name in names:
        assert len(found["gradient_norms"][name]) == 2
        assert list(found["validation_loss"][name]) == ["0.001", "0.003"]
        assert len(found["validation_loss"][name]["0.001"]["values"]) == 2


def test_every_start_is_measured_before_and_after():
    found = choices.initialisation(steps=2, seeds=(0,))
    assert list(found["variances"]) == list(choices.INITIALISATIONS)
    assert all(len(depths) == 3 for depths in found["variances"].values())
    zero = [depth["mean"] for depth in found["variances"]["zero"]]
    assert zero == [zero[0]] * 3, "a silent model adds nothing"
    assert found["fresh_loss"]["torch"]["mean"] > found["fresh_loss"]["GPT-2"]["mean"]


def test_an_untied_head_is_as_large_as_the_embedding(small):
    params = choices.tying(steps=1, seeds=(0,))["params"]
    head = small.config.vocab_size * small.config.d_model
    assert params["untied"] - params["tied"] == head


def test_the_mixture_does_the_work_of_the_dense_model_and_has_the_large_ones_size():
    found = choices.experts(steps=1, seeds=(0,))
    sizes = found["sizes"]
    gate = 2 * 8 * choices.N_EXPERTS  # layers, width, experts
    assert sizes["mixture"]["active"] - gate == sizes["dense, same work"]["active"]
    assert sizes["mixture"]["params"] - gate == sizes["dense, same size"]["params"]
    assert sizes["mixture"] == sizes["mixture, balanced"]
    assert list(found["busiest_expert"]) == ["mixture", "mixture, balanced"]
    for layers in found["busiest_expert"].values():
        assert len(layers) == 2
        most = choices.N_EXPERTS / choices.TOP_K
        assert all(1 <= layer["mean"] <= most + 1e-6 for layer in layers)


def test_activations_report_a_loss_for_each():
    found = choices.activations(steps=1, seeds=(0, 1))
    assert list(found["validation_loss"]) == list(choices.FEED_FORWARDS)
    assert len(set(found["params"].values())) == 1
