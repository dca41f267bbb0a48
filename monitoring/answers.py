"""What one model answered in a span, and why it did not, read from the sums in a constant number of queries."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from monitoring import answer_rollups, histogram
from monitoring.models import AnswerRollup, PredictionLog
from monitoring.spans import Span
from registry.models import ModelVersion, RegisteredModel

_AROUND = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class ErrorLine:
    """One code: how often, and its latest record, if that is still kept. `code` is empty for all that are rare."""

    code: str
    count: int
    sample: PredictionLog | None
    last_at: datetime


@dataclass
class Answers:
    """`confidences`: by version number, bucket to count. `labels` and `numbers`: by step; see `AnswerRollup`."""

    confidences: dict[int | None, dict[int, int]] = field(default_factory=dict)
    labels: dict[datetime, dict[str, int]] = field(default_factory=dict)
    numbers: dict[datetime, list[float]] = field(default_factory=dict)
    errors: list[ErrorLine] = field(default_factory=list)

    def label_totals(self) -> dict[str, int]:
        """The classes, the commonest first; those that were too many to be told apart under "", last."""
        totals: dict[str, int] = {}
        for step in self.labels.values():
            for label, count in step.items():
                totals[label] = totals.get(label, 0) + count
        others = answer_rollups.OTHERS
        return dict(sorted(totals.items(), key=lambda pair: (pair[0] == others, -pair[1], pair[0])))


def of_model(model: RegisteredModel, span: Span, *, version: int | None = None) -> Answers:
    """Three queries at most. `version` is a number; None means all."""
    rows = _rows(model, span, version)
    found = Answers()
    errors: dict[str, tuple[int, str, float]] = {}
    for start, number, confidences, labels, numbers, failed in rows:
        if confidences:
            histogram.add(found.confidences.setdefault(number, {}), confidences)
        if labels:
            step = found.labels.setdefault(start, {})
            for label, count in labels.items():
                step[label] = step.get(label, 0) + count
        if numbers:
            found.numbers[start] = answer_rollups.joined(found.numbers.get(start, []), numbers)
        for code, (count, sample, at) in failed.items():
            known = errors.get(code, (0, "", 0.0))
            latest = (sample, at) if at >= known[2] else known[1:]
            errors[code] = (known[0] + count, *latest)
    found.errors = _error_lines(errors, model)
    return found


def _rows(model: RegisteredModel, span: Span, version: int | None) -> Iterable[tuple[Any, ...]]:
    """Start, version number and sums. Without a version that was asked for, none."""
    sums = AnswerRollup.objects.filter(
        resolution=span.resolution, model=model, start__gte=span.since, start__lt=span.until
    )
    if version is not None:
        sums = sums.filter(version_id__in=ModelVersion.objects.filter(model=model, number=version).values("pk"))
    rows = list(sums.values_list("start", "version_id", "confidences", "labels", "numbers", "errors"))
    ids = {version_id for _, version_id, *_ in rows}
    numbers = dict(ModelVersion.objects.filter(pk__in=ids).values_list("pk", "number"))
    return [(start, numbers.get(version_id), *rest) for start, version_id, *rest in rows]


def _error_lines(errors: dict[str, tuple[int, str, float]], model: RegisteredModel) -> list[ErrorLine]:
    samples = _samples(errors, model)
    lines = [
        ErrorLine(code, count, samples.get(UUID(sample)), datetime.fromtimestamp(at, UTC))
        for code, (count, sample, at) in errors.items()
    ]
    return sorted(lines, key=lambda line: (-line.count, line.code))


def _samples(errors: dict[str, tuple[int, str, float]], model: RegisteredModel) -> dict[UUID, PredictionLog]:
    """The records that are named, found by key and time: no scan, and only the partitions they lie in."""
    if not errors:
        return {}
    times = [datetime.fromtimestamp(at, UTC) for _, _, at in errors.values()]
    found = PredictionLog.objects.filter(
        pk__in=[sample for _, sample, _ in errors.values()],
        model=model,
        created_at__gte=min(times) - _AROUND,
        created_at__lte=max(times) + _AROUND,
    )
    return {record.pk: record for record in found.defer("input", "output").select_related("version", "user")}
