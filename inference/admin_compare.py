"""Two versions side by side in the admin; a POST asks both the same rows."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from inference import admin_compare_pairs as pairs
from inference import comparing
from inference.admin_shell import shell, visible_model
from monitoring import charts, selectors
from monitoring.sums import Sums
from registry.models import ModelVersion, RegisteredModel
from registry.services.rights import is_servable

_OFFERED_VERSIONS = 100
_QUANTILES = (("p50", "p50_ms"), ("p95", "p95_ms"), ("p99", "p99_ms"))


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a version did in the last week."""

    requests: int
    error_percent: float | None
    sparkline: str
    latencies: list[tuple[str, float | None, float]]  # name, milliseconds, width of its bar in percent


@require_http_methods(["GET", "HEAD", "POST"])
def compare(request: HttpRequest, pk: int) -> HttpResponse:
    """Side by side: `?first=1&second=2`, by number. Without them, what is live and the newest other version."""
    model = visible_model(request, pk)
    offered = list(model.versions.select_related("created_by", "trusted_by").order_by("-number")[:_OFFERED_VERSIONS])
    if len(offered) < 2:
        messages.info(request, "There is only one version: upload another to compare them.")
        return HttpResponseRedirect(reverse("admin:registry_registeredmodel_change", args=[model.pk]))
    first, second = _chosen(request, model, offered)
    for version in (first, second):
        version.model = model
    asked = comparing.golden_differences(first, second) if request.method == "POST" else None
    context = {
        "title": f"Compare versions of {model}",
        "model": model,
        "offered": offered,
        "first": first,
        "second": second,
        "facts": pairs.facts(first, second),
        "inputs": pairs.inputs(first, second),
        "classes": pairs.classes(first, second),
        "metrics": pairs.metrics(first, second),
        "golden": pairs.golden(first, second),
        "traffic": _traffic(request, model, [first, second]),
        "can_ask": all(is_servable(version) for version in (first, second)),
        "asked": asked,
        "examples": pairs.examples(asked["examples"]) if asked else [],
    }
    return TemplateResponse(request, "inference/compare.html", {**shell(request, model), **context})


def _chosen(
    request: HttpRequest, model: RegisteredModel, offered: list[ModelVersion]
) -> tuple[ModelVersion, ModelVersion]:
    by_number = {str(version.number): version for version in offered}
    live = model.open_deployment()
    usual = by_number.get(str(live.version.number)) if live else None
    first = by_number.get(request.GET.get("first", "")) or usual or offered[1]
    others = [version for version in offered if version != first]
    second = by_number.get(request.GET.get("second", "")) or others[0]
    return first, second if second != first else others[0]


def _traffic(request: HttpRequest, model: RegisteredModel, versions: list[ModelVersion]) -> list[Traffic] | None:
    """The last week of both, for those who may see it; None when nobody called either."""
    if not request.user.has_perm("monitoring.view_predictionlog"):
        return None
    lines = {line.label: line for line in selectors.overview("week", model, request.user).lines}
    found = [lines.get(str(version)) for version in versions]
    largest = max((line.sums.p99_ms or 0.0 for line in found if line), default=0.0)
    return [_traffic_of(line, largest) for line in found] if any(found) else None


def _traffic_of(line: selectors.Line | None, largest: float) -> Traffic:
    sums = line.sums if line else Sums()
    values = [(name, getattr(sums, field)) for name, field in _QUANTILES]
    return Traffic(
        requests=sums.requests,
        error_percent=None if sums.error_rate is None else 100 * sums.error_rate,
        sparkline=charts.sparkline(line.requests) if line else "",
        latencies=[(name, value, 100 * value / largest if value and largest else 0.0) for name, value in values],
    )
