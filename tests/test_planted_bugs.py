"""Bugs that a reader could make are planted one by one; each must turn a test red.

A row names the bug, the file, the exact source text that it replaces (it must occur
once: if the module changes, so does the row), what stands there instead, and the tests
of which one at least must fail. The tests must all pass on the untouched book.
"""

import pytest

from tests import (
    bugs_accounting,
    bugs_choices,
    bugs_flash,
    bugs_positions,
    bugs_pretrained,
    bugs_transformer,
)
from tests.planted import FAILED, PASSED, ROOT, Bug, PlantedTree

CH01 = "tests/test_ch01_ngram.py"
CH02 = "tests/test_ch02_tokenization.py"
PIECES_TESTS = "tests/test_ch02_pieces.py"
SHARDS_TESTS = "tests/test_ch02_shards.py"
UNFINISHED_TESTS = "tests/test_ch02_unfinished.py"
CH03 = "tests/test_ch03_attention.py"
CH04 = "tests/test_ch04_transformer.py"
CH05 = "tests/test_ch05_pretraining.py"
CHECKPOINT_TESTS = "tests/test_ch05_checkpoint.py"
OPTIMIZER_TESTS = "tests/test_ch05_optimizers.py"
CH06 = "tests/test_ch06_generation.py"
CH07 = "tests/test_ch07_finetuning.py"
CH08 = "tests/test_ch08_alignment.py"
ROOF = "tests/test_common_model.py"
BPE = "ch02_tokenization/bpe.py"
PIECES = "ch02_tokenization/pieces.py"
SHARDS = "ch02_tokenization/shards.py"
UNFINISHED = "ch02_tokenization/unfinished.py"
ATTENTION = "ch03_attention/attention.py"
TRANSFORMER = "ch04_transformer/transformer.py"
PRETRAINING = "ch05_pretraining/pretraining.py"
CHECKPOINT = "ch05_pretraining/checkpoint.py"
OPTIMIZERS = "ch05_pretraining/optimizers.py"
GENERATION = "ch06_generation/generation.py"
FINETUNING = "ch07_finetuning/finetuning.py"
ALIGNMENT = "ch08_alignment/alignment.py"
EVALUATION = "ch07_finetuning/evaluation.py"

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
        "of two special tokens the shorter is read",
        PIECES,
        "sorted(special_tokens, key=len, reverse=True)",
        "sorted(special_tokens, key=len)",
        (f"{CH02}::test_the_longer_of_two_special_tokens_wins",),
    ),
    Bug(
        "text that follows is thought to change the last piece only",
        PIECES,
        "return find_pieces(text)[:-2]",
        "return find_pieces(text)[:-1]",
        (f"{PIECES_TESTS}::test_nothing_that_follows_changes_what_is_settled",),
    ),
    Bug(
        "halves of a character in two texts are never joined",
        PIECES,
        'held = stretch[-1] if "\\ud800" <= stretch[-1] <= "\\udbff" else ""',
        'held = ""',
        (f"{PIECES_TESTS}::test_stretches_join_halves_of_characters_as_utf_16_does",),
    ),
    Bug(
        "the frequent pieces are forgotten",
        PIECES,
        "counts.most_common()[: (max_pieces + 1) // 2]",
        "counts.most_common()[max_pieces // 2 :]",
        (f"{PIECES_TESTS}::test_the_rarer_half_is_forgotten_as_worked_by_hand",),
    ),
    Bug(
        "a stream is read to its end before anything is counted",
        PIECES,
        "if len(waiting) >= 2 * workers:",
        "if len(waiting) >= 10**9:",
        (f"{PIECES_TESTS}::test_items_are_taken_up_as_results_are_taken_away",),
    ),
    Bug(
        "a resumed run does not look at the texts again",
        UNFINISHED,
        "if not known or self.entries[done].texts != block.digest:",
        "if not known:",
        (
            f"{UNFINISHED_TESTS}"
            "::test_a_changed_corpus_is_encoded_again_from_where_it_differs",
        ),
    ),
    Bug(
        "a resumed run believes its journal, whatever the ids",
        UNFINISHED,
        "if entry is None or hashlib.sha256(data).hexdigest() != entry.ids:",
        "if entry is None:",
        (f"{UNFINISHED_TESTS}::test_parts_cut_or_damaged_anywhere_do_no_harm",),
    ),
    Bug(
        "a resumed run leaves half a block in front of the next",
        UNFINISHED,
        "            file.truncate(end)\n",
        "            pass\n",
        (f"{UNFINISHED_TESTS}::test_parts_cut_or_damaged_anywhere_do_no_harm",),
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
        "a document sees those that stand before it in its row",
        ATTENTION,
        "document[:, :, None] == document[:, None, :]",
        "document[:, :, None] >= document[:, None, :]",
        (f"{CH03}::test_documents_of_a_row_are_drawn_apart",),
    ),
    Bug(
        "pretraining forgets to keep documents apart",
        PRETRAINING,
        "partial(next_token_loss, end_of_text_id=end)",
        "next_token_loss",
        (f"{CH05}::test_pretraining_reads_each_document_of_a_row_alone",),
    ),
    Bug(
        "validation asks for the token that is shown",
        PRETRAINING,
        "targets[row, : len(ids) - 1] = ids[1:]",
        "targets[row, : len(ids) - 1] = ids[:-1]",
        (f"{CH05}::test_every_token_of_a_document_counts_once",),
    ),
    Bug(
        "the end of a document costs nothing",
        PRETRAINING,
        "ids = [end, *tokenizer.encode(text, allowed_special=set()), end]",
        "ids = [end, *tokenizer.encode(text, allowed_special=set())]",
        (f"{CH05}::test_bits_per_byte_by_hand",),
    ),
    Bug(
        "bits are nats",
        PRETRAINING,
        "nats.sum() / math.log(2) / n_bytes",
        "nats.sum() / n_bytes",
        (f"{CH05}::test_bits_per_byte_by_hand",),
    ),
    Bug(
        "warm-up is ignored",
        PRETRAINING,
        "if step < warmup_steps:",
        "if step < 0:",
        (f"{CH05}::test_the_schedule_by_hand",),
    ),
    Bug(
        "accumulated parts weigh alike, however many targets they count",
        PRETRAINING,
        "count / sum(counts)",
        "1 / accumulation",
        (f"{CH05}::test_accumulation_equals_the_large_batch",),
    ),
    Bug(
        "the gradient is not clipped",
        PRETRAINING,
        "nn.utils.clip_grad_norm_(params, clip)",
        "nn.utils.clip_grad_norm_(params, 1e9)",
        (f"{CH05}::test_a_long_gradient_is_clipped_and_a_short_one_is_not",),
    ),
    Bug(
        "gradients are never forgotten",
        PRETRAINING,
        "        optimizer.zero_grad()\n",
        "",
        (f"{CH05}::test_each_step_follows_its_own_gradient_only",),
    ),
    Bug(
        "every epoch has the same order",
        PRETRAINING,
        "np.random.default_rng([self.seed, epoch])",
        "np.random.default_rng(self.seed)",
        (f"{CH05}::test_epochs_and_seeds_differ_in_order",),
    ),
    Bug(
        "the data cursor is not saved",
        PRETRAINING,
        '"position": stream.position',
        '"position": 0',
        (f"{CH05}::test_a_stopped_run_goes_on_as_if_nothing_had_happened",),
    ),
    Bug(
        "a resumed run repeats lines of its diary",
        PRETRAINING,
        'if json.loads(line)["step"] <= step]',
        "if line]",
        (f"{CH05}::test_the_diary_is_cut_back_to_the_checkpoint",),
    ),
    Bug(
        "weight decay goes through the gradient",
        OPTIMIZERS,
        '        state["step"] += 1\n',
        '        state["step"] += 1\n'
        '        p.grad.add_(p, alpha=group["weight_decay"])\n',
        (f"{OPTIMIZER_TESTS}::test_decay_is_decoupled_from_the_gradient",),
    ),
    Bug(
        "the running size is not corrected for its start at zero",
        OPTIMIZERS,
        "(square / (1 - beta2**step)).sqrt_()",
        "square.sqrt()",
        (f"{OPTIMIZER_TESTS}::test_adamw_moves_one_number_as_by_hand",),
    ),
    Bug(
        "epsilon is inside the square root",
        OPTIMIZERS,
        '.sqrt_().add_(group["eps"])',
        '.add_(group["eps"]).sqrt_()',
        (f"{OPTIMIZER_TESTS}::test_adamw_equals_torchs_over_thirty_steps",),
    ),
    Bug(
        "norm scales are decayed",
        OPTIMIZERS,
        '{"params": vectors, "weight_decay": 0.0}',
        '{"params": vectors, "weight_decay": weight_decay}',
        (f"{OPTIMIZER_TESTS}::test_vectors_are_not_decayed_and_all_else_is",),
    ),
    Bug(
        "Muon does not look ahead",
        OPTIMIZERS,
        "ahead = torch._foreach_lerp(gradients, buffers, momentum)",
        "ahead = buffers",
        (
            f"{OPTIMIZER_TESTS}"
            "::test_all_but_the_rounding_of_the_iteration_is_exactly_torchs",
        ),
    ),
    Bug(
        "a stack of matrices is divided by its common norm",
        OPTIMIZERS,
        "x.norm(dim=(-2, -1), keepdim=True)",
        "x.norm()",
        (f"{OPTIMIZER_TESTS}::test_a_stack_of_matrices_is_treated_one_by_one",),
    ),
    Bug(
        "the random state is not brought back",
        CHECKPOINT,
        'torch.set_rng_state(tensors.pop("random_state"))',
        'tensors.pop("random_state")',
        (f"{CHECKPOINT_TESTS}::test_everything_comes_back_bitwise",),
    ),
    Bug(
        "a checkpoint has its name before it is whole",
        CHECKPOINT,
        'out / f".step-{step:06d}.tmp"',
        'out / f"step-{step:06d}"',
        (f"{CHECKPOINT_TESTS}::test_a_kill_while_saving_leaves_no_half_checkpoint",),
    ),
    Bug(
        "checksums are not compared",
        CHECKPOINT,
        " or sha256(path / name) != expected",
        "",
        (
            f"{CHECKPOINT_TESTS}"
            "::test_a_damaged_file_is_named_and_the_previous_checkpoint_used",
        ),
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
    Bug(
        "prompt tokens are in the loss",
        FINETUNING,
        "return [token if loss else IGNORE for token, loss in pairs] + [IGNORE]",
        "return [token for token, _ in pairs] + [IGNORE]",
        (f"{CH07}::test_no_gradient_reaches_the_predictions_of_the_prompt",),
    ),
    Bug(
        "the end token is not in the loss",
        FINETUNING,
        '[message["role"] == "assistant"] * len(said)',
        '[message["role"] == "assistant"] * len(content) + [False]',
        (f"{CH07}::test_a_conversation_by_hand",),
    ),
    Bug(
        "the loss mask is not shifted",
        FINETUNING,
        "zip(ids[1:], said[1:], strict=True)",
        "zip(ids[1:], said[:-1], strict=True)",
        (f"{CH07}::test_a_row_of_two_conversations_by_hand",),
    ),
    Bug(
        "a user's text can end his turn",
        FINETUNING,
        'tokenizer.encode(message["content"], allowed_special=set())',
        'tokenizer.encode(message["content"])',
        (f"{CH07}::test_text_that_looks_like_a_special_token_stays_text",),
    ),
    Bug(
        "a question sees the answers to those before it",
        FINETUNING,
        "(key % BRANCHES == 0) | (key == query)",
        "key == key",
        (f"{CH07}::test_a_branch_is_the_question_asked_alone",),
    ),
    Bug(
        "conversations of one row hear each other",
        FINETUNING,
        "(same_chat & visible)[:, None]",
        "visible[:, None]",
        (f"{CH07}::test_a_branch_is_the_question_asked_alone",),
    ),
    Bug(
        "positions of a branch go on where the last one ended",
        FINETUNING,
        "positions += range(len(trunk), len(alone))",
        "positions = list(range(len(ids)))",
        (f"{CH07}::test_two_branches_by_hand",),
    ),
    Bug(
        "a refusal counts as right",
        EVALUATION,
        "return self.answer == self.question.answer",
        "return self.answer in (self.question.answer, UNANSWERABLE)",
        (f"{CH07}::test_accuracies_by_hand",),
    ),
    Bug(
        "the mean is over questions instead of kinds",
        EVALUATION,
        "np.mean(hits.sum(axis=0) / counts.sum(axis=0))",
        "hits.sum() / counts.sum()",
        (f"{CH07}::test_accuracies_by_hand",),
    ),
    Bug(
        "intervals draw single answers instead of whole stories",
        EVALUATION,
        "np.unique(story_names, return_inverse=True)",
        "np.unique(range(len(story_names)), return_inverse=True)",
        (f"{CH07}::test_answers_about_one_story_are_not_counted_as_independent",),
    ),
    Bug(
        "the bootstrap draws without replacement",
        EVALUATION,
        "data[generator.integers(0, len(data), len(data))].mean()",
        "generator.permutation(data).mean()",
        (f"{CH07}::test_ninety_five_in_a_hundred_intervals_hold_the_truth",),
    ),
    Bug(
        "shorter prompts see their padding",
        EVALUATION,
        "            left_padding=torch.tensor(padding),\n",
        "",
        (f"{CH07}::test_asking_together_equals_asking_one_by_one",),
    ),
    Bug(
        "log-probabilities are averaged",
        ALIGNMENT,
        "return -surprise.sum(dim=1)",
        "return -surprise.mean(dim=1)",
        (f"{CH08}::test_an_answers_log_probability_by_hand",),
    ),
    Bug(
        "an answer's improbability is praised",
        ALIGNMENT,
        "return -surprise.sum(dim=1)",
        "return surprise.sum(dim=1)",
        (f"{CH08}::test_an_answers_log_probability_by_hand",),
    ),
    Bug(
        "the reference is forgotten",
        ALIGNMENT,
        "beta * (policy_chosen - reference_chosen)",
        "beta * policy_chosen",
        (f"{CH08}::test_the_loss_at_the_reference_is_ln_2",),
    ),
    Bug(
        "chosen and rejected are swapped in the loss",
        ALIGNMENT,
        "-F.logsigmoid(chosen_rewards - rejected_rewards)",
        "-F.logsigmoid(rejected_rewards - chosen_rewards)",
        (f"{CH08}::test_the_gradient_raises_the_chosen_and_lowers_the_rejected",),
    ),
    Bug(
        "the margins are averaged before the loss",
        ALIGNMENT,
        "-F.logsigmoid(chosen_rewards - rejected_rewards).mean()",
        "-F.logsigmoid((chosen_rewards - rejected_rewards).mean())",
        (f"{CH08}::test_the_loss_of_two_pairs_by_hand",),
    ),
    Bug(
        "beta is forgotten for the rejected",
        ALIGNMENT,
        "beta * (policy_rejected - reference_rejected)",
        "policy_rejected - reference_rejected",
        (f"{CH08}::test_the_loss_of_two_pairs_by_hand",),
    ),
    Bug(
        "the wrong answer is chosen",
        ALIGNMENT,
        "question.text, question.answer, wrong)",
        "question.text, wrong, question.answer)",
        (f"{CH08}::test_the_three_lessons_by_hand",),
    ),
    Bug(
        "questions of other stories are mixed up",
        ALIGNMENT,
        "given[each.story, each.question]",
        'given["", each.question]',
        (f"{CH08}::test_the_same_words_about_another_story_are_another_question",),
    ),
    Bug(
        "an answer that the model never gives is chosen",
        ALIGNMENT,
        "            if question.answer in answers:\n",
        "            if True:\n",
        (f"{CH08}::test_the_three_lessons_by_hand",),
    ),
    Bug(
        "prompt tokens count in a preference",
        ALIGNMENT,
        "np.where(said[1:], ids[1:], IGNORE)",
        "ids[1:]",
        (f"{CH08}::test_a_row_by_hand",),
    ),
    Bug(
        "a preference has unshifted targets",
        ALIGNMENT,
        "np.where(said[1:], ids[1:], IGNORE)",
        "np.where(said[1:], ids[:-1], IGNORE)",
        (f"{CH08}::test_a_row_by_hand",),
    ),
    Bug(
        "the rejected half comes first",
        ALIGNMENT,
        "[*indices, *(index + len(self) for index in indices)]",
        "[*(index + len(self) for index in indices), *indices]",
        (f"{CH08}::test_the_chosen_half_comes_first",),
    ),
    Bug(
        "pairs teach to refuse more often than to answer",
        ALIGNMENT,
        'lesson(pair) == "right over wrong" or taken[lesson(pair)] <= most',
        "True",
        (f"{CH08}::test_refusing_is_praised_as_often_as_it_is_blamed",),
    ),
    Bug(
        "a stop string is found only within one piece",
        "common/model.py",
        "safe = len(text) - longest + 1",
        "safe = len(text)",
        (f"{ROOF}::test_a_stop_string_ends_a_text_wherever_it_stands",),
    ),
    Bug(
        "the chat drops the story with the oldest question",
        "common/chat.py",
        "first_message(story, question)},",
        "question},",
        (f"{ROOF}::test_the_oldest_questions_are_dropped_and_the_story_is_kept",),
    ),
    Bug(
        "a failed stage leaves its folder",
        "common/pipeline.py",
        "        drop_unfinished(folder)\n",
        "",
        (
            "tests/test_common_pipeline.py"
            "::test_a_source_that_is_no_text_ends_in_one_line_and_leaves_nothing",
        ),
    ),
    Bug(
        "an edited number passes for a small difference",
        "common/verify.py",
        "TOLERANCE = 1e-4",
        "TOLERANCE = 1",
        (
            "tests/test_common_pipeline.py"
            "::test_differences_are_listed_with_their_place",
        ),
    ),
    *bugs_accounting.BUGS,
    *bugs_choices.BUGS,
    *bugs_flash.BUGS,
    *bugs_positions.BUGS,
    *bugs_pretrained.BUGS,
    *bugs_transformer.BUGS,
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
