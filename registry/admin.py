"""The registry in the admin: lists, and the pages of a model and of a version. Services do every change."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    JsonResponse,
)
from django.urls import path, reverse
from unfold.decorators import display

from registry import admin_pages, presentation, selectors, services
from registry.admin_base import RegistryAdmin
from registry.admin_filters import ArchivedFilter, LiveFilter
from registry.admin_upload import upload_page
from registry.errors import RegistryError
from registry.forms import ModelSettingsForm
from registry.models import Deployment, ModelVersion, RegisteredModel
from registry.signed_in import person

_READS = frozenset({"GET", "HEAD"})


@admin.register(RegisteredModel)
class RegisteredModelAdmin(RegistryAdmin):
    list_display = ["name", "live", "task", "owner", "visibility", "versions", "updated"]
    list_filter = [LiveFilter, "task", "visibility", ArchivedFilter]
    search_fields = ["name", "description", "owner__email"]
    view_permission = "registry.view_registeredmodel"

    def get_queryset(self, request: HttpRequest) -> QuerySet[RegisteredModel]:
        open_entry = Deployment.objects.filter(model=OuterRef("pk"), closed_at=None)
        return selectors.models_with_live(request.user).annotate(is_live=Exists(open_entry)).order_by("name")

    @display(description="Live", label={"live": "success"}, empty_value="–")
    def live(self, model: Any) -> Any:
        return ("live", f"version {model.active_version}") if model.active_version else None

    @display(description="Versions", ordering="versions_count")
    def versions(self, model: RegisteredModel) -> int:
        return model.versions_count

    @display(description="Changed", ordering="updated_at")
    def updated(self, model: RegisteredModel) -> Any:
        return presentation.moment(model.updated_at)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """A model begins with the upload of its first version."""
        return HttpResponseRedirect(reverse("admin:registry_modelversion_add"))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The model's page; a POST changes its settings."""
        model = self.found(request, object_id)
        may_change = services.may_change(person(request), model)
        form = ModelSettingsForm(request.POST if request.method == "POST" else None, instance=model)
        if request.method == "POST":
            if not may_change:
                raise PermissionDenied
            if self._change(request, model, form):
                return HttpResponseRedirect(request.path)
        context = admin_pages.model_context(model, user=person(request))
        return self.page(request, "registry/model.html", model, {**context, "form": form, "may_change": may_change})

    @staticmethod
    def _change(request: HttpRequest, model: RegisteredModel, form: ModelSettingsForm) -> bool:
        """Hand what was changed to the service; False when the form shows why not."""
        if not form.is_valid():
            return False
        try:
            services.change_model(model=model, by=person(request), **form.changes())
        except RegistryError as error:
            messages.error(request, error.message)
            return False
        messages.success(request, f"The settings of {model.name} are saved.")
        return True


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
    list_filter = ["status", LiveFilter, "format", "trusted"]
    search_fields = ["model__name", "original_name", "sha256", "created_by__email"]
    view_permission = "registry.view_modelversion"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelVersion]:
        open_entry = Deployment.objects.filter(version=OuterRef("pk"), closed_at=None)
        versions = ModelVersion.objects.filter(model__in=RegisteredModel.objects.visible_to(request.user))
        return (
            versions.select_related("model__owner", "created_by", "trusted_by")
            .annotate(is_live=Exists(open_entry))
            .order_by("-created_at", "-pk")
        )

    def get_urls(self) -> list[Any]:
        progress = path(
            "<int:pk>/progress/",
            self.admin_site.admin_view(self.progress_view),
            name="registry_modelversion_progress",
        )
        return [progress, *super().get_urls()]

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

    @display(description="Uploaded", ordering="created_at")
    def uploaded(self, version: ModelVersion) -> Any:
        return presentation.moment(version.created_at)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """The upload page."""
        return upload_page(request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The version's page. What describes an artifact never changes, so there is nothing to post."""
        if request.method not in _READS:
            return HttpResponseNotAllowed(sorted(_READS))
        version = self.found(request, object_id)
        origin = f"{request.scheme}://{request.get_host()}"
        context = admin_pages.version_context(version, user=person(request), origin=origin)
        return self.page(request, "registry/version.html", version, context)

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Where validation is, for the page's script."""
        return JsonResponse(presentation.progress(self.found(request, str(pk))))
