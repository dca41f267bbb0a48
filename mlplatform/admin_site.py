"""The admin site."""

from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods
from unfold.sites import UnfoldAdminSite

from accounts import audit, second_factor_page, second_factor_session, tokens
from accounts.forms import StaffSignInForm
from accounts.models import User
from mlplatform.admin_index import overview
from registry.signed_in import person


class PlatformAdminSite(UnfoldAdminSite):
    """Unfold's site under the platform's name, with a start page that says what to do next."""

    site_header = "mlplatform"
    site_title = "mlplatform"
    index_title = "Overview"
    login_form = StaffSignInForm

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and second_factor_session.is_enough(request)

    def extra_urls(self) -> list[URLPattern]:
        # Not behind admin_view: it is where people go whom that does not let in yet.
        return [path("second-factor/", self.second_factor, name="second_factor")]

    @method_decorator([never_cache, csrf_protect, require_http_methods(["GET", "POST"])])
    def second_factor(self, request: HttpRequest) -> HttpResponseBase:
        if not super().has_permission(request):
            return redirect_to_login(request.get_full_path(), reverse("admin:login"))
        return second_factor_page.answer(request, context=self.each_context(request))

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        if request.method == "GET" and super().has_permission(request) and not self.has_permission(request):
            return second_factor_page.lead_to(request)
        response = super().login(request, extra_context)
        form = (getattr(response, "context_data", None) or {}).get("form")
        if wait := getattr(form, "retry_after_seconds", None):
            response.status_code = 429
            response.headers["Retry-After"] = str(wait)
        return response

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        user = person(request)
        before = user.password
        response = super().password_change(request, extra_context)
        if user.password != before:
            audit.record("account.password_changed", by=user, target=user)
            tokens.end_all(user)
        return response

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        user = person(request) if request.method == "POST" and request.user.is_authenticated else None
        pk = user.pk if user else None
        response = super().logout(request, extra_context)
        if pk is not None:
            account = User.objects.get(pk=pk)
            audit.record("account.signed_out", by=account, target=account)
        return response

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().index(request, {**overview(person(request)), **(extra_context or {})})
