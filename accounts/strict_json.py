"""JSON bodies for DRF: strict on the way in, fast on the way out.

`loads` and `load_object` (from `json_text`) are the same reader without DRF.
"""

from collections.abc import Mapping
from typing import IO, Any

import orjson
from django.conf import settings
from django.utils.functional import Promise
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from accounts.errors import BodyMalformed, BodyTooLarge, LengthRequired
from accounts.json_text import load_object, loads

__all__ = ["FastJSONRenderer", "StrictJSONParser", "load_object", "loads", "require_body"]


class StrictJSONParser(BaseParser):
    """Reads `application/json` in UTF-8 whose top level is an object, up to MAX_BODY_BYTES."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        _require_utf8(media_type or "")
        declared = parser_context["request"].META.get("CONTENT_LENGTH") if parser_context else None
        if declared:
            require_size(int(declared))
        data = stream.read(settings.MAX_BODY_BYTES + 1)
        require_size(len(data))
        return load_object(data)


def require_size(size: int) -> None:
    """Raise BodyTooLarge for a body of more than MAX_BODY_BYTES."""
    limit = settings.MAX_BODY_BYTES
    if size > limit:
        raise BodyTooLarge(f"The body is larger than {limit:,} bytes.", details={"limit_bytes": limit})


def _require_utf8(content_type: str) -> None:
    for parameter in content_type.lower().split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in ("utf-8", "utf8"):
            raise UnsupportedMediaType(content_type, "The body must be in UTF-8.")


def require_body(request: Request, view: Any) -> None:
    """Refuse a JSON call that has no body, unless the view sets `allow_empty_body`.

    DRF takes a request without a body for an empty object before any parser is asked, and one that does not
    state its length for one without a body.
    """
    if request.method not in ("POST", "PUT", "PATCH") or request.META.get("CONTENT_LENGTH") not in (
        None,
        "",
        "0",
    ):
        return
    if request.META.get("HTTP_TRANSFER_ENCODING"):
        raise LengthRequired("Send the body with a Content-Length.")
    if getattr(view, "allow_empty_body", False):
        return
    if any(issubclass(parser, StrictJSONParser) for parser in view.parser_classes):
        raise BodyMalformed("The body must be a JSON object.", code="object_required")


class FastJSONRenderer(BaseRenderer):
    """Writes JSON with orjson: NaN and infinities become null, lazy texts texts, sets and the like lists."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return b"" if data is None else orjson.dumps(data, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Promise):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "__iter__"):
        return list(value)
    return str(value)
