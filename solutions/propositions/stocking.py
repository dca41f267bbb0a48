"""Puts a simulated shop into an empty installation, so that there is something to suggest, to see and to learn from.

Simulated rows are marked by their ids: propositions `prop_N`, users `user_N`. Nothing is done where there are
propositions already.
"""

import uuid
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import User
from solutions.propositions.dataset import Logged
from solutions.propositions.features.history import EventType
from solutions.propositions.features.matrix import item_click_rate
from solutions.propositions.knowledge import moment
from solutions.propositions.models import Counting, Interaction, Proposition, PropositionCount, UserFeatures
from solutions.propositions.simulator import policies, world
from solutions.propositions.simulator.visits import DAY_SECONDS, Street

USERS, ITEMS, DAYS = 120, 80, 30
FIRST = 401
"""The number of the first proposition: seed 003's sample call names prop_456, which is there then."""
_BATCH = 2_000


def stock(*, by: User, seed: int, users: int = USERS, days: int = DAYS) -> dict[str, int]:
    """How many rows were written; none where there are propositions. The simulated time ends last midnight (UTC)."""
    if Proposition.objects.exists():
        return {"propositions": 0, "interactions": 0}
    return write(by=by, street=past(seed=seed, users=users, days=days))


def past(*, seed: int, users: int, days: int) -> Street:
    """So many simulated days that end last midnight; every list was drawn at random."""
    made = world.build(seed=seed, users=users, items=ITEMS, last_day=days)
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    street = Street(made, seed=seed, began_at=midnight.timestamp() - days * DAY_SECONDS, last_month=days)
    street.run(range(days), policies.at_random)
    return street


def write(*, by: User, street: Street) -> dict[str, int]:
    """The street's past as rows; how many. Nothing where there are propositions."""
    with transaction.atomic():
        if Proposition.objects.exists():
            return {"propositions": 0, "interactions": 0}
        keys = _propositions(street)
        written = _interactions(street, keys)
        _features(street)
        _counts(street, keys)
        ended = moment(street.told.counted[-1].known_at) if street.told.counted else timezone.now()
        Counting.objects.update_or_create(pk=1, defaults={"counted_until": ended + timedelta(seconds=1)})
        audit.record("propositions.stocked", by=by, details={"propositions": len(keys), "interactions": written})
    return {"propositions": len(keys), "interactions": written}


def _propositions(street: Street) -> dict[int, Proposition]:
    rows = [
        Proposition(
            ref=f"prop_{FIRST + item.number}",
            title=item.title,
            category=item.category,
            price=item.price,
            published_at=moment(street.published(item.number)),
        )
        for item in street.world.items
    ]
    Proposition.objects.bulk_create(rows)
    return {item.number: row for item, row in zip(street.world.items, rows, strict=True)}


def _interactions(street: Street, keys: dict[int, Proposition]) -> int:
    lists: dict[str, uuid.UUID] = {}

    def row(entry: Logged) -> Interaction:
        proposition = keys[entry.event.item]
        suggestion = lists.setdefault(entry.list, uuid.uuid5(uuid.NAMESPACE_OID, entry.list))
        return Interaction(
            user_id=entry.user,
            proposition=proposition,
            event_type=entry.event.kind,
            context=entry.context,
            category=entry.event.category,
            price=float(proposition.price),
            position=entry.position,
            suggestion=suggestion if entry.event.kind == EventType.IMPRESSION else None,
            at=moment(entry.event.at),
            recorded_at=moment(entry.known_at),
        )

    Interaction.objects.bulk_create((row(entry) for entry in street.told.logged), batch_size=_BATCH)
    return len(street.told.logged)


def _features(street: Street) -> None:
    UserFeatures.objects.bulk_create(
        UserFeatures(user_id=said.user, interests=sorted(said.stated.interests), recorded_at=moment(said.known_at))
        for said in street.told.said
    )


def _counts(street: Street, keys: dict[int, Proposition]) -> None:
    rows = []
    for counted in street.told.counted:
        proposition = keys[counted.item]
        rows.append(
            PropositionCount(
                proposition=proposition,
                impressions=counted.impressions,
                clicks=counted.clicks,
                known_at=moment(counted.known_at),
            )
        )
        proposition.impressions, proposition.clicks = counted.impressions, counted.clicks
        proposition.click_rate = item_click_rate(counted.impressions, counted.clicks)
        proposition.counted_at = moment(counted.known_at)
    PropositionCount.objects.bulk_create(rows, batch_size=_BATCH)
    Proposition.objects.bulk_update(keys.values(), ["impressions", "clicks", "click_rate", "counted_at"])
