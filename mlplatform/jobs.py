"""The one list of background jobs.

A job is a plain function that takes a bounded bite of work and claims the rows it works on, so any number of
runners may run it at once. It returns something true when it did something, and is then asked again at once.
"""

from collections.abc import Callable
from dataclasses import dataclass

from accounts import idempotency, lockout, tokens
from inference import jobs as inference_jobs
from inference import strikes
from inference.batch import job as batch_job
from inference.batch import services as batch_jobs
from monitoring import partitions, processes, retention, spool
from monitoring.alerts import delivery, judging
from monitoring.drift import checking
from monitoring.error_groups import writing as error_groups
from monitoring.outcomes import keeping, matching, queueing, summing
from registry import artifacts, scrubbing
from solutions.propositions import counting, forgetting
from solutions.propositions.retraining import running, schedule
from solutions.runs import job as training_job

STALE_UPLOAD_SECONDS = 24 * 3600.0
DEAD_PROCESS_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Job:
    """`work` is called every `every_seconds` while it finds nothing to do.

    A long job may take minutes and is cut short when the runner is told to stop: KeyboardInterrupt is raised
    in it, and it gives its claim back. Short jobs are run beside it and always finish their bite, and so are those
    that wait for services outside, in a thread of their own.
    """

    name: str
    work: Callable[[], object]
    every_seconds: float
    is_long: bool = False
    is_outside: bool = False


def _prune_processes() -> object:
    return processes.prune(DEAD_PROCESS_SECONDS)


def _prepare_partitions() -> object:
    return partitions.prepare()


def _forget_records() -> object:
    return retention.forget_records()


def _forget_sums() -> object:
    return retention.forget_sums()


def _sweep_uploads() -> object:
    return artifacts.sweep(older_than_seconds=STALE_UPLOAD_SECONDS)


JOBS: tuple[Job, ...] = (
    Job("validate uploaded versions", inference_jobs.validate_next, every_seconds=0.5, is_long=True),
    Job("retrain the ranking of propositions", running.run_next, every_seconds=1.0, is_long=True),
    Job("count impressions and clicks of propositions", counting.count_next, every_seconds=10.0),
    Job("forget what users did with propositions long ago", forgetting.prune, every_seconds=600.0),
    Job("ask for a retraining when one is due", schedule.ask_if_due, every_seconds=600.0),
    Job("take over the records of dead processes", spool.take_over_unattended, every_seconds=1.0),
    Job("make the record's partitions ahead of time", _prepare_partitions, every_seconds=600.0),
    Job("forget old prediction records", _forget_records, every_seconds=60.0),
    Job("forget old sums of records", _forget_sums, every_seconds=300.0),
    Job("count crashes against the versions they happened in", strikes.collect_crashes, every_seconds=1.0),
    Job("find the predictions that feedback waits for", matching.match_waiting, every_seconds=1.0),
    Job("queue predictions for review", queueing.queue_next, every_seconds=5.0),
    Job("sum the feedback of a day", summing.sum_next, every_seconds=1.0),
    Job("look for drift", checking.check_next, every_seconds=2.0, is_long=True),
    Job("forget old looks for drift", checking.prune, every_seconds=3600.0),
    Job("forget feedback that was kept long enough", keeping.prune, every_seconds=3600.0),
    Job("judge the rules of alerts", judging.judge_due, every_seconds=1.0),
    Job("tell people of alerts", delivery.deliver_next, every_seconds=1.0, is_outside=True),
    Job("forget old alerts", judging.prune, every_seconds=3600.0),
    Job("write down this process's errors", error_groups.write, every_seconds=1.0),
    Job("forget old errors", error_groups.prune, every_seconds=3600.0),
    Job("forget serving processes that ended", _prune_processes, every_seconds=30.0),
    Job("forget old attempts to sign in", lockout.prune, every_seconds=3600.0),
    Job("forget sign-ins that expired", tokens.prune, every_seconds=600.0),
    Job("forget answers kept for repeated calls", idempotency.prune, every_seconds=600.0),
    Job("check stored model files", scrubbing.scrub_next, every_seconds=2.0),
    Job("score the files that were sent", batch_job.tend, every_seconds=1.0),
    Job("count the rows of batch jobs", batch_jobs.count, every_seconds=5.0),
    Job("forget old batch jobs", batch_jobs.prune, every_seconds=3600.0),
    Job("run the trainings that were asked for", training_job.tend, every_seconds=1.0),
    Job("remove abandoned uploads", _sweep_uploads, every_seconds=3600.0),
)
