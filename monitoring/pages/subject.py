"""The model that a page is about."""

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from monitoring.pages import frame
from registry.models import RegisteredModel


def visible_model(request: HttpRequest, name: str) -> RegisteredModel:
    """The model of that name, if this person may read records and know of it. Raises PermissionDenied, Http404."""
    frame.require_reader(request)
    return get_object_or_404(RegisteredModel.objects.visible_to(request.user).select_related("owner"), name=name)
