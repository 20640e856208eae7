"""Bugs that a reader could make are planted one by one; each must turn a test red.

A row names the bug, the file, the exact source text that it replaces (it must occur
once: if the module changes, so does the row), what stands there instead, and the tests
of which one at least must fail. The tests must all pass on the untouched book.
"""

import pytest

from tests.planted import FAILED, PASSED, ROOT, Bug, PlantedTree

CH01 = "tests/test_ch01_ngram.py"
CH02 = "tests/test_ch02_tokenization.py"
SHARDS_TESTS = "tests/test_ch02_shards.py"
CH03 = "tests/test_ch03_attention.py"
CH04 = "tests/test_ch04_transformer.py"
CH06 = "tests/test_ch06_generation.py"
BPE = "ch02_tokenization/bpe.py"
SHARDS = "ch02_tokenization/shards.py"
ATTENTION = "ch03_attention/attention.py"
TRANSFORMER = "ch04_transformer/transformer.py"
GENERATION = "ch06_generation/generation.py"

BUGS = [
    Bug(
        "the baseline forgets what opens a document",
        "ch01_data/ngram.py",
        "            counts += np.bincount(opening, minlength=len(table))\n",
        "",
        (f"{CH01}::test_the_arrays_agree_with_the_dictionaries",),
    ),
    Bug(
        "ties among pairs go by the raw byte",
        BPE,
        "sorted(characters, key=characters.__getitem__)",
        "sorted(characters)",
        (f"{CH02}::test_ties_go_by_the_visible_character_not_by_the_raw_byte",),
    ),
    Bug(
        "a word counts once, however often it occurs",
        BPE,
        "self.counts[pair] += frequencies[index]",
        "self.counts[pair] += 1",
        (f"{CH02}::test_frequency_of_a_word_counts_not_the_number_of_words",),
    ),
    Bug(
        "targets are not shifted",
        SHARDS,
        "targets = stream[:, 1:].copy()",
        "targets = stream[:, :-1].copy()",
        (
            f"{SHARDS_TESTS}"
            "::test_targets_are_the_shifted_tokens_and_padding_never_counts",
        ),
    ),
    Bug(
        "padding is learned",
        SHARDS,
        "targets[np.arange(self.context_length) >= used[:, None]] = NOT_COUNTED",
        "pass",
        (f"{SHARDS_TESTS}::test_rows_of_three_documents_are_those_worked_by_hand",),
    ),
    Bug(
        "the mask hides the token itself",
        ATTENTION,
        "mask = key <= query",
        "mask = key < query",
        (f"{CH03}::test_masks_by_hand",),
    ),
    Bug(
        "the mask shows the next token",
        ATTENTION,
        "mask = key <= query",
        "mask = key <= query + 1",
        (f"{CH03}::test_future_tokens_cannot_change_past_outputs",),
    ),
    Bug(
        "the window is one token too wide",
        ATTENTION,
        "(key > query - sliding_window)",
        "(key >= query - sliding_window)",
        (f"{CH03}::test_masks_keep_their_definition",),
    ),
    Bug(
        "scores are not divided by sqrt(Dh)",
        ATTENTION,
        " / math.sqrt(q.shape[-1])",
        "",
        (f"{CH03}::test_scores_keep_the_same_spread_at_every_width",),
    ),
    Bug(
        "softmax runs over the queries",
        ATTENTION,
        "scores.softmax(dim=-1)",
        "scores.softmax(dim=-2)",
        (f"{CH03}::test_three_tokens_by_hand",),
    ),
    Bug(
        "query heads share the wrong keys",
        ATTENTION,
        "x.repeat_interleave(n_heads // n_kv_heads, dim=1)",
        "x.repeat(1, n_heads // n_kv_heads, 1, 1)",
        (f"{CH03}::test_equals_torch_with_a_causal_mask_and_shared_heads",),
    ),
    Bug(
        "keys are not rotated",
        ATTENTION,
        "rotate_planes(q, angles), rotate_planes(k, angles), v",
        "rotate_planes(q, angles), k, v",
        (f"{CH03}::test_only_distances_between_tokens_matter",),
    ),
    Bug(
        "the cache's offset is ignored",
        TRANSFORMER,
        "start = 0 if cache is None else cache.length",
        "start = 0",
        (f"{CH06}::test_cached_logits_equal_uncached_ones",),
    ),
    Bug(
        "the residual stream is cut",
        TRANSFORMER,
        "x = x + attended",
        "x = attended",
        (f"{CH04}::test_a_block_that_adds_nothing_is_the_identity",),
    ),
    Bug(
        "the gate and the gated are swapped",
        TRANSFORMER,
        "F.silu(self.w1(x)) * self.w3(x)",
        "self.w1(x) * F.silu(self.w3(x))",
        (f"{CH04}::test_swiglu_by_hand",),
    ),
    Bug(
        "epsilon stands outside the square root",
        TRANSFORMER,
        "torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps)",
        "1 / (wide.square().mean(-1, keepdim=True).sqrt() + self.eps)",
        (f"{CH04}::test_norms_equal_torchs_forward_and_backward",),
    ),
    Bug(
        "the cache forgets how much it holds",
        GENERATION,
        "        self.length = stop\n",
        "",
        (f"{CH06}::test_cached_logits_equal_uncached_ones",),
    ),
    Bug(
        "top-p drops the token that crosses the limit",
        GENERATION,
        "before = probs.cumsum(dim=-1) - probs",
        "before = probs.cumsum(dim=-1)",
        (f"{CH06}::test_filters_by_hand",),
    ),
    Bug(
        "temperature multiplies",
        GENERATION,
        "logits = logits / temperature",
        "logits = logits * temperature",
        (f"{CH06}::test_temperature_by_hand",),
    ),
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory, pytestconfig):
    shared = (ROOT / pytestconfig.getoption("--shared")).resolve()
    tree = PlantedTree(tmp_path_factory.mktemp("planted"), shared)
    yield tree
    tree.close()


def test_all_named_tests_pass_on_the_untouched_book(tree):
    status, output = tree.run(sorted({test for bug in BUGS for test in bug.tests}))
    assert status == PASSED, output
    assert "skipped" not in output.splitlines()[-1], "a skipped test can catch no bug"


@pytest.mark.parametrize("bug", [pytest.param(bug, id=bug.name) for bug in BUGS])
def test_a_planted_bug_turns_a_test_red(bug, tree):
    with tree.planted(bug):
        status, output = tree.run(bug.tests)
    assert status != PASSED, f"{bug.name}: every named test still passes"
    assert status == FAILED, f"{bug.name}: no test failed, the run did:\n{output}"


def test_names_are_unique():
    assert len({bug.name for bug in BUGS}) == len(BUGS)


def test_a_harmless_change_turns_no_test_red(tree):
    """The harness itself: an edit that changes nothing must not pass for a bug."""
    bug = next(bug for bug in BUGS if bug.wrong and bug.file == ATTENTION)
    harmless = Bug("harmless", bug.file, bug.right, bug.right + "  ", bug.tests)
    with tree.planted(harmless):
        assert tree.run(bug.tests)[0] == PASSED


def test_a_row_that_no_longer_fits_is_refused(tree):
    stale = Bug("stale", BUGS[0].file, "no such text", "x", BUGS[0].tests)
    with pytest.raises(ValueError, match="update the row"), tree.planted(stale):
        pass
