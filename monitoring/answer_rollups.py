"""What was answered, summed up by minute and version: confidences, classes, numbers, and errors with a sample."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from monitoring import histogram
from monitoring.models import Resolution
from monitoring.rollups import COARSER
from monitoring.sum_models import AnswerRollup
from monitoring.sums_table import Key, SumsTable

CONFIDENCE_STEPS = 20
"""A confidence c (0 to 1) is counted in bucket int(20 c); 1 belongs to the last one."""
MOST_LABELS = 40
LONGEST_LABEL = 80
MOST_CODES = 30
OTHERS = ""
# Of a larger batch only the beginning is counted: a record of a million rows must not hold up the others.
MOST_PREDICTIONS = 1_000


@dataclass(slots=True)
class Delta:
    """What is to be added to one row; see `AnswerRollup`."""

    confidences: dict[int, int] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)
    numbers: list[float] = field(default_factory=list)
    errors: dict[str, list[Any]] = field(default_factory=dict)

    def merge(self, other: "Delta") -> None:
        histogram.merge(self.confidences, other.confidences)
        for label, count in other.labels.items():
            self.labels[label] = self.labels.get(label, 0) + count
        self.numbers = joined(self.numbers, other.numbers)
        for code, told in other.errors.items():
            _add_error(self.errors, code, told)


def deltas(records: Iterable[dict[str, Any]]) -> dict[Key, Delta]:
    """The sums of spool records for every resolution; a record with nothing to tell has no part in them."""
    minutes: dict[Key, Delta] = {}
    for record in records:
        confidence, code, output = record.get("confidence"), record.get("error_code"), record.get("output")
        if confidence is None and not code and output is None:
            continue
        start = int(record["at"]) // Resolution.MINUTE * Resolution.MINUTE
        key: Key = (Resolution.MINUTE.value, start, record["model_id"], record.get("version_id") or 0)
        delta = minutes.get(key)
        if delta is None:
            delta = minutes[key] = Delta()
        if confidence is not None and 0 <= confidence <= 1:
            bucket = min(CONFIDENCE_STEPS - 1, int(confidence * CONFIDENCE_STEPS))
            delta.confidences[bucket] = delta.confidences.get(bucket, 0) + 1
        if code:
            _add_error(delta.errors, code, [1, record["id"], record["at"]])
        if type(output) is dict:
            _count_answers(delta, output)
    return _with_coarser(minutes)


def _count_answers(delta: Delta, output: Mapping[str, Any]) -> None:
    predictions = output.get("predictions")
    if type(predictions) is not list:
        return
    is_classes = output.get("probabilities") is not None
    for said in predictions[:MOST_PREDICTIONS]:
        kind = type(said)
        if kind is str or kind is bool or (is_classes and (kind is int or kind is float)):
            label = said[:LONGEST_LABEL] if kind is str else str(said)
            delta.labels[label] = delta.labels.get(label, 0) + 1
        elif kind is int or kind is float:
            delta.numbers = joined(delta.numbers, [1, said, said, said])


def _with_coarser(minutes: Mapping[Key, Delta]) -> dict[Key, Delta]:
    found = dict(minutes)
    for (_, start, *rest), delta in minutes.items():
        for resolution in COARSER:
            found.setdefault((resolution, start // resolution * resolution, *rest), Delta()).merge(delta)
    return found


def joined(first: list[float], second: list[float]) -> list[float]:
    """`[count, sum, least, largest]` of both; either may be empty."""
    if not first or not second:
        return list(first or second)
    return [
        first[0] + second[0], first[1] + second[1], min(first[2], second[2]), max(first[3], second[3])
    ]  # fmt: skip


def _add_error(errors: dict[str, list[Any]], code: str, told: list[Any]) -> None:
    """Add `[count, record's id, its time]`; the latest sample stays."""
    known = errors.get(code)
    if known is None:
        errors[code] = list(told)
        return
    latest = told if told[2] >= known[2] else known
    errors[code] = [known[0] + told[0], latest[1], latest[2]]


def _apply(row: AnswerRollup, delta: Delta) -> None:
    confidences = dict(delta.confidences)
    histogram.add(confidences, row.confidences)
    row.confidences = histogram.from_counts(confidences)
    row.numbers = joined(row.numbers, delta.numbers)
    # The commonest of what is new gets the places that are left.
    for label, count in sorted(delta.labels.items(), key=lambda pair: (-pair[1], pair[0])):
        place = label if label in row.labels or len(row.labels) < MOST_LABELS else OTHERS
        row.labels[place] = row.labels.get(place, 0) + count
    for code, told in sorted(delta.errors.items(), key=lambda pair: (-pair[1][0], pair[0])):
        _add_error(row.errors, code if code in row.errors or len(row.errors) < MOST_CODES else OTHERS, told)


table = SumsTable[AnswerRollup, Delta](
    AnswerRollup, key_columns=("version_id",), sums=("confidences", "labels", "numbers", "errors"), apply=_apply
)
