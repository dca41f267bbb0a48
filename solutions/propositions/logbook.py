"""What the tables know, as the streams that `dataset.replay` reads: in the order in which it became known."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from solutions.propositions.dataset import Counted, Examples, Logged, Said, replay
from solutions.propositions.features.history import Event, EventType
from solutions.propositions.knowledge import as_stated
from solutions.propositions.models import Interaction, Proposition, PropositionCount, UserFeatures
from solutions.propositions.pricing import log_price

WINDOW = timedelta(days=180)
MOST_INTERACTIONS = 1_000_000
_CHUNK = 5_000
_FORGETTING = timedelta(days=2)
"""Old interactions go by bites: what is within two days of its end may have lost its past."""


def examples(*, until: datetime) -> Examples:
    """The labelled impressions of the last half year, or of the newest million interactions, if those are fewer.

    The first sixth of the time is only learned about, so that no row is made of a history that was cut off.
    """
    interactions = _known_before(until)
    first = interactions.values_list("recorded_at", flat=True).first()
    if first is None:
        return replay([], published_at={})
    since = first + (until - first) / 6 if _is_cut(first) else first
    return replay(
        _logged(interactions),
        published_at={pk: at.timestamp() for pk, at in Proposition.objects.values_list("pk", "published_at")},
        counted=_counted(until),
        said=_said(until),
        since=since.timestamp(),
        until=until.timestamp(),
    )


def counts(*, until: datetime, since: datetime | None = None) -> dict[str, int]:
    """Impressions and clicks that were known before `until`, and how many of them since."""
    found = Interaction.objects.filter(recorded_at__lt=until)
    if since is not None:
        found = found.filter(recorded_at__gte=since)
    return {
        "impressions": found.filter(event_type=EventType.IMPRESSION).count(),
        "clicks": found.filter(event_type=EventType.CLICK).count(),
    }


def _known_before(until: datetime) -> QuerySet[Interaction]:
    found = Interaction.objects.filter(recorded_at__lt=until, recorded_at__gte=until - WINDOW)
    beyond = found.order_by("-recorded_at", "-id").values_list("recorded_at", flat=True)[MOST_INTERACTIONS:]
    if cut := beyond.first():
        found = found.filter(recorded_at__gt=cut)
    return found.order_by("recorded_at", "id")


def _is_cut(first: datetime) -> bool:
    """Whether something was known from before the first interaction that is read: it is still there, or the first one
    is so old that what came before may have been forgotten."""
    days = settings.PROPOSITIONS_KEEP_DAYS
    if days and first < timezone.now() - timedelta(days=days) + _FORGETTING:
        return True
    return Interaction.objects.filter(recorded_at__lt=first).exists()


def _logged(interactions: QuerySet[Interaction]) -> Iterator[Logged]:
    rows = interactions.values_list(
        "recorded_at", "user_id", "at", "event_type", "proposition_id", "category", "price", "context", "position",
        "suggestion",
    )  # fmt: skip
    for known_at, user, at, kind, item, category, price, context, position, suggestion in rows.iterator(_CHUNK):
        event = Event(at.timestamp(), kind, item, category, log_price(price))
        yield Logged(known_at.timestamp(), user, event, context, position, _text(suggestion))


def _text(suggestion: Any) -> str:
    return "" if suggestion is None else str(suggestion)


def _counted(until: datetime) -> Iterator[Counted]:
    rows = PropositionCount.objects.filter(known_at__lt=until).order_by("known_at", "id")
    for known_at, item, impressions, clicks in rows.values_list(
        "known_at", "proposition_id", "impressions", "clicks"
    ).iterator(_CHUNK):
        yield Counted(known_at.timestamp(), item, impressions, clicks)


def _said(until: datetime) -> Iterator[Said]:
    for row in UserFeatures.objects.filter(recorded_at__lt=until).order_by("recorded_at", "id").iterator(_CHUNK):
        yield Said(row.recorded_at.timestamp(), row.user_id, as_stated(row))
