"""Good artifacts, and damaged copies of them: deterministic for a seed."""

import io
import pickle
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

import joblib
import numpy as np
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from tests.inference.validation import boosters, graphs
from tests.inference.validation.boosters import ROWS, THREE, TWO

NAMES = np.array(["no", "yes"])[TWO]


@dataclass(frozen=True, slots=True)
class Mutant:
    """name: the good file, and what was done to it."""

    name: str
    content: bytes


def _joblib(model: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(model, buffer, **options)
    return buffer.getvalue()


def _skops(model: Any) -> bytes:
    from skops.io import dumps

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bytes(dumps(model))


def _compiled() -> bytes:
    from skl2onnx import to_onnx

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        forest = RandomForestClassifier(3, max_depth=4, random_state=0).fit(ROWS, TWO)
        return bytes(to_onnx(forest, ROWS[:1].astype(np.float32), options={"zipmap": False}).SerializeToString())


MAKERS: dict[str, Callable[[], bytes]] = {
    "joblib forest": lambda: _joblib(RandomForestClassifier(3, random_state=0).fit(ROWS, NAMES)),
    "joblib pipeline, compressed": lambda: _joblib(
        make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, NAMES), compress=3
    ),
    "joblib neighbours": lambda: _joblib(KNeighborsClassifier(3, algorithm="kd_tree").fit(ROWS, NAMES)),
    "joblib support vectors": lambda: _joblib(SVC().fit(ROWS, NAMES)),
    "pickle boosting": lambda: pickle.dumps(GradientBoostingClassifier(n_estimators=3).fit(ROWS, NAMES), protocol=4),
    "pickle regression": lambda: pickle.dumps(LogisticRegression().fit(ROWS, NAMES), protocol=2),
    "onnx linear": lambda: graphs.linear(outputs=3, last="Softmax").SerializeToString(),
    "onnx forest": _compiled,
    "skops pipeline": lambda: _skops(make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, NAMES)),
    "skops forest": lambda: _skops(RandomForestClassifier(2, max_depth=3, random_state=0).fit(ROWS, NAMES)),
    "xgboost json": lambda: boosters.xgboost("binary:logistic", TWO, rounds=4),
    "xgboost ubjson": lambda: boosters.xgboost("multi:softprob", THREE, rounds=3, num_class=3, form="ubj"),
    "lightgbm text": lambda: boosters.lightgbm("binary", TWO, rounds=4),
}


def _program(kind: str) -> bytes:
    import torch

    from tests import programs

    torch.manual_seed(0)
    network = programs.Network().eval()
    if kind == "scripted":
        return bytes(programs.scripted(network))
    return bytes(programs.exported(network, torch.randn(2, 4)))


PYTORCH: dict[str, Callable[[], bytes]] = {
    "torchscript": lambda: _program("scripted"),
    "torch.export": lambda: _program("exported"),
}


@cache
def good(part: str = "") -> dict[str, bytes]:
    """The good files whose names hold `part`; PyTorch's where it is installed."""
    makers = {**MAKERS, **(PYTORCH if find_spec("torch") else {})}
    return {name: make() for name, make in makers.items() if part in name}


def mutants(count: int, seed: int, part: str = "") -> list[Mutant]:
    """`count` damaged copies, spread over the good files whose names hold `part` and all ways to damage one."""
    random = np.random.default_rng(seed)
    files = good(part)
    names, ways = list(files), list(WAYS)
    made = []
    for number in range(count):
        name, way = names[number % len(names)], ways[int(random.integers(len(ways)))]
        other = files[names[int(random.integers(len(names)))]]
        content = WAYS[way](bytearray(files[name]), other, random)
        made.append(Mutant(f"{number}: {name}, {way}", bytes(content)))
    return made


def _flip_bits(content: bytearray, other: bytes, random: Any) -> bytearray:
    for at in random.integers(len(content), size=int(random.integers(1, 9))):
        content[at] ^= 1 << int(random.integers(8))
    return content


def _replace_bytes(content: bytearray, other: bytes, random: Any) -> bytearray:
    for at in random.integers(len(content), size=int(random.integers(1, 5))):
        content[at] = int(random.choice([0, 1, 0x7F, 0x80, 0xFF, int(random.integers(256))]))
    return content


def _truncate(content: bytearray, other: bytes, random: Any) -> bytearray:
    return content[: int(random.integers(len(content)))]


def _swap(content: bytearray, other: bytes, random: Any) -> bytearray:
    """Two stretches of the same length change places."""
    size = int(random.integers(1, max(len(content) // 8, 2)))
    first, second = sorted(int(at) for at in random.integers(len(content) - size, size=2))
    if second < first + size:
        return content[::-1] if random.random() < 0.1 else content[:first] + content[first + size :]
    left, right = content[first : first + size], content[second : second + size]
    return content[:first] + right + content[first + size : second] + left + content[second + size :]


def _splice(content: bytearray, other: bytes, random: Any) -> bytearray:
    """The beginning of one file and the end of another."""
    return content[: int(random.integers(len(content)))] + other[int(random.integers(len(other))) :]


def _repeat(content: bytearray, other: bytes, random: Any) -> bytearray:
    start = int(random.integers(len(content)))
    return content[:start] + content[start : start + int(random.integers(1, 400))] * 3 + content[start:]


def _digits(content: bytearray, other: bytes, random: Any) -> bytearray:
    """Numbers written as text become others; for binary files any byte between 48 and 57 will do."""
    places = [at for at, byte in enumerate(content) if 48 <= byte <= 57]
    for at in random.choice(places, size=min(4, len(places))) if places else ():
        content[int(at)] = 48 + int(random.integers(10))
    return content


WAYS: dict[str, Callable[[bytearray, bytes, Any], bytearray]] = {
    "bits flipped": _flip_bits,
    "bytes replaced": _replace_bytes,
    "cut off": _truncate,
    "stretches swapped": _swap,
    "spliced": _splice,
    "a stretch repeated": _repeat,
    "digits changed": _digits,
}
