"""GET /api/v1/predictions."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts import bounded_paginator
from accounts.principal import principal_for
from monitoring import spool
from monitoring.models import PredictionLog
from registry.models import RegisteredModel

pytestmark = pytest.mark.django_db
URL = "/api/v1/predictions"


def client_of(user: Any, **limits: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(user, principal_for(user, **limits))
    return client


@pytest.fixture
def log(record: Any) -> Any:
    """Records one request, loads it and returns its id."""

    def add(**values: Any) -> str:
        given = record(**values)
        spool.append(given)
        spool.ship_once()
        return given["id"]

    return add


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [item["id"] for item in answer.json()["results"]]


def test_a_record_reads_as_it_was_written(log: Any, ada: Any) -> None:
    at = datetime(2024, 5, 1, 12, 0, 0, 250000, tzinfo=UTC)
    id = log(at=at, subject_id="s-1", outcome="cached")
    client = client_of(ada)
    (item,) = client.get(URL).json()["results"]
    assert item["id"] == id
    assert (item["model"], item["version"], item["outcome"]) == ("toy", 1, "cached")
    assert item["actor"] == {"id": ada.pk, "email": ada.email}
    assert item["subject_id"] == "s-1"
    assert datetime.fromisoformat(item["created_at"]) == at
    assert "input" not in item
    detail = client.get(f"{URL}/{id}").json()
    assert {key: detail[key] for key in item} == item
    assert detail["input"] == {"instances": [[1.0, 2.0]]}
    assert detail["output"] == {"predictions": ["yes"]}


def test_the_newest_come_first_in_pages(log: Any, ada: Any) -> None:
    made = [log(at=1_700_000_000 + number) for number in range(5)]
    first = client_of(ada).get(URL, {"page_size": 3}).json()
    assert first["count"] == 5
    assert [item["id"] for item in first["results"]] == made[:1:-1]
    assert ids(client_of(ada).get(URL, {"page_size": 3, "page": 2})) == made[1::-1]


def test_no_more_records_are_counted_than_anybody_pages_through(
    log: Any, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_paginator, "MOST_COUNTED", 3)
    for _ in range(5):
        log()
    client = client_of(ada)
    first = client.get(URL, {"page_size": 2}).json()
    assert (first["count"], len(first["results"])) == (3, 2)
    last = client.get(URL, {"page_size": 2, "page": 2})
    assert (len(ids(last)), last.json()["next"]) == (1, None)
    assert client.get(URL, {"page_size": 2, "page": 3}).status_code == 404


def test_records_are_filtered(log: Any, ada: Any, bob: Any, toy_model: Any) -> None:
    other = RegisteredModel.objects.create(name="other", task="regression", owner=ada)
    early = log(at=datetime(2024, 5, 1, tzinfo=UTC), outcome="error")
    late = log(at=datetime(2024, 5, 2, tzinfo=UTC), user_id=bob.pk)
    elsewhere = log(at=datetime(2024, 5, 3, tzinfo=UTC), model_id=other.pk, version_id=None)
    client = client_of(ada)
    for filters, expected in [
        ({"model": "toy"}, [late, early]),
        ({"model": str(other.pk)}, [elsewhere]),
        ({"version": "1"}, [late, early]),
        ({"version": "7"}, []),
        ({"outcome": "error"}, [early]),
        ({"actor": bob.email.upper()}, [late]),
        ({"actor": str(bob.pk)}, [late]),
        ({"actor": "me"}, [elsewhere, early]),
        ({"from": "2024-05-02T00:00:00Z"}, [elsewhere, late]),
        ({"to": "2024-05-02T00:00:00Z"}, [early]),
        ({"from": "2024-05-02T02:00:00+02:00", "to": "2024-05-03T00:00:00Z"}, [late]),
        ({"model": "toy", "outcome": "ok", "actor": "me"}, []),
    ]:
        assert ids(client.get(URL, filters)) == expected, filters


@pytest.mark.parametrize(
    "query",
    [
        "modle=toy",
        "version=x",
        "version=1e3",
        "outcome=great",
        "from=yesterday",
        "to=2024-05-01T00:00:00",
        "from=0001-01-01T00:00:00%2B01:00",
        "to=9999-12-31T23:59:59-01:00",
        "page=0",
    ],
)
def test_a_query_that_can_not_be_meant_is_refused(log: Any, ada: Any, query: str) -> None:
    answer = client_of(ada).get(f"{URL}?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"]


def test_people_see_their_own_records_and_those_of_their_models(log: Any, ada: Any, bob: Any, root: Any) -> None:
    RegisteredModel.objects.update(visibility="internal")
    by_bob, by_ada = log(user_id=bob.pk), log()
    assert set(ids(client_of(ada).get(URL))) == {by_bob, by_ada}
    assert ids(client_of(bob).get(URL)) == [by_bob]
    assert set(ids(client_of(root).get(URL))) == {by_bob, by_ada}
    assert client_of(bob).get(f"{URL}/{by_ada}").status_code == 404
    assert client_of(bob).get(f"{URL}/{by_bob}").status_code == 200


def test_records_of_a_model_that_became_private_are_not_shown_to_its_former_callers(log: Any, bob: Any) -> None:
    id = log(user_id=bob.pk)
    assert ids(client_of(bob).get(URL)) == []
    assert client_of(bob).get(f"{URL}/{id}").status_code == 404
    assert client_of(bob).get(URL, {"model": "toy"}).status_code == 404


def test_a_key_for_some_models_shows_only_theirs(log: Any, ada: Any) -> None:
    other = RegisteredModel.objects.create(name="other", task="regression", owner=ada)
    log()
    mine = log(model_id=other.pk, version_id=None)
    assert ids(client_of(ada, model_names=["other"]).get(URL)) == [mine]


def test_a_credential_without_the_scope_is_refused(log: Any, ada: Any) -> None:
    id = log()
    client = client_of(ada, scopes=["predict"])
    for url in (URL, f"{URL}/{id}"):
        answer = client.get(url)
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "scope_missing"
    assert APIClient().get(URL).status_code == 401


@pytest.mark.parametrize("id", ["1", "x", str(uuid.UUID(int=0))])
def test_an_unknown_record_is_not_found(log: Any, ada: Any, id: str) -> None:
    assert client_of(ada).get(f"{URL}/{id}").status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_records_are_read_only(log: Any, ada: Any, method: str) -> None:
    id = log()
    for url in (URL, f"{URL}/{id}"):
        assert getattr(client_of(ada), method)(url, {}, format="json").status_code == 405
    assert PredictionLog.objects.count() == 1


def test_the_list_costs_the_same_queries_however_many_records(
    log: Any, ada: Any, bob: Any, django_assert_max_num_queries: Any
) -> None:
    log()
    client = client_of(ada)
    with django_assert_max_num_queries(3):
        client.get(URL)
    for _ in range(20):
        log(user_id=bob.pk)
    with django_assert_max_num_queries(3):
        assert len(ids(client.get(URL))) == 21


@pytest.mark.parametrize("url", [URL, f"{URL}/"])
def test_the_path_answers_with_and_without_a_slash(ada: Any, url: str) -> None:
    assert client_of(ada).get(url).status_code == 200
