"""Sums of days from those of hours, which were the coarsest until now."""

from datetime import UTC, datetime

from django.db import migrations

HOUR, DAY = 3600, 86_400


def add_days(apps, schema_editor):
    Rollup = apps.get_model("monitoring", "Rollup")
    days = {}
    for row in Rollup.objects.filter(resolution=HOUR).iterator(chunk_size=2000):
        start = int(row.start.timestamp()) // DAY * DAY
        day = days.setdefault((start, row.model_id, row.version_id, row.outcome), [0, 0, 0.0, {}])
        day[0] += row.requests
        day[1] += row.instances
        day[2] += row.latency_sum_ms
        first, *counts = row.latency_histogram or [0]
        for bucket, count in enumerate(counts, first):
            day[3][bucket] = day[3].get(bucket, 0) + count
    Rollup.objects.bulk_create(
        [
            Rollup(
                resolution=DAY, start=datetime.fromtimestamp(start, UTC), model_id=model, version_id=version,
                outcome=outcome, requests=requests, instances=instances, latency_sum_ms=latency,
                latency_histogram=_array(counts),
            )
            for (start, model, version, outcome), (requests, instances, latency, counts) in days.items()
        ],
        batch_size=500,
    )  # fmt: skip


def _array(counts):
    if not counts:
        return []
    first, last = min(counts), max(counts)
    return [first, *(counts.get(bucket, 0) for bucket in range(first, last + 1))]


def remove_days(apps, schema_editor):
    apps.get_model("monitoring", "Rollup").objects.filter(resolution=DAY).delete()


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0005_answers_clients_and_days")]
    operations = [migrations.RunPython(add_days, remove_days)]
