"""Rows as CSV or JSON lines, written piece by piece. What a spreadsheet would take for a formula becomes text."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

_FORMULA = tuple("=+-@\t\r\n＝＋－＠|%")
CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}


def guarded(value: Any) -> Any:
    """A cell that no spreadsheet runs: text that begins like a formula gets an apostrophe in front of it.

    Numbers stay numbers, and None becomes an empty cell.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return value
    text = value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    # Readers of CSV stumble over the character NUL.
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return "'" + text if text.lstrip(" ").startswith(_FORMULA) else text


def as_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """A heading and a line for each row. Every text is quoted, whatever separator the reader's program expects."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([guarded(row.get(column)) for column in columns])
        if buffer.tell() > 16_384:
            yield _taken(buffer)
    yield _taken(buffer)


def as_jsonl(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """An object per line."""
    for row in rows:
        yield orjson.dumps({column: row.get(column) for column in columns}, option=orjson.OPT_APPEND_NEWLINE)


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
