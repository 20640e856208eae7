"""The data card: what lies in a corpus, so that nobody has to guess in a year's time.

Source:  Gebru et al. 2018, Datasheets for Datasets.
"""

import sys

LICENCES = {
    "storyworld": "made by this repository's own code (Apache-2.0)",
    "pylib": "the Python Software Foundation licence, version 2 (see your Python)",
}
GAPS = {
    "storyworld": "Invented people in an invented world, in a few plots and one "
    "register of English. It teaches a model to read, and to answer about what it "
    "read; it holds no facts about the real world.",
    "pylib": "Python source and its comments, in English, mostly by a few hundred "
    "authors. Files that are not UTF-8 are missing. About half is test code.",
    "text": "Whatever the source leaves out. Files that could not be read are "
    "counted above; no language filter and no toxicity filter ran.",
}
CARD = """# Data card: {source}

## What and how much

| split | documents | bytes |
|---|---|---|
{splits}

One JSON object a line: `text`, `id`, `source`, and `log_prob` (nats) where it is known.

## Where from

Source: {source}{version}. Licence: {licence}.

## What was filtered

```
{funnel}
```

## Known gaps

{gaps}

## How to make it again

    {command}
"""


def data_card(
    source: str, splits: dict[str, dict[str, int]], funnel: str, command: str
) -> str:
    """Return the card as Markdown: how much, whence, filtered how, with what gaps."""
    rows = (
        f"| {name} | {split['documents']:,} | {split['bytes']:,} |"
        for name, split in splits.items()
    )
    return CARD.format(
        source=source,
        version=f" of Python {sys.version.split()[0]}" if source == "pylib" else "",
        splits="\n".join(rows),
        funnel=funnel,
        licence=LICENCES.get(source, "not known to this program; state it here"),
        gaps=GAPS.get(source, GAPS["text"]),
        command=command,
    )
