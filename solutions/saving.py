"""Trained estimators as the files a data scientist would upload. Nothing is opened here."""

import io
from typing import Any

import joblib


def saved(estimator: Any) -> bytes:
    """A fitted scikit-learn estimator as a joblib file."""
    file = io.BytesIO()
    joblib.dump(estimator, file, compress=3)
    return file.getvalue()
