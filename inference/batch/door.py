"""Bulk scoring for Python code: any iterable of rows, or a query set, answered row by row in bounded memory."""

from collections.abc import Iterable, Iterator
from datetime import date, time
from decimal import Decimal
from itertools import islice
from typing import Any, NamedTuple

from django.db.models import QuerySet

from inference import handlers, model_cache
from inference.batch.crews import noted
from inference.bulk.parsing import Refusal, Rows
from inference.bulk.scoring import answer
from inference.signature import Signature
from registry import resolver
from registry.models import ModelVersion
from registry.services import check_can_serve

CHUNK_ROWS = 10_000


class Scored(NamedTuple):
    """One row's answer; or, in `refused`, why it has none. `confidence` and `probabilities`: None without classes."""

    row: Any
    prediction: Any = None
    confidence: float | None = None
    probabilities: list[float | None] | None = None
    refused: Refusal | None = None


def score(
    version: ModelVersion, rows: "Iterable[Any] | QuerySet[Any]", *, chunk_rows: int = CHUNK_ROWS
) -> Iterator[Scored]:
    """Score rows as a client would send them (objects, lists, texts), in order; nothing is recorded.

    A query set is read by its columns of the model's names, `chunk_rows` at a time, and its rows come back as objects
    of these and the primary key (`pk`). A row that can't be scored is told, and the others go on.
    Raises VersionNotReady, and what loading the version raises.
    """
    check_can_serve(version)
    loaded = model_cache.cache.get(resolver.served(version))
    signature, predict = loaded.signature, noted(loaded.model, version.pk)
    is_table = isinstance(rows, QuerySet)
    found = iter(_read(rows, signature, chunk_rows) if isinstance(rows, QuerySet) else rows)
    while chunk := list(islice(found, chunk_rows)):
        instances = [_instance(row, signature) for row in chunk] if is_table else chunk
        answered = answer(Rows(len(chunk), None, instances, {}), handlers.get(signature.handler), signature, predict)
        told = [Scored(row, refused=answered.refused.get(at)) for at, row in enumerate(chunk)]
        if answered.output is not None:
            said = loaded.handler.postprocess(answered.output, signature)
            for at, place in enumerate(answered.places.tolist()):
                told[place] = Scored(
                    chunk[place],
                    said.predictions[at],
                    said.confidence[at] if said.confidence else None,
                    said.probabilities[at] if said.probabilities else None,
                )
        yield from told


def _read(rows: "QuerySet[Any]", signature: Signature, chunk_rows: int) -> Iterator[Any]:
    return rows.values("pk", *signature.names).iterator(chunk_size=chunk_rows)


def _instance(row: dict[str, Any], signature: Signature) -> dict[str, Any]:
    return {name: _plain(row[name]) for name in signature.names}


def _plain(cell: Any) -> Any:
    """A database's value as JSON would carry it."""
    if isinstance(cell, Decimal):
        return float(cell)
    return cell.isoformat() if isinstance(cell, date | time) else cell
