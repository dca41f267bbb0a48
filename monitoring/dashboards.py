"""The dashboard: overview and per model, as a page in the admin and as the fragment that keeps it fresh."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.cache import patch_cache_control

from monitoring import charts, panels, processes, selectors, spool
from monitoring.models import Outcome, ServingProcess
from monitoring.numbers import milliseconds
from monitoring.selectors import Line, Marker, Overview, Point, Window
from registry import client_code
from registry.models import Deployment, RegisteredModel

LIVE_SECONDS = 60.0
STALE_SECONDS = 10.0
# How often an open page asks for new numbers.
REFRESH_SECONDS = {"hour": 5, "day": 10, "week": 10}
# From the bottom of the bars to their top.
SERIES = (Outcome.OK, Outcome.CACHED, Outcome.FALLBACK, Outcome.INVALID, Outcome.ERROR, Outcome.TIMEOUT)
PERCENTILES = (("p50", "p50"), ("p95", "p95"), ("p99", "p99"))


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the window as the charts show it: where it stands, and what it says, ready to be written.

    Strings throughout: a week has 168 of them, and templates are slow with numbers and dates.
    """

    x: str
    width: str
    at: str
    time: str
    requests: str
    outcomes: str
    p50: str
    p95: str
    p99: str
    mean: str
    is_empty: bool


@dataclass(frozen=True, slots=True)
class TimeTick:
    """A time below a chart, in percent of its width."""

    place: float
    at: datetime


@dataclass(frozen=True, slots=True)
class PlacedMarker:
    """A change of what is served, where it stands in the charts."""

    place: float
    marker: Marker


@dataclass(frozen=True, slots=True)
class TrafficChart:
    """Requests per step, stacked by outcome."""

    scale: charts.Scale
    bars: list[charts.Bars]
    series: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class LatencyChart:
    """Percentiles of the latency per step."""

    scale: charts.Scale
    curves: list[charts.Curve]


@dataclass(frozen=True, slots=True)
class TableLine:
    """A line of the table with its sparkline's path and where its name leads."""

    line: Line
    sparkline: str
    url: str


@dataclass(frozen=True, slots=True)
class ProcessLine:
    """A serving process as the list shows it."""

    process: ServingProcess
    models: list[str]
    failed: list[str]
    memory_bytes: int | None
    is_stale: bool


def dashboard(request: HttpRequest) -> HttpResponse:
    """All models the reader may know of."""
    return _page(request, None)


def model_dashboard(request: HttpRequest, name: str) -> HttpResponse:
    """One model, by version."""
    _require_permission(request)
    visible = RegisteredModel.objects.visible_to(request.user)
    return _page(request, get_object_or_404(visible, name=name))


def _page(request: HttpRequest, model: RegisteredModel | None) -> HttpResponse:
    _require_permission(request)
    window = request.GET.get("window", "hour")
    if window not in selectors.WINDOWS:
        raise Http404("There is no such window.")
    is_fragment = request.GET.get("fragment") == "1"
    context = _context(request, selectors.overview(window, model, request.user), model)
    if is_fragment:
        response = TemplateResponse(request, "monitoring/_dashboard.html", context)
    else:
        title = model.name if model else "Dashboard"
        shell = admin.site.each_context(request) | {"title": title, "subtitle": None}
        response = TemplateResponse(request, "monitoring/dashboard.html", shell | context)
    patch_cache_control(response, no_store=True, private=True)
    return response


def _require_permission(request: HttpRequest) -> None:
    if not request.user.has_perm("monitoring.view_predictionlog"):
        raise PermissionDenied


def _context(request: HttpRequest, overview: Overview, model: RegisteredModel | None) -> dict[str, Any]:
    return {
        "overview": overview,
        "model": model,
        "windows": list(selectors.WINDOWS.values()),
        "seconds": REFRESH_SECONDS[overview.window.name],
        "steps": _steps(overview.points),
        "time_ticks": _time_ticks(overview),
        "markers": _placed(overview),
        "traffic": _traffic(overview.points),
        "latency": _latency(overview.points),
        "table": [_table_line(line, model, overview.window) for line in overview.lines],
        "processes": [_process_line(process, overview.now) for process in processes.live(LIVE_SECONDS)],
        "backlog": spool.pending(),
        "curl": "" if overview.totals.requests else _first_call(request, model),
        "logs_url": _logs_url(model),
        "panels": panels.shown("model" if model else "overview", request, model),
    }


def _first_call(request: HttpRequest, model: RegisteredModel | None) -> str:
    """A call to paste for the model, or for any that is live; empty when nothing is."""
    visible = RegisteredModel.objects.visible_to(request.user).listed()
    live = Deployment.objects.filter(closed_at=None, model__in=visible).select_related("model", "version")
    entry = (live.filter(model=model) if model else live).order_by("activated_at").first()
    if entry is None:
        return ""
    origin = request.build_absolute_uri("/").rstrip("/")
    return client_code.curl(entry.model.name, client_code.example_call(entry.version), origin=origin)


def _steps(points: list[Point]) -> list[Step]:
    places = charts.slots(len(points))
    return [_step(x, width, point) for (x, width), point in zip(places, points, strict=True)]


def _step(x: float, width: float, point: Point) -> Step:
    sums = point.sums
    counts = [f"{o.label.lower()}: {sums.outcomes[o]:,}" for o in SERIES if sums.outcomes.get(o)]
    return Step(
        x=str(x),
        width=str(width),
        at=point.start.isoformat(),
        time=f"{point.start:%Y-%m-%d %H:%M} UTC",
        requests=f"{sums.requests:,}",
        outcomes=", ".join(counts),
        p50=milliseconds(sums.p50_ms),
        p95=milliseconds(sums.p95_ms),
        p99=milliseconds(sums.p99_ms),
        mean=milliseconds(sums.mean_ms),
        is_empty=not sums.requests,
    )


def _traffic(points: list[Point]) -> TrafficChart:
    scale = charts.count_scale(max((point.sums.requests for point in points), default=0))
    values = [[point.sums.outcomes.get(outcome, 0) for outcome in SERIES] for point in points]
    used = [(o.value, o.label) for index, o in enumerate(SERIES) if any(pieces[index] for pieces in values)]
    return TrafficChart(scale, charts.stacked_bars([o.value for o in SERIES], values, scale), used)


def _latency(points: list[Point]) -> LatencyChart:
    values = [point.sums.percentiles for point in points]
    largest = max((value for step in values for value in step if value is not None), default=0.0)
    scale = charts.value_scale(largest)
    curves = [
        charts.curve(series, [step[index] for step in values], scale) for index, (series, _) in enumerate(PERCENTILES)
    ]
    return LatencyChart(scale, curves)


def _span(overview: Overview) -> tuple[float, float]:
    first = overview.starts[0].timestamp()
    return first, overview.starts[-1].timestamp() + overview.window.resolution


def _time_ticks(overview: Overview) -> list[TimeTick]:
    """Six times at most, evenly spread."""
    every = max(1, len(overview.starts) // 6)
    first, last = _span(overview)
    return [
        TimeTick(place, at)
        for at in overview.starts[::every]
        if (place := charts.place(at.timestamp(), first, last)) is not None and place < 95
    ]


def _placed(overview: Overview) -> list[PlacedMarker]:
    first, last = _span(overview)
    return [
        PlacedMarker(place, marker)
        for marker in overview.markers
        if (place := charts.place(marker.at.timestamp(), first, last)) is not None
    ]


def _table_line(line: Line, model: RegisteredModel | None, window: Window) -> TableLine:
    url = "" if model else reverse("dashboard-model", args=[line.model_name]) + f"?window={window.name}"
    return TableLine(line, charts.sparkline(line.requests), url)


def _process_line(process: ServingProcess, now: datetime) -> ProcessLine:
    facts = process.facts
    models = [f"{item.get('model')}:{item.get('version')}" for item in facts.get("models", [])]
    silent = (now - process.heartbeat_at).total_seconds()
    return ProcessLine(process, models, sorted(facts.get("failed", {})), facts.get("rss_bytes"), silent > STALE_SECONDS)


def _logs_url(model: RegisteredModel | None) -> str:
    url = reverse("admin:monitoring_predictionlog_changelist")
    return f"{url}?model__id__exact={model.pk}" if model else url
