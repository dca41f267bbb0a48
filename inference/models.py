"""Staging: what an activation asks of the serving processes, and what they answer; strikes. And the rows of rooms."""

import uuid

from django.db import models

from inference.batch.models import BatchJob, JobStatus
from registry.models import ModelVersion

__all__ = ["BatchJob", "CacheEpoch", "JobStatus", "Staging", "StagingReply", "Strike", "StrikeKind"]


class Staging(models.Model):
    """A request to every serving process: load this version, warm it up, check its golden answers."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    deadline = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"Staging of {self.version}"


class StagingReply(models.Model):
    """One process's answer."""

    staging = models.ForeignKey(Staging, on_delete=models.CASCADE, related_name="replies")
    process = models.UUIDField(help_text="The serving process (monitoring.ServingProcess).")
    problem = models.TextField(blank=True, help_text="Why the version can't be served there; empty when it can.")
    load_ms = models.FloatField(default=0.0)
    golden_difference = models.FloatField(null=True, help_text="The largest difference from a golden answer.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["staging", "process"], name="staging_one_reply_per_process")]

    def __str__(self) -> str:
        return f"{self.process}: {self.problem or 'ready'}"


class CacheEpoch(models.Model):
    """One row: moving its value makes every process forget the predictions it remembers."""

    value = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.value)


class StrikeKind(models.TextChoices):
    """What a version did."""

    OVERRUN = "overrun", "overrun deadlines"
    CRASH = "crash", "crashed processes"


class Strike(models.Model):
    """Something a version did to a serving process; three within a minute take it out of service."""

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=16, choices=StrikeKind.choices)
    detail = models.TextField(blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["version", "at"], name="strike_version_at")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.version} at {self.at:%Y-%m-%d %H:%M:%S}"
