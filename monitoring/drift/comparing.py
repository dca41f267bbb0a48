"""A feature now beside its reference: how far apart, whether that can be chance, and the picture. Knows no database.

A feature has drifted when both hold:

- it is *far* from the reference: PSI over bins of equal parts of the reference (numbers), or the Jensen-Shannon
  distance (categories), is at least its threshold, or the share of missing values changed by at least MISSING_SHIFT;
- chance doesn't explain it: the p-value of Kolmogorov-Smirnov (numbers) or chi-square (categories, missing values) is
  below `alpha` divided by the number of features, so that a look at a version that has not changed raises a false alarm
  with a chance of at most `alpha` (Bonferroni).

The first keeps large samples from finding what doesn't matter, the second small ones from finding what isn't there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from monitoring.drift import statistics
from monitoring.drift.profile import OTHERS, Feature

MISSING_SHIFT = 0.1
SHOWN_CATEGORIES = 12


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a feature counts as drifted, and how many values it takes to say so."""

    psi: float = 0.1
    js: float = 0.1
    alpha: float = 0.01
    least_reference: int = 50
    least_rows: int = 100


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of one feature. `facts` are the other numbers and the picture:

    alpha: what the p-value has to be below; reference_missing, missing: shares; missing_p_value. Numbers: ks,
    reference_mean, mean, outside (the share beyond the reference's range), edges. Categories: labels, unseen (the share
    of values that the reference doesn't have). Both: reference_shares, shares, for the bins or labels.
    """

    role: str
    name: str
    kind: str
    statistic: str
    value: float | None
    threshold: float
    p_value: float | None
    reference_rows: int
    rows: int
    is_drifted: bool | None
    reason: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


def compare(reference: Sequence[Feature], now: Sequence[Feature], thresholds: Thresholds) -> list[Found]:
    """Every feature that both profiles have, in the order of the reference."""
    by_name = {(feature["role"], feature["name"]): feature for feature in now}
    pairs = [(old, by_name[key]) for old in reference if (key := (old["role"], old["name"])) in by_name]
    return [_compared(old, new, thresholds, len(pairs)) for old, new in pairs]


def _compared(old: Feature, new: Feature, thresholds: Thresholds, features: int) -> Found:
    is_numeric = old["kind"] == "numeric"
    threshold = thresholds.psi if is_numeric else thresholds.js
    value, p_value, facts = (_numbers if is_numeric else _categories)(old, new)
    missing = _missing(old, new)
    alpha = thresholds.alpha / max(1, features)
    is_drifted, reason = _verdict(old, new, value, p_value, missing, threshold, thresholds, alpha)
    return Found(
        role=old["role"], name=old["name"], kind=old["kind"], statistic="psi" if is_numeric else "js", value=value,
        threshold=threshold, p_value=p_value, reference_rows=old["count"] + old["missing"],
        rows=new["count"] + new["missing"], is_drifted=is_drifted, reason=reason,
        facts={"alpha": alpha, **missing, **facts},
    )  # fmt: skip


def _verdict(
    old: Feature,
    new: Feature,
    value: float | None,
    p_value: float | None,
    missing: dict[str, Any],
    threshold: float,
    thresholds: Thresholds,
    alpha: float,
) -> tuple[bool | None, str]:
    if old["count"] + old["missing"] < thresholds.least_reference:
        return None, "too_few_in_reference"
    if new["count"] + new["missing"] < thresholds.least_rows:
        return None, "too_few"
    shift = missing["missing"] - missing["reference_missing"]
    if abs(shift) >= MISSING_SHIFT and (missing["missing_p_value"] or 0.0) < alpha:
        return True, "missing"
    enough = old["count"] >= thresholds.least_reference and new["count"] >= thresholds.least_rows
    if not enough:
        return None, "too_few"
    if value is None:
        return False, ""
    # Without a p-value all of it is one category on both sides.
    return value >= threshold and p_value is not None and p_value < alpha, ""


def _missing(old: Feature, new: Feature) -> dict[str, Any]:
    def share(feature: Feature) -> float:
        rows = feature["count"] + feature["missing"]
        return feature["missing"] / rows if rows else 0.0

    p_value = None
    if old["missing"] + new["missing"] and old["count"] + old["missing"] and new["count"] + new["missing"]:
        p_value = statistics.chi_square([old["count"], old["missing"]], [new["count"], new["missing"]])
    return {"reference_missing": share(old), "missing": share(new), "missing_p_value": p_value}


def _numbers(old: Feature, new: Feature) -> tuple[float | None, float | None, dict[str, Any]]:
    before, after = old["values"], new["values"]
    if not before or not after:
        return None, None, {}
    inner = statistics.edges(before)
    bins, found = statistics.binned(before, inner), statistics.binned(after, inner)
    distance, p_value = statistics.kolmogorov_smirnov(before, after)
    outside = sum(not before[0] <= value <= before[-1] for value in after) / len(after)
    return (
        statistics.psi(bins, found),
        p_value,
        {
            "ks": distance,
            "reference_mean": sum(before) / len(before),
            "mean": sum(after) / len(after),
            "outside": outside,
            "edges": [before[0], *inner, before[-1]],
            "reference_shares": _shares(bins),
            "shares": _shares(found),
        },
    )


def _categories(old: Feature, new: Feature) -> tuple[float | None, float | None, dict[str, Any]]:
    if not old["count"] or not new["count"]:
        return None, None, {}
    labels = sorted({*old["counts"], *new["counts"]}, key=lambda label: (-old["counts"].get(label, 0), label))
    before = [old["counts"].get(label, 0) for label in labels]
    after = [new["counts"].get(label, 0) for label in labels]
    if old["others"] or new["others"]:
        labels, before, after = [*labels, OTHERS], [*before, old["others"]], [*after, new["others"]]
    known = [label in old["counts"] for label in labels]
    unseen = sum(count for count, is_known in zip(after, known, strict=True) if not is_known)
    unseen = 0 if old["others"] else unseen  # what the profile left out may have been among them
    shown, shown_before, shown_after = _shortened(labels, before, after)
    return (
        statistics.jensen_shannon(before, after),
        statistics.chi_square(before, after),
        {
            "unseen": unseen / new["count"],
            "labels": shown,
            "reference_shares": _shares(shown_before),
            "shares": _shares(shown_after),
        },
    )


def _shortened(labels: list[str], before: list[int], after: list[int]) -> tuple[list[str], list[int], list[int]]:
    """As many categories as a picture shows, the largest ones; the others together."""
    if len(labels) <= SHOWN_CATEGORIES:
        return labels, before, after
    order = sorted(range(len(labels)), key=lambda at: -(before[at] / sum(before) + after[at] / sum(after)))
    kept, rest = sorted(order[: SHOWN_CATEGORIES - 1]), order[SHOWN_CATEGORIES - 1 :]
    return (
        [*(labels[at] for at in kept), OTHERS],
        [*(before[at] for at in kept), sum(before[at] for at in rest)],
        [*(after[at] for at in kept), sum(after[at] for at in rest)],
    )


def _shares(counts: Sequence[float]) -> list[float]:
    whole = sum(counts)
    return [count / whole for count in counts] if whole else [0.0 for _ in counts]
