"""Feedback in the admin: to be read; what it says is changed by saying something else."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import display

from accounts import moments
from accounts.bounded_paginator import BoundedPaginator
from monitoring.outcomes import seeing
from monitoring.outcomes.models import Feedback, FeedbackState
from registry.signed_in import person


@admin.register(Feedback)
class FeedbackAdmin(ModelAdmin):
    """Read-only, the newest first."""

    list_display = ("shown_time", "shown_model", "shown_truth", "shown_prediction", "shown_state", "source", "by")
    list_display_links = ("shown_time",)
    shown_time = moments.column("given_at", "Given", is_exact=True)
    list_filter = ("state", "model")
    list_per_page = 50
    show_full_result_count = False
    paginator = BoundedPaginator
    ordering = ("-given_at", "-id")
    actions = None
    empty_hint = "Clients tell what came true by POST /api/v1/predictions/ID/feedback; people in the review queue."
    fieldsets = (
        (None, {"fields": ("prediction_id", "index", "subject_id", "shown_model", "source", "by", "api_key_id")}),
        ("Truth", {"fields": ("shown_truth", "shown_state", "reason", "is_current", "given_at")}),
        ("Prediction", {"fields": ("shown_prediction", "predicted_at", "score", "log_loss", "brier")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Feedback]:
        return seeing.visible(person(request)).order_by(*self.ordering)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [name for _, options in self.fieldsets for name in options["fields"]]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever reads predictions reads what became of them."""
        return request.user.has_perm("monitoring.view_predictionlog")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description="Model", ordering="model")
    def shown_model(self, row: Feedback) -> str:
        if row.model is None or row.version is None:
            return "–"
        return format_html('<span class="p-nowrap">{}:{}</span>', row.model.name, row.version.number)

    @display(description="Truth")
    def shown_truth(self, row: Feedback) -> str:
        return row.told()

    @display(description="Predicted")
    def shown_prediction(self, row: Feedback) -> str:
        if row.predicted_value is not None:
            return f"{row.predicted_value:g}"
        return row.predicted_label if row.predicted_label is not None else "–"

    @display(
        description="State",
        ordering="state",
        label={
            FeedbackState.COUNTED.label: "success",
            FeedbackState.WAITING.label: "info",
            FeedbackState.UNCOUNTED.label: "warning",
            FeedbackState.UNKNOWN.label: "danger",
            FeedbackState.REFUSED.label: "danger",
        },
    )
    def shown_state(self, row: Feedback) -> str:
        return row.get_state_display()
