"""The page that Prometheus reads: what this host's processes counted, and what they say of themselves.

Several hosts are scraped one by one; each tells of itself only, but for the versions that are live and those that are
damaged, which are the same everywhere.
"""

import os
import socket
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from accounts import database, metrics
from monitoring import processes, spool
from monitoring.alerts.models import Alert, State
from monitoring.models import ServingProcess
from registry import selectors as registry_selectors
from registry.models import Deployment

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_BREAKER_STATES = {"closed": 0, "half_open": 1, "open": 2}
_SILENT_BEATS = 5

Values = dict[tuple[str, ...], float]


def render() -> bytes:
    """All metrics in Prometheus' text format. Without a database, what needs it is left out."""
    metrics.observe_pending()
    registry = CollectorRegistry()
    _Counts(registry, path=str(settings.METRICS_DIR))
    registry.register(_States())
    return generate_latest(registry)


def forget_the_dead() -> int:
    """Before the first process of a host starts: remove the counts of processes that are gone; returns how many
    files. To Prometheus that is a restart, which its functions expect.
    """
    gone = 0
    for path in settings.METRICS_DIR.glob("*.db"):
        pid = path.stem.rpartition("_")[2]
        if not os.path.exists(f"/proc/{pid}"):
            path.unlink(missing_ok=True)
            gone += 1
    return gone


class _Counts(MultiProcessCollector):
    """The counts of all processes. A file without content is no count: a process that is killed while it begins one
    leaves it so, and the library would stumble over it in every scrape from then on.
    """

    def collect(self) -> Iterable[Metric]:
        files = [str(path) for path in settings.METRICS_DIR.glob("*.db") if path.stat().st_size]
        return self.merge(files, accumulate=True)


class _States(Collector):
    """What is a state rather than a count."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        found: dict[metrics.State, Values] = {}
        try:
            found |= _of_processes(processes.live(_SILENT_BEATS * settings.HEARTBEAT_SECONDS))
            found[metrics.ACTIVE_VERSION] = _active_versions()
            found[metrics.MODEL_DAMAGED] = _damaged_versions()
            found[metrics.ALERTS] = _firing_alerts()
        except database.Failure:
            pass
        waiting = spool.pending()
        found[metrics.SPOOLED] = {(): waiting["bytes"]}
        found[metrics.SPOOL_AGE] = {(): waiting["oldest_seconds"] or 0.0}
        for state, values in found.items():
            family = GaugeMetricFamily(state.name, state.help, labels=state.labels)
            for labels, value in values.items():
                family.add_metric(labels, value)
            yield family


def _active_versions() -> Values:
    live = Deployment.objects.filter(closed_at=None).values_list("model__name", "version__number")
    return {(name,): number for name, number in live}


def _firing_alerts() -> Values:
    firing = Alert.objects.filter(state=State.FIRING).values_list("rule__name", "rule__severity")
    return {labels: float(count) for labels, count in Counter(firing).items()}


def _damaged_versions() -> Values:
    damaged = registry_selectors.damaged_versions().values_list("model__name", "number", "damage")
    return {(name, str(number), (damage or {}).get("code", "")): 1.0 for name, number, damage in damaged}


def _of_processes(rows: Iterable[ServingProcess]) -> dict[metrics.State, Values]:
    """Sums over this host's living processes; of load times and breakers the worst."""
    found: dict[metrics.State, Values] = {state: defaultdict(float) for state in _FROM_FACTS}
    for row in rows:
        if row.host != socket.gethostname():
            continue
        facts: dict[str, Any] = row.facts
        found[metrics.PROCESSES][(str(row.is_ready).lower(),)] += 1
        found[metrics.RESIDENT][(str(row.pid),)] = facts.get("rss_bytes", 0)
        found[metrics.CACHE_SIZE][()] += facts.get("prediction_cache", {}).get("size", 0)
        for loaded in facts.get("models", []):
            version = (loaded["model"], str(loaded["version"]))
            found[metrics.MODEL_LOADED][version] += 1
            found[metrics.MODEL_MEMORY][version] = loaded["memory_bytes"]
            found[metrics.IN_FLIGHT][version] += loaded.get("running", 0)
            found[metrics.QUEUED][version] += loaded.get("waiting", 0)
            _raise(found[metrics.MODEL_LOAD], version, loaded["load_ms"] / 1000)
        for failed in facts.get("failed", {}):
            name, _, number = failed.rpartition(":")
            found[metrics.MODEL_FAILED][name, number] += 1
        for name, state in facts.get("breakers", {}).items():
            _raise(found[metrics.BREAKER], (name,), _BREAKER_STATES.get(state, 0))
    return found


_LOOKED_UP = (metrics.ACTIVE_VERSION, metrics.MODEL_DAMAGED, metrics.ALERTS, metrics.SPOOLED, metrics.SPOOL_AGE)
_FROM_FACTS = tuple(state for state in metrics.STATES if state not in _LOOKED_UP)


def _raise(values: Values, labels: tuple[str, ...], value: float) -> None:
    values[labels] = max(values.get(labels, 0.0), value)
