"""Bugs in positions, their stretching, and the masks around them (chapter 3)."""

from tests.planted import Bug

ATTENTION = "ch03_attention/attention.py"
POSITIONS = "ch03_attention/positions.py"
SCALING = "ch03_attention/rope_scaling.py"
SINKS = "ch03_attention/sinks.py"
TRANSFORMER = "ch04_transformer/transformer.py"
POSITION_TESTS = "tests/test_ch03_positions.py"
SCALING_TESTS = "tests/test_ch03_rope_scaling.py"
MASK_TESTS = "tests/test_ch03_masks.py"
EXPERIMENTS = "common/position_experiments.py"
EXPERIMENT_TESTS = "tests/test_common_positions.py"

BUGS = [
    Bug(
        "rotary: theta ignored",
        SCALING,
        "1.0 / theta ** (planes / d_head)",
        "1.0 / 10000.0 ** (planes / d_head)",
        (f"{SCALING_TESTS}::test_linear_equals_transformers",),
    ),
    Bug(
        "rope scaling: the passage is the wrong way round",
        SCALING,
        "keep + (1.0 - keep) / scaling",
        "1.0 - keep + keep / scaling",
        (f"{SCALING_TESTS}::test_yarn_by_hand",),
    ),
    Bug(
        "ntk: theta grows by the factor itself",
        SCALING,
        "theta * factor ** (d_head / (d_head - 2))",
        "theta * factor",
        (
            f"{SCALING_TESTS}::"
            "test_ntk_keeps_the_fastest_plane_and_slows_the_slowest_by_hand",
        ),
    ),
    Bug(
        "yarn: truncate is ignored",
        SCALING,
        'if scaling.get("truncate", True):',
        "if True:",
        (f"{SCALING_TESTS}::test_yarn_by_hand",),
    ),
    Bug(
        "yarn: the passage is rounded inwards",
        SCALING,
        "first, last = math.floor(first), math.ceil(last)",
        "first, last = math.ceil(first), math.floor(last)",
        (f"{SCALING_TESTS}::test_yarn_by_hand",),
    ),
    Bug(
        "yarn: only queries are made sharper",
        ATTENTION,
        "q, k = q * self.rope_factor, k * self.rope_factor",
        "q = q * self.rope_factor",
        (
            f"{SCALING_TESTS}::"
            "test_the_attention_factor_multiplies_scores_by_its_square",
        ),
    ),
    Bug(
        "yarn: the context length is not its trained one",
        SCALING,
        "return {**scaling, name: context_length}",
        "return {**scaling, name: 4096}",
        (
            f"{SCALING_TESTS}::"
            "test_a_yarn_file_that_names_no_length_was_trained_at_its_full_one",
        ),
    ),
    Bug(
        "a field of a scaling is dropped in silence",
        SCALING,
        "unknown = given - NEEDED[kind] - OPTIONAL.get(kind, set())",
        "unknown = set()",
        (f"{SCALING_TESTS}::test_a_scaling_is_honoured_or_refused_by_name",),
    ),
    Bug(
        "sines and cosines stand in halves",
        POSITIONS,
        "torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2)",
        "torch.cat((angles.sin(), angles.cos()), dim=-1)",
        (f"{POSITION_TESTS}::test_sinusoids_are_the_papers_formula",),
    ),
    Bug(
        "the positions of the call do not reach the position embedding",
        TRANSFORMER,
        "x = x + self.position_embedding(positions)",
        "x = x + self.position_embedding(torch.arange(tokens.shape[1]))",
        (f"{POSITION_TESTS}::test_a_cache_changes_nothing",),
    ),
    Bug(
        "positions begin anew one token late",
        POSITIONS,
        "return place - begin  #",
        "return (place - begin - 1).clamp(min=0)  #",
        (f"{MASK_TESTS}::test_absolute_positions_must_begin_anew_in_each_document",),
    ),
    Bug(
        "layouts are converted the wrong way",
        POSITIONS,
        "halves = weight.unflatten(0, (-1, 2, d_head // 2))",
        "halves = weight.unflatten(0, (-1, d_head // 2, 2))",
        (
            f"{POSITION_TESTS}::"
            "test_converted_weights_give_equal_logits_in_the_other_layout",
        ),
    ),
    Bug(
        "a layer without rotation turns all the same",
        ATTENTION,
        "        if self.frequencies is None:\n            return q, k, v\n",
        "        if self.frequencies is None:\n"
        "            self.frequencies = rotary_frequencies(self.d_head)\n",
        (f"{POSITION_TESTS}::test_in_one_layer_a_text_without_positions_is_a_heap",),
    ),
    Bug(
        "sinks may be seen by tokens before them",
        SINKS,
        "near | (past & first)",
        "near | first",
        (f"{MASK_TESTS}::test_a_window_with_sinks_by_hand",),
    ),
    Bug(
        "the first token counts as a query of the sink",
        SINKS,
        "weights[:, :, 1:] if n_queries == n_keys else weights",
        "weights",
        (f"{MASK_TESTS}::test_the_share_of_the_first_token_by_hand",),
    ),
    Bug(
        "the sinks stay behind when the window moves on",
        SINKS,
        "self.dropped * self.frequencies",
        "0 * self.frequencies",
        (f"{MASK_TESTS}::test_sinks_follow_the_window_as_if_nothing_lay_between",),
    ),
    Bug(
        "perplexity is taken to the base of bits",
        EXPERIMENTS,
        "spreads_of(nats, math.exp)",
        "spreads_of(nats, math.exp2)",
        (f"{EXPERIMENT_TESTS}::test_perplexity_and_bits_per_byte_tell_the_same_loss",),
    ),
    Bug(
        "an end of text counts as bytes that are to be told",
        EXPERIMENTS,
        "for t in targets if t not in special)",
        "for t in targets)",
        (
            f"{EXPERIMENT_TESTS}"
            "::test_the_last_tokens_bytes_are_those_of_the_text_they_spell",
        ),
    ),
]
