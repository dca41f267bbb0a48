"""A sliding window, in SLOTS steps: what is counted for one caller, and what a caller is told about it.

Every unit is counted in the step in which it was spent, and counts until SLOTS whole steps have passed. So no
window, wherever it begins, ever holds more than the limit; a unit comes back at most one step late.
"""

from typing import NamedTuple

SLOTS = 30
# The step that is running and the whole ones before it.
COUNTERS = SLOTS + 1


class Charge(NamedTuple):
    """`cost` units against the `limit` per window of one `bucket`."""

    bucket: str
    limit: int
    cost: int = 1


class Verdict(NamedTuple):
    """Whether a request may pass, and how its tightest bucket stands afterwards.

    `reset_seconds`: until the whole limit is there again if nothing more is sent; when the request is
    refused, until it may be sent again.
    """

    is_admitted: bool
    limit: int
    remaining: int
    reset_seconds: float
