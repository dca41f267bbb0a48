"""The list of predictions, filtered, and the same as a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts import audit
from monitoring import clients, exporting, rights, searching
from monitoring.filters import Filters, UnreadableFilter
from monitoring.models import Outcome, PredictionLog
from monitoring.pages import choosing, frame
from monitoring.pages.prediction import TONES
from monitoring.sum_models import NO_KEY
from registry.models import RegisteredModel
from registry.signed_in import person

SHOWN = 50
MOST_EXPORTED = 1_000_000
COLUMNS = (
    "id", "created_at", "model", "version", "outcome", "status_code", "error_code", "instance_count", "latency_ms",
    "inference_ms", "confidence", "actor", "api_key_id", "subject_id", "request_id",
)  # fmt: skip
DATA_COLUMNS = ("input", "output")


@dataclass(frozen=True, slots=True)
class Shown:
    """A record as a line of the list."""

    record: PredictionLog
    tone: str
    asked_by: str
    url: str


@frame.reads(usual="day")
def predictions(request: HttpRequest, filters: Filters) -> HttpResponse:
    """Single requests, the newest first."""
    model = _model(request)
    try:
        before = searching.read_cursor(request.GET.get("before", ""))
    except UnreadableFilter as error:
        return frame.page(request, "unreadable", "Bad request", {"reason": str(error)}, status=400)
    found = searching.newest(filters, request.user, limit=SHOWN + 1, model=model, before=before)
    rows = found[:SHOWN]
    last = searching.Cursor(rows[-1].created_at, rows[-1].pk) if len(found) > SHOWN else None
    context: dict[str, Any] = {
        "filters": filters,
        "rows": _shown(rows),
        "older": filters.address(before=last.text) if last else "",
        "newest": filters.address() if before else "",
    }
    if not frame.is_fragment(request):
        bar = choosing.bar(filters, request.user, model=model)
        bar["chosen"] = choosing.chosen(filters, {"model": model.name if model else "", **_words(bar, filters)})
        context |= bar | {
            "seconds": 0 if before else bar["seconds"],
            "models": choosing.of_models(model.name if model else "", request.user),
            "export_url": reverse("predictions-export") + filters.address(),
            "most_exported": MOST_EXPORTED,
        }
    return frame.answer(request, "predictions", "Predictions", context, here="predictions")


@require_POST
@frame.reads(usual="day")
def export(request: HttpRequest, filters: Filters) -> HttpResponse | StreamingHttpResponse:
    """The filtered list as a file, at most MOST_EXPORTED rows; written down in the audit trail before it is sent."""
    kind = request.POST.get("format", "")
    if kind not in exporting.CONTENT_TYPES:
        reason = "A file is of the format csv or jsonl."
        return frame.page(request, "unreadable", "Bad request", {"reason": reason}, status=400)
    model, with_data = _model(request), request.POST.get("data") == "on"
    details = {"format": kind, "with_data": with_data, "since": filters.span.since, "until": filters.span.until}
    audit.record("predictions.exported", by=person(request), target=model, details=details | filters.said)
    columns = COLUMNS + DATA_COLUMNS if with_data else COLUMNS
    rows = _facts(
        request, searching.every(filters, request.user, limit=MOST_EXPORTED, model=model, with_data=with_data)
    )
    content: Any = exporting.as_csv(columns, rows) if kind == "csv" else exporting.as_jsonl(columns, rows)
    response = StreamingHttpResponse(content, content_type=exporting.CONTENT_TYPES[kind])
    response.headers["Content-Disposition"] = f'attachment; filename="predictions.{kind}"'
    response.headers["Cache-Control"] = "no-store, private"
    return response


def _model(request: HttpRequest) -> RegisteredModel | None:
    """The model that is asked for, as the reader may know it."""
    name = request.GET.get("model", "")
    return get_object_or_404(RegisteredModel.objects.visible_to(request.user), name=name) if name else None


def _words(bar: dict[str, Any], filters: Filters) -> dict[str, str]:
    """How the chosen version and client are called."""
    return {
        "version": str(filters.version or ""),
        "client": next((choice.label for choice in bar["clients"] if choice.is_chosen), ""),
    }


def _shown(records: list[PredictionLog]) -> list[Shown]:
    """Lines with what people call the clients. Two queries."""
    asked = [clients.Client(record.user_id or 0, record.api_key_id or NO_KEY) for record in records]
    names = clients.named(set(asked))
    return [
        Shown(record, TONES[Outcome(record.outcome)], names[client].label, reverse("prediction", args=[record.pk]))
        for record, client in zip(records, asked, strict=True)
    ]


def _facts(request: HttpRequest, records: Iterator[PredictionLog]) -> Iterator[dict[str, Any]]:
    """Records as plain values; the data only of those whose data this person may read."""
    for record in records:
        may_read = rights.may_read_data(request.user, record)
        yield {
            "id": str(record.pk),
            "created_at": record.created_at.isoformat(),
            "model": record.model.name,
            "version": record.version.number if record.version else None,
            "actor": record.user.email if record.user else None,
            "api_key_id": str(record.api_key_id) if record.api_key_id else None,
            "input": record.input if may_read and "input" in record.__dict__ else None,
            "output": record.output if may_read and "output" in record.__dict__ else None,
            **{name: getattr(record, name) for name in _PLAIN},
        }


_PLAIN = (
    "outcome", "status_code", "error_code", "instance_count", "latency_ms", "inference_ms", "confidence",
    "subject_id", "request_id",
)  # fmt: skip
