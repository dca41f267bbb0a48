"""The job: starts a process for each batch job that waits, BATCH_PROCESSES at a time, and sees it end."""

from django.conf import settings

from inference.batch import services
from registry.own_process import Children

_children = Children("runbatchjob")


def tend() -> bool:
    """True when a process was started or has ended."""
    return _children.tend(most=settings.BATCH_PROCESSES, is_one_due=services.is_one_due)
