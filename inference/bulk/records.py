"""Where records of a text end: found on whole blocks at once, or one by one where quotes are used freely."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from inference.bulk.files import FileUnreadable

# A part that fits the processor's cache with all it becomes takes a tenth less than one of four times the size.
BLOCK_BYTES = 1 << 20
MAX_RECORD_BYTES = 64 << 20
_NEWLINE, _RETURN, _QUOTE = 10, 13, 34


class StrayQuotes(Exception):
    """A quote stands inside a field that does not begin with one: blocks can't be judged as a whole."""


class Block(NamedTuple):
    """Whole records. `ends`: behind each that is not blank, from the block's beginning; `lines`: newlines before
    each end."""

    offset: int
    length: int
    ends: "np.ndarray"
    lines: "np.ndarray"
    newlines: int


def blocks(path: Path, *, start: int, first_line: int, delimiter: str | None) -> Iterator[Block]:
    """The records behind `start`. `delimiter`: that of a CSV, whose quotes may hold newlines; None: they can't.

    Raises StrayQuotes; FileUnreadable for a record that is too long or a quote that is never closed.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        offset, line, wanted = start, first_line, BLOCK_BYTES
        while offset < size:
            file.seek(offset)
            content = file.read(wanted)
            is_last = offset + len(content) >= size
            found = _ends(content, delimiter, is_last)
            if found is None:
                if is_last:
                    raise FileUnreadable("unclosed_quote", f"Line {line}: a quote is never closed.", line=line)
                if wanted >= MAX_RECORD_BYTES:
                    raise FileUnreadable("row_too_long", f"Line {line}: the row is too long.", line=line)
                wanted *= 2
                continue
            wanted = BLOCK_BYTES
            ends, lines, length, newlines = found
            yield Block(offset, length, ends, lines, newlines)
            offset, line = offset + length, line + newlines


def _ends(content: bytes, delimiter: str | None, is_last: bool) -> "tuple[np.ndarray, np.ndarray, int, int] | None":
    """(ends, lines, how much of the content they are, its newlines); None when no record ends here."""
    text = np.frombuffer(content, dtype=np.uint8)
    newlines = np.flatnonzero(text == _NEWLINE)
    outside = newlines
    is_open = False
    if delimiter is not None and _QUOTE in content:
        quotes = np.flatnonzero(text == _QUOTE)
        _require_standard(text, quotes, ord(delimiter), is_last)
        outside = newlines[np.searchsorted(quotes, newlines) % 2 == 0]
        is_open = len(quotes) % 2 == 1
    if is_last and is_open:
        return None
    ends = outside + 1
    if is_last and (not len(ends) or ends[-1] < len(content)):
        ends = np.append(ends, len(content))
    if not len(ends):
        return None
    lines = np.arange(len(ends)) if outside is newlines else np.searchsorted(newlines, ends - 1)
    length = int(ends[-1])
    starts = np.concatenate([[0], ends[:-1]])
    short = np.flatnonzero(ends - starts <= 2)  # only these can be blank
    if len(short):
        # What a record is without its newline; a last one may have none.
        bare = (ends - starts)[short] - (text[ends[short] - 1] == _NEWLINE)
        is_blank = (bare == 0) | ((bare == 1) & (text[starts[short]] == _RETURN))
        blank = short[is_blank]
        ends, lines = np.delete(ends, blank), np.delete(lines, blank)
    return ends, lines, length, int(np.searchsorted(newlines, length))


def _require_standard(text: "np.ndarray", quotes: "np.ndarray", delimiter: int, is_last: bool) -> None:
    """Every quote that opens follows a delimiter, and every one that closes comes before one."""
    opening, closing = quotes[::2], quotes[1::2]
    before = text[opening[opening > 0] - 1]
    inside = closing < len(text) - 1
    after = text[closing[inside] + 1]
    good_before = (before == delimiter) | (before == _NEWLINE) | (before == _QUOTE)
    good_after = (after == delimiter) | (after == _NEWLINE) | (after == _QUOTE) | (after == _RETURN)
    if not (good_before.all() and good_after.all()):
        raise StrayQuotes


def one_by_one(path: Path, *, start: int, delimiter: str) -> Iterator[tuple[int, int, bool]]:
    """(where it ends, lines read so far, whether it is blank) for each record, as Python's reader sees them."""
    with path.open("rb") as file:
        file.seek(start)
        at = start

        def lines() -> Iterator[str]:
            nonlocal at
            while line := file.readline(MAX_RECORD_BYTES):
                at += len(line)
                yield line.decode("latin-1")

        reader = csv.reader(lines(), delimiter=delimiter)
        try:
            for row in reader:
                yield at, reader.line_num, not row
        except csv.Error as error:
            line = reader.line_num + 1
            raise FileUnreadable("row_too_long", f"Behind the header, line {line}: {error}.", line=line) from error
