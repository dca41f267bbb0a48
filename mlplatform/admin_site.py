"""The admin site."""

from typing import Any

from django.http import HttpRequest
from django.template.response import TemplateResponse
from unfold.sites import UnfoldAdminSite

from mlplatform.admin_index import overview
from registry.signed_in import person


class PlatformAdminSite(UnfoldAdminSite):
    """Unfold's site under the platform's name, with a start page that says what to do next."""

    site_header = "mlplatform"
    site_title = "mlplatform"
    index_title = "Overview"

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().index(request, {**overview(person(request)), **(extra_context or {})})
