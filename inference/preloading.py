"""Loading what is live: the models a process needs to be ready, and those that wait for their first request."""

import logging
import time

from inference import model_cache
from registry import resolver
from registry.resolver import Served

log = logging.getLogger(__name__)
RETRY_SECONDS = 5.0


class Preload:
    """What is live, as this process holds it. `failed`: the problem with each model that can't be loaded, by name."""

    def __init__(self) -> None:
        self.failed: dict[str, str] = {}
        self._waiting: list[Served] = []
        self._retry_at = 0.0

    def load(self) -> None:
        """Pin every live version and load those that are to be preloaded. The others serve if one can't be loaded."""
        live = resolver.live()
        model_cache.cache.pin(frozenset(served.version_id for served in live))
        self._waiting = [served for served in live if served.serving.is_preloaded]
        self.failed = {}
        self._load_waiting()

    def retry(self) -> None:
        """Try again, now and then, what could not be loaded: a file may be restored, memory may be free again."""
        if self._waiting and time.monotonic() >= self._retry_at:
            self._load_waiting()

    @property
    def is_complete(self) -> bool:
        """Whether everything that is to be preloaded is loaded and warm."""
        return not self._waiting

    def _load_waiting(self) -> None:
        still = []
        for served in self._waiting:
            name = f"{served.model_name}:{served.number}"
            try:
                model_cache.cache.get(served)
            except Exception as error:
                still.append(served)
                if self.failed.get(name) != str(error):
                    log.error("%s can't be loaded: %s", name, error)
                self.failed[name] = str(error)
            else:
                self.failed.pop(name, None)
        self._waiting = still
        self._retry_at = time.monotonic() + RETRY_SECONDS
