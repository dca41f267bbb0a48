"""Wire shapes of predictions and activations."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.serializers import StrictSerializer
from inference.handlers.base import Payload
from inference.predictor import Answer, Question

MAX_SUBJECT_LENGTH = 200
DATA_FIELDS = ("instances", "inputs", "dataframe_split", "dataframe_records")


@extend_schema_field(OpenApiTypes.ANY)
class ParsedJson(serializers.Field[Any, Any, Any, Any]):
    """A value as the strict parser read it; the handler is who judges it."""

    def to_internal_value(self, data: Any) -> Any:
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class PredictSerializer(StrictSerializer):
    """One prediction request: exactly one of the four data fields."""

    instances = ParsedJson(required=False, help_text="Rows: lists of cells, objects with column names, or texts.")
    inputs = ParsedJson(required=False, help_text="Columns: an object of column name to list of cells.")
    dataframe_split = ParsedJson(required=False, help_text='{"columns": [...], "data": [[...]]}')
    dataframe_records = ParsedJson(required=False, help_text="Rows as objects with column names.")
    use_cache = serializers.BooleanField(
        required=False, default=True, help_text="False: neither read nor fill the prediction cache."
    )
    explain = serializers.BooleanField(
        required=False,
        default=False,
        help_text="True: tell for each row which inputs moved the answer, and by how much.",
    )
    subject_id = serializers.CharField(
        required=False, allow_blank=True, max_length=MAX_SUBJECT_LENGTH, help_text="Whom the prediction is about."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        given = [name for name in DATA_FIELDS if name in attrs]
        if len(given) != 1:
            raise serializers.ValidationError(
                f"Send exactly one of {', '.join(DATA_FIELDS)}" + (f"; {' and '.join(given)} came." if given else "."),
                code="one_data_field",
            )
        attrs["payload"] = Payload(given[0], attrs[given[0]])  # type: ignore[arg-type]
        return attrs

    def question(self) -> Question:
        """The checked request."""
        data = self.validated_data
        return Question(data["payload"], data["use_cache"], data.get("subject_id", ""), data["explain"])


class ContributionSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="A column, or a term of the text.")
    value = ParsedJson(help_text="The cell as it was sent, or the term's value in the text.")
    contribution = serializers.FloatField()


class RowExplanationSerializer(serializers.Serializer[Any]):
    """base + the contributions + rest = margin."""

    of = ParsedJson(help_text="The class that the margin speaks for; null for a number.")
    base = serializers.FloatField()
    margin = serializers.FloatField()
    contributions = ContributionSerializer(many=True)
    rest = serializers.FloatField(help_text="The sum of the contributions that are not listed.")


class ExplanationSerializer(serializers.Serializer[Any]):
    """What moved the answers; one entry in `rows` for each row of the request."""

    method = serializers.CharField()
    unit = serializers.CharField(help_text="What the margin is.")
    baseline = serializers.CharField(help_text="What the base answers for.")
    is_exact = serializers.BooleanField()
    rows = RowExplanationSerializer(many=True)


class NoExplanationSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class PredictionAnswerSerializer(serializers.Serializer[Any]):
    """One answer."""

    prediction_id = serializers.UUIDField()
    model = serializers.CharField()
    version = serializers.IntegerField()
    predictions = serializers.ListField()
    probabilities = serializers.ListField(child=serializers.ListField(child=serializers.FloatField()), allow_null=True)
    classes = serializers.ListField(allow_null=True)
    confidence = serializers.ListField(child=serializers.FloatField(), allow_null=True)
    inference_time_ms = serializers.FloatField()
    from_cache = serializers.BooleanField()
    degraded = serializers.BooleanField()
    request_id = serializers.CharField()
    explanation = ExplanationSerializer(
        required=False, allow_null=True, help_text="Only with `explain`; null when there is none."
    )
    no_explanation = NoExplanationSerializer(
        required=False, allow_null=True, help_text="Only with `explain`: why there is no explanation."
    )


def answer_body(answer: Answer, *, request_id: str) -> dict[str, Any]:
    """The body of a prediction's answer; the shape of PredictionAnswerSerializer without its cost."""
    told = answer.predictions
    body = {
        "prediction_id": answer.prediction_id,
        "model": answer.served.model_name,
        "version": answer.served.number,
        "predictions": told.predictions,
        "probabilities": told.probabilities,
        "classes": told.classes,
        "confidence": told.confidence,
        "inference_time_ms": int(answer.inference_ms * 1000 + 0.5) / 1000,
        "from_cache": answer.cache == "hit",
        "degraded": bool(answer.degraded),
        "request_id": request_id,
    }
    return body if answer.explanation is None else body | answer.explanation.as_body()


class ActivationSerializer(serializers.Serializer[Any]):
    """The answer to an activation or a roll back."""

    deployment_id = serializers.IntegerField()
    version = serializers.IntegerField()
    previous_version = serializers.IntegerField(allow_null=True)
    activated_at = serializers.DateTimeField()
