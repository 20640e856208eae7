"""What a model counts by part: parameters, and operations of a pass through it.

An operation is a floating-point multiplication or addition. Only matrix products are
counted, at 2 m n k for (m, k) times (k, n): k multiplications and k additions for each
of m n results (one addition fewer would do; nobody counts it so). Norms, softmax,
activations, rotations, additions to the stream, biases, the loss and the optimizer are
left out: they grow with the width and not with its square.

`torch.utils.flop_counter` counts the same way, to the digit (a test). It counts what is
computed, and plain attention computes the pairs that the mask then hides; for the fused
attention of the processor it has no formula and counts nothing.
"""

from dataclasses import astuple, dataclass, replace

from ch04_transformer.transformer import ModelConfig


@dataclass(frozen=True)
class Parts:
    """Numbers of one kind, a field for each part of the model."""

    @property
    def total(self) -> int:
        """Add the parts up."""
        return sum(astuple(self))

    def times(self, factor: float) -> "Parts":
        """Multiply every part."""
        return type(self)(*(factor * part for part in astuple(self)))


@dataclass(frozen=True)
class Parameters(Parts):
    """How many numbers are learned where; a tied head has none of its own."""

    embedding: int
    attention: int
    feed_forward: int
    norms: int
    head: int


@dataclass(frozen=True)
class Flops(Parts):
    """Operations of matrix products; `scores` are those among tokens."""

    projections: int
    scores: int
    feed_forward: int
    head: int


def head_sizes(config: ModelConfig) -> tuple[int, int]:
    """Return the key-value heads K and the width of a head Dh that are meant."""
    n_kv_heads = config.n_kv_heads or config.n_heads
    return n_kv_heads, config.d_head or config.d_model // config.n_heads


def count_parameters(config: ModelConfig) -> Parameters:
    """Divide `config.n_params()` among the parts.

    Biases of queries, keys and values belong to attention, the scales of QK-norm to
    the norms.
    """
    width, n_layers, (_, d_head) = config.d_model, config.n_layers, head_sizes(config)
    embedding = config.vocab_size * width
    feed_forward = n_layers * 3 * width * config.d_ff
    norms = n_layers * 2 * (width + d_head * config.qk_norm) + width
    head = 0 if config.tie_embeddings else embedding
    attention = config.n_params() - embedding - feed_forward - norms - head
    return Parameters(embedding, attention, feed_forward, norms, head)


def count_matrices(config: ModelConfig) -> Parameters:
    """Count the parameters that a token is multiplied with, once each.

    The embedding is looked up and not multiplied; the head is, tied or not.
    """
    parts = count_parameters(replace(config, qkv_bias=False))
    return replace(parts, embedding=0, norms=0, head=parts.embedding)


def attended_pairs(
    n_queries: int, n_keys: int | None = None, sliding_window: int | None = None
) -> int:
    """Count the pairs that `causal_mask` allows: the queries are the last positions.

    Without a window and without a past these are T (T + 1) / 2.

    Raises:  ValueError if there are fewer keys than queries.
    """
    n_keys = n_queries if n_keys is None else n_keys
    if n_keys < n_queries:
        raise ValueError(
            f"{n_queries} queries but only {n_keys} keys: every query needs its own key"
        )
    window = min(sliding_window or n_keys, n_keys)

    def seen_by_the_first(n: int) -> int:
        growing = min(n, window)
        return growing * (growing + 1) // 2 + (n - growing) * window

    return seen_by_the_first(n_keys) - seen_by_the_first(n_keys - n_queries)


def forward_flops(
    config: ModelConfig,
    batch_size: int,
    n_queries: int,
    n_keys: int | None = None,
    *,
    causal: bool = False,
) -> Flops:
    """Count a forward pass of B sequences of T new tokens that look at S positions.

    `causal` counts only the pairs that the mask allows, which is what a kernel that
    skips the others computes; without it all T S pairs count, as in plain attention.

    Units:   floating-point operations.
    """
    n_keys = n_queries if n_keys is None else n_keys
    pairs = n_queries * n_keys
    if causal:
        pairs = attended_pairs(n_queries, n_keys, config.sliding_window)
    weights, n_tokens = count_matrices(config), batch_size * n_queries
    joined = config.n_heads * head_sizes(config)[1]
    return Flops(
        projections=2 * n_tokens * weights.attention,
        # Each pair costs a dot product of width Dh, and a weighted value of width Dh.
        scores=2 * 2 * batch_size * pairs * joined * config.n_layers,
        feed_forward=2 * n_tokens * weights.feed_forward,
        head=2 * n_tokens * weights.head,
    )


def training_flops(
    config: ModelConfig, batch_size: int, length: int, *, causal: bool = False
) -> Flops:
    """Count a forward and a backward pass.

    The backward pass has two products for each one of the forward pass: the gradient
    of its left factor and that of its right one. So the step is three forward passes.

    Units:   floating-point operations.
    """
    return forward_flops(config, batch_size, length, causal=causal).times(3)


def generation_flops(config: ModelConfig, context: int) -> Flops:
    """Count what the next token costs when a cache holds all but the newest position.

    `context` counts that position too; of a sliding window only what is inside counts.

    Units:   floating-point operations a token.
    """
    return forward_flops(config, 1, 1, context, causal=True)


def rule_of_six(config: ModelConfig) -> int:
    """Return 6N: two operations a parameter forward, four backward.

    Units:   floating-point operations a trained token.
    Source:  Kaplan et al. 2020, section 2.1 (who leave the embedding out of N).
    """
    return 6 * config.n_params()
