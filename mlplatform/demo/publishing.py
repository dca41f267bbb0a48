"""Publishes the demo's models through the doors a user has: upload, wait for the verdict, activate.

What a person did with a demo model afterwards is left alone: one that was ever live, or archived, is done.
So is a person's own model that has the name of one of the demo's. The solutions' models belong to the demo, too.
"""

import io
from enum import Enum

from accounts.models import User
from registry import services
from registry.models import ModelVersion, RegisteredModel, Status
from solutions import catalogue
from solutions import publishing as solutions_publishing
from solutions.publishing import Report
from solutions.solution import Solution
from solutions.trained import TrainedModel
from solutions.work import PlainWork

NAMES = ("breast-cancer", "digits", "wine", "diabetes")
TAG = "demo"
NOTE = "Published by the demo."


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


def every_name() -> list[str]:
    """The demo's own models and those of the solutions."""
    return [*NAMES, *(name for solution in catalogue.every() for name in solution.models)]


def is_complete() -> bool:
    """Whether there is nothing left to publish."""
    return all(stage_of(name)[0] is Stage.DONE for name in every_name())


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


def prepare(*, by: User, solution: Solution) -> str:
    """What a solution wants in its tables to be shown (`services.prepare_demo`), if anything; what was done."""
    services_room = catalogue.room(solution.name, "services")
    prepare_demo = getattr(services_room, "prepare_demo", None)
    return str(prepare_demo(by=by, seed=solution.seed)) if prepare_demo is not None else ""


def trained_by(solution: Solution) -> list[TrainedModel]:
    """What the demo publishes of a solution: the files its folder ships, or those of a training with its own seed."""
    training = catalogue.room(solution.name, "training")
    shipped = getattr(training, "shipped", None)
    trained: list[TrainedModel] = shipped() if shipped is not None else training.train(PlainWork(seed=solution.seed))
    return trained


def upload_of_solution(*, by: User, solution: Solution, trained: TrainedModel) -> ModelVersion:
    """Upload one of a solution's models as `manage.py train` does."""
    return solutions_publishing.upload(by=by, solution=solution.name, trained=trained, seed=solution.seed, tags=(TAG,))


def finish(*, by: User, versions: list[ModelVersion], report: Report, timeout_seconds: float) -> list[str]:
    """Wait until every version has its verdict and activate those that are ready; returns the problems."""
    return solutions_publishing.finish(
        by=by, versions=versions, report=report, timeout_seconds=timeout_seconds, note=NOTE
    )
