"""Alerts in the admin: what is wrong now, what happened, the rules, and who is told."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import display

from accounts import audit, moments
from accounts.bounded_paginator import BoundedPaginator
from monitoring.alerts import runbooks, seeing, services
from monitoring.alerts.models import Alert, AlertChannel, AlertDelivery, AlertEvent, AlertRule, ChannelKind, State
from registry.signed_in import person

_STATE_TONES = {State.FIRING.label: "danger", State.PENDING.label: "warning", State.OK.label: "success"}


class _ReadOnly(ModelAdmin):
    """Rows that a job writes."""

    list_per_page = 50
    show_full_result_count = False
    paginator = BoundedPaginator

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Alert)
class AlertAdmin(_ReadOnly):
    """What is wrong now."""

    list_display = ("shown_state", "rule", "shown_text", "shown_since", "shown_silence")
    list_display_links = ("rule",)
    list_filter = ("state", "rule")
    list_select_related = ("rule", "model")
    ordering = ("state", "-since")  # firing before pending
    actions = ("silence_an_hour", "silence_a_day", "end_silence")
    fields = ("shown_state", "rule", "subject", "shown_text", "value", "shown_since", "shown_silence", "shown_runbook")
    readonly_fields = fields
    shown_since = moments.column("since", "Since", is_exact=True)
    empty_hint = "All is well. Rules are judged every ten seconds by the job runner (manage.py runjobs)."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Alert]:
        return seeing.alerts(request.user)

    def has_silence_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(seeing.SILENCES)

    @admin.action(description="Silence for an hour", permissions=["silence"])
    def silence_an_hour(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        self._silence(request, queryset, 60)

    @admin.action(description="Silence for a day", permissions=["silence"])
    def silence_a_day(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        self._silence(request, queryset, 24 * 60)

    @admin.action(description="End the silence", permissions=["silence"])
    def end_silence(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        for alert in queryset:
            services.end_silence(alert=alert, by=person(request))
        messages.success(request, "People are told again.")

    def _silence(self, request: HttpRequest, queryset: QuerySet[Alert], minutes: int) -> None:
        for alert in queryset:
            services.silence(alert=alert, minutes=minutes, by=person(request))
        messages.success(request, "Nobody is told of these for a while; they go on being judged.")

    @display(description="State", ordering="state", label=_STATE_TONES)
    def shown_state(self, alert: Alert) -> str:
        return alert.get_state_display()

    @display(description="What is wrong")
    def shown_text(self, alert: Alert) -> str:
        return alert.text

    @display(description="Silenced until")
    def shown_silence(self, alert: Alert) -> str:
        until = max((one for one in (alert.silenced_until, alert.rule.silenced_until) if one), default=None)
        return moments.shown(until) or "not silenced"

    @display(description="What to do")
    def shown_runbook(self, alert: Alert) -> str:
        return format_html('<a href="{}">{}</a>', runbooks.link(alert.rule.kind), "The runbook")


@admin.register(AlertEvent)
class AlertEventAdmin(_ReadOnly):
    """The history."""

    list_display = ("shown_at", "kind", "rule_name", "severity", "text", "by", "shown_deliveries")
    list_filter = ("kind", "severity", "rule_name")
    list_select_related = ("by",)
    actions = None
    fields = ("shown_at", "kind", "rule_name", "severity", "subject", "text", "value", "by", "shown_deliveries")
    readonly_fields = fields
    empty_hint = "No alert has fired yet."
    shown_at = moments.column("at", "Time", is_exact=True)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AlertEvent]:
        return seeing.events(request.user).prefetch_related("deliveries__channel")

    @display(description="Told")
    def shown_deliveries(self, event: AlertEvent) -> str:
        return "; ".join(_told(delivery) for delivery in event.deliveries.all()) or "Nobody"


def _told(delivery: AlertDelivery) -> str:
    words = f"{delivery.channel.name}: {delivery.get_state_display().lower()}"
    return f"{words} ({delivery.attempts} attempts, {delivery.error})" if delivery.error else words


class _Audited(ModelAdmin):
    """Changes are written into the audit trail."""

    audited_as = ""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        action = "changed" if change else "created"
        audit.record(
            f"{self.audited_as}.{action}", by=person(request), target=obj, details={"fields": form.changed_data}
        )

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        audit.record(f"{self.audited_as}.deleted", by=person(request), target=obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:
            self.delete_model(request, row)


@admin.register(AlertRule)
class AlertRuleAdmin(_Audited):
    """What counts as wrong."""

    audited_as = "alert_rule"
    list_display = ("name", "kind", "model", "severity", "threshold", "window_seconds", "for_seconds", "is_enabled")
    list_filter = ("kind", "severity", "is_enabled")
    list_select_related = ("model",)
    fields = (
        "name", "kind", "model", "severity", "is_enabled", "threshold", "window_seconds", "for_seconds", "minimum",
        "objective_ms", "objective_share", "silenced_until",
    )  # fmt: skip
    empty_hint = "Without rules nobody is told of anything. manage.py migrate made thirteen on a new database."

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Its alerts go with it, though nobody may delete one alone; the history stays."""
        rows, counts, _, protected = super().get_deleted_objects(objs, request)
        return rows, counts, set(), protected


@admin.register(AlertChannel)
class AlertChannelAdmin(_Audited):
    """Who is told."""

    audited_as = "alert_channel"
    list_display = ("name", "kind", "address", "least_severity", "is_enabled")
    fields = ("name", "kind", "address", "least_severity", "is_enabled", "shown_secret")
    readonly_fields = ("shown_secret",)
    actions = ("send_test",)
    empty_hint = "Nobody is told yet: add an e-mail address or a webhook."

    @admin.action(description="Send a test", permissions=["change"])
    def send_test(self, request: HttpRequest, queryset: QuerySet[AlertChannel]) -> None:
        for channel in queryset:
            services.send_test(channel=channel, by=person(request))
        messages.success(request, "The test is on its way; the history tells whether it arrived.")

    @display(description="Secret")
    def shown_secret(self, channel: AlertChannel) -> str:
        """For whoever may change the channel; a webhook's receiver checks the signature with it."""
        if channel.kind != ChannelKind.WEBHOOK or not channel.pk:
            return "A webhook gets one when it is saved."
        return format_html("<code>{}</code>", channel.secret)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        may_change = self.has_change_permission(request, obj)
        return self.fields if may_change else tuple(name for name in self.fields if name != "shown_secret")
