"""Parquet tables: a column of texts, read a few hundred rows at a time."""

from collections.abc import Iterator
from typing import Any

from ch01_data.documents import Document, Reading, UnreadableText

ROWS = 256
BUFFER_BYTES = 1 << 20


def read_parquet(reading: Reading) -> Iterator[Document]:
    """Yield the rows of a parquet table: column `text`, and `id` and `url` if there.

    Rows whose text is missing or blank are counted.

    Raises:  UnreadableText for a damaged file, or one without a text column.
    """
    import pyarrow

    try:
        yield from _rows(reading)
    except (pyarrow.ArrowException, OSError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnreadableText(
            "damaged", f"{reading.title} is no readable parquet table: {why}"
        ) from error


def _rows(reading: Reading) -> Iterator[Document]:
    from pyarrow.parquet import ParquetFile

    table = ParquetFile(reading.stream, buffer_size=BUFFER_BYTES, pre_buffer=False)
    names = table.schema_arrow.names
    _require_text(table.schema_arrow, reading.title)
    columns = [name for name in ("text", "id", "url") if name in names]
    number, found = 0, 0
    for batch in table.iter_batches(ROWS, columns=columns, use_threads=False):
        for row in batch.to_pylist():
            number += 1
            if not (row["text"] or "").strip():
                reading.skipped["no text"] += 1
                continue
            found += 1
            name = row.get("id")
            name = f"{reading.name}:{number}" if name is None else str(name)
            url = row.get("url")
            yield Document(row["text"], name, url and str(url), reading.source)
    if not found:
        raise UnreadableText("empty", f"{reading.title} has no row with text")


def _require_text(schema: Any, title: str) -> None:
    from pyarrow import types

    if "text" not in schema.names:
        raise UnreadableText(
            "no text field",
            f'{title} has no column "text", only {", ".join(schema.names)[:80]}',
        )
    kind = schema.field("text").type
    if not (types.is_string(kind) or types.is_large_string(kind)):
        raise UnreadableText(
            "no text field", f'{title}: the column "text" holds {kind}, not strings'
        )
