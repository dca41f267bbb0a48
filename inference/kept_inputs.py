"""What a record keeps of a request's data, where the model's policy is stricter than to keep all of it.

Applied before the record is written anywhere, the spool included. On any doubt about which value belongs to a redacted
name, more is left out, not less.
"""

from collections.abc import Sequence
from typing import Any

import orjson
from django.utils.crypto import salted_hmac

from inference.handlers.base import Payload

MASK = "[redacted]"
_SALT = "mlplatform.prediction-input"


def hashed(data: dict[str, Any]) -> dict[str, str]:
    """A keyed hash in place of the data: equal for equal data, and useless for guessing without SECRET_KEY."""
    text = orjson.dumps(data, option=orjson.OPT_SORT_KEYS)
    return {"hmac_sha256": salted_hmac(_SALT, text, algorithm="sha256").hexdigest()}


def redacted(payload: Payload, names: frozenset[str], columns: Sequence[str]) -> dict[str, Any]:
    """The payload with a mask in place of each value that belongs to one of `names`.

    `columns` are the signature's, in order: what a value in a row without names means.
    """
    data = payload.data
    if payload.kind == "inputs":
        kept = _masked(data, names) if isinstance(data, dict) else MASK
    elif payload.kind == "dataframe_split":
        kept = _masked_frame(data, names)
    elif isinstance(data, list):
        kept = [_masked_row(row, names, columns) for row in data]
    else:
        kept = MASK
    return {payload.kind: kept}


def _masked(value: Any, names: frozenset[str]) -> Any:
    """Mask the values of keys, at any depth."""
    if isinstance(value, dict):
        return {key: MASK if key in names else _masked(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item, names) for item in value]
    return value


def _masked_row(row: Any, names: frozenset[str], columns: Sequence[str]) -> Any:
    if isinstance(row, dict):
        return _masked(row, names)
    if len(columns) == 1:
        return MASK if columns[0] in names else _masked(row, names)
    return _masked_cells(row, columns, names)


def _masked_cells(row: Any, columns: Sequence[Any], names: frozenset[str]) -> Any:
    """Mask by position; a row that doesn't fit its columns says nothing about which value is which."""
    if not isinstance(row, list) or len(row) != len(columns):
        return MASK
    return [MASK if column in names else _masked(cell, names) for column, cell in zip(columns, row, strict=True)]


def _masked_frame(data: Any, names: frozenset[str]) -> Any:
    columns = data.get("columns") if isinstance(data, dict) else None
    rows = data.get("data") if isinstance(data, dict) else None
    if (
        not isinstance(columns, list)
        or not isinstance(rows, list)
        or not all(isinstance(name, str) for name in columns)
    ):
        return MASK
    return {"columns": columns, "data": [_masked_cells(row, columns, names) for row in rows]}
