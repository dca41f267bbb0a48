"""Alerts on the wire."""

from typing import Any

from rest_framework import serializers

from accounts.serializers import StrictSerializer
from monitoring.alerts import kinds, services
from monitoring.alerts.models import Alert, AlertEvent


class AlertSerializer(serializers.ModelSerializer[Alert]):
    """Where a rule stands for one subject."""

    alert = serializers.CharField(source="rule.name", help_text="The rule's name.")
    severity = serializers.CharField(source="rule.severity")
    model = serializers.CharField(source="model.name", allow_null=True, default=None)
    silenced_until = serializers.SerializerMethodField()
    runbook = serializers.SerializerMethodField()

    class Meta:
        model = Alert
        fields = (
            "id", "alert", "severity", "subject", "model", "state", "since", "text", "value",
            "silenced_until", "runbook",
        )  # fmt: skip
        read_only_fields = fields

    def get_silenced_until(self, alert: Alert) -> str | None:
        until = max((one for one in (alert.silenced_until, alert.rule.silenced_until) if one), default=None)
        return until.isoformat() if until else None

    def get_runbook(self, alert: Alert) -> str:
        return kinds.runbook(alert.rule.kind)


class AlertEventSerializer(serializers.ModelSerializer[AlertEvent]):
    """One thing that happened to an alert."""

    alert = serializers.CharField(source="rule_name")
    event = serializers.CharField(source="kind")
    model = serializers.CharField(source="model.name", allow_null=True, default=None)
    by = serializers.EmailField(source="by.email", allow_null=True, default=None)

    class Meta:
        model = AlertEvent
        fields = ("id", "event", "alert", "severity", "subject", "model", "text", "value", "at", "by")
        read_only_fields = fields


class SilenceSerializer(StrictSerializer):
    """For how long nobody is told of it."""

    minutes = serializers.IntegerField(min_value=1, max_value=services.MOST_MINUTES)
    note = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


def body(alert: Alert) -> dict[str, Any]:
    return dict(AlertSerializer(alert).data)
