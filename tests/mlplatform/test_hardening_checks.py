"""The numbered checks of what production must not weaken: each weakness is found, by its number."""

from typing import Any

import pytest
from django.conf import settings as django_settings

from mlplatform import hardening_checks as checks

ALL = (
    checks.check_transport,
    checks.check_cookies,
    checks.check_caches,
    checks.check_api_defaults,
    checks.check_upload_limits,
    checks.check_development_tools,
    checks.check_rate_limits,
    checks.check_other_sites,
)
GOOD = {
    "PRODUCTION": True,
    "TRUSTED_PROXIES": 1,
    "ALLOWED_HOSTS": ["ml.example.org"],
    "SECURE_SSL_REDIRECT": True,
    "SECURE_HSTS_SECONDS": checks.YEAR_SECONDS,
    "SECURE_HSTS_INCLUDE_SUBDOMAINS": True,
    "SESSION_COOKIE_SECURE": True,
    "CSRF_COOKIE_SECURE": True,
    "SESSION_COOKIE_NAME": "__Host-session",
    "CSRF_COOKIE_NAME": "__Host-csrf",
    "CORS_ALLOWED_ORIGINS": ["https://shop.example.org"],
}
LOCAL = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}


@pytest.fixture
def production(settings: Any) -> Any:
    for name, value in GOOD.items():
        setattr(settings, name, value)
    return settings


def found() -> list[str]:
    return [str(message.id).removeprefix("mlplatform.") for check in ALL for message in check(None)]


def test_a_good_production_passes(production: Any) -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("name", "value", "number"),
    [
        ("SECURE_SSL_REDIRECT", False, "E006"),
        ("SECURE_HSTS_SECONDS", 3600, "E006"),
        ("SECURE_HSTS_INCLUDE_SUBDOMAINS", False, "E006"),
        ("USE_X_FORWARDED_HOST", True, "E006"),
        ("ALLOWED_HOSTS", [".example.org"], "E006"),
        ("ALLOWED_HOSTS", [], "E006"),
        ("TRUSTED_PROXIES", 0, "W003"),
        ("SESSION_COOKIE_SECURE", False, "E007"),
        ("CSRF_COOKIE_HTTPONLY", False, "E007"),
        ("SESSION_COOKIE_HTTPONLY", False, "E007"),
        ("SESSION_COOKIE_SAMESITE", "None", "E007"),
        ("SESSION_COOKIE_NAME", "sessionid", "E007"),
        ("SESSION_COOKIE_AGE", 14 * 24 * 3600, "E007"),
        ("SESSION_ENGINE", "django.contrib.sessions.backends.signed_cookies", "E007"),
        ("SESSION_SAVE_EVERY_REQUEST", True, "E007"),
        ("MIDDLEWARE", ["django.middleware.cache.UpdateCacheMiddleware"], "E008"),
        ("CACHES", {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache"}}, "E009"),
        ("CACHES", {"default": {"BACKEND": "django_redis.cache.RedisCache", "OPTIONS": {}}}, "E009"),
        ("CACHES", LOCAL | {"files": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache"}}, "E009"),
        ("DATA_UPLOAD_MAX_NUMBER_FIELDS", None, "E011"),
        ("MAX_ARTIFACT_BYTES", 0, "E011"),
        ("FILE_UPLOAD_HANDLERS", ["django.core.files.uploadhandler.MemoryFileUploadHandler"], "E011"),
        ("INSTALLED_APPS", [*django_settings.INSTALLED_APPS, "django.contrib.admindocs"], "E012"),
        ("RATE_LIMIT_WINDOW", 0.0, "E013"),
        ("RATE_LIMIT_REQUESTS", -1, "E013"),
        ("RATE_LIMIT_REQUESTS", 0, "W004"),
        ("CORS_ALLOW_ALL_ORIGINS", True, "E014"),
        ("CORS_ALLOW_CREDENTIALS", True, "E014"),
        ("CORS_ALLOWED_ORIGINS", ["http://shop.example.org"], "E014"),
    ],
)
@pytest.mark.filterwarnings("ignore:Overriding setting CACHES")
def test_a_weakness_is_found_by_its_number(name: str, value: Any, number: str, production: Any) -> None:
    setattr(production, name, value)

    assert found() == [number]


@pytest.mark.parametrize("name", ["DEFAULT_PERMISSION_CLASSES", "DEFAULT_PARSER_CLASSES", "EXCEPTION_HANDLER"])
def test_the_apis_defaults_hold_everywhere(name: str, settings: Any) -> None:
    settings.REST_FRAMEWORK = {key: value for key, value in settings.REST_FRAMEWORK.items() if key != name}

    assert found() == ["E010"]


def test_a_laptop_needs_no_proxy_and_no_https(settings: Any) -> None:
    settings.TRUSTED_PROXIES = 0
    settings.CORS_ALLOWED_ORIGINS = ["http://localhost:3000"]

    assert found() == []
