"""The list of predictions: what it finds, how it goes on, and how it leaves as a file."""

import csv
import io
import itertools
import json
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts import audit
from accounts.models import AuditEvent, User
from monitoring import exporting, filters, searching, spool
from monitoring.models import PredictionLog
from monitoring.pages import predictions_page

pytestmark = pytest.mark.django_db
LIST, EXPORT = "predictions", "predictions-export"


@pytest.fixture
def reader(root: Any) -> Client:
    client = Client()
    client.force_login(root)
    return client


@pytest.fixture
def log(record: Any) -> Any:
    def add(minutes_ago: float = 0, **values: Any) -> str:
        kept = record(at=(timezone.now() - timedelta(minutes=minutes_ago)).timestamp(), **values)
        spool.append(kept)
        spool.ship_once()
        return str(kept["id"])

    return add


def ids(reader: Client, **words: str) -> list[str]:
    return [str(row.record.pk) for row in reader.get(reverse(LIST), words).context["rows"]]


def test_a_request_that_no_model_saw_has_no_time_in_the_model(reader: Client, log: Any) -> None:
    log(outcome="invalid", status_code=422, inference_ms=0.0, latency_ms=0.2)
    page = reader.get(reverse(LIST)).content.decode()
    assert "0.200 ms" in page
    assert "0.000 ms" not in page


def test_filters_find_what_they_say(reader: Client, log: Any, make_version: Any, root: Any) -> None:
    second, key = make_version(2), str(uuid.uuid4())
    old = log(600, outcome="error")
    plain = log(30)
    keyed = log(20, key_id=key, user_id=root.pk, version_id=second.pk)
    late = log(10, outcome="timeout", user_id=root.pk)
    assert ids(reader) == [late, keyed, plain, old]
    assert ids(reader, window="hour") == [late, keyed, plain]
    assert ids(reader, outcome="error") == [old]
    assert ids(reader, outcome="failed") == [late, old]
    assert ids(reader, version="2") == [keyed]
    assert ids(reader, client=f"key:{key}") == [keyed]
    assert ids(reader, client=f"account:{root.pk}") == [late, keyed]
    assert ids(reader, client=f"login:{root.pk}", outcome="timeout", window="hour", model="toy") == [late]
    assert ids(reader, outcome="fallback") == []
    assert reader.get(reverse(LIST), {"model": "nobody"}).status_code == 404


def test_it_goes_on_to_the_last_one_with_each_record_once(
    reader: Client, log: Any, record: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictions_page, "SHOWN", 3)
    same = timezone.now() - timedelta(minutes=30)
    wanted = {log(90 - 8 * number, outcome="error") for number in range(5)}
    for _ in range(4):
        kept = record(at=same, outcome="error")
        spool.append(kept)
        wanted.add(str(kept["id"]))
    log(1)
    spool.ship_once()
    found: list[str] = []
    url = reverse(LIST) + "?outcome=error"
    while url:
        page = reader.get(url)
        found += [str(row.record.pk) for row in page.context["rows"]]
        url = reverse(LIST) + page.context["older"] if page.context["older"] else ""
    assert len(found) == 9
    assert set(found) == wanted


@pytest.mark.skipif(connection.vendor != "postgresql", reason="what is read is known of PostgreSQL's plans")
def test_the_failures_of_one_key_are_found_without_reading_what_is_newer(record: Any, root: Any) -> None:
    key = str(uuid.uuid4())
    # All in one step of the sums, which would tell that there is none in the others.
    step = (timezone.now() - timedelta(minutes=5)).replace(second=0, microsecond=0)
    rare = [record(at=step, outcome="error", key_id=key) for _ in range(3)]
    later = [step + timedelta(milliseconds=10 * number) for number in range(1, 4_000)]
    common = [
        record(at=at, **({"key_id": key} if number % 20 else {"outcome": "error"})) for number, at in enumerate(later)
    ]
    for kept in rare + common:
        spool.append(kept)
    spool.ship_once()
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {PredictionLog._meta.db_table}")
    asked = filters.read({"window": "hour", "outcome": "failed", "client": f"key:{key}"})
    with CaptureQueriesContext(connection) as captured:
        assert {str(found.pk) for found in searching.newest(asked, root, limit=10)} == {kept["id"] for kept in rare}
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + captured[-1]["sql"])
        plan = json.dumps(cursor.fetchone()[0])
    assert sum(int(rows) for rows in re.findall(r'"Rows Removed by [a-zA-Z ]+": (\d+)', plan)) < 10


def test_something_narrow_is_looked_for_where_there_is_some(
    log: Any, root: Any, toy_model: Any, django_assert_num_queries: Any
) -> None:
    log(600, outcome="error")
    for number in range(5):
        log(number)
    asked = filters.read({"window": "day", "outcome": "timeout"})
    with django_assert_num_queries(1):
        assert searching.newest(asked, root, limit=10) == [], "the sums say that there is none"
    found = searching._steps(filters.read({"window": "day", "outcome": "error"}), None, 10, None)
    assert found is not None
    assert PredictionLog.objects.filter(found).count() == 1, "only the step in which it lies is read"


@pytest.mark.parametrize("cursor", ["x", "_", "2024-01-01_1", f"2024-01-01T00:00:00_{uuid.UUID(int=1)}", "a_b_c"])
def test_a_place_that_does_not_exist_is_refused(reader: Client, cursor: str) -> None:
    assert reader.get(reverse(LIST), {"before": cursor}).status_code == 400


def test_the_list_costs_the_same_queries_however_many_records(
    reader: Client, log: Any, django_assert_max_num_queries: Any
) -> None:
    log()
    ids(reader)
    with django_assert_max_num_queries(40) as few:
        ids(reader)
    for _ in range(20):
        log()
    with django_assert_max_num_queries(len(few)):
        assert len(ids(reader)) == 21


# -- As a file ----------------------------------------------------------------------------------------


def exported(reader: Client, kind: str = "csv", query: str = "", **form: str) -> str:
    answer = reader.post(reverse(EXPORT) + query, {"format": kind, **form})
    assert answer.status_code == 200
    assert answer["Content-Disposition"] == f'attachment; filename="predictions.{kind}"'
    return b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]


def test_the_files_hold_what_the_list_shows(reader: Client, log: Any) -> None:
    first, second = log(20), log(10, outcome="error", confidence=None, error_code="boom")
    rows = list(csv.DictReader(io.StringIO(exported(reader))))
    assert [row["id"] for row in rows] == [second, first]
    assert (rows[0]["outcome"], rows[0]["confidence"], rows[1]["confidence"]) == ("error", "", "0.9")
    assert "input" not in rows[0]
    [line] = exported(reader, "jsonl", "?outcome=error", data="on").splitlines()
    told = json.loads(line)
    assert (told["id"], told["error_code"], told["input"]) == (second, "boom", {"instances": [[1.0, 2.0]]})


def test_every_row_is_sent_once_in_several_bites(log: Any, root: Any, reader: Client) -> None:
    wanted = [log(number) for number in range(7)]
    found = list(searching.every(filters.read({"window": "day"}), root, limit=100, bite=2, with_data=True))
    assert [str(record.pk) for record in found] == wanted
    assert all(record.output for record in found)
    assert len(list(searching.every(filters.read({"window": "day"}), root, limit=5, bite=2))) == 5


def test_an_export_is_written_down_before_it_is_sent(reader: Client, log: Any, root: Any) -> None:
    log()
    exported(reader, "jsonl", "?model=toy&outcome=ok&window=hour", data="on")
    event = AuditEvent.objects.order_by("-number")[0]
    assert (event.action, event.actor_id, event.target_name) == ("predictions.exported", root.pk, "toy")
    assert event.details["outcome"] == "ok"
    assert event.details["with_data"] is True
    assert audit.verify().first_bad is None


def test_a_file_holds_the_data_only_of_those_whose_data_one_may_read(log: Any, ada: Any) -> None:
    clerk = User.objects.create_user("clerk@example.org", "correct horse battery", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="view_predictionlog"))
    client = Client()
    client.force_login(clerk)
    log(2, input={"instances": ["secret"]})
    log(1, input={"instances": ["mine"]}, user_id=clerk.pk)
    told = [json.loads(line) for line in exported(client, "jsonl", data="on").splitlines()]
    assert [row["input"] for row in told] == [{"instances": ["mine"]}, None]


def test_an_export_is_asked_for_by_post_with_a_format(reader: Client) -> None:
    assert reader.get(reverse(EXPORT)).status_code == 405
    assert reader.post(reverse(EXPORT), {"format": "xlsx"}).status_code == 400
    assert reader.post(reverse(EXPORT)).status_code == 400
    assert not AuditEvent.objects.filter(action="predictions.exported").exists()
    forger = Client(enforce_csrf_checks=True)
    forger.force_login(User.objects.get(is_superuser=True))
    assert forger.post(reverse(EXPORT), {"format": "csv"}).status_code == 403


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1", "|calc", "%0A"])
def test_what_a_spreadsheet_would_run_becomes_text(reader: Client, log: Any, text: str) -> None:
    log(subject_id=text)
    [row] = csv.DictReader(io.StringIO(exported(reader)))
    assert row["subject_id"].startswith("'")


@given(st.text() | st.integers() | st.floats(allow_nan=False) | st.none() | st.lists(st.text(max_size=3), max_size=3))
def test_no_cell_begins_like_a_formula(value: Any) -> None:
    found = exporting.guarded(value)
    assert not isinstance(found, str) or not found.lstrip(" ").startswith(tuple("=+-@\t\r\n"))


@given(
    st.lists(
        st.fixed_dictionaries({"a": st.text(), "b": st.none() | st.text() | st.integers(-(2**63), 2**63)}), max_size=5
    )
)
def test_a_file_has_a_line_for_each_row_whatever_it_holds(rows: list[dict[str, Any]]) -> None:
    text = "".join(exporting.as_csv(("a", "b"), rows))
    assert len(list(csv.reader(io.StringIO(text, newline="")))) == len(rows) + 1
    lines = b"".join(exporting.as_jsonl(("a", "b"), rows)).decode().split("\n")
    assert [json.loads(line) for line in lines[:-1]] == rows


def test_the_beginning_of_a_file_is_sent_once_the_first_bite_of_records_is_read() -> None:
    taken = itertools.count()
    rows = ({"id": f"{next(taken):200}"} for _ in range(1_000))
    next(iter(exporting.as_csv(("id",), rows)))
    assert next(taken) <= searching._FIRST_BITE
