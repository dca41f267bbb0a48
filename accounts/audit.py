"""The audit trail: who did what to what, from where, in the order in which it happened.

`record` is the one door. Each event carries a hash of itself and of the event before it, and a row beside the
trail knows the last number and hash: a row that was changed, left out, put in or cut off at the end is found by
`verify`. An event is written in the transaction of what it tells of: neither is there without the other.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import orjson
from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from accounts import origin, redaction
from accounts.models import AuditEvent, AuditHead, User

FIRST_HASH = "0" * 64
MAX_TEXT_LENGTH = 500
MAX_ITEMS = 100
_ACTION = re.compile(r"[a-z_]+\.[a-z_]+", re.ASCII)
_SECRET_NAMES = ("password", "secret", "token", "hash", "refresh", "access")
_FIELDS = (
    "number", "at", "action", "actor_id", "actor", "key", "target_type", "target_id", "target_name",
    "address", "request_id", "details", "previous_hash",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `verify` found: how many events hold together, the last one's hash, and the first that is wrong."""

    count: int
    head: str
    first_bad: int | None = None
    reason: str = ""


def record(
    action: str, *, by: User | None, target: Model | None = None, details: Mapping[str, Any] | None = None
) -> AuditEvent:
    """Append an event. `action` reads `thing.done`; `details` are plain values and hold no secrets.

    Locks the trail until the transaction around it ends: call it last, after every other lock is taken.
    """
    if not _ACTION.fullmatch(action):
        raise ValueError(f"An action reads thing.done, not {action!r}.")
    where = origin.current()
    with transaction.atomic():
        head = _locked_head()
        event = AuditEvent(
            number=head.number + 1,
            at=timezone.now(),
            action=action,
            actor_id=by.pk if by else None,
            actor=_text(by.email if by else "")[:254],
            key=_text(where.key)[:100],
            target_type=target._meta.label_lower if target is not None else "",
            target_id=str(target.pk)[:64] if target is not None else "",
            target_name=_text(str(target))[:255] if target is not None else "",
            address=where.address[:64],
            request_id=_text(where.request_id)[:64],
            details=_plain(details or {}),
            previous_hash=head.hash,
        )
        event.hash = hash_of(event)
        event.save(force_insert=True)
        AuditHead.objects.filter(pk=head.pk).update(number=event.number, hash=event.hash)
    return event


def hash_of(event: AuditEvent) -> str:
    """SHA-256 of everything an event says, the hash of the event before it included."""
    values = {name: getattr(event, name) for name in _FIELDS}
    values["at"] = event.at.astimezone(UTC).isoformat(timespec="microseconds")
    return hashlib.sha256(orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).hexdigest()


def verify() -> Verdict:
    """Read the whole trail and say where it stops holding together, if it does."""
    count, last = 0, FIRST_HASH
    with transaction.atomic():
        head = _locked_head()
        beyond = AuditEvent.objects.filter(number__gt=head.number).order_by("number").first()
    for event in AuditEvent.objects.filter(number__lte=head.number).order_by("number").iterator():
        if event.number != count + 1:
            return Verdict(count, last, count + 1, f"event {count + 1} is missing")
        if event.previous_hash != last:
            return Verdict(count, last, event.number, "it does not follow on the event before it")
        if hash_of(event) != event.hash:
            return Verdict(count, last, event.number, "it was changed")
        count, last = event.number, event.hash
    if count != head.number:
        return Verdict(count, last, count + 1, f"event {count + 1} is missing")
    if last != head.hash:
        return Verdict(count, last, max(count, 1), "the trail's last hash is another one")
    if beyond is not None:
        return Verdict(count, last, beyond.number, "nobody recorded it")
    return Verdict(count, last)


def _locked_head() -> AuditHead:
    return AuditHead.objects.select_for_update().get_or_create(pk=1, defaults={"number": 0, "hash": FIRST_HASH})[0]


def _plain(value: Any, name: str = "") -> Any:
    """A value as JSON stores it everywhere alike, without secrets."""
    if any(word in name.lower() for word in _SECRET_NAMES) and not isinstance(value, bool):
        raise ValueError(f"The audit trail takes no secrets: {name}.")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < 2**53:
        return value
    if isinstance(value, Mapping):
        return {_text(str(key)): _plain(item, str(key)) for key, item in list(value.items())[:MAX_ITEMS]}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else list(value)
        return [_plain(item) for item in items[:MAX_ITEMS]]
    return _text(str(value))


def _text(text: str) -> str:
    clean = "".join(character for character in text if character.isprintable())
    return redaction.CREDENTIAL.sub(redaction.REMOVED, clean)[:MAX_TEXT_LENGTH]
