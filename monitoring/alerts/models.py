"""Rules, where each stands, what happened, and who is told."""

import hashlib
import hmac
import secrets
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

_FOREVER_SECONDS = 7 * 24 * 3600


class Kind(models.TextChoices):
    """What a rule looks at; `monitoring.alerts.kinds` has the function of each."""

    ERRORS = "errors", "Share of predictions that fail"
    LATENCY = "latency", "Latency objective burns"
    NO_TRAFFIC = "no_traffic", "No predictions any more"
    DRIFT = "drift", "Drift"
    QUEUE = "queue", "Requests wait for a model"
    RECORDS_LATE = "records_late", "Prediction records wait"
    RECORDS_DROPPED = "records_dropped", "Prediction records were given up"
    BREAKER = "breaker", "A breaker is open"
    DAMAGED = "damaged", "A stored file is damaged"
    NOT_LOADED = "not_loaded", "A live version can't be loaded"
    PROCESSES = "processes", "No serving process is ready"
    VALIDATION = "validation", "Uploads wait for validation"


class Severity(models.TextChoices):
    WARNING = "warning", "Warning"
    CRITICAL = "critical", "Critical"


class State(models.TextChoices):
    OK = "ok", "OK"
    PENDING = "pending", "Pending"
    FIRING = "firing", "Firing"


class AlertRule(models.Model):
    """What counts as wrong, and for how long until somebody is told. `threshold` is in the unit of the kind."""

    name = models.SlugField(max_length=64, unique=True)
    kind = models.CharField(max_length=32, choices=Kind.choices)
    model = models.ForeignKey(
        "registry.RegisteredModel", on_delete=models.CASCADE, null=True, blank=True, related_name="+",
        help_text="Only this model; empty means all.",
    )  # fmt: skip
    severity = models.CharField(max_length=16, choices=Severity.choices, default=Severity.WARNING)
    is_enabled = models.BooleanField(default=True)
    threshold = models.FloatField(default=0.0, help_text="Wrong is what lies above; in the unit of the kind.")
    window_seconds = models.PositiveIntegerField(
        default=300, help_text="How far back is looked.",
        validators=[MinValueValidator(60), MaxValueValidator(_FOREVER_SECONDS)],
    )  # fmt: skip
    for_seconds = models.PositiveIntegerField(
        default=0, help_text="How long it must hold until it fires.", validators=[MaxValueValidator(_FOREVER_SECONDS)]
    )
    minimum = models.PositiveIntegerField(default=0, help_text="Fewer requests than this are not judged.")
    objective_ms = models.FloatField(
        default=100.0, help_text="Latency: what a request may take.", validators=[MinValueValidator(0.01)]
    )
    objective_share = models.FloatField(
        default=0.95, help_text="Latency: the share of requests that must keep to it.",
        validators=[MinValueValidator(0.01), MaxValueValidator(0.9999)],
    )  # fmt: skip
    silenced_until = models.DateTimeField(null=True, blank=True, help_text="Until then nobody is told.")
    judged_at = models.DateTimeField(default=timezone.now, editable=False)
    memory = models.JSONField(default=dict, editable=False)

    class Meta:
        verbose_name = "alert rule"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Alert(models.Model):
    """Where a rule stands for one subject: a model, a version, a host, a service."""

    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="alerts")
    subject = models.CharField(max_length=255, blank=True, help_text="What is wrong; empty means the platform.")
    model = models.ForeignKey("registry.RegisteredModel", on_delete=models.CASCADE, null=True, related_name="+")
    state = models.CharField(max_length=16, choices=State.choices, default=State.OK)
    text = models.CharField(max_length=500, blank=True)
    value = models.FloatField(null=True)
    since = models.DateTimeField(default=timezone.now, help_text="When it came into this state.")
    is_told = models.BooleanField(default=False, help_text="Whether people were told that it fires.")
    silenced_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "subject"], name="alert_unique")]
        indexes = [models.Index(fields=["state"], name="alert_state", condition=~Q(state="ok"))]
        ordering = ["-since"]

    def __str__(self) -> str:
        return f"{self.rule.name} {self.subject}".strip()


class EventKind(models.TextChoices):
    FIRING = "firing", "Fired"
    RESOLVED = "resolved", "Over"
    SILENCED = "silenced", "Silenced"
    UNSILENCED = "unsilenced", "Silence ended"
    TEST = "test", "Test"


class AlertEvent(models.Model):
    """What happened to an alert. Appended, never edited."""

    kind = models.CharField(max_length=16, choices=EventKind.choices)
    rule_name = models.CharField(max_length=64)
    rule_kind = models.CharField(max_length=32, blank=True)
    severity = models.CharField(max_length=16, choices=Severity.choices)
    subject = models.CharField(max_length=255, blank=True)
    model = models.ForeignKey("registry.RegisteredModel", on_delete=models.SET_NULL, null=True, related_name="+")
    text = models.CharField(max_length=500, blank=True)
    value = models.FloatField(null=True)
    at = models.DateTimeField(default=timezone.now, db_index=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        verbose_name = "alert event"
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.kind}: {self.rule_name} {self.subject}".strip()

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise ValidationError("Alert events are append-only.")
        super().save(*args, **kwargs)


def _salt() -> str:
    return secrets.token_hex(16)


class ChannelKind(models.TextChoices):
    EMAIL = "email", "E-mail"
    WEBHOOK = "webhook", "Webhook"


class AlertChannel(models.Model):
    """Who is told. A webhook's secret is made from the platform's and `salt`, so the database alone holds none."""

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=16, choices=ChannelKind.choices)
    address = models.CharField(max_length=1000, help_text="E-mail addresses with commas between them, or an https URL.")
    least_severity = models.CharField(max_length=16, choices=Severity.choices, default=Severity.WARNING)
    is_enabled = models.BooleanField(default=True)
    salt = models.CharField(max_length=32, default=_salt, editable=False)

    class Meta:
        verbose_name = "alert channel"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def secret(self) -> str:
        """What a webhook's calls are signed with; it changes with SECRET_KEY."""
        return hmac.new(settings.SECRET_KEY.encode(), f"webhook:{self.salt}".encode(), hashlib.sha256).hexdigest()

    def wants(self, severity: str) -> bool:
        return self.is_enabled and (severity == Severity.CRITICAL or self.least_severity == Severity.WARNING)

    def clean(self) -> None:
        from monitoring.alerts import addresses  # which reads this page

        addresses.check(kind=self.kind, address=self.address)


class DeliveryState(models.TextChoices):
    WAITING = "waiting", "Waits"
    SENT = "sent", "Sent"
    GIVEN_UP = "given_up", "Given up"


class AlertDelivery(models.Model):
    """One event on its way to one channel. Claimed by moving `due_at`."""

    event = models.ForeignKey(AlertEvent, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.ForeignKey(AlertChannel, on_delete=models.CASCADE, related_name="deliveries")
    state = models.CharField(max_length=16, choices=DeliveryState.choices, default=DeliveryState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name = "alert delivery"
        verbose_name_plural = "alert deliveries"
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["event", "channel"], name="alert_delivery_once")]
        indexes = [models.Index(fields=["due_at"], name="alert_delivery_due", condition=Q(state="waiting"))]

    def __str__(self) -> str:
        return f"{self.event} to {self.channel}"
