"""Rows as a queue: a runner claims a row for a while, keeps its claim alive, and lets go of it.

A lease that runs out is anybody's again, so a killed runner leaves nothing stuck. Every claim draws a new token, and
what a runner writes at the end depends on its token, so a runner that was given up for dead can't write a second time.
"""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Self

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone


class LeaseLost(Exception):
    """The row was claimed by another runner meanwhile; what this one did must be dropped."""


class Leased(models.Model):
    """Columns of a row that background jobs may claim."""

    lease_token = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    not_before = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True

    @classmethod
    def claimable(cls) -> Q:
        """Rows nobody holds and whose back-off has passed."""
        now = timezone.now()
        free = Q(lease_until=None) | Q(lease_until__lt=now)
        return free & (Q(not_before=None) | Q(not_before__lte=now))

    @classmethod
    def claim_one(cls, candidates: models.QuerySet[Self], *, seconds: float, **changes: Any) -> Self | None:
        """Claim the first of `candidates` that is free for `seconds`, or None. `changes` are set with the claim."""
        with transaction.atomic():
            row = candidates.filter(cls.claimable()).select_for_update(skip_locked=_can_skip_locked()).first()
            if row is None:
                return None
            row.lease_token = uuid.uuid4()
            row.lease_until = timezone.now() + timedelta(seconds=seconds)
            row.attempts += 1
            for name, value in changes.items():
                setattr(row, name, value)
            row.save(update_fields=["lease_token", "lease_until", "attempts", *changes])
        return row

    def renew(self, *, seconds: float) -> bool:
        """Keep the claim for another `seconds`; False when it was lost."""
        until = timezone.now() + timedelta(seconds=seconds)
        return bool(self._mine().update(lease_until=until))

    def release(self, *, delay: float = 0.0, counts: bool = True, **changes: Any) -> None:
        """Give the claim back; the row may be claimed again after `delay` seconds. `changes` are set with it.

        `counts` False: it was no fault of the work, so the attempt isn't held against it.
        """
        attempts = self.attempts if counts else self.attempts - 1
        not_before = timezone.now() + timedelta(seconds=delay)
        self._mine().update(lease_token=None, lease_until=None, not_before=not_before, attempts=attempts, **changes)

    def finish(self, write: Callable[[Self], None]) -> Self:
        """Lock the row, check that the claim is still ours, let `write` change and save it, and end the claim.

        Raises LeaseLost when another runner holds the row.
        """
        with transaction.atomic():
            row = self._mine().select_for_update(no_key=True).first()
            if row is None:
                raise LeaseLost
            row.lease_token = None
            row.lease_until = None
            row.save(update_fields=["lease_token", "lease_until"])
            write(row)
        return row

    def _mine(self) -> models.QuerySet[Self]:
        return type(self)._default_manager.filter(pk=self.pk, lease_token=self.lease_token)


def _can_skip_locked() -> bool:
    return transaction.get_connection().features.has_select_for_update_skip_locked
