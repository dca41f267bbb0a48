"""What a linear text model's terms contribute adds up to what the model answers by."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import BernoulliNB, MultinomialNB
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import Normalizer
from sklearn.svm import SVC, LinearSVC

from inference.explaining.words import Reader
from inference.runtimes.linear_text import reader
from inference.signature import Column, Feed, Signature
from inference.validation import linear_text

TEXTS = [
    "the server is down",
    "server down again, urgent!",
    "lunch at noon?",
    "buy one get one free",
    "free lunch today",
] * 4
TWO = ["ops", "ops", "other", "other", "other"] * 4
THREE = ["ops", "ops", "people", "shop", "shop"] * 4
LENGTHS = [float(len(text)) for text in TEXTS]


def opened(model: Any, labels: list[Any]) -> tuple[Any, Reader]:
    """The fitted pipeline, and what explains its compiled form."""
    model.fit(TEXTS, labels)
    classes = None if isinstance(labels[0], float) else tuple(model.classes_)
    native = Signature(
        "text", "regression" if classes is None else "classification", (Column("text", "string"),),
        (Feed("text", "string", (0,), (-1,)),), classes=classes,
    )  # fmt: skip
    content, _ = linear_text.compile_text(model, native)
    return model, Reader(reader.read(content))


def total(row: Any) -> float:
    return row.base + sum(one.contribution for one in row.contributions) + row.rest


texts = st.sampled_from(
    ["server down", "SERVER server Server", "free lunch", "", "!!!", "nothing known here"]
) | st.text(max_size=60)


@given(texts)
@settings(max_examples=60)
@pytest.mark.parametrize("place", [0, 1])
def test_log_odds_of_two_classes_are_the_sum(place: int, text: str) -> None:
    model, explainer = MODELS["two"]
    row = explainer.explain(text, of=model.classes_[place], place=place, most=3)
    shares = np.log(model.predict_proba([text])[0])

    assert explainer.unit == "log-odds"
    assert total(row) == pytest.approx(row.margin, abs=1e-9)
    assert row.margin == pytest.approx(shares[place] - shares[1 - place], abs=1e-9)


@given(texts)
@settings(max_examples=60)
@pytest.mark.parametrize("name", ["three", "bayes", "bernoulli", "joint"])
def test_the_margin_of_several_classes_is_the_distance_from_the_mean_of_the_logarithms(name: str, text: str) -> None:
    model, explainer = MODELS[name]
    logs = np.log(model.predict_proba([text])[0])
    for place in range(3):
        row = explainer.explain(text, of=model.classes_[place], place=place, most=100)
        assert total(row) == pytest.approx(row.margin, abs=1e-8)
        assert row.margin == pytest.approx(logs[place] - logs.mean(), abs=1e-8)


@given(texts)
@settings(max_examples=40)
def test_a_number_is_the_sum(text: str) -> None:
    model, explainer = MODELS["number"]
    row = explainer.explain(text, of=None, place=None, most=2)

    assert (explainer.unit, row.of) == ("value", None)
    assert total(row) == pytest.approx(model.predict([text])[0])


def test_decisions_are_scores() -> None:
    model, explainer = opened(make_pipeline(TfidfVectorizer(), LinearSVC()), THREE)
    row = explainer.explain("server down", of="ops", place=0, most=5)

    assert explainer.unit == "score"
    assert row.margin == pytest.approx(model.decision_function(["server down"])[0, 0])


@pytest.mark.parametrize("place", [0, 1])
def test_two_classes_of_a_kernel_machine_have_one_decision(place: int) -> None:
    model, explainer = opened(make_pipeline(TfidfVectorizer(), SVC(kernel="linear")), TWO)
    row = explainer.explain("free lunch", of=model.classes_[place], place=place, most=5)

    assert row.margin == pytest.approx((1 if place else -1) * model.decision_function(["free lunch"])[0])


def test_a_calibrated_model_is_explained_by_its_mean_score_before_calibration() -> None:
    model, explainer = opened(make_pipeline(TfidfVectorizer(), CalibratedClassifierCV(LinearSVC(), cv=2)), THREE)
    members = [one.estimator for one in model[-1].calibrated_classifiers_]
    seen = model[0].transform(["server down"])
    row = explainer.explain("server down", of="ops", place=0, most=5)

    assert explainer.unit == "score"
    assert row.margin == pytest.approx(np.mean([member.decision_function(seen)[0, 0] for member in members]))


def test_the_words_that_moved_the_answer_come_first_by_name() -> None:
    _, explainer = MODELS["two"]
    short = explainer.explain("The SERVER is down; lunch?", of="ops", place=0, most=2)
    whole = explainer.explain("The SERVER is down; lunch?", of="ops", place=0, most=20)
    against = [one.name for one in whole.contributions if one.contribution < 0]

    assert {one.name for one in short.contributions} == {"server", "down"}
    assert against == ["lunch"]
    assert (whole.rest, whole.margin) == (0.0, short.margin)


def test_characters_are_given_to_the_words_they_were_cut_from() -> None:
    vectors = make_union(TfidfVectorizer(), TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4)))
    _, explainer = opened(make_pipeline(vectors, LogisticRegression()), TWO)
    row = explainer.explain("Server, down!", of="ops", place=0, most=10)

    assert {one.name for one in row.contributions} == {"server", "down"}
    assert total(row) == pytest.approx(row.margin)


def test_a_text_without_known_words_is_all_base() -> None:
    _, explainer = MODELS["two"]
    row = explainer.explain("zzz", of="ops", place=0, most=10)

    assert row.contributions == ()
    assert row.margin == row.base


MODELS = {
    "two": opened(make_pipeline(TfidfVectorizer(sublinear_tf=True), LogisticRegression(C=10)), TWO),
    "three": opened(make_pipeline(CountVectorizer(ngram_range=(1, 2)), LogisticRegression()), THREE),
    "bayes": opened(make_pipeline(CountVectorizer(), MultinomialNB()), THREE),
    "bernoulli": opened(make_pipeline(CountVectorizer(), BernoulliNB()), THREE),
    "joint": opened(
        make_pipeline(
            make_union(HashingVectorizer(n_features=64), CountVectorizer()), Normalizer(), LogisticRegression()
        ),
        THREE,
    ),
    "number": opened(make_pipeline(CountVectorizer(), Ridge()), LENGTHS),
}
