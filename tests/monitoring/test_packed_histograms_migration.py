"""Packing histograms that were there before."""

from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from monitoring import histogram
from monitoring.models import Resolution
from monitoring.sums_table import moment

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
BEFORE, AFTER = ("monitoring", "0015_unusual_outcomes"), ("monitoring", "0016_packed_histograms")
COUNTS = ({}, {0: 1}, {3: 2, 7: 2**33, 185: 1}, {60: 5, 61: 4})


def migrate(target: tuple[str, str]) -> Any:
    executor = MigrationExecutor(connection)
    executor.migrate([target])
    return executor.loader.project_state([target]).apps


def test_histograms_keep_their_counts_on_the_way_there_and_back(toy_version: Any) -> None:
    before = migrate(BEFORE)
    try:
        for name, extra in (("Rollup", {}), ("ClientRollup", {"user_id": 1})):
            for at, counts in enumerate(COUNTS):
                before.get_model("monitoring", name).objects.create(
                    resolution=Resolution.HOUR, start=moment(3600 * at), model_id=toy_version.model_id, outcome="ok",
                    latency_histogram=histogram.from_counts(counts), **extra,
                )  # fmt: skip
        after = migrate(AFTER)
        for name in ("Rollup", "ClientRollup"):
            rows = after.get_model("monitoring", name).objects.order_by("start")
            assert [row.latency_histogram for row in rows] == histogram.added([""] * len(COUNTS), COUNTS)
        before = migrate(BEFORE)
        for name in ("Rollup", "ClientRollup"):
            rows = before.get_model("monitoring", name).objects.order_by("start")
            assert [row.latency_histogram for row in rows] == [histogram.from_counts(counts) for counts in COUNTS]
    finally:
        migrate(AFTER)
