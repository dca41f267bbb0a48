"""What is asked: five workloads, their models (trained here, seeded) and distinct request bodies."""

import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np

SEED = 4711
VERIFIED = 20
"""Bodies of each workload whose answers are compared with the model's own before anything is timed."""


@dataclass(frozen=True, slots=True)
class Workload:
    """`model` names the file; `rows` go into one request; `bodies` differ, so that no cache of answers helps."""

    name: str
    model: str
    what: str
    rows: int
    bodies: int


WORKLOADS = (
    Workload("W1", "linear", "scaler and logistic regression, 1 row of 30 numbers", 1, 16_384),
    Workload("W2", "forest", "random forest of 100 trees, 1 row of 30 numbers", 1, 16_384),
    Workload("W3", "text", "TF-IDF of words and pairs, logistic regression, 1 short text", 1, 16_384),
    Workload("W4", "forest", "random forest of 100 trees, 100 rows of 30 numbers", 100, 512),
    Workload("W5", "network", "network of two layers of 64, ONNX, 1 row of 64 numbers", 1, 16_384),
)
COMPILED = {"linear": "linear.onnx", "forest": "forest.onnx", "network": "network.onnx"}
"""The same as ONNX, for a service whose author compiled them; skl2onnx alone would change the text model's answers."""
FILES = {"linear": "linear.joblib", "forest": "forest.joblib", "text": "text.joblib", "network": "network.onnx"}

Draw = Callable[[int], list[Any]]
"""Makes that many rows."""


def prepare(folder: Path, *, share: float = 1.0) -> None:
    """Write models and bodies below `folder`, unless this program left the same there; `share` makes fewer bodies."""
    stamp, wanted = folder / "prepared", f"{hashlib.sha256(Path(__file__).read_bytes()).hexdigest()} {share:g}"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    folder.mkdir(parents=True, exist_ok=True)
    models = {**_tabular(folder), **_text(folder), **_network(folder)}
    for workload in WORKLOADS:
        model, draw = models[workload.model]
        count = max(VERIFIED, int(workload.bodies * share))
        _write_bodies(folder, workload, [draw(workload.rows) for _ in range(count)], model)
    stamp.write_text(wanted)


def bodies_file(folder: Path, workload: Workload, encoding: str) -> Path:
    """One request body per line."""
    return folder / f"{workload.name}.{encoding}.jsonl"


def expected(folder: Path, workload: Workload) -> list[dict[str, Any]]:
    """What the first bodies must be answered with: {"labels", "probabilities"} each."""
    found: list[dict[str, Any]] = json.loads((folder / f"{workload.name}.expected.json").read_text())
    return found


def _write_bodies(folder: Path, workload: Workload, requests: list[list[Any]], model: Any) -> None:
    """Both encodings: rows under `instances`, and the tensors of the Open Inference Protocol."""
    kind = {"text": "BYTES", "network": "FP32"}.get(workload.model, "FP64")
    with (
        bodies_file(folder, workload, "instances").open("w") as plain,
        bodies_file(folder, workload, "tensors").open("w") as tensors,
    ):
        for rows in requests:
            flat = rows if kind == "BYTES" else [cell for row in rows for cell in row]
            tensor = {"name": "rows", "datatype": kind, "shape": [len(rows), len(flat) // len(rows)], "data": flat}
            plain.write(_compact({"instances": rows}) + "\n")
            tensors.write(_compact({"inputs": [tensor]}) + "\n")
    answers = []
    for rows in requests[:VERIFIED]:
        scores = model.predict_proba(rows)
        answers.append({"labels": model.classes_[scores.argmax(1)].tolist(), "probabilities": scores.tolist()})
    (folder / f"{workload.name}.expected.json").write_text(json.dumps(answers))


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _tabular(folder: Path) -> dict[str, tuple[Any, Draw]]:
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows, target = load_breast_cancer(return_X_y=True)
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000)).fit(rows, target)
    forest = RandomForestClassifier(n_estimators=100, random_state=SEED).fit(rows, target)
    joblib.dump(linear, folder / FILES["linear"])
    joblib.dump(forest, folder / FILES["forest"])
    _compile(linear, 30, folder / COMPILED["linear"])
    _compile(forest, 30, folder / COMPILED["forest"])
    draw = _near(rows, spread=0.03)
    return {"linear": (linear, draw), "forest": (forest, draw)}


def forest_rows() -> Draw:
    """Rows that the linear model and the forest may be asked, seeded."""
    from sklearn.datasets import load_breast_cancer

    return _near(load_breast_cancer(return_X_y=True)[0], spread=0.03)


def _near(rows: Any, *, spread: float) -> Draw:
    """Rows like the given ones, each a little different."""
    generator = np.random.default_rng(SEED)

    def draw(count: int) -> list[Any]:
        chosen = rows[generator.integers(0, len(rows), count)]
        moved = chosen * (1.0 + spread * generator.standard_normal(chosen.shape))
        return [[float(f"{cell:.6g}") for cell in row] for row in moved]

    return draw


def _network(folder: Path) -> dict[str, tuple[Any, Draw]]:
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler

    rows, target = load_digits(return_X_y=True)
    network = make_pipeline(MinMaxScaler(), MLPClassifier((64, 64), max_iter=400, random_state=SEED, tol=1e-3))
    network.fit(rows, target)
    _compile(network, 64, folder / FILES["network"])
    return {"network": (network, _near(rows, spread=0.1))}


def _compile(model: Any, width: int, file: Path) -> None:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    kind = [("rows", FloatTensorType([None, width]))]
    file.write_bytes(to_onnx(model, initial_types=kind, options={id(model): {"zipmap": False}}).SerializeToString())


_SUBJECTS = {
    "billing": "invoice payment refund receipt card charge subscription price balance statement",
    "delivery": "parcel courier shipment tracking address depot doorstep package arrival label",
    "security": "password sign-in device code alert session key login warning access",
    "social": "friend comment photo group reply mention invitation follower story message",
}
_FRAME = (
    "your {0} about the {1} of {n} is {2} again",
    "please look at the {0}, number {n}, and the {1}",
    "we could not find a {0} for {n}; the {1} and {2} are open",
    "{0} {n} was changed, see the {1} and reply to {2}",
)


def _text(folder: Path) -> dict[str, tuple[Any, Draw]]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    chance = random.Random(SEED)

    def one(subject: str) -> str:
        stray = chance.choice(chance.choice([*_SUBJECTS.values()]).split())
        words = (*chance.sample(_SUBJECTS[subject].split(), 2), stray)
        parts = [chance.choice(_FRAME).format(*words, n=chance.randint(1000, 9_999_999)) for _ in range(2)]
        return ". ".join(parts)

    subjects = sorted(_SUBJECTS)
    labels = [chance.choice(subjects) for _ in range(4000)]
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(max_iter=5000))
    model.fit([one(label) for label in labels], labels)
    joblib.dump(model, folder / FILES["text"])
    return {"text": (model, lambda count: [one(chance.choice(subjects)) for _ in range(count)])}
