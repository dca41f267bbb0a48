"""Who may read which feedback."""

from collections.abc import Collection

from django.db.models import Q, QuerySet

from accounts.models import User
from monitoring import rights
from monitoring.outcomes.models import Feedback
from registry import selectors

# What a list doesn't show of a version.
_DOCUMENTS = tuple(
    f"version__{name}"
    for name in (*selectors.DETAILS, "signature", "parity", "library_versions", "progress", "metrics")
)


def visible(user: User, model_names: Collection[str] | None = None) -> QuerySet[Feedback]:
    """Feedback that `user` gave or that is about a model of theirs; who may read everybody's data sees all.

    With `model_names` (of a credential that is limited to models) only what is about those.
    """
    rows = Feedback.objects.select_related("model", "version", "by").defer(*_DOCUMENTS)
    if not user.has_perm(rights.READ_DATA):
        rows = rows.filter(Q(by=user) | Q(model__owner=user))
    return rows if model_names is None else rows.filter(model__name__in=model_names)
