"""The body and the answer of POST /predict/anomaly."""

from typing import Any

from rest_framework import serializers

from accounts.serializers import StrictSerializer
from solutions.anomalies.services import DETECTORS, Asked
from solutions.anomalies.transaction import (
    CATEGORIES,
    CHANNELS,
    COUNTRIES,
    EUROS,
    MAX_AMOUNT,
    MAX_PER_HOUR,
    Transaction,
)
from solutions.fields import Text


class Number(serializers.FloatField):
    """A JSON number above zero; nothing is converted."""

    default_error_messages = {"not_positive": "Must be more than 0."}

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        value = float(super().to_internal_value(data))
        if value <= 0:
            self.fail("not_positive")
        return value


class Whole(serializers.IntegerField):
    """A JSON integer; nothing is converted."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return int(super().to_internal_value(data))


class OneOf(Text):
    """A text from a list."""

    default_error_messages = {"unknown_value": "{value} is not known here; it may be: {choices}."}

    def __init__(self, choices: Any, **options: Any) -> None:
        self.choices = sorted(choices)
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> str:
        value = super().to_internal_value(data)
        if value not in self.choices:
            self.fail("unknown_value", value=ascii(value[:40]), choices=", ".join(self.choices))
        return value


class Truth(serializers.BooleanField):
    """JSON's true or false; nothing is converted."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class TransactionSerializer(StrictSerializer):
    """One card payment."""

    amount = Number(max_value=MAX_AMOUNT, help_text="In `currency`.")
    currency = OneOf(EUROS, help_text="ISO 4217.")
    merchant_category = OneOf(CATEGORIES)
    country = OneOf(COUNTRIES, help_text="Where it was paid, ISO 3166-1 alpha-2.")
    hour = Whole(min_value=0, max_value=23, help_text="Of the day, where it was paid.")
    channel = OneOf(CHANNELS, required=False, default="chip")
    home_country = OneOf(
        COUNTRIES, required=False, allow_null=True, default=None, help_text="Where the customer lives."
    )
    usual_amount = Number(
        max_value=MAX_AMOUNT, required=False, allow_null=True, default=None, help_text="What the customer usually pays."
    )
    transactions_last_hour = Whole(min_value=0, max_value=MAX_PER_HOUR, required=False, default=0)
    is_new_merchant = Truth(required=False, default=False)


class AnomalySerializer(StrictSerializer):
    """One transaction, and which detector is to judge it."""

    transaction = TransactionSerializer()
    detector = OneOf(DETECTORS, required=False, default="forest")
    use_cache = Truth(required=False, default=True, help_text="False: neither read nor fill the prediction cache.")

    def asked(self) -> Asked:
        """The checked body."""
        return Asked(Transaction(**self.validated_data["transaction"]), self.validated_data["use_cache"])


class ReasonSerializer(serializers.Serializer[Any]):
    feature = serializers.CharField()
    contribution = serializers.FloatField(help_text="What it added to the margin that speaks for an anomaly.")
    text = serializers.CharField()


class JudgedSerializer(serializers.Serializer[Any]):
    """Whether the transaction stands out."""

    is_anomaly = serializers.BooleanField()
    score = serializers.FloatField(allow_null=True, help_text="From 0 to 1.")
    threshold = serializers.FloatField(allow_null=True, help_text="From this score on it is an anomaly.")
    reasons = ReasonSerializer(many=True, help_text="What spoke for an anomaly, the most telling first.")
    detector = serializers.ChoiceField(choices=list(DETECTORS))
    version = serializers.IntegerField()
    inference_time_ms = serializers.FloatField(help_text="The model's own time; 0 for a remembered answer.")
    from_cache = serializers.BooleanField()
    degraded = serializers.BooleanField(help_text="The answer is the model's fallback.")
    prediction_id = serializers.UUIDField()
    request_id = serializers.CharField()
