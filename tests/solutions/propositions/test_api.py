"""The other calls: events, propositions, what is known of users, the ranking model's versions and figures."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from accounts.models import AuditEvent
from solutions.propositions.models import Interaction, Proposition, UserFeatures

JSON = "application/json"
EVENT = {"event_type": "click", "user_id": "user_123", "proposition_id": "prop_5"}


def allow(person: Any, *names: str) -> Any:
    person.user_permissions.add(*Permission.objects.filter(codename__in=names, content_type__app_label="solutions"))
    return person


@pytest.mark.parametrize("path", ["/log_event", "/log_event/", "/api/v1/log_event", "/api/v1/log_event/"])
def test_the_seeds_own_event_is_logged(shop: Any, client_of: Any, ada: Any, path: str) -> None:
    answer = client_of(ada).post(path, EVENT, content_type=JSON)

    assert answer.status_code == 201
    event = Interaction.objects.get(pk=answer.json()["event_id"])
    assert (event.event_type, event.user_id, event.proposition) == ("click", "user_123", shop[4])
    assert (event.category, event.price) == (shop[4].category, 5.0)


def test_an_event_may_tell_when_it_happened(shop: Any, client_of: Any, ada: Any) -> None:
    then = timezone.now() - timedelta(days=3)
    client_of(ada).post("/log_event", EVENT | {"at": then.isoformat(), "context": "email"}, content_type=JSON)

    event = Interaction.objects.get()
    assert (event.at, event.context) == (then, "email")
    assert event.recorded_at - then > timedelta(days=2)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"proposition_id": "prop_456"}, 422, "unknown_proposition"),
        ({"event_type": "purchase"}, 422, "validation_failed"),
        ({"user_id": ""}, 422, "validation_failed"),
        ({"at": "yesterday"}, 422, "validation_failed"),
        ({"at": "2999-01-01T00:00:00Z"}, 422, "in_the_future"),
        ({"at": "2001-01-01T00:00:00Z"}, 422, "too_long_ago"),
        ({"position": -1}, 422, "validation_failed"),
        ({"price": 5}, 400, "unknown_field"),
    ],
)
def test_what_is_wrong_with_an_event_is_said(
    shop: Any, client_of: Any, ada: Any, change: dict[str, Any], status: int, code: str
) -> None:
    answer = client_of(ada).post("/log_event", EVENT | change, content_type=JSON)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert not Interaction.objects.exists()


def test_a_repeated_event_with_the_same_key_counts_once(shop: Any, client_of: Any, ada: Any) -> None:
    client = client_of(ada)
    answers = [client.post("/log_event", EVENT, content_type=JSON, headers={"Idempotency-Key": "e1"}) for _ in "ab"]

    assert answers[0].json() == answers[1].json()
    assert Interaction.objects.count() == 1


def test_propositions_are_listed_filtered_searched_and_ordered(shop: Any, client_of: Any, ada: Any) -> None:
    client = client_of(ada)
    Proposition.objects.filter(ref="prop_3").update(is_active=False)

    def told(query: str) -> list[str]:
        return [one["proposition_id"] for one in client.get(f"/propositions{query}").json()["results"]]

    assert client.get("/api/v1/propositions").json()["count"] == 12
    assert told("?category=books&ordering=-price") == ["prop_12", "prop_9", "prop_6", "prop_3"]
    assert told("?is_active=false") == ["prop_3"]
    assert told("?search=Thing+7") == ["prop_7"]
    assert told("?ordering=-click_rate&page_size=1") == ["prop_12"]
    assert client.get("/propositions?colour=red").status_code == 400
    assert client.get("/propositions?is_active=perhaps").status_code == 400
    assert client.get("/propositions?search=%00").status_code == 400


def test_a_proposition_is_added_and_changed_by_whom_it_is_granted(db: None, client_of: Any, ada: Any) -> None:
    body = {"proposition_id": "prop_456", "title": "A lamp", "category": "home", "price": "12.50"}
    client = client_of(ada)
    refused = client.post("/propositions", body, content_type=JSON)
    allow(ada, "add_proposition", "change_proposition")
    client = client_of(type(ada).objects.get(pk=ada.pk))
    made = client.post("/propositions", body, content_type=JSON)
    again = client.post("/propositions", body, content_type=JSON)
    changed = client.patch("/propositions/prop_456", {"price": 10, "is_active": False}, content_type=JSON)

    assert (refused.status_code, made.status_code, changed.status_code) == (403, 201, 200)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "proposition_exists")
    assert (changed.json()["price"], changed.json()["is_active"]) == (10.0, False)
    assert client.get("/propositions/prop_456").json()["title"] == "A lamp"
    events = AuditEvent.objects.filter(action__startswith="proposition.").order_by("pk")
    assert [event.action for event in events] == ["proposition.created", "proposition.changed"]


@pytest.mark.parametrize(
    "change",
    [
        {"title": ""},
        {"price": -1},
        {"price": "1e99"},
        {"category": "no spaces"},
        {"proposition_id": "../x"},
        {"title": "a\u0000"},
    ],
)
def test_what_can_be_no_proposition_is_refused(db: None, client_of: Any, root: Any, change: dict[str, Any]) -> None:
    body = {"proposition_id": "p", "title": "t", "category": "c"} | change

    assert client_of(root).post("/propositions", body, content_type=JSON).status_code == 422
    assert not Proposition.objects.exists()


def test_a_proposition_that_is_not_there_is_not_found(db: None, client_of: Any, root: Any) -> None:
    client = client_of(root)

    assert client.get("/propositions/nothing").status_code == 404
    assert client.patch("/propositions/nothing", {"title": "t"}, content_type=JSON).status_code == 404


def test_interactions_are_listed_to_whom_it_is_granted(shop: Any, client_of: Any, ada: Any, did: Any) -> None:
    did("u", "impression", shop[0], hours=3)
    did("u", "click", shop[0], hours=2)
    did("v", "click", shop[1], hours=1)
    assert client_of(ada).get("/interactions").status_code == 403
    allow(ada, "view_interaction")
    client = client_of(type(ada).objects.get(pk=ada.pk))

    def told(query: str) -> list[tuple[str, str]]:
        answer = client.get(f"/interactions{query}")
        return [(one["user_id"], one["event_type"]) for one in answer.json()["results"]]

    assert told("") == [("v", "click"), ("u", "click"), ("u", "impression")]
    assert told("?user_id=u&event_type=click") == [("u", "click")]
    assert told("?proposition_id=prop_2") == [("v", "click")]
    moment = (timezone.now() - timedelta(hours=1.5)).isoformat().replace("+", "%2B")
    assert told(f"?from={moment}") == [("v", "click")]
    assert client.get("/interactions?event_type=hover").status_code == 400


def test_listing_interactions_takes_as_many_queries_for_many_as_for_few(
    shop: Any, client_of: Any, root: Any, did: Any, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        did("u", "click", shop[number % 12])
    client = client_of(root)
    client.get("/interactions")

    with django_assert_max_num_queries(5):
        client.get("/interactions")


def test_what_is_said_of_a_user_is_kept_as_history_and_told_with_what_is_derived(
    shop: Any, client_of: Any, root: Any, did: Any
) -> None:
    client = client_of(root)
    did("u", "impression", shop[1])
    did("u", "click", shop[1])
    first = client.put("/users/u/features", {"interests": ["sport", "music", "sport"], "budget": 50}, content_type=JSON)
    client.put("/users/u/features", {"interests": ["music", "sport"], "budget": 50}, content_type=JSON)
    client.put("/users/u/features", {"interests": ["music"]}, content_type=JSON)

    told = client.get("/users/u/features").json()
    assert first.json()["interests"] == ["music", "sport"]
    assert UserFeatures.objects.filter(user_id="u").count() == 2
    assert (told["interests"], told["budget"]) == (["music"], None)
    assert told["categories"][shop[1].category]["clicks"] == pytest.approx(1.0, abs=0.01)
    assert told["usual_price"] == pytest.approx(2.0)
    assert told["last_seen_at"] is not None


@pytest.mark.parametrize("body", [{"interests": "sport"}, {"budget": -1}, {"interests": ["a b"]}, {"budget": "much"}])
def test_what_can_not_be_said_of_a_user_is_refused(db: None, client_of: Any, root: Any, body: dict[str, Any]) -> None:
    assert client_of(root).put("/users/u/features", body, content_type=JSON).status_code == 422


def test_an_id_that_no_user_can_have_is_not_found(db: None, client_of: Any, root: Any) -> None:
    assert client_of(root).get("/users/a%20b/features").status_code == 404


def test_versions_and_figures_of_the_ranking_model_are_told(live_ranking: Any, client_of: Any, ada: Any) -> None:
    version = live_ranking({})
    version.metrics = [{"name": "auc", "value": 0.8, "dataset": "held out"}]
    version.save()
    client = client_of(ada)

    assert client.get("/suggest/versions").json()["results"][0]["is_active"] is True
    assert client.get("/suggest/performance").json() == [
        {"version": 1, "is_active": True, "name": "auc", "value": 0.8, "dataset": "held out"}
    ]


def test_a_version_is_activated_by_its_number(live_ranking: Any, client_of: Any, root: Any) -> None:
    live_ranking({})
    live_ranking({"item_price": 1.0})
    client = client_of(root)

    answer = client.post("/suggest/activate", {"version": 1, "note": "back"}, content_type=JSON)

    assert answer.status_code == 200
    assert (answer.json()["version"], answer.json()["previous_version"]) == (1, 2)
    assert client.post("/suggest/activate", {"version": 9}, content_type=JSON).status_code == 404
    assert client.post("/suggest/activate", {"version": 0}, content_type=JSON).status_code == 422


def test_metrics_tell_of_requests_latency_cache_and_clicks(
    counts: None, shop: Any, live_ranking: Any, client_of: Any, root: Any
) -> None:
    client = client_of(root)
    before = client.get("/suggest/metrics").json()
    client.post("/suggest", {"user_id": "u"}, content_type=JSON)
    live_ranking({"item_price": 1.0})
    for _ in range(2):
        client.post("/suggest", {"user_id": "u"}, content_type=JSON)
    client.post("/log_event", EVENT | {"user_id": "u"}, content_type=JSON)

    told = client.get("/suggest/metrics").json()
    grew = {
        name: told["by_source"].get(name, 0) - before["by_source"].get(name, 0) for name in ("model", "cached", "rules")
    }
    assert grew == {"model": 1, "cached": 1, "rules": 1}
    assert told["requests"] - before["requests"] == 3
    assert 0 < told["latency_ms"]["p50"] <= told["latency_ms"]["p95"] <= told["latency_ms"]["p99"]
    assert told["last_day"] == {"impressions": 30, "clicks": 1, "click_rate": pytest.approx(1 / 30)}
    assert client.get("/suggest/cache").json()["size"] == 1


def test_clearing_the_cache_is_for_those_who_may_activate(
    shop: Any, live_ranking: Any, client_of: Any, root: Any, ada: Any
) -> None:
    live_ranking({"item_price": 1.0})
    client_of(root).post("/suggest", {"user_id": "u"}, content_type=JSON)

    assert client_of(ada).delete("/suggest/cache").status_code == 403
    assert client_of(root).delete("/suggest/cache").json() == {"cleared": 1}
    assert AuditEvent.objects.filter(action="suggestions.cleared").exists()
