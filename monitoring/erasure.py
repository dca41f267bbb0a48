"""Erasing what is recorded about a subject: in the log, in what is still on its way to it, and wherever else.

The facts of a request stay (when, which version, how long, how it ended), so every count does; its input, its output
and the subject go. The subject itself is kept nowhere: a keyed hash of it tells the loaders what else to leave out,
for records made before the erasure that arrive after it.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from django.db import connection, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts import audit
from accounts.models import User
from monitoring.models import Erasure, PredictionLog
from registry.errors import FieldInvalid, Forbidden

if TYPE_CHECKING:
    from monitoring.spool.records import Record

PERMISSION = "monitoring.erase_subject"
BITE = 2_000
_SALT = "mlplatform.erased-subject"


class Eraser(Protocol):
    """Erases what a room keeps about a subject beside the log; returns how many things went."""

    def __call__(self, *, subject: str, by: User) -> int: ...


_others: dict[str, Eraser] = {}


def also(what: str, erase: Eraser) -> None:
    """Have `erase` called with every erasure; `what` names in the plural what it counts. From `AppConfig.ready`."""
    _others[what] = erase


def erase_subject(*, subject: str, by: User) -> dict[str, int]:
    """Erase what is recorded about `subject`; how many things of each kind went.

    Spools follow by themselves: serving processes give up their files within seconds, and what is loaded of them from
    now on is loaded without what is erased. May be repeated. Raises Forbidden, FieldInvalid.
    """
    if not by.has_perm(PERMISSION):
        raise Forbidden("You may not erase what is recorded about a subject.")
    if not subject:
        raise FieldInvalid("Say whose data is to be erased.", field="subject")
    digest = digest_of(subject)
    at = timezone.now()
    Erasure.objects.update_or_create(digest=digest, defaults={"at": at})
    _wait_for_loaders()
    counts = {"records": _erase_records(subject)}
    for what, erase in _others.items():
        counts[what] = erase(subject=subject, by=by)
    audit.record("subject.erased", by=by, details={"subject_digest": digest[:16], **counts})
    return counts


def digest_of(subject: str) -> str:
    """What stands for a subject that is erased: no use without SECRET_KEY."""
    return salted_hmac(_SALT, subject, algorithm="sha256").hexdigest()


def latest() -> datetime | None:
    """When something was erased last."""
    return Erasure.objects.order_by("-at").values_list("at", flat=True).first()


def keep_back(records: "Collection[Record]") -> None:
    """Take out of records that are about to be loaded what was erased after they were made; in the transaction that
    loads them.
    """
    about = [record for record in records if record.values["subject_id"]]
    if not about:
        return
    if connection.vendor == "postgresql":
        # From here on an erasure waits for this transaction before it looks for records.
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {PredictionLog._meta.db_table} IN ROW EXCLUSIVE MODE")
    digests = {subject: digest_of(subject) for subject in {record.values["subject_id"] for record in about}}
    moments = dict(Erasure.objects.filter(digest__in=digests.values()).values_list("digest", "at"))
    for record in about:
        erased_at = moments.get(digests[record.values["subject_id"]])
        if erased_at is not None and datetime.fromtimestamp(record.values["at"], UTC) <= erased_at:
            record.change(subject_id="", input=None, output=None)


def is_erased(moments: dict[str, datetime], values: dict[str, Any]) -> bool:
    """Whether a record's values are about a subject that was erased after they were made."""
    subject = values.get("subject_id")
    at = moments.get(digest_of(subject)) if isinstance(subject, str) and subject else None
    return at is not None and float(values.get("at") or 0) <= at.timestamp()


def moments() -> dict[str, datetime]:
    """Every erasure: digest to time."""
    return dict(Erasure.objects.values_list("digest", "at"))


def _wait_for_loaders() -> None:
    """Until every transaction has ended that may be loading records without knowing of the erasure.

    On SQLite there is only one writer at a time, so none is under way after the erasure was committed.
    """
    if connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {PredictionLog._meta.db_table} IN SHARE MODE")


def _erase_records(subject: str) -> int:
    total = 0
    about = PredictionLog.objects.filter(subject_id=subject)
    while ids := list(about.values_list("pk", flat=True)[:BITE]):
        total += about.filter(pk__in=ids).update(subject_id="", input=None, output=None)
    return total
