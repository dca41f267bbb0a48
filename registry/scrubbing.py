"""The scrubber: a job that looks at stored files, what is live first, so that damage is found before it is needed.

A bite is one version. It is claimed by moving its `checked_at`, so any number of runners may scrub. What is live is due
every SCRUB_LIVE_SECONDS, everything else every SCRUB_SECONDS.
"""

import logging
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import audit
from registry import artifacts, generation
from registry.errors import DigestMismatch, StorageUnavailable
from registry.models import Deployment, EventKind, ModelVersion, VersionEvent

log = logging.getLogger(__name__)


def scrub_next() -> bool:
    """Check the stored files of one version that is due; False when none is, or when their store can't be asked."""
    version = _claim()
    if version is None:
        return False
    try:
        found = _look(version)
    except StorageUnavailable as error:
        # Not the file's fault: whoever asks next finds out.
        log.error("the files of %s can't be checked: %s", version, error.message)
        return False
    _record(version, found)
    return True


def _claim() -> ModelVersion | None:
    live = ModelVersion.objects.filter(
        pk__in=Deployment.objects.filter(closed_at=None, model__archived_at=None).values("version")
    )
    for candidates, seconds in (
        (live, settings.SCRUB_LIVE_SECONDS),
        (ModelVersion.objects.all(), settings.SCRUB_SECONDS),
    ):
        version = _claimed(candidates, seconds)
        if version is not None:
            return version
    return None


def _claimed(candidates: QuerySet[ModelVersion], seconds: float) -> ModelVersion | None:
    now = timezone.now()
    due = candidates.filter(checked_at__lt=now - timedelta(seconds=seconds))
    oldest = due.order_by("checked_at").select_related("model")
    for version in oldest.defer("golden", "report", "sample", "expected", "signature")[:5]:
        mine = ModelVersion.objects.filter(pk=version.pk, checked_at=version.checked_at)
        if mine.update(checked_at=now):
            return version
    return None


def _look(version: ModelVersion) -> dict[str, Any] | None:
    """What is wrong with a file of the version; None when nothing is."""
    for file in version.stored_files():
        try:
            artifacts.check(file)
        except DigestMismatch as error:
            return {"code": error.code, "message": error.message, "form": file.form}
    return None


def _record(version: ModelVersion, found: dict[str, Any] | None) -> None:
    """Write down a change for better or worse, once, with an alarm for the worse."""
    known = version.damage
    if _kind_of(known) == _kind_of(found):
        return
    damage = None if found is None else {**found, "since": timezone.now().isoformat()}
    kind = EventKind.REPAIRED if damage is None else EventKind.DAMAGED
    details = damage or {"was": (known or {}).get("code")}
    with transaction.atomic():
        row = (
            ModelVersion.objects.select_for_update(no_key=True)
            .only("pk", "model", "number", "damage")
            .get(pk=version.pk)
        )
        if row.damage != known:
            return
        row.damage = damage
        row.save(update_fields=["damage"])
        VersionEvent.objects.create(version=row, kind=kind, details=details)
        if damage is None:
            # Processes that could not load it try again.
            generation.bump()
        audit.record(f"version.{kind}", by=None, target=version, details=details)
    if damage is None:
        log.warning("ALARM over: the stored files of %s are whole again", version)
    else:
        log.error("ALARM: %s: %s (%s)", version, damage["message"], damage["code"])


def _kind_of(damage: dict[str, Any] | None) -> tuple[str, str] | None:
    return (damage["code"], damage["form"]) if damage else None
