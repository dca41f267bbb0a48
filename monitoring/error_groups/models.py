"""One row for all errors that have the same origin."""

from django.conf import settings
from django.db import models


class ErrorGroup(models.Model):
    """Errors of one kind from one place. Written by `writing.write`; people only mark it as dealt with."""

    fingerprint = models.CharField(max_length=32, unique=True, editable=False)
    kind = models.CharField(max_length=200, blank=True, help_text="The class of the error, or how grave the event is.")
    place = models.CharField(max_length=200, blank=True, help_text="The function of ours it came from, or the logger.")
    message = models.CharField(max_length=500, help_text="What the log said the last time.")
    code = models.CharField(max_length=64, blank=True, help_text="What the caller was told.")
    model_name = models.CharField(max_length=200, blank=True, help_text="What was asked the last time.")
    request_id = models.CharField(max_length=64, blank=True, help_text="The last request that ended in it.")
    process = models.CharField(max_length=64, blank=True)
    trace = models.TextField(blank=True, help_text="Where the last one came from.")
    count = models.PositiveBigIntegerField(default=0)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField(db_index=True)
    resolved_at = models.DateTimeField(null=True, editable=False)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", editable=False
    )

    class Meta:
        verbose_name = "error"
        verbose_name_plural = "errors"
        ordering = ["-last_seen_at"]

    def __str__(self) -> str:
        return f"{self.kind.rpartition('.')[2] or 'Many errors'} in {self.place or 'many places'}"
