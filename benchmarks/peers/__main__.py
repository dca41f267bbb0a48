"""This platform and its peers under the same load.

    python -m benchmarks.peers [--quick] [--built FOLDER] [--workload W1 ...] [--peer fastapi ...] [--write]

Needs wrk. Peers are installed into environments below VAR_DIR/benchmarks on the first run; BENCHMARK_PEERS names a
folder that holds them already. `--write` puts the tables into docs/performance.md and the figures beside it.
"""

import argparse
import json
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import generated
from benchmarks.peers import environments, series, table, workloads, wrk
from benchmarks.peers.catalogue import PEERS
from benchmarks.peers.ours import Program
from benchmarks.peers.series import Plan, Platform
from benchmarks.peers.workloads import WORKLOADS
from mlplatform import stopping

QUICK, FULL = {"seconds": 1.0, "rounds": 1, "settle": 0.5}, {"seconds": 4.0, "rounds": 3, "settle": 6.0}


def main() -> int:
    chosen = _arguments()
    amount = QUICK if chosen.quick else FULL
    plan = Plan(
        data=chosen.data,
        seconds=chosen.seconds or amount["seconds"],
        rounds=chosen.rounds or int(amount["rounds"]),
        connections=chosen.connections,
        workers=chosen.workers,
        settle_seconds=amount["settle"],
        first_port=chosen.port,
    )
    try:
        wrk.require()
    except wrk.WrkMissing as error:
        print(error, file=sys.stderr)
        return 2
    asked = [workload for workload in WORKLOADS if workload.name in chosen.workload]
    peers = [PEERS[name] for name in chosen.peer]
    program = Program.chosen(chosen.built)
    began, at = time.monotonic(), series.started_at()
    workloads.prepare(plan.data, share=0.1 if chosen.quick else 1.0)
    with ExitStack() as running:
        platform = None
        if not chosen.without_platform:
            platform = Platform(plan, program, database_url=chosen.database_url, redis_url=chosen.redis_url)
            running.callback(platform.installation.stop)
            platform.start({workload.model for workload in asked})
        cells = series.run(plan, asked, peers, platform, lambda line: print(line, flush=True))
        jobs_mb = platform.jobs_memory_mb() if platform else 0.0
        records = platform.installation.records() if platform else 0
    report = {
        "at": at,
        "machine": generated.machine(),
        "store": _store(chosen),
        "program": program.told,
        "seconds": plan.seconds,
        "rounds": plan.rounds,
        "connections": plan.connections,
        "workers": plan.workers,
        "job_runner_mb": jobs_mb,
        "records": records,
        "versions": {peer.name: _version(peer.name, plan) for peer in peers},
        "took_seconds": round(time.monotonic() - began),
        "cells": [cell.to_dict() for cell in cells],
    }
    text = _page(report)
    print("\n" + text)
    (plan.data / "peers.json").write_text(json.dumps(report, indent=1))
    (plan.data / "peers.md").write_text(text + "\n")
    print(f"\n{plan.data / 'peers.json'}")
    if chosen.write:
        generated.FOLDER.mkdir(exist_ok=True)
        (generated.FOLDER / f"{chosen.part}.json").write_text(json.dumps(report, indent=1) + "\n")
        generated.write_part(generated.PAGE, chosen.part, text)
    return 1 if any(cell.problem for cell in cells) else 0


def _page(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    cells = report["cells"]
    asked = [workload for workload in WORKLOADS if any(cell["workload"] == workload.name for cell in cells)]
    noise = " **Others used the machine meanwhile: compare, but don't quote.**" if table.is_noisy(cells) else ""
    parts = [
        f"Measured {report['at']} UTC on {report['machine']}; mlplatform {report['program']}, "
        f"{report['store']}; {report['workers']} workers each, "
        f"{report['connections']} connections, median of {report['rounds']} interleaved rounds of "
        f"{report['seconds']:g} s.{noise}",
        "How many times as many requests per second as each of the others:",
        table.ratios(cells),
    ]
    for workload in asked:
        parts += [f"**{workload.name}**: {workload.what}.", table.details(cells, workload.name)]
    versions = [f"{name} {version}: {PEERS[name].configuration}." for name, version in report["versions"].items()]
    parts += [
        f"PSS counts the serving processes; our job runner takes {report['job_runner_mb']:.0f} MB besides. "
        f"{_database(report)}{report['records']:,} of our predictions were in the database when the series ended.",
        "\n".join(f"- {line}" for line in versions),
    ]
    return "\n\n".join(parts)


def _database(report: dict[str, Any]) -> str:
    """Who does the work of a database that is a server."""
    return "" if report["store"] == "SQLite" else "The database's own work counts as others' cores. "


def _store(chosen: argparse.Namespace) -> str:
    database = "PostgreSQL" if chosen.database_url.startswith("postgres") else "SQLite"
    return f"{database} and Redis" if chosen.redis_url else database


def _version(name: str, plan: Plan) -> str:
    try:
        return environments.version(PEERS[name], environments.binaries(PEERS[name], plan.data / "environments"))
    except environments.NotInstalled:
        return "not installed"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, prog="python -m benchmarks.peers"
    )
    names = [workload.name for workload in WORKLOADS]
    parser.add_argument("--quick", action="store_true", help="One round of a second each: does everything work?")
    parser.add_argument("--workload", nargs="+", choices=names, default=names)
    parser.add_argument("--peer", nargs="*", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--without-platform", action="store_true", help="Only the peers.")
    parser.add_argument("--seconds", type=float, help="Of each load (4; 1 with --quick).")
    parser.add_argument("--rounds", type=int, help="Interleaved rounds (3; 1 with --quick).")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--workers", type=int, default=2, help="Serving processes of each server.")
    parser.add_argument("--port", type=int, default=18200, help="The first of the ports used.")
    parser.add_argument("--database-url", default="", help="An empty PostgreSQL database for the platform.")
    parser.add_argument("--redis-url", default="")
    parser.add_argument(
        "--built", type=Path, help="Measure what `deploy/build.sh BUILT` made, in place of this checkout."
    )
    parser.add_argument(
        "--data", type=Path, default=generated.default_data(), help="Where everything is kept (%(default)s)."
    )
    parser.add_argument("--write", action="store_true", help="Write docs/performance.md and docs/performance/.")
    parser.add_argument("--part", default="peers", help="The part of the page to write (%(default)s).")
    chosen = parser.parse_args()
    chosen.data = chosen.data.resolve()
    return chosen


if __name__ == "__main__":
    with stopping.on_signal(stopping.interrupt_once()):  # so that SIGTERM, too, stops the servers
        sys.exit(main())
