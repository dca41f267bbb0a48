"""The sums beside the rollups: they always equal the records, and stay bounded."""

import uuid
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from django.db.migrations.loader import MigrationLoader
from hypothesis import given
from hypothesis import strategies as st

from monitoring import answer_rollups, histogram, rollups, spool
from monitoring.models import AnswerRollup, ClientRollup, PredictionLog, Resolution, Rollup
from monitoring.sum_models import NO_KEY
from monitoring.sums_table import moment

pytestmark = pytest.mark.django_db
AT = 1_714_521_600 + 40_000  # in the morning of 2024-05-01


@pytest.fixture
def load(record: Any) -> Any:
    def add(*changes: dict[str, Any]) -> None:
        for values in changes:
            spool.append(record(**({"at": AT} | values)))
        spool.ship_once()

    return add


@pytest.mark.parametrize("resolution", Resolution.values)
def test_the_sums_of_clients_equal_the_records(load: Any, resolution: int, ada: Any, root: Any) -> None:
    keys = [None, str(uuid.uuid4())]
    for number in range(24):
        load(
            {
                "at": AT + 431 * number, "user_id": (ada, root)[number % 2].pk, "key_id": keys[number // 2 % 2],
                "outcome": ("ok", "cached", "error")[number % 3], "latency_ms": 1.0 + number, "instance_count": number,
            }
        )  # fmt: skip
    wanted: Counter[Any] = Counter()
    for log in PredictionLog.objects.all():
        start = int(log.created_at.timestamp()) // resolution * resolution
        wanted[start, log.user_id, log.api_key_id or NO_KEY, log.outcome] += 1
    rows = ClientRollup.objects.filter(resolution=resolution)
    found = {(int(row.start.timestamp()), row.user_id, row.api_key_id, row.outcome): row.requests for row in rows}
    assert found == wanted
    assert sum(sum(histogram.unpacked(row.latency_histogram).values()) for row in rows) == 24
    assert sum(row.instances for row in rows) == sum(range(24))


def test_answers_are_counted_by_class_confidence_and_value(load: Any, toy_version: Any) -> None:
    load(
        {"confidence": 0.97, "output": {"predictions": ["cat"], "probabilities": [[0.97, 0.03]]}},
        {"confidence": 1.0, "output": {"predictions": [True], "probabilities": None}},
        {"confidence": 0.0, "output": {"predictions": [1, 1, 2], "probabilities": [[1.0]] * 3}},
        {"confidence": None, "output": {"predictions": [2.5, -1.0], "probabilities": None}},
        {"confidence": None, "output": None},
        {"confidence": None, "output": {"omitted_bytes": 70_000}},
    )
    [row] = AnswerRollup.objects.filter(resolution=Resolution.MINUTE)
    assert (row.version_id, row.start) == (toy_version.pk, moment(AT // 60 * 60))
    assert row.labels == {"cat": 1, "True": 1, "1": 2, "2": 1}
    assert row.numbers == [2, 1.5, -1.0, 2.5]
    assert row.confidences == [0, 1, *[0] * 18, 2]


def test_errors_are_counted_by_code_and_keep_the_latest_sample(load: Any) -> None:
    last = str(uuid.uuid4())
    load({"outcome": "error", "error_code": "boom", "id": last, "at": AT + 5}, {"error_code": "late", "at": AT})
    load({"outcome": "error", "error_code": "boom", "at": AT})
    [row] = AnswerRollup.objects.filter(resolution=Resolution.DAY)
    assert row.errors["boom"] == [2, last, AT + 5]
    assert row.errors["late"][0] == 1


def test_many_classes_and_codes_are_bounded_and_none_is_lost(load: Any) -> None:
    for number in range(0, 300, 10):
        load(*({"output": {"predictions": [f"{at}"]}, "error_code": f"code-{at}"} for at in range(number, number + 10)))
    for row in AnswerRollup.objects.all():
        assert len(row.labels) <= answer_rollups.MOST_LABELS + 1
        assert len(row.errors) <= answer_rollups.MOST_CODES + 1
        assert sum(row.labels.values()) == 300
        assert sum(told[0] for told in row.errors.values()) == 300


def test_a_long_class_is_cut(load: Any) -> None:
    load({"output": {"predictions": ["é" * 500]}})
    assert list(AnswerRollup.objects.first().labels) == ["é" * answer_rollups.LONGEST_LABEL]  # type: ignore[union-attr]


def test_a_record_with_nothing_to_tell_makes_no_row(load: Any) -> None:
    load({"confidence": None, "output": None})
    assert not AnswerRollup.objects.exists()


_NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20)


@given(_NUMBERS, _NUMBERS)
def test_joined_numbers_are_those_of_all_values(first: list[float], second: list[float]) -> None:
    def told(values: list[float]) -> list[float]:
        found: list[float] = []
        for value in values:
            found = answer_rollups.joined(found, [1, value, value, value])
        return found

    both = answer_rollups.joined(told(first), told(second))
    everything = first + second
    assert (both[0], both[2], both[3]) == (len(everything), min(everything), max(everything))
    assert both[1] == pytest.approx(sum(everything), abs=1e-3)


def rewrite_histograms(change: Callable[[str], str]) -> None:
    for row in Rollup.objects.all():
        Rollup.objects.filter(pk=row.pk).update(latency_histogram=change(row.latency_histogram))


def test_days_are_made_from_the_hours_that_were_there_before_them(load: Any) -> None:
    load(*({"at": AT + 3600 * number, "latency_ms": 2.0**number} for number in range(8)))
    packing = import_module("monitoring.migrations.0016_packed_histograms")
    wanted = list(Rollup.objects.filter(resolution=Resolution.DAY).order_by("start").values_list("start", "requests",
                  "instances", "latency_sum_ms", "latency_histogram"))  # fmt: skip
    Rollup.objects.filter(resolution=Resolution.DAY).delete()
    then = MigrationLoader(None).project_state(("monitoring", "0005_answers_clients_and_days")).apps
    rewrite_histograms(packing.unpacked)
    import_module("monitoring.migrations.0006_days_of_hours").add_days(then, None)
    rewrite_histograms(packing.packed)
    assert wanted == list(Rollup.objects.filter(resolution=Resolution.DAY).order_by("start").values_list("start",
                          "requests", "instances", "latency_sum_ms", "latency_histogram"))  # fmt: skip


def test_a_row_that_vanished_is_made_anew(load: Any, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        load({}, {})
    assert rollups.table._seen, "its rows are known to be there"
    Rollup.objects.all().delete()
    load({})
    assert Rollup.objects.get(resolution=Resolution.MINUTE).requests == 1
