"""scikit-learn served natively: for versions marked as trusted that cannot be compiled."""

import warnings
from typing import Any

import numpy as np

from inference.errors import ModelExecutionFailed, RuntimeUnavailable
from inference.runtimes.base import RawOutput
from inference.signature import Signature

# Where the warnings come from: the modules themselves, or this one as their caller.
LIBRARIES = r"(sklearn|scipy|numpy|pandas|joblib|xgboost|lightgbm|inference\.runtimes)(\.|$)"


class SklearnRuntime:
    """Opens joblib files (any compression) and plain pickles."""

    name = "sklearn"

    def load(self, artifact: bytes, signature: Signature) -> "SklearnModel":
        try:
            from inference.runtimes import estimators, unpickling
        except ImportError as error:
            raise RuntimeUnavailable("Native scikit-learn models need the package scikit-learn") from error
        _be_quiet()
        try:
            model = unpickling.open_trusted(artifact)
            estimators.single_threaded(model)
        except Exception as error:
            raise ModelExecutionFailed(f"the model cannot be opened: {error!r}") from error
        return SklearnModel(model, signature)


class SklearnModel:
    """Safe to share between threads: predicting does not change a fitted estimator."""

    __slots__ = ("_dataframe", "_signature", "model")

    def __init__(self, model: Any, signature: Signature) -> None:
        _be_quiet()
        self.model = model
        self._signature = signature
        self._dataframe = _import_dataframe() if signature.dataframe else None

    def predict(self, feeds: "dict[str, np.ndarray[Any, Any]]") -> RawOutput:
        labels = np.asarray(self.call("predict", feeds))
        if not self._signature.has_probabilities:
            return RawOutput(labels, None)
        return RawOutput(labels, np.asarray(self.call("predict_proba", feeds)))

    def call(self, method: str, feeds: "dict[str, np.ndarray[Any, Any]]") -> Any:
        """One of the model's methods on the feeds, as the model was fitted on them."""
        try:
            return getattr(self.model, method)(self._as_fitted(feeds))
        except Exception as error:
            raise ModelExecutionFailed(f"scikit-learn failed: {type(error).__name__}: {error}") from error

    def _as_fitted(self, feeds: "dict[str, np.ndarray[Any, Any]]") -> Any:
        """A data frame, a matrix, or a vector of strings, as the model was fitted on."""
        if self._dataframe is not None:
            names = self._signature.names
            return self._dataframe({names[feed.columns[0]]: feeds[feed.name] for feed in self._signature.feeds})
        return feeds[self._signature.feeds[0].name]


def _be_quiet() -> None:
    """What the libraries warn of was the business of whoever fitted the model.

    One filter for the whole process: `catch_warnings` around each call would be undone by other threads.
    """
    warnings.filterwarnings("ignore", module=LIBRARIES)


def _import_dataframe() -> Any:
    try:
        from pandas import DataFrame
    except ImportError as error:
        raise RuntimeUnavailable("Models fitted on data frames need the package pandas") from error
    return DataFrame
