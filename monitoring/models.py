"""What happened: one row per prediction request, sums of them by time, and the processes that serve."""

import uuid
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from monitoring.sum_models import AnswerRollup, ClientRollup, LimitHits

__all__ = [
    "AnswerRollup", "ClientRollup", "EndedCounter", "LimitHits", "Outcome", "PredictionLog", "Resolution", "Rollup",
    "ServingProcess", "SpoolFile",
]  # fmt: skip


class Outcome(models.TextChoices):
    """How a prediction request ended."""

    OK = "ok", "Answered"
    CACHED = "cached", "Answered from the cache"
    FALLBACK = "fallback", "Answered by the fallback"
    INVALID = "invalid", "Input refused"
    ERROR = "error", "Failed"
    TIMEOUT = "timeout", "Timed out"


UNUSUAL = [Outcome.FALLBACK.value, Outcome.INVALID.value, Outcome.ERROR.value, Outcome.TIMEOUT.value]


class PredictionLogQuerySet(models.QuerySet["PredictionLog"]):
    def visible_to(self, user: Any) -> "PredictionLogQuerySet":
        """Records `user` may read: their own, and all of the models they own; staff read everything."""
        if user.is_staff:
            return self
        return self.filter(Q(user=user) | Q(model__owner=user))


class PredictionLog(models.Model):
    """One prediction request. Appended by the spool's shipper, never edited (only erased: `monitoring.erasure`).

    On PostgreSQL its table has a partition for each day, no foreign keys, and the primary key (id, created_at)
    (`monitoring.partitions`): no other table can have a foreign key to it there.

    `input` and `output` are kept as the model's record policy says; None means that they were not kept.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request_id = models.CharField(max_length=128, blank=True)
    model = models.ForeignKey("registry.RegisteredModel", on_delete=models.PROTECT, related_name="+", db_index=False)
    version = models.ForeignKey(
        "registry.ModelVersion", on_delete=models.PROTECT, related_name="+", null=True, db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="+", null=True, db_index=False
    )
    api_key_id = models.UUIDField(null=True, help_text="The API key that was used, also when it is gone.")
    subject_id = models.CharField(max_length=200, blank=True, help_text="Whom or what it was about.")
    outcome = models.CharField(max_length=16, choices=Outcome.choices)
    status_code = models.PositiveSmallIntegerField()
    error_code = models.CharField(max_length=64, blank=True)
    instance_count = models.PositiveIntegerField()
    latency_ms = models.FloatField(help_text="From the request's arrival to its answer, in milliseconds.")
    inference_ms = models.FloatField(null=True, help_text="Of which inside the model, in milliseconds.")
    confidence = models.FloatField(null=True)
    input = models.JSONField(null=True)
    output = models.JSONField(null=True)
    created_at = models.DateTimeField(help_text="When the request came.")

    objects = PredictionLogQuerySet.as_manager()

    class Meta:
        verbose_name = "prediction"
        permissions = [
            ("view_payload", "Can read the inputs and outputs of everybody's predictions"),
            ("erase_subject", "Can erase what is recorded about a subject"),
        ]
        indexes = [
            models.Index(fields=["model", "created_at"], name="prediction_model_time"),
            models.Index(fields=["version", "created_at"], name="prediction_version_time"),
            models.Index(fields=["user", "created_at"], name="prediction_user_time"),
            models.Index(fields=["created_at"], name="prediction_time"),
            # Few, and what people look for: without it a list of them reads every record.
            models.Index(fields=["outcome", "created_at"], condition=Q(outcome__in=UNUSUAL), name="prediction_unusual"),
            # Those of a key, an account, a model, a version, in any combination: all of it is in the index, so only
            # the records that are meant are read, however many others are newer.
            models.Index(
                fields=["created_at", "api_key_id", "user", "model", "version", "outcome"],
                condition=Q(outcome__in=UNUSUAL),
                name="prediction_unusual_whose",
            ),
            models.Index(fields=["subject_id"], condition=~Q(subject_id=""), name="prediction_subject"),
        ]
        constraints = [models.CheckConstraint(condition=Q(outcome__in=Outcome.values), name="prediction_outcome_known")]

    def __str__(self) -> str:
        return str(self.pk)

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise ValidationError("Prediction records are append-only.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        raise ValidationError("Prediction records are append-only.")


class Resolution(models.IntegerChoices):
    """How much time one rollup row covers, in seconds."""

    MINUTE = 60, "Minute"
    QUARTER = 900, "Quarter of an hour"
    HOUR = 3600, "Hour"
    DAY = 86_400, "Day"


class Rollup(models.Model):
    """Sums of the prediction records of one span of time, model, version and outcome.

    Every record is counted in one row of each resolution, in the transaction that inserts it, so the sums
    always equal the records. `latency_histogram` is packed as `monitoring.histogram` describes.
    """

    resolution = models.PositiveIntegerField(choices=Resolution.choices)
    start = models.DateTimeField(help_text="The first instant of the span.")
    model = models.ForeignKey("registry.RegisteredModel", on_delete=models.PROTECT, related_name="+", db_index=False)
    version = models.ForeignKey(
        "registry.ModelVersion", on_delete=models.PROTECT, related_name="+", null=True, db_index=False
    )
    outcome = models.CharField(max_length=16, choices=Outcome.choices)
    requests = models.PositiveBigIntegerField(default=0)
    instances = models.PositiveBigIntegerField(default=0)
    latency_sum_ms = models.FloatField(default=0.0)
    latency_histogram = models.TextField(default="", blank=True)

    class Meta:
        constraints = [
            # Two constraints, because two NULLs are never equal in a unique index.
            models.UniqueConstraint(
                fields=["resolution", "start", "model", "version", "outcome"],
                condition=Q(version__isnull=False),
                name="rollup_unique",
            ),
            models.UniqueConstraint(
                fields=["resolution", "start", "model", "outcome"],
                condition=Q(version__isnull=True),
                name="rollup_unique_without_version",
            ),
        ]
        indexes = [models.Index(fields=["resolution", "model", "start"], name="rollup_model_time")]

    def __str__(self) -> str:
        return f"{self.model_id} {self.outcome} {self.start:%Y-%m-%d %H:%M} +{self.resolution}s"


class ServingProcess(models.Model):
    """A process that answers predictions, as it last described itself."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    started_at = models.DateTimeField(default=timezone.now)
    heartbeat_at = models.DateTimeField(default=timezone.now, db_index=True)
    is_ready = models.BooleanField(default=False)
    facts = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name = "serving process"
        verbose_name_plural = "serving processes"
        ordering = ["host", "pid"]

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"


class Erasure(models.Model):
    """What was recorded about a subject until `at` is erased. `digest` is a keyed hash of the subject."""

    digest = models.CharField(max_length=64, unique=True)
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.digest[:16]} at {self.at:%Y-%m-%d %H:%M:%S}"


class EndedCounter(models.Model):
    """What processes that ended had counted, by the name of the counter."""

    name = models.CharField(max_length=100, unique=True)
    value = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name}: {self.value}"


class SpoolFile(models.Model):
    """How far a spool file has been loaded: moved in the same transaction as its rows, so nothing is loaded
    twice.
    """

    host = models.CharField(max_length=255)
    name = models.CharField(max_length=255)
    offset = models.PositiveBigIntegerField(default=0, help_text="Bytes from the file's start that are loaded.")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "spool file"
        constraints = [models.UniqueConstraint(fields=["host", "name"], name="spool_file_unique")]

    def __str__(self) -> str:
        return f"{self.host}/{self.name}"


# Rows that other rooms own; Django looks for them here.
from monitoring.alerts.models import Alert, AlertChannel, AlertDelivery, AlertEvent, AlertRule  # noqa: E402
from monitoring.drift.models import DriftCheck, DriftReference, DriftResult  # noqa: E402
from monitoring.error_groups.models import ErrorGroup  # noqa: E402
from monitoring.outcomes.models import Feedback, ModelWatch, QualityDay, ReviewItem  # noqa: E402

__all__ = [
    "Alert", "AlertChannel", "AlertDelivery", "AlertEvent", "AlertRule",
    "DriftCheck", "DriftReference", "DriftResult", "EndedCounter", "ErrorGroup", "Feedback", "ModelWatch",
    "Outcome", "PredictionLog", "QualityDay", "Resolution", "ReviewItem", "Rollup", "ServingProcess", "SpoolFile",
]  # fmt: skip
