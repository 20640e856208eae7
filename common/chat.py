"""Talk with a trained model in the terminal."""

import argparse
from pathlib import Path

from ch01_data.files import run_command
from ch01_data.storyworld import generate
from ch07_finetuning.finetuning import first_message
from common.model import LLM

HELP = "Type a question about the story. /story: another story, /text: your own, /quit."


def fit(llm: LLM, messages: list[dict[str, str]], room: int) -> list[dict[str, str]]:
    """Drop the oldest questions until the conversation leaves room for an answer.

    The story, which stands in the first message, is kept.

    Raises:  ValueError if the story alone is too long.
    """
    limit = llm.model.config.context_length - room
    while len(llm.prompt(messages)) > limit:
        if len(messages) < 3:
            raise ValueError(
                f"the story and the question are longer than {limit} tokens; "
                "choose a shorter story"
            )
        story = messages[0]["content"].rsplit("\n\n", 1)[0]
        question = messages[2]["content"]
        messages = [
            {"role": "user", "content": first_message(story, question)},
            *messages[3:],
        ]
    return messages


def chat(llm: LLM, seed: int, temperature: float) -> None:
    """Tell a story, then answer questions until the reader leaves."""
    number, story, messages = 0, "", []
    print(HELP)
    while True:
        if not story:
            story = next(generate(1, seed + number, "heldout")).text
            number, messages = number + 1, []
            print(f"\n{story}\n")
        try:
            line = input("you> ").strip()
            if line == "/text":
                story, messages = input("story> ").strip(), []
                continue
        except EOFError:
            print()
            return
        if line == "/quit":
            return
        if line == "/story":
            story = ""
        elif line:
            content = line if messages else first_message(story, line)
            asked = [*messages, {"role": "user", "content": content}]
            try:
                asked = fit(llm, asked, room=32)
            except ValueError as error:
                print(f"({error})")
                continue
            print("model> ", end="", flush=True)
            answer = ""
            for piece in llm.stream(asked, max_new_tokens=32, temperature=temperature):
                print(piece, end="", flush=True)
                answer += piece
            print()
            messages = [*asked, {"role": "assistant", "content": answer}]


def main(argv: list[str] | None = None) -> int:
    """Chat with the model of a run about held-out stories, or your own."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", default="runs/default/model", help="model folder")
    parser.add_argument("--seed", type=int, default=0, help="which story comes first")
    parser.add_argument("--temperature", type=float, default=0.0, help="0 is greedy")
    args = parser.parse_args(argv)

    def command() -> None:
        if not Path(args.model).exists():
            raise ValueError(f"{args.model} is not there; make it with: make llm")
        chat(LLM.load(args.model), args.seed, args.temperature)

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
