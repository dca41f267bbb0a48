"""A program as bytes; `inference.runtimes.linear_text.reader` reads them back."""

from typing import Any

from inference.runtimes.linear_text import container
from inference.runtimes.linear_text.program import Array, Curve, Program, Section, Step


def write(program: Program) -> bytes:
    arrays: list[Array] = []

    def place(array: Array | None) -> int | None:
        if array is None:
            return None
        arrays.append(array)
        return len(arrays) - 1

    def step(one: Step) -> dict[str, Any]:
        return {"kind": one.kind, "factors": place(one.factors), "norm": one.norm, "threshold": one.threshold}

    def curve(one: Curve) -> dict[str, Any]:
        return {"kind": one.kind, "a": one.a, "b": one.b, "x": place(one.x), "y": place(one.y)}

    def section(one: Section) -> dict[str, Any]:
        analysis = one.analysis
        return {
            "analysis": {
                "analyzer": analysis.analyzer,
                "fold": list(analysis.fold),
                "pattern": analysis.pattern,
                "stop_words": sorted(analysis.stop_words),
                "shortest": analysis.shortest,
                "longest": analysis.longest,
            },
            "vocabulary": None if one.vocabulary is None else list(one.vocabulary),
            "buckets": one.buckets,
            "signed": one.signed,
            "binary": one.binary,
            "steps": [step(inner) for inner in one.steps],
        }

    head = program.head
    header = {
        "sections": [section(one) for one in program.sections],
        "joint": [step(one) for one in program.joint],
        "weights": place(program.weights),
        "offsets": place(program.offsets),
        "head": {
            "link": head.link,
            "classes": head.classes,
            "inner": head.inner,
            "members": [[curve(one) for one in curves] for curves in head.members],
        },
    }
    return container.pack(header, arrays)
