"""Who sees which alerts: those about a model, whoever sees it; those about the platform, who has the right."""

from typing import Any

from django.db.models import Q, QuerySet

from monitoring.alerts.models import Alert, AlertEvent, State
from registry.models import RegisteredModel

SEES = "monitoring.view_alert"
SILENCES = "monitoring.change_alert"


def alerts(user: Any) -> QuerySet[Alert]:
    """Alerts that are not ok, those that fire first."""
    rows = Alert.objects.exclude(state=State.OK).filter(_visible(user)).select_related("rule", "model")
    return rows.order_by("state", "-since", "pk")  # firing before pending


def events(user: Any) -> QuerySet[AlertEvent]:
    """What happened, the newest first."""
    return AlertEvent.objects.filter(_visible(user)).select_related("model", "by").order_by("-at", "-pk")


def _visible(user: Any) -> Q:
    if user.has_perm(SEES):
        return Q()
    return Q(model__in=RegisteredModel.objects.visible_to(user))
