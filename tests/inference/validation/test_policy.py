"""What an ONNX file may contain, judged before any runtime sees it."""

import random

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from inference.errors import ValidationFailed
from inference.validation import policy
from tests.inference.validation import graphs


def refusal(model: onnx.ModelProto, *, allow_loops: bool = False) -> ValidationFailed:
    with pytest.raises(ValidationFailed) as caught:
        policy.check(policy.parse(model.SerializeToString()), allow_loops=allow_loops)
    return caught.value


def test_an_ordinary_graph_passes() -> None:
    policy.check(policy.parse(graphs.linear().SerializeToString()), allow_loops=False)


@pytest.mark.parametrize("place", graphs.PLACES)
def test_a_tensor_in_another_file_is_found_wherever_it_hides(place: str) -> None:
    assert refusal(graphs.with_external(place)).code == "onnx_external_data"


@pytest.mark.parametrize("location", ["/etc/passwd", "../../secret", "a/../../b", "*/_ORT_MEM_ADDR_/*", ""])
def test_no_location_is_a_good_location(location: str) -> None:
    model = graphs.linear()
    model.graph.initializer.append(graphs.external(model.graph.initializer[0], location))
    assert refusal(model).code == "onnx_external_data"


def test_naming_another_file_is_enough_even_when_the_tensor_says_it_is_here() -> None:
    model = graphs.linear()
    entry = model.graph.initializer[0].external_data.add()
    entry.key, entry.value = "location", "weights.bin"
    assert refusal(model).code == "onnx_external_data"


@pytest.mark.parametrize("content", [b"", b"\x00" * 50, b"PK\x03\x04 a zip", b"\x08\x09", b"<html></html>"])
def test_what_is_no_graph_is_refused(content: bytes) -> None:
    with pytest.raises(ValidationFailed) as caught:
        policy.parse(content)
    assert caught.value.code == "onnx_invalid"


def test_a_graph_without_outputs_is_refused() -> None:
    model = graphs.linear()
    del model.graph.output[:]
    with pytest.raises(ValidationFailed) as caught:
        policy.parse(model.SerializeToString())
    assert caught.value.code == "onnx_invalid"


def test_unknown_operator_sets_and_domains_are_refused() -> None:
    foreign = graphs.model(
        [helper.make_node("Magic", ["X"], ["y"], domain="evil.corp")],
        [graphs.value("X", [None, 2])],
        [graphs.value("y", [None, 2])],
        domains=(("evil.corp", 1),),
    )
    assert refusal(foreign).code == "unsupported_op"
    undeclared = graphs.linear()
    undeclared.graph.node.append(helper.make_node("Magic", ["X"], ["z"], domain="evil.corp"))
    assert refusal(undeclared).code == "unsupported_op"


def test_nodes_that_read_files_of_their_own_are_refused() -> None:
    model = graphs.linear()
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    model.graph.node.append(helper.make_node("EPContext", ["X"], ["z"], domain="com.microsoft"))
    assert refusal(model).code == "unsupported_op"


def test_loops_need_trust() -> None:
    model = graphs.linear()
    model.graph.node.append(helper.make_node("Loop", ["", ""], ["z"], body=graphs.body(TensorProto(name="t"))))
    assert refusal(model).code == "unsupported_op"
    policy.check(model, allow_loops=True)


def test_functions_may_not_call_each_other_in_a_circle() -> None:
    model = graphs.linear()
    opset = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    for name, called in (("F", "G"), ("G", "F")):
        node = helper.make_node(called, ["a"], ["b"], domain="own")
        model.functions.append(helper.make_function("own", name, ["a"], ["b"], [node], opset))
    model.opset_import.append(helper.make_opsetid("own", 1))
    assert refusal(model).code == "onnx_invalid"


def test_functions_may_not_take_the_place_of_standard_operators() -> None:
    model = graphs.linear()
    node = helper.make_node("Identity", ["a"], ["b"])
    model.functions.append(helper.make_function("", "MatMul", ["a"], ["b"], [node], [helper.make_opsetid("", 17)]))
    assert refusal(model).code == "unsupported_op"


@pytest.mark.parametrize("dims", [[2**32, 2**32], [-1], [1] * 9])
def test_impossible_shapes_are_refused(dims: list[int]) -> None:
    model = graphs.linear()
    tensor = numpy_helper.from_array(np.ones(1, dtype=np.float32), "odd")
    del tensor.dims[:]
    tensor.dims.extend(dims)
    model.graph.initializer.append(tensor)
    assert refusal(model).code == "onnx_invalid"


def test_mutated_files_are_refused_or_pass_but_never_crash_the_check() -> None:
    good = graphs.with_external("branch").SerializeToString()
    choose = random.Random(7)
    outcomes = set()
    for _ in range(500):
        content = bytearray(good)
        for _ in range(choose.randint(1, 6)):
            content[choose.randrange(len(content))] = choose.randrange(256)
        if choose.random() < 0.3:
            del content[choose.randrange(1, len(content)) :]
        try:
            policy.check(policy.parse(bytes(content)), allow_loops=False)
            outcomes.add("passed")
        except ValidationFailed as error:
            outcomes.add(error.code)
    assert {"onnx_invalid", "onnx_external_data"} <= outcomes
