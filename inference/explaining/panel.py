"""What moved the answer, on the page of one prediction, for those who may read its data: as it was recorded, or worked
out from the recorded input once somebody asks."""

import time
from typing import Any, get_args

from django.http import HttpRequest

from inference.explaining import NotExplained, door
from inference.explaining.chart import chart_of
from inference.handlers import table
from inference.handlers.base import Payload, PayloadKind
from inference.kept_inputs import MASK
from inference.signature import Signature
from monitoring import rights
from monitoring.models import Outcome, PredictionLog
from monitoring.panels import Panel, register
from registry import resolver

ASKED = "explain"
"""The page's parameter that has it worked out; not at once, since some forests take a second a row."""
_SECONDS = 5.0
_WHOLE = [[kind] for kind in get_args(PayloadKind)]  # a hash or a shortened input has other keys


def context(request: HttpRequest, record: PredictionLog) -> dict[str, Any] | None:
    """None where there is nothing to explain, or the reader may not see it."""
    if not rights.may_read_data(request.user, record):
        return None
    recorded = record.output.get("explanation") if isinstance(record.output, dict) else None
    if recorded is not None:
        chart = chart_of(recorded)
        return {"chart": chart, "more_rows": max(len(recorded.get("rows", [])) - 1, 0)} if chart else None
    if not _can_be_explained(record):
        return None
    if ASKED not in request.GET:
        return {"ask": f"?{ASKED}=1"}
    told = _worked_out(record)
    if isinstance(told, NotExplained):
        return {"no_chart": told.words}
    return {"chart": chart_of(told.to_dict()), "more_rows": record.instance_count - 1, "is_new": True}


def _can_be_explained(record: PredictionLog) -> bool:
    """Whether the model gave the answer, all of its input was kept, and its version explains itself."""
    return (
        record.outcome in (Outcome.OK, Outcome.CACHED)
        and record.version is not None
        and "method" in (record.version.explanation or {})
        and isinstance(record.input, dict)
        and list(record.input) in _WHOLE
        and not _holds_mask(record.input)
        and bool(_answers(record))
    )


def _answers(record: PredictionLog) -> list[Any]:
    answers = record.output.get("predictions") if isinstance(record.output, dict) else None
    return answers if isinstance(answers, list) else []


def _holds_mask(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_mask(item) for item in value.values())
    if isinstance(value, list):
        return any(_holds_mask(item) for item in value)
    return bool(value == MASK)


def _worked_out(record: PredictionLog) -> Any:
    """The explanation of the record's first row, or why there is none; of one that `_can_be_explained`."""
    assert record.version is not None
    assert isinstance(record.input, dict)
    served = resolver.served(record.version)
    signature = Signature.from_dict(served.signature)
    ((kind, data),) = record.input.items()
    first = table.read_table(Payload(kind, data), signature).rows[0]
    return door.explain(
        signature=signature,
        served=served,
        payload=Payload("instances", [list(first)]),
        predictions=_answers(record)[:1],
        until=time.perf_counter() + _SECONDS,
    )


def put_up() -> None:
    """Once, when the app is ready."""
    register("prediction", Panel("What moved the answer", "inference/explanation_panel.html", context, order=10))
