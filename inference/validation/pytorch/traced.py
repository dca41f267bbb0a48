"""The inputs a TorchScript module was traced with: their types and shapes, read without PyTorch's unpickler."""

import io
import pickle
import zipfile
from typing import Any

MEMBER = "traced_inputs.pkl"
MAX_BYTES = 1 << 20
STORAGES = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}

Facts = tuple[str, tuple[int, ...]]


class _Reader(pickle.Unpickler):
    """Knows four names, and makes facts of them instead of tensors."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("torch.jit._pickle", "restore_type_tag"):
            return lambda value, tag: value
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, size, *rest: (storage, tuple(int(part) for part in size))
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        if (module, name) == ("collections", "OrderedDict"):
            return dict
        raise pickle.UnpicklingError(f"{module}.{name} is not expected here")

    def persistent_load(self, told: Any) -> str:
        return str(told[1])


def inputs_of(archive: zipfile.ZipFile, root: str) -> list[Facts] | None:
    """(type, shape) for each input of `forward`; None for a scripted module, or when they can't be read."""
    name = f"{root}/{MEMBER}"
    if name not in archive.namelist():
        return None
    with archive.open(name) as member:
        pickled = member.read(MAX_BYTES)
    try:
        found = _Reader(io.BytesIO(pickled)).load()["forward"]
        facts = [(kind, tuple(shape)) for kind, shape in found]
    except Exception:
        return None  # a help, not a promise: the sample can tell the same
    return facts if all(isinstance(kind, str) for kind, _ in facts) else None
