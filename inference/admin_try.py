"""The try-it page: ask a version as a client would, before or after it is live. Its answers are recorded like any."""

import contextlib
import logging
import time
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.module_loading import import_string
from django.views.decorators.http import require_http_methods

from accounts.principal import principal_for
from inference import model_cache, predictor
from inference.admin_shell import shell, visible_version
from inference.admin_try_answer import Told, told_by
from inference.admin_try_form import MOST_FIELDS, CallForm, RowForm, RowsForm, cells_of
from inference.errors import InputInvalid
from inference.explaining import door as explaining
from inference.handlers.base import Payload
from inference.signature import Signature, SignatureInvalid
from registry import client_code, resolver, services
from registry.errors import RegistryError
from registry.models import ModelVersion
from registry.signed_in import person

log = logging.getLogger(__name__)

_OFFERED_ROWS = 20


@require_http_methods(["GET", "HEAD", "POST"])
def try_version(request: HttpRequest, pk: int) -> HttpResponse:
    """The form; a POST asks the model and shows its answer beside it."""
    version = visible_version(request, pk)
    try:
        services.check_can_serve(version)
        signature = Signature.from_dict(version.signature or {})
    except (RegistryError, SignatureInvalid) as error:
        messages.error(request, getattr(error, "message", str(error)))
        return HttpResponseRedirect(reverse("admin:registry_modelversion_change", args=[version.pk]))
    examples = _examples(version)
    chosen = _chosen(request, len(examples))
    as_json = _as_json(request, signature)
    form = _form(request, signature, examples[chosen], as_json=as_json)
    told, rows = (_asked(request, version, form), _rows(form)) if request.method == "POST" else (None, [])
    context = {
        "title": f"Try {version}",
        "version": version,
        "model": version.model,
        "form": form,
        "as_json": as_json,
        "may_use_fields": signature.width <= MOST_FIELDS,
        "chosen": chosen,
        "examples": range(len(examples)),
        "validated": _validated(version, chosen),
        "told": told,
        **_code(request, version, rows or [_readable(examples[chosen], signature)]),
    }
    return TemplateResponse(request, "inference/try.html", {**shell(request, version), **context})


def _as_json(request: HttpRequest, signature: Signature) -> bool:
    return signature.width > MOST_FIELDS or request.GET.get("as") == "json"


def _form(request: HttpRequest, signature: Signature, example: Any, *, as_json: bool) -> CallForm:
    data = request.POST if request.method == "POST" else None
    if as_json:
        return RowsForm(data, example=_readable(example, signature))
    return RowForm(data, signature=signature, example=example)


def _readable(example: Any, signature: Signature) -> Any:
    """A stored row as people would write it."""
    if signature.handler != "tabular":
        return example
    return client_code.named(cells_of(example, signature), list(signature.names))


def _examples(version: ModelVersion) -> list[Any]:
    """Rows to begin with: the golden ones, which the version answered at its validation."""
    golden = (version.golden or {}).get("instances")
    return golden[:_OFFERED_ROWS] if isinstance(golden, list) and golden else [client_code.example_row(version)]


def _chosen(request: HttpRequest, count: int) -> int:
    asked = request.GET.get("row", "")
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 4 and int(asked) < count else 0


def _validated(version: ModelVersion, chosen: int) -> Any:
    """What the version answered to the chosen row at its validation; None when that isn't known."""
    said = (version.golden or {}).get("predictions")
    return said[chosen] if isinstance(said, list) and chosen < len(said) else None


def _rows(form: CallForm) -> list[Any]:
    return form.rows() if hasattr(form, "cleaned_data") and _is_complete(form) else []


def _is_complete(form: CallForm) -> bool:
    return set(form.fields) <= set(form.cleaned_data)


def _asked(request: HttpRequest, version: ModelVersion, form: CallForm) -> Told | None:
    """The model's answer, or None with the reasons in the form."""
    if not form.is_valid():
        return None
    rows = form.rows()
    question = predictor.Question(
        Payload("instances", rows), use_cache=not form.cleaned_data["fresh"], explain=len(rows) <= explaining.MAX_ROWS
    )
    request_id = request.request_id  # type: ignore[attr-defined]
    _load(version)
    started = time.perf_counter()
    try:
        answer = predictor.predict(
            principal=principal_for(person(request)),
            reference=f"{version.model.name}:{version.number}",
            read=lambda: question,
            request_id=request_id,
        )
    except InputInvalid as error:
        form.refuse(error)
        return None
    except Exception as error:
        form.add_error(None, _words(error, request_id))
        return None
    return told_by(answer, (time.perf_counter() - started) * 1000)


def _load(version: ModelVersion) -> None:
    """Where pages are answered nothing is loaded before somebody tries it; that is no part of what a call takes."""
    with contextlib.suppress(Exception):  # the call says why
        model_cache.cache.get(resolver.served(version))


def _words(error: Exception, request_id: str) -> str:
    """What the person is told: as the API would say it."""
    answer = import_string(settings.ANSWER_TO_ERROR)(error)
    if answer.status < 500:
        return str(answer.message)
    log.error("a trial failed (request %s)", request_id, exc_info=error)
    return f"{answer.message} The log tells more under the request {request_id}."


def _code(request: HttpRequest, version: ModelVersion, rows: list[Any]) -> dict[str, Any]:
    live = version.model.open_deployment()
    is_live = live is not None and live.version_id == version.pk
    reference = client_code.reference_to(version.model, version, is_live=is_live)
    origin = f"{request.scheme}://{request.get_host()}"
    return {
        "is_live": is_live,
        "curl": client_code.curl(reference, rows, origin=origin),
        "python": client_code.python(reference, rows, origin=origin),
    }
