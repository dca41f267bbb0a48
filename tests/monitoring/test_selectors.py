"""What the dashboard's numbers are made of."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring import selectors, spans, spool
from registry.models import Deployment, RegisteredModel

pytestmark = pytest.mark.django_db

NOW = datetime(2024, 5, 1, 12, 30, 30, tzinfo=UTC)


@pytest.fixture
def log(record: Any) -> Callable[..., None]:
    """Records one request `ago` before NOW and loads it."""

    def add(ago: timedelta = timedelta(minutes=5), **values: Any) -> None:
        spool.append(record(at=NOW - ago, **values))
        spool.ship_once()

    return add


def test_an_empty_window_has_all_its_steps_and_no_numbers(toy_model: Any, ada: Any) -> None:
    overview = selectors.overview("hour", None, ada, now=NOW)
    assert len(overview.points) == 60
    assert overview.points[-1].start == datetime(2024, 5, 1, 12, 30, tzinfo=UTC)
    totals = overview.totals
    assert (totals.requests, totals.error_rate, totals.cached_share, totals.p50_ms) == (0, None, None, None)
    assert overview.lines == []


def test_shares_and_counts_are_those_of_the_records(log: Any, ada: Any) -> None:
    for outcome in ("ok", "ok", "cached", "cached", "invalid", "error", "timeout", "ok"):
        log(outcome=outcome, instance_count=3)
    totals = selectors.overview("hour", None, ada, now=NOW).totals
    assert (totals.requests, totals.instances) == (8, 24)
    assert totals.error_rate == 2 / 8
    assert totals.refusals == 1
    assert totals.cached_share == 2 / 5
    assert totals.mean_ms == pytest.approx(2.5)


def test_percentiles_are_those_of_the_window(log: Any, ada: Any) -> None:
    for latency in range(1, 101):
        log(latency_ms=float(latency))
    p50, p95, p99 = selectors.overview("hour", None, ada, now=NOW).totals.percentiles
    assert p50 == pytest.approx(50, rel=0.045)
    assert p95 == pytest.approx(95, rel=0.045)
    assert p99 == pytest.approx(99, rel=0.045)


@pytest.mark.parametrize(
    ("window", "inside", "outside"),
    [
        ("hour", timedelta(minutes=59), timedelta(minutes=61)),
        ("day", timedelta(hours=23, minutes=40), timedelta(hours=25)),
        ("week", timedelta(days=6, hours=23), timedelta(days=7, hours=1)),
    ],
)
def test_a_window_shows_what_is_inside_it(
    log: Any, ada: Any, window: str, inside: timedelta, outside: timedelta
) -> None:
    for ago in (timedelta(0), inside, outside):
        log(ago)
    overview = selectors.overview(window, None, ada, now=NOW)
    assert overview.totals.requests == 2
    assert sum(point.sums.requests for point in overview.points) == 2
    assert overview.points[-1].sums.requests == 1
    assert overview.points[0].sums.requests == 1


def test_a_request_is_counted_in_the_step_it_came_in(log: Any, ada: Any) -> None:
    log(timedelta(minutes=7))
    (point,) = [p for p in selectors.overview("hour", None, ada, now=NOW).points if p.sums.requests]
    assert point.start == datetime(2024, 5, 1, 12, 23, tzinfo=UTC)


def test_other_peoples_private_models_are_not_counted(log: Any, toy_model: Any, bob: Any, root: Any) -> None:
    log()
    assert selectors.overview("hour", None, bob, now=NOW).totals.requests == 0
    assert selectors.overview("hour", toy_model, bob, now=NOW).totals.requests == 0
    assert selectors.overview("hour", None, root, now=NOW).totals.requests == 1
    RegisteredModel.objects.update(visibility="internal")
    assert selectors.overview("hour", None, bob, now=NOW).totals.requests == 1


def test_models_are_listed_busiest_first_and_versions_within_a_model(
    log: Any, toy_model: Any, ada: Any, record: Any
) -> None:
    other = RegisteredModel.objects.create(name="busy", task="regression", owner=ada)
    log()
    for _ in range(2):
        log(model_id=other.pk, version_id=None, outcome="invalid")
    lines = selectors.overview("hour", None, ada, now=NOW).lines
    found = [(line.label, line.sums.requests, sum(line.requests)) for line in lines]
    assert found == [("busy", 2, 2), ("toy", 1, 1)]
    (line,) = selectors.overview("hour", toy_model, ada, now=NOW).lines
    assert line.label == "toy:1"
    (line,) = selectors.overview("hour", other, ada, now=NOW).lines
    assert line.label == "no version"


def test_what_was_activated_in_the_window_is_marked(toy_version: Any, ada: Any) -> None:
    for ago in (timedelta(minutes=10), timedelta(minutes=70)):
        at = NOW - ago
        Deployment.objects.create(
            model=toy_version.model,
            version=toy_version,
            action="activate",
            by=ada,
            activated_at=at,
            closed_at=at,
        )
    (marker,) = selectors.overview("hour", None, ada, now=NOW).markers
    assert (marker.label, marker.by, marker.at) == ("toy:1", ada.email, NOW - timedelta(minutes=10))


@pytest.mark.parametrize("window", list(spans.WINDOWS))
def test_the_number_of_queries_does_not_grow(log: Any, ada: Any, window: str, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(5):
        selectors.overview(window, None, ada, now=NOW)
    for number in range(10):
        model = RegisteredModel.objects.create(name=f"model-{number}", task="regression", owner=ada)
        log(timedelta(minutes=number), model_id=model.pk, version_id=None)
    with django_assert_num_queries(5):
        selectors.overview(window, None, ada, now=NOW)


def test_an_unknown_window_is_a_key_error(ada: Any) -> None:
    with pytest.raises(KeyError):
        selectors.overview("year", None, ada)


def test_requests_per_second_are_those_of_the_time_that_has_passed(log: Any, ada: Any) -> None:
    log()
    overview = selectors.overview("hour", None, ada, now=NOW)
    assert overview.requests_per_second == pytest.approx(1 / (59 * 60 + 30))


@pytest.mark.parametrize("window", list(spans.WINDOWS))
def test_lines_read_in_coarse_pieces_add_up_to_the_steps(log: Any, ada: Any, window: str) -> None:
    for number, hours in enumerate((0, 0.2, 0.4, 3, 11, 13, 23, 30, 47, 100, 165, 167, 400)):
        log(timedelta(hours=hours), latency_ms=1.0 + number, outcome=("ok", "error")[number % 2])
    overview = selectors.overview(window, None, ada, now=NOW)
    assert overview.totals.requests > 2
    [line] = overview.lines
    assert (line.sums.outcomes, line.sums.counts) == (overview.totals.outcomes, overview.totals.counts)
    assert sum(line.requests) == overview.totals.requests


@given(st.sampled_from(list(spans.WINDOWS.values())), st.integers(0, 10**6))
def test_pieces_cover_a_span_once_in_whole_steps(window: spans.Window, minutes: int) -> None:
    span = window.span(NOW + timedelta(minutes=minutes))
    assert [span.since, *(until for _, _, until in span.pieces)] == [
        *(since for _, since, _ in span.pieces),
        span.until,
    ]
    for resolution, since, until in span.pieces:
        assert resolution >= span.resolution
        assert since < until
        assert (since.timestamp() % resolution, until.timestamp() % resolution) == (0, 0)
        assert resolution == span.resolution or until < span.until, "what runs is read in the finest steps"


def test_sums_that_are_kept_for_a_shorter_time_are_not_relied_on(settings: Any) -> None:
    span = spans.WINDOWS["week"].span(NOW)
    assert len(span.pieces) == 3
    settings.ROLLUP_DAY_DAYS = settings.ROLLUP_HOUR_DAYS - 1
    assert span.pieces == [(span.resolution, span.since, span.until)]
