"""From cells to tables in Markdown: medians over the rounds, and how many times faster than each peer."""

import textwrap
from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks.peers.series import OURS

Cells = Sequence[dict[str, Any]]
_NOISY_CORES = 0.2


def middle(cell: dict[str, Any], field: str) -> float:
    """The median of a run's figure over the rounds."""
    return float(median(run[field] for run in cell["runs"]))


def ratios(cells: Cells) -> str:
    """One row per workload: our rate, and how many times that of each other server it is."""
    names = list(dict.fromkeys(cell["server"] for cell in cells if cell["server"] != OURS))
    lines = [["", "mlplatform, requests/s", *(f"× {name}" for name in names)]]
    for workload in dict.fromkeys(cell["workload"] for cell in cells):
        by_name = {cell["server"]: cell for cell in cells if cell["workload"] == workload and cell["runs"]}
        if OURS not in by_name:
            continue
        rate = middle(by_name[OURS], "per_second")
        shown = [_times(rate / middle(by_name[name], "per_second")) if name in by_name else "–" for name in names]
        lines.append([workload, f"{rate:,.0f}", *shown])
    return markdown(lines)


def details(cells: Cells, workload: str) -> str:
    """All servers under one workload, the fastest first."""
    mine = [cell for cell in cells if cell["workload"] == workload]
    measured = sorted((cell for cell in mine if cell["runs"]), key=lambda cell: -middle(cell, "per_second"))
    lines = [
        [
            "server",
            "requests/s (least–most)",
            "p50 ms",
            "p95 ms",
            "p99 ms",
            "CPU µs",
            "PSS MB",
            "start s",
            "failed",
            "others' cores",
        ]
    ]
    for cell in measured:
        rates = [run["per_second"] for run in cell["runs"]]
        lines.append([
            cell["server"],
            f"**{median(rates):,.0f}** ({min(rates):,.0f}–{max(rates):,.0f})",
            *(f"{middle(cell, field):.2f}" for field in ("p50_ms", "p95_ms", "p99_ms")),
            f"{middle(cell, 'server_cpu_us'):,.0f}",
            f"{cell['memory_mb']:.0f}",
            f"{cell['start_seconds']:.1f}" if cell["start_seconds"] is not None else "–",
            str(sum(run["failed"] for run in cell["runs"])),
            f"{max(run['others_cores'] for run in cell['runs']):.2f}",
        ])  # fmt: skip
    shown = markdown(lines, right_from=1)
    unfit = [f"- {cell['server']}: {_short(cell['problem'])}" for cell in mine if cell["problem"]]
    return "\n".join([shown, *(["", "Not measured:", "", *unfit] if unfit else [])])


def is_noisy(cells: Cells) -> bool:
    """Whether somebody else used the machine meanwhile."""
    return any(run["others_cores"] > _NOISY_CORES for cell in cells for run in cell["runs"])


def markdown(lines: Sequence[Sequence[str]], *, right_from: int = 1) -> str:
    """A table; the first line is its head."""
    head, *rows = lines
    rule = ["---" if at < right_from else "---:" for at in range(len(head))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rows))


def _times(ratio: float) -> str:
    return f"{ratio:.1f}" if ratio < 100 else f"{ratio:.0f}"


def _short(problem: str) -> str:
    return textwrap.shorten(problem.replace("|", "/"), 200, placeholder=" …")
