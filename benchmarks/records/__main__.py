"""How pages and loading fare with many prediction records on PostgreSQL.

    DATABASE_URL=postgres://…/an_empty_database VAR_DIR=/a/directory python -m benchmarks.records \\
        [--sizes 100000 1000000 10000000] [--write]

Ten million records take some 8 GB of disk, and all of it a quarter of an hour on a calm machine; drop the database
afterwards. `--write` puts table and chart into docs/records.md.
"""

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SIZES = (100_000, 1_000_000, 10_000_000)


def main() -> int:
    chosen = _arguments()
    if not os.environ.get("DATABASE_URL", "").startswith("postgres"):
        print("Name an empty PostgreSQL database in DATABASE_URL, and a directory in VAR_DIR.", file=sys.stderr)
        return 2
    _set_up()
    from benchmarks.records import beside, filling, loading

    about = filling.world()
    if chosen.feed:
        loading.feed(about, chosen.feed, chosen.rate, chosen.parts)
        return 0
    folder = Path(os.environ["VAR_DIR"])
    kept = folder / "records.json"
    report = json.loads(kept.read_text()) if kept.exists() else {"sizes": {}}
    for size in chosen.sizes:
        if not chosen.no_fill:
            print(f"{size:,} records …", flush=True)
            filling.fill(about, size)
        if not chosen.no_measure:
            report["sizes"][str(size)] = _measure(about, folder, chosen.load)
            kept.write_text(json.dumps(report))
    if chosen.beside:
        report["beside"] = beside.measure(folder, rate=chosen.rate, seconds=chosen.seconds, port=chosen.port)
        print(report["beside"], flush=True)
    report |= _circumstances()
    kept.write_text(json.dumps(report))
    if report["sizes"]:
        _keep(chosen, report)
    return 0


def _set_up() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "mlplatform.settings"
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    os.environ.setdefault("DATABASE_STATEMENT_SECONDS", "0")  # filling takes minutes
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    settings.ALLOWED_HOSTS = ["*"]
    settings.SPOOL_MAX_BYTES = 1 << 40
    call_command("migrate", verbosity=0)


def _circumstances() -> dict[str, Any]:
    from django.db import connection

    from benchmarks import generated

    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        version = cursor.fetchone()[0].split()[0]
    return {"at": f"{datetime.now(UTC):%Y-%m-%d}", "machine": generated.machine(), "postgresql": version}


def _measure(about: Any, folder: Path, count: int) -> dict[str, Any]:
    from benchmarks.records import loading, reading

    found: dict[str, Any] = {"pages": _told(reading.read_all(about))}
    for processes in (1, 2):
        found[f"by_{processes}"] = loading.load_all(folder, count, processes=processes)
        print(f"  loaded by {processes}: {found[f'by_{processes}']}", flush=True)
    found["pages"] += _told(reading.read_rare(about))
    return found


def _told(pages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for page in pages:
        print(
            f"  {page['shortest_ms']:8.1f} ms ({page['cpu_ms']:.0f} CPU) {page['queries']:3} queries  {page['name']}",
            flush=True,
        )
    return pages


def _keep(chosen: argparse.Namespace, report: dict[str, Any]) -> None:
    from benchmarks import generated
    from benchmarks.records import page

    told = page.text(report)
    print("\n" + told)
    if chosen.write:
        generated.FOLDER.mkdir(exist_ok=True)
        (generated.FOLDER / "records.json").write_text(json.dumps(report, indent=1) + "\n")
        (generated.FOLDER / "records.svg").write_text(page.chart(report))
        generated.write_part(generated.ROOT / "docs" / "records.md", "records", told)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, prog="python -m benchmarks.records"
    )
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES))
    parser.add_argument(
        "--load", type=int, default=500_000, help="Records loaded at each size, by one process and by two."
    )
    parser.add_argument("--no-fill", action="store_true", help="Measure what is there.")
    parser.add_argument("--no-measure", action="store_true", help="Only fill, to measure when the machine is calm.")
    parser.add_argument("--beside", action="store_true", help="Also predictions beside a process that loads records.")
    parser.add_argument("--rate", type=int, default=21_000, help="Records it is given in each second.")
    parser.add_argument("--seconds", type=float, default=10.0, help="How long each of five turns lasts.")
    parser.add_argument("--port", type=int, default=18310)
    parser.add_argument("--write", action="store_true", help="Write docs/records.md and docs/performance/.")
    parser.add_argument("--feed", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--parts", type=int, default=1, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
