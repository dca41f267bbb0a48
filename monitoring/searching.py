"""Finds prediction records without scanning for them: the sums say in which steps of time there are any."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet, Sum
from django.utils.dateparse import parse_datetime

from monitoring import clients
from monitoring.filters import Filters, UnreadableFilter, records
from monitoring.models import ClientRollup, PredictionLog, Rollup
from registry.models import ModelVersion, RegisteredModel

_FIRST_BITE = 100


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the list: the record after which it goes on, towards the past."""

    at: datetime
    pk: UUID

    @property
    def text(self) -> str:
        """How addresses carry it."""
        return f"{self.at.isoformat()}_{self.pk}"


def read_cursor(text: str) -> Cursor | None:
    """The cursor in an address; None for an empty one. Raises UnreadableFilter."""
    if not text:
        return None
    moment, _, pk = text.replace(" ", "+").rpartition("_")
    try:
        at, found = parse_datetime(moment), UUID(pk)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise UnreadableFilter("That is no place in the list of predictions.")
    return Cursor(at, found)


def newest(
    filters: Filters, user: Any, *, limit: int, model: RegisteredModel | None = None, before: Cursor | None = None
) -> list[PredictionLog]:
    """At most `limit` records that the filters mean, the newest first, without input and output.

    Two queries at most; where something narrow is asked for, only the steps in which there is some are read.
    """
    found = visible(filters, user, model)
    if before is not None:
        found = found.filter(Q(created_at__lt=before.at) | Q(created_at=before.at, pk__lt=before.pk))
        found = found.filter(created_at__lte=before.at)
    if filters.is_narrow:
        within = _steps(filters, model, limit, before)
        if within is None:
            return []
        found = found.filter(within)
    return list(found.order_by("-created_at", "-pk")[:limit])


def every(
    filters: Filters, user: Any, *, limit: int, model: RegisteredModel | None = None, with_data: bool = False,
    bite: int = 1000,
) -> Iterator[PredictionLog]:  # fmt: skip
    """All of them, at most `limit`, read in bites so that no transaction stays open over the time it takes to send.

    The first bites are small, so that who waits sees something at once.
    """
    before: Cursor | None = None
    most, bite = bite, min(bite, _FIRST_BITE)
    while limit > 0:
        rows = newest(filters, user, limit=min(bite, limit), model=model, before=before)
        if with_data:
            _fill(rows)
        yield from rows
        if len(rows) < min(bite, limit):
            return
        limit -= len(rows)
        bite = min(most, 3 * bite)
        before = Cursor(rows[-1].created_at, rows[-1].pk)


def visible(filters: Filters, user: Any, model: RegisteredModel | None) -> QuerySet[PredictionLog]:
    """The records that `user` may read and the filters mean."""
    found = PredictionLog.objects.visible_to(user).filter(records(filters))
    if model is not None:
        found = found.filter(model=model)
    return found.select_related("model", "version", "user").defer("input", "output", *_VERSION_DOCUMENTS)


_VERSION_DOCUMENTS = tuple(
    f"version__{name}" for name in ("golden", "report", "sample", "expected", "signature", "parity", "library_versions")
)


def _fill(rows: list[PredictionLog]) -> None:
    """Read inputs and outputs of a bite at once."""
    if not rows:
        return
    times = {"created_at__gte": rows[-1].created_at, "created_at__lte": rows[0].created_at}
    data = PredictionLog.objects.filter(pk__in=[row.pk for row in rows], **times)
    kept = {pk: (input, output) for pk, input, output in data.values_list("pk", "input", "output")}
    for row in rows:
        row.input, row.output = kept.get(row.pk, (None, None))


def _steps(filters: Filters, model: RegisteredModel | None, limit: int, before: Cursor | None) -> Q | None:
    """The steps that hold the next `limit` records, as ranges of time; None when there are none.

    The step of the cursor may be used up, so it does not count.
    """
    span = filters.span
    sums: QuerySet[Any] = _sums(filters, model).filter(
        resolution=span.resolution, start__gte=span.since, start__lt=span.until
    )
    if before is not None:
        sums = sums.filter(start__lte=before.at)
    length = timedelta(seconds=span.resolution)
    ranges: list[list[datetime]] = []
    counted = 0
    for start, count in sums.values_list("start").annotate(Sum("requests")).order_by("-start"):
        if ranges and ranges[-1][0] == start + length:
            ranges[-1][0] = start
        else:
            ranges.append([start, start + length])
        if before is None or start + length <= before.at:
            counted += count
        if counted >= limit:
            break
    condition = Q()
    for since, until in ranges:
        condition |= Q(created_at__gte=since, created_at__lt=until)
    return condition if ranges else None


def _sums(filters: Filters, model: RegisteredModel | None) -> QuerySet[Any]:
    found: QuerySet[Any]
    if filters.client is not None:
        found = ClientRollup.objects.filter(clients.in_sums(filters.client))
    else:
        found = Rollup.objects.all()
    if filters.version is not None:
        versions = ModelVersion.objects.filter(number=filters.version)
        found = found.filter(version_id__in=(versions.filter(model=model) if model else versions).values("pk"))
    if filters.outcomes:
        found = found.filter(outcome__in=filters.outcomes)
    return found.filter(model=model) if model is not None else found
