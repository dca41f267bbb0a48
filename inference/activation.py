"""Activation in two steps: every serving process warms the version up, then the ledger says that it is live.

While the processes load it, the old version answers. A process that fails, or doesn't answer before the deadline, fails
the activation and nothing changes. A process that dies meanwhile is no longer waited for.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from inference import golden, model_cache
from inference.errors import ActivationFailed
from inference.models import Staging, StagingReply
from monitoring import processes
from registry import artifacts, generation, resolver, services
from registry.errors import DigestMismatch
from registry.models import Deployment, ModelVersion, RegisteredModel

Progress = Callable[[int, int], None]
_LOOK_EVERY_SECONDS = 0.02


def activate(
    *,
    version: ModelVersion,
    by: User,
    note: str = "",
    progress: Progress | None = None,
    within: Callable[[Deployment], None] | None = None,
) -> Deployment:
    """Make `version` live everywhere. `progress(done, of)` counts the processes that are warm.

    Of activations that run at once the first to be ready wins; the others are Conflicts that say what is live.
    `within` is called with the ledger's entry in its transaction. Raises Forbidden, VersionNotReady, Conflict,
    ActivationFailed; nothing has changed when it raises.
    """
    services.check_may_activate(by, version.model)
    services.check_can_serve(version)
    open = version.model.open_deployment()
    proof = _stage(version, progress)
    commit = services.Commit(expecting=open, proof=proof, within=within)
    return services.activate(version=version, by=by, note=note, commit=commit)


def rollback(
    *,
    model: RegisteredModel,
    by: User,
    note: str = "",
    progress: Progress | None = None,
    within: Callable[[Deployment], None] | None = None,
) -> Deployment:
    """Make live again what was live before. Raises as `activate` does."""
    services.check_may_activate(by, model)
    open = model.open_deployment()
    target = services.rollback_target(open)
    proof = _stage(target.version, progress)
    return services.rollback(
        model=model, by=by, note=note, commit=services.Commit(expecting=open, proof=proof, within=within)
    )


def warm_up(*, version: ModelVersion, by: User, progress: Progress | None = None) -> dict[str, Any]:
    """Have every serving process load, warm and check `version`, and change nothing; what they found.

    Raises Forbidden, VersionNotReady, ActivationFailed.
    """
    services.check_may_activate(by, version.model)
    services.check_can_serve(version)
    return _stage(version, progress)


def _stage(version: ModelVersion, progress: Progress | None) -> dict[str, Any]:
    """Have every live serving process load and check `version`; what they found. Raises ActivationFailed."""
    try:
        # A process that has the version in memory wouldn't notice, one that starts later couldn't load it.
        artifacts.check(version.served_file)
    except DigestMismatch as error:
        raise ActivationFailed(f"{version} can't be loaded: {error.message}", reason=error.code) from error
    deadline = timezone.now() + timedelta(seconds=settings.STAGING_SECONDS)
    staging = Staging.objects.create(version=version, deadline=deadline)
    try:
        generation.signal()
        return _proof(_wait_for_replies(staging, progress))
    finally:
        _close(staging)


def _close(staging: Staging) -> None:
    """Remove it with its replies. The lock makes a reply that comes now fail instead of this."""
    with transaction.atomic():
        list(Staging.objects.select_for_update().filter(pk=staging.pk))
        staging.delete()


def _proof(replies: list[StagingReply]) -> dict[str, Any]:
    """What is kept in the ledger: each process's load time and largest golden difference, and the largest of all."""
    named = processes.named({reply.process for reply in replies})
    found = [
        {
            "process": named.get(reply.process, str(reply.process)),
            "load_ms": round(reply.load_ms, 3),
            "golden_difference": reply.golden_difference,
        }
        for reply in replies
    ]
    differences = [reply.golden_difference for reply in replies if reply.golden_difference is not None]
    found.sort(key=lambda one: str(one["process"]))
    return {"golden_difference": max(differences, default=None), "processes": found}


def _wait_for_replies(staging: Staging, progress: Progress | None) -> list[StagingReply]:
    """The answer of every live serving process. Raises ActivationFailed when one can't, or is too late."""
    while True:
        replies = {reply.process: reply for reply in staging.replies.all()}
        for reply in replies.values():
            if reply.problem:
                raise ActivationFailed(
                    f"A serving process can't take up {staging.version}: {reply.problem}",
                    process=str(reply.process),
                )
        expected = _processes()
        if progress:
            progress(len(expected & replies.keys()), len(expected))
        if expected <= replies.keys():
            return list(replies.values())
        if timezone.now() > staging.deadline:
            missing = sorted(str(process) for process in expected - replies.keys())
            raise ActivationFailed(
                f"{len(missing)} of {len(expected)} serving processes weren't ready in time.", missing=missing
            )
        time.sleep(_LOOK_EVERY_SECONDS)


def _processes() -> set[UUID]:
    """The serving processes that live now. One that is silent for five heartbeats is taken for dead."""
    return set(processes.live(5 * settings.HEARTBEAT_SECONDS).values_list("id", flat=True))


# -- The serving process's side -----------------------------------------------------------------------


def answer_stagings(process: UUID) -> int:
    """Take up every version that is being staged and say how it went; returns how many were new to this process."""
    open = Staging.objects.filter(deadline__gt=timezone.now()).exclude(replies__process=process)
    stagings = list(open.select_related("version__model"))
    for staging in stagings:
        found = _take_up(staging.version)
        try:
            StagingReply.objects.create(staging=staging, process=process, **found)
        except IntegrityError:
            continue  # the activation ended meanwhile
    return len(stagings)


def _take_up(version: ModelVersion) -> dict[str, Any]:
    """Load, warm and check `version` here; the columns of the reply."""
    started = time.perf_counter()
    try:
        loaded = model_cache.cache.get(resolver.served(version))
        difference = golden.check(loaded)
    except Exception as error:
        return {"problem": str(error) or type(error).__name__}
    return {"load_ms": (time.perf_counter() - started) * 1000, "golden_difference": difference}
