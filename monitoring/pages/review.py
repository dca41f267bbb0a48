"""The review queue of a model: one prediction at a time, judged by a key or a thumb."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from monitoring.outcomes import reviewing, watching
from monitoring.outcomes.errors import FeedbackInvalid, NothingToReview
from monitoring.outcomes.reviewing import Shown
from monitoring.pages import frame, payloads
from monitoring.pages.feedback import form_of, given_by
from monitoring.pages.subject import visible_model
from registry.errors import Forbidden
from registry.models import RegisteredModel
from registry.services.rights import may_change
from registry.signed_in import person


@require_http_methods(["GET", "HEAD", "POST"])
def review(request: HttpRequest, name: str) -> HttpResponse:
    """The next prediction; a POST judges or skips the one it names and leads to the next."""
    model = visible_model(request, name)
    try:
        if request.method == "POST":
            _decide(request)
            return HttpResponseRedirect(reverse("dashboard-review", args=[model.name]))
        shown = reviewing.take(model=model, by=person(request))
    except Forbidden as error:
        raise PermissionDenied from error
    return frame.page(request, "review", f"Review {model.name}", _context(request, model, shown))


def _decide(request: HttpRequest) -> None:
    try:
        prediction_id = UUID(request.POST.get("prediction", ""))
        if request.POST.get("skip"):
            reviewing.skip(prediction_id=prediction_id, by=person(request))
        else:
            row = reviewing.judge(prediction_id=prediction_id, by=person(request), **given_by(request))
            messages.success(request, f"{row.told()}: taken. Another word on the prediction's own page replaces it.")
    except (FeedbackInvalid, NothingToReview) as error:
        messages.error(request, str(error))
    except ValueError:
        messages.error(request, "The form names no prediction.")


def _context(request: HttpRequest, model: RegisteredModel, shown: Shown | None) -> dict[str, Any]:
    context: dict[str, Any] = {
        "model": model,
        "queue": reviewing.counts(model),
        "watch": watching.of_model(model),
        "may_change": may_change(person(request), model),
        "shown": shown,
    }
    if shown is not None:
        record = shown.record
        signature = record.version.signature if record.version else None
        context |= {
            "record": record,
            "form": form_of(record),
            "may_read_data": True,
            "inputs": payloads.inputs(record.input, signature),
            "outputs": payloads.outputs(record.output, signature),
        }
    return context
