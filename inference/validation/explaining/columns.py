"""Fitted transformers as features, each made of one of the client's columns. In the sandbox only."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from inference.explaining.columns import FUNCTIONS
from inference.explaining.plan import Array, Feature
from inference.validation import structure
from inference.validation.explaining.refusal import NotCovered

SELECTORS = frozenset(
    {"GenericUnivariateSelect", "RFE", "RFECV", "SelectFdr", "SelectFpr", "SelectFromModel", "SelectFwe"}
    | {"SelectKBest", "SelectPercentile", "SequentialFeatureSelector", "VarianceThreshold"}
)


@dataclass(frozen=True, slots=True)
class Features:
    """The columns that the next part sees, each as a feature.

    center: what each is for a mean training row, where the transformers know it (None where one does not).
    projection, shift: what a projection behind the features makes of them; only weights can take it in.
    """

    features: tuple[Feature, ...]
    center: tuple[float | None, ...] = ()
    projection: Array | None = None
    shift: Array = field(default_factory=lambda: np.zeros(0))

    @property
    def width(self) -> int:
        return len(self.features) if self.projection is None else int(self.projection.shape[1])

    def pick(self, chosen: list[int]) -> "Features":
        if self.projection is not None:
            return replace(self, projection=self.projection[:, chosen], shift=self.shift[chosen])
        return Features(tuple(self.features[at] for at in chosen), tuple(self.center[at] for at in chosen))


def of_client(width: int) -> Features:
    """The client's own columns."""
    return Features(tuple(Feature(at) for at in range(width)), (None,) * width)


def through(part: Any, given: Features, names: list[str]) -> Features:
    """What `part` makes of the features. Raises NotCovered. names: those of the columns given, for column choices."""
    part = structure.without_training(part)
    kind = type(part).__name__
    if part is None or (isinstance(part, str) and part == "passthrough"):
        return given
    if kind == "Pipeline":
        for _, step in part.steps:
            given = through(step, given, names)
        return given
    if kind == "ColumnTransformer":
        return _column_transformer(part, given)
    if kind == "FeatureUnion":
        branches = [through(step, given, names) for _, step in part.transformer_list if step != "drop"]
        weights = part.transformer_weights or {}
        if any(weights.get(name, 1.0) != 1.0 for name, _ in part.transformer_list):
            raise NotCovered("a union with weights can't be taken apart")
        return _joined(branches)
    if kind in SELECTORS:
        return given.pick(np.flatnonzero(part.get_support()).tolist())
    reader = READERS.get(kind)
    if reader is None:
        raise NotCovered(f"{kind} mixes columns, or is not known here")
    if given.projection is not None and kind != "StandardScaler":
        raise NotCovered(f"{kind} behind a projection can't be taken apart")
    return reader(part, given)


def _column_transformer(part: Any, given: Features) -> Features:
    names = [str(name) for name in getattr(part, "feature_names_in_", range(part.n_features_in_))]
    if given.projection is not None:
        raise NotCovered("a choice of columns behind a projection can't be taken apart")
    branches = []
    for _, transformer, columns in part.transformers_:
        own = structure.places(columns, names)
        if not own or (isinstance(transformer, str) and transformer == "drop"):
            continue
        branches.append(through(transformer, given.pick(own), names))
    return _joined(branches)


def _joined(branches: list[Features]) -> Features:
    if not branches or any(branch.projection is not None for branch in branches):
        raise NotCovered("a projection beside other columns can't be taken apart")
    return Features(
        tuple(feature for branch in branches for feature in branch.features),
        tuple(center for branch in branches for center in branch.center),
    )


def _with(given: Features, steps: list[list[tuple[Any, ...]]], center: list[float | None] | None = None) -> Features:
    """One more run of steps behind each feature."""
    features = tuple(
        Feature(feature.column, (*feature.steps, *more)) for feature, more in zip(given.features, steps, strict=True)
    )
    return Features(features, tuple(center) if center is not None else (None,) * len(features))


def _affine(given: Features, name: str, first: Any, second: Any, center: Any = None) -> Features:
    """`times` (factor, shift) or `over` (center, scale): as the transformer itself computes it, to the last bit.

    center: what the columns given are for a mean training row, where the transformer knows it.
    """
    first, second = (np.broadcast_to(np.asarray(each, dtype=np.float64), given.width) for each in (first, second))
    factors, shifts = (first, second) if name == "times" else (1.0 / second, -first / second)
    if given.projection is not None:
        return replace(given, projection=given.projection * factors, shift=given.shift * factors + shifts)
    centers = given.center if center is None else np.broadcast_to(center, given.width).tolist()
    steps = [[(name, float(one), float(other))] for one, other in zip(first, second, strict=True)]
    moved = [
        None if at is None else float(at * factor + shift)
        for at, factor, shift in zip(centers, factors, shifts, strict=True)
    ]
    return _with(given, steps, moved)


def _standard(part: Any, given: Features) -> Features:
    scale = 1.0 if part.scale_ is None else part.scale_
    return _affine(given, "over", part.mean_ if part.with_mean else 0.0, scale, getattr(part, "mean_", None))


def _min_max(part: Any, given: Features) -> Features:
    scaled = _affine(given, "times", part.scale_, part.min_)
    if not part.clip:
        return scaled
    low, high = part.feature_range
    return _with(scaled, [[("clip", float(low), float(high))]] * given.width)


def _max_abs(part: Any, given: Features) -> Features:
    scaled = _affine(given, "over", 0.0, part.scale_)
    return _with(scaled, [[("clip", -1.0, 1.0)]] * given.width) if getattr(part, "clip", False) else scaled


def _robust(part: Any, given: Features) -> Features:
    center, scale = part.center_, part.scale_
    return _affine(given, "over", 0.0 if center is None else center, 1.0 if scale is None else scale)


def _imputer(part: Any, given: Features) -> Features:
    if not _is_gap(part.missing_values):
        raise NotCovered("an imputer that fills something else than gaps can't be taken apart")
    kept = [at for at, value in enumerate(part.statistics_) if not _is_gap(value)]
    filled = given.pick(kept)
    means = [float(part.statistics_[at]) if part.strategy == "mean" else None for at in kept]
    filled = _with(filled, [[("fill", plain(part.statistics_[at]))] for at in kept], means)
    if not part.add_indicator:
        return filled
    gaps = given.pick(np.asarray(part.indicator_.features_).tolist())
    return _joined([filled, _with(gaps, [[("gap",)]] * len(gaps.features))])


def _indicator(part: Any, given: Features) -> Features:
    gaps = given.pick(np.asarray(part.features_).tolist())
    return _with(gaps, [[("gap",)]] * len(gaps.features))


def _one_hot(part: Any, given: Features) -> Features:
    features: list[Feature] = []
    for at, (feature, categories) in enumerate(zip(given.features, part.categories_, strict=True)):
        values = [plain(value) for value in categories]
        rare = [plain(value) for value in _rare(part, at)]
        kept: list[tuple[Any, ...]] = [("is", value) for value in values if value not in rare]
        if rare:
            known = [value for value in values if value not in rare]
            takes_unknown = part.handle_unknown in ("infrequent_if_exist", "warn")
            kept.append(("not_among", known) if takes_unknown else ("among", rare))
        dropped = None if part.drop_idx_ is None else part._drop_idx_after_grouping[at]
        features += [
            Feature(feature.column, (*feature.steps, step)) for place, step in enumerate(kept) if place != dropped
        ]
    return Features(tuple(features), (None,) * len(features))


def _rare(part: Any, at: int) -> list[Any]:
    found = getattr(part, "infrequent_categories_", None)
    return [] if found is None or found[at] is None else list(found[at])


def _ordinal(part: Any, given: Features) -> Features:
    if any(_rare(part, at) for at in range(len(part.categories_))):
        raise NotCovered("rare categories under one number can't be taken apart")
    unknown = part.unknown_value if part.handle_unknown == "use_encoded_value" else None
    steps = []
    for categories in part.categories_:
        values = [plain(value) for value in categories]
        other = None if unknown is None or _is_gap(unknown) else float(unknown)
        step: list[tuple[Any, ...]] = [("place", values, other)]
        if None in values and not _is_gap(part.encoded_missing_value):
            raise NotCovered("gaps under a number of their own can't be taken apart")
        if None in values:
            step = [("place", [value for value in values if value is not None], other)]
        steps.append(step)
    return _with(given, steps)


def _binarizer(part: Any, given: Features) -> Features:
    return _with(given, [[("above", float(part.threshold))]] * given.width)


def _bins(part: Any, given: Features) -> Features:
    if part.encode == "ordinal":
        return _with(given, [[("bin", edges[1:-1].tolist())] for edges in part.bin_edges_])
    features = tuple(
        Feature(feature.column, (*feature.steps, ("bin", edges[1:-1].tolist()), ("is", float(number))))
        for feature, edges in zip(given.features, part.bin_edges_, strict=True)
        for number in range(len(edges) - 1)
    )
    return Features(features, (None,) * len(features))


def _function(part: Any, given: Features) -> Features:
    name = "" if part.kw_args else getattr(part.func, "__name__", "")
    if part.func is not None and (name not in FUNCTIONS or getattr(np, name) is not part.func):
        raise NotCovered("a function that is none of numpy's usual ones can't be taken apart")
    return given if part.func is None else _with(given, [[("apply", name)]] * given.width)


def _projected(matrix: Any, mean: Any, given: Features) -> Features:
    matrix = np.asarray(matrix, dtype=np.float64)
    shift = np.zeros(matrix.shape[1]) if mean is None else -np.asarray(mean) @ matrix
    if given.projection is not None:
        return replace(given, projection=given.projection @ matrix, shift=given.shift @ matrix + shift)
    return replace(given, projection=matrix, shift=shift)


def _pca(part: Any, given: Features) -> Features:
    matrix = part.components_.T
    return _projected(matrix / np.sqrt(part.explained_variance_) if part.whiten else matrix, part.mean_, given)


def _svd(part: Any, given: Features) -> Features:
    return _projected(part.components_.T, None, given)


def _is_gap(value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, (float, np.floating)):
        return math.isnan(value)
    return type(value).__name__ in ("NAType", "NaTType")


def plain(value: Any) -> Any:
    """A category or filling as JSON holds it; a gap is None."""
    if _is_gap(value):
        return None
    value = value.item() if hasattr(value, "item") else value
    if not isinstance(value, (str, int, float)):
        raise NotCovered(f"categories of the kind {type(value).__name__} can't be taken apart")
    return value


READERS: dict[str, Callable[[Any, Features], Features]] = {
    "Binarizer": _binarizer,
    "FunctionTransformer": _function,
    "KBinsDiscretizer": _bins,
    "MaxAbsScaler": _max_abs,
    "MinMaxScaler": _min_max,
    "MissingIndicator": _indicator,
    "OneHotEncoder": _one_hot,
    "OrdinalEncoder": _ordinal,
    "PCA": _pca,
    "RobustScaler": _robust,
    "SimpleImputer": _imputer,
    "StandardScaler": _standard,
    "TruncatedSVD": _svd,
}
