"""Rows of drift: what a version's data looked like once, and what each look since then found."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from registry.leases import Leased


class ReferenceSource(models.TextChoices):
    """Where a reference comes from."""

    SAMPLE = "sample", "The sample given with the upload"
    WINDOW = "window", "Records of a span of time"


class DriftReference(Leased):
    """What a version's inputs, predictions and confidences looked like: a profile as `drift.profile` makes it.

    The newest row of a version is the one that counts; older ones are kept for the checks that were made by them.
    `not_before` says when the version is looked at next.
    """

    version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="+", db_index=False)
    source = models.CharField(max_length=16, choices=ReferenceSource.choices)
    is_current = models.BooleanField(default=True)
    rows = models.PositiveIntegerField(help_text="Rows behind the profile.")
    window_from = models.DateTimeField(null=True)
    window_to = models.DateTimeField(null=True)
    profile = models.JSONField(default=dict)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="+", null=True, db_index=False
    )
    captured_at = models.DateTimeField(default=timezone.now)
    asked_at = models.DateTimeField(null=True, help_text="When somebody asked for a look that was not made yet.")

    class Meta:
        verbose_name = "drift reference"
        constraints = [
            models.UniqueConstraint(
                fields=["version"], condition=Q(is_current=True), name="drift_one_current_reference"
            ),
        ]
        indexes = [models.Index(fields=["version", "captured_at"], name="drift_reference_history")]

    def __str__(self) -> str:
        return f"reference of version {self.version.number} from {self.captured_at:%Y-%m-%d %H:%M}"


class DriftCheck(models.Model):
    """One look at a version: a window of its records beside the reference."""

    version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="+", db_index=False)
    model = models.ForeignKey("registry.RegisteredModel", on_delete=models.PROTECT, related_name="+", db_index=False)
    reference = models.ForeignKey(DriftReference, on_delete=models.PROTECT, related_name="+", db_index=False)
    window_from = models.DateTimeField()
    window_to = models.DateTimeField()
    requests = models.PositiveBigIntegerField(help_text="Answered requests in the window.")
    rows = models.PositiveIntegerField(help_text="Rows that were looked at.")
    features = models.PositiveIntegerField(default=0, help_text="Features that could be judged.")
    drifted = models.PositiveIntegerField(default=0, help_text="Of which drifted.")
    is_drifted = models.BooleanField(null=True, help_text="Unknown while there are too few rows.")
    note = models.CharField(max_length=200, blank=True, help_text="What could not be looked at, and why.")
    checked_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "drift check"
        ordering = ["-checked_at", "-id"]
        indexes = [
            models.Index(fields=["version", "-checked_at"], name="drift_check_history"),
            models.Index(fields=["checked_at"], name="drift_check_time"),
        ]

    def __str__(self) -> str:
        return f"check of version {self.version.number} at {self.checked_at:%Y-%m-%d %H:%M}"


class FeatureKind(models.TextChoices):
    NUMERIC = "numeric", "Numbers"
    CATEGORICAL = "categorical", "Categories"


class DriftResult(models.Model):
    """What a check found of one feature. A feature is an input's column, or `prediction`, or `confidence`.

    `is_drifted` is unknown while either side has too few values; `reason` says so. `facts` hold the other numbers and
    the picture (see `drift.comparing`).
    """

    drift_check = models.ForeignKey(DriftCheck, on_delete=models.CASCADE, related_name="results")
    role = models.CharField(
        max_length=16, choices=[("input", "Input"), ("prediction", "Prediction"), ("confidence", "Confidence")]
    )
    feature = models.CharField(max_length=200)
    kind = models.CharField(max_length=16, choices=FeatureKind.choices)
    statistic = models.CharField(max_length=16, help_text="psi or js: what the threshold is about.")
    value = models.FloatField(null=True)
    threshold = models.FloatField()
    p_value = models.FloatField(null=True, help_text="Of Kolmogorov-Smirnov or chi-square.")
    reference_rows = models.PositiveIntegerField()
    rows = models.PositiveIntegerField()
    is_drifted = models.BooleanField(null=True)
    reason = models.CharField(max_length=64, blank=True)
    facts = models.JSONField(default=dict)

    class Meta:
        verbose_name = "drift result"
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["drift_check", "role", "feature"], name="drift_result_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.feature}: {self.value}"
