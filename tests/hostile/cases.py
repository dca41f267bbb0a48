"""The catalogue: hostile, broken and misleading files, each with the codes that are right for it.

Every file is made by code, so that a case can be made again for each version of a library.
"""

import bz2
import functools
import gzip
import io
import lzma
import operator
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sklearn
from onnx import TensorProto, helper, numpy_helper
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from tests.hostile.trap import Trap
from tests.inference.validation import graphs, hostile

Make = Callable[[Trap], bytes]
GLOBAL, OPCODE = {"pickle_forbidden_global"}, {"pickle_forbidden_opcode", "unreadable"}
DAMAGED = {"unreadable"}
BAD_MODEL = {"crashed", "timed_out", "unreadable", "memory_limit", "schema_mismatch"}


@dataclass(frozen=True, slots=True)
class Case:
    """id: the number in the catalogue. runs: opening it without a filter would run the trap's script."""

    id: str
    name: str
    make: Make
    codes: frozenset[str]
    runs: bool = False
    task: str = ""

    def __str__(self) -> str:
        return f"{self.id} {self.name}"


def case(id: str, name: str, make: Make, codes: set[str], *, runs: bool = False, task: str = "") -> Case:
    return Case(id, name, make, frozenset(codes), runs, task)


def framed_badly(trap: Trap) -> bytes:
    """A frame that ends in the middle of an instruction: a disassembler and a reader may see two different files."""
    filler = b"B" + struct.pack("<I", 131_000) + bytes(131_000) + b"0"
    call = f"cposix\nsystem\n(Vtouch {trap.canary}\ntR.".encode()
    return b"\x80\x04\x95" + struct.pack("<Q", len(filler) + 4) + filler + call


def of_another_version() -> bytes:
    return hostile.dumped(hostile.classifier()).replace(sklearn.__version__.encode(), b"1.2.0")


def bad_feature() -> bytes:
    model = hostile.broken_tree(1)
    state = model.tree_.__getstate__()
    state["nodes"]["feature"][0] = 10**9
    model.tree_.__setstate__(state)
    return hostile.dumped(model)


def bad_vectors() -> bytes:
    model = SVC().fit(hostile.ROWS, hostile.LABELS)
    model._n_support = np.array([10**8, 10**8], dtype=np.int32)
    return hostile.dumped(model)


class Cleaner(StandardScaler):
    """A transformer of somebody's own."""


def zipped(members: dict[str, bytes], flags: int = 0) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            archive.writestr(info, data)
    raw = content.getvalue()
    if flags:
        at = raw.index(b"PK\x01\x02")
        raw = raw[: at + 8] + struct.pack("<H", flags) + raw[at + 10 :]
    return raw


def two_names(content: bytes, old: bytes, new: bytes) -> bytes:
    """The member's own header says another name than the table of contents."""
    assert len(old) == len(new)
    return content.replace(old, new, 1)


def tarred(trap: Trap) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        data = pickle.dumps(trap.runs())
        info = tarfile.TarInfo("model.pkl")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return content.getvalue()


def skops_file(node: dict[str, Any]) -> bytes:
    from tests.inference.validation.test_skops_files import edited, saved

    return edited(saved(hostile.classifier()), lambda schema: schema["content"]["content"].update(extra=node))


def graph(**changes: Any) -> bytes:
    model = graphs.linear()
    for name, value in changes.items():
        if name == "opset":
            model.opset_import[0].version = value
        elif name == "ir":
            model.ir_version = value
        elif name == "domain":
            model.graph.node[0].domain = value
        elif name == "dims":
            tensor = numpy_helper.from_array(np.zeros(1, np.float32), "huge")
            del tensor.dims[:]
            tensor.dims.extend(value)
            model.graph.initializer.append(tensor)
    return model.SerializeToString()


def external(location: str) -> bytes:
    model = graphs.linear()
    tensor = numpy_helper.from_array(np.ones(2, dtype=np.float32), "outside")
    model.graph.initializer.append(graphs.external(tensor, location))
    return model.SerializeToString()


def sea_of_memory() -> bytes:
    shape = numpy_helper.from_array(np.array([1 << 34, 16], dtype=np.int64), "shape")
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["sea"]),
        helper.make_node("ReduceSum", ["sea"], ["s"], keepdims=0),
        helper.make_node("Add", ["X", "s"], ["y"]),
    ]
    one = [None, 1]
    return graphs.model(nodes, [graphs.value("X", one)], [graphs.value("y", one)], [shape]).SerializeToString()


def as_large_as_asked() -> bytes:
    """As many outputs as the input's value says."""
    nodes = [
        helper.make_node("ReduceMax", ["X"], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["count"], to=TensorProto.INT64),
        helper.make_node("Range", ["zero", "count", "one"], ["all"]),
        helper.make_node("Cast", ["all"], ["all_f"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["all_f"], ["sum"], keepdims=0),
        helper.make_node("Add", ["X", "sum"], ["y"]),
    ]
    numbers = [numpy_helper.from_array(np.array(at, dtype=np.int64), name) for at, name in enumerate(("zero", "one"))]
    one = [None, 1]
    return graphs.model(nodes, [graphs.value("X", one)], [graphs.value("y", one)], numbers).SerializeToString()


def endless() -> bytes:
    go, again = graphs.value("go", [], TensorProto.BOOL), graphs.value("again", [], TensorProto.BOOL)
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["again"]), helper.make_node("Identity", ["x"], ["same"])],
        "body",
        [graphs.value("i", [], TensorProto.INT64), go, graphs.value("x", [None, 2])],
        [again, graphs.value("same", [None, 2])],
    )
    node = helper.make_node("Loop", ["", "yes", "X"], ["y"], body=body)
    yes = numpy_helper.from_array(np.array(True), "yes")
    two = [None, 2]
    return graphs.model([node], [graphs.value("X", two)], [graphs.value("y", two)], [yes]).SerializeToString()


def no_output() -> bytes:
    model = graphs.linear()
    del model.graph.output[:]
    return model.SerializeToString()


def only_nan() -> bytes:
    nan = numpy_helper.from_array(np.array(np.nan, dtype=np.float32), "nan")
    node, one = helper.make_node("Add", ["X", "nan"], ["y"]), [None, 1]
    return graphs.model([node], [graphs.value("X", one)], [graphs.value("y", one)], [nan]).SerializeToString()


LZ4 = b"\x04\x22\x4d\x18" + bytes(40)
PICKLES = [
    case("H-01", "protocol 0 calls the shell", lambda t: pickle.dumps(t.runs(), 0), GLOBAL, runs=True),
    case("H-02", "protocol 2 calls the shell", lambda t: pickle.dumps(t.runs(), 2), GLOBAL, runs=True),
    case("H-04", "out-of-band buffers", lambda t: b"\x80\x05\x97.", OPCODE),
    case("H-05", "joblib, plain", lambda t: hostile.dumped(t.runs()), GLOBAL, runs=True),
    case("H-07", "joblib, zlib", lambda t: hostile.dumped(t.runs(), compress=3), GLOBAL, runs=True),
    case("H-07", "joblib, gzip", lambda t: hostile.dumped(t.runs(), compress=("gzip", 3)), GLOBAL, runs=True),
    case("H-07", "bz2", lambda t: bz2.compress(pickle.dumps(t.runs())), GLOBAL, runs=True),
    case("H-07", "xz", lambda t: lzma.compress(pickle.dumps(t.runs())), GLOBAL, runs=True),
    case("H-07", "lz4", lambda t: LZ4, {"unknown_compression"}),
    case("H-07", "gzip in gzip", lambda t: gzip.compress(gzip.compress(pickle.dumps(t.runs()))), {"unknown_format"}),
    case(
        "H-08",
        "among a model's attributes",
        lambda t: hostile.dumped(hostile.inside_a_model(t.runs())),
        GLOBAL,
        runs=True,
    ),
    case(
        "H-08",
        "in an object array",
        lambda t: hostile.dumped(hostile.inside_an_object_array(t.runs())),
        GLOBAL,
        runs=True,
    ),
    case(
        "H-08",
        "a pipeline's step",
        lambda t: hostile.dumped(make_pipeline(t.runs(), LogisticRegression())),
        GLOBAL,
        runs=True,
    ),
    case(
        "H-08",
        "a column chooser",
        lambda t: hostile.dumped(
            make_pipeline(ColumnTransformer([("a", "passthrough", t.runs())]), LogisticRegression())
        ),
        GLOBAL,
        runs=True,
    ),
    case(
        "H-08",
        "a search's scorer",
        lambda t: hostile.dumped(GridSearchCV(LogisticRegression(), {}, scoring=t.runs())),
        GLOBAL,
        runs=True,
    ),
    case("H-10", "an old array header that names a file", lambda t: hostile.legacy_array("../other.npy"), GLOBAL),
    case(
        "H-11",
        "an array header with its own reader",
        lambda t: hostile.array_with_own_reader(t.canary),
        GLOBAL,
        runs=True,
    ),
    case("H-13", "the INST opcode", lambda t: hostile.instance_opcode(t.canary), GLOBAL | OPCODE, runs=True),
    case("H-14", "the OBJ opcode", lambda t: hostile.object_opcode(t.canary), GLOBAL | OPCODE, runs=True),
    case("H-16", "a persistent id", lambda t: b"\x80\x02X\x01\x00\x00\x00aQ.", OPCODE),
    case(
        "H-17",
        "a dotted name",
        lambda t: hostile.stack_pickle("pathlib", "os.system", f"touch {t.canary}"),
        GLOBAL,
        runs=True,
    ),
    case(
        "H-17",
        "a dotted name of ours",
        lambda t: hostile.stack_pickle("sklearn.linear_model._base", "np.load", str(t.canary)),
        GLOBAL,
    ),
    case("H-19", "a frame that ends inside an instruction", framed_badly, GLOBAL | DAMAGED | OPCODE),
    case(
        "H-20",
        "a second pickle behind the first",
        lambda t: hostile.dumped(hostile.classifier()) + pickle.dumps(t.runs()),
        {"trailing_data"} | GLOBAL,
    ),
    case(
        "H-23", "a pickle in a zip", lambda t: zipped({"model.pkl": pickle.dumps(t.runs())}), {"archive_not_supported"}
    ),
    case(
        "H-23",
        "a zip in a zip",
        lambda t: zipped({"a.zip": zipped({"model.pkl": pickle.dumps(t.runs())})}),
        {"archive_not_supported"},
    ),
    case("H-23", "a pickle in a tar", tarred, {"unknown_format"}),
    case("H-23", "7z", lambda t: b"7z\xbc\xaf\x27\x1c\x00\x04" + bytes(60), {"unknown_format"}),
    case("H-25", "a zip with changed flags", lambda t: zipped({"schema.json": b"{}"}, flags=0x1), {"archive_unsafe"}),
    case(
        "H-26",
        "a zip with two tables of names",
        lambda t: two_names(zipped({"schema.json": b"{}"}), b"schema.json", b"schema.jsin"),
        {"archive_unsafe"},
    ),
    case("H-29", "a getter", lambda t: pickle.dumps(operator.attrgetter("a")), GLOBAL),
    case("H-29", "a chain of partials", lambda t: pickle.dumps(functools.partial(exec, t.script())), GLOBAL),
    case("H-32", "a tree that leads far away", lambda t: hostile.dumped(hostile.broken_tree(10**9)), BAD_MODEL),
    case("H-33", "a tree that leads to itself", lambda t: hostile.dumped(hostile.broken_tree(0)), BAD_MODEL),
    case("H-34", "a tree that asks for column 10⁹", lambda t: bad_feature(), BAD_MODEL | {"not_compilable"}),
    case("H-34", "support vectors that are not there", lambda t: bad_vectors(), BAD_MODEL | {"not_compilable"}),
    case("H-35", "lists that double", lambda t: hostile.nested_duplicates(), {"no_predict", *DAMAGED}),
    case(
        "H-40", "an array of objects", lambda t: hostile.dumped(np.array([t.runs()], dtype=object)), GLOBAL, runs=True
    ),
    case("H-40", "npy", lambda t: b"\x93NUMPY\x01\x00" + bytes(80), {"unknown_format"}),
    case("H-40", "npz", lambda t: zipped({"a.npy": b"\x93NUMPY\x01\x00"}), {"archive_not_supported"}),
    case("H-41", "an array of eight tebibytes", lambda t: hostile.huge_array(), {"memory_limit"}),
    case("H-43", "another version's model", lambda t: of_another_version(), {"library_version"}),
    case(
        "H-43",
        "a missing library",
        lambda t: hostile.stack_pickle("catboost.core", "CatBoostClassifier", "x"),
        {"missing_library"},
    ),
    case("H-44", "somebody's own function", lambda t: hostile.stack_pickle("__main__", "clean", "x"), GLOBAL),
    case(
        "H-44", "somebody's own class", lambda t: hostile.dumped(make_pipeline(Cleaner(), LogisticRegression())), GLOBAL
    ),
    case(
        "H-44",
        "somebody's function in a transformer",
        lambda t: hostile.dumped(make_pipeline(FunctionTransformer(graphs.value), LogisticRegression())),
        GLOBAL,
    ),
    *[
        case(
            "H-28",
            f"the gadget {module}.{name}",
            lambda t, m=module, n=name: hostile.stack_pickle(m, n, str(t.canary)),
            GLOBAL,
        )
        for module, name in hostile.GADGETS
    ],
    *[
        case("H-37", f"a length that lies: {name}", lambda t, c=content: c, DAMAGED | {"memory_limit"})
        for name, content in hostile.LENGTH_LIES.items()
    ],
]
SKOPS = [
    case(
        "H-38",
        "a skops part that calls a method",
        lambda t: skops_file(
            {"__loader__": "MethodNode", "__module__": "builtins", "__class__": "str", "content": {"func": "format"}}
        ),
        {"untrusted_type"},
    ),
    case(
        "H-38",
        "a skops part that is an operator",
        lambda t: skops_file(
            {"__loader__": "OperatorFuncNode", "__module__": "operator", "__class__": "methodcaller", "attrs": []}
        ),
        {"untrusted_type"},
    ),
    case(
        "H-38",
        "a skops part that is a program",
        lambda t: skops_file({"__loader__": "ObjectNode", "__module__": "subprocess", "__class__": "Popen"}),
        {"untrusted_type"},
    ),
    case("H-39", "a skops schema and nothing else", lambda t: zipped({"schema.json": b"{}"}), DAMAGED),
]
GRAPHS = [
    case("H-46", "weights in /etc/passwd", lambda t: external("/etc/passwd"), {"onnx_external_data"}),
    case("H-47", "weights in sub/../../..", lambda t: external("sub/../../../etc/passwd"), {"onnx_external_data"}),
    case("H-49", "weights in the process's memory", lambda t: external("*/_ORT_MEM_ADDR_/*"), {"onnx_external_data"}),
    *[
        case(
            "H-50",
            f"weights elsewhere, in the {place}",
            lambda t, p=place: graphs.with_external(p).SerializeToString(),
            {"onnx_external_data"},
        )
        for place in graphs.PLACES
    ],
    case("H-52", "weights beside the model", lambda t: external("model.onnx"), {"onnx_external_data"}),
    case("H-53", "a constant of 256 GiB", lambda t: sea_of_memory(), {"memory_limit"}),
    case(
        "H-55",
        "as large as the input says",
        lambda t: as_large_as_asked(),
        {"memory_limit", "timed_out", "schema_mismatch", "unsupported_op", "crashed"},
        task="regression",
    ),
    case("H-54", "a loop without end", lambda t: endless(), {"unsupported_op"}, task="regression"),
    *[
        case("H-56", f"a shape of {text}", lambda t, d=dims: graph(dims=d), {"onnx_invalid"})
        for text, dims in {"2³² × 2³²": [2**32, 2**32], "-1": [-1], "nine dimensions": [1] * 9}.items()
    ],
    case("H-59", "operators of version 999", lambda t: graph(opset=999), {"onnx_invalid", "unsupported_op"}),
    case("H-59", "a format of version 99", lambda t: graph(ir=99), {"onnx_invalid", "unsupported_op"}),
    case("H-59", "operators of nobody's", lambda t: graph(domain="evil"), {"unsupported_op"}),
    case("H-61", "no output", lambda t: no_output(), {"onnx_invalid"}),
    case("H-61", "NaN for every answer", lambda t: only_nan(), {"schema_mismatch"}, task="regression"),
]
ARCHIVES = [
    case(
        "H-62",
        "weights alone, as torch.save writes them",
        lambda t: zipped({"archive/data.pkl": pickle.dumps({"w": 1}), "archive/version": b"3"}),
        {"archive_not_supported", "not_torchscript"},
    ),
    *[
        case(
            "H-65", f"a zip with {text}", lambda t, n=name: zipped({"schema.json": b"{}", n: b"x"}), {"archive_unsafe"}
        )
        for text, name in {"a way out": "../evil", "an absolute name": "/etc/evil", "a drive": "C:evil"}.items()
    ],
]
OTHERS = [
    case("H-67", "no bytes", lambda t: b"", {"empty"}),
    case("H-67", "one byte", lambda t: b"\x08", {"unknown_format"}),
    *[
        case("H-70", name, lambda t, c=content: c, {"unknown_format"})
        for name, content in {
            "PNG": b"\x89PNG\r\n\x1a\n" + bytes(60),
            "PDF": b"%PDF-1.7\n" + bytes(60),
            "ELF": b"\x7fELF" + bytes(60),
            "a script": b"#!/bin/sh\ntouch canary\n",
            "HTML": b"<!doctype html><script>alert(1)</script>",
        }.items()
    ],
    case(
        "H-70",
        "a graph with a zip behind it",
        lambda t: graph() + zipped({"evil": b"x"}),
        DAMAGED | {"unknown_format", "onnx_invalid"},
    ),
    case(
        "H-72",
        "an XGBoost file that is none",
        lambda t: b'{"learner":{"gradient_booster":{}},"version":[3,2,0]}',
        DAMAGED | {"missing_library", "crashed"},
    ),
    case(
        "H-72",
        "a LightGBM file whose sizes lie",
        lambda t: b"tree\nversion=v4\nnum_class=1\ntree_sizes=99999999999\n\nTree=0\nnum_leaves=2\nend of trees\n",
        DAMAGED | {"missing_library"},
    ),
]
CASES = [*PICKLES, *SKOPS, *GRAPHS, *ARCHIVES, *OTHERS]
