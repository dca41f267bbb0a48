"""Opens skops files: every type they name is judged by the allow-list of pickles, every node by its kind.

skops' own judgement (`trusted`) comes second: it is given exactly what passed here.
"""

import io
import json
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from typing import Any

from inference.errors import ValidationFailed
from inference.runtimes import globals_allowed
from inference.runtimes.skops import MISSING_LIBRARY
from inference.runtimes.unpickling import Opened

SCHEMA, SCHEMA_BYTES, NODES = "schema.json", 64 << 20, 1_000_000
# Kinds of node that rebuild data; those that call a function, a method or an operator are not among them.
DATA_NODES = frozenset(
    {
        "BytearrayNode",
        "BytesNode",
        "CachedNode",
        "DTypeNode",
        "DefaultDictNode",
        "DictNode",
        "FunctionNode",
        "JsonNode",
        "ListNode",
        "LossNode",
        "MaskedArrayNode",
        "NdArrayNode",
        "ObjectNode",
        "RandomGeneratorNode",
        "RandomStateNode",
        "SetNode",
        "SliceNode",
        "SparseMatrixNode",
        "TreeNode",
        "TupleNode",
        "TypeNode",
    }
)
# Classes that the format names where a pickle would name a constructor.
RANDOM = frozenset({("numpy.random.mtrand", "RandomState"), ("numpy.random._generator", "Generator")})


def open_checked(content: bytes) -> Opened:
    """Raises ValidationFailed: untrusted_type, missing_library, library_version, unreadable, memory_limit."""
    return _open(content, checked=True)


def open_widened(content: bytes) -> Opened:
    """As `open_checked`, with every type allowed: trusted files in the sandbox."""
    return _open(content, checked=False)


def _open(content: bytes, *, checked: bool) -> Opened:
    with _without_torch():
        try:
            from skops.io import get_untrusted_types, load
        except ImportError as error:
            raise ValidationFailed("missing_library", MISSING_LIBRARY, field="file") from error
    try:
        schema = _schema(content)
        if checked:
            for node in _nodes(schema):
                _judge(node)
        model = load(io.BytesIO(content), trusted=get_untrusted_types(data=content))
    except (ValidationFailed, MemoryError):
        raise
    except RecursionError:
        raise ValidationFailed("unreadable", "The file nests objects too deeply to be opened.", field="file") from None
    except Exception as error:
        raise ValidationFailed(
            "unreadable",
            f"The file cannot be read as a skops file ({type(error).__name__}: {error}). Save the model again with"
            " skops.io.dump.",
            field="file",
        ) from error
    return Opened(model, _sklearn_version(schema))


def _schema(content: bytes) -> Any:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if archive.getinfo(SCHEMA).file_size > SCHEMA_BYTES:
            raise ValidationFailed("memory_limit", "The file's schema is larger than validation allows.", field="file")
        return json.loads(archive.read(SCHEMA))


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Every object with a loader, without recursion and up to a budget."""
    pending, seen = [schema], 0
    while pending:
        part = pending.pop()
        seen += 1
        if seen > NODES:
            raise ValidationFailed("unreadable", "The file holds too many parts to be opened.", field="file")
        if isinstance(part, dict):
            if "__loader__" in part:
                yield part
            pending.extend(part.values())
        elif isinstance(part, list):
            pending.extend(part)


def _judge(node: dict[str, Any]) -> None:
    kind, module, name = (node.get(key) for key in ("__loader__", "__module__", "__class__"))
    if not isinstance(kind, str) or kind not in DATA_NODES:
        raise _untrusted(f"a part of the kind {kind!a}")
    if not isinstance(module, str) or not isinstance(name, str):
        raise _untrusted("a part without a type")
    if kind == "FunctionNode":
        told = node.get("content")
        told = told if isinstance(told, dict) else {}
        module, name = str(told.get("module_path")), str(told.get("function"))
    if (module, name) in RANDOM:
        return
    try:
        globals_allowed.resolve(module, name)
    except ValidationFailed as error:
        if error.code == "pickle_forbidden_global":
            raise _untrusted(f"{module}.{name}") from None
        raise


def _untrusted(what: str) -> ValidationFailed:
    return ValidationFailed(
        "untrusted_type",
        f"The file holds {ascii(what[:200])[1:-1]}, which is not on the list of allowed types. Build the pipeline from"
        " scikit-learn's parts only, or export it to ONNX and upload that.",
        field="file",
    )


def _sklearn_version(schema: Any) -> str | None:
    """The other scikit-learn version that wrote the model; None when it was this one, or none is told."""
    import sklearn

    content = schema.get("content") if isinstance(schema, dict) else None
    inner = content.get("content") if isinstance(content, dict) else None
    told = inner.get("_sklearn_version") if isinstance(inner, dict) else None
    try:
        version = json.loads(told["content"]) if isinstance(told, dict) else None
    except (KeyError, TypeError, ValueError):
        version = None
    return version if isinstance(version, str) and version != sklearn.__version__ else None


class _Absent(MetaPathFinder):
    def find_spec(self, name: str, path: Any, target: Any = None) -> None:
        if name == "torch":
            raise ModuleNotFoundError(name)


@contextmanager
def _without_torch() -> Iterator[None]:
    """skops looks through every module of scikit-learn, some of which would import torch: seconds, for nothing."""
    finder = _Absent()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
