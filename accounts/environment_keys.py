"""API keys from the environment: `ML_API_KEYS=name:sha256,…`, for a first start before anybody can make one.

The digest is the bare SHA-256, in hex, of the whole key. Each name has a row among the API keys, so that records,
limits and lists treat it as any other; the row says what the environment says and can't be changed or revoked
here: taking the entry out of the environment ends the key.
"""

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from uuid import UUID, uuid5

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import ENVIRONMENT, SERVICE_ACCOUNT, ApiKey, Scope, User

_ENTRY = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,49}):([0-9A-Fa-f]{64})", re.ASCII)
_NAMESPACE = UUID("6f7fbb43-0d0c-4a56-9c0b-6a2f3d1f6f0e")


def entries() -> dict[str, str]:
    """Names of the keys by their digest. What is malformed or there twice is not among them (see `problems`)."""
    return _parsed(tuple(settings.ML_API_KEYS))[0]


def problems() -> list[str]:
    """What is wrong with ML_API_KEYS and ML_API_KEY_SCOPES, in words that tell no digest."""
    found = list(_parsed(tuple(settings.ML_API_KEYS))[1])
    if unknown := sorted(set(settings.ML_API_KEY_SCOPES) - set(Scope.values)):
        found.append(f"ML_API_KEY_SCOPES holds unknown scopes: {', '.join(unknown)}")
    return found


def name_of(text: str) -> str | None:
    """The name of the environment's key with this text. Costs one hash, however many there are."""
    known = entries()
    return known.get(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()) if known else None


def row_for(name: str) -> ApiKey:
    """The row of the environment's key of that name, made or brought up to date when needed."""
    row = ApiKey.objects.select_related("owner").filter(pk=_id_of(name)).first()
    if row is None or row.revoked_at is not None or row.scopes != list(settings.ML_API_KEY_SCOPES):
        row = _write(name)
    return row


def sync() -> None:
    """Bring the rows in line with the environment, for lists: each entry has one, those that are gone are revoked."""
    ids = {_id_of(name): name for name in entries().values()}
    rows = dict(ApiKey.objects.filter(prefix__startswith=ENVIRONMENT).values_list("pk", "revoked_at"))
    for pk, name in ids.items():
        if pk not in rows or rows[pk] is not None:
            _write(name)
    if gone := [pk for pk, revoked_at in rows.items() if revoked_at is None and pk not in ids]:
        ApiKey.objects.filter(pk__in=gone).update(revoked_at=timezone.now())


def _write(name: str) -> ApiKey:
    facts = {
        "owner": _owner(),
        "name": f"{ENVIRONMENT}{name}",
        "prefix": f"{ENVIRONMENT}{name}",
        "secret_hash": "",
        "scopes": list(settings.ML_API_KEY_SCOPES),
        "revoked_at": None,
    }
    with transaction.atomic():
        return ApiKey.objects.update_or_create(pk=_id_of(name), defaults=facts)[0]


def _owner() -> User:
    """Who the keys act for: a service account that nobody can sign in to and that has no rights of its own."""
    owner, is_new = User.objects.get_or_create(email=SERVICE_ACCOUNT, defaults={"username": SERVICE_ACCOUNT})
    if is_new:
        owner.set_unusable_password()
        owner.save(update_fields=["password"])
    return owner


def _id_of(name: str) -> UUID:
    return uuid5(_NAMESPACE, name)


@lru_cache(maxsize=8)
def _parsed(texts: Sequence[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    found: dict[str, str] = {}
    wrong: list[str] = []
    for number, text in enumerate(texts, start=1):
        match = _ENTRY.fullmatch(text.strip())
        if match is None:
            wrong.append(f"entry {number} of ML_API_KEYS is not NAME:SHA256 with 64 hex digits")
        elif match[1] in found.values() or match[2].lower() in found:
            wrong.append(f"entry {number} of ML_API_KEYS ({match[1]}) is there twice")
        else:
            found[match[2].lower()] = match[1]
    return found, tuple(wrong)
