"""Drift on the wire."""

from typing import Any

from rest_framework import serializers

from accounts.serializers import StrictSerializer
from monitoring.drift.models import DriftCheck, DriftReference, DriftResult
from monitoring.drift.reading import Drift


class SpanSerializer(StrictSerializer):
    """The span of records to take; the last seven days when left out."""

    since = serializers.DateTimeField(required=False, help_text="ISO 8601 with zone.")
    until = serializers.DateTimeField(required=False, help_text="ISO 8601 with zone; now when left out.")


class ReferenceSerializer(serializers.ModelSerializer[DriftReference]):
    """What a version is compared with."""

    by = serializers.CharField(source="by.email", allow_null=True, default=None)
    features = serializers.SerializerMethodField()
    left_out = serializers.SerializerMethodField()

    class Meta:
        model = DriftReference
        fields = (
            "source", "rows", "window_from", "window_to", "by", "captured_at", "asked_at", "features", "left_out",
        )  # fmt: skip
        read_only_fields = fields

    def get_features(self, reference: DriftReference) -> list[str]:
        return [feature["name"] for feature in reference.profile.get("features", [])]

    def get_left_out(self, reference: DriftReference) -> list[str]:
        """Columns that name things (ids, free text), and those over the limit."""
        return [str(name) for name in reference.profile.get("left_out", [])]


class CheckSerializer(serializers.ModelSerializer[DriftCheck]):
    """One look; `is_drifted` is null while there are too few rows to tell."""

    class Meta:
        model = DriftCheck
        fields = (
            "id", "checked_at", "window_from", "window_to", "requests", "rows", "features", "drifted", "is_drifted",
            "note",
        )  # fmt: skip
        read_only_fields = fields


class DriftResultSerializer(serializers.ModelSerializer[DriftResult]):
    """One feature: `value` of `statistic` against `threshold`, with the p-value, and the picture in `facts`."""

    class Meta:
        model = DriftResult
        fields = (
            "role", "feature", "kind", "statistic", "value", "threshold", "p_value", "reference_rows", "rows",
            "is_drifted", "reason", "facts",
        )  # fmt: skip
        read_only_fields = fields


class DriftSerializer(serializers.Serializer[Any]):
    """What is known of one version: its reference, the last look with each feature, and the looks before."""

    model = serializers.CharField()
    version = serializers.IntegerField()
    reference = ReferenceSerializer(allow_null=True)
    latest = CheckSerializer(allow_null=True)
    results = DriftResultSerializer(many=True)
    history = CheckSerializer(many=True)


def drift_body(drift: Drift) -> dict[str, Any]:
    """The body of DriftSerializer."""
    return {
        "model": drift.version.model.name,
        "version": drift.version.number,
        "reference": drift.reference,
        "latest": drift.latest,
        "results": drift.results,
        "history": drift.checks,
    }
