"""Panels: parts of monitoring's pages that other rooms and apps bring along, as admin sites take models.

From an app's `AppConfig.ready`:

    panels.register("prediction", Panel("Outcome", "solutions/_outcome.html", outcome_of, order=30))

A page shows the panels whose `context` returns a dictionary; None means that there is nothing to show. A panel
that raises is shown as unreadable and logged, and the page around it stands.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from django.http import HttpRequest
from django.template.loader import render_to_string

logger = logging.getLogger(__name__)

Page = Literal["overview", "model", "prediction"]
"""Where panels go, and their subject: `overview` (None), `model` (a RegisteredModel), `prediction` (a PredictionLog).

The first two are drawn anew every few seconds, so what is typed there would be lost: forms belong elsewhere.
"""


@dataclass(frozen=True, slots=True)
class Panel:
    """One part of a page.

    `context(request, subject)` returns what `template` is rendered with, or None to leave the panel out. The
    subject is one that the reader may see; what else the panel tells is the panel's to guard. It takes a constant
    number of queries and no longer than a page may. `template` is what stands below the title, inside a card.
    Panels stand in the order of `order`, then of titles; a wide one takes the whole width.
    """

    title: str
    template: str
    context: Callable[[HttpRequest, Any], dict[str, Any] | None]
    order: int = 100
    is_wide: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """A panel as a page shows it; `body` is safe HTML, or None when it could not be read."""

    title: str
    body: str | None
    is_wide: bool


_panels: dict[str, dict[str, Panel]] = {page: {} for page in get_args(Page)}


def register(page: Page, panel: Panel) -> None:
    """Put a panel on a page. Raises ValueError for an unknown page and for a title that another panel has there."""
    if page not in _panels:
        raise ValueError(f"There is no page {page!r}; there are {', '.join(_panels)}.")
    if _panels[page].get(panel.title, panel) != panel:
        raise ValueError(f"The page {page} has a panel {panel.title!r} already.")
    _panels[page][panel.title] = panel


def registered(page: Page) -> list[Panel]:
    """The panels of a page, in their order."""
    return sorted(_panels[page].values(), key=lambda panel: (panel.order, panel.title))


def shown(page: Page, request: HttpRequest, subject: Any = None) -> list[Shown]:
    """The panels of a page that have something to show, rendered. Never raises because of a panel."""
    drawn = (_draw(panel, page, request, subject) for panel in registered(page))
    return [panel for panel in drawn if panel is not None]


def _draw(panel: Panel, page: str, request: HttpRequest, subject: Any) -> Shown | None:
    try:
        context = panel.context(request, subject)
        if context is None:
            return None
        body = render_to_string(panel.template, context, request)
    except Exception:
        logger.exception("The panel %r of the page %s could not be read", panel.title, page)
        return Shown(panel.title, None, panel.is_wide)
    return Shown(panel.title, body, panel.is_wide)
