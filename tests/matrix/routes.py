"""Every (route, verb) pair of the URL configuration, the admin included."""

import re
from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from django.views.generic import RedirectView

API_VERBS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
# The admin's views know two kinds of request; these are one of each, and one that is neither.
PAGE_VERBS = ("GET", "POST", "DELETE")


def pairs() -> list[tuple[str, str]]:
    """(route, verb): a route reads `/admin/versions/{pk}/activate/`."""
    found = [
        (route, verb)
        for route, pattern in _walk(get_resolver(), "/")
        for verb in (PAGE_VERBS if _is_page(pattern.callback) else API_VERBS)
    ]
    return list(dict.fromkeys(found))


def _walk(resolver: Any, prefix: str) -> Iterator[tuple[str, URLPattern]]:
    for pattern in resolver.url_patterns:
        route = prefix + _readable(str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern, route)
        else:
            yield route, pattern


def _readable(text: str) -> str:
    text = re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)", r"{\1}", text)
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", text).replace("^", "").replace("$", "")


def _is_page(callback: Any) -> bool:
    has_verbs = hasattr(callback, "cls") or hasattr(callback, "view_class")
    return not has_verbs or getattr(callback, "view_class", None) is RedirectView
