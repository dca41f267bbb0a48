"""Keeps callers from waiting, each anew, for a service that does not answer."""

import threading
import time
from collections.abc import Callable


class Breaker:
    """Closed while the service answers; after a failure open for a while, then one caller tries again.

    Each failure in a row doubles the pause, from `first_pause` to `longest_pause` seconds.
    """

    def __init__(
        self,
        *,
        first_pause: float = 1.0,
        longest_pause: float = 15.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._first, self._longest, self._clock = first_pause, longest_pause, clock
        self._lock = threading.Lock()
        self._pause = 0.0
        self._tries_at = 0.0

    @property
    def is_open(self) -> bool:
        return self._pause > 0

    def lets_try(self) -> bool:
        """Whether this caller may try. While open, one caller per pause may, and the next pause is longer."""
        if not self._pause:
            return True
        with self._lock:
            now = self._clock()
            if now < self._tries_at:
                return False
            self._pause = min(self._longest, self._pause * 2)
            self._tries_at = now + self._pause
            return True

    def failed(self) -> bool:
        """Note a failure; True when it is the first in a row."""
        with self._lock:
            if self._pause:
                return False
            self._pause = self._first
            self._tries_at = self._clock() + self._pause
            return True

    def succeeded(self) -> bool:
        """Note an answer; True when it ends a row of failures."""
        if not self._pause:
            return False
        with self._lock:
            was_open, self._pause = self._pause > 0, 0.0
            return was_open
