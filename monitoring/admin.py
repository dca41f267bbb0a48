"""Prediction records in the admin: to be read, never changed."""

import json
from datetime import UTC, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import display

from accounts.bounded_paginator import BoundedPaginator
from monitoring.models import Outcome, PredictionLog

MOST_SHOWN_CHARACTERS = 100_000
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
        "id",
    )
    list_display_links = ("shown_time", "id")
    list_filter = ("outcome", TimeFilter, "model")
    list_select_related = ("model", "version", "user")
    list_per_page = 50
    show_full_result_count = False
    paginator = BoundedPaginator
    ordering = ("-created_at",)
    fieldsets = (
        (
            None,
            {"fields": ("id", "shown_time", "shown_model", "user", "api_key_id", "subject_id", "request_id")},
        ),
        ("Outcome", {"fields": ("shown_outcome", "status_code", "error_code", "confidence")}),
        ("Cost", {"fields": ("instance_count", "latency_ms", "inference_ms")}),
        ("Payload", {"fields": ("shown_input", "shown_output")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[PredictionLog]:
        records: QuerySet[PredictionLog] = super().get_queryset(request)
        if request.resolver_match and request.resolver_match.url_name == "monitoring_predictionlog_changelist":
            return records.defer("input", "output")
        return records

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [name for _, options in self.fieldsets for name in options["fields"]]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description="Time", ordering="created_at")
    def shown_time(self, record: PredictionLog) -> str:
        at = record.created_at.astimezone(UTC)
        return format_html(
            '<time class="p-nowrap" datetime="{}">{} UTC</time>',
            at.isoformat(timespec="milliseconds"),
            f"{at:%Y-%m-%d %H:%M:%S}",
        )

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

    @display(description="Input")
    def shown_input(self, record: PredictionLog) -> str:
        return _pretty(record.input)

    @display(description="Output")
    def shown_output(self, record: PredictionLog) -> str:
        return _pretty(record.output)


def _pretty(value: Any) -> str:
    """Indented JSON as escaped text; long ones are cut, and say so."""
    if value is None:
        return "Not kept."
    text = _indented(value, "")
    if len(text) > MOST_SHOWN_CHARACTERS:
        shown = text[:MOST_SHOWN_CHARACTERS]
        text = f"{shown}\n… cut, {len(text):,} characters in all; the API gives the whole."
    return format_html('<pre style="white-space: pre-wrap; overflow-wrap: anywhere">{}</pre>', text)


def _indented(value: Any, indent: str) -> str:
    """JSON with a line for each entry, but rows of plain values on one line."""
    deeper = indent + "  "
    if isinstance(value, dict) and value:
        entries = [f"{_plain(key)}: {_indented(item, deeper)}" for key, item in value.items()]
        return "{\n" + ",\n".join(deeper + entry for entry in entries) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        return "[\n" + ",\n".join(deeper + _indented(item, deeper) for item in value) + f"\n{indent}]"
    return _plain(value)


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
