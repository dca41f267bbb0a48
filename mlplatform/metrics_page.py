"""Writes the page that lists every metric, from the sheet that declares them."""

from collections.abc import Iterator

from prometheus_client import Counter

from accounts import metrics

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

| name | kind | labels | meaning |
|---|---|---|---|
"""


def render() -> str:
    """The page, in Markdown."""
    return _HEAD + "\n".join(_rows()) + "\n"


def _rows() -> Iterator[str]:
    for counted in metrics.COUNTED:
        is_counter = isinstance(counted, Counter)
        name = f"{counted._name}_total" if is_counter else counted._name
        yield _row(name, "counter" if is_counter else "histogram", counted._labelnames, counted._documentation)
    for state in metrics.STATES:
        yield _row(state.name, "gauge", state.labels, state.help)


def _row(name: str, kind: str, labels: tuple[str, ...], text: str) -> str:
    return f"| `{name}` | {kind} | {', '.join(f'`{label}`' for label in labels)} | {text} |"
