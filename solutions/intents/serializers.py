"""The body and the answer of POST /predict/intent."""

from typing import Any

from rest_framework import serializers

from accounts.serializers import StrictSerializer
from solutions.fields import Text
from solutions.intents.services import Asked

MAX_QUERY = 1_000


class QuerySerializer(StrictSerializer):
    """One utterance."""

    query = Text(max_length=MAX_QUERY, trim_whitespace=False, help_text="What the customer wrote.")
    use_cache = serializers.BooleanField(
        required=False, default=True, help_text="False: neither read nor fill the prediction cache."
    )

    def validate_query(self, value: str) -> str:
        if not value.strip():
            raise serializers.ValidationError("The query is blank.", code="blank")
        return value

    def asked(self) -> Asked:
        """The checked body."""
        return Asked(self.validated_data["query"], self.validated_data["use_cache"])


class AlternativeSerializer(serializers.Serializer[Any]):
    intent = serializers.CharField()
    confidence = serializers.FloatField()


class IntentReasonSerializer(serializers.Serializer[Any]):
    word = serializers.CharField()
    contribution = serializers.FloatField(help_text="What it added to the intent's margin.")


class IntentSerializer(serializers.Serializer[Any]):
    """What the customer wants."""

    intent = serializers.CharField(help_text="One of twelve, or `out_of_scope`.")
    confidence = serializers.FloatField(allow_null=True)
    alternatives = AlternativeSerializer(many=True, help_text="Up to three others, the likeliest first.")
    reasons = IntentReasonSerializer(many=True, help_text="The words that spoke most for it.")
    version = serializers.IntegerField()
    inference_time_ms = serializers.FloatField(help_text="The model's own time; 0 for a remembered answer.")
    from_cache = serializers.BooleanField()
    degraded = serializers.BooleanField(help_text="The answer is the model's fallback.")
    prediction_id = serializers.UUIDField()
    request_id = serializers.CharField()
