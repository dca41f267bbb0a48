"""In the sandbox: open a TorchScript or torch.export file and read what it says about itself."""

import io
import json
import re
import zipfile
from dataclasses import dataclass, field
from typing import Any

import torch
from onnx import TensorProto as Type

from inference.errors import ValidationFailed
from inference.runtimes import pytorch
from inference.validation.pytorch import traced
from inference.validation.values import Value, mismatch

KINDS: dict[Any, int] = {
    torch.float32: Type.FLOAT,
    torch.float64: Type.DOUBLE,
    torch.float16: Type.FLOAT16,
    torch.int64: Type.INT64,
    torch.int32: Type.INT32,
    torch.int16: Type.INT16,
    torch.int8: Type.INT8,
    torch.uint8: Type.UINT8,
    torch.bool: Type.BOOL,
}
NAMES = {str(dtype).removeprefix("torch."): kind for dtype, kind in KINDS.items()}
ABOUT = "extra/signature.json"
ABOUT_BYTES = 1 << 20
NEWER = re.compile(r"maximum supported version|schema version|newer version of|Unsupported .*version", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Opened:
    """A program that can be called with tensors side by side.

    inputs: kind 0 and shape None where the file does not say them. exported: the torch.export program, if it is one.
    about: what the author's `signature.json` says. trained_with: package -> version, as the file tells.
    """

    format: str
    call: Any
    inputs: list[Value]
    exported: Any = None
    about: dict[str, Any] = field(default_factory=dict)
    trained_with: dict[str, str] = field(default_factory=dict)
    description: str = ""


def open_file(content: bytes, format: str) -> Opened:
    """Raises ValidationFailed: library_version, unreadable, unsupported_op, schema_mismatch."""
    try:
        opened = _open_script(content) if format == "torchscript" else _open_program(content)
    except ValidationFailed:
        raise
    except MemoryError:
        raise
    except Exception as error:
        raise _refused(error) from error
    return opened


def _open_script(content: bytes) -> Opened:
    module = pytorch.open_script(torch, content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        root = archive.namelist()[0].partition("/")[0]
        about = _about(archive, root)
        known = traced.inputs_of(archive, root)
    names = _tensor_arguments(module)
    if known is None or len(known) != len(names):
        inputs = [Value(name, 0, None) for name in names]
    else:
        # The first size is the batch that was traced with; whether others work is found out by trying.
        inputs = [
            Value(name, NAMES.get(kind, 0), (-1, *shape[1:]) if shape else shape)
            for name, (kind, shape) in zip(names, known, strict=True)
        ]
    return Opened("torchscript", module, inputs, about=about, description=str(module.original_name))


def _tensor_arguments(module: Any) -> list[str]:
    """The names of what `forward` takes besides what has a default. Raises ValidationFailed."""
    names = []
    for argument in module.forward.schema.arguments[1:]:
        if str(argument.type) == "Tensor":
            names.append(argument.name)
        elif not argument.has_default_value():
            raise mismatch(f"forward takes {argument.name!r} of type {argument.type}; only tensors are served", None)
    return names


def _open_program(content: bytes) -> Opened:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        root = names[0].partition("/")[0]
        about = _about(archive, root)
        made_by = _torch_version(archive, root)
    program = pytorch.open_program(torch, content)
    placeholders = {node.name: node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder"}
    inputs = [_declared(str(name), placeholders.get(name)) for name in program.graph_signature.user_inputs]
    return Opened(
        "torch_export",
        pytorch.callable_of(program),
        inputs,
        exported=program,
        about=about,
        trained_with={"torch": made_by} if made_by else {},
        description="ExportedProgram",
    )


def _declared(name: str, value: Any) -> Value:
    if not isinstance(value, torch.Tensor):
        raise mismatch(f"the input {name!r} is no tensor", None)
    kind = KINDS.get(value.dtype, 0)
    if not kind:
        raise mismatch(f"the type of the input {name!r} ({value.dtype}) is not served", None)
    return Value(name, kind, tuple(size if isinstance(size, int) else -1 for size in value.shape))


def _torch_version(archive: zipfile.ZipFile, root: str) -> str:
    name = f"{root}/models/model.json"
    if name not in archive.namelist():
        raise mismatch("the archive holds no program called 'model'. Save it with torch.export.save", None)
    told = json.loads(archive.read(name)).get("torch_version")
    return told if isinstance(told, str) else ""


def _about(archive: zipfile.ZipFile, root: str) -> dict[str, Any]:
    """What the author wrote into signature.json. Raises ValidationFailed when it can't be read."""
    name = f"{root}/{ABOUT}"
    if name not in archive.namelist():
        return {}
    with archive.open(name) as member:
        text = member.read(ABOUT_BYTES)
    try:
        told = json.loads(text)
    except ValueError:
        told = None
    if not isinstance(told, dict) or not isinstance(told.get("inputs", []), list):
        raise mismatch("its signature.json is no JSON object with a list of inputs", None)
    return told


def _refused(error: Exception) -> ValidationFailed:
    text = f"{type(error).__name__}: {error}"[:1200]
    if NEWER.search(text):
        ours = torch.__version__
        return ValidationFailed(
            "library_version",
            f"The file was written by a newer PyTorch than this platform's {ours}: save it with that version, or"
            f" export it to ONNX. ({text})",
            field="file",
        )
    if "Unknown builtin op" in text or ("has no attribute" in text and "torch.ops" in text):
        return ValidationFailed(
            "unsupported_op", f"The model uses operators that PyTorch itself does not have: {text}", field="file"
        )
    if "not enough memory" in text or ("alloc" in text and "memory" in text):
        return ValidationFailed("memory_limit", "The model needs more memory than validation allows.", field="file")
    return ValidationFailed("unreadable", f"PyTorch cannot open the file: {text}", field="file")
