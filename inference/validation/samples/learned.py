"""What a fitted model gives away about the numbers it was fitted on."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from inference.runtimes import estimators
from inference.validation import boosted, structure

Matrix = "np.ndarray[Any, Any]"
ROW_ATTRIBUTES = (
    "_fit_X",
    "support_vectors_",
    "X_train_",
    "X_fit_",
    "cluster_centers_",
    "centroids_",
    "means_",
    "theta_",
    "subcluster_centers_",
    "X_thresholds_",
    "components_",
)
LOCATION_ATTRIBUTES = ("mean_", "center_", "data_min_", "data_max_", "statistics_", "location_", "max_abs_")
SCALE_ATTRIBUTES = ("scale_", "data_range_", "max_abs_")
VALUES_PER_COLUMN = 4000
MAX_ROWS = 300


@dataclass(slots=True)
class Learned:
    """rows: points in the input space; cuts: per column, values at which the answer may jump.

    levels: per column, values it typically has, where no whole rows are known.
    """

    width: int
    rows: list[Any] = field(default_factory=list)
    levels: dict[int, list[float]] = field(default_factory=dict)
    cuts: dict[int, list[float]] = field(default_factory=dict)
    categories: dict[int, list[Any]] = field(default_factory=dict)

    def add_cuts(self, columns: Any, values: Any) -> None:
        for column, value in zip(columns, values, strict=True):
            kept = self.cuts.setdefault(int(column), [])
            if len(kept) < VALUES_PER_COLUMN and np.isfinite(value):
                kept.append(float(value))

    def add_rows(self, rows: Any) -> None:
        rows = np.asarray(rows)
        if rows.ndim == 1:
            rows = rows.reshape(1, -1)
        if rows.dtype.kind in "fiu" and rows.ndim == 2 and rows.shape[1] == self.width:
            finite = rows[np.isfinite(rows).all(axis=1)][:MAX_ROWS]
            self.rows.extend(finite.astype(np.float64))


def learn(model: Any, width: int, names: tuple[str, ...] = ()) -> Learned:
    """Reads every part; parts behind a transformation are mapped back to the input where it can be."""
    learned = Learned(width)
    for chain, part in _reached(model, []):
        if type(part).__name__ == "ColumnTransformer":
            if not chain:
                _read_columns(part, names, learned)
            continue
        found = Learned(_width(part) or width)
        _read(part, found)
        _map_back(found, chain, learned)
    return learned


def _read_columns(part: Any, names: tuple[str, ...], learned: Learned) -> None:
    """What each transformer of a ColumnTransformer knows about the columns it was given."""
    fitted = [str(name) for name in getattr(part, "feature_names_in_", names)]
    for _, transformer, columns in part.transformers_:
        if isinstance(transformer, str):
            continue
        own = [fitted[at] for at in structure.places(columns, fitted)]
        found = learn(transformer, len(own))
        values = np.array(found.rows).reshape(-1, len(own))
        for place, name in enumerate(own):
            if name in names:
                at = names.index(name)
                learned.levels.setdefault(at, []).extend(values[:, place].tolist())
                learned.levels[at] += found.levels.get(place, [])
                learned.cuts.setdefault(at, []).extend(found.cuts.get(place, []))
                if place in found.categories:
                    learned.categories[at] = found.categories[place]


def _reached(model: Any, chain: list[Any]) -> Iterator[tuple[list[Any], Any]]:
    """(transformations in front of it, part) for the model and its steps."""
    kind = type(model).__name__
    if hasattr(model, "best_estimator_"):
        yield from _reached(model.best_estimator_, chain)
    elif kind == "Pipeline":
        before = list(chain)
        for _, step in model.steps:
            if step in (None, "passthrough"):
                continue
            yield from _reached(step, list(before))
            before.append(step)
    elif kind == "ColumnTransformer":
        yield chain, model
    else:
        yield chain, model
        for part in estimators.walk(model):
            if type(part).__name__ == "Pipeline" and part is not model:
                yield from _reached(part, chain)
            elif part is not model:
                yield chain, part


def _read(part: Any, found: Learned) -> None:
    state = vars(part)
    for name in ROW_ATTRIBUTES:
        if isinstance(state.get(name), np.ndarray):
            found.add_rows(state[name])
    locations = [np.asarray(state[n]) for n in LOCATION_ATTRIBUTES if isinstance(state.get(n), np.ndarray)]
    scales = [np.asarray(state[n]) for n in SCALE_ATTRIBUTES if isinstance(state.get(n), np.ndarray)]
    for location in locations:
        found.add_rows(location)
        for scale in scales:
            if scale.shape == location.shape and scale.dtype.kind == "f" and location.dtype.kind == "f":
                found.add_rows(np.stack([location - 2 * scale, location - scale, location + scale]))
    _read_tree(state.get("tree_"), found)
    _read_histogram_trees(state.get("_predictors"), found)
    _read_boosted(part, found)
    _read_coefficients(state.get("coef_"), found)
    if isinstance(state.get("bin_edges_"), np.ndarray):
        for column, edges in enumerate(state["bin_edges_"]):
            found.add_cuts([column] * len(edges), edges)
    if isinstance(state.get("categories_"), list):
        found.categories.update({at: np.asarray(values).tolist() for at, values in enumerate(state["categories_"])})


def _read_tree(tree: Any, found: Learned) -> None:
    if tree is None or not hasattr(tree, "threshold"):
        return
    inner = (tree.feature >= 0) & (tree.feature < found.width)
    found.add_cuts(tree.feature[inner], tree.threshold[inner])


def _read_histogram_trees(predictors: Any, found: Learned) -> None:
    for stage in predictors or ():
        for predictor in stage:
            nodes = predictor.nodes
            inner = nodes[(nodes["is_leaf"] == 0) & (nodes["feature_idx"] < found.width)]
            found.add_cuts(inner["feature_idx"], inner["num_threshold"])


def _read_boosted(part: Any, found: Learned) -> None:
    if not boosted.is_boosted(part):
        return
    try:
        cuts = [(column, value) for column, value in boosted.read(part).cuts() if column < found.width]
    except NotImplementedError:  # served natively or not at all: ordinary rows have to do
        return
    found.add_cuts([column for column, _ in cuts], [value for _, value in cuts])


def _read_coefficients(coefficients: Any, found: Learned) -> None:
    """Rows that put a linear score near zero, where labels change."""
    if not isinstance(coefficients, np.ndarray) or coefficients.dtype.kind != "f":
        return
    for row in np.atleast_2d(coefficients)[:8]:
        if row.shape == (found.width,):
            reach = 1.0 / (np.abs(row) + 1e-3 * (np.abs(row).max() or 1.0) + 1e-12)
            found.add_rows(np.stack([reach / found.width, -reach / found.width]))


def _map_back(found: Learned, chain: list[Any], learned: Learned) -> None:
    """Adds what a part knows to the whole, through the inverse of what stands before it."""
    if found.width != learned.width and not chain:
        return
    rows = np.array(found.rows).reshape(-1, found.width)
    columns = sorted(found.cuts)
    cuts = _as_rows(found.cuts, found.width)
    for step in reversed(chain):
        try:
            rows = step.inverse_transform(rows) if len(rows) else rows
            cuts = step.inverse_transform(cuts) if len(cuts) else cuts
        except Exception:
            return
    if np.ndim(rows) == 2 and len(rows):
        learned.add_rows(rows)
    if np.ndim(cuts) == 2 and np.shape(cuts)[1] == learned.width and len(cuts):
        for column in columns:
            count = len(found.cuts[column])
            learned.add_cuts([column] * count, np.asarray(cuts)[:count, column])
    if not chain:
        learned.categories.update(found.categories)


def _as_rows(cuts: dict[int, list[float]], width: int) -> Any:
    """One column of a matrix per column's cuts, padded with the last."""
    length = max((len(values) for values in cuts.values()), default=0)
    matrix = np.zeros((length, width))
    for column, values in cuts.items():
        matrix[: len(values), column] = values
        matrix[len(values) :, column] = values[-1] if values else 0.0
    return matrix


def _width(part: Any) -> int | None:
    count = vars(part).get("n_features_in_")
    return int(count) if isinstance(count, (int, np.integer)) else None


def vocabulary(model: Any) -> list[str]:
    """The words the model's vectorisers know, in a fixed order."""
    words: set[str] = set()
    for part in estimators.walk(model):
        if type(part).__name__ in structure.VECTORIZERS:
            words.update(w for w in vars(part).get("vocabulary_", ()) if isinstance(w, str))
            if len(words) > 20_000:
                break
    return sorted(words)
