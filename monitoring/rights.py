"""Who may read what was recorded: which records says the queryset, what of their data says this."""

from typing import Any

from monitoring.models import PredictionLog

READ_RECORDS = "monitoring.view_predictionlog"
READ_DATA = "monitoring.view_payload"


def may_read_data(user: Any, record: PredictionLog) -> bool:
    """Whether `user` may read what a recorded request held and was answered: whoever asked, the model's owner, and
    who has the right to everybody's data. Being on the staff is not enough.
    """
    return record.user_id == user.pk or record.model.owner_id == user.pk or user.has_perm(READ_DATA)
