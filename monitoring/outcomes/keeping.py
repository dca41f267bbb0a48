"""A job that forgets what was kept long enough, some rows at a time."""

from datetime import timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from monitoring.outcomes.models import Feedback, FeedbackState, ReviewItem, ReviewState

BITE = 500


def prune() -> int:
    """Forget feedback whose prediction was never found after FEEDBACK_UNKNOWN_DAYS, all feedback (0: none) and closed
    items of the review queue after FEEDBACK_KEEP_DAYS; how many rows went. Sums of days stay.
    """
    now = timezone.now()
    lost = Feedback.objects.filter(
        state__in=(FeedbackState.UNKNOWN, FeedbackState.REFUSED),
        given_at__lt=now - timedelta(days=settings.FEEDBACK_UNKNOWN_DAYS),
    )
    gone = _some(lost)
    if settings.FEEDBACK_KEEP_DAYS:
        before = now - timedelta(days=settings.FEEDBACK_KEEP_DAYS)
        gone += _some(Feedback.objects.filter(given_at__lt=before))
        gone += _some(ReviewItem.objects.exclude(state=ReviewState.OPEN).filter(queued_at__lt=before))
    return gone


def _some(rows: QuerySet[Feedback] | QuerySet[ReviewItem]) -> int:
    ids = list(rows.order_by("pk").values_list("pk", flat=True)[:BITE])
    return rows.model._default_manager.filter(pk__in=ids).delete()[0] if ids else 0
