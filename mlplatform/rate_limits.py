"""Limits at the platform's edge: every API call and every attempt to sign in is counted before anything else."""

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts import credentials, database, limits
from accounts.addresses import client_address
from accounts.errors import AccountsError
from accounts.principal import Principal
from mlplatform import error_pages

LOGIN_PATHS = ("/admin/login",)


class RateLimitMiddleware:
    """Refuses with 429 what is over the limit, and tells every caller how it stands.

    A preflight request costs nothing: a browser sends it, not the caller. /health and /ready are answered
    before this.
    """

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not is_limited(request):
            return self.get_response(request)
        principal = caller_of(request)
        request.verified_principal = principal  # type: ignore[attr-defined]
        verdict = limits.check(principal=principal, address=_address_of(request, principal))
        if verdict is None:
            return self.get_response(request)
        if verdict.is_admitted:
            response = self.get_response(request)
        else:
            response = error_pages.respond(request, limits.refusal(verdict))
            # Refusals are counted (`limits.facts`); a log line for each would be the attacker's to write.
            response._has_been_logged = True  # type: ignore[attr-defined]
        for name, value in limits.headers(verdict).items():
            response.headers[name] = value
        return response


def _address_of(request: HttpRequest, principal: Principal | None) -> str:
    """Needed only for callers who are counted by it."""
    return client_address(request.META) if principal is None else ""


def is_limited(request: HttpRequest) -> bool:
    """Whether a request counts."""
    path = request.path_info
    if path.startswith(error_pages.API_PREFIXES):
        return True
    return request.method == "POST" and path.startswith(LOGIN_PATHS)


def caller_of(request: HttpRequest) -> Principal | None:
    """Whose credential a request carries; None when it is not good, which the view will say."""
    try:
        return credentials.authenticate(
            authorization=request.META.get("HTTP_AUTHORIZATION"), api_key=request.META.get("HTTP_X_API_KEY")
        )
    except (AccountsError, database.Failure):
        return None
