"""Staging: what an activation asks of the serving processes, and what they answer."""

import uuid

from django.db import models

from registry.models import ModelVersion


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
