"""Writes the page that lists every metric, from the sheet that declares them."""

from collections.abc import Iterator, Sequence

from django_prometheus.cache import metrics as cache_metrics
from django_prometheus.db import metrics as database_metrics
from prometheus_client import Counter, Histogram

from accounts import metrics
from mlplatform.http_metrics import KeptMetrics

_HEAD = """\
# Metrics

`GET /metrics` answers in Prometheus' text format, with the key of a member of the staff (scope `read`) or from a
network in `METRICS_NETWORKS`. Scrape any serving process of a host: the counts are sums over all of the host's
processes, those that died included; the states tell of those that live. `manage.py serve` forgets the counts of dead
processes when it starts, which Prometheus takes for the restart it is. A prediction is counted after its record is
written and before its answer leaves: answered ≤ counted ≤ asked, also when a process is killed. Histograms and caches
follow with the process's next heartbeat.

Times are in seconds. Labels are bounded by what is registered: models, versions, outcomes, error codes. No label holds
a person, a key, an address or a text from a request. `make metrics-page` writes this page from the code, and a test
compares the two.

"""
_TABLE_HEAD = "| name | kind | labels | meaning |\n|---|---|---|---|\n"
_BORROWED_HEAD = """
## Requests, database and cache

Counted by [django-prometheus](https://github.com/django-commons/django-prometheus), of which the platform keeps what is
listed here. Predictions that the fast lane answers are not among these requests, and neither are `/health` and
`/ready`: the first are in `ml_prediction_total`, the others tell nothing. The database's counts are those of serving
processes and job runners, not of commands. `view` is the name of a route, never a path.

"""


def render() -> str:
    """The page, in Markdown."""
    own, borrowed = ("\n".join(rows) for rows in (_own_rows(), map(_counted_row, borrowed_metrics())))
    return f"{_HEAD}{_TABLE_HEAD}{own}\n{_BORROWED_HEAD}{_TABLE_HEAD}{borrowed}\n"


def borrowed_metrics() -> list[Counter | Histogram]:
    """What django-prometheus counts here, by name."""
    rooms = (vars(KeptMetrics.get_instance()), vars(database_metrics), vars(cache_metrics))
    found = [value for room in rooms for value in room.values() if isinstance(value, Counter | Histogram)]
    return sorted(found, key=lambda metric: metric._name)


def sample_names() -> set[str]:
    """Every name that a scrape can hold: those of a histogram are three."""
    names = {state.name for state in metrics.STATES}
    for counted in [*metrics.COUNTED, *borrowed_metrics()]:
        endings = ("_total",) if isinstance(counted, Counter) else ("_bucket", "_sum", "_count")
        names |= {counted._name + ending for ending in endings}
    return names


def _own_rows() -> Iterator[str]:
    yield from map(_counted_row, metrics.COUNTED)
    for state in metrics.STATES:
        yield _row(state.name, "gauge", state.labels, state.help)


def _counted_row(counted: Counter | Histogram) -> str:
    is_counter = isinstance(counted, Counter)
    name = f"{counted._name}_total" if is_counter else counted._name
    return _row(name, "counter" if is_counter else "histogram", counted._labelnames, counted._documentation)


def _row(name: str, kind: str, labels: Sequence[str], text: str) -> str:
    return f"| `{name}` | {kind} | {', '.join(f'`{label}`' for label in labels)} | {text} |"
