"""How good a model's versions were: the page, its settings, and the file of what was labelled."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from monitoring.outcomes import exporting, reviewing, truth, watching
from monitoring.outcomes import quality as qualities
from monitoring.outcomes.downloads import file_of
from monitoring.outcomes.errors import WatchInvalid
from monitoring.outcomes.quality import Report, VersionQuality
from monitoring.pages import frame, quality_chart
from monitoring.pages.measure_words import measure_cell
from monitoring.pages.subject import visible_model
from registry.errors import Forbidden
from registry.models import RegisteredModel
from registry.services.rights import may_change
from registry.signed_in import person

SPANS = {7: "Last week", 30: "Last 30 days", 90: "Last 90 days", 365: "Last year"}
MOST_CLASSES = 12


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the confusion matrix; `tone` from 0 to 4 says how much of its true class it holds."""

    count: int
    tone: int
    is_right: bool


@require_GET
def quality(request: HttpRequest, name: str) -> HttpResponse:
    """Measures by version and over time."""
    model = visible_model(request, name)
    report = qualities.report(model, days=_days(request))
    return frame.page(request, "quality", f"Quality of {model.name}", context(request, model, report))


@require_POST
def watch(request: HttpRequest, name: str) -> HttpResponse:
    """Say about which predictions people are asked."""
    model = visible_model(request, name)
    try:
        watching.change(
            model=model, by=person(request), review_below=_share(request, "review_below"),
            review_share=_share(request, "review_share"),
        )  # fmt: skip
    except Forbidden as error:
        raise PermissionDenied from error
    except WatchInvalid as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "From now on these predictions are put into the queue.")
    return HttpResponseRedirect(reverse("dashboard-quality", args=[model.name]) + "#review")


@require_GET
def labelled(request: HttpRequest, name: str) -> HttpResponseBase:
    """Every labelled row as a file."""
    model = visible_model(request, name)
    format = request.GET.get("as", "csv")
    if format not in exporting.FORMATS:
        raise Http404("There is no such format.")
    try:
        return file_of(exporting.export(model=model, by=person(request), format=format), model.name, format)
    except Forbidden as error:
        raise PermissionDenied from error


def context(request: HttpRequest, model: RegisteredModel, report: Report) -> dict[str, Any]:
    """What the page shows of a report."""
    chosen = _chosen(request, report)
    return {
        "model": model,
        "report": report,
        "spans": SPANS.items(),
        "span": (report.last - report.first).days + 1,
        "lines": quality_chart.lines(report),
        "scale": quality_chart.scale_of(report),
        "ticks": quality_chart.ticks(report),
        "markers": quality_chart.markers(report),
        "table": [(version, [measure_cell(m) for m in version.whole.measures]) for version in report.versions],
        "chosen": chosen,
        "tiles": [measure_cell(measure) for measure in chosen.whole.measures] if chosen else [],
        "classes": _classes(chosen),
        "confusion": confusion(chosen),
        "days": _day_rows(report),
        "example": '{"value": 12.5}' if model.task == truth.REGRESSION else '{"label": "yes"}',
        "origin": f"{request.scheme}://{request.get_host()}",
        "watch": watching.of_model(model),
        "queue": reviewing.counts(model),
        "may_review": reviewing.may_review(person(request), model),
        "may_change": may_change(person(request), model),
    }


def _days(request: HttpRequest) -> int:
    text = request.GET.get("days", "30")
    if text not in map(str, SPANS):
        raise Http404("There is no such span.")
    return int(text)


def _share(request: HttpRequest, name: str) -> float | None:
    text = request.POST.get(name, "").strip().replace(",", ".")
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        return float("nan")  # which the service refuses by name


def _chosen(request: HttpRequest, report: Report) -> VersionQuality | None:
    """The version that is told in full: the one asked for, or the newest."""
    asked = request.GET.get("version", "")
    return next((v for v in report.versions if str(v.number) == asked), report.versions[0] if report.versions else None)


def _classes(chosen: VersionQuality | None) -> list[dict[str, Any]]:
    found = sorted(chosen.whole.classes, key=lambda one: (-one.labels, one.label)) if chosen else []
    return [
        {"one": one, "cells": [measure_cell(measure) for measure in (one.precision, one.recall, one.f1)]}
        for one in found[:100]
    ]


def confusion(chosen: VersionQuality | None) -> dict[str, Any] | None:
    """The matrix of the MOST_CLASSES most frequent classes; None without classes, or with one."""
    if chosen is None or len(chosen.whole.classes) < 2:
        return None
    ranked = sorted(chosen.whole.classes, key=lambda one: (-(one.labels + one.predicted), one.label))
    labels = sorted(one.label for one in ranked[:MOST_CLASSES])
    rows = []
    for true in labels:
        counts = [chosen.confusion.get((said, true), 0) for said in labels]
        whole = sum(count for (_, label), count in chosen.confusion.items() if label == true)
        cells = [
            Cell(count, min(4, round(4 * count / whole)) if whole else 0, said == true)
            for said, count in zip(labels, counts, strict=True)
        ]
        rows.append((true, cells))
    return {"labels": labels, "rows": rows, "more": len(ranked) - len(labels)}


def _day_rows(report: Report) -> list[dict[str, Any]]:
    """The numbers behind the chart, the newest first."""
    found = []
    for version in quality_chart.drawn(report):
        for day, one in version.days:
            measure = one.get(version.headline.name) if version.headline else None
            if measure:
                found.append({"day": day, "version": version.number, **measure_cell(measure)})
    return sorted(found, key=lambda row: (row["day"], row["version"]), reverse=True)
