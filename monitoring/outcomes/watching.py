"""What of a model people are asked about: the settings of its review queue."""

import math
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.models import User
from monitoring.outcomes.errors import WatchInvalid
from monitoring.outcomes.models import ModelWatch
from registry.models import RegisteredModel
from registry.services.rights import check_may_change


def of_model(model: RegisteredModel) -> ModelWatch:
    """The settings of a model; an unsaved row with none where it has none."""
    return ModelWatch.objects.filter(model=model).first() or ModelWatch(model=model)


def change(*, model: RegisteredModel, by: User, review_below: Any, review_share: Any) -> ModelWatch:
    """Ask people about predictions less confident than `review_below`, and about a share of all others; None: not.

    Raises registry's Forbidden, WatchInvalid.
    """
    check_may_change(by, model)
    below, share = _share(review_below, "review_below"), _share(review_share, "review_share")
    with transaction.atomic():
        row, _ = ModelWatch.objects.select_for_update().get_or_create(model=model)
        row.review_below, row.review_share = below, share
        row.save(update_fields=["review_below", "review_share", "changed_at"])
        details = {"review_below": below, "review_share": share}
        audit.record("model.watch_changed", by=by, target=model, details=details)
    return row


def _share(value: Any, field: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not 0 <= value <= 1:
        raise WatchInvalid(f"{field} takes a number from 0 to 1, or nothing.", field=field)
    return float(value) or None
