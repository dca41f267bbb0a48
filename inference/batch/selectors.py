"""Reading batch jobs for people and programs."""

import uuid

from django.db.models import QuerySet

from accounts.models import User
from accounts.principal import Principal
from inference.batch.errors import JobNotFound, StateForbids
from inference.batch.models import BatchJob, JobStatus

SEE_ALL, CANCEL_ALL = "inference.view_batchjob", "inference.cancel_batchjob"
# What a list or a page of a job does not show of its version.
_DOCUMENTS = tuple(
    f"version__{name}" for name in ("golden", "report", "sample", "expected", "signature", "parity", "library_versions")
)


def visible_to(user: User) -> QuerySet[BatchJob]:
    """Their own jobs; with the permission everybody's. The newest first."""
    jobs = BatchJob.objects.select_related("version__model", "by").defer(*_DOCUMENTS)
    return jobs if user.has_perm(SEE_ALL) else jobs.filter(by=user)


def of_principal(principal: Principal) -> QuerySet[BatchJob]:
    """Those that a credential may know of: a key that is limited to models knows of theirs alone."""
    jobs = visible_to(principal.user)
    names = principal.model_names
    return jobs if names is None else jobs.filter(version__model__name__in=names)


def find(jobs: QuerySet[BatchJob], pk: uuid.UUID) -> BatchJob:
    """One of them. Raises JobNotFound."""
    job = jobs.filter(pk=pk).first()
    if job is None:
        raise JobNotFound("There is no such batch job.")
    return job


def may_cancel(user: User, job: BatchJob) -> bool:
    """Whether `user` may cancel and delete the job."""
    return job.by_id == user.pk or user.has_perm(CANCEL_ALL)


def require_results(job: BatchJob) -> None:
    """Raises StateForbids (`results_not_ready`) unless the job is done and its file is there."""
    if job.status != JobStatus.DONE:
        raise StateForbids(f"The job is {job.status}: it has no results.", code="results_not_ready", status=job.status)
    if not job.results_path.is_file():
        raise StateForbids("The results are gone from the disk.", code="results_gone")


def results_name(job: BatchJob) -> str:
    """What the downloaded file is called: nothing in it was sent by anybody."""
    return f"{job.version.model.name}-v{job.version.number}-{str(job.pk)[:8]}.{job.results_format}"
