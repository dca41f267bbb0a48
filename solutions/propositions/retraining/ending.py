"""How a retraining tells how far it is, and how it ends."""

import logging
import threading
from typing import Any

from django.utils import timezone

from registry.leases import LeaseLost
from solutions.errors import TrainingCancelled
from solutions.propositions.models import Retraining, RunStatus

log = logging.getLogger(__name__)


class Progress:
    """Says how far a retraining is, and notices that it was cancelled or that the claim was lost."""

    def __init__(self, run: Retraining, lost: threading.Event) -> None:
        self._run, self._lost = run, lost

    def tell(self, step: str, fraction: float, **changes: Any) -> None:
        """Raises TrainingCancelled, LeaseLost."""
        mine = Retraining.objects.filter(pk=self._run.pk, lease_token=self._run.lease_token)
        if self._lost.is_set() or not mine.update(progress={"step": step, "fraction": fraction}, **changes):
            raise LeaseLost
        if mine.values_list("is_cancel_asked", flat=True).first():
            raise TrainingCancelled


def end(run: Retraining, status: RunStatus, reason: str, **facts: Any) -> bool:
    """Write the outcome down and give the claim back; True. What another runner has taken over is left alone."""

    def write(row: Retraining) -> None:
        row.status, row.reason, row.ended_at = status, reason, timezone.now()
        row.progress = {}
        for name, value in facts.items():
            setattr(row, name, value)
        row.save(update_fields=["status", "reason", "ended_at", "progress", *facts])

    try:
        run.finish(write)
    except LeaseLost:
        log.warning("another runner took %s over; what was found here is dropped", run)
    log.info("%s: %s: %s", run, status, reason)
    return True
