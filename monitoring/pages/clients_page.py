"""Clients: how much each key and account asked, how it ended, and how often it was over a limit."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from monitoring import charts, client_sums
from monitoring.client_sums import ClientLine
from monitoring.clients import Client
from monitoring.filters import Filters
from monitoring.pages import choosing, frame

SHOWN = 200


@dataclass(frozen=True, slots=True)
class Shown:
    """A client with its sparkline and where its name leads."""

    line: ClientLine
    sparkline: str
    url: str
    predictions_url: str
    account_url: str


@frame.reads(usual="day")
def clients(request: HttpRequest, filters: Filters) -> HttpResponse:
    """The clients of the models that the reader may know of."""
    lines = client_sums.of_span(filters.span, request.user)
    context: dict[str, Any] = {
        "filters": filters,
        "lines": [_shown(line, filters) for line in lines[:SHOWN]],
        "more": max(0, len(lines) - SHOWN),
        "total": sum(line.sums.requests for line in lines),
        "asking": sum(1 for line in lines if line.sums.requests),
        "failed": sum(line.sums.failures for line in lines),
        "refused": sum(line.sums.refusals for line in lines),
        "limited": sum(line.limited for line in lines),
    }
    if not frame.is_fragment(request):
        context |= frame.fresh(filters) | {
            "windows": choosing.windows(filters),
            "chosen": choosing.chosen(filters, {}),
        }
    return frame.answer(request, "clients", "Clients", context, here="dashboard-clients")


def _shown(line: ClientLine, filters: Filters) -> Shown:
    client = line.named.client
    query = filters.address(client=client.reference)
    account = filters.address(client=Client(client.user_id, is_whole=True).reference) if client.user_id else ""
    return Shown(
        line,
        charts.sparkline(line.requests),
        reverse("dashboard") + query if line.sums.requests else "",
        reverse("predictions") + query if line.sums.requests else "",
        reverse("dashboard") + account if account else "",
    )
