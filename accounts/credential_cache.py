"""Credentials that were verified a moment ago: a caller's next request costs no query and no signature.

Only successes are remembered, for at most CREDENTIAL_CACHE_SECONDS and never past the credential's own end. A
second memory keeps them for CREDENTIAL_OUTAGE_SECONDS, for use while the database does not answer and only then.
The key is a SHA-256 of the whole credential: neither the secret nor a shortened form of it is kept.
"""

import hashlib
import threading
import time
from collections.abc import Callable

from django.conf import settings

from accounts import host_memory
from accounts.principal import Principal

MAX_ENTRIES = 10_000
AGING = 1 / 3
"""In this last share of the time for which a credential is remembered it is said to be due."""
_NEVER = float("inf")


class CredentialCache:
    """A bounded, thread-safe memory of verified credentials. `clock` counts seconds and never goes back.

    Reading takes no lock: an entry is one tuple, replaced as a whole. The oldest entries go first.
    """

    def __init__(
        self,
        *,
        max_entries: int = MAX_ENTRIES,
        clock: Callable[[], float] = time.monotonic,
        setting: str = "CREDENTIAL_CACHE_SECONDS",
    ) -> None:
        self._max_entries = max_entries
        self._clock = clock
        self._setting = setting
        self._lock = threading.Lock()
        self._entries: dict[bytes, tuple[Principal, float, float]] = {}  # who, until when, due from when

    def get(self, credential: str) -> Principal | None:
        """Who a credential stands for, or None when it has to be verified (again)."""
        found = self._entries.get(_key(credential))
        return found[0] if found is not None and self._clock() < found[1] else None

    def look(self, credential: str) -> tuple[Principal | None, bool]:
        """What `get` says, and whether the credential is due: soon to be forgotten, which is said once."""
        key, now = _key(credential), self._clock()
        found = self._entries.get(key)
        if found is None or now >= found[1]:
            return None, False
        return found[0], now >= found[2] and self._take_note(key, found)

    def _take_note(self, key: bytes, due: tuple[Principal, float, float]) -> bool:
        """Whether nobody else was told that this entry is due; from now on nobody is."""
        with self._lock:
            if self._entries.get(key) is not due:
                return False
            self._entries[key] = (due[0], due[1], _NEVER)
            return True

    def put(self, credential: str, principal: Principal, *, seconds_left: float | None = None) -> None:
        """Remember a verified credential, which ends in `seconds_left` (None: it does not end by itself)."""
        seconds = float(getattr(settings, self._setting))
        if seconds_left is not None:
            seconds = min(seconds, seconds_left)
        key, now = _key(credential), self._clock()
        with self._lock:
            self._entries.pop(key, None)
            if seconds > 0:
                self._entries[key] = (principal, now + seconds, now + seconds * (1 - AGING))
            self._make_room(now)

    def _make_room(self, now: float) -> None:
        """Drop what is over the bound, and what has ended at the old end."""
        while self._entries:
            oldest = next(iter(self._entries))
            if len(self._entries) <= self._max_entries and now < self._entries[oldest][1]:
                break
            del self._entries[oldest]

    def seconds_left(self, credential: str) -> float:
        """How long a credential is still remembered; 0 when it is not."""
        found = self._entries.get(_key(credential))
        return max(0.0, found[1] - self._clock()) if found else 0.0

    def drop(self, credential: str) -> None:
        """Forget one credential."""
        with self._lock:
            self._entries.pop(_key(credential), None)

    def clear(self) -> None:
        """Forget everything: the next request of every caller is verified anew."""
        with self._lock:
            self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)


def _key(credential: str) -> bytes:
    return hashlib.sha256(credential.encode("utf-8", "surrogatepass")).digest()


remembered = CredentialCache()
known_before = CredentialCache(setting="CREDENTIAL_OUTAGE_SECONDS")


def forget_all() -> None:
    """After a credential was ended: every credential is verified anew, also when the database goes away now."""
    remembered.clear()
    known_before.clear()
    host_memory.clear()
