"""What people do about alerts: silence them for a while, and try a channel."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import User
from monitoring.alerts.models import (
    Alert,
    AlertChannel,
    AlertDelivery,
    AlertEvent,
    EventKind,
    Severity,
)

MOST_MINUTES = 7 * 24 * 60


def silence(*, alert: Alert, minutes: int, by: User, note: str = "") -> Alert:
    """Have nobody told of this alert for `minutes` (1 to MOST_MINUTES); it goes on being judged."""
    if not 1 <= minutes <= MOST_MINUTES:
        raise ValueError(f"minutes is 1 to {MOST_MINUTES}.")
    alert.silenced_until = timezone.now() + timedelta(minutes=minutes)
    return _change(alert, EventKind.SILENCED, by, note or f"for {minutes} minutes")


def end_silence(*, alert: Alert, by: User) -> Alert:
    """Have people told again; of one that fires, at once."""
    alert.silenced_until = None
    return _change(alert, EventKind.UNSILENCED, by, "")


def _change(alert: Alert, kind: EventKind, by: User, text: str) -> Alert:
    with transaction.atomic():
        alert.save(update_fields=["silenced_until"])
        AlertEvent.objects.create(
            kind=kind, rule_name=alert.rule.name, rule_kind=alert.rule.kind, severity=alert.rule.severity,
            subject=alert.subject, model_id=alert.model_id, text=text[:500], by=by,
        )  # fmt: skip
        audit.record(f"alert.{kind}", by=by, target=alert, details={"until": alert.silenced_until, "note": text})
    return alert


def send_test(*, channel: AlertChannel, by: User) -> AlertDelivery:
    """Put a test on its way to this channel."""
    with transaction.atomic():
        event = AlertEvent.objects.create(
            kind=EventKind.TEST, rule_name="test", severity=Severity.WARNING, by=by,
            text=f"A test of the channel {channel.name}, asked for by {by.email}.",
        )  # fmt: skip
        audit.record("alert_channel.tested", by=by, target=channel)
        return AlertDelivery.objects.create(event=event, channel=channel)
