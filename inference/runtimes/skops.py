"""skops files natively: for versions marked as trusted that cannot be compiled."""

import io
from typing import Any

from inference.errors import ModelExecutionFailed, RuntimeUnavailable
from inference.runtimes.sklearn import SklearnModel
from inference.signature import Signature

MISSING_LIBRARY = "skops files need the package skops: install it."


class SkopsRuntime:
    """Takes the types in the file on trust: an authorised person vouched for it."""

    name = "skops"

    def load(self, artifact: bytes, signature: Signature) -> SklearnModel:
        try:
            from skops.io import get_untrusted_types, load
        except ImportError as error:
            raise RuntimeUnavailable(MISSING_LIBRARY) from error
        from inference.runtimes import estimators

        try:
            model: Any = load(io.BytesIO(artifact), trusted=get_untrusted_types(data=artifact))
            estimators.single_threaded(model)
        except Exception as error:
            raise ModelExecutionFailed(f"the model cannot be opened: {error!r}") from error
        return SklearnModel(model, signature)
