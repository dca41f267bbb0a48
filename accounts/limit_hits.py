"""Requests refused with 429, by account and key: counted in memory until `take`, which whoever writes them down calls.

Only refusals come here, so it costs an admitted request nothing. What a killed process had not handed over is lost.
"""

import threading
from uuid import UUID

from accounts.principal import Principal

MOST_CALLERS = 1_000
ANYBODY = (0, None)
"""All callers without a good credential, and those beyond the first MOST_CALLERS between two calls of `take`."""

Caller = tuple[int, UUID | None]

_lock = threading.Lock()
_counts: dict[Caller, int] = {}


def note(principal: Principal | None) -> None:
    """Count one refusal."""
    caller: Caller = ANYBODY if principal is None else (principal.user_id, principal.key_id)
    with _lock:
        if caller not in _counts and len(_counts) >= MOST_CALLERS:
            caller = ANYBODY
        _counts[caller] = _counts.get(caller, 0) + 1


def take() -> dict[Caller, int]:
    """What was counted since the last call."""
    with _lock:
        taken = dict(_counts)
        _counts.clear()
    return taken


def give_back(counts: dict[Caller, int]) -> None:
    """Count again what could not be written down."""
    with _lock:
        for caller, count in counts.items():
            if caller in _counts or len(_counts) < MOST_CALLERS:
                _counts[caller] = _counts.get(caller, 0) + count
