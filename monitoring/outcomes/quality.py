"""How good a model's versions were, by day and in all, read from the sums: three queries, however much feedback."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.utils import timezone

from monitoring.outcomes import measures, sums
from monitoring.outcomes.measures import Measure, Quality
from monitoring.outcomes.models import Feedback, FeedbackState, QualityDay
from registry.models import Deployment, RegisteredModel

USUAL_DAYS, MOST_DAYS = 30, 366
HEADLINES = ("accuracy", "mae")
"""The measure by which a version is told in a word, and drawn: the first of these that it has."""


@dataclass(frozen=True, slots=True)
class VersionQuality:
    """One version: all of the span, and each day with feedback, the oldest first. `confusion` is of the whole span."""

    number: int
    version_id: int
    whole: Quality
    confusion: dict[tuple[str, str], int]
    days: list[tuple[date, Quality]]

    @property
    def headline(self) -> Measure | None:
        """The measure to draw, or None while nothing is known."""
        return next((found for name in HEADLINES if (found := self.whole.get(name))), None)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of what was live."""

    at: datetime
    version: int
    action: str


@dataclass(frozen=True, slots=True)
class Report:
    """The quality of a model's versions over a span of days that ends today (UTC).

    uncounted: feedback of the span that is in no measure, because what was predicted was not kept or was a fallback.
    """

    first: date
    last: date
    versions: list[VersionQuality]
    changes: list[Change]
    uncounted: int
    is_behind: bool

    @property
    def labels(self) -> int:
        return sum(version.whole.labels for version in self.versions)

    @property
    def days(self) -> list[date]:
        """Every day of the span."""
        return [self.first + timedelta(days=at) for at in range((self.last - self.first).days + 1)]


def report(model: RegisteredModel, *, days: int = USUAL_DAYS, number: int | None = None) -> Report:
    """The last `days` days of a model, by version, the newest first; or of the version of that number alone."""
    last = timezone.now().astimezone(UTC).date()
    first = last - timedelta(days=days - 1)
    rows = QualityDay.objects.filter(model=model, day__gte=first, day__lte=last).order_by("day")
    if number is not None:
        rows = rows.filter(version__number=number)
    groups: dict[tuple[int, int], list[tuple[date, int, dict[str, Any]]]] = {}
    is_behind = False
    for version_number, version_id, day, labels, stored, touches, summed in rows.values_list(
        "version__number", "version_id", "day", "labels", "sums", "touches", "summed"
    ):
        is_behind = is_behind or touches > summed
        if labels:
            groups.setdefault((version_number, version_id), []).append((day, labels, stored))
    return Report(
        first=first,
        last=last,
        versions=[_version(*key, found) for key, found in sorted(groups.items(), reverse=True)],
        changes=_changes(model, first),
        uncounted=_uncounted(model, first),
        is_behind=is_behind,
    )


def _version(number: int, version_id: int, found: list[tuple[date, int, dict[str, Any]]]) -> VersionQuality:
    whole = sums.together((labels, stored) for _, labels, stored in found)
    days = [(day, measures.of(sums.together([(labels, stored)]))) for day, labels, stored in found]
    return VersionQuality(number, version_id, measures.of(whole), whole.confusion, days)


def _changes(model: RegisteredModel, first: date) -> list[Change]:
    since = datetime.combine(first, time(), UTC)
    entries = Deployment.objects.filter(model=model, activated_at__gte=since).order_by("activated_at")
    return [Change(*row) for row in entries.values_list("activated_at", "version__number", "action")[:200]]


def _uncounted(model: RegisteredModel, first: date) -> int:
    since = datetime.combine(first, time(), UTC)
    rows = Feedback.objects.filter(model=model, state=FeedbackState.UNCOUNTED, given_at__gte=since)
    return rows.count()


def latest(version_id: int, *, days: int = 7) -> Quality:
    """The quality of one version over the last `days` days, for whoever watches it: one query."""
    first = timezone.now().astimezone(UTC).date() - timedelta(days=days - 1)
    rows = QualityDay.objects.filter(version_id=version_id, day__gte=first).values_list("labels", "sums")
    return measures.of(sums.together(rows))
