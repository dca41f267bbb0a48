"""Units of wide limits, taken many at a time: what this process holds it spends without asking anybody.

A portion is counted in the step in which it is taken and may be spent in that step only, so no window ever holds more
than the limit. What is left of it afterwards is given back with the caller's next request, so a slow caller is charged
for what they spend; until then it is missing to the others.
"""

import threading
from dataclasses import dataclass

from accounts.limiting.window import Charge, Verdict

# Above this limit a process takes units in portions of 1/PORTIONS of it; up to it every request is decided exactly.
EXACT_UP_TO = 1000
PORTIONS = 100
_MAX_HELD = 10_000

Charges = tuple[Charge, ...]


@dataclass(slots=True)
class Portion:
    """`left` units that count since `taken_at` and may be spent until `ends_at`, seconds of the limiter's clock.

    `remaining` is what the tables had left after the portion was counted; `redis_slot` the step in which Redis
    counted it, if it did.
    """

    left: int
    taken_at: float
    ends_at: float
    limit: int
    remaining: int
    reset_at: float
    redis_slot: int | None


class Portions:
    """The portions that one process holds. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[Charges, Portion] = {}

    def spend(self, charges: Charges, now: float) -> Verdict | None:
        """Spend one unit of what is held; None when there is none that may still be spent."""
        portion = self._held.get(charges)
        if portion is None or now >= portion.ends_at:
            return None
        with self._lock:
            if portion.left < 1:
                return None
            portion.left -= 1
            remaining = portion.remaining + portion.left
        return Verdict(True, portion.limit, remaining, portion.reset_at - now)

    def holds(self, charges: Charges, now: float) -> bool:
        """Whether a unit could be spent now."""
        portion = self._held.get(charges)
        return portion is not None and portion.left > 0 and now < portion.ends_at

    def take_back(self, charges: Charges) -> Portion | None:
        """The portion that is held, if something is left of it; it is not held any more."""
        with self._lock:
            portion = self._held.pop(charges, None)
        return portion if portion is not None and portion.left else None

    def keep(self, charges: Charges, portion: Portion) -> None:
        """Hold a portion. What another thread took meanwhile is held with it."""
        with self._lock:
            other = self._held.get(charges)
            if other is not None and other.ends_at == portion.ends_at:
                portion.left += other.left
            if len(self._held) >= _MAX_HELD:
                self._held.clear()
            self._held[charges] = portion


def is_wide(charges: Charges) -> bool:
    """Whether single units of these are taken in portions."""
    return all(charge.limit > EXACT_UP_TO and charge.cost == 1 for charge in charges)
