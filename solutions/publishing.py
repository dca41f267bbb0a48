"""From a trained model to a live version, through the doors a user has: upload, wait for the verdict, activate."""

import io
import time
from collections.abc import Callable

from accounts.models import User
from inference import activation
from inference import jobs as inference_jobs
from inference.errors import ActivationFailed
from registry import services
from registry.errors import RegistryError
from registry.models import ModelVersion, Status
from solutions import card, catalogue
from solutions.trained import TrainedModel

Report = Callable[[str, str], None]
"""Called with a model's name and a line about it."""

UNFINISHED = (Status.PENDING, Status.VALIDATING)
SOLUTION_TAG = "solution"


def upload(
    *, by: User, solution: str, trained: TrainedModel, seed: int, tags: tuple[str, ...] = (), note: str = ""
) -> ModelVersion:
    """Upload what a training yielded as the next version of its model, visible to every signed-in user.

    The card becomes the version's notes. How the model is served is set when the model is new; later it is what
    people made of it. A solution that keeps something for each version does so in `services.adopt`, if it has one.
    Raises RegistryError.
    """
    version = services.upload_version(
        by=by,
        name=trained.name,
        file=io.BytesIO(trained.artifact),
        filename=trained.filename or f"{trained.name}.joblib",
        task=trained.task,
        handler=trained.handler,
        description=trained.description,
        visibility="internal",
        sample=trained.sample,
        expected=trained.expected,
        metrics=trained.as_metrics(),
        tags=[SOLUTION_TAG, *tags],
        version_tags=[f"seed {seed}", *([note] if note else [])],
        notes=card.of(solution, trained, seed=seed),
    )
    if version.number == 1 and trained.serving:
        services.change_model(model=version.model, by=by, **trained.serving)
    if catalogue.has_room(solution, "services"):
        adopt = getattr(catalogue.room(solution, "services"), "adopt", None)
        if adopt is not None:
            adopt(version=version, trained=trained, by=by)
    return version


def finish(*, by: User, versions: list[ModelVersion], report: Report, timeout_seconds: float, note: str) -> list[str]:
    """Wait until every version has its verdict and activate those that are ready; returns the problems.

    Lends a hand: this process validates too, so that it needs no job runner.
    """
    problems: list[str] = []

    def settle(version: ModelVersion) -> None:
        problems.extend(_settle(version, by, report, note))

    left = wait(versions=versions, report=report, timeout_seconds=timeout_seconds, settled=settle)
    return problems + [f"{version} was not validated within {timeout_seconds:.0f} s." for version in left]


def wait(
    *,
    versions: list[ModelVersion],
    report: Report,
    timeout_seconds: float,
    settled: Callable[[ModelVersion], None] = lambda version: None,
) -> list[ModelVersion]:
    """Wait for verdicts, and help; `settled` is called with each version that has one. Returns those without."""
    deadline = time.monotonic() + timeout_seconds
    waiting = {version.pk: version for version in versions}
    shown: dict[int, str] = {}
    while waiting and time.monotonic() < deadline:
        for version in ModelVersion.objects.filter(pk__in=waiting).select_related("model"):
            if version.status in UNFINISHED:
                _show_step(version, shown, report)
                continue
            del waiting[version.pk]
            settled(version)
        if waiting and not inference_jobs.validate_next():
            time.sleep(0.2)
    return list(waiting.values())


def _show_step(version: ModelVersion, shown: dict[int, str], report: Report) -> None:
    step = (version.progress or {}).get("step", "")
    if step and shown.get(version.pk) != step:
        shown[version.pk] = step
        report(version.model.name, f"validating: {step}")


def _settle(version: ModelVersion, by: User, report: Report, note: str) -> list[str]:
    """Activate a version that is ready; otherwise say why not."""
    name = version.model.name
    if version.status != Status.READY:
        failure = version.failure or {"message": f"It is {version.status}."}
        report(name, f"failed: {failure['message']}")
        return [f"{version}: {failure['message']}"]
    try:
        activation.activate(version=version, by=by, note=note)
    except (ActivationFailed, RegistryError) as error:
        report(name, f"could not be activated: {error}")
        return [f"{version}: {error}"]
    report(name, f"version {version.number} is ready and live, served by the {version.runtime} runtime")
    return []
