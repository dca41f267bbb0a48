"""How the dashboard writes numbers."""

NOTHING = "–"


def milliseconds(value: float | None) -> str:
    """A duration with about three digits and its unit: `0.042 ms`, `3.14 ms`, `1.20 s`."""
    if value is None:
        return NOTHING
    if value >= 1000:
        return f"{value / 1000:,.2f} s"
    digits = 3 if value < 1 else 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{digits}f} ms"


def percent(value: float | None) -> str:
    """A share (0 to 1) as a percentage; one that is not all or nothing never reads as 0 or 100 %."""
    if value is None:
        return NOTHING
    if 0 < value < 0.0005:
        return "<0.05 %"
    if 0.9995 <= value < 1:
        return ">99.9 %"
    return f"{100 * value:.1f} %"


def rate(value: float) -> str:
    """Requests per second with about three digits."""
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"
