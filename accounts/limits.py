"""How much a caller may ask for. A plain door: middleware and any lane that bypasses it call `check`.

Who is counted how: a caller without a good credential by client address, up to RATE_LIMIT_REQUESTS; everybody else by
the owner of the credential, up to RATE_LIMIT_KEY_REQUESTS, so that many keys are worth no more than one. A key with a
rate limit of its own counts against that too; if it is above the owner's, an administrator granted it, and it counts
alone. The limit 0, of a key or of a setting, means no limit.
"""

import math
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.core.signals import setting_changed

from accounts import limit_hits
from accounts.addresses import network_of
from accounts.errors import RateLimited
from accounts.limiting.limiter import LazyLimiter, Limiter
from accounts.limiting.portions import Charges
from accounts.limiting.window import Charge, Verdict
from accounts.principal import Principal

NO_LIMIT = 0
_limiter = LazyLimiter()


class Rules(NamedTuple):
    """The settings of limits, read once: every request asks for them."""

    window: float
    of_address: int
    of_owner: int
    rows: int
    directory: Path
    redis_url: str


def _read_rules(setting: str = "RATE_LIMIT", **_: Any) -> None:
    global _rules
    if not setting.startswith("RATE_LIMIT"):
        return
    _rules = Rules(
        settings.RATE_LIMIT_WINDOW,
        settings.RATE_LIMIT_REQUESTS,
        settings.RATE_LIMIT_KEY_REQUESTS,
        settings.RATE_LIMIT_ROWS,
        settings.RATE_LIMIT_DIR,
        settings.RATE_LIMIT_REDIS_URL,
    )


_rules: Rules
_read_rules()
setting_changed.connect(_read_rules)


def check(*, principal: Principal | None, address: str) -> Verdict | None:
    """Count one request of this caller; None when no limit holds for them. Never raises."""
    if principal is None:
        group, charges = _of_address(network_of(address), _rules.of_address)
    else:
        group, charges = _of_caller(principal.user_id, principal.key_id, principal.rate_limit, _rules.of_owner)
    verdict = _hit(group, charges)
    if verdict is not None and not verdict.is_admitted:
        limit_hits.note(principal)
    return verdict


def is_near(principal: Principal) -> bool:
    """Whether `check` and `charge_rows` would decide by what this host knows, without asking Redis."""
    if not _rules.redis_url:
        return True
    if _rules.rows != NO_LIMIT and principal.rate_limit != NO_LIMIT:
        return False
    charges = _of_caller(principal.user_id, principal.key_id, principal.rate_limit, _rules.of_owner)[1]
    return not charges or _current().holds(charges)


def require(*, principal: Principal | None, address: str) -> Verdict | None:
    """`check`, but a request that may not pass raises RateLimited."""
    verdict = check(principal=principal, address=address)
    if verdict is not None and not verdict.is_admitted:
        raise refusal(verdict)
    return verdict


def charge_rows(*, principal: Principal, rows: int) -> None:
    """Count rows against RATE_LIMIT_ROWS of the owner; raises RateLimited when they don't fit."""
    limit = _rules.rows
    if limit == NO_LIMIT or principal.rate_limit == NO_LIMIT:
        return
    group = f"owner:{principal.user_id}"
    verdict = _hit(group, (Charge(f"rows:{group}", limit, rows),))
    if verdict is not None and not verdict.is_admitted:
        limit_hits.note(principal)
        raise refusal(verdict, what="rows")


def refusal(verdict: Verdict, *, what: str = "requests") -> RateLimited:
    """The error that tells of a verdict."""
    seconds = whole_seconds(verdict)
    return RateLimited(
        f"More than {verdict.limit} {what} in {_rules.window:g} seconds. Try again in {seconds} s.",
        details={
            "limit": verdict.limit,
            "window_seconds": _rules.window,
            "retry_after_seconds": seconds,
        },
    )


def whole_seconds(verdict: Verdict) -> int:
    """`reset_seconds`, never too short and never 0."""
    return max(1, math.ceil(verdict.reset_seconds))


def headers(verdict: Verdict) -> dict[str, str]:
    """What every limited answer carries."""
    return {
        "RateLimit-Limit": str(verdict.limit),
        "RateLimit-Remaining": str(verdict.remaining),
        "RateLimit-Reset": str(whole_seconds(verdict)),
    }


def facts() -> dict[str, int]:
    """What this process admitted and refused, and how often it had to do without Redis or the shared file."""
    return _current().facts()


@lru_cache(8192)
def _of_address(network: str, limit: int) -> tuple[str, Charges]:
    group = f"address:{network}"
    return group, _bounded(Charge(group, limit))


@lru_cache(8192)
def _of_caller(user_id: int, key_id: UUID | None, own: int | None, of_owner: int) -> tuple[str, Charges]:
    """What a caller's request is charged to; `own` is the limit of the key."""
    group = f"owner:{user_id}"
    if own == NO_LIMIT:
        return group, ()
    if own is None or key_id is None:
        return group, _bounded(Charge(group, of_owner))
    key_charge = Charge(f"key:{key_id}", own)
    if of_owner == NO_LIMIT or own > of_owner:
        return group, (key_charge,)
    return group, (key_charge, Charge(group, of_owner))


def _bounded(charge: Charge) -> Charges:
    return () if charge.limit == NO_LIMIT else (charge,)


def _hit(group: str, charges: Charges) -> Verdict | None:
    return _current().hit(group, charges, window=_rules.window) if charges else None


def _current() -> Limiter:
    return _limiter.get(directory=_rules.directory, redis_url=_rules.redis_url)
