"""The OpenAPI schema's part that is the same for every call: how it is refused, and what each answer carries."""

from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from accounts.pagination import Pages


class ErrorSerializer(serializers.Serializer[Any]):
    """What went wrong: a stable code, words for people, details for programs, the id to ask about."""

    code = serializers.CharField()
    message = serializers.CharField()
    details = serializers.DictField()
    request_id = serializers.CharField()


class ErrorEnvelopeSerializer(serializers.Serializer[Any]):
    """The body of every refusal."""

    error = ErrorSerializer()


WORDS = {
    "400": "The request is malformed, or has a field that is not known.",
    "401": "There is no credential, or it is not good.",
    "403": "The credential or its account may not do this.",
    "404": "There is no such thing, or it is somebody else's.",
    "406": "The answer is asked for in a form other than JSON.",
    "409": "The state of things does not allow it.",
    "411": "The body does not say how long it is.",
    "413": "The body, or what it holds, is too large.",
    "415": "The body's media type is not read here.",
    "422": "The request is well-formed, but some values are not valid; details name them.",
    "429": "The caller is over a limit; Retry-After says when to come again.",
    "503": "Something the call needs does not answer now; Retry-After says when to come again.",
}
_ALWAYS = ("400", "406", "422", "429", "503")
_CREDENTIALS = ("401", "403")
_CHANGES = ("409", "411", "413", "415")
_LIMIT_HEADERS = {
    "RateLimit-Limit": "Requests that the caller may send per window. Absent when there is no limit.",
    "RateLimit-Remaining": "How many of them are left.",
    "RateLimit-Reset": "Seconds until all are there again; in a 429, until the next one is.",
}

_IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="1 to 255 visible ASCII characters. Within a day, the same request with the same key is answered as "
    "the first one was (`Idempotency-Replayed: true`), and nothing is done twice.",
)


class PlatformSchema(AutoSchema):
    """drf-spectacular's view of a call, with the refusals that the platform makes for all of them."""

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for status in self._refusals():
            if status not in bodies:
                body = self._get_response_for_code(ErrorEnvelopeSerializer, status, ["application/json"])
                bodies[status] = body | {"description": WORDS[status]}
        for body in bodies.values():
            body.setdefault("headers", {}).update(_headers())
        return dict(sorted(bodies.items()))

    def get_override_parameters(self) -> list[Any]:
        found: list[Any] = list(super().get_override_parameters())
        method = getattr(self.view, getattr(self.view, "action", None) or "", None)
        return [*found, _IDEMPOTENCY_KEY] if getattr(method, "is_idempotent", False) else found

    def get_operation(self, path: str, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(path, *args, **kwargs)
        # A view that says so answers below /api/v1 too: two calls, which need two ids.
        if operation and getattr(self.view, "is_also_at_root", False) and not path.startswith("/api/"):
            operation["operationId"] += "_at_root"
        return operation

    def _get_paginator(self) -> Any:
        # Every list of the API comes in pages, also where a view makes them by hand.
        return super()._get_paginator() or Pages()

    def _refusals(self) -> set[str]:
        found = {*_ALWAYS, *_CREDENTIALS}
        # Also a page beyond the last is not found.
        if "{" in self.path or self._is_list_view():
            found.add("404")
        if self.method in ("POST", "PUT", "PATCH", "DELETE"):
            found.update(_CHANGES)
        # A view says so of itself when it reads what may not be there, or not yet.
        if getattr(self.view, "can_miss_its_model", False):
            found.add("404")
        if getattr(self.view, "needs_a_live_model", False):
            found.add("409")
        return found


def _headers() -> dict[str, Any]:
    limits = {name: {"description": text, "schema": {"type": "integer"}} for name, text in _LIMIT_HEADERS.items()}
    request_id = {"description": "The id under which the log knows this request.", "schema": {"type": "string"}}
    return {"X-Request-ID": request_id, **limits}
