"""Tries again what may well succeed a moment later, for calls that do no harm when they are made twice."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def pause_seconds(attempt: int, *, first: float, longest: float) -> float:
    """How long to wait after the failed attempt of that number, from 0: between 0 and a bound that doubles."""
    return random.uniform(0, min(longest, first * 2 ** min(attempt, 40)))  # noqa: S311 (no secret)


def retry(
    call: Callable[[], Result],
    *,
    on: type[Exception] | tuple[type[Exception], ...],
    attempts: int = 4,
    first_pause: float = 0.05,
    longest_pause: float = 2.0,
    sleep: Callable[[float], object] = time.sleep,
    between: Callable[[], object] = lambda: None,
) -> Result:
    """What `call` returns. After an error of the kind `on` it waits and calls again, `attempts` times in all.

    The pause is drawn from 0 to a bound that doubles (full jitter), so that many callers don't come back at once.
    `between` clears up before each new attempt. Raises the last error.
    """
    for attempt in range(attempts):
        try:
            return call()
        except on:
            if attempt == attempts - 1:
                raise
        between()
        sleep(pause_seconds(attempt, first=first_pause, longest=longest_pause))
    raise ValueError("attempts must be at least 1")
