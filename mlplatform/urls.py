"""The URL map: the project package puts the apps' doors together."""

from django.conf import settings
from django.contrib import admin
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, include, path
from django.utils.functional import lazy
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

import accounts.urls
import inference.admin_urls
import inference.urls
import monitoring.urls
import registry.urls
import solutions.admin_urls
import solutions.urls
from accounts.routing import route

handler400 = "mlplatform.error_pages.bad_request"
handler403 = "mlplatform.error_pages.permission_denied"
handler404 = "mlplatform.error_pages.page_not_found"
handler500 = "mlplatform.error_pages.server_error"

api_urlpatterns: list[URLPattern | URLResolver] = [
    # Before the registry's: both have paths below models/<ref>.
    *inference.urls.api_urlpatterns,
    *accounts.urls.api_urlpatterns,
    *registry.urls.api_urlpatterns,
    *monitoring.urls.api_urlpatterns,
    *solutions.urls.api_urlpatterns,
]
urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", include(api_urlpatterns)),
    path("", RedirectView.as_view(pattern_name="admin:index")),
    # Browsers ask for it on pages that name none.
    path("favicon.ico", RedirectView.as_view(url=lazy(static, str)("platform/icon.svg"))),
    path("admin/", include(monitoring.urls.urlpatterns)),
    path("admin/", include(inference.admin_urls.urlpatterns)),
    path("admin/", include(solutions.admin_urls.urlpatterns)),
    path("admin/", admin.site.urls),
    path("", include(inference.urls.root_urlpatterns)),
    path("", include(monitoring.urls.root_urlpatterns)),
    path("", include(solutions.urls.root_urlpatterns)),
]

if settings.DOCS_PUBLIC:
    urlpatterns += [
        route("api/schema", SpectacularAPIView.as_view(), name="schema"),
        route(
            "docs",
            SpectacularSwaggerSplitView.as_view(url_name="schema", http_method_names=["get", "head"]),
            name="docs",
        ),
    ]
