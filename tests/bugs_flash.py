"""Planted bugs of attention in tiles, of watched heads and of what pronouns mean."""

from tests.planted import Bug

FLASH_TESTS = "tests/test_ch03_flash.py"
HEAD_TESTS = "tests/test_ch03_heads.py"
MASK_TESTS = "tests/test_ch03_masks.py"
MENTION_TESTS = "tests/test_ch01_mentions.py"
FLASH = "ch03_attention/flash.py"
HEADS = "ch03_attention/heads.py"
REFERENCES = "ch03_attention/references.py"

BUGS = [
    Bug(
        "what was summed before a larger score turns up does not shrink",
        FLASH,
        "shrink = (self.largest - level).exp()",
        "shrink = torch.ones_like(level)",
        (f"{FLASH_TESTS}::test_the_running_softmax_by_hand",),
    ),
    Bug(
        "the sum of the powers does not shrink with the values",
        FLASH,
        "total = self.total * shrink + powers",
        "total = self.total + powers",
        (f"{FLASH_TESTS}::test_the_running_softmax_by_hand",),
    ),
    Bug(
        "a row that sees nothing in its first tile becomes NaN",
        FLASH,
        "level = largest.masked_fill(largest == -math.inf, 0.0)",
        "level = largest",
        (f"{FLASH_TESTS}::test_a_layer_with_tiles_equals_a_plain_layer",),
    ),
    Bug(
        "tiles in the future are computed and hidden",
        FLASH,
        "seen = before + rows.stop if self.causal else self.n_keys",
        "seen = self.n_keys",
        (
            f"{FLASH_TESTS}::test_tiles_in_the_future_are_not_computed",
            f"{FLASH_TESTS}::test_a_cache_is_seen_whole_by_every_query",
        ),
    ),
    Bug(
        "a tile that touches the diagonal at its corner gets no mask",
        FLASH,
        "columns.stop > before + rows.start + 1",
        "columns.stop > before + rows.stop",
        (f"{FLASH_TESTS}::test_a_cache_is_seen_whole_by_every_query",),
    ),
    Bug(
        "the gradient of the softmax lacks what is taken off each row",
        FLASH,
        "weights * (d_weights - mean)",
        "weights * d_weights",
        (f"{FLASH_TESTS}::test_gradients_are_the_slopes_of_the_output",),
    ),
    Bug(
        "the gradient of the scores is not scaled",
        FLASH,
        "(d_weights - mean) / math.sqrt(q.shape[-1])",
        "(d_weights - mean)",
        (f"{FLASH_TESTS}::test_gradients_are_the_slopes_of_the_output",),
    ),
    Bug(
        "heads that share a key keep the gradient of the first alone",
        FLASH,
        "d_tile.unflatten(1, (n_kv_heads, -1)).sum(2)",
        "d_tile.unflatten(1, (n_kv_heads, -1))[:, :, 0]",
        (f"{FLASH_TESTS}::test_gradients_are_the_slopes_of_the_output",),
    ),
    Bug(
        "the last, shorter block is left out",
        FLASH,
        "starts = range(0, length, block_size)",
        "starts = range(0, length - length % block_size, block_size)",
        (
            f"{FLASH_TESTS}"
            "::test_tiles_equal_the_plain_way_and_torch_forward_and_backward",
        ),
    ),
    Bug(
        "no random shape has whole blocks and a shorter one",
        FLASH_TESTS,
        "draw.choice((1, 7, 16, 64))",
        "draw.choice((1, 130))",
        (f"{FLASH_TESTS}::test_the_random_shapes_cover_the_hard_cases",),
    ),
    Bug(
        "the backward pass forgets what was hidden",
        FLASH,
        "scores = tile_scores(q_tile, k_tile, hidden)  #",
        "scores = tile_scores(q_tile, k_tile, None)  #",
        (f"{MASK_TESTS}::test_no_logit_feels_a_later_token_and_each_feels_all_it_may",),
    ),
    Bug(
        "queries behind a cache are taken for the first positions",
        FLASH,
        "before = self.n_keys - self.n_queries",
        "before = 0",
        (f"{MASK_TESTS}::test_behind_a_cache_no_query_of_the_tiles_feels_a_later_key",),
    ),
    Bug(
        "sums of half precision are taken in half precision",
        FLASH,
        "wide = torch.promote_types(q.dtype, torch.float32)",
        "wide = q.dtype",
        (f"{FLASH_TESTS}::test_half_precision_sums_in_float32",),
    ),
    Bug(
        "induction looks at the earlier copy and not at what came next",
        HEADS,
        "weights.diagonal(1 - period,",
        "weights.diagonal(-period,",
        (f"{HEAD_TESTS}::test_an_induction_head_stands_one_after_the_earlier_copy",),
    ),
    Bug(
        "heads are watched without the mask of the caller",
        HEADS,
        "past if mask is None else past & mask))",
        "past))",
        (f"{HEAD_TESTS}::test_the_weights_are_those_that_the_layer_uses",),
    ),
    Bug(
        "the hooks stay when the watching ends",
        HEADS,
        "        for hook in hooks:\n            hook.remove()\n",
        "        pass\n",
        (f"{HEAD_TESTS}::test_watching_changes_nothing_and_leaves_nothing_behind",),
    ),
    Bug(
        "a word is one token further right than it stands",
        REFERENCES,
        "enumerate(sizes, 1)",
        "enumerate(sizes, 2)",
        (f"{HEAD_TESTS}::test_spans_of_tokens_spell_the_words_of_the_world",),
    ),
    Bug(
        "the best head is marked on the stories it was chosen on",
        "common/head_search.py",
        "hits = right[marked_on][:, head]",
        "hits = right[chosen_on][:, head]",
        (
            f"{HEAD_TESTS}"
            "::test_the_best_head_is_chosen_on_other_stories_than_it_is_marked_on",
        ),
    ),
    Bug(
        "what was traded for is taken for what was traded",
        "ch01_data/storyworld_words.py",
        "for {it:thing2}!",
        "for {it:thing}!",
        (f"{MENTION_TESTS}::test_a_trade_by_hand",),
    ),
]
