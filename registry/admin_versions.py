"""Versions in the admin: the list, the page of one, and the questions before it is retired or restored."""

from pathlib import PurePosixPath
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    JsonResponse,
)
from django.http.response import HttpResponseBase
from django.urls import path, reverse
from unfold.decorators import display

from accounts import moments
from registry import admin_actions, admin_pages, downloads, presentation, selectors, services
from registry.admin_base import RegistryAdmin
from registry.admin_filters import LiveFilter, MineFilter
from registry.admin_life import VERSION_STEPS, life_page
from registry.admin_upload import upload_page
from registry.errors import RegistryError
from registry.forms import DescriptionForm
from registry.models import Deployment, ModelVersion, RegisteredModel
from registry.seals import COMPILED, ORIGINAL
from registry.signed_in import person

# A list needn't read what only a version's own page shows.
_LONG_COLUMNS = (*selectors.DETAILS, "signature", "parity", "notes", "metrics", "library_versions", "progress")
_SHORTEST_DIGEST = 6
_VERBS = frozenset({"GET", "HEAD", "POST"})


@admin.register(ModelVersion)
class ModelVersionAdmin(RegistryAdmin):
    list_display = [
        "version",
        "shown_status",
        "live",
        "format",
        "runtime",
        "trusted",
        "created_by",
        "uploaded",
    ]
    list_filter = [MineFilter, "status", LiveFilter, "format", "trusted"]
    # What is searched, `get_search_results` says; this shows the box.
    search_fields = ["model__name"]
    search_help_text = "Model, model:version, file, tag or the beginning of a SHA-256"
    empty_hint = "Upload a model file: it becomes a version, and is validated within seconds."
    view_permission = "registry.view_modelversion"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelVersion]:
        open_entry = Deployment.objects.filter(version=OuterRef("pk"), closed_at=None)
        versions = ModelVersion.objects.filter(model__in=RegisteredModel.objects.visible_to(request.user))
        if request.resolver_match and request.resolver_match.url_name == "registry_modelversion_changelist":
            versions = versions.defer(*_LONG_COLUMNS)
        # Numbers are given out in the order of the uploads.
        return (
            versions.select_related("model__owner", "created_by", "trusted_by")
            .annotate(is_live=Exists(open_entry))
            .order_by("-pk")
        )

    def get_urls(self) -> list[Any]:
        progress = path(
            "<int:pk>/progress/",
            self.admin_site.admin_view(self.progress_view),
            name="registry_modelversion_progress",
        )
        download = path(
            "<int:pk>/download/",
            self.admin_site.admin_view(self.download_view),
            name="registry_modelversion_download",
        )
        return [progress, download, *self.step_urls(VERSION_STEPS), *super().get_urls()]

    def step_view(self, request: HttpRequest, pk: int, step: str) -> HttpResponse:
        """Ask before a version is deprecated, archived or restored."""
        version = self.found(request, str(pk))
        back_url = reverse("admin:registry_modelversion_change", args=[version.pk])
        actions = admin_actions.for_version(version, user=person(request), live=version.model.open_deployment())
        url = reverse(f"admin:registry_modelversion_{step}", args=[version.pk])
        why_not = next(action.why_not for action in actions if action.url == url)
        shell = self.shell(request, version)
        return life_page(request, version, VERSION_STEPS[step], why_not=why_not, back_url=back_url, shell=shell)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ModelVersion], search_term: str
    ) -> tuple[QuerySet[ModelVersion], bool]:
        """Every word must be found. Names are looked up among the models, which are fewer."""
        for word in search_term.split():
            models = RegisteredModel.objects.filter(name__icontains=word)
            wanted = Q(model__in=models) | Q(original_name__icontains=word) | Q(tags__has_item=word)
            if len(word) >= _SHORTEST_DIGEST:
                wanted |= Q(sha256__startswith=word.lower())
            name, _, number = word.rpartition(":")
            if name and number.isdecimal() and len(number) < 10:
                wanted |= Q(model__name=name, number=int(number))
            queryset = queryset.filter(wanted)
        return queryset, False

    @display(description="Version", ordering="model__name")
    def version(self, version: ModelVersion) -> str:
        return str(version)

    @display(
        description="Status",
        ordering="status",
        label={status: tone for status, tone in presentation.TONES.items() if tone != "muted"},
    )
    def shown_status(self, version: ModelVersion) -> tuple[str, str]:
        return version.status, version.get_status_display()

    @display(description="Live", label={"live": "success"}, empty_value="–")
    def live(self, version: Any) -> Any:
        return ("live", "live") if version.is_live else None

    @display(description="Uploaded", ordering="pk")
    def uploaded(self, version: ModelVersion) -> Any:
        return moments.shown(version.created_at)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """The upload page."""
        return upload_page(request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The version's page; a POST changes what people say about it. What describes an artifact never changes."""
        if request.method not in _VERBS:
            return HttpResponseNotAllowed(sorted(_VERBS))
        version = self.found(request, object_id)
        form = DescriptionForm(request.POST if request.method == "POST" else None, instance=version)
        if request.method == "POST":
            if not services.may_change(person(request), version.model):
                raise PermissionDenied
            if self._describe(request, version, form):
                return HttpResponseRedirect(request.path)
            version.refresh_from_db(fields=["notes", "metrics", "tags"])
        origin = f"{request.scheme}://{request.get_host()}"
        context = admin_pages.version_context(version, user=person(request), origin=origin)
        return self.page(request, "registry/version.html", version, {**context, "form": form})

    @staticmethod
    def _describe(request: HttpRequest, version: ModelVersion, form: DescriptionForm) -> bool:
        """Hand what was changed to the service; False when the form shows why not."""
        if not form.is_valid():
            return False
        try:
            services.describe_version(version=version, by=person(request), **form.changes())
        except RegistryError as error:
            form.refuse(error)
            return False
        messages.success(request, f"What is said about {version} is saved.")
        return True

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Where validation is, for the page's script."""
        return JsonResponse(presentation.progress(self.found(request, str(pk))))

    def download_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The version's file, or with `?form=compiled` what is served: never shown, always saved."""
        if request.method != "GET":
            return HttpResponseNotAllowed(["GET"])
        version = self.found(request, str(pk))
        form = COMPILED if request.GET.get("form") == COMPILED else ORIGINAL
        try:
            file = downloads.file_of(version, form=form, by=person(request))
            opened = downloads.open_file(version, file, by=person(request))
        except RegistryError as error:
            messages.error(request, error.message)
            return HttpResponseRedirect(reverse("admin:registry_modelversion_change", args=[version.pk]))
        name = f"{version.model.name}-v{version.number}{PurePosixPath(file.path).suffix}"
        return FileResponse(opened, as_attachment=True, filename=name, content_type="application/octet-stream")
