"""Who asked how much in a span, how it ended, and how often a limit was hit: from the sums of clients."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max, QuerySet, Sum

from monitoring import clients
from monitoring.clients import Client, Named
from monitoring.models import ClientRollup, LimitHits
from monitoring.spans import Span
from monitoring.sums import Sums, steps_of, whole_of
from registry.models import RegisteredModel


@dataclass
class ClientLine:
    """One client: its requests by outcome and by step, and how many were over a limit."""

    named: Named
    sums: Sums
    requests: list[int]
    models: int = 0
    limited: int = 0
    last_step: datetime | None = None


def of_span(span: Span, user: Any) -> list[ClientLine]:
    """Every client that asked for a model `user` may know of, or was over a limit; the busiest first. Five queries.

    The database adds up: there may be a row for each client, model, version, outcome and step. So there are no
    percentiles, which only the page of one client has.
    """
    rows = ClientRollup.objects.filter(model__in=RegisteredModel.objects.visible_to(user))
    found: dict[Client, ClientLine] = {}
    _add_outcomes(found, rows.filter(whole_of(span)), span)
    _add_steps(found, rows.filter(steps_of(span)), span)
    _add_limited(found, LimitHits.objects.filter(steps_of(span)), span)
    names = clients.named(found)
    for client, line in found.items():
        line.named = names[client]
    return sorted(found.values(), key=lambda line: (-line.sums.requests, -line.limited, line.named.label))


def _line(found: dict[Client, ClientLine], client: Client, span: Span) -> ClientLine:
    if client not in found:
        found[client] = ClientLine(Named(client, "", ""), Sums(), [0] * len(span.starts))
    return found[client]


def _add_outcomes(found: dict[Client, ClientLine], rows: QuerySet[ClientRollup], span: Span) -> None:
    sums = rows.values_list("user_id", "api_key_id", "outcome", "model_id").annotate(
        Sum("requests"), Sum("instances"), Sum("latency_sum_ms")
    )
    models: dict[Client, set[int]] = {}
    for user_id, key_id, outcome, model_id, requests, instances, latency_sum_ms in sums.order_by():
        client = Client(user_id, key_id)
        _line(found, client, span).sums.add(Sums({outcome: requests}, instances, latency_sum_ms))
        models.setdefault(client, set()).add(model_id)
    for client, asked in models.items():
        found[client].models = len(asked)


def _add_steps(found: dict[Client, ClientLine], rows: QuerySet[ClientRollup], span: Span) -> None:
    position = {start: index for index, start in enumerate(span.starts)}
    steps = rows.values_list("user_id", "api_key_id", "start").annotate(Sum("requests"))
    for user_id, key_id, start, requests in steps.order_by():
        line = _line(found, Client(user_id, key_id), span)
        line.requests[position[start]] += requests
        line.last_step = max(start, line.last_step or start)


def _add_limited(found: dict[Client, ClientLine], hits: QuerySet[LimitHits], span: Span) -> None:
    counted = hits.values_list("user_id", "api_key_id").annotate(Sum("requests"), Max("start"))
    for user_id, key_id, count, last in counted.order_by():
        line = _line(found, Client(user_id, key_id), span)
        line.limited = count
        line.last_step = max(last, line.last_step or last)
