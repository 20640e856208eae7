"""Where the memory goes: bytes of training and of generation, by part.

Weights, gradients and optimizer state follow from the number of parameters. What the
forward pass keeps for the backward pass has to be followed operation by operation: a
product keeps both its factors, a softmax its result, a sum nothing. The formulas below
say for each part of the block what PyTorch keeps when nothing is compiled and nothing
computed twice, and `measure_saved_bytes` holds them against PyTorch itself.

Left out: the working space of small operations, what the allocator keeps for later,
the optimizer's step counters, and PyTorch's own code.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from ch04_transformer.counting import (
    Parts,
    count_matrices,
    count_parameters,
    head_sizes,
)
from ch04_transformer.transformer import ModelConfig

WIDE = 4  # bytes of a float32
INDEX = 8  # bytes of a token id
PRECISIONS = {"fp32": WIDE, "bf16": 2}
OPTIMIZERS = ("adamw", "muon")


@dataclass(frozen=True)
class Workload:
    """What goes through the model in one pass, and how.

    `precision` bf16 means float32 weights under `torch.autocast` as it is on the
    processor (on CUDA it leaves the softmax in float32). `fused` attention is
    `F.scaled_dot_product_attention` in the layer's `attend`, mask and all; `packed`
    rows hold several documents, so that each row needs a mask of its own.

    Raises:  ValueError where a number is impossible or a precision unknown.
    """

    batch_size: int
    length: int
    precision: str = "fp32"
    fused: bool = False
    packed: bool = False

    def __post_init__(self) -> None:
        if min(self.batch_size, self.length) < 1:
            raise ValueError(
                f"a batch of {self.batch_size} sequences of {self.length} tokens: "
                "1 is the least of both"
            )
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision is {self.precision!r}; choose fp32 or bf16")

    @property
    def n_tokens(self) -> int:
        """Count the tokens of the batch."""
        return self.batch_size * self.length

    @property
    def narrow(self) -> int:
        """Return the bytes of a number that a matrix product reads."""
        return PRECISIONS[self.precision]

    @property
    def casts(self) -> bool:
        """Say whether products read copies of what they are given."""
        return self.narrow != WIDE


@dataclass(frozen=True)
class Activations(Parts):
    """Bytes kept for the backward pass, by part.

    `norms` hold the residual stream; `projections` the queries, keys and values and
    what goes in and out of them; `scores` what grows with the square of the length;
    `loss` the log-probabilities; `cast_weights` autocast's copies of the matrices.
    """

    norms: int
    projections: int
    scores: int
    feed_forward: int
    loss: int
    cast_weights: int


@dataclass(frozen=True)
class TrainingMemory(Parts):
    """Bytes of a training step; `working` is what the backward pass needs beside."""

    weights: int
    gradients: int
    optimizer: int
    activations: int
    working: int

    @property
    def peak(self) -> int:
        """Estimate the most that is held at once, without accumulation.

        Gradients are made while activations are given up, so the larger of the two
        counts. `total` is the bound where gradients stay from pass to pass.
        """
        passing = max(self.gradients, self.activations + self.working)
        return self.weights + self.optimizer + passing


def norm_bytes(n_vectors: int, width: int, narrow: int = WIDE) -> int:
    """Return what an RMSNorm keeps: its float32 input, one scale each, the normed x.

    A narrow input is copied to float32 first, and its normed form is narrow again.

    Units:   bytes.
    """
    return n_vectors * ((WIDE + narrow) * width + WIDE)


def kept_by_norms(config: ModelConfig, work: Workload) -> int:
    """Return what all norms keep, those of queries and keys included, in bytes."""
    kept = norm_bytes(work.n_tokens, config.d_model) * (2 * config.n_layers + 1)
    if config.qk_norm:
        n_kv_heads, d_head = head_sizes(config)
        n_vectors = work.n_tokens * (config.n_heads + n_kv_heads) * config.n_layers
        kept += norm_bytes(n_vectors, d_head, work.narrow)
    return kept


def kept_by_projections(config: ModelConfig, work: Workload) -> int:
    """Return what the projections, the rotation and the mixing keep, in bytes.

    Autocast makes a copy of the input for each of the three products that read it.
    Plain attention multiplies keys and values that are repeated for every query head;
    the fused one reads the shared heads as they are, but keeps its result beside the
    copy of it in which the heads of a token stand side by side.
    """
    n_kv_heads, d_head = head_sizes(config)
    inputs = work.n_tokens * config.d_model * work.narrow * (3 if work.casts else 1)
    n_heads = 4 * config.n_heads  # queries, keys, values, and what is joined
    if work.fused:
        copied = min(work.length, config.n_heads) > 1
        n_heads = (2 + copied) * config.n_heads + 2 * n_kv_heads
    vectors = work.n_tokens * n_heads * d_head * work.narrow
    # A sine and a cosine of every plane, made once for queries and once for keys.
    angle = WIDE if config.qk_norm else work.narrow
    angles = 4 * work.length * (d_head // 2) * angle
    return config.n_layers * (inputs + vectors + angles)


def kept_by_scores(config: ModelConfig, work: Workload) -> int:
    """Return what grows with T * T: the weights, and the mask, in bytes.

    The fused attention keeps one number a query and head instead of the weights, but
    turns the mask of booleans into one of floats.
    """
    square = work.length**2
    masks = square * (work.batch_size if work.packed else 1)
    if work.fused:
        kept = work.n_tokens * config.n_heads * WIDE + masks * work.narrow
    else:
        kept = work.batch_size * config.n_heads * square * work.narrow + masks
    return config.n_layers * kept


def kept_by_feed_forward(config: ModelConfig, work: Workload) -> int:
    """Return what SwiGLU keeps: its input and four tensors of width F, in bytes.

    The four are w1 x, silu(w1 x), w3 x, and the product of the last two.
    """
    inputs = config.d_model * (2 if work.casts else 1)
    return config.n_layers * work.n_tokens * work.narrow * (inputs + 4 * config.d_ff)


def kept_by_loss(config: ModelConfig, work: Workload) -> int:
    """Return what head and cross-entropy keep, the ids of both ends included, in bytes.

    The logits themselves are not kept, but their log-softmax is, in float32.
    """
    numbers = config.d_model * work.narrow + config.vocab_size * WIDE
    return work.n_tokens * (numbers + 2 * INDEX)


def count_activations(config: ModelConfig, work: Workload) -> Activations:
    """Say what a forward pass keeps for the backward pass, by part, in bytes."""
    copied = count_matrices(config).total * work.narrow if work.casts else 0
    return Activations(
        norms=kept_by_norms(config, work),
        projections=kept_by_projections(config, work),
        scores=kept_by_scores(config, work),
        feed_forward=kept_by_feed_forward(config, work),
        loss=kept_by_loss(config, work),
        cast_weights=copied,
    )


def optimizer_bytes(config: ModelConfig, optimizer: str = "adamw") -> int:
    """Return what the optimizer remembers, in float32.

    AdamW keeps two running means for every parameter. "muon" is one running mean for
    the matrices of the blocks, and AdamW for all else.

    Units:   bytes.
    Raises:  ValueError if the optimizer is neither.
    """
    if optimizer not in OPTIMIZERS:
        raise ValueError(f"optimizer is {optimizer!r}; choose adamw or muon")
    blocks = count_matrices(config)
    spared = blocks.attention + blocks.feed_forward if optimizer == "muon" else 0
    return (2 * config.n_params() - spared) * WIDE


def working_bytes(config: ModelConfig, work: Workload) -> int:
    """Return what the backward pass needs beside the activations, in bytes.

    As it begins, these are the gradients of the log-probabilities and of the logits,
    each while it makes the next. When it comes to plain attention, it needs as much for
    the weights and the scores, but what the loss kept has been given up.
    """
    at_the_loss = 2 * work.n_tokens * config.vocab_size * WIDE
    if work.fused:
        return at_the_loss
    scores = work.n_tokens * work.length * config.n_heads * work.narrow
    return max(at_the_loss, 2 * scores - kept_by_loss(config, work))


def training_memory(
    config: ModelConfig, work: Workload, optimizer: str = "adamw"
) -> TrainingMemory:
    """Say what a training step holds, in bytes: weights and gradients in float32."""
    weights = count_parameters(config).total * WIDE
    return TrainingMemory(
        weights=weights,
        gradients=weights,
        optimizer=optimizer_bytes(config, optimizer),
        activations=count_activations(config, work).total,
        working=working_bytes(config, work),
    )


def cache_bytes(
    config: ModelConfig, batch_size: int, capacity: int, bytes_per_number: int = WIDE
) -> int:
    """Return what keys and values of all layers take: 2 L B K S Dh numbers.

    Chapter 6's cache keeps every position; of a sliding window the newest would do.

    Units:   bytes.
    """
    n_kv_heads, d_head = head_sizes(config)
    numbers = 2 * config.n_layers * batch_size * n_kv_heads * capacity * d_head
    return numbers * bytes_per_number


def measure_saved_bytes(
    compute: Callable[[], Tensor], parameters: Iterable[Tensor]
) -> int:
    """Run a computation and add up what PyTorch keeps for its backward pass.

    Tensors that look at the same memory count once, and parameters not at all.

    Units:   bytes.
    """
    apart = {parameter.untyped_storage().data_ptr() for parameter in parameters}
    kept: dict[int, int] = {}

    def note(saved: Tensor) -> Tensor:
        storage = saved.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return saved

    with torch.autograd.graph.saved_tensors_hooks(note, lambda saved: saved):
        result = compute()  # keeps the graph, so that no address is used twice
    found = sum(size for place, size in kept.items() if place not in apart)
    del result
    return found
