"""What moved the answer, on the page of one prediction: as it was recorded, for those who may read its data."""

from typing import Any

from django.http import HttpRequest

from inference.explaining.chart import chart_of
from monitoring import rights
from monitoring.models import PredictionLog
from monitoring.panels import Panel, register


def context(request: HttpRequest, record: PredictionLog) -> dict[str, Any] | None:
    """None where nothing was recorded, or the reader may not see it."""
    kept = record.output if isinstance(record.output, dict) else {}
    told = kept.get("explanation")
    if told is None or not rights.may_read_data(request.user, record):
        return None
    chart = chart_of(told)
    return {"chart": chart, "more_rows": max(len(told.get("rows", [])) - 1, 0)} if chart else None


def put_up() -> None:
    """Once, when the app is ready."""
    register("prediction", Panel("What moved the answer", "inference/explanation_panel.html", context, order=10))
