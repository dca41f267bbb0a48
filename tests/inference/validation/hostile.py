"""Makers of hostile and broken files. Each leaves a canary, or says what it could do, if it is run."""

import io
import pickle
import struct
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

ROWS = np.array([[0.0, 1.0], [1.0, 0.0], [0.2, 0.9], [0.9, 0.1]] * 5)
LABELS = np.array([0, 1, 0, 1] * 5)


class Calls:
    """Pickles as the call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def classifier() -> LogisticRegression:
    return LogisticRegression().fit(ROWS, LABELS)


def shell(canary: Path) -> Calls:
    """Runs a command when it is opened."""
    import os

    return Calls(os.system, f"touch {canary}")


def dumped(thing: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(thing, buffer, **options)
    return buffer.getvalue()


def inside_a_model(payload: Any) -> LogisticRegression:
    """A fitted model with the payload among its attributes."""
    model = classifier()
    model.note_ = payload
    return model


def inside_an_object_array(payload: Any) -> LogisticRegression:
    """joblib writes object arrays as pickles of their own, within its file."""
    return inside_a_model(np.array([payload, 1], dtype=object))


def broken_tree(child: int) -> DecisionTreeClassifier:
    """Only allowed classes, but a branch that leads `child` nodes away."""
    model = DecisionTreeClassifier(random_state=0).fit(ROWS, LABELS)
    state = model.tree_.__getstate__()
    state["nodes"]["left_child"][0] = child
    model.tree_.__setstate__(state)
    return model


def text_pickle(module: str, name: str, argument: str) -> bytes:
    """Protocol 0: the module and the name stand in the file as they are."""
    return f"c{module}\n{name}\n(V{argument}\ntR.".encode()


def stack_pickle(module: str, name: str, argument: str) -> bytes:
    """Protocol 4: module and name come from the stack, where dotted names are looked up part by part."""

    def text(value: str) -> bytes:
        return b"\x8c" + bytes([len(value)]) + value.encode()

    return b"\x80\x04" + text(module) + text(name) + b"\x93" + text(argument) + b"\x85R."


def instance_opcode(canary: Path) -> bytes:
    return f"(Vtouch {canary}\niposix\nsystem\n.".encode()


def object_opcode(canary: Path) -> bytes:
    return f"(cposix\nsystem\nVtouch {canary}\no0N.".encode()


def persistent_id() -> bytes:
    return b"Pwhatever\n."


def nested_duplicates(depth: int = 100) -> bytes:
    """Few bytes: each list holds the one before it twice, for whoever walks without counting."""
    return b"\x80\x04]" + b"q\x00]h\x00ah\x00a" * depth + b"."


LENGTH_LIES = {
    "bytes8": b"\x80\x04\x8e" + struct.pack("<Q", 2**60) + b"abc",
    "long4": b"\x80\x02\x8b" + struct.pack("<i", 2**31 - 1) + b"abc",
    "frame": b"\x80\x04\x95" + struct.pack("<Q", 2**63 - 1) + b"abc",
    "unicode": b"\x80\x04X" + struct.pack("<I", 2**32 - 1) + b"abc",
}


def huge_array() -> bytes:
    """A joblib file whose array header declares eight tebibytes."""
    small = dumped(np.zeros(3))
    wrapper = joblib.numpy_pickle.NumpyArrayWrapper(np.ndarray, (2**40,), "C", np.dtype("float64"))
    head = pickle.dumps(wrapper, protocol=4)[:-1]
    return head + small[-40:]


def array_with_own_reader(canary: Path) -> bytes:
    """An array header that brings its own `read` in its state."""
    wrapper = joblib.numpy_pickle.NumpyArrayWrapper(np.ndarray, (3,), "C", np.dtype("float64"))
    wrapper.read = shell(canary)
    return pickle.dumps(wrapper, protocol=4)[:-1] + b"."


def legacy_array(path: str) -> bytes:
    """joblib's old array header, which loads another file by its path."""
    return (
        b"\x80\x02cjoblib.numpy_pickle_compat\nNDArrayWrapper\n)\x81}("
        + f"Vfilename\nV{path}\nVsubclass\ncnumpy\nndarray\nVallow_mmap\nI00\n".encode()
        + b"ub."
    )


# Callables that turn a pickle into a program, from public advisories.
GADGETS = [
    ("os", "system"),
    ("posix", "system"),
    ("subprocess", "Popen"),
    ("builtins", "eval"),
    ("builtins", "exec"),
    ("builtins", "getattr"),
    ("builtins", "__import__"),
    ("builtins", "open"),
    ("operator", "attrgetter"),
    ("operator", "methodcaller"),
    ("functools", "partial"),
    ("importlib", "import_module"),
    ("runpy", "run_path"),
    ("timeit", "timeit"),
    ("cProfile", "run"),
    ("pdb", "run"),
    ("code", "InteractiveInterpreter"),
    ("pip", "main"),
    ("ctypes", "CDLL"),
    ("socket", "create_connection"),
    ("urllib.request", "urlopen"),
    ("ssl", "get_server_certificate"),
    ("imaplib", "IMAP4_stream"),
    ("logging", "FileHandler"),
    ("shutil", "rmtree"),
    ("tempfile", "NamedTemporaryFile"),
    ("asyncio.unix_events", "_UnixSubprocessTransport"),
    ("doctest", "debug_script"),
    ("numpy", "load"),
    ("numpy", "fromfile"),
    ("numpy", "save"),
    ("numpy.f2py.crackfortran", "myeval"),
    ("numpy.testing._private.utils", "runstring"),
    ("joblib", "load"),
    ("joblib.numpy_pickle", "load"),
    ("joblib.numpy_pickle_compat", "NDArrayWrapper"),
    ("joblib.numpy_pickle_compat", "ZNDArrayWrapper"),
    ("sklearn.utils._testing", "raises"),
    ("sklearn.datasets", "load_files"),
    ("sklearn.externals.joblib", "load"),
    ("sklearn.metrics._classification", "np"),
    ("sklearn.linear_model._base", "np"),
    ("sklearn.pipeline", "make_pipeline"),
    ("scipy.io", "loadmat"),
    ("pandas", "read_pickle"),
    ("pandas.io.common", "get_handle"),
    ("cloudpickle.cloudpickle", "_make_function"),
    ("dill._dill", "_create_function"),
    ("__main__", "MyTransformer"),
    ("my_project.transformers", "Cleaner"),
]
