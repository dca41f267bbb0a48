"""Trained networks as the files that are served: ONNX and TorchScript, in one piece. Needs PyTorch."""

import io
import json
import logging
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from solutions.images import SIZE
from solutions.images.parameters import PARAMETERS

IMAGE = "image"
PARAMETERS_INPUT = "parameters"
IMAGE_SHAPE = (3, SIZE, SIZE)


def example(*, with_parameters: bool, rows: int = 2) -> tuple[torch.Tensor, ...]:
    """Inputs of the right shapes."""
    image = torch.zeros(rows, *IMAGE_SHAPE)
    return (image, torch.zeros(rows, len(PARAMETERS))) if with_parameters else (image,)


def to_torchscript(network: nn.Module, *, with_parameters: bool, task: str, classes: tuple[str, ...] = ()) -> bytes:
    """What torch.jit.save writes, with a signature.json that tells the inputs."""
    inputs: list[dict[str, Any]] = [{"name": IMAGE, "dtype": "float32", "shape": [-1, *IMAGE_SHAPE]}]
    if with_parameters:
        inputs.append({"name": PARAMETERS_INPUT, "dtype": "float32", "shape": [-1, len(PARAMETERS)]})
    told: dict[str, Any] = {"inputs": inputs, "task": task, **({"classes": list(classes)} if classes else {})}
    file = io.BytesIO()
    with _quiet():
        traced = torch.jit.trace(network, example(with_parameters=with_parameters))
        torch.jit.save(traced, file, _extra_files={"signature.json": json.dumps(told)})
    return file.getvalue()


def to_onnx(network: nn.Module, *, with_parameters: bool, output: str, classes: tuple[str, ...] = ()) -> bytes:
    """The graph with any number of rows; its metadata names the classes."""
    import onnx

    rows = torch.export.Dim("rows", min=1)
    inputs = [IMAGE, PARAMETERS_INPUT] if with_parameters else [IMAGE]
    with tempfile.TemporaryDirectory() as folder, _quiet():
        path = Path(folder) / "model.onnx"
        torch.onnx.export(
            network,
            example(with_parameters=with_parameters),
            str(path),
            input_names=inputs,
            output_names=[output],
            dynamic_shapes=tuple({0: rows} for _ in inputs),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        model = onnx.load(path)
    forget_where(model)
    if classes:
        model.metadata_props.add(key="classes", value=json.dumps(list(classes)))
    return bytes(model.SerializeToString())


def forget_where(model: Any) -> None:
    """Take out the lines of code, with the paths of this machine, that PyTorch notes at each node."""
    graphs = [model.graph, *model.functions]
    for part in [model.graph, *(node for graph in graphs for node in graph.node), *model.graph.value_info]:
        del part.metadata_props[:]
        part.doc_string = ""


@contextmanager
def _quiet() -> Any:
    """PyTorch tells of its own deprecations at length."""
    level = logging.getLogger("torch.onnx").level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        try:
            yield
        finally:
            logging.getLogger("torch.onnx").setLevel(level)
