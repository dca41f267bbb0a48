"""What each loader does once after an erasure."""

from datetime import datetime

from monitoring import erasure
from monitoring.spool import rejected


class Erasures:
    """Follows erasures, one by one, as they are noticed."""

    def __init__(self) -> None:
        self._seen: datetime | None = None

    def follow(self) -> datetime | None:
        """Erase from what was put aside; the moment of the latest erasure when it is a new one, else None."""
        latest = erasure.latest()
        if latest is None or latest == self._seen:
            return None
        moments = erasure.moments()
        rejected.erase(lambda values: erasure.is_erased(moments, values))
        self._seen = latest
        return latest
