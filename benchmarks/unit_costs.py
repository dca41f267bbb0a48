"""What a prediction and its record cost, of a running installation: the figures in docs/sizing.md.

    DATABASE_URL=… REDIS_URL=… VAR_DIR=… python -m benchmarks.unit_costs --url http://127.0.0.1:8000 --key KEY [--write]

Run it on the one host of an installation on PostgreSQL, as root, with a key of its administrator and the demo's models,
while nobody else asks it anything. It sends predictions with wrk and reads processor time and memory of the platform's,
PostgreSQL's and Redis' processes from /proc: it measures work, not the clock. Others on the
machine don't count, but what shares a core with them takes up to half as much again.
`--write` puts the table into the page.
"""

import argparse
import contextlib
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

PAGE = Path(__file__).resolve().parent.parent / "docs" / "sizing.md"
BEGIN, END = "<!-- unit costs: written by a program -->", "<!-- /unit costs -->"
CONNECTIONS = 8
TICKS = os.sysconf("SC_CLK_TCK")
SCRIPT = """wrk.method = "POST"
wrk.headers["Content-Type"], wrk.headers["X-API-Key"] = "application/json", "{key}"
local row = "%.4f, 1.8, 2.1, 11.2, 100, 2.6, 2.8, 0.3, 1.3, 4.4, 1.0, 3.4, 1050"
local asked = 0
request = function()
  asked = asked + 1
  return wrk.format(nil, "/api/v1/predict/wine", nil, '{{"instances": [[' .. row:format(10 + asked / 1e4) .. "]]}}")
end
"""


class State(NamedTuple):
    """Seconds of processor time so far; rows and bytes of the table of records; bytes of the write-ahead log."""

    serving: float
    database: float
    redis: float
    records: int
    heap: int
    indexes: int
    log: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlplatform.settings")
    import django

    django.setup()
    table = ["| unit | figure |", "|---|---:|", *(f"| {name} | {told} |" for name, told in measure(options))]
    text = "\n".join(table)
    print(text)
    if options.write:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}")


def measure(options: argparse.Namespace) -> list[tuple[str, str]]:
    """Each unit in words, and its figure."""
    _wait_until_loaded()
    before = _state()
    answered, line_bytes = _ask(options.url, options.key, options.seconds)
    _wait_until_loaded()
    grew = State(*(later - earlier for earlier, later in zip(before, _state(), strict=True)))
    if not 0 <= grew.records - answered <= CONNECTIONS:  # the last of each connection is answered and not counted
        raise SystemExit(f"{answered} predictions were answered and {grew.records} recorded: others were at work.")
    answered = grew.records
    micro = 1e6 / answered
    memory = {Path(f"/proc/{pid}/comm").read_text().strip(): _pss(pid) for pid in _pids("\0serve")}
    master = next(size for name, size in memory.items() if name not in ("mlp-worker", "mlp-pages", "mlp-loader"))
    return [
        ("predictions these figures come from", f"{answered:,}"),
        ("serving processes, µs of processor time a prediction", f"{grew.serving * micro:.0f}"),
        ("PostgreSQL, µs of processor time a prediction", f"{grew.database * micro:.0f}"),
        ("Redis, µs of processor time a prediction", f"{grew.redis * micro:.1f}"),
        ("spool, bytes a record", f"{line_bytes:.0f}"),
        ("table of records, bytes a record", f"{grew.heap / answered:.0f}"),
        ("its indexes, bytes a record", f"{grew.indexes / answered:.0f}"),
        ("write-ahead log, bytes a record", f"{grew.log / answered:.0f}"),
        ("a serving process with the demo's models, MB (PSS)", f"{memory['mlp-worker']:.0f}"),
        ("the process that answers pages, MB (PSS)", f"{memory['mlp-pages']:.0f}"),
        ("the process that loads their records, MB (PSS)", f"{memory['mlp-loader']:.0f}"),
        ("the server's master, MB (PSS)", f"{master:.0f}"),
        ("a job runner, MB (PSS)", f"{max(map(_pss, _pids('runjobs'))):.0f}"),
    ]


def _ask(url: str, key: str, seconds: int) -> tuple[int, float]:
    """Ask for so long; how many answers, and the bytes of a line of the spool. Exits when one was refused."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT.format(key=key))
        script.flush()
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", script.name, url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as asking:
            time.sleep(seconds / 2)
            line_bytes = _line_bytes()  # now: what is written is loaded within a second
            told = asking.communicate()[0]
    if "Non-2xx" in told or "Socket errors" in told:
        raise SystemExit(told)
    found = re.search(r"(\d+) requests in", told)
    assert found
    return int(found[1]), line_bytes


def _wait_until_loaded() -> None:
    """Until no record waits, twice: the last answers may still be on their way."""
    from monitoring import spool

    for _ in range(2):
        time.sleep(2)
        while spool.pending()["bytes"]:
            time.sleep(0.5)


def _state() -> State:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity")
        backends = [pid for (pid,) in cursor.fetchall()]
        cursor.execute(
            "SELECT sum(pg_table_size(relid)), sum(pg_indexes_size(relid))"
            " FROM pg_partition_tree('monitoring_predictionlog') WHERE isleaf"
        )
        heap, indexes = cursor.fetchone()
        cursor.execute("SELECT count(*), pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') FROM monitoring_predictionlog")
        records, log = cursor.fetchone()
    seconds = (_seconds(_pids("\0serve")), _seconds(backends), _seconds(_pids("redis-server")))
    return State(*seconds, records, int(heap), int(indexes), int(log))


def _line_bytes() -> float:
    """The mean line of this host's spool files; one that was begun last may have only a few."""
    from monitoring.spool import files

    texts = []
    for path in files.listed(files.directory()):
        with contextlib.suppress(FileNotFoundError):  # loaded meanwhile
            texts.append(path.read_bytes())
    return sum(map(len, texts)) / sum(text.count(b"\n") for text in texts)


def _pids(word: str) -> list[int]:
    """The processes of this installation, or its Redis, with the word in their command."""
    from django.conf import settings

    ours, redis = f"VAR_DIR={settings.VAR_DIR}".encode(), f":{urlsplit(settings.REDIS_URL).port or 6379}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            command = (path / "cmdline").read_bytes()
            is_ours = redis in command or ours in (path / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if word.encode() in command and is_ours:
            found.append(int(path.name))
    return found


def _seconds(pids: Iterable[int]) -> float:
    """Processor time of these processes since they began."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def _pss(pid: int) -> float:
    """Its share of memory, in MB."""
    found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) / 1024


if __name__ == "__main__":
    main()
