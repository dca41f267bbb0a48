"""What changes in accounts: keys made and revoked, and the check of a password."""

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit, keys
from accounts.credential_cache import forget_all
from accounts.errors import CredentialInvalid, Forbidden, KeyFromEnvironment, KeyRequestInvalid
from accounts.models import ApiKey, Scope, User
from accounts.principal import ALL_SCOPES, Principal, rights_of

MANAGE_KEYS = "accounts.manage_keys"
NO_ACCOUNT = "No active account has these credentials."
MAX_NAME_LENGTH = 100
MAX_MODEL_NAMES = 100
MAX_MODEL_NAME_LENGTH = 64
MAX_RATE_LIMIT = 1_000_000_000


def create_key(
    *,
    by: User,
    owner: User,
    name: str,
    scopes: Sequence[str],
    model_names: Sequence[str] = (),
    expires_at: datetime | None = None,
    rate_limit: int | None = None,
    within: Principal | None = None,
) -> tuple[ApiKey, str]:
    """Make a key for `owner` and return it with its text, which can't be had a second time.

    `within` is the credential that asks: a key made with a key gets no scope and no model that one lacks.
    Raises Forbidden when `by` may not make keys for `owner`, KeyRequestInvalid for what can't be granted.
    """
    _require_control(by, owner)
    check_key_request(
        by=by,
        owner=owner,
        name=name,
        scopes=scopes,
        model_names=model_names,
        expires_at=expires_at,
        rate_limit=rate_limit,
        within=within,
    )
    text = keys.make()
    granted: dict[str, Any] = {
        "scopes": _in_order(scopes),
        "model_names": sorted(set(model_names)),
        "expires_at": expires_at,
        "rate_limit": rate_limit,
    }
    with transaction.atomic():
        key = ApiKey.objects.create(
            owner=owner,
            name=name.strip(),
            prefix=text.prefix,
            secret_hash=keys.hash(text.secret, pepper=settings.API_KEY_PEPPER),
            **granted,
        )
        audit.record("key.created", by=by, target=key, details={"owner": owner.email, **granted})
    return key, str(text)


def check_key_request(
    *,
    by: User,
    owner: User,
    name: str,
    scopes: Sequence[str],
    model_names: Sequence[str] = (),
    expires_at: datetime | None = None,
    rate_limit: int | None = None,
    within: Principal | None = None,
) -> None:
    """Raise KeyRequestInvalid, naming the field, unless `by` may have such a key made for `owner`."""
    _check_name(name)
    _check_scopes(scopes, owner=owner, within=within)
    _check_model_names(model_names, within=within)
    _check_end(expires_at, within=within)
    _check_rate_limit(rate_limit, by=by, within=within)


def revoke_key(*, by: User, key: ApiKey) -> None:
    """End a key. Revoking twice changes nothing. This process notices on commit, others within a second."""
    _require_control(by, key.owner)
    if key.is_from_environment:
        raise KeyFromEnvironment("This key ends when it is taken out of ML_API_KEYS and the platform restarted.")
    now = timezone.now()
    with transaction.atomic():
        if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now):
            key.revoked_at = now
            audit.record("key.revoked", by=by, target=key, details={"owner": key.owner.email})
        transaction.on_commit(forget_all)


def check_password(*, email: str = "", username: str = "", password: str, request: HttpRequest | None = None) -> User:
    """The active user with this e-mail address (or username) and password.

    Raises CredentialInvalid, the same and at the same cost for an unknown, a wrong and an inactive one.
    """
    if not email:
        email = User.objects.filter(username=username).values_list("email", flat=True).first() or ""
    user = authenticate(request, username=email or username, password=password)
    if not isinstance(user, User):
        raise CredentialInvalid(NO_ACCOUNT, code="invalid_credentials")
    return user


def _require_control(by: User, owner: User) -> None:
    if by.pk != owner.pk and not by.has_perm(MANAGE_KEYS):
        raise Forbidden("This account may only manage its own API keys.", details={"right": MANAGE_KEYS})


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > MAX_NAME_LENGTH:
        raise _invalid("name", f"Give a name of 1 to {MAX_NAME_LENGTH} characters.")
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in name):
        raise _invalid("name", "A name holds no control characters and no line breaks.")


def _check_scopes(scopes: Sequence[str], *, owner: User, within: Principal | None) -> None:
    known = ", ".join(_in_order(ALL_SCOPES))
    if not scopes:
        raise _invalid("scopes", f"Give at least one scope of: {known}.")
    asked = set(scopes)
    if unknown := asked - ALL_SCOPES:
        raise _invalid("scopes", f"Unknown: {', '.join(sorted(unknown))}. The scopes are {known}.")
    if beyond := asked - rights_of(owner):
        raise _invalid("scopes", f"The owner has no right to: {', '.join(sorted(beyond))}.")
    if within is not None and (wider := asked - within.scopes):
        raise _invalid("scopes", f"The credential that asks lacks: {', '.join(sorted(wider))}.")


def _check_end(expires_at: datetime | None, *, within: Principal | None) -> None:
    if expires_at is not None and (timezone.is_naive(expires_at) or expires_at <= timezone.now()):
        raise _invalid("expires_at", "Give a moment in the future, with its time zone.")
    held = None if within is None else within.expires_at
    if held is not None and (expires_at is None or expires_at > held):
        raise _invalid("expires_at", f"The credential that asks ends at {held.isoformat()}.")


def _check_model_names(model_names: Sequence[str], *, within: Principal | None) -> None:
    if len(model_names) > MAX_MODEL_NAMES:
        raise _invalid("models", f"Name at most {MAX_MODEL_NAMES} models.")
    if any(not name or len(name) > MAX_MODEL_NAME_LENGTH or not name.isprintable() for name in model_names):
        raise _invalid("models", "Give names of models.")
    if within is None or within.model_names is None:
        return
    if not model_names or not within.model_names.issuperset(model_names):
        raise _invalid("models", "The credential that asks is limited to: " + ", ".join(sorted(within.model_names)))


def _check_rate_limit(rate_limit: int | None, *, by: User, within: Principal | None) -> None:
    usual = settings.RATE_LIMIT_KEY_REQUESTS
    if rate_limit is not None and not 0 <= rate_limit <= MAX_RATE_LIMIT:
        raise _invalid("rate_limit", f"Give a number of requests of 1 to {MAX_RATE_LIMIT}, or 0 for no limit.")
    if _is_above(rate_limit, usual) and not by.has_perm(MANAGE_KEYS):
        raise _invalid("rate_limit", f"More than {usual} is granted by those who manage keys only.")
    held = None if within is None else within.rate_limit
    if held and (rate_limit is None or _is_above(rate_limit, held)):
        raise _invalid("rate_limit", f"The credential that asks has a limit of {held}.")


def _is_above(rate_limit: int | None, other: int) -> bool:
    """Whether a limit is wider than another; 0 means no limit."""
    return rate_limit is not None and other != 0 and (rate_limit == 0 or rate_limit > other)


def _in_order(scopes: Iterable[str]) -> list[str]:
    """Scopes from the narrowest to the widest, each once."""
    asked = set(scopes)
    return [scope for scope in Scope.values if scope in asked]


def _invalid(field: str, message: str) -> KeyRequestInvalid:
    details: dict[str, Any] = {"fields": {field: [{"code": "invalid", "message": message}]}}
    return KeyRequestInvalid(message, details=details)
