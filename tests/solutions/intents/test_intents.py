"""Intents: the corpus, the training, the call of seed 002 and the page."""

import json
from collections import Counter
from functools import cache
from typing import Any

import numpy as np
import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from accounts import tokens
from monitoring import spool
from monitoring.models import Outcome, PredictionLog
from solutions.intents import corpus, training
from solutions.trained import TrainedModel
from solutions.work import PlainWork
from tests import kept
from tests.solutions import published

ROWS = corpus.read()
INTENTS = sorted({row.intent for row in ROWS})
# Seed 002's own body.
SEED_BODY = json.loads("""{"query": "What's my balance?"}""")


@cache
def trained() -> TrainedModel:
    (model,) = kept.once("intents", lambda: list(training.train(PlainWork(seed=20))))
    return model


@pytest.fixture
def live(ada: Any) -> Any:
    return published.live("intents", trained, ada)


def ask(person: Any, body: Any, path: str = "/predict/intent") -> Any:
    access = tokens.issue(person).access
    content = body if isinstance(body, str) else json.dumps(body)
    return Client().post(path, content, content_type="application/json", headers={"Authorization": f"Bearer {access}"})


# -- The corpus ------------------------------------------------------------------------------------------


def test_there_are_twelve_intents_and_what_is_none_of_them() -> None:
    assert len(INTENTS) == 13
    assert corpus.OTHER in INTENTS


@pytest.mark.parametrize("intent", INTENTS)
def test_each_intent_has_many_utterances_in_both_languages_and_every_manner(intent: str) -> None:
    own = [row for row in ROWS if row.intent == intent]
    languages = Counter(row.language for row in own)

    assert len(own) >= 80
    assert min(languages["en"], languages["de"]) >= 35
    assert len({row.writer for row in own}) == 9
    assert set(corpus.UNSEEN_WRITERS) <= {row.writer for row in own}


def test_no_utterance_stands_twice() -> None:
    folded = Counter(row.text.casefold().strip(" .!?") for row in ROWS)

    assert [text for text, count in folded.items() if count > 1] == []


def test_no_held_out_utterance_is_nearly_one_of_the_training() -> None:
    split = corpus.split(ROWS)
    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 3)).fit([row.text for row in ROWS])
    known = vectors.transform([row.text for row in split.train])
    closeness = vectors.transform([row.text for row in split.held_out]) @ known.T

    assert float(closeness.max()) < 0.75
    assert {row.writer for row in split.train}.isdisjoint({row.writer for row in split.held_out})


def test_a_line_without_a_writer_is_refused(monkeypatch: Any, tmp_path: Any) -> None:
    (tmp_path / "x.txt").write_text("hello\n")
    monkeypatch.setattr(corpus, "_FOLDER", tmp_path)

    with pytest.raises(ValueError, match="no writer"):
        corpus.read()


# -- The training ----------------------------------------------------------------------------------------


def test_it_is_far_better_than_the_most_frequent_class_on_writers_it_never_saw() -> None:
    figures = {(figure.name, figure.dataset): figure for figure in trained().figures}
    accuracy = figures["accuracy", "held out"]

    assert accuracy.low > 0.65 > 2.5 * (accuracy.baseline or 0)
    assert figures["out of scope, recall", "held out"].low > 0.7
    assert figures["right among the first three", "held out"].low > 0.88
    assert figures["accuracy", training.IN_TURN].low > 0.65


def test_the_same_seed_yields_the_same_model(monkeypatch: Any) -> None:
    monkeypatch.setattr(corpus, "read", lambda: ROWS[::5])
    (one,), (again,) = (training.train(PlainWork(seed=20)) for _ in range(2))

    assert again.figures == one.figures
    assert again.sample == one.sample
    assert again.facts == one.facts


def test_it_compiles_to_the_linear_text_form_which_explains_itself() -> None:
    result = published.proved(trained)

    assert result.runtime == "linear_text"
    assert result.explanation["method"] == "linear_text"
    assert result.golden["predictions"] == trained().expected


def test_confidences_are_calibrated_on_writers_left_out() -> None:
    scores = np.array([[4.0, 0.0], [3.0, 0.0], [2.0, 0.0], [3.0, 0.0]])
    truth = np.array([0, 1, 0, 0])

    assert training._temperature(scores, truth) > 2  # three of four right is far less sure than a lead of three


# -- The call --------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("slash", ["", "/"])
def test_the_seeds_own_call_is_answered(live: Any, ada: Any, slash: str) -> None:
    answer = ask(ada, SEED_BODY, f"/predict/intent{slash}")
    body = answer.json()

    assert answer.status_code == 200
    assert set(body) == {
        "intent", "confidence", "alternatives", "reasons", "version", "inference_time_ms", "from_cache", "degraded",
        "prediction_id", "request_id",
    }  # fmt: skip
    assert (body["intent"], body["version"], body["degraded"]) == ("check_balance", 1, False)
    assert body["confidence"] > 0.7
    assert body["reasons"][0]["word"] == "balance"
    assert answer["X-Model-Version"] == "1"
    assert answer["X-Request-ID"] == body["request_id"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "intent"),
    [
        ("Please block my card, I lost it", "block_card"),
        ("Bitte überweise 20 Euro an Tom", "transfer_money"),
        ("Ich habe meine PIN vergessen", "reset_pin"),
        ("What is the weather like in Rome?", "out_of_scope"),
        ("Wie wird morgen das Wetter?", "out_of_scope"),
    ],
)
def test_both_languages_are_understood(live: Any, ada: Any, query: str, intent: str) -> None:
    assert ask(ada, {"query": query}).json()["intent"] == intent


@pytest.mark.django_db
def test_alternatives_follow_the_likeliest_and_never_hold_it(live: Any, ada: Any) -> None:
    body = ask(ada, {"query": "money card"}).json()
    shares = [one["confidence"] for one in body["alternatives"]]

    assert 1 <= len(shares) <= 3
    assert shares == sorted(shares, reverse=True)
    assert body["confidence"] >= shares[0]
    assert body["intent"] not in [one["intent"] for one in body["alternatives"]]


@pytest.mark.django_db
def test_the_second_identical_call_comes_from_the_cache_and_a_fresh_one_does_not(live: Any, ada: Any) -> None:
    told = [ask(ada, body).json() for body in (SEED_BODY, SEED_BODY, {**SEED_BODY, "use_cache": False})]

    assert [one["from_cache"] for one in told] == [False, True, False]
    assert told[0]["reasons"] == told[1]["reasons"] == told[2]["reasons"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "validation_failed"),
        ({"query": ""}, 422, "validation_failed"),
        ({"query": "   "}, 422, "validation_failed"),
        ({"query": 3}, 422, "validation_failed"),
        ({"query": None}, 422, "validation_failed"),
        ({"query": ["a"]}, 422, "validation_failed"),
        ({"query": "x" * 1001}, 422, "validation_failed"),
        ({"query": "hi", "use_cache": "perhaps"}, 422, "validation_failed"),
        ({"query": "hi", "text": "hi"}, 400, "unknown_field"),
        ("[1]", 400, "object_required"),
        ("{", 400, "json"),
    ],
)
def test_what_is_no_query_is_refused_and_recorded(live: Any, ada: Any, body: Any, status: int, code: str) -> None:
    answer = ask(ada, body)
    while spool.ship_once():
        pass

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    record = PredictionLog.objects.get()
    assert (record.outcome, record.status_code) == (Outcome.INVALID, status)


@pytest.mark.django_db
def test_before_its_training_the_call_says_how_to_train_it(ada: Any) -> None:
    answer = ask(ada, SEED_BODY)

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "no_active_version")
    assert "manage.py train intents" in answer.json()["error"]["message"]


@pytest.mark.django_db
@given(st.text(min_size=1, max_size=200))
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_any_text_is_answered_or_refused(live: Any, ada: Any, query: str) -> None:
    assert ask(ada, {"query": query}).status_code in (200, 422)


@pytest.mark.django_db
def test_its_page_shows_the_intent_the_alternatives_and_what_moved_the_answer(
    live: Any, root: Any, client: Any
) -> None:
    client.force_login(root)
    page = client.post("/admin/solution/intents/", {"query": "<b>block</b> my card"}).content.decode()

    assert "data-answer>block_card<" in page
    assert "What moved the answer" in page
    assert "/predict/intent" in page
    assert client.get("/admin/solution/intents/").status_code == 200
