"""Prediction records in the admin."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from monitoring import spool
from monitoring.models import PredictionLog
from registry.models import RegisteredModel

pytestmark = pytest.mark.django_db
LIST = "admin:monitoring_predictionlog_changelist"
DETAIL = "admin:monitoring_predictionlog_change"


@pytest.fixture
def reader(root: Any) -> Client:
    client = Client()
    client.force_login(root)
    return client


@pytest.fixture
def log(record: Any) -> Any:
    """Records requests and loads them."""

    def add(count: int = 1, **values: Any) -> None:
        for _ in range(count):
            spool.append(record(**values))
        spool.ship_once()

    return add


def test_the_list_costs_the_same_queries_however_many_records(
    reader: Client, log: Any, ada: Any, django_assert_max_num_queries: Any
) -> None:
    log(2)
    with django_assert_max_num_queries(50) as few:
        reader.get(reverse(LIST))
    for number in range(5):
        other = RegisteredModel.objects.create(name=f"other-{number}", task="regression", owner=ada)
        log(12, model_id=other.pk, version_id=None)
    with django_assert_max_num_queries(len(few)):
        page = reader.get(reverse(LIST))
    assert "other-4" in page.content.decode()


def test_payloads_are_left_out_of_the_lists_query(reader: Client, log: Any) -> None:
    log(input={"marker": "only-in-the-payload"})
    assert "only-in-the-payload" not in reader.get(reverse(LIST)).content.decode()


def test_the_list_is_filtered_by_outcome_model_and_time(reader: Client, log: Any, toy_model: Any) -> None:
    log(outcome="ok")
    log(outcome="error", at=(timezone.now() - timedelta(hours=2)).timestamp())

    def found(**filters: str) -> int:
        return len(reader.get(reverse(LIST), filters).context["cl"].result_list)

    assert found() == 2
    assert found(outcome__exact="error") == 1
    assert found(within="hour") == 1
    assert found(within="day") == 2
    assert found(within="nonsense") == 2
    assert found(model__id__exact=str(toy_model.pk)) == 2
    other = RegisteredModel.objects.create(name="other", task="regression", owner=toy_model.owner)
    assert found(model__id__exact=str(other.pk)) == 0


def test_a_record_leads_to_its_own_page(reader: Client, log: Any) -> None:
    log()
    row = PredictionLog.objects.get()
    answer = reader.get(reverse(DETAIL, args=[row.pk]))
    assert (answer.status_code, answer["Location"]) == (302, f"/admin/predictions/{row.pk}")


def test_nobody_adds_changes_or_deletes_a_record(reader: Client, log: Any) -> None:
    log()
    row = PredictionLog.objects.get()
    assert reader.get(reverse("admin:monitoring_predictionlog_add")).status_code == 403
    assert reader.post(reverse(DETAIL, args=[row.pk]), {"outcome": "error"}).status_code == 403
    assert (
        reader.post(reverse("admin:monitoring_predictionlog_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    )
    reader.post(reverse(LIST), {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"})
    assert PredictionLog.objects.get().outcome == "ok"


def test_a_record_can_be_neither_edited_nor_deleted_in_code(log: Any) -> None:
    log()
    row = PredictionLog.objects.get()
    row.outcome = "error"
    with pytest.raises(Exception, match="append-only"):
        row.save()
    with pytest.raises(Exception, match="append-only"):
        row.delete()


def test_a_record_that_is_not_there_is_not_an_error(reader: Client, root: Any) -> None:
    assert reader.get(reverse(DETAIL, args=[uuid.uuid4()])).status_code == 302


def test_staff_without_the_permission_see_no_records(ada: Any) -> None:
    ada.is_staff = True
    ada.save()
    client = Client()
    client.force_login(ada)
    assert client.get(reverse(LIST)).status_code == 403
