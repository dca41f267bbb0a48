"""Rows of what came true: feedback, its sums by day, predictions that wait for a person, and what is watched."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from registry.leases import Leased

MAX_LABEL_LENGTH = 200
MAX_SOURCE_LENGTH = 32


class FeedbackState(models.TextChoices):
    """What became of a piece of feedback."""

    WAITING = "waiting", "Waits for its prediction"
    COUNTED = "counted", "Counted"
    UNCOUNTED = "uncounted", "Kept, not counted"
    UNKNOWN = "unknown", "No such prediction"
    REFUSED = "refused", "Doesn't fit the prediction"
    REPLACED = "replaced", "Replaced by a later one"


class Feedback(models.Model):
    """The truth about one prediction, as somebody told it. Appended; a later one replaces it, and it stays.

    It carries what it needs of the prediction, so that it counts for as long as it is kept, whatever becomes of the
    record: that one has its own retention and no foreign key. `label` and `predicted_label` are texts (see
    `outcomes.truth.text_of`). The losses are those of this one prediction.
    """

    prediction_id = models.UUIDField(null=True, help_text="Nothing while a subject's prediction is looked for.")
    index = models.PositiveIntegerField(default=0, help_text="The row of a prediction with several.")
    subject_id = models.CharField(max_length=200, blank=True)
    sought_model = models.CharField(max_length=100, blank=True, help_text="The model named with a subject.")
    model = models.ForeignKey(
        "registry.RegisteredModel", on_delete=models.PROTECT, related_name="+", null=True, db_index=False
    )
    version = models.ForeignKey(
        "registry.ModelVersion", on_delete=models.PROTECT, related_name="+", null=True, db_index=False
    )
    label = models.CharField(max_length=MAX_LABEL_LENGTH, null=True)  # noqa: DJ001 - an empty text is a label
    value = models.FloatField(null=True)
    source = models.CharField(max_length=MAX_SOURCE_LENGTH, default="api")
    state = models.CharField(max_length=16, choices=FeedbackState.choices)
    reason = models.CharField(max_length=64, blank=True, help_text="Why it is not counted: a stable code.")
    is_current = models.BooleanField(default=False, help_text="Whether it is the last word on its prediction.")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="+", null=True, db_index=False
    )
    api_key_id = models.UUIDField(null=True)
    model_names = models.JSONField(null=True, help_text="The models that the credential was limited to.")
    given_at = models.DateTimeField(default=timezone.now)
    sought_at = models.DateTimeField(default=timezone.now, help_text="When its prediction was last looked for.")

    # What it needs of the prediction.
    predicted_at = models.DateTimeField(null=True)
    predicted_label = models.CharField(max_length=MAX_LABEL_LENGTH, null=True)  # noqa: DJ001 - as `label`
    predicted_value = models.FloatField(null=True)
    score = models.FloatField(null=True, help_text="The probability of the second of two classes.")
    log_loss = models.FloatField(null=True)
    brier = models.FloatField(null=True)

    class Meta:
        verbose_name = "feedback"
        verbose_name_plural = "feedback"
        ordering = ["-given_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["prediction_id", "index"],
                condition=Q(is_current=True, prediction_id__isnull=False),
                name="feedback_one_current_truth",
            ),
            models.CheckConstraint(condition=Q(state__in=FeedbackState.values), name="feedback_state_known"),
            models.CheckConstraint(
                condition=Q(label__isnull=True, value__isnull=False) | Q(label__isnull=False, value__isnull=True),
                name="feedback_label_or_value",
            ),
        ]
        indexes = [
            models.Index(
                fields=["version", "predicted_at"], condition=Q(state="counted"), name="feedback_counted_by_time"
            ),
            models.Index(fields=["-given_at", "-id"], name="feedback_time"),
            models.Index(fields=["prediction_id"], name="feedback_prediction"),
            models.Index(fields=["model", "given_at"], name="feedback_model_time"),
            models.Index(fields=["sought_at"], condition=Q(state="waiting"), name="feedback_waiting"),
            models.Index(fields=["subject_id"], condition=~Q(subject_id=""), name="feedback_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.told()} for {self.prediction_id or self.subject_id}"

    def told(self) -> str:
        """The truth as people read it."""
        return f"{self.value:g}" if self.value is not None else str(self.label)


class QualityDay(Leased):
    """Sums of the feedback about one version's predictions of one day (UTC), as `outcomes.sums` writes them.

    `touches` moves with each change of the feedback; the sums are stale while `summed` lags behind it.
    """

    model = models.ForeignKey("registry.RegisteredModel", on_delete=models.PROTECT, related_name="+", db_index=False)
    version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="+", db_index=False)
    day = models.DateField()
    labels = models.PositiveBigIntegerField(default=0)
    sums = models.JSONField(default=dict)
    touches = models.PositiveBigIntegerField(default=1)
    summed = models.PositiveBigIntegerField(default=0)
    summed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "day"], name="quality_one_row_per_day")]
        indexes = [
            models.Index(fields=["model", "day"], name="quality_model_day"),
            models.Index(fields=["day"], condition=Q(touches__gt=F("summed")), name="quality_stale"),
        ]

    def __str__(self) -> str:
        return f"{self.version_id} on {self.day}: {self.labels} labels"


class ReviewReason(models.TextChoices):
    UNCERTAIN = "uncertain", "Low confidence"
    SAMPLED = "sampled", "Drawn by chance"


class ReviewState(models.TextChoices):
    OPEN = "open", "Waits"
    LABELLED = "labelled", "Labelled"
    SKIPPED = "skipped", "Skipped"


class ReviewItem(models.Model):
    """A prediction that waits for a person's judgement."""

    prediction_id = models.UUIDField(unique=True)
    model = models.ForeignKey("registry.RegisteredModel", on_delete=models.PROTECT, related_name="+", db_index=False)
    version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="+", db_index=False)
    confidence = models.FloatField(null=True)
    predicted_at = models.DateTimeField()
    reason = models.CharField(max_length=16, choices=ReviewReason.choices)
    state = models.CharField(max_length=16, choices=ReviewState.choices, default=ReviewState.OPEN)
    queued_at = models.DateTimeField(default=timezone.now)
    held_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="+", null=True, db_index=False
    )
    held_until = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="+", null=True, db_index=False
    )
    decided_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "prediction to review"
        verbose_name_plural = "predictions to review"
        indexes = [
            models.Index(fields=["model", "confidence", "id"], condition=Q(state="open"), name="review_open"),
        ]
        constraints = [models.CheckConstraint(condition=Q(state__in=ReviewState.values), name="review_state_known")]

    def __str__(self) -> str:
        return f"{self.prediction_id} ({self.state})"


def _share() -> list[MinValueValidator | MaxValueValidator]:
    return [MinValueValidator(0.0), MaxValueValidator(1.0)]


class ModelWatch(models.Model):
    """What of a model is watched: which predictions people are asked about. No row: nothing is.

    `reviewed_until` is how far its records have been looked at.
    """

    model = models.OneToOneField("registry.RegisteredModel", on_delete=models.CASCADE, related_name="+")
    review_below = models.FloatField(
        null=True, blank=True, validators=_share(), help_text="Ask people about predictions less confident than this."
    )
    review_share = models.FloatField(
        null=True, blank=True, validators=_share(), help_text="And about this share of all others, drawn by chance."
    )
    reviewed_until = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(review_below=None) | Q(review_below__gte=0.0, review_below__lte=1.0),
                name="watch_review_below_is_a_share",
            ),
            models.CheckConstraint(
                condition=Q(review_share=None) | Q(review_share__gte=0.0, review_share__lte=1.0),
                name="watch_review_share_is_a_share",
            ),
        ]

    def __str__(self) -> str:
        return f"watch of {self.model_id}"
