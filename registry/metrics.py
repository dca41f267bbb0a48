"""Evaluation metrics of a version: name, value, and the data set on which it was measured.

They are written and read with their version only, and there are few, so they are one JSON list on its row:
`[{"name": "auc", "value": 0.93, "dataset": "test"}]`, sorted by data set and name, one entry for each pair.
"""

from typing import Any

from registry.errors import FieldInvalid

MAX_METRICS = 200
MAX_LENGTH = 100
_FIELDS = {"name", "value", "dataset"}


def normal(given: Any) -> list[dict[str, Any]]:
    """The stored form of what an uploader gave: a list of objects, or an object of names and numbers.

    Raises FieldInvalid (field `metrics`) when it is neither, names a metric twice, or holds no finite numbers.
    """
    if given is None:
        return []
    if isinstance(given, dict):
        given = [{"name": name, "value": value} for name, value in given.items()]
    if not isinstance(given, list) or len(given) > MAX_METRICS:
        raise _invalid(f"Give an object of names and numbers, or a list of at most {MAX_METRICS} metrics.")
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for index, entry in enumerate(given):
        metric = _entry(entry, index)
        key = (metric["dataset"], metric["name"])
        if key in found:
            raise _invalid(f"The metric {metric['name']!r} is given twice for one data set.", index)
        found[key] = metric
    return [found[key] for key in sorted(found)]


def _entry(entry: Any, index: int) -> dict[str, Any]:
    if not isinstance(entry, dict) or not {"name", "value"} <= set(entry) <= _FIELDS:
        raise _invalid("A metric has a name, a value and, if wanted, a dataset.", index)
    name, value, dataset = entry["name"], entry["value"], entry.get("dataset") or ""
    if not _is_word(name) or not name or not _is_word(dataset):
        raise _invalid(f"Names and data sets are texts of at most {MAX_LENGTH} characters.", index)
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < 1e300:
        raise _invalid("Give an object of names and finite numbers.", index)
    return {"name": name, "value": value, "dataset": dataset}


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_LENGTH and value.isprintable()


def _invalid(message: str, index: int | None = None) -> FieldInvalid:
    if index is None:
        return FieldInvalid(message, field="metrics")
    return FieldInvalid(message, field="metrics", index=index)


def by_dataset(metrics: list[dict[str, Any]]) -> dict[tuple[str, str], float]:
    """(data set, name) to value, of the stored form."""
    return {(metric["dataset"], metric["name"]): metric["value"] for metric in metrics}
