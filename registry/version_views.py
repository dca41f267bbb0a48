"""A model's versions over HTTP. Each method translates, makes one domain call, and translates back."""

from collections.abc import Callable

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import query
from accounts.authentication import caller
from accounts.idempotent_views import idempotent
from accounts.pagination import Pages
from accounts.strict_json import StrictJSONParser
from registry import selectors, services
from registry.models import ModelVersion, Status
from registry.serializers import (
    NoteSerializer,
    VersionDetailSerializer,
    VersionPatchSerializer,
    VersionSerializer,
    note_of,
)
from registry.views import find_model, find_version


class VersionViewSet(viewsets.ViewSet):
    """GET /api/v1/models/{ref}/versions, GET|PATCH .../{number}, and the steps of a version's later life"""

    parser_classes = [StrictJSONParser]
    scopes = {
        "list": "read",
        "retrieve": "read",
        "report": "read",
        "partial_update": "upload",
        "deprecate": "activate",
        "archive": "activate",
        "restore": "activate",
    }

    @property
    def allow_empty_body(self) -> bool:
        """A step needs no note."""
        return self.action in ("deprecate", "archive", "restore")

    @extend_schema(
        responses=VersionSerializer(many=True),
        parameters=[
            OpenApiParameter("status", str, enum=[*Status.values, "active"]),
            OpenApiParameter("tag", str, description="One of the version's tags, in full."),
        ],
        operation_id="versions_list",
    )
    def list(self, request: Request, ref: str) -> Response:
        query.refuse_unknown(request, {"status", "tag"} | query.PAGING)
        model = find_model(request, ref)
        versions = selectors.versions_with_live(model).defer(*selectors.DETAILS)
        if status := request.query_params.get("status"):
            query.choice("status", status, (*Status.values, "active"))
            versions = (
                versions.filter(pk__in=selectors.live_version(model))
                if status == "active"
                else versions.filter(status=status)
            )
        if tag := request.query_params.get("tag"):
            versions = versions.filter(tags__has_item=tag)
        pages = Pages()
        page = pages.paginate_queryset(versions, request, view=self)
        return pages.get_paginated_response(VersionSerializer(page, many=True).data)

    @extend_schema(responses=VersionDetailSerializer, operation_id="versions_retrieve")
    def retrieve(self, request: Request, ref: str, number: int) -> Response:
        return _shown(find_version(request, ref, number))

    @extend_schema(
        request=VersionPatchSerializer,
        responses=VersionDetailSerializer,
        operation_id="versions_update",
        description="Change what people say about a version. The artifact and its proof never change.",
    )
    @idempotent()
    def partial_update(self, request: Request, ref: str, number: int) -> Response:
        form = VersionPatchSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        version = find_version(request, ref, number)
        return _shown(services.describe_version(version=version, by=caller(request).user, **form.validated_data))

    @extend_schema(responses={200: dict}, operation_id="versions_report", description="What validation did and found.")
    def report(self, request: Request, ref: str, number: int) -> Response:
        version = find_version(request, ref, number)
        return Response(
            {
                "status": version.status,
                "failure": version.failure,
                "parity": version.parity,
                "golden": selectors.golden_facts(version),
                "report": version.report,
            }
        )

    @extend_schema(
        request=NoteSerializer,
        responses=VersionDetailSerializer,
        operation_id="versions_deprecate",
        description="The version is served as before; its answers carry a warning. `restore` takes it back.",
    )
    @idempotent()
    def deprecate(self, request: Request, ref: str, number: int) -> Response:
        return _step(services.deprecate, request, ref, number)

    @extend_schema(
        request=NoteSerializer,
        responses=VersionDetailSerializer,
        operation_id="versions_archive",
        description="The version can't be called any more; its files stay. 409 `version_is_live` while it is live.",
    )
    @idempotent()
    def archive(self, request: Request, ref: str, number: int) -> Response:
        return _step(services.archive_version, request, ref, number)

    @extend_schema(
        request=NoteSerializer,
        responses=VersionDetailSerializer,
        operation_id="versions_restore",
        description="Undo `deprecate` or `archive`: the version is again what its validation found it to be.",
    )
    @idempotent()
    def restore(self, request: Request, ref: str, number: int) -> Response:
        return _step(services.restore_version, request, ref, number)


def _step(service: Callable[..., ModelVersion], request: Request, ref: str, number: int) -> Response:
    note = note_of(request)
    return _shown(service(version=find_version(request, ref, number), by=caller(request).user, note=note))


def _shown(version: ModelVersion) -> Response:
    fresh = selectors.versions_with_live(version.model).get(pk=version.pk)
    return Response(VersionDetailSerializer(fresh).data)
