"""Labelled rows as training data: inputs beside their truth, streamed in chunks, as CSV or as JSON lines.

What the record policy kept is what comes: rows whose input was not kept have none.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import orjson

from accounts import audit
from accounts.models import User
from monitoring import exporting
from monitoring.drift import rows
from monitoring.models import PredictionLog
from monitoring.outcomes import reviewing
from monitoring.outcomes.models import Feedback
from registry.models import RegisteredModel

FORMATS = exporting.CONTENT_TYPES
CHUNK = 500
FACTS = (
    "prediction_id", "index", "version", "predicted_at", "predicted", "truth", "source", "given_at",
)  # fmt: skip


def export(*, model: RegisteredModel, by: User, format: str) -> Iterator[bytes]:
    """The lines of a file, one for each labelled row of a model, the oldest feedback first. Audited before the first.

    Raises Forbidden for who may not read the data; KeyError for another format.
    """
    reviewing.require(by, model)
    make = {"csv": _csv, "jsonl": _jsonl}[format]
    audit.record("feedback.exported", by=by, target=model, details={"format": format})
    return make(model)


def _labelled(model: RegisteredModel) -> Iterator[tuple[dict[str, Any], Any, dict[str, Any]]]:
    """Facts, the recorded input (None where there is none) and the version's signature, chunk by chunk."""
    told = Feedback.objects.filter(model=model, is_current=True).select_related("version").defer(
        "version__golden", "version__report", "version__sample", "version__expected"
    )  # fmt: skip
    last = 0
    while chunk := list(told.filter(pk__gt=last).order_by("pk")[:CHUNK]):
        last = chunk[-1].pk
        kept = _inputs(chunk)
        for row in chunk:
            signature = (row.version.signature if row.version else None) or {}
            yield _facts(row), kept.get(row.prediction_id), signature


def _inputs(chunk: list[Feedback]) -> dict[UUID | None, Any]:
    ids = [row.prediction_id for row in chunk if row.prediction_id]
    times = [row.predicted_at for row in chunk if row.predicted_at]
    if not ids or not times:
        return {}
    # The span keeps a partitioned log from being looked through as a whole.
    found = PredictionLog.objects.filter(pk__in=ids, created_at__gte=min(times), created_at__lte=max(times))
    return dict(found.values_list("pk", "input"))


def _facts(row: Feedback) -> dict[str, Any]:
    is_number = row.value is not None
    return {
        "prediction_id": None if row.prediction_id is None else str(row.prediction_id),
        "index": row.index,
        "version": row.version.number if row.version else None,
        "predicted_at": row.predicted_at.isoformat() if row.predicted_at else None,
        "predicted": row.predicted_value if is_number else row.predicted_label,
        "truth": row.value if is_number else row.label,
        "source": row.source,
        "given_at": row.given_at.isoformat(),
    }


def input_of(kept: Any, index: int, signature: dict[str, Any]) -> dict[str, Any] | None:
    """The cells of one row by column, or None where they were not kept or can't be told."""
    names = names_of(signature)
    if not names:
        return None
    found = rows.instances_of(kept, names)
    return dict(zip(names, found[index], strict=True)) if index < len(found) else None


def _jsonl(model: RegisteredModel) -> Iterator[bytes]:
    for facts, kept, signature in _labelled(model):
        yield orjson.dumps({**facts, "input": input_of(kept, facts["index"], signature)}) + b"\n"


def _csv(model: RegisteredModel) -> Iterator[bytes]:
    columns = [*FACTS, *(f"input.{name}" for name in _inputs_of_newest(model))]
    rows = ({**facts, **_prefixed(input_of(kept, facts["index"], of))} for facts, kept, of in _labelled(model))
    return (piece.encode() for piece in exporting.as_csv(columns, rows))


def _inputs_of_newest(model: RegisteredModel) -> list[str]:
    """The columns of the newest version with feedback; what only older ones had is left out of a table."""
    newest = Feedback.objects.filter(model=model, is_current=True).order_by("-version__number").first()
    signature = (newest.version.signature if newest and newest.version else None) or {}
    return names_of(signature)


def names_of(signature: dict[str, Any]) -> list[str]:
    """What the inputs of one row are called; none for tensors."""
    if signature.get("handler") == "text":
        return ["text"]
    if signature.get("handler") == "tensor":
        return []
    return [column["name"] for column in signature.get("inputs", ())]


def _prefixed(cells: dict[str, Any] | None) -> dict[str, Any]:
    return {f"input.{name}": cell for name, cell in (cells or {}).items()}
