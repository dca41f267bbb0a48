"""What was answered, summed up by minute and version: confidences, classes, numbers, and errors with a sample."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from monitoring import histogram
from monitoring.rollups import Record
from monitoring.sum_models import AnswerRollup
from monitoring.sums_table import Key, SumsTable

CONFIDENCE_STEPS = 20
"""A confidence c (0 to 1) is counted in bucket int(20 c); 1 belongs to the last one."""
MOST_LABELS = 40
LONGEST_LABEL = 80
MOST_CODES = 30
OTHERS = ""
# Resolution, start, model and version.
_KEY = 4
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


def minutes(groups: Mapping[Key, list[Record]]) -> dict[Key, Delta]:
    """The sums of `rollups.grouped` records; a record with nothing to tell has no part in them."""
    found: dict[Key, Delta] = {}
    for key, records in groups.items():
        told = _told(records)
        if told is not None:
            found.setdefault(key[:_KEY], Delta()).merge(told)
    return found


def _told(records: list[Record]) -> Delta | None:
    """The sums of a group; None when none of it tells anything."""
    confidences = [value for record in records if (value := record["confidence"]) is not None]
    outputs = [value for record in records if (value := record.get("output")) is not None]
    failed = [record for record in records if record["error_code"]]
    if not (confidences or outputs or failed):
        return None
    errors: dict[str, list[Any]] = {}
    for record in failed:
        _add_error(errors, record["error_code"], [1, record["id"], record["at"]])
    labels, numbers = _answers(outputs)
    return Delta(
        _steps(confidences),
        Counter(labels),
        [len(numbers), sum(numbers), min(numbers), max(numbers)] if numbers else [],
        errors,
    )


def _steps(confidences: list[float]) -> dict[int, int]:
    counts = Counter([int(value * CONFIDENCE_STEPS) for value in confidences if 0 <= value <= 1])
    whole = counts.pop(CONFIDENCE_STEPS, 0)
    if whole:
        counts[CONFIDENCE_STEPS - 1] += whole
    return counts


def _answers(outputs: list[Any]) -> tuple[list[str], list[float]]:
    """The classes that were predicted, and the numbers."""
    labels: list[str] = []
    numbers: list[float] = []
    for output in outputs:
        predictions = output.get("predictions") if type(output) is dict else None
        if type(predictions) is not list:
            continue
        is_classes = output.get("probabilities") is not None
        for said in predictions[:MOST_PREDICTIONS]:
            kind = type(said)
            if kind is str:
                labels.append(said[:LONGEST_LABEL])
            elif kind is bool or (is_classes and (kind is int or kind is float)):
                labels.append(str(said))
            elif kind is int or kind is float:
                numbers.append(said)
    return labels, numbers


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


def _apply(rows: Sequence[AnswerRollup], deltas: Sequence[Delta]) -> None:
    for row, delta in zip(rows, deltas, strict=True):
        _add_to(row, delta)


def _add_to(row: AnswerRollup, delta: Delta) -> None:
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
