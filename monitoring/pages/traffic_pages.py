"""The overview of all models, and the page of one."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from monitoring import answers, charts, fleet, panels, selectors, spool
from monitoring.filters import Filters
from monitoring.pages import choosing, distributions, frame, pictures, time_charts
from monitoring.selectors import Line, Overview
from registry import client_code
from registry.models import Deployment, RegisteredModel
from registry.serving import LoadPolicy

_SHOWN_LIVE = 50


@dataclass(frozen=True, slots=True)
class TableLine:
    """A line of the table with its sparkline's path and where its name leads."""

    line: Line
    sparkline: str
    url: str


@dataclass(frozen=True, slots=True)
class LiveLine:
    """A version that is live, and how many processes hold it."""

    entry: Deployment
    loaded_in: int


@frame.reads()
def dashboard(request: HttpRequest, filters: Filters) -> HttpResponse:
    """All models the reader may know of."""
    filters = filters.only(version=None)
    overview = selectors.filtered(filters, None, request.user)
    names = _visible_names(request)
    held = fleet.read(names, filters.now)
    context = _shared(request, filters, overview, None) | {
        "fleet": held,
        "backlog": spool.pending(),
        **_live(request, held),
        "charts": [time_charts.traffic(overview), time_charts.latency(overview)],
        "panels": panels.shown("overview", request),
    }
    return frame.answer(request, "dashboard", "Dashboard", context, here="dashboard")


@frame.reads()
def model_dashboard(request: HttpRequest, filters: Filters, name: str) -> HttpResponse:
    """One model, by version."""
    model = get_object_or_404(RegisteredModel.objects.visible_to(request.user), name=name)
    overview = selectors.filtered(filters, model, request.user)
    # These are not counted by client and outcome.
    told = None if filters.client or filters.outcome else answers.of_model(model, filters.span, version=filters.version)
    context = _shared(request, filters, overview, model) | {
        "answers": told,
        "charts": _model_charts(overview, told),
        "panels": panels.shown("model", request, model),
    }
    return frame.answer(request, "model", model.name, context)


def _model_charts(overview: Overview, told: answers.Answers | None) -> list[pictures.Chart]:
    found = [
        time_charts.traffic(overview),
        time_charts.latency(overview),
        time_charts.versions(overview),
        distributions.latencies(overview.totals),
    ]
    if told is not None:
        found += [
            time_charts.classes(overview, told),
            distributions.confidences(told),
            time_charts.numbers(overview, told),
        ]
    return [chart for chart in [*found, time_charts.cache(overview)] if chart is not None]


def _shared(
    request: HttpRequest, filters: Filters, overview: Overview, model: RegisteredModel | None
) -> dict[str, Any]:
    context = {
        "filters": filters,
        "overview": overview,
        "model": model,
        "time_ticks": pictures.time_ticks(filters.span),
        "markers": pictures.placed(overview.markers, filters.span),
        "table": [_table_line(line, model, filters) for line in overview.lines],
        "curl": "" if overview.totals.requests else _first_call(request, model),
        "predictions_url": reverse("predictions") + filters.address(model=model.name if model else None),
        "clients_url": reverse("dashboard-clients") + filters.address(model=None, version=None, client=None),
    }
    return context if frame.is_fragment(request) else context | choosing.bar(filters, request.user, model=model)


def _table_line(line: Line, model: RegisteredModel | None, filters: Filters) -> TableLine:
    if model is None:
        url = reverse("dashboard-model", args=[line.model_name]) + filters.address()
    else:
        number = line.label.rpartition(":")[2]
        url = filters.address(version=number) if number.isdigit() else ""
    return TableLine(line, charts.sparkline(line.requests), url)


def _visible_names(request: HttpRequest) -> frozenset[str]:
    return frozenset(RegisteredModel.objects.visible_to(request.user).values_list("name", flat=True))


def _live(request: HttpRequest, held: fleet.Fleet) -> dict[str, Any]:
    """The versions that are live, of the models that the reader may know of; many are counted and not all listed."""
    visible = RegisteredModel.objects.visible_to(request.user).listed()
    live = Deployment.objects.filter(closed_at=None, model__in=visible)
    entries = (
        live.select_related("model", "version", "by")
        .only("activated_at", "model__name", "model__load_policy", "by__email", "version__number")
        .order_by("model__name")[:_SHOWN_LIVE]
    )
    loaded = held.loaded_in()
    lines = [LiveLine(entry, loaded[f"{entry.model.name}:{entry.version.number}"]) for entry in entries]
    return {
        "live": lines,
        "live_count": len(lines) if len(lines) < _SHOWN_LIVE else live.count(),
        "unloaded": sum(
            line.loaded_in < len(held.processes) for line in lines if line.entry.model.load_policy == LoadPolicy.PRELOAD
        ),
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
