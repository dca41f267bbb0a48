"""The upload page: the admin's way of adding a version."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from registry import services
from registry.errors import RegistryError
from registry.forms import UploadForm
from registry.models import ModelVersion, RegisteredModel
from registry.signed_in import person


def upload_page(request: HttpRequest) -> HttpResponse:
    """Show the form, or take what was sent. A script that sends it (to show progress) is answered in JSON."""
    if not request.user.has_perm("registry.upload_model"):
        raise PermissionDenied
    model = _model_named(request)
    if request.method != "POST":
        return _page(request, UploadForm(user=person(request), model=model), model)
    form = UploadForm(
        request.POST,
        request.FILES,
        user=person(request),
        model=model,
        is_too_large=getattr(request, "artifact_too_large", False),
    )
    version = _upload(request, form)
    is_script = request.headers.get("X-Requested-With") == "XMLHttpRequest"
    if version is None:
        return JsonResponse({"errors": form.errors}, status=422) if is_script else _page(request, form, model)
    url = reverse("admin:registry_modelversion_change", args=[version.pk])
    if is_script:
        progress_url = reverse("admin:registry_modelversion_progress", args=[version.pk])
        return JsonResponse({"version": str(version), "url": url, "progress_url": progress_url}, status=201)
    messages.success(request, f"{version} is uploaded. It is being validated; what is served has not changed.")
    return HttpResponseRedirect(url)


def _upload(request: HttpRequest, form: UploadForm) -> ModelVersion | None:
    """The stored version, or None with the reasons in the form."""
    if not form.is_valid():
        return None
    try:
        return services.upload_version(by=person(request), **form.upload())
    except RegistryError as error:
        form.refuse(error)
        return None


def _model_named(request: HttpRequest) -> RegisteredModel | None:
    """The model of `?model=`, when the person may see it."""
    name = request.GET.get("model", "")
    return RegisteredModel.objects.visible_to(request.user).listed().filter(name=name).first() if name else None


def _page(request: HttpRequest, form: UploadForm, model: RegisteredModel | None) -> HttpResponse:
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": f"Upload the next version of {model}" if model else "Upload a model",
        "form": form,
        "model": model,
        "max_bytes": settings.MAX_ARTIFACT_BYTES,
        "code_formats_enabled": settings.CODE_FORMATS_ENABLED,
    }
    return TemplateResponse(request, "registry/upload.html", context)
