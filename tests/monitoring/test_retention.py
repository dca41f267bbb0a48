"""What is too old goes, and only that."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from monitoring import partitions, retention, spool
from monitoring.models import PredictionLog, Resolution, Rollup
from monitoring.sum_models import AnswerRollup, ClientRollup
from registry import services
from registry.models import ModelVersion, RegisteredModel

pytestmark = pytest.mark.django_db
NOW = datetime(2031, 5, 5, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def ten_days(settings: Any) -> None:
    settings.RECORD_RETENTION_DAYS = 10
    settings.ROLLUP_MINUTE_DAYS, settings.ROLLUP_QUARTER_DAYS, settings.ROLLUP_HOUR_DAYS = 2, 5, 30
    settings.ROLLUP_DAY_DAYS = 0


@pytest.fixture
def other_version(ada: Any) -> ModelVersion:
    model = RegisteredModel.objects.create(name="other", task="classification", owner=ada)
    return ModelVersion.objects.create(
        model=model, number=1, status="ready", created_by=ada, format="onnx", runtime="onnx", artifact="other/v1",
        sha256="0" * 64, size_bytes=1,
    )  # fmt: skip


def ship(record: Any, *days_ago: float, **values: Any) -> None:
    for days in days_ago:
        spool.append(record(at=NOW - timedelta(days=days), **values))
    spool.ship_once()


def ages(**conditions: Any) -> list[float]:
    moments = PredictionLog.objects.filter(**conditions).values_list("created_at", flat=True)
    return sorted((NOW - at) / timedelta(days=1) for at in moments)


def forget_all() -> None:
    while retention.forget_records(now=NOW):
        pass


def test_records_older_than_the_platforms_days_go(record: Any) -> None:
    ship(record, 0, 9.9, 10.1, 11, 400)
    forget_all()
    assert ages() == pytest.approx([0, 9.9])


def test_a_model_may_keep_its_records_longer_or_shorter(record: Any, other_version: Any, ada: Any) -> None:
    services.change_model(model=other_version.model, by=ada, record_retention_days=3)
    others = {"model_id": other_version.model_id, "version_id": other_version.pk}
    ship(record, 2, 5, 12)
    ship(record, 2, 5, 12, **others)
    forget_all()
    assert ages(model=other_version.model) == pytest.approx([2])
    assert ages().count(pytest.approx(5)) == 1
    services.change_model(model=other_version.model, by=ada, record_retention_days=30)
    ship(record, 12, 31, **others)
    ship(record, 12)
    forget_all()
    assert ages(model=other_version.model) == pytest.approx([2, 12])
    assert ages() == pytest.approx([2, 2, 5, 12])


def test_zero_days_keep_everything(record: Any, toy_model: Any, ada: Any) -> None:
    services.change_model(model=toy_model, by=ada, record_retention_days=0)
    ship(record, 0, 4000)
    forget_all()
    assert ages() == pytest.approx([0, 4000])


def test_without_models_nothing_is_done(settings: Any) -> None:
    settings.RECORD_RETENTION_DAYS = 0
    before = partitions.days() if partitions.is_partitioned() else []
    assert retention.forget_records(now=NOW) == 0
    assert (partitions.days() if partitions.is_partitioned() else []) == before


def test_old_records_go_in_bounded_bites(record: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BITE", 3)
    partitions.drop(before=NOW - timedelta(days=100))
    ship(record, *[11] * 7, 1)
    assert [retention.forget_records(now=NOW) for _ in range(4)] == [3, 3, 1, 0]
    assert ages() == pytest.approx([1])


@pytest.mark.skipif(connection.vendor != "postgresql", reason="partitions are PostgreSQL's")
def test_whole_days_are_dropped_and_the_day_that_is_half_old_is_thinned(record: Any) -> None:
    ship(record, 0, 9.9, 10.4, 10.6, 12, 13)
    partitions.prepare(now=NOW)
    assert retention.forget_records(now=NOW) > 1
    assert (NOW - timedelta(days=12)).date() not in partitions.days()
    assert ages() == pytest.approx([0, 9.9, 10.4])
    forget_all()
    assert ages() == pytest.approx([0, 9.9])
    assert (NOW - timedelta(days=10)).date() in partitions.days()


def test_sums_outlive_the_records_the_longer_the_coarser_they_are(record: Any) -> None:
    ship(record, 1, 4, 8, 3000)
    while retention.forget_sums(now=NOW):
        pass
    for sums in (Rollup, ClientRollup, AnswerRollup):
        counts = [sums.objects.filter(resolution=resolution).count() for resolution in Resolution.values]
        assert counts == [1, 2, 3, 4], sums


def test_a_record_that_comes_after_its_sums_were_forgotten_is_counted_in_new_ones(record: Any) -> None:
    ship(record, 8)
    while retention.forget_sums(now=NOW):
        pass
    ship(record, 8)
    assert Rollup.objects.get(resolution=Resolution.MINUTE).requests == 1
    assert Rollup.objects.get(resolution=Resolution.HOUR).requests == 2
