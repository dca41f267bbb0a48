"""What inference's pages in the admin share: the rows a person may see, and the shell around a page."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from registry.models import ModelVersion, RegisteredModel


def visible_version(request: HttpRequest, pk: int) -> ModelVersion:
    """The version, if this person may know of it; else 404."""
    visible = RegisteredModel.objects.visible_to(request.user)
    return get_object_or_404(
        ModelVersion.objects.select_related("model__owner", "created_by"), pk=pk, model__in=visible
    )


def visible_model(request: HttpRequest, pk: int) -> RegisteredModel:
    """The model, if this person may know of it; else 404."""
    return get_object_or_404(RegisteredModel.objects.visible_to(request.user).select_related("owner"), pk=pk)


def shell(request: HttpRequest, about: ModelVersion | RegisteredModel) -> dict[str, Any]:
    """The context of the admin's frame, with breadcrumbs that lead to what the page is about."""
    return {**admin.site.each_context(request), "opts": about._meta, "original": about}
