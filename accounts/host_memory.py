"""Who was verified on this host of late, in files: for when the database goes away, and then only.

A process remembers whom it verified itself. But clients keep their connections, so its neighbour may know nobody, and
one that has just begun doesn't; here they find what the others know. A file is signed, for one credential, and ends
with CREDENTIAL_OUTAGE_SECONDS or with the credential: neither the secret nor a shortened form of it is in there.
"""

import os
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.utils.crypto import salted_hmac

from accounts.models import User
from accounts.principal import Principal

MAX_FILES = 10_000
_SALT = "accounts.host_memory.1"  # and of what form the files are
_WRITTEN_AGAIN_AFTER = 0.25
"""This share of CREDENTIAL_OUTAGE_SECONDS: a caller costs a look at the file now and then, and seldom a write."""
# In the order of the model. Whatever else is asked of the user is read from the database, when there is one.
_OF_USER = ("id", "is_superuser", "username", "is_staff", "is_active", "email")
_clock = time.time
_next_prune = 0.0
_is_full = False


def note(credential: str, principal: Principal, *, seconds_left: float | None = None) -> None:
    """Write down who was verified; `seconds_left` until the credential itself ends. What can't be written is not."""
    seconds, now = settings.CREDENTIAL_OUTAGE_SECONDS, _clock()
    if seconds <= 0:
        return
    path = _path(credential)
    with suppress(OSError):
        if path.stat().st_mtime > now - seconds * _WRITTEN_AGAIN_AFTER:
            return
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make_room(now - seconds)
        if not _is_full:
            ends_at = now + (seconds if seconds_left is None else min(seconds, seconds_left))
            draft = path.with_name(f"{path.name}.{os.getpid()}")
            draft.write_text(signing.dumps([_told(principal), ends_at], salt=_SALT + path.name))
            draft.replace(path)


def recall(credential: str) -> tuple[Principal, float] | None:
    """Who a credential stood for when it was last verified on this host, and for how many seconds that may be used."""
    path = _path(credential)
    try:
        told, ends_at = signing.loads(path.read_text(), salt=_SALT + path.name)
    except (OSError, ValueError, signing.BadSignature):
        return None
    seconds_left = min(ends_at - _clock(), settings.CREDENTIAL_OUTAGE_SECONDS)
    return (_principal(told), seconds_left) if seconds_left > 0 else None


def drop(credential: str) -> None:
    """Forget one credential."""
    with suppress(OSError):
        _path(credential).unlink()


def clear() -> None:
    """Forget everything, for all processes of this host."""
    with suppress(OSError):
        for path in settings.CALLERS_DIR.iterdir():
            path.unlink(missing_ok=True)


def _path(credential: str) -> Path:
    name = salted_hmac(_SALT, credential.encode("utf-8", "surrogatepass"), algorithm="sha256").hexdigest()
    return Path(settings.CALLERS_DIR) / name


def _make_room(before: float) -> None:
    """Now and then, remove what was written before that time."""
    global _is_full, _next_prune
    if time.monotonic() < _next_prune:
        return
    _next_prune = time.monotonic() + settings.CREDENTIAL_OUTAGE_SECONDS
    left = 0
    for entry in os.scandir(settings.CALLERS_DIR):
        if entry.stat().st_mtime < before:
            Path(entry.path).unlink(missing_ok=True)
        else:
            left += 1
    _is_full = left >= MAX_FILES


def _told(principal: Principal) -> dict[str, Any]:
    return {
        "user": [getattr(principal.user, name) for name in _OF_USER],
        "key_id": principal.key_id and str(principal.key_id),
        "scopes": sorted(principal.scopes),
        "model_names": principal.model_names and sorted(principal.model_names),
        "rate_limit": principal.rate_limit,
        "withheld": sorted(principal.withheld),
        "expires_at": principal.expires_at and principal.expires_at.isoformat(),
    }


def _principal(told: dict[str, Any]) -> Principal:
    key_id, model_names, expires_at = told["key_id"], told["model_names"], told["expires_at"]
    return Principal(
        user=User.from_db(None, _OF_USER, told["user"]),
        key_id=key_id and UUID(key_id),
        scopes=frozenset(told["scopes"]),
        model_names=model_names and frozenset(model_names),
        rate_limit=told["rate_limit"],
        withheld=frozenset(told["withheld"]),
        expires_at=expires_at and datetime.fromisoformat(expires_at),
    )
