"""PyTorch to ONNX: the ways to compile a program, in the order in which they are tried."""

import io
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import onnx
import torch

from inference.runtimes import pytorch
from inference.signature import Signature
from inference.validation.pytorch.opening import Opened

OPSET = 18


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to compile: a name for the report, and what makes the ONNX bytes or raises."""

    name: str
    compile: Callable[[], bytes]


def candidates(opened: Opened, signature: Signature, arrays: list[Any], outputs: list[str]) -> list[Candidate]:
    """arrays: a few rows as the program takes them, of which the graph is traced where it has to be.
    outputs: the names of everything that the program returns, in its order."""
    logging.getLogger("torch").setLevel(logging.ERROR)
    tensors = tuple(torch.tensor(array) for array in arrays)
    graph = _Graph([feed.name for feed in signature.feeds], outputs, [feed.shape for feed in signature.feeds])
    if opened.exported is not None:
        return [
            Candidate("torch.export", lambda: graph.by_dynamo(opened.exported)),
            Candidate("trace", lambda: graph.by_tracing(_traced(opened.call.module, opened.call, tensors), tensors)),
        ]
    return [
        Candidate("TorchScript", lambda: graph.by_tracing(opened.call, tensors)),
        Candidate("trace", lambda: graph.by_tracing(_traced(opened.call, opened.call, tensors), tensors)),
        Candidate("TorchScript to torch.export", lambda: graph.by_dynamo(_exported(opened.call, tensors))),
    ]


@dataclass(frozen=True, slots=True)
class _Graph:
    """What the ONNX graph's inputs and outputs are called; -1 in a shape is a size that stays open."""

    inputs: list[str]
    outputs: list[str]
    shapes: list[tuple[int, ...]]

    def by_dynamo(self, program: Any) -> bytes:
        made = torch.onnx.export(
            program, dynamo=True, input_names=self.inputs, output_names=self.outputs, verbose=False, optimize=True
        )
        assert made is not None
        return _plain(made.model_proto)

    def by_tracing(self, module: Any, tensors: tuple[Any, ...]) -> bytes:
        open_sizes = {
            name: {at: f"{name}_{at}" if at else "rows" for at, size in enumerate(shape) if size < 0}
            for name, shape in zip(self.inputs, self.shapes, strict=True)
        }
        if any(shape[0] < 0 for shape in self.shapes):
            open_sizes |= {name: {0: "rows"} for name in self.outputs}
        target: Any = io.BytesIO()  # taken, though not declared
        torch.onnx.export(
            module,
            tensors,
            target,
            dynamo=False,
            input_names=self.inputs,
            output_names=self.outputs,
            dynamic_axes=open_sizes,
            opset_version=OPSET,
        )
        return _plain(onnx.ModelProto.FromString(target.getvalue()))


def _exported(module: Any, tensors: tuple[Any, ...]) -> Any:
    """TorchScript as a torch.export program."""
    from torch._export.converter import TS2EPConverter

    return TS2EPConverter(module, tensors, {}).convert()


def _traced(module: Any, call: Any, tensors: tuple[Any, ...]) -> Any:
    """The program as the straight line of operators that these inputs take; whether others do is for the proof."""

    class Program(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.traced = module  # what is called during a trace must be a part
            self.training = False  # not by eval(), which exported programs refuse

        def forward(self, *inputs: Any) -> Any:
            return tuple(pytorch.named_outputs(call(*inputs)).values())

    with torch.no_grad():
        return torch.jit.trace(Program(), tensors, check_trace=False)


def _plain(model: onnx.ModelProto) -> bytes:
    """Without the notes on where each node came from, which name files and lines of two machines."""
    pending: list[Any] = [model.graph]
    model.doc_string = ""
    del model.metadata_props[:]
    for function in model.functions:
        _forget_origin(function)
        pending += function.node
    while pending:
        part = pending.pop()
        _forget_origin(part)
        for name in ("node", "input", "output", "value_info", "initializer"):
            # A node's inputs and outputs are names; a graph's are messages.
            pending += [entry for entry in getattr(part, name, ()) if hasattr(entry, "doc_string")]
        for attribute in getattr(part, "attribute", ()):
            pending += [attribute.g] if attribute.HasField("g") else attribute.graphs
    return model.SerializeToString()


def _forget_origin(part: Any) -> None:
    part.doc_string = ""
    if hasattr(part, "metadata_props"):
        del part.metadata_props[:]
