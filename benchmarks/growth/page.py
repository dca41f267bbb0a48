"""The growth measurements as charts and tables."""

from typing import Any

from benchmarks.drawing import Line, chart
from benchmarks.peers.table import markdown

Report = dict[str, Any]


def drawings(report: Report) -> dict[str, str]:
    """File name to SVG."""
    drawn = {}
    if found := report.get("connections"):
        steps = [str(figures["connections"]) for figures in found]
        lines = [Line("requests/s", [figures["per_second"] for figures in found])]
        if single := [figures["in_process"] for figures in report.get("rows", []) if figures["rows"] == 1]:
            limit = report["cpus"] * single[0]["whole"]
            lines.append(Line("limit: JSON and model, no HTTP", [limit] * len(found), is_limit=True))
        drawn["connections.svg"] = chart("Requests per second by connections", steps, "connections", lines)
        times = [Line(name, [figures[f"{name}_ms"] for figures in found]) for name in ("p50", "p99")]
        drawn["latency.svg"] = chart("Milliseconds by connections", steps, "connections", times, logarithmic=True)
    if found := report.get("rows"):
        steps = [f"{figures['rows']:,}" for figures in found]
        served = [figures["per_second"] * figures["rows"] for figures in found]
        model, whole = (
            [report["cpus"] * figures["in_process"][name] * figures["rows"] for figures in found]
            for name in ("model", "whole")
        )
        lines = [
            Line("served over HTTP", served),
            Line("limit: JSON and model, no HTTP", whole, is_limit=True),
            Line("limit: model alone", model, is_limit=True),
        ]
        drawn["rows.svg"] = chart(
            "Rows per second by rows per request", steps, "rows per request", lines, logarithmic=True
        )
    if found := report.get("workers"):
        steps = [str(figures["workers"]) for figures in found]
        lines = [Line("requests/s", [figures["per_second"] for figures in found])]
        drawn["workers.svg"] = chart("Requests per second by serving processes", steps, "serving processes", lines)
    if found := report.get("models"):
        steps = [str(figures["models"]) for figures in found]
        lines = [Line("requests/s, models asked in turn", [figures["per_second"] for figures in found])]
        drawn["models.svg"] = chart("Requests per second by live models", steps, "live models", lines)
    return drawn


def text(report: Report) -> str:
    """The part of the page."""
    noise = " **Others used the machine meanwhile: compare, but don't quote.**" if _is_noisy(report) else ""
    parts = [
        f"Measured {report['at']} UTC on {report['machine']}; mlplatform {report['program']}, {report['store']}; "
        f"the forest of W2, 2 serving processes and 16 connections unless said; median of {report['rounds']} rounds of "
        f"{report['seconds']:g} s.{noise}",
    ]
    for name, write in (
        ("connections", _connections), ("rows", _rows), ("workers", _workers), ("models", _models),
        ("interference", _interference), ("first", _first),
    ):  # fmt: skip
        if name in report:
            parts.append(write(report))
    return "\n\n".join(parts)


def _connections(report: Report) -> str:
    lines = [["connections", "requests/s", "p50 ms", "p99 ms", "CPU µs", "failed"]]
    lines += [
        [str(f["connections"]), f"{f['per_second']:,.0f}", f"{f['p50_ms']:.2f}", f"{f['p99_ms']:.2f}",
         f"{f['server_cpu_us']:.0f}", str(f["failed"])]
        for f in report["connections"]
    ]  # fmt: skip
    return (
        "### Connections\n\n![Requests per second](performance/connections.svg)\n\n"
        "![Milliseconds](performance/latency.svg)\n\n" + markdown(lines, right_from=0)
    )


def _rows(report: Report) -> str:
    lines = [
        ["rows per request", "requests/s", "rows/s", "p99 ms", "limit, JSON and model: rows/s", "limit, model: rows/s"]
    ]
    for f in report["rows"]:
        limits = [f"{report['cpus'] * f['in_process'][name] * f['rows']:,.0f}" for name in ("whole", "model")]
        rate = f["per_second"]
        lines.append([f"{f['rows']:,}", f"{rate:,.0f}", f"{rate * f['rows']:,.0f}", f"{f['p99_ms']:.2f}", *limits])
    return (
        "### Rows per request\n\n![Rows per second](performance/rows.svg)\n\n" + markdown(lines, right_from=0) +
        f"\n\nThe limits are one thread without HTTP, times {report['cpus']} CPUs: nobody to ask, nothing written down."
    )  # fmt: skip


def _workers(report: Report) -> str:
    lines = [["serving processes", "requests/s", "p50 ms", "p99 ms", "PSS MB"]]
    lines += [
        [
            str(f["workers"]),
            f"{f['per_second']:,.0f}",
            f"{f['p50_ms']:.2f}",
            f"{f['p99_ms']:.2f}",
            f"{f['memory_mb']:.0f}",
        ]
        for f in report["workers"]
    ]
    return "### Serving processes\n\n![Requests per second](performance/workers.svg)\n\n" + markdown(
        lines, right_from=0
    )


def _models(report: Report) -> str:
    lines = [["live models", "requests/s", "p99 ms", "PSS MB", "ready after s"]]
    lines += [
        [str(f["models"]), f"{f['per_second']:,.0f}", f"{f['p99_ms']:.2f}", f"{f['memory_mb']:.0f}",
         f"{f['start_seconds']:.2f}"]
        for f in report["models"]
    ]  # fmt: skip
    return "### Live models\n\n![Requests per second](performance/models.svg)\n\n" + markdown(lines, right_from=0)


def _interference(report: Report) -> str:
    found = report["interference"]
    alone = found["alone"]["p99_ms"]
    words = {
        "alone": "nothing",
        "pages": "admin pages, 300 ms of each second",
        "batches": "a batch of 10,000 rows each second",
        "both": "both",
    }
    lines = [["beside it", "requests/s", "p50 ms", "p99 ms (least–most)", "p99, times that alone", "failed"]]
    lines += [
        [words[name], f"{f['per_second']:,.0f}", f"{f['p50_ms']:.2f}",
         f"{f['p99_ms']:.2f} ({f['p99_least_ms']:.1f}–{f['p99_most_ms']:.1f})",
         f"{f['p99_ms'] / alone:.2f}", str(f["failed"])]
        for name, f in found.items()
    ]  # fmt: skip
    page, batch = found["both"]["took_ms"]
    return (
        "### What disturbs single predictions\n\n" + markdown(lines) +
        f"\n\nMedians of {found['both']['rounds']} rounds. "
        f"Under this load an admin page took {page:.0f} ms and a batch of 10,000 rows {batch:.0f} ms."
    )  # fmt: skip


def _first(report: Report) -> str:
    f = report["first"]
    lines = [
        ["", ""],
        ["start of the server to its first prediction", f"{f['start_to_first_answer_seconds']:.2f} s"],
        [f"first answer of a version nobody has loaded (median of {f['cold_versions']})",
         f"{f['cold_version_first_answer_ms']:.1f} ms"],
        ["the answer after it", f"{f['cold_version_second_answer_ms']:.1f} ms"],
        ["memory of the server, two serving processes", f"{f['serving_memory_mb']:.0f} MB"],
        ["memory of the job runner, besides", f"{f['job_runner_memory_mb']:.0f} MB"],
    ]  # fmt: skip
    return "### Start, cold versions, memory\n\n" + markdown(lines)


def _is_noisy(report: Report) -> bool:
    series = (report.get(name, []) for name in ("connections", "rows", "workers", "models"))
    return any(figures["others_cores"] > 0.2 for found in series for figures in found)
