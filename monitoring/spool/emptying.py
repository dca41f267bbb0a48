"""Waiting until the spool has no file any more that was begun before some moment."""

import time
from datetime import datetime

from monitoring.spool import files
from monitoring.spool.shipping import take_over


def wait_for_spool(*, since: datetime, seconds: float) -> bool:
    """Wait until no spool file of this host is left that was begun before `since`; False when one is after `seconds`.

    Files of processes that are gone are taken over meanwhile.
    """
    deadline = time.monotonic() + seconds
    while True:
        take_over()
        folder = files.directory()
        left = [*files.listed(folder), *files.listed(folder, files.DONE)]
        if not any(files.opened_at(path) < since.timestamp() for path in left):
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.2)
