"""The registry over HTTP. Each method translates, makes one domain call, and translates back."""

import time
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import viewsets
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import query
from accounts.authentication import caller
from accounts.pagination import Pages
from accounts.strict_json import StrictJSONParser
from registry import resolver, selectors, services
from registry.errors import ArtifactInvalid, ArtifactTooLarge, FieldInvalid, Forbidden, ModelNotFound
from registry.models import ModelVersion, RegisteredModel, RegisteredModelQuerySet, Status, Task
from registry.serializers import (
    DeploymentSerializer,
    ModelPatchSerializer,
    ModelSerializer,
    UploadedSerializer,
    UploadSerializer,
    VersionSerializer,
)

_FORM_OVERHEAD_BYTES = 1 << 20
_MAX_WAIT_SECONDS = 300.0
_ORDERINGS = ("name", "-name", "created_at", "-created_at", "updated_at", "-updated_at")
_UNFINISHED = (Status.PENDING, Status.VALIDATING)


def find_model(request: Request, ref: str) -> RegisteredModel:
    """The model of a reference, as this credential may see it. Raises ModelNotFound."""
    model = resolver.find_model(ref, user=caller(request).user)
    if not caller(request).may_use_model(model.name):
        raise ModelNotFound(f"There is no model {ref!r}.")
    return model


def find_version(request: Request, ref: str, number: int) -> ModelVersion:
    """A version of a model, as this credential may see it. Raises ModelNotFound."""
    return resolver.find_version(find_model(request, ref), number)


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
    def create(self, request: Request) -> Response:
        query.refuse_unknown(request, {"wait"})
        wait = _wait_seconds(request.query_params.get("wait", "0"))
        form = _upload_form(request)
        fields = dict(form.validated_data)
        file = fields.pop("file")
        if not caller(request).may_use_model(fields["name"]):
            raise Forbidden("This key is limited to other models.", field="name")
        version = services.upload_version(by=caller(request).user, file=file, filename=file.name or "", **fields)
        version = wait_for_validation(version, seconds=wait)
        return Response(
            UploadedSerializer(_uploaded(version)).data, status=201 if version.status == Status.READY else 202
        )


def _wait_seconds(text: str) -> float:
    try:
        return max(0.0, min(float(text), _MAX_WAIT_SECONDS))
    except ValueError as error:
        raise query.invalid("wait", "a number of seconds") from error


def _upload_form(request: Request) -> UploadSerializer:
    """The checked form. Raises ArtifactTooLarge before reading a body that can't fit."""
    limit = settings.MAX_ARTIFACT_BYTES
    too_large = ArtifactTooLarge(f"The file is larger than {limit:,} bytes.", field="file", limit_bytes=limit)
    if int(request.META.get("CONTENT_LENGTH") or 0) > limit + _FORM_OVERHEAD_BYTES:
        raise too_large
    data: Any = request.data
    if getattr(request._request, "artifact_too_large", False):
        raise too_large
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


class ModelViewSet(viewsets.ViewSet):
    """GET /api/v1/models, GET|PATCH|DELETE /api/v1/models/{ref}, GET .../history"""

    parser_classes = [StrictJSONParser]
    scopes = {
        "list": "read",
        "retrieve": "read",
        "history": "read",
        "partial_update": "upload",
        "destroy": "upload",
    }

    @extend_schema(
        responses=ModelSerializer(many=True),
        parameters=[
            OpenApiParameter(
                "status", str, enum=["listed", "active", "archived", "all"], description="active: with a live version."
            ),
            OpenApiParameter("task", str, enum=list(Task.values)),
            OpenApiParameter("owner", str, description="The owner's e-mail address."),
            OpenApiParameter("search", str, description="Part of the name or description."),
            OpenApiParameter("ordering", str, enum=list(_ORDERINGS)),
        ],
        operation_id="models_list",
    )
    def list(self, request: Request) -> Response:
        query.refuse_unknown(request, {"status", "task", "owner", "search", "ordering"} | query.PAGING)
        models = _filtered(
            selectors.models_with_live(caller(request).user, only=caller(request).model_names), request.query_params
        )
        pages = Pages()
        page = pages.paginate_queryset(models, request, view=self)
        return pages.get_paginated_response(ModelSerializer(page, many=True).data)

    @extend_schema(responses=ModelSerializer, operation_id="models_retrieve")
    def retrieve(self, request: Request, ref: str) -> Response:
        model = find_model(request, ref)
        return Response(ModelSerializer(selectors.models_with_live(caller(request).user).get(pk=model.pk)).data)

    @extend_schema(request=ModelPatchSerializer, responses=ModelSerializer, operation_id="models_update")
    def partial_update(self, request: Request, ref: str) -> Response:
        form = ModelPatchSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        model = find_model(request, ref)
        services.change_model(model=model, by=caller(request).user, **form.validated_data)
        return self.retrieve(request, str(model.pk))

    @extend_schema(
        responses={204: None},
        operation_id="models_archive",
        description="Archive the model: it is hidden and no longer served.",
    )
    def destroy(self, request: Request, ref: str) -> Response:
        services.archive_model(model=find_model(request, ref), by=caller(request).user)
        return Response(status=204)

    @extend_schema(
        responses=DeploymentSerializer(many=True),
        parameters=[OpenApiParameter("at", str, description="What was live at this moment (ISO 8601).")],
        operation_id="models_history",
    )
    def history(self, request: Request, ref: str) -> Response:
        query.refuse_unknown(request, {"at"} | query.PAGING)
        model = find_model(request, ref)
        pages = Pages()
        page = pages.paginate_queryset(selectors.history(model, at=_at(request)), request, view=self)
        return pages.get_paginated_response(DeploymentSerializer(page, many=True).data)


def _filtered(models: RegisteredModelQuerySet, wanted: Any) -> RegisteredModelQuerySet:
    status = query.choice("status", wanted.get("status", "listed"), ("listed", "active", "archived", "all"))
    if status in ("listed", "active"):
        models = models.listed()
    if status == "active":
        models = models.filter(deployments__isnull=False, deployments__closed_at=None)
    if status == "archived":
        models = models.exclude(archived_at=None)
    if task := wanted.get("task"):
        models = models.filter(task=query.choice("task", task, Task.values))
    if owner := wanted.get("owner"):
        models = models.filter(owner__email=owner.lower())
    if search := wanted.get("search"):
        models = models.filter(Q(name__icontains=search) | Q(description__icontains=search))
    return models.order_by(query.choice("ordering", wanted.get("ordering", "name"), _ORDERINGS))


def _at(request: Request) -> datetime | None:
    text = request.query_params.get("at")
    return query.moment("at", text) if text else None


class VersionViewSet(viewsets.ViewSet):
    """GET /api/v1/models/{ref}/versions and /{number}"""

    parser_classes = [StrictJSONParser]
    scopes = {"list": "read", "retrieve": "read", "report": "read"}

    @extend_schema(
        responses=VersionSerializer(many=True),
        parameters=[OpenApiParameter("status", str, enum=[*Status.values, "active"])],
        operation_id="versions_list",
    )
    def list(self, request: Request, ref: str) -> Response:
        query.refuse_unknown(request, {"status"} | query.PAGING)
        versions = selectors.versions_with_live(find_model(request, ref))
        if status := request.query_params.get("status"):
            query.choice("status", status, (*Status.values, "active"))
            versions = (
                versions.filter(deployments__isnull=False, deployments__closed_at=None)
                if status == "active"
                else versions.filter(status=status)
            )
        pages = Pages()
        page = pages.paginate_queryset(versions, request, view=self)
        return pages.get_paginated_response(VersionSerializer(page, many=True).data)

    @extend_schema(responses=VersionSerializer, operation_id="versions_retrieve")
    def retrieve(self, request: Request, ref: str, number: int) -> Response:
        version = find_version(request, ref, number)
        return Response(VersionSerializer(selectors.versions_with_live(version.model).get(pk=version.pk)).data)

    @extend_schema(responses={200: dict}, operation_id="versions_report", description="What validation did and found.")
    def report(self, request: Request, ref: str, number: int) -> Response:
        version = find_version(request, ref, number)
        return Response(
            {
                "status": version.status,
                "failure": version.failure,
                "parity": version.parity,
                "report": version.report,
            }
        )
