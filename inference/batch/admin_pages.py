"""Bulk scoring in the admin: the list of jobs, sending a file to a version, following a job, its results."""

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from unfold.widgets import UnfoldAdminSelectWidget

from accounts.errors import Forbidden
from inference.admin_shell import shell, visible_version
from inference.batch import selectors, services
from inference.batch.errors import BatchError, JobNotFound
from inference.batch.models import BatchJob, JobStatus
from inference.batch.views import results_response
from inference.bulk import arrow
from inference.bulk.files import KINDS
from registry import services as registry_services
from registry.errors import RegistryError
from registry.models import ModelVersion
from registry.signed_in import person

_PAGE = 25
_SHOWN = 5
_LABELS = {"csv": "CSV", "jsonl": "JSON lines", "parquet": "Parquet"}
TONES = {
    JobStatus.WAITING: "info",
    JobStatus.RUNNING: "info",
    JobStatus.DONE: "success",
    JobStatus.FAILED: "danger",
    JobStatus.CANCELLED: "muted",
}


class SendForm(forms.Form):
    """A file, and the form of its results."""

    file = forms.FileField(label="File", required=False, allow_empty_file=True)
    results_format = forms.ChoiceField(label="Results as", required=False, widget=UnfoldAdminSelectWidget)

    def __init__(self, *args: Any, is_too_large: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_too_large = is_too_large
        offered = [kind for kind in KINDS if kind != "parquet" or arrow.is_there()]
        self.fields["results_format"].choices = [  # type: ignore[attr-defined]
            ("", "The same as the file"),
            *((kind, _LABELS[kind]) for kind in offered),
        ]

    def clean_file(self) -> Any:
        if self._is_too_large:
            raise forms.ValidationError(services.too_large().message, code="file_too_large")
        if not self.cleaned_data.get("file"):
            raise forms.ValidationError("Choose a file.", code="required")
        return self.cleaned_data["file"]


@require_GET
def jobs(request: HttpRequest) -> HttpResponse:
    """The jobs a person may see."""
    page = Paginator(selectors.visible_to(person(request)), _PAGE).get_page(request.GET.get("page"))
    context = {"title": "Bulk scoring", "page": page, "jobs": _shown(list(page.object_list))}
    return TemplateResponse(request, "inference/batch_jobs.html", {**admin.site.each_context(request), **context})


# The file may be larger than a model may be, which must be said before the form is read: the token is in it.
@csrf_exempt
@require_http_methods(["GET", "POST"])
def send(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a file to a version; afterwards the page of its job."""
    request.upload_limit_bytes = settings.BATCH_MAX_BYTES  # type: ignore[attr-defined]
    return _send(request, pk)


@csrf_protect
def _send(request: HttpRequest, pk: int) -> HttpResponse:
    version = visible_version(request, pk)
    try:
        registry_services.check_can_serve(version)
    except RegistryError as error:
        messages.error(request, error.message)
        return HttpResponseRedirect(reverse("admin:registry_modelversion_change", args=[version.pk]))
    form = SendForm()
    if request.method == "POST":
        sent = request.POST, request.FILES  # reading them tells whether the file was too large
        form = SendForm(*sent, is_too_large=getattr(request, "artifact_too_large", False))
        if form.is_valid() and (job := _asked(request, version, form)) is not None:
            return HttpResponseRedirect(reverse("admin-batch-job", args=[job.pk]))
    recent = selectors.visible_to(person(request)).filter(version__model=version.model_id)[:_SHOWN]
    context = {
        "title": f"Score a file with {version}",
        "version": version,
        "form": form,
        "jobs": _shown(list(recent)),
        "max_bytes": settings.BATCH_MAX_BYTES,
        "columns": [column["name"] for column in (version.signature or {}).get("inputs", [])][:40],
        "has_parquet": arrow.is_there(),
    }
    return TemplateResponse(request, "inference/batch_send.html", {**shell(request, version), **context})


def _asked(request: HttpRequest, version: ModelVersion, form: SendForm) -> BatchJob | None:
    try:
        return services.ask(version=version, by=person(request), **form.cleaned_data)
    except (BatchError, RegistryError) as error:
        form.add_error("file", forms.ValidationError(error.message, code=error.code))
        return None


@require_GET
def job(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One job, followed while it runs."""
    found = _found(request, pk)
    (shown,) = _shown([found])
    context = {
        "title": f"Bulk scoring with {found.version}",
        "shown": shown,
        "job": found,
        "may_cancel": selectors.may_cancel(person(request), found),
        "keep_days": settings.BATCH_KEEP_DAYS,
    }
    return TemplateResponse(request, "inference/batch_job.html", {**shell(request, found.version), **context})


@require_POST
def cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Cancel a job, or delete one that has ended."""
    found, by = _found(request, pk), person(request)
    try:
        if found.is_unfinished:
            services.cancel(job=found, by=by)
        else:
            services.delete(job=found, by=by)
            messages.success(request, "The job and its results are deleted.")
            return HttpResponseRedirect(reverse("admin-batch"))
    except (BatchError, Forbidden) as error:
        messages.error(request, getattr(error, "message", str(error)))
    return HttpResponseRedirect(reverse("admin-batch-job", args=[pk]))


@require_GET
def results(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """The file of results."""
    found = _found(request, pk)
    try:
        selectors.require_results(found)
    except BatchError as error:
        messages.error(request, error.message)
        return HttpResponseRedirect(reverse("admin-batch-job", args=[pk]))
    services.note_download(job=found, by=person(request))
    return results_response(found)


def _found(request: HttpRequest, pk: UUID) -> BatchJob:
    try:
        return selectors.find(selectors.visible_to(person(request)), pk)
    except JobNotFound as error:
        raise Http404 from error


def _shown(found: list[BatchJob]) -> list[dict[str, Any]]:
    return [{"job": one, "tone": TONES[JobStatus(one.status)], "left": _left(one.seconds_left)} for one in found]


def _left(seconds: float | None) -> str:
    """A duration as people say it."""
    if seconds is None:
        return ""
    if seconds < 90:
        return f"{max(1, round(seconds))} s left"
    return f"{round(seconds / 60)} min left" if seconds < 5400 else f"{seconds / 3600:.1f} h left"
