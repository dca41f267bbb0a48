"""Counts what models did to the processes that serve them: three strikes in a minute take a version out of service.

A strike is a small request that overran its deadline inside the model, or a process that crashed in it. What merely
waited too long, and large batches, are no strikes: else a caller could take a model down.
"""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from accounts import database
from accounts.retrying import retry
from inference import process
from inference.errors import DeadlineExceeded
from inference.execution import crashes
from inference.models import Strike, StrikeKind
from inference.prediction_cache import MAX_ROWS
from registry import services
from registry.models import ModelVersion
from registry.resolver import Served

log = logging.getLogger(__name__)
STRIKES_ALLOWED = 3
WITHIN_SECONDS = 60.0
GRACE_SECONDS = 2.0
# Of its deadline, this share must have been the model's own: the rest may have gone into waiting for its turn.
_OWN_SHARE = 0.5
_noting = threading.Lock()


def note_overrun(error: Exception, *, served: Served, rows: int) -> None:
    """See to it that a model which overran its deadline is counted, and the process replaced if it still runs.

    A call that several requests shared is counted once.
    """
    if not isinstance(error, DeadlineExceeded):
        return
    with _noting:
        was_noted, error.is_noted = error.is_noted, True
    if was_noted:
        return
    if error.still_runs is not None:
        _replace_unless_it_ends(error.still_runs, f"{served.model_name}:{served.number}")
    if rows <= MAX_ROWS and error.ran_seconds >= _OWN_SHARE * served.serving.deadline_seconds:
        strike(version_id=served.version_id, kind=StrikeKind.OVERRUN, detail=error.message)


def _replace_unless_it_ends(still_runs: Callable[[], bool], name: str) -> None:
    """What ends by itself a moment after its deadline does no harm; what goes on holds a processor for ever."""

    def look() -> None:
        if still_runs():
            process.recycle(f"{name} overran its deadline, still runs and can't be stopped")

    timer = threading.Timer(GRACE_SECONDS, look)
    timer.daemon = True
    timer.start()


def collect_crashes() -> bool:
    """Count a strike for each process of this host that crashed in a model. A job; True when there was one."""
    return bool(
        crashes.collect(lambda version_id, what: strike(version_id=version_id, kind=StrikeKind.CRASH, detail=what))
    )


def strike(*, version_id: int, kind: str, detail: str) -> bool:
    """Count one; True when it was the one that took the version out of service. Never raises for the database."""
    try:
        return retry(
            lambda: _strike(version_id, kind, detail), on=database.Failure, attempts=3, between=connection.close
        )
    except database.Failure:
        log.exception("a strike of version %s could not be counted", version_id)
        return False


def _strike(version_id: int, kind: str, detail: str) -> bool:
    version = ModelVersion.objects.select_related("model").get(pk=version_id)
    Strike.objects.create(version=version, kind=kind, detail=detail)
    log.warning("strike (%s) of %s: %s", kind, version, detail)
    since = timezone.now() - timedelta(seconds=WITHIN_SECONDS)
    lifted = version.events.filter(kind="restored").values_list("at", flat=True).first()
    recent = Strike.objects.filter(version=version, at__gt=max(since, lifted) if lifted else since)
    kinds = list(recent.values_list("kind", flat=True))
    if len(kinds) < STRIKES_ALLOWED or version.quarantined_at is not None:
        return False
    told = " and ".join(f"{kinds.count(one)} {StrikeKind(one).label}" for one in sorted(set(kinds)))
    services.quarantine(version=version, reason=f"{told} within {WITHIN_SECONDS:.0f} seconds. The last: {detail}")
    return True
