"""The job: starts a process for a training that waits, one at a time for each job runner, and sees it end."""

import logging
import subprocess
import sys

from django.conf import settings

from solutions.runs import services

log = logging.getLogger(__name__)

_child: "subprocess.Popen[bytes] | None" = None


def tend() -> bool:
    """Start a process when a training waits and this runner has none; True when one was started or has ended.

    The process claims its training itself, so any number of runners may do this at once. It ends by itself when this
    runner does, and gives its claim back.
    """
    global _child
    if _child is not None:
        if _child.poll() is None:
            return False
        log.info("the process of a training ended (%s)", _child.returncode)
        _child = None
        return True
    if not services.is_one_due():
        return False
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "runtraining"]
    _child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 # our own command
    return True
