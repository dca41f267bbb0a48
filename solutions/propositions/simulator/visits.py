"""Lets the users of a world come day after day, shows them lists by a policy, and writes down what happened.

A user comes at most once a day. Whether they come, when, where, and the luck of each look and click depend on the seed,
the day, the user and the item only: policies that show the same thing in the same place get the same answer.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from solutions.propositions.dataset import Counted, Logged, Said
from solutions.propositions.features import counts, history
from solutions.propositions.features.history import Event, EventType, Stated
from solutions.propositions.features.matrix import Item
from solutions.propositions.simulator.policies import Policy, Visit
from solutions.propositions.simulator.world import CONTEXTS, TWO_WEEKS_SECONDS, WEEK_SECONDS, World

DAY_SECONDS = 86_400.0
LIST_LENGTH = 5
CLICKED_AFTER_SECONDS = 20.0
_MOST_EVENTS = history.MOST_EVENTS

Array = np.ndarray[Any, Any]


@dataclass
class Told:
    """What a platform that served these visits would have in its tables, each list in the order of knowing."""

    logged: list[Logged] = field(default_factory=list)
    counted: list[Counted] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)

    def copy(self) -> "Told":
        return Told(list(self.logged), list(self.counted), list(self.said))


@dataclass
class Outcome:
    """What a policy achieved: for each shown row whose it was, whether it was clicked, and of which category it is."""

    users: list[int] = field(default_factory=list)
    clicked: list[float] = field(default_factory=list)
    categories_per_list: list[int] = field(default_factory=list)


class Street:
    """A world with its past: run some days under one policy, then others under another from a copy of the same past."""

    def __init__(self, world: World, *, seed: int, began_at: float, last_month: int) -> None:
        self.world, self.seed, self.began_at, self._last_month = world, seed, began_at, last_month
        self.told = Told()
        self._events: defaultdict[int, list[Event]] = defaultdict(list)
        self._counts: defaultdict[int, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
        self._counted_on: dict[int, int] = {}
        self._stated: dict[int, Stated] = {}

    def copy(self) -> "Street":
        """The same past, to go on from."""
        other = Street(self.world, seed=self.seed, began_at=self.began_at, last_month=self._last_month)
        other.told = self.told.copy()
        other._events.update({user: list(events) for user, events in self._events.items()})
        other._counts.update(self._counts)
        other._counted_on = dict(self._counted_on)
        other._stated = dict(self._stated)
        return other

    def run(self, days: range, policy: Policy) -> Outcome:
        """Let the users come on these days."""
        outcome = Outcome()
        for day in days:
            began = len(self.told.logged)
            visits = sorted(self._visits(day), key=lambda visit: visit.at)
            for visit, shown in zip(visits, policy(visits, length=LIST_LENGTH), strict=True):
                self._show(day, visit, shown, outcome)
            self.told.logged[began:] = sorted(self.told.logged[began:], key=lambda entry: entry.known_at)
            self.told.said.sort(key=lambda said: said.known_at)
            self._count(day)
        return outcome

    def published(self, number: int) -> float:
        """When an item appeared, in seconds."""
        return self.began_at + self.world.items[number].published_day * DAY_SECONDS

    def _visits(self, day: int) -> Iterator[Visit]:
        begins = self.began_at + day * DAY_SECONDS
        items = [
            Item(
                item.number,
                item.category,
                float(self.world.log_price[item.number]),
                self.published(item.number),
                *self._counts[item.number],
            )
            for item in self.world.items
            if item.published_day <= day
        ]
        numbers = np.array([item.key for item in items])
        for user in range(self.world.users):
            draw = np.random.default_rng((self.seed, day, user))
            comes, hour, place = draw.random(), draw.uniform(7.0, 23.0), int(draw.integers(len(CONTEXTS)))
            if comes >= self.world.daily[user] or (self.world.comes_late[user] and day < self._last_month):
                continue
            at = begins + round(hour * 3600.0)
            if user not in self._stated:
                self._state(user, at)
            truth = self.world.click(user, context=place, hour=hour, **self._recently(user, at))
            known = history.of(self._events[user][-_MOST_EVENTS:], at=at, stated=self._stated[user])
            yield Visit(user, at, CONTEXTS[place], known, items, truth[numbers], draw)

    def _state(self, user: int, at: float) -> None:
        self._stated[user] = Stated(frozenset(self.world.interests(user)))
        if self._stated[user].interests:
            self.told.said.append(Said(at - 1.0, name_of(user), self._stated[user]))

    def _recently(self, user: int, at: float) -> dict[str, Array]:
        shown, had = np.zeros(len(self.world.items)), np.zeros(len(self.world.items))
        for event in reversed(self._events[user]):
            if at - event.at > TWO_WEEKS_SECONDS:
                break
            if event.kind == EventType.CLICK:
                had[event.item] = 1.0
            elif at - event.at <= WEEK_SECONDS:
                shown[event.item] += 1.0
        return {"shown": shown, "had": had}

    def _show(self, day: int, visit: Visit, chosen: list[int], outcome: Outcome) -> None:
        shown = [visit.items[number] for number in chosen]
        for position, item in enumerate(shown):
            self._log(visit, EventType.IMPRESSION, item, visit.at, position)
        for position, (number, item) in enumerate(zip(chosen, shown, strict=True)):
            luck = np.random.default_rng((self.seed, day, visit.user, item.key)).random(2)
            is_clicked = luck[0] < self.world.look(position) and luck[1] < visit.true_click[number]
            if is_clicked:
                self._log(visit, EventType.CLICK, item, visit.at + CLICKED_AFTER_SECONDS + position, position)
            outcome.users.append(visit.user)
            outcome.clicked.append(float(is_clicked))
        outcome.categories_per_list.append(len({item.category for item in shown}))

    def _log(self, visit: Visit, kind: EventType, item: Item, at: float, position: int) -> None:
        event = Event(at, str(kind), item.key, item.category, item.log_price)
        self._events[visit.user].append(event)
        name = name_of(visit.user)
        self.told.logged.append(Logged(at, name, event, visit.context, position, f"{name}-{visit.at:.0f}"))

    def _count(self, day: int) -> None:
        """Each night the counts of the day are added up, as the platform's job does."""
        begins, ends = self.began_at + day * DAY_SECONDS, self.began_at + (day + 1) * DAY_SECONDS
        new: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
        for entry in reversed(self.told.logged):
            if entry.known_at < begins:
                break
            new[entry.event.item][entry.event.kind == EventType.CLICK] += 1
        for item, (impressions, clicks) in sorted(new.items()):
            days = day - self._counted_on.get(item, day)
            self._counts[item] = counts.grown(
                *self._counts[item], days=days, more_impressions=impressions, more_clicks=clicks
            )
            self._counted_on[item] = day
            self.told.counted.append(Counted(ends - 1.0, item, *self._counts[item]))


def name_of(user: int) -> str:
    """The id under which the platform knows a simulated user."""
    return f"user_{user + 1}"
