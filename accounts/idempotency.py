"""Calls that are safe to repeat: an Idempotency-Key has the first call's answer given again instead of acting twice.

A key belongs to one caller, method and path. The row is written before the call acts and holds its answer afterwards,
for a day. Where a call is one transaction, the answer is committed with what it did; other calls `keep` a first answer
in the transaction that matters. So a process that dies leaves either an answer or nothing done, and a row without an
answer is free again once its time is over.
"""

import hashlib
import re
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.errors import IdempotencyInProgress, IdempotencyKeyInvalid, IdempotencyKeyReused
from accounts.models import IdempotentCall

KEPT = timedelta(hours=24)
_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_BITE = 1000


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller was told: a status, headers, and the body's JSON (empty: no body)."""

    status: int
    body: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Any:
        return orjson.loads(self.body) if self.body else None


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to act on a key, and to write its answer."""

    pk: int
    token: uuid.UUID

    def keep(self, answer: Answer) -> None:
        """Write the answer down, in the transaction that is open now, if there is one."""
        IdempotentCall.objects.filter(pk=self.pk, token=self.token).update(
            status=answer.status, headers=answer.headers, body=answer.body
        )

    def release(self) -> None:
        """Nothing was done: let the key be used again. An answer that was kept stays."""
        IdempotentCall.objects.filter(pk=self.pk, token=self.token, status=None).delete()

    def has_answer(self) -> bool:
        """Whether an answer was kept."""
        return IdempotentCall.objects.filter(pk=self.pk, token=self.token).exclude(status=None).exists()


def begin(*, caller: str, method: str, path: str, key: str, fingerprint: str, seconds: float) -> Claim | Answer:
    """The right to act for `seconds`, or the answer of the call that acted.

    Raises IdempotencyKeyInvalid, IdempotencyKeyReused (another fingerprint), IdempotencyInProgress.
    """
    if not _KEY.fullmatch(key):
        raise IdempotencyKeyInvalid("An Idempotency-Key is 1 to 255 visible ASCII characters.")
    scope = hashlib.sha256(orjson.dumps([caller, method, path, key])).hexdigest()
    while True:
        now, token = timezone.now(), uuid.uuid4()
        facts = {"fingerprint": fingerprint, "token": token, "locked_until": now + timedelta(seconds=seconds)}
        try:
            with transaction.atomic():
                return Claim(IdempotentCall.objects.create(scope=scope, created_at=now, **facts).pk, token)
        except IntegrityError:
            known = IdempotentCall.objects.filter(scope=scope).first()
        if known is None:
            continue
        if (answer := _answer_of(known, fingerprint, now)) is not None:
            return answer
        # Too old, or given up: taken over by whoever changes the token first.
        fresh = {**facts, "created_at": now, "status": None, "headers": {}, "body": ""}
        if IdempotentCall.objects.filter(pk=known.pk, token=known.token).update(**fresh):
            return Claim(known.pk, token)


def _answer_of(known: IdempotentCall, fingerprint: str, now: datetime) -> Answer | None:
    """The answer kept; None when the key may be used again."""
    if known.created_at < now - KEPT:
        return None
    if known.fingerprint != fingerprint:
        raise IdempotencyKeyReused("This Idempotency-Key came with another request before: use a new one.")
    if known.status is not None:
        return Answer(known.status, known.body, known.headers)
    if known.locked_until > now:
        raise IdempotencyInProgress(
            "The first request with this Idempotency-Key is still being worked on.", details={"retry_after_seconds": 1}
        )
    return None


def prune() -> int:
    """Forget a bite of what is older than a day; returns how many."""
    old = IdempotentCall.objects.filter(created_at__lt=timezone.now() - KEPT).values_list("pk", flat=True)
    return IdempotentCall.objects.filter(pk__in=list(old[:_BITE])).delete()[0]
