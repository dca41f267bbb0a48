"""Taking a reference: from the sample that came with an upload, or from the records of a span of time."""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import User
from monitoring.drift import profile, rows, thresholds, window
from monitoring.drift.errors import SpanInvalid, TooFewRows
from monitoring.drift.models import DriftReference, ReferenceSource
from monitoring.drift.rows import Columns
from registry.models import ModelVersion
from registry.services.rights import check_may_change

log = logging.getLogger(__name__)

MOST_DAYS = 92
USUAL_DAYS = 7


def from_sample(version: ModelVersion) -> DriftReference | None:
    """The reference that the uploader's sample gives, at validation; None when it has too few rows.

    Rows that were made up to prove the model say nothing about its traffic and are never used.
    """
    sample = version.sample if isinstance(version.sample, list) else []
    least = thresholds.current().least_reference
    if len(sample) < least:
        return None
    signature = version.signature or {}
    kept = evenly(sample, settings.DRIFT_ROWS)
    predictions, confidences = _answers(version, len(sample))
    inputs = rows.inputs_of([{"instances": kept}], signature)
    if signature.get("task") == "classification":
        predictions = window.as_categories(predictions)
    features, left_out = profile.make(inputs, predictions, confidences, like=None)
    if not any(feature["count"] + feature["missing"] >= least for feature in features):
        return None
    found = {"features": features, "left_out": left_out}
    return _store(version, source=ReferenceSource.SAMPLE, rows=len(kept), profile=found, by=None)


def try_from_sample(version: ModelVersion) -> DriftReference | None:
    """As `from_sample`, for those who must not fail because of it."""
    try:
        with transaction.atomic():
            return from_sample(version)
    except Exception:
        log.exception("no drift reference could be taken from the sample of %s", version)
        return None


def _answers(version: ModelVersion, sample_rows: int) -> tuple[Columns, list[float]]:
    """What the version answers to its sample: its golden answers begin with those rows, up to their own number."""
    golden = version.golden or {}
    answered = min((version.report or {}).get("sample_rows") or sample_rows, sample_rows)
    said = (golden.get("predictions") or [])[:answered]
    shares = (golden.get("probabilities") or [])[:answered]
    if isinstance(version.expected, list) and len(version.expected) == sample_rows:
        said = version.expected  # which the validation has compared with what the model says
    return rows.predictions_of([{"predictions": said, "probabilities": shares}])


def evenly(items: list[Any], most: int) -> list[Any]:
    """At most `most` of the items, evenly spaced."""
    if len(items) <= most:
        return items
    return [items[at * len(items) // most] for at in range(most)]


def from_window(
    *, version: ModelVersion, by: User, since: datetime | None = None, until: datetime | None = None
) -> DriftReference:
    """Take the version's answered requests from `since` to `until` (the last USUAL_DAYS) as its reference.

    Raises registry's Forbidden, SpanInvalid, TooFewRows.
    """
    check_may_change(by, version.model)
    until = until or timezone.now()
    since = since or until - timedelta(days=USUAL_DAYS)
    if not timedelta() < until - since <= timedelta(days=MOST_DAYS):
        raise SpanInvalid(f"A span begins before it ends and is at most {MOST_DAYS} days long.")
    seen = window.look(version, since=since, until=until, most=settings.DRIFT_ROWS)
    features, left_out = seen.profile()
    least = thresholds.current().least_reference
    usable = max((feature["count"] for feature in features), default=0)
    if usable < least:
        raise TooFewRows(rows=usable, least=least)
    found = {"features": features, "left_out": left_out}
    with transaction.atomic():
        reference = _store(
            version, source=ReferenceSource.WINDOW, rows=seen.rows, profile=found, by=by, window_from=since,
            window_to=until,
        )  # fmt: skip
        details = {"since": since.isoformat(), "until": until.isoformat(), "rows": seen.rows}
        audit.record("drift.reference_taken", by=by, target=version, details=details)
    return reference


def current(version_id: int) -> DriftReference | None:
    """The reference that counts."""
    return DriftReference.objects.filter(version_id=version_id, is_current=True).select_related("version", "by").first()


def _store(version: ModelVersion, **facts: Any) -> DriftReference:
    with transaction.atomic():
        # One after another, so that one of them is the last.
        ModelVersion.objects.select_for_update(no_key=True).only("pk").get(pk=version.pk)
        DriftReference.objects.filter(version=version, is_current=True).update(is_current=False)
        return DriftReference.objects.create(version=version, **facts)
