"""The accounts calls, relative to the API's root."""

from django.urls import URLPattern, URLResolver

from accounts.routing import Router, route
from accounts.views import ApiKeyViewSet, LoginView, LogoutView, MeView, RefreshView, RegisterView

_router = Router()
_router.register("api-keys", ApiKeyViewSet, basename="api-key")

api_urlpatterns: list[URLPattern | URLResolver] = [
    route("auth/register", RegisterView.as_view(), name="auth-register"),
    route("auth/login", LoginView.as_view(), name="auth-login"),
    route("auth/refresh", RefreshView.as_view(), name="auth-refresh"),
    route("auth/logout", LogoutView.as_view(), name="auth-logout"),
    route("auth/me", MeView.as_view(), name="auth-me"),
    *_router.urls,
]
