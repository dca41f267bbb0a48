"""How fast files are scored beside what the same model can do in this process, in how much memory, and after a kill.

    python -m benchmarks.batch [--rows 1000000] [--most 5000000] [--directory var/bench-batch]

Each measurement runs in a process of its own: `job` is the loop of a batch job and of `manage.py score` (plan, parse,
feed, predict, write, keep), without Django. The limits, with as many threads and the same model:

model   `predict` on arrays that are ready, in blocks as large as a part: nothing is read or written
code    read, parse, predict and write of the same code, in memory alone: no plan, no files, no joining
script  what one would write by hand: Arrow reads the whole file, the model predicts, Arrow writes the whole file
"""

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from inference import memory

COLUMNS = 10
_BLOCK = 100_000
_KILLED_BEHIND = 30
SIGNATURE: dict[str, Any] = {
    "version": 1,
    "handler": "tabular",
    "task": "classification",
    "inputs": [{"name": f"x{at}", "dtype": "float64", "shape": [-1]} for at in range(COLUMNS)],
    "feeds": [{"name": "X", "dtype": "float32", "columns": list(range(COLUMNS)), "shape": [-1, COLUMNS]}],
    "outputs": {"labels": "label", "probabilities": "probabilities"},
    "classes": ["no", "yes"],
    "has_probabilities": True,
    "allows_missing": False,
    "dataframe": False,
    "multi_output": None,
}


def prepare(directory: Path, rows: int) -> Path:
    """A CSV of that many rows: ten columns of numbers with six digits."""
    path = directory / f"rows-{rows}.csv"
    if not path.exists():
        draft = path.with_suffix(".draft")
        with draft.open("wb") as file:
            file.write(",".join(f"x{at}" for at in range(COLUMNS)).encode() + b"\n")
            for begin in range(0, rows, _BLOCK):
                cells = np.random.default_rng(begin).normal(size=(min(_BLOCK, rows - begin), COLUMNS))
                np.savetxt(file, cells, fmt="%.6f", delimiter=",")
        draft.replace(path)
    return path


def train(directory: Path) -> None:
    """A logistic regression and a forest of a hundred trees, as ONNX."""
    from skl2onnx import to_onnx
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    cells = np.random.default_rng(1).normal(size=(5000, COLUMNS))
    labels = np.where(cells[:, 0] + cells[:, 1] * cells[:, 2] > 0, "yes", "no")
    for name, model in {
        "linear": LogisticRegression(),
        "forest": RandomForestClassifier(100, max_depth=10, random_state=1),
    }.items():
        compiled = to_onnx(model.fit(cells, labels), cells[:1].astype(np.float32), options={"zipmap": False})
        (directory / f"{name}.onnx").write_bytes(compiled.SerializeToString())


# -- What is measured, each in a process of its own ---------------------------------------------------


class Bench:
    """A file and a model, ready."""

    def __init__(self, directory: Path, model: str, rows: int, threads: int) -> None:
        from inference import runtimes
        from inference.bulk import planning
        from inference.signature import Signature

        self.directory, self.threads = directory, threads
        self.path = prepare(directory, rows)
        self.signature = Signature.from_dict(SIGNATURE)
        self.model = runtimes.get("onnx").load((directory / f"{model}.onnx").read_bytes(), self.signature)
        self._plan: Callable[[], Any] = lambda: planning.plan(self.path, "csv", self.signature)

    def job(self, work: str, most_parts: int = 0) -> int:
        """The whole way of a file; with `most_parts` it kills itself behind that many."""
        from inference.bulk import running, scoring
        from inference.bulk.folder import Folder

        folder = Folder(self.directory / work, kind="csv", signature=self.signature)
        plan = folder.plan({}, self._plan)
        done = folder.finished()
        wanted = [part for part in plan.parts if part.number not in done]
        scorer = scoring.scorer(self.signature, self.model.predict, plan, "csv")
        kept = 0
        for _ in running.run(self.path, plan, wanted, running.Threads(scorer, self.threads), folder):
            kept += 1
            if kept == most_parts:
                os.kill(os.getpid(), signal.SIGKILL)
        folder.assemble(self.directory / f"{work}.csv")
        return kept

    def code(self) -> None:
        """The same code in memory alone."""
        from inference.bulk import reading, scoring

        plan = self._plan()
        scorer = scoring.scorer(self.signature, self.model.predict, plan, "csv")
        begun = _Clock()
        self._spread(lambda pair: scorer.score(*pair), reading.contents(self.path, plan, plan.parts))
        begun.tell(plan.rows)

    def limit(self) -> None:
        """The model alone."""
        plan = self._plan()
        size = max(part.rows for part in plan.parts)
        arrays = [np.random.default_rng(at).normal(size=(size, COLUMNS)).astype(np.float32) for at in range(4)]
        blocks = [arrays[at % 4][: part.rows] for at, part in enumerate(plan.parts)]
        self.model.predict({"X": arrays[0]})
        begun = _Clock()
        self._spread(lambda block: self.model.predict({"X": block}), iter(blocks))
        begun.tell(plan.rows)

    def script(self) -> None:
        """Arrow, the model, Arrow."""
        import pyarrow as pa
        from pyarrow import csv

        begun = _Clock()
        table = csv.read_csv(self.path)
        cells = np.column_stack([table.column(at).to_numpy() for at in range(COLUMNS)]).astype(np.float32)
        pieces = [cells[at : at + 50_000] for at in range(0, len(cells), 50_000)]
        with ThreadPoolExecutor(self.threads) as pool:
            found = list(pool.map(lambda piece: self.model.predict({"X": piece}), pieces))
        scores = np.concatenate([one.probabilities for one in found]).astype(np.float64)
        told = {
            "row": np.arange(1, len(cells) + 1),
            "prediction": np.concatenate([one.labels for one in found]),
            "confidence": scores.max(axis=1),
            "no": scores[:, 0],
            "yes": scores[:, 1],
        }
        csv.write_csv(pa.table(told), self.directory / "script.csv")
        begun.tell(len(cells))

    def _spread(self, work: Callable[[Any], Any], items: Iterator[Any]) -> None:
        waiting: list[Any] = []
        with ThreadPoolExecutor(self.threads) as pool:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > self.threads:
                    waiting.pop(0).result()
            for one in waiting:
                one.result()


class _Clock:
    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def tell(self, rows: int) -> None:
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        print(json.dumps({"rows": rows, "wall_seconds": wall, "cpu_seconds": cpu, "peak_bytes": memory.peak_bytes()}))


def _measure(options: argparse.Namespace) -> None:
    bench = Bench(options.directory, options.model, options.rows, options.threads)
    if options.measure == "job":
        begun = _Clock()
        bench.job(options.work, options.most_parts)
        begun.tell(options.rows)
    else:
        {"model": bench.limit, "code": bench.code, "script": bench.script}[options.measure]()


# -- The report ---------------------------------------------------------------------------------------


def _run(options: argparse.Namespace, measure: str, model: str, rows: int, **more: Any) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.batch", "--measure", measure, "--model", model, "--rows", str(rows)]
    command += ["--threads", str(options.threads), "--directory", str(options.directory)]
    command += [word for name, value in more.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    os.sync()  # what was written before must not be waited for by who writes now
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else {"returncode": done.returncode}


def _fresh(options: argparse.Namespace, work: str) -> str:
    shutil.rmtree(options.directory / work, ignore_errors=True)
    return work


def _throughput(options: argparse.Namespace) -> None:
    print(f"\n{options.rows:,} rows, {options.threads} threads; the best of {options.rounds} rounds\n")
    print("| model | measure | rows/s | rows per CPU second | the job beside it (wall) | (CPU) | peak RSS MB |")
    print("|---|---|---|---|---|---|---|")
    for model in ("linear", "forest"):
        found: dict[str, list[dict[str, Any]]] = {}
        for _ in range(options.rounds):
            for measure in ("job", "code", "script", "model"):
                more = {"work": _fresh(options, "work")} if measure == "job" else {}
                found.setdefault(measure, []).append(_run(options, measure, model, options.rows, **more))
        best = {
            measure: {name: min(one[name] for one in all) for name in ("wall_seconds", "cpu_seconds", "peak_bytes")}
            for measure, all in found.items()
        }
        for measure, facts in best.items():
            wall, cpu = facts["wall_seconds"], facts["cpu_seconds"]
            print(
                f"| {model} | {measure} | {options.rows / wall:,.0f} | {options.rows / cpu:,.0f} "
                f"| {wall / best['job']['wall_seconds']:.0%} | {cpu / best['job']['cpu_seconds']:.0%} "
                f"| {facts['peak_bytes'] / 2**20:.0f} |"
            )


def _memory(options: argparse.Namespace) -> None:
    print("\n| rows | file MB | peak RSS MB of the job | rows/s |\n|---|---|---|---|")
    for rows in sorted({100_000, options.rows, options.most}):
        path = prepare(options.directory, rows)
        facts = _run(options, "job", "linear", rows, work=_fresh(options, "work"))
        speed = rows / facts["wall_seconds"]
        sizes = f"{path.stat().st_size / 2**20:.0f} | {facts['peak_bytes'] / 2**20:.0f}"
        print(f"| {rows:,} | {sizes} | {speed:,.0f} |", flush=True)


def _killed(options: argparse.Namespace) -> None:
    from inference.bulk.folder import Folder
    from inference.signature import Signature

    _run(options, "job", "linear", options.rows, work=_fresh(options, "work"))
    work = _fresh(options, "killed")
    first = _run(options, "job", "linear", options.rows, work=work, most_parts=_KILLED_BEHIND)
    kept = len(Folder(options.directory / work, kind="csv", signature=Signature.from_dict(SIGNATURE)).finished())
    _run(options, "job", "linear", options.rows, work=work)
    same = _digest(options.directory / "killed.csv") == _digest(options.directory / "work.csv")
    print(f"\nKilled behind part {_KILLED_BEHIND} ({first}): {kept} parts were kept, and not scored again.")
    print(f"The results are{'' if same else ' NOT'} those of an undisturbed run, byte for byte.")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--most", type=int, default=5_000_000, help="Rows of the largest file, for memory.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--directory", type=Path, default=Path("var/bench-batch"))
    parser.add_argument("--measure", choices=["job", "model", "code", "script"], help=argparse.SUPPRESS)
    parser.add_argument("--model", choices=["linear", "forest"], help=argparse.SUPPRESS)
    parser.add_argument("--work", default="work", help=argparse.SUPPRESS)
    parser.add_argument("--most-parts", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.directory.mkdir(parents=True, exist_ok=True)
    if options.measure:
        _measure(options)
        return
    train(options.directory)
    prepare(options.directory, options.rows)
    _throughput(options)
    _memory(options)
    _killed(options)


if __name__ == "__main__":
    main()
