"""What people do with retrainings."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import audit
from accounts.models import User
from inference import activation
from registry import services as registry_services
from registry.errors import Forbidden
from registry.models import RegisteredModel
from solutions.errors import ValueInvalid
from solutions.propositions import MODEL, learners, logbook
from solutions.propositions.errors import RetrainingEnded, RetrainingRuns, TooFewInteractions
from solutions.propositions.models import UNFINISHED, Retraining, RunStatus
from solutions.work import needs

MIN_IMPRESSIONS, MIN_CLICKS = 1_000, 100


def ask(
    *, by: User, kind: str = learners.USUAL, seed: int = 20, until: datetime | None = None, is_scheduled: bool = False
) -> Retraining:
    """Queue a retraining on everything that is known now; a job runner does it.

    Raises Forbidden, ValueInvalid (unknown_kind), ExtraMissing, TooFewInteractions, RetrainingRuns.
    """
    _check_may_retrain(by)
    if kind not in learners.KINDS:
        raise ValueInvalid(f"Use one of: {', '.join(learners.KINDS)}.", code="unknown_kind", field="kind")
    if kind == "xgboost":
        needs("xgboost", extra="xgboost")
    moment = until or timezone.now()
    counts = logbook.counts(until=moment)
    if counts["impressions"] < MIN_IMPRESSIONS or counts["clicks"] < MIN_CLICKS:
        raise TooFewInteractions(
            f"There are {counts['impressions']:,} impressions and {counts['clicks']:,} clicks; it takes "
            f"{MIN_IMPRESSIONS:,} and {MIN_CLICKS:,} to learn from.",
            impressions=counts["impressions"],
            clicks=counts["clicks"],
        )
    try:
        with transaction.atomic():
            run = Retraining.objects.create(
                model_name=MODEL, kind=kind, seed=seed, data_until=moment, requested_by=by, is_scheduled=is_scheduled
            )
            audit.record("retraining.asked", by=by, target=run, details={"kind": kind, "scheduled": is_scheduled})
    except IntegrityError as error:
        raise RetrainingRuns("A retraining is under way: wait for it or cancel it.") from error
    return run


def cancel(*, by: User, run: Retraining) -> Retraining:
    """Stop it: at once while it waits, else at its next step. Raises Forbidden, RetrainingEnded."""
    _check_may_retrain(by)
    with transaction.atomic():
        row = _locked(run)
        if row.status not in UNFINISHED:
            raise RetrainingEnded(f"It ended already: {row.get_status_display().lower()}.")
        row.is_cancel_asked = True
        is_held = row.lease_until is not None and row.lease_until > timezone.now()
        if not is_held:
            row.status, row.ended_at, row.reason = RunStatus.CANCELLED, timezone.now(), "Cancelled."
        row.decided_by = by
        row.save(update_fields=["is_cancel_asked", "status", "ended_at", "reason", "decided_by"])
        audit.record("retraining.cancelled", by=by, target=row)
    return row


def accept(*, by: User, run: Retraining, note: str = "") -> Retraining:
    """Make the proposed version live everywhere. Raises Forbidden, RetrainingEnded and what an activation raises."""
    row = _proposed(run)
    assert row.version is not None
    registry_services.check_may_activate(by, row.version.model)
    activation.activate(version=row.version, by=by, note=note or f"Proposed by retraining {row.pk}.")
    return _decided(row, by, RunStatus.ACTIVATED, "retraining.accepted")


def decline(*, by: User, run: Retraining, note: str = "") -> Retraining:
    """Leave what is live. Raises Forbidden, RetrainingEnded."""
    row = _proposed(run)
    assert row.version is not None
    registry_services.check_may_activate(by, row.version.model)
    return _decided(row, by, RunStatus.DECLINED, "retraining.declined", note)


def _decided(run: Retraining, by: User, status: RunStatus, event: str, note: str = "") -> Retraining:
    with transaction.atomic():
        row = _locked(run)
        row.status, row.decided_by, row.ended_at = status, by, timezone.now()
        row.reason = f"{row.reason} {note}".strip()
        row.save(update_fields=["status", "decided_by", "ended_at", "reason"])
        audit.record(event, by=by, target=row)
    return row


def _proposed(run: Retraining) -> Retraining:
    row = Retraining.objects.select_related("version__model").get(pk=run.pk)
    if row.status not in (RunStatus.PROPOSED, RunStatus.NOT_BETTER) or row.version is None:
        raise RetrainingEnded(f"There is nothing to decide: it is {row.get_status_display().lower()}.")
    return row


def _locked(run: Retraining) -> Retraining:
    return Retraining.objects.select_for_update().get(pk=run.pk)


def _check_may_retrain(by: User) -> None:
    """The version will be the caller's upload: they must be allowed to add one."""
    model = RegisteredModel.objects.filter(name=MODEL).select_related("owner").first()
    if model is not None and not registry_services.may_change(by, model):
        raise Forbidden("The ranking model belongs to somebody else.")
    if not by.has_perm("registry.upload_model"):
        raise Forbidden("You may not upload models: ask for the permission `upload_model`.")
