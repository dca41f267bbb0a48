"""What the registry's two admin pages share."""

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from unfold.admin import ModelAdmin

from accounts.bounded_paginator import BoundedPaginator

_READERS = ("registry.upload_model", "registry.activate_model", "registry.upload_trusted_model")


class RegistryAdmin(ModelAdmin):
    """What both lists share: nothing is deleted, nothing is edited in a form of the admin's own making."""

    actions = None
    list_per_page = 50
    show_full_result_count = False
    paginator = BoundedPaginator
    empty_hint = ""
    view_permission = ""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may read, and whoever may upload or activate. Which rows they see, the queryset decides."""
        user = request.user
        return user.has_perm(self.view_permission) or any(user.has_perm(permission) for permission in _READERS)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("registry.upload_model")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The ledger on the page itself is the history."""
        return HttpResponseRedirect(
            reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[object_id])
        )

    def page(self, request: HttpRequest, template: str, obj: Any, context: dict[str, Any]) -> HttpResponse:
        """A page of our own inside the admin's shell."""
        return TemplateResponse(request, template, {**self.shell(request, obj), **context})

    def shell(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """The context of the admin's frame around a page about `obj`."""
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": obj,
            "title": str(obj),
        }

    def step_urls(self, steps: Iterable[str]) -> list[Any]:
        """`<pk>/<step>/` for each step of a life, answered by `step_view`."""
        view = self.admin_site.admin_view(self.step_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        return [path(f"<int:pk>/{step}/", view, {"step": step}, name=f"{name}_{step}") for step in steps]

    def step_view(self, request: HttpRequest, pk: int, step: str) -> HttpResponse:
        """Ask, and do one step of a row's life."""
        raise NotImplementedError

    def found(self, request: HttpRequest, object_id: str) -> Any:
        """The row, if there is one that this person may see."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404(f"There is no such {self.opts.verbose_name}.")
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return row
