"""Rows as the runtime's arrays. A row that the model can't take is left out, with the handler's own words for it."""

from typing import Any, NamedTuple

import numpy as np

from inference.bulk.parsing import Refusal, Rows
from inference.errors import InputInvalid
from inference.handlers import columns as columnar
from inference.handlers.base import Arrays, Handler, Payload
from inference.handlers.cells import CellRefused
from inference.signature import Signature

_FEW = 64
Places = np.ndarray[Any, Any]


class Fed(NamedTuple):
    """feeds: None when no row is good; places: which rows the feeds hold, in order; refused: all others."""

    feeds: Arrays | None
    places: Places
    refused: dict[int, Refusal]


def feed(rows: Rows, handler: Handler, signature: Signature) -> Fed:
    """Never raises for a row."""
    if rows.columns is not None:
        return _of_columns(rows, handler, signature)
    assert rows.instances is not None
    refused = dict(rows.broken)
    places = [at for at in range(rows.total) if at not in refused]
    return _joined(_of_instances(rows.instances, places, handler, signature, refused), refused)


def _of_columns(rows: Rows, handler: Handler, signature: Signature) -> Fed:
    assert rows.columns is not None
    columns = [column.values for column in rows.columns]
    doubted = columnar.misfits(columns, signature)
    for column in rows.columns:
        doubted[list(column.odd)] = True
    refused = dict(rows.broken)
    doubted[list(refused)] = True
    found: list[tuple[Places, Arrays]] = []
    good = np.flatnonzero(~doubted)
    odd = [int(at) for at in np.flatnonzero(doubted) if at not in refused]
    if len(good):
        try:
            taken = columns if len(good) == rows.total else [values[good] for values in columns]
            found.append((good, columnar.to_feeds(taken, signature)))
        except CellRefused:
            odd = [at for at in range(rows.total) if at not in refused]
    if odd:
        names = signature.names
        # A text handler takes bare texts, and objects as well.
        instances = {at: dict(zip(names, (column.cell(at) for column in rows.columns), strict=True)) for at in odd}
        found += _of_instances(instances, odd, handler, signature, refused)
    return _joined(found, refused)


def _of_instances(
    instances: Any, places: list[int], handler: Handler, signature: Signature, refused: dict[int, Refusal]
) -> list[tuple[Places, Arrays]]:
    """All at once; when one is refused, in halves, until it stands alone."""
    if not places:
        return []
    try:
        chosen = [instances[at] for at in places]
        feeds = handler.preprocess(Payload("instances", chosen), signature)
        return [(np.array(places), feeds)]
    except InputInvalid as error:
        if len(places) == 1:
            refused[places[0]] = _without_path(error)
            return []
    if len(places) <= _FEW:
        pieces = [[at] for at in places]
    else:
        half = len(places) // 2
        pieces = [places[:half], places[half:]]
    return [found for piece in pieces for found in _of_instances(instances, piece, handler, signature, refused)]


def _without_path(error: InputInvalid) -> Refusal:
    """The row is said beside it; its place in a request, which there was none of, is not."""
    message = error.message.removeprefix(f"{error.path}: ").replace("instances[0].", "").replace("instances[0]", "it")
    return Refusal(error.code, message, error.column)


def _joined(found: list[tuple[Places, Arrays]], refused: dict[int, Refusal]) -> Fed:
    if not found:
        return Fed(None, np.empty(0, dtype=np.int64), refused)
    if len(found) == 1:
        return Fed(found[0][1], found[0][0], refused)
    places = np.concatenate([at for at, _ in found])
    order = np.argsort(places)
    feeds = {name: np.concatenate([arrays[name] for _, arrays in found])[order] for name in found[0][1]}
    return Fed(feeds, places[order], refused)
