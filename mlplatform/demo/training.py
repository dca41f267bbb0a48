"""Trains the demo's models. Each is judged on rows it never saw, and some of those rows become its sample."""

import io
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
from sklearn.base import is_classifier
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, mean_absolute_error, r2_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from solutions.trained import TrainedModel

SEED = 20
HELD_OUT = 0.3
MOST_SAMPLE_ROWS = 200
"""Enough for a reference of drift (DRIFT_MIN_REFERENCE), which the validation takes from a sample."""


def train_breast_cancer() -> TrainedModel:
    """A pipeline with a scaler, fitted on a data frame, so that its columns have names."""
    data = load_breast_cancer(as_frame=True)
    labels = data.target.map(dict(enumerate(data.target_names.tolist())))
    estimator = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return _fit(
        estimator,
        data.data,
        labels,
        "Is a breast tumour benign or malignant? From 30 measurements of cell nuclei.",
    )


def train_digits() -> TrainedModel:
    """A forest on images of 8 × 8 pixels; the columns have no names."""
    data = load_digits()
    estimator = RandomForestClassifier(n_estimators=100, random_state=SEED)
    return _fit(
        estimator,
        data.data,
        data.target,
        "Which digit was written by hand? From 64 grey values of an 8 × 8 image.",
    )


def train_wine() -> TrainedModel:
    """Gradient boosting."""
    data = load_wine(as_frame=True)
    labels = data.target.map(dict(enumerate(data.target_names.tolist())))
    estimator = GradientBoostingClassifier(random_state=SEED)
    return _fit(
        estimator,
        data.data,
        labels,
        "Which of three growers made a wine? From 13 results of its chemical analysis.",
    )


def train_diabetes() -> TrainedModel:
    """A regressor."""
    data = load_diabetes(as_frame=True)
    estimator = make_pipeline(StandardScaler(), Ridge(alpha=1.0))
    return _fit(
        estimator,
        data.data,
        data.target,
        "How far does diabetes progress in a year? From 10 measurements of a patient.",
    )


RECIPES: dict[str, Callable[[], TrainedModel]] = {
    "breast-cancer": train_breast_cancer,
    "digits": train_digits,
    "wine": train_wine,
    "diabetes": train_diabetes,
}


def _fit(estimator: Any, rows: Any, target: Any, description: str) -> TrainedModel:
    classifies = is_classifier(estimator)
    rows, held_out, target, truth = train_test_split(
        rows, target, test_size=HELD_OUT, random_state=SEED, stratify=target if classifies else None
    )
    estimator.fit(rows, target)
    predicted = estimator.predict(held_out)
    metrics = (
        _classification_metrics(estimator, held_out, truth, predicted)
        if classifies
        else _regression_metrics(truth, predicted)
    )
    sample = held_out[:MOST_SAMPLE_ROWS]
    file = io.BytesIO()
    joblib.dump(estimator, file)
    return TrainedModel(
        artifact=file.getvalue(),
        task="classification" if classifies else "regression",
        description=description,
        metrics=metrics,
        sample=sample.tolist() if isinstance(sample, np.ndarray) else sample.to_dict(orient="records"),
        expected=predicted[:MOST_SAMPLE_ROWS].tolist(),
    )


def _classification_metrics(estimator: Any, rows: Any, truth: Any, predicted: Any) -> dict[str, float]:
    probabilities = estimator.predict_proba(rows)
    if len(estimator.classes_) == 2:
        area = roc_auc_score(truth == estimator.classes_[1], probabilities[:, 1])
    else:
        area = roc_auc_score(truth, probabilities, multi_class="ovr", labels=estimator.classes_)
    return {
        "accuracy": round(float(accuracy_score(truth, predicted)), 4),
        "auc": round(float(area), 4),
        "held_out_rows": float(len(truth)),
    }


def _regression_metrics(truth: Any, predicted: Any) -> dict[str, float]:
    return {
        "r2": round(float(r2_score(truth, predicted)), 4),
        "mae": round(float(mean_absolute_error(truth, predicted)), 4),
        "held_out_rows": float(len(truth)),
    }
