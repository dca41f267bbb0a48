"""Loads and evicts models of a megabyte over and over; prints how much the process grew after the first tenth."""

import os
import sys
from dataclasses import replace

import numpy as np
from onnx import TensorProto, helper, numpy_helper

os.environ["VAR_DIR"] = sys.argv[1]
os.environ["DJANGO_SETTINGS_MODULE"] = "mlplatform.settings"

import django

django.setup()

from inference import memory  # noqa: E402
from inference.model_cache import ModelCache  # noqa: E402
from registry import artifacts  # noqa: E402
from registry.recording import Recording  # noqa: E402
from registry.resolver import Served  # noqa: E402
from registry.seals import StoredFile  # noqa: E402
from registry.serving import Serving  # noqa: E402
from tests.toys import ORACLE_SIGNATURE  # noqa: E402

CYCLES, WEIGHTS = 200, 100_000


def large_oracle() -> bytes:
    weights = {
        "a": np.zeros((2, WEIGHTS), np.float32),
        "b": np.zeros((WEIGHTS, 1), np.float32),
    }
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["X", "a"], ["h"]), helper.make_node("MatMul", ["h", "b"], ["value"])],
        "large",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("value", TensorProto.FLOAT, [None, 1])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


content = large_oracle()
artifacts.read_verified = lambda file: content
golden = {"instances": [[1.0, 2.0]], "predictions": [0.0], "probabilities": None}
file = StoredFile(path="a", sha256="a", seal="", model_id=1, number=1, form="original")
first = Served(
    version_id=0, number=1, model_id=1, model_name="toy", owner_id=1, is_internal=False, max_batch_rows=100,
    recording=Recording(), is_deprecated=False, runtime="onnx", file=file, sha256="a",
    signature=ORACLE_SIGNATURE, golden=golden, memory_bytes=len(content), serving=Serving(), library_versions={},
)  # fmt: skip
cache = ModelCache(max_count=1, max_bytes=10**9)
early = 0
for cycle in range(CYCLES):
    cache.get(replace(first, version_id=cycle))
    if cycle == CYCLES // 10:
        early = memory.resident_bytes()
assert cache.evictions == CYCLES - 1
sys.stdout.write(f"{memory.resident_bytes() - early} {len(content)}\n")
