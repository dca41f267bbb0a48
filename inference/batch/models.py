"""One row for each file that is to be scored."""

import math
import uuid
from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from inference.bulk.files import KINDS
from registry.leases import Leased
from registry.models import ModelVersion


def directory() -> Path:
    """Where the files of all jobs lie."""
    return Path(settings.BATCH_DIR or Path(settings.VAR_DIR) / "batch")


class JobStatus(models.TextChoices):
    """The life of a job."""

    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


UNFINISHED = (JobStatus.WAITING, JobStatus.RUNNING)
_FORMATS = [(kind, kind) for kind in KINDS]


class BatchJob(Leased):
    """A file scored by one version. The file lies below BATCH_DIR until the job ends, its results until it is deleted.

    Rows are counted when the file was read once; `rows_failed` are those among `rows_done` that have no answer.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=16, choices=JobStatus.choices, default=JobStatus.WAITING)
    file_name = models.CharField(max_length=255, blank=True)
    input_format = models.CharField(max_length=8, choices=_FORMATS)
    input_bytes = models.PositiveBigIntegerField()
    results_format = models.CharField(max_length=8, choices=_FORMATS)
    result_bytes = models.PositiveBigIntegerField(default=0)
    rows_total = models.PositiveBigIntegerField(null=True, blank=True)
    rows_done = models.PositiveBigIntegerField(default=0)
    rows_failed = models.PositiveBigIntegerField(default=0)
    rows_per_second = models.FloatField(default=0.0, help_text="Of the last half minute.")
    ignored_columns = models.JSONField(default=list, blank=True)
    failure = models.JSONField(null=True, blank=True, help_text="Why it failed: code, message, line, column.")
    asked_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    cancel_asked_at = models.DateTimeField(null=True, blank=True)
    is_counted = models.BooleanField(default=False, editable=False, help_text="Its rows are in the metrics.")

    class Meta:
        verbose_name = "batch job"
        ordering = ["-asked_at", "-id"]
        default_permissions = ()
        permissions = [
            ("view_batchjob", "Can see everybody's batch jobs and their results"),
            ("cancel_batchjob", "Can cancel and delete everybody's batch jobs"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=JobStatus.values), name="batch_status_known"),
            models.CheckConstraint(condition=Q(rows_failed__lte=F("rows_done")), name="batch_failed_are_done"),
            models.CheckConstraint(condition=~Q(status="failed") | Q(failure__isnull=False), name="batch_has_reason"),
        ]
        indexes = [
            models.Index(fields=["status", "asked_at"], name="batch_due"),
            models.Index(fields=["by", "-asked_at"], name="batch_of_owner"),
            models.Index(fields=["ended_at"], name="batch_ended"),
        ]

    def __str__(self) -> str:
        return f"batch job {str(self.pk)[:8]}"

    @property
    def is_unfinished(self) -> bool:
        return self.status in UNFINISHED

    @property
    def is_stopping(self) -> bool:
        return self.is_unfinished and self.cancel_asked_at is not None

    @property
    def has_results(self) -> bool:
        return self.status == JobStatus.DONE

    @property
    def percent(self) -> int:
        """How far it is."""
        return math.floor(100 * self.rows_done / max(self.rows_total or 0, 1))

    @property
    def seconds_left(self) -> float | None:
        """At the present rate; None where that is not known."""
        if self.status != JobStatus.RUNNING or self.rows_total is None or self.rows_per_second <= 0:
            return None
        return (self.rows_total - self.rows_done) / self.rows_per_second

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return directory() / str(self.pk)

    @property
    def input_path(self) -> Path:
        return self.folder / "input"

    @property
    def parts_path(self) -> Path:
        return self.folder / "parts"

    @property
    def results_path(self) -> Path:
        return self.folder / f"results.{self.results_format}"
