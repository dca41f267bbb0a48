"""Reasons come from what moved the model, through the real validation and the platform's explanations."""

import io
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from inference import jobs as inference_jobs
from registry import resolver, services
from solutions.propositions import learners
from solutions.propositions.features.columns import AT, COLUMNS
from solutions.propositions.ranking import explained, rules
from solutions.saving import saved


@pytest.fixture
def linear(root: Any, transactional_db: None) -> Any:
    """A ranking that likes what is popular and dislikes what is dear, validated in the sandbox and live."""
    random = np.random.default_rng(3)
    rows = random.uniform(0.0, 2.0, (400, len(COLUMNS))).astype(np.float32)
    clicked = (rows[:, AT["item_click_rate"]] - rows[:, AT["item_price"]] > 0).astype(int)
    estimator = make_pipeline(StandardScaler(), LogisticRegression()).fit(learners.frame(rows), clicked)
    sample = [dict(zip(COLUMNS, row, strict=True)) for row in rows[:12].tolist()]
    version = services.upload_version(
        by=root, name="propositions", file=io.BytesIO(saved(estimator)), visibility="internal", sample=sample
    )
    assert inference_jobs.validate_next()
    version.refresh_from_db()
    services.activate(version=version, by=root, note="")
    return estimator


def test_the_reason_is_drawn_from_what_moved_the_model(linear: Any, shop: Any, client_of: Any, root: Any) -> None:
    served = resolver.resolve("propositions", user=root)
    rows = np.random.default_rng(4).uniform(0.0, 2.0, (5, len(COLUMNS))).astype(np.float32)

    added = explained.added_to(rows, served=served)

    scaler, model = linear[0], linear[1]
    expected = (rows - scaler.mean_) / scaler.scale_ * model.coef_[0]
    for row, told in zip(expected, added, strict=True):
        assert told["item_click_rate"] == pytest.approx(row[AT["item_click_rate"]], rel=1e-3)
        assert told["item_price"] == pytest.approx(row[AT["item_price"]], rel=1e-3)
    answer = client_of(root).post("/suggest", {"user_id": "u", "limit": 3}, content_type="application/json").json()
    assert (answer["degraded"], answer["model_version"]) == (False, 1)


def test_of_a_model_that_can_not_be_explained_nothing_is_made_up(
    shop: Any, live_ranking: Any, client_of: Any, ada: Any
) -> None:
    live_ranking({"item_price": 1.0})

    lines = client_of(ada).post("/suggest", {"user_id": "u"}, content_type="application/json").json()["propositions"]

    assert {line["explanation"] for line in lines} == {
        f"Suggested from {category}, as little is known of this user yet." for category in ("books", "music", "sport")
    }


def test_of_the_rules_their_factors_are_told() -> None:
    rows = np.ones((2, len(COLUMNS)), dtype=np.float32)

    told = explained.added_to(rows, served=None)

    exact = rules.contributions(rows)
    assert told[0]["item_click_rate"] == pytest.approx(exact[0, AT["item_click_rate"]])
    assert explained.added_to(rows[:0], served=None) == []
