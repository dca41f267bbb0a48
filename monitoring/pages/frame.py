"""What the pages share: who may open them, the admin's shell around them, and the fragment that keeps them fresh."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.cache import patch_cache_control

from monitoring import filters as reading
from monitoring import rights
from monitoring.filters import Filters
from monitoring.spans import CUSTOM

# How often an open page asks for new numbers, by the resolution of what it shows; a span that has passed does not.
_REFRESH_SECONDS = {60: 5}
_USUAL_REFRESH_SECONDS = 10
_TABS = (
    ("dashboard", "Overview"),
    ("dashboard-processes", "Processes"),
    ("dashboard-clients", "Clients"),
    ("predictions", "Predictions"),
)


_Page = Callable[..., HttpResponseBase]


@dataclass(frozen=True, slots=True)
class Tab:
    """One of the pages side by side."""

    name: str
    label: str
    url: str
    is_here: bool


def require_reader(request: HttpRequest) -> None:
    """Raise PermissionDenied for who may not read records."""
    if not request.user.has_perm(rights.READ_RECORDS):
        raise PermissionDenied


def reads(*, usual: str = "hour") -> Callable[[_Page], _Page]:
    """Makes a view of a function that also takes the filters in the address.

    Who may not read records is refused; filters that can't be read are answered with 400 and the reason.
    """

    def wrap(view: _Page) -> _Page:
        @wraps(view)
        def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            require_reader(request)
            try:
                filters = reading.read(request.GET.dict(), usual=usual)
            except reading.UnreadableFilter as error:
                return page(request, "unreadable", "Bad request", {"reason": str(error)}, status=400)
            return view(request, filters, *args, **kwargs)

        return answered

    return wrap


def is_fragment(request: HttpRequest) -> bool:
    """Whether only the part that is kept fresh is asked for."""
    return request.GET.get("fragment") == "1"


def answer(request: HttpRequest, template: str, title: str, context: dict[str, Any], here: str = "") -> HttpResponse:
    """A page of which `_<template>.html` is kept fresh, or only that part of it when it is asked for alone.

    `here` names the tab that the page belongs to.
    """
    if is_fragment(request):
        return fragment(request, f"_{template}", context)
    return page(request, template, title, context | beside(here, context.get("filters")))


def page(
    request: HttpRequest, template: str, title: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """A whole page in the admin's shell, never kept by a cache."""
    shell = admin.site.each_context(request) | {"title": title, "subtitle": None}
    return _private(TemplateResponse(request, f"monitoring/{template}.html", shell | context, status=status))


def fragment(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """The fresh part of a page, never kept by a cache."""
    return _private(TemplateResponse(request, f"monitoring/{template}.html", context))


def fresh(filters: Filters) -> dict[str, Any]:
    """What the script on the page needs to keep its fragment fresh."""
    every = _REFRESH_SECONDS.get(filters.span.resolution, _USUAL_REFRESH_SECONDS)
    return {"seconds": 0 if filters.span.is_past else every, "fragment": filters.address(fragment="1")}


def beside(here: str, filters: Filters | None = None) -> dict[str, Any]:
    """The tabs above a page, which keep the time that is looked at."""
    window = filters.span.name if filters and filters.span.name != CUSTOM else ""
    query = f"?window={window}" if window else ""
    return {"tabs": [Tab(name, label, reverse(name) + query, name == here) for name, label in _TABS]}


def _private(response: HttpResponse) -> HttpResponse:
    patch_cache_control(response, no_store=True, private=True)
    return response
