"""The two ways to say who one is to the HTTP API: an API key, or a token from signing in."""

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, ParseError
from rest_framework.request import Request

from accounts import credentials, origin
from accounts.errors import AmbiguousCredentials, CredentialInvalid
from accounts.models import User
from accounts.principal import Principal

CHALLENGE = 'Bearer realm="mlplatform", Api-Key realm="mlplatform"'


def caller(request: Request) -> Principal:
    """Who asks. For views behind `HasScope`, which lets nobody else through."""
    principal: Any = request.auth
    if not isinstance(principal, Principal):
        raise NotAuthenticated
    return principal


class _Credentials(BaseAuthentication):
    """Both classes look at both headers, so that two credentials in one request are noticed."""

    def authenticate(self, request: Request) -> tuple[User, Principal] | None:
        authorization, api_key = request.META.get("HTTP_AUTHORIZATION"), request.META.get("HTTP_X_API_KEY")
        if not self.speaks(credentials.scheme_of(authorization), api_key):
            return None
        # Whoever counted the request has looked at the same headers already.
        principal: Principal | None = getattr(request._request, "verified_principal", None)
        try:
            principal = principal or credentials.authenticate(authorization=authorization, api_key=api_key)
        except CredentialInvalid as error:
            raise AuthenticationFailed(error.message, code=error.code) from error
        except AmbiguousCredentials as error:
            raise ParseError(error.message, code=error.code) from error
        if principal is None:
            return None
        origin.note_caller(principal.user_id, str(principal.key_id or ""))
        return principal.user, principal

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE

    def speaks(self, scheme: str, api_key: str | None) -> bool:
        raise NotImplementedError


class ApiKeyAuthentication(_Credentials):
    """`X-API-Key: mlp_…` or `Authorization: Api-Key mlp_…`."""

    def speaks(self, scheme: str, api_key: str | None) -> bool:
        return api_key is not None or scheme == "api-key"


class TokenAuthentication(_Credentials):
    """`Authorization: Bearer …`."""

    def speaks(self, scheme: str, api_key: str | None) -> bool:
        return scheme == "bearer"
