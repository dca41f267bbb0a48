"""Prediction records in the admin: to be read, never changed."""

from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from accounts import moments
from accounts.bounded_paginator import BoundedPaginator
from monitoring import erasure
from monitoring.alerts.admin import AlertAdmin, AlertChannelAdmin, AlertEventAdmin, AlertRuleAdmin
from monitoring.error_groups.admin import ErrorGroupAdmin
from monitoring.models import Outcome, PredictionLog
from monitoring.outcomes.admin import FeedbackAdmin
from registry.signed_in import person

__all__ = [
    "AlertAdmin",
    "AlertChannelAdmin",
    "AlertEventAdmin",
    "AlertRuleAdmin",
    "ErrorGroupAdmin",
    "FeedbackAdmin",
    "PredictionLogAdmin",
]

MOST_SUBJECTS = 20
_SPANS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
}


class TimeFilter(admin.SimpleListFilter):
    """Records of the last while."""

    title = "time"
    parameter_name = "within"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, f"Last {name}") for name in _SPANS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        span = _SPANS.get(self.value() or "")
        return queryset.filter(created_at__gte=timezone.now() - span) if span else queryset


@admin.register(PredictionLog)
class PredictionLogAdmin(ModelAdmin):
    """Read-only. Inputs and outputs are left out of the list's query."""

    list_display = (
        "shown_time",
        "shown_model",
        "shown_outcome",
        "status_code",
        "instance_count",
        "shown_latency",
        "user",
    )
    list_display_links = ("shown_time",)
    shown_time = moments.column("created_at", "Time", is_exact=True)
    list_filter = ("outcome", TimeFilter, "model")
    list_select_related = ("model", "version", "user")
    list_per_page = 50
    show_full_result_count = False
    paginator = BoundedPaginator
    ordering = ("-created_at",)
    actions = ("erase_subjects",)
    search_fields = ("subject_id",)
    search_help_text = "A subject, or the id of a prediction"

    def get_queryset(self, request: HttpRequest) -> QuerySet[PredictionLog]:
        return super().get_queryset(request).defer("input", "output")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """A record has a page of its own."""
        if request.method == "GET" and self.has_view_permission(request):
            record = self.get_object(request, object_id)
            if record is not None:
                return HttpResponseRedirect(reverse("prediction", args=[record.pk]))
        return super().change_view(request, object_id, form_url, extra_context)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[PredictionLog], search_term: str
    ) -> tuple[QuerySet[PredictionLog], bool]:
        """By subject or id, as a whole: both have an index."""
        term = search_term.strip()
        if not term:
            return queryset, False
        meant = Q(subject_id=term)
        with suppress(ValueError):
            meant |= Q(pk=UUID(term))
        return queryset.filter(meant), False

    @action(description="Erase what is recorded about their subjects", permissions=["erase_subject"])
    def erase_subjects(self, request: HttpRequest, queryset: QuerySet[PredictionLog]) -> HttpResponse | None:
        """Ask, with the subjects named; do it when the question comes back agreed to."""
        about = queryset.exclude(subject_id="").order_by("subject_id")
        subjects = list(about.values_list("subject_id", flat=True).distinct()[: MOST_SUBJECTS + 1])
        if not subjects or len(subjects) > MOST_SUBJECTS:
            why = f"name more than {MOST_SUBJECTS} subjects" if subjects else "name no subject"
            self.message_user(request, f"These predictions {why}.", messages.ERROR)
            return None
        if "agreed" not in request.POST:
            context = {
                **self.admin_site.each_context(request),
                "title": "Erase what is recorded about subjects",
                "opts": self.opts,
                "subjects": subjects,
                "selected": request.POST.getlist(ACTION_CHECKBOX_NAME),
                "field": ACTION_CHECKBOX_NAME,
                "is_all": request.POST.get("select_across", "0"),
                "back_url": reverse("admin:monitoring_predictionlog_changelist"),
            }
            return TemplateResponse(request, "monitoring/erase.html", context)
        counts = [erasure.erase_subject(subject=subject, by=person(request)) for subject in subjects]
        records = sum(count["records"] for count in counts)
        self.message_user(request, f"Erased: {len(subjects)} subjects from {records} records.", messages.SUCCESS)
        return None

    def has_erase_subject_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(erasure.PERMISSION)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description="Model", ordering="model")
    def shown_model(self, record: PredictionLog) -> str:
        version = f":{record.version.number}" if record.version else ""
        return format_html('<span class="p-nowrap">{}{}</span>', record.model.name, version)

    @display(
        description="Outcome",
        ordering="outcome",
        label={
            Outcome.OK.label: "success",
            Outcome.CACHED.label: "success",
            Outcome.FALLBACK.label: "warning",
            Outcome.INVALID.label: "warning",
            Outcome.ERROR.label: "danger",
            Outcome.TIMEOUT.label: "danger",
        },
    )
    def shown_outcome(self, record: PredictionLog) -> str:
        return record.get_outcome_display()

    @display(description="Latency (ms)", ordering="latency_ms")
    def shown_latency(self, record: PredictionLog) -> str:
        return f"{record.latency_ms:,.2f}"
