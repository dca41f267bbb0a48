"""Two versions of a model as the compare page tells them: pairs of texts, no queries."""

from dataclasses import dataclass
from typing import Any

from registry import findings
from registry.metrics import by_dataset
from registry.models import ModelVersion


@dataclass(frozen=True, slots=True)
class Pair:
    """One thing as both versions have it; empty where one lacks it."""

    label: str
    first: str
    second: str
    note: str = ""

    @property
    def differs(self) -> bool:
        return self.first != self.second


def facts(first: ModelVersion, second: ModelVersion) -> list[Pair]:
    """What they are and what they cost."""
    told = [_facts(version) for version in (first, second)]
    return [Pair(label, told[0][label], told[1][label]) for label in told[0] if told[0][label] or told[1][label]]


def _facts(version: ModelVersion) -> dict[str, str]:
    costs = dict(findings.costs(version))
    parity = version.parity or {}
    return {
        "Status": version.get_status_display(),
        "Estimator": str((version.report or {}).get("estimator") or ""),
        "Format": findings.format_label(version),
        **{label: costs.get(label, "") for label in ("Served by", "File", "Loads in", "Memory")},
        "Difference to the original": "" if (found := parity.get("max_difference")) is None else f"{found:.3g}",
        "Uploaded by": version.created_by.email,
        "Tags": ", ".join(version.tags),
    }


def inputs(first: ModelVersion, second: ModelVersion) -> list[Pair]:
    """What clients send, by name, in the order of the second version; then what only the first one takes."""
    told = [_inputs(version) for version in (first, second)]
    names = [*told[1], *(name for name in told[0] if name not in told[1])]
    return [Pair(name, told[0].get(name, ""), told[1].get(name, "")) for name in names]


def _inputs(version: ModelVersion) -> dict[str, str]:
    return {row.name: f"{at}: {_words(row)}" for at, row in enumerate(findings.signature_rows(version.signature))}


def _words(row: findings.SignatureRow) -> str:
    shape = "" if row.shape == "one value" else f", {row.shape}"
    more = f" and {row.more_choices} more" if row.more_choices else ""
    return f"one of {', '.join(row.choices)}{more}" if row.choices else f"{row.kind} ({row.dtype}){shape}"


def classes(first: ModelVersion, second: ModelVersion) -> list[Pair]:
    """The labels that only one of them knows."""
    told = [[str(label) for label in (version.signature or {}).get("classes") or ()] for version in (first, second)]
    known = list(dict.fromkeys([*told[0], *told[1]]))
    pairs = [Pair(label, "yes" if label in told[0] else "", "yes" if label in told[1] else "") for label in known]
    return [pair for pair in pairs if pair.differs]


def metrics(first: ModelVersion, second: ModelVersion) -> list[Pair]:
    """Their evaluation metrics; the note says how far the second is from the first."""
    told = [by_dataset(version.metrics) for version in (first, second)]
    return [_metric(key, told[0].get(key), told[1].get(key)) for key in sorted({*told[0], *told[1]})]


def _metric(key: tuple[str, str], first: float | None, second: float | None) -> Pair:
    dataset, name = key
    change = "" if first is None or second is None or first == second else f"{second - first:+.4g}"
    return Pair(f"{name} ({dataset})" if dataset else name, _number(first), _number(second), change)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def golden(first: ModelVersion, second: ModelVersion) -> list[Pair]:
    """What both answered, at their validations, to the golden rows they share."""
    told = [_golden(version) for version in (first, second)]
    return [Pair(row, answer, told[1][row]) for row, answer in told[0].items() if row in told[1]]


def _golden(version: ModelVersion) -> dict[str, str]:
    kept = version.golden or {}
    rows, said = kept.get("instances") or [], kept.get("predictions") or []
    return {findings.cell(row, longest=2_000): findings.cell(answer) for row, answer in zip(rows, said, strict=False)}


def examples(found: list[dict[str, Any]]) -> list[Pair]:
    """Rows that both answer differently, as `comparing.golden_differences` names them."""
    return [
        Pair(findings.cell(entry["instance"]), *(findings.cell(said) for said in entry["predictions"]))
        for entry in found
    ]
