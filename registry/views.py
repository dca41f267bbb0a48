"""Models over HTTP. Each method translates, makes one domain call, and translates back."""

from datetime import datetime
from typing import Any

from django.db.models import Q
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import query
from accounts.authentication import caller
from accounts.idempotent_views import idempotent
from accounts.pagination import Pages
from accounts.strict_json import StrictJSONParser
from registry import resolver, selectors, services
from registry.errors import ModelNotFound
from registry.models import ModelVersion, RegisteredModel, RegisteredModelQuerySet, Task
from registry.serializers import (
    DeploymentSerializer,
    ModelPatchSerializer,
    ModelSerializer,
    NoteSerializer,
    note_of,
)

_STATUSES = ("listed", "active", "damaged", "archived", "all")
_ORDERINGS = ("name", "-name", "created_at", "-created_at", "updated_at", "-updated_at")


def find_model(request: Request, ref: str) -> RegisteredModel:
    """The model of a reference, as this credential may see it. Raises ModelNotFound."""
    model = resolver.find_model(ref, user=caller(request).user)
    if not caller(request).may_use_model(model.name):
        raise ModelNotFound(f"There is no model {ref!r}.")
    return model


def find_version(request: Request, ref: str, number: int) -> ModelVersion:
    """A version of a model, as this credential may see it. Raises ModelNotFound."""
    return resolver.find_version(find_model(request, ref), number)


class ModelViewSet(viewsets.ViewSet):
    """GET /api/v1/models, GET|PATCH|DELETE /api/v1/models/{ref}, GET .../history"""

    parser_classes = [StrictJSONParser]
    scopes = {
        "list": "read",
        "retrieve": "read",
        "history": "read",
        "partial_update": "upload",
        "destroy": "upload",
        "restore": "upload",
    }

    @property
    def allow_empty_body(self) -> bool:
        """Restoring needs no note."""
        return self.action == "restore"

    @extend_schema(
        responses=ModelSerializer(many=True),
        parameters=[
            OpenApiParameter(
                "status",
                str,
                enum=list(_STATUSES),
                description="active: with a live version; damaged: with a damaged file.",
            ),
            OpenApiParameter("task", str, enum=list(Task.values)),
            OpenApiParameter("owner", str, description="The owner's e-mail address."),
            OpenApiParameter("tag", str, description="One of the model's tags, in full."),
            OpenApiParameter("search", str, description="Part of the name or description."),
            OpenApiParameter("ordering", str, enum=list(_ORDERINGS)),
        ],
        operation_id="models_list",
    )
    def list(self, request: Request) -> Response:
        query.refuse_unknown(request, {"status", "task", "owner", "tag", "search", "ordering"} | query.PAGING)
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
    @idempotent()
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
    @idempotent()
    def destroy(self, request: Request, ref: str) -> Response:
        services.archive_model(model=find_model(request, ref), by=caller(request).user)
        return Response(status=204)

    @extend_schema(
        request=NoteSerializer,
        responses=ModelSerializer,
        operation_id="models_restore",
        description="Undo the archiving of a model: what was live when it was archived is served again.",
    )
    @idempotent()
    def restore(self, request: Request, ref: str) -> Response:
        note = note_of(request)
        model = find_model(request, ref)
        services.restore_model(model=model, by=caller(request).user, note=note)
        return self.retrieve(request, str(model.pk))

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
    status = query.choice("status", wanted.get("status", "listed"), _STATUSES)
    if status in ("listed", "active", "damaged"):
        models = models.listed()
    if status == "active":
        models = models.filter(deployments__isnull=False, deployments__closed_at=None)
    if status == "damaged":
        models = models.filter(pk__in=selectors.damaged_versions().values("model"))
    if status == "archived":
        models = models.exclude(archived_at=None)
    if task := wanted.get("task"):
        models = models.filter(task=query.choice("task", task, Task.values))
    if owner := wanted.get("owner"):
        models = models.filter(owner__email=owner.lower())
    if tag := wanted.get("tag"):
        models = models.filter(tags__has_item=tag)
    if search := wanted.get("search"):
        models = models.filter(Q(name__icontains=search) | Q(description__icontains=search))
    return models.order_by(query.choice("ordering", wanted.get("ordering", "name"), _ORDERINGS))


def _at(request: Request) -> datetime | None:
    text = request.query_params.get("at")
    return query.moment("at", text) if text else None
