"""When something counts as drifted, as the settings say it."""

from django.conf import settings

from monitoring.drift.comparing import Thresholds


def current() -> Thresholds:
    """The platform's thresholds."""
    return Thresholds(
        psi=settings.DRIFT_PSI,
        js=settings.DRIFT_JS,
        alpha=settings.DRIFT_ALPHA,
        least_reference=settings.DRIFT_MIN_REFERENCE,
        least_rows=settings.DRIFT_MIN_ROWS,
    )
