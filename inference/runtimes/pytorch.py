"""PyTorch programs served natively: TorchScript and torch.export, for trusted versions that cannot be compiled.

One thread per call, no gradients, in evaluation mode. PyTorch is imported when the first such model is loaded.
"""

import io
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from inference.errors import ModelExecutionFailed, RuntimeUnavailable
from inference.runtimes import assembling, devices
from inference.runtimes.base import RawOutput
from inference.signature import Signature

MISSING = "PyTorch models need the package torch: install the `torch` extra (pip install mlplatform[torch])."
Program = Callable[..., Any]


class TorchScriptRuntime:
    """Loads what torch.jit.save wrote."""

    name = "torchscript"

    def load(self, artifact: bytes, signature: Signature) -> "TorchModel":
        torch = import_torch()
        device = _device(torch)
        return TorchModel(torch, _opened(lambda: open_script(torch, artifact, device)), signature, device)


class TorchExportRuntime:
    """Loads what torch.export.save wrote."""

    name = "torch_export"

    def load(self, artifact: bytes, signature: Signature) -> "TorchModel":
        torch = import_torch()
        device = _device(torch)
        return TorchModel(torch, _opened(lambda: callable_of(open_program(torch, artifact), device)), signature, device)


def import_torch() -> Any:
    """The library, set to one thread per call. Raises RuntimeUnavailable."""
    try:
        import torch
    except ImportError as error:
        raise RuntimeUnavailable(MISSING) from error
    torch.set_num_threads(1)
    with suppress(RuntimeError):  # may be set once, before the first use
        torch.set_num_interop_threads(1)
    # TorchScript is deprecated in favour of torch.export; whoever made the model may care.
    warnings.filterwarnings("ignore", message=r"`torch\.jit", category=DeprecationWarning)
    warnings.filterwarnings("ignore", module=r"torch(\.|$)")
    return torch


def open_script(torch: Any, artifact: bytes, device: str = "cpu") -> Any:
    """The module, in evaluation mode. Raises what PyTorch raises."""
    return torch.jit.load(io.BytesIO(artifact), map_location=device).eval()


def open_program(torch: Any, artifact: bytes) -> Any:
    """The exported program. Raises what PyTorch raises."""
    import torch.export

    return torch.export.load(io.BytesIO(artifact))


def callable_of(program: Any, device: str = "cpu") -> Program:
    """The exported program as a function of its inputs, side by side, however its author nested them.

    Its attribute `module` is what it calls.
    """
    from torch.export.passes import move_to_device_pass
    from torch.utils import _pytree as pytree

    if device != "cpu":
        program = move_to_device_pass(program, device)
    module, spec = program.module(), program.call_spec.in_spec

    def call(*tensors: Any) -> Any:
        arguments, named = pytree.tree_unflatten(tensors, spec)
        return module(*arguments, **named)

    vars(call)["module"] = module
    return call


def named_outputs(answer: Any, prefix: str = "output") -> dict[str, Any]:
    """What a program returned, by name: the keys of a dict, else `output`, or `output_0`, `output_1` and so on."""
    if isinstance(answer, dict):
        return {str(name): value for name, value in answer.items()}
    if isinstance(answer, list | tuple):
        return {f"{prefix}_{at}": value for at, value in enumerate(answer)} if len(answer) > 1 else {prefix: answer[0]}
    return {prefix: answer}


class TorchModel:
    """Safe to share between threads: in evaluation mode a program does not change.

    A program made for exactly one row (a feed of shape [1, ...]) is run once per row.
    """

    __slots__ = ("_assemble", "_device", "_feeds", "_fetch", "_program", "_row_by_row", "_torch")

    def __init__(self, torch: Any, program: Program, signature: Signature, device: str = "cpu") -> None:
        self._torch, self._program, self._device = torch, program, device
        self._feeds = [feed.name for feed in signature.feeds]
        self._fetch, self._assemble = assembling.plan(signature)
        self._row_by_row = any(feed.shape[0] == 1 for feed in signature.feeds)

    def predict(self, feeds: "dict[str, np.ndarray[Any, Any]]") -> RawOutput:
        try:
            if self._row_by_row:
                rows = range(len(feeds[self._feeds[0]]))
                values = assembling.one_by_one(
                    [self._values([feeds[name][row : row + 1] for name in self._feeds]) for row in rows]
                )
            else:
                values = self._values([feeds[name] for name in self._feeds])
            return self._assemble(values)
        except Exception as error:
            raise ModelExecutionFailed(f"PyTorch failed: {type(error).__name__}: {error}") from error

    def _values(self, arrays: "list[np.ndarray[Any, Any]]") -> list[Any]:
        answers = run(self._torch, self._program, arrays, self._device)
        return [answers[name] for name in self._fetch]


def run(torch: Any, program: Program, arrays: list[Any], device: str = "cpu") -> "dict[str, np.ndarray[Any, Any]]":
    """One call, arrays in and out; the program gets copies, which it may change."""
    with torch.inference_mode():
        answers = named_outputs(program(*[torch.tensor(array, device=device) for array in arrays]))
        return {name: _array(torch, value) for name, value in answers.items()}


def _array(torch: Any, value: Any) -> Any:
    tensor = value.detach().cpu()
    return (tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor).numpy()


def _opened(open_it: Callable[[], Program]) -> Program:
    try:
        return open_it()
    except Exception as error:
        raise ModelExecutionFailed(f"PyTorch refused the model: {type(error).__name__}: {error}") from error


def _device(torch: Any) -> str:
    """Where to run, by the setting; `cuda` where there is none is refused."""
    wanted = devices.torch_device
    if wanted == "cpu" or (wanted == "auto" and not torch.cuda.is_available()):
        return "cpu"
    if not torch.cuda.is_available():
        raise RuntimeUnavailable("TORCH_DEVICE is cuda, but PyTorch finds no such device here.")
    return "cuda"
