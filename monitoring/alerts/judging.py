"""The job that judges: what is found becomes a state for each subject, changes become events, events go to channels.

Each rule is claimed by moving its `judged_at`, so any number of runners may judge. A finding is *pending* until it has
held for the rule's `for_seconds`, then *firing*; without a finding the alert is *ok* again.
"""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts import database
from monitoring.alerts import kinds
from monitoring.alerts.kinds import Findings, Found
from monitoring.alerts.models import (
    Alert,
    AlertChannel,
    AlertDelivery,
    AlertEvent,
    AlertRule,
    EventKind,
    State,
)

log = logging.getLogger(__name__)

EVERY_SECONDS = 10.0
MOST_AT_ONCE = 50
# Subjects of one rule that are told apart; what is beyond waits until some of them are over.
MOST_SUBJECTS = 200
KEPT_DAYS = 180


def judge_due() -> bool:
    """Judge the rules that are due, at most MOST_AT_ONCE; True when that changed an alert's state.

    A rule that can't be judged is logged, and the others are.
    """
    now, changed = timezone.now(), False
    due = AlertRule.objects.filter(is_enabled=True, judged_at__lt=now - timedelta(seconds=EVERY_SECONDS))
    for rule in due.order_by("judged_at")[:MOST_AT_ONCE]:
        if not AlertRule.objects.filter(pk=rule.pk, judged_at=rule.judged_at).update(judged_at=now):
            continue
        try:
            changed |= judge(rule, now)
        except database.Failure:
            raise
        except Exception:
            log.exception("the rule %s could not be judged", rule.name)
    return changed


def judge(rule: AlertRule, now: datetime) -> bool:
    """Bring the rule's alerts to what is found now; True when one changed its state."""
    before = rule.memory
    found = kinds.find(rule, now)
    with transaction.atomic():
        if rule.memory != before:
            AlertRule.objects.filter(pk=rule.pk).update(memory=rule.memory)
        known = {alert.subject: alert for alert in rule.alerts.select_for_update().order_by("subject")}
        before_states = {subject: alert.state for subject, alert in known.items()}
        for subject, alert in known.items():
            _follow(rule, alert, found.get(subject), now)
        begun = {subject: one for subject, one in found.items() if subject not in known}
        _begin(rule, begun, len(known), now)
    return bool(begun) or before_states != {subject: alert.state for subject, alert in known.items()}


def _begin(rule: AlertRule, found: Findings, known: int, now: datetime) -> None:
    for subject in sorted(found)[: max(0, MOST_SUBJECTS - known)]:
        alert = Alert(rule=rule, subject=subject[:255], state=State.OK, since=now)
        _follow(rule, alert, found[subject], now)


def _follow(rule: AlertRule, alert: Alert, found: Found | None, now: datetime) -> None:
    if found is None:
        _calm(rule, alert, now)
        return
    alert.text, alert.value, alert.model_id = found.text[:500], found.value, found.model_id
    if alert.state == State.OK:
        alert.state, alert.since = State.PENDING, now
    if alert.state == State.PENDING and now - alert.since >= timedelta(seconds=rule.for_seconds):
        alert.state, alert.since = State.FIRING, now
        _event(EventKind.FIRING, rule, alert)
    if alert.state == State.FIRING and not alert.is_told and not is_silenced(rule, alert, now):
        alert.is_told = True
        _tell(AlertEvent.objects.filter(rule_name=rule.name, subject=alert.subject, kind=EventKind.FIRING).first())
    alert.save()


def _calm(rule: AlertRule, alert: Alert, now: datetime) -> None:
    if alert.state == State.OK:
        if alert.silenced_until is None or alert.silenced_until <= now:
            alert.delete()  # its events stay
        return
    was, alert.state, alert.since = alert.state, State.OK, now
    if was == State.FIRING:
        event = _event(EventKind.RESOLVED, rule, alert)
        if alert.is_told:
            _tell(event)
    alert.is_told = False
    alert.save()


def is_silenced(rule: AlertRule, alert: Alert, now: datetime) -> bool:
    """Whether nobody is to be told of it."""
    return any(until is not None and until > now for until in (rule.silenced_until, alert.silenced_until))


def _event(kind: EventKind, rule: AlertRule, alert: Alert) -> AlertEvent:
    return AlertEvent.objects.create(
        kind=kind, rule_name=rule.name, rule_kind=rule.kind, severity=rule.severity, subject=alert.subject,
        model_id=alert.model_id, text=alert.text, value=alert.value,
    )  # fmt: skip


def _tell(event: AlertEvent | None) -> None:
    """Put the event on its way to each channel that wants it."""
    if event is None:
        return
    wanted = [channel for channel in AlertChannel.objects.all() if channel.wants(event.severity)]
    AlertDelivery.objects.bulk_create(
        [AlertDelivery(event=event, channel=channel) for channel in wanted], ignore_conflicts=True
    )


def prune() -> int:
    """Forget events, and how they were delivered, after KEPT_DAYS; how many rows."""
    return AlertEvent.objects.filter(at__lt=timezone.now() - timedelta(days=KEPT_DAYS)).delete()[0]
