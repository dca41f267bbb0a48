"""What an ONNX file may contain, judged on the parsed file before any runtime sees it."""

from collections.abc import Iterator
from typing import Any

import onnx
from google.protobuf.message import DecodeError

from inference.errors import ValidationFailed

KNOWN_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
# Reads a file of its own, whatever the graph says.
FORBIDDEN_OPS = frozenset({("com.microsoft", "EPContext")})
UNBOUNDED_OPS = frozenset({("", "Loop"), ("ai.onnx", "Loop")})
MAX_RANK = 8
MAX_DIMENSION = 1 << 31
MAX_MESSAGES = 5_000_000


def parse(content: bytes) -> onnx.ModelProto:
    """Raises ValidationFailed: onnx_invalid."""
    try:
        model = onnx.ModelProto.FromString(content)
    except (DecodeError, ValueError) as error:
        raise _invalid(f"it cannot be parsed ({error})") from error
    if not model.HasField("graph") or not model.graph.node:
        raise _invalid("it holds no graph")
    if not model.graph.output:
        raise _invalid("its graph has no output")
    return model


def check(model: onnx.ModelProto, *, allow_loops: bool) -> None:
    """Raises ValidationFailed: onnx_external_data, onnx_invalid, unsupported_op."""
    functions = {(function.domain, function.name) for function in model.functions}
    _check_domains(model, {domain for domain, _ in functions})
    _check_cycles(model)
    _check_shapes(model)
    for message in walk(model):
        if isinstance(message, onnx.TensorProto):
            _check_tensor(message)
        elif isinstance(message, onnx.NodeProto):
            _check_node(message, functions, allow_loops)


def walk(model: Any) -> Iterator[Any]:
    """Every message in the file, however deeply nested, without recursion."""
    pending = [model]
    seen = 0
    while pending:
        message = pending.pop()
        seen += 1
        if seen > MAX_MESSAGES:
            raise _invalid("it has too many parts")
        yield message
        for field, value in message.ListFields():
            if field.message_type is None:
                continue
            if hasattr(value, "ListFields"):
                pending.append(value)
            else:
                pending.extend(value)


def _check_tensor(tensor: onnx.TensorProto) -> None:
    if tensor.external_data or tensor.data_location == onnx.TensorProto.EXTERNAL:
        name = ascii(tensor.name[:80])
        raise ValidationFailed(
            "onnx_external_data",
            f"The tensor {name} lives in another file. Save the model as one file (without external data).",
            field="file",
        )
    if len(tensor.dims) > MAX_RANK or any(not 0 <= size < MAX_DIMENSION for size in tensor.dims):
        raise _invalid(f"the tensor {tensor.name[:80]!a} has an impossible shape")


def _check_node(node: onnx.NodeProto, functions: set[tuple[str, str]], allow_loops: bool) -> None:
    kind = (node.domain, node.op_type)
    if kind in functions:
        return
    if node.domain not in KNOWN_DOMAINS or kind in FORBIDDEN_OPS:
        raise _unsupported(f"the operator {node.op_type[:60]!a} of {node.domain[:60]!a}")
    if kind in UNBOUNDED_OPS and not allow_loops:
        raise _unsupported("the operator Loop, which may run without end,")


def _check_domains(model: onnx.ModelProto, own: set[str]) -> None:
    if not model.opset_import:
        raise _invalid("it names no operator set")
    for entry in model.opset_import:
        if entry.domain not in KNOWN_DOMAINS and entry.domain not in own:
            raise _unsupported(f"the operator set {entry.domain[:60]!a}")
    if own & KNOWN_DOMAINS:
        raise _unsupported("functions that take the place of standard operators")


def _check_cycles(model: onnx.ModelProto) -> None:
    """Local functions may not call themselves, directly or over others."""
    calls = {
        (function.domain, function.name): {
            (node.domain, node.op_type) for node in walk(function) if isinstance(node, onnx.NodeProto)
        }
        for function in model.functions
    }
    while calls:
        leaves = [name for name, called in calls.items() if not called & calls.keys()]
        if not leaves:
            raise _invalid("its functions call each other in a circle")
        for name in leaves:
            del calls[name]


def _check_shapes(model: onnx.ModelProto) -> None:
    for value in [*model.graph.input, *model.graph.output]:
        if not value.type.HasField("tensor_type"):
            continue
        dimensions = value.type.tensor_type.shape.dim
        sizes = [d.dim_value for d in dimensions if d.HasField("dim_value")]
        if len(dimensions) > MAX_RANK or any(not 0 <= size < MAX_DIMENSION for size in sizes):
            raise _invalid(f"{value.name[:80]!a} has an impossible shape")


def _invalid(reason: str) -> ValidationFailed:
    return ValidationFailed("onnx_invalid", f"The file is no usable ONNX model: {reason}."[:600], field="file")


def _unsupported(what: str) -> ValidationFailed:
    return ValidationFailed(
        "unsupported_op",
        f"The model uses {what} which is not served here. Export it with standard ONNX operators.",
        field="file",
    )
