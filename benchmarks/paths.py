"""What a row costs on each path: the original on one thread, and the compiled form, by the size of the batch.

    python -m benchmarks.paths

Processor time, so that other work on the machine matters little. The two take turns; the best of some runs counts.
"""

import argparse
import io
import time
import warnings
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from inference import runtimes
from inference.validation import compiling, native_schema

MODELS: dict[str, Callable[[], Any]] = {
    "scaler, logistic regression": lambda: make_pipeline(StandardScaler(), LogisticRegression()),
    "random forest, 100 trees": lambda: RandomForestClassifier(100, random_state=0, n_jobs=1),
    "gradient boosting": lambda: GradientBoostingClassifier(n_estimators=50, random_state=0),
    "histogram boosting": lambda: HistGradientBoostingClassifier(max_iter=50, random_state=0),
    "nearest 5 of 5,000": lambda: KNeighborsClassifier(5),
    "support vectors": lambda: SVC(),
    "isolation forest": lambda: IsolationForest(random_state=0),
}
SIZES = (1, 100, 1_000, 10_000)
RUNS = 4


def processor_seconds(call: Callable[[], Any], times: int) -> float:
    started = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - started) / times


def measure(name: str, rows: Any, labels: Any, sizes: list[int]) -> None:
    original = MODELS[name]().fit(rows, labels)
    signature = native_schema.derive(original, task=None, handler=None, sample=None)
    scores = original.predict_proba(rows[:1]) if hasattr(original, "predict_proba") else None
    signature = native_schema.with_outputs(signature, original, np.asarray(original.predict(rows[:1])), scores)
    chosen = next(compiling.candidates(original, signature))
    form = compiling.compile_model(original, signature, chosen)
    buffer = io.BytesIO()
    joblib.dump(original, buffer)
    native = runtimes.get("sklearn").load(buffer.getvalue(), signature)
    compiled = runtimes.get(form.runtime).load(form.content, form.signature)
    asked = np.random.default_rng(1).normal(size=(max(sizes), rows.shape[1]))
    for size in sizes:
        wide, narrow = asked[:size], asked[:size].astype(form.signature.feeds[0].dtype)
        best = [float("inf")] * 2
        for _ in range(RUNS):
            times = max(1, 50 // size)
            calls = (
                lambda given=wide: native.predict({signature.feeds[0].name: given}),
                lambda given=narrow: compiled.predict({form.signature.feeds[0].name: given}),
            )
            best = [min(a, processor_seconds(call, times)) for a, call in zip(best, calls, strict=True)]
        each = [1e6 * seconds / size for seconds in best]
        print(f"| {name} | {size:,} | {each[0]:,.1f} | {each[1]:,.1f} | {each[0] / each[1]:.1f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES))
    chosen = parser.parse_args()
    random = np.random.default_rng(0)
    rows = random.normal(size=(5_000, 20))
    labels = (rows[:, 0] + rows[:, 1] > 0).astype(int) + (rows[:, 2] > 1)
    warnings.simplefilter("ignore")
    print("| model | rows | original, µs a row | compiled, µs a row | ratio |\n|---|---|---|---|---|")
    for name in MODELS:
        measure(name, rows, labels, chosen.sizes)


if __name__ == "__main__":
    main()
