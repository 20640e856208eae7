"""Mistakes in attention and in the model around it, and the tests that find them."""

from tests.planted import Bug

HEADS = "tests/test_ch03_shared_heads.py"
ALONE = "tests/test_ch04_parts_alone.py"
WHOLE = "tests/test_ch04_transformer.py"
ATTENTION = "ch03_attention/attention.py"
TRANSFORMER = "ch04_transformer/transformer.py"

BUGS = [
    Bug(
        "all key-value heads are the first",
        ATTENTION,
        "x.repeat_interleave(n_heads // n_kv_heads, dim=1)",
        "x[:, :1].expand(-1, n_heads, -1, -1)",
        (f"{HEADS}::test_every_head_learns",),
    ),
    Bug(
        "no gradient goes through the shares",
        ATTENTION,
        "attention_weights(q, k, mask).to(v.dtype)",
        "attention_weights(q, k, mask).detach().to(v.dtype)",
        (f"{HEADS}::test_gradients_are_those_of_small_differences",),
    ),
    Bug(
        "the batch's own mean is used in evaluation too",
        TRANSFORMER,
        "if self.training:",
        "if True:",
        (f"{ALONE}::test_batch_norm_by_hand",),
    ),
    Bug(
        "the batch's mean is taken over the sequences alone",
        TRANSFORMER,
        "every = tuple(range(x.dim() - 1))",
        "every = (0,)",
        (f"{ALONE}::test_batch_norm_hears_every_token_of_the_batch_later_ones_too",),
    ),
    Bug(
        "running averages keep the old part",
        TRANSFORMER,
        "self.running_mean.lerp_(mean.detach(), self.momentum)",
        "self.running_mean.lerp_(mean.detach(), 1 - self.momentum)",
        (f"{ALONE}::test_batch_norm_by_hand",),
    ),
    Bug(
        "what is added to the stream does not shrink with depth",
        TRANSFORMER,
        "/= math.sqrt(2 * self.config.n_layers)",
        "/= 1",
        (f"{WHOLE}::test_the_residual_stream_keeps_its_size_at_any_depth",),
    ),
    Bug(
        "only one of two matrices that write to the stream is drawn smaller",
        TRANSFORMER,
        'for name in ("out_proj", "w2"):',
        'for name in ("out_proj",):',
        (f"{ALONE}::test_each_matrix_starts_at_the_size_that_its_width_asks_for",),
    ),
    Bug(
        "a matrix is drawn by the width of its output",
        TRANSFORMER,
        "std=module.in_features**-0.5",
        "std=module.out_features**-0.5",
        (f"{ALONE}::test_each_matrix_starts_at_the_size_that_its_width_asks_for",),
    ),
    Bug(
        "the head of a tied model is a copy",
        TRANSFORMER,
        "return self.embedding.weight if tied else self.head.weight",
        "return self.embedding.weight.detach() if tied else self.head.weight",
        (f"{ALONE}::test_a_tied_matrix_gets_the_gradients_of_both_its_roles",),
    ),
    Bug(
        "the mean is not taken out of what LayerNorm scales",
        TRANSFORMER,
        "return self.weight * (centred * scale).to(x.dtype) + self.bias",
        "return self.weight * (wide * scale).to(x.dtype) + self.bias",
        (f"{WHOLE}::test_layer_norm_by_hand",),
    ),
    Bug(
        "the stream goes to the head without a norm",
        TRANSFORMER,
        "return self.norm(x)  # (B, T, D)",
        "return x",
        (f"{WHOLE}::test_one_block_model_by_hand",),
    ),
    Bug(
        "the feed-forward layer reads the stream without a norm",
        TRANSFORMER,
        "return x + self.ffn(self.ffn_norm(x))",
        "return x + self.ffn(x)",
        (f"{WHOLE}::test_one_block_model_by_hand",),
    ),
    Bug(
        "every block reads the cache of the first",
        TRANSFORMER,
        "None if cache is None else cache[index]",
        "None if cache is None else cache[0]",
        (f"{WHOLE}::test_a_cache_changes_nothing",),
    ),
    Bug(
        "the formula forgets the norm at the end",
        TRANSFORMER,
        "return embeddings + self.n_layers * block + self.d_model",
        "return embeddings + self.n_layers * block",
        (f"{WHOLE}::test_the_formula_counts_every_parameter",),
    ),
]
