"""Wire shapes of models, versions and the ledger."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts import json_text
from accounts.errors import AccountsError
from accounts.serializers import StrictSerializer
from registry.models import Deployment, ModelVersion, RecordPolicy, RegisteredModel, Task, Visibility


@extend_schema_field(OpenApiTypes.STR)
class JsonText(serializers.Field):
    """A part of a multipart form that holds JSON, read as strictly as a JSON body is."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            return json_text.loads(str(data).encode())
        except (AccountsError, UnicodeEncodeError) as error:
            raise serializers.ValidationError(f"This must be valid JSON: {error}", code="json") from error

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
    metrics = JsonText(required=False, help_text="JSON object: evaluation metrics, name to number.")
    tags = JsonText(required=False, help_text="JSON list of texts.")
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
            "versions_count", "max_batch_rows", "record_policy", "record_batches", "created_at", "updated_at",
            "archived_at",
        ]  # fmt: skip


class ModelPatchSerializer(StrictSerializer):
    """What of a model may be changed."""

    description = serializers.CharField(required=False, allow_blank=True, max_length=10_000)
    tags = serializers.ListField(child=serializers.CharField(max_length=50), required=False)
    visibility = serializers.ChoiceField(Visibility.choices, required=False)
    max_batch_rows = serializers.IntegerField(min_value=1, max_value=10_000, required=False)
    record_policy = serializers.ChoiceField(RecordPolicy.choices, required=False)
    record_batches = serializers.BooleanField(required=False)


class VersionSerializer(serializers.ModelSerializer[ModelVersion]):
    is_active = serializers.BooleanField(read_only=True)
    created_by = serializers.CharField(source="created_by.email", read_only=True)

    class Meta:
        model = ModelVersion
        fields = [
            "number", "status", "is_active", "failure", "progress", "signature", "format", "runtime", "trusted",
            "sha256", "size_bytes", "parity", "load_ms", "memory_bytes", "metrics", "library_versions",
            "created_by", "created_at", "validated_at",
        ]  # fmt: skip


class DeploymentSerializer(serializers.ModelSerializer[Deployment]):
    deployment_id = serializers.IntegerField(source="pk")
    version = serializers.IntegerField(source="version.number")
    by = serializers.CharField(source="by.email")

    class Meta:
        model = Deployment
        fields = ["deployment_id", "version", "action", "by", "note", "activated_at", "closed_at"]
