"""A serving process's own life: load what is live before the first request, then listen for changes.

Three threads: one watches the generation and answers stagings, one says that the process lives, one ships the spool.
"""

import gc
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, connection

from accounts import key_uses
from inference import activation, model_cache, prediction_cache
from monitoring import processes, spool
from registry import generation, resolver

log = logging.getLogger(__name__)
_LOOK_EVERY_SECONDS = 0.02

_process: "ServingProcess | None" = None


def start() -> None:
    """Make this process a serving process; returns when every live model is loaded and warm. Idempotent."""
    global _process
    if _process is None or _process.pid != os.getpid():
        _process = ServingProcess()
        _process.start()


def stop() -> None:
    """Say goodbye, ship what is spooled, end the threads. Idempotent."""
    global _process
    if _process is not None and _process.pid == os.getpid():
        _process.stop()
    _process = None


def is_ready() -> bool:
    """Whether this process has loaded everything that was live when it started."""
    return _process is not None and _process.is_ready


class ServingProcess:
    """The threads of one serving process and what it tells others about itself."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.is_ready = False
        self._id: UUID | None = None
        self._seen = (-1, -1)
        self._stopping = threading.Event()
        self._failed: dict[str, str] = {}
        # Two threads: a version that takes long to load must not make the process look dead.
        self._watcher = threading.Thread(
            target=self._every, args=(_LOOK_EVERY_SECONDS, self._notice), name="watcher", daemon=True
        )
        self._pulse = threading.Thread(
            target=self._every, args=(settings.HEARTBEAT_SECONDS, self._beat), name="pulse", daemon=True
        )
        self._next_poll = 0.0
        self._shipper = spool.Shipper()

    def start(self) -> None:
        self._id = processes.register(socket.gethostname(), self.pid).pk
        self._look()
        self._preload()
        self._shipper.start()
        self.is_ready = True
        self._beat()
        self._watcher.start()
        self._pulse.start()
        gc.collect()
        gc.freeze()

    def stop(self) -> None:
        self.is_ready = False
        self._stopping.set()
        self._watcher.join(timeout=5)
        self._pulse.join(timeout=5)
        self._shipper.stop()
        key_uses.write()
        if self._id is not None:
            processes.remove(self._id)
        connection.close()

    # -- What is live ---------------------------------------------------------------------------------

    def _preload(self) -> None:
        """Load and pin every live version. One that can't be loaded is reported; the others serve."""
        live = resolver.live()
        model_cache.cache.pin(frozenset(served.version_id for served in live))
        self._failed = {}
        for served in live:
            try:
                model_cache.cache.get(served)
            except Exception as error:
                self._failed[f"{served.model_name}:{served.number}"] = str(error)
                log.error("%s:%s can't be loaded: %s", served.model_name, served.number, error)

    def _every(self, seconds: float, act: Callable[[], None]) -> None:
        """Call `act` until the process stops; a database that is away is waited for."""
        while not self._stopping.wait(seconds):
            try:
                act()
            except DatabaseError as error:
                log.warning("the database doesn't answer: %s", error)
                connection.close()
                self._stopping.wait(1.0)
            except Exception:
                log.exception("a thread of the serving process stumbled")
                self._stopping.wait(1.0)
        connection.close()

    def _notice(self) -> None:
        """Look when this host's counter moved, and every GENERATION_POLL_SECONDS in any case."""
        if generation.on_this_host() == self._seen[0] and time.monotonic() < self._next_poll:
            return
        self._next_poll = time.monotonic() + settings.GENERATION_POLL_SECONDS
        self._look()
        activation.answer_stagings(self._require_id())

    def _look(self) -> None:
        """Take notice of a change of generation, on this host or (through the database) on another."""
        seen = (generation.on_this_host(), generation.in_database())
        if seen == self._seen:
            return
        if seen[1] != self._seen[1]:
            resolver.forget()
            self._preload()
        self._seen = seen

    # -- What others may know -------------------------------------------------------------------------

    def _beat(self) -> None:
        key_uses.write()
        if not processes.beat(self._require_id(), self.is_ready, self._facts()):
            self._id = processes.register(socket.gethostname(), self.pid).pk

    def _facts(self) -> dict[str, Any]:
        models = [
            {
                "model": loaded.served.model_name,
                "version": loaded.served.number,
                "memory_bytes": loaded.memory_bytes,
                "load_ms": round(loaded.load_ms, 2),
            }
            for loaded in model_cache.cache.snapshot()
        ]
        return {
            "models": models,
            "failed": self._failed,
            "model_cache": {
                "hits": model_cache.cache.hits,
                "misses": model_cache.cache.misses,
                "evictions": model_cache.cache.evictions,
            },
            "prediction_cache": {
                "size": len(prediction_cache.cache),
                "hits": prediction_cache.cache.hits,
                "misses": prediction_cache.cache.misses,
            },
            "rss_bytes": _resident_bytes(),
            "spool": spool.facts(),
        }

    def _require_id(self) -> UUID:
        assert self._id is not None, "start() registers the process"
        return self._id


def _resident_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
