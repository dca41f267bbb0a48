"""Uploads over HTTP."""

import time
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import viewsets
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import query
from accounts.authentication import caller
from accounts.idempotent_views import idempotent, keep
from registry import services
from registry.errors import ArtifactInvalid, ArtifactTooLarge, FieldInvalid, Forbidden
from registry.models import ModelVersion, Status
from registry.serializers import UploadedSerializer, UploadSerializer

_FORM_OVERHEAD_BYTES = 1 << 20
_MAX_WAIT_SECONDS = 300.0
_UNFINISHED = (Status.PENDING, Status.VALIDATING)


def _refuse_too_large(request: Request) -> None:
    if int(request.META.get("CONTENT_LENGTH") or 0) > settings.MAX_ARTIFACT_BYTES + _FORM_OVERHEAD_BYTES:
        raise _too_large()


def _too_large() -> ArtifactTooLarge:
    limit = settings.MAX_ARTIFACT_BYTES
    return ArtifactTooLarge(f"The file is larger than {limit:,} bytes.", field="file", limit_bytes=limit)


class UploadView(viewsets.ViewSet):
    """POST /api/v1/models/upload"""

    parser_classes = [MultiPartParser]
    scopes = {"create": "upload"}

    @extend_schema(
        request={"multipart/form-data": UploadSerializer},
        parameters=[
            OpenApiParameter(
                "wait",
                float,
                description="Seconds to wait for the validation before answering (at most 300).",
            )
        ],
        responses={201: UploadedSerializer, 202: UploadedSerializer},
        operation_id="models_upload",
        description="Upload a model file as the next version of a model. A job validates it: 202 while it does, "
        "201 when it is ready within `wait`.",
    )
    @idempotent(seconds=120.0, is_atomic=False, before=_refuse_too_large)
    def create(self, request: Request) -> Response:
        query.refuse_unknown(request, {"wait"})
        wait = _wait_seconds(request.query_params.get("wait", "0"))
        form = _upload_form(request)
        fields = dict(form.validated_data)
        file = fields.pop("file")
        if not caller(request).may_use_model(fields["name"]):
            raise Forbidden("This key is limited to other models.", field="name")
        with transaction.atomic():
            version = services.upload_version(by=caller(request).user, file=file, filename=file.name or "", **fields)
            keep(request, _answer(version))
        return _answer(wait_for_validation(version, seconds=wait))


def _answer(version: ModelVersion) -> Response:
    status = 201 if version.status == Status.READY else 202
    return Response(UploadedSerializer(_uploaded(version)).data, status=status)


def _wait_seconds(text: str) -> float:
    try:
        return max(0.0, min(float(text), _MAX_WAIT_SECONDS))
    except ValueError as error:
        raise query.invalid("wait", "a number of seconds") from error


def _upload_form(request: Request) -> UploadSerializer:
    """The checked form. Raises ArtifactTooLarge before reading a body that can't fit."""
    _refuse_too_large(request)
    data: Any = request.data
    if getattr(request._request, "artifact_too_large", False):
        raise _too_large()
    if len(request.FILES.getlist("file")) > 1:
        raise FieldInvalid("Send one file.", field="file")
    form = UploadSerializer(data=data.dict())
    form.is_valid(raise_exception=True)
    return form


def wait_for_validation(version: ModelVersion, *, seconds: float) -> ModelVersion:
    """Look until the version's validation ended or the time is up.

    Raises ArtifactInvalid with the failure's code when it failed: who waits for a bad file gets a clear refusal.
    """
    deadline = time.monotonic() + seconds
    while version.status in _UNFINISHED and time.monotonic() < deadline:
        time.sleep(0.1)
        version.refresh_from_db()
    if seconds and version.status == Status.FAILED:
        failure = version.failure or {}
        raise ArtifactInvalid(
            failure.get("message", ""),
            code=failure.get("code", ""),
            field=failure.get("field") or "file",
            **_uploaded(version),
        )
    return version


def _uploaded(version: ModelVersion) -> dict[str, Any]:
    model = version.model
    return {
        "model": {"id": model.pk, "name": model.name},
        "version": {"number": version.number, "status": version.status},
        "url": reverse("api-version", args=[model.name, version.number]),
    }
