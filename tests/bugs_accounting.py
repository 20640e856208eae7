"""Mistakes in the account of chapter 4, and the tests that find them."""

from tests.planted import Bug

TESTS = "tests/test_ch04_accounting.py"
COUNTING = "ch04_transformer/counting.py"
MEMORY = "ch04_transformer/memory.py"
ACCOUNTING = "ch04_transformer/accounting.py"
KEPT = f"{TESTS}::test_activations_are_what_torch_keeps"

BUGS = [
    Bug(
        "an untied head is not counted",
        COUNTING,
        "head = 0 if config.tie_embeddings else embedding",
        "head = 0",
        (f"{TESTS}::test_every_part_is_counted_as_the_model_has_it",),
    ),
    Bug(
        "a tied head costs no operations",
        COUNTING,
        "norms=0, head=parts.embedding)",
        "norms=0, head=parts.head)",
        (f"{TESTS}::test_operations_of_three_tokens_by_hand",),
    ),
    Bug(
        "mixing the values is free",
        COUNTING,
        "scores=2 * 2 * batch_size",
        "scores=2 * batch_size",
        (f"{TESTS}::test_a_step_has_the_operations_that_torch_counts_to_the_digit",),
    ),
    Bug(
        "the backward pass costs as much as the forward pass",
        COUNTING,
        "causal=causal).times(3)",
        "causal=causal).times(2)",
        (f"{TESTS}::test_a_step_has_the_operations_that_torch_counts_to_the_digit",),
    ),
    Bug(
        "the half of the pairs leaves the diagonal out",
        COUNTING,
        "growing * (growing + 1) // 2",
        "growing * (growing - 1) // 2",
        (f"{TESTS}::test_allowed_pairs_are_those_of_the_mask",),
    ),
    Bug(
        "the last norm keeps nothing",
        MEMORY,
        "(2 * config.n_layers + 1)",
        "(2 * config.n_layers)",
        (f"{TESTS}::test_activations_of_three_tokens_by_hand",),
    ),
    Bug(
        "plain attention is thought to read shared heads as they are",
        MEMORY,
        "n_heads = 4 * config.n_heads ",
        "n_heads = 2 * config.n_heads + 2 * n_kv_heads ",
        (f"{KEPT}[grouped-fp32-plain-one text]",),
    ),
    Bug(
        "autocast is thought to copy each input once",
        MEMORY,
        "(3 if work.casts else 1)",
        "1",
        (f"{KEPT}[plain-bf16-plain-one text]",),
    ),
    Bug(
        "autocast's copies of the weights are forgotten",
        MEMORY,
        "count_matrices(config).total * work.narrow if work.casts else 0",
        "0",
        (f"{KEPT}[plain-bf16-plain-one text]",),
    ),
    Bug(
        "the activation of the gate is thought to be made in place",
        MEMORY,
        "(inputs + 4 * config.d_ff)",
        "(inputs + 3 * config.d_ff)",
        (f"{TESTS}::test_each_part_keeps_what_its_formula_says",),
    ),
    Bug(
        "Muon is thought to remember what AdamW does",
        MEMORY,
        'if optimizer == "muon" else 0',
        "if False else 0",
        (f"{TESTS}::test_weights_gradients_and_optimizer_are_what_torch_stores",),
    ),
    Bug(
        "the cache is thought to hold every query head",
        MEMORY,
        "batch_size * n_kv_heads * capacity * d_head",
        "batch_size * config.n_heads * capacity * d_head",
        (f"{TESTS}::test_the_cache_is_as_large_as_chapter_6_makes_it",),
    ),
    Bug(
        "a device is thought to reach its peak",
        ACCOUNTING,
        "(flops_per_second * utilisation)",
        "flops_per_second",
        (f"{TESTS}::test_days_by_hand",),
    ),
]
