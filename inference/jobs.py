"""Background work of the inference app: validating what was uploaded."""

import logging
import threading
from collections.abc import Callable

from django.conf import settings

from inference import validation
from inference.errors import ValidationFailed
from monitoring.drift import references
from registry import artifacts, seals, services
from registry.errors import StorageUnavailable
from registry.heartbeat import kept_alive
from registry.leases import LeaseLost
from registry.models import ModelVersion

log = logging.getLogger(__name__)
_RETRY_SECONDS = (5.0, 30.0, 120.0)
_STORE_SECONDS = 10.0


def validate_next() -> bool:
    """Claim one waiting version and validate it in the sandbox; False when none waits.

    While it runs the claim is kept alive. If this process is killed, the claim runs out and another runner begins
    again; if it is interrupted (KeyboardInterrupt), it gives the claim back at once.
    """
    version = services.claim_for_validation(seconds=settings.JOB_LEASE_SECONDS, max_attempts=settings.JOB_MAX_ATTEMPTS)
    if version is None:
        return False
    log.info("validating %s (attempt %s)", version, version.attempts)
    with kept_alive(version) as lost:
        _validate(version, lost)
    return True


def _validate(version: ModelVersion, lost: threading.Event) -> None:
    def progress(step: str, fraction: float) -> None:
        if lost.is_set():
            raise LeaseLost
        services.report_progress(version=version, step=step, fraction=fraction)

    try:
        _record(version, _prove(version, progress))
    except ValidationFailed as failure:
        log.info("%s failed: %s: %s", version, failure.code, failure.message)
        services.mark_failed(
            version=version,
            code=failure.code,
            message=failure.message,
            field=failure.field,
            report=getattr(failure, "report", None),
        )
    except KeyboardInterrupt:
        log.info("validation of %s was interrupted; it goes back into the queue", version)
        services.release_validation(version=version, counts=False)
        raise
    except StorageUnavailable as error:
        log.warning("validation of %s waits for the store of model files: %s", version, error.message)
        services.release_validation(version=version, delay=_STORE_SECONDS, counts=False)
    except LeaseLost:
        log.warning("another runner took %s over; what was found here is dropped", version)
    except Exception:
        # Not the model's fault (a full disk, a bug of ours): keep it in the queue; the claim counted the attempt.
        log.exception("validation of %s stumbled", version)
        services.release_validation(
            version=version, delay=_RETRY_SECONDS[min(version.attempts, len(_RETRY_SECONDS)) - 1]
        )


def _prove(version: ModelVersion, progress: Callable[[str, float], None]) -> validation.ValidationResult:
    with artifacts.held(version.stored_file(seals.ORIGINAL)) as artifact:
        return validation.validate(
            artifact=artifact,
            format=version.format,
            task=version.model.task or None,
            handler=version.model.handler or None,
            sample=version.sample,
            expected=version.expected,
            trusted=version.trusted,
            limits=validation.Limits(
                wall_seconds=settings.VALIDATION_SECONDS, memory_bytes=settings.VALIDATION_MEMORY_BYTES
            ),
            progress=progress,
        )


def _record(version: ModelVersion, found: validation.ValidationResult) -> None:
    ready = services.mark_ready(
        version=version,
        task=found.task,
        handler=found.handler,
        compiled=found.compiled,
        explainer=found.explainer,
        explanation=found.explanation,
        runtime=found.runtime,
        signature=found.signature,
        parity=found.parity,
        golden=found.golden,
        report=found.report,
        library_versions=found.library_versions,
        load_ms=found.load_ms,
        memory_bytes=found.memory_bytes,
    )
    log.info("%s is ready: served by %s", version, found.runtime)
    references.try_from_sample(ready)
