"""A plan as bytes, and back. What is read is judged part by part: it comes out of a process that opened a stranger's
model. The container is that of linear text models: a mark, a JSON header, one block of doubles."""

from typing import Any

import numpy as np

from inference.explaining.columns import DO
from inference.explaining.plan import (
    BASELINES,
    MAX_FEATURES,
    MAX_NODES,
    UNITS,
    Array,
    Feature,
    Linear,
    NotAPlan,
    Plan,
    Trees,
    Whole,
)
from inference.runtimes.linear_text import container
from inference.runtimes.linear_text.program import NotALinearText

MARK = b"explanation 1\n\0\0"
LINEAR = ("weights", "offsets", "center")
TREES = (
    "roots", "targets", "feature", "threshold", "left", "right", "gaps_left", "cover", "leaf", "values", "base",
)  # fmt: skip
MAX_SCORES, MAX_STEPS, MAX_COLUMNS = 1_000, 20, 100_000
LARGEST = float(np.finfo(np.float64).max)


def write(plan: Plan) -> bytes:
    """The file. Numbers beyond the largest double become the largest."""
    model = plan.model
    names = LINEAR if isinstance(model, Linear) else TREES
    arrays = [_finite(getattr(model, name)) for name in names]
    header: dict[str, Any] = {
        "columns": plan.columns,
        "features": [[feature.column, [list(step) for step in feature.steps]] for feature in plan.features],
        "unit": plan.unit,
        "baseline": plan.baseline,
        "scores": plan.scores,
        "is_one_sided": plan.is_one_sided,
        "kind": "linear" if isinstance(model, Linear) else "trees",
    }
    if isinstance(model, Trees):
        header["single"], header["whole"] = model.single, model.whole
        header["categories"] = [[at, list(chosen)] for at, chosen in model.categories.items()]
    return container.pack(header, arrays, MARK)


def _finite(array: Any) -> Array:
    return np.nan_to_num(np.asarray(array, dtype=np.float64), nan=0.0, posinf=LARGEST, neginf=-LARGEST)


def read(content: bytes) -> Plan:
    """Raises NotAPlan."""
    try:
        header, arrays = container.unpack(content, MARK)
        return _plan(header, arrays)
    except NotALinearText as error:
        raise NotAPlan(str(error)) from error
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise NotAPlan(f"a part has another form: {error}") from error


def _plan(told: dict[str, Any], arrays: list[Array]) -> Plan:
    columns, scores = _whole(told["columns"], 1, MAX_COLUMNS), _whole(told["scores"], 1, MAX_SCORES)
    _require(isinstance(told["features"], list) and 0 < len(told["features"]) <= MAX_FEATURES, "features")
    features = tuple(_feature(entry, columns) for entry in told["features"])
    _require(told["unit"] in UNITS and told["baseline"] in BASELINES, "words")
    _require(told["kind"] in ("linear", "trees"), "the kind")
    model = _linear(arrays, len(features), scores) if told["kind"] == "linear" else _trees(told, arrays, scores)
    if isinstance(model, Trees):
        _require(bool((model.feature < len(features)).all()), "features of trees")
    return Plan(columns, features, model, told["unit"], told["baseline"], scores, told["is_one_sided"] is True)


def _feature(entry: Any, columns: int) -> Feature:
    column, steps = entry
    _require(isinstance(steps, list) and len(steps) <= MAX_STEPS, "steps")
    return Feature(_whole(column, 0, columns - 1), tuple(_step(step) for step in steps))


def _step(step: Any) -> tuple[Any, ...]:
    name, *settings = step
    _require(name in DO and len(settings) <= 2, "a step")
    for setting in settings:
        for part in setting if isinstance(setting, list) else [setting]:
            _require(part is None or isinstance(part, (str, int, float)), "a step's setting")
    return (name, *settings)


def _linear(arrays: list[Array], features: int, scores: int) -> Linear:
    weights, offsets, center = arrays
    _require(weights.shape == (features, scores) and offsets.shape == (scores,), "weights")
    _require(center.shape == (features,), "center")
    return Linear(weights, offsets, center)


def _trees(told: dict[str, Any], arrays: list[Array], scores: int) -> Trees:
    facts = dict(zip(TREES, arrays, strict=True))
    roots, targets, base, values = facts["roots"], facts["targets"], facts["base"], facts["values"]
    nodes = len(facts["feature"])
    _require(0 < nodes <= MAX_NODES, "the number of nodes")
    _require(all(facts[name].shape == (nodes,) for name in TREES[2:9]), "the nodes")
    whole = {name: _indexes(facts[name]) for name in ("roots", "targets", "feature", "left", "right", "leaf")}
    _require(len(roots) == len(targets) > 0 and base.shape == (scores,) and values.ndim == 2, "the trees")
    _require(values.shape[1] == (scores if (targets < 0).any() else 1), "the leaves")
    _require(not (targets < 0).any() or bool((targets < 0).all()), "the targets")
    _require(bool((whole["targets"] < scores).all()), "the targets")
    _require_trees(whole, nodes)
    leaves = whole["leaf"][whole["feature"] < 0]
    _require(bool(((leaves >= 0) & (leaves < len(values))).all()), "the leaves")
    _require(bool((facts["cover"] >= 0).all()) and told["whole"] in ("floor", "cut"), "the splits")
    return Trees(
        whole["roots"],
        whole["targets"],
        whole["feature"],
        facts["threshold"],
        whole["left"],
        whole["right"],
        facts["gaps_left"] > 0,
        facts["cover"],
        whole["leaf"],
        values,
        base,
        told["single"] is True,
        told["whole"],
        {_whole(at, 0, nodes - 1): tuple(_whole(one, 0, 1 << 31) for one in some) for at, some in told["categories"]},
    )


def _require_trees(facts: dict[str, Whole], nodes: int) -> None:
    """Each node is a root or the child of one node of its own tree that comes before it: no loops, no strays."""
    roots, feature = facts["roots"], facts["feature"]
    _require(roots[0] == 0 and bool((np.diff(roots) > 0).all()) and bool(roots[-1] < nodes), "the roots")
    tree_of = np.searchsorted(roots, np.arange(nodes), side="right")
    inner = np.flatnonzero(feature >= 0)
    children = np.concatenate([facts["left"][inner], facts["right"][inner]])
    parents = np.concatenate([inner, inner])
    _require(bool(((children > parents) & (children < nodes)).all()), "a branch")
    _require(bool((tree_of[children] == tree_of[parents]).all()), "a branch")
    met = np.bincount(np.concatenate([children, roots]), minlength=nodes)
    _require(bool((met == 1).all()), "a branch")


def _indexes(array: Array) -> Whole:
    _require(bool((np.abs(array) < 1 << 40).all()) and bool((array == np.floor(array)).all()), "an index")
    return array.astype(np.int64)


def _whole(value: Any, least: int, most: int) -> int:
    _require(type(value) is int and least <= value <= most, "a number")
    return int(value)


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise NotAPlan(f"the plan cannot be used: {what}")
