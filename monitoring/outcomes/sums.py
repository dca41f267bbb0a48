"""The sums of one day's feedback about one version, worked out by the database: grouped rows come back, never records.

Sums can be added up, so a week's quality is exact and no mean of means. As JSON:

    {"confusion": [[predicted, label, count], ...],       classification
     "log_loss": [count, sum, sum of squares], "brier": the same,
     "scores": [[bucket, positives, negatives], ...],     two classes: P(second class), in thousandths
     "absolute": [count, sum, sum of squares],            regression: |predicted - value|
     "squared": [count, sum, sum of squares],             (predicted - value)^2
     "error": [count, sum, sum of squares],               predicted - value
     "values": [count, sum, sum of squares]}              the true values
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Case, Count, F, FloatField, IntegerField, QuerySet, Sum, When
from django.db.models.functions import Abs, Cast, Floor

from monitoring.outcomes import truth
from monitoring.outcomes.models import Feedback, FeedbackState

SCORE_BUCKETS = 1000
MOST_PAIRS = 20_000
"""Most pairs of predicted and true class that a day keeps; what is rarer than those is left out, and told."""


@dataclass
class Moments:
    """A count, a sum and a sum of squares."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, count: int, total: float, squares: float) -> None:
        self.count += count
        self.total += total
        self.squares += squares


@dataclass
class Sums:
    """What is known of a span: see the module. `labels` counts feedback, cut-off pairs included."""

    labels: int = 0
    confusion: dict[tuple[str, str], int] = field(default_factory=dict)
    scores: dict[int, list[int]] = field(default_factory=dict)
    moments: dict[str, Moments] = field(default_factory=dict)

    def add(self, labels: int, stored: dict[str, Any]) -> None:
        """Add the JSON form."""
        self.labels += labels
        for predicted, label, count in stored.get("confusion", ()):
            self.confusion[(predicted, label)] = self.confusion.get((predicted, label), 0) + count
        for bucket, positives, negatives in stored.get("scores", ()):
            cell = self.scores.setdefault(bucket, [0, 0])
            cell[0] += positives
            cell[1] += negatives
        for name in ("log_loss", "brier", "absolute", "squared", "error", "values"):
            if name in stored:
                self.moments.setdefault(name, Moments()).add(*stored[name])


def of_day(version_id: int, day: date, classes: list[Any] | None) -> tuple[int, dict[str, Any]]:
    """How many pieces of feedback count on a day (UTC), and their sums in the JSON form."""
    rows = counted(version_id, day)
    stored: dict[str, Any] = {}
    labels = rows.count()
    confusion = rows.filter(predicted_label__isnull=False, label__isnull=False)
    pairs = confusion.values_list("predicted_label", "label").annotate(count=Count("pk")).order_by("-count", "label")
    if found := list(pairs[:MOST_PAIRS]):
        stored["confusion"] = [list(pair) for pair in found]
        for name in ("log_loss", "brier"):
            _put(stored, name, rows.filter(**{f"{name}__isnull": False}), F(name))
        if classes and len(classes) == 2:
            stored["scores"] = _scores(rows, truth.text_of(classes[1]))
    numbers = rows.filter(value__isnull=False, predicted_value__isnull=False)
    error = F("predicted_value") - F("value")
    for name, expression in (
        ("absolute", Abs(error)), ("squared", error * error), ("error", error), ("values", F("value")),
    ):  # fmt: skip
        _put(stored, name, numbers, expression)
    return labels, stored


def counted(version_id: int, day: date) -> QuerySet[Feedback]:
    """The feedback that counts for a version's predictions of a day (UTC)."""
    start = datetime.combine(day, time(), UTC)
    return Feedback.objects.filter(
        version_id=version_id,
        state=FeedbackState.COUNTED,
        predicted_at__gte=start,
        predicted_at__lt=start + timedelta(days=1),
    )


def _put(stored: dict[str, Any], name: str, rows: QuerySet[Feedback], expression: Any) -> None:
    number = Cast(expression, FloatField())
    found = rows.aggregate(count=Count("pk"), total=Sum(number), squares=Sum(number * number))
    if found["count"]:
        stored[name] = [found["count"], found["total"], found["squares"]]


def _scores(rows: QuerySet[Feedback], positive: str) -> list[list[int]]:
    """Positives and negatives by the score's thousandth; the last one holds what is exactly 1, too."""
    bucket = Cast(Floor(F("score") * float(SCORE_BUCKETS)), IntegerField())
    is_positive = Case(When(label=positive, then=1), default=0, output_field=IntegerField())
    found = (
        rows.filter(score__isnull=False)
        .annotate(bucket=bucket)
        .values("bucket")
        .annotate(count=Count("pk"), positives=Sum(is_positive))
        .order_by("bucket")
    )
    merged: dict[int, list[int]] = {}
    for row in found:
        cell = merged.setdefault(min(row["bucket"], SCORE_BUCKETS - 1), [0, 0])
        cell[0] += row["positives"]
        cell[1] += row["count"] - row["positives"]
    return [[at, *cell] for at, cell in sorted(merged.items())]


def together(stored: Iterable[tuple[int, dict[str, Any]]]) -> Sums:
    """The sums of several days."""
    sums = Sums()
    for labels, day in stored:
        sums.add(labels, day)
    return sums
