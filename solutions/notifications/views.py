"""The calls of seed 000 below /api/v1/ml/. Each method translates, makes one domain call, and translates back."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import query
from accounts.authentication import caller
from accounts.idempotent_views import idempotent, keep
from accounts.pagination import Pages
from accounts.strict_json import StrictJSONParser
from inference.views import answer_headers
from monitoring import statistics
from registry import selectors
from registry.models import Deployment
from registry.serializers import NoteSerializer, VersionSerializer, note_of
from solutions import asking
from solutions.notifications import MODEL, health, services, versions
from solutions.notifications import serializers as forms

_HOURS = OpenApiParameter("hours", int, description=f"How far back, 1 to {statistics.MOST_HOURS}.")


class ClassifyViewSet(viewsets.ViewSet):
    """POST /api/v1/ml/classify and /api/v1/ml/classify/batch"""

    parser_classes = [StrictJSONParser]
    scopes = {"single": "predict", "batch": "predict"}
    allow_empty_body = True  # an empty body is refused by the reader, and written down

    @extend_schema(
        request=forms.ClassifySerializer,
        responses={200: forms.NotificationResultSerializer},
        operation_id="ml_classify",
    )
    def single(self, request: Request) -> Response:
        judged = self._judged(request, forms.ClassifySerializer)
        return Response(judged.results[0], headers=answer_headers(judged.answer))

    @extend_schema(
        request=forms.ClassifyBatchSerializer,
        responses={200: forms.BatchResultSerializer},
        operation_id="ml_classify_batch",
        description=f"Up to {services.MAX_BATCH} notifications; all or nothing.",
    )
    def batch(self, request: Request) -> Response:
        judged = self._judged(request, forms.ClassifyBatchSerializer)
        body = {
            "results": judged.results,
            "count": len(judged.results),
            "inference_time_ms": round(judged.answer.inference_ms, 3),
        }
        return Response(body, headers=answer_headers(judged.answer))

    def _judged(self, request: Request, kind: type[Any]) -> services.Judged:
        def read() -> services.Asked:
            form = kind(data=request.data)
            form.is_valid(raise_exception=True)
            asked: services.Asked = form.asked()
            return asked

        return services.classify(by=caller(request), read=read, request_id=_id_of(request))


class ModelViewSet(viewsets.ViewSet):
    """GET /api/v1/ml/model/info, versions and performance; POST version/switch, reload and rollback"""

    needs_a_live_model = True
    parser_classes = [StrictJSONParser]
    scopes = {
        "info": "read",
        "list": "read",
        "performance": "read",
        "switch": "activate",
        "reload": "activate",
        "rollback": "activate",
    }

    @property
    def allow_empty_body(self) -> bool:
        """Only a switch has something to say."""
        return self.action in ("reload", "rollback")

    @extend_schema(responses=forms.InfoSerializer, operation_id="ml_model_info")
    def info(self, request: Request) -> Response:
        query.refuse_unknown(request, frozenset())
        return Response(forms.InfoSerializer(versions.info(caller(request))).data)

    @extend_schema(responses=VersionSerializer(many=True), operation_id="ml_model_versions")
    def list(self, request: Request) -> Response:
        query.refuse_unknown(request, query.PAGING)
        model = asking.model_for(principal=caller(request), model=MODEL)
        pages = Pages()
        found = selectors.versions_with_live(model).defer(*selectors.DETAILS)
        page = pages.paginate_queryset(found, request, view=self)
        return pages.get_paginated_response(VersionSerializer(page, many=True).data)

    @extend_schema(
        responses=forms.ClassifierPerformanceSerializer, parameters=[_HOURS], operation_id="ml_model_performance"
    )
    def performance(self, request: Request) -> Response:
        query.refuse_unknown(request, {"hours"})
        told = versions.performance(caller(request), hours=_hours(request))
        return Response(forms.ClassifierPerformanceSerializer(told).data)

    @extend_schema(
        request=forms.SwitchSerializer,
        responses=forms.SwitchedSerializer,
        operation_id="ml_model_switch",
        description="Every serving process warms the version up first; until then the old one answers.",
    )
    @idempotent(seconds=lambda: settings.STAGING_SECONDS + 30.0, is_atomic=False)
    def switch(self, request: Request) -> Response:
        form = forms.SwitchSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wanted, note = form.validated_data["version"], form.validated_data.get("note", "")
        entry = versions.switch(by=caller(request), wanted=wanted, note=note, within=_kept(request))
        return _switched(entry)

    @extend_schema(
        request=forms.EmptySerializer,
        responses=forms.ReloadedSerializer,
        operation_id="ml_model_reload",
        description="Every serving process verifies the live version's file and golden answers, and loads it where it "
        "is not loaded. Requests are answered meanwhile.",
    )
    def reload(self, request: Request) -> Response:
        forms.EmptySerializer(data=request.data or {}).is_valid(raise_exception=True)
        entry, found = versions.reload(by=caller(request))
        return Response({**_switched(entry).data, "processes": found["processes"]})

    @extend_schema(request=NoteSerializer, responses=forms.SwitchedSerializer, operation_id="ml_model_rollback")
    @idempotent(seconds=lambda: settings.STAGING_SECONDS + 30.0, is_atomic=False)
    def rollback(self, request: Request) -> Response:
        note = note_of(request)
        return _switched(versions.rollback(by=caller(request), note=note, within=_kept(request)))


class CacheViewSet(viewsets.ViewSet):
    """GET /api/v1/ml/cache/stats, DELETE /api/v1/ml/cache"""

    needs_a_live_model = True
    parser_classes = [StrictJSONParser]
    scopes = {"stats": "read", "clear": "activate"}
    allow_empty_body = True

    @extend_schema(responses=forms.ClassifierCacheStatsSerializer, parameters=[_HOURS], operation_id="ml_cache_stats")
    def stats(self, request: Request) -> Response:
        query.refuse_unknown(request, {"hours"})
        return Response(versions.cache_stats(caller(request), hours=_hours(request)))

    @extend_schema(responses={200: forms.ClearedSerializer}, operation_id="ml_cache_clear")
    def clear(self, request: Request) -> Response:
        return Response({"cleared": versions.clear_cache(by=caller(request))})


class HealthViewSet(viewsets.ViewSet):
    """GET /api/v1/ml/health"""

    scopes = {"health": "read"}

    @extend_schema(
        responses=health.ClassifierHealthSerializer,
        operation_id="ml_health",
        description="503 `models_unavailable`, with the same keys beside `error`, when the model can't be answered.",
    )
    def health(self, request: Request) -> Response:
        query.refuse_unknown(request, frozenset())
        body, is_healthy = health.collect(caller(request))
        if not is_healthy:
            body = {**health.refusal(_id_of(request)), **body}
        return Response(body, status=200 if is_healthy else 503, headers={"Cache-Control": "no-store"})


def _id_of(request: Request) -> str:
    return str(request._request.request_id)  # type: ignore[attr-defined]


def _hours(request: Request) -> int:
    text = request.query_params.get("hours", str(statistics.USUAL_HOURS))
    return query.whole_number("hours", text, least=1, most=statistics.MOST_HOURS)


def _kept(request: Request) -> Any:
    """Has the answer committed with the ledger's entry, so that a repeated call can't switch twice."""
    return lambda entry: keep(request, _switched(entry))


def _switched(entry: Deployment) -> Response:
    body = {"version": entry.version.number, "previous_version": entry.previous_version_number()}
    return Response(forms.SwitchedSerializer(body).data)
