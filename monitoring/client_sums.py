"""Who asked how much in a span, how it ended, and how often a limit was hit: from the sums of clients."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max, Sum

from monitoring import clients, histogram
from monitoring.clients import Client, Named
from monitoring.models import ClientRollup, LimitHits
from monitoring.selectors import Sums
from monitoring.spans import Span
from registry.models import RegisteredModel


@dataclass
class ClientLine:
    """One client: its requests by step, and how many were over a limit."""

    named: Named
    sums: Sums
    requests: list[int]
    models: set[int]
    limited: int = 0
    last_step: datetime | None = None


def of_span(span: Span, user: Any, *, model: RegisteredModel | None = None) -> list[ClientLine]:
    """Every client that asked for a model `user` may know of (or for one), the busiest first. Five queries.

    Who was over a limit is told whatever was asked for: a refused request has no model.
    """
    visible = RegisteredModel.objects.visible_to(user)
    if model is not None:
        visible = visible.filter(pk=model.pk)
    rows = ClientRollup.objects.filter(
        resolution=span.resolution, start__gte=span.since, start__lt=span.until, model__in=visible
    ).values_list(
        "user_id", "api_key_id", "start", "model_id", "outcome", "requests", "instances", "latency_sum_ms",
        "latency_histogram",
    )  # fmt: skip
    position = {start: index for index, start in enumerate(span.starts)}
    found: dict[Client, ClientLine] = {}
    for user_id, key_id, start, model_id, outcome, requests, instances, latency_sum_ms, buckets in rows:
        line = _line(found, Client(user_id, key_id), span)
        sums = Sums({outcome: requests}, instances, latency_sum_ms)
        histogram.add(sums.counts, buckets)
        line.sums.add(sums)
        line.requests[position[start]] += requests
        line.models.add(model_id)
        line.last_step = max(start, line.last_step or start)
    if model is None:
        _add_limited(found, span)
    names = clients.named(found)
    for client, line in found.items():
        line.named = names[client]
    return sorted(found.values(), key=lambda line: (-line.sums.requests, -line.limited, line.named.label))


def _line(found: dict[Client, ClientLine], client: Client, span: Span) -> ClientLine:
    if client not in found:
        found[client] = ClientLine(Named(client, "", ""), Sums(), [0] * len(span.starts), set())
    return found[client]


def _add_limited(found: dict[Client, ClientLine], span: Span) -> None:
    hits = LimitHits.objects.filter(resolution=span.resolution, start__gte=span.since, start__lt=span.until)
    for user_id, key_id, count, last in hits.values_list("user_id", "api_key_id").annotate(
        Sum("requests"), Max("start")
    ):
        line = _line(found, Client(user_id, key_id), span)
        line.limited = count
        line.last_step = max(last, line.last_step or last)
