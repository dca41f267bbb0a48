import bz2
import gzip
import io
import lzma
import os
import pickle
import tempfile
import zipfile
import zlib
from pathlib import Path

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from registry.errors import ArtifactInvalid
from registry.models import Format
from registry.recognise import recognise


class RunsACommand:
    def __init__(self, canary):
        self.canary = str(canary)

    def __reduce__(self):
        return os.system, (f"touch {self.canary}",)


def refusal(path):
    with pytest.raises(ArtifactInvalid) as caught:
        recognise(path)
    assert caught.value.details["field"] == "file"
    return caught.value.code


@pytest.fixture
def saved(tmp_path):
    def write(content):
        path = tmp_path / "upload"
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def onnx_bytes():
    from onnx import TensorProto, helper

    node = helper.make_node("Identity", ["x"], ["y"])
    tensors = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 2]) for name in "xy"]
    return helper.make_model(helper.make_graph([node], "g", tensors[:1], tensors[1:])).SerializeToString()


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)])
def test_a_joblib_file_is_recognised_however_it_is_compressed(toy_classifier, tmp_path, compress):
    path = tmp_path / "model"
    joblib.dump(toy_classifier, path, compress=compress)
    assert recognise(path) == Format.SKLEARN


def test_what_is_named_after_an_array_of_joblib_is_left_to_the_sandbox(tmp_path):
    """Texts in an array are a pickle of their own, whose memo must not be mistaken for the file's."""
    texts = np.array([["pro"], ["basic"], ["team"]], dtype=object)
    path = tmp_path / "model"
    joblib.dump({"model": make_pipeline(OneHotEncoder(), LogisticRegression()).fit(texts, [0, 1, 0])}, path)
    assert recognise(path) == Format.SKLEARN


@pytest.mark.parametrize("protocol", [None, 0, 2, 5])
def test_what_is_named_before_an_array_of_joblib_is_judged_at_the_door(tmp_path, protocol):
    path = tmp_path / "model"
    joblib.dump([RunsACommand(tmp_path / "canary"), np.arange(9.0)], path, protocol=protocol)
    assert refusal(path) == "pickle_forbidden_global"


@pytest.mark.parametrize("protocol", range(6))
def test_a_plain_pickle_is_recognised_in_every_protocol(toy_classifier, saved, protocol):
    assert recognise(saved(pickle.dumps(toy_classifier, protocol=protocol))) == Format.SKLEARN


def test_an_onnx_model_is_recognised_whatever_its_name(saved, onnx_bytes):
    assert recognise(saved(onnx_bytes)) == Format.ONNX


def test_an_empty_file_is_refused(saved):
    assert refusal(saved(b"")) == "empty"


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n" + b"0" * 99,
        b"%PDF-1.7",
        b"\x7fELF" + b"\0" * 60,
        b"<html>",
        b"hello",
        b"\x08",
        b"\x80",
    ],
)
def test_other_files_are_refused(saved, content):
    assert refusal(saved(content)) == "unknown_format"


def zipped(*members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in members:
            archive.writestr(name, b"x" * 100)
    return content.getvalue()


def test_archives_of_others_are_refused_with_advice(saved):
    assert refusal(saved(zipped("word/document.xml"))) == "archive_not_supported"
    assert refusal(saved(b"PK\x03\x04" + b"\0" * 40)) == "unreadable"


def test_a_skops_file_is_recognised_by_its_schema(saved):
    assert recognise(saved(zipped("1234.npy", "schema.json"))) == Format.SKOPS
    assert refusal(saved(zipped("../schema.json"))) == "archive_unsafe"
    assert refusal(saved(zipped("schema.json") + b"tail")) == "unreadable"


XGBOOST_JSON = b'{"learner":{"attributes":{}},"version":[3,2,0]}'
XGBOOST_UBJSON = b"{L\0\0\0\0\0\0\0\x07learner{L\0\0\0\0\0\0\0\nattributes{}}}"
LIGHTGBM = b"tree\nversion=v4\nnum_class=1\n\nTree=0\n\nend of trees\n\nparameters:\nend of parameters\n"


@pytest.mark.parametrize(
    ("content", "format"),
    [
        (XGBOOST_JSON, Format.XGBOOST),
        (b'{\n  "version": [3, 2, 0],\n  "learner": {}\n}\n', Format.XGBOOST),
        (XGBOOST_UBJSON, Format.XGBOOST),
        (LIGHTGBM, Format.LIGHTGBM),
        (LIGHTGBM.replace(b"\n\nend of trees", b"x" * ((1 << 20) - 60) + b"\n\nend of trees"), Format.LIGHTGBM),
    ],
    ids=["json", "pretty", "ubjson", "text", "long text"],
)
def test_boosters_are_recognised_by_how_they_begin_and_end(saved, content, format):
    assert recognise(saved(content)) == format
    assert refusal(saved(content[: len(content) // 2])) == "unreadable"


@pytest.mark.parametrize(
    "content", [b"{}", b'{"learn": 1}', b'{"weights": [1, 2]}', b"tree of life", b"{L\0\0\0\0\0\0\0"]
)
def test_other_objects_and_texts_are_no_boosters(saved, content):
    assert refusal(saved(content)) == "unknown_format"


@pytest.mark.parametrize("keep", [0.3, 0.9, 0.999])
def test_a_truncated_onnx_model_is_refused(saved, onnx_bytes, keep):
    assert refusal(saved(onnx_bytes[: int(len(onnx_bytes) * keep)])) in ("unreadable", "unknown_format")


@pytest.mark.parametrize("compress", [lambda b: b, zlib.compress, gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("keep", [0.5, 0.99])
def test_a_truncated_pickle_is_refused_compressed_or_not(saved, toy_classifier, compress, keep):
    content = compress(pickle.dumps(toy_classifier))
    assert refusal(saved(content[: int(len(content) * keep)])) == "unreadable"


@pytest.mark.parametrize("compress", [lambda b: b, zlib.compress, gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_pickle_that_runs_a_command_is_refused_and_nothing_runs(saved, tmp_path, compress, protocol):
    canary = tmp_path / "canary"
    content = compress(pickle.dumps(RunsACommand(canary), protocol=protocol))
    assert refusal(saved(content)) == "pickle_forbidden_global"
    assert not canary.exists()


def test_data_after_a_compressed_model_is_refused(saved, toy_classifier):
    assert refusal(saved(gzip.compress(pickle.dumps(toy_classifier)) + b"x" * (1 << 21))) == "trailing_data"


def test_a_file_that_unpacks_without_end_is_stopped(tmp_path, saved):
    bomb = saved(gzip.compress(b"\x80\x04" + b"\0" * (1 << 24)))
    with pytest.raises(ArtifactInvalid) as caught:
        recognise(bomb, max_unpacked_bytes=1 << 22)
    assert caught.value.code == "size_limit"


@settings(max_examples=300)
@given(
    st.sampled_from(
        [
            b"",
            b"\x08\x07",
            b"PK\x03\x04",
            b"\x80\x04",
            b"\x80\x02c",
            b"(",
            b"cos\n",
            b"\x1f\x8b\x08",
            b"BZh9",
            b"\x78\x9c",
            b"\xfd7zXZ\x00",
        ]
    ),
    st.binary(max_size=300),
)
def test_no_bytes_do_anything_but_be_refused_or_recognised(head, rest):
    with tempfile.NamedTemporaryFile() as file:
        file.write(head + rest)
        file.flush()
        try:
            format = recognise(Path(file.name))
        except ArtifactInvalid:
            return
        assert format in Format
