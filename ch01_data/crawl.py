"""A dirty crawl whose truth is known: real WARC files, and labels beside them.

    good texts -> dirt of twelve kinds -> pages of HTML -> crawl-00000.warc.gz ...
                        |
                        +-> labels.jsonl: what each record is, for the scorer alone

A filter is measured by what it lets through and what it drops by mistake, and neither
can be counted on the web, where nobody knows. Here each record's kinds of dirt, the
text that an extractor should find, the similarity of each near-duplicate and every
planted telephone number are written down. The labels lie outside the folder of WARC
files, so that reading the crawl does not read them.

The same config gives the same bytes on one version of Python, whose library is half of
the text.
"""

import argparse
import json
import random
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tqdm import tqdm

from ch01_data.crawl_templates import BLOCKED_HOSTS, BLOCKED_URL_WORDS, FAMILIES
from ch01_data.dirt import KINDS, LabelledText, dirt, evaluation_texts
from ch01_data.files import (
    atomic_path,
    run_command,
    sha256,
    write_json,
    write_text,
)
from ch01_data.markup import WebPage, make_page

__all__ = [
    "KINDS",
    "CrawlConfig",
    "CrawlReport",
    "LabelledText",
    "dirt",
    "evaluation_texts",
    "make_crawl",
]
# Of the pages, in hundredths; the rest is clean, the originals of duplicates with it.
SHARES = {
    "boilerplate": 5,
    "exact_duplicate": 5,
    "near_duplicate": 10,
    "spam": 5,
    "gibberish": 5,
    "language": 5,
    "personal_data": 6,
    "blocked_url": 5,
    "url_duplicate": 5,
    "leak": 4,
    "toxic": 4,
    "broken_html": 4,
}
LEAST_PAGES = 100
OTHER_RECORDS = 40  # pages between two answers that are no pages
FIRST_DATE = datetime(2025, 3, 1)


@dataclass(frozen=True)
class CrawlConfig:
    """What to crawl. `n` pages of a family of dirt, `per_file` to a WARC file."""

    out: str = "runs/crawl"
    n: int = 5_000
    family: str = "held"
    seed: int = 0
    per_file: int = 1_000

    def __post_init__(self) -> None:
        if self.n < LEAST_PAGES:
            raise ValueError(f"n is {self.n}, must be at least {LEAST_PAGES} pages")
        if self.family not in FAMILIES:
            raise ValueError(
                f"family is {self.family!r}, must be one of {', '.join(FAMILIES)}"
            )
        if self.per_file < 1:
            raise ValueError(f"per_file is {self.per_file}, must be at least 1")


@dataclass(frozen=True)
class CrawlReport:
    """What was written: pages by kind (a page may have two), files with their SHA-256.

    `files` names them relative to `config.out`.
    """

    config: CrawlConfig
    counts: dict[str, int]
    files: dict[str, str]

    @property
    def warc(self) -> Path:
        """The folder of WARC files, to be read as a source."""
        return Path(self.config.out, "warc")

    @property
    def warc_paths(self) -> list[Path]:
        """The WARC files in order."""
        names = sorted(name for name in self.files if name.startswith("warc/"))
        return [Path(self.config.out, name) for name in names]

    @property
    def labels(self) -> Path:
        """One JSON object a page: id, url, kinds, text, and the truth about it."""
        return Path(self.config.out, "labels.jsonl")

    @property
    def evaluation(self) -> Path:
        """The evaluation set, two thirds of which some page gives away."""
        return Path(self.config.out, "evaluation.jsonl")

    @property
    def blocked(self) -> Path:
        """The operator's list of blocked hosts, one a line."""
        return Path(self.config.out, "blocked_hosts.txt")

    @property
    def blocked_words(self) -> Path:
        """The operator's list of words that no address may hold, one a line."""
        return Path(self.config.out, "blocked_words.txt")

    def table(self) -> str:
        """Return the pages of each kind as a table of text."""
        rows = [f"{kind:18}{count:8,}" for kind, count in self.counts.items()]
        return "\n".join([f"{'kind':18}{'pages':>8}", *rows])


def make_crawl(config: CrawlConfig) -> CrawlReport:
    """Write a crawl into `config.out`: WARC files, labels, evaluation set, block list.

    Raises:  ValueError if the library has too little text for so many pages, OSError
             if the folder cannot be written.
    """
    texts = crawl_texts(config)
    ids = {text.id: _urn(config, text.id) for text in texts}
    out, labels, names = Path(config.out), [], []
    with tqdm(texts, "crawl", unit=" pages", disable=None) as progress:
        for start in range(0, len(texts), config.per_file):
            names.append(f"warc/crawl-{len(names):05}.warc.gz")
            part = texts[start : start + config.per_file]
            with atomic_path(out / names[-1]) as path, open(path, "wb") as file:
                labels += _write_warc(file, part, ids, config, start, progress)
    for old in (out / "warc").glob("crawl-[0-9]*.warc.gz"):
        if f"warc/{old.name}" not in names:
            old.unlink()
    exams = evaluation_texts(config.family, _exams(config), config.seed)
    hosts = sorted(BLOCKED_HOSTS[config.family])
    beside = {
        "labels.jsonl": _lines(labels),
        "evaluation.jsonl": _lines({"id": e.id, "text": e.text} for e in exams),
        "blocked_hosts.txt": "".join(f"{host}\n" for host in hosts),
        "blocked_words.txt": "".join(
            f"{word}\n" for word in sorted(BLOCKED_URL_WORDS[config.family])
        ),
    }
    for name, text in beside.items():
        write_text(out / name, text)
    found = Counter(kind for label in labels for kind in label["kinds"])
    counts = {kind: found[kind] for kind in KINDS}
    files = {name: sha256(out / name) for name in [*names, *beside]}
    values = asdict(config)
    del values["out"]
    write_json(out / "crawl.json", {"config": values, "counts": counts, "files": files})
    return CrawlReport(config, counts, files)


def crawl_texts(config: CrawlConfig) -> list[LabelledText]:
    """Return the labelled texts of a crawl in its order: shuffled, originals first."""
    texts: list[LabelledText] = []
    for kind in SHARES:
        texts += dirt(kind, config.family, _share(config, kind), config.seed)
    texts += dirt("clean", config.family, config.n - len(texts), config.seed)
    rng = random.Random(f"order {config.seed}")
    places: dict[str, float] = {}
    for text in texts:
        after = places.get(text.truth.get("original", ""), 0.0)
        places[text.id] = rng.uniform(after, 1.0)
    return sorted(texts, key=lambda text: places[text.id])


def _share(config: CrawlConfig, kind: str) -> int:
    return config.n * SHARES[kind] // 100


def _exams(config: CrawlConfig) -> int:
    return _share(config, "leak") * 3 // 2


def _urn(config: CrawlConfig, name: str) -> str:
    """Return a record's id, which neither its order nor its name gives away."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"{config.family} {config.seed} {name}").urn


def _lines(rows: Iterable[dict]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _label(text: LabelledText, page: WebPage, ids: dict[str, str]) -> dict[str, Any]:
    """Return the row of labels.jsonl for a page; ids are those of the records."""
    truth = dict(text.truth)
    if "original" in truth:
        truth["original"] = ids[truth["original"]]
    if "jaccards" in truth:
        truth["jaccards"] = {ids[old]: j for old, j in truth["jaccards"].items()}
    if "personal_data" in truth:
        truth["pii"] = [planted["value"] for planted in truth["personal_data"]]
    about = {"id": ids[text.id], "url": text.url, "kinds": text.kinds}
    about |= {"source": text.source, "layout": page.layout, "charset": page.charset}
    return about | truth | {"text": text.text}


# --- the files -----------------------------------------------------------------------


def _write_warc(
    file: Any,
    texts: list[LabelledText],
    ids: dict[str, str],
    config: CrawlConfig,
    start: int,
    progress: tqdm,
) -> Iterator[dict[str, Any]]:
    """Write one WARC file of pages and, in between, other answers; yield the labels."""
    from warcio.warcwriter import WARCWriter

    writer = WARCWriter(file, gzip=True)
    about = b"software: ch01_data.crawl\r\nformat: WARC File Format 1.0\r\n"
    _record(writer, "warcinfo", "", _urn(config, f"info {start}"), start, about)
    for number, text in enumerate(texts, start):
        page = make_page(text, config.family)
        header = [("Content-Type", page.content_type)]
        _record(writer, "request", text.url, _urn(config, f"ask {number}"), number)
        _record(writer, "response", text.url, ids[text.id], number, page.body, header)
        if number % OTHER_RECORDS == 0:
            _write_others(writer, text.url, config, number)
        progress.update()
        yield _label(text, page, ids)


def _write_others(writer: Any, url: str, config: CrawlConfig, number: int) -> None:
    """Write what every crawl holds besides pages: a picture, an error, a move."""
    picture = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1"
    answers = (
        ("200 OK", "image/png", picture),
        ("404 Not Found", "text/html", b"<html><p>There is no such page.</p></html>"),
        ("301 Moved Permanently", "text/html", b""),
    )
    for status, content_type, body in answers:
        name = _urn(config, f"other {number} {status}")
        header = [("Content-Type", content_type)]
        address = f"{url}.{status[:3]}"
        _record(writer, "response", address, name, number, body, header, status)


def _record(
    writer: Any,
    kind: str,
    url: str,
    name: str,
    number: int,
    body: bytes = b"",
    header: list[tuple[str, str]] | None = None,
    status: str = "200 OK",
) -> None:
    """Write one record. Its date follows from its number, so that a run repeats."""
    from warcio.statusandheaders import StatusAndHeaders

    date = (FIRST_DATE + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%SZ")
    http = None
    if kind == "request":
        asked = f"GET {urlsplit(url).path} HTTP/1.1"
        http = StatusAndHeaders(asked, [("Accept", "*/*")], is_http_request=True)
    elif header is not None:
        http = StatusAndHeaders(status, header, protocol="HTTP/1.1")
    record = writer.create_warc_record(
        url,
        kind,
        payload=BytesIO(body),
        length=len(body),
        http_headers=http,
        warc_headers_dict={"WARC-Record-ID": f"<{name}>", "WARC-Date": date},
    )
    writer.write_record(record)


def main(argv: list[str] | None = None) -> int:
    """Write a labelled dirty crawl and count its kinds of dirt."""
    defaults = CrawlConfig()
    parser = argparse.ArgumentParser(description=main.__doc__)
    add = parser.add_argument
    add("--out", default=defaults.out, help="folder to write")
    add("--n", type=int, default=defaults.n, help="pages")
    add("--family", choices=FAMILIES, default=defaults.family, help="of templates")
    add("--seed", type=int, default=defaults.seed)
    add("--per-file", type=int, default=defaults.per_file, help="pages to a WARC file")
    arguments = parser.parse_args(argv)

    def command() -> None:
        report = make_crawl(CrawlConfig(**vars(arguments)))
        print(report.table())
        print(f"{len(report.warc_paths)} WARC files in {report.warc}")
        print(f"the truth, for the scorer alone: {report.labels}")

    return run_command(command)


if __name__ == "__main__":
    raise SystemExit(main())
