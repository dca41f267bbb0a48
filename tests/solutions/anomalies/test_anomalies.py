"""Anomalies: the generator, the features, both detectors, the call and the page."""

import json
import math
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import tokens
from inference.explaining import Contribution, Explanation, RowExplanation
from monitoring import spool
from monitoring.models import Outcome, PredictionLog
from solutions.anomalies import BOOSTED, FOREST, features, generator, reasons, services, training
from solutions.anomalies.page import PAGE
from solutions.anomalies.transaction import CATEGORIES, CHANNELS, COUNTRIES, EUROS, Transaction
from solutions.trained import TrainedModel
from solutions.work import PlainWork
from tests.solutions import published

USUAL = {
    "amount": 24.5, "currency": "EUR", "merchant_category": "groceries", "country": "DE", "hour": 17,
    "channel": "contactless", "home_country": "DE", "usual_amount": 25.0,
}  # fmt: skip
ODD = {
    **USUAL, "amount": 700.0, "merchant_category": "cash", "country": "TH", "hour": 4, "channel": "atm",
    "transactions_last_hour": 3, "is_new_merchant": True,
}  # fmt: skip


def forest() -> TrainedModel:
    return training.shipped()[0]


def boosted() -> TrainedModel:
    return training.shipped()[1]


@pytest.fixture
def live(ada: Any) -> Any:
    services.threshold_of.cache_clear()
    return [published.live("anomalies", make, ada) for make in (forest, boosted)]


def ask(person: Any, body: Any, path: str = "/predict/anomaly") -> Any:
    access = tokens.issue(person).access
    content = body if isinstance(body, str) else json.dumps(body)
    return Client().post(path, content, content_type="application/json", headers={"Authorization": f"Bearer {access}"})


# -- The payments ----------------------------------------------------------------------------------------


def test_the_same_seed_makes_the_same_payments_and_another_does_not() -> None:
    one, two, other = (generator.generate(seed=seed, customers=5, payments=20) for seed in (1, 1, 2))

    assert one == two != other


def test_every_pattern_is_planted_among_honest_payments_with_valid_fields() -> None:
    made = generator.generate(seed=3, customers=150, payments=60)
    fraud = [one for one in made if one.pattern]

    assert {one.pattern for one in fraud} == set(generator.PATTERNS)
    assert 0.005 < len(fraud) / len(made) < 0.03
    for one in made:
        paid = one.transaction
        assert paid.amount > 0
        assert paid.currency in EUROS
        assert paid.merchant_category in CATEGORIES
        assert paid.channel in CHANNELS
        assert {paid.country, paid.home_country} <= COUNTRIES
        assert 0 <= paid.hour <= 23


def test_what_is_not_known_of_the_customer_counts_as_usual() -> None:
    row = features.row_of(Transaction(50.0, "EUR", "fuel", "FR", 12))

    assert (row["times_usual"], row["is_abroad"], row["transactions_last_hour"]) == (0.0, 0.0, 0.0)


@given(st.floats(0.01, 1e7), st.sampled_from(sorted(EUROS)), st.integers(0, 23), st.none() | st.floats(0.01, 1e7))
def test_features_are_finite_and_do_not_depend_on_the_currency(
    amount: float, currency: str, hour: int, usual: float | None
) -> None:
    row = features.row_of(Transaction(amount, currency, "fuel", "FR", hour, usual_amount=usual))
    in_euros = features.row_of(
        Transaction(amount * EUROS[currency], "EUR", "fuel", "FR", hour, usual_amount=usual and usual * EUROS[currency])
    )

    assert all(math.isfinite(row[name]) for name in features.NUMBERS)
    assert row["amount"] == pytest.approx(in_euros["amount"])
    assert row["times_usual"] == pytest.approx(in_euros["times_usual"], abs=1e-6)


# -- The training ----------------------------------------------------------------------------------------


def test_both_detectors_beat_the_amount_and_each_is_better_at_something() -> None:
    told = {one.name: {(figure.name, figure.dataset): figure for figure in one.figures} for one in training.shipped()}
    forest, boosted = told[FOREST], told[BOOSTED]
    precision = ("average precision", "held out")
    unseen = ("recall among the first 1.5 %", training.NEVER_LABELLED)

    assert forest[precision].low > 2 * (forest[precision].baseline or 1)
    assert boosted[precision].low > forest[precision].high
    assert forest[unseen].value > boosted[unseen].value > 10 * (boosted[unseen].baseline or 1)


def test_a_small_training_yields_both_models_with_their_thresholds(monkeypatch: Any) -> None:
    small = training.payments
    monkeypatch.setattr(training, "payments", lambda *, seed: small(seed=seed, customers=120, payments=40))
    models = training.train(PlainWork(seed=5))

    assert [one.name for one in models] == [FOREST, BOOSTED]
    for one in models:
        assert 0 < one.metrics["threshold"] < 1
        assert len(one.figures) == 5
        assert one.expected is not None
        assert len(one.sample) == len(one.expected) == training.SAMPLE_ROWS


@pytest.mark.slow
def test_what_is_shipped_is_what_the_training_yields() -> None:
    for fresh, shipped in zip(training.train(PlainWork(seed=20)), training.shipped(), strict=True):
        assert fresh.expected == shipped.expected
        assert fresh.metrics["threshold"] == pytest.approx(shipped.metrics["threshold"])
        for ours, theirs in zip(fresh.as_metrics(), shipped.as_metrics(), strict=True):
            assert ours["name"] == theirs["name"]
            assert ours["value"] == pytest.approx(theirs["value"], abs=0.02)


@pytest.mark.parametrize(("make", "unit"), [(forest, "log2 of the anomaly score"), (boosted, "log-odds")])
def test_both_are_compiled_and_explained_exactly(make: Any, unit: str) -> None:
    result = published.proved(make)

    assert result.runtime == "onnx"
    assert (result.explanation["method"], result.explanation["unit"]) == ("tree_shap", unit)


# -- The call --------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("detector", ["forest", "boosted"])
def test_what_is_odd_stands_out_and_what_is_usual_does_not(live: Any, ada: Any, detector: str, slash: str) -> None:
    odd = ask(ada, {"transaction": ODD, "detector": detector}, f"/predict/anomaly{slash}")
    usual = ask(ada, {"transaction": USUAL, "detector": detector}).json()
    body = odd.json()

    assert odd.status_code == 200
    assert set(body) == {
        "is_anomaly", "score", "threshold", "reasons", "detector", "version", "inference_time_ms", "from_cache",
        "degraded", "prediction_id", "request_id",
    }  # fmt: skip
    assert (body["is_anomaly"], usual["is_anomaly"]) == (True, False)
    assert usual["score"] < usual["threshold"] == body["threshold"] <= body["score"] <= 1
    assert (body["detector"], body["version"]) == (detector, 1)
    assert odd["X-Model-Version"] == "1"


@pytest.mark.django_db
def test_the_forest_judges_where_no_detector_is_named_and_its_score_is_the_papers(live: Any, ada: Any) -> None:
    import joblib

    body = ask(ada, {"transaction": ODD}).json()
    row = features.row_of(Transaction(**ODD))
    with open(training._FOLDER / f"{FOREST}.joblib", "rb") as file:
        fitted = joblib.load(file)
    score = -fitted.score_samples(training.pd.DataFrame([{name: row[name] for name in features.NUMBERS}]))[0]

    assert body["detector"] == "forest"
    assert body["score"] == pytest.approx(score)
    assert body["threshold"] == pytest.approx(-fitted.offset_, abs=1e-6)


@pytest.mark.django_db
def test_the_reasons_name_what_is_odd_in_words(live: Any, ada: Any) -> None:
    told = ask(ada, {"transaction": {**USUAL, "amount": 900.0, "hour": 3}}).json()["reasons"]

    assert 1 <= len(told) <= 3
    assert "The amount is 36 times what the customer usually pays." in [one["text"] for one in told]
    assert [one["contribution"] for one in told] == sorted((one["contribution"] for one in told), reverse=True)
    assert all(one["contribution"] > 0 for one in told)


def explained(of: Any, **moved: float) -> Explanation:
    parts = tuple(Contribution(name, None, value) for name, value in moved.items())
    return Explanation("tree_shap", "log-odds", "training rows", True, (RowExplanation(of, 0.0, 1.0, parts, 0.0),))


def test_reasons_speak_for_an_anomaly_whichever_class_was_answered() -> None:
    paid = Transaction(**ODD)
    for_fraud = reasons.of(explained("fraud", hour=2.0, is_abroad=-1.0), paid)
    for_honest = reasons.of(explained("legitimate", hour=2.0, is_abroad=-1.0), paid)

    assert [one["feature"] for one in for_fraud] == ["hour"]
    assert [one["feature"] for one in for_honest] == ["is_abroad"]
    assert for_honest[0]["text"] == "It was paid in TH; the customer lives in DE."
    assert reasons.of(None, paid) == []


def test_every_feature_has_words() -> None:
    assert set(reasons.WORDS) == set(features.COLUMNS)
    for paid in (Transaction(**ODD), Transaction(1.0, "EUR", "other", "DE", 0, "online")):
        assert all(words(paid).endswith(".") for words in reasons.WORDS.values())


REFUSED: list[tuple[str, Any, str]] = [
    ("amount", 0, "not_positive"),
    ("amount", -3, "not_positive"),
    ("amount", 1e8, "max_value"),
    ("amount", "12", "invalid"),
    ("amount", True, "invalid"),
    ("amount", None, "null"),
    ("currency", "XXX", "unknown_value"),
    ("currency", "eur", "unknown_value"),
    ("currency", 3, "invalid"),
    ("merchant_category", "spells", "unknown_value"),
    ("country", "XX", "unknown_value"),
    ("country", "", "blank"),
    ("hour", 24, "max_value"),
    ("hour", -1, "min_value"),
    ("hour", 3.5, "invalid"),
    ("hour", "3", "invalid"),
    ("channel", "pigeon", "unknown_value"),
    ("home_country", "Germany", "unknown_value"),
    ("usual_amount", 0, "not_positive"),
    ("usual_amount", "much", "invalid"),
    ("transactions_last_hour", 1001, "max_value"),
    ("transactions_last_hour", 1.5, "invalid"),
    ("is_new_merchant", "yes", "invalid"),
    ("is_new_merchant", 1, "invalid"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("field", "value", "code"), REFUSED)
def test_a_field_that_does_not_fit_is_named_with_its_path_and_code(
    live: Any, ada: Any, field: str, value: Any, code: str
) -> None:
    answer = ask(ada, {"transaction": {**USUAL, field: value}})
    told = answer.json()["error"]

    assert answer.status_code == 422
    assert told["code"] == "validation_failed"
    assert told["details"]["fields"][f"transaction.{field}"][0]["code"] == code


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["amount", "currency", "merchant_category", "country", "hour"])
def test_the_five_fields_of_a_payment_must_be_there(live: Any, ada: Any, field: str) -> None:
    answer = ask(ada, {"transaction": {name: value for name, value in USUAL.items() if name != field}})

    assert answer.status_code == 422
    assert answer.json()["error"]["details"]["fields"][f"transaction.{field}"][0]["code"] == "required"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "validation_failed"),
        ({"transaction": None}, 422, "validation_failed"),
        ({"transaction": []}, 422, "validation_failed"),
        ({"transaction": "x"}, 422, "validation_failed"),
        ({"transaction": USUAL, "detector": "crystal ball"}, 422, "validation_failed"),
        ({"transaction": USUAL, "detector": ["forest"]}, 422, "validation_failed"),
        ({"transaction": {**USUAL, "mood": "good"}}, 400, "unknown_field"),
        ({"transaction": USUAL, "mood": "good"}, 400, "unknown_field"),
        ("[]", 400, "object_required"),
        ("{", 400, "json"),
    ],
)
def test_what_is_no_question_is_refused_and_recorded(live: Any, ada: Any, body: Any, status: int, code: str) -> None:
    answer = ask(ada, body)
    while spool.ship_once():
        pass

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    record = PredictionLog.objects.get()
    assert (record.outcome, record.model.name) == (Outcome.INVALID, FOREST)


@pytest.mark.django_db
@given(
    st.dictionaries(
        st.sampled_from(sorted({*USUAL, *ODD, "more"})),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=5),
    )
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_any_transaction_is_judged_or_refused(live: Any, ada: Any, changes: Any) -> None:
    assert ask(ada, {"transaction": {**USUAL, **changes}}).status_code in (200, 400, 422)


@pytest.mark.django_db
@pytest.mark.parametrize(("detector", "model"), [("forest", "anomalies"), ("boosted", "anomalies-boosted")])
def test_before_its_training_the_call_says_how_to_train_it(ada: Any, detector: str, model: str) -> None:
    answer = ask(ada, {"transaction": USUAL, "detector": detector})

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "no_active_version")
    assert model in answer.json()["error"]["message"]
    assert "manage.py train anomalies" in answer.json()["error"]["message"]


@pytest.mark.django_db
def test_its_page_shows_verdict_reasons_and_chart_for_every_example(live: Any, root: Any, client: Any) -> None:
    client.force_login(root)
    told = [client.post("/admin/solution/anomalies/", example).content.decode() for example in PAGE.examples()]

    assert ["data-answer>Stands out<" in page for page in told] == [False, True, True, True]
    assert all("What moved the answer" in page for page in told)
    assert "times what the customer usually pays" in told[1]


@pytest.mark.django_db
def test_a_wrong_field_is_told_beside_it(live: Any, root: Any, client: Any) -> None:
    client.force_login(root)
    page = client.post("/admin/solution/anomalies/", {**PAGE.examples()[0], "hour": 30}).content.decode()

    assert "Nothing was asked" in page
    assert "23" in page
