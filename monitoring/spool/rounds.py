"""Doing something with the database again and again, through its outages."""

import logging
import threading
from collections.abc import Callable

from django.conf import settings
from django.db import connection

logger = logging.getLogger(__name__)

_LONGEST_BACK_OFF = 5.0


class Rounds:
    """Calls `act` every SPOOL_SHIP_SECONDS; while it fails, ever more rarely."""

    def __init__(self, act: Callable[[], None], *, at_failure: Callable[[], None]) -> None:
        self._act, self._at_failure = act, at_failure
        self._failures = 0

    def run(self, stop: threading.Event, *, last: Callable[[], None]) -> None:
        """Until `stop`; then call `last`, and close the thread's connection."""
        try:
            while not stop.wait(self._pause()):
                self._round()
            last()
        finally:
            connection.close()

    def _pause(self) -> float:
        return min(settings.SPOOL_SHIP_SECONDS * 2 ** min(self._failures, 10), _LONGEST_BACK_OFF)

    def _round(self) -> None:
        try:
            connection.close_if_unusable_or_obsolete()
            self._act()
        except Exception as error:
            self._note(error)
            connection.close()
            self._at_failure()
        else:
            if self._failures:
                logger.info("prediction records are being loaded again")
            self._failures = 0

    def _note(self, error: Exception) -> None:
        """Say it once per outage and then ever more rarely, not four times a second."""
        self._failures += 1
        if self._failures & (self._failures - 1) == 0:
            logger.warning(
                "prediction records can't be loaded (try %d), they wait in the spool: %s",
                self._failures,
                error,
            )
