"""Idempotency-Key for DRF views: a decorator of the methods that change something. Never used on predictions."""

import functools
import hashlib
import json
from collections.abc import Callable
from typing import Any, TypeVar

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import idempotency
from accounts.authentication import caller
from accounts.strict_json import FastJSONRenderer

Method = TypeVar("Method", bound=Callable[..., Any])

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"


def idempotent(
    *,
    seconds: float | Callable[[], float] = 30.0,
    is_atomic: bool = True,
    before: Callable[[Request], None] | None = None,
) -> Callable[[Method], Method]:
    """Let a call be repeated with the header Idempotency-Key.

    is_atomic: the method is run in one transaction with the writing of its answer; otherwise it calls `keep` itself.
    seconds: how long the call may take at most; after that a repetition acts. before: checks made before the body is
    read. Answers are kept when something was done or the state forbade it (409); after any other refusal, and after
    faults of ours, the key may be used again.
    """

    def decorate(method: Method) -> Method:
        @functools.wraps(method)
        def call(view: Any, request: Request, *args: Any, **kwargs: Any) -> Any:
            key = request.headers.get(HEADER)
            if key is None:
                return method(view, request, *args, **kwargs)
            if before is not None:
                before(request)
            begun = _begin(request, key, seconds() if callable(seconds) else seconds)
            if isinstance(begun, idempotency.Answer):
                return Response(begun.data, status=begun.status, headers={**begun.headers, REPLAYED: "true"})
            request._request.idempotency_claim = begun  # type: ignore[attr-defined]
            if not is_atomic:
                return _settled(view, begun, functools.partial(method, view, request, *args, **kwargs))

            def act() -> Response:
                with transaction.atomic():
                    response: Response = method(view, request, *args, **kwargs)
                    begun.keep(_answer(response))
                return response

            return _settled(view, begun, act)

        call.is_idempotent = True  # type: ignore[attr-defined]
        return call  # type: ignore[return-value]

    return decorate


def keep(request: Request, response: Response) -> None:
    """Write a first answer down, in the transaction that does what was asked. Without a key: nothing."""
    claim: idempotency.Claim | None = getattr(request._request, "idempotency_claim", None)
    if claim is not None:
        claim.keep(_answer(response))


def _begin(request: Request, key: str, seconds: float) -> idempotency.Claim | idempotency.Answer:
    principal = caller(request)
    return idempotency.begin(
        caller=f"{principal.user_id}:{principal.key_id or ''}",
        method=request.method or "",
        path=request.path.rstrip("/"),
        key=key,
        fingerprint=fingerprint(request),
        seconds=seconds,
    )


def _settled(view: Any, claim: idempotency.Claim, act: Callable[[], Response]) -> Response:
    """The answer of `act`, errors included, with what has to be remembered of it."""
    try:
        response = act()
    except Exception as error:
        response = view.handle_exception(error)
    if response.status_code < 400 or response.status_code == 409 or (response.status_code < 500 and claim.has_answer()):
        claim.keep(_answer(response))
    else:
        claim.release()
    return response


def _answer(response: Response) -> idempotency.Answer:
    body = FastJSONRenderer().render(response.data).decode()
    headers = {name: value for name, value in response.headers.items() if name.lower() != "content-type"}
    return idempotency.Answer(response.status_code, body, headers)


def fingerprint(request: Request) -> str:
    """SHA-256 of what was sent: the query, and the body's values, files by their content."""
    data: Any = request.data
    if hasattr(data, "lists"):
        data = {name: [_plain(value) for value in values] for name, values in data.lists()}
    text = json.dumps([request.META.get("QUERY_STRING", ""), data], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if not isinstance(value, UploadedFile):
        return value
    digest = hashlib.sha256()
    for piece in value.chunks():
        digest.update(piece)
    value.seek(0)
    return {"name": value.name, "sha256": digest.hexdigest()}
