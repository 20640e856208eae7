"""Fine-tuning: teach a model that continues text to answer in a conversation.

In reading order: the chat form, which tokens carry loss, the conversations, the run.
"""

import argparse
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ch01_data.files import run_command
from ch01_data.storyworld import Story, generate
from ch02_tokenization.shards import pack
from ch02_tokenization.tokenization import Tokenizer
from ch04_transformer.transformer import Transformer
from ch05_pretraining.pretraining import IGNORE, Step, TrainConfig, load_model, run

TUNING_SEED = 1_000_000  # other stories than those of the base corpus
BRANCHES = 256  # more than the questions about any story
ROLES = ("system", "user", "assistant")
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def render_chat(
    messages: Sequence[dict[str, str]], tokenizer: Tokenizer
) -> tuple[list[int], list[bool]]:
    """Write a conversation as tokens, and mark those that the model itself must say.

    A response's end token is marked too: the model must learn to stop. Text that looks
    like a special token stays text.

    Raises:  ValueError if a role is unknown.
    """
    special = tokenizer.special_tokens
    ids, loss_mask = [tokenizer.end_of_text_id], [False]
    for message in messages:
        if message["role"] not in ROLES:
            raise ValueError(f"role {message['role']!r} is none of {', '.join(ROLES)}")
        content = tokenizer.encode(message["content"], allowed_special=set())
        said = [*content, special["<|end|>"]]
        ids += [special[f"<|{message['role']}|>"], *said]
        loss_mask += [False] + [message["role"] == "assistant"] * len(said)
    return ids, loss_mask


def chat_prompt(messages: Sequence[dict[str, str]], tokenizer: Tokenizer) -> list[int]:
    """Write a conversation and open the assistant's turn."""
    ids, _ = render_chat(messages, tokenizer)
    return [*ids, tokenizer.special_tokens["<|assistant|>"]]


def first_message(story: str, question: str) -> str:
    """Put a question about a story in one user message."""
    return f"{story}\n\n{question}"


def exchange(story: str, question: str, answer: str) -> list[dict[str, str]]:
    """Make a conversation of one question about a story and its answer."""
    return [
        {"role": "user", "content": first_message(story, question)},
        {"role": "assistant", "content": answer},
    ]


def question_prompt(tokenizer: Tokenizer) -> Callable[[str, str], list[int]]:
    """Return the function that turns a story and a question into a chat prompt."""

    def prompt(story: str, question: str) -> list[int]:
        return chat_prompt(exchange(story, question, "")[:1], tokenizer)

    return prompt


def conversation(story: Story, order: random.Random) -> list[dict[str, str]]:
    """Ask everything about a story, in random order, and answer truly.

    The story is told once, in the first message; later questions build on it.
    """
    questions = order.sample(story.questions, len(story.questions))
    messages = []
    for turn, question in enumerate(questions):
        text = question.text if turn else first_message(story.text, question.text)
        messages.append({"role": "user", "content": text})
        messages.append({"role": "assistant", "content": question.answer})
    return messages


class Chat(NamedTuple):
    """A conversation ready for training; four integer arrays of one length.

    `targets` are shifted, -100 where there is no loss. `branches` says which tokens
    belong to the trunk that all see (0), and which to a branch of their own.
    """

    ids: np.ndarray
    targets: np.ndarray
    positions: np.ndarray
    branches: np.ndarray


def shift(ids: Sequence[int], said: Sequence[bool]) -> list[int]:
    """Give each token the next one as its target where that one was said."""
    pairs = zip(ids[1:], said[1:], strict=True)
    return [token if loss else IGNORE for token, loss in pairs] + [IGNORE]


def render_turns(
    messages: Sequence[dict[str, str]], tokenizer: Tokenizer, room: int
) -> Chat | None:
    """Render as many whole turns of a conversation as fit; None if not one does."""
    ids, said = render_chat(messages, tokenizer)
    end = tokenizer.special_id("<|end|>")
    for length in range(min(len(ids), room), 0, -1):
        if ids[length - 1] == end and said[length - 1]:
            targets = shift(ids[:length], said[:length])
            branches = np.zeros(length, dtype=np.int64)
            places = np.arange(length)
            return Chat(np.array(ids[:length]), np.array(targets), places, branches)
    return None


def render_branches(
    story: Story, order: random.Random, tokenizer: Tokenizer, room: int
) -> Chat | None:
    """Ask many questions about a story, each as if it were the only one.

    The story is the trunk; a question and its answer are a branch that sees the trunk
    and itself, and stands where it would stand alone. In a plain conversation the
    earlier questions betray what is in the story, and the model learns from them
    instead of reading.
    """
    head = tokenizer.encode(first_message(story.text, ""), allowed_special=set())
    trunk = [tokenizer.end_of_text_id, tokenizer.special_id("<|user|>"), *head]
    ids, targets = list(trunk), [IGNORE] * len(trunk)
    positions, branches = list(range(len(trunk))), [0] * len(trunk)
    for question in order.sample(story.questions, len(story.questions)):
        messages = exchange(story.text, question.text, question.answer)
        alone, said = render_chat(messages, tokenizer)
        if alone[: len(trunk)] != trunk or len(ids) + len(alone) - len(trunk) > room:
            break
        ids += alone[len(trunk) :]
        targets += shift(alone, said)[len(trunk) :]
        positions += range(len(trunk), len(alone))
        branches += [branches[-1] + 1] * (len(alone) - len(trunk))
    if len(ids) == len(trunk):
        return None
    return Chat(*map(np.array, (ids, targets, positions, branches)))


class ChatBatch(NamedTuple):
    """A Batch whose tokens also have positions, and a segment; all (B, T), int64.

    A segment is the chat's number in its row times BRANCHES, plus the branch.
    """

    tokens: Tensor
    targets: Tensor
    positions: Tensor
    segments: Tensor


def segment_mask(segments: Tensor) -> Tensor:
    """Let each token see its own branch and the trunk of its own chat.

    Shape:   (B, T)  ->  (B, 1, T, T), bool, True = may attend.
    """
    query, key = segments[:, :, None], segments[:, None, :]
    same_chat = query // BRANCHES == key // BRANCHES  # (B, T, T)
    visible = (key % BRANCHES == 0) | (key == query)  # (B, T, T)
    return (same_chat & visible)[:, None]  # (B, 1, T, T)


def counted_loss(hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    """Average the surprise at counted targets, asking the head about those alone.

    Most of a chat is the story and its questions, which need no logits.

    Shape:   hidden (B, T, D), head (V, D), targets (B, T)  ->  scalar.
    Units:   nats per counted token.
    """
    counted = (targets.flatten() != IGNORE).nonzero().squeeze(1)
    said = hidden.flatten(0, 1).index_select(0, counted)
    logits = F.linear(said, head).float()
    return F.cross_entropy(logits, targets.flatten()[counted])


def chat_loss(
    model: nn.Module,
    batch: ChatBatch,
    average: Callable[[Tensor, Tensor, Tensor], Tensor] = counted_loss,
) -> Tensor:
    """Average the surprise at each response token.

    Shape:   scalar.
    Units:   nats per response token.
    """
    mask = segment_mask(batch.segments)
    hidden = model.hidden(batch.tokens, positions=batch.positions, mask=mask)
    return average(hidden, model.output_weight(), batch.targets)


class ChatRows:
    """Chats packed into rows of one length.

    Raises:  ValueError if no chat fits.
    """

    def __init__(
        self,
        chats: Iterable[Chat | None],
        context_length: int,
        end_of_text_id: int,
        seed: int = 0,
    ) -> None:
        self.end, self.context_length = end_of_text_id, context_length
        self.chats = [chat for chat in chats if chat is not None]
        if not self.chats:
            raise ValueError(
                f"no conversation fits into a context of {context_length} tokens; "
                "use a longer context"
            )
        sizes = np.array([len(chat.ids) for chat in self.chats])
        opens = np.zeros(len(sizes), dtype=bool)  # no conversation continues another
        rng = np.random.default_rng(seed)
        self.packed = pack(sizes, opens, context_length, rng)

    def __len__(self) -> int:
        return len(self.packed)

    def rows(self, indices: Sequence[int]) -> tuple[np.ndarray, ...]:
        """Return tokens, targets, positions and segments, (n, context_length) each."""
        fill = (self.end, IGNORE, 0, -BRANCHES)
        shape = (len(indices), self.context_length)
        arrays = tuple(np.full(shape, value, dtype=np.int64) for value in fill)
        for row, index in enumerate(indices):
            start = 0
            for number, place in enumerate(self.packed[index]):
                chat = self.chats[place]
                stop = start + len(chat.ids)
                segments = number * BRANCHES + chat.branches
                for array, part in zip(arrays, (*chat[:3], segments), strict=True):
                    array[row, start:stop] = part
                start = stop
        return arrays


@dataclass(frozen=True)
class FinetuneConfig(TrainConfig):
    """Everything that decides a fine-tuning run: `base` is a pretraining folder.

    `turns_share` of the stories become conversations of several turns.
    """

    out: str = "runs/default/sft"
    base: str = "runs/default/pretrain"
    tokenizer: str = "runs/default/tokenizer"
    n_stories: int = 10_000
    turns_share: float = 0.1
    steps: int = 800
    peak_lr: float = 4e-3
    min_lr: float = 1e-4
    warmup_steps: int = 20
    checkpoint_every: int = 200

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_stories < 1:
            raise ValueError(f"n_stories is {self.n_stories}; it must be positive")
        if not 0 <= self.turns_share <= 1:
            raise ValueError(
                f"turns_share is {self.turns_share}; it must be between 0 and 1"
            )


def finetune(
    config: FinetuneConfig,
    callbacks: Sequence[Callable[[Step, nn.Module], None]] = (),
) -> Transformer:
    """Run, or go on with, the fine-tuning that the config describes.

    Raises:  ValueError if the base model or the tokenizer is missing or damaged.
    """
    tokenizer, model = Tokenizer.load(config.tokenizer), load_model(config.base)
    rows = tuning_rows(config, tokenizer, model.config.context_length)
    # Not to be compiled: how many tokens are counted differs from batch to batch.
    average = torch.compiler.disable(counted_loss)
    torch.manual_seed(config.seed)
    return run(
        config,
        model,
        rows,
        loss_fn=partial(chat_loss, average=average),
        batch_type=ChatBatch,
        callbacks=callbacks,
    )


def tuning_rows(
    config: FinetuneConfig, tokenizer: Tokenizer, context_length: int
) -> ChatRows:
    """Draw stories and make chats of them, some of them with several turns."""
    order, chats = random.Random(config.seed), []
    for story in generate(config.n_stories, config.seed + TUNING_SEED, "train"):
        if order.random() < config.turns_share:
            messages = conversation(story, order)
            chats.append(render_turns(messages, tokenizer, context_length))
        else:
            chats.append(render_branches(story, order, tokenizer, context_length))
    return ChatRows(chats, context_length, tokenizer.end_of_text_id, config.seed)


def main(argv: list[str] | None = None) -> int:
    """Fine-tune a pretrained model on conversations, or go on with a stopped run."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    defaults = {f.name: f.default for f in fields(FinetuneConfig)}
    for name in ("base", "tokenizer", "out", "precision", "compile"):
        parser.add_argument(f"--{name}", default=defaults[name])
    for name in ("n_stories", "steps", "batch_size", "seed"):
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, type=int, default=defaults[name])
    parser.add_argument("--peak-lr", type=float, default=defaults["peak_lr"])
    args = vars(parser.parse_args(argv))
    return run_command(lambda: finetune(FinetuneConfig(**args)))


if __name__ == "__main__":
    raise SystemExit(main())
