"""Plans survive the way to disk and back; what is no plan is refused, whatever it is."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.explaining import files
from inference.explaining.explainers import Columns
from inference.explaining.plan import Feature, Linear, NotAPlan, Plan, Trees
from inference.runtimes.linear_text import container

FEATURES = (Feature(0), Feature(1, (("fill", "red"), ("is", "red"))), Feature(1, (("place", ["a", None], None),)))


def linear() -> Plan:
    weights = Linear(np.array([[1.0], [2.0], [3.0]]), np.array([0.5]), np.array([0.0, 0.5, 0.0]))
    return Plan(2, FEATURES, weights, "log-odds", "zero", 1)


def stump(**changes: Any) -> Plan:
    facts: dict[str, Any] = {
        "roots": np.array([0, 3]), "targets": np.array([0, 0]),
        "feature": np.array([0, -1, -1, 1, -1, -1]), "threshold": np.array([0.0, 0, 0, 1e308 * 10, 0, 0]),
        "left": np.array([1, 0, 0, 4, 0, 0]), "right": np.array([2, 0, 0, 5, 0, 0]),
        "gaps_left": np.array([1, 0, 0, 0, 0, 0]), "cover": np.array([4.0, 1, 3, 4, 2, 2]),
        "leaf": np.array([0, 0, 1, 0, 2, 3]), "values": np.array([[1.0], [2.0], [3.0], [4.0]]), "base": np.array([0.1]),
    }  # fmt: skip
    trees = Trees(**{**facts, **changes}, single=True, categories={3: (1, 2)})
    return Plan(2, FEATURES, trees, "value", "training rows", 1, is_one_sided=True)


@pytest.mark.parametrize("plan", [linear(), stump()], ids=["linear", "trees"])
def test_what_is_read_explains_as_what_was_written(plan: Plan) -> None:
    read = files.read(files.write(plan))

    rows = [[0.5, "red"], [None, "blue"]]
    assert (read.unit, read.baseline, read.features, read.is_one_sided) == (
        plan.unit, plan.baseline, plan.features, plan.is_one_sided,
    )  # fmt: skip
    assert np.array_equal(Columns(read).scores(rows), Columns(plan).scores(rows), equal_nan=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"left": np.array([0, 0, 0, 4, 0, 0])},
        {"right": np.array([1, 0, 0, 5, 0, 0])},
        {"right": np.array([5, 0, 0, 2, 0, 0])},
        {"right": np.array([6, 0, 0, 5, 0, 0])},
        {"left": np.array([1.5, 0, 0, 4, 0, 0])},
        {"roots": np.array([1, 3])},
        {"roots": np.array([0, 6])},
        {"leaf": np.array([0, 0, 1, 0, 2, 4])},
        {"leaf": np.array([0, 0, -1, 0, 2, 3])},
        {"feature": np.array([3, -1, -1, 1, -1, -1])},
        {"targets": np.array([0, 1])},
        {"targets": np.array([0, -1])},
        {"cover": np.array([4.0, -1, 3, 4, 2, 2])},
        {"values": np.array([[1.0, 1.0]] * 4)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_trees_that_are_none_are_refused(changes: Any) -> None:
    with pytest.raises(NotAPlan):
        files.read(files.write(stump(**changes)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("unit", "miles"),
        ("kind", "magic"),
        ("columns", 0),
        ("columns", True),
        ("scores", 10**9),
        ("features", []),
        ("features", [[2, []]]),
        ("features", [[0, [["import", "os"]]]]),
        ("features", [[0, [["fill", {"a": 1}]]]]),
        ("features", [[0, [["times", 1.0, 2.0, 3.0]]]]),
        ("features", [[0]]),
        ("whole", "up"),
        ("categories", [[0, ["a"]]]),
        ("categories", [[99, [1]]]),
    ],
)
def test_a_header_of_another_form_is_refused(name: str, value: Any) -> None:
    header, arrays = container.unpack(files.write(stump()), files.MARK)

    with pytest.raises(NotAPlan):
        files.read(container.pack({**header, name: value}, arrays, files.MARK))


@given(st.integers(0, 2000), st.integers(0, 255))
@settings(max_examples=200)
def test_a_changed_byte_gives_a_plan_or_a_refusal(at: int, byte: int) -> None:
    content = bytearray(files.write(stump()))
    content[at % len(content)] = byte
    try:
        plan = files.read(bytes(content))
    except NotAPlan:
        return
    Columns(plan)  # whatever it says now, it can be opened


def test_a_linear_text_model_is_no_plan() -> None:
    with pytest.raises(NotAPlan, match="does not begin"):
        files.read(container.pack({}, []))
