"""How the platform grows, and what disturbs it.

    python -m benchmarks.growth [--quick] [--built FOLDER] [--write]
        [--only connections rows workers models interference first]

Needs wrk. `--write` puts tables and charts into docs/performance.md and docs/performance/.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import joblib

from benchmarks import generated
from benchmarks.growth import measurements, page
from benchmarks.growth.measurements import Site
from benchmarks.peers import series, workloads, wrk
from benchmarks.peers.ours import PERSON, Installation, Program
from benchmarks.peers.workloads import FILES, WORKLOADS
from mlplatform import stopping

PARTS = ("connections", "rows", "workers", "models", "interference", "first")
BATCH_ROWS = 10_000
QUICK: dict[str, Any] = {
    "seconds": 1.0, "rounds": 1, "settle": 0.5, "connections": (1, 16, 64), "rows": (1, 100), "workers": (1, 2),
    "models": (1, 3), "interference_rounds": 1,
}  # fmt: skip
FULL: dict[str, Any] = {
    "seconds": 3.0, "rounds": 3, "settle": 4.0, "connections": (1, 2, 4, 8, 16, 32, 64, 128, 256),
    "rows": (1, 10, 100, 1000), "workers": (1, 2, 3, 4), "models": (1, 10, 100),
    "interference_rounds": 7,  # the p99 of so short a load varies more than anything else here
}  # fmt: skip


def main() -> int:
    chosen = _arguments()
    amount = QUICK if chosen.quick else FULL
    try:
        wrk.require()
    except wrk.WrkMissing as error:
        print(error, file=sys.stderr)
        return 2
    at = series.started_at()
    workloads.prepare(chosen.data, share=0.1 if chosen.quick else 1.0)
    site = _site(chosen, amount)
    try:
        report = {
            "at": at,
            "machine": generated.machine(),
            "cpus": os.cpu_count(),
            "store": "PostgreSQL" if chosen.database_url else "SQLite",
            "program": Program.chosen(chosen.built).told,
            "seconds": site.seconds,
            "rounds": site.rounds,
            **_measure(site, chosen.only, amount),
        }
    finally:
        site.installation.stop()
    text = page.text(report)
    print("\n" + text)
    (chosen.data / "growth.json").write_text(json.dumps(report, indent=1))
    if chosen.write:
        generated.FOLDER.mkdir(exist_ok=True)
        (generated.FOLDER / "growth.json").write_text(json.dumps(report, indent=1) + "\n")
        for name, drawn in page.drawings(report).items():
            (generated.FOLDER / name).write_text(drawn)
        generated.write_part(generated.PAGE, "growth", text)
    return 0


def _site(chosen: argparse.Namespace, amount: dict[str, Any]) -> Site:
    """A fresh installation with the forest, live under two names."""
    installation = Installation(
        chosen.data / "growth", database_url=chosen.database_url, redis_url=chosen.redis_url,
        program=Program.chosen(chosen.built),
    )  # fmt: skip
    site = Site(
        installation, chosen.port, chosen.data, amount["seconds"], amount["rounds"], amount["settle"],
        lambda line: print(line, flush=True),
    )  # fmt: skip
    try:
        installation.prepare()
        site.restart()
        forest = chosen.data / FILES["forest"]
        installation.upload(site.port, forest, "forest", most_rows=1000)
        installation.upload(site.port, forest, "forest-wide", most_rows=BATCH_ROWS)
    except BaseException:
        installation.stop()
        raise
    return site


def _measure(site: Site, only: list[str], amount: dict[str, Any]) -> dict[str, Any]:
    """The parts asked for, by name."""
    forest = next(workload for workload in WORKLOADS if workload.name == "W2")
    bodies = workloads.bodies_file(site.data, forest, "instances")
    draw = workloads.forest_rows()
    with bodies.open("rb") as file:
        first = file.readline().strip()
    found: dict[str, Any] = {}
    if "connections" in only:
        found["connections"] = measurements.over_connections(site, bodies, amount["connections"])
    if "rows" in only:
        found["rows"] = measurements.over_rows(site, draw, amount["rows"])
    if "interference" in only:
        found["interference"] = measurements.interference(
            site, bodies, draw(BATCH_ROWS), PERSON, amount["interference_rounds"]
        )
    if "first" in only:
        found["first"] = measurements.first_answers(site, first, _cold_versions(site, 3))
    if "workers" in only:
        found["workers"] = measurements.over_workers(site, bodies, amount["workers"])
        site.restart()
    if "models" in only:
        artifacts = _forests(site.data, max(amount["models"]) - 1)
        found["models"] = measurements.over_models(site, bodies, artifacts, amount["models"])
    return found


def _cold_versions(site: Site, count: int) -> list[str]:
    """References of ready versions that are not live, so that nothing loads them before they are asked."""
    artifacts = _forests(site.data, count)
    return [f"cold:{site.installation.upload(site.port, artifact, 'cold', activate=False)}" for artifact in artifacts]


def _forests(data: Path, count: int) -> list[Path]:
    """That many different forests, fitted to the same rows."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import RandomForestClassifier

    folder = data / "forests"
    folder.mkdir(exist_ok=True)
    made = [folder / f"forest-{number}.joblib" for number in range(count)]
    rows, target = load_breast_cancer(return_X_y=True)
    for number, artifact in enumerate(made):
        if not artifact.exists():
            model = RandomForestClassifier(n_estimators=20, random_state=number).fit(rows, target)
            joblib.dump(model, artifact)
    return made


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, prog="python -m benchmarks.growth"
    )
    parser.add_argument("--quick", action="store_true", help="Small and short: does everything work?")
    parser.add_argument(
        "--built", type=Path, help="Measure what `deploy/build.sh BUILT` made, in place of this checkout."
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--port", type=int, default=18300)
    parser.add_argument("--database-url", default="", help="An empty PostgreSQL database for the platform.")
    parser.add_argument("--redis-url", default="")
    parser.add_argument(
        "--data", type=Path, default=generated.default_data(), help="Where everything is kept (%(default)s)."
    )
    parser.add_argument("--write", action="store_true", help="Write docs/performance.md and docs/performance/.")
    chosen = parser.parse_args()
    chosen.data = chosen.data.resolve()
    return chosen


if __name__ == "__main__":
    with stopping.on_signal(stopping.interrupt_once()):  # so that SIGTERM, too, stops the servers
        sys.exit(main())
