"""Line charts as SVG files, for pages. Steps are evenly spaced; the value axis begins at 0, or is logarithmic."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from monitoring import charts

WIDTH, HEIGHT = 720, 320
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 40, 48
COLOURS = ("#2563eb", "#ea580c", "#16a34a", "#9333ea", "#64748b")


@dataclass(frozen=True, slots=True)
class Line:
    """One line; `values` has a number, or None, for each step. A limit is drawn dashed."""

    name: str
    values: Sequence[float | None]
    is_limit: bool = False


def chart(title: str, steps: Sequence[str], under: str, lines: Sequence[Line], *, logarithmic: bool = False) -> str:
    """The chart as text of an SVG file. `under` says what the steps are."""
    values = [value for line in lines for value in line.values if value is not None]
    place, ticks = (_logarithmic if logarithmic else _linear)(values)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        ' font-family="system-ui, sans-serif" font-size="12">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="16" font-weight="600" fill="#111827">{escape(title)}</text>',
    ]
    for share, label in ticks:
        y = _y(share)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" stroke="#e5e7eb"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end" fill="#4b5563">{escape(label)}</text>')
    for number, step in enumerate(steps):
        parts.append(
            f'<text x="{_x(number, len(steps))}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle"'
            f' fill="#4b5563">{escape(step)}</text>'
        )
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle" fill="#4b5563">{escape(under)}</text>')
    at = float(LEFT)
    for number, line in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        parts += _line(line, colour, [None if value is None else place(value) for value in line.values])
        parts.append(f'<rect x="{at}" y="24" width="12" height="3" fill="{colour}"/>')
        parts.append(f'<text x="{at + 16}" y="30" fill="#111827">{escape(line.name)}</text>')
        at += 28 + 6.6 * len(line.name)
    return "\n".join([*parts, "</svg>", ""])


def _line(line: Line, colour: str, shares: Sequence[float | None]) -> list[str]:
    """The line through the values that there are, a dot at each."""
    points = [(_x(number, len(shares)), _y(share)) for number, share in enumerate(shares) if share is not None]
    path = " ".join(f"{x},{y}" for x, y in points)
    dashes = ' stroke-dasharray="6 4"' if line.is_limit else ""
    parts = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>']
    if not line.is_limit:
        parts += [f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in points]
    return parts


def _linear(values: Sequence[float]):  # type: ignore[no-untyped-def]
    scale = charts.value_scale(max(values, default=1.0))
    ticks = [((100.0 - tick.place) / 100.0, tick.label) for tick in scale.ticks]
    return (lambda value: scale.height(value) / 100.0), ticks


def _logarithmic(values: Sequence[float]):  # type: ignore[no-untyped-def]
    """Whole powers of ten around the values; what is not above 0 lies at the bottom."""
    above = [value for value in values if value > 0] or [1.0]
    low, high = math.floor(math.log10(min(above))), math.ceil(math.log10(max(above)))
    high = max(high, low + 1)
    ticks = [((power - low) / (high - low), charts.short(10.0**power)) for power in range(low, high + 1)]
    return (lambda value: (math.log10(value) - low) / (high - low) if value > 0 else 0.0), ticks


def _x(number: int, count: int) -> float:
    slot = (WIDTH - LEFT - RIGHT) / max(1, count)
    return round(LEFT + slot * (number + 0.5), 2)


def _y(share: float) -> float:
    return round(TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - share), 2)
