"""The job: starts a process for each batch job that waits, BATCH_PROCESSES at a time, and sees it end."""

import logging
import subprocess
import sys

from django.conf import settings

from inference.batch import services

log = logging.getLogger(__name__)

_children: "list[subprocess.Popen[bytes]]" = []


def tend() -> bool:
    """True when a process was started or has ended.

    Each claims its job itself, so any number of runners may do this at once. It ends by itself when this runner does,
    and gives its claim back.
    """
    for child in [child for child in _children if child.poll() is not None]:
        log.info("the process of a batch job ended (%s)", child.returncode)
        _children.remove(child)
        return True
    if len(_children) >= settings.BATCH_PROCESSES or not services.is_one_due():
        return False
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "runbatchjob"]
    _children.append(subprocess.Popen(command, stdin=subprocess.DEVNULL))  # noqa: S603 # our own command
    return True
