"""What a model's own page tells of quality, review and drift, in short."""

from typing import Any

from django.http import HttpRequest

from monitoring.drift import reading
from monitoring.outcomes import quality, reviewing
from monitoring.pages.measure_words import measure_cell
from registry.models import RegisteredModel

_TILES = 3


def quality_panel(request: HttpRequest, model: RegisteredModel) -> dict[str, Any]:
    """The newest versions' measures over the last 30 days."""
    report = quality.report(model)
    return {
        "model": model,
        "report": report,
        "versions": [
            (version, [measure_cell(measure) for measure in version.whole.measures[:_TILES]])
            for version in report.versions[:3]
        ],
        "queue": reviewing.counts(model),
        "may_review": reviewing.may_review(request.user, model),  # type: ignore[arg-type]
    }


def drift_panel(request: HttpRequest, model: RegisteredModel) -> dict[str, Any]:
    """The last look at each version."""
    return {"model": model, "checks": reading.latest_checks(model)[:5]}
