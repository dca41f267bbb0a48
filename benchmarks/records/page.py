"""What docs/records.md shows of the measurement."""

from typing import Any

from benchmarks import drawing

CHARTED = ("Dashboard, day", "Model, day", "Records", "One prediction")


def text(report: dict[str, Any]) -> str:
    """Tables and the chart's place, as Markdown."""
    sizes = _sizes(report)
    heads = " | ".join(f"{short(size)} records" for size, _ in sizes)
    lines = [
        f"Measured {report['at']} on {report['machine']}, PostgreSQL {report['postgresql']};",
        "database, server and load on the same machine, which others worked on, too. Of each page the shortest",
        "server time of several in ms, at the largest size also the processor time that server and database spend on",
        "it, and its queries; a month of twenty models with two versions each, asked by ten clients.",
        "`python -m benchmarks.records` measures it again.",
        "",
        "![Server time of pages by number of records](performance/records.svg)",
        "",
        f"| page | {heads} | CPU | queries |",
        "|---|" + "---:|" * (len(sizes) + 2),
    ]
    for name in [page["name"] for page in sizes[-1][1]["pages"]]:
        rows = [_row(found, name) for _, found in sizes]
        queries = sorted({row["queries"] for row in rows if row})
        told = str(queries[0]) if len(queries) == 1 else f"{queries[0]} to {queries[-1]}"
        times = " | ".join(f"{row['shortest_ms']:.0f}" if row else "" for row in rows)
        used = f"{rows[-1]['cpu_ms']:.0f}" if rows[-1] else ""
        lines.append(f"| {name} | {times} | {used} | {told} |")
    lines += ["", f"| loading | {heads} |", "|---|" + "---:|" * len(sizes)]
    for processes, word in ((1, "one process"), (2, "two processes")):
        rates = " | ".join(_told(found, f"by_{processes}", "rows_per_second") for _, found in sizes)
        lines.append(f"| records a second, {word} | {rates} |")
    for key, word in (("own_us_per_record", "the loading process"), ("database_us_per_record", "PostgreSQL")):
        costs = " | ".join(_told(found, "by_1", key) for _, found in sizes)
        lines.append(f"| processor time of {word}, µs a record | {costs} |")
    if beside := report.get("beside"):
        alone, during = beside["alone"], beside["during"]
        lines += [
            "",
            "Single predictions over HTTP, four clients asking a hundred times a second each: alone p50"
            f" {alone['p50']:.2f} ms, p99 {alone['p99']:.2f} ms;",
            f"while another process loads {beside['rows_per_second']:,.0f} records a second,",
            f"p50 {during['p50']:.2f} ms, p99 {during['p99']:.2f} ms.",
        ]
    return "\n".join(lines)


def chart(report: dict[str, Any]) -> str:
    """Server time over the number of records."""
    sizes = _sizes(report)
    lines = []
    for name in CHARTED:
        rows = [_row(found, name) for _, found in sizes]
        lines.append(drawing.Line(name, [float(row["shortest_ms"]) if row else None for row in rows]))
    limit = drawing.Line("300 ms", [300.0] * len(sizes), is_limit=True)
    steps = [short(size) for size, _ in sizes]
    return drawing.chart("Server time in ms", steps, "prediction records", [*lines, limit], logarithmic=True)


def _sizes(report: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    return sorted((int(size), found) for size, found in report["sizes"].items())


def _told(found: dict[str, Any], part: str, key: str) -> str:
    return f"{found[part][key]:,.0f}" if part in found else "–"


def _row(found: dict[str, Any], name: str) -> dict[str, Any] | None:
    return next((page for page in found["pages"] if page["name"] == name), None)


def short(number: int) -> str:
    """100 k, 10 M."""
    return f"{number // 1_000_000} M" if number >= 1_000_000 else f"{number // 1_000} k"
