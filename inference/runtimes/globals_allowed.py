"""The exact list of globals that a file nobody vouches for may name. Nothing in a file widens it."""

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from inference.errors import ValidationFailed

RENAMED = {"__builtin__": "builtins", "copy_reg": "copyreg"}
CONSTRUCTORS: dict[str, frozenset[str]] = {
    "builtins": frozenset(
        [
            "bool",
            "bytearray",
            "bytes",
            "complex",
            "dict",
            "float",
            "frozenset",
            "int",
            "list",
            "object",
            "range",
            "set",
            "slice",
            "str",
            "tuple",
        ]
    ),
    "collections": frozenset({"OrderedDict", "defaultdict", "deque"}),
    "copyreg": frozenset({"_reconstructor"}),
    "numpy": frozenset(
        [
            "bool",
            "bool_",
            "dtype",
            "float16",
            "float32",
            "float64",
            "int16",
            "int32",
            "int64",
            "int8",
            "mean",
            "median",
            "ndarray",
            "nan_to_num",
            "str_",
            "uint16",
            "uint32",
            "uint64",
            "uint8",
        ]
    ),
    "numpy._core.multiarray": frozenset({"_reconstruct", "scalar"}),
    "numpy.core.multiarray": frozenset({"_reconstruct", "scalar"}),
    "numpy._core.numeric": frozenset({"_frombuffer"}),
    "numpy.core.numeric": frozenset({"_frombuffer"}),
    "numpy.ma": frozenset({"MaskedArray"}),
    "numpy.ma.core": frozenset({"MaskedArray", "_mareconstruct"}),
    "numpy.random._mt19937": frozenset({"MT19937"}),
    "numpy.random._pcg64": frozenset({"PCG64"}),
    "numpy.random._pickle": frozenset({"__bit_generator_ctor", "__generator_ctor", "__randomstate_ctor"}),
    "numpy.random.bit_generator": frozenset({"SeedSequence", "__pyx_unpickle_SeedSequence"}),
    "scipy._lib.array_api_compat.numpy._aliases": frozenset({"asarray"}),
    "scipy.interpolate._bsplines": frozenset({"BSpline"}),
    "scipy.interpolate._interpolate": frozenset({"interp1d"}),
    "scipy.sparse._csr": frozenset({"csr_array", "csr_matrix"}),
    "scipy.sparse._csc": frozenset({"csc_array", "csc_matrix"}),
    "scipy.sparse._coo": frozenset({"coo_array", "coo_matrix"}),
    "scipy.sparse._dia": frozenset({"dia_array", "dia_matrix"}),
    "sklearn.cluster._kmeans": frozenset({"_kmeans_single_elkan", "_kmeans_single_lloyd"}),
    "sklearn.feature_selection._mutual_info": frozenset({"mutual_info_classif", "mutual_info_regression"}),
    "sklearn.feature_selection._univariate_selection": frozenset(
        {"chi2", "f_classif", "f_oneway", "f_regression", "r_regression"}
    ),
    "sklearn.metrics._dist_metrics": frozenset({"newObj"}),
    "sklearn.neighbors._ball_tree": frozenset({"newObj"}),
    "sklearn.neighbors._kd_tree": frozenset({"newObj"}),
    "sklearn.metrics._scorer": frozenset({"_passthrough_scorer"}),
}
# Every public score of these modules may be named by a search or a threshold tuner.
SCORE_MODULES = frozenset(
    {
        "sklearn.metrics._classification",
        "sklearn.metrics._ranking",
        "sklearn.metrics._regression",
    }
)
ESTIMATOR_PACKAGES = frozenset(
    [
        "calibration",
        "cluster",
        "compose",
        "covariance",
        "cross_decomposition",
        "decomposition",
        "discriminant_analysis",
        "dummy",
        "ensemble",
        "feature_extraction",
        "feature_selection",
        "frozen",
        "gaussian_process",
        "impute",
        "isotonic",
        "kernel_approximation",
        "kernel_ridge",
        "linear_model",
        "mixture",
        "model_selection",
        "multiclass",
        "multioutput",
        "naive_bayes",
        "neighbors",
        "neural_network",
        "outlier_detection",
        "pipeline",
        "preprocessing",
        "random_projection",
        "semi_supervised",
        "svm",
        "tree",
    ]
)
# Modules whose classes are parts of fitted estimators without being estimators.
PART_MODULES = (
    "sklearn._loss",
    "sklearn.calibration",
    "sklearn.ensemble._hist_gradient_boosting",
    "sklearn.gaussian_process.kernels",
    "sklearn.linear_model._sgd_fast",
    "sklearn.metrics._dist_metrics",
    "sklearn.metrics._scorer",
    "sklearn.model_selection._split",
    "sklearn.neighbors",
    "sklearn.neural_network._stochastic_optimizers",
    "sklearn.tree._tree",
    "sklearn.utils._bunch",
    "sklearn.utils._metadata_requests",
    "sklearn.cluster._birch",
)
EXTRAS = frozenset({"lightgbm", "xgboost"})
OPTIONAL_LIBRARIES = frozenset({"catboost", "imblearn", "lightgbm", "xgboost"})
# What fitted boosters consist of; the libraries' other classes start servers, threads and programs.
BOOSTER_CLASSES = frozenset(
    {
        ("lightgbm.basic", "Booster"),
        ("lightgbm.sklearn", "LGBMClassifier"),
        ("lightgbm.sklearn", "LGBMRanker"),
        ("lightgbm.sklearn", "LGBMRegressor"),
        ("xgboost.core", "Booster"),
        ("xgboost.sklearn", "XGBClassifier"),
        ("xgboost.sklearn", "XGBRFClassifier"),
        ("xgboost.sklearn", "XGBRFRegressor"),
        ("xgboost.sklearn", "XGBRanker"),
        ("xgboost.sklearn", "XGBRegressor"),
    }
)


def resolve(module: str, name: str) -> Any:
    """The object behind a global. Raises ValidationFailed: pickle_forbidden_global,
    missing_library, library_version."""
    module = RENAMED.get(module, module)
    if "." in name or not module.replace(".", "").replace("_", "").isalnum():
        raise _forbidden(module, name)
    if module == "_codecs" and name == "encode":
        return _latin1_bytes
    if name in CONSTRUCTORS.get(module, ()):
        return _attribute(module, name)
    if module in SCORE_MODULES and name.endswith(("_score", "_error", "_loss")):
        return _attribute(module, name)
    library = module.partition(".")[0]
    if module.startswith("numpy") and _is_ufunc(name):
        return _attribute("numpy", name)
    if library == "sklearn":
        return _sklearn_class(module, name)
    if library in OPTIONAL_LIBRARIES and find_spec(library) is None:
        raise ValidationFailed(
            "missing_library",
            f"The model is a {module}.{name}, and {library} is not installed here: {_remedy(library)}",
            field="file",
        )
    if (module, name) in BOOSTER_CLASSES:
        return _attribute(module, name)
    raise _forbidden(module, name)


def _remedy(library: str) -> str:
    if library in EXTRAS:
        return f"install the `{library}` extra, or export the model to ONNX."
    return "export the model to ONNX and upload that."


def _sklearn_class(module: str, name: str) -> Any:
    parts = module.split(".")
    known = len(parts) > 1 and (parts[1] in ESTIMATOR_PACKAGES or module.startswith(PART_MODULES))
    if not known or "tests" in parts or (name.startswith("__") and "unpickle" not in name):
        raise _forbidden(module, name)
    found = _attribute(module, name)
    if module.startswith("sklearn._loss") and name.startswith("__pyx_unpickle_"):
        return found
    if isinstance(found, type) and found.__module__.partition(".")[0] == "sklearn":
        from sklearn.base import BaseEstimator  # heavy, and only the sandbox needs it

        if issubclass(found, BaseEstimator) or found.__module__.startswith(PART_MODULES):
            return found
    raise _forbidden(module, name)


def _attribute(module: str, name: str) -> Any:
    """Only called with modules of installed libraries that the list names."""
    try:
        if module not in sys.modules:
            import_module(module)
        return getattr(sys.modules[module], name)
    except (ImportError, AttributeError):
        raise ValidationFailed(
            "library_version",
            f"The file needs {module}.{name}, which the installed version does not have. Fit and save the"
            " model with the platform's library versions, or export it to ONNX.",
            field="file",
        ) from None


def _is_ufunc(name: str) -> bool:
    import numpy as np  # present in every process that opens models

    return isinstance(getattr(np, name, None), np.ufunc)


def _latin1_bytes(text: str, encoding: str = "latin1") -> bytes:
    """Old pickle protocols write bytes as a call of the codec; no other codec is needed."""
    if encoding not in ("latin1", "latin-1"):
        raise _forbidden("_codecs", "encode")
    return text.encode("latin1")


def _forbidden(module: str, name: str) -> ValidationFailed:
    own = module.partition(".")[0] in ("__main__", "builtins") or find_library(module) is None
    advice = (
        "Models that carry their own functions or classes cannot be opened here: build the pipeline from"
        " scikit-learn's parts only, or export it to ONNX and upload that."
        if own
        else "Saved models do not need it. Save the fitted estimator alone with joblib.dump, or export it to ONNX."
    )
    named = ascii(f"{module}.{name}"[:200])[1:-1]
    return ValidationFailed(
        "pickle_forbidden_global",
        f"The file refers to {named}, which is not on the list of allowed names. {advice}",
        field="file",
    )


def find_library(module: str) -> str | None:
    """The top-level package when it is a library of the platform's own, else None."""
    top = module.partition(".")[0]
    return top if top in {"numpy", "scipy", "sklearn", "joblib", "pandas", *OPTIONAL_LIBRARIES} else None
