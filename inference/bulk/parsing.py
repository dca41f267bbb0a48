"""A part's bytes as rows that the handler understands, and the rows that are none."""

import csv
import io
import secrets
from operator import itemgetter
from typing import Any, NamedTuple

import orjson

from inference.bulk import arrow
from inference.bulk.cell_columns import CellColumn, from_texts
from inference.bulk.files import FileUnreadable, Part, Plan
from inference.handlers.columns import takes_columns
from inference.signature import Signature


class Refusal(NamedTuple):
    """Why a row has no answer: a stable code, the column where it is about one, words for people."""

    code: str
    message: str
    field: str | None = None


class Rows(NamedTuple):
    """Rows in one of two forms: columns of the model, or what a client would send; None where a row is in `broken`."""

    total: int
    columns: list[CellColumn] | None
    instances: list[Any] | None
    broken: dict[int, Refusal]


def parse(content: bytes, plan: Plan, part: Part, signature: Signature) -> Rows:
    """Raises FileUnreadable where the part does not hold the rows that it was planned to."""
    if plan.kind == "parquet":
        if not takes_columns(signature):
            return Rows(part.rows, None, arrow.stream_rows(content, signature), {})
        return Rows(part.rows, arrow.stream_columns(content, signature), None, {})
    if plan.kind == "jsonl":
        return _of_lines(content, part, signature)
    if not takes_columns(signature):
        message = "This model takes tensors: send JSON lines or Parquet, a CSV can't hold them."
        raise FileUnreadable("wrong_format", message)
    if arrow.is_there() and not plan.is_odd:
        try:
            return Rows(part.rows, arrow.csv_columns(content, plan, part.rows, signature), None, {})
        except arrow.NotPlain:
            pass
    return _of_csv(content, plan, part, signature)


def _of_csv(content: bytes, plan: Plan, part: Part, signature: Signature) -> Rows:
    # What is no UTF-8 becomes half characters, which the handler refuses in the row where they stand.
    text = io.StringIO(content.decode(errors="surrogateescape"), newline="")
    try:
        found = [row for row in csv.reader(text, delimiter=plan.delimiter) if row]
    except csv.Error as error:
        raise _not_as_planned(part) from error
    if len(found) != part.rows:
        raise _not_as_planned(part)
    broken: dict[int, Refusal] = {}
    filler = [""] * plan.width
    for at, row in enumerate(found):
        if len(row) != plan.width:
            message = f"the row has {len(row)} cells, the header has {plan.width}"
            broken[at] = Refusal("wrong_width", message)
            found[at] = filler
    texts = list(zip(*found, strict=True))
    columns = [from_texts(texts[pick], column) for pick, column in zip(plan.picks, signature.inputs, strict=True)]
    return Rows(part.rows, columns, None, broken)


def _of_lines(content: bytes, part: Part, signature: Signature) -> Rows:
    lines = [line for line in content.split(b"\n") if line and line != b"\r"]
    if len(lines) != part.rows:
        raise _not_as_planned(part)
    broken: dict[int, Refusal] = {}
    values = _read_at_once(lines)
    if values is None:
        values = []
        for at, line in enumerate(lines):
            try:
                values.append(orjson.loads(line))
            except orjson.JSONDecodeError as error:
                broken[at] = Refusal("json", f"the line is no JSON: {error.msg}")
                values.append(None)
    return Rows(part.rows, None, _without_more(values, signature), broken)


def _read_at_once(lines: list[bytes]) -> list[Any] | None:
    """The values of lines that are each whole, in half the time; None when one of them is not.

    Between two stands what no file knows: lines that only together are a value would swallow it.
    """
    mark = secrets.token_hex(8)
    try:
        values = orjson.loads(b"[" + f',"{mark}",'.encode().join(lines) + b"]")
    except orjson.JSONDecodeError:
        return None
    is_each = len(values) == 2 * len(lines) - 1 and values[1::2] == [mark] * (len(lines) - 1)
    return values[::2] if is_each else None


def _without_more(values: list[Any], signature: Signature) -> list[Any]:
    """Objects without what the model has no column for: files often carry more than that."""
    names = signature.names
    first = values[0] if values else None
    if type(first) is dict and signature.handler == "tabular" and first.keys() > signature.index.keys():
        pick = itemgetter(*names) if len(names) > 1 else lambda entry: (entry[names[0]],)
        try:
            return [list(pick(entry)) for entry in values]
        except (KeyError, TypeError, IndexError):
            pass
    wanted = signature.index.keys()
    return [
        {name: value for name, value in entry.items() if name in wanted}
        if type(entry) is dict and not entry.keys() <= wanted
        else entry
        for entry in values
    ]


def _not_as_planned(part: Part) -> FileUnreadable:
    line = part.first_line
    message = f"The rows behind line {line} can't be told apart: look for quotes and line ends there."
    return FileUnreadable("rows_unclear", message, line=line)
