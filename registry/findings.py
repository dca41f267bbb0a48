"""What validation found out about a version, as texts and rows for a page: no HTML, no queries."""

import json
from dataclasses import dataclass
from typing import Any

from django.template.defaultfilters import filesizeformat

from accounts.moments import shown as moment
from registry.models import Format, ModelVersion

KINDS = {"float32": "number", "float64": "number", "int64": "whole number", "string": "text", "bool": "true or false"}
_SHOWN_CHOICES = 12
_SHOWN_GOLDEN = 20
_SHOWN_COLUMNS = 8
_LONGEST_CELL = 60
_PROOF_LABELS = {
    "passed": "Answers as the original",
    "rows": "Rows compared",
    "label_mismatches": "Different labels",
    "ties": "Ties decided by rounding",
    "max_difference": "Largest difference",
    "row": "In row",
    "tolerance": "Tolerance",
}


@dataclass(frozen=True, slots=True)
class SignatureRow:
    """One thing a client sends."""

    name: str
    kind: str
    dtype: str
    shape: str
    choices: list[str]
    more_choices: int


@dataclass(frozen=True, slots=True)
class Golden:
    """Rows with the answers that must come back, the first of them. Without `names`, each row is one cell."""

    names: list[str]
    rows: list[tuple[list[str], str]]
    more: int = 0


def signature_rows(signature: dict[str, Any] | None) -> list[SignatureRow]:
    """The inputs of a stored signature. A cell is shown as "one value", a tensor with its sizes."""
    return [_signature_row(entry) for entry in (signature or {}).get("inputs", [])]


def _signature_row(entry: dict[str, Any]) -> SignatureRow:
    sizes = entry.get("shape", [])[1:]
    dtype = str(entry.get("dtype", ""))
    choices = [str(choice) for choice in entry.get("one_of") or ()]
    return SignatureRow(
        name=str(entry.get("name", "")),
        kind=KINDS.get(dtype, dtype),
        dtype=dtype,
        shape=" × ".join("any" if size == -1 else str(size) for size in sizes) or "one value",
        choices=choices[:_SHOWN_CHOICES],
        more_choices=max(0, len(choices) - _SHOWN_CHOICES),
    )


def proof(parity: Any) -> list[tuple[str, str]]:
    """What the comparison with the original found, as (label, text): the plain values it holds."""
    if not isinstance(parity, dict):
        return []
    return [
        (_PROOF_LABELS.get(key) or str(key).replace("_", " ").capitalize(), _plain(value))
        for key, value in parity.items()
        if not isinstance(value, dict | list) and value not in (None, "")
    ]


def tolerance_used(parity: Any) -> float | None:
    """How much of the tolerance the largest difference takes up, in percent; None when nothing was compared."""
    if not isinstance(parity, dict):
        return None
    difference, tolerance = parity.get("max_difference"), parity.get("tolerance")
    if not isinstance(difference, int | float) or not isinstance(tolerance, int | float) or tolerance <= 0:
        return None
    return min(100.0, 100.0 * difference / tolerance)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def costs(version: ModelVersion) -> list[tuple[str, str]]:
    """What the version takes to serve, beside what the original took, as (label, text)."""
    native = (version.report or {}).get("native") or {}
    found = [
        ("Served by", runtime(version)),
        ("File", filesizeformat(version.size_bytes)),
        ("Loads in", _with_original(version.load_ms, native.get("load_ms"), _milliseconds)),
        ("Memory", _with_original(version.memory_bytes, native.get("memory_bytes"), filesizeformat)),
    ]
    return [(label, text) for label, text in found if text]


def _with_original(served: Any, original: Any, words: Any) -> str:
    if served is None:
        return ""
    return f"{words(served)} (the original: {words(original)})" if original else str(words(served))


def _milliseconds(value: float) -> str:
    return f"{value:,.0f} ms" if value >= 10 else f"{value:.1f} ms"


def explanation(version: ModelVersion) -> list[tuple[str, str]]:
    """Whether and how the version's answers are explained, as (label, text); empty before its validation."""
    told = version.explanation or {}
    if "method" in told:
        method = _METHODS.get(told["method"], told["method"])
        found = [("Method", method), ("Unit", told.get("unit", "")), ("Baseline", told.get("baseline", ""))]
        return [(label, text) for label, text in found if text]
    if told.get("message"):
        return [("None", told["message"])]
    if version.validated_at is None:
        return []
    return [("None", "It was validated before explanations were prepared. Upload the file again to get them.")]


_METHODS = {
    "linear": "weights of the columns, exact",
    "tree_shap": "TreeSHAP, exact",
    "linear_text": "weights of the words, exact",
}


def lineage(version: ModelVersion) -> list[tuple[str, Any]]:
    """Where the version comes from, as (label, value); what isn't known is left out."""
    report = version.report or {}
    found = [
        ("Uploaded by", version.created_by.email),
        ("Uploaded", moment(version.created_at)),
        ("From the file", version.original_name),
        ("Format", format_label(version)),
        ("Estimator", report.get("estimator")),
        ("Saved with", _packages(report.get("trained_with")) or report.get("saved_with")),
        ("Mind", " ".join(report.get("warnings") or ())),
        ("Validated", moment(version.validated_at)),
        ("File last checked", moment(version.checked_at)),
        ("Opened behind", ", ".join(report.get("layers") or ())),
        ("Trusted by", version.trusted_by.email if version.trusted_by else None),
        ("Trusted", moment(version.trusted_at)),
    ]
    return [(label, value) for label, value in found if value]


def _packages(versions: Any) -> str:
    return ", ".join(f"{package} {version}" for package, version in (versions or {}).items())


def format_label(version: ModelVersion) -> str:
    """The format's name for people."""
    return Format(version.format).label if version.format in Format.values else version.format


def runtime(version: ModelVersion) -> str:
    """What runs the version, in words; empty before it is ready."""
    if version.runtime == "onnx":
        return "ONNX Runtime, compiled from the original" if version.compiled else "ONNX Runtime"
    if version.runtime == "linear_text":
        return "The platform's own text form, compiled from the original"
    return f"{version.runtime}, natively (trusted)" if version.runtime else ""


def golden(version: ModelVersion) -> Golden | None:
    """The golden answers as a table; None when there are none."""
    kept = version.golden or {}
    rows, said = kept.get("instances"), kept.get("predictions")
    if not isinstance(rows, list) or not isinstance(said, list):
        return None
    more, rows = max(0, len(rows) - _SHOWN_GOLDEN), rows[:_SHOWN_GOLDEN]
    names = [row.name for row in signature_rows(version.signature)]
    in_columns = len(names) <= _SHOWN_COLUMNS and all(_fits(row, names) for row in rows)
    return Golden(
        names if in_columns else [],
        [
            ([cell(value) for value in _cells(row, names)] if in_columns else [cell(row)], cell(answer))
            for row, answer in zip(rows, said, strict=False)
        ],
        more,
    )


def _fits(row: Any, names: list[str]) -> bool:
    return set(row) == set(names) if isinstance(row, dict) else isinstance(row, list) and len(row) == len(names)


def _cells(row: Any, names: list[str]) -> list[Any]:
    return [row[name] for name in names] if isinstance(row, dict) else row


def cell(value: Any, *, longest: int = _LONGEST_CELL) -> str:
    """A value as it stands in a table: rounded, and cut when it is long."""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= longest else text[: longest - 1] + "…"
