"""The prediction log's partitions on PostgreSQL; on SQLite there are none, and the same calls do nothing."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from monitoring import partitions, spool
from monitoring.models import PredictionLog, Resolution, Rollup, SpoolFile
from monitoring.spool import shipping

pytestmark = pytest.mark.django_db
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="partitions are PostgreSQL's")

NOON = datetime(2031, 5, 5, 12, tzinfo=UTC)
TODAY = NOON.date()


def tables() -> dict[str, int]:
    """How many records lie in each table that has some."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text, count(*) FROM monitoring_predictionlog GROUP BY 1")
        return dict(cursor.fetchall())


def ship(record: Any, *moments: datetime) -> None:
    for at in moments:
        spool.append(record(at=at))
    spool.ship_once()


@pytest.mark.skipif(connection.vendor == "postgresql", reason="it has partitions")
def test_without_partitions_there_is_nothing_to_prepare_or_drop() -> None:
    assert not partitions.is_partitioned()
    assert (partitions.prepare(), partitions.drop(before=datetime.now(UTC))) == (0, 0)


@on_postgresql
def test_a_fresh_database_has_partitions_for_today_and_the_days_ahead() -> None:
    today = datetime.now(UTC).date()
    assert today + timedelta(days=1) in partitions.days()


@on_postgresql
def test_days_ahead_are_made_once(record: Any) -> None:
    assert partitions.prepare(now=NOON) == 1 + partitions.DAYS_AHEAD
    assert partitions.prepare(now=NOON) == 0
    assert {TODAY, TODAY + timedelta(days=partitions.DAYS_AHEAD)} <= set(partitions.days())
    ship(record, NOON, NOON + timedelta(days=1))
    assert tables() == {"monitoring_predictionlog_20310505": 1, "monitoring_predictionlog_20310506": 1}


@on_postgresql
def test_each_instant_of_a_day_belongs_to_its_partition(record: Any) -> None:
    partitions.prepare(now=NOON)
    start = partitions.start_of(TODAY)
    last = start + timedelta(days=1, microseconds=-1)
    ship(record, start, last)
    assert tables() == {"monitoring_predictionlog_20310505": 2}


@on_postgresql
def test_records_without_a_partition_are_kept_and_moved_when_there_is_one(record: Any) -> None:
    earlier, wrong_clock = NOON - timedelta(days=400), NOON + timedelta(days=4000)
    ship(record, NOON, NOON, earlier, wrong_clock)
    assert tables() == {partitions.DEFAULT: 4}
    before = list(PredictionLog.objects.order_by("pk").values())
    partitions.prepare(now=NOON)
    assert tables() == {
        "monitoring_predictionlog_20310505": 2,
        partitions.name_of(earlier.date()): 1,
        partitions.DEFAULT: 1,
    }
    assert list(PredictionLog.objects.order_by("pk").values()) == before


@on_postgresql
def test_a_file_that_is_loaded_again_after_its_records_were_moved_doubles_nothing(record: Any) -> None:
    ship(record, NOON, NOON)
    partitions.prepare(now=NOON)
    SpoolFile.objects.all().delete()
    shipping._known_offsets.clear()
    assert spool.ship_once() == 0
    assert PredictionLog.objects.count() == 2
    assert Rollup.objects.get(resolution=Resolution.MINUTE).requests == 2


@on_postgresql
def test_only_days_that_ended_are_dropped(record: Any) -> None:
    moments = [NOON - timedelta(days=back) for back in (3, 2, 1, 0)]
    ship(record, *moments)
    partitions.prepare(now=NOON)
    assert partitions.drop(before=partitions.start_of(TODAY) - timedelta(days=1, hours=1)) >= 1
    assert sorted(PredictionLog.objects.values_list("created_at", flat=True)) == moments[1:]
    assert TODAY - timedelta(days=2) in partitions.days()


@on_postgresql
@pytest.mark.django_db(transaction=True)
def test_a_lock_that_can_not_be_had_puts_the_work_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "_LOCK_TIMEOUT", "50ms")
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {partitions.DEFAULT} IN ROW EXCLUSIVE MODE")
        assert partitions.prepare(now=NOON) == 0
        other.rollback()
        assert partitions.prepare(now=NOON) == 1 + partitions.DAYS_AHEAD
    finally:
        other.close()
        for day in partitions.days():
            if day >= TODAY:
                partitions._drop(day)


@on_postgresql
def test_a_day_somebody_else_has_just_made_is_left_alone() -> None:
    with transaction.atomic():
        partitions._make(TODAY)
        partitions._make(TODAY)
    assert TODAY in partitions.days()


@on_postgresql
def test_a_record_that_names_what_is_gone_is_refused_without_foreign_keys(record: Any, bob: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conrelid = 'monitoring_predictionlog'::regclass"
        )
        assert cursor.fetchone() == (0,)
    spool.append(record(model_id=10**9))
    spool.append(record(version_id=10**9))
    spool.append(record(user_id=10**9))
    assert spool.ship_once() == 1
    assert PredictionLog.objects.get().user_id is None


def test_the_name_of_a_day_is_read_back() -> None:
    match = partitions._NAME.fullmatch(partitions.name_of(date(2026, 1, 9)))
    assert match is not None
    assert match.groups() == ("2026", "01", "09")
