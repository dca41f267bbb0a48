"""Which days of which versions have to be summed again."""

from collections.abc import Iterable
from datetime import UTC, date

from django.db.models import F

from monitoring.outcomes.models import Feedback, QualityDay


def touch(rows: Iterable[Feedback]) -> None:
    """Mark the days that `rows` (with version and time) belong to, in the caller's transaction; always in one order."""
    touched: dict[tuple[int, date], int] = {}
    for row in rows:
        if row.version_id and row.model_id and row.predicted_at:
            touched[(row.version_id, row.predicted_at.astimezone(UTC).date())] = row.model_id
    for (version_id, day), model_id in sorted(touched.items()):
        found = QualityDay.objects.filter(version_id=version_id, day=day)
        if not found.update(touches=F("touches") + 1):
            # `touches` of a new row is 1; of one that somebody made meanwhile it is moved.
            made = QualityDay(model_id=model_id, version_id=version_id, day=day)
            QualityDay.objects.bulk_create([made], ignore_conflicts=True)
            found.update(touches=F("touches") + 1)
