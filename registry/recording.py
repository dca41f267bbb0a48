"""What the prediction log keeps of a model's requests: the owner's policy.

`RecordingSettings` are the columns of a model. `Recording` is the same as the hot path reads it, made once for each
version that is resolved. The facts of a request (when, who, which version, how long, how it ended) are always kept.
"""

from dataclasses import dataclass
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

MAX_NAMES = 100
MAX_NAME_LENGTH = 200
MAX_DAYS = 36_500


class RecordPolicy(models.TextChoices):
    """What the prediction log keeps of a request besides its facts."""

    FULL = "full", "Inputs and outputs"
    HASHED = "hashed", "Outputs, and keyed hashes of the inputs"
    OUTPUTS = "outputs", "Outputs only"
    NONE = "none", "Neither"


class RecordingSettings(models.Model):
    """The columns."""

    record_policy = models.CharField(max_length=16, choices=RecordPolicy.choices, default=RecordPolicy.FULL)
    record_batches = models.BooleanField(
        default=False, help_text="Also keep inputs and outputs of requests with several rows."
    )
    record_redacted = models.JSONField(
        default=list, blank=True, help_text="Names of inputs whose values are never written down."
    )
    record_sample_rate = models.FloatField(
        default=1.0,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="The share of requests whose inputs and outputs are kept, 0 to 1; the facts of each are.",
    )
    record_retention_days = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MaxValueValidator(MAX_DAYS)],
        help_text="Days after which a record is deleted; 0 keeps it for good. Empty: RECORD_RETENTION_DAYS.",
    )

    class Meta:
        abstract = True


NAMES = ("record_policy", "record_batches", "record_redacted", "record_sample_rate", "record_retention_days")
CONSTRAINTS = [
    models.CheckConstraint(
        condition=Q(record_sample_rate__gte=0.0, record_sample_rate__lte=1.0), name="model_record_sample_rate_in_range"
    ),
    models.CheckConstraint(
        condition=Q(record_retention_days=None) | Q(record_retention_days__lte=MAX_DAYS),
        name="model_record_retention_days_in_range",
    ),
]


@dataclass(frozen=True, slots=True)
class Recording:
    """What is written down of a request. `is_plain`: all of it, so nothing needs to be looked at."""

    policy: str = "full"
    batches: bool = False
    redacted: frozenset[str] = frozenset()
    sample_rate: float = 1.0
    is_plain: bool = True


def of_model(model: RecordingSettings) -> Recording:
    """The policy of a model."""
    redacted = frozenset(model.record_redacted)
    rate = model.record_sample_rate
    is_plain = model.record_policy == RecordPolicy.FULL and not redacted and rate >= 1.0
    return Recording(model.record_policy, model.record_batches, redacted, rate, is_plain)


def redacted_problem(value: Any) -> str:
    """Why `value` can't be the names that are redacted; empty when it can."""
    if (
        isinstance(value, list)
        and len(value) <= MAX_NAMES
        and all(isinstance(name, str) and 0 < len(name) <= MAX_NAME_LENGTH and name.isprintable() for name in value)
    ):
        return ""
    return f"Give a list of names of inputs: at most {MAX_NAMES} of at most {MAX_NAME_LENGTH} characters."
