"""The shipped model is what the training says it is."""

import io
import json
from pathlib import Path

import joblib
import numpy as np
import pytest

from solutions import card
from solutions.propositions import evaluation, learners, simulated, training
from solutions.propositions.features.columns import COLUMNS
from solutions.propositions.retraining import judging

PAGE = Path(__file__).parents[3] / "docs" / "solutions" / "propositions.md"


def test_the_shipped_figures_are_those_of_the_page() -> None:
    (model,) = training.shipped()

    assert card.figures(model, seed=20) in PAGE.read_text()


def test_the_shipped_model_reaches_its_target_on_the_held_out_month() -> None:
    (model,) = training.shipped()
    auc = next(figure for figure in model.figures if figure.name == "auc")

    assert auc.value > 0.75
    assert auc.low > auc.baseline
    assert auc.baseline_name == "popularity"


def test_the_shipped_model_takes_todays_columns_and_answers_its_sample() -> None:
    (model,) = training.shipped()
    estimator = joblib.load(io.BytesIO(model.artifact))
    rows = learners.frame([[row[name] for name in COLUMNS] for row in model.sample])

    assert tuple(estimator.feature_names_in_) == COLUMNS
    assert estimator.predict(rows).tolist() == model.expected
    json.dumps(model.as_metrics())


@pytest.mark.parametrize("kind", ["gradient_boosting", "random_forest", "xgboost"])
def test_each_kind_learns_what_is_liked(kind: str) -> None:
    if kind == "xgboost":
        pytest.importorskip("xgboost")
    months = simulated.months(simulated.past(seed=3, users=40, items=24))

    estimator = learners.fitted(kind, months.learned, seed=1)

    asked = learners.frame(months.held_out.as_served())
    scores = evaluation.probability(estimator, asked)
    assert ((scores > 0) & (scores < 1)).all()
    row = evaluation.row_of(kind, months.held_out, scores)
    chance = evaluation.row_of("random", months.held_out, evaluation.at_random(months.held_out, seed=1))
    assert row["auc"] > max(0.6, chance["auc"])
    assert np.array_equal(evaluation.probability(learners.fitted(kind, months.learned, seed=1), asked), scores)


def test_an_unknown_kind_is_refused() -> None:
    from solutions.errors import ValueInvalid

    examples = simulated.months(simulated.past(seed=3, users=5, items=8)).learned
    with pytest.raises(ValueInvalid):
        learners.fitted("magic", examples, seed=1)


def test_the_data_is_parted_by_time() -> None:
    examples = simulated.months(simulated.past(seed=3, users=40, items=24)).learned
    parts = judging.parted(examples)

    assert parts.learned.at.max() < parts.held_out.at.min()
    assert len(parts.learned) + len(parts.held_out) == len(examples)
