"""Routes that answer with and without a trailing slash, never by a redirect.

The documented form has none. Use `Router` for view sets and `route` in place of `django.urls.path`.
"""

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern, URLResolver
from django.urls.resolvers import RegexPattern, RoutePattern
from rest_framework.routers import SimpleRouter

ANYTHING_BUT_A_SLASH = "[^/]+"


class _EitherRoute(RoutePattern):
    def match(self, path: str) -> Any:
        return super().match(path) or (super().match(path[:-1]) if path.endswith("/") else None)


class _EitherRegex(RegexPattern):
    def match(self, path: str) -> Any:
        return super().match(path) or (super().match(path[:-1]) if path.endswith("/") else None)


def route(path: str, view: Callable[..., Any], name: str | None = None) -> URLPattern:
    """Like `django.urls.path` for a view: `path` is written without its trailing slash."""
    return URLPattern(_EitherRoute(path.rstrip("/"), name=name, is_endpoint=True), view, None, name)


class Router(SimpleRouter):
    """DRF's router for either form. Lookups take everything but a slash, as model names may hold dots."""

    def __init__(self) -> None:
        super().__init__(trailing_slash=False)
        self._default_value_pattern = ANYTHING_BUT_A_SLASH

    def get_urls(self) -> list[URLPattern | URLResolver]:
        return [_either(url) if isinstance(url, URLPattern) else url for url in super().get_urls()]


def _either(url: URLPattern) -> URLPattern:
    pattern = _EitherRegex(str(url.pattern), name=url.name, is_endpoint=True)
    return URLPattern(pattern, url.callback, url.default_args, url.name)
