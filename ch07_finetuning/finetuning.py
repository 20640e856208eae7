"""Fine-tuning: teach a model that continues text to answer in a conversation.

In reading order: the chat form, which tokens carry loss, the conversations, the run.
"""

import argparse
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import nn

from ch01_data.files import run_command
from ch01_data.storyworld import Story, generate
from ch02_tokenization.shards import pack
from ch02_tokenization.tokenization import Tokenizer
from ch04_transformer.transformer import Transformer
from ch05_pretraining.pretraining import IGNORE, Step, TrainConfig, load_model, run

TUNING_SEED = 1_000_000  # other stories than those of the base corpus
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


def question_prompt(tokenizer: Tokenizer) -> Callable[[str, str], list[int]]:
    """Return the function that turns a story and a question into a chat prompt."""

    def prompt(story: str, question: str) -> list[int]:
        message = {"role": "user", "content": first_message(story, question)}
        return chat_prompt([message], tokenizer)

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


class ChatRows:
    """Conversations packed into rows, with loss on the responses alone."""

    def __init__(
        self,
        conversations: Iterable[Sequence[dict[str, str]]],
        tokenizer: Tokenizer,
        context_length: int,
        seed: int = 0,
    ) -> None:
        self.end, self.context_length = tokenizer.end_of_text_id, context_length
        rendered = [render_chat(messages, tokenizer) for messages in conversations]
        self.chats = [pair for pair in rendered if len(pair[0]) <= context_length]
        if not self.chats:
            raise ValueError(
                f"no conversation fits into a context of {context_length} tokens; "
                "use a longer context"
            )
        sizes = np.array([len(ids) for ids, _ in self.chats])
        opens = np.zeros(len(sizes), dtype=bool)  # no conversation continues another
        rng = np.random.default_rng(seed)
        self.packed = pack(sizes, opens, context_length, rng)

    def __len__(self) -> int:
        return len(self.packed)

    def rows(self, indices: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Return tokens and targets, (n, context_length) each; -100 where no loss."""
        shape = (len(indices), self.context_length)
        tokens = np.full(shape, self.end, dtype=np.int64)
        targets = np.full(shape, IGNORE, dtype=np.int64)
        for row, index in enumerate(indices):
            start = 0
            for chat in self.packed[index]:
                ids, said = (np.array(part) for part in self.chats[chat])
                stop = start + len(ids)
                tokens[row, start:stop] = ids
                targets[row, start : stop - 1] = np.where(said[1:], ids[1:], IGNORE)
                start = stop
        return tokens, targets


@dataclass(frozen=True)
class FinetuneConfig(TrainConfig):
    """Everything that decides a fine-tuning run: `base` is a pretraining folder."""

    out: str = "runs/default/sft"
    base: str = "runs/default/pretrain"
    tokenizer: str = "runs/default/tokenizer"
    n_stories: int = 6000
    steps: int = 400
    peak_lr: float = 2e-3
    min_lr: float = 1e-4
    warmup_steps: int = 20
    checkpoint_every: int = 100


def finetune(
    config: FinetuneConfig,
    callbacks: Sequence[Callable[[Step, nn.Module], None]] = (),
) -> Transformer:
    """Run, or go on with, the fine-tuning that the config describes.

    Raises:  ValueError if the base model or the tokenizer is missing or damaged.
    """
    tokenizer, model = Tokenizer.load(config.tokenizer), load_model(config.base)
    order = random.Random(config.seed)
    stories = generate(config.n_stories, config.seed + TUNING_SEED, "train")
    chats = [conversation(story, order) for story in stories]
    rows = ChatRows(chats, tokenizer, model.config.context_length, config.seed)
    torch.manual_seed(config.seed)
    return run(config, model, rows, callbacks=callbacks)


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
