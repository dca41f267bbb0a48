"""What a user did, folded into the sums that the columns are made of.

Weights halve every HALF_LIFE_DAYS (exponential forgetting), so the sums do not depend on the order of the events.
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

MOST_EVENTS = 200
"""The newest events of a user that are looked at; older ones are forgotten."""
HALF_LIFE_DAYS = 30.0
_DECAY = math.log(2.0) / (HALF_LIFE_DAYS * 86_400.0)


class EventType(StrEnum):
    """What a user did with a proposition."""

    IMPRESSION = "impression"
    CLICK = "click"
    CONVERSION = "conversion"
    DISMISSAL = "dismissal"


class Event(NamedTuple):
    """One interaction. `at`: seconds since the epoch; `item`: the proposition's key in the database."""

    at: float
    kind: str
    item: int
    category: str
    log_price: float


class Stated(NamedTuple):
    """What the client says of a user: categories of interest, and the most they want to spend (None: not said)."""

    interests: frozenset[str] = frozenset()
    budget: float | None = None


NOTHING_SAID = Stated()


@dataclass(slots=True)
class Sums:
    """Forgetting sums of impressions and clicks."""

    impressions: float = 0.0
    clicks: float = 0.0


@dataclass(slots=True)
class Known:
    """Everything the columns need to know of a user at one moment."""

    stated: Stated = NOTHING_SAID
    total: Sums = field(default_factory=Sums)
    by_category: dict[str, Sums] = field(default_factory=lambda: defaultdict(Sums))
    shown: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    clicked: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    shown_at: dict[int, float] = field(default_factory=dict)
    dismissed_at: dict[int, float] = field(default_factory=dict)
    last_at: float | None = None
    price_sum: float = 0.0
    price_weight: float = 0.0

    @property
    def mean_log_price(self) -> float | None:
        """Of what the user chose, newer choices weighing more; None before the first."""
        return self.price_sum / self.price_weight if self.price_weight else None


def of(events: Iterable[Event], *, at: float, stated: Stated = NOTHING_SAID) -> Known:
    """Fold a user's newest events, all of which were known before `at`."""
    known = Known(stated)
    for event in events:
        weight = math.exp(-_DECAY * max(0.0, at - event.at))
        sums = known.by_category[event.category]
        if known.last_at is None or event.at > known.last_at:
            known.last_at = event.at
        if event.kind == EventType.IMPRESSION:
            known.total.impressions += weight
            sums.impressions += weight
            known.shown[event.item] += 1
            known.shown_at[event.item] = max(event.at, known.shown_at.get(event.item, event.at))
        elif event.kind in (EventType.CLICK, EventType.CONVERSION):
            known.total.clicks += weight
            sums.clicks += weight
            known.clicked[event.item] += 1
            known.price_sum += weight * event.log_price
            known.price_weight += weight
        elif event.kind == EventType.DISMISSAL:
            known.dismissed_at[event.item] = max(event.at, known.dismissed_at.get(event.item, event.at))
    return known
