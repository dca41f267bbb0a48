"""Keeps the claim on a row alive while something that takes long is done with it."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection

from accounts import database
from registry.leases import Leased

log = logging.getLogger(__name__)


@contextmanager
def kept_alive(row: Leased) -> Iterator[threading.Event]:
    """Renew the claim three times per JOB_LEASE_SECONDS; the event given is set once it is lost."""
    done, lost = threading.Event(), threading.Event()

    def renew() -> None:
        while not done.wait(settings.JOB_LEASE_SECONDS / 3):
            try:
                if not row.renew(seconds=settings.JOB_LEASE_SECONDS):
                    lost.set()
                    break
            except database.Failure as error:
                log.warning("the claim on %s could not be renewed: %s", row, error)
                connection.close()
        connection.close()

    thread = threading.Thread(target=renew, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield lost
    finally:
        done.set()
        thread.join()
