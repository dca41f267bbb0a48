"""One prediction: what was asked, what was answered by what, where the time went, and why."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from accounts.models import ApiKey
from monitoring import panels, rights
from monitoring.models import Outcome, PredictionLog, Resolution
from monitoring.numbers import milliseconds
from monitoring.pages import frame, payloads
from monitoring.version_traffic import of_version_between
from registry import timeline
from registry.findings import runtime

TONES = {
    Outcome.OK: "success",
    Outcome.CACHED: "success",
    Outcome.FALLBACK: "warning",
    Outcome.INVALID: "warning",
    Outcome.ERROR: "danger",
    Outcome.TIMEOUT: "danger",
}
# In one sentence, why the request ended as it did.
WORDS = {
    Outcome.OK: "The model was asked and answered.",
    Outcome.CACHED: "The same question was answered before: this answer came from the cache without asking the model.",
    Outcome.FALLBACK: "The model could not answer, so its owner’s fixed answer was given.",
    Outcome.INVALID: "The input was refused before the model was asked.",
    Outcome.ERROR: "The request failed on the platform’s side.",
    Outcome.TIMEOUT: "No answer was there before the deadline.",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the time a request took; `x` and `width` in percent of the whole."""

    name: str
    label: str
    time: str
    x: float
    width: float


def prediction(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Why this answer."""
    frame.require_reader(request)
    record = _found(request, pk)
    return frame.page(
        request, "prediction", f"Prediction {record.pk}", _context(request, record) | frame.beside("predictions")
    )


def _found(request: HttpRequest, pk: UUID) -> PredictionLog:
    visible = PredictionLog.objects.visible_to(request.user).select_related("model__owner", "version", "user")
    record = visible.filter(pk=pk).first()
    if record is None:
        raise Http404("There is no such prediction, or it was answered less than a second ago.")
    return record


def _context(request: HttpRequest, record: PredictionLog) -> dict[str, Any]:
    signature = record.version.signature if record.version else None
    may_read_data = rights.may_read_data(request.user, record)
    return {
        "record": record,
        "tone": TONES[Outcome(record.outcome)],
        "words": WORDS[Outcome(record.outcome)],
        "pieces": pieces(record),
        "usual": _usual(record),
        "key": ApiKey.objects.filter(pk=record.api_key_id).first() if record.api_key_id else None,
        "was_live": timeline.live_at(record.model, record.created_at),
        "runtime": runtime(record.version) if record.version else "",
        "may_read_data": may_read_data,
        "inputs": payloads.inputs(record.input, signature) if may_read_data else None,
        "outputs": payloads.outputs(record.output, signature) if may_read_data else None,
        "list_url": reverse("predictions") + f"?model={record.model.name}",
        "panels": panels.shown("prediction", request, record),
    }


def pieces(record: PredictionLog) -> list[Piece]:
    """The time in the model and the time around it, which together are the latency."""
    whole = max(record.latency_ms, 1e-6)
    inside = min(max(record.inference_ms or 0.0, 0.0), whole)
    share = round(100.0 * inside / whole, 2)
    return [
        Piece("model", "In the model", milliseconds(inside), 0.0, share),
        Piece("around", "Reading, checking, caching and recording", milliseconds(whole - inside), share, 100.0 - share),
    ]


def _usual(record: PredictionLog) -> dict[str, Any] | None:
    """How long this version's requests took in the hour around it, and which share of them was faster."""
    if record.version_id is None:
        return None
    start = record.created_at - timedelta(seconds=record.created_at.timestamp() % Resolution.HOUR)
    sums = of_version_between(record.version_id, start, start + timedelta(seconds=Resolution.HOUR))
    return {"sums": sums, "faster_share": sums.share_below(record.latency_ms)} if sums.requests else None
