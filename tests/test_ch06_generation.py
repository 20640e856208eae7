"""Chapter 6: the cache changes nothing, and sampling follows its distribution."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ch02_tokenization.tokenization import END_OF_TEXT, train_bpe
from ch04_transformer.pretrained import load_pretrained, save_pretrained
from ch04_transformer.transformer import ModelConfig, Transformer
from ch06_generation.generation import (
    KVCache,
    filter_logits,
    generate,
    hide_padding,
    keep_nucleus,
    main,
    next_logits,
    sample,
    stream,
    token_columns,
    whole_characters,
)

# Logits of one size come out of sums in another order: float32 rounding, no more.
ROUNDING = dict(rtol=1e-4, atol=1e-5)

SHAPES = {
    "multi-head": {},
    "grouped": dict(n_kv_heads=2),
    "multi-query": dict(n_kv_heads=1, d_head=10),
    "window": dict(n_kv_heads=2, sliding_window=5),
    "qwen": dict(qk_norm=True, qkv_bias=True, tie_embeddings=False, rope_theta=500.0),
}
each_shape = pytest.mark.parametrize("shape", SHAPES)


def build(seed=0, **fields):
    """Make a small model whose every parameter, norms and biases too, is random."""
    numbers = dict(vocab_size=37, context_length=16, d_model=24, n_layers=3)
    numbers |= dict(n_heads=4, d_ff=20) | fields
    generator = torch.Generator().manual_seed(seed)
    model = Transformer(ModelConfig(**numbers)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            scale = parameter.shape[-1] ** -0.5 if parameter.dim() > 1 else 0.3
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(noise * scale + (parameter.dim() == 1))
    return model


def some_tokens(*shape, seed=0, vocab_size=37):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, vocab_size, shape, generator=generator)


def counting_model(vocab_size, context_length=16, follower=None):
    """Make a real model by hand that answers token t with `follower[t]`.

    The blocks add nothing; embeddings are unit vectors; row f of the head is the unit
    vector of the token that f follows. So the logit is largest for the follower.
    """
    config = ModelConfig(
        vocab_size=vocab_size,
        context_length=context_length,
        d_model=vocab_size,
        n_layers=1,
        n_heads=1,
        d_head=2,
        d_ff=1,
        tie_embeddings=False,
    )
    model = Transformer(config)
    follower = follower or [(t + 1) % vocab_size for t in range(vocab_size)]
    with torch.no_grad():
        for parameter in model.blocks.parameters():
            parameter.zero_()
        model.embedding.weight.copy_(torch.eye(vocab_size))
        model.head.weight.zero_()
        for token, after in enumerate(follower):
            model.head.weight[after, token] = 1.0
    return model


@torch.no_grad()
def naive_greedy(model, row, n, padding=0):
    """Continue one row without cache, mask or padding: the whole text, every time."""
    context, text, new = model.config.context_length, list(row), []
    slots = len(text) + padding
    for _ in range(n):
        if slots > context:
            text, slots = text[-max(context // 2, 1) :], max(context // 2, 1)
        new.append(model(torch.tensor([text]))[0, -1].argmax().item())
        text.append(new[-1])
        slots += 1
    return new


# The cache


@each_shape
def test_cached_logits_equal_uncached_ones(shape):
    model, tokens = build(**SHAPES[shape]), some_tokens(2, 13)
    with torch.no_grad():
        whole, cache = model(tokens), KVCache(model, 2)
        for t in range(13):
            step = model(tokens[:, t : t + 1], cache=cache)
            torch.testing.assert_close(step, whole[:, t : t + 1], **ROUNDING)
    assert cache.length == 13


@given(
    cuts=st.lists(st.integers(1, 6), min_size=1, max_size=16),
    name=st.sampled_from([*SHAPES]),
)
@settings(max_examples=40, deadline=None)
def test_a_prompt_read_in_pieces_gives_the_same_logits(cuts, name):
    model, tokens = build(**SHAPES[name]), some_tokens(2, 16, seed=1)
    with torch.no_grad():
        whole, cache, pieces = model(tokens), KVCache(model, 2), []
        for size in cuts + [16]:
            piece = tokens[:, cache.length : cache.length + size]
            if piece.shape[1]:
                pieces.append(model(piece, cache=cache))
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole, **ROUNDING)


def test_the_cache_keeps_its_place_when_positions_are_left_out():
    """What a bug would do: each step rotated as position 0 gives other logits."""
    model, tokens = build(), some_tokens(1, 6)
    with torch.no_grad():
        whole, cache = model(tokens), KVCache(model, 1)
        for t in range(6):
            wrong = model(
                tokens[:, t : t + 1], cache=cache, positions=torch.tensor([0])
            )
    assert (wrong[:, -1] - whole[:, -1]).abs().max() > 1e-2


def test_next_logits_are_those_of_the_last_position():
    model, tokens = build(n_kv_heads=2), some_tokens(2, 9)
    with torch.no_grad():
        cache = KVCache(model, 2)
        first = next_logits(model, tokens[:, :5], cache)
        last = next_logits(model, tokens[:, 5:], cache)
        torch.testing.assert_close(first, model(tokens)[:, 4], **ROUNDING)
        torch.testing.assert_close(last, model(tokens)[:, 8], **ROUNDING)


def test_the_cache_takes_what_its_formula_says():
    """2 (keys, values) * 3 layers * 5 rows * 2 heads * 16 positions * 6 wide = 5760."""
    cache = KVCache(build(n_kv_heads=2), 5)
    stored = sum(c.keys.numel() + c.values.numel() for c in cache.layers)
    assert stored == 5760
    assert len(cache) == 3 and cache.length == 0
    assert KVCache(build(n_kv_heads=2), 5, 4)[0].keys.shape == (5, 2, 4, 6)


def test_a_short_text_takes_no_memory_for_a_long_context():
    """A cache for all of these positions would not fit into any computer."""
    model = build(context_length=10**14)
    assert generate(model, some_tokens(1, 3), max_new_tokens=4).shape == (1, 4)


def test_a_full_cache_refuses_more():
    model = build()
    cache = KVCache(model, 1, 4)
    model(some_tokens(1, 3), cache=cache)
    with pytest.raises(ValueError, match="holds 4 positions, but 5 are needed"):
        model(some_tokens(1, 2), cache=cache)


def test_the_cache_has_the_precision_of_the_model():
    model = build().to(torch.bfloat16)
    assert KVCache(model, 1)[0].keys.dtype == torch.bfloat16
    assert generate(model, some_tokens(2, 4), max_new_tokens=20).shape == (2, 20)


# The filters


def kept(logits):
    """Return which tokens of one row are still allowed."""
    return [i for i, value in enumerate(logits.tolist()) if value > -math.inf]


def test_filters_by_hand():
    """Probabilities 0.5, 0.25, 0.15, 0.1.

    top_k 2 keeps 0.5 and 0.25. top_p 0.7: 0.5 is not enough, 0.5 + 0.25 = 0.75 is.
    top_p 0.8: 0.75 is not enough, the third comes in. min_p 0.3 asks for 0.15 at least.
    """
    logits = torch.tensor([[0.25, 0.1, 0.5, 0.15]]).log()
    assert kept(filter_logits(logits, top_k=2)[0]) == [0, 2]
    assert kept(filter_logits(logits, top_p=0.7)[0]) == [0, 2]
    assert kept(filter_logits(logits, top_p=0.8)[0]) == [0, 2, 3]
    assert kept(filter_logits(logits, top_p=0.01)[0]) == [2]
    assert kept(filter_logits(logits, min_p=0.29)[0]) == [0, 2, 3]
    assert kept(filter_logits(logits, min_p=0.31)[0]) == [0, 2]


def test_filters_act_one_after_the_other():
    """top_k 2 leaves 0.5 and 0.25, that is 2/3 and 1/3: now top_p 0.6 keeps one."""
    logits = torch.tensor([[0.25, 0.1, 0.5, 0.15]]).log()
    assert kept(filter_logits(logits, top_p=0.6)[0]) == [0, 2]
    assert kept(filter_logits(logits, top_k=2, top_p=0.6)[0]) == [2]


def test_temperature_by_hand():
    """Logits 0 and ln 3: odds of 3. Temperature 0.5 squares them, 2 takes the root."""
    logits = torch.tensor([[0.0, math.log(3)]])
    for temperature, odds in ((1.0, 3.0), (0.5, 9.0), (2.0, math.sqrt(3))):
        p = filter_logits(logits, temperature).softmax(-1)[0]
        assert p[1] / p[0] == pytest.approx(odds, rel=1e-5)


@pytest.mark.parametrize("temperature", [0, 0.0, 1e-45, 1e-12])
def test_temperature_zero_keeps_the_likeliest_token_alone(temperature):
    logits = torch.tensor([[1.0, 3.0, 2.0], [-5.0, -9.0, -7.0]])
    probs = filter_logits(logits, temperature, top_k=2, top_p=0.9).softmax(-1)
    assert probs.tolist() == [[0, 1, 0], [1, 0, 0]]


def test_without_settings_nothing_changes():
    logits = torch.randn(3, 50, generator=torch.Generator().manual_seed(0))
    assert torch.equal(filter_logits(logits), logits)
    assert torch.equal(filter_logits(logits, top_k=50, top_p=1.0), logits)
    assert torch.equal(filter_logits(logits, top_k=1000), logits)


def test_filters_leave_their_input_alone():
    logits = torch.randn(2, 9, generator=torch.Generator().manual_seed(0))
    before = logits.clone()
    filter_logits(logits, 0.7, 4, 0.8, 0.1)
    assert torch.equal(logits, before)


def test_top_p_one_keeps_even_the_least_likely():
    """Half way down, the sum of all before has been rounded up to 1."""
    logits = torch.linspace(0, -30, 1000)[None]
    assert len(kept(keep_nucleus(logits, 1.0)[0])) < 1000
    assert kept(filter_logits(logits, top_p=1.0)[0]) == list(range(1000))


draws = st.integers(0, 10_000)


def random_logits(seed, rows=3, vocab_size=29):
    generator = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(rows, vocab_size, generator=generator)


@given(seed=draws, top_k=st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_top_k_equals_that_of_transformers(seed, top_k):
    from transformers import TopKLogitsWarper

    logits = random_logits(seed)
    assert torch.equal(
        filter_logits(logits, top_k=top_k), TopKLogitsWarper(top_k)(None, logits)
    )


@given(seed=draws, top_p=st.floats(0.01, 0.999))
@settings(max_examples=60, deadline=None)
def test_top_p_equals_that_of_transformers(seed, top_p):
    from transformers import TopPLogitsWarper

    logits = random_logits(seed)
    assert torch.equal(
        filter_logits(logits, top_p=top_p), TopPLogitsWarper(top_p)(None, logits)
    )


@given(seed=draws, min_p=st.floats(0.001, 1.0))
@settings(max_examples=40, deadline=None)
def test_min_p_equals_that_of_transformers(seed, min_p):
    from transformers import MinPLogitsWarper

    logits = random_logits(seed)
    assert torch.equal(
        filter_logits(logits, min_p=min_p), MinPLogitsWarper(min_p)(None, logits)
    )


@given(
    seed=draws,
    temperature=st.floats(0.2, 3.0),
    top_k=st.integers(1, 30),
    top_p=st.floats(0.05, 0.99),
    min_p=st.floats(0.001, 0.5),
)
@settings(max_examples=60, deadline=None)
def test_all_filters_together_equal_those_of_transformers(
    seed, temperature, top_k, top_p, min_p
):
    from transformers import (
        LogitsProcessorList,
        MinPLogitsWarper,
        TemperatureLogitsWarper,
        TopKLogitsWarper,
        TopPLogitsWarper,
    )

    logits = random_logits(seed)
    warp = LogitsProcessorList(
        [
            TemperatureLogitsWarper(temperature),
            TopKLogitsWarper(top_k),
            TopPLogitsWarper(top_p),
            MinPLogitsWarper(min_p),
        ]
    )
    ours = filter_logits(logits, temperature, top_k, top_p, min_p)
    assert torch.equal(ours, warp(None, logits))


@given(seed=draws, top_p=st.floats(0.01, 0.99))
@settings(max_examples=60, deadline=None)
def test_the_nucleus_is_enough_and_no_smaller_set_is(seed, top_p):
    logits = random_logits(seed, rows=1)
    probs = logits.softmax(-1)[0]
    inside = probs[keep_nucleus(logits, top_p)[0] > -math.inf]
    # 1e-6: the sum of 29 float32 probabilities.
    assert inside.sum() >= top_p - 1e-6
    assert inside.sum() - inside.min() < top_p + 1e-6
    assert inside.min() >= probs.topk(len(inside)).values.min()


@pytest.mark.parametrize(
    "setting",
    [
        dict(temperature=-0.1),
        dict(temperature=math.inf),
        dict(temperature=math.nan),
        dict(top_k=0),
        dict(top_k=-3),
        dict(top_p=0.0),
        dict(top_p=1.5),
        dict(top_p=math.nan),
        dict(min_p=-0.5),
        dict(min_p=2.0),
    ],
)
def test_settings_that_make_no_distribution_are_refused_by_name(setting):
    name, value = next(iter(setting.items()))
    message = f"{name} is {value}; it must be"
    model, tokenizer = build(vocab_size=261), train_bpe(["abc"], 257, [END_OF_TEXT])
    with pytest.raises(ValueError, match=message):
        filter_logits(torch.zeros(1, 4), **setting)
    with pytest.raises(ValueError, match=message):
        generate(model, some_tokens(1, 3), max_new_tokens=0, **setting)
    with pytest.raises(ValueError, match=message):
        stream(model, tokenizer, [1, 2], max_new_tokens=1, **setting)


# Sampling


def chi_square(counts, probs):
    """Return the sum of (seen - expected)^2 / expected over all tokens."""
    expected = probs * counts.sum()
    return ((counts - expected).square() / expected).sum().item()


def test_drawn_frequencies_match_the_probabilities():
    """3 degrees of freedom: 16.27 is passed by chance once in 1,000 seeds."""
    probs = torch.tensor([0.5, 0.25, 0.15, 0.1])
    logits = probs.log().expand(20_000, 4)
    drawn = sample(logits, torch.Generator().manual_seed(0))
    assert drawn.shape == (20_000, 1)
    counts = drawn.flatten().bincount(minlength=4).float()
    assert chi_square(counts, probs) < 16.27
    # The same test rejects what is wrong by a few hundredths.
    assert chi_square(counts, torch.tensor([0.47, 0.28, 0.15, 0.1])) > 16.27


def test_generated_tokens_follow_the_filtered_distribution():
    """11 tokens, 6 of them kept: 5 degrees of freedom, 20.52 once in 1,000 seeds."""
    model, prompt = build(vocab_size=11), some_tokens(1, 4, vocab_size=11)
    with torch.no_grad():
        logits = filter_logits(model(prompt)[:, -1], temperature=1.3, top_k=6)
    drawn = generate(
        model,
        prompt.expand(5_000, 4),
        max_new_tokens=1,
        temperature=1.3,
        top_k=6,
        generator=torch.Generator().manual_seed(1),
    )
    counts = drawn.flatten().bincount(minlength=11).float()
    allowed = logits[0] > -math.inf
    assert counts[~allowed].sum() == 0 and allowed.sum() == 6
    assert chi_square(counts[allowed], logits.softmax(-1)[0][allowed]) < 20.52


def test_the_same_seed_gives_the_same_text_and_another_seed_another():
    model, prompt = build(), some_tokens(2, 4)
    first, second, other = (
        generate(
            model,
            prompt,
            max_new_tokens=30,
            generator=torch.Generator().manual_seed(seed),
        )
        for seed in (3, 3, 4)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_a_generator_of_ones_own_leaves_the_global_one_alone():
    model, own = build(), torch.Generator().manual_seed(9)
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    generate(model, some_tokens(1, 4), max_new_tokens=5, generator=own)
    assert torch.equal(torch.rand(1), expected)


# Whole batches


@each_shape
def test_greedy_is_the_argmax_of_every_step(shape):
    model, prompt = build(**SHAPES[shape]), some_tokens(3, 5)
    new = generate(model, prompt, max_new_tokens=11, temperature=0)
    assert new.tolist() == [naive_greedy(model, row, 11) for row in prompt.tolist()]


@each_shape
def test_a_batch_gives_what_each_row_gives_alone(shape):
    model, prompt = build(**SHAPES[shape]), some_tokens(4, 6, seed=2)
    together = generate(model, prompt, max_new_tokens=10, temperature=0)
    alone = [
        generate(model, row[None], max_new_tokens=10, temperature=0) for row in prompt
    ]
    assert torch.equal(together, torch.cat(alone))


@each_shape
def test_left_padding_gives_the_same_tokens_as_each_row_alone(shape):
    model = build(**SHAPES[shape])
    rows = [some_tokens(n, seed=n).tolist() for n in (1, 4, 7)]
    padding = torch.tensor([7 - len(row) for row in rows])
    for pad in (0, 36):
        padded = torch.tensor([[pad] * (7 - len(row)) + row for row in rows])
        new = generate(
            model, padded, max_new_tokens=9, temperature=0, left_padding=padding
        )
        assert new.tolist() == [naive_greedy(model, row, 9) for row in rows]
    assert padding.tolist() == [6, 3, 0]


def test_padded_logits_equal_those_of_the_row_alone():
    model, row = build(n_kv_heads=2), some_tokens(1, 5)
    padded = torch.cat((torch.full((1, 3), 9), row), dim=1)
    with torch.no_grad():
        alone = next_logits(model, row, KVCache(model, 1))
        ours = next_logits(model, padded, KVCache(model, 1), torch.tensor([3]))
        naive = next_logits(model, padded, KVCache(model, 1))
    torch.testing.assert_close(ours, alone, **ROUNDING)
    assert (naive - alone).abs().max() > 1e-2


def test_padding_is_hidden_from_all_but_itself():
    """One row of 4 with 2 padded; then one more step, in which 5 keys stand.

    Positions: the padding counts as 0, the first real token is 0, the second 1.
    """
    positions, mask = hide_padding(0, 4, torch.tensor([2]))
    assert positions.tolist() == [[0, 0, 0, 1]]
    assert mask.int().tolist() == [
        [[[1, 0, 1, 1], [0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1]]]
    ]
    positions, mask = hide_padding(4, 1, torch.tensor([2]))
    assert positions.tolist() == [[2]]
    assert mask.int().tolist() == [[[[0, 0, 1, 1, 1]]]]


def test_stopped_rows_repeat_their_stop_token_and_the_batch_is_trimmed():
    """The model counts: 1, 2, 3 ... With stop 5, row 1 takes four steps, row 3 two."""
    model = counting_model(9)
    prompt = torch.tensor([[1], [3]])
    new = generate(model, prompt, max_new_tokens=10, temperature=0, stop={5})
    assert new.tolist() == [[2, 3, 4, 5], [4, 5, 5, 5]]
    new = generate(model, prompt, max_new_tokens=10, temperature=0, stop=[3, 5])
    assert new.tolist() == [[2, 3], [4, 5]]
    new = generate(model, prompt, max_new_tokens=3, temperature=0, stop=(5,))
    assert new.tolist() == [[2, 3, 4], [4, 5, 5]]


def test_a_stop_token_in_the_prompt_stops_nothing():
    model = counting_model(9)
    new = generate(
        model, torch.tensor([[5, 5]]), max_new_tokens=3, temperature=0, stop={5}
    )
    assert new.tolist() == [[6, 7, 8]]


def test_the_first_token_may_be_the_stop_token():
    model = counting_model(9)
    new = generate(
        model, torch.tensor([[4]]), max_new_tokens=9, temperature=0, stop={5}
    )
    assert new.tolist() == [[5]]


@pytest.mark.parametrize("n", [0, 1, 5])
def test_without_stop_tokens_the_limit_is_the_length(n):
    new = generate(build(), some_tokens(2, 4), max_new_tokens=n)
    assert new.shape == (2, n) and new.dtype == torch.int64


def test_columns_can_be_taken_one_at_a_time():
    columns = token_columns(
        counting_model(9), torch.tensor([[1], [3]]), max_new_tokens=100, temperature=0
    )
    assert [next(columns).tolist() for _ in range(3)] == [
        [[2], [4]],
        [[3], [5]],
        [[4], [6]],
    ]


def test_what_was_generated_can_be_trained_on():
    model, prompt = build(), some_tokens(2, 4)
    new = generate(model, prompt, max_new_tokens=3, stop={0})
    model(new).sum().backward()
    assert model.embedding.weight.grad.abs().sum() > 0
    assert not new.is_inference()


def test_generating_puts_the_model_into_evaluation_mode():
    model = build().train()
    generate(model, some_tokens(1, 4), max_new_tokens=1)
    assert not model.training


def test_generating_changes_neither_prompt_nor_weights():
    model, prompt = build(), some_tokens(2, 4)
    before, weights = (
        prompt.clone(),
        {k: v.clone() for k, v in model.state_dict().items()},
    )
    generate(model, prompt, max_new_tokens=30)
    assert torch.equal(prompt, before)
    assert all(torch.equal(v, weights[k]) for k, v in model.state_dict().items())


# The end of the context


@each_shape
@pytest.mark.parametrize("length", [1, 7, 16])
def test_a_full_context_slides_to_the_newest_half(shape, length):
    model, prompt = build(**SHAPES[shape]), some_tokens(2, length)
    new = generate(model, prompt, max_new_tokens=60, temperature=0)
    assert new.tolist() == [naive_greedy(model, row, 60) for row in prompt.tolist()]


@pytest.mark.parametrize("context", [1, 2, 3, 5])
def test_the_smallest_contexts_slide_too(context):
    model, prompt = build(context_length=context), some_tokens(2, 1)
    new = generate(model, prompt, max_new_tokens=12, temperature=0)
    assert new.tolist() == [naive_greedy(model, row, 12) for row in prompt.tolist()]


@each_shape
def test_padded_rows_slide_as_well(shape):
    model = build(**SHAPES[shape])
    rows = [some_tokens(n, seed=n).tolist() for n in (1, 9, 15)]
    padding = [15 - len(row) for row in rows]
    padded = torch.tensor([[0] * p + row for p, row in zip(padding, rows, strict=True)])
    new = generate(
        model,
        padded,
        max_new_tokens=50,
        temperature=0,
        left_padding=torch.tensor(padding),
    )
    expected = [
        naive_greedy(model, r, 50, p) for r, p in zip(rows, padding, strict=True)
    ]
    assert new.tolist() == expected


def test_a_prompt_that_fills_the_context_exactly_is_continued():
    assert generate(build(), some_tokens(1, 16), max_new_tokens=2).shape == (1, 2)


def test_prompts_that_do_not_fit_are_refused_in_one_line():
    model = build()
    with pytest.raises(ValueError) as caught:
        generate(model, some_tokens(1, 17), max_new_tokens=1)
    assert str(caught.value) == (
        "the prompt has 17 tokens, but it must have 1 to 16 (the model's context); "
        "shorten it"
    )
    with pytest.raises(ValueError, match="has 0 tokens.*give at least one"):
        generate(model, some_tokens(1, 0), max_new_tokens=1)


def test_tokens_that_the_model_does_not_know_are_refused():
    for wrong in (37, -1):
        with pytest.raises(
            ValueError, match=f"token {wrong}, but the model knows 0 to 36"
        ):
            generate(build(), torch.tensor([[0, wrong]]), max_new_tokens=1)


def test_a_negative_limit_is_refused():
    with pytest.raises(ValueError, match="max_new_tokens is -1"):
        generate(build(), some_tokens(1, 3), max_new_tokens=-1)


@pytest.mark.parametrize("padding", [[3, 0], [-1, 0]])
def test_a_row_of_nothing_but_padding_is_refused(padding):
    with pytest.raises(ValueError, match="left_padding is .* each must be 0 to 2"):
        generate(
            build(),
            some_tokens(2, 3),
            max_new_tokens=1,
            left_padding=torch.tensor(padding),
        )


def test_padding_for_another_number_of_rows_is_refused():
    with pytest.raises(ValueError, match="2 rows need one number each"):
        generate(
            build(), some_tokens(2, 3), max_new_tokens=1, left_padding=torch.tensor([1])
        )


# The same weights in transformers


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A Llama that transformers made and saved, and the same file opened by us."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(5)
    config = LlamaConfig(
        vocab_size=53,
        hidden_size=24,
        intermediate_size=40,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        initializer_range=0.3,
        bos_token_id=None,
        eos_token_id=None,
    )
    theirs = LlamaForCausalLM(config).eval()
    folder = tmp_path_factory.mktemp("llama")
    theirs.save_pretrained(folder)
    return load_pretrained(folder), theirs


def theirs_generate(model, tokens, **options):
    attention = options.pop("attention_mask", torch.ones_like(tokens))
    whole = model.generate(tokens, attention_mask=attention, pad_token_id=0, **options)
    return whole[:, tokens.shape[1] :]


def test_greedy_tokens_equal_those_of_transformers(both):
    ours, theirs = both
    prompt = some_tokens(3, 9, vocab_size=53)
    new = generate(ours, prompt, max_new_tokens=50, temperature=0)
    expected = theirs_generate(theirs, prompt, max_new_tokens=50, do_sample=False)
    assert torch.equal(new, expected)
    assert new.unique().numel() > 5, "the model repeats itself: a weak comparison"


def test_padded_greedy_tokens_equal_those_of_transformers(both):
    ours, theirs = both
    prompt, padding = some_tokens(3, 9, vocab_size=53), torch.tensor([0, 4, 8])
    attention = (torch.arange(9) >= padding[:, None]).long()
    new = generate(ours, prompt, max_new_tokens=40, temperature=0, left_padding=padding)
    expected = theirs_generate(
        theirs, prompt, attention_mask=attention, max_new_tokens=40, do_sample=False
    )
    assert torch.equal(new, expected)


def test_sampled_tokens_equal_those_of_transformers_from_the_same_seed(both):
    ours, theirs = both
    prompt = some_tokens(2, 9, vocab_size=53)
    options = dict(max_new_tokens=40, temperature=0.8, top_k=20, top_p=0.9)
    torch.manual_seed(7)
    new = generate(ours, prompt, **options)
    torch.manual_seed(7)
    assert torch.equal(new, theirs_generate(theirs, prompt, do_sample=True, **options))


def test_stop_tokens_end_rows_where_transformers_ends_them(both):
    ours, theirs = both
    prompt = some_tokens(4, 9, vocab_size=53)
    free = generate(ours, prompt, max_new_tokens=30, temperature=0)
    stop = free[0, 12].item()
    new = generate(ours, prompt, max_new_tokens=30, temperature=0, stop={stop})
    expected = theirs_generate(
        theirs, prompt, max_new_tokens=30, do_sample=False, eos_token_id=stop
    )
    assert new.shape == expected.shape
    ended = (expected == stop).cumsum(1) > 0
    assert torch.equal(new, expected.masked_fill(ended, stop))


# Text as it is made


def pieces_of(data, cuts):
    """Cut bytes at the given places."""
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return [data[a:b] for a, b in zip(places, places[1:], strict=False)]


@given(text=st.text(max_size=12), cuts=st.lists(st.integers(0, 40), max_size=12))
@settings(max_examples=100, deadline=None)
def test_no_piece_holds_half_a_character(text, cuts):
    pieces = list(whole_characters(pieces_of(text.encode(), cuts)))
    assert "".join(pieces) == text
    assert all(pieces), "an empty piece says nothing"
    for cut in range(len(pieces)):
        assert text.startswith("".join(pieces[:cut]))


@given(data=st.binary(max_size=24), cuts=st.lists(st.integers(0, 24), max_size=8))
@settings(max_examples=200, deadline=None)
def test_bytes_that_are_no_text_come_out_as_decode_would_write_them(data, cuts):
    pieces = whole_characters(pieces_of(data, cuts))
    assert "".join(pieces) == data.decode("utf-8", "replace")


def test_a_character_comes_out_with_its_last_byte():
    """The euro sign is E2 82 AC: nothing, nothing, then the whole sign."""
    given_out = []

    def bytes_one_by_one():
        for byte in b"a\xe2\x82\xacb":
            yield bytes([byte])
            given_out.append("".join(seen))

    seen = []
    for text in whole_characters(bytes_one_by_one()):
        seen.append(text)
    assert given_out == ["a", "a", "a", "a\u20ac", "a\u20acb"]


def test_bytes_that_no_text_can_begin_with_do_not_hold_back_what_follows():
    assert list(whole_characters([b"\xff", b"\xff", b"a"])) == ["\ufffd", "\ufffd", "a"]


@pytest.fixture(scope="module")
def byte_tokenizer():
    """Tokens 0 to 255 are the bytes, 256 ends a text."""
    return train_bpe(["no merges"], 257, [END_OF_TEXT])


def spelling_model(text):
    """Make a model that spells out a text of distinct bytes, then ends it."""
    follower, data = list(range(257)), text.encode()
    for byte, after in zip([256, *data], [*data, 256], strict=True):
        follower[byte] = after
    return counting_model(257, context_length=32, follower=follower)


def test_stream_spells_whole_characters_and_ends_at_the_stop_token(byte_tokenizer):
    text = "a\u00e9\u20ac\U0001f600!"
    pieces = list(
        stream(
            spelling_model(text),
            byte_tokenizer,
            [256],
            max_new_tokens=100,
            stop={256},
            temperature=0,
        )
    )
    assert pieces == ["a", "\u00e9", "\u20ac", "\U0001f600", "!"]


def test_stream_shows_a_character_that_was_cut_off_by_the_limit(byte_tokenizer):
    pieces = stream(
        spelling_model("a\u20ac"),
        byte_tokenizer,
        [256],
        max_new_tokens=3,
        temperature=0,
    )
    assert list(pieces) == ["a", "\ufffd"]


def test_stream_and_generate_say_the_same(byte_tokenizer):
    model, prompt = build(vocab_size=257), [256, 104, 105]
    ids = generate(
        model,
        torch.tensor([prompt]),
        max_new_tokens=40,
        generator=torch.Generator().manual_seed(2),
    )
    pieces = stream(
        model,
        byte_tokenizer,
        prompt,
        max_new_tokens=40,
        generator=torch.Generator().manual_seed(2),
    )
    assert "".join(pieces) == byte_tokenizer.decode(ids[0].tolist())


def test_stream_makes_a_token_only_when_it_is_asked_for(byte_tokenizer):
    generator = torch.Generator().manual_seed(0)
    pieces = stream(
        build(vocab_size=257),
        byte_tokenizer,
        [256],
        max_new_tokens=10**9,
        generator=generator,
    )
    before = generator.get_state()
    next(pieces)
    assert not torch.equal(generator.get_state(), before)
    pieces.close()


def test_stream_refuses_a_prompt_before_the_first_piece(byte_tokenizer):
    with pytest.raises(ValueError, match="the prompt has 33 tokens"):
        stream(spelling_model("ab"), byte_tokenizer, [256] * 33, max_new_tokens=1)


# The command


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "model"
    tokenizer = train_bpe(["the cat sat on the mat"] * 3, 270, [END_OF_TEXT])
    model = build(vocab_size=len(tokenizer), context_length=24)
    save_pretrained(model, folder, tokenizer)
    return folder


def refused(capsys, *arguments):
    """Check that the command says one line and nothing else, and return the line."""
    assert main([str(argument) for argument in arguments]) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith("error: ") and error.count("\n") == 1
    return error


def test_the_command_continues_a_prompt_the_same_way_from_the_same_seed(
    model_folder, capsys
):
    options = ["--model", str(model_folder), "--prompt", "the cat", "--max-new-tokens"]
    outputs = []
    for seed in ("1", "1", "2"):
        assert main([*options, "40", "--seed", seed, "--top-k", "50"]) == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1] != outputs[2]
    assert all(text.startswith("the cat") and text.endswith("\n") for text in outputs)


def test_the_command_ends_where_the_model_ends_its_text(
    byte_tokenizer, tmp_path, capsys
):
    save_pretrained(spelling_model("a\u20ac!"), tmp_path, byte_tokenizer)
    assert main(["--model", str(tmp_path), "--temperature", "0"]) == 0
    assert capsys.readouterr().out == "a\u20ac!\n"


def test_the_command_reads_a_special_token_in_the_prompt_as_plain_text(
    model_folder, capsys
):
    """26 letters and signs of their own do not fit; two special tokens would."""
    assert "has 27 tokens" in refused(
        capsys, "--model", model_folder, "--prompt", END_OF_TEXT * 2
    )


def test_a_missing_model_is_one_line_and_status_2(tmp_path, capsys):
    line = refused(capsys, "--model", tmp_path / "nowhere")
    assert "nowhere is no model folder" in line


def test_a_missing_tokenizer_is_one_line_and_status_2(tmp_path, capsys):
    save_pretrained(build(), tmp_path)
    assert "tokenizer.json" in refused(capsys, "--model", tmp_path)


def test_a_prompt_longer_than_the_context_is_one_line_and_status_2(
    model_folder, capsys
):
    line = refused(capsys, "--model", model_folder, "--prompt", "x" * 24)
    assert "the prompt has 25 tokens, but it must have 1 to 24" in line


def test_bad_settings_are_one_line_and_status_2(model_folder, capsys):
    for option, value, name in (
        ("--temperature", "-1", "temperature"),
        ("--top-k", "0", "top_k"),
        ("--top-p", "0", "top_p"),
        ("--min-p", "7", "min_p"),
        ("--max-new-tokens", "-5", "max_new_tokens"),
    ):
        line = refused(capsys, "--model", model_folder, option, value)
        assert f"{name} is {value}" in line


def test_the_command_writes_past_its_context(model_folder, capsys):
    assert main(["--model", str(model_folder), "--max-new-tokens", "100"]) == 0
    assert capsys.readouterr().err == ""
