"""The errors page: what goes wrong here, how often, since when, and one sample of each."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import display

from accounts import moments
from accounts.bounded_paginator import BoundedPaginator
from monitoring.error_groups import writing
from monitoring.error_groups.models import ErrorGroup
from registry.signed_in import person


class StateFilter(admin.SimpleListFilter):
    """Open ones unless somebody asks for others."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), ("resolved", "Dealt with")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() in ("open", "resolved"):
            return queryset.filter(resolved_at__isnull=self.value() == "open")
        return queryset


@admin.register(ErrorGroup)
class ErrorGroupAdmin(ModelAdmin):
    """Read-only but for the mark that somebody has dealt with it; that goes when the error comes again."""

    list_display = ("shown_last", "shown_kind", "message", "shown_state", "count", "model_name", "process")
    list_display_links = ("shown_last", "shown_kind")
    shown_last = moments.column("last_seen_at", "Last seen", is_exact=True)
    shown_first = moments.column("first_seen_at", "First seen", is_exact=True)
    list_filter = (StateFilter, "process")
    search_fields = ("kind", "place", "message", "request_id", "model_name")
    search_help_text = "Kind, place, message, model or request id"
    list_per_page = 50
    show_full_result_count = False
    paginator = BoundedPaginator
    ordering = ("-last_seen_at",)
    actions = ("resolve",)
    empty_hint = "Nothing has gone wrong here in the last 30 days. Errors appear within a second or two."
    fieldsets = (
        (None, {"fields": ("kind", "place", "message", "code", "shown_state")}),
        ("How often", {"fields": ("count", "shown_first", "shown_last")}),
        ("The last one", {"fields": ("shown_request", "model_name", "process", "shown_trace")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [name for _, options in self.fieldsets for name in options["fields"]]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("monitoring.change_errorgroup")

    @admin.action(description="Mark as dealt with", permissions=["resolve"])
    def resolve(self, request: HttpRequest, queryset: QuerySet[ErrorGroup]) -> None:
        groups = list(queryset)
        for group in groups:
            writing.resolve(group=group, by=person(request))
        messages.success(request, f"{len(groups)} marked as dealt with; they come back when they happen again.")

    @display(description="Error", ordering="kind")
    def shown_kind(self, group: ErrorGroup) -> str:
        return format_html(
            '{}<br><span class="p-muted">{}</span>', group.kind.rpartition(".")[2] or "Many errors", group.place
        )

    @display(description="State", label={"Open": "danger", "Dealt with": "success"})
    def shown_state(self, group: ErrorGroup) -> str:
        return "Dealt with" if group.resolved_at else "Open"

    @display(description="Request")
    def shown_request(self, group: ErrorGroup) -> str:
        if not group.request_id:
            return "None: it was a job, or the process itself."
        return format_html(
            '<code>{}</code> · <a href="{}?q={}">its audit events</a>; the log has the rest under this id',
            group.request_id,
            reverse("admin:accounts_auditevent_changelist"),
            group.request_id,
        )

    @display(description="Where it came from")
    def shown_trace(self, group: ErrorGroup) -> str:
        return format_html(
            '<pre style="white-space: pre-wrap; overflow-wrap: anywhere">{}</pre>',
            group.trace or "No traceback: it is an event of the log.",
        )
