"""The clock: asks for a retraining every PROPOSITIONS_RETRAIN_DAYS, when enough happened since the last one."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from registry.errors import RegistryError
from registry.models import RegisteredModel
from solutions.errors import SolutionError
from solutions.propositions import MODEL, learners, logbook
from solutions.propositions.models import UNFINISHED, Retraining
from solutions.propositions.retraining import requests

log = logging.getLogger(__name__)


def ask_if_due() -> bool:
    """Queue a retraining in the name of the model's owner; False when it is too early, or there is little new."""
    days = settings.PROPOSITIONS_RETRAIN_DAYS
    model = RegisteredModel.objects.listed().filter(name=MODEL).select_related("owner").first()
    if not days or model is None or Retraining.objects.filter(status__in=UNFINISHED).exists():
        return False
    now, last = timezone.now(), _last(model)
    if now - last < timedelta(days=days):
        return False
    new = logbook.counts(until=now, since=last)
    if new["impressions"] < requests.MIN_IMPRESSIONS or new["clicks"] < requests.MIN_CLICKS:
        return False
    try:
        requests.ask(by=model.owner, kind=_usual_kind(), until=now, is_scheduled=True)
    except (SolutionError, RegistryError) as error:
        log.info("no retraining was scheduled: %s", error.message)
        return False
    return True


def _last(model: RegisteredModel) -> datetime:
    """Up to when the model has learned, as far as is known; for one that was only uploaded, when that was."""
    newest = Retraining.objects.order_by("-data_until").values_list("data_until", flat=True).first()
    uploaded = model.versions.order_by("-number").values_list("created_at", flat=True).first()
    return max(moment for moment in (newest, uploaded, model.created_at) if moment is not None)


def _usual_kind() -> str:
    """As the last one that ended well, so that a person's choice of kind stays."""
    last = (
        Retraining.objects.filter(version__isnull=False).order_by("-created_at").values_list("kind", flat=True).first()
    )
    return last if last in learners.KINDS else learners.USUAL
