"""What a serving process does for its records while it serves: hand them to the host's loader, or load them."""

import atexit
import logging
import os
import threading
import time
from pathlib import Path

from monitoring.spool import files, shipping
from monitoring.spool.erasures import Erasures
from monitoring.spool.rounds import Rounds
from monitoring.spool.writer import writer

logger = logging.getLogger(__name__)

TAKE_OVER_SECONDS = 2.0


class Shipper:
    """Every SPOOL_SHIP_SECONDS lets go of this process's file, for the host's loader to take.

    Where no process loads for this host, it loads itself, and takes over dead writers' files. Started once per process,
    after any fork. `stop` loads what is left; it also runs when the interpreter ends.
    """

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._given: Path | None = None
        self._take_over_at = 0.0
        self._erasures = Erasures()

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
        Rounds(self._tick, at_failure=self._hurry).run(self._stop, last=self._drain)

    def _tick(self) -> None:
        if files.has_loader():
            self._hand_over()
            return
        shipping.ship_once()
        if time.monotonic() >= self._take_over_at:
            self._take_over_at = time.monotonic() + TAKE_OVER_SECONDS
            if erased_at := self._erasures.follow():
                # A new file is begun, so that the one with the erased data is loaded and removed.
                writer.let_go_if_older(erased_at.timestamp())
            writer.relieve()
            shipping.take_over()

    def _hand_over(self) -> None:
        """Let go of the file, unless the one before still waits: behind a slow database files grow, not in number."""
        if self._given is None or not self._given.exists():
            self._given = writer.let_go()

    def _hurry(self) -> None:
        """After a failure the next round asks the database, also where this process has nothing to ship."""
        self._take_over_at = 0.0

    def _drain(self) -> None:
        """The last load. The file is let go of, so that it is removed now or by whoever comes next."""
        try:
            shipping.ship_once()
            writer.let_go()
            shipping.take_over()
        except Exception:
            writer.let_go()
            logger.warning("the last records are left in the spool", exc_info=True)
