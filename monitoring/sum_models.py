"""Sums beside the rollups: what was answered, who asked, and whose requests were over a limit.

Like a rollup's, every row covers `resolution` seconds from `start`, and every record is counted in one row of each
resolution. A version's id is 0 where a request had none. Accounts and keys are plain ids, which outlive their rows;
0 and the nil UUID stand for none.
"""

import uuid

from django.db import models

NO_KEY = uuid.UUID(int=0)


class AnswerRollup(models.Model):
    """What was answered, and why there was no answer, in one span by one version.

    `confidences`: a histogram of twentieths as `[first, count, …]`. `labels`: class to count, at most
    `answer_rollups.MOST_LABELS` of them, all others under "". `numbers`: `[count, sum, least, largest]` of numeric
    answers. `errors`: code to `[count, id of the last such record, its time]`, at most `MOST_CODES`, others under "".
    """

    resolution = models.PositiveIntegerField()
    start = models.DateTimeField()
    model = models.ForeignKey("registry.RegisteredModel", on_delete=models.PROTECT, related_name="+", db_index=False)
    version_id = models.BigIntegerField(default=0)
    confidences = models.JSONField(default=list)
    labels = models.JSONField(default=dict)
    numbers = models.JSONField(default=list)
    errors = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["resolution", "model", "start", "version_id"], name="answer_rollup_unique")
        ]

    def __str__(self) -> str:
        return f"{self.model_id} {self.start:%Y-%m-%d %H:%M} +{self.resolution}s"


class ClientRollup(models.Model):
    """Sums of the prediction records of one span, model, version, outcome, account and key."""

    resolution = models.PositiveIntegerField()
    start = models.DateTimeField()
    model = models.ForeignKey("registry.RegisteredModel", on_delete=models.PROTECT, related_name="+", db_index=False)
    version_id = models.BigIntegerField(default=0)
    outcome = models.CharField(max_length=16)
    user_id = models.BigIntegerField(default=0)
    api_key_id = models.UUIDField(default=NO_KEY)
    requests = models.PositiveBigIntegerField(default=0)
    instances = models.PositiveBigIntegerField(default=0)
    latency_sum_ms = models.FloatField(default=0.0)
    latency_histogram = models.TextField(default="", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["resolution", "start", "model", "version_id", "outcome", "user_id", "api_key_id"],
                name="client_rollup_unique",
            )
        ]
        indexes = [
            models.Index(fields=["resolution", "user_id", "start"], name="client_rollup_user"),
            models.Index(fields=["resolution", "api_key_id", "start"], name="client_rollup_key"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.outcome} {self.start:%Y-%m-%d %H:%M} +{self.resolution}s"


class LimitHits(models.Model):
    """Requests of one account or key that were refused with 429 in one span; they reached no model.

    Account 0 stands for all callers without a good credential.
    """

    resolution = models.PositiveIntegerField()
    start = models.DateTimeField()
    user_id = models.BigIntegerField(default=0)
    api_key_id = models.UUIDField(default=NO_KEY)
    requests = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["resolution", "start", "user_id", "api_key_id"], name="limit_hits_unique")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.start:%Y-%m-%d %H:%M} +{self.resolution}s"
