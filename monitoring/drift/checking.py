"""Looking for drift: what a version was asked and answered of late, beside its reference."""

import logging
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from monitoring.drift import comparing, references, thresholds, window
from monitoring.drift.comparing import Found
from monitoring.drift.errors import NoReference
from monitoring.drift.models import DriftCheck, DriftReference, DriftResult
from monitoring.drift.window import Window
from registry.models import Deployment, ModelVersion
from registry.services.rights import check_may_change

log = logging.getLogger(__name__)

PRUNED_AT_ONCE = 500
_RETRY_SECONDS = 300.0


def check(version: ModelVersion, *, hours: float | None = None) -> DriftCheck:
    """Look at the version's last `hours` (DRIFT_WINDOW_HOURS) and write down what was found. Raises NoReference."""
    reference = references.current(version.pk)
    if reference is None:
        raise NoReference(f"{version} has no reference: take one from its records.")
    until = timezone.now()
    since = until - timedelta(hours=hours or settings.DRIFT_WINDOW_HOURS)
    seen = window.look(version, since=since, until=until, most=settings.DRIFT_ROWS)
    before = reference.profile.get("features", [])
    now, _ = seen.profile(before)
    found = comparing.compare(before, now, thresholds.current())
    return _write(version, reference, seen, found)


def ask(*, version: ModelVersion, by: User) -> DriftReference:
    """Have the job look at a version soon, live or not. Raises registry's Forbidden, NoReference.

    Serving processes don't look themselves: the statistics would stay in their memory.
    """
    check_may_change(by, version.model)
    current = DriftReference.objects.filter(version=version, is_current=True)
    if not current.update(asked_at=timezone.now(), not_before=None):
        raise NoReference(f"{version} has no reference: take one from its records.")
    return current.get()


def check_next() -> bool:
    """Look at one version that is due; False when none is. One that is live is due every DRIFT_CHECK_SECONDS, any other
    one when it is asked for.
    """
    live = Deployment.objects.filter(closed_at=None, model__archived_at=None).values("version")
    wanted = Q(version__in=live) | Q(asked_at__isnull=False)
    due = DriftReference.objects.filter(wanted, is_current=True).order_by("not_before", "pk")
    reference = DriftReference.claim_one(due, seconds=settings.JOB_LEASE_SECONDS * 4)
    if reference is None:
        return False
    version = ModelVersion.objects.select_related("model").get(pk=reference.version_id)
    try:
        check(version)
    except KeyboardInterrupt:
        reference.release(counts=False)
        raise
    except Exception:
        reference.release(delay=_RETRY_SECONDS, counts=False)
        raise
    # Who asked meanwhile has another look coming.
    DriftReference.objects.filter(pk=reference.pk, asked_at=reference.asked_at).update(asked_at=None)
    reference.release(delay=settings.DRIFT_CHECK_SECONDS, counts=False)
    return True


def prune() -> int:
    """Forget checks older than DRIFT_KEEP_DAYS, some at a time; how many were forgotten."""
    before = timezone.now() - timedelta(days=settings.DRIFT_KEEP_DAYS)
    ids = list(DriftCheck.objects.filter(checked_at__lt=before).values_list("pk", flat=True)[:PRUNED_AT_ONCE])
    DriftResult.objects.filter(drift_check__in=ids).delete()
    return DriftCheck.objects.filter(pk__in=ids).delete()[0]


def _write(version: ModelVersion, reference: DriftReference, seen: Window, found: list[Found]) -> DriftCheck:
    judged = [one for one in found if one.is_drifted is not None]
    drifted = [one for one in judged if one.is_drifted]
    with transaction.atomic():
        row = DriftCheck.objects.create(
            version=version, model=version.model, reference=reference, window_from=seen.since, window_to=seen.until,
            requests=seen.requests, rows=seen.rows, features=len(judged), drifted=len(drifted),
            is_drifted=bool(drifted) if judged else None, note=_note(version, reference, seen),
        )  # fmt: skip
        DriftResult.objects.bulk_create(_result(row, one) for one in found)
    if drifted:
        log.warning("%s has drifted: %s", version, ", ".join(one.name for one in drifted[:20]))
    return row


def _result(row: DriftCheck, found: Found) -> DriftResult:
    values: dict[str, Any] = {
        name: getattr(found, name)
        for name in (
            "role", "kind", "statistic", "value", "threshold", "p_value", "reference_rows", "rows", "is_drifted",
            "reason", "facts",
        )
    }  # fmt: skip
    return DriftResult(drift_check=row, feature=found.name[:200], **values)


def _note(version: ModelVersion, reference: DriftReference, seen: Window) -> str:
    """Why something that one would look for is not there: a stable word, empty when all is."""
    least = thresholds.current().least_rows
    roles = {feature["role"] for feature in reference.profile.get("features", [])}
    if seen.seen < least:
        return "too_few_requests"
    if (version.signature or {}).get("handler") == "tensor":
        return "tensors_not_profiled"
    if not seen.inputs or not any(seen.inputs.values()):
        return "inputs_not_kept"
    if not seen.predictions:
        return "outputs_not_kept"
    return "" if "input" in roles else "no_inputs_in_reference"
