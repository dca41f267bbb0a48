"""The steps of a retraining: learn and upload; then, once the version is proved, compare and propose."""

import io
from typing import Any

from django.conf import settings

from inference import activation
from inference.errors import ActivationFailed
from registry import services as registry_services
from registry.errors import RegistryError
from registry.models import SERVABLE, ModelVersion, RegisteredModel, Status
from solutions import publishing
from solutions.propositions import MODEL, learners, logbook, training
from solutions.propositions.models import Retraining, RunStatus
from solutions.propositions.retraining import judging
from solutions.propositions.retraining.ending import Progress, end

_POLL_SECONDS = 1.0


def train(run: Retraining, progress: Progress) -> bool:
    progress.tell("making rows of what was logged", 0.1, status=RunStatus.RUNNING)
    parts = judging.parted(logbook.examples(until=run.data_until))
    progress.tell(f"fitting {run.kind} to {len(parts.learned):,} rows", 0.4)
    estimator = learners.fitted(run.kind, parts.learned, seed=run.seed)
    progress.tell("measuring on rows it never saw", 0.6)
    trained = training.trained(estimator, learned=parts.learned, held_out=parts.held_out, seed=run.seed)
    trained = training.with_facts(
        trained, {"Learned from": f"what was logged until {run.data_until:%Y-%m-%d %H:%M} UTC ({run.kind})"}
    )
    progress.tell("uploading", 0.8)
    known = registry_services.known_version(by=run.requested_by, name=MODEL, file=io.BytesIO(trained.artifact))
    if known is None or known.created_at < run.created_at:
        known = publishing.upload(
            by=run.requested_by, solution=MODEL, trained=trained, seed=run.seed, note=f"retraining {run.pk}"
        )
    run.release(
        counts=False,
        delay=_POLL_SECONDS,
        status=RunStatus.WAITING,
        version=known,
        progress={"step": "waiting for the version to be validated", "fraction": 0.85},
    )
    return True


def judge(run: Retraining, version: ModelVersion, progress: Progress) -> bool:
    if version.status in (Status.PENDING, Status.VALIDATING):
        run.release(counts=False, delay=_POLL_SECONDS)
        return False
    if version.status not in SERVABLE:
        told = (version.failure or {}).get("message", f"it is {version.status}")
        return end(run, RunStatus.FAILED, f"{version} can't be served: {told}")
    progress.tell("comparing it with what is live", 0.9)
    held_out = judging.parted(logbook.examples(until=run.data_until)).held_out
    live = _live()
    comparison = judging.compared(version, live, held_out, seed=run.seed)
    is_better, reason = judging.is_better(comparison)
    status = RunStatus.PROPOSED if is_better else RunStatus.NOT_BETTER
    facts = {"comparison": comparison, "compared_with": live}
    if is_better and settings.PROPOSITIONS_ACTIVATE:
        return _activate(run, version, reason, facts)
    return end(run, status, reason, **facts)


def _activate(run: Retraining, version: ModelVersion, reason: str, facts: dict[str, Any]) -> bool:
    """Only where the setting says so: make it live in the name of who asked for it."""
    try:
        activation.activate(version=version, by=run.requested_by, note=f"Retraining {run.pk}: {reason}")
    except (ActivationFailed, RegistryError) as error:
        return end(run, RunStatus.PROPOSED, f"{reason} It could not be activated: {error}", **facts)
    return end(run, RunStatus.ACTIVATED, reason, **facts)


def _live() -> ModelVersion | None:
    """What is live, if it takes the columns of today."""
    model = RegisteredModel.objects.filter(name=MODEL).first()
    open = model.open_deployment() if model else None
    if open is None:
        return None
    open.version.model = model  # type: ignore[assignment]
    return open.version if judging.takes_our_columns(open.version) else None
