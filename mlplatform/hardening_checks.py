"""Numbered checks of what production must not weaken, run at start and by `manage.py check`.

E006 transport: HTTPS, HSTS, forwarded headers · E007 cookies and sessions · E008 a cache of whole pages · E009 a cache
that unpickles · E010 the API's defaults · E011 limits of uploads and forms · E012 tools for development · E013 limits
of requests · E014 other sites in browsers (CORS) · W003 no trusted proxy · W004 a rate limit that is off.

E010, E011 and E013 hold everywhere, the others in production.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from mlplatform.checks import Apps

YEAR_SECONDS = 365 * 24 * 3600
LONGEST_SESSION_SECONDS = 8 * 3600
# Caches whose values nobody outside of this process can write, or that hold none.
_PRIVATE_CACHES = ("locmem.LocMemCache", "dummy.DummyCache")
_PAGE_CACHES = ("UpdateCacheMiddleware", "FetchFromCacheMiddleware")
_DEVELOPMENT = ("debug_toolbar", "django.contrib.admindocs", "django_extensions", "silk", "django_browser_reload")
_API_DEFAULTS = {
    "DEFAULT_PERMISSION_CLASSES": ["accounts.permissions.HasScope"],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.ApiKeyAuthentication",
        "accounts.authentication.TokenAuthentication",
    ],
    "DEFAULT_RENDERER_CLASSES": ["accounts.strict_json.FastJSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["accounts.strict_json.StrictJSONParser"],
    "EXCEPTION_HANDLER": "mlplatform.errors.handle",
}


def _errors(number: int, reasons: Iterator[str]) -> list[CheckMessage]:
    return [Error(reason, id=f"mlplatform.E{number:03}") for reason in reasons]


@register(Tags.security)
def check_transport(app_configs: Apps, **kwargs: object) -> list[CheckMessage]:
    """E006, W003"""
    if not settings.PRODUCTION:
        return []
    found = _errors(6, _transport_faults())
    if settings.TRUSTED_PROXIES < 1:
        hint = "Set TRUSTED_PROXIES to how many proxies of yours a request passes; they must set X-Forwarded-For."
        found.append(Warning("All callers seem to come from the proxy's address.", hint=hint, id="mlplatform.W003"))
    return found


def _transport_faults() -> Iterator[str]:
    if not settings.SECURE_SSL_REDIRECT:
        yield "Plain HTTP is not redirected to HTTPS."
    if settings.SECURE_HSTS_SECONDS < YEAR_SECONDS or not settings.SECURE_HSTS_INCLUDE_SUBDOMAINS:
        yield "HSTS_SECONDS is less than a year, or spares subdomains."
    if settings.USE_X_FORWARDED_HOST or settings.USE_X_FORWARDED_PORT:
        yield "The host name is taken from a forwarded header."
    if any(host.startswith(".") for host in settings.ALLOWED_HOSTS):
        yield "ALLOWED_HOSTS admits any subdomain: name the hosts."
    if not settings.ALLOWED_HOSTS:
        yield "ALLOWED_HOSTS names no host: set it to those that this installation is called by."


@register(Tags.security)
def check_cookies(app_configs: Apps, **kwargs: object) -> list[CheckMessage]:
    """E007"""
    return _errors(7, _cookie_faults()) if settings.PRODUCTION else []


def _cookie_faults() -> Iterator[str]:
    for kind in ("SESSION", "CSRF"):
        for trait in ("SECURE", "HTTPONLY"):
            if not getattr(settings, f"{kind}_COOKIE_{trait}"):
                yield f"{kind}_COOKIE_{trait} is off."
        if getattr(settings, f"{kind}_COOKIE_SAMESITE") not in ("Lax", "Strict"):
            yield f"{kind}_COOKIE_SAMESITE is neither Lax nor Strict."
        if not getattr(settings, f"{kind}_COOKIE_NAME").startswith("__Host-"):
            yield f"{kind}_COOKIE_NAME does not begin with __Host-."
    if settings.SESSION_COOKIE_AGE > LONGEST_SESSION_SECONDS:
        yield f"Sessions last longer than {LONGEST_SESSION_SECONDS} seconds."
    if settings.SESSION_ENGINE != "django.contrib.sessions.backends.db":
        yield "Sessions are not kept in the database, where they can be ended."
    if settings.SESSION_SAVE_EVERY_REQUEST:
        yield "Sessions are saved with every request."


@register(Tags.security)
def check_caches(app_configs: Apps, **kwargs: object) -> list[CheckMessage]:
    """E008, E009"""
    if not settings.PRODUCTION:
        return []
    caches: dict[str, dict[str, Any]] = settings.CACHES
    pages = (
        f"{name} caches whole pages, also those of people who signed in."
        for name in settings.MIDDLEWARE
        if name.endswith(_PAGE_CACHES)
    )
    pickles = (
        f"The cache {name!r} reads pickles: who can write to it can run code here."
        for name, cache in caches.items()
        if not cache["BACKEND"].endswith(_PRIVATE_CACHES)
        and not str(cache.get("OPTIONS", {}).get("SERIALIZER", "")).endswith("json.JSONSerializer")
    )
    return _errors(8, pages) + _errors(9, pickles)


@register(Tags.security)
def check_api_defaults(app_configs: Apps, **kwargs: object) -> list[CheckMessage]:
    """E010"""
    wrong = (
        f"REST_FRAMEWORK[{name!r}] is not {expected!r}."
        for name, expected in _API_DEFAULTS.items()
        if settings.REST_FRAMEWORK.get(name) != expected
    )
    return _errors(10, wrong)


@register(Tags.security)
def check_upload_limits(app_configs: Apps, **kwargs: object) -> list[CheckMessage]:
    """E011"""
    names = ("DATA_UPLOAD_MAX_MEMORY_SIZE", "DATA_UPLOAD_MAX_NUMBER_FIELDS", "DATA_UPLOAD_MAX_NUMBER_FILES")
    found = _errors(11, (f"{name} is not set." for name in names if not getattr(settings, name)))
    if settings.MAX_BODY_BYTES < 1 or settings.MAX_ARTIFACT_BYTES < 1:
        found.append(Error("MAX_BODY_BYTES and MAX_ARTIFACT_BYTES take at least 1.", id="mlplatform.E011"))
    if settings.FILE_UPLOAD_HANDLERS != ["registry.uploads.ArtifactUploadHandler"]:
        found.append(Error("Uploads are not read by the handler that limits them.", id="mlplatform.E011"))
    return found


@register(Tags.security)
def check_development_tools(app_configs: Apps, **kwargs: object) -> list[CheckMessage]:
    """E012"""
    if not settings.PRODUCTION:
        return []
    return _errors(
        12, (f"{name} is for development." for name in settings.INSTALLED_APPS if name.startswith(_DEVELOPMENT))
    )


@register(Tags.security)
def check_rate_limits(app_configs: Apps, **kwargs: object) -> list[CheckMessage]:
    """E013, W004"""
    names = ("RATE_LIMIT_REQUESTS", "RATE_LIMIT_KEY_REQUESTS", "RATE_LIMIT_ROWS", "TRUSTED_PROXIES")
    found = _errors(13, (f"{name} is negative." for name in names if getattr(settings, name) < 0))
    if not 1 <= settings.RATE_LIMIT_WINDOW <= 24 * 3600:
        found.append(Error("RATE_LIMIT_WINDOW takes seconds from 1 to a day.", id="mlplatform.E013"))
    if settings.PRODUCTION:
        found += [
            Warning(f"{name} is 0: there is no limit.", id="mlplatform.W004")
            for name in names[:2]
            if getattr(settings, name) == 0
        ]
    return found


@register(Tags.security)
def check_other_sites(app_configs: Apps, **kwargs: object) -> list[CheckMessage]:
    """E014"""
    return _errors(14, _cors_faults()) if settings.PRODUCTION else []


def _cors_faults() -> Iterator[str]:
    if getattr(settings, "CORS_ALLOW_ALL_ORIGINS", False) or getattr(settings, "CORS_ALLOWED_ORIGIN_REGEXES", ()):
        yield "CORS admits sites that are not named."
    if settings.CORS_ALLOW_CREDENTIALS:
        yield "CORS admits cookies."
    for origin in settings.CORS_ALLOWED_ORIGINS:
        if urlsplit(origin).scheme != "https":
            yield f"CORS admits {origin}, which is not HTTPS."
