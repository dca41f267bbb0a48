"""The calls of seed 000, as its clients make them."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import services as accounts
from monitoring import spool
from monitoring.models import Outcome, PredictionLog
from registry import services
from registry.models import ModelVersion
from solutions.notifications import actions

pytestmark = pytest.mark.django_db

# The body of seed 000's own curl.
SEED_BODY = json.loads("""{
    "text": "URGENT: Server down!",
    "sender": "monitoring",
    "use_cache": true
  }""")
ACTIONS = {"show_immediately", "show_with_sound", "batch", "silent"}


def test_the_seeds_own_call_is_answered_as_the_seed_shows(api: Any, live: Any) -> None:
    answer = api.post("classify", SEED_BODY)

    assert answer.status_code == 200
    body = answer.json()
    assert body["classification"] == "urgent"
    assert body["action"] == "show_immediately"
    assert 0.5 < body["confidence"] <= 1
    assert body["reasoning"].startswith("Classified as urgent")
    assert body["inference_time_ms"] > 0
    assert body["from_cache"] is False
    assert set(body["metadata"]) == {"version", "timestamp", "sender", "prediction_id", "degraded"}
    assert (body["metadata"]["version"], body["metadata"]["sender"]) == (1, "monitoring")
    assert answer["X-Model-Version"] == "1"


def test_the_second_identical_call_comes_from_the_cache_and_a_fresh_one_does_not(api: Any, live: Any) -> None:
    first, second = api.post("classify", SEED_BODY).json(), api.post("classify", SEED_BODY).json()
    fresh = api.post("classify", {**SEED_BODY, "use_cache": False}).json()

    assert [first["from_cache"], second["from_cache"], fresh["from_cache"]] == [False, True, False]
    assert second["inference_time_ms"] == 0
    for name in ("classification", "confidence", "action", "reasoning"):
        assert first[name] == second[name] == fresh[name]


def test_the_sender_is_part_of_the_question_and_may_be_left_out(api: Any, live: Any) -> None:
    bodies = ({"text": "Ready at noon"}, {"text": "Ready at noon", "sender": "parcel"}, {"text": "x", "sender": None})
    told = [api.post("classify", body).json() for body in bodies]

    assert told[0]["confidence"] != told[1]["confidence"]
    assert [one["metadata"]["sender"] for one in told] == [None, "parcel", None]


@pytest.mark.parametrize("slash", ["", "/"])
def test_either_slash_form_is_answered(api: Any, live: Any, slash: str) -> None:
    assert api.post(f"classify{slash}", SEED_BODY).status_code == 200
    assert api.get(f"model/info{slash}").status_code == 200


def test_a_batch_is_answered_in_order(api: Any, live: Any) -> None:
    texts = ["URGENT: Server down!", "Ana: are you coming tonight?", "Everything 70% off today only!"]

    body = api.post("classify/batch", {"notifications": [{"text": text} for text in texts]}).json()

    assert body["count"] == 3
    assert [one["classification"] for one in body["results"]] == ["urgent", "message", "promotion"]
    assert {one["action"] for one in body["results"]} <= ACTIONS
    singly = [api.post("classify", {"text": text}).json() for text in texts]
    for one, alone in zip(body["results"], singly, strict=True):
        assert one["confidence"] == pytest.approx(alone["confidence"], abs=1e-9)
        assert one["reasoning"] == alone["reasoning"]


def test_a_batch_of_a_hundred_passes_and_one_more_names_the_limit(api: Any, live: Any) -> None:
    def ask(count: int) -> Any:
        return api.post("classify/batch", {"notifications": [{"text": f"note {at}"} for at in range(count)]})

    assert ask(100).json()["count"] == 100
    refused = ask(101)
    assert refused.status_code == 413
    assert refused.json()["error"]["code"] == "batch_too_large"
    assert refused.json()["error"]["details"]["limit"] == 100


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("classify", {}, 422, "validation_failed"),
        ("classify", {"text": ""}, 422, "validation_failed"),
        ("classify", {"text": " \n"}, 422, "validation_failed"),
        ("classify", {"text": 7}, 422, "validation_failed"),
        ("classify", {"text": ["a"]}, 422, "validation_failed"),
        ("classify", {"text": "x" * 4001}, 422, "validation_failed"),
        ("classify", {"text": "x", "sender": "y" * 201}, 422, "validation_failed"),
        ("classify", {"text": "x", "use_cache": "perhaps"}, 422, "validation_failed"),
        ("classify", {"text": "x", "priority": 1}, 400, "unknown_field"),
        ("classify", [1], 400, "object_required"),
        ("classify/batch", {"notifications": []}, 422, "validation_failed"),
        ("classify/batch", {"notifications": [{"text": "x"}, {}]}, 422, "validation_failed"),
        ("classify/batch", {"notifications": [{"text": "x", "app": "y"}]}, 400, "unknown_field"),
        ("classify/batch", {"notifications": "x"}, 422, "validation_failed"),
    ],
)
def test_what_is_wrong_is_refused_with_its_code(
    api: Any, live: Any, path: str, body: Any, status: int, code: str
) -> None:
    answer = api.post(path, body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_the_row_of_a_batch_that_is_wrong_is_named(api: Any, live: Any) -> None:
    answer = api.post("classify/batch", {"notifications": [{"text": "x"}, {"text": ""}]})

    assert "notifications.1.text" in answer.json()["error"]["details"]["fields"]


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(text=st.text(min_size=1, max_size=300), sender=st.text(max_size=60))
def test_no_text_makes_it_fail(api: Any, live: Any, text: str, sender: str) -> None:
    try:
        body = json.dumps({"text": text, "sender": sender}, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        body = json.dumps({"text": text, "sender": sender}).encode()

    answer = api.post("classify", body)

    assert answer.status_code in (200, 422), answer.content
    if answer.status_code == 200:
        assert answer.json()["action"] in ACTIONS


def ship() -> None:
    while spool.ship_once():
        pass


def test_requests_are_recorded_and_so_are_refusals(api: Any, live: Any) -> None:
    told = api.post("classify", SEED_BODY).json()
    api.post("classify", {"text": ""})
    ship()

    rows = {row.outcome: row for row in PredictionLog.objects.all()}
    assert str(rows[Outcome.OK].pk) == told["metadata"]["prediction_id"]
    assert rows[Outcome.INVALID].status_code == 422


def test_the_reason_names_the_words_that_moved_the_model_most(api: Any, live: Any) -> None:
    body = api.post("classify", SEED_BODY).json()
    odd = api.post("classify", {"text": "zzqx"}).json()

    assert "“urgent”" in body["reasoning"]
    assert "“down”" in body["reasoning"] or "“server”" in body["reasoning"]
    assert odd["reasoning"].startswith(f"Classified as {odd['classification']}")


def test_before_the_training_every_call_says_what_to_do(api: Any, ada: Any) -> None:
    for answer in (api.post("classify", SEED_BODY), api.get("model/info"), api.post("model/rollback")):
        assert answer.status_code == 409
        assert answer.json()["error"]["code"] == "no_active_version"
        assert "manage.py train notifications" in answer.json()["error"]["message"]


def test_info_tells_what_is_live(api: Any, live: Any) -> None:
    body = api.get("model/info").json()

    assert (body["model"], body["version"], body["status"], body["runtime"]) == (
        "notifications", 1, "ready", "linear_text",
    )  # fmt: skip
    assert set(body["classes"]) == set(body["actions"]) == set(actions.DEFAULTS)
    assert body["actions"]["urgent"] == {"action": "show_immediately", "threshold": 0.5, "below": "show_with_sound"}
    assert {"accuracy", "macro F1"} <= {one["name"] for one in body["metrics"]}
    assert body["max_batch"] == 100


def test_versions_are_switched_listed_and_rolled_back(api: Any, live: Any, publish: Any) -> None:
    publish()

    assert api.post("model/version/switch", {"version": 2}).json() == {"version": 2, "previous_version": 1}
    assert api.post("classify", SEED_BODY).json()["metadata"]["version"] == 2
    listed = api.get("model/versions").json()
    assert (listed["count"], [one["is_active"] for one in listed["results"]]) == (2, [True, False])
    assert api.post("model/rollback", {"note": "worse"}).json() == {"version": 1, "previous_version": 2}
    assert api.post("classify", SEED_BODY).json()["metadata"]["version"] == 1


def test_an_answer_of_the_version_before_is_not_remembered_after_a_switch(api: Any, live: Any, publish: Any) -> None:
    api.post("classify", SEED_BODY)
    publish()
    api.post("model/version/switch", {"version": "v2"})

    assert api.post("classify", SEED_BODY).json()["from_cache"] is False


def test_a_version_is_named_by_number_v_number_or_tag(api: Any, live: Any, publish: Any, ada: Any) -> None:
    second = publish()
    services.describe_version(version=second, by=ada, tags=["1.1.0"])

    for name, expected in (("1.1.0", 2), ("v1", 1), ("2", 2), (1, 1)):
        assert api.post("model/version/switch", {"version": name}).json()["version"] == expected


@pytest.mark.parametrize(
    ("wanted", "status", "code"),
    [
        (99, 404, "not_found"),
        ("1.9", 404, "not_found"),
        (-1, 404, "not_found"),
        (10**30, 422, "validation_failed"),
        (1, 409, "already_active"),
        (None, 422, "validation_failed"),
        (True, 422, "validation_failed"),
        (1.5, 422, "validation_failed"),
        ({}, 422, "validation_failed"),
        ("x" * 101, 422, "validation_failed"),
    ],
)
def test_a_switch_that_cannot_be_made_says_why(api: Any, live: Any, wanted: Any, status: int, code: str) -> None:
    answer = api.post("model/version/switch", {"version": wanted})

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_a_tag_of_two_versions_is_ambiguous(api: Any, live: Any, publish: Any, ada: Any) -> None:
    for version in (live, publish()):
        services.describe_version(version=version, by=ada, tags=["stable"])

    answer = api.post("model/version/switch", {"version": "stable"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "ambiguous_version")


def test_with_nothing_before_it_there_is_no_roll_back(api: Any, live: Any) -> None:
    answer = api.post("model/rollback")

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "nothing_to_roll_back_to")


def test_a_reload_verifies_what_is_live_and_changes_nothing(api: Any, live: Any) -> None:
    body = api.post("model/reload", {}).json()

    assert (body["version"], body["previous_version"], body["processes"]) == (1, None, [])
    assert ModelVersion.objects.get(pk=live.pk).deployments.count() == 1


def test_a_reload_of_a_damaged_file_is_refused_and_the_loaded_one_answers_on(api: Any, live: Any, var_dir: Any) -> None:
    api.post("classify", SEED_BODY)
    live.refresh_from_db()
    file = var_dir / "models" / live.served_file.path
    file.chmod(0o600)
    file.write_bytes(b"\x00" + file.read_bytes()[1:])

    answer = api.post("model/reload", {})

    assert (answer.status_code, answer.json()["error"]["details"]["reason"]) == (409, "digest_mismatch")
    assert api.post("classify", {"text": "Still there?", "use_cache": False}).status_code == 200


def test_others_may_ask_and_read_but_not_switch_roll_back_reload_or_clear(bobs_api: Any, live: Any) -> None:
    assert bobs_api.post("classify", SEED_BODY).status_code == 200
    for path in ("model/info", "model/versions", "model/performance", "cache/stats"):
        assert bobs_api.get(path).status_code == 200, path
    for answer in (
        bobs_api.post("model/version/switch", {"version": 1}),
        bobs_api.post("model/rollback"),
        bobs_api.post("model/reload", {}),
        bobs_api.delete("cache"),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")


def test_a_key_without_the_scope_is_refused(live: Any, ada: Any, client: Any) -> None:
    _, text = accounts.create_key(by=ada, owner=ada, name="k", scopes=["predict"])
    headers = {"X-API-Key": text}

    assert client.post("/api/v1/ml/classify", SEED_BODY, "application/json", headers=headers).status_code == 200
    assert client.get("/api/v1/ml/model/info", headers=headers).status_code == 403
    assert client.delete("/api/v1/ml/cache", headers=headers).status_code == 403


def test_performance_has_the_seeds_names(api: Any, live: Any) -> None:
    body = api.get("model/performance", hours=1).json()

    assert (body["scope"], body["hours"], body["version"], body["total_predictions"]) == ("cluster", 1, 1, 0)
    assert {f"{name}_inference_time_ms" for name in ("avg", "min", "max", "p95")} <= set(body)
    assert body["avg_inference_time_ms"] is None
    assert api.get("model/performance", hours=0).status_code == 400
    assert api.get("model/performance", since="x").status_code == 400


def test_what_was_asked_is_counted_under_the_seeds_names(api: Any, live: Any) -> None:
    for body in (SEED_BODY, SEED_BODY, {"text": ""}):
        api.post("classify", body)
    api.post("classify/batch", {"notifications": [{"text": "a"}, {"text": "b"}]})
    ship()

    told, cache = api.get("model/performance").json(), api.get("cache/stats").json()

    assert (told["total_predictions"], told["total_notifications"]) == (4, 4)
    assert told["avg_inference_time_ms"] > 0
    assert told["versions"]["1"]["total_predictions"] == 4
    assert cache["model"] == {"name": "notifications", "hours": 24, "hits": 1, "misses": 2, "hit_rate": 1 / 3}


def test_the_caches_bounds_are_told(api: Any, live: Any) -> None:
    body = api.get("cache/stats").json()

    assert (body["max_size"], body["ttl_seconds"], body["scope"]) == (1000, 3600, "cluster")
    assert body["model"] == {"name": "notifications", "hours": 24, "hits": 0, "misses": 0, "hit_rate": None}


def test_clearing_the_cache_tells_how_many_answers_went(api: Any, live: Any) -> None:
    assert api.delete("cache").json() == {"cleared": 0}


def test_health_says_when_no_process_can_answer(api: Any, live: Any) -> None:
    answer = api.get("health")

    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "models_unavailable"
    assert answer.json()["status"] == "unavailable"
    assert answer.json()["model_version"] == 1
