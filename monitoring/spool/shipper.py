"""The thread that loads records while the process serves."""

import atexit
import logging
import os
import threading
import time
from datetime import datetime

from django.conf import settings
from django.db import connection

from monitoring import erasure
from monitoring.spool import rejected, shipping
from monitoring.spool.writer import writer

logger = logging.getLogger(__name__)

TAKE_OVER_SECONDS = 2.0
_LONGEST_BACK_OFF = 5.0


class Shipper:
    """Loads this process's records every SPOOL_SHIP_SECONDS and takes over dead writers' files.

    Started once per process, after any fork. It survives database outages: records wait in the spool, tries
    get rarer. `stop` loads what is left; it also runs when the interpreter ends.
    """

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._failures = 0
        self._take_over_at = 0.0
        self._erased_at: datetime | None = None

    def start(self) -> None:
        """Begin; does nothing when it already runs in this process."""
        if self.is_running:
            return
        self._stop.clear()
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._run, name="spool-shipper", daemon=True)
        self._thread.start()
        atexit.register(self.stop)

    def stop(self, timeout: float = 10.0) -> None:
        """End the thread, which loads the rest first, and wait for it; may be called again."""
        atexit.unregister(self.stop)
        if self._thread is None or self._pid != os.getpid():
            return
        self._stop.set()
        self._thread.join(timeout)
        if self._thread.is_alive():
            logger.warning("the last records are still being loaded; what is left will be taken over")
        self._thread = None

    @property
    def is_running(self) -> bool:
        """Whether the thread runs in this process."""
        return self._thread is not None and self._pid == os.getpid() and self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._stop.wait(self._pause()):
                self._tick()
            self._drain()
        finally:
            connection.close()

    def _pause(self) -> float:
        return min(settings.SPOOL_SHIP_SECONDS * 2 ** min(self._failures, 10), _LONGEST_BACK_OFF)

    def _tick(self) -> None:
        try:
            connection.close_if_unusable_or_obsolete()
            shipping.ship_once()
            if time.monotonic() >= self._take_over_at:
                self._take_over_at = time.monotonic() + TAKE_OVER_SECONDS
                self._follow_erasures()
                writer.relieve()
                shipping.take_over()
        except Exception as error:
            self._note(error)
            connection.close()
        else:
            if self._failures:
                logger.info("prediction records are being loaded again")
            self._failures = 0

    def _follow_erasures(self) -> None:
        """Once after each erasure: begin a new file, so that the one with the erased data is loaded and removed."""
        latest = erasure.latest()
        if latest is not None and latest != self._erased_at:
            writer.let_go_if_older(latest.timestamp())
            moments = erasure.moments()
            rejected.erase(lambda values: erasure.is_erased(moments, values))
            self._erased_at = latest

    def _note(self, error: Exception) -> None:
        """Say it once per outage and then ever more rarely, not four times a second."""
        self._failures += 1
        if self._failures & (self._failures - 1) == 0:
            logger.warning(
                "prediction records can't be loaded (try %d), they wait in the spool: %s",
                self._failures,
                error,
            )

    def _drain(self) -> None:
        """The last load. The file is let go of, so that it is removed now or by whoever comes next."""
        try:
            shipping.ship_once()
            writer.let_go()
            shipping.take_over()
        except Exception:
            writer.let_go()
            logger.warning("the last records are left in the spool", exc_info=True)
