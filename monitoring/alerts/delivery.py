"""The job that tells people: one delivery a bite, tried again with growing pauses until it is sent or given up."""

import logging
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Exists, OuterRef
from django.utils import timezone

from accounts.redaction import without_controls
from accounts.retrying import pause_seconds
from monitoring.alerts import addresses, kinds, webhooks
from monitoring.alerts.models import AlertDelivery, ChannelKind, DeliveryState, EventKind

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 10
FIRST_PAUSE_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 3600.0
# Longer than any attempt takes: a runner that dies over it leaves it to another one.
_CLAIM_SECONDS = 60.0


class NoMailServer(Exception):
    """EMAIL_URL is not set."""


def deliver_next() -> bool:
    """Try one delivery that is due; False when none is."""
    now = timezone.now()
    waiting = AlertDelivery.objects.filter(state=DeliveryState.WAITING)
    # Of one alert a channel hears in order: never that it is over before that it was.
    earlier = waiting.filter(
        pk__lt=OuterRef("pk"),
        channel=OuterRef("channel"),
        event__rule_name=OuterRef("event__rule_name"),
        event__subject=OuterRef("event__subject"),
    )
    due = waiting.filter(~Exists(earlier), due_at__lte=now).order_by("due_at")
    for delivery in due.select_related("event", "channel", "event__model")[:5]:
        mine = AlertDelivery.objects.filter(pk=delivery.pk, state=DeliveryState.WAITING, due_at=delivery.due_at)
        if mine.update(due_at=now + timedelta(seconds=_CLAIM_SECONDS), attempts=delivery.attempts + 1):
            delivery.attempts += 1
            _try(delivery)
            return True
    return False


def _try(delivery: AlertDelivery) -> None:
    rows = AlertDelivery.objects.filter(pk=delivery.pk)
    try:
        _send(delivery)
    except Exception as error:
        _put_off(delivery, error)
    else:
        rows.update(state=DeliveryState.SENT, sent_at=timezone.now(), error="")


def _put_off(delivery: AlertDelivery, error: Exception) -> None:
    is_over = delivery.attempts >= MOST_ATTEMPTS or isinstance(error, addresses.AddressRefused)
    words = without_controls(f"{type(error).__name__}: {error}")[:300]
    pause = pause_seconds(delivery.attempts - 1, first=FIRST_PAUSE_SECONDS, longest=LONGEST_PAUSE_SECONDS)
    AlertDelivery.objects.filter(pk=delivery.pk).update(
        state=DeliveryState.GIVEN_UP if is_over else DeliveryState.WAITING,
        due_at=timezone.now() + timedelta(seconds=FIRST_PAUSE_SECONDS / 2 + pause),
        error=words,
    )
    # Not an error of ours, and one would be captured as such again and again.
    log.warning("the alert %s did not reach %s: %s", delivery.event, delivery.channel, words)


def _send(delivery: AlertDelivery) -> None:
    if delivery.channel.kind == ChannelKind.WEBHOOK:
        webhooks.call(
            url=delivery.channel.address,
            secret=delivery.channel.secret,
            delivery=delivery.pk,
            payload=payload(delivery),
        )
        return
    if not settings.HAS_MAIL_SERVER:
        raise NoMailServer("EMAIL_URL is not set.")
    event = delivery.event
    # A subject of a model with a line end in its name would be a header of the sender's making.
    EmailMessage(
        subject=without_controls(f"[{event.severity}] {event.get_kind_display()}: {event.rule_name} {event.subject}")[
            :200
        ],
        body="\n".join(_lines(payload(delivery))),
        from_email=settings.ALERT_FROM,
        to=addresses.mail_addresses(delivery.channel.address),
        headers={"X-Alert-Delivery": str(delivery.pk), "Auto-Submitted": "auto-generated"},
    ).send()


def payload(delivery: AlertDelivery) -> dict[str, Any]:
    """What a channel is told, as plain values."""
    event = delivery.event
    return {
        "event": event.kind,
        "alert": event.rule_name,
        "severity": event.severity,
        "subject": event.subject,
        "model": event.model.name if event.model else None,
        "text": event.text,
        "value": event.value,
        "at": event.at.isoformat(),
        "url": f"{settings.ALERT_SITE_URL.rstrip('/')}/admin/monitoring/alert/" if settings.ALERT_SITE_URL else None,
        "runbook": kinds.runbook(event.rule_kind),
    }


def _lines(told: dict[str, Any]) -> list[str]:
    what = "It is over. It said:" if told["event"] == EventKind.RESOLVED else ""
    lines = [what, told["text"], "", f"Since {told['at']}", f"What to do: {told['runbook']}", told["url"] or ""]
    return [line for number, line in enumerate(lines) if line or number == 2]
