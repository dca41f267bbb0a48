"""Explains an answer that was given.

An explanation never costs the answer: what goes wrong with it is a reason, not an error.
"""

import logging
import time
from collections.abc import Sequence
from typing import Any

from inference.errors import TooManyToExplain
from inference.explaining import shelf
from inference.explaining.told import CannotExplain, Explanation, NotExplained, RowExplanation
from inference.explaining.words import Reader
from inference.handlers import table
from inference.handlers.base import Payload
from inference.signature import Signature
from registry.resolver import Served

log = logging.getLogger(__name__)

MAX_ROWS = 100
MOST_CONTRIBUTIONS = 20


def require_few(rows: int) -> None:
    """Raises TooManyToExplain."""
    if rows > MAX_ROWS:
        raise TooManyToExplain(rows=rows, limit=MAX_ROWS)


def explain(
    *, signature: Signature, served: Served, payload: Payload, predictions: list[Any], until: float
) -> Explanation | NotExplained:
    """What moved each row's answer. `payload` was accepted and answered with `predictions`, one for each row;
    `signature` is that of `served`, and `until` a time of `perf_counter`. Never raises."""
    try:
        opened = shelf.open_for(served)
        rows = _rows(opened, payload, predictions, signature, until)
        told = served.explanation
        return Explanation(told["method"], told["unit"], told["baseline"], is_exact=True, rows=rows)
    except CannotExplain as error:
        return error.reason
    except Exception:
        log.exception("an answer of %s:%s could not be explained", served.model_name, served.number)
        return NotExplained("failed")


def _rows(
    opened: shelf.Opened, payload: Payload, said: list[Any], signature: Signature, until: float
) -> tuple[RowExplanation, ...]:
    rows = table.read_table(payload, signature).rows
    explained: list[RowExplanation] = []
    at_once = 1 if isinstance(opened, Reader) else opened.at_once
    for begin in range(0, len(rows), at_once):
        if time.perf_counter() > until:
            raise CannotExplain("out_of_time")
        these = slice(begin, begin + at_once)
        explained += _some(opened, rows[these], said[these], signature)
    return tuple(explained)


def _some(opened: shelf.Opened, rows: Sequence[Any], said: list[Any], signature: Signature) -> list[RowExplanation]:
    places = [_place(answer, signature) for answer in said]
    of = [None if place is None else answer for place, answer in zip(places, said, strict=True)]
    if isinstance(opened, Reader):
        return [
            opened.explain(cells[0], of=one, place=place, most=MOST_CONTRIBUTIONS)
            for cells, one, place in zip(rows, of, places, strict=True)
        ]
    if opened.plan.is_one_sided and signature.classes:
        of = [signature.classes[0]] * len(rows)
    return opened.explain_rows(rows, signature.names, of=of, places=places, most=MOST_CONTRIBUTIONS)


def _place(answer: Any, signature: Signature) -> int | None:
    """The number of the class that was answered; None for a regression."""
    if signature.task != "classification" or signature.classes is None:
        return None
    return signature.classes.index(answer)
