"""Clearing the prediction cache of every process: the epoch moves, and each forgets what it knew in the old one."""

from django.db import transaction
from django.db.models import F

from accounts import audit
from accounts.models import User
from inference.models import CacheEpoch
from monitoring import processes
from registry import generation


def clear_everywhere(*, by: User) -> int:
    """Have every process forget its remembered predictions; returns how many answers they last said to hold.

    Processes of this host follow at once, others within GENERATION_POLL_SECONDS.
    """
    held = sum(facts.get("prediction_cache", {}).get("size", 0) for facts in processes.facts())
    with transaction.atomic():
        if not CacheEpoch.objects.filter(pk=1).update(value=F("value") + 1):
            CacheEpoch.objects.get_or_create(pk=1, defaults={"value": 1})
        transaction.on_commit(generation.signal)
        audit.record("cache.cleared", by=by, details={"answers": held})
    return held


def erase(*, subject: str, by: User) -> int:
    """What an erasure means here: no answer knows its subject, so all are forgotten."""
    return clear_everywhere(by=by)


def present_epoch() -> int:
    """The epoch in the database."""
    return CacheEpoch.objects.filter(pk=1).values_list("value", flat=True).first() or 0
