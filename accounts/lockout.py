"""Guessing passwords gets slow: attempts are counted for each account as one network tries it.

An attempt is counted before its password is looked at, under a lock: of any number of attempts at the same
moment no more than the limit reaches the password. A right password gives the attempts back. Whether the
account exists changes nothing: what counts is the name that was given. A minute without an attempt forgives
those before.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import TypeAlias

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.addresses import network_of
from accounts.errors import SignInLocked
from accounts.models import SignInAttempts

WINDOW = timedelta(seconds=60)
FORGOTTEN_AFTER = timedelta(days=1)
PRUNED_AT_ONCE = 1000

Counted: TypeAlias = str


def count(*, name: str, address: str) -> Counted:
    """Count an attempt to sign in as `name` from `address`; the result names the counter, for `forget`.

    Raises SignInLocked, whose `starts` says whether this attempt began the lock.
    """
    counter, now = _counter(name, address), timezone.now()
    with transaction.atomic():
        row = SignInAttempts.objects.select_for_update().get_or_create(
            counter=counter, defaults={"since": now, "last_at": now}
        )[0]
        wait, starts = _take(row, now)
        if wait is None:
            return counter
    raise SignInLocked(
        f"Too many wrong passwords: try again in {wait} seconds.",
        details={"retry_after_seconds": wait},
        starts=starts,
    )


def forget(counter: Counted) -> None:
    """The password was right: attempts so far and locks before no longer count."""
    SignInAttempts.objects.filter(counter=counter).delete()


def prune() -> int:
    """Delete counters nobody has touched for a day, a bounded bite; how many were deleted."""
    old = SignInAttempts.objects.filter(last_at__lt=timezone.now() - FORGOTTEN_AFTER)
    some = list(old.values_list("pk", flat=True)[:PRUNED_AT_ONCE])
    return SignInAttempts.objects.filter(pk__in=some).delete()[0] if some else 0


def _take(row: SignInAttempts, now: datetime) -> tuple[int | None, bool]:
    """Seconds to wait (None: go ahead), and whether a lock begins with this attempt."""
    if row.locked_until is not None and row.locked_until > now:
        return _seconds(row.locked_until - now), False
    if now - row.last_at > FORGOTTEN_AFTER:
        row.locks = 0
    lock_ended = row.locked_until is not None and row.since < row.locked_until
    if lock_ended or now - row.last_at > WINDOW:
        row.attempts, row.since = 0, now
    starts = row.attempts >= settings.SIGN_IN_ATTEMPTS
    wait = None
    if starts:
        lasts = timedelta(seconds=_lock_seconds(row.locks))
        row.locks, row.locked_until = row.locks + 1, now + lasts
        wait = _seconds(lasts)
    else:
        row.attempts += 1
    row.last_at = now
    row.save()
    return wait, starts


def _lock_seconds(locks_before: int) -> float:
    """Each lock is twice as long as the one before it, up to a bound."""
    first, longest = settings.SIGN_IN_LOCK_SECONDS, settings.SIGN_IN_LOCK_MAX_SECONDS
    return float(min(first * 2 ** min(locks_before, 30), longest))


def _seconds(span: timedelta) -> int:
    return max(1, -int(-span.total_seconds() // 1))


def _counter(name: str, address: str) -> str:
    """A keyed hash: the table tells nobody which names were tried, mistyped passwords among them."""
    text = f"{name.strip().casefold()}\n{network_of(address)}"
    return hmac.new(settings.SECRET_KEY.encode(), text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
