"""What docs/records.md shows of the measurement."""

from typing import Any

from benchmarks import drawing

CHARTED = ("Dashboard, week", "Dashboard of a key, week", "Records", "One prediction")


def text(report: dict[str, Any]) -> str:
    """Tables and the chart's place, as Markdown."""
    sizes = _sizes(report)
    heads = " | ".join(f"{short(size)} records" for size, _ in sizes)
    lines = [
        f"Measured {report['at']} on {report['machine']}, PostgreSQL {report['postgresql']};",
        "database, server and load on the same machine. Of each page the median time on the clock in ms, of several,",
        "and in brackets the processor time that server and database spend on it; and its queries. A month of twenty",
        "models with two versions each, asked by ten clients. `python -m benchmarks.records` measures it again.",
        "",
        "![Time of pages by number of records](performance/records.svg)",
        "",
        f"| page | {heads} | queries |",
        "|---|" + "---:|" * (len(sizes) + 1),
    ]
    for name in [page["name"] for page in sizes[-1][1]["pages"]]:
        rows = [_row(found, name) for _, found in sizes]
        queries = sorted({row["queries"] for row in rows if row})
        told = str(queries[0]) if len(queries) == 1 else f"{queries[0]} to {queries[-1]}"
        times = " | ".join(f"{row['median_ms']:.0f} ({row['cpu_ms']:.0f})" if row else "" for row in rows)
        lines.append(f"| {name} | {times} | {told} |")
    lines += ["", f"| loading | {heads} |", "|---|" + "---:|" * len(sizes)]
    for processes, word in ((1, "one process"), (2, "two processes")):
        rates = " | ".join(_told(found, f"by_{processes}", "rows_per_second") for _, found in sizes)
        lines.append(f"| records a second, {word} | {rates} |")
    for key, word in (("own_us_per_record", "the loading process"), ("database_us_per_record", "PostgreSQL")):
        costs = " | ".join(_told(found, "by_1", key) for _, found in sizes)
        lines.append(f"| processor time of {word}, µs a record | {costs} |")
    if beside := report.get("beside"):
        lines += ["", *_beside(beside)]
    return "\n".join(lines)


def _beside(told: dict[str, Any]) -> list[str]:
    larger = told.get("larger_share")
    rows = [
        ("alone", told["alone"]),
        ("beside loading", told["during"]),
        *([(f"beside loading, with a share of {larger['times']} to 1", larger)] if larger else []),
        ("a process that only wakes up, alone", told["machine_alone"]),
        ("a process that only wakes up, beside loading", told["machine_during"]),
    ]
    return [
        f"Single predictions over HTTP, {told['asked_per_second']} a second whatever the answers take, in turns alone"
        f" and beside a process that loads {told['rows_per_second']:,.0f} records a second; and how late a process"
        " wakes up that does nothing else, as often and before all others: the machine's own stalls.",
        "",
        "| | p50 ms | p99 ms | longest ms | times |",
        "|---|---:|---:|---:|---:|",
        *(f"| {name} | {f['p50']:.2f} | {f['p99']:.2f} | {f['longest']:.0f} | {f['requests']:,} |" for name, f in rows),
        "",
        f"In the median of the turns p99 is {told['ratio']:.2f} times what it is alone"
        + (f", with the larger share {larger['ratio']:.2f} times." if larger else "."),
    ]


def chart(report: dict[str, Any]) -> str:
    """Time on the clock over the number of records."""
    sizes = _sizes(report)
    lines = []
    for name in CHARTED:
        rows = [_row(found, name) for _, found in sizes]
        lines.append(drawing.Line(name, [float(row["median_ms"]) if row else None for row in rows]))
    limit = drawing.Line("300 ms", [300.0] * len(sizes), is_limit=True)
    steps = [short(size) for size, _ in sizes]
    return drawing.chart("Time of a page in ms", steps, "prediction records", [*lines, limit], logarithmic=True)


def _sizes(report: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    return sorted((int(size), found) for size, found in report["sizes"].items())


def _told(found: dict[str, Any], part: str, key: str) -> str:
    return f"{found[part][key]:,.0f}" if part in found else "–"


def _row(found: dict[str, Any], name: str) -> dict[str, Any] | None:
    return next((page for page in found["pages"] if page["name"] == name), None)


def short(number: int) -> str:
    """100 k, 10 M."""
    return f"{number // 1_000_000} M" if number >= 1_000_000 else f"{number // 1_000} k"
