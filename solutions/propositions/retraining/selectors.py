"""Reading retrainings for people."""

from solutions.propositions.models import Retraining

MOST_SHOWN = 10


def newest() -> list[Retraining]:
    """The last ones, the newest first."""
    return list(Retraining.objects.select_related("version__model", "compared_with", "requested_by")[:MOST_SHOWN])
