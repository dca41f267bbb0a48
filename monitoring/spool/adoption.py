"""Hosts that have gone for good and left records behind, as when a container is replaced by one with another
name.
"""

import time

from monitoring import processes
from monitoring.spool import files

SILENT_SECONDS = 600.0


def orphaned_hosts() -> list[str]:
    """Other hosts' spool directories here whose files nobody has written for long and whose processes don't
    report.
    """
    candidates = [host for host in files.hosts() if host != files.host() and _is_silent(host)]
    if not candidates:
        return []
    reporting = set(processes.live(SILENT_SECONDS).values_list("host", flat=True))
    return [host for host in candidates if host not in reporting]


def _is_silent(host: str) -> bool:
    folder = files.directory(host)
    left = [*files.listed(folder), *files.listed(folder, files.DONE)]
    limit = time.time() - SILENT_SECONDS
    try:
        return bool(left) and all(path.stat().st_mtime < limit for path in left)
    except FileNotFoundError:
        return False
