"""The URL map: the project package puts the apps' doors together."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

import accounts.urls
import inference.admin_urls
import inference.urls
import monitoring.urls
import registry.urls
from accounts.routing import route

handler400 = "mlplatform.error_pages.bad_request"
handler403 = "mlplatform.error_pages.permission_denied"
handler404 = "mlplatform.error_pages.page_not_found"
handler500 = "mlplatform.error_pages.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", include(monitoring.urls.urlpatterns)),
    path("admin/", include(inference.admin_urls.urlpatterns)),
    path("admin/", admin.site.urls),
    path("api/v1/", include(accounts.urls.api_urlpatterns)),
    # Before the registry's: both have paths below models/<ref>.
    path("api/v1/", include(inference.urls.api_urlpatterns)),
    path("api/v1/", include(registry.urls.api_urlpatterns)),
    path("api/v1/", include(monitoring.urls.api_urlpatterns)),
    path("", include(monitoring.urls.root_urlpatterns)),
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
