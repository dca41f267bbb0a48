"""A circuit breaker: keeps callers from waiting, each anew, for an outside service that does not answer."""

import threading
import time
import weakref
from collections.abc import Callable

CLOSED, HALF_OPEN, OPEN = "closed", "half_open", "open"

LONGEST_TRY_SECONDS = 10.0
"""So long does one who tries keep the others from it; one that never tells how it went does so no longer."""

_known: "weakref.WeakValueDictionary[str, Breaker]" = weakref.WeakValueDictionary()


class Breaker:
    """Closed while the service answers; after `failures` in a row open for a pause; then one caller tries (half open).

    Each failed try doubles the pause, from `first_pause` to `longest_pause` seconds. A pause begins when a try has
    failed: a service that swallows everything takes longer to find silent than a pause lasts.
    """

    def __init__(
        self,
        name: str,
        *,
        failures: int = 1,
        first_pause: float = 1.0,
        longest_pause: float = 15.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._most, self._first, self._longest, self._clock = failures, first_pause, longest_pause, clock
        self._lock = threading.Lock()
        self._failures = 0
        self._pause = 0.0
        self._tries_at = 0.0
        self._is_trying = False
        _known[name] = self

    @property
    def is_open(self) -> bool:
        return self._pause > 0

    @property
    def state(self) -> str:
        """closed, half_open (one caller tries) or open."""
        if not self._pause:
            return CLOSED
        return HALF_OPEN if self._is_trying else OPEN

    def lets_try(self) -> bool:
        """Whether this caller may try. While open, one caller after each pause may, and the next pause is longer."""
        if not self._pause:
            return True
        with self._lock:
            now = self._clock()
            if now < self._tries_at:
                return False
            self._pause = min(self._longest, self._pause * 2)
            self._tries_at = now + max(self._pause, LONGEST_TRY_SECONDS)
            self._is_trying = True
            return True

    def failed(self) -> bool:
        """Note a failure; True when it opens the breaker."""
        with self._lock:
            self._failures += 1
            self._is_trying = False
            opens = not self._pause and self._failures >= self._most
            if opens:
                self._pause = self._first
            self._tries_at = self._clock() + self._pause
            return opens

    def succeeded(self) -> bool:
        """Note an answer; True when it closes the breaker."""
        if not self._failures:
            return False
        with self._lock:
            was_open = self._pause > 0
            self._failures, self._pause, self._is_trying = 0, 0.0, False
            return was_open


def states() -> dict[str, str]:
    """The state of every breaker of this process, by name."""
    return {name: breaker.state for name, breaker in sorted(_known.items())}
