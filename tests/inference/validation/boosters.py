"""Toy boosters of XGBoost and LightGBM, saved as the libraries save them."""

from typing import Any

import numpy as np
import pytest

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(240, 4)).round(2)
GAPPED = np.where(RANDOM.random(ROWS.shape) < 0.1, np.nan, ROWS)
KINDS = RANDOM.integers(0, 30, len(ROWS)).astype(float)
WITH_KINDS = np.column_stack([ROWS[:, :2], KINDS, ROWS[:, 3]])
TWO = (ROWS[:, 0] + ROWS[:, 1] > 0).astype(int)
THREE = np.digitize(ROWS[:, 0], [-0.5, 0.5])
BY_KIND = (KINDS % 3 == 0).astype(int)
VALUES = 3 * ROWS[:, 0] + ROWS[:, 1] ** 2
COUNTS = RANDOM.poisson(np.exp(ROWS[:, 0] * 0.3))
GROUPS = [80, 80, 80]


def xgboost(
    objective: str, labels: Any, *, rows: Any = GAPPED, form: str = "json", rounds: int = 10, **parameters: Any
) -> bytes:
    """A file of XGBoost. parameters: `types` are the columns' types, `stop_on` rows and labels to stop early on."""
    library = pytest.importorskip("xgboost")
    names, types, held = (parameters.pop(name, None) for name in ("names", "types", "stop_on"))
    data = library.DMatrix(rows, labels, feature_names=names, feature_types=types, enable_categorical=True)
    if objective.startswith("rank:"):
        data.set_group(GROUPS)
    if objective == "survival:aft":
        data.set_float_info("label_lower_bound", labels)
        data.set_float_info("label_upper_bound", labels)
    early = {}
    if held is not None:
        early = {"evals": [(library.DMatrix(*held), "held")], "early_stopping_rounds": 3, "verbose_eval": False}
    depth = {} if parameters.get("booster") == "gblinear" else {"max_depth": 4}
    settings = {"objective": objective, "nthread": 1, **depth, **parameters}
    return bytes(library.train(settings, data, rounds, **early).save_raw(form))


def lightgbm(objective: str, labels: Any, *, rows: Any = GAPPED, rounds: int = 10, **parameters: Any) -> bytes:
    """A file of LightGBM. parameters: `names` are the columns' names, `kinds` the categorical ones."""
    library = pytest.importorskip("lightgbm")
    names, kinds = parameters.pop("names", "auto"), parameters.pop("kinds", "auto")
    settings = {"objective": objective, "verbose": -1, "min_data_in_leaf": 5, "num_threads": 1, **parameters}
    groups = GROUPS if objective == "lambdarank" else None
    data = library.Dataset(
        rows, labels, group=groups, feature_name=names, categorical_feature=kinds, params={"verbose": -1}
    )
    if settings.get("linear_tree"):
        data.params["linear_tree"] = True
    return library.train(settings, data, rounds).model_to_string().encode()
