"""Signed tokens for people who sign in: a short access token and a refresh token.

A token names its user and a fingerprint of the user's password, so that changing the password ends every
token that was given out before.
"""

import hmac
from dataclasses import dataclass
from typing import Any

from rest_framework_simplejwt.exceptions import ExpiredTokenError, TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from accounts.errors import CredentialInvalid
from accounts.models import User

MAX_LENGTH = 4096
_FINGERPRINT = "pwd"
_FINGERPRINT_LENGTH = 32
_MAX_USER_ID_DIGITS = 18
_REFUSED = "The token is not valid."


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What signing in gives. `expires_in` is the access token's life in seconds."""

    access: str
    refresh: str
    expires_in: int


def issue(user: User) -> TokenPair:
    """Fresh tokens for a user whose password (or refresh token) was checked by the caller."""
    refresh = RefreshToken.for_user(user)
    refresh[_FINGERPRINT] = _fingerprint(user)
    return TokenPair(
        access=str(refresh.access_token),
        refresh=str(refresh),
        expires_in=int(api_settings.ACCESS_TOKEN_LIFETIME.total_seconds()),
    )


def verify_access(text: str) -> tuple[User, float]:
    """The user an access token stands for, and when it ends (seconds since the epoch)."""
    return _verify(AccessToken, text)


def verify_refresh(text: str) -> User:
    """The user a refresh token stands for."""
    return _verify(RefreshToken, text)[0]


def _verify(kind: type[Token], text: str) -> tuple[User, float]:
    payload = _read(kind, text)
    user = User.objects.filter(pk=_user_id(payload), is_active=True).first()
    given = payload.get(_FINGERPRINT)
    if user is None or not isinstance(given, str) or not given.isascii():
        raise CredentialInvalid(_REFUSED)
    if not hmac.compare_digest(given, _fingerprint(user)):
        raise CredentialInvalid(_REFUSED)
    return user, float(payload["exp"])


def _read(kind: type[Token], text: str) -> dict[str, Any]:
    """The claims of a token whose signature, time and kind are right."""
    if len(text) > MAX_LENGTH or not text.isascii():
        raise CredentialInvalid(_REFUSED)
    try:
        return kind(text).payload  # type: ignore[arg-type]  # the class takes the encoded text
    except ExpiredTokenError:
        raise CredentialInvalid("The token has expired.", code="token_expired") from None
    except (TokenError, ValueError, TypeError, ArithmeticError, LookupError):
        # Beyond its own errors the library lets through those of odd claims, such as a time that is infinite.
        raise CredentialInvalid(_REFUSED) from None


def _user_id(payload: dict[str, Any]) -> int:
    claim = payload.get(api_settings.USER_ID_CLAIM)
    if isinstance(claim, str) and claim.isascii() and claim.isdecimal() and len(claim) <= _MAX_USER_ID_DIGITS:
        return int(claim)
    raise CredentialInvalid(_REFUSED)


def _fingerprint(user: User) -> str:
    return user.get_session_auth_hash()[:_FINGERPRINT_LENGTH]
