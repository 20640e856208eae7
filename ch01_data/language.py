"""Languages: which one a text is in, and whether a corpus wants it.

Telling languages apart is not what this book teaches, so a library does it: py3langid,
whose model of some hundred languages comes with it and needs no network (Lui and
Baldwin 2012: naive Bayes over the byte sequences that tell languages apart best).

Source code is the hard case: a model of languages sees its names and not that it is
code, and a program whose author calls things by German names is no German text. So only
prose is judged: where a text looks like code, its lines of code are left out, and if
too little is left, the text has no language and is kept.
"""

import argparse
from collections import Counter
from collections.abc import Collection
from functools import lru_cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from ch01_data.files import run_command
from ch01_data.rules import LINES_TO_JUDGE, View, is_code_line
from ch01_data.sources import read_documents

WANTED = ("en",)
# Short words of English that are words of no other language of its neighbourhood.
ENGLISH = frozenset(
    "the and of with that this from have which they their there was were would could "
    "should been has his her she what when who you your are not but then than these "
    "if else only into each any must may where how about".split()
)
MIN_PROBABILITY = 0.7  # of another language, before a text is dropped for it
NO_LANGUAGE = ("und", "zxx")  # undetermined, and no language at all (ISO 639-2)
MIN_LETTERS = 40  # of prose; less has no language to speak of
SAMPLE = 1000  # characters; telling languages apart needs no more


@lru_cache(maxsize=1)
def identifier() -> LanguageIdentifier:
    """Return the library's model, read once; its probabilities add up to one."""
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def language(text: str, view: View | None = None) -> tuple[str, float]:
    """Return the likeliest language of a text and its probability.

    The code is that of ISO 639-1, "en" for English; ("und", 0.0) stands for a text
    without prose. Judged is a sample from the text's head and middle.
    """
    code, probability = identifier().classify(_sample(text))
    view = view or View.of(text[: 1 << 14])
    if code in WANTED or not view.is_code:
        return code, float(probability)
    prose = prose_of(text)
    if sum(map(str.isalpha, prose)) < MIN_LETTERS:
        return "und", 0.0
    return identifier().classify(_sample(prose))


def is_plainly_english(text: str) -> bool:
    """Tell whether the head of a text has so many English words that no model is asked.

    One word in eight, and five different ones. This spares most English texts the
    model, which takes twenty times as long; it says nothing of the others.
    """
    words = text[:SAMPLE].lower().split()
    found = list(filter(ENGLISH.__contains__, words))
    return 8 * len(found) >= len(words) and len(set(found)) >= 5


def language_flags(
    text: str, wanted: Collection[str] = WANTED, view: View | None = None
) -> list[str]:
    """Return ["language"] for a text in another language than those wanted, else [].

    `view` is the text's, where the caller has one.
    """
    if "en" in wanted and is_plainly_english(text):
        return []
    code, probability = language(text, view)
    foreign = code not in wanted and code not in NO_LANGUAGE
    return ["language"] if foreign and probability >= MIN_PROBABILITY else []


def prose_of(text: str) -> str:
    """Return the lines of a text that do not look like code, without comment signs."""
    lines = (line.strip().lstrip("#/*> ") for line in text[: 1 << 14].split("\n"))
    kept = [line for line in lines if line and not is_code_line(line)]
    return "\n".join(kept[:LINES_TO_JUDGE])


def _sample(text: str) -> str:
    """Return the head of a text, and for a long one some of its middle."""
    if len(text) <= SAMPLE:
        return text
    middle = len(text) // 2
    return text[: SAMPLE // 2] + "\n" + text[middle : middle + SAMPLE // 2]


def main(argv: list[str] | None = None) -> int:
    """Count the languages of the documents of a source."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--source", required=True, help="pylib, a file, folder or glob")
    parser.add_argument("--wanted", default="en", help="comma-separated codes to keep")
    parser.add_argument("--show", type=int, default=0, help="name this many documents")
    arguments = parser.parse_args(argv)

    def command() -> None:
        wanted = tuple(arguments.wanted.split(","))
        counts: Counter[str] = Counter()
        dropped = 0
        for document in read_documents(arguments.source):
            code, probability = language(document.text)
            counts[code] += 1
            if language_flags(document.text, wanted):
                dropped += 1
                if dropped <= arguments.show:
                    print(f"{document.id}: {code} {probability:.2f}")
        print(f"{dropped:,} of {counts.total():,} documents in other languages")
        for code, count in counts.most_common():
            print(f"{count:8,}  {code}")

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
