"""Runtimes: how a format is loaded and run. A table of dotted paths, imported on first use."""

from functools import cache
from importlib import import_module

from inference.runtimes.base import LoadedModel, RawOutput, Runtime

__all__ = ["RUNTIMES", "LoadedModel", "RawOutput", "Runtime", "get"]

RUNTIMES = {
    "lightgbm": "inference.runtimes.lightgbm.LightgbmRuntime",
    "linear_text": "inference.runtimes.linear_text.LinearTextRuntime",
    "onnx": "inference.runtimes.onnx.OnnxRuntime",
    "sklearn": "inference.runtimes.sklearn.SklearnRuntime",
    "skops": "inference.runtimes.skops.SkopsRuntime",
    "torch_export": "inference.runtimes.pytorch.TorchExportRuntime",
    "torchscript": "inference.runtimes.pytorch.TorchScriptRuntime",
    "xgboost": "inference.runtimes.xgboost.XgboostRuntime",
}


@cache
def get(name: str) -> Runtime:
    """The one instance of the runtime called `name`. Raises KeyError for an unknown name."""
    module_name, _, class_name = RUNTIMES[name].rpartition(".")
    runtime: Runtime = getattr(import_module(module_name), class_name)()
    return runtime
