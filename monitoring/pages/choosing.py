"""What the bar of filters offers, and what is chosen in it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Sum

from monitoring import clients
from monitoring.clients import Client
from monitoring.filters import FAILED, Filters
from monitoring.models import ClientRollup, Outcome, Resolution
from monitoring.pages import frame
from monitoring.spans import CUSTOM, WINDOWS
from registry.models import RegisteredModel

_SHOWN_VERSIONS = 100
_SHOWN_MODELS = 500
_SHOWN_CLIENTS = 50


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to choose in the filters, with the address of the page that has it chosen."""

    value: str
    label: str
    is_chosen: bool = False
    url: str = ""


def bar(filters: Filters, user: Any, *, model: RegisteredModel | None = None) -> dict[str, Any]:
    """The context of the bar of a page about one model, or all. Four queries, five with a model."""
    offered = of_clients(filters, user, model)
    label = next((choice.label for choice in offered if choice.is_chosen), "")
    return frame.fresh(filters) | {
        "windows": windows(filters),
        "outcomes": of_outcomes(filters),
        "clients": offered,
        "versions": of_versions(filters, model) if model else [],
        "chosen": chosen(filters, {"version": str(filters.version or ""), "client": label}),
    }


def windows(filters: Filters) -> list[Choice]:
    """The windows up to now."""
    return [
        Choice(window.name, window.label, window.name == filters.span.name, filters.address(window=window.name))
        for window in WINDOWS.values()
    ]


def chosen(filters: Filters, words: dict[str, str]) -> list[Choice]:
    """What is filtered by besides the windows, each with the address of the page without it.

    `words`: how the chosen model, version and client are called.
    """
    told = {name: text for name, text in words.items() if text}
    if filters.outcome:
        told["outcome"] = filters.outcome
    found = [Choice(name, f"{name}: {text}", True, filters.address(**{name: None})) for name, text in told.items()]
    if filters.span.name == CUSTOM:
        found.append(Choice("time", filters.span.label, True, filters.address(**{"from": None, "to": None})))
    return found


def of_outcomes(filters: Filters) -> list[Choice]:
    """How requests end."""
    words = [(FAILED, "Not answered by the model"), *((outcome.value, outcome.label) for outcome in Outcome)]
    return [Choice(value, label, value == filters.outcome) for value, label in words]


def of_versions(filters: Filters, model: RegisteredModel) -> list[Choice]:
    """A model's versions, the newest first."""
    numbers = model.versions.order_by("-number").values_list("number", flat=True)[:_SHOWN_VERSIONS]
    return [Choice(str(number), f"Version {number}", number == filters.version) for number in numbers]


def of_models(chosen: str, user: Any) -> list[Choice]:
    """The models that `user` may know of."""
    names = RegisteredModel.objects.visible_to(user).order_by("name").values_list("name", flat=True)
    return [Choice(name, name, name == chosen) for name in names[:_SHOWN_MODELS]]


def of_clients(filters: Filters, user: Any, model: RegisteredModel | None = None) -> list[Choice]:
    """The busiest clients of the span, and the chosen one. Three queries."""
    visible = RegisteredModel.objects.visible_to(user)
    # Whole days will do for who is offered, and of a long span they are far fewer rows.
    days = filters.span.until - filters.span.since > timedelta(days=2)
    rows = ClientRollup.objects.filter(
        resolution=Resolution.DAY if days else filters.span.resolution,
        start__gt=filters.span.since - timedelta(seconds=Resolution.DAY if days else filters.span.resolution),
        start__lt=filters.span.until,
        model__in=visible.filter(pk=model.pk) if model else visible,
    )
    busiest = rows.values_list("user_id", "api_key_id").annotate(asked=Sum("requests")).order_by("-asked")
    found = [Client(user_id, key_id) for user_id, key_id, _ in busiest[:_SHOWN_CLIENTS]]
    wanted = filters.client.reference if filters.client else ""
    if filters.client and wanted not in {client.reference for client in found}:
        found.insert(0, filters.client)
    return [
        Choice(client.reference, named.label, client.reference == wanted)
        for client, named in clients.named(found).items()
    ]
