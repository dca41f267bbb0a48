"""POST /suggest: the ranked list, its reasons, and what happens when the model can't."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from inference import predictor
from registry.models import RegisteredModel
from solutions.propositions import scoring
from solutions.propositions.models import Interaction, Proposition

BY_PRICE = {"item_price": 1.0}


def ask(client: Any, path: str = "/suggest", **body: Any) -> Any:
    return client.post(path, {"user_id": "user_123", **body}, content_type="application/json")


def refs(answer: Any) -> list[str]:
    return [line["proposition_id"] for line in answer.json()["propositions"]]


@pytest.fixture(autouse=True)
def plain_order(settings: Any) -> None:
    settings.PROPOSITIONS_DIVERSITY = 0.0


@pytest.mark.parametrize("path", ["/suggest", "/suggest/", "/api/v1/suggest", "/api/v1/suggest/"])
def test_the_seeds_own_call_gets_a_ranked_list_with_score_and_explanation(
    shop: Any, live_ranking: Any, client_of: Any, ada: Any, path: str
) -> None:
    live_ranking(BY_PRICE)

    answer = ask(client_of(ada), path, context="search", limit=5)

    assert answer.status_code == 200
    body = answer.json()
    assert refs(answer) == ["prop_12", "prop_11", "prop_10", "prop_9", "prop_8"]
    scores = [line["score"] for line in body["propositions"]]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(13 / 14, abs=1e-4)  # sigmoid(log(1 + 12))
    assert all(line["explanation"].endswith(".") for line in body["propositions"])
    assert (body["user_id"], body["context"], body["model_version"], body["degraded"]) == (
        "user_123", "search", 1, False,
    )  # fmt: skip
    assert (answer["X-Model-Version"], answer["X-Cache"]) == ("1", "miss")


def test_one_call_of_the_predictor_rates_all_candidates(
    shop: Any, live_ranking: Any, client_of: Any, ada: Any, monkeypatch: Any
) -> None:
    live_ranking(BY_PRICE)
    asked: list[tuple[int, str]] = []
    predict = predictor.predict

    def counted(**question: Any) -> Any:
        answer = predict(**question)
        asked.append((len(answer.predictions.predictions), question["read"]().subject_id))
        return answer

    monkeypatch.setattr(predictor, "predict", counted)
    ask(client_of(ada))

    assert asked == [(12, "user_123")]


def test_without_a_model_rules_rank_and_say_so(shop: Any, client_of: Any, ada: Any) -> None:
    answer = ask(client_of(ada), limit=3)

    body = answer.json()
    assert (body["degraded"], body["fallback_reason"], body["model_version"]) == (True, "no_model", None)
    assert refs(answer) == ["prop_12", "prop_11", "prop_10"]  # the most popular: nothing is known of the user
    assert answer["X-Degraded"] == "no_model"


def test_with_nothing_live_rules_rank(shop: Any, live_ranking: Any, client_of: Any, ada: Any) -> None:
    version = live_ranking(BY_PRICE)
    version.model.deployments.update(closed_at=timezone.now())

    assert ask(client_of(ada)).json()["fallback_reason"] == "no_active_version"


def test_a_model_of_other_columns_is_not_believed(shop: Any, live_ranking: Any, client_of: Any, ada: Any) -> None:
    names = [{"name": f"c{at}", "dtype": "float32", "shape": [-1]} for at in range(len(scoring.COLUMNS))]
    live_ranking(BY_PRICE, inputs=names)

    assert ask(client_of(ada)).json()["fallback_reason"] == "model_not_suitable"


def test_a_model_that_fails_is_replaced_by_rules(
    shop: Any, live_ranking: Any, client_of: Any, ada: Any, monkeypatch: Any
) -> None:
    from inference import execution
    from inference.errors import ModelExecutionFailed

    live_ranking(BY_PRICE)

    def fail(*args: Any, **options: Any) -> Any:
        raise ModelExecutionFailed("no")

    monkeypatch.setattr(execution, "run", fail)
    body = ask(client_of(ada)).json()

    assert (body["degraded"], body["fallback_reason"]) == (True, "model_failed")
    assert len(body["propositions"]) == 10


def test_a_degraded_list_is_not_remembered(shop: Any, client_of: Any, ada: Any, live_ranking: Any) -> None:
    client = client_of(ada)
    ask(client)
    live_ranking(BY_PRICE)

    assert ask(client).json()["degraded"] is False


def test_who_may_not_see_the_ranking_model_gets_no_list(shop: Any, live_ranking: Any, client_of: Any, ada: Any) -> None:
    live_ranking(BY_PRICE, visibility="private")

    assert ask(client_of(ada)).status_code == 404


def test_a_key_for_other_models_gets_no_list(shop: Any, live_ranking: Any, ada: Any, client: Any) -> None:
    from accounts import services

    live_ranking(BY_PRICE)
    RegisteredModel.objects.create(name="other", owner=ada)
    _, text = services.create_key(by=ada, owner=ada, name="k", scopes=["predict"], model_names=["other"])

    answer = client.post("/suggest", {"user_id": "u"}, content_type="application/json", headers={"X-API-Key": text})

    assert answer.status_code == 404


def test_a_user_nobody_knows_gets_what_is_popular_and_no_made_up_reason(shop: Any, client_of: Any, ada: Any) -> None:
    lines = ask(client_of(ada), user_id="brand-new").json()["propositions"]

    assert lines[0]["explanation"] == "Others choose it often."
    assert "you often choose" not in " ".join(line["explanation"] for line in lines)


def test_a_shop_without_propositions_suggests_nothing(db: None, client_of: Any, ada: Any) -> None:
    body = ask(client_of(ada)).json()

    assert (body["propositions"], body["degraded"]) == ([], False)


def test_what_a_user_clicks_moves_the_list(shop: Any, client_of: Any, ada: Any, did: Any) -> None:
    for _ in range(5):
        did("user_123", "impression", shop[1], hours=3)
        did("user_123", "click", shop[1], hours=3)
    lines = ask(client_of(ada)).json()["propositions"]

    assert lines[0]["category"] == shop[1].category
    assert "You often choose" in lines[0]["explanation"]


def test_a_dismissed_proposition_is_not_suggested_for_a_month(shop: Any, client_of: Any, ada: Any, did: Any) -> None:
    did("user_123", "dismissal", shop[11], hours=1)
    did("user_123", "dismissal", shop[10], hours=31 * 24)

    shown = refs(ask(client_of(ada), limit=50))

    assert "prop_12" not in shown
    assert "prop_11" in shown


def test_neither_inactive_nor_future_propositions_are_suggested(shop: Any, client_of: Any, ada: Any) -> None:
    Proposition.objects.filter(ref="prop_12").update(is_active=False)
    Proposition.objects.filter(ref="prop_11").update(published_at=timezone.now() + timedelta(days=1))

    assert {"prop_12", "prop_11"}.isdisjoint(refs(ask(client_of(ada), limit=50)))


def test_what_is_shown_is_logged_as_impressions_with_places(
    shop: Any, live_ranking: Any, client_of: Any, ada: Any
) -> None:
    live_ranking(BY_PRICE)
    body = ask(client_of(ada), context="home", limit=3).json()

    rows = list(Interaction.objects.order_by("position"))
    assert [(row.event_type, row.position, row.context, row.version_number) for row in rows] == [
        ("impression", place, "home", 1) for place in range(3)
    ]
    assert {str(row.suggestion) for row in rows} == {body["suggestion_id"]}
    assert [row.proposition.ref for row in rows] == [line["proposition_id"] for line in body["propositions"]]


def test_a_list_that_is_not_shown_leaves_no_trace(shop: Any, client_of: Any, ada: Any) -> None:
    assert ask(client_of(ada), record=False).status_code == 200
    assert not Interaction.objects.exists()


def test_the_same_question_is_remembered_until_the_user_does_something(
    shop: Any, live_ranking: Any, client_of: Any, ada: Any
) -> None:
    live_ranking(BY_PRICE)
    client = client_of(ada)
    first, second = ask(client), ask(client)
    event = {"event_type": "click", "user_id": "user_123", "proposition_id": "prop_1"}
    client.post("/log_event", event, content_type="application/json")
    third = ask(client)

    assert [answer["X-Cache"] for answer in (first, second, third)] == ["miss", "hit", "miss"]
    assert second.json()["from_cache"] is True
    assert refs(second) == refs(first)
    assert ask(client, use_cache=False)["X-Cache"] == "bypass"


@pytest.mark.parametrize("change", ["withdrawn", "activated", "features", "cleared"])
def test_a_remembered_list_is_dropped_when_it_would_be_wrong(
    shop: Any, live_ranking: Any, client_of: Any, root: Any, change: str
) -> None:
    live_ranking(BY_PRICE)
    client = client_of(root)
    ask(client)
    if change == "withdrawn":
        Proposition.objects.filter(ref="prop_12").update(is_active=False)
    elif change == "activated":
        live_ranking({"item_price": -1.0})
    elif change == "features":
        client.put("/users/user_123/features", {"interests": ["sport"]}, content_type="application/json")
    else:
        client.delete("/suggest/cache")
    answer = ask(client)

    assert answer["X-Cache"] == "miss"
    if change in ("withdrawn", "activated"):
        assert refs(answer)[0] != "prop_12"


def test_a_changed_title_is_told_at_once_from_a_remembered_list(
    shop: Any, live_ranking: Any, client_of: Any, ada: Any
) -> None:
    live_ranking(BY_PRICE)
    client = client_of(ada)
    ask(client)
    Proposition.objects.filter(ref="prop_12").update(title="Renamed")

    answer = ask(client)

    assert (answer["X-Cache"], answer.json()["propositions"][0]["title"]) == ("hit", "Renamed")


def test_lists_vary_their_categories(shop: Any, live_ranking: Any, client_of: Any, ada: Any, settings: Any) -> None:
    settings.PROPOSITIONS_DIVERSITY = 0.6
    Proposition.objects.exclude(ref__in=["prop_1", "prop_2"]).update(category="books")
    live_ranking(BY_PRICE)

    lines = ask(client_of(ada), limit=4).json()["propositions"]

    assert len({line["category"] for line in lines}) > 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"user_id": ""}, 422, "validation_failed"),
        ({"user_id": "a b"}, 422, "validation_failed"),
        ({"user_id": "x" * 65}, 422, "validation_failed"),
        ({"user_id": None}, 422, "validation_failed"),
        ({"limit": 0}, 422, "validation_failed"),
        ({"limit": 51}, 422, "validation_failed"),
        ({"limit": "many"}, 422, "validation_failed"),
        ({"context": "a\u0000b"}, 422, None),
        ({"context": "<script>"}, 422, "validation_failed"),
        ({"count": 5}, 400, "unknown_field"),
    ],
)
def test_what_is_wrong_with_a_question_is_said(
    shop: Any, client_of: Any, ada: Any, body: dict[str, Any], status: int, code: str | None
) -> None:
    answer = ask(client_of(ada), **body)

    assert answer.status_code == status
    assert code is None or answer.json()["error"]["code"] == code
    assert not Interaction.objects.exists()


def test_the_number_of_queries_does_not_grow_with_the_shop_or_the_history(
    shop: Any, live_ranking: Any, client_of: Any, ada: Any, did: Any
) -> None:
    live_ranking(BY_PRICE)
    client = client_of(ada)
    ask(client, use_cache=False)
    with CaptureQueriesContext(connection) as few:
        ask(client, use_cache=False)
    Proposition.objects.bulk_create(
        Proposition(ref=f"more_{number}", title="More", category="garden", price=1) for number in range(2000)
    )
    now = timezone.now()
    Interaction.objects.bulk_create(
        Interaction(
            user_id="user_123", event_type="impression", proposition=shop[0], category="books", price=1.0, at=now,
            recorded_at=now,
        )
        for _ in range(1000)
    )  # fmt: skip
    ask(client, use_cache=False)  # reads the propositions again, as they changed
    with CaptureQueriesContext(connection) as many:
        answer = ask(client, use_cache=False, limit=50)

    assert len(answer.json()["propositions"]) == 50
    assert len(many) <= len(few) + 9  # two pools of a large shop, a transaction, and what is read again as time passed
    assert len(many) <= 13


def test_at_most_a_hundred_candidates_are_rated(
    shop: Any, live_ranking: Any, client_of: Any, ada: Any, monkeypatch: Any
) -> None:
    from solutions.propositions.features import matrix

    live_ranking(BY_PRICE)
    Proposition.objects.bulk_create(
        Proposition(ref=f"more_{number}", title="More", category="garden", price=1) for number in range(500)
    )
    rated: list[int] = []
    made = matrix.rows
    monkeypatch.setattr(
        matrix, "rows", lambda known, items, **rest: rated.append(len(items)) or made(known, items, **rest)
    )

    assert ask(client_of(ada)).json()["degraded"] is False
    assert 50 <= rated[0] <= 100
