"""Model files over HTTP: given to the owner and to staff, verified on the way, and written into the audit trail."""

import base64
from pathlib import PurePosixPath
from typing import Any

from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import parse_etags
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import viewsets
from rest_framework.request import Request

from accounts import query
from accounts.authentication import caller
from accounts.strict_json import FastJSONRenderer
from registry import downloads, seals
from registry.seals import StoredFile
from registry.views import find_version

_MEDIA_TYPE = "application/octet-stream"


class DownloadViewSet(viewsets.ViewSet):
    """GET /api/v1/models/{ref}/versions/{number}/download"""

    scopes = {"retrieve": "read"}

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Whatever is asked for, the file is sent as it is; a refusal is JSON."""
        return FastJSONRenderer(), FastJSONRenderer.media_type

    @extend_schema(
        responses={(200, _MEDIA_TYPE): OpenApiTypes.BINARY, 304: None},
        parameters=[OpenApiParameter("form", str, enum=list(seals.FORMS), description="`original` if left out.")],
        operation_id="versions_download",
        description="The file as it was uploaded, or its compiled form. `ETag` and `Repr-Digest` carry its SHA-256. "
        "For the owner and staff.",
    )
    def retrieve(self, request: Request, ref: str, number: int) -> HttpResponseBase:
        query.refuse_unknown(request, {"form"})
        form = query.choice("form", request.query_params.get("form", seals.ORIGINAL), seals.FORMS)
        version = find_version(request, ref, number)
        file = downloads.file_of(version, form=form, by=caller(request).user)
        headers = _headers(file)
        if _is_known(headers["ETag"], request.headers.get("If-None-Match", "")):
            return HttpResponse(status=304, headers=headers)
        if request.method == "HEAD":
            return HttpResponse(headers=headers, content_type=_MEDIA_TYPE)
        opened = downloads.open_file(version, file, by=caller(request).user)
        # Only what the platform made itself goes into the name.
        name = f"{version.model.name}-v{version.number}{PurePosixPath(file.path).suffix}"
        return FileResponse(opened, as_attachment=True, filename=name, content_type=_MEDIA_TYPE, headers=headers)


def _is_known(etag: str, named: str) -> bool:
    """Whether an If-None-Match names the file: `*`, or its tag among others, weak ones too (RFC 9110, 13.1.2)."""
    return named.strip() == "*" or etag in (known.removeprefix("W/") for known in parse_etags(named))


def _headers(file: StoredFile) -> dict[str, str]:
    digest = base64.b64encode(bytes.fromhex(file.sha256)).decode()
    return {"ETag": f'"{file.sha256}"', "Repr-Digest": f"sha-256=:{digest}:"}
