"""Any payload form, read as rows of cells in the signature's column order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from inference.errors import InputInvalid
from inference.handlers.base import Payload
from inference.signature import Signature

Rows = Sequence[Sequence[Any]]
Locate = Callable[[int, int], str]


@dataclass(frozen=True, slots=True)
class Table:
    """rows[i][j] belongs to the signature's column j; `locate(i, j)` is the caller's path to it."""

    rows: Rows
    locate: Locate


def count_rows(payload: Payload) -> int:
    """Raises InputInvalid for a payload without rows or of the wrong form."""
    kind, data = payload.kind, payload.data
    if kind == "inputs":
        rows = _first_column(data)
    elif kind == "dataframe_split":
        rows = _split_parts(data)[1]
    else:
        rows = data
    if not isinstance(rows, list):
        raise InputInvalid("wrong_type", f"{kind} must be a list of rows", path=kind)
    if not rows:
        raise InputInvalid("empty_batch", f"{kind} holds no rows", path=kind)
    return len(rows)


def read_table(payload: Payload, signature: Signature) -> Table:
    """Raises InputInvalid: empty_batch, wrong_type, missing_column, unknown_column, wrong_width,
    ragged_rows, duplicate_column."""
    count_rows(payload)
    if payload.kind == "inputs":
        return _from_columns(payload.data, signature)
    if payload.kind == "dataframe_split":
        return _from_split(payload.data, signature)
    first = payload.data[0]
    if payload.kind == "dataframe_records" or isinstance(first, dict):
        return _from_objects(payload.data, payload.kind, signature)
    if isinstance(first, list):
        return _from_lists(payload.data, payload.kind, signature)
    return _from_scalars(payload.data, payload.kind, signature)


def _from_objects(data: list[Any], kind: str, signature: Signature) -> Table:
    names, wanted = signature.names, signature.index.keys()
    for row, entry in enumerate(data):
        path = f"{kind}[{row}]"
        if not isinstance(entry, dict):
            raise InputInvalid("wrong_type", f"{path} must be an object", path=path, row=row)
        if not entry:
            raise InputInvalid("empty_batch", f"{path} holds no cells", path=path, row=row)
        if entry.keys() != wanted:
            _refuse_columns(entry.keys(), signature, path, row)
    if signature.width == 1:
        rows: Rows = [(entry[names[0]],) for entry in data]
    else:
        pick = itemgetter(*names)
        rows = [pick(entry) for entry in data]
    return Table(rows, lambda row, at: f"{kind}[{row}].{names[at]}")


def _from_lists(data: list[Any], kind: str, signature: Signature) -> Table:
    width = signature.width
    for row, entry in enumerate(data):
        path = f"{kind}[{row}]"
        if not isinstance(entry, list):
            raise InputInvalid("wrong_type", f"{path} must be a list, as {kind}[0] is", path=path, row=row)
        if len(entry) != width:
            _refuse_width(data, row, path, signature)
    return Table(data, lambda row, at: f"{kind}[{row}][{at}]")


def _from_scalars(data: list[Any], kind: str, signature: Signature) -> Table:
    """Bare cells, for models with a single column."""
    for row, entry in enumerate(data):
        if signature.width != 1 or isinstance(entry, (list, dict)):
            path = f"{kind}[{row}]"
            form = "a list or an object" if signature.width != 1 else "a bare value"
            raise InputInvalid("wrong_type", f"{path} must be {form}", path=path, row=row)
    return Table([(entry,) for entry in data], lambda row, at: f"{kind}[{row}]")


def _from_columns(data: dict[str, Any], signature: Signature) -> Table:
    if data.keys() != signature.index.keys():
        _refuse_columns(data.keys(), signature, "inputs", None)
    columns = [data[name] for name in signature.names]
    length = len(columns[0])
    for name, column in zip(signature.names, columns, strict=True):
        if not isinstance(column, list) or len(column) != length:
            raise InputInvalid(
                "ragged_rows" if isinstance(column, list) else "wrong_type",
                f"inputs.{name} must be a list of {length} values, as inputs.{signature.names[0]} is",
                path=f"inputs.{name}",
                column=name,
            )
    names = signature.names
    return Table(list(zip(*columns, strict=True)), lambda row, at: f"inputs.{names[at]}[{row}]")


def _from_split(data: dict[str, Any], signature: Signature) -> Table:
    columns, rows = _split_parts(data)
    kind = "dataframe_split.data"
    if columns is None:
        return _from_lists(rows, kind, signature)
    if len(set(columns)) != len(columns):
        raise InputInvalid("duplicate_column", "a column is named twice", path="dataframe_split.columns")
    if set(columns) != signature.index.keys():
        _refuse_columns(columns, signature, "dataframe_split.columns", None)
    for row, entry in enumerate(rows):
        path = f"{kind}[{row}]"
        if not isinstance(entry, list):
            raise InputInvalid("wrong_type", f"{path} must be a list", path=path, row=row)
        if len(entry) != len(columns):
            _refuse_width(rows, row, path, signature)
    places = [columns.index(name) for name in signature.names]
    ordered = [[entry[place] for place in places] for entry in rows]
    return Table(ordered, lambda row, at: f"{kind}[{row}][{places[at]}]")


def _split_parts(data: Any) -> tuple[list[str] | None, Any]:
    path = "dataframe_split"
    if not isinstance(data, dict):
        raise InputInvalid("wrong_type", f"{path} must be an object", path=path)
    for key in data:
        if key not in ("columns", "data", "index"):
            raise InputInvalid("unknown_field", f"{path} has no field {key!r}", path=f"{path}.{key}")
    columns = data.get("columns")
    if columns is not None and (not isinstance(columns, list) or not all(isinstance(name, str) for name in columns)):
        raise InputInvalid("wrong_type", f"{path}.columns must be a list of names", path=f"{path}.columns")
    return columns, data.get("data", [])


def _first_column(data: Any) -> Any:
    if not isinstance(data, dict):
        raise InputInvalid("wrong_type", "inputs must be an object of columns", path="inputs")
    return next(iter(data.values()), [])


def _refuse_columns(given: Any, signature: Signature, path: str, row: int | None) -> None:
    given = list(given)
    for name in signature.names:
        if name not in given:
            message = f"column {name!r} is missing"
            raise InputInvalid("missing_column", message, path=path, row=row, column=name)
    for name in given:
        if name not in signature.index:
            message = f"the model has no column {shorten(name)}"
            raise InputInvalid("unknown_column", message, path=path, row=row, column=str(name))


def _refuse_width(rows: list[Any], row: int, path: str, signature: Signature) -> None:
    lengths = {len(entry) for entry in rows if isinstance(entry, list)}
    if lengths == {0}:
        raise InputInvalid("empty_batch", f"{path} holds no cells", path=path, row=row)
    code = "wrong_width" if len(lengths) == 1 else "ragged_rows"
    message = f"{path} has {len(rows[row])} values; the model takes {signature.width}"
    raise InputInvalid(code, message, path=path, row=row)


def shorten(value: Any, limit: int = 60) -> str:
    """A value as it may stand in a message."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 200:
        return "a very large integer"
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "an object"
    text = ascii(value[: limit + 1] if isinstance(value, str) else value)
    return text if len(text) <= limit else text[: limit - 3] + "..."
