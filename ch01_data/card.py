"""The data card: what lies in a corpus, so that nobody has to guess in a year's time.

Source:  Gebru et al. 2018, Datasheets for Datasets.
"""

import sys

from ch01_data.corpus import CorpusReport
from ch01_data.downloads import DOWNLOADS

LICENCES = {
    "storyworld": "made by this repository's own code (Apache-2.0)",
    "pylib": "the Python Software Foundation licence, version 2 (see your Python)",
    **{name: download.licence for name, download in DOWNLOADS.items()},
}
GAPS = {
    "storyworld": "Invented people in an invented world, in a few plots and one "
    "register of English. It teaches a model to read, and to answer about what it "
    "read; it holds no facts about the real world.",
    "pylib": "Python source and its comments, in English, mostly by a few hundred "
    "authors. Files that are not UTF-8 are missing. About half is test code.",
    "tinyshakespeare": "One author of about 1600, in verse. A model of it knows no "
    "other voice.",
    "tinystories": "Stories for small children, all written by two language models.",
    "fineweb-edu-sample": "English web pages that a classifier took for school text: "
    "what it misjudges is missing.",
}
OTHER_GAPS = (
    "Whatever the source leaves out. Files that could not be read are counted above."
)
# What a reader would take for granted, had the stage of this name not been left out.
UNCHECKED = {
    "language": "nobody looked at the language of the text",
    "toxicity": "insults and hate were not looked for",
    "personal_data": "personal data was not masked",
    "near_duplicates": "texts that are nearly the same were kept",
    "decontaminate": "texts of evaluation sets were not taken out",
}
CARD = """# Data card: {title}

## What and how much

| split | documents | bytes |
|---|---|---|
{splits}

One JSON object a line: `text`, `id`, `source`, and `log_prob` (nats) where it is known.
{mix}
## Where from

{origins}

## What was filtered

```
{funnel}
```

## Known gaps

{gaps}

## How to make it again

    {command}
"""
MIX = """
Training text by source, in {unit}; an epoch above 1 means that documents stand in it
more than once, with `#epoch2` in their `id`.

| source | documents | {unit} | share | asked for | epochs |
|---|---|---|---|---|---|
{rows}
"""


def data_card(report: CorpusReport) -> str:
    """Return the card as Markdown: how much, whence, filtered how, with what gaps."""
    config = report.config
    splits = (
        f"| {name} | {split['documents']:,} | {split['bytes']:,} |"
        for name, split in report.splits.items()
    )
    return CARD.format(
        title=" and ".join(config.sources),
        splits="\n".join(splits),
        mix=_mix(report),
        origins="\n".join(map(_origin, config.sources)),
        funnel=report.table(),
        gaps="\n\n".join(_gaps(report)),
        command=config.command,
    )


def _mix(report: CorpusReport) -> str:
    """Return the table of a mix, or of tokens where they were counted."""
    if report.config.mix is None and report.unit == "bytes":
        return ""
    rows = (
        f"| {name} | {count.documents:,} | {count.size:,} | {count.share:.1%} | "
        f"{count.asked:.1%} | {count.epochs:.2f} |"
        for name, count in report.sources.items()
    )
    return MIX.format(unit=report.unit, rows="\n".join(rows))


def _origin(source: str) -> str:
    version = f" of Python {sys.version.split()[0]}" if source == "pylib" else ""
    if source in DOWNLOADS:
        version = f", {DOWNLOADS[source].about} ({DOWNLOADS[source].url})"
    licence = LICENCES.get(source, "not known to this program; state it here")
    return f"Source: {source}{version}. Licence: {licence}."


def _gaps(report: CorpusReport) -> list[str]:
    """Say what each source lacks, and what no stage has looked at."""
    gaps = []
    for source in report.config.sources:
        name = f"{source}: " if report.config.mix else ""
        gaps.append(name + GAPS.get(source, OTHER_GAPS))
        ran = report.config.stages_of(source)
        left = [what for stage, what in UNCHECKED.items() if stage not in ran]
        if left and source != "storyworld":
            gaps.append(f"{name}Not checked: {'; '.join(left)}.")
    return gaps
