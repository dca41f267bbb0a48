"""Recorded inputs and outputs as columns of cells. Reads whatever was recorded, raises nothing, knows no database."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

MISSING = None
Columns = dict[str, list[Any]]
"""Cells by the column's name, one for each row; None where a cell is missing."""

MASK = "[redacted]"
"""What a record has in place of a value that the model's policy never writes down."""


def inputs_of(recorded: Iterable[Any], signature: dict[str, Any]) -> Columns:
    """The cells of recorded inputs (`{kind: data}`), by column, as far as they can be read.

    Tabular columns as they are; of texts the features `length` (characters) and `words`. Tensors have none.
    """
    handler = signature.get("handler")
    names = [column["name"] for column in signature.get("inputs", ())]
    if handler == "text":
        return _texts(text for one in recorded for text in instances_of(one, ["text"]))
    if handler != "tabular" or not names:
        return {}
    columns: Columns = {name: [] for name in names}
    for one in recorded:
        for row in instances_of(one, names):
            for name, cell in zip(names, row, strict=True):
                columns[name].append(cell if cell == MASK else _plain(cell))
    return {name: _unmasked(cells) for name, cells in columns.items() if not cells or set(map(str, cells)) != {MASK}}


def _unmasked(cells: list[Any]) -> list[Any]:
    """Values that were not written down are missing; a column without any others is none."""
    return [MISSING if cell == MASK else cell for cell in cells] if MASK in cells else cells


def _texts(rows: Iterable[list[Any]]) -> Columns:
    texts = [row[0] for row in rows if isinstance(row[0], str) and row[0] != MASK]
    return {"length": [len(text) for text in texts], "words": [len(text.split()) for text in texts]}


def instances_of(recorded: Any, names: list[str]) -> list[list[Any]]:
    """The rows of a recorded input, cells in the order of `names`; rows that don't have that form are left out."""
    if not isinstance(recorded, dict) or len(recorded) != 1:
        return []
    kind, data = next(iter(recorded.items()))
    if kind == "inputs" and isinstance(data, dict):
        cells = [data.get(name) for name in names]
        if not cells or not all(isinstance(column, list) for column in cells):
            return []
        return [list(row) for row in zip(*(column for column in cells if column is not None), strict=False)]
    if kind == "dataframe_split" and isinstance(data, dict):
        given, rows = data.get("columns"), data.get("data")
        if not isinstance(given, list) or not isinstance(rows, list):
            return []
        data = [dict(zip(given, row, strict=False)) for row in rows if isinstance(row, list)]
    if kind not in ("instances", "dataframe_records", "dataframe_split") or not isinstance(data, list):
        return []
    return [row for one in data if (row := _row(one, names)) is not None]


def _row(one: Any, names: list[str]) -> list[Any] | None:
    if isinstance(one, dict):
        return [one.get(name) for name in names]
    if isinstance(one, list):
        return one if len(one) == len(names) else None
    return [one] if len(names) == 1 else None


def _plain(cell: Any) -> Any:
    """A cell as drift counts it: a finite number, a text or a truth value; None for everything else."""
    if isinstance(cell, bool | str | int):
        return cell
    return cell if isinstance(cell, float) and math.isfinite(cell) else MISSING


def predictions_of(outputs: Iterable[Any]) -> tuple[Columns, list[float]]:
    """The predictions of recorded outputs (`{predictions, probabilities}`) and the confidences they were made with.

    One output is the column `prediction`; several are `prediction 1`, `prediction 2`, … A confidence is the largest of
    a row's probabilities.
    """
    columns: Columns = {}
    confidences: list[float] = []
    for output in outputs:
        said = output.get("predictions") if isinstance(output, dict) else None
        if not isinstance(said, list):
            continue
        for one in said:
            for at, cell in enumerate(one if isinstance(one, list) else [one]):
                name = f"prediction {at + 1}" if isinstance(one, list) else "prediction"
                columns.setdefault(name, []).append(_plain(cell))
        confidences += confidences_of(output.get("probabilities"))
    return columns, confidences


def confidences_of(probabilities: Any) -> list[float]:
    """The largest share of each row."""
    rows = probabilities if isinstance(probabilities, list) else []
    return [max(row) for row in rows if isinstance(row, list) and row and _are_shares(row)]


def _are_shares(row: Sequence[Any]) -> bool:
    return all(isinstance(share, int | float) and not isinstance(share, bool) for share in row)
