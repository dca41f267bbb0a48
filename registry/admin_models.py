"""Models in the admin: the list, the page of one, and the questions before it is archived or restored."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import display

from accounts import moments
from registry import admin_actions, admin_pages, selectors, services
from registry.admin_base import RegistryAdmin
from registry.admin_filters import ArchivedFilter, LiveFilter, MineFilter
from registry.admin_life import MODEL_STEPS, life_page
from registry.errors import RegistryError
from registry.forms import ModelSettingsForm
from registry.models import Deployment, RegisteredModel
from registry.signed_in import person


@admin.register(RegisteredModel)
class RegisteredModelAdmin(RegistryAdmin):
    list_display = ["name", "live", "task", "owner", "shown_visibility", "versions", "updated"]
    updated = moments.column("updated_at", "Changed")
    list_filter = [MineFilter, LiveFilter, "task", "visibility", ArchivedFilter]
    search_fields = ["name", "description", "tags", "owner__email"]
    search_help_text = "Name, description, tags or owner"
    empty_hint = "Upload a model file: its first version makes the model."
    view_permission = "registry.view_registeredmodel"

    def get_queryset(self, request: HttpRequest) -> QuerySet[RegisteredModel]:
        open_entry = Deployment.objects.filter(model=OuterRef("pk"), closed_at=None, model__archived_at=None)
        return selectors.models_with_live(request.user).annotate(is_live=Exists(open_entry)).order_by("name")

    @display(description="Live", label={"live": "success"}, empty_value="–")
    def live(self, model: Any) -> Any:
        return ("live", f"version {model.active_version}") if model.is_live else None

    @display(description="Visibility", ordering="visibility")
    def shown_visibility(self, model: RegisteredModel) -> str:
        return model.visibility.capitalize()

    @display(description="Versions", ordering="versions_count")
    def versions(self, model: RegisteredModel) -> int:
        return model.versions_count

    def get_urls(self) -> list[Any]:
        return [*self.step_urls(MODEL_STEPS), *super().get_urls()]

    def step_view(self, request: HttpRequest, pk: int, step: str) -> HttpResponse:
        """Ask before a model is archived or restored."""
        model = self.found(request, str(pk))
        back_url = reverse("admin:registry_registeredmodel_change", args=[model.pk])
        actions = admin_actions.for_model(model, user=person(request), live=None)
        url = reverse(f"admin:registry_registeredmodel_{step}", args=[model.pk])
        offered = {action.url: action.why_not for action in actions}
        why_not = offered.get(url, f"{model} is {'archived already' if model.archived_at else 'not archived'}.")
        shell = self.shell(request, model)
        return life_page(request, model, MODEL_STEPS[step], why_not=why_not, back_url=back_url, shell=shell)

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
        context |= admin_pages.live_at_context(model, request.GET)
        return self.page(request, "registry/model.html", model, {**context, "form": form, "may_change": may_change})

    @staticmethod
    def _change(request: HttpRequest, model: RegisteredModel, form: ModelSettingsForm) -> bool:
        """Hand what was changed to the service; False when the form shows why not."""
        if not form.is_valid():
            return False
        try:
            services.change_model(model=model, by=person(request), **form.changes())
        except RegistryError as error:
            form.refuse(error)
            return False
        messages.success(request, f"The settings of {model.name} are saved.")
        return True
