"""The processor time of the PostgreSQL process that this connection talks to, where it runs on this machine."""

import os
from pathlib import Path

from django.db import connection

_TICKS = os.sysconf("SC_CLK_TCK")


def of_backend() -> float:
    """In seconds, in steps of a hundredth; 0 where it can't be seen."""
    if connection.connection is None or connection.connection.closed:
        return 0.0
    try:
        fields = Path(f"/proc/{connection.connection.info.backend_pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS
