"""The report of a run: `report.json` for programs, `report.html` for people.

Nothing here measures: every number was written by the stage that made it.
"""

import html
import io
import json
import re
from base64 import b64encode
from dataclasses import asdict
from pathlib import Path

from matplotlib.axes import Axes

from ch01_data.files import write_json, write_text
from ch01_data.measured import commit
from ch05_pretraining.machine import Machine
from common.book import draw_level, draw_line, new_figure
from common.stages import RunConfig

ROOT = Path(__file__).resolve().parents[1]
NUMBER = re.compile(r"[\d.,]+( %( \[.*\])?)?")
STYLE = """
body { font: 16px/1.5 Georgia, serif; max-width: 46rem; margin: auto; padding: 2rem }
table { border-collapse: collapse; margin: 1rem 0; font-size: 15px }
td, th { padding: .2rem .8rem .2rem 0; text-align: left; border-bottom: 1px solid #ccc }
td.n { text-align: right; font-variant-numeric: tabular-nums }
pre { white-space: pre-wrap; background: #f5f4ef; padding: .8rem; font-size: 14px }
img { max-width: 100% }
"""


def build_report(config: RunConfig, records: list[dict], machine: Machine) -> dict:
    """Put what the stages measured into the keys that `report.json` promises."""
    figures = {record["name"]: record["figures"] for record in records}
    report = {
        "source": config.source,
        "preset": config.preset,
        "seed": config.seed,
        "commit": commit(),
        "machine": asdict(machine),
        "total_seconds": round(sum(record["seconds"] for record in records), 1),
        "peak_memory_bytes": max(record["peak_memory_bytes"] for record in records),
        "base": base_section(figures["pretrain"], figures["ngram"]),
    }
    if "sft" in figures:
        report["finetuned"] = tuned_section(figures["sft"])
    if "dpo" in figures:
        report["aligned"] = aligned_section(figures["dpo"], figures["sft"]["after"])
    kept = ("name", "seconds", "peak_memory_bytes", "config", "figures")
    report["stages"] = [{key: record[key] for key in kept} for record in records]
    return report


def base_section(pretrained: dict, ngram: dict) -> dict:
    """Say how far the base model came from the 5-gram model towards the floor."""
    section = {"unit": "bits per byte", "n_params": pretrained["n_params"]}
    for split, loss in pretrained["loss"].items():
        part = {"loss": loss, "ngram_loss": ngram[split]}
        if pretrained["floor"]:
            floor = pretrained["floor"][split]
            part["floor"] = floor
            part["gap_closed"] = (ngram[split] - loss) / (ngram[split] - floor)
            part["ratio_to_floor"] = loss / floor
        if split == "validation":
            section |= part
        else:
            section[split] = part
    return section


def tuned_section(figures: dict) -> dict:
    """Say what the tuned model knows, and what was there before."""
    after = figures["after"]
    return {
        "accuracy_before_chat": figures["before_chat"]["accuracy"],
        "accuracy_before_prose": figures["before_prose"]["accuracy"],
        "accuracy": after["accuracy"],
        "interval": after["interval"],
        "by_kind": after["by_kind"],
        "chance": figures["chance"],
        "no_lookback_baseline": figures["no_lookback_baseline"],
    }


def aligned_section(figures: dict, before: dict) -> dict:
    """Say what alignment changed."""
    after = figures["after"]
    section = {"accuracy_by_kind": after["by_kind"], "pairs": figures["pairs"]}
    for name in ("honesty", "false_refusals", "accuracy"):
        interval = "interval" if name == "accuracy" else f"{name}_interval"
        section |= {
            f"{name}_before": before[name],
            f"{name}_before_interval": before[interval],
            name: after[name],
            f"{name}_interval": after[interval],
        }
    return section


def print_table(report: dict) -> None:
    """Print one line a stage: time, speed, memory, and the stage's figure."""
    print(f"\n{'stage':<10}{'seconds':>9}{'peak MB':>9}  figure")
    for stage in report["stages"]:
        memory = stage["peak_memory_bytes"] / 1e6
        print(
            f"{stage['name']:<10}{stage['seconds']:>9.1f}{memory:>9.0f}  "
            f"{headline(stage, report)}"
        )
    memory = report["peak_memory_bytes"] / 1e6
    print(f"{'total':<10}{report['total_seconds']:>9.1f}{memory:>9.0f}")


def percent(rate: float, interval: list[float] | None = None) -> str:
    """Write a rate, and its interval if it has one."""
    text = f"{100 * rate:.1f} %"
    if interval:
        text += f" [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]"
    return text


def headline(stage: dict, report: dict) -> str:
    """Say in a line what a stage achieved."""
    name, figures = stage["name"], stage["figures"]
    if name == "data":
        train = figures["splits"]["train"]
        return f"{train['documents']:,} documents, {train['bytes'] / 1e6:.1f} MB"
    if name == "tokenizer":
        speed = figures["tokens"] / stage["seconds"]
        return (
            f"{figures['tokens']:,} tokens of {figures['bytes_per_token']:.2f} bytes, "
            f"vocabulary {figures['vocab_size']:,} ({speed:,.0f} tokens/s)"
        )
    if name == "ngram":
        return f"5-gram Kneser-Ney: {figures['validation']:.4f} bits per byte"
    if name == "pretrain":
        return base_headline(report["base"], figures["tokens_per_second"])
    if name == "sft":
        tuned = report["finetuned"]
        return (
            f"accuracy {percent(tuned['accuracy'], tuned['interval'])}; "
            f"before {percent(tuned['accuracy_before_chat'])} in chat, "
            f"{percent(tuned['accuracy_before_prose'])} in prose; "
            f"blind {percent(tuned['no_lookback_baseline'])}"
        )
    if name == "dpo":
        aligned = report["aligned"]
        parts = [
            f"{key.replace('_', ' ')} {percent(aligned[f'{key}_before'])} -> "
            f"{percent(aligned[key], aligned[f'{key}_interval'])}"
            for key in ("honesty", "false_refusals", "accuracy")
        ]
        return ", ".join(parts)
    return f"{figures['bytes'] / 1e6:.1f} MB of weights in the Hugging Face layout"


def base_headline(base: dict, speed: float) -> str:
    """Say what the base model reached."""
    text = f"{base['loss']:.4f} bits per byte"
    if "floor" in base:
        text += (
            f" (floor {base['floor']:.4f}, ratio {base['ratio_to_floor']:.3f}, "
            f"{percent(base['gap_closed'])} of the gap closed)"
        )
    return f"{text}, {speed:,.0f} tokens/s"


def table(rows: list[tuple], head: tuple[str, ...]) -> str:
    """Write an HTML table; numbers stand to the right."""
    cells = ["<tr>" + "".join(f"<th>{html.escape(h)}</th>" for h in head) + "</tr>"]
    for row in rows:
        line = "".join(
            f"<td{' class=n' * bool(NUMBER.fullmatch(v))}>{html.escape(v)}</td>"
            for v in map(str, row)
        )
        cells.append(f"<tr>{line}</tr>")
    return "<table>" + "".join(cells) + "</table>"


def picture(axes: Axes, alt: str) -> str:
    """Return a figure as an image inside the page."""
    buffer = io.BytesIO()
    axes.figure.savefig(buffer, format="png", metadata={"Software": None})
    data = b64encode(buffer.getvalue()).decode()
    return f'<p><img alt="{html.escape(alt)}" src="data:image/png;base64,{data}"></p>'


def loss_curve(run: Path) -> dict[str, list[float]]:
    """Read the validation losses of a run's diary: million tokens, bits per byte."""
    tokens, curve = 0, {"million_tokens": [], "bits_per_byte": []}
    for line in (run / "pretrain" / "metrics.jsonl").read_text().splitlines():
        point = json.loads(line)
        tokens += point.get("tokens", 0)
        if "bits_per_byte" in point:
            curve["million_tokens"].append(tokens / 1e6)
            curve["bits_per_byte"].append(point["bits_per_byte"])
    return curve


def draw_losses(curves: list[dict], base: dict) -> Axes:
    """Draw validation losses over tokens, with the floor and the 5-gram line."""
    axes = new_figure("million tokens seen", "bits per byte")
    for number, curve in enumerate(curves):
        label = f"seed {number}" if len(curves) > 1 else "model"
        x, y = curve["million_tokens"], curve["bits_per_byte"]
        # Each label beside a point of its own, for the lines lie close together.
        place = min(number, len(x) - 1)
        draw_line(axes, x, y, label, number, label_at=place, offset=(4, 12))
    draw_level(axes, base["ngram_loss"], "5-gram Kneser-Ney")
    if "floor" in base:
        draw_level(axes, base["floor"], "entropy floor: no model can be lower")
    axes.set_ylim(bottom=0)
    return axes


def loss_figure(run: Path, base: dict) -> str:
    """Draw a run's losses into the page."""
    axes = draw_losses([loss_curve(run)], base)
    return picture(axes, "Validation loss falls past the 5-gram line to the floor.")


def kinds_figure(report: dict) -> str:
    """Draw accuracy by kind after tuning and after alignment."""
    axes = new_figure("kind of question", "accuracy")
    kinds = list(report["finetuned"]["by_kind"])
    for number, (name, values) in enumerate(
        {
            "tuned": report["finetuned"]["by_kind"],
            "aligned": report["aligned"]["accuracy_by_kind"],
        }.items()
    ):
        places = [i + 0.38 * number - 0.19 for i in range(len(kinds))]
        colour = ("#0072B2", "#E69F00")[number]
        heights = [values[kind] for kind in kinds]
        axes.bar(places, heights, width=0.36, color=colour, label=name)
    axes.set_xticks(range(len(kinds)), kinds)
    blind = report["finetuned"]["no_lookback_baseline"]
    axes.axhline(blind, color="black", linestyle=":", label="without reading")
    axes.set_ylim(0, 1.05)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, frameon=False)
    return picture(axes, "Accuracy by kind of question, after tuning and alignment.")


def funnel(report: dict) -> str:
    """Write the data funnel: what each stage of cleaning kept, and why not the rest."""
    rows = []
    for stage in report["stages"][0]["figures"]["stages"]:
        reasons = ", ".join(f"{k} {v:,}" for k, v in stage["removed"].items())
        note = reasons or stage["note"] if stage["ran"] else "not run"
        documents, size = stage["documents_out"], stage["bytes_out"] / 1e6
        rows.append((stage["name"], f"{documents:,}", f"{size:.2f}", note))
    return table(rows, ("stage", "documents left", "MB left", "removed"))


def answers(figures: dict) -> str:
    """Show answers of an examined model beside the truth."""
    rows = [(e["question"], e["truth"], e["answer"]) for e in figures["examples"]]
    return table(
        rows, ("question about a held-out story", "truth", "the model's answer")
    )


def truth_sections(report: dict, figures: dict) -> list[str]:
    """Write what only the storyworld can tell: accuracy and honesty."""
    tuned, aligned = report["finetuned"], report["aligned"]
    rows = [
        ("chance", percent(tuned["chance"])),
        ("best guess without reading", percent(tuned["no_lookback_baseline"])),
        ("base model, chat form", percent(tuned["accuracy_before_chat"])),
        ("base model, prose form", percent(tuned["accuracy_before_prose"])),
        ("after fine-tuning", percent(tuned["accuracy"], tuned["interval"])),
        ("after alignment", percent(aligned["accuracy"], aligned["accuracy_interval"])),
    ]
    honesty = [
        (
            label,
            percent(aligned[f"{key}_before"], aligned[f"{key}_before_interval"]),
            percent(aligned[key], aligned[f"{key}_interval"]),
        )
        for label, key in (
            ("unanswerable questions admitted", "honesty"),
            ("answerable questions refused", "false_refusals"),
        )
    ]
    return [
        "<h2>Accuracy on held-out questions</h2>",
        table(rows, ("", "mean over kinds, 95 % interval")),
        kinds_figure(report),
        "<h2>Honesty</h2>",
        table(honesty, ("", "tuned", "aligned")),
        "<h2>Answers before and after</h2>",
        "<p>Base model, asked in prose:</p>",
        answers(figures["sft"]["before_prose"]),
        "<p>Tuned model:</p>",
        answers(figures["sft"]["after"]),
        "<p>Aligned model:</p>",
        answers(figures["dpo"]["after"]),
    ]


def page(report: dict, run: Path) -> str:
    """Write the whole report as one self-contained page."""
    figures = {stage["name"]: stage["figures"] for stage in report["stages"]}
    machine = report["machine"]
    stages = [
        (
            stage["name"],
            f"{stage['seconds']:.1f}",
            f"{stage['peak_memory_bytes'] / 1e6:,.0f}",
            headline(stage, report),
        )
        for stage in report["stages"]
    ]
    parts = [
        f"<h1>Run on {html.escape(report['source'])}</h1>",
        f"<p>{machine['cores']} cores of {html.escape(machine['processor'])}; matrix "
        f"products at {machine['gflops_fp32']:.0f} GFLOP/s in fp32 and "
        f"{machine['gflops_bf16']:.0f} in bf16. Seed {report['seed']}, commit "
        f"{report['commit']}. {choices(figures['pretrain'])} "
        f"All stages: {report['total_seconds']:.0f} s, at most "
        f"{report['peak_memory_bytes'] / 1e9:.2f} GB.</p>",
        table(stages, ("stage", "seconds", "peak MB", "figure")),
        "<h2>Data</h2>",
        funnel(report),
        "<h2>Base model</h2>",
        loss_figure(run, report["base"]),
        "<p>A text of its own, at temperature 0.8, before training:</p>",
        f"<pre>{html.escape(figures['pretrain']['sample_before'])}</pre>",
        "<p>and after:</p>",
        f"<pre>{html.escape(figures['pretrain']['sample'])}</pre>",
    ]
    if "aligned" in report:
        parts += truth_sections(report, figures)
    body = "\n".join(parts)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>Run report</title><style>{STYLE}</style><body>{body}</body></html>\n"
    )


def choices(pretrained: dict) -> str:
    """Say which precision was chosen, and whether compiled, and what else it cost."""
    how = "compiled" if pretrained["compiled"] else "not compiled (eager)"
    return f"Trained in {pretrained['precision']}, {how}."


def write_report(config: RunConfig, records: list[dict], machine: Machine) -> dict:
    """Write report.json and report.html and return the report."""
    report, run = build_report(config, records, machine), Path(config.out)
    write_json(run / "report.json", report)
    write_text(run / "report.html", page(report, run))
    return report
