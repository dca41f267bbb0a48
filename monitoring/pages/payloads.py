"""What a recorded request held and was answered, as tables for a page: no HTML, no queries."""

from dataclasses import dataclass
from typing import Any

from registry.findings import cell

SHOWN_ROWS = 50
SHOWN_COLUMNS = 24
SHOWN_CELLS = 400
SHOWN_CLASSES = 10
LONGEST_CELL = 300
LONGEST_TEXT = 5_000


@dataclass(frozen=True, slots=True)
class Inputs:
    """Inputs as people read them: one row as `pairs` of name and value, several as a table, or one `text`.

    `more_rows` and `more_columns` (of one row: values) are not shown. `omitted_bytes`: it was too large to be kept.
    """

    text: str | None = None
    pairs: list[tuple[str, str]] | None = None
    names: list[str] | None = None
    rows: list[list[str]] | None = None
    more_rows: int = 0
    more_columns: int = 0
    omitted_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """One class and its probability in percent."""

    label: str
    percent: float
    is_first: bool


@dataclass(frozen=True, slots=True)
class Outputs:
    """An answer: the predictions, and for a single one its classes by probability."""

    predictions: list[str]
    shares: list[Share]
    more_predictions: int = 0
    more_shares: int = 0
    omitted_bytes: int | None = None


def inputs(kept: Any, signature: dict[str, Any] | None) -> Inputs | None:
    """A record's `input`; None when nothing was kept."""
    if not isinstance(kept, dict) or not kept:
        return None
    if "omitted_bytes" in kept:
        return Inputs(omitted_bytes=int(kept["omitted_bytes"]))
    names, rows = _rows(kept, [str(entry.get("name", "")) for entry in (signature or {}).get("inputs", [])])
    if len(rows) == 1:
        return _single(names, rows[0])
    width = max((len(row) for row in rows), default=0)
    shown = max(1, min(SHOWN_COLUMNS, width))
    return Inputs(
        names=_padded(names, width)[:shown],
        rows=[[cell(value) for value in row[:shown]] for row in rows[:SHOWN_ROWS]],
        more_rows=max(0, len(rows) - SHOWN_ROWS),
        more_columns=max(0, width - shown),
    )


def _single(names: list[str], row: list[Any]) -> Inputs:
    if len(row) == 1 and isinstance(row[0], str):
        text = row[0]
        return Inputs(text=text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "…")
    pairs = zip(_padded(names, len(row)), row, strict=False)
    return Inputs(
        pairs=[(name, cell(value, longest=LONGEST_CELL)) for name, value in list(pairs)[:SHOWN_CELLS]],
        more_columns=max(0, len(row) - SHOWN_CELLS),
    )


def _rows(kept: dict[str, Any], known: list[str]) -> tuple[list[str], list[list[Any]]]:
    """Names and rows of cells, whatever form the request had. What has no such form is one cell."""
    (kind, data), *_ = kept.items()
    if kind == "dataframe_split" and isinstance(data, dict):
        return [str(name) for name in _list(data.get("columns"))], [_list(row) for row in _list(data.get("data"))]
    if kind == "inputs" and isinstance(data, dict):
        columns = [_list(cells) for cells in data.values()]
        length = max((len(cells) for cells in columns), default=0)
        return [str(name) for name in data], [
            [cells[at] if at < len(cells) else None for cells in columns] for at in range(length)
        ]
    found = _list(data)
    if found and all(isinstance(row, dict) for row in found):
        names = list(dict.fromkeys(name for row in found for name in row))
        return [str(name) for name in names], [[row.get(name) for name in names] for row in found]
    return known, [row if isinstance(row, list) else [row] for row in found]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _padded(names: list[str], width: int) -> list[str]:
    """The names, when there are as many as cells; else numbers."""
    return names if len(names) == width else [str(number) for number in range(1, width + 1)]


def outputs(kept: Any, signature: dict[str, Any] | None) -> Outputs | None:
    """A record's `output`; None when nothing was kept."""
    if not isinstance(kept, dict) or not kept:
        return None
    if "omitted_bytes" in kept:
        return Outputs([], [], omitted_bytes=int(kept["omitted_bytes"]))
    predictions = _list(kept.get("predictions"))
    shares = _shares(kept.get("probabilities"), (signature or {}).get("classes")) if len(predictions) == 1 else []
    return Outputs(
        [cell(value, longest=LONGEST_CELL) for value in predictions[:SHOWN_ROWS]],
        shares[:SHOWN_CLASSES],
        max(0, len(predictions) - SHOWN_ROWS),
        max(0, len(shares) - SHOWN_CLASSES),
    )


def _shares(probabilities: Any, classes: Any) -> list[Share]:
    """The classes of a single answer, the likeliest first."""
    if not isinstance(probabilities, list) or not probabilities or not isinstance(probabilities[0], list):
        return []
    row = probabilities[0]
    labels = classes if isinstance(classes, list) and len(classes) == len(row) else range(len(row))
    known = [(label, value) for label, value in zip(labels, row, strict=True) if isinstance(value, int | float)]
    known.sort(key=lambda pair: -pair[1])
    return [Share(str(label), 100.0 * value, at == 0) for at, (label, value) in enumerate(known)]
