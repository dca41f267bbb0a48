"""What the platform knows of a user at a moment, read for serving: few, bounded queries."""

from datetime import UTC, datetime

from solutions.propositions import reading
from solutions.propositions.features import history
from solutions.propositions.features.history import Known, Stated
from solutions.propositions.models import UserFeatures

DISMISSED_FOR_SECONDS = 30 * 86_400.0


def of_user(user_id: str, *, at: datetime) -> Known:
    """Everything known of the user before `at`. Two queries."""
    events = reading.events(user_id, before=at)
    return history.of(events, at=at.timestamp(), stated=reading.stated(user_id, before=at))


def as_stated(row: UserFeatures) -> Stated:
    """The row as the features need it."""
    return Stated(frozenset(row.interests), row.budget)


def is_dismissed(known: Known, item: int, *, at: datetime) -> bool:
    """Whether the user waved it away within the last month: then it isn't suggested."""
    then = known.dismissed_at.get(item)
    return then is not None and at.timestamp() - then <= DISMISSED_FOR_SECONDS


def moment(seconds: float) -> datetime:
    """Seconds since the epoch as a moment."""
    return datetime.fromtimestamp(seconds, UTC)
