"""The job: takes a retraining through its steps. Each bite ends in a state from which any runner can go on.

queued: train on what was known at `data_until`, upload the version, then wait. waiting: once the version has its
verdict, compare it with what is live and propose it, or not. A runner that dies leaves a claim that runs out: the next
one trains again on the same data with the same seed, or, if the version was uploaded already, goes on from there.
"""

import logging

from django.conf import settings

from registry.errors import RegistryError
from registry.heartbeat import kept_alive
from registry.leases import LeaseLost
from solutions.errors import SolutionError, TrainingCancelled
from solutions.propositions.models import UNFINISHED, Retraining, RunStatus
from solutions.propositions.retraining.ending import Progress, end

log = logging.getLogger(__name__)
_RETRY_SECONDS = 30.0


def run_next() -> bool:
    """Claim a retraining that is due and take it a step further; False when there is none, or it still waits."""
    waiting = Retraining.objects.filter(status__in=UNFINISHED).order_by("created_at")
    run = Retraining.claim_one(waiting, seconds=settings.JOB_LEASE_SECONDS)
    if run is None:
        return False
    if run.is_cancel_asked:
        return end(run, RunStatus.CANCELLED, "Cancelled.")
    if run.version_id is None and run.attempts > settings.JOB_MAX_ATTEMPTS:
        return end(run, RunStatus.FAILED, f"Given up after {settings.JOB_MAX_ATTEMPTS} attempts.")
    with kept_alive(run) as lost:
        return _step(run, Progress(run, lost))


def _step(run: Retraining, progress: Progress) -> bool:
    try:
        # What learns and measures is imported by the runner that needs it, not by every one that looks.
        from solutions.propositions.retraining import steps

        if run.version is None:
            return steps.train(run, progress)
        return steps.judge(run, run.version, progress)
    except TrainingCancelled:
        return end(run, RunStatus.CANCELLED, "Cancelled.")
    except (SolutionError, RegistryError) as error:
        return end(run, RunStatus.FAILED, error.message)
    except KeyboardInterrupt:
        log.info("%s was interrupted; it goes back into the queue", run)
        run.release(counts=False, status=RunStatus.WAITING if run.version_id else RunStatus.QUEUED)
        raise
    except LeaseLost:
        log.warning("another runner took %s over; what was found here is dropped", run)
        return True
    except Exception:
        log.exception("%s stumbled", run)
        run.release(delay=_RETRY_SECONDS, status=RunStatus.WAITING if run.version_id else RunStatus.QUEUED)
        return True
