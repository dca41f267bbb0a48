"""What the platform knows of a user and of propositions at a moment, read for serving: few, bounded queries."""

from datetime import UTC, datetime

from solutions.propositions.features import history
from solutions.propositions.features.history import Event, Known, Stated
from solutions.propositions.features.matrix import Item
from solutions.propositions.models import Interaction, Proposition, UserFeatures
from solutions.propositions.pricing import log_price

DISMISSED_FOR_SECONDS = 30 * 86_400.0


def of_user(user_id: str, *, at: datetime) -> Known:
    """Everything known of the user before `at`. Two queries."""
    newest = (
        Interaction.objects.filter(user_id=user_id, recorded_at__lt=at)
        .order_by("-recorded_at", "-id")
        .values_list("at", "event_type", "proposition_id", "category", "price")[: history.MOST_EVENTS]
    )
    events = [
        Event(then.timestamp(), kind, item, category, log_price(price)) for then, kind, item, category, price in newest
    ]
    return history.of(reversed(events), at=at.timestamp(), stated=stated_of(user_id, at=at))


def stated_of(user_id: str, *, at: datetime) -> Stated:
    """What the client had said of the user before `at`."""
    row = UserFeatures.objects.filter(user_id=user_id, recorded_at__lt=at).order_by("-recorded_at", "-id").first()
    return as_stated(row) if row else Stated()


def as_stated(row: UserFeatures) -> Stated:
    """The row as the features need it."""
    return Stated(frozenset(row.interests), row.budget)


def is_dismissed(known: Known, item: int, *, at: datetime) -> bool:
    """Whether the user waved it away within the last month: then it isn't suggested."""
    then = known.dismissed_at.get(item)
    return then is not None and at.timestamp() - then <= DISMISSED_FOR_SECONDS


def as_item(proposition: Proposition) -> Item:
    """The proposition as the features need it, with its counts as they were last counted."""
    return Item(
        proposition.pk,
        proposition.category,
        log_price(float(proposition.price)),
        proposition.published_at.timestamp(),
        proposition.impressions,
        proposition.clicks,
    )


def moment(seconds: float) -> datetime:
    """Seconds since the epoch as a moment."""
    return datetime.fromtimestamp(seconds, UTC)
