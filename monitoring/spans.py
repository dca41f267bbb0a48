"""Spans of time as the dashboards show them: a window up to now, or any other from one moment to another."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.dateparse import parse_datetime

from monitoring.models import Resolution

CUSTOM = "custom"
LONGEST = timedelta(days=400)
# Up to so long, the steps are of that resolution: 180 steps and fewer, but for very long spans.
_FINEST = (
    (timedelta(hours=3), Resolution.MINUTE),
    (timedelta(days=2), Resolution.QUARTER),
    (timedelta(days=7, hours=12), Resolution.HOUR),
)


class UnreadableSpan(ValueError):
    """The words for a span can't be read; the message says what they should be."""


@dataclass(frozen=True, slots=True)
class Span:
    """Equal steps of time. A span that is not `is_past` ends with the step that runs."""

    name: str
    label: str
    resolution: Resolution
    starts: list[datetime]
    is_past: bool = False

    @property
    def since(self) -> datetime:
        """The first instant."""
        return self.starts[0]

    @property
    def until(self) -> datetime:
        """The first instant that no longer belongs to it."""
        return self.starts[-1] + timedelta(seconds=self.resolution)

    def seconds(self, now: datetime) -> float:
        """How much of it has passed; never 0."""
        return max(1.0, (min(now, self.until) - self.since).total_seconds())

    @property
    def pieces(self) -> list[tuple[Resolution, datetime, datetime]]:
        """The same time in few steps: whole coarser ones in the middle, its own at both ends.

        A coarser step that ends with the span is left out: it may be the one that runs.
        """
        return _pieces(self.resolution, int(self.since.timestamp()), int(self.until.timestamp()))


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time up to now, in equal steps; the last step is the one that runs."""

    name: str
    label: str
    resolution: Resolution
    steps: int

    def starts(self, now: datetime) -> list[datetime]:
        """The first instant of each step, oldest first."""
        last = int(now.timestamp()) // self.resolution * self.resolution
        return [_at(last - back * self.resolution) for back in range(self.steps - 1, -1, -1)]

    def span(self, now: datetime) -> Span:
        """The window at a moment."""
        return Span(self.name, self.label, self.resolution, self.starts(now))


WINDOWS = {
    window.name: window
    for window in (
        Window("hour", "Last hour", Resolution.MINUTE, 60),
        Window("day", "Last day", Resolution.QUARTER, 96),
        Window("week", "Last week", Resolution.HOUR, 168),
        Window("month", "Last 30 days", Resolution.DAY, 30),
    )
}


def between(since: datetime, until: datetime, now: datetime) -> Span:
    """The steps from `since` to `until`, widened to whole ones. Raises UnreadableSpan."""
    until = min(until, now)
    if since >= until:
        raise UnreadableSpan("The span has to begin before it ends, and before now.")
    if until - since > LONGEST:
        raise UnreadableSpan(f"A span is at most {LONGEST.days} days long.")
    resolution = _finest(until - since, now - since)
    first = int(since.timestamp()) // resolution * resolution
    starts = [_at(at) for at in range(first, int(until.timestamp()) + bool(until.microsecond), resolution)]
    label = f"{since.astimezone(UTC):%Y-%m-%d %H:%M} to {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return Span(CUSTOM, label, resolution, starts, is_past=until < now)


def read(query: Mapping[str, str], now: datetime, *, usual: str = "hour") -> Span:
    """The span that a page is asked for: `from` and `to`, or `window`. Raises UnreadableSpan."""
    if query.get("from") or query.get("to"):
        until = _moment(query["to"]) if query.get("to") else now
        since = _moment(query["from"]) if query.get("from") else until - timedelta(days=1)
        return between(since, until, now)
    window = WINDOWS.get(query.get("window") or usual)
    if window is None:
        raise UnreadableSpan(f"There is no such window; there are {', '.join(WINDOWS)}.")
    return window.span(now)


def _pieces(resolution: Resolution, since: int, until: int) -> list[tuple[Resolution, datetime, datetime]]:
    coarser = next((one for one in sorted(Resolution) if one > resolution), None)
    if coarser is not None and _kept_as_long(coarser, resolution):
        first, last = -(-since // coarser) * coarser, (until - 1) // coarser * coarser
        if first < last:
            return [
                *_piece(resolution, since, first),
                *_pieces(coarser, first, last),
                *_piece(resolution, last, until),
            ]
    return _piece(resolution, since, until)


def _piece(resolution: Resolution, since: int, until: int) -> list[tuple[Resolution, datetime, datetime]]:
    return [(resolution, _at(since), _at(until))] if since < until else []


def _kept_as_long(coarser: Resolution, finer: Resolution) -> bool:
    """Whether sums of the coarser steps are kept at least as long; 0 means for good."""
    kept, own = _kept()[coarser], _kept()[finer]
    return not kept or bool(own and kept >= own)


def _kept() -> dict[Resolution, int]:
    """Days that the sums of each resolution are kept; 0: for good."""
    return {
        Resolution.MINUTE: settings.ROLLUP_MINUTE_DAYS,
        Resolution.QUARTER: settings.ROLLUP_QUARTER_DAYS,
        Resolution.HOUR: settings.ROLLUP_HOUR_DAYS,
        Resolution.DAY: settings.ROLLUP_DAY_DAYS,
    }


def _finest(length: timedelta, age: timedelta) -> Resolution:
    """The resolution for so long a span that began so long ago: old sums are kept in coarser ones only."""
    kept = _kept()
    for longest, resolution in _FINEST:
        days = kept[resolution]
        if length <= longest and (not days or age <= timedelta(days=days)):
            return resolution
    return Resolution.DAY


def _moment(text: str) -> datetime:
    """A moment; without a zone it is meant in the platform's. A `+` that arrived as a space is put back."""
    try:
        found = parse_datetime(text if "T" not in text else text.replace(" ", "+"))
    except ValueError:
        found = None
    if found is None or not 1970 < found.year < 9999:
        raise UnreadableSpan("A moment reads 2026-01-31T12:00, or 2026-01-31T12:00:00Z with its zone.")
    return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(settings.TIME_ZONE))


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
