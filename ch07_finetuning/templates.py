"""Chat templates: how a model from elsewhere wants a conversation to be written.

This book writes conversations token by token (`finetuning.render_chat`). Published
models bring a template instead, a small program in the language Jinja, which writes one
long text with the special tokens spelled out in it. The program comes from strangers:
it runs in a sandbox that shows it the messages and nothing else of this machine.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ch01_data.files import run_command
from ch02_tokenization.tokenization import Tokenizer
from ch04_transformer.companions import (
    read_chat_template,
    read_end_ids,
    read_token_names,
)
from ch07_finetuning.finetuning import CHAT_TEMPLATE

# Unicode keeps this character free for use inside a program: no text holds it.
GUARD = "\ufdd0"


@dataclass(frozen=True)
class ChatForm:
    """How one model's conversations are written, and which tokens end its answers.

    `names` says what the template means by bos_token, eos_token and the like.
    """

    template: str
    names: Mapping[str, str]
    ends: frozenset[int]
    folder: Path

    def render(self, messages: Sequence[dict]) -> str:
        """Write a conversation as text, and open the assistant's turn.

        Raises:  ValueError if the template is wrong or refuses the conversation.
        """
        values = dict(self.names, messages=messages, tools=None, documents=None)
        try:
            template = template_language().from_string(self.template)
            return template.render(values, add_generation_prompt=True)
        except (TemplateError, TypeError) as error:
            raise ValueError(
                f"the chat template in {self.folder} refuses this conversation: {error}"
            ) from error

    def prompt(self, messages: Sequence[dict], tokenizer: Tokenizer) -> list[int]:
        """Write a conversation as tokens, and open the assistant's turn.

        What looks like a special token in a message stays text: a guard stands within
        it while the template runs, and the text is cut there before it is encoded.

        Raises:  ValueError if the template is wrong or refuses the conversation.
        """
        guarded = [
            {key: guard(value, tokenizer) for key, value in message.items()}
            for message in messages
        ]
        parts = self.render(guarded).split(GUARD)
        return [i for part in parts for i in tokenizer.encode(part)]


def guard(value: object, tokenizer: Tokenizer) -> object:
    """Put a guard behind the first letter of every special token in a text."""
    if not isinstance(value, str):
        return value
    value = value.replace(GUARD, "")
    for name in sorted(tokenizer.special_tokens, key=len, reverse=True):
        value = value.replace(name, name[0] + GUARD + name[1:])
    return value


def template_language() -> ImmutableSandboxedEnvironment:
    """Make the dialect of Jinja that chat templates are written in.

    Source:  the documentation of transformers, "Writing a chat template".
    """
    language = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    language.filters["tojson"] = partial(json.dumps, ensure_ascii=False)
    language.globals["raise_exception"] = refuse
    language.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    return language


def refuse(message: str) -> None:
    """Let a template say that a conversation is not of its kind.

    Raises:  TemplateError, always.
    """
    raise TemplateError(message)


def read_chat_form(dir: str | Path) -> ChatForm | None:
    """Read how a folder's model is spoken to; None if in the manner of this book.

    That holds for a template of this book, and where there is none.

    Raises:  ValueError if a file is damaged.
    """
    dir = Path(dir)
    template = read_chat_template(dir)
    if template in (None, CHAT_TEMPLATE):
        return None
    return ChatForm(template, read_token_names(dir), read_end_ids(dir), dir)


def main(argv: list[str] | None = None) -> int:
    """Write one question in the form that a folder's model was taught."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", default="runs/default/model", help="model folder")
    parser.add_argument("--ask", default="Who found the key?", help="the question")
    args = parser.parse_args(argv)

    def show() -> None:
        form = read_chat_form(args.model)
        if form is None:
            print(f"{args.model} is spoken to in the manner of this book (chapter 7)")
        else:
            print(form.render([{"role": "user", "content": args.ask}]))

    return run_command(show)


if __name__ == "__main__":
    raise SystemExit(main())
