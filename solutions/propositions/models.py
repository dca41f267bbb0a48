"""Propositions, what users did with them, what is said of users, and retrainings of the ranking model.

Users are the client's: they are known by the id that the client gives them and have no row of their own.
"""

import secrets
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from registry.leases import Leased
from registry.models import ModelVersion
from solutions.propositions.features.history import EventType

ID = RegexValidator(
    r"^[A-Za-z0-9][A-Za-z0-9._:@-]*\Z", "Use letters, digits and . _ : @ -, begin with a letter or digit."
)
MOST_ID_CHARACTERS = 64
EVENT_TYPES = [(kind.value, kind.value.capitalize()) for kind in EventType]


class Stock(models.Model):
    """One row: a stamp that is another one whenever a proposition changed, so that processes may keep propositions.

    It is changed in the transaction of the change and before it, so that all who change propositions queue here first.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    stamp = models.PositiveBigIntegerField(default=0)

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=Q(id=1), name="stock_is_one_row")]

    def __str__(self) -> str:
        return f"stock {self.stamp}"

    @classmethod
    def move(cls) -> None:
        """Have every process read the propositions again. Within the transaction of the change, before it.

        Drawn, not counted: a stamp never comes back, also not after a rollback or a restored backup.
        """
        stamp = secrets.randbits(62)
        if not cls.objects.filter(pk=1).update(stamp=stamp):
            cls.objects.get_or_create(pk=1)
            cls.objects.filter(pk=1).update(stamp=stamp)


class PropositionQuerySet(models.QuerySet["Proposition"]):
    """Every way to change propositions moves the stock."""

    def update(self, **values: Any) -> int:
        with transaction.atomic():
            Stock.move()
            return super().update(**values)

    def bulk_create(self, objs: Any, *args: Any, **options: Any) -> Any:
        with transaction.atomic():
            Stock.move()
            return super().bulk_create(objs, *args, **options)

    def delete(self) -> tuple[int, dict[str, int]]:
        with transaction.atomic():
            Stock.move()
            return super().delete()


class Proposition(models.Model):
    """Something that can be shown to a user. Its counts are those of the last night that changed them."""

    ref = models.CharField(
        "id", max_length=MOST_ID_CHARACTERS, unique=True, validators=[ID], help_text="The name clients know it by."
    )
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True, max_length=5000)
    category = models.CharField(max_length=64, validators=[ID])
    price = models.DecimalField(
        max_digits=12,
        decimal_places=2,
        default=0,
        validators=[MinValueValidator(0)],
        help_text="In the shop's currency.",
    )
    is_active = models.BooleanField(default=True, help_text="Only active propositions are suggested.")
    published_at = models.DateTimeField(default=timezone.now, help_text="Not suggested before.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    impressions = models.FloatField(default=0.0, editable=False, help_text="When last counted; older ones weigh less.")
    clicks = models.FloatField(default=0.0, editable=False)
    click_rate = models.FloatField(default=0.1, editable=False, help_text="Drawn towards 0.1 while little is known.")
    counted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = PropositionQuerySet.as_manager()

    class Meta:
        ordering = ["ref"]
        constraints = [
            models.CheckConstraint(condition=Q(price__gte=0), name="proposition_price_not_negative"),
            models.CheckConstraint(condition=~Q(ref=""), name="proposition_has_id"),
        ]
        indexes = [
            models.Index(fields=["is_active", "-click_rate"], name="proposition_popular"),
            models.Index(fields=["is_active", "category", "-click_rate"], name="proposition_of_category"),
            models.Index(fields=["is_active", "-published_at"], name="proposition_new"),
        ]

    def __str__(self) -> str:
        return self.ref

    def save(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            Stock.move()
            super().save(*args, **options)


class Interaction(models.Model):
    """What a user did with a proposition. Appended, never edited.

    Category and price are kept as they were, so that a later change of the proposition doesn't change history.
    """

    user_id = models.CharField("user", max_length=MOST_ID_CHARACTERS, validators=[ID])
    proposition = models.ForeignKey(Proposition, on_delete=models.PROTECT, related_name="interactions", db_index=False)
    event_type = models.CharField(max_length=16, choices=EVENT_TYPES)
    context = models.CharField(max_length=64, blank=True)
    category = models.CharField(max_length=64)
    price = models.FloatField()
    position = models.PositiveSmallIntegerField(default=0, help_text="The place in the list, from 0.")
    suggestion = models.UUIDField(null=True, blank=True, help_text="The list it was shown in.")
    version_number = models.PositiveIntegerField(
        null=True, blank=True, help_text="The version of the model that ranked the list; none: the rules did."
    )
    at = models.DateTimeField(help_text="When it happened.")
    recorded_at = models.DateTimeField(default=timezone.now, help_text="When the platform got to know of it.")

    class Meta:
        ordering = ["-recorded_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(event_type__in=[kind for kind, _ in EVENT_TYPES]), name="interaction_type_known"
            ),
        ]
        indexes = [
            models.Index(fields=["user_id", "-recorded_at", "-id"], name="interaction_of_user"),
            models.Index(fields=["user_id", "event_type", "id"], name="interaction_kind_of_user"),
            models.Index(fields=["proposition", "-recorded_at"], name="interaction_of_proposition"),
            models.Index(fields=["recorded_at", "id"], name="interaction_known"),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} of {self.proposition_id} by {self.user_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk:
            raise ValidationError("Interactions are append-only.")
        super().save(*args, **kwargs)


class UserFeatures(models.Model):
    """What the client says of a user, from `recorded_at` on. Appended: the newest row holds, the others are history."""

    user_id = models.CharField("user", max_length=MOST_ID_CHARACTERS, validators=[ID])
    interests = models.JSONField(default=list, help_text="Categories that the user cares for.")
    budget = models.FloatField(null=True, blank=True, help_text="The most the user wants to spend; empty: not said.")
    recorded_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "features of a user"
        verbose_name_plural = "features of users"
        ordering = ["-recorded_at", "-id"]
        indexes = [
            models.Index(fields=["user_id", "-recorded_at", "-id"], name="features_of_user"),
            models.Index(fields=["recorded_at", "id"], name="features_known"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(budget=None) | Q(budget__gte=0), name="features_budget_not_negative")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} at {self.recorded_at:%Y-%m-%d %H:%M:%S}"


class PropositionCount(models.Model):
    """A proposition's counts as they were known from `known_at` on: what a training needs to see the past as it was."""

    proposition = models.ForeignKey(Proposition, on_delete=models.CASCADE, related_name="counts", db_index=False)
    impressions = models.FloatField()
    clicks = models.FloatField()
    known_at = models.DateTimeField()

    class Meta:
        verbose_name = "count of a proposition"
        verbose_name_plural = "counts of propositions"
        ordering = ["known_at", "id"]
        indexes = [models.Index(fields=["known_at", "id"], name="count_known")]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.proposition_id} at {self.known_at:%Y-%m-%d %H:%M:%S}"


class Counting(models.Model):
    """One row: up to where interactions are counted, and the epoch of remembered suggestions."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    counted_until = models.DateTimeField(null=True, blank=True)
    epoch = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=Q(id=1), name="counting_is_one_row")]

    def __str__(self) -> str:
        return f"counted until {self.counted_until}"


class RunStatus(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Training"
    WAITING = "waiting", "Waiting for validation"
    PROPOSED = "proposed", "Proposed"
    NOT_BETTER = "not_better", "Not better"
    ACTIVATED = "activated", "Activated"
    DECLINED = "declined", "Declined"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


UNFINISHED = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.WAITING)


class Retraining(Leased):
    """One retraining: trains on what was known at `data_until`, is compared with what is live, and proposes."""

    status = models.CharField(max_length=16, choices=RunStatus.choices, default=RunStatus.QUEUED)
    model_name = models.CharField(max_length=64, editable=False, help_text="The model that gets the version.")
    kind = models.CharField(max_length=32)
    seed = models.PositiveIntegerField()
    data_until = models.DateTimeField()
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", help_text="Who owns the version it makes."
    )
    is_scheduled = models.BooleanField(default=False)
    is_cancel_asked = models.BooleanField(default=False)
    progress = models.JSONField(default=dict, blank=True)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    compared_with = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    comparison = models.JSONField(default=dict, blank=True)
    reason = models.TextField(blank=True, help_text="Why it ended as it did.")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=RunStatus.values), name="retraining_status_known"),
            models.UniqueConstraint(
                fields=["model_name"], condition=Q(status__in=UNFINISHED), name="retraining_one_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"Retraining {self.pk}"
