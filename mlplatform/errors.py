"""The one table from what went wrong to what a caller is told, and every door's way to say it.

A domain error is listed here by its class; the nearest listed class of an error decides. The body is always
`{"error": {"code", "message", "details", "request_id"}}`. An error that is not listed is ours: the caller
learns nothing but the request's id, under which the log has the rest.
"""

import errno
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.core import exceptions as django_errors
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from rest_framework import exceptions as drf_errors
from rest_framework.response import Response
from rest_framework.views import set_rollback

from accounts import errors as accounts_errors
from accounts.authentication import CHALLENGE
from inference import errors as inference_errors
from inference.batch import errors as batch_errors
from monitoring.drift import errors as drift_errors
from monitoring.outcomes import errors as outcomes_errors
from monitoring.spool import errors as spool_errors
from registry import errors as registry_errors
from solutions import errors as solutions_errors

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rule:
    """How one class of errors is answered. `code` and `message` speak when the error itself has none to tell.

    `is_fault` marks what an operator should see in the log; `hides_text` keeps the error's own words back.
    """

    status: int
    code: str
    message: str = "The request can't be answered."
    is_fault: bool = False
    hides_text: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller is told."""

    status: int
    code: str
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self, request_id: str) -> dict[str, Any]:
        """The envelope."""
        return {
            "error": {
                "code": self.code,
                "message": self.message,
                "details": dict(self.details),
                "request_id": request_id,
            }
        }


_RETRY_AFTER_SECONDS = 1
_DATABASE = Rule(503, "database_unavailable", "The database does not answer.", is_fault=True, hides_text=True)
_DAMAGED = "The model's file is missing or damaged; an administrator has to look."
_TOO_LARGE = Rule(413, "body_too_large", "The body is too large.", hides_text=True)
_NO_ROOM = Rule(507, "storage_full", "The disk is full: nothing can be stored now.", is_fault=True, hides_text=True)
_NO_ROOM_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_INTERNAL = Rule(500, "internal_error", "Something went wrong on our side.", is_fault=True, hides_text=True)

TABLE: dict[type[BaseException], Rule] = {
    # accounts
    accounts_errors.CredentialInvalid: Rule(401, "authentication_failed"),
    accounts_errors.AmbiguousCredentials: Rule(400, "ambiguous_credentials"),
    accounts_errors.ScopeMissing: Rule(403, "scope_missing"),
    accounts_errors.Forbidden: Rule(403, "forbidden"),
    accounts_errors.SignInLocked: Rule(429, "sign_in_locked"),
    accounts_errors.SecondFactorInvalid: Rule(403, "second_factor_invalid"),
    accounts_errors.SecondFactorMissing: Rule(409, "second_factor_missing"),
    accounts_errors.RegistrationClosed: Rule(403, "registration_closed"),
    accounts_errors.RegistrationInvalid: Rule(422, "validation_failed"),
    accounts_errors.KeyRequestInvalid: Rule(422, "validation_failed"),
    accounts_errors.KeyFromEnvironment: Rule(409, "key_from_environment"),
    accounts_errors.UnknownField: Rule(400, "unknown_field"),
    accounts_errors.BodyMalformed: Rule(400, "json"),
    accounts_errors.BodyValueInvalid: Rule(422, "text"),
    accounts_errors.BodyTooLarge: Rule(413, "body_too_large"),
    accounts_errors.LengthRequired: Rule(411, "length_required"),
    accounts_errors.RateLimited: Rule(429, "rate_limited"),
    accounts_errors.IdempotencyKeyInvalid: Rule(400, "invalid_idempotency_key"),
    accounts_errors.IdempotencyKeyReused: Rule(422, "idempotency_key_reused"),
    accounts_errors.IdempotencyInProgress: Rule(409, "idempotency_in_progress"),
    # registry
    registry_errors.ModelNotFound: Rule(404, "not_found"),
    registry_errors.NoActiveVersion: Rule(409, "no_active_version"),
    registry_errors.VersionNotReady: Rule(409, "version_not_ready"),
    registry_errors.VersionQuarantined: Rule(409, "version_quarantined"),
    registry_errors.Conflict: Rule(409, "conflict"),
    registry_errors.NameTaken: Rule(409, "name_taken"),
    registry_errors.Forbidden: Rule(403, "forbidden"),
    registry_errors.FieldInvalid: Rule(422, "invalid"),
    registry_errors.ArtifactInvalid: Rule(422, "unknown_format"),
    registry_errors.ArtifactTooLarge: Rule(413, "artifact_too_large"),
    registry_errors.BundleInvalid: Rule(422, "bundle_invalid"),
    registry_errors.StorageUnavailable: Rule(503, "storage_unavailable", is_fault=True),
    registry_errors.DigestMismatch: Rule(503, "digest_mismatch", _DAMAGED, is_fault=True, hides_text=True),
    registry_errors.ArtifactMissing: Rule(503, "artifact_missing", _DAMAGED, is_fault=True, hides_text=True),
    registry_errors.SealBroken: Rule(503, "seal_broken", _DAMAGED, is_fault=True, hides_text=True),
    # inference
    inference_errors.InputInvalid: Rule(422, "invalid_input"),
    inference_errors.PictureTooLarge: Rule(413, "image_too_large"),
    inference_errors.BatchTooLarge: Rule(413, "batch_too_large"),
    inference_errors.RuntimeUnavailable: Rule(503, "runtime_unavailable", is_fault=True),
    inference_errors.ModelExecutionFailed: Rule(
        500, "model_failed", "The model failed on this input.", is_fault=True, hides_text=True
    ),
    inference_errors.ModelTooLarge: Rule(409, "model_too_large", is_fault=True),
    inference_errors.ModelOverloaded: Rule(503, "model_overloaded"),
    inference_errors.DeadlineExceeded: Rule(504, "deadline_exceeded"),
    inference_errors.ActivationFailed: Rule(409, "activation_failed"),
    batch_errors.JobNotFound: Rule(404, "not_found"),
    batch_errors.StateForbids: Rule(409, "conflict"),
    batch_errors.TooManyJobs: Rule(429, "too_many_jobs"),
    batch_errors.InputTooLarge: Rule(413, "file_too_large"),
    batch_errors.InputRefused: Rule(422, "invalid_file"),
    # monitoring
    drift_errors.NoReference: Rule(409, "no_reference"),
    drift_errors.TooFewRows: Rule(409, "too_few_rows"),
    drift_errors.SpanInvalid: Rule(422, "span_invalid"),
    outcomes_errors.FeedbackInvalid: Rule(422, "feedback_invalid"),
    outcomes_errors.TooMuchFeedback: Rule(413, "batch_too_large"),
    outcomes_errors.NothingToReview: Rule(409, "not_in_queue"),
    outcomes_errors.WatchInvalid: Rule(422, "invalid"),
    spool_errors.SpoolFull: Rule(
        503, "records_full", "Predictions can't be recorded now.", is_fault=True, hides_text=True
    ),
    spool_errors.SpoolWriteFailed: Rule(
        503, "records_unavailable", "Predictions can't be recorded now.", is_fault=True, hides_text=True
    ),
    # solutions
    solutions_errors.ThingNotFound: Rule(404, "not_found"),
    solutions_errors.StateForbids: Rule(409, "conflict"),
    solutions_errors.ValueInvalid: Rule(422, "invalid_value"),
    solutions_errors.TooMuch: Rule(413, "batch_too_large"),
    solutions_errors.NotAllowed: Rule(403, "forbidden"),
    # Django
    Http404: Rule(404, "not_found", "There is nothing here.", hides_text=True),
    django_errors.PermissionDenied: Rule(403, "forbidden", "This is not allowed.", hides_text=True),
    django_errors.ValidationError: Rule(422, "validation_failed", "Some values are not valid."),
    django_errors.RequestDataTooBig: _TOO_LARGE,
    django_errors.TooManyFieldsSent: Rule(400, "too_many_fields", "The form has too many fields.", hides_text=True),
    django_errors.TooManyFilesSent: Rule(400, "too_many_fields", "The form has too many files.", hides_text=True),
    django_errors.DisallowedHost: Rule(400, "disallowed_host", "This host name is not served here.", hides_text=True),
    django_errors.SuspiciousOperation: Rule(400, "bad_request", "The request is malformed.", hides_text=True),
    django_errors.BadRequest: Rule(400, "bad_request", "The request is malformed.", hides_text=True),
    MultiPartParserError: Rule(400, "multipart", "The multipart form is malformed.", hides_text=True),
    UnreadablePostError: Rule(400, "body_unreadable", "The body did not arrive whole.", hides_text=True),
    OperationalError: _DATABASE,
    InterfaceError: _DATABASE,
}
_WORDS_OF_PLACE = ("path", "row", "column", "field", "index")


def answer_to(error: BaseException) -> Answer:
    """What a caller is told about an error. A plain function: any door may call it."""
    if isinstance(error, drf_errors.APIException):
        return _with_headers(_from_drf(error))
    if isinstance(error, django_errors.ValidationError):
        rule = TABLE[django_errors.ValidationError]
        return Answer(rule.status, rule.code, rule.message, {"fields": _django_fields(error)})
    rule = rule_for(error)
    if rule.hides_text:
        return _with_headers(Answer(rule.status, rule.code, rule.message))
    message = getattr(error, "message", "") or str(error) or rule.message
    return _with_headers(Answer(rule.status, getattr(error, "code", "") or rule.code, message, _details(error)))


def rule_for(error: BaseException) -> Rule:
    """The table's line for an error: that of its nearest class. A full disk has no class of its own."""
    if isinstance(error, OSError) and error.errno in _NO_ROOM_ERRORS:
        return _NO_ROOM
    return next((TABLE[kind] for kind in type(error).__mro__ if kind in TABLE), _INTERNAL)


def log_fault(error: BaseException, request_id: str, *, model: str = "") -> None:
    """Write an error that is ours to the log, under the request's id and the reference of the model it asked."""
    if not isinstance(error, drf_errors.APIException) and rule_for(error).is_fault:
        more = {"request_id": request_id, "code": answer_to(error).code, **({"model": model} if model else {})}
        logger.error("Request %s failed.", request_id, exc_info=error, extra=more)


def handle(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler."""
    set_rollback()
    request_id = request_id_of(context.get("request"))
    log_fault(error, request_id, model=str(context.get("kwargs", {}).get("ref", "")))
    answer = answer_to(error)
    if isinstance(error, drf_errors.UnsupportedMediaType):
        answer = _naming_what_is_read(answer, context.get("view"))
    return Response(answer.body(request_id), status=answer.status, headers=dict(answer.headers))


def _naming_what_is_read(answer: Answer, view: Any) -> Answer:
    """The same refusal, with the media types that the view reads."""
    accepted = [parser.media_type for parser in getattr(view, "parser_classes", ())]
    if not accepted:
        return answer
    message = f"{answer.message} Send it as {' or '.join(accepted)}."
    return replace(answer, message=message, details={**answer.details, "accepted": accepted})


def request_id_of(request: HttpRequest | Any) -> str:
    """The id that the request was given, or the empty string."""
    return getattr(request, "request_id", "")


def _with_headers(answer: Answer) -> Answer:
    headers = dict(answer.headers)
    if answer.status == 401:
        headers.setdefault("WWW-Authenticate", CHALLENGE)
    if "retry_after_seconds" in answer.details:
        headers.setdefault("Retry-After", str(answer.details["retry_after_seconds"]))
    if answer.status == 503:
        headers.setdefault("Retry-After", str(_RETRY_AFTER_SECONDS))
    return Answer(answer.status, answer.code, answer.message, answer.details, headers)


def _details(error: BaseException) -> dict[str, Any]:
    details = dict(getattr(error, "details", None) or {})
    for name in _WORDS_OF_PLACE:
        value = getattr(error, name, None)
        if value not in (None, ""):
            details.setdefault(name, value)
    return details


def _from_drf(error: drf_errors.APIException) -> Answer:
    if isinstance(error, drf_errors.ValidationError):
        fields = _drf_fields(error.detail)
        return Answer(422, "validation_failed", _first_message(fields), {"fields": fields})
    headers = {}
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(max(1, round(wait)))
    codes = error.get_codes()
    code = codes if isinstance(codes, str) else error.default_code
    return Answer(error.status_code, _DRF_CODES.get(code, code), str(error.detail), {}, headers)


# Words of DRF's for which the platform has its own.
_DRF_CODES = {"permission_denied": "forbidden", "parse_error": "bad_request", "error": "internal_error"}


def _drf_fields(detail: Any, path: str = "") -> dict[str, list[dict[str, str]]]:
    """Messages by the path of their field; what concerns no single field stands under `body`."""
    if isinstance(detail, Mapping):
        fields: dict[str, list[dict[str, str]]] = {}
        for name, below in detail.items():
            own = "" if name == "non_field_errors" else f".{name}" if path else str(name)
            fields.update(_drf_fields(below, path + own))
        return fields
    if isinstance(detail, list) and any(isinstance(item, Mapping | list) for item in detail):
        found: dict[str, list[dict[str, str]]] = {}
        for index, item in enumerate(detail):
            found.update(_drf_fields(item, f"{path}[{index}]") if item else {})
        return found
    items = detail if isinstance(detail, list) else [detail]
    told = [{"code": str(getattr(item, "code", "invalid")), "message": str(item)} for item in items]
    return {path or "body": told}


def _django_fields(error: django_errors.ValidationError) -> dict[str, list[dict[str, str]]]:
    by_field = error.error_dict if hasattr(error, "error_dict") else {"body": error.error_list}
    return {
        "body" if name == "__all__" else name: [
            {"code": item.code or "invalid", "message": " ".join(item.messages)} for item in items
        ]
        for name, items in by_field.items()
    }


def _first_message(fields: Mapping[str, list[dict[str, str]]]) -> str:
    for path, told in fields.items():
        if told:
            return told[0]["message"] if path == "body" else f"{path}: {told[0]['message']}"
    return "Some values are not valid."
