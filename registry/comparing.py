"""Two versions side by side: what is recorded of them. No queries; `inference.comparing` adds what they answer."""

from typing import Any

from registry import metrics
from registry.models import ModelVersion

FACTS = (
    "status", "format", "runtime", "trusted", "size_bytes", "load_ms", "memory_bytes", "sha256", "created_at",
)  # fmt: skip


def facts(versions: list[ModelVersion]) -> list[dict[str, Any]]:
    """What describes each version: a line per fact with a value per version."""
    return [_line(name, [getattr(version, name) for version in versions]) for name in FACTS]


def library_versions(versions: list[ModelVersion]) -> list[dict[str, Any]]:
    """The libraries that were at work, of either version."""
    names = sorted({name for version in versions for name in version.library_versions})
    return [_line(name, [version.library_versions.get(name) for version in versions]) for name in names]


def metric_lines(versions: list[ModelVersion]) -> list[dict[str, Any]]:
    """A line per data set and metric; `change` is the second value less the first, where both are there."""
    tables = [metrics.by_dataset(version.metrics) for version in versions]
    lines = []
    for dataset, name in sorted({key for table in tables for key in table}):
        values = [table.get((dataset, name)) for table in tables]
        first, last = values[0], values[-1]
        change = None if first is None or last is None else last - first
        lines.append({**_line(name, values), "dataset": dataset, "change": change})
    return lines


def signature_lines(versions: list[ModelVersion]) -> list[dict[str, Any]]:
    """A line per input, by name, and one for each other fact of the signatures."""
    signatures = [version.signature or {} for version in versions]
    tables = [{str(entry.get("name", "")): entry for entry in one.get("inputs", [])} for one in signatures]
    names = list(dict.fromkeys(name for table in tables for name in table))
    inputs = [{**_line(name, [_shape(table.get(name)) for table in tables]), "part": "input"} for name in names]
    order = [[name for name in table if all(name in other for other in tables)] for table in tables]
    others = [
        {**_line(name, [one.get(name) for one in signatures]), "part": "signature"}
        for name in ("handler", "task", "classes", "has_probabilities", "allows_missing", "multi_output")
    ]
    return [*inputs, {**_line("order of inputs", order), "part": "signature"}, *others]


def _shape(entry: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if entry is None else {name: value for name, value in entry.items() if name != "name"}


def _line(name: str, values: list[Any]) -> dict[str, Any]:
    return {"name": name, "values": values, "same": all(value == values[0] for value in values)}
