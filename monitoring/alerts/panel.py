"""What of the alerts stands on the dashboards."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from monitoring.alerts import judging, runbooks, seeing
from monitoring.alerts.models import AlertRule, State

MOST_SHOWN = 12


def overview(request: HttpRequest, subject: Any) -> dict[str, Any] | None:
    """All that the reader may see."""
    return _context(request, {})


def of_model(request: HttpRequest, model: Any) -> dict[str, Any] | None:
    """One model's; nothing when all is well with it."""
    found = _context(request, {"model": model})
    return found if found and found["lines"] else None


def _context(request: HttpRequest, only: dict[str, Any]) -> dict[str, Any]:
    rows = list(seeing.alerts(request.user).filter(**only)[: MOST_SHOWN + 1])
    now = timezone.now()
    lines = [
        {
            "alert": alert,
            "is_firing": alert.state == State.FIRING,
            "is_critical": alert.rule.severity == "critical",
            "is_silenced": judging.is_silenced(alert.rule, alert, now),
            "runbook": runbooks.link(alert.rule.kind),
        }
        for alert in rows[:MOST_SHOWN]
    ]
    return {
        "lines": lines,
        "has_more": len(rows) > MOST_SHOWN,
        "rules": 0 if lines else AlertRule.objects.filter(is_enabled=True).count(),
        "may_open": request.user.has_perm(seeing.SEES),
    }
