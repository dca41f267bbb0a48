"""What a loaded model costs, measured once at load with its own golden rows, and what follows from it.

The decisions are the model's, not the operator's: whether remembering its answers pays, whether joining requests into
one call pays, whether it is slow enough to keep it from taking every thread.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from inference import prediction_cache
from inference.handlers.base import Payload

# Joining pays where one call costs more than the hand-over between threads, and 16 cost less than 4 of them.
JOIN_ROWS = 16
JOIN_ABOVE_MS = 0.2
JOIN_FACTOR = 4.0
# A look into the cache must be cheaper than this share of the answer it saves: most looks find nothing.
CACHE_SHARE = 0.5
SHARED_CACHE_ABOVE_MS = 1.0
SLOW_ABOVE_MS = 100.0
# Below the first a call costs less than the hand-over to another thread; one whose calls have come to take longer than
# the second (a busy machine adds some milliseconds) is handed over all the same.
QUICK_BELOW_MS, QUICK_WHILE_BELOW_MS = 0.2, 50.0
_ENOUGH_SECONDS, _MOST_SECONDS = 0.02, 0.5
_FEWEST_RUNS, _MOST_RUNS = 3, 7


@dataclass(slots=True)
class Measures:
    """Milliseconds; None where there was nothing to measure with. `recent_ms` follows what calls really take."""

    call_ms: float | None = None
    joined_call_ms: float | None = None
    answer_ms: float | None = None
    cache_ms: float | None = None
    recent_ms: float = 0.0
    pays_to_cache: bool = field(init=False, default=True)
    """Whether remembering is cheaper than asking the model again; assumed where it wasn't measured."""
    pays_to_share: bool = field(init=False, default=False)
    """Whether an answer is worth a round trip to Redis."""
    pays_to_join: bool = field(init=False, default=False)
    """Whether rows of several requests are better run as one call."""

    def __post_init__(self) -> None:
        if self.answer_ms is not None and self.cache_ms is not None:
            self.pays_to_cache = self.cache_ms < CACHE_SHARE * self.answer_ms
        if self.call_ms is not None:
            self.pays_to_share = self.call_ms > SHARED_CACHE_ABOVE_MS
            if self.joined_call_ms is not None:
                self.pays_to_join = self.call_ms > JOIN_ABOVE_MS and self.joined_call_ms < JOIN_FACTOR * self.call_ms

    @property
    def is_quick(self) -> bool:
        """Whether a call with few rows is over before another thread would have begun it."""
        call_ms, many_ms = self.call_ms, self.joined_call_ms
        return (
            call_ms is not None
            and many_ms is not None
            and call_ms < QUICK_BELOW_MS
            and many_ms < JOIN_ROWS * QUICK_BELOW_MS
            and self.recent_ms < QUICK_WHILE_BELOW_MS
        )

    def is_slow(self, rows: int) -> bool:
        """Whether a call with that many rows holds a thread long enough to care."""
        return (
            self.recent_ms > SLOW_ABOVE_MS
            or (self.call_ms is not None and self.call_ms > SLOW_ABOVE_MS)
            or (self.joined_call_ms is not None and self.joined_call_ms * rows > SLOW_ABOVE_MS * JOIN_ROWS)
        )

    def note(self, milliseconds: float, rows: int) -> None:
        """Remember what a small call took. Threads may overwrite each other's note: it is a trend, not a sum."""
        if rows > JOIN_ROWS:
            return
        self.recent_ms += 0.1 * (milliseconds - self.recent_ms)

    def as_facts(self) -> dict[str, Any]:
        """For whoever shows them."""
        return {
            "call_ms": _rounded(self.call_ms),
            "joined_call_ms": _rounded(self.joined_call_ms),
            "cache_ms": _rounded(self.cache_ms),
            "recent_ms": _rounded(self.recent_ms),
            "is_cached": self.pays_to_cache,
            "is_shared": self.pays_to_share,
            "is_joined": self.pays_to_join,
            "is_slow": self.is_slow(1),
        }


def take(handler: Any, signature: Any, model: Any, golden: dict[str, Any] | None) -> Measures:
    """Ask what a client would ask, a few times. That warms it up, too: libraries are imported, buffers allocated."""
    if not golden or not golden.get("instances"):
        return Measures()
    rows = golden["instances"]
    feeds = handler.preprocess(Payload("instances", rows[:1]), signature)
    output = model.predict(feeds)
    predictions = handler.postprocess(output, signature)
    call_ms = fastest_ms(lambda: model.predict(feeds))
    read_ms = fastest_ms(lambda: handler.postprocess(output, signature))
    many = handler.preprocess(Payload("instances", [rows[at % len(rows)] for at in range(JOIN_ROWS)]), signature)
    return Measures(
        call_ms=call_ms,
        joined_call_ms=fastest_ms(lambda: model.predict(many)),
        answer_ms=call_ms + read_ms,
        cache_ms=fastest_ms(lambda: prediction_cache.try_out(feeds, predictions)),
        recent_ms=call_ms,
    )


def fastest_ms(call: Callable[[], Any]) -> float:
    """The shortest of a few runs: noise only ever adds."""
    fastest, spent = float("inf"), 0.0
    for runs in range(1, _MOST_RUNS + 1):
        started = time.perf_counter()
        call()
        took = time.perf_counter() - started
        fastest, spent = min(fastest, took), spent + took
        if spent > _MOST_SECONDS or (spent > _ENOUGH_SECONDS and runs >= _FEWEST_RUNS):
            break
    return fastest * 1000


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
