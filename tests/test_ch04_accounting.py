"""Chapter 4: the account of a model, held against the model itself.

Golden: sizes small enough for a pencil, and the counts of published models. Parity:
PyTorch's own count of operations, and what it keeps, allocates and stores. Property:
parts add up, and half of the pairs is half.
"""

import json
import math
import os
import subprocess
import sys
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from ch03_attention.attention import CausalSelfAttention, causal_mask, document_mask
from ch04_transformer import accounting, counting, memory
from ch04_transformer.memory import Workload
from ch04_transformer.pretrained import save_pretrained
from ch04_transformer.transformer import ModelConfig, Transformer, TransformerBlock
from ch05_pretraining.optimizers import build_optimizer
from ch05_pretraining.pretraining import Batch, next_token_loss
from ch06_generation.generation import KVCache

ROOT = Path(__file__).resolve().parents[1]
# Small enough for a pencil: three tokens of this are worked out below.
TINY = ModelConfig(vocab_size=5, d_model=4, d_ff=3, n_layers=1, n_heads=2)
BASE = dict(
    vocab_size=301, context_length=512, d_model=48, n_layers=3, n_heads=6, d_ff=136
)
# (changes to the config, sequences, tokens): batch, length, vocabulary, depth and
# key-value heads all vary, and each part is the largest somewhere.
CASES = {
    "plain": ({}, 2, 40),
    "one sequence": ({}, 1, 65),
    "one token": ({}, 3, 1),
    "long": (dict(n_layers=2), 2, 300),
    "wide batch": ({}, 17, 11),
    "large vocabulary": (dict(vocab_size=5003), 2, 33),
    "deep": (dict(n_layers=9), 2, 24),
    "grouped": (dict(n_kv_heads=2), 3, 50),
    "multi-query": (dict(n_kv_heads=1), 2, 80),
    "wide heads": (dict(n_kv_heads=3, d_head=14), 2, 40),
    "qk norm": (dict(n_kv_heads=2, qk_norm=True), 2, 40),
    "biases, untied": (dict(qkv_bias=True, tie_embeddings=False), 4, 20),
    "window": (dict(sliding_window=7), 2, 40),
    "wide feed-forward": (dict(d_ff=700), 2, 30),
}
each_case = pytest.mark.parametrize("case", CASES)
fused_attend = partial(F.scaled_dot_product_attention, enable_gqa=True)


def config_of(case):
    return ModelConfig(**BASE | CASES[case][0])


def build(config, *, fused=False):
    torch.manual_seed(0)
    if not fused:
        return Transformer(config)
    attention = partial(CausalSelfAttention, attend=fused_attend)
    return Transformer(config, block=partial(TransformerBlock, attention=attention))


def random_batch(config, batch_size, length):
    generator = torch.Generator().manual_seed(1)
    rows = torch.randint(
        config.vocab_size, (batch_size, length + 1), generator=generator
    )
    return Batch(rows[:, :-1].clone(), rows[:, 1:].clone())


def loss_of(model, batch, work):
    end = 3 if work.packed else None
    narrow = torch.bfloat16 if work.precision == "bf16" else torch.float32
    with torch.autocast("cpu", narrow, work.precision == "bf16"):
        return next_token_loss(model, batch, end_of_text_id=end)


def bytes_of(tensors):
    """Add up distinct storages."""
    storages = [tensor.untyped_storage() for tensor in tensors]
    return sum({each.data_ptr(): each.nbytes() for each in storages}.values())


# ------------------------------------------------------------------- golden


def test_parameters_of_a_tiny_model_by_hand():
    """V = 5, D = 4, F = 3, one layer, two heads of two.

    Embedding 5 * 4 = 20; attention four matrices of 4 * 4 = 64; feed-forward three of
    4 * 3 = 36; three norms of 4 = 12. Biases of queries, keys and values add 12 to
    attention, norms of queries and keys (width 2 each) add 4 to the norms.
    """
    found = counting.count_parameters(TINY)
    assert found == counting.Parameters(20, 64, 36, 12, 0)
    changed = replace(TINY, qkv_bias=True, qk_norm=True, tie_embeddings=False)
    found = counting.count_parameters(changed)
    assert found == counting.Parameters(20, 76, 36, 16, 20)


def test_operations_of_three_tokens_by_hand():
    """Each of 64 + 36 + 20 weights is used once a token: 2 * 3 of each.

    Among tokens there are 9 pairs, each with a dot product of width 4 (two heads of
    two) and a value of width 4: 9 * 2 * 2 * 4 = 144. The mask allows 6: 96.
    """
    found = counting.forward_flops(TINY, 1, 3)
    assert found == counting.Flops(384, 144, 216, 120) and found.total == 864
    assert counting.forward_flops(TINY, 1, 3, causal=True).scores == 96
    assert counting.training_flops(TINY, 1, 3).total == 3 * 864
    # With two positions in the cache, the third token costs its own row alone.
    assert counting.generation_flops(TINY, 3) == counting.Flops(128, 48, 72, 40)
    assert counting.rule_of_six(TINY) == 6 * 132


def test_activations_of_three_tokens_by_hand():
    """Float32, one sequence, plain attention; every number has four bytes.

    norms         three, each with 3 vectors of 4, twice, and 3 scales: 3 * 27 * 4
    projections   the input 12, q and k and v and what is joined 12 each, and sine and
                  cosine of one plane at 3 positions, for q and for k 12: 72 * 4
    scores        two heads of 9 weights: 18 * 4, and a mask of 9 bytes
    feed-forward  the input 12, and four of 3 * 3: 48 * 4
    loss          the head's input 12 and 3 * 5 log-probabilities: 27 * 4, and three
                  ids of 8 bytes at either end: 48
    """
    found = memory.count_activations(TINY, Workload(1, 3))
    assert found == memory.Activations(324, 288, 81, 192, 156, 0)
    model, batch = build(TINY), random_batch(TINY, 1, 3)
    kept = memory.measure_saved_bytes(
        lambda: next_token_loss(model, batch), model.parameters()
    )
    assert kept == found.total + 4  # and the count that the loss was divided by


def test_memory_of_a_step_by_hand():
    """132 parameters of four bytes: 528, and as much of gradients.

    AdamW remembers two numbers each, 1,056; Muon saves one for each of 64 + 36, so
    656. Log-probabilities and logits have gradients of 3 * 5 numbers each, 120 bytes;
    the scores' would be 2 * 18 * 4 = 144, but the 156 of the loss are free by then.
    """
    found = memory.training_memory(TINY, Workload(1, 3))
    assert found == memory.TrainingMemory(528, 528, 1056, 1041, 120)
    assert found.total == 3273 and found.peak == 528 + 1056 + 1041 + 120
    assert memory.training_memory(TINY, Workload(1, 3), "muon").optimizer == 656


def test_the_cache_by_hand():
    """Llama 3 8B: 2 * 32 layers * 8 heads * 128 numbers = 65,536 a token.

    In bfloat16 that is 128 KiB, and 8,192 tokens fill exactly 1 GiB. With a key-value
    head for each of the 32 query heads it would be 4 GiB, with a single one 128 MiB.
    """
    llama = accounting.known_shape("llama-3-8b")
    assert memory.cache_bytes(llama, 1, 1, 2) == 128 * 1024
    assert memory.cache_bytes(llama, 1, 8192, 2) == 2**30
    assert memory.cache_bytes(replace(llama, n_kv_heads=32), 1, 8192, 2) == 2**32
    assert memory.cache_bytes(replace(llama, n_kv_heads=1), 1, 8192, 2) == 2**27


def test_days_by_hand():
    """6e9 operations a token, 8.64e9 tokens, 3e15 a second half used.

    5.184e19 / 1.5e15 = 34,560 seconds, 0.4 days; so two days pay for 43.2e9 tokens.
    """
    days = accounting.training_days(6e9, 8.64e9, 3e15, 0.5)
    assert days == pytest.approx(0.4)
    tokens = accounting.affordable_tokens(6e9, 2.0, 3e15, 0.5)
    assert tokens == pytest.approx(43.2e9)


PUBLISHED = {
    "llama-3-8b": 8_030_261_248,
    "smollm2-135m": 134_515_008,
    "qwen3-0.6b": 596_049_920,
    "mistral-7b": 7_241_732_096,
}


def hugging_face_shape(name):
    """transformers' model of a known shape, without memory for its weights."""
    from transformers import (
        AutoModelForCausalLM,
        LlamaConfig,
        MistralConfig,
        Qwen3Config,
    )

    config = accounting.known_shape(name)
    n_kv_heads, d_head = counting.head_sizes(config)
    sizes = dict(
        vocab_size=config.vocab_size,
        hidden_size=config.d_model,
        num_hidden_layers=config.n_layers,
        num_attention_heads=config.n_heads,
        num_key_value_heads=n_kv_heads,
        head_dim=d_head,
        intermediate_size=config.d_ff,
        tie_word_embeddings=config.tie_embeddings,
    )
    families = {"mistral": MistralConfig, "qwen3": Qwen3Config}
    family = families.get(name.split("-")[0], LlamaConfig)
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(family(**sizes))


@pytest.mark.parametrize("name", PUBLISHED)
def test_known_shapes_have_the_published_number_of_parameters(name):
    parts = counting.count_parameters(accounting.known_shape(name))
    assert parts.total == PUBLISHED[name]
    theirs = hugging_face_shape(name)
    assert sum(p.numel() for p in theirs.parameters()) == PUBLISHED[name]
    in_mlp = (p.numel() for n, p in theirs.named_parameters() if ".mlp." in n)
    assert sum(in_mlp) == parts.feed_forward


def test_gpt_2_differs_from_the_formula_by_its_own_parts():
    """124,439,808 parameters, of which the formula covers the matrices.

    GPT-2's feed-forward layer has two matrices of 768 * 3,072; three of 768 * 2,048
    are as many numbers. Beyond the formula it has
        learned positions     1,024 * 768                              786,432
        biases a layer        768 behind attention, 3,072 + 768 in the feed-forward
                              layer, 2 * 768 in its norms: 6,144 * 12   73,728
        the last norm's bias                                               768
    """
    from transformers import AutoModelForCausalLM, GPT2Config

    config = ModelConfig(
        vocab_size=50_257,
        d_model=768,
        n_layers=12,
        n_heads=12,
        d_ff=2048,
        qkv_bias=True,
    )
    with torch.device("meta"):
        theirs = AutoModelForCausalLM.from_config(GPT2Config())
    published = sum(p.numel() for p in theirs.parameters())
    assert published == 124_439_808
    assert config.n_params() + 786_432 + 73_728 + 768 == published
    # In numbers that a token is multiplied with, nothing differs.
    matrices = sum(
        p.numel()
        for n, p in theirs.named_parameters()
        if p.dim() == 2 and "wpe" not in n
    )
    assert counting.count_matrices(config).total == matrices


# ----------------------------------------------------------- parity: counts


@settings(max_examples=40, deadline=None)
@given(
    vocab_size=st.integers(1, 99), d_model=st.integers(1, 40), d_ff=st.integers(1, 50),
    n_layers=st.integers(1, 4), n_kv_heads=st.sampled_from([None, 1, 2, 3, 6]),
    d_head=st.sampled_from([2, 4, 10]), qk_norm=st.booleans(), qkv_bias=st.booleans(),
    tie_embeddings=st.booleans(),
)  # fmt: skip
def test_every_part_is_counted_as_the_model_has_it(**sizes):
    config = ModelConfig(n_heads=6, **sizes)
    with torch.device("meta"):
        model = Transformer(config)
    kinds = dict.fromkeys(asdict(counting.count_parameters(config)), 0)
    for name, parameter in model.named_parameters():
        kind = "norms" if "norm" in name else name.split(".")[0]
        if kind == "blocks":
            kind = {"attention": "attention", "ffn": "feed_forward"}[name.split(".")[2]]
        kinds[kind] += parameter.numel()
    assert asdict(counting.count_parameters(config)) == kinds
    assert sum(kinds.values()) == config.n_params()


def counted_flops(compute):
    """Return PyTorch's count of the operations of a computation: {module: number}."""
    with FlopCounterMode(display=False) as counter:
        compute()
    counts = counter.get_flop_counts()
    return {name: sum(by_kind.values()) for name, by_kind in counts.items()}


@each_case
def test_a_step_has_the_operations_that_torch_counts_to_the_digit(case):
    """Torch counts 2 m n k for each product, and all T * T pairs: nothing else."""
    config, (_, batch_size, length) = config_of(case), CASES[case]
    model, batch = build(config), random_batch(config, batch_size, length)
    forward = counting.forward_flops(config, batch_size, length)
    with torch.no_grad():
        counted = counted_flops(lambda: next_token_loss(model, batch))
    assert forward.total == counted["Global"]
    both = counted_flops(lambda: next_token_loss(model, batch).backward())
    step = counting.training_flops(config, batch_size, length)
    assert step.total == both["Global"]


def test_torch_overlooks_the_pairs_of_fused_attention_on_the_processor():
    """If this fails, torch has learned to count them: say so where it is denied."""
    config = config_of("grouped")
    model, batch = build(config, fused=True), random_batch(config, 2, 40)
    both = counted_flops(lambda: next_token_loss(model, batch).backward())
    step = counting.training_flops(config, 2, 40)
    assert both["Global"] == step.total - step.scores


@each_case
def test_each_part_has_the_operations_that_torch_counts(case):
    config, (_, batch_size, length) = config_of(case), CASES[case]
    model, batch = build(config), random_batch(config, batch_size, length)
    with torch.no_grad():
        counted = counted_flops(lambda: model(batch.tokens))
    kinds = dict.fromkeys(("attention", "ffn"), 0)
    for name in kinds:
        ends = f".{name}"
        kinds[name] = sum(n for key, n in counted.items() if key.endswith(ends))
    forward = counting.forward_flops(config, batch_size, length)
    assert kinds["attention"] == forward.projections + forward.scores
    assert kinds["ffn"] == forward.feed_forward
    assert counted["Global"] - sum(kinds.values()) == forward.head


@pytest.mark.parametrize("case", ["plain", "grouped", "qk norm", "biases, untied"])
def test_generation_has_the_operations_that_torch_counts(case):
    config = config_of(case)
    model = build(config).eval()
    cache = KVCache(model, batch_size=1)
    with torch.no_grad():
        model(torch.zeros(1, 29, dtype=torch.long), cache=cache)
        counted = counted_flops(
            lambda: model(torch.zeros(1, 1, dtype=torch.long), cache=cache)
        )
    assert counting.generation_flops(config, 30).total == counted["Global"]


# -------------------------------------------------------- property: counts


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.integers(0, 12), st.none() | st.integers(1, 15))
def test_allowed_pairs_are_those_of_the_mask(n_queries, n_earlier, window):
    n_keys = n_queries + n_earlier
    mask = causal_mask(n_queries, n_keys, window)
    assert counting.attended_pairs(n_queries, n_keys, window) == mask.sum().item()


def test_generating_a_text_costs_what_reading_it_causally_costs():
    """Token by token with a cache, or all at once with the mask's half: the same."""
    config = config_of("grouped")
    one_by_one = sum(counting.generation_flops(config, t).total for t in range(1, 41))
    assert one_by_one == counting.forward_flops(config, 1, 40, causal=True).total


def test_a_long_context_halves_by_the_mask_and_a_short_one_does_not():
    config = config_of("plain")
    shares = []
    for length in (1, 2, 1000):
        every = counting.forward_flops(config, 1, length).scores
        allowed = counting.forward_flops(config, 1, length, causal=True).scores
        shares.append(allowed / every)
    assert shares == [1.0, 0.75, 0.5005]


def test_six_n_is_exact_where_only_matrices_count():
    """Without the pairs, a step is 6 operations a matrix weight, whatever the batch.

    A tied model's N counts the embedding that is its head; an untied one's counts a
    second one, which is only looked up.
    """
    for case in CASES:
        config = config_of(case)
        step = counting.training_flops(config, 3, 7)
        matrices = counting.count_matrices(config).total
        assert step.total - step.scores == 6 * matrices * 21
        parts = counting.count_parameters(config)
        looked_up = 0 if config.tie_embeddings else parts.embedding
        biases = parts.attention - counting.count_matrices(config).attention
        assert config.n_params() - matrices == parts.norms + looked_up + biases


def test_six_n_is_near_for_a_large_model_and_a_short_text_only():
    llama = accounting.known_shape("llama-3-8b")
    ratios = [
        counting.training_flops(llama, 1, length).total
        / (counting.rule_of_six(llama) * length)
        for length in (512, 8192, 131_072)
    ]
    assert 0.9 < ratios[0] < 1.0 and 1.1 < ratios[1] < 1.3 and ratios[2] > 3


# ---------------------------------------------------------- parity: memory


@pytest.mark.parametrize("packed", [False, True], ids=["one text", "packed"])
@pytest.mark.parametrize("fused", [False, True], ids=["plain", "fused"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@each_case
def test_activations_are_what_torch_keeps(case, precision, fused, packed):
    """Within a part in a thousand; the issue asks for 10 %.

    What is left are a few numbers of the loss and of the scaling.
    """
    config, (_, batch_size, length) = config_of(case), CASES[case]
    work = Workload(batch_size, length, precision, fused, packed)
    model, batch = build(config, fused=fused), random_batch(config, batch_size, length)
    kept = memory.measure_saved_bytes(
        lambda: loss_of(model, batch, work), model.parameters()
    )
    predicted = memory.count_activations(config, work).total
    assert predicted == pytest.approx(kept, rel=1e-3)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@each_case
def test_each_part_keeps_what_its_formula_says(case, precision):
    """One norm and one feed-forward layer, each alone, to the byte."""
    config, (_, batch_size, length) = config_of(case), CASES[case]
    work = Workload(batch_size, length, precision)
    narrow = torch.bfloat16 if precision == "bf16" else torch.float32
    block = build(replace(config, n_layers=1)).blocks[0]
    x = torch.randn(batch_size, length, config.d_model).requires_grad_()
    x = x + 0.0  # autocast copies leaves once and what was computed each time

    def keeps(layer):
        with torch.autocast("cpu", narrow, precision == "bf16"):
            return memory.measure_saved_bytes(lambda: layer(x), layer.parameters())

    norm = memory.norm_bytes(batch_size * length, config.d_model)
    assert keeps(block.ffn_norm) == norm
    one = replace(config, n_layers=1)
    copies = 2 * counting.count_matrices(one).feed_forward if work.casts else 0
    assert keeps(block.ffn) == memory.kept_by_feed_forward(one, work) + copies


def test_what_shares_memory_is_kept_once_and_parameters_not_at_all():
    weight = torch.randn(4, 4, requires_grad=True)
    x = torch.randn(3, 4)
    # x @ w keeps x (48 bytes) and w, a parameter; tanh keeps its result (48 bytes).
    kept = memory.measure_saved_bytes(lambda: (x @ weight).tanh(), [weight])
    assert kept == 96
    twice = memory.measure_saved_bytes(lambda: x @ weight + x[:2].T.T.sum(), [weight])
    assert twice == 48


@pytest.mark.parametrize("matrices", ["adamw", "muon"])
@each_case
def test_weights_gradients_and_optimizer_are_what_torch_stores(case, matrices):
    """Exactly, but for AdamW's step counter of four bytes a tensor."""
    config = config_of(case)
    model, batch = build(config), random_batch(config, 2, 5)
    optimizer = build_optimizer(model, lr=0.1, weight_decay=0.1, matrices=matrices)
    next_token_loss(model, batch).backward()
    optimizer.step()
    found = memory.training_memory(config, Workload(2, 5), matrices)
    parameters = list(model.parameters())
    assert bytes_of(parameters) == found.weights
    assert bytes_of(parameter.grad for parameter in parameters) == found.gradients
    states = [s for each in optimizer.optimizers for s in each.state.values()]
    kept = [t for state in states for t in state.values() if t.dim()]
    assert bytes_of(kept) == found.optimizer


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@each_case
def test_the_cache_is_as_large_as_chapter_6_makes_it(case, dtype):
    config = config_of(case)
    cache = KVCache(build(config).to(dtype), batch_size=3, capacity=29)
    layers = (cache[index] for index in range(len(cache)))
    stored = bytes_of(t for layer in layers for t in (layer.keys, layer.values))
    assert stored == memory.cache_bytes(config, 3, 29, dtype.itemsize)


PEAKS = """
import json, sys, threading, time
import psutil
import torch
from ch04_transformer.transformer import ModelConfig, Transformer
from ch05_pretraining.optimizers import AdamW
from ch05_pretraining.pretraining import Batch, next_token_loss

torch.set_num_threads(1)
process, sizes = psutil.Process(), []


def watch():
    while True:
        sizes.append(process.memory_info().rss)
        time.sleep(0.0005)


def two_steps(config, batch_size, length):
    model = Transformer(ModelConfig(**config))
    rows = torch.ones(batch_size, length + 1).long()
    optimizer = AdamW(model.parameters())
    for _ in range(2):
        next_token_loss(model, Batch(rows[:, :-1], rows[:, 1:])).backward()
        optimizer.step()
        for parameter in model.parameters():
            parameter.grad = None


threading.Thread(target=watch, daemon=True).start()
two_steps(dict(d_model=32, n_layers=1), 1, 9)
peaks = []
for case in json.loads(sys.argv[1]):
    before = process.memory_info().rss
    sizes.clear()
    two_steps(*case)
    peaks.append(max(sizes) - before)
print(json.dumps(peaks))
"""
HEAVY = {
    "many weights": (dict(vocab_size=2000, d_model=512, n_layers=4, d_ff=1408), 1, 32),
    "many tokens": (dict(vocab_size=500, d_model=128, n_layers=5, d_ff=512), 5, 256),
    "long": (dict(vocab_size=500, d_model=64, n_layers=4, n_heads=4, d_ff=128), 1, 900),
    "large vocabulary": (dict(vocab_size=20_000, d_model=128, n_layers=2), 6, 100),
}


@pytest.fixture(scope="module")
def peaks():
    """What two steps of AdamW add to a process at most, in bytes: {case: number}."""
    command = [sys.executable, "-c", PEAKS, json.dumps(list(HEAVY.values()))]
    # Linux: what is freed goes back at once, instead of being kept for later.
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(HEAVY, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("case", HEAVY)
def test_the_peak_of_a_process_is_near_the_estimate(case, peaks):
    """Within 10 %; elsewhere than on Linux the allocator keeps what it likes."""
    sizes, batch_size, length = HEAVY[case]
    found = memory.training_memory(ModelConfig(**sizes), Workload(batch_size, length))
    tolerance = 0.1 if sys.platform == "linux" else 0.5
    print(case, found.peak / peaks[case])
    assert found.peak == pytest.approx(peaks[case], rel=tolerance)


# -------------------------------------------------------- property: memory


def test_each_part_grows_as_it_should():
    config = config_of("grouped")
    short, long = (
        memory.count_activations(config, Workload(2, length)) for length in (50, 100)
    )
    assert long.scores == 4 * short.scores
    for part in ("norms", "projections", "feed_forward", "loss"):
        assert getattr(long, part) == 2 * getattr(short, part)
    wide = memory.count_activations(config, Workload(4, 50))
    assert wide.total < 2 * short.total  # masks and angles are shared by the batch
    assert wide.total > 1.9 * short.total


def test_grouped_heads_shrink_the_cache_and_not_what_plain_attention_keeps():
    many, few = (replace(config_of("plain"), n_kv_heads=k) for k in (6, 1))
    assert memory.cache_bytes(many, 1, 9) == 6 * memory.cache_bytes(few, 1, 9)
    for fused in (False, True):
        work = Workload(2, 40, fused=fused)
        kept = [memory.count_activations(c, work).projections for c in (many, few)]
        assert (kept[0] > kept[1]) == fused


def test_half_precision_keeps_more_than_half():
    config, work = config_of("plain"), Workload(8, 64)
    wide = memory.count_activations(config, work)
    narrow = memory.count_activations(config, replace(work, precision="bf16"))
    assert 0.5 < narrow.total / wide.total < 1.0
    assert narrow.norms == wide.norms and narrow.feed_forward < wide.feed_forward
    assert 2 * narrow.cast_weights == 4 * counting.count_matrices(config).total


# -------------------------------------------------------- command, refusals


def numbers_of(text, name):
    lines = [line for line in text.splitlines() if line.strip().startswith(name)]
    return [float(line.split()[-1].replace(",", "")) for line in lines]


def test_the_command_prints_the_account_of_a_known_shape(capsys):
    assert accounting.main(["--preset", "llama-3-8b", "--precision", "bf16"]) == 0
    text = capsys.readouterr().out
    assert numbers_of(text, "total")[0] == 8_030_261_248
    assert numbers_of(text, "6N") == [pytest.approx(6 * 8_030.261248)]
    assert numbers_of(text, "the batch") == [pytest.approx(16 * 2**30 / 1e6, abs=1e-3)]


def test_the_command_takes_a_file_or_a_model_folder(tmp_path, capsys):
    config = config_of("grouped")
    (tmp_path / "ours.json").write_text(json.dumps(asdict(config)))
    save_pretrained(build(config), tmp_path)
    texts = []
    for source in (["--config", f"{tmp_path}/ours.json"], ["--model", f"{tmp_path}"]):
        assert accounting.main([*source, "--length", "40", "--batch-size", "3"]) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]
    assert numbers_of(texts[0], "total")[0] == config.n_params()
    kept = memory.training_memory(config, Workload(3, 40)).activations
    assert numbers_of(texts[0], "activations") == [pytest.approx(kept / 1e6, abs=1e-3)]


WRONG = {
    "no shape 'gpt-5'": ["--preset", "gpt-5"],
    "cannot read": ["--config", "nowhere.json"],
    "no model folder": ["--model", "nowhere"],
    "1 is the least of both": ["--length", "0"],
    "utilisation of 1.5": ["--utilisation", "1.5"],
    "rate must be positive": ["--gflops", "0"],
    "both must be positive": ["--tokens", "nan"],
}


@pytest.mark.parametrize("message", WRONG)
def test_the_command_refuses_in_one_line(message, capsys):
    assert accounting.main(WRONG[message]) == 2
    captured = capsys.readouterr()
    assert not captured.out
    assert message in captured.err and captured.err.count("\n") == 1


def test_impossible_questions_are_refused(tmp_path):
    with pytest.raises(ValueError, match="3 queries but only 2 keys"):
        counting.attended_pairs(3, 2)
    with pytest.raises(ValueError, match="precision is 'fp8'"):
        Workload(1, 1, "fp8")
    with pytest.raises(ValueError, match="optimizer is 'sgd'"):
        memory.optimizer_bytes(TINY, "sgd")
    path = tmp_path / "config.json"
    for text, message in (("{", "is no JSON"), ("[]", "holds no named values")):
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            accounting.config_from_file(path)
    path.write_text('{"n_layer": 4}')
    with pytest.raises(ValueError, match="unknown config key 'n_layer'"):
        accounting.config_from_file(path)


def test_documents_of_a_row_are_masked_as_in_training():
    """The packed mask is one of (B, 1, T, T): what `document_mask` makes."""
    mask = document_mask(torch.zeros(3, 7, dtype=torch.long), 0)
    plain, packed = (
        memory.kept_by_scores(TINY, Workload(3, 7, packed=packed))
        for packed in (False, True)
    )
    assert mask.numel() == 3 * 49 and packed - plain == mask.numel() - 49
    assert math.isclose(plain, 3 * 2 * 49 * 4 + 49)
