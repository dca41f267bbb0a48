"""The rows of the propositions in the admin: propositions to edit, what was logged to read, retrainings to decide."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.views.decorators.http import require_http_methods
from unfold.admin import ModelAdmin
from unfold.decorators import display

from accounts import audit, moments
from accounts.bounded_paginator import BoundedPaginator
from inference.errors import ActivationFailed
from registry.errors import RegistryError
from registry.signed_in import person
from solutions.errors import SolutionError
from solutions.propositions import SOLUTION, learners
from solutions.propositions.models import Interaction, Proposition, Retraining, RunStatus, UserFeatures
from solutions.propositions.retraining import requests


class _Bounded(ModelAdmin):
    list_per_page = 50
    show_full_result_count = False
    paginator = BoundedPaginator


class _ReadOnly(_Bounded):
    """What was logged is history."""

    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Proposition)
class PropositionAdmin(_Bounded):
    """Added and edited here; taken out of the suggestions by `is_active`, never deleted, as events point at it."""

    actions = None
    list_display = ("ref", "title", "category", "price", "is_active", "shown_rate", "shown_time")
    shown_time = moments.column("published_at", "Published")
    list_filter = ("is_active", "category")
    search_fields = ("ref", "title")
    fields = (
        "ref", "title", "description", "category", "price", "is_active", "published_at", "impressions", "clicks",
        "click_rate", "counted_at",
    )  # fmt: skip
    readonly_fields = ("impressions", "clicks", "click_rate", "counted_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*self.readonly_fields, "ref") if obj else self.readonly_fields

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Proposition, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        event = "proposition.changed" if change else "proposition.created"
        audit.record(event, by=person(request), target=obj, details={"fields": sorted(form.changed_data)})

    @display(description="Click rate", ordering="click_rate")
    def shown_rate(self, proposition: Proposition) -> str:
        return f"{proposition.click_rate:.3f}"


@admin.register(Interaction)
class InteractionAdmin(_ReadOnly):
    """What users did."""

    list_display = ("shown_time", "event_type", "user_id", "proposition", "context", "position", "version_number")
    shown_time = moments.column("recorded_at", "Recorded", is_exact=True)
    list_filter = ("event_type",)
    list_select_related = ("proposition",)
    search_fields = ("user_id",)
    search_help_text = "A user's id, whole."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Interaction], search_term: str
    ) -> tuple[QuerySet[Interaction], bool]:
        return (queryset.filter(user_id=search_term.strip()) if search_term else queryset), False


@admin.register(UserFeatures)
class UserFeaturesAdmin(_ReadOnly):
    """What clients said of users; the newest row of each holds."""

    list_display = ("user_id", "interests", "budget", "shown_time")
    shown_time = moments.column("recorded_at", "Recorded")
    search_fields = ("user_id",)


@admin.register(Retraining)
class RetrainingAdmin(_ReadOnly):
    """What was learned, how it compares, and the decision."""

    list_display = ("shown_time", "kind", "status", "version", "compared_with", "requested_by", "is_scheduled")
    shown_time = moments.column("created_at", "Asked for")
    list_filter = ("status", "kind")
    list_select_related = ("version__model", "compared_with__model", "requested_by")

    def get_urls(self) -> list[Any]:
        decide = self.admin_site.admin_view(require_http_methods(["POST"])(self.decide_view))
        own = [
            path(f"<int:pk>/{step}/", decide, {"step": step}, name=f"solutions_retraining_{step}")
            for step in ("accept", "decline", "cancel")
        ]
        ask = self.admin_site.admin_view(require_http_methods(["POST"])(self.ask_view))
        return [path("ask/", ask, name="solutions_retraining_ask"), *own, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The page of one retraining, with its comparison as a table."""
        run = self.get_object(request, object_id)
        if run is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": run,
            "title": str(run),
            "run": run,
            "lines": _lines(run.comparison),
            "may_decide": run.status in (RunStatus.PROPOSED, RunStatus.NOT_BETTER) and run.version is not None,
            "may_cancel": run.ended_at is None,
        }
        return TemplateResponse(request, "solutions/propositions/retraining.html", context)

    def ask_view(self, request: HttpRequest) -> HttpResponse:
        """Queue a retraining; what forbids it is said on the solution's page."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            run = requests.ask(by=person(request), kind=request.POST.get("kind", learners.USUAL))
        except (SolutionError, RegistryError) as error:
            messages.error(request, error.message)
            return HttpResponseRedirect(reverse("admin-solution", args=[SOLUTION.name]))
        messages.success(request, f"{run} is queued; a job runner takes it up.")
        return HttpResponseRedirect(reverse("admin:solutions_retraining_change", args=[run.pk]))

    def decide_view(self, request: HttpRequest, pk: int, step: str) -> HttpResponse:
        """Accept, decline or cancel; what forbids it is said on the page."""
        run = get_object_or_404(Retraining, pk=pk)
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        act = {"accept": requests.accept, "decline": requests.decline, "cancel": requests.cancel}[step]
        try:
            done = act(by=person(request), run=run)
        except (SolutionError, RegistryError, ActivationFailed) as error:
            messages.error(request, error.message)
        else:
            messages.success(request, f"{done}: {done.get_status_display().lower()}.")
        return HttpResponseRedirect(reverse("admin:solutions_retraining_change", args=[pk]))


def _lines(comparison: dict[str, Any]) -> list[dict[str, Any]]:
    """Each figure of both versions, with the range of the difference where there is one."""
    differences = comparison.get("difference", {})
    return [
        {
            "name": name,
            "new": value,
            "live": comparison["live"][name],
            "difference": differences.get(name.partition("@")[0]),
        }
        for name, value in comparison.get("new", {}).items()
    ]
