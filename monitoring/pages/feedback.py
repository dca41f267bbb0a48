"""What came true of one prediction: the panel on its page, and where its form leads."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from monitoring import rights
from monitoring.models import PredictionLog
from monitoring.outcomes import finding, giving, items, truth
from monitoring.outcomes.errors import FeedbackInvalid
from monitoring.outcomes.models import Feedback
from monitoring.pages import frame
from registry.signed_in import person

SOURCE = "admin"
MOST_BUTTONS = 9
_SHOWN = 20


def panel(request: HttpRequest, record: PredictionLog) -> dict[str, Any] | None:
    """What was said about a prediction so far, and a form; nothing for who may not read its data."""
    if record.outcome not in finding.ANSWERED or not rights.may_read_data(request.user, record):
        return None
    told = Feedback.objects.filter(prediction_id=record.pk).select_related("by").order_by("-given_at", "-pk")
    return {
        "record": record,
        "told": told[:_SHOWN],
        "form": form_of(record),
        "url": reverse("prediction-feedback", args=[record.pk]),
    }


def form_of(record: PredictionLog) -> dict[str, Any]:
    """How a truth about a record is typed in: by choosing a class, or by writing a label or a number."""
    signature = (record.version.signature if record.version else None) or {}
    classes = [truth.text_of(name) for name in signature.get("classes") or []]
    is_number = (signature.get("task") or record.model.task) == truth.REGRESSION
    output = record.output if isinstance(record.output, dict) else {}
    said = output.get("predictions")
    first = said[0] if isinstance(said, list) and said else None
    return {
        "is_number": is_number,
        "classes": classes,
        "buttons": list(enumerate(classes, 1)) if 0 < len(classes) <= MOST_BUTTONS else [],
        "said": "" if first is None or isinstance(first, list) else truth.text_of(first),
        "rows": record.instance_count,
        "has_several_outputs": isinstance(first, list),
    }


def given_by(request: HttpRequest) -> dict[str, Any]:
    """`label` or `value` of a posted form, as `items.given` takes them. Raises FeedbackInvalid."""
    if "value" in request.POST:
        try:
            return {"value": float(request.POST["value"].strip().replace(",", "."))}
        except ValueError as error:
            raise FeedbackInvalid("Give a number.", code="not_a_value", field="value") from error
    return {"label": request.POST.get("label") or None}


@require_POST
def tell(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take what the form says."""
    frame.require_reader(request)
    text = request.POST.get("index", "0")
    index = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else -1
    try:
        item = items.given(prediction_id=pk, index=index, source=SOURCE, **given_by(request))
        row = giving.give_one(item=item, by=person(request))
    except FeedbackInvalid as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"{row.told()}: taken.")
    return HttpResponseRedirect(reverse("prediction", args=[pk]))
