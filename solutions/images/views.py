"""The solution over HTTP. Pictures come as base64 in JSON or as files in a multipart form; never as a path."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller
from accounts.errors import BodyTooLarge
from accounts.serializers import StrictSerializer
from accounts.strict_json import StrictJSONParser
from inference.predictor import Answer
from inference.views import answer_headers
from solutions.errors import ValueInvalid
from solutions.images import answers, serializers, services
from solutions.images.services import Asked


class ImagesViewSet(viewsets.ViewSet):
    """POST /api/v1/images/quality, /quality/batch and /classify"""

    parser_classes = [StrictJSONParser, MultiPartParser]
    scopes = {"quality": "predict", "batch": "predict", "classify": "predict"}

    @extend_schema(
        request={
            "application/json": serializers.QualityRequest,
            "multipart/form-data": serializers.QualityForm,
        },
        responses={200: serializers.QualityAnswer},
        operation_id="images_quality",
        description="How much of a picture a conversion to SVG with these parameters keeps: SSIM from 0 to 1.",
    )
    def quality(self, request: Request) -> Response:
        given = _given(request, serializers.QualityRequest, serializers.QualityForm)
        asked = _asked(request, given)
        judged = services.judge(images=[_one_picture(given["image"])], params=given["params"], asked=asked)
        return Response(answers.of_quality(judged, asked), headers=_headers(judged))

    @extend_schema(
        request={
            "application/json": serializers.QualityBatchRequest,
            "multipart/form-data": serializers.QualityBatchForm,
        },
        responses={200: serializers.QualityBatchAnswer},
        operation_id="images_quality_batch",
        description=f"The same for up to {services.MAX_PICTURES} pictures, all or nothing.",
    )
    def batch(self, request: Request) -> Response:
        given = _given(request, serializers.QualityBatchRequest, serializers.QualityBatchForm)
        pictures = given["images"] if "images" in given else [
            _one_picture(file, path=f"images[{at}]") for at, file in enumerate(given["image"])
        ]  # fmt: skip
        asked = _asked(request, given)
        judged = services.judge(images=pictures, params=given["params"], asked=asked, is_batch=True)
        return Response(answers.of_batch(judged, asked), headers=_headers(judged))

    @extend_schema(
        request={
            "application/json": serializers.ClassifyRequest,
            "multipart/form-data": serializers.ClassifyForm,
        },
        responses={200: serializers.ClassifyAnswer},
        operation_id="images_classify",
        description="What kind of logo a picture is: simple, gradient, text or complex.",
    )
    def classify(self, request: Request) -> Response:
        given = _given(request, serializers.ClassifyRequest, serializers.ClassifyForm)
        asked = _asked(request, given)
        answer = services.classify(image=_one_picture(given["image"]), asked=asked)
        return Response(answers.of_family(answer, asked), headers=answer_headers(answer))


def _given(request: Request, body: type[StrictSerializer], form: type[StrictSerializer]) -> dict[str, Any]:
    """The checked fields of either kind of body. Raises BodyTooLarge before a form is read that is too large."""
    is_form = (request.content_type or "").startswith("multipart/")
    if is_form and int(request.META.get("CONTENT_LENGTH") or 0) > settings.MAX_BODY_BYTES:
        raise BodyTooLarge(f"The body has more than {settings.MAX_BODY_BYTES:,} bytes.")
    data: Any = _flat(request, form) if is_form else request.data
    checked = (form if is_form else body)(data=data)
    checked.is_valid(raise_exception=True)
    return dict(checked.validated_data)


def _flat(request: Request, form: type[StrictSerializer]) -> dict[str, Any]:
    """A form as an object. A field that comes more often than it may is refused: which of them counts?"""
    parts: dict[str, Any] = {}
    takes_many = form is serializers.QualityBatchForm
    form_data: Any = request.data
    for name, values in form_data.lists():
        if name == "image" and takes_many:
            parts[name] = values
            continue
        if len(values) > 1:
            raise ValueInvalid(f"Send one {name}.", code="repeated_field", field=name)
        parts[name] = values[0]
    return parts


def _one_picture(value: Any, *, path: str = "image") -> str:
    return value if isinstance(value, str) else services.read_file(value, value.size, path=path)


def _asked(request: Request, given: dict[str, Any]) -> Asked:
    request_id = request._request.request_id  # type: ignore[attr-defined]
    return Asked(caller(request), request_id, given["use_cache"], given["subject_id"])


def _headers(judged: services.Judged) -> dict[str, str]:
    answer: Answer | None = judged.answer
    return {"X-Degraded": judged.degraded, "X-Cache": "bypass"} if answer is None else answer_headers(answer)
