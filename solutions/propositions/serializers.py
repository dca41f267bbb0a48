"""Wire shapes of the propositions' calls."""

from typing import Any

from rest_framework import serializers

from accounts.serializers import StrictSerializer
from solutions.propositions.features.history import EventType
from solutions.propositions.models import MOST_ID_CHARACTERS, Interaction, Proposition, UserFeatures
from solutions.propositions.suggesting import MOST_SUGGESTED, Suggestion, Wanted

ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:@-]*\Z"
MOST_INTERESTS = 20
MOST_POSITION = 10_000


class IdField(serializers.RegexField):
    """A client's name for something."""

    def __init__(self, **options: Any) -> None:
        super().__init__(ID_PATTERN, max_length=MOST_ID_CHARACTERS, **options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class SuggestSerializer(StrictSerializer):
    """Whom to suggest something to, and where. `record` false: the answer doesn't count as shown."""

    user_id = IdField()
    context: Any = IdField(required=False, allow_blank=True, default="")
    limit = serializers.IntegerField(min_value=1, max_value=MOST_SUGGESTED, required=False, default=10)
    use_cache = serializers.BooleanField(required=False, default=True)
    record = serializers.BooleanField(required=False, default=True, help_text="Log an impression of each suggestion.")

    def wanted(self) -> Wanted:
        """The checked request."""
        data = self.validated_data
        return Wanted(data["user_id"], data["context"], data["limit"], data["use_cache"], data["record"])


class SuggestedSerializer(serializers.Serializer[Any]):
    proposition_id = serializers.CharField()
    title = serializers.CharField()
    category = serializers.CharField()
    score = serializers.FloatField(help_text="The probability of a click; of the rules a number from 0 to 1.")
    explanation = serializers.CharField()


class SuggestionSerializer(serializers.Serializer[Any]):
    """The answer to /suggest."""

    suggestion_id = serializers.UUIDField()
    user_id = serializers.CharField()
    context: Any = serializers.CharField()
    propositions = SuggestedSerializer(many=True)
    model_version = serializers.IntegerField(allow_null=True, help_text="null: the rules ranked the list.")
    degraded = serializers.BooleanField()
    fallback_reason = serializers.CharField(allow_null=True)
    from_cache = serializers.BooleanField()
    inference_time_ms = serializers.FloatField()
    request_id = serializers.CharField()


def suggestion_body(found: Suggestion, *, request_id: str) -> dict[str, Any]:
    """The body of an answer, in the shape of SuggestionSerializer."""
    return {
        "suggestion_id": found.id,
        "user_id": found.wanted.user_id,
        "context": found.wanted.context,
        "propositions": [
            {
                "proposition_id": line.proposition_id,
                "title": line.title,
                "category": line.category,
                "score": line.score,
                "explanation": line.explanation,
            }
            for line in found.lines
        ],
        "model_version": found.version,
        "degraded": found.is_degraded,
        "fallback_reason": found.reason or None,
        "from_cache": found.cache == "hit",
        "inference_time_ms": round(found.inference_ms, 3),
        "request_id": request_id,
    }


class EventSerializer(StrictSerializer):
    """Something a user did."""

    event_type = serializers.ChoiceField([kind.value for kind in EventType])
    user_id = IdField()
    proposition_id = IdField()
    context: Any = IdField(required=False, allow_blank=True, default="")
    position = serializers.IntegerField(min_value=0, max_value=MOST_POSITION, required=False, default=0)
    at = serializers.DateTimeField(required=False, default=None, allow_null=True, help_text="When; now if left out.")


class LoggedSerializer(serializers.Serializer[Any]):
    """The answer to /log_event."""

    event_id = serializers.IntegerField()


class PropositionSerializer(serializers.ModelSerializer[Proposition]):
    """A proposition as it is told."""

    proposition_id = serializers.CharField(source="ref")
    price = serializers.FloatField()

    class Meta:
        model = Proposition
        fields = [
            "proposition_id", "title", "description", "category", "price", "is_active", "published_at", "impressions",
            "clicks", "click_rate", "counted_at", "created_at", "updated_at",
        ]  # fmt: skip


class PropositionPatchSerializer(StrictSerializer):
    """What of a proposition may be changed."""

    title = serializers.CharField(max_length=200, required=False)
    description = serializers.CharField(max_length=5000, required=False, allow_blank=True)
    category = IdField(required=False)
    price = serializers.DecimalField(max_digits=12, decimal_places=2, min_value=0, required=False)
    is_active = serializers.BooleanField(required=False)
    published_at = serializers.DateTimeField(required=False)


class PropositionCreateSerializer(PropositionPatchSerializer):
    """A new proposition."""

    proposition_id = IdField(source="ref")
    title = serializers.CharField(max_length=200)
    category = IdField()


class InteractionSerializer(serializers.ModelSerializer[Interaction]):
    """What was logged."""

    event_id = serializers.IntegerField(source="pk")
    proposition_id = serializers.CharField(source="proposition.ref")
    suggestion_id = serializers.UUIDField(source="suggestion", allow_null=True)
    model_version = serializers.IntegerField(source="version_number", allow_null=True)

    class Meta:
        model = Interaction
        fields = [
            "event_id", "event_type", "user_id", "proposition_id", "context", "category", "price", "position",
            "suggestion_id", "model_version", "at", "recorded_at",
        ]  # fmt: skip


class FeaturesSerializer(StrictSerializer):
    """What is said of a user; what is left out is taken back."""

    interests = serializers.ListField(child=IdField(), max_length=MOST_INTERESTS, required=False, default=list)
    budget = serializers.FloatField(
        min_value=0,
        max_value=1e9,
        required=False,
        allow_null=True,
        default=None,
        help_text="The most they want to spend.",
    )


class StatedSerializer(serializers.ModelSerializer[UserFeatures]):
    """What was said of a user."""

    class Meta:
        model = UserFeatures
        fields = ["user_id", "interests", "budget", "recorded_at"]


class CategoryTasteSerializer(serializers.Serializer[Any]):
    impressions = serializers.FloatField()
    clicks = serializers.FloatField()


class UserFeaturesSerializer(serializers.Serializer[Any]):
    """What is said of a user, and what the ranking derives from what they did; older events weigh less."""

    user_id = serializers.CharField()
    interests = serializers.ListField(child=serializers.CharField())
    budget = serializers.FloatField(allow_null=True)
    impressions = serializers.FloatField()
    clicks = serializers.FloatField()
    categories = serializers.DictField(child=CategoryTasteSerializer())
    usual_price = serializers.FloatField(allow_null=True)
    last_seen_at = serializers.DateTimeField(allow_null=True)


class PerformanceSerializer(serializers.Serializer[Any]):
    """One measured number of one version."""

    version = serializers.IntegerField()
    is_active = serializers.BooleanField()
    name = serializers.CharField()
    value = serializers.FloatField()
    dataset = serializers.CharField()


class ActivateSerializer(StrictSerializer):
    """Which version of the ranking model to make live."""

    version = serializers.IntegerField(min_value=1, max_value=2_000_000_000)
    note = serializers.CharField(required=False, allow_blank=True, default="", max_length=2000)


class CacheStatsSerializer(serializers.Serializer[Any]):
    """hits and misses: of this host's processes since they began; size: lists remembered by the one that answers."""

    size = serializers.IntegerField()
    hits = serializers.IntegerField()
    misses = serializers.IntegerField()
    hit_rate = serializers.FloatField(allow_null=True)
    ttl_seconds = serializers.FloatField()
    is_shared = serializers.BooleanField()
    scope = serializers.CharField()


class ClearedSerializer(serializers.Serializer[Any]):
    cleared = serializers.IntegerField()


class SuggestMetricsSerializer(serializers.Serializer[Any]):
    """Counts and latency of /suggest on this host, and the click rate of what was shown in the last day."""

    scope = serializers.CharField()
    requests = serializers.IntegerField()
    by_source = serializers.DictField(child=serializers.IntegerField())
    degraded_rate = serializers.FloatField(allow_null=True)
    latency_ms = serializers.DictField(child=serializers.FloatField(allow_null=True))
    cache = CacheStatsSerializer()
    last_day = serializers.DictField()
