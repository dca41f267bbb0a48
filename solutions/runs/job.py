"""The job: starts a process for a training that waits, one at a time for each job runner, and sees it end."""

from registry.own_process import Children
from solutions.runs import services

_children = Children("runtraining")


def tend() -> bool:
    """True when a process was started or has ended."""
    return _children.tend(most=1, is_one_due=services.is_one_due)
