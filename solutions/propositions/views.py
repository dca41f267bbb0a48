"""The propositions' calls over HTTP, at the paths of seed 003 and below /api/v1/."""

import re
from typing import Any

from django.conf import settings
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import query
from accounts.authentication import caller
from accounts.errors import Forbidden
from accounts.idempotent_views import idempotent, keep
from accounts.pagination import Pages
from accounts.strict_json import StrictJSONParser
from inference.serializers import ActivationSerializer
from registry.models import Deployment
from registry.serializers import VersionSerializer
from solutions.propositions import selectors, services, suggesting
from solutions.propositions import serializers as shapes
from solutions.propositions.filters import filtered_interactions, filtered_propositions
from solutions.propositions.models import MOST_ID_CHARACTERS, Proposition


def _checked(form: Any) -> dict[str, Any]:
    form.is_valid(raise_exception=True)
    data: dict[str, Any] = form.validated_data
    return data


def _request_id(request: Request) -> str:
    return request._request.request_id  # type: ignore[attr-defined]


class SuggestViewSet(viewsets.ViewSet):
    """What to show a user, and what they did with it."""

    parser_classes = [StrictJSONParser]
    is_also_at_root = True
    scopes = {"suggest": "predict", "log_event": "predict"}

    @extend_schema(
        request=shapes.SuggestSerializer,
        responses={200: shapes.SuggestionSerializer},
        operation_id="suggest",
        description="Propositions for a user, the best first, each with a reason. Without a live model, or when it "
        "fails, rules rank them: then `degraded` is true and `fallback_reason` says why.",
    )
    def suggest(self, request: Request) -> Response:
        form = shapes.SuggestSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        request_id = _request_id(request)
        found = suggesting.suggest(wanted=form.wanted(), by=caller(request), request_id=request_id)
        headers = {"X-Cache": found.cache}
        if found.version is not None:
            headers["X-Model-Version"] = str(found.version)
        if found.is_degraded:
            headers["X-Degraded"] = found.reason
        return Response(shapes.suggestion_body(found, request_id=request_id), headers=headers)

    @extend_schema(
        request=shapes.EventSerializer,
        responses={201: shapes.LoggedSerializer},
        operation_id="log_event",
        description="What a user did with a proposition. The next suggestion for the user takes it into account.",
    )
    @idempotent()
    def log_event(self, request: Request) -> Response:
        event = services.log_event(**_checked(shapes.EventSerializer(data=request.data)))
        return Response({"event_id": event.pk}, status=201)


class PropositionViewSet(viewsets.ViewSet):
    """What can be suggested."""

    parser_classes = [StrictJSONParser]
    is_also_at_root = True
    scopes = {"list": "read", "retrieve": "read", "create": "upload", "partial_update": "upload"}

    @extend_schema(
        responses=shapes.PropositionSerializer(many=True),
        operation_id="propositions_list",
        parameters=[
            OpenApiParameter("category", str),
            OpenApiParameter("is_active", bool),
            OpenApiParameter("search", str, description="In ids and titles."),
            OpenApiParameter(
                "ordering", str, enum=["proposition_id", "-published_at", "-click_rate", "price", "-price"]
            ),
            OpenApiParameter("page", int),
            OpenApiParameter("page_size", int),
        ],
    )
    def list(self, request: Request) -> Response:
        pages = Pages()
        page = pages.paginate_queryset(filtered_propositions(request), request, view=self)
        return pages.get_paginated_response(shapes.PropositionSerializer(page, many=True).data)

    @extend_schema(responses=shapes.PropositionSerializer, operation_id="propositions_retrieve")
    def retrieve(self, request: Request, proposition_id: str) -> Response:
        query.refuse_unknown(request, frozenset())
        return _told(selectors.proposition(proposition_id))

    @extend_schema(
        request=shapes.PropositionCreateSerializer,
        responses={201: shapes.PropositionSerializer},
        operation_id="propositions_create",
        description="Needs the permission `add_proposition`.",
    )
    @idempotent()
    def create(self, request: Request) -> Response:
        facts = _checked(shapes.PropositionCreateSerializer(data=request.data))
        return _told(services.create_proposition(by=caller(request).user, **facts), status=201)

    @extend_schema(
        request=shapes.PropositionPatchSerializer,
        responses=shapes.PropositionSerializer,
        operation_id="propositions_update",
        description="Needs the permission `change_proposition`. What was logged keeps the category and price it had.",
    )
    def partial_update(self, request: Request, proposition_id: str) -> Response:
        facts = _checked(shapes.PropositionPatchSerializer(data=request.data))
        return _told(services.change_proposition(by=caller(request).user, proposition_id=proposition_id, **facts))


def _told(proposition: Proposition, status: int = 200) -> Response:
    return Response(shapes.PropositionSerializer(proposition).data, status=status)


class BehaviourViewSet(viewsets.ViewSet):
    """What users did, and what is said of them. Reading it needs a permission: it is about people."""

    parser_classes = [StrictJSONParser]
    is_also_at_root = True
    scopes = {"interactions": "read", "features": "read", "state_features": "predict"}

    @extend_schema(
        responses=shapes.InteractionSerializer(many=True),
        operation_id="interactions_list",
        description="What was logged, the newest first. Needs the permission `view_interaction`.",
        parameters=[
            OpenApiParameter("user_id", str),
            OpenApiParameter("proposition_id", str),
            OpenApiParameter("event_type", str),
            OpenApiParameter("from", str, description="Known from this moment on (ISO 8601 with zone)."),
            OpenApiParameter("to", str, description="Known before this moment."),
            OpenApiParameter("page", int),
            OpenApiParameter("page_size", int),
        ],
    )
    def interactions(self, request: Request) -> Response:
        _require(request, "solutions.view_interaction")
        pages = Pages()
        page = pages.paginate_queryset(filtered_interactions(request), request, view=self)
        return pages.get_paginated_response(shapes.InteractionSerializer(page, many=True).data)

    @extend_schema(
        responses=shapes.UserFeaturesSerializer,
        operation_id="user_features_retrieve",
        description="What is said of a user and what the ranking derives. Needs the permission `view_userfeatures`.",
    )
    def features(self, request: Request, user_id: str) -> Response:
        query.refuse_unknown(request, frozenset())
        _require(request, "solutions.view_userfeatures")
        return Response(shapes.UserFeaturesSerializer(selectors.features_of(_user_id(user_id))).data)

    @extend_schema(
        request=shapes.FeaturesSerializer, responses=shapes.StatedSerializer, operation_id="user_features_update"
    )
    def state_features(self, request: Request, user_id: str) -> Response:
        said = _checked(shapes.FeaturesSerializer(data=request.data))
        row = services.state_features(user_id=_user_id(user_id), **said)
        return Response(shapes.StatedSerializer(row).data)


def _require(request: Request, right: str) -> None:
    if not request.user.has_perm(right):
        raise Forbidden("This tells of people: ask for the permission.", details={"right": right})


def _user_id(text: str) -> str:
    """The id in a path, if a user may have it; else there is nothing there."""
    if not re.fullmatch(shapes.ID_PATTERN, text) or len(text) > MOST_ID_CHARACTERS:
        raise Http404
    return text


def _staging_seconds() -> float:
    return settings.STAGING_SECONDS + 30.0


def _entered(entry: Deployment) -> Response:
    body = {
        "deployment_id": entry.pk,
        "version": entry.version.number,
        "previous_version": entry.previous_version_number(),
        "activated_at": entry.activated_at,
    }
    return Response(ActivationSerializer(body).data)


class RankingViewSet(viewsets.ViewSet):
    """The ranking model, its figures, and what it did."""

    parser_classes = [StrictJSONParser]
    is_also_at_root = True
    can_miss_its_model = True
    scopes = {
        "performance": "read",
        "versions": "read",
        "activate": "activate",
        "metrics": "read",
        "cache": "read",
        "clear": "activate",
    }

    @extend_schema(
        responses=shapes.PerformanceSerializer(many=True),
        operation_id="suggest_performance",
        description="A row for each number that was measured of each version (the newest fifty).",
    )
    def performance(self, request: Request) -> Response:
        query.refuse_unknown(request, frozenset())
        return Response(shapes.PerformanceSerializer(selectors.performance(request.user), many=True).data)

    @extend_schema(responses=VersionSerializer(many=True), operation_id="suggest_versions")
    def versions(self, request: Request) -> Response:
        query.refuse_unknown(request, query.PAGING)
        pages = Pages()
        page = pages.paginate_queryset(selectors.versions(request.user), request, view=self)
        return pages.get_paginated_response(VersionSerializer(page, many=True).data)

    @extend_schema(request=shapes.ActivateSerializer, responses=ActivationSerializer, operation_id="suggest_activate")
    @idempotent(seconds=_staging_seconds, is_atomic=False)
    def activate(self, request: Request) -> Response:
        wanted = _checked(shapes.ActivateSerializer(data=request.data))
        entry = services.activate(
            by=caller(request).user,
            number=wanted["version"],
            note=wanted["note"],
            within=lambda made: keep(request, _entered(made)),
        )
        return _entered(entry)

    @extend_schema(responses=shapes.SuggestMetricsSerializer, operation_id="suggest_metrics")
    def metrics(self, request: Request) -> Response:
        query.refuse_unknown(request, frozenset())
        return Response(shapes.SuggestMetricsSerializer(selectors.metrics_told()).data)

    @extend_schema(responses=shapes.CacheStatsSerializer, operation_id="suggest_cache_stats")
    def cache(self, request: Request) -> Response:
        query.refuse_unknown(request, frozenset())
        return Response(shapes.CacheStatsSerializer(selectors.cache_stats()).data)

    @extend_schema(request=None, responses=shapes.ClearedSerializer, operation_id="suggest_cache_clear")
    def clear(self, request: Request) -> Response:
        return Response({"cleared": services.clear_cache(by=caller(request).user)})
