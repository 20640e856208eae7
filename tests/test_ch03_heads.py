"""Chapter 3: heads are watched from outside, and marked for habits told beforehand."""

from dataclasses import replace
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ch01_data.mentions import stories_with_mentions
from ch01_data.storyworld_words import SHE
from ch02_tokenization.tokenization import END_OF_TEXT, train_bpe
from ch03_attention.attention import (
    CausalSelfAttention,
    causal_mask,
    document_mask,
    share_heads,
)
from ch03_attention.flash import flash_attend
from ch03_attention.heads import (
    attention_layers,
    head_weights,
    induction_score,
    previous_token_score,
    repeated_tokens,
    silenced,
    watched,
)
from ch03_attention.references import (
    Reference,
    chance,
    favourites,
    most_recent,
    read_stories,
    references_found,
    two_people,
)
from ch04_transformer.transformer import ModelConfig, Transformer, TransformerBlock
from common import head_search

close = partial(torch.testing.assert_close, atol=1e-5, rtol=1e-5)


def noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def small_model(vocab_size: int = 50, **more: object) -> Transformer:
    torch.manual_seed(0)
    shape = dict(d_model=24, n_layers=2, n_heads=4, n_kv_heads=2, d_ff=32)
    config = ModelConfig(vocab_size=vocab_size, context_length=512, **shape, **more)
    return Transformer(config).eval()


def even(n_tokens: int) -> Tensor:
    return head_search.even_weights(n_tokens)


def shifted(n_tokens: int, back: int) -> Tensor:
    """A head that looks `back` tokens back, or at itself where there is none."""
    at = (torch.arange(n_tokens) - back).clamp(min=0)
    at[:back] = torch.arange(min(back, n_tokens))
    return F.one_hot(at, n_tokens).float()[None, None]


@pytest.fixture(scope="module")
def tokenizer():
    texts = [text for text, _ in stories_with_mentions(300, 0)]
    return train_bpe(texts, 700, [END_OF_TEXT])


@pytest.fixture(scope="module")
def told(tokenizer):
    return read_stories(stories_with_mentions(60, 0, "validation"), tokenizer)


# Watching


@pytest.mark.parametrize("window", [None, 3])
def test_the_weights_are_those_that_the_layer_uses(window):
    """Spent on the layer's values and joined, they give what the layer gives."""
    torch.manual_seed(0)
    layer = CausalSelfAttention(24, 4, 2, sliding_window=window)
    x, positions = noise(2, 9, 24), torch.arange(3, 12)
    mask = document_mask(torch.tensor([[0, 0, 0, 1, 0, 0, 0, 0, 0]] * 2), 1)
    with watched(layer) as found:
        out = layer(x, positions=positions, mask=mask)
    (weights,) = found
    _, _, v = layer.queries_keys_values(x, positions)
    mixed = (weights @ share_heads(v, 4)).transpose(1, 2).flatten(2)
    close(layer.out_proj(mixed), out)


def test_layers_come_in_the_order_in_which_they_run():
    model, tokens = small_model(), torch.randint(50, (2, 7))
    layers = head_weights(model, tokens)
    assert [tuple(weights.shape) for weights in layers] == [(2, 4, 7, 7)] * 2
    with torch.no_grad():
        x = model.embedding(tokens)
        first = model.blocks[0]
        with watched(first) as alone:
            first(x)
    assert torch.equal(layers[0], alone[0])
    assert not torch.equal(layers[0], layers[1])


def test_rows_are_shares_and_never_of_the_future():
    for weights in head_weights(small_model(), torch.randint(50, (1, 8))):
        close(weights.sum(-1), torch.ones(1, 4, 8))
        assert weights[..., ~causal_mask(8, 8)].count_nonzero() == 0


def test_watching_changes_nothing_and_leaves_nothing_behind():
    model, tokens = small_model(), torch.randint(50, (2, 7))
    before = model(tokens)
    with watched(model) as found:
        assert torch.equal(model(tokens), before)
    assert len(found) == 2
    model(tokens)
    assert len(found) == 2, "a hook is still there"
    with pytest.raises(ValueError, match="no head"), watched(model):
        raise ValueError("no head")
    assert not any(layer._forward_pre_hooks for layer in attention_layers(model))


def test_a_model_that_never_holds_its_weights_can_be_watched_too():
    def attention(*sizes: int, **options: object) -> nn.Module:
        tiles = partial(flash_attend, block_size=4)
        return CausalSelfAttention(*sizes, **options, attend=tiles)

    plain, tokens = small_model(), torch.randint(50, (1, 9))
    block = partial(TransformerBlock, attention=attention)
    tiled = Transformer(plain.config, block=block)
    tiled.load_state_dict(plain.state_dict())
    pairs = zip(head_weights(plain, tokens), head_weights(tiled, tokens), strict=True)
    for mine, theirs in pairs:
        close(mine, theirs)


def test_a_cache_is_refused():
    class Keeper:
        def append(self, k, v):
            return k, v

    layer, x = CausalSelfAttention(24, 4), noise(1, 3, 24)
    with watched(layer), pytest.raises(ValueError, match="without a cache"):
        layer(x, positions=torch.arange(3), cache=Keeper())


def test_a_silenced_head_adds_nothing_and_the_others_stay():
    torch.manual_seed(0)
    layer, x = CausalSelfAttention(24, 4), noise(1, 5, 24)
    heads = []
    for head in range(4):
        with silenced(layer, 0, head):
            heads.append(layer(x))
    whole = layer(x)
    # Each of the four sums lacks one head: together they hold every head three times.
    close(sum(heads), 3 * whole)
    assert not torch.allclose(heads[0], whole)


def test_silencing_ends_with_the_block_and_counts_layers_from_zero():
    model, tokens = small_model(), torch.randint(50, (1, 6))
    before = model(tokens)
    with silenced(model, 1, 3):
        assert not torch.allclose(model(tokens), before)
    assert torch.equal(model(tokens), before)
    for layer, head in ((2, 0), (0, 4), (-1, 0)):
        with pytest.raises(ValueError, match="no head"), silenced(model, layer, head):
            pass


# Habits


def test_a_head_that_looks_one_back_is_a_previous_token_head():
    both = torch.cat((shifted(6, 1), shifted(6, 2)), dim=1)
    assert previous_token_score(both).tolist() == [1.0, 0.0]


def test_the_previous_token_score_of_even_attention_by_hand():
    """Three tokens: 1/2 of the second query and 1/3 of the third, on average 5/12."""
    assert previous_token_score(even(3)).item() == pytest.approx(5 / 12)


def test_induction_by_hand():
    """A B A B, period 2: the second A looks at B (place 1) by 0.5, the second B at
    place 2, its successor, by 0.3: on average 0.4."""
    weights = torch.zeros(1, 1, 4, 4)
    weights[0, 0, 2] = torch.tensor([0.5, 0.5, 0.0, 0.0])
    weights[0, 0, 3] = torch.tensor([0.1, 0.2, 0.3, 0.4])
    assert induction_score(weights, 2).item() == pytest.approx(0.4)


def test_an_induction_head_stands_one_after_the_earlier_copy():
    heads = torch.cat([shifted(12, back) for back in (4, 5, 6)], dim=1)
    assert induction_score(heads, 6).tolist() == [0.0, 1.0, 0.0]


def test_an_opening_token_before_the_copies_does_not_shift_the_score():
    assert induction_score(shifted(13, 5), 6).item() == 1.0


def test_rows_are_averaged_and_heads_are_not():
    one, other = shifted(8, 3), shifted(8, 4)
    rows = torch.cat((torch.cat((one, other), 1), torch.cat((other, other), 1)))
    assert induction_score(rows, 4).tolist() == [0.5, 0.0]
    assert previous_token_score(torch.cat((shifted(8, 1), other))).shape == (1,)


def test_repeated_tokens_come_twice_and_no_token_comes_a_third_time():
    generator = torch.Generator().manual_seed(0)
    rows = repeated_tokens(range(100, 130), 5, 12, generator)
    assert rows.shape == (5, 24)
    assert torch.equal(rows[:, :12], rows[:, 12:])
    assert all(len(set(row.tolist())) == 12 for row in rows)
    assert rows.min() >= 100 and rows.max() < 130
    assert not torch.equal(rows[0], rows[1])


def test_a_layer_made_by_hand_has_an_induction_score_of_one():
    """Keys tell what stood before, queries what stands here: they meet one later.

    With one-hot tokens, d = V: the query of token x is x, the key at s is token s - 1.
    """
    generator = torch.Generator().manual_seed(1)
    tokens = repeated_tokens(range(9), 2, 6, generator)
    q = 100.0 * F.one_hot(tokens, 9).float()
    k = torch.cat((torch.zeros(2, 1, 9), F.one_hot(tokens, 9).float()[:, :-1]), dim=1)
    scores = (q @ k.transpose(1, 2)).masked_fill(~causal_mask(12, 12), -torch.inf)
    weights = scores.softmax(-1)[:, None]
    assert induction_score(weights, 6).item() == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: previous_token_score(torch.ones(1, 1, 1, 1)), "two are the least"),
        (lambda: induction_score(torch.ones(1, 1, 5, 5), 3), "do not fit"),
        (lambda: induction_score(torch.ones(1, 1, 5, 5), 0), "do not fit"),
        (lambda: repeated_tokens(range(3), 1, 4, torch.Generator()), "cannot fill"),
    ],
)
def test_what_cannot_be_scored_is_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()


# Reference


def by_hand(**more) -> Reference:
    """A pronoun at token 5 after a name (0 to 2), a job (2 to 3) and a thing (4)."""
    plain = dict(
        story=0,
        word="it",
        pronoun=True,
        kind="things",
        query=5,
        candidates=((0, 2), (2, 3), (4, 5)),
        kinds=("names", "jobs", "things"),
        true=(False, False, True),
    )
    return Reference(**plain | more)


def test_the_favourite_is_the_word_with_the_most_attended_token():
    """Token 3 is no candidate. The name has 0.2 + 0.2 in two tokens, the thing 0.25."""
    row = torch.tensor([0.2, 0.2, 0.05, 0.3, 0.25, 0.0])
    weights = torch.zeros(1, 2, 6, 6)
    weights[0, 0, 5] = row
    weights[0, 1, 5] = row[[1, 4, 2, 3, 0, 5]]
    assert favourites(weights, by_hand()).tolist() == [2, 0]


def test_baselines_by_hand():
    assert chance(by_hand()) == pytest.approx(1 / 3)
    assert most_recent(by_hand())
    assert not most_recent(by_hand(), kinds=("names",))
    assert most_recent(by_hand(true=(True, False, False)), kinds=("names",))
    assert not most_recent(by_hand(), kinds=("colours",)), "none is none found"


def test_spans_of_tokens_spell_the_words_of_the_world(tokenizer, told):
    for story in told:
        pieces = [tokenizer.vocab[i] for i in story.tokens[0].tolist()]
        assert pieces[0] == END_OF_TEXT.encode()
        assert b"".join(pieces[1:]).decode() == story.text
        for reference in story.references:
            asks = pieces[reference.query].decode().strip()
            after = b"".join(pieces[reference.query + 1 :]).decode().lstrip(' "')
            if reference.pronoun:
                assert reference.word.endswith(asks)
            else:
                assert after.startswith(reference.word), (after, reference.word)
            for start, stop in reference.candidates:
                assert 0 < start < stop <= reference.query + 1
    assert sum(len(story.references) for story in told) > 100


def test_true_candidates_are_one_word_and_the_one_that_comes_back(tokenizer, told):
    for story in told:
        pieces = [tokenizer.vocab[i] for i in story.tokens[0].tolist()]
        for reference in story.references:
            pairs = zip(reference.candidates, reference.true, strict=True)
            words = {
                b"".join(pieces[start:stop]).decode().strip(' ."').lower()
                for (start, stop), true in pairs
                if true
            }
            assert len(words) == 1, words
            if not reference.pronoun:
                assert words == {reference.word.lower()}
            elif reference.word in ("She", "Her"):
                assert words <= {name.lower() for name in SHE}


def test_two_people_are_named_and_the_pronoun_fits_one():
    seen = set()
    for text, found in two_people(40, 0):
        *named, asked = found
        assert text.endswith((". She", ". He")) and asked.stop == len(text)
        people = {m.entity: text[m.start : m.stop] for m in named}
        assert set(people) == {"hero", "friend"}
        she = [entity for entity, name in people.items() if name in SHE]
        assert len(she) == 1
        assert (asked.entity in she) == text.endswith("She")
        seen.add((asked.entity, text.endswith("She")))
    assert len(seen) == 4, "hero and friend are both he and she at times"


def test_a_head_that_always_looks_at_the_right_word_is_perfect(monkeypatch, told):
    """One head looks at the true words, one at the first word, whatever it is."""
    stories = [
        replace(story, references=tuple(r for r in story.references if r.pronoun))
        for story in told[:8]
    ]
    stories = [story for story in stories if story.references]
    queue = iter(stories)

    def oracle(model: nn.Module, tokens: Tensor) -> list[Tensor]:
        story, n = next(queue), tokens.shape[1]
        weights = torch.zeros(1, 2, n, n)
        for reference in story.references:
            start, _ = reference.candidates[reference.true.index(True)]
            weights[0, 0, reference.query, start] = 1.0
            weights[0, 1, reference.query, reference.candidates[0][0]] = 1.0
        return [weights]

    monkeypatch.setattr("ch03_attention.references.head_weights", oracle)
    references, found = references_found(nn.Identity(), stories)
    assert found.shape == (len(references), 2)
    assert found[:, 0].all()
    assert found[:, 1].tolist() == [r.true[0] for r in references]


def test_the_best_head_is_chosen_on_other_stories_than_it_is_marked_on():
    """Head 0 is right on pairs 0 and 2, where it is chosen, and wrong on 1 and 3."""
    references = [by_hand(story=number) for number in range(8)]
    chosen_on = torch.tensor([n // 2 % 2 == 0 for n in range(8)])
    right = torch.stack((chosen_on, ~chosen_on), dim=1)
    marks = head_search.marks([(references, right)])
    assert marks["best_heads"] == [0]
    assert marks["accuracy"]["values"] == [0.0]
    assert marks["references"] == 4
    assert marks["by_seed_and_head"] == [[0.0, 1.0]]
    assert marks["baselines"]["chance"] == pytest.approx(1 / 3)


def test_the_experiment_reports_three_habits(monkeypatch, tokenizer):
    monkeypatch.setattr("common.laboratory.has_compiler", lambda: False)
    monkeypatch.setattr(head_search, "ROWS", 2)
    documents = [text for text, _ in stories_with_mentions(150, 0)]
    laboratory = head_search.Laboratory.of(documents, tokenizer, documents[:2])
    monkeypatch.setattr(head_search.Laboratory, "open", lambda: laboratory)
    found = head_search.heads(stories=24, steps=2, seeds=(0, 1))
    layers, heads = found["layers_and_heads"]
    for habit in ("previous_token", "induction"):
        scores = found[habit]["by_seed_and_head"]
        assert [len(of_seed) for of_seed in scores] == [layers * heads] * 2
        assert found[habit]["best_head"]["values"] == [max(s) for s in scores]
        assert 0 < found[habit]["even_attention"] < 1
    # Where a hero's pronoun stands, nobody else has been named.
    people = found["reference"]["she or he"]
    assert people["baselines"]["most recent name"] == 1.0
    assert found["reference"]["two people"]["baselines"]["most recent name"] == 0.5
    back = found["reference"]["a thing comes back"]
    assert back["baselines"]["most recent name or thing"] < 0.5
    for marks in found["reference"].values():
        low, high = marks["accuracy"]["interval"]
        assert 0 <= low <= marks["accuracy"]["mean"] <= high <= 1
