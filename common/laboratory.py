"""A small laboratory: variants of a model or of its text, trained alike.

What differs between two variants is what was put there to differ; corpus, tokenizer,
shape, steps and seeds are the same.
"""

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from tqdm import tqdm

from ch01_data.measured import spread
from ch01_data.storyworld import generate
from ch02_tokenization.packing import tightest
from ch02_tokenization.shards import PackedRows, encode_corpus
from ch02_tokenization.tokenization import SPECIAL_TOKENS, Tokenizer, train_bpe
from ch04_transformer.transformer import ModelConfig, Transformer
from ch05_pretraining.machine import choose_precision, has_compiler
from ch05_pretraining.optimizers import build_optimizer
from ch05_pretraining.pretraining import (
    BatchStream,
    LossFunction,
    bits_per_byte,
    cosine_schedule,
    next_token_loss,
    train,
)
from common.model import PRESETS

SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Laboratory:
    """A small corpus in memory, on which variants are trained alike."""

    tokenizer: Tokenizer
    rows: PackedRows
    texts: list[str]
    config: ModelConfig

    @classmethod
    def open(cls, n_stories: int = 8000, **shape: int) -> "Laboratory":
        """Generate, tokenize and pack the corpus; `shape` changes the model's."""
        documents = [story.document for story in generate(n_stories, 0, "train")]
        tokenizer = train_bpe(documents[:4000], 2048, SPECIAL_TOKENS)
        texts = [story.document for story in generate(200, 0, "validation")]
        return cls.of(documents, tokenizer, texts, **shape)

    @classmethod
    def of(
        cls,
        documents: Iterable[str],
        tokenizer: Tokenizer,
        texts: list[str],
        **shape: int,
    ) -> "Laboratory":
        """Pack documents to train on; `texts` are those that losses are measured on."""
        sizes = {**PRESETS["quick"], **shape}
        config = ModelConfig(vocab_size=tokenizer.vocab_size, **sizes)
        with tempfile.TemporaryDirectory() as folder:
            shard = encode_corpus(documents, tokenizer, Path(folder) / "train")
            end = tokenizer.end_of_text_id
            rows = PackedRows(shard, config.context_length, end, packer=tightest)
        return cls(tokenizer, rows, texts, config)

    def loss(
        self, make: Callable[[ModelConfig], Transformer], seed: int, **options: object
    ) -> float:
        """Train one variant and return its validation loss in bits per byte."""
        model = self.trained(make, seed, **options)
        return bits_per_byte(model, self.tokenizer, self.texts)

    def losses(
        self,
        make: Callable[[ModelConfig], Transformer],
        seeds: Sequence[int] = SEEDS,
        **options: object,
    ) -> dict:
        """Train one variant with each seed and return the spread of its losses."""
        return spread([self.loss(make, seed, **options) for seed in seeds])

    def trained(
        self,
        make: Callable[[ModelConfig], Transformer],
        seed: int,
        *,
        steps: int = 300,
        peak_lr: float = 5e-3,
        matrices: str = "muon",
        apart: bool = True,
        batch_size: int = 8,
        wrap: Callable[[LossFunction], LossFunction] | None = None,
        compiled: bool = True,
    ) -> Transformer:
        """Train one variant; `apart`: a token sees its own document alone.

        `wrap` makes another loss of the usual one.
        """
        torch.manual_seed(seed)
        model = make(self.config)
        optimizer = build_optimizer(
            model, lr=peak_lr, weight_decay=0.05, matrices=matrices
        )
        stream = BatchStream(self.rows, batch_size=batch_size, seed=seed)

        def lr_at(step: int) -> float:
            return cosine_schedule(
                step,
                peak_lr=peak_lr,
                min_lr=peak_lr / 20,
                warmup_steps=30,
                total_steps=steps,
            )

        end = self.tokenizer.end_of_text_id if apart else None
        loss_fn = partial(next_token_loss, end_of_text_id=end)
        loss_fn = wrap(loss_fn) if wrap else loss_fn
        if compiled and has_compiler():
            torch.compiler.reset()  # what was compiled for the variant before
            loss_fn = torch.compile(loss_fn, dynamic=False)
        records = train(
            model,
            stream,
            optimizer,
            lr_at=lr_at,
            steps=steps,
            loss_fn=loss_fn,
            precision=choose_precision(),
        )
        for _ in tqdm(records, total=steps, leave=False):
            pass
        return model
