"""One row for each training that was asked for."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from registry.leases import Leased


class RunStatus(models.TextChoices):
    """The life of a training."""

    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


UNFINISHED = (RunStatus.WAITING, RunStatus.RUNNING)


class TrainingRun(Leased):
    """A training of one solution. Finished steps lie below VAR_DIR until it ends, so that it can go on after a stop."""

    solution = models.CharField(max_length=100)
    seed = models.BigIntegerField()
    activate = models.BooleanField(default=False, help_text="Make its versions live when they are ready.")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=16, choices=RunStatus.choices, default=RunStatus.WAITING)
    progress = models.JSONField(default=dict, blank=True, help_text="done, of, what.")
    versions = models.JSONField(default=dict, blank=True, help_text="Model name to the id of the version it yielded.")
    failure = models.TextField(blank=True)
    asked_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    cancel_asked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "training"
        ordering = ["-asked_at", "-id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["solution"], condition=Q(status__in=UNFINISHED), name="training_one_unfinished_per_solution"
            ),
            models.CheckConstraint(condition=Q(status__in=RunStatus.values), name="training_status_known"),
        ]
        indexes = [models.Index(fields=["status", "not_before"], name="training_due")]

    def __str__(self) -> str:
        return f"training {self.pk} of {self.solution}"

    @property
    def is_unfinished(self) -> bool:
        return self.status in UNFINISHED

    @property
    def percent(self) -> int:
        """How far it is."""
        return round(100 * self.progress.get("done", 0) / max(self.progress.get("of", 0), 1))
