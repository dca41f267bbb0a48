"""Publishes the demo's models through the doors a user has: upload, wait for the verdict, activate.

What a person did with a demo model afterwards is left alone: one that was ever live, or archived, is done.
So is a person's own model that has the name of one of the demo's.
"""

import io
import time
from collections.abc import Callable
from enum import Enum

from accounts.models import User
from inference import activation
from inference import jobs as inference_jobs
from inference.errors import ActivationFailed
from mlplatform.demo.trained_model import TrainedModel
from registry import services
from registry.errors import RegistryError
from registry.models import ModelVersion, RegisteredModel, Status

NAMES = ("breast-cancer", "digits", "wine", "diabetes")
TAG = "demo"

Report = Callable[[str, str], None]
"""Called with a model's name and a line about it."""


class Stage(Enum):
    """How far a demo model has come."""

    MISSING = "missing"
    WAITING = "waiting"
    READY = "ready"
    DONE = "done"


def stage_of(name: str) -> tuple[Stage, ModelVersion | None]:
    """Where the model stands, and the version to go on with. If every version failed it counts as missing."""
    model = RegisteredModel.objects.filter(name=name).first()
    if model is None:
        return Stage.MISSING, None
    if TAG not in model.tags or model.archived_at or model.deployments.exists():
        return Stage.DONE, None
    version = model.versions.exclude(status=Status.FAILED).order_by("-number").first()
    if version is None:
        return Stage.MISSING, None
    if version.status in (Status.PENDING, Status.VALIDATING):
        return Stage.WAITING, version
    return (Stage.READY, version) if version.status == Status.READY else (Stage.DONE, None)


def is_complete() -> bool:
    """Whether there is nothing left to publish."""
    return all(stage_of(name)[0] is Stage.DONE for name in NAMES)


def upload(*, by: User, name: str, trained: TrainedModel) -> ModelVersion:
    """Upload a trained model as the next version of `name`, visible to every signed-in user."""
    return services.upload_version(
        by=by,
        name=name,
        file=io.BytesIO(trained.artifact),
        filename=f"{name}.joblib",
        task=trained.task,
        description=trained.description,
        visibility="internal",
        sample=trained.sample,
        expected=trained.expected,
        metrics=trained.metrics,
        tags=[TAG],
    )


def finish(*, by: User, versions: list[ModelVersion], report: Report, timeout_seconds: float) -> list[str]:
    """Wait until every version has its verdict and activate those that are ready; returns the problems.

    Lends a hand: this process validates too, so that the demo needs no job runner.
    """
    deadline = time.monotonic() + timeout_seconds
    waiting = {version.pk: version for version in versions}
    shown: dict[int, str] = {}
    problems: list[str] = []
    while waiting and time.monotonic() < deadline:
        for version in ModelVersion.objects.filter(pk__in=waiting).select_related("model"):
            if version.status in (Status.PENDING, Status.VALIDATING):
                _show_step(version, shown, report)
                continue
            del waiting[version.pk]
            problems += _settle(version, by, report)
        if waiting and not inference_jobs.validate_next():
            time.sleep(0.2)
    problems += [f"{version} was not validated within {timeout_seconds:.0f} s." for version in waiting.values()]
    return problems


def _show_step(version: ModelVersion, shown: dict[int, str], report: Report) -> None:
    step = (version.progress or {}).get("step", "")
    if step and shown.get(version.pk) != step:
        shown[version.pk] = step
        report(version.model.name, f"validating: {step}")


def _settle(version: ModelVersion, by: User, report: Report) -> list[str]:
    """Activate a version that is ready; otherwise say why not."""
    name = version.model.name
    if version.status != Status.READY:
        failure = version.failure or {"message": f"It is {version.status}."}
        report(name, f"failed: {failure['message']}")
        return [f"{version}: {failure['message']}"]
    try:
        activation.activate(version=version, by=by, note="Published by the demo.")
    except (ActivationFailed, RegistryError) as error:
        report(name, f"could not be activated: {error}")
        return [f"{version}: {error}"]
    report(name, f"version {version.number} is ready and live, served by the {version.runtime} runtime")
    return []
