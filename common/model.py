"""The assembled system: every part of the book behind one small door.

This file defines no layer of its own. It names the sizes that the book trains, and
wraps a model and its tokenizer for those who want text in and text out.
"""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import torch

from ch02_tokenization.tokenization import Tokenizer
from ch04_transformer.pretrained import load_pretrained, save_pretrained
from ch04_transformer.transformer import ModelConfig, Transformer
from ch06_generation import generation
from ch07_finetuning.finetuning import CHAT_TEMPLATE, chat_prompt
from ch07_finetuning.templates import ChatForm, read_chat_form

# Shapes by name; the tokenizer decides vocab_size. `tiny` is what two cores train.
PRESETS: dict[str, dict] = {
    "quick": dict(d_model=96, n_layers=3, n_heads=2, d_ff=256, context_length=384),
    "tiny": dict(d_model=128, n_layers=4, n_heads=2, d_ff=352, context_length=384),
}


def build(preset: str, vocab_size: int) -> Transformer:
    """Build a fresh model of a named size.

    Raises:  ValueError if there is no preset of that name.
    """
    if preset not in PRESETS:
        known = ", ".join(PRESETS)
        raise ValueError(f"there is no preset {preset!r}; choose one of {known}")
    return Transformer(ModelConfig(vocab_size=vocab_size, **PRESETS[preset]))


class LLM:
    """A trained model and its tokenizer: strings in, strings out.

    `form` is how a model from elsewhere is spoken to; None is the manner of this book.
    """

    def __init__(
        self, model: Transformer, tokenizer: Tokenizer, form: ChatForm | None = None
    ) -> None:
        self.model, self.tokenizer, self.form = model.eval(), tokenizer, form

    @classmethod
    def load(cls, dir: str | Path) -> "LLM":
        """Open a model folder in the Hugging Face layout.

        Raises:  ValueError if a file is missing or damaged.
        """
        return cls(load_pretrained(dir), Tokenizer.load(dir), read_chat_form(dir))

    def save_pretrained(self, dir: str | Path) -> None:
        """Write config, weights, tokenizer and chat template to a folder.

        A model from elsewhere keeps the files that lay beside it.
        """
        if self.form is None:
            save_pretrained(self.model, dir, self.tokenizer, CHAT_TEMPLATE)
        else:
            save_pretrained(self.model, dir, beside=self.form.folder)

    def generate(
        self,
        prompt: str,
        stop: Sequence[str] = (),
        *,
        max_new_tokens: int = 200,
        seed: int | None = None,
        **sampling: float | int | None,
    ) -> str:
        """Continue a text until the document ends or a stop string is met.

        Raises:  ValueError if the prompt does not fit or a setting is out of range.
        """
        ids = self.tokenizer.encode(prompt, allowed_special=set())
        ids = [self.tokenizer.end_of_text_id, *ids]
        ends = {self.tokenizer.end_of_text_id}
        pieces = self._pieces(ids, ends, max_new_tokens, seed, sampling)
        return "".join(until(pieces, stop))

    def chat(
        self, messages: Sequence[dict[str, str]], **options: float | int | None
    ) -> str:
        """Answer the last message of a conversation.

        Raises:  ValueError if a role is unknown or the conversation does not fit.
        """
        return "".join(self.stream(messages, **options))

    def prompt(self, messages: Sequence[dict[str, str]]) -> list[int]:
        """Write a conversation as this model was taught, its own turn opened.

        Raises:  ValueError if a role is unknown, or the template refuses it.
        """
        if self.form is None:
            return chat_prompt(messages, self.tokenizer)
        return self.form.prompt(messages, self.tokenizer)

    def stream(
        self,
        messages: Sequence[dict[str, str]],
        *,
        max_new_tokens: int = 200,
        seed: int | None = None,
        **sampling: float | int | None,
    ) -> Iterator[str]:
        """Answer as `chat` does, and yield the text as it is made."""
        if self.form is None:
            ends = {self.tokenizer.special_id("<|end|>")}
        else:
            ends = self.form.ends
        ids = self.prompt(messages)
        return self._pieces(ids, ends, max_new_tokens, seed, sampling)

    def _pieces(
        self,
        ids: list[int],
        ends: Collection[int],
        limit: int,
        seed: int | None,
        sampling: dict,
    ) -> Iterator[str]:
        """Yield text from token ids up to an end token."""
        generator = None
        if seed is not None:
            generator = torch.Generator().manual_seed(seed)
        return generation.stream(
            self.model,
            self.tokenizer,
            ids,
            max_new_tokens=limit,
            stop=ends,
            generator=generator,
            **sampling,
        )


def until(pieces: Iterator[str], stop: Sequence[str]) -> Iterator[str]:
    """Yield text up to the first stop string, even if it spans two pieces."""
    text, given = "", 0
    longest = max(map(len, stop), default=1)
    for piece in pieces:
        text += piece
        found = [text.find(s) for s in stop if s in text]
        if found:
            yield text[given : min(found)]
            return
        safe = len(text) - longest + 1
        if safe > given:
            yield text[given:safe]
            given = safe
    yield text[given:]
