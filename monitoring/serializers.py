"""Prediction records on the wire."""

from rest_framework import serializers

from monitoring.models import PredictionLog


class ActorSerializer(serializers.Serializer[object]):
    """Who asked."""

    id = serializers.IntegerField()
    email = serializers.EmailField()


class PredictionSerializer(serializers.ModelSerializer[PredictionLog]):
    """One record without its payload."""

    model = serializers.CharField(source="model.name", help_text="The model's name.")
    version = serializers.IntegerField(source="version.number", allow_null=True, default=None)
    actor = ActorSerializer(source="user", allow_null=True)

    class Meta:
        model = PredictionLog
        fields: tuple[str, ...] = (
            "id",
            "request_id",
            "model",
            "version",
            "actor",
            "api_key_id",
            "subject_id",
            "outcome",
            "status_code",
            "error_code",
            "instance_count",
            "latency_ms",
            "inference_ms",
            "confidence",
            "created_at",
        )
        read_only_fields: tuple[str, ...] = fields


class PredictionDetailSerializer(PredictionSerializer):
    """One record with what was kept of its payload; null where none is kept or the reader may not read it."""

    class Meta(PredictionSerializer.Meta):
        fields = (*PredictionSerializer.Meta.fields, "input", "output")
        read_only_fields = fields
