"""The pages that ask before something changes: activate, roll back, trust. A GET shows, a POST does."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from inference import activation
from inference.admin_shell import shell, visible_model, visible_version
from inference.errors import ActivationFailed
from inference.models import Staging
from monitoring import processes
from registry import services
from registry.errors import Conflict, RegistryError
from registry.forms import NoteForm
from registry.models import Deployment, ModelVersion, RegisteredModel, Status
from registry.signed_in import person

_REFUSALS = (RegistryError, ActivationFailed)


class LedgerNoteForm(NoteForm):
    """Why something goes live. `seen` is the entry that was open when the person looked."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)


@dataclass(frozen=True, slots=True)
class Question:
    """What a confirmation page asks, and what happens on "yes"."""

    title: str
    verb: str
    model: RegisteredModel
    live: Deployment | None
    becomes: ModelVersion
    back_url: str
    act: Callable[[str], str]  # from the note to the message of success


@require_http_methods(["GET", "HEAD", "POST"])
def activate(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a version live, everywhere, once every serving process is warm."""
    version = visible_version(request, pk)
    back_url = reverse("admin:registry_modelversion_change", args=[version.pk])

    def act(note: str) -> str:
        activation.activate(version=version, by=person(request), note=note)
        return f"{version} is live."

    def question() -> Question:
        services.check_may_activate(person(request), version.model)
        services.check_can_serve(version)
        live = version.model.open_deployment()
        if live is not None and live.version_id == version.pk:
            raise Conflict(f"{version} is live already.", code="already_active")
        return Question(f"Activate {version}", "Activate", version.model, live, version, back_url, act)

    return _ask(request, question, back_url)


@require_http_methods(["GET", "HEAD", "POST"])
def rollback(request: HttpRequest, pk: int) -> HttpResponse:
    """Make live again what was live before."""
    model = visible_model(request, pk)
    back_url = reverse("admin:registry_registeredmodel_change", args=[model.pk])

    def act(note: str) -> str:
        entry = activation.rollback(model=model, by=person(request), note=note)
        return f"{entry.version} is live again."

    def question() -> Question:
        services.check_may_activate(person(request), model)
        live = model.open_deployment()
        target = services.rollback_target(live).version
        return Question(
            f"Roll back {model}", f"Roll back to version {target.number}", model, live, target, back_url, act
        )

    return _ask(request, question, back_url)


@require_http_methods(["GET", "HEAD", "POST"])
def trust(request: HttpRequest, pk: int) -> HttpResponse:
    """Allow a version to run as native code, and validate it again if it had failed."""
    version = visible_version(request, pk)
    back_url = reverse("admin:registry_modelversion_change", args=[version.pk])
    if not request.user.has_perm("registry.upload_trusted_model"):
        messages.error(request, "You may not mark versions as trusted: ask for the permission upload_trusted_model.")
        return HttpResponseRedirect(back_url)
    form = NoteForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            services.trust(version=version, by=person(request), note=form.cleaned_data["note"])
            again = " and will be validated again" if version.status == Status.FAILED else ""
            messages.success(request, f"{version} is trusted{again}.")
        except _REFUSALS as error:
            messages.error(request, error.message)
        return HttpResponseRedirect(back_url)
    context = {
        "title": f"Trust {version}", "version": version, "model": version.model, "form": form, "back_url": back_url,
    }  # fmt: skip
    return TemplateResponse(request, "inference/trust.html", {**shell(request, version), **context})


@require_GET
def activation_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """How many serving processes have taken the version up so far, while its activation runs."""
    version = visible_version(request, pk)
    staging = Staging.objects.filter(version=version).order_by("-created_at").first()
    return JsonResponse(
        {"done": staging.replies.filter(problem="").count() if staging else 0, "of": _processes_count()}
    )


def _ask(request: HttpRequest, question: Callable[[], Question], back_url: str) -> HttpResponse:
    """Show the question or do what it says. What can't be done becomes a message on the page it came from."""
    try:
        asked = question()
    except RegistryError as error:
        messages.error(request, error.message)
        return HttpResponseRedirect(back_url)
    seen = str(asked.live.pk) if asked.live else ""
    form = LedgerNoteForm(request.POST if request.method == "POST" else None, initial={"seen": seen})
    if request.method == "POST" and form.is_valid():
        if form.cleaned_data["seen"] != seen:
            messages.warning(request, "What is live changed while you were looking. Look again before you go on.")
            return HttpResponseRedirect(request.path)
        try:
            messages.success(request, asked.act(form.cleaned_data["note"]))
        except _REFUSALS as error:
            messages.error(request, f"Nothing was changed. {error.message}")
        return HttpResponseRedirect(asked.back_url)
    return _page(request, asked, form)


def _page(request: HttpRequest, asked: Question, form: LedgerNoteForm) -> HttpResponse:
    context: dict[str, Any] = {
        "title": asked.title,
        "asked": asked,
        "form": form,
        "processes": _processes_count(),
        "staging_seconds": settings.STAGING_SECONDS,
    }
    return TemplateResponse(request, "inference/confirm.html", {**shell(request, asked.becomes), **context})


def _processes_count() -> int:
    return processes.live(5 * settings.HEARTBEAT_SECONDS).count()
