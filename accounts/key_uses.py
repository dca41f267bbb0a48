"""When keys were last used: noted in memory, written behind the requests' backs, to the minute.

The serving process calls `write` every second. What a killed process had not written yet is lost: the column says
whether a key is in use, not how often.
"""

import logging
import threading
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from accounts import database
from accounts.models import ApiKey

NOTED_EVERY = timedelta(minutes=1)
MAX_NOTED = 10_000

logger = logging.getLogger(__name__)
_lock = threading.Lock()
_noted: dict[UUID, datetime] = {}


def note(key: ApiKey) -> None:
    """Remember that a key was used now, unless its row says so for the last minute already."""
    now = timezone.now()
    if key.last_used_at is not None and key.last_used_at > now - NOTED_EVERY:
        return
    with _lock:
        if len(_noted) < MAX_NOTED:
            _noted[key.pk] = now


def write() -> int:
    """Write down what was noted; returns how many keys. What can't be written now is dropped with a line in the log."""
    with _lock:
        noted = dict(_noted)
        _noted.clear()
    try:
        for key, moment in noted.items():
            unnoted = Q(last_used_at=None) | Q(last_used_at__lte=moment - NOTED_EVERY)
            ApiKey.objects.filter(unnoted, pk=key).update(last_used_at=moment)
    except database.Failure:
        logger.warning("Could not note the use of %d API keys.", len(noted), exc_info=True)
    return len(noted)
