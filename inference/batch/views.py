"""Batch jobs over HTTP. Each method translates, makes one domain call, and translates back."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import viewsets
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import query
from accounts.authentication import caller
from accounts.idempotent_views import idempotent, keep
from accounts.pagination import Pages
from accounts.strict_json import FastJSONRenderer
from inference.batch import selectors, services
from inference.batch.errors import InputRefused
from inference.batch.models import BatchJob, JobStatus
from inference.batch.serializers import BatchJobAnswer, BatchJobRequest, job_body
from inference.bulk.files import CONTENT_TYPES
from registry import resolver
from registry.errors import ModelNotFound
from registry.models import ModelVersion

_FORM_OVERHEAD_BYTES = 1 << 20
_SECONDS = 600.0


def _refuse_too_large(request: Request) -> None:
    """Before a body is read; and while it is, the file may be as large as these may be."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > settings.BATCH_MAX_BYTES + _FORM_OVERHEAD_BYTES:
        raise services.too_large()
    request._request.upload_limit_bytes = settings.BATCH_MAX_BYTES  # type: ignore[attr-defined]


def _job_of(request: Request, pk: UUID) -> BatchJob:
    return selectors.find(selectors.of_principal(caller(request)), pk)


class BatchJobViewSet(viewsets.ViewSet):
    """/api/v1/batch-jobs and below"""

    parser_classes = [MultiPartParser]
    scopes = {"create": "predict", "list": "predict", "retrieve": "predict", "destroy": "predict"}
    can_miss_its_model = True
    allow_empty_body = True

    @extend_schema(
        request={"multipart/form-data": BatchJobRequest},
        responses={202: BatchJobAnswer},
        operation_id="batch_jobs_create",
        description="Score a file in the background. Follow it at its address; fetch the results when it is done.",
    )
    @idempotent(seconds=_SECONDS, is_atomic=False, before=_refuse_too_large)
    def create(self, request: Request) -> Response:
        query.refuse_unknown(request, set())
        fields = _form(request)
        version = _version(request, fields["model"], fields.get("version"))
        with transaction.atomic():
            job = services.ask(
                version=version,
                by=caller(request).user,
                file=fields["file"],
                input_format=fields.get("input_format", ""),
                results_format=fields.get("format", ""),
            )
            keep(request, answer := Response(job_body(job), status=202))
        return answer

    @extend_schema(
        responses=BatchJobAnswer(many=True),
        parameters=[
            OpenApiParameter("status", str, enum=list(JobStatus.values)),
            OpenApiParameter("model", str, description="The model's name."),
        ],
        operation_id="batch_jobs_list",
        description="Your jobs, the newest first; with the permission `view_batchjob` everybody's.",
    )
    def list(self, request: Request) -> Response:
        query.refuse_unknown(request, {*query.PAGING, "status", "model"})
        jobs = selectors.of_principal(caller(request))
        if (status := request.query_params.get("status")) is not None:
            jobs = jobs.filter(status=query.choice("status", status, JobStatus.values))
        if (model := request.query_params.get("model")) is not None:
            jobs = jobs.filter(version__model__name=model)
        pages = Pages()
        found = pages.paginate_queryset(jobs, request) or []
        return pages.get_paginated_response([job_body(job) for job in found])

    @extend_schema(responses=BatchJobAnswer, operation_id="batch_jobs_retrieve", description="How far a job is.")
    def retrieve(self, request: Request, pk: UUID) -> Response:
        query.refuse_unknown(request, set())
        return Response(job_body(_job_of(request, pk)))

    @extend_schema(
        responses={202: BatchJobAnswer, 204: None},
        operation_id="batch_jobs_destroy",
        description="Cancels a job that is unfinished (202; it ends within seconds), and deletes one that has ended "
        "with its results (204).",
    )
    @idempotent()
    def destroy(self, request: Request, pk: UUID) -> Response:
        query.refuse_unknown(request, set())
        job, by = _job_of(request, pk), caller(request).user
        if not job.is_unfinished:
            services.delete(job=job, by=by)
            return Response(status=204)
        cancelled = services.cancel(job=job, by=by)
        return Response(job_body(cancelled), status=202)


class BatchResultsView(viewsets.ViewSet):
    """GET /api/v1/batch-jobs/{pk}/results"""

    scopes = {"retrieve": "predict"}
    needs_a_live_model = True

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Whatever is asked for, the file is sent as it is; a refusal is JSON."""
        return FastJSONRenderer(), FastJSONRenderer.media_type

    @extend_schema(
        responses={
            (200, media): OpenApiTypes.BINARY
            for media in ("text/csv", "application/x-ndjson", "application/vnd.apache.parquet")
        },
        operation_id="batch_jobs_results",
        description="The file of results: `row` from 1, the answer, or `error_code`, `error_field` and `error`. "
        "409 `results_not_ready` until the job is done.",
    )
    def retrieve(self, request: Request, pk: UUID) -> HttpResponseBase:
        query.refuse_unknown(request, set())
        job = _job_of(request, pk)
        selectors.require_results(job)
        if request.method == "HEAD":
            return HttpResponse(content_type=CONTENT_TYPES[job.results_format])
        services.note_download(job=job, by=caller(request).user)
        return results_response(job)


def results_response(job: BatchJob) -> FileResponse:
    """The results as a download."""
    return FileResponse(
        job.results_path.open("rb"),
        as_attachment=True,
        filename=selectors.results_name(job),
        content_type=CONTENT_TYPES[job.results_format],
    )


def _form(request: Request) -> dict[str, Any]:
    _refuse_too_large(request)
    data: Any = request.data
    if getattr(request._request, "artifact_too_large", False):
        raise services.too_large()
    if len(request.FILES.getlist("file")) > 1:
        raise InputRefused("Send one file.", field="file")
    form = BatchJobRequest(data=data.dict())
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


def _version(request: Request, reference: str, number: int | None) -> ModelVersion:
    """The version that is asked for. Raises ModelNotFound, NoActiveVersion, VersionNotReady."""
    principal = caller(request)
    wanted = reference if number is None else f"{reference}:{number}"
    served = resolver.resolve(wanted, user=principal.user)
    if not principal.may_use_model(served.model_name):
        raise ModelNotFound(f"There is no model {reference!r}.")
    return ModelVersion.objects.select_related("model").get(pk=served.version_id)
