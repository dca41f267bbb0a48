"""Boosters of XGBoost and LightGBM with the face of a scikit-learn estimator, so that all else treats them alike."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin


class Boosted(BaseEstimator):
    """A library's own model file, opened. `scores` is the one method a library adds.

    n_features_in_: the width of the matrix. feature_names_in_: only where the file names its columns.
    """

    def __init__(self, booster: Any = None) -> None:
        self.booster = booster

    def scores(self, rows: Any) -> Any:
        """The library's own answers: values, or (n, classes) probabilities, or raw scores."""
        raise NotImplementedError

    def named(self, width: int, names: list[str] | None) -> "Boosted":
        self.n_features_in_ = width
        if names:
            self.feature_names_in_ = np.array(names, dtype=object)
        return self


class BoostedRegressor(RegressorMixin, Boosted):
    def predict(self, rows: Any) -> Any:
        return self.scores(rows)


class BoostedClassifier(ClassifierMixin, Boosted):
    """Scores are probabilities, one column per class."""

    classes_: Any

    def predict(self, rows: Any) -> Any:
        return self.classes_[self.scores(rows).argmax(axis=1)]

    def predict_proba(self, rows: Any) -> Any:
        return self.scores(rows)


class BoostedLabels(ClassifierMixin, Boosted):
    """Two classes without probabilities: the second where the score is above zero."""

    classes_: Any

    def predict(self, rows: Any) -> Any:
        return self.classes_[(self.scores(rows) > 0).astype(int)]


def two_columns(positive: Any) -> Any:
    """The probabilities of both classes from that of the second."""
    return np.stack([1 - positive, positive], axis=1)
