"""Alignment: let the model's own answers, sorted by the truth, teach it to prefer.

In reading order: the probability of an answer, the loss, the pairs, the run.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ch01_data.files import run_command, write_text
from ch01_data.storyworld import UNANSWERABLE
from ch02_tokenization.tokenization import Tokenizer
from ch04_transformer.transformer import Transformer
from ch05_pretraining.pretraining import (
    IGNORE,
    Batch,
    Step,
    TrainConfig,
    load_model,
    run,
)
from ch07_finetuning.evaluation import Asked, ask, exam
from ch07_finetuning.finetuning import exchange, question_prompt, render_chat

PAIR_SEED = 2_000_000  # other stories than those of pretraining and fine-tuning


def sequence_log_probs(model: nn.Module, batch: Batch) -> Tensor:
    """Return the log-probability of each row's counted targets, summed.

    Shape:   (B,).
    Units:   nats.
    """
    logits = model(batch.tokens).float()  # (B, T, V)
    surprise = F.cross_entropy(
        logits.transpose(1, 2), batch.targets, reduction="none", ignore_index=IGNORE
    )  # (B, T)
    return -surprise.sum(dim=1)  # (B,)


def dpo_loss(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    beta: float = 0.1,
) -> tuple[Tensor, Tensor, Tensor]:
    """Reward what the policy now prefers more than its reference did.

    Shape:   four log-probabilities (B,)  ->  mean loss (scalar), chosen rewards (B,),
             rejected rewards (B,).
    Source:  Rafailov et al. 2023, eq. 7.
    """
    chosen_rewards = beta * (policy_chosen - reference_chosen)  # (B,)
    rejected_rewards = beta * (policy_rejected - reference_rejected)  # (B,)
    loss = -F.logsigmoid(chosen_rewards - rejected_rewards).mean()
    return loss, chosen_rewards.detach(), rejected_rewards.detach()


class Pair(NamedTuple):
    """Two answers to one question: the world says which is better."""

    story: str
    question: str
    chosen: str
    rejected: str


def preference_pairs(asked: Sequence[Asked]) -> list[Pair]:
    """Pair right with wrong answers that the model itself gave to the same question.

    Three lessons in one rule: right beats wrong, admitting beats inventing where the
    story does not say, and an answer beats a false refusal where it does. A question
    that was always or never answered rightly teaches nothing.
    """
    given = defaultdict(set)
    for each in asked:
        given[each.story, each.question].add(each.answer)
    pairs = []
    for (story, question), answers in given.items():
        for wrong in sorted(answers - {question.answer}):
            if question.answer in answers:
                pairs.append(Pair(story, question.text, question.answer, wrong))
    return pairs


LESSONS = ("right over wrong", "admitted over invented", "answer over refusal")


def lesson(pair: Pair) -> str:
    """Name what a pair teaches."""
    if pair.chosen == UNANSWERABLE:
        return "admitted over invented"
    if pair.rejected == UNANSWERABLE:
        return "answer over refusal"
    return "right over wrong"


def pair_counts(pairs: Sequence[Pair]) -> dict[str, int]:
    """Count the pairs by what they teach."""
    counts = dict.fromkeys(LESSONS, 0)
    for pair in pairs:
        counts[lesson(pair)] += 1
    return counts


def balance(pairs: Sequence[Pair]) -> list[Pair]:
    """Keep as many pairs for refusing as against it.

    Otherwise the easiest way to please most pairs is to refuse more often, or less
    often, whatever the story says.
    """
    counts = pair_counts(pairs)
    most = min(counts["admitted over invented"], counts["answer over refusal"])
    kept, taken = [], dict.fromkeys(LESSONS, 0)
    for pair in pairs:
        taken[lesson(pair)] += 1
        if lesson(pair) == "right over wrong" or taken[lesson(pair)] <= most:
            kept.append(pair)
    return kept


class PreferenceBatch(NamedTuple):
    """B/2 chosen rows, then their B/2 rejected ones, and the reference's opinion.

    tokens and targets (B, T), reference log-probabilities (B,).
    """

    tokens: Tensor
    targets: Tensor
    reference: Tensor


class PreferenceRows:
    """Pairs as padded rows, with the reference's log-probabilities computed once."""

    def __init__(
        self, pairs: Sequence[Pair], tokenizer: Tokenizer, reference: Transformer
    ) -> None:
        texts = [(p, p.chosen) for p in pairs] + [(p, p.rejected) for p in pairs]
        rendered = [self._render(pair, answer, tokenizer) for pair, answer in texts]
        width = max(len(ids) for ids, _ in rendered) - 1
        shape = (len(rendered), width)
        self.tokens = np.full(shape, tokenizer.end_of_text_id, dtype=np.int64)
        self.targets = np.full(shape, IGNORE, dtype=np.int64)
        for row, (ids, said) in enumerate(rendered):
            self.tokens[row, : len(ids) - 1] = ids[:-1]
            self.targets[row, : len(ids) - 1] = np.where(said[1:], ids[1:], IGNORE)
        self.reference = self._opinions(reference)

    @staticmethod
    def _render(pair: Pair, answer: str, tokenizer: Tokenizer) -> tuple:
        """Write one answer as a conversation: ids and which of them were said."""
        messages = exchange(pair.story, pair.question, answer)
        ids, said = render_chat(messages, tokenizer)
        return np.array(ids), np.array(said)

    @torch.no_grad()
    def _opinions(self, reference: Transformer) -> np.ndarray:
        """Ask the reference once about every row: (2 * pairs,)."""
        parts = []
        for start in range(0, len(self.tokens), 64):
            rows = slice(start, start + 64)
            batch = Batch(
                torch.from_numpy(self.tokens[rows]),
                torch.from_numpy(self.targets[rows]),
            )
            parts.append(sequence_log_probs(reference, batch))
        return torch.cat(parts).float().numpy()

    def __len__(self) -> int:
        return len(self.tokens) // 2

    def rows(self, indices: Sequence[int]) -> tuple[np.ndarray, ...]:
        """Return tokens, targets and reference log-probabilities, chosen half first."""
        both = [*indices, *(index + len(self) for index in indices)]
        return self.tokens[both], self.targets[both], self.reference[both]


def preference_loss_fn(beta: float) -> Callable[[nn.Module, PreferenceBatch], Tensor]:
    """Return the loss function that `train` calls with a preference batch."""

    def loss_fn(model: nn.Module, batch: PreferenceBatch) -> Tensor:
        policy = sequence_log_probs(model, batch).chunk(2)
        loss, _, _ = dpo_loss(*policy, *batch.reference.chunk(2), beta=beta)
        return loss

    return loss_fn


@dataclass(frozen=True)
class AlignConfig(TrainConfig):
    """Everything that decides an alignment run: `base` is a fine-tuning folder."""

    out: str = "runs/default/dpo"
    base: str = "runs/default/sft"
    tokenizer: str = "runs/default/tokenizer"
    n_stories: int = 150
    samples: int = 4
    temperature: float = 1.0
    beta: float = 0.1
    steps: int = 80
    batch_size: int = 16
    peak_lr: float = 5e-5
    min_lr: float = 5e-6
    warmup_steps: int = 10
    weight_decay: float = 0.0
    compile: str = "off"
    checkpoint_every: int = 40

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_stories < 1:
            raise ValueError(f"n_stories is {self.n_stories}; it must be positive")
        if self.samples < 2:
            raise ValueError(
                f"samples is {self.samples}; a right and a wrong answer to the same "
                "question need at least 2"
            )
        for name in ("temperature", "beta"):
            if not getattr(self, name) > 0:
                raise ValueError(
                    f"{name} is {getattr(self, name)}; it must be positive"
                )


def sample_pairs(
    model: Transformer, tokenizer: Tokenizer, config: AlignConfig
) -> list[Pair]:
    """Let the model answer every question several times and pair the answers."""
    questions = exam(config.n_stories, config.seed + PAIR_SEED, "train")
    asked = ask(
        model,
        tokenizer,
        [question for question in questions for _ in range(config.samples)],
        question_prompt(tokenizer),
        stop={tokenizer.special_id("<|end|>")},
        temperature=config.temperature,
        generator=torch.Generator().manual_seed(config.seed),
    )
    return balance(preference_pairs(asked))


def read_pairs(path: str | Path) -> list[Pair]:
    """Read pairs from the JSONL file that `align` keeps beside its checkpoints."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return [Pair(**json.loads(line)) for line in lines]


def align(
    config: AlignConfig,
    callbacks: Sequence[Callable[[Step, nn.Module], None]] = (),
) -> Transformer:
    """Run, or go on with, the alignment that the config describes.

    Raises:  ValueError if the tuned model is missing, or gives no pair to learn from.
    """
    tokenizer, reference = Tokenizer.load(config.tokenizer), load_model(config.base)
    path = Path(config.out) / "pairs.jsonl"
    kept = path.exists()
    pairs = read_pairs(path) if kept else sample_pairs(reference, tokenizer, config)
    if len(pairs) < config.batch_size:
        raise ValueError(
            f"{config.base} gave only {len(pairs)} pairs of a right and a wrong "
            f"answer, a batch needs {config.batch_size}; sample more stories"
        )
    if not kept:
        write_text(path, "".join(json.dumps(pair._asdict()) + "\n" for pair in pairs))
    rows = PreferenceRows(pairs, tokenizer, reference)
    torch.manual_seed(config.seed)
    return run(
        config,
        load_model(config.base),
        rows,
        loss_fn=preference_loss_fn(config.beta),
        batch_type=PreferenceBatch,
        callbacks=callbacks,
    )


def main(argv: list[str] | None = None) -> int:
    """Align a tuned model with DPO on its own answers, or go on with a stopped run."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    defaults = {f.name: f.default for f in fields(AlignConfig)}
    for name in ("base", "tokenizer", "out", "precision"):
        parser.add_argument(f"--{name}", default=defaults[name])
    for name in ("n_stories", "samples", "steps", "batch_size", "seed"):
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, type=int, default=defaults[name])
    for name in ("beta", "temperature", "peak_lr"):
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, type=float, default=defaults[name])
    args = vars(parser.parse_args(argv))
    return run_command(lambda: align(AlignConfig(**args)))


if __name__ == "__main__":
    raise SystemExit(main())
