"""The drift of a model's versions: each feature beside its reference, and its course."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from monitoring import charts
from monitoring.drift import checking, reading, references
from monitoring.drift.errors import NoReference, SpanInvalid, TooFewRows
from monitoring.drift.models import DriftCheck, DriftResult
from monitoring.drift.reading import Drift
from monitoring.pages import frame
from monitoring.pages.subject import visible_model
from registry.errors import Forbidden
from registry.models import ModelVersion, RegisteredModel
from registry.services.rights import may_change
from registry.signed_in import person

SPANS = {1: "the last day", 7: "the last 7 days", 30: "the last 30 days"}
SHOWN_VERSIONS = 20
MOST_CARDS = 60
NOTES = {
    "too_few_requests": "The window holds too few requests to say anything.",
    "inputs_not_kept": "The record policy keeps no inputs, so only predictions and confidences are compared.",
    "outputs_not_kept": "The record policy keeps no outputs, so only confidences are compared.",
    "tensors_not_profiled": "The inputs are tensors, which are not profiled: only predictions are compared.",
    "no_inputs_in_reference": "The reference was taken while inputs were not kept: take a new one.",
}
REASONS = {
    "too_few": "too few values now",
    "too_few_in_reference": "too few values in the reference",
    "missing": "the share of missing values changed",
}
STATISTICS = {"psi": "PSI", "js": "Jensen-Shannon distance"}


@dataclass(frozen=True, slots=True)
class Bar:
    """One bin or category, before and now, in percent of the picture's width."""

    label: str
    before: float
    now: float
    before_text: str
    now_text: str


@dataclass(frozen=True, slots=True)
class Card:
    """One feature."""

    result: DriftResult
    statistic: str
    value: str
    p_value: str
    alpha: str
    reason: str
    bars: list[Bar]
    facts: list[tuple[str, str]]
    course: charts.Curve | None
    threshold: float


@require_http_methods(["GET", "HEAD", "POST"])
def drift(request: HttpRequest, name: str) -> HttpResponse:
    """The page; a POST looks now, or takes a reference first."""
    model = visible_model(request, name)
    versions = list(model.versions.defer("golden", "report", "sample", "expected").order_by("-number")[:SHOWN_VERSIONS])
    version = _chosen(request, model, versions)
    if request.method == "POST":
        if version is None:
            raise Http404("There is no such version.")
        _act(request, version)
        return HttpResponseRedirect(reverse("dashboard-drift", args=[model.name]) + f"?version={version.number}")
    return frame.page(request, "drift", f"Drift of {model.name}", _context(request, model, versions, version))


def _chosen(request: HttpRequest, model: RegisteredModel, versions: list[ModelVersion]) -> ModelVersion | None:
    """The version asked for; else the live one; else the newest."""
    asked = request.GET.get("version", "")
    if asked:
        found = next((version for version in versions if str(version.number) == asked), None)
        if found is None:
            raise Http404("There is no such version.")
        return found
    return reading.live_version(model) or (versions[0] if versions else None)


def _act(request: HttpRequest, version: ModelVersion) -> None:
    by = person(request)
    try:
        if request.POST.get("action") == "reference":
            _take(request, version)
        checking.ask(version=version, by=by)
    except Forbidden as error:
        raise PermissionDenied from error
    except (NoReference, SpanInvalid, TooFewRows) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "A job looks at it now; what it finds is here in some seconds.")


def _take(request: HttpRequest, version: ModelVersion) -> None:
    text = request.POST.get("days", "")
    days = int(text) if text in map(str, SPANS) else references.USUAL_DAYS
    since = timezone.now() - timedelta(days=days)
    references.from_window(version=version, by=person(request), since=since)


def _context(
    request: HttpRequest, model: RegisteredModel, versions: list[ModelVersion], version: ModelVersion | None
) -> dict[str, Any]:
    context = {
        "model": model,
        "versions": versions,
        "version": version,
        "may_change": may_change(person(request), model),
        "spans": SPANS.items(),
    }
    if version is None:
        return context
    found = reading.of_version(version)
    cards = [card(found, result) for result in _ordered(found)[:MOST_CARDS]]
    return context | {
        "drift": found,
        "check": found.latest,
        "note": NOTES.get(found.latest.note, "") if found.latest else "",
        "cards": cards,
        "more": max(0, len(found.results) - MOST_CARDS),
        "history": _history(found.checks),
    }


def _ordered(found: Drift) -> list[DriftResult]:
    """What drifted first, then what is farthest away."""
    rank = {True: 0, False: 1, None: 2}
    return sorted(found.results, key=lambda row: (rank[row.is_drifted], -(row.value or 0.0), row.pk))


def card(found: Drift, row: DriftResult) -> Card:
    """One feature as texts and places."""
    values = found.course.get((row.role, row.feature), [])
    known = [value for value in values if value is not None]
    scale = charts.value_scale(1.1 * max([*known, row.threshold]))
    return Card(
        result=row,
        statistic=STATISTICS[row.statistic],
        value="–" if row.value is None else f"{row.value:.3f}",
        p_value="–" if row.p_value is None else f"{row.p_value:.2g}",
        alpha=f"{row.facts['alpha']:.2g}" if "alpha" in row.facts else "",
        reason=REASONS.get(row.reason, ""),
        bars=bars(row),
        facts=_facts(row),
        course=charts.curve("p50", values, scale) if len(known) > 1 else None,
        threshold=round(100.0 - scale.height(row.threshold), 3),
    )


def bars(row: DriftResult) -> list[Bar]:
    """The shares of each bin or category, drawn against the largest of them."""
    before, now = row.facts.get("reference_shares") or [], row.facts.get("shares") or []
    largest = max([*before, *now], default=0.0) or 1.0
    labels = row.facts.get("labels") or _bins(row.facts.get("edges") or [])
    return [
        Bar(
            str(label), round(100 * p / largest, 2), round(100 * q / largest, 2), f"{100 * p:.1f} %", f"{100 * q:.1f} %"
        )
        for label, p, q in zip(labels, before, now, strict=False)
    ]


_FEWEST_DIGITS, _MOST_DIGITS = 4, 9  # more would not fit beside the bars


def _bins(edges: list[float]) -> list[str]:
    """Names of the bins between edges, with the fewest digits that tell these apart; the outer ones have no end."""
    written = _written(edges, _FEWEST_DIGITS)
    for digits in range(_FEWEST_DIGITS + 1, _MOST_DIGITS + 1):
        if len(set(written)) == len(set(edges)):
            break
        written = _written(edges, digits)
    if len(edges) < 3:
        return [f"{written[0]} – {written[-1]}"] if edges else []
    inner = [f"{low} – {high}" for low, high in pairwise(written[1:-1])]
    return [f"under {written[1]}", *inner, f"from {written[-2]}"]


def _written(edges: list[float], digits: int) -> list[str]:
    return [f"{edge:.{digits}g}" for edge in edges]


def _facts(row: DriftResult) -> list[tuple[str, str]]:
    facts = row.facts
    told = []
    if "mean" in facts:
        told.append(("Mean", f"{facts['reference_mean']:.4g} → {facts['mean']:.4g}"))
        told.append(("Beyond the reference's range", f"{100 * facts['outside']:.1f} %"))
    if facts.get("unseen"):
        told.append(("In no category of the reference", f"{100 * facts['unseen']:.1f} %"))
    if facts.get("missing") or facts.get("reference_missing"):
        told.append(("Missing", f"{100 * facts['reference_missing']:.1f} → {100 * facts['missing']:.1f} %"))
    return told


def _history(checks: list[DriftCheck]) -> list[DriftCheck]:
    """The newest looks, the newest first."""
    return checks[::-1][:20]
