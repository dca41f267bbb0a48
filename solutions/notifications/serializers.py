"""Bodies of the calls of seed 000."""

from typing import Any

from rest_framework import serializers

from accounts.serializers import StrictSerializer
from solutions.fields import Text
from solutions.notifications.models import Action
from solutions.notifications.services import Asked, Notification

MAX_TEXT, MAX_SENDER = 4_000, 200


class NotificationSerializer(StrictSerializer):
    """One notification."""

    text = Text(max_length=MAX_TEXT, trim_whitespace=False)
    sender = Text(max_length=MAX_SENDER, required=False, allow_blank=True, allow_null=True)

    def validate_text(self, value: str) -> str:
        if not value.strip():
            raise serializers.ValidationError("The text is blank.", code="blank")
        return value


class ClassifySerializer(NotificationSerializer):
    """One notification, and whether a remembered answer will do."""

    use_cache = serializers.BooleanField(
        required=False, default=True, help_text="False: neither read nor fill the prediction cache."
    )

    def asked(self) -> Asked:
        """The checked body."""
        data = self.validated_data
        return Asked([_notification(data)], data["use_cache"])


class ClassifyBatchSerializer(StrictSerializer):
    """Up to a hundred notifications."""

    notifications = NotificationSerializer(many=True, allow_empty=False)
    use_cache = serializers.BooleanField(required=False, default=True)

    def asked(self) -> Asked:
        """The checked body."""
        data = self.validated_data
        return Asked([_notification(one) for one in data["notifications"]], data["use_cache"])


def _notification(data: dict[str, Any]) -> Notification:
    return Notification(data["text"], data.get("sender") or "")


class MetadataSerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField()
    timestamp = serializers.DateTimeField()
    sender = serializers.CharField(allow_null=True)
    prediction_id = serializers.UUIDField()
    degraded = serializers.BooleanField(help_text="The answer is the model's fallback.")


class NotificationResultSerializer(serializers.Serializer[Any]):
    """What a notification is, and what to do with it."""

    classification = serializers.CharField()
    confidence = serializers.FloatField(allow_null=True)
    action = serializers.ChoiceField(choices=Action.choices)
    reasoning = serializers.CharField()
    inference_time_ms = serializers.FloatField(help_text="The model's own time; 0 for a remembered answer.")
    from_cache = serializers.BooleanField()
    metadata = MetadataSerializer()


class BatchResultSerializer(serializers.Serializer[Any]):
    results = NotificationResultSerializer(many=True)
    count = serializers.IntegerField()
    inference_time_ms = serializers.FloatField()


class SwitchSerializer(StrictSerializer):
    """A version: its number, `v3`, or one of its tags."""

    version = serializers.JSONField(help_text='3, "v3" or a version\'s tag.')
    note = Text(required=False, allow_blank=True, max_length=2_000)

    def validate_version(self, value: Any) -> int | str:
        if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
            raise serializers.ValidationError("Give a number, a text such as v3, or a tag.", code="invalid")
        if isinstance(value, str) and len(value) > 100:
            raise serializers.ValidationError("A tag is at most 100 characters long.", code="max_length")
        return value


class EmptySerializer(StrictSerializer):
    """No fields."""


class SwitchedSerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField()
    previous_version = serializers.IntegerField(allow_null=True)


class ReloadedSerializer(SwitchedSerializer):
    processes = serializers.ListField(
        child=serializers.DictField(), help_text="What each serving process found: load time, golden difference."
    )


class InfoSerializer(serializers.Serializer[Any]):
    model = serializers.CharField()
    version = serializers.IntegerField()
    status = serializers.CharField()
    activated_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    classes = serializers.ListField(child=serializers.CharField())
    actions = serializers.DictField(help_text="By class: action, threshold, below.")
    metrics = serializers.ListField(child=serializers.DictField())
    runtime = serializers.CharField()
    size_bytes = serializers.IntegerField()
    sha256 = serializers.CharField()
    max_batch = serializers.IntegerField()


class ClassifierPerformanceSerializer(serializers.Serializer[Any]):
    """Over all processes; times are those of whole calls in the server."""

    scope = serializers.CharField()
    hours = serializers.IntegerField()
    version = serializers.IntegerField(allow_null=True)
    total_predictions = serializers.IntegerField()
    total_notifications = serializers.IntegerField()
    error_count = serializers.IntegerField()
    error_rate = serializers.FloatField(allow_null=True)
    cache_hit_rate = serializers.FloatField(allow_null=True)
    avg_inference_time_ms = serializers.FloatField(allow_null=True)
    min_inference_time_ms = serializers.FloatField(allow_null=True)
    max_inference_time_ms = serializers.FloatField(allow_null=True)
    p50_inference_time_ms = serializers.FloatField(allow_null=True)
    p95_inference_time_ms = serializers.FloatField(allow_null=True)
    p99_inference_time_ms = serializers.FloatField(allow_null=True)
    versions = serializers.DictField()


class ClassifierCacheStatsSerializer(serializers.Serializer[Any]):
    """The prediction cache of all processes, and what it did for this model."""

    scope = serializers.CharField()
    size = serializers.IntegerField()
    max_size = serializers.IntegerField(help_text="Of each process.")
    ttl_seconds = serializers.IntegerField()
    hits = serializers.IntegerField()
    misses = serializers.IntegerField()
    evictions = serializers.IntegerField()
    hit_rate = serializers.FloatField(allow_null=True)
    model = serializers.DictField()


class ClearedSerializer(serializers.Serializer[Any]):
    cleared = serializers.IntegerField()
