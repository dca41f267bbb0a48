"""A chart as its template draws it: places in percent, labels as text, and the same numbers as a table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape

from django.utils.safestring import SafeString, mark_safe

from monitoring import charts
from monitoring.charts import Bars, Curve, Scale, Tick
from monitoring.selectors import Marker
from monitoring.spans import Span

# The colours of what has no colour of its own; what is too rare to have one is the rest.
COLOURS = 8
REST = "rest"


@dataclass(frozen=True, slots=True)
class Hover:
    """A part of the plot that says something when it is pointed at. `at` is empty unless it stands for a time."""

    x: str
    width: str
    text: str
    at: str = ""

    def drawn(self) -> str:
        """As SVG."""
        at = f' data-at="{escape(self.at)}"' if self.at else ""
        place = f'x="{escape(self.x)}" y="0" width="{escape(self.width)}" height="100"'
        return f'<rect class="m-hover" {place}><title{at}>{escape(self.text)}</title></rect>'


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table of numbers."""

    cells: list[str]
    label: str
    at: str = ""

    def drawn(self) -> str:
        """As a row of HTML."""
        label = escape(self.label)
        head = f'<time datetime="{escape(self.at)}">{label}</time>' if self.at else label
        cells = "".join([f"<td>{escape(cell)}</td>" for cell in self.cells])
        return f'<tr><td class="p-nowrap">{head}</td>{cells}</tr>'


@dataclass(frozen=True, slots=True)
class Mark:
    """A vertical line: a percentile."""

    place: float
    label: str
    series: str


@dataclass(frozen=True, slots=True)
class TimeTick:
    """A time below a chart, in percent of its width."""

    place: float
    at: datetime


@dataclass(frozen=True, slots=True)
class PlacedMarker:
    """A change of what is served, where it stands in the charts."""

    place: float
    marker: Marker


@dataclass(frozen=True, slots=True)
class Chart:
    """`about` says in a sentence what is to be seen. `ticks`: labels below; without them the axis shows time."""

    key: str
    title: str
    about: str
    scale: Scale
    head: list[str]
    lines: list[Line]
    hovers: list[Hover]
    per: str = ""
    unit: str = ""
    bars: list[Bars] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    legend: list[tuple[str, str]] = field(default_factory=list)
    ticks: list[Tick] | None = None
    marks: list[Mark] = field(default_factory=list)

    @property
    def is_lines(self) -> bool:
        return bool(self.curves)

    # A week has thousands of these on a page, and a template takes several times as long for them.
    @property
    def drawn_hovers(self) -> SafeString:
        """What can be pointed at, as SVG."""
        return mark_safe("".join([hover.drawn() for hover in self.hovers]))  # noqa: S308

    @property
    def drawn_lines(self) -> SafeString:
        """The body of the table, as HTML."""
        return mark_safe("".join([line.drawn() for line in self.lines]))  # noqa: S308


def of_steps(
    span: Span, say: Callable[[int], str], cells: Callable[[int], list[str]], filled: Callable[[int], bool]
) -> tuple[list[Hover], list[Line]]:
    """What each step says when it is pointed at, and the lines of the table, the newest first, without empty ones."""
    hovers, lines = [], []
    for index, ((x, width), start) in enumerate(zip(charts.slots(len(span.starts)), span.starts, strict=True)):
        if not filled(index):
            continue
        at, time = start.isoformat(), f"{start:%Y-%m-%d %H:%M} UTC"
        hovers.append(Hover(str(x), str(width), f"{time} · {say(index)}", at))
        lines.append(Line(cells(index), time, at))
    return hovers, lines[::-1]


def coloured(names: Sequence[str]) -> dict[str, str]:
    """Series by name: the first ones have a colour each, all others share one."""
    return {name: f"c{index}" if index < COLOURS else REST for index, name in enumerate(names)}


def time_ticks(span: Span) -> list[TimeTick]:
    """Six times at most, evenly spread."""
    every = max(1, len(span.starts) // 6)
    first, last = span.since.timestamp(), span.until.timestamp()
    return [
        TimeTick(place, at)
        for at in span.starts[::every]
        if (place := charts.place(at.timestamp(), first, last)) is not None and place < 95
    ]


def placed(markers: list[Marker], span: Span) -> list[PlacedMarker]:
    """The changes that happened in the span."""
    first, last = span.since.timestamp(), span.until.timestamp()
    return [
        PlacedMarker(place, marker)
        for marker in markers
        if (place := charts.place(marker.at.timestamp(), first, last)) is not None
    ]
