"""What the admin's start page shows: what is live, and what needs somebody's eye."""

from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef

from accounts.models import User
from inference import validation
from registry import presentation, selectors
from registry.models import Deployment, ModelVersion, RegisteredModel, Status

_SHOWN_LIVE = 20
_SHOWN_RECENT = 5
_SHOWN_DAMAGED = 20


def overview(user: User) -> dict[str, Any]:
    """The context of the start page, in a constant number of queries."""
    visible = RegisteredModel.objects.visible_to(user).listed()
    live = Deployment.objects.filter(closed_at=None, model__in=visible).select_related("model", "version", "by")
    open_entry = Deployment.objects.filter(version=OuterRef("pk"), closed_at=None)
    unsettled = ModelVersion.objects.filter(
        model__in=visible, status__in=[Status.PENDING, Status.VALIDATING, Status.FAILED, Status.READY]
    ).filter(~Exists(open_entry))
    recent = unsettled.select_related("model").order_by("-pk")[:_SHOWN_RECENT]
    return {
        "live_entries": live.order_by("model__name")[:_SHOWN_LIVE],
        "live_count": live.count(),
        "models_count": visible.count(),
        "recent_versions": [(version, presentation.TONES[Status(version.status)]) for version in recent],
        "may_upload": user.has_perm("registry.upload_model"),
        "may_see_dashboard": user.has_perm("monitoring.view_predictionlog"),
        "docs_public": settings.DOCS_PUBLIC,
        "damaged_versions": selectors.damaged_versions().filter(model__in=visible)[:_SHOWN_DAMAGED],
        "missing_layers": sorted(name for name, holds in validation.sandbox_layers().items() if not holds),
    }
