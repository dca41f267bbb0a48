"""Which scope a call needs. A view says it; a view that says nothing is closed."""

from typing import Any

from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.errors import Forbidden
from accounts.principal import Principal
from accounts.strict_json import require_body

# In place of a scope: any valid credential will do.
ANY_CREDENTIAL = "any"
_WHO = "Say who asks: by an API key (X-API-Key: mlp_…) or a token (Authorization: Bearer …)."


class HasScope(BasePermission):
    """Admits callers whose credential carries the scope the view declares.

    The view declares `scopes`: one scope for everything it does, or a dict from action (in a view without
    actions: from the method in lower case) to scope. What is not declared is denied. Whoever is admitted has
    to bring the body that the call takes (`strict_json.require_body`).
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        principal = request.auth
        if not isinstance(principal, Principal):
            raise NotAuthenticated(_WHO)
        if not _is_answered(request, view):
            # Let the view say that it has no such method.
            return True
        scope = scope_needed(view, request.method or "")
        if scope is None:
            raise Forbidden("This call is open to nobody.")
        if scope != ANY_CREDENTIAL:
            principal.require(scope)
        require_body(request, view)
        return True


def scope_needed(view: Any, method: str) -> str | None:
    """The scope that a view declares for this request, or None."""
    declared = getattr(view, "scopes", None)
    if declared is None or isinstance(declared, str):
        return declared
    if method == "OPTIONS":
        return ANY_CREDENTIAL if declared else None
    action = getattr(view, "action", None) or {"HEAD": "get"}.get(method, method.lower())
    return declared.get(action)


def _is_answered(request: Request, view: Any) -> bool:
    name = (request.method or "").lower()
    return name in view.http_method_names and hasattr(view, name)
