"""Which renderer answers: nearly every caller takes JSON, and most say nothing else."""

from collections.abc import Iterable
from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class Negotiation(DefaultContentNegotiation):
    """DRF's, but that a view's first renderer is found at once for whoever takes it or anything, and asks no query.

    DRF would parse all headers and sort media types for that: a fifteenth of what a prediction costs.
    """

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        given: dict[str, Any] = request._request.META
        first = next(iter(renderers))
        is_taken = given.get("HTTP_ACCEPT", "*/*") in ("*/*", first.media_type)
        if format_suffix or given.get("QUERY_STRING") or not is_taken:
            return super().select_renderer(request, renderers, format_suffix)
        return first, first.media_type
