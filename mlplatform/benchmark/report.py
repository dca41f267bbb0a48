"""The whole benchmark: the chosen sections in their order, the verdict, and the table for people."""

import os
import platform
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

from mlplatform.benchmark import answering, caching, ceiling, loading, suggestions
from mlplatform.benchmark.bench import Bench, Section
from mlplatform.benchmark.questions import judge_of
from mlplatform.benchmark.requirements import Promise, all_kept

SECTIONS: dict[str, Callable[[Bench], Section]] = {
    "model_loading": loading.model_loading,
    "quality_prediction": answering.quality_prediction,
    "cache": caching.cache,
    "concurrent_performance": answering.concurrent_performance,
    "throughput": answering.throughput,
    "suggestions": suggestions.suggestions,
    "memory_efficiency": loading.memory_efficiency,
}

NEAR_THE_CEILING = 0.6


def run(bench: Bench, names: Sequence[str]) -> dict[str, Any]:
    """The sections named (all when none is), in the report's order.

    `promises` is the verdict in lines, `meets_requirements` in one word.
    """
    found: dict[str, Any] = {}
    promises: list[Promise] = []
    for name, measure in SECTIONS.items():
        if not names or name in names:
            section, kept = measure(bench)
            if section:
                found[name] = section
            promises += kept
    return {
        **found,
        "start_seconds": bench.target.start_seconds,
        "load_generator": _generator(bench, found.get("throughput", {}).get("models", {})),
        "environment": _environment(),
        "promises": [promise.to_dict() for promise in promises],
        "meets_requirements": all_kept(promises),
    }


def table(report: dict[str, Any]) -> str:
    """The verdict for people."""
    lines = [("promise", "requirement", "measured", "")]
    words = {True: "kept", False: "MISSED", None: "–"}
    lines += [
        (line["promise"], line["requirement"], line["measured"], words[line["meets_requirement"]])
        for line in report["promises"]
    ]
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    rule = ["─" * width for width in widths]
    shown = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([shown[0], "  ".join(rule), *shown[1:], "", *_notes(report)])


def _notes(report: dict[str, Any]) -> list[str]:
    notes = []
    if report["start_seconds"] is not None:
        notes.append(f"From the start of the server to its first answer: {report['start_seconds']:.2f} s.")
    generator = report["load_generator"]
    notes.append(
        f"The load generator shares the machine ({report['environment']['cpus']} CPUs); "
        f"alone it comes to {generator['ceiling_per_second']:,.0f} requests/s."
    )
    if generator["is_the_limit"]:
        notes.append("It was the limit here: the server can do more than these numbers say.")
    return notes


def _generator(bench: Bench, measured: dict[str, Any]) -> dict[str, Any]:
    """What the load generator can do at most, and whether the measured rates came near it."""
    bench.progress("the load generator itself", 0.0)
    connections = bench.effort.connections
    most = ceiling.requests_per_second(judge_of(bench.subjects[0].version), connections=connections)
    rates = [model["requests_per_second"] for model in measured.values()]
    return {
        "connections": connections,
        "ceiling_per_second": most,
        "is_the_limit": max(rates, default=0.0) > NEAR_THE_CEILING * most,
    }


def _environment() -> dict[str, Any]:
    return {
        "cpus": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "onnxruntime": version("onnxruntime"),
    }
