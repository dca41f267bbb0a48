"""The pages that ask before a version or a model is deprecated, archived or restored. A GET shows, a POST does."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponseRedirect
from django.template.response import TemplateResponse

from registry import services
from registry.errors import RegistryError
from registry.forms import NoteForm
from registry.models import ModelVersion, RegisteredModel
from registry.signed_in import person


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a life: what it is called, what it brings about, and the service that does it."""

    verb: str
    done: str
    consequences: tuple[str, ...]
    act: Callable[..., Any]
    is_dangerous: bool = False


VERSION_STEPS = {
    "deprecate": Step(
        "Deprecate",
        "is deprecated",
        ("It is served as before, also when it is live.", "Its answers carry a warning that clients can read."),
        lambda version, **facts: services.deprecate(version=version, **facts),
    ),
    "archive": Step(
        "Archive",
        "is archived",
        ("It can’t be called or activated any more.", "Its file, its history and its records stay."),
        lambda version, **facts: services.archive_version(version=version, **facts),
        is_dangerous=True,
    ),
    "restore": Step(
        "Restore",
        "is restored",
        ("It is again what its validation found it to be.", "What is live does not change."),
        lambda version, **facts: services.restore_version(version=version, **facts),
    ),
}
MODEL_STEPS = {
    "archive": Step(
        "Archive",
        "is archived",
        ("The model leaves the lists, and no version of it can be called any more.", "Nothing is deleted."),
        lambda model, **facts: services.archive_model(model=model, **facts),
        is_dangerous=True,
    ),
    "restore": Step(
        "Restore",
        "is restored",
        ("What was live when it was archived is served again.",),
        lambda model, **facts: services.restore_model(model=model, **facts),
    ),
}


def life_page(
    request: HttpRequest,
    subject: ModelVersion | RegisteredModel,
    step: Step,
    *,
    why_not: str,
    back_url: str,
    shell: dict[str, Any],
) -> TemplateResponse | HttpResponseRedirect:
    """Ask, or do what was agreed to. What can't be done is said on the page it came from."""
    if why_not:
        messages.error(request, why_not)
        return HttpResponseRedirect(back_url)
    form = NoteForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            step.act(subject, by=person(request), note=form.cleaned_data["note"])
            messages.success(request, f"{subject} {step.done}.")
        except RegistryError as error:
            messages.error(request, f"Nothing was changed. {error.message}")
        return HttpResponseRedirect(back_url)
    context = {"title": f"{step.verb} {subject}", "subject": subject, "step": step, "form": form, "back_url": back_url}
    return TemplateResponse(request, "registry/confirm.html", {**shell, **context})
