"""From what was logged to labelled rows, each made from what was known before its impression (point-in-time correct).

`replay` walks through everything in the order in which the platform came to know it. An impression becomes a row
before it, or anything that arrived with it or later, is added to what is known. The rows are made by the very functions
that serve (`features`), so what a model learns from is what it will be asked.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from solutions.propositions.features import history, matrix
from solutions.propositions.features.columns import COLUMNS
from solutions.propositions.features.history import Event, EventType, Stated
from solutions.propositions.features.matrix import Item

CLICK_WITHIN_SECONDS = 1800.0
"""A click belongs to the latest impression of the same proposition to the same user, at most this long before it."""

Array = np.ndarray[Any, Any]


class Logged(NamedTuple):
    """An interaction as it was logged. `known_at`: when the platform got to know of it; `list`: shown together."""

    known_at: float
    user: str
    event: Event
    context: str = ""
    position: int = 0
    list: str = ""


class Counted(NamedTuple):
    """A proposition's impressions and clicks as its counts said from `known_at` on."""

    known_at: float
    item: int
    impressions: float
    clicks: float


class Said(NamedTuple):
    """What the client said of a user from `known_at` on."""

    known_at: float
    user: str
    stated: Stated


@dataclass(frozen=True, slots=True)
class Examples:
    """`rows` has the columns of `features.columns`; the other arrays an entry for each row. `at` is in seconds."""

    rows: matrix.Matrix
    clicked: Array
    users: Array
    lists: Array
    at: Array

    def __len__(self) -> int:
        return len(self.clicked)

    def where(self, mask: Array) -> "Examples":
        """The rows for which `mask` is true."""
        return Examples(self.rows[mask], self.clicked[mask], self.users[mask], self.lists[mask], self.at[mask])

    def as_served(self) -> matrix.Matrix:
        """The rows as they would be asked: every candidate in the first place."""
        asked = self.rows.copy()
        asked[:, COLUMNS.index("position")] = 0.0
        return asked


class _Users:
    """The newest events of each user, and what was said of them."""

    def __init__(self) -> None:
        self._events: defaultdict[str, deque[Event]] = defaultdict(lambda: deque(maxlen=history.MOST_EVENTS))
        self._stated: dict[str, Stated] = {}

    def add(self, entry: Logged) -> None:
        self._events[entry.user].append(entry.event)

    def say(self, user: str, stated: Stated) -> None:
        self._stated[user] = stated

    def known(self, user: str, *, at: float) -> history.Known:
        return history.of(self._events[user], at=at, stated=self._stated.get(user, Stated()))


def replay(
    logged: Iterable[Logged],
    *,
    published_at: Mapping[int, float],
    counted: Iterable[Counted] = (),
    said: Iterable[Said] = (),
    since: float = float("-inf"),
    until: float = float("inf"),
) -> Examples:
    """The labelled impressions from `since` to `until`; earlier entries are only learned about.

    Each stream is ordered by `known_at`. Impressions whose time for a click is not over at `until` are left out.
    """
    users, counts = _Users(), dict[int, tuple[float, float]]()
    next_count, next_said = _Stream(counted), _Stream(said)
    made: list[matrix.Matrix] = []
    clicked: list[float] = []
    facts: list[tuple[str, str, float]] = []
    shown: dict[tuple[str, int], tuple[int, float]] = {}
    for known_at, together in groupby(logged, key=lambda entry: entry.known_at):
        if known_at > until:
            break
        for count in next_count.before(known_at):
            counts[count.item] = (count.impressions, count.clicks)
        for statement in next_said.before(known_at):
            users.say(statement.user, statement.stated)
        entries = list(together)
        for impressions in _lists(entries, since, until):
            first = impressions[0]
            items = [_item(entry, published_at, counts) for entry in impressions]
            made.append(
                matrix.rows(
                    users.known(first.user, at=first.event.at),
                    items,
                    context=first.context,
                    at=first.event.at,
                    positions=[entry.position for entry in impressions],
                )
            )
            for entry in impressions:
                shown[entry.user, entry.event.item] = (len(clicked), entry.event.at)
                clicked.append(0.0)
                facts.append((entry.user, entry.list or f"{entry.user} {entry.event.at!r}", entry.event.at))
        for entry in entries:
            users.add(entry)
            _attribute(entry, shown, clicked)
    return _examples(made, clicked, facts)


class _Stream:
    """Entries in order, taken as time passes."""

    def __init__(self, entries: Iterable[Any]) -> None:
        self._entries = iter(entries)
        self._next = next(self._entries, None)

    def before(self, moment: float) -> Iterator[Any]:
        while self._next is not None and self._next.known_at < moment:
            yield self._next
            self._next = next(self._entries, None)


def _lists(entries: list[Logged], since: float, until: float) -> Iterator[list[Logged]]:
    """The impressions to be learned from, those of one list together."""
    lists: dict[tuple[str, str, str, float], list[Logged]] = {}
    for entry in entries:
        if entry.event.kind == EventType.IMPRESSION and since <= entry.event.at <= until - CLICK_WITHIN_SECONDS:
            lists.setdefault((entry.user, entry.list, entry.context, entry.event.at), []).append(entry)
    yield from lists.values()


def _item(entry: Logged, published_at: Mapping[int, float], counts: Mapping[int, tuple[float, float]]) -> Item:
    """What was known of the proposition; its category and price are those it was shown with."""
    event = entry.event
    impressions, clicks = counts.get(event.item, (0.0, 0.0))
    return Item(event.item, event.category, event.log_price, published_at[event.item], impressions, clicks)


def _attribute(entry: Logged, shown: dict[tuple[str, int], tuple[int, float]], clicked: list[float]) -> None:
    if entry.event.kind not in (EventType.CLICK, EventType.CONVERSION):
        return
    found = shown.get((entry.user, entry.event.item))
    if found is not None and 0.0 <= entry.event.at - found[1] <= CLICK_WITHIN_SECONDS:
        clicked[found[0]] = 1.0


def _examples(made: list[matrix.Matrix], clicked: list[float], facts: list[tuple[str, str, float]]) -> Examples:
    rows = np.concatenate(made) if made else np.zeros((0, len(COLUMNS)), dtype=np.float32)
    users, lists, at = zip(*facts, strict=True) if facts else ((), (), ())
    _, numbers = np.unique(np.array(lists, dtype=object).astype(str), return_inverse=True)
    return Examples(
        rows, np.array(clicked), np.array(users, dtype=object).astype(str), numbers, np.array(at, dtype=float)
    )
