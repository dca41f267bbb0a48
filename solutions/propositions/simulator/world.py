"""The truth that no ranking is told: who likes what, and how likely a click is.

A user u who looks at proposition i clicks with the probability

    sigmoid(BASE + TASTE * taste[u, category(i)] + QUALITY * quality[i] - PRICE * |log price(i) - usual[u]|
            + PLACE * place[context, category(i)] + DAYTIME * cos(hour - best hour of the category)
            - TIRED * log(1 + times shown in the last week) - HAD * (chosen in the last two weeks))

and looks at place p (from 0) with the probability 1 / (1 + SLOPE * p). Every letter but u's own history is drawn once
from a normal distribution with the seed. That a click is drawn from a probability is the noise: it can't be learned.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

BASE, TASTE, QUALITY, PRICE, PLACE, DAYTIME, TIRED, HAD = -2.6, 1.5, 0.6, 0.8, 0.4, 0.3, 0.3, 1.0
SLOPE = 0.25
CATEGORIES = ("books", "music", "sport", "travel", "food", "home", "garden", "games")
CONTEXTS = ("search", "home", "email")
WEEK_SECONDS, TWO_WEEKS_SECONDS = 7 * 86_400.0, 14 * 86_400.0
# Of the users, the share that comes only in the last month: nothing is known of them when it begins.
NEWCOMERS = 0.15
STATE_INTERESTS = 0.5

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Proposed:
    """A proposition of the simulated shop. `published_day`: from the first simulated day; earlier is negative."""

    number: int
    title: str
    category: str
    price: float
    published_day: float


@dataclass(frozen=True)
class World:
    """Everything that is true and hidden, for `users` × `items`."""

    items: tuple[Proposed, ...]
    taste: Array
    usual_price: Array
    quality: Array
    place: Array
    best_hour: Array
    daily: Array
    comes_late: Array
    category_of: Array
    log_price: Array

    @property
    def users(self) -> int:
        return len(self.taste)

    def look(self, position: int) -> float:
        """The probability that a user looks at this place."""
        return 1.0 / (1.0 + SLOPE * position)

    def click(self, user: int, *, context: int, hour: float, shown: Array, had: Array) -> Array:
        """For every item the probability of a click, once it is looked at.

        shown: how often the user was shown each item in the last week; had: 1 where they chose it in the last two.
        """
        category = self.category_of
        daytime = np.cos(2.0 * math.pi * (hour - self.best_hour[category]) / 24.0)
        logit = (
            BASE
            + TASTE * self.taste[user, category]
            + QUALITY * self.quality
            - PRICE * np.abs(self.log_price - self.usual_price[user])
            + PLACE * self.place[context, category]
            + DAYTIME * daytime
            - TIRED * np.log1p(shown)
            - HAD * had
        )
        return np.asarray(1.0 / (1.0 + np.exp(-logit)))

    def interests(self, user: int) -> list[str]:
        """What half of the users would say of themselves: their two favourite categories."""
        if user % 2 >= 2 * STATE_INTERESTS:
            return []
        return sorted(CATEGORIES[at] for at in np.argsort(-self.taste[user])[:2])


def build(*, seed: int, users: int, items: int, last_day: int) -> World:
    """A world; the same for the same arguments. A quarter of the items appear while the users are already coming."""
    draw = np.random.default_rng(seed)
    category_of = np.arange(items) % len(CATEGORIES)
    log_price = draw.normal(3.2, 0.7, items).clip(1.0, 6.0)
    published = np.where(draw.random(items) < 0.75, -draw.uniform(1, 120, items), draw.uniform(0, last_day, items))
    proposed = tuple(
        Proposed(
            number,
            f"{_NOUNS[category_of[number]]} no. {number + 1}",
            CATEGORIES[category_of[number]],
            round(math.expm1(log_price[number]), 2),
            float(published[number]),
        )
        for number in range(items)
    )
    return World(
        items=proposed,
        taste=draw.normal(0.0, 1.0, (users, len(CATEGORIES))),
        usual_price=draw.normal(3.2, 0.6, users),
        quality=draw.normal(0.0, 1.0, items),
        place=draw.normal(0.0, 1.0, (len(CONTEXTS), len(CATEGORIES))),
        best_hour=draw.uniform(0.0, 24.0, len(CATEGORIES)),
        daily=draw.beta(2.0, 4.0, users),
        comes_late=draw.random(users) < NEWCOMERS,
        category_of=category_of,
        log_price=np.log1p([item.price for item in proposed]),
    )


_NOUNS = ("Novel", "Record", "Gear", "Trip", "Menu", "Lamp", "Seeds", "Puzzle")
