"""JWT texts: signed with one key, read with that one or the one before it. Knows no users.

The algorithm is fixed; issuer, audience, kind, times and id are checked. What a token's header says about keys
is never looked at.
"""

from functools import lru_cache
from typing import Any

from django.conf import settings
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import (
    ExpiredTokenError,
    TokenBackendError,
    TokenBackendExpiredToken,
    TokenError,
)
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import Token

from accounts.errors import CredentialInvalid

ALGORITHM = "HS256"
MAX_LENGTH = 4096
REFUSED = "The token is not valid."


def write(token: Token) -> str:
    """The token as text, signed with today's key."""
    return _backend(settings.JWT_SIGNING_KEY, settings.JWT_AUDIENCE).encode(token.payload)


def read(kind: type[Token], text: str) -> dict[str, Any]:
    """The claims of a token whose signature, issuer, audience, time and kind are right.

    Raises CredentialInvalid; with the code `token_expired` when time is all that is wrong.
    """
    if len(text) > MAX_LENGTH or not text.isascii():
        raise CredentialInvalid(REFUSED)
    try:
        token = kind()
        token.payload = _decode(text)
        token.verify()
    except (ExpiredTokenError, TokenBackendExpiredToken):
        raise CredentialInvalid("The token has expired.", code="token_expired") from None
    except (TokenError, TokenBackendError, ValueError, TypeError, ArithmeticError, LookupError):
        # Beyond its own errors the library lets through those of odd claims, such as a time that is infinite.
        raise CredentialInvalid(REFUSED) from None
    return token.payload


def _decode(text: str) -> dict[str, Any]:
    today, before = settings.JWT_SIGNING_KEY, settings.JWT_SIGNING_KEY_FALLBACK
    try:
        return _backend(today, settings.JWT_AUDIENCE).decode(text)  # type: ignore[arg-type]
    except TokenBackendExpiredToken:
        raise
    except TokenBackendError:
        if not before:
            raise
    return _backend(before, settings.JWT_AUDIENCE).decode(text)  # type: ignore[arg-type]


@lru_cache(maxsize=8)
def _backend(key: str, audience: str) -> TokenBackend:
    return TokenBackend(ALGORITHM, key, audience=audience, issuer=api_settings.ISSUER)
