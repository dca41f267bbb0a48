"""One process loads what all serving processes of a host have let go of: theirs are the requests."""

import logging
import os
import threading
import time

from django.db import connection

from monitoring.spool import files, shipping
from monitoring.spool.erasures import Erasures
from monitoring.spool.rounds import Rounds

logger = logging.getLogger(__name__)

ERASURES_SECONDS = 2.0


def threads() -> int:
    """How many load at once: while PostgreSQL works on one file the next is parsed; SQLite has one writer."""
    return 2 if connection.vendor == "postgresql" else 1


class Loader:
    """Loads until it is told to stop. Of several on a host one loads and the others wait to take its place."""

    def __init__(self) -> None:
        self._claim: int | None = None
        self._erasures = Erasures()
        self._erasures_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Load every SPOOL_SHIP_SECONDS what was let go of, and a last time after `stop`."""
        helpers = [threading.Thread(target=self._help, args=(stop,), name="spool-helper") for _ in range(threads() - 1)]
        for helper in helpers:
            helper.start()
        Rounds(self.load, at_failure=self._hurry).run(stop, last=self._load_the_rest)
        for helper in helpers:
            helper.join()
        self.leave()

    def _help(self, stop: threading.Event) -> None:
        """Take files over beside `load`; whoever has a file's lock loads it."""

        def load() -> None:
            if self._claim is not None:
                shipping.take_over()

        Rounds(load, at_failure=lambda: None).run(stop, last=lambda: None)

    def leave(self) -> None:
        """Let another process load for this host."""
        if self._claim is not None:
            os.close(self._claim)
            self._claim = None

    def load(self) -> None:
        """One round. Does nothing while another process loads for this host."""
        if self._claim is None:
            self._claim = files.claim_loading()
            if self._claim is None:
                return
        shipping.take_over()
        if time.monotonic() >= self._erasures_at:
            self._erasures_at = time.monotonic() + ERASURES_SECONDS
            self._erasures.follow()

    def _load_the_rest(self) -> None:
        try:
            self.load()
        except Exception:
            logger.warning("the last records are left in the spool", exc_info=True)

    def _hurry(self) -> None:
        """After a failure the next round asks the database, also where nothing waits."""
        self._erasures_at = 0.0
