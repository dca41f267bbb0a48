"""What a suggestion reads of a user, in statements written by hand: building them anew costs more than running them."""

import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import connection

from solutions.propositions.features.history import MOST_EVENTS, Event, EventType, Stated
from solutions.propositions.models import Counting, Interaction, Stock, UserFeatures
from solutions.propositions.pricing import log_price

_EVENTS, _SAID = Interaction._meta.db_table, UserFeatures._meta.db_table
_FEEDBACK = (EventType.CLICK.value, EventType.CONVERSION.value, EventType.DISMISSAL.value)

_STANDING = f"""
    SELECT (SELECT stamp FROM {Stock._meta.db_table} WHERE id = 1),
           (SELECT epoch FROM {Counting._meta.db_table} WHERE id = 1),
           (SELECT MAX(id) FROM {_EVENTS} WHERE user_id = %s AND event_type IN (%s, %s, %s)),
           (SELECT MAX(id) FROM {_SAID} WHERE user_id = %s)
"""  # noqa: S608 # our own tables' names
_NEWEST = f"""
    SELECT at, event_type, proposition_id, category, price FROM {_EVENTS}
    WHERE user_id = %s AND recorded_at < %s ORDER BY recorded_at DESC, id DESC LIMIT {MOST_EVENTS}
"""  # noqa: S608
_STATED = f"""
    SELECT interests, budget FROM {_SAID}
    WHERE user_id = %s AND recorded_at < %s ORDER BY recorded_at DESC, id DESC LIMIT 1
"""  # noqa: S608


class Standing(NamedTuple):
    """The stamp of the stock, the epoch of remembered lists, and the keys of what the user last did (impressions
    apart) and of what was last said of them."""

    stock: int
    epoch: int
    did: int | None
    said: int | None


def standing(user_id: str) -> Standing:
    """What a remembered list and a kept shelf depend on, now. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, [user_id, *_FEEDBACK, user_id])
        stock, epoch, did, said = cursor.fetchone()
    return Standing(stock or 0, epoch or 0, did, said)


def events(user_id: str, *, before: datetime) -> list[Event]:
    """The newest events of a user that were known before the moment, the oldest first. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST, [user_id, _as_stored(before)])
        rows = cursor.fetchall()
    return [
        Event(_seconds(then), kind, item, category, log_price(price))
        for then, kind, item, category, price in reversed(rows)
    ]


def stated(user_id: str, *, before: datetime) -> Stated:
    """What the client had said of the user before the moment. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_STATED, [user_id, _as_stored(before)])
        row = cursor.fetchone()
    return Stated() if row is None else Stated(frozenset(json.loads(row[0])), row[1])


def _as_stored(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)


def _seconds(stored: Any) -> float:
    """Seconds since the epoch of what the database returns for a moment: SQLite has text, in UTC."""
    if isinstance(stored, str):
        return datetime.fromisoformat(stored).replace(tzinfo=UTC).timestamp()
    return float(stored.timestamp())
