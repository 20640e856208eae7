"""The measured part of the README, written from the results file and nothing else.

python -m common.readme      writes README.md's results and its figure anew
"""

import argparse
from pathlib import Path

from ch01_data.files import atomic_path, run_command, write_text
from common.book import read_results
from common.report import draw_losses

ROOT = Path(__file__).resolve().parents[1]
FIGURE = Path("common", "results", "losses.png")
EXPERIMENTS = ("main", "real_text")
BEGIN, END = "<!-- measured -->\n", "<!-- /measured -->\n"


def quote(text: str) -> str:
    """Write text as a quotation whose line ends stay."""
    return "".join(f"> {line}  \n" for line in text.strip().splitlines())


def share(spread: dict, digits: int = 1) -> str:
    """Write a rate as mean and range over the seeds, in percent."""
    mean, low, high = (100 * spread[key] for key in ("mean", "min", "max"))
    return f"{mean:.{digits}f} % ({low:.{digits}f} to {high:.{digits}f})"


def number(spread: dict, digits: int = 0, scale: float = 1.0) -> str:
    """Write a value as mean and range over the seeds."""
    mean, low, high = (scale * spread[key] for key in ("mean", "min", "max"))
    return f"{mean:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def headline_rows(measured: dict) -> list[tuple[str, str]]:
    """List what the README says of the main job."""
    base, tuned, aligned = "base.", "finetuned.", "aligned."
    return [
        ("`make llm`, seconds", number(measured["total_seconds"])),
        ("peak memory, GB", number(measured["peak_memory_bytes"], 2, 1e-9)),
        ("training speed, tokens/s", number(measured[base + "tokens_per_second"])),
        ("loss on `validation`, bits per byte", number(measured[base + "loss"], 4)),
        ("entropy floor", number(measured[base + "floor"], 4)),
        ("5-gram Kneser-Ney model", number(measured[base + "ngram_loss"], 4)),
        ("gap closed on `validation`", share(measured[base + "gap_closed"])),
        ("ratio to the floor", number(measured[base + "ratio_to_floor"], 3)),
        ("gap closed on `heldout`", share(measured[base + "heldout.gap_closed"])),
        (
            "ratio to the floor, `heldout`",
            number(measured[base + "heldout.ratio_to_floor"], 3),
        ),
        ("accuracy by chance", share(measured[tuned + "chance"])),
        (
            "accuracy without reading the story",
            share(measured[tuned + "no_lookback_baseline"]),
        ),
        (
            "accuracy of the base model, chat form",
            share(measured[tuned + "accuracy_before_chat"]),
        ),
        (
            "accuracy of the base model, prose form",
            share(measured[tuned + "accuracy_before_prose"]),
        ),
        ("accuracy after fine-tuning", share(measured[tuned + "accuracy"])),
        ("accuracy after alignment", share(measured[aligned + "accuracy"])),
        (
            "unanswerable questions admitted, tuned",
            share(measured[aligned + "honesty_before"]),
        ),
        (
            "unanswerable questions admitted, aligned",
            share(measured[aligned + "honesty"]),
        ),
        ("false refusals, tuned", share(measured[aligned + "false_refusals_before"])),
        ("false refusals, aligned", share(measured[aligned + "false_refusals"])),
    ]


def markdown_table(head: tuple[str, ...], body: list[tuple[str, ...]]) -> str:
    """Write a Markdown table."""
    lines = [head, ("---",) * len(head), *body]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def kinds_table(measured: dict) -> str:
    """Write accuracy by kind of question, tuned and aligned."""
    prefix = "finetuned.by_kind."
    kinds = [name[len(prefix) :] for name in measured if name.startswith(prefix)]
    body = [
        (
            kind,
            share(measured[prefix + kind]),
            share(measured[f"aligned.accuracy_by_kind.{kind}"]),
        )
        for kind in kinds
    ]
    return markdown_table(("kind of question", "tuned", "aligned"), body)


def measured_part(results: dict) -> str:
    """Write what the README says of the main job."""
    machine, main_job = results["machine"], results["results"]
    answers = [(a["question"], a["truth"], a["answer"]) for a in main_job["answers"]]
    return (
        f"Measured by `{results['command']}`: three seeds, mean (least to greatest), "
        f"on {machine['cores']} cores of an {machine['processor']} "
        f"({machine['gflops_fp32']:.0f} GFLOP/s in fp32, "
        f"{machine['gflops_bf16']:.0f} in bf16), commit `{results['commit']}`; "
        "installation apart, compilation included. Accuracy is the mean over nine "
        "kinds of questions about held-out stories.\n\n"
        + markdown_table(("", "mean (range)"), headline_rows(main_job["measured"]))
        + "\n![Validation loss over tokens for three seeds, falling past the 5-gram "
        "line towards the entropy floor](common/results/losses.png)\n\n"
        + kinds_table(main_job["measured"])
        + "\nA text that the base model tells of its own (seed 0, temperature 0.8):"
        f"\n\n{quote(main_job['sample'])}\nThe aligned model's first answers to "
        "questions about held-out stories (seed 0, greedy):\n\n"
        + markdown_table(("question", "truth", "answer"), answers)
    )


def real_text_part(results: dict) -> str:
    """Write what the README says of real text."""
    body, samples = [], ""
    for name, source in results["results"]["sources"].items():
        sizes = (f"{source['bytes'][s] / 1e6:.1f}" for s in ("train", "validation"))
        losses = (number(source[key], 3) for key in ("ngram_loss", "loss"))
        body.append((name, *sizes, *losses))
        samples += f"\n{name}, seed 0, temperature 0.8:\n\n"
        samples += f"```\n{source['sample'].strip()}\n```\n"
    head = ("text", "MB read", "MB held out", "5-gram", "model")
    return (
        f"\n### Real text\n\nMeasured by `{results['command']}`, three seeds, in bits "
        "per byte of held-out text: of a single file its last tenth, of many files a "
        "tenth of them. The samples show what a million parameters learn in minutes."
        "\n\n" + markdown_table(head, body) + samples
    )


def everything_measured() -> str:
    """Write the part of the README that stands between its marks.

    Raises:  ValueError if an experiment has not been run.
    """
    main_job, real_text = (read_results(name, ROOT) for name in EXPERIMENTS)
    return measured_part(main_job) + real_text_part(real_text)


def rewrite(readme: str, part: str) -> str:
    """Put the measured part between its marks.

    Raises:  ValueError if the marks are not there.
    """
    if END not in readme.partition(BEGIN)[2]:
        raise ValueError(f"README.md lacks the marks {BEGIN.strip()} and {END.strip()}")
    before, rest = readme.split(BEGIN, 1)
    return before + BEGIN + part + END + rest.split(END, 1)[1]


def main(argv: list[str] | None = None) -> int:
    """Write the measured part of the README and its figure from the results file."""
    argparse.ArgumentParser(description=main.__doc__).parse_args(argv)

    def command() -> None:
        part, readme = everything_measured(), ROOT / "README.md"
        write_text(readme, rewrite(readme.read_text(encoding="utf-8"), part))
        main_job = read_results("main", ROOT)["results"]
        measured = main_job["measured"]
        base = {k: measured[f"base.{k}"]["mean"] for k in ("floor", "ngram_loss")}
        axes = draw_losses(main_job["curves"], base)
        with atomic_path(ROOT / FIGURE) as path:
            axes.figure.savefig(path, format="png", metadata={"Software": None})

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
