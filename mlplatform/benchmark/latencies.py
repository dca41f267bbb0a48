"""What a list of durations says."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Latencies:
    """Milliseconds; all zero when nothing was measured."""

    count: int
    average: float
    minimum: float
    maximum: float
    p50: float
    p95: float
    p99: float

    def to_dict(self) -> dict[str, float]:
        """As the report shows them, in milliseconds."""
        shown = ("average", "minimum", "maximum", "p50", "p95", "p99")
        return {f"{name}_ms": round(getattr(self, name), 3) for name in shown}


def summary(milliseconds: Sequence[float]) -> Latencies:
    """The average, the extremes and the nearest-rank percentiles."""
    if not milliseconds:
        return Latencies(0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    ordered = sorted(milliseconds)
    return Latencies(
        count=len(ordered),
        average=math.fsum(ordered) / len(ordered),
        minimum=ordered[0],
        maximum=ordered[-1],
        p50=percentile(ordered, 0.50),
        p95=percentile(ordered, 0.95),
        p99=percentile(ordered, 0.99),
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that `share` (0 to 1) of the values don't exceed; `ordered` ascends and isn't empty."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
