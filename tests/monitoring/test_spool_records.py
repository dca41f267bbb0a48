"""Lines become records in two ways, all at once and one by one, and both say the same."""

import time
import uuid
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from django.db import connection
from hypothesis import example, given
from hypothesis import strategies as st

from monitoring import spool
from monitoring.models import Outcome, PredictionLog
from monitoring.spool import loading
from monitoring.spool.records import BadRecord, parse, parse_plain

USUAL: dict[str, Any] = {
    "id": "b44fa460-49c6-8fa9-8000-00d1493cb7b0",
    "request_id": "req-1",
    "at": 1795325345.0301654,
    "model_id": 1,
    "version_id": 2,
    "user_id": 3,
    "key_id": "ad50c408-2e7f-40aa-9bd8-c1b8b8102fbc",
    "subject_id": "",
    "outcome": "ok",
    "status_code": 200,
    "error_code": "",
    "instance_count": 1,
    "latency_ms": 0.05,
    "inference_ms": 0.03,
    "confidence": 0.9,
    "input": {"instances": [["a"]]},
    "output": {"predictions": ["b"]},
}
LEFT_OUT = object()
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([2**31, 2**63, -(2**63), 1e300, -0.5, 253_402_300_800.0]),
    st.text(max_size=300),
    st.sampled_from(["\0", "\\u0000", "x" * 129, "x" * 201, "cached", "no outcome", USUAL["id"].upper()]),
    st.lists(st.integers(0, 3), max_size=2),
    st.just(LEFT_OUT),
)


def changed(change: dict[str, Any]) -> bytes:
    return orjson.dumps({name: value for name, value in (USUAL | change).items() if value is not LEFT_OUT})


def one_by_one(lines: list[bytes]) -> list[Any] | None:
    """What `parse` makes of each, if it leaves each line as it is; None otherwise."""
    found, offset = [], 7
    for line in lines:
        try:
            record = parse(line, offset)
        except BadRecord:
            return None
        found.append(record)
        offset += len(line) + 1
    return found if all(record.line == line for record, line in zip(found, lines, strict=True)) else None


@given(st.lists(st.dictionaries(st.sampled_from(sorted(USUAL)), VALUES, max_size=2), min_size=1, max_size=4))
@example([{}, {"version_id": None, "user_id": None, "key_id": None, "inference_ms": None, "confidence": None}])
@example([{"input": LEFT_OUT}])
@example([{"request_id": None}])
@example([{"subject_id": "x" * 200}, {"subject_id": "x" * 201}])
def test_lines_taken_at_once_are_what_each_is_by_itself(changes: list[dict[str, Any]]) -> None:
    lines = [changed(change) for change in changes]
    at_once = parse_plain(b"\n".join(lines) + b"\n", 7)
    if at_once is not None:
        assert at_once == one_by_one(lines)


@given(st.lists(st.dictionaries(st.sampled_from(sorted(USUAL)), VALUES, max_size=2), min_size=1, max_size=4))
def test_only_lines_that_need_a_closer_look_get_one(changes: list[dict[str, Any]]) -> None:
    lines = [changed(change) for change in changes]
    if parse_plain(b"\n".join(lines) + b"\n", 7) is None:
        is_whole = all(value is not LEFT_OUT for change in changes for value in change.values())
        assert one_by_one(lines) is None or not is_whole or any(rb"\u0000" in line for line in lines)


@pytest.mark.parametrize("line", [b"", b"[]", b'"id"', b"1", b'{"id": [1', b'"b": 2}'])
def test_lines_that_are_no_records_are_not_taken_at_once(line: bytes) -> None:
    assert parse_plain(changed({}) + b"\n" + line + b"\n", 0) is None


def test_two_broken_lines_are_not_one_whole_record() -> None:
    half = changed({"input": LEFT_OUT, "output": LEFT_OUT})[:-1]
    assert parse_plain(half + b"\n" + b'"input": 1, "output": 2}\n', 0) is None


@pytest.mark.django_db
@pytest.mark.parametrize("outcome", Outcome.values)
def test_whatever_a_request_came_to_is_taken_at_once(record: Any, outcome: str) -> None:
    refused = {"outcome": outcome, "version_id": None, "user_id": None, "inference_ms": None, "confidence": None}
    for values in (refused, {"outcome": outcome, "key_id": str(uuid.uuid4()), "input": None, "output": None}):
        assert parse_plain(orjson.dumps(record(**values)) + b"\n", 0) is not None


@pytest.mark.django_db
@pytest.mark.parametrize("count", [1, 57, 58, 59, 130])
def test_however_many_are_inserted_each_has_its_own_values(record: Any, count: int) -> None:
    made = [
        record(request_id=f"r{number}", latency_ms=float(number), at=time.time() - number, input={"n": number})
        for number in range(count)
    ]
    for one in made:
        spool.append(one)
    assert spool.ship_once() == count
    rows = {str(row.pk): row for row in PredictionLog.objects.all()}
    for number, one in enumerate(made):
        row = rows[one["id"]]
        assert (row.request_id, row.latency_ms, row.input) == (f"r{number}", float(number), {"n": number})
        assert row.created_at.timestamp() == pytest.approx(one["at"], abs=1e-6)


@given(st.one_of(st.floats(0, 253_402_300_799), st.integers(0, 253_402_300_799)))
@example(0.9999996)
@example(1795325345.9999998)
@example(1795325345.5000005)
def test_a_time_is_written_as_the_database_writes_it(at: float) -> None:
    assert loading._as_time(at) == datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S.%f").rjust(26, "0")


@pytest.mark.django_db
def test_a_row_that_the_database_refuses_is_told_as_its_error(record: Any) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL's way is its driver's")
    twice = parse(orjson.dumps(record()), 0)
    with pytest.raises(loading.IntegrityError):
        loading.insert([twice, twice])
