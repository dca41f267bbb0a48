"""Wire shapes of models, versions and the ledger."""

from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from accounts import json_text
from accounts.errors import AccountsError
from accounts.serializers import StrictSerializer
from registry import recording, selectors
from registry.models import (
    Deployment,
    ModelVersion,
    RegisteredModel,
    Task,
    VersionEvent,
    Visibility,
)
from registry.serving import LOWEST_AND_HIGHEST, LoadPolicy

_SHOWN_EVENTS = 50


@extend_schema_field(OpenApiTypes.STR)
class JsonText(serializers.Field):
    """A part of a multipart form that holds JSON, as a text or a file, read as strictly as a JSON body is."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, UploadedFile) and (data.size or 0) > settings.MAX_BODY_BYTES:
            raise serializers.ValidationError(
                f"The file is larger than {settings.MAX_BODY_BYTES:,} bytes.", code="too_large"
            )
        try:
            return json_text.loads(data.read() if isinstance(data, UploadedFile) else str(data).encode())
        except (AccountsError, UnicodeEncodeError) as error:
            reason = str(error).removeprefix("The body is not JSON: ")
            raise serializers.ValidationError(f"This is not JSON: {reason}", code="json") from error

    def to_representation(self, value: Any) -> Any:
        return value


class UploadSerializer(StrictSerializer):
    """The multipart form of an upload. What the values mean is checked by the service."""

    file = serializers.FileField(help_text="ONNX, or scikit-learn saved with joblib or pickle.", allow_empty_file=True)
    name = serializers.CharField(max_length=64, help_text="The model; created when it doesn't exist.")
    task = serializers.ChoiceField(Task.choices, required=False, help_text="Found out when left out.")
    handler = serializers.ChoiceField(
        ["tabular", "text", "tensor"], required=False, help_text="Found out when left out."
    )
    description = serializers.CharField(required=False, max_length=10_000)
    visibility = serializers.ChoiceField(Visibility.choices, required=False)
    sample = JsonText(required=False, help_text="JSON rows to prove the model with.")
    expected = JsonText(required=False, help_text="JSON: the prediction expected for each row of the sample.")
    metrics = JsonText(
        required=False,
        help_text="JSON: evaluation metrics as an object of names and numbers, or a list of objects with `name`, "
        "`value` and, if wanted, `dataset`.",
    )
    tags = JsonText(required=False, help_text="JSON list of texts: the model's tags.")
    version_tags = JsonText(required=False, help_text="JSON list of texts: the version's tags.")
    notes = serializers.CharField(required=False, max_length=20_000, help_text="About this version.")
    sha256 = serializers.RegexField(
        "^[0-9a-fA-F]{64}$", required=False, help_text="Refuse the file unless it has this digest."
    )
    trusted = serializers.BooleanField(
        required=False, default=False, help_text="Allow native serving (permission upload_trusted_model)."
    )


class ModelSummarySerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()


class VersionSummarySerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    status = serializers.CharField()


class UploadedSerializer(serializers.Serializer[Any]):
    """The answer to an upload."""

    model = ModelSummarySerializer()
    version = VersionSummarySerializer()
    url = serializers.CharField()


class ModelSerializer(serializers.ModelSerializer[RegisteredModel]):
    owner = serializers.CharField(source="owner.email", read_only=True)
    active_version = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="The number of the version that is live."
    )

    class Meta:
        model = RegisteredModel
        fields = [
            "id", "name", "task", "handler", "description", "tags", "owner", "visibility", "active_version",
            "versions_count", "max_batch_rows", *recording.NAMES, "load_policy", "deadline_ms",
            "cache_ttl_seconds", "max_concurrent", "max_queued", "batch_max_rows", "batch_wait_ms", "fallback",
            "created_at", "updated_at", "archived_at",
        ]  # fmt: skip


@extend_schema_field(OpenApiTypes.ANY)
class FallbackField(serializers.JSONField):
    """A prediction in plain JSON, or null for none."""


def _serving_number(name: str) -> serializers.IntegerField:
    lowest, highest = LOWEST_AND_HIGHEST[name]
    return serializers.IntegerField(
        min_value=lowest, max_value=highest, required=False, allow_null=True, help_text="null: the platform's value."
    )


class ModelPatchSerializer(StrictSerializer):
    """What of a model may be changed."""

    description = serializers.CharField(required=False, allow_blank=True, max_length=10_000)
    tags = serializers.ListField(child=serializers.CharField(max_length=50), required=False)
    visibility = serializers.ChoiceField(Visibility.choices, required=False)
    max_batch_rows = serializers.IntegerField(min_value=1, max_value=10_000, required=False)
    record_policy = serializers.ChoiceField(recording.RecordPolicy.choices, required=False)
    record_batches = serializers.BooleanField(required=False)
    record_redacted = serializers.ListField(
        child=serializers.CharField(max_length=recording.MAX_NAME_LENGTH, trim_whitespace=False),
        max_length=recording.MAX_NAMES,
        required=False,
        help_text="Names of inputs whose values are never written down.",
    )
    record_sample_rate = serializers.FloatField(
        min_value=0.0, max_value=1.0, required=False, help_text="Share of requests whose inputs and outputs are kept."
    )
    record_retention_days = serializers.IntegerField(
        min_value=0,
        max_value=recording.MAX_DAYS,
        required=False,
        allow_null=True,
        help_text="0: for good. null: the platform's value.",
    )
    load_policy = serializers.ChoiceField(LoadPolicy.choices, required=False)
    deadline_ms = _serving_number("deadline_ms")
    cache_ttl_seconds = _serving_number("cache_ttl_seconds")
    max_concurrent = _serving_number("max_concurrent")
    max_queued = _serving_number("max_queued")
    batch_max_rows = _serving_number("batch_max_rows")
    batch_wait_ms = _serving_number("batch_wait_ms")
    fallback = FallbackField(required=False, allow_null=True, help_text="Given when the model can't answer.")


class MetricSerializer(StrictSerializer):
    """One evaluation metric of a version."""

    name = serializers.CharField(max_length=100)
    value = serializers.FloatField()
    dataset = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")


class VersionSerializer(serializers.ModelSerializer[ModelVersion]):
    """A version in a list."""

    is_active = serializers.BooleanField(read_only=True)
    created_by = serializers.CharField(source="created_by.email", read_only=True)
    metrics = MetricSerializer(many=True, read_only=True)
    explanation = serializers.DictField(
        read_only=True,
        help_text="How its answers are explained: method, unit, baseline; or code and message of why they are not. "
        "Empty before validation, and for versions validated before explanations were prepared.",
    )

    class Meta:
        model = ModelVersion
        fields: list[str] = [
            "number", "status", "is_active", "failure", "progress", "signature", "format", "runtime", "trusted",
            "sha256", "size_bytes", "parity", "explanation", "load_ms", "memory_bytes", "tags", "notes", "metrics",
            "library_versions", "created_by", "created_at", "validated_at", "checked_at", "damage",
            "quarantined_at", "quarantine_reason",
        ]  # fmt: skip


class EventSerializer(serializers.ModelSerializer[VersionEvent]):
    """Something that happened to a version besides going live."""

    by = serializers.CharField(source="by.email", allow_null=True, default=None)

    class Meta:
        model = VersionEvent
        fields = ["kind", "by", "note", "details", "at"]


class VersionDetailSerializer(VersionSerializer):
    """One version, with what happened to it (the newest 50)."""

    events = serializers.SerializerMethodField()
    trained_with = serializers.SerializerMethodField(help_text="The packages the file says it was made with.")

    class Meta(VersionSerializer.Meta):
        fields = [*VersionSerializer.Meta.fields, "trained_with", "events"]

    def get_trained_with(self, version: ModelVersion) -> dict[str, str]:
        return dict((version.report or {}).get("trained_with") or {})

    @extend_schema_field(EventSerializer(many=True))
    def get_events(self, version: ModelVersion) -> Any:
        return EventSerializer(selectors.events(version.model, version=version)[:_SHOWN_EVENTS], many=True).data


@extend_schema_field(
    {
        "oneOf": [
            {"type": "object", "additionalProperties": {"type": "number"}},
            {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "name": {"type": "string"},
                        "value": {"type": "number"},
                        "dataset": {"type": "string"},
                    },
                    "required": ["name", "value"],
                },
            },
        ]
    }
)
class MetricsField(serializers.JSONField):
    """Metrics as an upload takes them: an object of names and numbers, or a list. What they mean is checked by the
    service."""


class VersionPatchSerializer(StrictSerializer):
    """What of a version may be changed."""

    tags = serializers.ListField(child=serializers.CharField(max_length=50), required=False)
    notes = serializers.CharField(required=False, allow_blank=True, max_length=20_000)
    metrics = MetricsField(required=False)


class NoteSerializer(StrictSerializer):
    """Why something is done; kept in the history."""

    note = serializers.CharField(required=False, allow_blank=True, default="", max_length=2000)


def note_of(request: Request) -> str:
    """The checked note of a request's body."""
    form = NoteSerializer(data=request.data)
    form.is_valid(raise_exception=True)
    return str(form.validated_data["note"])


class DeploymentSerializer(serializers.ModelSerializer[Deployment]):
    """An entry of the ledger. `proof` tells what each serving process found when it took the version up."""

    deployment_id = serializers.IntegerField(source="pk")
    version = serializers.IntegerField(source="version.number")
    by = serializers.CharField(source="by.email")

    class Meta:
        model = Deployment
        fields = ["deployment_id", "version", "action", "by", "note", "proof", "activated_at", "closed_at"]
