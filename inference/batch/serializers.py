"""Wire shapes of batch jobs."""

from typing import Any

from rest_framework import serializers

from accounts.serializers import StrictSerializer
from inference.batch.models import BatchJob, JobStatus
from inference.bulk.files import KINDS


class BatchJobRequest(StrictSerializer):
    """The multipart form."""

    file = serializers.FileField(help_text="CSV, JSON lines or Parquet.", allow_empty_file=True)
    model = serializers.CharField(max_length=100, help_text="An id, `name`, `name:version` or `name@production`.")
    version = serializers.IntegerField(
        required=False, min_value=1, max_value=999_999_999, help_text="In place of what is live."
    )
    format = serializers.ChoiceField(KINDS, required=False, help_text="Of the results; that of the file if left out.")
    input_format = serializers.ChoiceField(KINDS, required=False, help_text="Of the file; found out if left out.")


class BatchFailure(serializers.Serializer[Any]):
    """Why a job failed; `line` and `column` where in the file that is known."""

    code = serializers.CharField()
    message = serializers.CharField()
    line = serializers.IntegerField(required=False)
    column = serializers.CharField(required=False)


class BatchJobAnswer(serializers.Serializer[Any]):
    """A job. `rows_total` is null until the file was read once; `rows_failed` are rows without answer."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(JobStatus.values)
    model = serializers.CharField()
    version = serializers.IntegerField()
    file_name = serializers.CharField()
    input_format = serializers.CharField()
    format = serializers.CharField()
    rows_total = serializers.IntegerField(allow_null=True)
    rows_done = serializers.IntegerField()
    rows_failed = serializers.IntegerField()
    rows_per_second = serializers.FloatField()
    seconds_left = serializers.FloatField(allow_null=True)
    ignored_columns = serializers.ListField(child=serializers.CharField())
    is_stopping = serializers.BooleanField()
    failure = BatchFailure(allow_null=True)
    result_bytes = serializers.IntegerField()
    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


def job_body(job: BatchJob) -> dict[str, Any]:
    """A job in the shape of BatchJobAnswer."""
    left = job.seconds_left
    return {
        "id": str(job.pk),
        "status": job.status,
        "model": job.version.model.name,
        "version": job.version.number,
        "file_name": job.file_name,
        "input_format": job.input_format,
        "format": job.results_format,
        "rows_total": job.rows_total,
        "rows_done": job.rows_done,
        "rows_failed": job.rows_failed,
        "rows_per_second": round(job.rows_per_second, 1),
        "seconds_left": None if left is None else round(left, 1),
        "ignored_columns": job.ignored_columns,
        "is_stopping": job.is_stopping,
        "failure": job.failure,
        "result_bytes": job.result_bytes,
        "created_by": job.by.email,
        "created_at": job.asked_at.isoformat(),
        "started_at": job.started_at and job.started_at.isoformat(),
        "ended_at": job.ended_at and job.ended_at.isoformat(),
    }
