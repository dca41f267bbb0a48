"""What the pages share: who may open them, the admin's shell around them, and the fragment that keeps them fresh."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.cache import patch_cache_control

from monitoring import rights


def require_reader(request: HttpRequest) -> None:
    """Raise PermissionDenied for who may not read records."""
    if not request.user.has_perm(rights.READ_RECORDS):
        raise PermissionDenied


def is_fragment(request: HttpRequest) -> bool:
    """Whether only the part that is kept fresh is asked for."""
    return request.GET.get("fragment") == "1"


def page(request: HttpRequest, template: str, title: str, context: dict[str, Any]) -> HttpResponse:
    """A whole page in the admin's shell, never kept by a cache."""
    shell = admin.site.each_context(request) | {"title": title, "subtitle": None}
    return _private(TemplateResponse(request, f"monitoring/{template}.html", shell | context))


def fragment(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """The fresh part of a page, never kept by a cache."""
    return _private(TemplateResponse(request, f"monitoring/{template}.html", context))


def _private(response: HttpResponse) -> HttpResponse:
    patch_cache_control(response, no_store=True, private=True)
    return response
