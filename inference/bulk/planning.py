"""Cuts a file into parts, and finds the model's columns in it. Reads it once, keeps none of it."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from inference.bulk import arrow
from inference.bulk.files import FileUnreadable, Kind, Part, Plan
from inference.bulk.records import StrayQuotes, blocks, one_by_one
from inference.signature import Signature

PART_BYTES = 1 << 20
PART_ROWS = 50_000
_BOM = b"\xef\xbb\xbf"
_DELIMITERS = ",;\t|"
_HEADER_BYTES = 1 << 20
# Longer than any cell that makes sense; the module's own limit is 128 KiB.
csv.field_size_limit(MAX_CELL := 32 << 20)


def plan(path: Path, kind: Kind, signature: Signature) -> Plan:
    """Raises FileUnreadable: missing_column, duplicate_column, encoding, empty_file, unclosed_quote, row_too_long,
    parquet, extra_missing."""
    if path.stat().st_size == 0:
        raise FileUnreadable("empty_file", "The file is empty.")
    if kind == "parquet":
        found = _of_parquet(path, signature)
    elif kind == "csv":
        found = _of_csv(path, signature)
    else:
        found = _of_jsonl(path)
    if not found.rows:
        raise FileUnreadable("empty_file", "The file has no rows.")
    return found


def _of_jsonl(path: Path) -> Plan:
    with path.open("rb") as file:
        start = len(_BOM) if file.read(len(_BOM)) == _BOM else 0
    parts = _parts(path, start=start, first_line=1, delimiter=None)
    return Plan("jsonl", _rows_of(parts), parts)


def _of_csv(path: Path, signature: Signature) -> Plan:
    delimiter, header, start, first_line = _header(path, signature)
    picks = _picks(header, signature)
    ignored = tuple(name for at, name in enumerate(header) if at not in picks)
    is_odd = False
    try:
        parts = _parts(path, start=start, first_line=first_line, delimiter=delimiter)
    except StrayQuotes:
        is_odd, parts = True, _odd_parts(path, start=start, first_line=first_line, delimiter=delimiter)
    return Plan("csv", _rows_of(parts), parts, delimiter, picks, len(header), is_odd, ignored)


def _of_parquet(path: Path, signature: Signature) -> Plan:
    header, groups = arrow.parquet_facts(path)
    picks = _picks(header, signature)
    parts: list[Part] = []
    first_row = 0
    for group, rows in enumerate(groups):
        for start in range(0, rows, PART_ROWS):
            count = min(PART_ROWS, rows - start)
            parts.append(Part(len(parts), group, start, first_row, count, first_row + 1))
            first_row += count
    ignored = tuple(name for at, name in enumerate(header) if at not in picks)
    return Plan("parquet", first_row, tuple(parts), ",", picks, len(header), False, ignored)


def _rows_of(parts: Sequence[Part]) -> int:
    return sum(part.rows for part in parts)


# -- The first line -----------------------------------------------------------------------------------


def _header(path: Path, signature: Signature) -> tuple[str, list[str], int, int]:
    """(delimiter, names, where the rows begin, their first line): the delimiter that finds most of the columns."""
    with path.open("rb") as file:
        head = file.read(_HEADER_BYTES)
    bom = len(_BOM) if head.startswith(_BOM) else 0
    best: tuple[int, str, list[str], int, int] | None = None
    for delimiter in _DELIMITERS:
        names, length, lines = _first_record(head[bom:], delimiter)
        score = len(set(names) & signature.index.keys())
        if best is None or score > best[0]:
            best = score, delimiter, names, length, lines
    assert best is not None
    _, delimiter, names, length, lines = best
    return delimiter, names, bom + length, 1 + lines


def _first_record(head: bytes, delimiter: str) -> tuple[list[str], int, int]:
    """(its cells, how long it is in bytes, its lines)."""
    try:
        text = io.StringIO(head.decode(errors="surrogateescape"), newline="")
        reader = csv.reader(text, delimiter=delimiter)
        names = next(row for row in reader if row)
        length = len("".join(_lines(head, reader.line_num)).encode(errors="surrogateescape"))
        "".join(names).encode()
    except (StopIteration, csv.Error, UnicodeEncodeError) as error:
        raise FileUnreadable("encoding", "Line 1 is no line of a CSV file in UTF-8.", line=1) from error
    return [name.strip() for name in names], length, reader.line_num


def _lines(head: bytes, count: int) -> Iterator[str]:
    text = io.StringIO(head.decode(errors="surrogateescape"), newline="")
    for _ in range(count):
        yield text.readline()


def _picks(header: Sequence[str], signature: Signature) -> tuple[int, ...]:
    if signature.width == 1 and len(header) == 1:
        return (0,)  # there is nothing to mix up
    for name in signature.names:
        if name not in header:
            named = ", ".join(header)[:300]
            message = f"The file has no column {name!r}, which the model needs. It has: {named}."
            raise FileUnreadable("missing_column", message, line=1, column=name)
        if list(header).count(name) > 1:
            message = f"The file has two columns {name!r}."
            raise FileUnreadable("duplicate_column", message, line=1, column=name)
    return tuple(list(header).index(name) for name in signature.names)


# -- The parts ----------------------------------------------------------------------------------------


def _parts(path: Path, *, start: int, first_line: int, delimiter: str | None) -> tuple[Part, ...]:
    parts: list[Part] = []
    row, line = 0, first_line
    for block in blocks(path, start=start, first_line=first_line, delimiter=delimiter):
        begin, begin_line = 0, 0
        for first in range(0, len(block.ends), PART_ROWS):
            last = min(first + PART_ROWS, len(block.ends))
            end = int(block.ends[last - 1])
            parts.append(Part(len(parts), block.offset + begin, end - begin, row, last - first, line + begin_line))
            row += last - first
            begin, begin_line = end, int(block.lines[last - 1]) + 1
        line += block.newlines
    return tuple(parts)


def _odd_parts(path: Path, *, start: int, first_line: int, delimiter: str) -> tuple[Part, ...]:
    parts: list[Part] = []
    begin, begin_line, first_row, rows, end, lines = start, 0, 0, 0, start, 0
    for end, lines, is_blank in one_by_one(path, start=start, delimiter=delimiter):
        rows += not is_blank
        if rows and (rows == PART_ROWS or end - begin >= PART_BYTES):
            parts.append(Part(len(parts), begin, end - begin, first_row, rows, first_line + begin_line))
            begin, begin_line, first_row, rows = end, lines, first_row + rows, 0
    if rows:
        parts.append(Part(len(parts), begin, end - begin, first_row, rows, first_line + begin_line))
    return tuple(parts)
