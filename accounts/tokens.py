"""Signed tokens for people who sign in: a short access token and a refresh token that is good for one use.

Each sign-in begins a family: one row that knows which refresh token is the next to be accepted. Using it puts
its successor in its place in one statement, so that of any number of requests that race exactly one wins. A
token that was used before is a sign of theft and ends the family, and with it the access tokens of that sign-in.

A token also carries a fingerprint of the user's password: changing the password ends every token given out before.
"""

import hashlib
import hmac
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.utils import timezone
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from accounts import audit, token_texts
from accounts.credential_cache import forget_all
from accounts.errors import CredentialInvalid
from accounts.models import TokenFamily, User

MAX_LENGTH = token_texts.MAX_LENGTH
PRUNED_AT_ONCE = 1000
_FAMILY = "fam"
_FINGERPRINT = "pwd"
_FINGERPRINT_LENGTH = 32
_MAX_USER_ID_DIGITS = 18
_REFUSED = token_texts.REFUSED

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What signing in gives. `expires_in` is the access token's life in seconds."""

    access: str
    refresh: str
    expires_in: int


def issue(user: User) -> TokenPair:
    """The first tokens of a new family, for a user whose password was checked by the caller."""
    family_id = uuid4()
    refresh = _refresh_token(user, family_id)
    TokenFamily.objects.create(id=family_id, user=user, current=_hash_of(refresh), expires_at=_end_of(refresh))
    return _pair(refresh)


def verify_access(text: str) -> tuple[User, float]:
    """The user an access token stands for, and when it ends (seconds since the epoch)."""
    claims = token_texts.read(AccessToken, text)
    return _family_of(claims).user, float(claims["exp"])


def verify_refresh(text: str) -> User:
    """The user a refresh token stands for. Does not use it up."""
    return _family_of(token_texts.read(RefreshToken, text)).user


def rotate(text: str) -> TokenPair:
    """Exchange a refresh token for new tokens. Raises CredentialInvalid, and ends the family if it was used before."""
    claims = token_texts.read(RefreshToken, text)
    family = _family_of(claims)
    refresh = _refresh_token(family.user, family.pk)
    is_current = TokenFamily.objects.filter(pk=family.pk, revoked_at=None, current=_hash_of(claims))
    won = is_current.update(current=_hash_of(refresh), rotated_at=timezone.now(), expires_at=_end_of(refresh))
    if not won:
        if _end(family.pk):
            logger.warning("A refresh token of user %s was used twice: the sign-in was ended.", family.user_id)
            audit.record("sign_in.ended_by_reuse", by=family.user, target=family)
        raise CredentialInvalid(_REFUSED)
    return _pair(refresh)


def end(text: str) -> User:
    """Sign out: end the family of a refresh token, used or not. Doing so twice changes nothing."""
    claims = token_texts.read(RefreshToken, text)
    family = TokenFamily.objects.select_related("user").filter(pk=_family_id(claims)).first()
    if family is None:
        raise CredentialInvalid(_REFUSED)
    if _end(family.pk):
        audit.record("account.signed_out", by=family.user, target=family.user)
    return family.user


def end_all(user: User) -> int:
    """End every sign-in of a user by tokens; how many there were."""
    ended = TokenFamily.objects.filter(user=user, revoked_at=None).update(revoked_at=timezone.now())
    transaction.on_commit(forget_all)
    return ended


def prune() -> int:
    """Delete families whose last token has expired, a bounded bite; how many were deleted."""
    expired = TokenFamily.objects.filter(expires_at__lt=timezone.now()).order_by("expires_at")
    some = list(expired.values_list("pk", flat=True)[:PRUNED_AT_ONCE])
    return TokenFamily.objects.filter(pk__in=some).delete()[0] if some else 0


def _end(family_id: UUID) -> int:
    ended = TokenFamily.objects.filter(pk=family_id, revoked_at=None).update(revoked_at=timezone.now())
    transaction.on_commit(forget_all)
    return ended


def _family_of(claims: dict[str, Any]) -> TokenFamily:
    """The living family of a token of an active user whose password is still the same."""
    families = TokenFamily.objects.select_related("user").filter(
        pk=_family_id(claims), revoked_at=None, user_id=_user_id(claims), user__is_active=True
    )
    family = families.first()
    given = claims.get(_FINGERPRINT)
    if family is None or not isinstance(given, str) or not given.isascii():
        raise CredentialInvalid(_REFUSED)
    if not hmac.compare_digest(given, _fingerprint(family.user)):
        raise CredentialInvalid(_REFUSED)
    return family


def _refresh_token(user: User, family_id: UUID) -> RefreshToken:
    refresh = RefreshToken.for_user(user)
    refresh[_FINGERPRINT] = _fingerprint(user)
    refresh[_FAMILY] = family_id.hex
    return refresh


def _pair(refresh: RefreshToken) -> TokenPair:
    return TokenPair(
        access=token_texts.write(refresh.access_token),
        refresh=token_texts.write(refresh),
        expires_in=int(api_settings.ACCESS_TOKEN_LIFETIME.total_seconds()),
    )


def _hash_of(token: Token | dict[str, Any]) -> str:
    """What is kept of a refresh token: a hash of its id, of no use to who reads the table."""
    return hashlib.sha256(str(token[api_settings.JTI_CLAIM]).encode()).hexdigest()


def _end_of(token: Token) -> datetime:
    return datetime.fromtimestamp(token["exp"], tz=UTC)


def _family_id(claims: dict[str, Any]) -> UUID:
    claim = claims.get(_FAMILY)
    try:
        if isinstance(claim, str) and len(claim) == 32:
            return UUID(hex=claim)
    except ValueError:
        pass
    raise CredentialInvalid(_REFUSED)


def _user_id(claims: dict[str, Any]) -> int:
    claim = claims.get(api_settings.USER_ID_CLAIM)
    if isinstance(claim, str) and claim.isascii() and claim.isdecimal() and len(claim) <= _MAX_USER_ID_DIGITS:
        return int(claim)
    raise CredentialInvalid(_REFUSED)


def _fingerprint(user: User) -> str:
    return user.get_session_auth_hash()[:_FINGERPRINT_LENGTH]
