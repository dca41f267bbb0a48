"""What users did and what is said of them goes: when it was kept long enough, and when a subject is erased.

Counts of propositions stay in both cases: they tell of nobody.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, F, Max, OuterRef, QuerySet
from django.utils import timezone

from accounts.models import User
from solutions.propositions.models import Counting, Interaction, PropositionCount, UserFeatures

BITE = 2_000
"""Rows deleted in one transaction: on SQLite nobody else can write meanwhile."""


def prune(*, now: datetime | None = None) -> int:
    """Forget a bite of what is older than PROPOSITIONS_KEEP_DAYS (0: nothing); how many rows went.

    What was said last of a user stays as long as something is known that the user did.
    """
    if not settings.PROPOSITIONS_KEEP_DAYS:
        return 0
    before = (now or timezone.now()) - timedelta(days=settings.PROPOSITIONS_KEEP_DAYS)
    return sum(
        _delete_some(rows)
        for rows in (Interaction.objects.filter(recorded_at__lt=before), _unsaid(before), _outdated_counts(before))
    )


def erase(*, subject: str, by: User) -> int:
    """What an erasure means here: all that this user did, and all that was said of them, is deleted. Lists that are
    remembered are forgotten, as they name reasons. How many rows went."""
    gone = 0
    for rows in (Interaction.objects.filter(user_id=subject), UserFeatures.objects.filter(user_id=subject)):
        while some := _delete_some(rows):
            gone += some
    Counting.objects.filter(pk=1).update(epoch=F("epoch") + 1)
    return gone


def _unsaid(before: datetime) -> "QuerySet[UserFeatures]":
    of_user = UserFeatures.objects.filter(user_id=OuterRef("user_id"), pk__gt=OuterRef("pk"))
    did = Interaction.objects.filter(user_id=OuterRef("user_id"))
    old = UserFeatures.objects.filter(recorded_at__lt=before)
    return old.filter(Exists(of_user) | ~Exists(did))


def _outdated_counts(before: datetime) -> "QuerySet[PropositionCount]":
    """All but the last of each proposition: that one held at `before`."""
    old = PropositionCount.objects.filter(known_at__lt=before)
    held = old.order_by().values("proposition_id").annotate(last=Max("id")).values("last")
    return old.exclude(pk__in=held)


def _delete_some(rows: "QuerySet[Any]") -> int:
    ids = list(rows.order_by("pk").values_list("pk", flat=True)[:BITE])
    return int(rows.model._default_manager.filter(pk__in=ids).delete()[0]) if ids else 0
