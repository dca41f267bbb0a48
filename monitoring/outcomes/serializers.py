"""Feedback and quality on the wire."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.serializers import StrictSerializer
from monitoring.outcomes.measures import Measure, Quality
from monitoring.outcomes.models import Feedback
from monitoring.outcomes.quality import Report, VersionQuality


@extend_schema_field(OpenApiTypes.ANY)
class AnyJson(serializers.Field[Any, Any, Any, Any]):
    """A value as the strict parser read it; the domain judges it."""

    def to_internal_value(self, data: Any) -> Any:
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class TruthSerializer(StrictSerializer):
    """What came true of one prediction: `label` of a class, or `value` of a number."""

    label = AnyJson(  # type: ignore[assignment]
        required=False, help_text="The true class: a text, a number, true or false."
    )
    value = AnyJson(required=False, help_text="The true number.")
    index = AnyJson(required=False, help_text="The row of a prediction with several, from 0.")
    source = AnyJson(  # type: ignore[assignment]
        required=False, help_text="Who or what knows: up to 32 small letters, digits and _ . -"
    )


class ManyTruthsSerializer(StrictSerializer):
    """Up to 1,000 items, each `{prediction_id or subject_id, label or value, model?, index?, source?}`."""

    items = serializers.ListField(child=AnyJson(), allow_empty=False, help_text="One object for each truth.")


class FeedbackSerializer(serializers.ModelSerializer[Feedback]):
    """One piece of feedback and what became of it."""

    model = serializers.CharField(source="model.name", allow_null=True, default=None)
    version = serializers.IntegerField(source="version.number", allow_null=True, default=None)
    by = serializers.CharField(source="by.email", allow_null=True, default=None)

    class Meta:
        model = Feedback
        fields = (
            "id", "prediction_id", "index", "subject_id", "model", "version", "label", "value", "source", "state",
            "reason", "is_current", "predicted_label", "predicted_value", "predicted_at", "by", "given_at",
        )  # fmt: skip
        read_only_fields = fields


class RejectedSerializer(serializers.Serializer[Any]):
    """An item that was not taken; `index` is its place in the call."""

    index = serializers.IntegerField()
    code = serializers.CharField()
    message = serializers.CharField()
    field = serializers.CharField()


class ReceiptSerializer(serializers.Serializer[Any]):
    """What became of a bulk call. Of the `accepted`, `waiting` wait for their prediction to be recorded."""

    accepted = serializers.IntegerField()
    waiting = serializers.IntegerField()
    rejected = RejectedSerializer(many=True)


class MeasureSerializer(serializers.Serializer[Any]):
    """One measure: `low` and `high` bound its 95 % interval, `labels` stand behind it."""

    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    labels = serializers.IntegerField()


class ClassQualitySerializer(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]
    labels = serializers.IntegerField(help_text="How often it was the truth.")
    predicted = serializers.IntegerField(help_text="How often it was said.")
    precision = MeasureSerializer()
    recall = MeasureSerializer()
    f1 = MeasureSerializer()


class QualityDaySerializer(serializers.Serializer[Any]):
    day = serializers.DateField()
    labels = serializers.IntegerField()
    measures = serializers.DictField(child=MeasureSerializer())


class VersionQualitySerializer(serializers.Serializer[Any]):
    """One version over the whole span, by class and by day."""

    version = serializers.IntegerField()
    labels = serializers.IntegerField()
    measures = serializers.DictField(child=MeasureSerializer())
    classes = ClassQualitySerializer(many=True)
    confusion = serializers.ListField(child=serializers.DictField(), help_text="{predicted, label, count}")
    days = QualityDaySerializer(many=True)


class QualitySerializer(serializers.Serializer[Any]):
    """How good a model's versions were by the feedback about their predictions."""

    model = serializers.CharField()
    first = serializers.DateField()
    last = serializers.DateField()
    labels = serializers.IntegerField()
    uncounted = serializers.IntegerField(help_text="Feedback in no measure: what was predicted was not kept.")
    is_behind = serializers.BooleanField(help_text="Days wait to be summed again.")
    versions = VersionQualitySerializer(many=True)


def report_body(name: str, report: Report) -> dict[str, Any]:
    """The body of QualitySerializer."""
    return {
        "model": name,
        "first": report.first,
        "last": report.last,
        "labels": report.labels,
        "uncounted": report.uncounted,
        "is_behind": report.is_behind,
        "versions": [_version(version) for version in report.versions],
    }


def _version(version: VersionQuality) -> dict[str, Any]:
    counts = sorted(version.confusion.items(), key=lambda pair: (-pair[1], pair[0]))
    return {
        "version": version.number,
        "labels": version.whole.labels,
        "measures": measures_body(version.whole),
        "classes": [
            {
                "label": one.label, "labels": one.labels, "predicted": one.predicted,
                **{name: _measure(getattr(one, name)) for name in ("precision", "recall", "f1")},
            }
            for one in version.whole.classes
        ],
        "confusion": [{"predicted": said, "label": label, "count": count} for (said, label), count in counts],
        "days": [
            {"day": day, "labels": quality.labels, "measures": measures_body(quality)} for day, quality in version.days
        ],
    }  # fmt: skip


def measures_body(quality: Quality) -> dict[str, Any]:
    return {measure.name: _measure(measure) for measure in quality.measures}


def _measure(measure: Measure) -> dict[str, Any]:
    return {"value": measure.value, "low": measure.low, "high": measure.high, "labels": measure.labels}
