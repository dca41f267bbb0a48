"""From the two credential headers to a principal. A plain function: any door may call it.

A credential seen within CREDENTIAL_CACHE_SECONDS costs a hash and a look into a dictionary. Whoever comes again shortly
before the end of that time is verified anew on the side, where somebody does it (`renew_by`): their next requests wait
for nothing. A door that calls this outside Django's request cycle closes stale database connections itself.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, TypeAlias

from django.conf import settings

from accounts import database, environment_keys, host_memory, key_uses, keys, tokens
from accounts.credential_cache import known_before, remembered
from accounts.errors import AmbiguousCredentials, CredentialInvalid
from accounts.models import ApiKey
from accounts.principal import Principal, principal_for

MAX_HEADER_LENGTH = tokens.MAX_LENGTH + 32
_REFUSED = "The API key is not valid."

logger = logging.getLogger(__name__)
# Who is known from before goes on without the database when it takes longer than this to answer: well within the time
# for which those behind them wait for a thread (MAX_WAIT_MS).
_PATIENCE_SECONDS = 0.75
_KINDS = {"api-key": "key", "bearer": "token"}
Verified: TypeAlias = tuple[Principal, float | None]
_do_aside: Callable[[Callable[[], None]], Any] | None = None


def renew_by(do_aside: Callable[[Callable[[], None]], Any] | None) -> None:
    """Have credentials verified anew by `do_aside`, which is given what to do, may be called on any thread, and must
    not do it there. None: by the first request that comes too late, as without this.
    """
    global _do_aside
    _do_aside = do_aside


def authenticate(*, authorization: str | None = None, api_key: str | None = None) -> Principal | None:
    """Who sends these values of the `Authorization` and `X-API-Key` headers; None when they hold nothing.

    Raises CredentialInvalid when a credential is not good and AmbiguousCredentials when two belong to
    different people. A key beside a token of the same person decides: it is the narrower of the two.
    """
    if authorization is None:
        return None if api_key is None else _principal("key", api_key)
    scheme, value = _split(authorization)
    kind = _KINDS.get(scheme)
    if api_key is None:
        return None if kind is None else _principal(kind, value)
    named = _principal("key", api_key)
    if kind is not None:
        _require_same_caller(named, _principal(kind, value))
    return named


def recall(*, authorization: str | None = None, api_key: str | None = None) -> Principal | None:
    """Who sends these values, if the credential was verified a moment ago and is the only one; else None.

    Asks nobody and never raises: what is not known here is `authenticate`'s to judge.
    """
    cache_text = _single(authorization, api_key)
    if cache_text is None:
        return None
    principal, is_due = remembered.look(cache_text)
    if is_due and _do_aside is not None:
        _do_aside(lambda: _renew(cache_text))
    return principal


def _renew(cache_text: str) -> None:
    """Verify again what is still remembered. What is refused is forgotten at once."""
    kind, _, text = cache_text.partition(" ")
    try:
        _verified(kind, text, cache_text)
    except CredentialInvalid:
        remembered.drop(cache_text)
    except database.Failure:
        logger.warning("a credential could not be verified ahead of time", exc_info=True)


def is_known(*, authorization: str | None = None, api_key: str | None = None) -> bool:
    """Whether these values hold one credential, and it was verified here within CREDENTIAL_OUTAGE_SECONDS."""
    cache_text = _single(authorization, api_key)
    return cache_text is not None and known_before.get(cache_text) is not None


def _single(authorization: str | None, api_key: str | None) -> str | None:
    """What the only credential is remembered under; None for none, for two, and for what is none."""
    if api_key is None:
        scheme, value = _split(authorization)
        kind = _KINDS.get(scheme)
        return None if kind is None or len(value) > MAX_HEADER_LENGTH else f"{kind} {value}"
    if authorization is not None or len(api_key) > MAX_HEADER_LENGTH:
        return None
    return f"key {api_key}"


def _require_same_caller(one: Principal, other: Principal) -> None:
    two_keys = one.key_id != other.key_id and other.key_id is not None
    if one.user_id != other.user_id or two_keys:
        raise AmbiguousCredentials("The request carries two different credentials: send one.")


def scheme_of(authorization: str | None) -> str:
    """The scheme of an `Authorization` header in lower case, or the empty string."""
    return _split(authorization)[0]


def _split(authorization: str | None) -> tuple[str, str]:
    if not authorization:
        return "", ""
    scheme, _, value = authorization.strip().partition(" ")
    return scheme.lower(), value.strip()


def _principal(kind: str, text: str) -> Principal:
    if len(text) > MAX_HEADER_LENGTH:
        raise CredentialInvalid("The credential is not valid.")
    cache_text = f"{kind} {text}"
    principal = remembered.get(cache_text)
    return _verified(kind, text, cache_text) if principal is None else principal


def _verified(kind: str, text: str, cache_text: str) -> Principal:
    known = known_before.get(cache_text) or _known_to_others(cache_text)
    if known is not None and database.is_away():
        return _as_before(cache_text, known)
    try:
        with database.patience(None if known is None else _PATIENCE_SECONDS):
            principal, ends_at = _verify_key(text) if kind == "key" else _verify_token(text)
    except CredentialInvalid:
        known_before.drop(cache_text)
        host_memory.drop(cache_text)
        raise
    except database.AWAY:
        known = known_before.get(cache_text)
        if known is None:
            raise
        return _as_before(cache_text, known)
    seconds_left = None if ends_at is None else ends_at - time.time()
    remembered.put(cache_text, principal, seconds_left=seconds_left)
    known_before.put(cache_text, principal, seconds_left=seconds_left)
    host_memory.note(cache_text, principal, seconds_left=seconds_left)
    return principal


def _known_to_others(cache_text: str) -> Principal | None:
    """Whom another process of this host verified of late."""
    found = host_memory.recall(cache_text)
    if found is None:
        return None
    principal, seconds_left = found
    known_before.put(cache_text, principal, seconds_left=seconds_left)
    return principal


def _as_before(cache_text: str, known: Principal) -> Principal:
    """The database is down: who was known a minute ago still is. Asked again after CREDENTIAL_CACHE_SECONDS."""
    remembered.put(cache_text, known, seconds_left=known_before.seconds_left(cache_text))
    return known


def _verify_token(text: str) -> Verified:
    user, ends_at = tokens.verify_access(text)
    return principal_for(user), ends_at


def _verify_key(text: str) -> Verified:
    if (name := environment_keys.name_of(text.strip())) is not None:
        return _accept(environment_keys.row_for(name))
    parts = keys.split(text.strip())
    if parts is None:
        raise CredentialInvalid(_REFUSED)
    row = ApiKey.objects.live().select_related("owner").filter(prefix=parts.prefix).first()
    # An unknown prefix takes the same steps as a wrong secret.
    known = keys.verify(parts.secret, row.secret_hash if row else "", pepper=settings.API_KEY_PEPPER)
    if row is None or not known:
        raise CredentialInvalid(_REFUSED)
    return _accept(row)


def _accept(row: ApiKey) -> Verified:
    """The principal of a key whose text was right."""
    if not row.owner.is_active:
        raise CredentialInvalid(_REFUSED)
    key_uses.note(row)
    principal = principal_for(
        row.owner,
        key_id=row.pk,
        scopes=row.scopes,
        model_names=row.model_names,
        rate_limit=row.rate_limit,
        expires_at=row.expires_at,
    )
    return principal, row.expires_at.timestamp() if row.expires_at else None
