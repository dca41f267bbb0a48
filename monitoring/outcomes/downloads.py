"""Labelled rows as a file that browsers and programs save."""

from collections.abc import Iterator

from django.http import StreamingHttpResponse

from monitoring.outcomes import exporting


def file_of(lines: Iterator[bytes], name: str, format: str) -> StreamingHttpResponse:
    """The streamed answer that a browser saves as a file."""
    answer = StreamingHttpResponse(lines, content_type=exporting.FORMATS[format])
    answer["Content-Disposition"] = f'attachment; filename="{name}-labelled.{format}"'
    answer["Cache-Control"] = "no-store"
    return answer
